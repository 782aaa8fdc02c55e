"""Rates that are measured on the way: each step shows the curvature that it met, at no further pass over the rows."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FallingRate", "MeasuredRate"]

Array = NDArray[np.float64]

# A gradient that turned by this share of its length or less has turned by rounding.
ROUNDING = 1e-9
# The largest growth of a rate that is still a guess, an epoch.
BOLD = 10.0
# The growth of a rate, an epoch, before it begins to fall.
RISE = 1.5


class Measured(NamedTuple):
    """What `MeasuredRate` remembers: the last rate, its growth, and the last place and gradient."""

    rate: float
    growth: float
    parameters: Array | None
    gradient: Array | None


@dataclass(frozen=True)
class MeasuredRate:
    """1 / (2 × the curvature met on the last step), growing by a bounded factor (AdGD).

    λ_k = min(√(1 + θ_{k-1}) λ_{k-1}, ‖x_k - x_{k-1}‖ / (2 ‖∇f(x_k) - ∇f(x_{k-1})‖)), θ_k = λ_k / λ_{k-1}.
    It converges for every convex, locally smooth function without knowing any constant, on any scaling, and
    asks for no further pass over the rows. Y. Malitsky and K. Mishchenko, "Adaptive gradient descent without
    descent", ICML 2020. The rate handed out is λ_k rounded down to a grid of factors √2: fed back unrounded, it
    would amplify rounding errors from epoch to epoch, and the order of the rows would show in the result.

    Parameters
    ----------
    first : float
        The rate of the first update; too small costs a few epochs, too large is mended by the second.
    fastest : float
        The largest growth in one epoch. Momentum carries steps on: a rate that grows faster than it forgets
        them throws the run over its goal.
    most : float
        The largest rate: 1 / (a curvature that is met everywhere, such as that of a ridge).
    """

    first: float
    fastest: float = math.inf
    most: float = math.inf
    constant: ClassVar[float | None] = None

    def init(self) -> Measured:
        # The first measured curvature decides: a guess may be far off.
        return Measured(self.first, math.inf, None, None)

    def rate(self, epoch: int, parameters: Array, gradient: Array, state: Measured) -> tuple[float, Measured]:
        if state.parameters is None or state.gradient is None:
            return round_down(state.rate, self.first), Measured(state.rate, math.inf, parameters, gradient)
        met = curvature_met(parameters - state.parameters, state.gradient, gradient)
        unmeasured = math.isinf(state.growth) and not met
        # Far from its kinks a loss is straight, whatever it is nearer to them: a first step says little of its goal.
        bound = min(math.sqrt(1.0 + state.growth), BOLD)
        rate = min(min(bound, self.fastest) * state.rate, 0.5 / met if met else math.inf, self.most)
        if not (0 < rate < math.inf):
            rate = state.rate
        growth = math.inf if unmeasured else rate / state.rate
        return round_down(rate, self.first), Measured(rate, growth, parameters, gradient)


class Met(NamedTuple):
    """What `FallingRate` remembers: the last rate, whether it may still rise, and the last place and gradient."""

    rate: float
    rises: bool
    parameters: Array | None
    gradient: Array | None


@dataclass(frozen=True)
class FallingRate:
    """1 / (the largest curvature met since the rate began to fall), but at least a rate that is safe everywhere.

    Accelerated steps need rates that do not rise again: where they do, inertia built up on small curvatures meets large
    ones. So the rate rises only as long as nothing bends, and then it settles, as by backtracking (Beck and Teboulle,
    2009), but without trying a step twice. It is rounded down to a grid of factors √2.

    Parameters
    ----------
    least : float
        The first rate: 1 / (a bound of the curvature).
    most : float
        The largest: 1 / (a curvature that is met everywhere, such as that of a ridge).
    """

    least: float
    most: float = math.inf
    constant: ClassVar[float | None] = None

    def init(self) -> Met:
        return Met(self.least, True, None, None)

    def rate(self, epoch: int, parameters: Array, gradient: Array, state: Met) -> tuple[float, Met]:
        rate, rises = state.rate, state.rises
        if state.parameters is not None and state.gradient is not None:
            met = curvature_met(parameters - state.parameters, state.gradient, gradient)
            if math.isfinite(met):
                rises = rises and RISE * rate * met <= 1.0
                rate = min(RISE * rate, self.most) if rises else max(min(rate, 1.0 / met if met else rate), self.least)
        return max(round_down(rate, self.least), self.least), Met(rate, rises, parameters, gradient)


def curvature_met(move: Array, before: Array, after: Array) -> float:
    """‖the turn of the gradient‖ / ‖the move‖: 0 where it turned by rounding, infinite where nothing moved."""
    moved, turned = float(np.linalg.norm(move)), float(np.linalg.norm(after - before))
    if not moved:
        return math.inf
    return turned / moved if turned > ROUNDING * float(np.linalg.norm(before)) else 0.0


def round_down(rate: float, unit: float) -> float:
    """`rate`, rounded down to the grid of `unit`; the odd offset keeps likely values off its edges."""
    ratio = rate / unit
    if not (0 < ratio < math.inf):
        # A first guess that is farther off than numbers reach is no unit of a grid.
        return rate
    steps = math.floor(2.0 * math.log2(ratio) + 0.37) - 0.37
    return float(unit * 2.0 ** (0.5 * steps))
