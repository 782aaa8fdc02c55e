"""Descent a mini-batch at a time, any loss, rule and penalty, in the coordinates of `downslope.statistics.coordinates`.

Dense rows are shifted as they are read. Sparse rows are multiplied as they are: what the shift would do to them is done
to the intercept before a batch and to its gradient after it. The gradient of a batch of k rows is (1/k) Σ (s/s̄) ψ z, s̄
being the mean weight of all rows: on the average over a pass that of the whole.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.kernels.arithmetic import room
from downslope.kernels.compiling import compiled, exactly_compiled
from downslope.kernels.entries import add_row, dot_row, fetch_coming
from downslope.kernels.losses import slope, value
from downslope.kernels.registry import implements, inlined, is_one_of
from downslope.kernels.rows import DENSE, IN_ORDER
from downslope.kernels.rules import move

__all__ = ["Frame", "Iterate", "Running", "Setting", "descend_batches", "descend_batches_exactly"]

Array = NDArray[np.float64]


class Frame(NamedTuple):
    """The coordinates z = (x - about - shift) · inverse_scale, all (d,).

    Attributes
    ----------
    about : array (d,)
        What rows are shifted by as they are read; zero for sparse rows.
    shift : array (d,)
        What is done to coefficients and gradients instead; for dense rows what rounding left of the shift.
    inverse_scale : array (d,)
    fit_intercept : bool
    """

    about: Array
    shift: Array
    inverse_scale: Array
    fit_intercept: bool


class Setting(NamedTuple):
    """What does not change within a pass.

    Attributes
    ----------
    size : int
        Rows a batch; the last batch of a pass may be smaller.
    rate : float
    l1, l2 : float
    mean_weight : float
        s̄.
    n_rows : float
        The rows of the whole problem, for the mean of remembered slopes.
    averaging_power : float
        The mean of places weighs the k-th of them as k^averaging_power (Shamir and Zhang, 2013); 0 weighs all alike.
    ahead : int
        How many rows before its use a row is asked for.
    """

    size: int
    rate: float
    l1: float
    l2: float
    mean_weight: float
    n_rows: float
    averaging_power: float
    ahead: int


class Iterate(NamedTuple):
    """Arrays that a pass writes to.

    Attributes
    ----------
    theta : array (p,)
        The parameters.
    slots : array (3, p)
        What the step rule remembers.
    mean : array (p,) or (0,)
        The mean of all iterates, where it is wanted.
    slopes : array (n,) or (0,)
        The slope of each row when it was last visited, for variance reduction.
    remembered : array (p,) or (0,)
        The mean gradient that these slopes make.
    """

    theta: Array
    slots: Array
    mean: Array
    slopes: Array
    remembered: Array


class Running(NamedTuple):
    """Sums over the rows of a pass, each measured before the update that its row takes part in.

    Attributes
    ----------
    loss, squares, weight : float
        Σ s ℓ(r), Σ s r², Σ s.
    updates : float
        Updates made since the start of the descent.
    """

    loss: float
    squares: float
    weight: float
    updates: float


def dot_about(rows: Any, i: int, coef: Array, about: Array) -> float:
    """(x_i - about)·coef, inside compiled code."""
    raise NotImplementedError


def add_about(rows: Any, i: int, sums: Array, factor: float, about: Array) -> None:
    """Add factor · (x_i - about) to `sums`, inside compiled code."""
    raise NotImplementedError


@implements(dot_about)  # type: ignore[untyped-decorator]
def _dot_about(rows: Any, i: Any, coef: Any, about: Any) -> Any:
    if is_one_of(rows, *IN_ORDER):

        def dot_list(rows: Any, i: Any, coef: Any, about: Any) -> Any:
            total, row = 0.0, rows.X[i]
            for j in range(len(coef)):
                total += (row[j] - about[j]) * coef[j]
            return total

        return dot_list
    if is_one_of(rows, *DENSE):

        def dot_dense(rows: Any, i: Any, coef: Any, about: Any) -> Any:
            total = 0.0
            for j in range(coef.size):
                total += (rows.X[i, j] - about[j]) * coef[j]
            return total

        return dot_dense
    return lambda rows, i, coef, about: dot_row(rows, i, coef)


@implements(add_about)  # type: ignore[untyped-decorator]
def _add_about(rows: Any, i: Any, sums: Any, factor: Any, about: Any) -> Any:
    if is_one_of(rows, *IN_ORDER):

        def add_list(rows: Any, i: Any, sums: Any, factor: Any, about: Any) -> None:
            row = rows.X[i]
            for j in range(len(sums)):
                sums[j] += factor * (row[j] - about[j])

        return add_list
    if is_one_of(rows, *DENSE):

        def add_dense(rows: Any, i: Any, sums: Any, factor: Any, about: Any) -> None:
            for j in range(sums.size):
                sums[j] += factor * (rows.X[i, j] - about[j])

        return add_dense
    return lambda rows, i, sums, factor, about: add_row(rows, i, sums, factor)


@inlined
def to_rows(frame: Any, theta: Any, coef: Any) -> Any:
    """Write the coefficients in the units of the rows, and return the intercept."""
    d = len(coef)
    offset = theta[d] if frame.fit_intercept else 0.0
    for j in range(d):
        coef[j] = theta[j] * frame.inverse_scale[j]
        if frame.fit_intercept:
            offset -= coef[j] * frame.shift[j]
    return offset


@inlined
def to_frame(frame: Any, raw: Any, total: Any, share: Any, gradient: Any) -> None:
    """Write the gradient in θ of Σ ψx (`raw`) and Σ ψ (`total`), both times `share`."""
    d = len(raw)
    for j in range(d):
        gradient[j] = (raw[j] - frame.shift[j] * total) * frame.inverse_scale[j] * share
    if frame.fit_intercept:
        gradient[d] = total * share


def descend_in_batches(
    loss: Any, rule: Any, rows: Any, order: Any, frame: Frame, setting: Setting, iterate: Iterate, running: Running
) -> tuple[float, float, float, float]:
    """One update for each batch of `order`; writes to `iterate`, and returns the fields of `Running`.

    Not a `Running`: making one runs Python code, in which a Ctrl-C would be raised where numba does not look for it.
    """
    theta, slots, mean, slopes, remembered = iterate
    loss_sum, squares, weight_sum, updates = running
    d, m, weighted, reduced = len(frame.shift), len(order), len(rows.weight) > 0, len(slopes) > 0
    power = setting.averaging_power
    coef, raw, gradient = room(rows, d), room(rows, d), room(rows, len(theta))
    for start in range(0, m, setting.size):
        stop = min(start + setting.size, m)
        offset = to_rows(frame, theta, coef)
        total = 0.0
        for j in range(d):
            raw[j] = 0.0
        for k in range(start, stop):
            i = order[k]
            fetch_coming(rows, order, k, setting.ahead)
            residual = dot_about(rows, i, coef, frame.about) + offset - rows.y[i]
            weight = rows.weight[i] if weighted else 1.0
            loss_sum += weight * value(loss, residual)
            squares += weight * residual * residual
            weight_sum += weight
            psi = slope(loss, residual) * weight
            if reduced:
                psi, slopes[i] = psi - slopes[i], psi
            total += psi
            add_about(rows, i, raw, psi, frame.about)
        to_frame(frame, raw, total, 1.0 / ((stop - start) * setting.mean_weight), gradient)
        if reduced:
            share = (stop - start) / setting.n_rows
            for j in range(len(theta)):
                change = gradient[j]
                gradient[j] = change + remembered[j]
                remembered[j] += share * change
        if setting.l2 > 0.0:
            for j in range(d):
                gradient[j] += setting.l2 * theta[j]
        updates += 1.0
        move(rule, theta, gradient, slots, setting.rate, updates, setting.l1, d)
        if len(mean) > 0:
            for j in range(len(theta)):
                mean[j] += (theta[j] - mean[j]) * ((1.0 + power) / (updates + power))
    return loss_sum, squares, weight_sum, updates


descend_batches = compiled(descend_in_batches)
descend_batches_exactly = exactly_compiled(descend_in_batches)
