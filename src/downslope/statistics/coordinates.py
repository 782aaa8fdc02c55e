"""The coordinates that are descended: z = (x - shift)/scale, and the way back to the original units.

The parameters are θ = (v, c) with ŷ = z·v + c, or θ = v without an intercept. Rows are never transformed;
parameters and statistics are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.statistics.moments import (
    SMALLEST_SPAN,
    ColumnMoments,
    Moments,
    OverflowingSquaresError,
    UnderflowingSquaresError,
)
from downslope.texts import Finding

__all__ = ["Coordinates", "raw_coordinates", "refuse_extremes", "spread_of", "standard_coordinates"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Coordinates:
    """z = (x - shift - rest) · inverse_scale; a column with an inverse scale of 0 keeps the coefficient 0.

    Attributes
    ----------
    shift, inverse_scale : array (d,)
    fit_intercept : bool
    rest : array (d,) or None
        What rounding left of the shift. Only rows that are shifted before anything else can tell it from 0.
    """

    shift: Array
    inverse_scale: Array
    fit_intercept: bool
    rest: Array | None = None

    @property
    def n_features(self) -> int:
        """The number of columns."""
        return int(self.shift.size)

    @property
    def n_parameters(self) -> int:
        """The columns, and the intercept where there is one."""
        return self.n_features + int(self.fit_intercept)

    @property
    def of_shifted_rows(self) -> "Coordinates":
        """The same of rows x - shift."""
        rest = np.zeros_like(self.shift) if self.rest is None else self.rest
        return Coordinates(rest, self.inverse_scale, self.fit_intercept)

    def to_original(self, parameters: Array) -> tuple[Array, Array]:
        """Coefficients (…, d) and intercepts (…) in the units of the rows, from parameters (…, p)."""
        coef = parameters[..., : self.n_features] * self.inverse_scale
        if not self.fit_intercept:
            return coef, np.zeros(parameters.shape[:-1])
        # A sum, where a product would round one model and a history of them differently.
        return coef, parameters[..., -1] - (coef * self.shift).sum(axis=-1)

    def from_original(self, coef: Array, intercept: float | Array) -> Array:
        """The parameters (…, p) of coefficients (…, d) and intercepts (…) in the units of the rows."""
        kept = self.inverse_scale > 0
        v: Array = np.divide(coef, self.inverse_scale, out=np.zeros_like(coef, dtype=float), where=kept)
        if not self.fit_intercept:
            return v
        level = intercept + np.where(kept, coef, 0.0) @ self.shift
        return np.concatenate([v, np.asarray(level)[..., None]], axis=-1)

    def of_gradient(self, gradient: Array, total: float) -> Array:
        """The gradient in θ from Σ s x ψ (d,) and Σ s ψ, both already divided by S."""
        v = (gradient - self.shift * total) * self.inverse_scale
        return np.append(v, total) if self.fit_intercept else v


def raw_coordinates(n_features: int, fit_intercept: bool) -> Coordinates:
    """The units of the rows themselves: the hand-written loop of every course."""
    return Coordinates(np.zeros(n_features), np.ones(n_features), fit_intercept)


def standard_coordinates(mean: Array, spread: Array, fit_intercept: bool, rest: Array | None = None) -> Coordinates:
    """(x - mean)/spread; without an intercept to take the mean up, x over its root mean square.

    Parameters
    ----------
    mean, spread : array (d,)
        Mean and standard deviation of each column; a spread of 0 marks a constant column.
    fit_intercept : bool
    rest : array (d,) or None
        What rounding left of the means.
    """
    if fit_intercept:
        shift, scale = mean, spread
    else:
        shift, scale = np.zeros_like(mean), np.hypot(mean, spread)
        refuse_extremes(scale)
    with np.errstate(divide="ignore"):
        inverse = np.where(scale > 0, 1.0 / scale, 0.0)
    left = np.zeros_like(mean) if rest is None or not fit_intercept else rest
    shift, left = (np.where(inverse > 0, part, 0.0) for part in (shift, left))
    return Coordinates(shift, inverse, fit_intercept, left)


def refuse_extremes(scale: Array) -> None:
    """Raise `OverflowingSquaresError` or `UnderflowingSquaresError` for sizes that cannot be squared."""
    small = (scale > 0) & (scale < SMALLEST_SPAN)
    if small.any():
        raise UnderflowingSquaresError(Finding.of("statistics.underflow_about_zero", size=float(scale[small].max())))
    if np.any(scale > 1.0 / SMALLEST_SPAN):
        raise OverflowingSquaresError


def spread_of(moments: Moments | ColumnMoments) -> Array:
    """The standard deviation of each column (d,), and exactly 0 where only rounding moves it."""
    spread = np.sqrt(moments.variance)
    return np.where(spread > 16 * np.finfo(float).eps * np.abs(moments.mean), spread, 0.0)
