"""Losses of the residual r = ŷ - y, each with its derivative.

The convention at a kink, for all losses: the derivative takes the value in the middle of the
subdifferential (0 for the absolute loss at r = 0, 0 at abs(r) = ε for the ε-insensitive one). A loss that
has kinks can be *smoothed*: within `smoothing` of a kink its derivative becomes a straight line (Nesterov,
"Smooth minimization of non-smooth functions", 2005). The value that is reported is never smoothed; it
exceeds the smoothed one by at most half of `smoothing`.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = [
    "LOSSES",
    "AbsoluteError",
    "EpsilonInsensitive",
    "Huber",
    "Loss",
    "Piece",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "make_loss",
    "slope_bound",
    "sum_and_derivative",
]

Array = NDArray[np.float64]


class Piece(NamedTuple):
    """max over lo ≤ a ≤ hi of a(r - sigma) - ½c a²: a straight line, or a parabola that goes on as straight lines.

    Every loss is a sum of one or two of them, which is what its dual is made of (Rockafellar, Convex Analysis, 1970).
    """

    sigma: float
    c: float
    lo: float
    hi: float

    @property
    def kinks(self) -> tuple[float, ...]:
        """The residuals at which the slope jumps, or begins or ceases to change."""
        if not self.c:
            return (self.sigma,)
        return tuple(self.sigma + self.c * bound for bound in (self.lo, self.hi) if np.isfinite(bound))

    def side(self, residual: Array) -> NDArray[np.int8]:
        """Where the slope of each residual is: -1 at lo, 1 at hi, 0 between."""
        beyond = residual - self.sigma
        return (
            (beyond > self.c * self.hi).astype(np.int8) - (beyond < self.c * self.lo)
            if self.c
            else (np.sign(beyond).astype(np.int8))
        )

    def slope(self, residual: Array) -> Array:
        """The a of each residual; at a kink the one in the middle of its interval."""
        beyond = residual - self.sigma
        if not self.c:
            return 0.5 * (self.hi + self.lo) + 0.5 * (self.hi - self.lo) * np.sign(beyond)
        return np.clip(beyond / self.c, self.lo, self.hi)

    def value(self, residual: Array) -> Array:
        """The maximum, elementwise."""
        beyond = residual - self.sigma
        if not self.c:
            return np.where(beyond > 0, self.hi, self.lo) * beyond
        a = np.clip(beyond / self.c, self.lo, self.hi)
        return a * (beyond - 0.5 * self.c * a)


@runtime_checkable
class Loss(Protocol):
    """A convex function of the residual."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What it is the sum of."""

    @property
    def curvature(self) -> float:
        """The largest second derivative; infinite where the loss has a kink."""

    @property
    def kinked(self) -> bool:
        """Whether the derivative jumps: then no rate settles by curvature, and a subgradient says little of the end."""

    @property
    def squared(self) -> bool:
        """Whether the loss is ½ r², so that sums over the rows say all of it."""

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        """ℓ(r) and ℓ'(r), elementwise; the second array may be the argument itself, never written to."""

    def smooth_over(self, smoothing: float) -> Self:
        """The same loss with kinks rounded, at a cost of at most half of `smoothing`; a smooth loss returns itself."""

    @property
    def rounded(self) -> bool:
        """Whether it is smoothed so that it differs from itself."""


def sum_and_derivative(loss: Loss, residual: Array, weight: Array | None) -> tuple[float, Array]:
    """Σ s ℓ(r) and ℓ'(r): for the Huber loss without an array of values, which would cost a third of an epoch."""
    if isinstance(loss, Huber) and not loss.rounded:
        clipped = np.clip(residual, -loss.delta, loss.delta)
        counted = clipped if weight is None else weight * clipped
        return float(counted @ residual) - 0.5 * float(counted @ clipped), clipped
    values, derivative = loss.value_and_derivative(residual)
    return float(values.sum() if weight is None else weight @ values), derivative


def slope_bound(loss: Loss) -> float:
    """The largest abs(ℓ'(r)): 1 for losses with kinks, δ for Huber's, infinite for squares.

    Examples
    --------
    >>> slope_bound(Huber(0.5)), slope_bound(SquaredError())
    (0.5, inf)
    """
    if loss.kinked:
        return 1.0
    return loss.delta if isinstance(loss, Huber) else np.inf


def clipped_sign(residual: Array, width: float) -> Array:
    """sign(r), with a straight line between -width and width."""
    if width > 0:
        return np.clip(residual / width, -1.0, 1.0)
    return np.sign(residual)


@dataclass(frozen=True)
class SquaredError:
    """½ r²: the ½ makes the plain step the textbook's `w -= rate * mean(r * x)`."""

    curvature: ClassVar[float] = 1.0
    kinked: ClassVar[bool] = False
    squared: ClassVar[bool] = True
    rounded: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(0.0, 1.0, -np.inf, np.inf),)

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        return 0.5 * residual * residual, residual

    def smooth_over(self, smoothing: float) -> Self:
        return self


