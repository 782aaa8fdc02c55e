"""Sums of convex pieces of straight lines and parabolas, and the slopes that bound their minimum.

All losses and penalties are sums over rows (z, y) of max over lo ≤ a ≤ hi of a(zθ - y) - ½c a². The dual is the maximum
of -Σ (a y + ½c a²) subject to Σ a z = 0, and every a that fulfils this bounds the minimum from below (Fenchel).
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["EPS", "Slopes", "Whitened"]

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
# What is left of Σ a z, as a share of Σ abs(a z), of slopes that count as feasible.
FEASIBLE = 1e-11


@dataclass(frozen=True)
class Slopes:
    """Rows with the slopes a that each may have; the weight of a row is in c, lo and hi.

    Attributes
    ----------
    z : array (m, p)
    y, c, lo, hi : array (m,)
        lo ≤ 0 ≤ hi, either may be infinite where c is not 0.
    """

    z: Array
    y: Array
    c: Array
    lo: Array
    hi: Array

    def at(self, kept: Array | NDArray[np.bool_]) -> Self:
        """Some of the rows."""
        return type(self)(self.z[kept], self.y[kept], self.c[kept], self.lo[kept], self.hi[kept])

    def steepest(self, residual: Array) -> Array:
        """The slope of each row at its residual; at a kink the one in the middle."""
        with np.errstate(divide="ignore", invalid="ignore"):
            straight = np.where(residual > 0, self.hi, np.where(residual < 0, self.lo, 0.5 * (self.lo + self.hi)))
            return np.where(self.c > 0, np.clip(residual / self.c, self.lo, self.hi), straight)

    def value(self, residual: Array) -> float:
        """The sum at these residuals."""
        a = self.steepest(residual)
        return float(np.sum(a * (residual - 0.5 * self.c * a)))

    def feasible(self, a: Array, place: Array) -> bool:
        """Whether Σ a z is nothing but rounding, in each column: of the slopes, and of residuals at a place (p,)."""
        size = np.abs(self.z)
        curved = self.c > 0
        rounded = EPS * (size[curved] @ np.abs(place) + np.abs(self.y[curved])) / self.c[curved]
        allowed = FEASIBLE * (np.abs(a) @ size) + rounded @ size[curved]
        return bool(np.all(np.abs(a @ self.z) <= allowed))

    def shortfall(self, residual: Array, a: Array) -> float:
        """By how much the dual at feasible slopes is below the sum: Fenchel's terms, none of them negative."""
        best = self.steepest(residual)
        terms = (best - a) * (residual - 0.5 * self.c * (best + a))
        return float(np.maximum(terms, 0.0).sum())


class Whitened(NamedTuple):
    """The rows in columns of unit length that are orthogonal: zθ = z·origin + q·φ, θ = origin + way·φ.

    `tells_all` says whether they tell all parameters that change anything.
    """

    q: Array
    way: Array
    tells_all: bool

    @classmethod
    def of(cls, rows: Slopes) -> Self:
        """Directions in which no row changes are left out."""
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(np.isfinite(rows.hi - rows.lo), rows.hi - rows.lo, 1.0 / rows.c)
        # Without the power of two that all weights share, whose root might not be one.
        root = np.sqrt(np.ldexp(weight, -np.frexp(weight.max(initial=0.0))[1]))
        weighted, lengths = np.empty(rows.z.shape, order="F"), np.ones(rows.z.shape[1])
        for k in range(lengths.size):
            column = root * rows.z[:, k]
            largest = float(np.abs(column).max(initial=0.0)) or 1.0
            lengths[k] = largest * float(np.linalg.norm(column / largest)) or 1.0
            weighted[:, k] = column / lengths[k]
        triangle = scipy.linalg.qr(weighted, mode="r", overwrite_a=True, check_finite=False)[0][: lengths.size]
        del weighted
        _, singular, directions = scipy.linalg.svd(triangle, full_matrices=False, check_finite=False)
        kept = singular > 4 * max(lengths.size, 8) * EPS * singular.max(initial=0.0)
        way = (directions[kept] / lengths).T / singular[kept]
        told = int(np.count_nonzero(np.abs(rows.z).max(axis=0, initial=0.0)))
        return cls(rows.z @ way, way, int(np.count_nonzero(kept)) == told)
