"""Accelerated steps that forget their speed when it leads uphill: what "auto" takes where epochs cost something."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.steps.schedules import Constant, Schedule
from downslope.steps.step_rule import Prox

__all__ = ["Accelerated"]

Array = NDArray[np.float64]


class Speed(NamedTuple):
    """The last place that a step reached (p,), and how far the inertia has grown."""

    reached: Array
    t: float


@dataclass(frozen=True)
class Accelerated:
    """x⁺ = prox(θ - ηg), θ ← x⁺ + (t - 1)/t⁺ · (x⁺ - x): FISTA (Beck and Teboulle, 2009), restarted.

    Where θ - x⁺ points along the last move x⁺ - x, inertia has carried the steps uphill, and t begins again at 1
    (O'Donoghue and Candès, "Adaptive restart for accelerated gradient schemes", 2015). θ is the point of look-ahead.
    """

    linear: ClassVar[bool] = False
    steady: ClassVar[bool] = True
    # That of Nesterov's steps as their inertia goes to 1.
    stable_product: ClassVar[float] = 4.0 / 3.0
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = True
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = True

    def init(self, parameters: Array) -> Speed:
        return Speed(parameters, 1.0)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Speed, prox: Prox) -> tuple[Array, Speed]:
        reached = prox(parameters - rate * gradient, rate)
        moved = reached - state.reached
        if float((parameters - reached) @ moved) > 0:
            return reached, Speed(reached, 1.0)
        t = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * state.t**2))
        return reached + (state.t - 1.0) / t * moved, Speed(reached, float(t))

    def report(self, parameters: Array, state: Speed) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)
