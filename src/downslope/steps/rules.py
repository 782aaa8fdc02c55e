"""Step rules: each is a pair (init, update) over a state that is passed in and handed back.

`update` makes one step from θ with gradient g and rate η and ends in the proximal step `prox(point, step)`,
so that every rule composes with every penalty. With momentum the velocity is read off the step that was made,
which keeps the fixed point right under L1; without a penalty it is the usual recursion v ← βv + g.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError
from downslope.steps.adaptive_rules import AdaGrad, Adam, RMSProp
from downslope.steps.schedules import Constant, Schedule
from downslope.steps.step_rule import Prox, StepRule
from downslope.texts import Finding

__all__ = [
    "METHODS",
    "AdaGrad",
    "Adam",
    "Averaged",
    "HeavyBall",
    "Nesterov",
    "Plain",
    "RMSProp",
    "Saga",
    "StepRule",
    "fastest_heavy_ball",
    "fastest_nesterov",
    "fastest_plain",
    "make_step_rule",
]

Array = NDArray[np.float64]

METHODS = ("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga")


@dataclass(frozen=True)
class Plain:
    """θ ← θ - ηg: the textbook's step (Cauchy, 1847)."""

    linear: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    stable_product: ClassVar[float] = 2.0
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    def init(self, parameters: Array) -> None:
        return None

    def update(self, parameters: Array, gradient: Array, rate: float, state: None, prox: Prox) -> tuple[Array, None]:
        return prox(parameters - rate * gradient, rate), None

    def report(self, parameters: Array, state: None) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)


@dataclass(frozen=True)
class HeavyBall:
    """v ← βv + g, θ ← θ - ηv: steps that keep a share β of the last one (Polyak, 1964)."""

    momentum: float = 0.9
    linear: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    carries_velocity: ClassVar[bool] = True
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    @property
    def stable_product(self) -> float:
        return 2.0 * (1.0 + self.momentum)

    @property
    def inertia(self) -> float:
        return self.momentum

    def init(self, parameters: Array) -> Array:
        return np.zeros_like(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Array, prox: Prox) -> tuple[Array, Array]:
        velocity = self.momentum * state + gradient
        aimed = parameters - rate * velocity
        reached = prox(aimed, rate)
        return reached, velocity if reached is aimed else (parameters - reached) / rate

    def report(self, parameters: Array, state: Array) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)


@dataclass(frozen=True)
class Nesterov:
    """v ← βv + g, θ ← θ - η(g + βv): the gradient is taken where the momentum leads (Nesterov, 1983).

    θ is the point of look-ahead, as in Sutskever et al. (2013) and in PyTorch.
    """

    momentum: float = 0.9
    linear: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    carries_velocity: ClassVar[bool] = True
    looks_ahead: ClassVar[bool] = True
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = False
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    @property
    def stable_product(self) -> float:
        return (2.0 + 2.0 * self.momentum) / (1.0 + 2.0 * self.momentum)

    @property
    def inertia(self) -> float:
        return self.momentum

    def init(self, parameters: Array) -> Array:
        return np.zeros_like(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Array, prox: Prox) -> tuple[Array, Array]:
        aimed = parameters - rate * gradient
        reached = prox(aimed, rate)
        if reached is aimed:
            velocity = self.momentum * state + gradient
            return parameters - rate * (gradient + self.momentum * velocity), velocity
        behind = parameters + rate * self.momentum * state
        velocity = (behind - reached) / rate
        return reached - rate * self.momentum * velocity, velocity

    def report(self, parameters: Array, state: Array) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)


@dataclass(frozen=True)
class Saga:
    """θ ← θ - η(ψᵢ - ψᵢ' + mean of all ψ'): plain steps whose noise dies away (Defazio, Bach and Lacoste-Julien, 2014).

    ψ' is what each row said when it was last visited; with all rows in one batch, as here, the step is plain.
    """

    linear: ClassVar[bool] = True
    steady: ClassVar[bool] = True
    stable_product: ClassVar[float] = 2.0
    inertia: ClassVar[float] = 0.0
    carries_velocity: ClassVar[bool] = False
    looks_ahead: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    remembers_rows: ClassVar[bool] = True
    decays_by_itself: ClassVar[bool] = False
    trusts_curvature: ClassVar[bool] = False

    def init(self, parameters: Array) -> None:
        return None

    def update(self, parameters: Array, gradient: Array, rate: float, state: None, prox: Prox) -> tuple[Array, None]:
        return Plain().update(parameters, gradient, rate, state, prox)

    def report(self, parameters: Array, state: None) -> Array:
        return parameters

    def schedule(self, first: float) -> Schedule:
        return Constant(first)


