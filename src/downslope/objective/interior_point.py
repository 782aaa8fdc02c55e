"""Mehrotra's predictor-corrector method on the slopes of rows, dual and primal together.

S. Mehrotra, "On the implementation of a primal-dual interior point method", 1992; Portnoy and Koenker (1997) brought it
to regression.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.objective.slopes import Slopes

__all__ = ["Interior", "Solver"]

Array = NDArray[np.float64]

LARGEST_NUMBER_OF_STEPS = 80
# How much of the way to the nearest bound a step goes.
SHARE_OF_WAY = 0.9995
# A step after which this many times more is left to gain has left the path: rounding has taken over.
LOST = 1e6
# Of a minimum of 0 no share can be taken: then this much of the start stands for it.
SMALLEST_SHARE = 1e-5
# Shares of the diagonal that are added where a matrix is singular but for rounding.
RIDGES = (0.0, 1e-15, 1e-13, 1e-11, 1e-9, 1e-6, 1e-3)


class Interior(NamedTuple):
    """A place φ, slopes strictly between their bounds, and the multipliers of the upper and the lower bounds."""

    phi: Array
    a: Array
    upper: Array
    lower: Array

    def moved(self, by: "Interior", of_place: float, of_slopes: float) -> "Interior":
        """After a step of these lengths."""
        return Interior(
            self.phi + of_place * by.phi,
            self.a + of_slopes * by.a,
            self.upper + of_place * by.upper,
            self.lower + of_place * by.lower,
        )


class Solver:
    """Mehrotra's method on rows q·φ + residual."""

    def __init__(self, rows: Slopes, q: Array, origin: Array, residual: Array, scale: float) -> None:
        """The residuals are those at `origin` (p,), and their size is about `scale`."""
        self.rows, self.q, self.origin, self.residual, self.scale = rows, q, origin, residual, scale
        self.has_upper, self.has_lower = np.isfinite(rows.hi), np.isfinite(rows.lo)
        self.one_length = bool(np.any(rows.c > 0))

    def start(self) -> Interior:
        """Slopes in the middle of their intervals."""
        rows, r = self.rows, self.residual
        a = np.where((rows.lo < 0) & (rows.hi > 0), 0.0, 0.5 * (rows.lo + rows.hi))
        curved = rows.c > 0
        near = 0.1 * self.scale / np.where(curved, rows.c, 1.0)
        steep = np.where(curved, r / np.where(curved, rows.c, 1.0), 0.0)
        a = np.where(self.has_lower & ~self.has_upper, rows.lo + np.maximum(steep, 0.0) + near, a)
        a = np.where(self.has_upper & ~self.has_lower, rows.hi - np.maximum(-steep, 0.0) - near, a)
        a = np.where(self.has_upper | self.has_lower, a, steep)
        upper = np.where(self.has_upper, np.maximum(r, 0.0) + 0.1 * self.scale, 0.0)
        lower = np.where(self.has_lower, np.maximum(-r, 0.0) + 0.1 * self.scale, 0.0)
        return Interior(np.zeros(self.q.shape[1]), a, upper, lower)

    def room(self, at: Interior) -> tuple[Array, Array]:
        """How far the slopes are from their bounds; 1 where there is none."""
        return (
            np.where(self.has_upper, self.rows.hi - at.a, 1.0),
            np.where(self.has_lower, at.a - self.rows.lo, 1.0),
        )

    def path(self) -> Iterator[tuple[Interior, float]]:
        """Places nearer and nearer to the minimum, each with what is left to gain as a share of the sum there."""
        at, n_bounds = self.start(), max(int(self.has_upper.sum() + self.has_lower.sum()), 1)
        first, best_left = self.rows.value(self.residual), np.inf
        for _ in range(LARGEST_NUMBER_OF_STEPS):
            g, h = self.room(at)
            moved = self.residual + self.q @ at.phi
            missed = -(moved - self.rows.c * at.a - at.upper + at.lower)
            apart = float(at.upper @ g + at.lower @ h)
            left = apart + float(np.abs(missed) @ np.abs(at.a)) + float(np.abs(at.a @ self.q).sum()) * self.scale
            if not left <= LOST * best_left:
                return
            best_left = min(left, best_left)
            yield at, left / max(self.rows.value(moved), SMALLEST_SHARE * first)
            weight = 1.0 / (self.rows.c + at.upper / g + at.lower / h)
            newton = Newton(at, g, h, missed, weight, Normal(self.q, weight))
            affine = self.direction(newton, 0.0, None)
            aimed = at.moved(affine, *self.lengths(at, affine, g, h, 1.0))
            g_aimed, h_aimed = self.room(aimed)
            share = float(aimed.upper @ g_aimed + aimed.lower @ h_aimed) / apart if apart > 0 else 0.0
            centred = self.direction(newton, max(share, 0.0) ** 3 * apart / n_bounds, affine)
            at = at.moved(centred, *self.lengths(at, centred, g, h, SHARE_OF_WAY))

    def direction(self, newton: "Newton", centre: float, affine: Interior | None) -> Interior:
        """The way to the place of the central path where every product of room and multiplier is `centre`."""
        at, g, h, missed, weight, normal = newton
        above, below = centre - at.upper * g, centre - at.lower * h
        if affine is not None:
            above, below = above + affine.upper * affine.a, below - affine.lower * affine.a
        above, below = np.where(self.has_upper, above / g, 0.0), np.where(self.has_lower, below / h, 0.0)
        goal = missed + above - below
        phi = normal.solve(-(at.a @ self.q) + (weight * goal) @ self.q)
        a = weight * (self.q @ phi - goal)
        return Interior(phi, a, above + at.upper / g * a, below - at.lower / h * a)

    def lengths(self, at: Interior, by: Interior, g: Array, h: Array, share: float) -> tuple[float, float]:
        """How far place and slopes may go; together where a parabola ties them."""
        place = min(1.0, share * least_ratio(at.upper, -by.upper), share * least_ratio(at.lower, -by.lower))
        up, down = np.where(self.has_upper, by.a, 0.0), np.where(self.has_lower, -by.a, 0.0)
        slopes = min(1.0, share * least_ratio(g, up), share * least_ratio(h, down))
        return (min(place, slopes),) * 2 if self.one_length else (place, slopes)

    def mend(self, at: Interior, place: Array) -> Array:
        """The slopes, moved until they add up to nothing: of a few corrections the one that proves most."""
        rows, (g, h) = self.rows, self.room(at)
        weight = 1.0 / (rows.c + at.upper / g + at.lower / h)
        factor, residual = Normal(self.q, weight), self.residual + self.q @ at.phi
        tries = [at.a]
        for _ in range(3):
            a = tries[-1]
            tries.append(np.clip(a - weight * (self.q @ factor.solve(a @ self.q)), rows.lo, rows.hi))
        return min(tries, key=lambda a: (not rows.feasible(a, place), rows.shortfall(residual, a)))


