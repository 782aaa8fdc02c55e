"""Learning rates: a schedule is a function of the epoch, counted from 0 for the first update.

A *rate rule* decides the rate of each update and may carry a state. Every schedule is one (`Scheduled`); the rules of
`measured_rates` read the curvature off the steps that were made.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

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
