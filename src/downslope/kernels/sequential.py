"""Descent one row at a time, step for step as scikit-learn's SGDRegressor makes it.

A pass writes all that it changes to arrays, so that an interrupt raised when it returns finds them of one piece.

The coefficients are kept as ``scale · v``, so that shrinking them costs one product (Shalev-Shwartz, Singer and
Srebro, "Pegasos", 2007). Their average is kept as ``(mean + share · v) / growth``, so that it costs one row (Bottou,
"Stochastic Gradient Descent Tricks", 2012). Adding one row and looking at the next is one loop over the coefficients.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.kernels import wide  # noqa: F401  (how wide rows are looked at)
from downslope.kernels.arithmetic import (
    factor_of,
    fill_rates,
    fill_shrinkage,
    residual_of,
    room,
    rounded,
    shrunk,
    update_of,
)
from downslope.kernels.blas import add_multiple
from downslope.kernels.compiling import compiled, exactly_compiled
from downslope.kernels.entries import (
    absolute_row,
    average_row,
    fetch_ahead,
    own_columns,
    squared_row,
    truncate_row,
)
from downslope.kernels.losses import STEEPEST, needs_squares, pace, pull, skips, value
from downslope.kernels.registry import EXACT, implements, inlined
from downslope.kernels.rows import place
from downslope.kernels.steps import advance, gather, group_of, look, product, rescale, settle

__all__ = [
    "Plan",
    "Position",
    "Sums",
    "Vectors",
    "begin",
    "descend_rows",
    "descend_rows_exactly",
    "no_sums",
    "weights_at",
]

Array = NDArray[Any]

# A power of two, so that a remainder is cheap.
AT_ONCE = 64


class Plan(NamedTuple):
    """What does not change on the way.

    Attributes
    ----------
    alpha, l1_ratio : float
        The penalty's strength, and the share of L1 in it.
    shrinks, truncates : bool
        Whether there is an L2 and an L1 part.
    counts_penalty : True or None
        Whether the stop rule looks at it: another type where it does not, so that no kernel finds what nobody needs.
    first, factor, offset, power : float
        The rate at update t is first / (factor · (offset + t - 1))^power; the adaptive one is constant within a pass.
    average_from : float
        The update from which places are averaged; 0 for never.
    fit_intercept : bool
    intercept_share : float
        The share of a step that the intercept makes: scikit-learn takes 0.01 on sparse rows.
    smallest_scale : float
        Below it, `scale` is multiplied into v.
    ahead : int
        How many rows before its use a row is asked for.
    """

    alpha: float
    l1_ratio: float
    shrinks: bool
    truncates: bool
    counts_penalty: bool | None
    first: float
    factor: float
    offset: float
    power: float
    average_from: float
    fit_intercept: bool
    intercept_share: float
    smallest_scale: float
    ahead: int


class Vectors(NamedTuple):
    """Arrays that a pass writes to: v, the mean of places, and the L1 penalty paid; the last two may be empty."""

    v: Array
    mean: Array
    paid: Array


class Position(NamedTuple):
    """Everything else that a pass needs to go on.

    Attributes
    ----------
    t : float
        The number of the next update, counted from 1.
    intercept, mean_intercept : float
    scale : float
    squares, absolutes : float
        ‖v‖² and ‖v‖₁ as scikit-learn counts them: over the entries of the last row that moved v.
    share, growth : float
        Of the average.
    due : float
        The L1 penalty that every coefficient owes.
    """

    t: float
    intercept: float
    mean_intercept: float
    scale: float
    squares: float
    absolutes: float
    share: float
    growth: float
    due: float


class Sums(NamedTuple):
    """Running sums over the rows of a pass, each measured before the update that its row makes.

    Attributes
    ----------
    loss, squares, weight : float
        Σ s ℓ(r), Σ s r², Σ s.
    objective : float
        What scikit-learn's stop rule looks at: Σ ℓ(r) without weights, and the penalty with it.
    clipped : float
        Rows whose slope was cut.
    rate : float
        The rate of the last update.
    resets : float
        How often `scale` was multiplied into v.
    """

    loss: float
    squares: float
    weight: float
    objective: float
    clipped: float
    rate: float
    resets: float


def begin(v: Array, intercept: float, t: float, mean_intercept: float) -> NDArray[np.float64]:
    """The fields of the `Position` before a run that starts from coefficients v."""
    squares, absolutes = float(v @ v), float(np.abs(v).sum())
    return np.array(Position(t, intercept, mean_intercept, 1.0, squares, absolutes, 0.0, 1.0, 0.0))


def no_sums() -> NDArray[np.float64]:
    """The fields of the `Sums` before the first row of a pass."""
    return np.zeros(len(Sums._fields))


def close_mean(mean: Array, v: Array, share: float, growth: float, begin: int, end: int) -> None:
    """Mean ← (mean + share·v)/growth of the columns begin … end - 1.

    A difference of large numbers where the scale has become small, so that its last bits count: BLAS adds as it does
    for scikit-learn, and the divisor is inverted first.
    """
    add_multiple(mean, share, v, begin, end)
    inverse = rounded(mean, 1.0 / growth)
    for j in range(begin, end):
        mean[j] *= inverse


@implements(close_mean, options=EXACT)  # type: ignore[untyped-decorator]
def _close_mean(mean: Any, v: Any, share: Any, growth: Any, begin: Any, end: Any) -> Any:
    return close_mean


@inlined
def count_in(share: Any, growth: Any, scale: Any, count: Any) -> Any:
    """`share` and `growth` of the mean when place number `count` has entered it."""
    part = 1.0 / count
    if count > 1.0:
        growth /= 1.0 - part
    return share + part * growth * scale, growth


def weights_at(vectors: Vectors, position: Position, *, small: bool) -> tuple[Array, Array]:
    """The coefficients and their mean, empty where none is kept; by Python itself where there are few of them."""
    v, mean = vectors.v, vectors.mean.copy()
    if mean.size:
        close = close_mean if small else close_means
        close(mean, v, position.share, position.growth, 0, v.size)
    return v * v.dtype.type(position.scale), mean


def descend_in_order(
    loss: Any, rows: Any, order: Array, plan: Plan, vectors: Vectors, position: Array, sums: Array
) -> None:
    """One update for each row of `order`; writes to `vectors`, and to `position` and `sums` the fields of these."""
    v, mean, paid = vectors
    t, intercept, mean_intercept, scale, squares = position[0], position[1], position[2], position[3], position[4]
    absolutes, share, growth, due = position[5], position[6], position[7], position[8]
    total, residual_squares, weight_sum, costs, penalties, clipped, resets = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    # Roots and quotients are found for many updates at once: alone, each would take as long as the rest of a step.
    rates, kept, released, rate = room(rows, AT_ONCE), room(rows, AT_ONCE), room(rows, AT_ONCE), plan.first
    l2, l1 = 0.5 * plan.alpha * (1.0 - plan.l1_ratio), plan.alpha * plan.l1_ratio
    weighted, averaged, last = len(rows.weight) > 0, len(mean) > 0, len(order) - 1
    inverse, weight, length = 1.0 / scale, 1.0, 0.0
    dot, ahead = look(rows, order, 0, v)
    group = group_of(rows, order)
    for begin in range(0, len(order), group):
        squares = gather(rows, order, begin, v, squares, plan.counts_penalty)
        for k in range(begin, min(begin + group, len(order))):
            i = place(order, k)
            fetch_ahead(rows, order, k, plan.ahead, v)
            now = k & (AT_ONCE - 1)
            if now == 0:
                fill_rates(rows, plan, t, rates)
                if plan.shrinks:
                    fill_shrinkage(plan, rates, kept, released)
            rate = rates[now]
            dot = product(rows, k, dot)
            residual = residual_of(rows, dot, scale, intercept, rows.y[i])
            cost, square = value(loss, residual), residual * residual
            costs += cost
            if weighted:
                weight = rows.weight[i]
                weight_sum += weight
                total += weight * cost
                residual_squares += weight * square
            else:
                residual_squares += square
            if plan.counts_penalty is not None:
                penalties += l2 * (squares * scale * scale) + l1 * (absolutes * scale)
            if needs_squares(loss):
                length = squared_row(rows, i)
            if skips(loss, length):
                dot, ahead, _ = advance(rows, i, order, k, v, 0.0, dot, ahead, squares, plan.counts_penalty)
                continue
            pulled, paced = pull(loss, residual, length), pace(loss, rate)
            update = update_of(rows, pulled, paced, weight)
            if abs(pulled) >= STEEPEST:
                clipped += 1.0
            if plan.shrinks:
                scale, inverse = shrunk(v, scale, inverse, kept[now], released[now])
                if scale < plan.smallest_scale:
                    settle(rows, order, k, v)
                    if averaged:
                        close_mean(mean, v, share, growth, *own_columns(rows, v))
                        share, growth = 0.0, 1.0
                    for j in range(*own_columns(rows, v)):
                        v[j] *= scale
                    ahead = rescale(rows, v, ahead, scale)
                    squares, absolutes, scale, inverse = squares * scale * scale, absolutes * scale, 1.0, 1.0
                    resets += 1.0
            factor = factor_of(rows, pulled, paced, weight, scale, inverse)
            dot, ahead, moved_squares = advance(rows, i, order, k, v, factor, dot, ahead, squares, plan.counts_penalty)
            if update != 0.0:
                squares = moved_squares
                if plan.truncates:
                    absolutes = absolute_row(rows, i, v)
            if plan.fit_intercept:
                intercept += update * plan.intercept_share
            if 0.0 < plan.average_from <= t:
                count = t - plan.average_from + 1.0
                average_row(rows, i, mean, share, factor)
                share, growth = count_in(share, growth, scale, count)
                mean_intercept += (intercept - mean_intercept) / count
            if plan.truncates:
                due += plan.l1_ratio * rate * plan.alpha
                truncate_row(rows, i, v, paid, due, scale)
                dot, ahead = look(rows, order, k + 1, v)
            t += 1.0
    settle(rows, order, last, v)
    position[0], position[1], position[2], position[3], position[4] = t, intercept, mean_intercept, scale, squares
    position[5], position[6], position[7], position[8] = absolutes, share, growth, due
    sums[0] += total if weighted else costs
    sums[1] += residual_squares
    sums[2] += weight_sum if weighted else float(len(order))
    sums[3] += costs + penalties
    sums[4] += clipped
    sums[5] = rate
    sums[6] += resets


descend_rows = compiled(descend_in_order)
# Where steps amplify rounding errors, only scikit-learn's own order of operations leads to its numbers.
descend_rows_exactly = exactly_compiled(descend_in_order)
close_means = exactly_compiled(close_mean)
