"""Numbers of a step in two arithmetics: rows of an exact kind keep to scikit-learn's order of operations.

Where rounding is free, what is known before a row has been looked at is put together first, so that a step waits for
as little as it can.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.kernels.registry import implements, inlined, is_double, is_exact

__all__ = ["factor_of", "fill_rates", "fill_shrinkage", "residual_of", "room", "rounded", "shrunk", "update_of"]

Array = NDArray[Any]


def room(rows: Any, n: int) -> Any:
    """So many numbers that are 0, to be written over."""
    return [0.0] * n


@implements(room, machine=True)  # type: ignore[untyped-decorator]
def _room(rows: Any, n: Any) -> Any:
    return lambda rows, n: np.zeros(n)


def rounded(v: Any, number: float) -> float:
    """A number in the precision of the array v; Python's lists hold numbers of double precision."""
    return number


@implements(rounded, machine=True)  # type: ignore[untyped-decorator]
def _rounded(v: Any, number: Any) -> Any:
    return lambda v, number: v.dtype.type(number)


def residual_of(rows: Any, dot: float, scale: float, intercept: float, y: float) -> float:
    """dot · scale + intercept - y, inside compiled code; where rounding is free, what is known first is added first."""
    raise NotImplementedError


@implements(residual_of)  # type: ignore[untyped-decorator]
def _residual_of(rows: Any, dot: Any, scale: Any, intercept: Any, y: Any) -> Any:
    if is_exact(rows):
        return lambda rows, dot, scale, intercept, y: dot * scale + intercept - y
    return lambda rows, dot, scale, intercept, y: dot * scale + (intercept - y)


def update_of(rows: Any, pull: float, pace: float, weight: float) -> float:
    """Pull · pace · weight, inside compiled code; where rounding is free, what is known first is multiplied first."""
    raise NotImplementedError


@implements(update_of)  # type: ignore[untyped-decorator]
def _update_of(rows: Any, pull: Any, pace: Any, weight: Any) -> Any:
    if is_exact(rows):
        return lambda rows, pull, pace, weight: pull * pace * weight
    return lambda rows, pull, pace, weight: pull * (pace * weight)


def factor_of(rows: Any, pull: float, pace: float, weight: float, scale: float, inverse: float) -> float:
    """Pull · pace · weight / scale, inside compiled code; by the inverse of `scale` where rounding is free."""
    raise NotImplementedError


@implements(factor_of)  # type: ignore[untyped-decorator]
def _factor_of(rows: Any, pull: Any, pace: Any, weight: Any, scale: Any, inverse: Any) -> Any:
    if is_exact(rows):
        return lambda rows, pull, pace, weight, scale, inverse: pull * pace * weight / scale
    return lambda rows, pull, pace, weight, scale, inverse: pull * (pace * weight * inverse)


def shrunk(v: Array, scale: float, inverse: float, kept: float, released: float) -> tuple[float, float]:
    """The common scale of the coefficients v, and its inverse, after an update, inside compiled code.

    Of single precision the factor is rounded to that each time, which moves the scale by a thousandth in a million
    updates: so does scikit-learn, which keeps the scale itself in double precision.
    """
    raise NotImplementedError


@implements(shrunk)  # type: ignore[untyped-decorator]
def _shrunk(v: Any, scale: Any, inverse: Any, kept: Any, released: Any) -> Any:
    if is_double(v):
        return lambda v, scale, inverse, kept, released: (scale * kept, inverse * released)

    def shrink_singly(v: Any, scale: Any, inverse: Any, kept: Any, released: Any) -> Any:
        product = scale * np.float64(np.float32(kept))
        return product, 1.0 / product

    return shrink_singly


def fill_rates(rows: Any, plan: Any, t: float, rates: Array) -> None:
    """Write the rates of the updates from t on, inside compiled code; roots by square roots where rounding is free."""
    raise NotImplementedError


@implements(fill_rates)  # type: ignore[untyped-decorator]
def _fill_rates(rows: Any, plan: Any, t: Any, rates: Any) -> Any:
    if is_exact(rows):

        def fill_exactly(rows: Any, plan: Any, t: Any, rates: Any) -> None:
            first, factor, offset, power = plan.first, plan.factor, plan.offset, plan.power
            for k in range(len(rates)):
                rates[k] = first / (factor * (offset + (t + k) - 1.0)) ** power

        return fill_exactly

    def fill(rows: Any, plan: Any, t: Any, rates: Any) -> None:
        for k in range(rates.size):
            rates[k] = plan.factor * (plan.offset + (t + k) - 1.0)
        if plan.power == 0.0:
            rates[:] = 1.0
        elif plan.power == 0.25:
            for k in range(rates.size):
                rates[k] = math.sqrt(math.sqrt(rates[k]))
        elif plan.power == 0.5:
            for k in range(rates.size):
                rates[k] = math.sqrt(rates[k])
        elif plan.power != 1.0:
            for k in range(rates.size):
                rates[k] **= plan.power
        for k in range(rates.size):
            rates[k] = plan.first / rates[k]

    return fill


@inlined
def fill_shrinkage(plan: Any, rates: Any, kept: Any, released: Any) -> None:
    """Write by what each update multiplies the coefficients, and the inverse."""
    share, alpha = 1.0 - plan.l1_ratio, plan.alpha
    for k in range(len(rates)):
        kept[k] = max(0.0, 1.0 - share * rates[k] * alpha)
        released[k] = 1.0 / kept[k]
