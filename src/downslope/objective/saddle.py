"""The minimum of a sum of pieces with slopes that prove it: near by an interior-point method, then exactly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.objective.interior_point import Interior, Solver
from downslope.objective.slopes import EPS, Slopes, Whitened

__all__ = ["Saddle", "find_saddle"]

Array = NDArray[np.float64]

# Residuals of so many numbers are formed in the widest type of the machine.
LARGEST_TO_EXTEND = 100_000
# Shares of the objective that may be left to gain when an exact solve is tried.
TRIES = (1e-7, 1e-10, 1e-13)
# Of the objective, what an exact saddle may leave to gain: rounding.
EXACT = 1e-12
# Directions whose share in the largest is below this are not told apart from rounding.
TOLD_APART = 1e-10


class Saddle(NamedTuple):
    """A place and slopes that prove how good it is.

    Attributes
    ----------
    parameters : array (p,)
    a : array (m,)
    shortfall : float
        The sum at the place less the dual at the slopes.
    feasible : bool
        Whether the slopes add up to nothing, so that they prove anything.
    doubt : array (p,) or None
        How far rounding may have moved the place, where it is the one minimum to the last digits: the slopes of an
        exact solve on the rows strictly inside their intervals are inside them. None where several places are lowest,
        or that cannot be told.
    """

    parameters: Array
    a: Array
    shortfall: float
    feasible: bool
    doubt: Array | None


def find_saddle(rows: Slopes, origin: Array) -> Saddle:
    """The minimum over θ (p,), found from `origin` (p,)."""
    white = Whitened.of(rows)
    residual = rows.z @ origin - rows.y
    with np.errstate(over="ignore", invalid="ignore"):
        scale, cost = typical(rows, residual), rows.value(residual)
    if not (0 < cost < np.inf and 0 < scale < np.inf) or not white.way.size:
        # Nothing is lost at a cost of 0, and nothing known where numbers do not reach.
        a = np.zeros_like(residual) if cost == 0 else rows.steepest(residual)
        with np.errstate(over="ignore", invalid="ignore"):
            return Saddle(origin, a, rows.shortfall(residual, a), cost == 0 or rows.feasible(a, origin), None)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        solver = Solver(rows, white.q, origin, residual, scale)
        nearest = None
        for nearest in worth_a_try(solver):
            exact = polish(rows, white, solver, nearest)
            if exact is not None:
                return exact if white.tells_all else exact._replace(doubt=None)
        if nearest is None:
            return Saddle(origin, np.zeros_like(residual), cost, True, None)
        place = origin + white.way @ nearest.phi
        a = solver.mend(nearest, place)
        return Saddle(place, a, rows.shortfall(rows.z @ place - rows.y, a), rows.feasible(a, place), None)


def worth_a_try(solver: Solver) -> Iterator[Interior]:
    """Places of the path where an exact solve is worth a try; the last of them is the nearest to the minimum.

    Rounding may take over before the last share is reached: the path then ends farther away than it has been.
    """
    tries, nearest, tried, least = list(TRIES), None, None, np.inf
    for place, left in solver.path():
        if left < least:
            nearest, least = place, left
        if nearest is place and left <= tries[0]:
            tries = [share for share in tries if share < left] or [tries.pop()]
            tried = place
            yield place
            if left <= TRIES[-1]:
                return
    if nearest is not None and nearest is not tried:
        yield nearest


def typical(rows: Slopes, residual: Array) -> float:
    """The size of residuals; where most are 0, as those of a penalty, a share of what the others cost."""
    size = np.abs(residual)
    span = np.where(np.isfinite(rows.hi - rows.lo), rows.hi - rows.lo, 0.0).sum()
    cost = 1e-3 * rows.value(residual) / span if span > 0 else 0.0
    return max(float(np.median(size) + 1e-3 * size.mean()), float(cost))


def polish(rows: Slopes, white: Whitened, solver: Solver, found: Interior) -> Saddle | None:
    """The exact saddle on the rows that are strictly inside their intervals, if these tell it and prove it."""
    g, h = solver.room(found)
    span = np.where(rows.c > 0, solver.scale / np.where(rows.c > 0, rows.c, 1.0), rows.hi - rows.lo)
    up = solver.has_upper & (g / span < found.upper / solver.scale)
    down = solver.has_lower & ~up & (h / span < found.lower / solver.scale)
    a = np.where(up, rows.hi, np.where(down, rows.lo, found.a))
    straight, curved = ~up & ~down & (rows.c == 0), ~up & ~down & (rows.c > 0)
    exact = Exact.of(white.q, straight, np.minimum(g, h) / span, curved, rows.c)
    if exact is None:
        return None
    place = solver.origin + white.way @ found.phi
    for _ in range(4):
        step, a = exact.correct(residual_of(rows, place), a)
        place = place + white.way @ step
    moved = residual_of(rows, place)
    a[curved], moved[exact.chosen] = moved[curved] / rows.c[curved], 0.0
    inside = (a > rows.lo) & (a < rows.hi)
    shortfall = rows.shortfall(moved, a)
    if not (np.all(inside[curved]) and np.all(inside[exact.chosen]) and rows.feasible(a, place)):
        return None
    if not shortfall <= EXACT * rows.value(moved):
        return None
    rounding = EPS * (np.abs(rows.z) @ np.abs(place) + np.abs(rows.y))
    doubt = np.linalg.norm(white.way, axis=1) * exact.doubt(rounding) + EPS * np.abs(place)
    return Saddle(place, a, shortfall, True, doubt)


def residual_of(rows: Slopes, place: Array) -> Array:
    """zθ - y, formed in the widest type of the machine where the rows are few."""
    wide: Any = np.longdouble if rows.z.size <= LARGEST_TO_EXTEND else np.float64
    return np.asarray(rows.z.astype(wide) @ place.astype(wide) - rows.y, dtype=np.float64)


@dataclass(frozen=True)
class Exact:
    """The linear equations of a minimum: rows that are met exactly, and rows on their parabolas.

    Attributes
    ----------
    q : array (m, r)
    chosen : array (k,)
        The rows that are met.
    curved : array (m,)
        The rows on parabolas.
    roots : array
        √c of these.
    basis, triangle, free, bent : arrays
        q[chosen]ᵀ = basis · triangle; directions free of these (r, r - k); the triangle of the parabolas along them.
    """

    q: Array
    chosen: NDArray[np.int64]
    curved: NDArray[np.bool_]
    roots: Array
    basis: Array
    triangle: Array
    free: Array
    bent: Array

    @classmethod
    def of(
        cls, q: Array, straight: NDArray[np.bool_], depth: Array, curved: NDArray[np.bool_], c: Array
    ) -> Self | None:
        """The equations, of the straight rows that are deepest in their intervals; None where they leave a choice."""
        chosen = independent(q, np.flatnonzero(straight), depth)
        full, triangle = scipy.linalg.qr(q[chosen].T, check_finite=False) if chosen.size else (np.eye(q.shape[1]),) * 2
        free, roots = full[:, chosen.size :], np.sqrt(c[curved])
        bent = np.empty((0, 0))
        if free.shape[1]:
            slopes = (q[curved] @ free) / roots[:, None]
            if slopes.shape[0] < free.shape[1]:
                return None
            bent = scipy.linalg.qr(slopes, mode="r", check_finite=False)[0][: free.shape[1]]
            if not least_singular(bent) > EXACT * float(np.linalg.norm(slopes)):
                return None
        return cls(q, chosen, curved, roots, full[:, : chosen.size], triangle[: chosen.size], free, bent)

    def correct(self, residual: Array, a: Array) -> tuple[Array, Array]:
        """The step (r,) to the minimum from where the residuals are these, and the slopes there."""
        q, chosen, curved = self.q, self.chosen, self.curved
        rest = a.copy()
        rest[chosen] = 0.0
        rest[curved] = 0.0
        pull = rest @ q
        step = np.zeros(q.shape[1])
        if chosen.size:
            step = self.basis @ scipy.linalg.solve_triangular(self.triangle, -residual[chosen], trans="T")
        if self.free.shape[1]:
            bent = ((residual[curved] + q[curved] @ step) / self.roots**2) @ q[curved]
            right = self.free.T @ (bent + pull)
            step = step - self.free @ scipy.linalg.cho_solve((self.bent, False), right, check_finite=False)
        slopes = rest
        slopes[curved] = (residual[curved] + q[curved] @ step) / self.roots**2
        if chosen.size:
            slopes[chosen] = scipy.linalg.solve_triangular(self.triangle, -(self.basis.T @ (slopes @ q)))
        return step, slopes

    def doubt(self, rounding: Array) -> float:
        """How far the solution (r,) may be off, where residuals are by `rounding` (m,)."""
        met = 0.0
        if self.chosen.size:
            met = float(np.linalg.norm(rounding[self.chosen])) / least_singular(self.triangle)
        if self.free.shape[1]:
            met += float(np.linalg.norm(rounding[self.curved] / self.roots)) / least_singular(self.bent)
        return met


def independent(q: Array, candidates: NDArray[np.int64], depth: Array) -> NDArray[np.int64]:
    """As many of some rows as are independent, those deepest in their intervals first."""
    if not candidates.size:
        return candidates
    weighed = (q[candidates] * np.sqrt(depth[candidates])[:, None]).T
    falling, order = scipy.linalg.qr(weighed, mode="r", pivoting=True, check_finite=False)
    sizes = np.abs(np.diagonal(falling))
    kept: NDArray[np.int64] = candidates[order[: int(np.count_nonzero(sizes > TOLD_APART * sizes[0]))]]
    return kept


def least_singular(triangle: Array) -> float:
    """The smallest singular value."""
    return float(np.linalg.svd(triangle, compute_uv=False)[-1])