class Newton(NamedTuple):
    """What both directions of a step need: the place, its room, what is missed, the weights and their normal matrix."""

    at: Interior
    g: Array
    h: Array
    missed: Array
    weight: Array
    normal: "Normal"


class Normal:
    """qᵀ diag(weight) q, factored; solutions are corrected once."""

    def __init__(self, q: Array, weight: Array) -> None:
        self.matrix = (q * weight[:, None]).T @ q
        diagonal = np.diagonal(self.matrix)
        self.scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        scaled = self.matrix * self.scale[:, None] * self.scale
        for ridge in RIDGES:
            shifted = scaled + ridge * np.eye(diagonal.size) if ridge else scaled
            lower, info = scipy.linalg.lapack.dpotrf(shifted, lower=1)
            if info == 0 and np.all(np.isfinite(lower)):
                break
        self.lower = lower

    def solve(self, right: Array) -> Array:
        """The solution for one right side (r,)."""
        solution = self.once(right)
        return solution + self.once(right - self.matrix @ solution)

    def once(self, right: Array) -> Array:
        """The same, uncorrected."""
        inner: Array = scipy.linalg.lapack.dpotrs(self.lower, self.scale * right, lower=1)[0]
        return self.scale * inner


def least_ratio(room: Array, towards: Array) -> float:
    """The smallest room/towards where `towards` is positive."""
    going = towards > 0
    return float(np.min(room[going] / towards[going])) if going.any() else np.inf