@dataclass(frozen=True)
class Huber:
    """½ r² up to abs(r) = delta, a straight line beyond (Huber, 1964); delta is in units of y.

    Beside residuals that dwarf delta the bend is a kink, and is smoothed like one.
    """

    delta: float = 1.35
    smoothing: float = 0.0
    curvature: ClassVar[float] = 1.0
    kinked: ClassVar[bool] = False
    squared: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(0.0, 1.0, -self.delta, self.delta),)

    @property
    def rounded(self) -> bool:
        return self.smoothing > self.delta

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        clipped = np.clip(residual, -self.delta, self.delta)
        value = residual - 0.5 * clipped
        value *= clipped
        if self.rounded:
            return value, self.delta * clipped_sign(residual, self.smoothing)
        return value, clipped

    def smooth_over(self, smoothing: float) -> Self:
        return replace(self, smoothing=smoothing / self.delta)


@dataclass(frozen=True)
class AbsoluteError:
    """abs(r): the median regression."""

    smoothing: float = 0.0
    curvature: ClassVar[float] = np.inf
    kinked: ClassVar[bool] = True
    squared: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(0.0, 0.0, -1.0, 1.0),)

    @property
    def rounded(self) -> bool:
        return self.smoothing > 0

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        return np.abs(residual), clipped_sign(residual, self.smoothing)

    def smooth_over(self, smoothing: float) -> Self:
        return replace(self, smoothing=smoothing)


@dataclass(frozen=True)
class Quantile:
    """max(q(y - ŷ), (q - 1)(y - ŷ)): the q-quantile regression (Koenker and Bassett, 1978)."""

    quantile: float = 0.5
    smoothing: float = 0.0
    curvature: ClassVar[float] = np.inf
    kinked: ClassVar[bool] = True
    squared: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(0.0, 0.0, -self.quantile, 1.0 - self.quantile),)

    @property
    def rounded(self) -> bool:
        return self.smoothing > 0

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        tilt = 0.5 - self.quantile
        value = 0.5 * np.abs(residual) + tilt * residual
        return value, 0.5 * clipped_sign(residual, self.smoothing) + tilt

    def smooth_over(self, smoothing: float) -> Self:
        return replace(self, smoothing=smoothing)


@dataclass(frozen=True)
class EpsilonInsensitive:
    """max(0, abs(r) - epsilon): residuals inside the tube cost nothing (Vapnik, 1995)."""

    epsilon: float = 0.1
    smoothing: float = 0.0
    curvature: ClassVar[float] = np.inf
    kinked: ClassVar[bool] = True
    squared: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.epsilon, 0.0, 0.0, 1.0), Piece(-self.epsilon, 0.0, -1.0, 0.0))

    @property
    def rounded(self) -> bool:
        return self.smoothing > 0

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        value = np.maximum(np.abs(residual) - self.epsilon, 0.0)
        if self.smoothing > 0:
            upper = clipped_sign(residual - self.epsilon, self.smoothing)
            lower = clipped_sign(residual + self.epsilon, self.smoothing)
            return value, 0.5 * (upper + lower)
        return value, np.where(value > 0, np.sign(residual), 0.0)

    def smooth_over(self, smoothing: float) -> Self:
        return replace(self, smoothing=smoothing)


@dataclass(frozen=True)
class SquaredEpsilonInsensitive:
    """max(0, abs(r) - epsilon)², without a ½, as scikit-learn's SGDRegressor defines it."""

    epsilon: float = 0.1
    curvature: ClassVar[float] = 2.0
    kinked: ClassVar[bool] = False
    squared: ClassVar[bool] = False
    rounded: ClassVar[bool] = False

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return (Piece(self.epsilon, 0.5, 0.0, np.inf), Piece(-self.epsilon, 0.5, -np.inf, 0.0))

    def value_and_derivative(self, residual: Array) -> tuple[Array, Array]:
        beyond = residual - np.clip(residual, -self.epsilon, self.epsilon)
        return beyond * beyond, 2.0 * beyond

    def smooth_over(self, smoothing: float) -> Self:
        return self


LOSSES = (
    "squared_error",
    "huber",
    "absolute_error",
    "quantile",
    "epsilon_insensitive",
    "squared_epsilon_insensitive",
)


def make_loss(name: str, *, delta: float = 1.35, epsilon: float = 0.1, quantile: float = 0.5) -> Loss:
    """Return the loss called `name`, with the one parameter that it has.

    Raises
    ------
    InputError
        For a name that is not in `LOSSES`.

    Examples
    --------
    >>> import numpy as np
    >>> value, derivative = make_loss("huber", delta=1.0).value_and_derivative(np.array([0.5, -3.0]))
    >>> value.tolist(), derivative.tolist()
    ([0.125, 2.5], [0.5, -1.0])
    """
    losses: dict[str, Loss] = {
        "squared_error": SquaredError(),
        "huber": Huber(delta),
        "absolute_error": AbsoluteError(),
        "quantile": Quantile(quantile),
        "epsilon_insensitive": EpsilonInsensitive(epsilon),
        "squared_epsilon_insensitive": SquaredEpsilonInsensitive(epsilon),
    }
    if name not in losses:
        raise InputError(Finding.of("options.loss", loss=name, known=", ".join(LOSSES)))
    return losses[name]