class Average(NamedTuple):
    """The state of the wrapped rule, and the mean of the places it has reached."""

    inner: Any
    mean: Array
    averaged: int


@dataclass(frozen=True)
class Averaged:
    """Report the mean of the places reached so far instead of the last one (Polyak and Juditsky, 1992).

    It settles where the steps of its rule do, at the rates that are theirs.
    """

    rule: StepRule = Plain()
    linear: ClassVar[bool] = False
    carries_velocity: ClassVar[bool] = False
    averages: ClassVar[bool] = True
    trusts_curvature: ClassVar[bool] = False

    @property
    def steady(self) -> bool:
        return self.rule.steady

    @property
    def stable_product(self) -> float:
        return self.rule.stable_product

    @property
    def inertia(self) -> float:
        return self.rule.inertia

    @property
    def looks_ahead(self) -> bool:
        return self.rule.looks_ahead

    @property
    def remembers_rows(self) -> bool:
        return self.rule.remembers_rows

    @property
    def decays_by_itself(self) -> bool:
        return self.rule.decays_by_itself

    def init(self, parameters: Array) -> Average:
        return Average(self.rule.init(parameters), parameters, 0)

    def update(
        self, parameters: Array, gradient: Array, rate: float, state: Average, prox: Prox
    ) -> tuple[Array, Average]:
        reached, inner = self.rule.update(parameters, gradient, rate, state.inner, prox)
        count = state.averaged + 1
        return reached, Average(inner, state.mean + (reached - state.mean) / count, count)

    def report(self, parameters: Array, state: Average) -> Array:
        return state.mean

    def schedule(self, first: float) -> Schedule:
        return self.rule.schedule(first)


def fastest_plain(steep: float, flat: float) -> float:
    """The rate at which plain steps shrink what is left along both curvatures alike, the fastest in the long run.

    Examples
    --------
    >>> fastest_plain(4.0, 1.0)
    0.4
    """
    return 2.0 / (steep + flat)


def fastest_heavy_ball(steep: float, flat: float) -> tuple[float, float]:
    """The rate and momentum that are fastest between two curvatures (Polyak, 1964).

    Examples
    --------
    >>> fastest_heavy_ball(4.0, 1.0)
    (0.4444444444444444, 0.1111111111111111)
    """
    root = float(np.sqrt(steep / flat))
    return 4.0 / float(np.sqrt(steep) + np.sqrt(flat)) ** 2, ((root - 1.0) / (root + 1.0)) ** 2


def fastest_nesterov(steep: float, flat: float) -> tuple[float, float]:
    """The same of Nesterov's steps (Lessard, Recht and Packard, 2016)."""
    wide = float(np.sqrt(3.0 * steep / flat + 1.0))
    return 4.0 / (3.0 * steep + flat), (wide - 2.0) / (wide + 2.0)


def make_step_rule(method: str, momentum: float = 0.9) -> StepRule:
    """Return the step rule called `method`; `momentum` is the β of heavy ball, Nesterov and Adam.

    Examples
    --------
    >>> import numpy as np
    >>> rule = make_step_rule("momentum", momentum=0.5)
    >>> place = np.array([1.0])
    >>> place, velocity = rule.update(place, 2 * place, 0.1, rule.init(place), lambda point, step: point)
    >>> place, velocity = rule.update(place, 2 * place, 0.1, velocity, lambda point, step: point)
    >>> place.round(12).tolist(), velocity.round(12).tolist()
    ([0.54], [2.6])
    """
    rules: dict[str, StepRule] = {
        "gd": Plain(),
        "momentum": HeavyBall(momentum),
        "nesterov": Nesterov(momentum),
        "adagrad": AdaGrad(),
        "rmsprop": RMSProp(),
        "adam": Adam(momentum),
        "averaged": Averaged(),
        "saga": Saga(),
    }
    if method not in rules:
        raise InputError(Finding.of("steps.method", method=method, known=", ".join(METHODS)))
    return rules[method]
