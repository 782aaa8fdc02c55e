"""Step rules: each is a pair (init, update) over a state that is passed in and handed back.

`update` makes one step from θ with gradient g and rate η and ends in the proximal step `prox(point, step)`,
so that every rule composes with every penalty. With momentum the velocity is read off the step that was made,
which keeps the fixed point right under L1; without a penalty it is the usual recursion v ← βv + g.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError

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
    "make_step_rule",
    "reported",
    "stable_product",
]

Array = NDArray[np.float64]
Prox = Callable[[Array, float | Array], Array]

METHODS = ("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga")


class StepRule(Protocol):
    """How a gradient becomes a step."""

    @property
    def linear(self) -> bool:
        """Whether a step is a linear map of (θ, state) when the gradient is: then every epoch has a closed form."""

    def init(self, parameters: Array) -> Any:
        """The state before the first update."""

    def update(self, parameters: Array, gradient: Array, rate: float, state: Any, prox: Prox) -> tuple[Array, Any]:
        """The parameters and the state after one update."""


@dataclass(frozen=True)
class Plain:
    """θ ← θ - ηg: the textbook's step (Cauchy, 1847)."""

    linear: bool = True

    def init(self, parameters: Array) -> None:
        return None

    def update(self, parameters: Array, gradient: Array, rate: float, state: None, prox: Prox) -> tuple[Array, None]:
        return prox(parameters - rate * gradient, rate), None


@dataclass(frozen=True)
class HeavyBall:
    """v ← βv + g, θ ← θ - ηv: steps that keep a share β of the last one (Polyak, 1964)."""

    momentum: float = 0.9
    linear: bool = True

    def init(self, parameters: Array) -> Array:
        return np.zeros_like(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Array, prox: Prox) -> tuple[Array, Array]:
        velocity = self.momentum * state + gradient
        aimed = parameters - rate * velocity
        reached = prox(aimed, rate)
        return reached, velocity if reached is aimed else (parameters - reached) / rate


@dataclass(frozen=True)
class Nesterov:
    """v ← βv + g, θ ← θ - η(g + βv): the gradient is taken where the momentum leads (Nesterov, 1983).

    θ is the point of look-ahead, as in Sutskever et al. (2013) and in PyTorch.
    """

    momentum: float = 0.9
    linear: bool = True

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

    linear: bool = False

    def init(self, parameters: Array) -> Slots:
        return Slots.empty(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Slots, prox: Prox) -> tuple[Array, Slots]:
        peak = np.maximum(state.peak, np.abs(gradient))
        square = state.square + gradient * gradient
        step = rate * inverse_root(square, peak)
        return prox(parameters - step * gradient, step), Slots(gradient, square, peak, state.updates + 1)


@dataclass(frozen=True)
class RMSProp:
    """s ← ρs + (1 - ρ)g², θ ← θ - ηg/√s (Tieleman and Hinton, 2012)."""

    decay: float = 0.9
    linear: bool = False

    def init(self, parameters: Array) -> Slots:
        return Slots.empty(parameters)

    def update(self, parameters: Array, gradient: Array, rate: float, state: Slots, prox: Prox) -> tuple[Array, Slots]:
        peak = np.maximum(state.peak, np.abs(gradient))
        square = self.decay * state.square + (1.0 - self.decay) * gradient * gradient
        step = rate * inverse_root(square, peak)
        return prox(parameters - step * gradient, step), Slots(gradient, square, peak, state.updates + 1)


@dataclass(frozen=True)
class Adam:
    """m ← β₁m + (1 - β₁)g, s ← β₂s + (1 - β₂)g², θ ← θ - η m̂/√ŝ (Kingma and Ba, 2015)."""

    momentum: float = 0.9
    decay: float = 0.999
    linear: bool = False

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


@dataclass(frozen=True)
class Saga:
    """θ ← θ - η(ψᵢ - ψᵢ' + mean of all ψ'): plain steps whose noise dies away (Defazio, Bach and Lacoste-Julien, 2014).

    ψ' is what each row said when it was last visited; with all rows in one batch, as here, the step is plain.
    """

    linear: bool = True

    def init(self, parameters: Array) -> None:
        return None

    def update(self, parameters: Array, gradient: Array, rate: float, state: None, prox: Prox) -> tuple[Array, None]:
        return Plain().update(parameters, gradient, rate, state, prox)


class Average(NamedTuple):
    """The state of the wrapped rule, and the mean of the places it has reached."""

    inner: Any
    mean: Array
    averaged: int


@dataclass(frozen=True)
class Averaged:
    """Report the mean of the places reached so far instead of the last one (Polyak and Juditsky, 1992)."""

    rule: StepRule = Plain()
    linear: bool = False

    def init(self, parameters: Array) -> Average:
        return Average(self.rule.init(parameters), parameters, 0)

    def update(
        self, parameters: Array, gradient: Array, rate: float, state: Average, prox: Prox
    ) -> tuple[Array, Average]:
        reached, inner = self.rule.update(parameters, gradient, rate, state.inner, prox)
        count = state.averaged + 1
        return reached, Average(inner, state.mean + (reached - state.mean) / count, count)


def stable_product(rule: StepRule) -> float:
    """The largest rate × curvature at which the rule settles on a quadratic; NaN for rules without such a limit.

    The roots of the step's matrix leave the unit circle at 2 for plain steps, 2(1 + β) for heavy ball and
    (2 + 2β)/(1 + 2β) for Nesterov (Lessard, Recht and Packard, 2016); an average settles where its steps do.
    """
    rule = rule.rule if isinstance(rule, Averaged) else rule
    if isinstance(rule, Plain | Saga):
        return 2.0
    if isinstance(rule, HeavyBall):
        return 2.0 * (1.0 + rule.momentum)
    if isinstance(rule, Nesterov):
        return (2.0 + 2.0 * rule.momentum) / (1.0 + 2.0 * rule.momentum)
    return np.nan


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


def reported(parameters: Array, state: Any) -> Array:
    """The parameters that a record shows: the place itself, or the mean of all places under `Averaged`."""
    return state.mean if isinstance(state, Average) else parameters


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
        raise InputError(f"method={method!r} is not known: choose one of {', '.join(METHODS)}")
    return rules[method]
