"""What a picture of a fit says in numbers: the line through the predictions, R² and the error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.displays.reading import one_dimensional
from downslope.displays.wording import number_text, say

__all__ = ["fitted_curve", "only_column", "quality"]

Floats = NDArray[np.float64]


def only_column(X: Any) -> Floats:
    """The feature of rows that have one, dense or sparse."""
    dense = X.toarray() if hasattr(X, "toarray") else X
    return one_dimensional("X", dense)


def fitted_curve(x: Floats, predictions: Floats) -> tuple[Floats, Floats, tuple[float, float] | None]:
    """The predictions in order of x, and None; of a straight line its two ends, and (slope, intercept)."""
    order = np.argsort(x, kind="stable")
    x, predictions = x[order], predictions[order]
    if x[-1] > x[0]:
        slope = (predictions[-1] - predictions[0]) / (x[-1] - x[0])
        chord = predictions[0] + slope * (x - x[0])
        if np.allclose(chord, predictions, rtol=1e-6, atol=1e-6 * float(np.ptp(predictions))):
            ends = [0, -1]
            return x[ends], predictions[ends], (float(slope), float(predictions[0] - slope * x[0]))
    return x, predictions, None


def quality(y: Floats, predictions: Floats) -> str:
    """R² and the root mean squared error, in words.

    Both are taken of scaled values, so that squares near the limits of floats do not overflow.
    """
    residual, spread = y - predictions, y - y.mean()
    unit = float(max(np.abs(residual).max(), np.abs(spread).max()))
    if unit == 0.0:
        return say("quality without r2", rmse=number_text(0.0))
    error = float(np.mean((residual / unit) ** 2))
    variance = float(np.mean((spread / unit) ** 2))
    rmse = number_text(unit * np.sqrt(error))
    if variance == 0.0:
        return say("quality without r2", rmse=rmse)
    return say("quality", r2=number_text(1.0 - error / variance), rmse=rmse)
