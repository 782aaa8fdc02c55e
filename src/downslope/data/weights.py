"""Weights as they enter: a common factor means nothing, and a row of weight 0 is no row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.data.arrays import ArraySource
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["common_exponent", "weighed"]

Array = NDArray[np.float64]

# The largest weight, as a power of two: within these bounds sums of squares keep their digits, and weights are left as
# they are. The sum of the weights counts rows in standard errors.
LEAST, MOST = -30, 60
# The most that weights of a later block may be above those of the first one, as a power of two.
FARTHEST = 200


def common_exponent(weight: Array | None) -> int:
    """The power of two to divide the weights by: 0 for ordinary ones."""
    if weight is None:
        return 0
    _, exponent = np.frexp(weight.max())
    return 0 if LEAST <= exponent <= MOST else int(exponent)


def weighed(
    X: Any,
    y: Array,
    weight: Array | None,
    *,
    names: tuple[str, ...] | None = None,
    rounding: float = 0.0,
    exponent: int | None = None,
) -> ArraySource:
    """Rows that have been checked, as a source: without those of weight 0, and without a common factor of the weights.

    Parameters
    ----------
    X, y, weight : as `ArraySource` takes them
    names : tuple of str or None
    rounding : float
        See `Schema`.
    exponent : int or None
        The power of two that earlier blocks were divided by; None for that of these weights.

    Raises
    ------
    InputError
        For weights that dwarf those of earlier blocks, or vanish beside them.
    """
    exponent = common_exponent(weight) if exponent is None else exponent
    places = None
    if weight is None and exponent:
        weight = np.ones(y.size)
    if weight is not None:
        scaled = rescale(weight, exponent)
        kept = np.flatnonzero(scaled)
        if kept.size < y.size:
            X, y, scaled, places = X[kept], y[kept], scaled[kept], kept
        weight = scaled
    return ArraySource(
        X, y, weight, names=names, checked=True, rounding=rounding, places=places, weight_exponent=exponent
    )


def rescale(weight: Array, exponent: int) -> Array:
    """The weights divided by a power of two, which changes no digit of them."""
    with np.errstate(all="ignore"):
        scaled = np.ldexp(weight, -exponent) if exponent else weight
    if not 0.0 < scaled.max() <= 2.0**FARTHEST:
        numbers = {"largest": float(weight.max()), "first": float(np.ldexp(1.0, exponent))}
        raise InputError(Finding("weights.other_blocks", numbers))
    return np.asarray(scaled)
