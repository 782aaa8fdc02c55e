"""The picture of a fit in one file: how the error fell, how the coefficients moved, and what came of it."""

import os
from pathlib import Path
from typing import Any

from downslope.cli.rows import Part
from downslope.cli.streamed import StreamedPart
from downslope.cli.yardstick import predict_array
from downslope.data.written import write_figure
from downslope.displays import CoefficientPathDisplay, FitDisplay, LearningRateDisplay, LossCurveDisplay
from downslope.displays.style import drawing, load_pyplot, new_axes
from downslope.estimators import GradientDescentRegressor

__all__ = ["draw_fit", "need_no_screen", "save_fit", "save_sweep"]


def need_no_screen() -> None:
    """Draw into files only, unless the user has chosen how matplotlib draws."""
    os.environ.setdefault("MPLBACKEND", "Agg")


def draw_fit(model: GradientDescentRegressor, rows: Part | StreamedPart, target: str) -> Any:
    """The figure of a fitted model beside rows, those it was fitted on or others."""
    names, (X, y) = model.feature_names_in_, rows.shown()
    with drawing(own_figure=True) as plt:
        loss, paths, fit = new_axes(plt, (15.0, 4.6), 1, 3)
        LossCurveDisplay.from_estimator(model, target_name=target, ax=loss)
        CoefficientPathDisplay.from_estimator(model, target_name=target, ax=paths)
        FitDisplay.from_predictions(
            y,
            predict_array(model, X),
            x=X[:, 0] if len(names) == 1 else None,
            feature_name=names[0],
            target_name=target,
            ax=fit,
        )
        return loss.figure


def save_fit(model: GradientDescentRegressor, rows: Part | StreamedPart, target: str, path: Path) -> None:
    """Draw a fitted model into a file."""
    figure = draw_fit(model, rows, target)
    try:
        write_figure(path, figure)
    finally:
        load_pyplot().close(figure)


def save_sweep(found: Any, path: Path) -> None:
    """Draw the final gaps of a sweep into a file."""
    display = LearningRateDisplay.from_sweep(found)
    try:
        write_figure(path, display.figure_)
    finally:
        load_pyplot().close(display.figure_)
