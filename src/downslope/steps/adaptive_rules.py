"""Adaptive step rules: each coordinate moves by about the rate, whatever its slope and the units of y."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.steps.schedules import Constant, Exponential, InverseTime, Schedule
from downslope.steps.step_rule import Prox

__all__ = ["AdaGrad", "Adam", "RMSProp"]

Array = NDArray[np.float64]


class Slots(NamedTuple):
    """What the adaptive rules remember: running g, running g², the largest abs(g) of each coordinate, updates."""

    mean: Array
    square: Array
    peak: Array
    updates: int

    @classmethod
    def empty(cls, parameters: Array) -> "Slots":
        """Before the first update."""
        zeros = np.zeros_like(parameters)
        return cls(zeros, zeros, zeros, 0)


def inverse_root(square: Array, peak: Array) -> Array:
    """1/(√s + ε), with ε a share of the gradients met so far, so that steps do not depend on the units of y.

    Without ε a coordinate that is settled would be moved by its rounding errors.
    """
    root = np.sqrt(square) + 1e-8 * peak + 1e-12 * peak.max(initial=0.0)
    inverse: Array = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    return inverse


@dataclass(frozen=True)
class AdaGrad:
    """s ← s + g², θ ← θ - ηg/√s (Duchi, Hazan and Singer, 2011)."""

    linear: ClassVar[bool] = False
    steady: ClassVar[bool] = False
    stable_product: ClassVar[float] = math.nan
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = True
    trusts_curvature: ClassVar[bool] = False

    def init(self, parameters: Array) -> Slots:
        return Slots.empty(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Slots, prox: Prox) -> tuple[Array, Slots]:
        peak = np.maximum(state.peak, np.abs(gradient))
        square = state.square + gradient * gradient
        step = rate * inverse_root(square, peak)
        return prox(parameters - step * gradient, step), Slots(gradient, square, peak, state.updates + 1)

    def report(self, parameters: Array, state: Slots) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)


@dataclass(frozen=True)
class RMSProp:
    """s ← ρs + (1 - ρ)g², θ ← θ - ηg/√s (Tieleman and Hinton, 2012)."""

    decay: float = 0.9
    linear: ClassVar[bool] = False
    steady: ClassVar[bool] = False
    stable_product: ClassVar[float] = math.nan
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    def init(self, parameters: Array) -> Slots:
        return Slots.empty(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Slots, prox: Prox) -> tuple[Array, Slots]:
        peak = np.maximum(state.peak, np.abs(gradient))
        square = self.decay * state.square + (1.0 - self.decay) * gradient * gradient
        step = rate * inverse_root(square, peak)
        return prox(parameters - step * gradient, step), Slots(gradient, square, peak, state.updates + 1)

    def report(self, parameters: Array, state: Slots) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        # Its steps do not shrink with the gradient: its rate must, down to the digits that are wanted.
        return Exponential(first, 0.5**0.005)


@dataclass(frozen=True)
class Adam:
    """m ← β₁m + (1 - β₁)g, s ← β₂s + (1 - β₂)g², θ ← θ - η m̂/√ŝ (Kingma and Ba, 2015)."""

    momentum: float = 0.9
    decay: float = 0.999
    linear: ClassVar[bool] = False
    steady: ClassVar[bool] = False
    stable_product: ClassVar[float] = math.nan
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    def init(self, parameters: Array) -> Slots:
        return Slots.empty(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Slots, prox: Prox) -> tuple[Array, Slots]:
        count = state.updates + 1
        peak = np.maximum(state.peak, np.abs(gradient))
        mean = self.momentum * state.mean + (1.0 - self.momentum) * gradient
        square = self.decay * state.square + (1.0 - self.decay) * gradient * gradient
        step = rate * inverse_root(square / (1.0 - self.decay**count), peak)
        aimed = parameters - step * (mean / (1.0 - self.momentum**count))
        return prox(aimed, step), Slots(mean, square, peak, count)

    def report(self, parameters: Array, state: Slots) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return InverseTime(first, 100.0)
