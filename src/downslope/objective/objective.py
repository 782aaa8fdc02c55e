"""Objectives: all that a descent knows of its problem is `value_and_gradient(parameters)`.

`QuadraticObjective` answers from the sufficient statistics in O(d²); `RowsObjective` reads the rows, once.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source
from downslope.objective.losses import Loss, sum_and_derivative
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.quadratic import Quadratic

__all__ = ["Evaluation", "LossSums", "Objective", "QuadraticObjective", "RowsObjective"]

Array = NDArray[np.float64]

# A kinked loss is smoothed over this share of the smallest objective seen, so the smoothing can cost at most
# half of it: 0.1 % (measured on the real table: 0.0003 % at the median).
SMOOTHING = 2e-3


class Evaluation(NamedTuple):
    """What an objective says of one place.

    Attributes
    ----------
    objective : float
        J, the penalty included.
    mse : float
        The mean squared residual.
    gradient : array (p,)
        Of the smooth part of J.
    excess : float or None
        J - J*, where the optimum is known.
    """

    objective: float
    mse: float
    gradient: Array
    excess: float | None = None


class Objective(Protocol):
    """A function to be descended."""

    @property
    def penalty(self) -> Penalty:
        """The penalty, whose kink the proximal step takes care of."""

    def value_and_gradient(self, parameters: Array) -> Evaluation:
        """J, the mean squared error and the gradient of the smooth part at `parameters` (p,)."""

    def tune(self, lowest: float) -> "Objective":
        """The objective to use where the lowest so far is `lowest`: itself, or one smoothed in proportion to it."""


@dataclass(frozen=True)
class QuadraticObjective:
    """The squared loss, from its statistics.

    Attributes
    ----------
    smooth : Quadratic
        The loss and the L2 penalty.
    half_mse : Quadratic
        The loss alone; the same object where there is no L2 penalty.
    penalty : Penalty
    """

    smooth: Quadratic
    half_mse: Quadratic
    penalty: Penalty

    def value_and_gradient(self, parameters: Array) -> Evaluation:
        """J and its gradient, in O(d²)."""
        excess, gradient = self.smooth.excess_and_gradient(parameters)
        value = self.smooth.offset + excess
        half_mse = value if self.half_mse is self.smooth else self.half_mse.value(parameters)
        if self.penalty.l1:
            return Evaluation(value + self.penalty.kink(parameters), 2.0 * half_mse, gradient)
        return Evaluation(value, 2.0 * half_mse, gradient, excess)

    def tune(self, lowest: float) -> "QuadraticObjective":
        """Itself."""
        return self


@dataclass(frozen=True)
class LossSums:
    """Sums over rows: s·ℓ(r), s·r², s·ψ(r), and x·s·ψ(r) per column."""

    loss: float
    squares: float
    total: float
    gradient: Array

    def __add__(self, other: "LossSums") -> "LossSums":
        return LossSums(
            self.loss + other.loss,
            self.squares + other.squares,
            self.total + other.total,
            self.gradient + other.gradient,
        )


@dataclass(frozen=True)
class BlockLoss:
    """The function of a block that gives its `LossSums`: X is used twice, and found in cache the second time."""

    loss: Loss
    coef: Array
    intercept: float

    def __call__(self, block: Block) -> LossSums:
        residual = block.X @ self.coef
        residual -= block.y
        if self.intercept:
            residual += self.intercept
        loss, derivative = sum_and_derivative(self.loss, residual, block.weight)
        if block.weight is None:
            return LossSums(loss, float(residual @ residual), float(derivative.sum()), derivative @ block.X)
        weighted = block.weight * derivative
        squares = float((block.weight * residual) @ residual)
        return LossSums(loss, squares, float(weighted.sum()), weighted @ block.X)


@dataclass(frozen=True)
class ShiftedBlockLoss:
    """The same about `shift`: columns whose mean dwarfs their spread would lose their digits otherwise."""

    inner: BlockLoss
    shift: Array

    def __call__(self, block: Block) -> LossSums:
        parts = block.dense_slices(self.shift)
        total = self.inner(next(parts))
        for part in parts:
            total = total + self.inner(part)
        return total


@dataclass(frozen=True)
class RowsObjective:
    """Any loss, from the rows: one fused pass an evaluation.

    Attributes
    ----------
    source : Source
    weight : float
        S, the sum of the weights.
    coordinates : Coordinates
    loss : Loss
    penalty : Penalty
    shifted : bool
        Whether the rows must be shifted, a block at a time, before they are multiplied.
    smoothing : bool
        Whether a loss with kinks is smoothed on the way, see `tune`.
    smooth : Quadratic or None
        The objective's own closed form, where it has one: only J - J* is read off it.
    """

    source: Source
    weight: float
    coordinates: Coordinates
    loss: Loss
    penalty: Penalty
    shifted: bool = False
    smoothing: bool = False
    smooth: Quadratic | None = None

    def value_and_gradient(self, parameters: Array) -> Evaluation:
        """J and its gradient, in one pass over the rows."""
        about = self.coordinates.of_shifted_rows if self.shifted else self.coordinates
        coef, intercept = about.to_original(parameters)
        loss = BlockLoss(self.loss, coef, float(intercept))
        (sums,) = self.source.scan(ShiftedBlockLoss(loss, self.coordinates.shift) if self.shifted else loss)
        gradient = about.of_gradient(sums.gradient / self.weight, sums.total / self.weight)
        return Evaluation(
            sums.loss / self.weight + self.penalty.value(parameters),
            sums.squares / self.weight,
            self.penalty.add_gradient(parameters, gradient),
            None if self.smooth is None else self.smooth.excess_and_gradient(parameters)[0],
        )

    def tune(self, lowest: float) -> "RowsObjective":
        """The same with a loss smoothed in proportion to the lowest objective so far, where it is to be smoothed."""
        if not self.smoothing or not np.isfinite(lowest):
            return self
        return replace(self, loss=self.loss.smooth_over(SMOOTHING * lowest))
