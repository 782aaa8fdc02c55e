"""The losses of `objective.losses` for one residual at a time: NamedTuples by whose type numba chooses the code.

A row is added to the coefficients `pull(loss, residual, squares) · pace(loss, rate)` times: -ℓ'(r), held within ±1e12
as scikit-learn does, times the rate, or a passive-aggressive step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from downslope.kernels.registry import implements, inlined, is_one_of
from downslope.objective.losses import (
    AbsoluteError,
    EpsilonInsensitive,
    Huber,
    Loss,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
)

__all__ = ["STEEPEST", "kernel_loss", "needs_squares", "pace", "pull", "skips", "slope", "value"]

# scikit-learn clips slopes here; a run in which that happens has diverged.
STEEPEST = 1e12


class Squared(NamedTuple):
    """½ r²."""

    unused: float = 0.0


class HuberAt(NamedTuple):
    """½ r², straight beyond delta."""

    delta: float


class Tilted(NamedTuple):
    """abs(r)/2 + tilt·r, scaled: the absolute and the quantile loss."""

    scale: float
    tilt: float


class Tube(NamedTuple):
    """max(0, abs(r) - epsilon)."""

    epsilon: float


class SquaredTube(NamedTuple):
    """max(0, abs(r) - epsilon)²."""

    epsilon: float


class PassiveAggressive(NamedTuple):
    """The tube's loss with the step that meets its edge, at most `most` (Crammer et al., 2006, PA-I)."""

    epsilon: float
    most: float


class SoftPassiveAggressive(NamedTuple):
    """The tube's loss with a step that `most` softens (Crammer et al., 2006, PA-II)."""

    epsilon: float
    most: float


TUBES = (Tube, PassiveAggressive, SoftPassiveAggressive)
AGGRESSIVE = (PassiveAggressive, SoftPassiveAggressive)
KernelLoss = Squared | HuberAt | Tilted | Tube | SquaredTube | PassiveAggressive | SoftPassiveAggressive


def kernel_loss(loss: Loss) -> KernelLoss:
    """The kernel's form of a loss."""
    forms: dict[type, Callable[[Any], KernelLoss]] = {
        SquaredError: lambda loss: Squared(),
        Huber: lambda loss: HuberAt(float(loss.delta)),
        AbsoluteError: lambda loss: Tilted(1.0, 0.0),
        Quantile: lambda loss: Tilted(0.5, 0.5 - float(loss.quantile)),
        EpsilonInsensitive: lambda loss: Tube(float(loss.epsilon)),
        SquaredEpsilonInsensitive: lambda loss: SquaredTube(float(loss.epsilon)),
    }
    return forms[type(loss)](loss)


def value(loss: Any, residual: float) -> float:
    """ℓ(r), inside compiled code."""
    raise NotImplementedError


def slope(loss: Any, residual: float) -> float:
    """ℓ'(r), inside compiled code; at a kink the middle of the subdifferential."""
    raise NotImplementedError


def pull(loss: Any, residual: float, squares: float) -> float:
    """The multiple of its row by which the coefficients move at a rate of 1, inside compiled code.

    Parameters
    ----------
    residual : float
    squares : float
        The row's squared length, where `needs_squares`.
    """
    raise NotImplementedError


def pace(loss: Any, rate: float) -> float:
    """The rate, or 1 where a step is as long as its row asks for, inside compiled code."""
    raise NotImplementedError


def needs_squares(loss: Any) -> bool:
    """Whether `pull` looks at the length of the row, inside compiled code."""
    raise NotImplementedError


def skips(loss: Any, squares: float) -> bool:
    """Whether a row of this squared length makes no update at all, inside compiled code."""
    raise NotImplementedError


@inlined
def within(number: Any, bound: Any) -> Any:
    """`number`, held between -bound and bound; what is not a number stays so."""
    if number > bound:
        return bound
    if number < -bound:
        return -bound
    return number


@implements(value)  # type: ignore[untyped-decorator]
def _value(loss: Any, residual: Any) -> Any:
    if is_one_of(loss, Squared):
        return lambda loss, residual: 0.5 * residual * residual
    if is_one_of(loss, HuberAt):

        def huber(loss: Any, residual: Any) -> Any:
            clipped = within(residual, loss.delta)
            return clipped * (residual - 0.5 * clipped)

        return huber
    if is_one_of(loss, Tilted):
        return lambda loss, residual: loss.scale * abs(residual) + loss.tilt * residual
    if is_one_of(loss, *TUBES):
        return lambda loss, residual: max(abs(residual) - loss.epsilon, 0.0)
    if is_one_of(loss, SquaredTube):

        def squared_tube(loss: Any, residual: Any) -> Any:
            beyond = max(abs(residual) - loss.epsilon, 0.0)
            return beyond * beyond

        return squared_tube
    return None


@implements(slope)  # type: ignore[untyped-decorator]
def _slope(loss: Any, residual: Any) -> Any:
    if is_one_of(loss, Squared):
        return lambda loss, residual: residual
    if is_one_of(loss, HuberAt):
        return lambda loss, residual: within(residual, loss.delta)
    if is_one_of(loss, Tilted):

        def tilted(loss: Any, residual: Any) -> Any:
            if residual > 0.0:
                return loss.scale + loss.tilt
            if residual < 0.0:
                return loss.tilt - loss.scale
            return loss.tilt + 0.0 * residual

        return tilted
    if is_one_of(loss, *TUBES):

        def tube(loss: Any, residual: Any) -> Any:
            if residual > loss.epsilon:
                return 1.0
            if residual < -loss.epsilon:
                return -1.0
            return 0.0 * residual

        return tube
    if is_one_of(loss, SquaredTube):

        def squared_tube(loss: Any, residual: Any) -> Any:
            return 2.0 * (residual - within(residual, loss.epsilon))

        return squared_tube
    return None


@implements(pull)  # type: ignore[untyped-decorator]
def _pull(loss: Any, residual: Any, squares: Any) -> Any:
    if is_one_of(loss, PassiveAggressive):

        def to_the_edge(loss: Any, residual: Any, squares: Any) -> Any:
            size = min(loss.most, value(loss, residual) / squares)
            return -size if residual > 0.0 else size

        return to_the_edge
    if is_one_of(loss, SoftPassiveAggressive):

        def towards_the_edge(loss: Any, residual: Any, squares: Any) -> Any:
            size = value(loss, residual) / (squares + 0.5 / loss.most)
            return -size if residual > 0.0 else size

        return towards_the_edge
    return lambda loss, residual, squares: -within(slope(loss, residual), STEEPEST)


@implements(pace)  # type: ignore[untyped-decorator]
def _pace(loss: Any, rate: Any) -> Any:
    if is_one_of(loss, *AGGRESSIVE):
        return lambda loss, rate: 1.0
    return lambda loss, rate: rate


@implements(needs_squares)  # type: ignore[untyped-decorator]
def _needs_squares(loss: Any) -> Any:
    needed = is_one_of(loss, *AGGRESSIVE)
    return lambda loss: needed


@implements(skips)  # type: ignore[untyped-decorator]
def _skips(loss: Any, squares: Any) -> Any:
    if is_one_of(loss, PassiveAggressive):
        return lambda loss, squares: squares == 0.0
    return lambda loss, squares: False
