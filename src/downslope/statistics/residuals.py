"""Residuals of a model, summed over rows: what shows how far its coefficients are from the best."""

from dataclasses import dataclass
from functools import reduce as fold
from operator import add
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source

__all__ = ["MeasureResiduals", "Residuals", "measure_residuals"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Residuals:
    """Σ s r², Σ s r, Σ s (x - shift) r and Σ s (x - shift) at one place."""

    squares: float
    total: float
    gradient: Array
    columns: Array

    def __add__(self, other: "Residuals") -> "Residuals":
        return Residuals(
            self.squares + other.squares,
            self.total + other.total,
            self.gradient + other.gradient,
            self.columns + other.columns,
        )


@dataclass(frozen=True)
class MeasureResiduals:
    """The task that gives the residuals of ŷ = (x - shift)·coef against y - y_shift; see `measure_residuals`."""

    coef: Array
    shift: Array
    y_shift: float
    extended: bool

    def __call__(self, block: Block) -> Residuals:
        """Those of one block."""
        return fold(add, map(self.of_part, block.dense_slices(None if self.extended else self.shift)))

    def of_part(self, part: Block) -> Residuals:
        """Those of rows that are dense, and shifted unless `extended`."""
        wide: Any = np.longdouble if self.extended else np.float64
        X = part.X.astype(wide) - self.shift if self.extended else part.X
        weight = np.ones(part.y.size, dtype=wide) if part.weight is None else part.weight
        residual = X @ self.coef.astype(wide)
        residual -= part.y.astype(wide) - self.y_shift
        weighted = weight * residual
        gradient, columns = (weighted @ X).astype(np.float64), (weight @ X).astype(np.float64)
        return Residuals(float(weighted @ residual), float(weighted.sum()), gradient, columns)


def measure_residuals(
    source: Source, coef: Array, shift: Array, y_shift: float, *, extended: bool = False
) -> Residuals:
    """The residuals of ŷ = (x - shift)·coef against y - y_shift, in one read.

    With `extended` they are formed in the widest floating type of the machine: residuals of an
    ill-conditioned fit are small differences of large numbers.
    """
    (residuals,) = source.scan(MeasureResiduals(coef, shift, y_shift, extended))
    return cast(Residuals, residuals)
