"""Learning rates: a schedule is a function of the epoch, counted from 0 for the first update.

A *rate rule* decides the rate of each update and may carry a state. Every schedule is one
(`Scheduled`); `MeasuredRate` reads the curvature off the steps it has made.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "InverseTime",
    "MeasuredRate",
    "RateRule",
    "Schedule",
    "Scheduled",
    "StepDecay",
    "is_constant",
]

Array = NDArray[np.float64]
Schedule = Callable[[int], float]


def require_positive(**numbers: float) -> None:
    """Raise `InputError` for the first number that is not positive and finite."""
    for name, number in numbers.items():
        if not (0 < number < math.inf):
            raise InputError(Finding.of("steps.not_positive", name=name, got=number))


@dataclass(frozen=True)
class Constant:
    """The same rate at every update.

    Examples
    --------
    >>> Constant(0.5)(10)
    0.5
    """

    rate: float

    def __post_init__(self) -> None:
        require_positive(rate=self.rate)

    def __call__(self, epoch: int) -> float:
        return self.rate


@dataclass(frozen=True)
class InverseTime:
    """rate / (1 + epoch / half_life): half the first rate after `half_life` epochs.

    Examples
    --------
    >>> InverseTime(0.5, half_life=10)(10)
    0.25
    """

    rate: float
    half_life: float = 100.0

    def __post_init__(self) -> None:
        require_positive(rate=self.rate, half_life=self.half_life)

    def __call__(self, epoch: int) -> float:
        return self.rate / (1.0 + epoch / self.half_life)


@dataclass(frozen=True)
class InverseScaling:
    """rate / (epoch + 1)^power; power 0.5 is the classical rate of the subgradient method.

    Examples
    --------
    >>> InverseScaling(0.5)(3)
    0.25
    """

    rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        require_positive(rate=self.rate, power=self.power)

    def __call__(self, epoch: int) -> float:
        return float(self.rate / (epoch + 1.0) ** self.power)


@dataclass(frozen=True)
class Exponential:
    """rate · decay^epoch.

    Examples
    --------
    >>> Exponential(0.5, decay=0.5)(2)
    0.125
    """

    rate: float
    decay: float = 0.99

    def __post_init__(self) -> None:
        require_positive(rate=self.rate, decay=self.decay)

    def __call__(self, epoch: int) -> float:
        return float(self.rate * self.decay**epoch)


@dataclass(frozen=True)
class StepDecay:
    """rate, multiplied by `factor` after every `every` epochs.

    Examples
    --------
    >>> StepDecay(0.5, factor=0.5, every=100)(250)
    0.125
    """

    rate: float
    factor: float = 0.5
    every: int = 100

    def __post_init__(self) -> None:
        require_positive(rate=self.rate, factor=self.factor, every=self.every)

    def __call__(self, epoch: int) -> float:
        return float(self.rate * self.factor ** (epoch // self.every))


@dataclass(frozen=True)
class Cosine:
    """From `rate` down to `last` along half a cosine over `epochs`, then `last` (Loshchilov, Hutter, 2017).

    Examples
    --------
    >>> cosine = Cosine(0.5, epochs=100, last=0.1)
    >>> cosine(0), round(cosine(50), 3), cosine(100)
    (0.5, 0.3, 0.1)
    """

    rate: float
    epochs: int
    last: float

    def __post_init__(self) -> None:
        require_positive(rate=self.rate, epochs=self.epochs, last=self.last)

    def __call__(self, epoch: int) -> float:
        share = min(epoch / self.epochs, 1.0)
        return self.last + 0.5 * (self.rate - self.last) * (1.0 + math.cos(math.pi * share))


def is_constant(rate: float | Schedule) -> bool:
    """Whether a rate as it is given, a number or a schedule, is the same at every update."""
    return isinstance(rate, float | Constant)


class RateRule(Protocol):
    """Decides the rate of each update."""

    @property
    def constant(self) -> float | None:
        """The rate of every update, where it is known to be the same."""

    def init(self) -> Any:
        """The state before the first update."""

    def rate(self, epoch: int, parameters: Array, gradient: Array, state: Any) -> tuple[float, Any]:
        """The rate of update `epoch` + 1, which is about to be made, and the next state."""


@dataclass(frozen=True)
class Scheduled:
    """A schedule as a rate rule."""

    schedule: Schedule

    @property
    def constant(self) -> float | None:
        return self.schedule.rate if isinstance(self.schedule, Constant) else None

    def init(self) -> None:
        return None

    def rate(self, epoch: int, parameters: Array, gradient: Array, state: None) -> tuple[float, None]:
        given = self.schedule(epoch)
        try:
            rate = float(given)
        except (TypeError, ValueError):
            rate = math.nan
        if not (0 < rate < math.inf):
            raise InputError(Finding.of("steps.schedule", got=given, epoch=epoch))
        return rate, None


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
    least : float
        A rate that is safe everywhere: 1 over a bound of the curvature, where one is known.
    """

    first: float
    fastest: float = math.inf
    least: float = 0.0
    constant: ClassVar[float | None] = None

    def init(self) -> Measured:
        # The first measured curvature decides, however far the guess was off: its growth is not bounded.
        return Measured(self.first, math.inf, None, None)

    def rate(self, epoch: int, parameters: Array, gradient: Array, state: Measured) -> tuple[float, Measured]:
        if state.parameters is None or state.gradient is None:
            return self.round_down(state.rate), Measured(state.rate, math.inf, parameters, gradient)
        moved = float(np.linalg.norm(parameters - state.parameters))
        turned = float(np.linalg.norm(gradient - state.gradient))
        local = moved / (2.0 * turned) if turned > 0 else math.inf
        unmeasured = math.isinf(state.growth) and math.isinf(local)
        # A first step into a region without curvature measures nothing: grow boldly, but boundedly.
        bound = 10.0 if unmeasured else math.sqrt(1.0 + state.growth)
        rate = max(min(min(bound, self.fastest) * state.rate, local), self.least)
        if not (0 < rate < math.inf):
            rate = state.rate
        growth = math.inf if unmeasured else rate / state.rate
        return max(self.round_down(rate), self.least), Measured(rate, growth, parameters, gradient)

    def round_down(self, rate: float) -> float:
        """`rate`, rounded down to the grid; the odd offset keeps likely values off its edges."""
        ratio = rate / self.first
        if not (0 < ratio < math.inf):
            # A first guess that is farther off than numbers reach is no unit of a grid.
            return rate
        steps = math.floor(2.0 * math.log2(ratio) + 0.37) - 0.37
        return float(self.first * 2.0 ** (0.5 * steps))
