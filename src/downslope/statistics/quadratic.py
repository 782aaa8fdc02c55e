"""The squared loss as a quadratic of the parameters: all that the statistics say, in descended coordinates.

It is kept as ½‖factor·θ - target‖² + offset and never as θᵀAθ - 2bᵀθ + c: the square of a small number keeps
its digits, the difference of large ones does not.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.statistics.coordinates import Coordinates
from downslope.statistics.least_squares import LeastSquares, Summary

__all__ = [
    "Quadratic",
    "Spectrum",
    "add_ridge",
    "half_mean_squared_error",
    "half_mse_of",
    "half_square",
    "half_squares",
    "minimise",
    "reference_excess",
]

Array = NDArray[np.float64]

# Columns whose lengths differ by more than this ask for a decomposition that respects it.
GRADED = 100.0


def half_square(residual: Array) -> float:
    """½Σρ² of one residual (p,)."""
    return 0.5 * float(residual @ residual)


def half_squares(residuals: Array) -> Array:
    """The same of many residuals (…, p), (…)."""
    halves: Array = 0.5 * np.einsum("...p,...p->...", residuals, residuals)
    return halves


@dataclass(frozen=True)
class Quadratic:
    """½‖factor·θ - target‖² + offset.

    Attributes
    ----------
    factor : array (m, p)
    target : array (m,)
    offset : float
    """

    factor: Array
    target: Array
    offset: float

    def value(self, parameters: Array) -> float:
        """The value at one place (p,)."""
        return self.offset + self.excess_and_gradient(parameters)[0]

    def excess_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """The value above `offset`, and the gradient (p,)."""
        missing = self.factor @ parameters - self.target
        return half_square(missing), missing @ self.factor

    def values(self, parameters: Array) -> Array:
        """The values at many places (k, p) at once, (k,)."""
        return self.offset + half_squares(parameters @ self.factor.T - self.target)

    def decompose(self) -> "Spectrum":
        """The singular values and vectors of the factor."""
        left, singular, directions = decompose_factor(self.factor)
        scaled, lengths = unit_columns(self.factor)
        even = lengths.max(initial=1.0) <= GRADED * lengths.min(initial=1.0)
        rank = rank_of(singular if even else np.linalg.svd(scaled, compute_uv=False), scaled.shape)
        # Along the directions of no effect the target is beyond reach: it belongs to the minimum.
        target = np.where(np.arange(singular.size) < rank, self.target @ left, 0.0)
        beyond = self.target - left @ target
        minimum = self.offset + half_square(beyond)
        return Spectrum(singular, directions, target, minimum, singular.size - rank)


@dataclass(frozen=True)
class Spectrum:
    """factor = U diag(singular) Vᵀ; the second derivatives are λ = singular² along the columns of V.

    Attributes
    ----------
    singular : array (p,)
        Falling.
    directions : array (p, p)
        V, a direction a column.
    target : array (p,)
        Uᵀ target.
    minimum : float
        The smallest value of the quadratic.
    n_null : int
        How many directions, the last ones, change nothing but by rounding.
    """

    singular: Array
    directions: Array
    target: Array
    minimum: float
    n_null: int

    @property
    def eigenvalues(self) -> Array:
        """λ, falling, (p,)."""
        return self.singular**2

    @property
    def effective(self) -> NDArray[np.bool_]:
        """Which directions change anything, (p,)."""
        return np.arange(self.singular.size) < self.singular.size - self.n_null

    def residual(self, parameters: Array) -> Array:
        """ρ along each direction at θ (…, p), (…, p): ½Σρ² is the value above the minimum; 0 where nothing changes."""
        return np.where(self.effective, (parameters @ self.directions) * self.singular - self.target, 0.0)

    def excess_along(self, parameters: Array) -> Array:
        """The share of each direction in the value above the minimum at θ (…, p), (…, p)."""
        return half_squares(self.residual(parameters)[..., None])

    def excess(self, parameters: Array) -> Array:
        """The value above the minimum at θ (…, p), (…)."""
        return half_squares(self.residual(parameters))

    def to_quadratic(self) -> Quadratic:
        """The same function with its minimum as offset, so that its excess is exactly J - J*."""
        return Quadratic(self.singular[:, None] * self.directions.T, self.target, self.minimum)

    @property
    def largest(self) -> float:
        """λ_max."""
        return float(self.singular[0]) ** 2

    @property
    def smallest(self) -> float:
        """The smallest λ of a direction that changes anything."""
        kept = self.singular.size - self.n_null
        return float(self.singular[kept - 1]) ** 2 if kept else 0.0


def unit_columns(factor: Array) -> tuple[Array, Array]:
    """The factor with columns of length 1, and their lengths (1 for columns of zeros)."""
    lengths = np.sqrt(np.einsum("rj,rj->j", factor, factor))
    lengths = np.where(lengths > 0, lengths, 1.0)
    return factor / lengths, lengths


def rank_of(singular: NDArray[np.floating[Any]], shape: tuple[int, ...]) -> int:
    """The number of singular values that are more than rounding."""
    return int(np.count_nonzero(singular > 4 * max(shape) * np.finfo(float).eps * singular.max(initial=0.0)))


class Minimum(NamedTuple):
    """The lowest place of a quadratic.

    Attributes
    ----------
    parameters : array (p,)
        Of several lowest places the shortest, in columns of unit length.
    doubt : array (p,)
        How far rounding may have moved each of them.
    condition : float
        Of the second derivatives in columns of unit length, of their nonzero part where they are singular.
    tied : array
        The parameters that can be exchanged for others without changing the value; none if it is unique.
    """

    parameters: Array
    doubt: Array
    condition: float
    tied: NDArray[np.int64]


def minimise(quadratic: Quadratic, *, of_products: bool = False) -> Minimum:
    """The minimum, by a singular value decomposition.

    Where the factor is `of_products` of columns, rounding of these has moved it by as much as κ² tells.
    """
    scaled, lengths = unit_columns(quadratic.factor)
    u, singular, vt = scipy.linalg.svd(scaled, full_matrices=False)
    rank = rank_of(singular, scaled.shape)
    if rank == 0:
        zeros = np.zeros(lengths.size)
        return Minimum(zeros, zeros, 1.0, np.empty(0, dtype=np.int64))
    best = vt[:rank].T @ ((u[:, :rank].T @ quadratic.target) / singular[:rank])
    kappa = float(singular[0] / singular[rank - 1])
    missing = np.sqrt(2.0 * quadratic.offset) + np.linalg.norm(scaled @ best - quadratic.target)
    # As for least squares (Golub and Van Loan, 5.3.6), with room for the sums over rows.
    size = (kappa + kappa**2 / 8 if of_products else kappa) * np.linalg.norm(best)
    doubt = 8 * np.finfo(float).eps * (size + kappa**2 * missing / singular[0])
    used = np.einsum("rj,rj->j", scaled, scaled) > 0
    tied = np.flatnonzero((np.abs(vt[rank:]) > 1e-6).any(axis=0) & used)
    return Minimum(best / lengths, doubt / lengths, kappa**2, tied)


def reference_excess(smooth: Quadratic, start: Array, fit_intercept: bool) -> float:
    """J - J* at the start (p,) with the intercept, the last parameter, at its best.

    A target far from zero would otherwise make any `tol` look met while the coefficients are still wrong.
    """
    missing = smooth.factor @ start - smooth.target
    if fit_intercept:
        column = smooth.factor[:, -1]
        missing = missing - column * (float(column @ missing) / float(column @ column))
    return half_square(missing)


def decompose_factor(factor: Array) -> tuple[Array, Array, Array]:
    """U, the singular values, falling, and V.

    A column that shares no row with another is a direction by itself: decomposed with the others it would be coupled
    to them by rounding, and adaptive steps, which divide by the size of a slope, would follow that.
    """
    filled = factor != 0
    alone = ~(filled & (filled.sum(axis=1) > 1)[:, None]).any(axis=0)
    if not alone.any():
        return graded_svd(factor)
    m, p = factor.shape
    lengths = np.linalg.norm(factor[:, alone], axis=0)
    left, singular, directions = np.zeros((m, p)), np.zeros(p), np.zeros((p, p))
    n_alone = lengths.size
    singular[:n_alone] = lengths
    left[:, :n_alone] = factor[:, alone] / np.where(lengths > 0, lengths, 1.0)
    directions[alone, :n_alone] = np.eye(n_alone)
    if n_alone < p:
        left[:, n_alone:], singular[n_alone:], directions[~alone, n_alone:] = graded_svd(factor[:, ~alone])
    order = np.argsort(-singular, kind="stable")
    return left[:, order], singular[order], directions[:, order]


def graded_svd(factor: Array) -> tuple[Array, Array, Array]:
    """The same of columns that are all entangled.

    Where columns differ by orders of magnitude, by Jacobi's method: the small singular values keep their digits
    (Drmač and Veselić, 2008; measured, up to 20 × the usual time at 20 columns, 1.7 × at 1000).
    """
    lengths = np.linalg.norm(factor, axis=0)
    if lengths.max() > GRADED * lengths.min():
        singular, left, directions, work, _, info = scipy.linalg.lapack.dgejsv(
            np.asfortranarray(factor), joba=2, jobr=0
        )
        if info == 0 and np.all(np.isfinite(singular)):
            return left, singular * (work[0] / work[1]), directions
    left, singular, rows = scipy.linalg.svd(factor, full_matrices=False)
    return left, singular, rows.T


def half_mean_squared_error(problem: LeastSquares, coordinates: Coordinates) -> Quadratic:
    """½ mean squared residual of ŷ = z·v + c as a quadratic of θ = (v, c)."""
    return half_mse_of(problem.summary, coordinates)


def half_mse_of(rows: Summary, coordinates: Coordinates) -> Quadratic:
    """The same, of what a summary says of the rows."""
    scale = rows.spread * coordinates.inverse_scale
    means = (rows.mean - coordinates.shift) * coordinates.inverse_scale
    d = coordinates.n_features
    factor = np.zeros((d + 1, coordinates.n_parameters))
    factor[:d, :d] = rows.factor * scale
    factor[d, :d] = means
    if coordinates.fit_intercept:
        factor[d, d] = 1.0
    return Quadratic(factor, np.append(rows.target, rows.y_mean), 0.5 * rows.residual)


def add_ridge(quadratic: Quadratic, l2: float, n_features: int) -> Quadratic:
    """The quadratic plus ½·l2·‖v‖²."""
    if not l2:
        return quadratic
    n_parameters = quadratic.factor.shape[1]
    ridge = np.sqrt(l2) * np.eye(n_features, n_parameters)
    return Quadratic(
        np.vstack([quadratic.factor, ridge]), np.append(quadratic.target, np.zeros(n_features)), quadratic.offset
    )
