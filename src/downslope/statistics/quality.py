"""How well a linear model predicts: R² and the root mean squared error, in one read.

Squares are summed in units of the largest deviation so far, so that values near the limits of floats have a quality
too (as BLAS finds a length; Blue, 1978).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source
from downslope.statistics.moments import Moments

__all__ = ["MeasureQuality", "Quality", "measure_quality", "quality_of"]

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
# The share of the terms of a sum that may be left when they cancel: six digits stay.
LEAST_LEFT = 1e-9


class Quality(NamedTuple):
    """R², which is not a number where y never changes, and the root mean squared error in units of y."""

    r2: float
    rmse: float


@dataclass(frozen=True)
class Deviations:
    """Sums over rows, in units of `unit`: Σ s r² and Σ s (y - mean)²; and what y spans.

    Attributes
    ----------
    weight : float
        Σ s.
    mean : float
        Of y.
    unit : float
    residual, spread : float
    lowest, highest : float
        Of y.
    """

    weight: float
    mean: float
    unit: float
    residual: float
    spread: float
    lowest: float
    highest: float

    def __add__(self, other: "Deviations") -> "Deviations":
        weight = self.weight + other.weight
        share = other.weight / weight if weight else 0.0
        apart = other.mean - self.mean
        # Not a maximum: that of Python forgets what is not a number.
        unit = float(np.max([self.unit, other.unit, abs(apart)]))
        mine, theirs = (self.unit / unit) ** 2 if unit else 0.0, (other.unit / unit) ** 2 if unit else 0.0
        between = self.weight * share * (apart / unit) ** 2 if unit else 0.0
        return Deviations(
            weight,
            self.mean + share * apart,
            unit,
            mine * self.residual + theirs * other.residual,
            mine * self.spread + theirs * other.spread + between,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )

    def quality(self) -> Quality:
        """What they say."""
        if not (self.weight > 0 and math.isfinite(self.unit) and self.residual >= 0):
            return Quality(math.nan, math.nan)
        # The mean of equal values may differ from them in its last bit.
        apart = max(self.highest - self.mean, self.mean - self.lowest)
        varies = apart > 4 * EPS * max(abs(self.lowest), abs(self.highest))
        r2 = 1.0 - self.residual / self.spread if varies else math.nan
        return Quality(r2, self.unit * math.sqrt(self.residual / self.weight))


@dataclass(frozen=True)
class MeasureQuality:
    """The task that gives the `Deviations` of ŷ = X·coef + intercept; `weighted` where weights count."""

    coef: Array
    intercept: float
    weighted: bool = True

    def __call__(self, block: Block) -> Deviations:
        """Those of one block."""
        y = block.y
        residual = y - np.asarray(block.X @ self.coef + self.intercept)
        weight = np.ones(y.size) if block.weight is None or not self.weighted else block.weight
        total = float(weight.sum())
        mean = float(np.average(y, weights=weight)) if total else 0.0
        unit = float(max(np.abs(residual).max(initial=0.0), np.abs(y - mean).max(initial=0.0)))
        scale = 1.0 / unit if unit else 0.0
        missed, spread = (float(weight @ (part * scale) ** 2) for part in (residual, y - mean))
        lowest, highest = float(y.min(initial=np.inf)), float(y.max(initial=-np.inf))
        return Deviations(total, mean, unit, missed, spread, lowest, highest)


def quality_of(moments: Moments, coef: Array, intercept: float) -> Quality | None:
    """The same from the moments of the rows, without a read; None where rounding could show."""
    with np.errstate(all="ignore"):
        explained, curved = float(coef @ moments.xy), float(coef @ moments.xx @ coef)
        off = moments.y_mean - float(moments.mean @ coef) - intercept
        residual = moments.yy - 2.0 * explained + curved + moments.weight * off * off
        size = moments.yy + 2.0 * abs(explained) + abs(curved) + moments.weight * moments.y_mean**2
    if not (
        moments.weight > 0 and np.isfinite(size) and residual > LEAST_LEFT * size and moments.yy > LEAST_LEFT * size
    ):
        return None
    return Quality(1.0 - residual / moments.yy, math.sqrt(residual / moments.weight))


def measure_quality(source: Source, coef: Array, intercept: float) -> Quality:
    """R² and RMSE on all rows, the weights counted unless all of them are zero."""
    (found,) = source.scan(MeasureQuality(coef, intercept))
    if not found.weight and source.schema.weighted:
        (found,) = source.scan(MeasureQuality(coef, intercept, weighted=False))
    quality: Quality = found.quality()
    return quality
