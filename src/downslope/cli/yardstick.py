"""What a fit is held against: ordinary least squares on the same rows, and the quality of predictions."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.cli.rows import Part
from downslope.data import ArraySource
from downslope.descent.settings import Settings
from downslope.fitting.problem import Optimum, prepare
from downslope.objective.losses import SquaredError
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import Plain

__all__ = ["Quality", "least_squares", "quality"]

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)


class Quality(NamedTuple):
    """R², which is not a number where y never changes, and the root mean squared error in units of y."""

    r2: float
    rmse: float


def least_squares(rows: Part, *, fit_intercept: bool) -> Optimum | None:
    """Ordinary least squares; None where there are too many columns for its statistics."""
    settings = Settings(
        loss=SquaredError(),
        penalty=make_penalty(None, 0.0, 0.0, rows.X.shape[1]),
        rule=Plain(),
        learning_rate="auto",
        fit_intercept=fit_intercept,
        standardize=True,
        engine="auto",
    )
    with ArraySource(rows.X, rows.y, rows.weight) as source:
        return prepare(source, settings).optimum


def quality(rows: Part, predicted: Array) -> Quality:
    """R² and RMSE, the weights counted; of scaled values, so that squares near the limits of floats are none."""
    total = None if rows.weight is None or not rows.weight.any() else rows.weight
    residual = rows.y - predicted
    spread = rows.y - np.average(rows.y, weights=total)
    unit = float(max(np.abs(residual).max(), np.abs(spread).max())) or 1.0
    if not math.isfinite(unit):
        return Quality(math.nan, math.nan)
    error = float(np.average((residual / unit) ** 2, weights=total))
    variance = float(np.average((spread / unit) ** 2, weights=total))
    # The mean of equal values may differ from them in its last bit.
    varies = float(np.abs(spread).max()) > 4 * EPS * float(np.abs(rows.y).max())
    return Quality(1.0 - error / variance if varies else math.nan, unit * math.sqrt(error))
