"""Descent one row at a time, step for step as scikit-learn's SGDRegressor makes it.

The coefficients are kept as ``scale · v``, so that shrinking them costs one product (Shalev-Shwartz, Singer and
Srebro, "Pegasos", 2007). Their average is kept as ``(mean + share · v) / growth``, so that it costs one row (Bottou,
"Stochastic Gradient Descent Tricks", 2012). Adding one row and looking at the next is one loop over the coefficients.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.stochastic.compiling import compiled, inlined
from downslope.stochastic.losses import needs_squares, step, value
from downslope.stochastic.rows import add_and_dot, add_row, dot_row, fetch_row, squared_row, truncate_row

__all__ = ["Plan", "Position", "Sums", "Vectors", "begin", "descend_rows", "finish", "no_sums"]

Array = NDArray[Any]


class Plan(NamedTuple):
    """What does not change on the way.

    Attributes
    ----------
    alpha, l1_ratio : float
        The penalty's strength, and the share of L1 in it.
    shrinks, truncates : bool
        Whether there is an L2 and an L1 part.
    first, offset, power : float
        The rate at update t is first / (t + offset)^power; adaptive schedules are constant within a pass.
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
    first: float
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
    loss, objective, squares : float
        Σ ℓ(r), Σ (ℓ(r) + the penalty), Σ r².
    clipped : int
        Rows whose slope was cut.
    rate : float
        The rate of the last update.
    """

    loss: float
    objective: float
    squares: float
    clipped: int
    rate: float


def no_sums() -> Sums:
    """Before the first row of a pass."""
    return Sums(0.0, 0.0, 0.0, 0, 0.0)


def begin(v: Array, intercept: float, t: float, mean_intercept: float) -> Position:
    """The position before a run that starts from coefficients v."""
    squares, absolutes = float(v @ v), float(np.abs(v).sum())
    return Position(t, intercept, mean_intercept, 1.0, squares, absolutes, 0.0, 1.0, 0.0)


def finish(vectors: Vectors, position: Position) -> Position:
    """Multiply `scale` into v and close the average; the arrays then hold the coefficients and their mean."""
    if vectors.mean.size:
        vectors.mean[:] = (vectors.mean + position.share * vectors.v) / position.growth
    vectors.v[:] *= vectors.v.dtype.type(position.scale)
    return position._replace(scale=1.0, share=0.0, growth=1.0)


@inlined
def rate_at(plan: Any, t: Any) -> Any:
    """The rate at update t; roots are several times quicker than a general power."""
    if plan.power == 0.0:
        return plan.first
    if plan.power == 0.25:
        return plan.first / math.sqrt(math.sqrt(t + plan.offset))
    if plan.power == 0.5:
        return plan.first / math.sqrt(t + plan.offset)
    if plan.power == 1.0:
        return plan.first / (t + plan.offset)
    return plan.first / (t + plan.offset) ** plan.power


@compiled
def descend_rows(
    loss: Any, rows: Any, order: Array, plan: Plan, vectors: Vectors, position: Position, sums: Sums
) -> tuple[Position, Sums]:
    """One update for each row of `order`."""
    v, mean, paid = vectors
    t, intercept, mean_intercept, scale, squares, absolutes, share, growth, due = position
    total, objective, residual_squares, clipped, rate = sums
    weighted, penalised = rows.weight.size > 0, plan.shrinks or plan.truncates
    n_steps = order.size
    dot = dot_row(rows, order[0], v)
    for k in range(n_steps):
        i, following = order[k], order[min(k + 1, n_steps - 1)]
        fetch_row(rows, order[min(k + plan.ahead, n_steps - 1)])
        rate = rate_at(plan, t)
        residual = dot * scale + intercept - rows.y[i]
        penalty = 0.0
        if penalised:
            l2, l1 = 0.5 * squares * scale * scale, absolutes * scale
            penalty = plan.alpha * ((1.0 - plan.l1_ratio) * l2 + plan.l1_ratio * l1)
        cost = value(loss, residual)
        total += cost
        objective += cost + penalty
        residual_squares += residual * residual
        length = 0.0
        if needs_squares(loss):
            length = squared_row(rows, i)
        update = step(loss, residual, rate, length)
        clipped += abs(update) >= 0.999e12 * rate
        if weighted:
            update *= rows.weight[i]
        if plan.shrinks:
            scale *= max(0.0, 1.0 - (1.0 - plan.l1_ratio) * rate * plan.alpha)
            if scale < plan.smallest_scale:
                if mean.size:
                    for j in range(v.size):
                        mean[j] = (mean[j] + share * v[j]) / growth
                    share, growth = 0.0, 1.0
                for j in range(v.size):
                    v[j] *= scale
                squares, absolutes, scale = squares * scale * scale, absolutes * scale, 1.0
        if update != 0.0:
            dot, squares, absolutes = add_and_dot(rows, i, v, update / scale, following)
        else:
            dot = dot_row(rows, following, v)
        if plan.fit_intercept:
            intercept += update * plan.intercept_share
        if 0.0 < plan.average_from <= t:
            averaged = t - plan.average_from + 1.0
            add_row(rows, i, mean, -share * update / scale)
            if averaged > 1.0:
                growth /= 1.0 - 1.0 / averaged
            share += growth * scale / averaged
            mean_intercept += (intercept - mean_intercept) / averaged
        if plan.truncates:
            due += plan.l1_ratio * rate * plan.alpha
            truncate_row(rows, i, v, paid, due, scale)
            dot = dot_row(rows, following, v)
        t += 1.0
    position = Position(t, intercept, mean_intercept, scale, squares, absolutes, share, growth, due)
    return position, Sums(total, objective, residual_squares, clipped, rate)
