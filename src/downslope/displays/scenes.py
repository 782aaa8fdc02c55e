"""The panels of a moving picture: the fit beside the rows, the bowl and the loss, each set to any record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.displays.fit import FitDisplay
from downslope.displays.fitted_line import only_column
from downslope.displays.frames import Moving
from downslope.displays.labels import place_legend_above
from downslope.displays.loss_curve import LossCurveDisplay
from downslope.displays.loss_surface import CONTOUR, NUMBER, LossSurfaceDisplay, surface_keys
from downslope.displays.planes import has_plane
from downslope.displays.reading import fitted, landscape_of, one_dimensional, optimum_mse
from downslope.displays.rows import POINTS, check_rows
from downslope.displays.scales import finite
from downslope.displays.style import ACCENT, FRAME, GRID, INK, SERIES, axes_on
from downslope.displays.views import downhill_arrows, shown_path
from downslope.displays.wording import epoch_text, number_text, say
from downslope.estimators.reading import rows_to_predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["COLOURS", "Rows", "compose", "pair_rows"]

Floats = NDArray[np.float64]

COLOURS = (INK, FRAME, GRID, POINTS, CONTOUR, NUMBER, ACCENT, SERIES[0], SERIES[2])
_PANEL_INCHES, _HEIGHT_INCHES = 4.0, 4.2
_MOST_ROWS = 400
_MOST_POINTS = 60
_NEAR = 1.5
_ROOM = 0.08
_SETTLED = 0.02
_POINT: Mapping[str, Any] = {
    # Without a place yet it would reach to the corner of the figure.
    "in_layout": False,
    "marker": "o",
    "markersize": 7,
    "color": ACCENT,
    "markeredgecolor": "white",
    "zorder": 4,
    "clip_on": False,
}


@dataclass(frozen=True, eq=False)
class Rows:
    """A part of the rows, and what they are called.

    Attributes
    ----------
    design : ndarray of shape (m, d)
        Their columns as the model multiplies them.
    y : ndarray of shape (m,)
    x : ndarray of shape (m,) or None
        The feature, where there is only one.
    feature_name, target_name : str or None
    """

    design: Floats
    y: Floats
    x: Floats | None
    feature_name: str | None
    target_name: str | None


def pair_rows(estimator: Any, X: Any, y: ArrayLike, target_name: str | None) -> Rows:
    """At most 400 of the rows, chosen at random but always the same."""
    final = fitted(estimator)
    before = estimator[:-1] if len(getattr(estimator, "steps", ())) > 1 else None
    columns = rows_to_predict(final, X if before is None else before.transform(X))
    target = one_dimensional("y", y)
    check_rows(target, np.zeros(columns.shape[0]), None, np.array([], dtype=np.intp))
    shown = np.arange(target.size)
    if target.size > _MOST_ROWS:
        shown = np.sort(np.random.default_rng(0).choice(target.size, size=_MOST_ROWS, replace=False))
    design = columns[shown]
    one = (X.shape[1] if hasattr(X, "shape") else np.shape(X)[1]) == 1
    names, named = getattr(estimator, "feature_names_in_", None), getattr(y, "name", None)
    return Rows(
        design=np.asarray(design.toarray() if hasattr(design, "toarray") else design, dtype=np.float64),
        y=target[shown],
        x=only_column(X)[shown] if one else None,
        feature_name=None if names is None else str(names[0]),
        target_name=target_name or (None if named is None else str(named)),
    )


def compose(estimator: Any, rows: Rows, dpi: int, **surface_options: Any) -> tuple[Figure, list[Moving]]:
    """A figure, and what moves on it. Call it, and show the parts, inside `drawing`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    final = fitted(estimator)
    landscape = landscape_of(final)
    shown = landscape is not None and (surface_options["features"] is not None or has_plane(landscape))
    panels = 3 if shown else 2
    # Not one of pyplot's, which a notebook would show beside the GIF.
    figure = Figure(figsize=(_PANEL_INCHES * panels, _HEIGHT_INCHES), layout="constrained", dpi=dpi)
    FigureCanvasAgg(figure)
    first, *middle, last = axes_on(figure, 1, panels)
    parts = [
        _moving_fit(first, final.history_, rows, surface_options),
        _moving_loss(last, final, rows.target_name or say("y")),
    ]
    parts += [_moving_bowl(ax, estimator, surface_options) for ax in middle]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure, parts


def _moving_fit(ax: Axes, history: Any, rows: Rows, known: Mapping[str, Any]) -> Moving:
    """The line through the rows, or predicted against actual values."""
    title = ax.set_title(_epoch_title(history, len(history) - 1), loc="left")
    start, end = (_predictions(history, rows.design, record) for record in (0, len(history) - 1))
    low, high = _limits(rows.y, start)
    # What is drawn once stays in the ground, so the display is given predictions that stand still.
    display = FitDisplay(
        y=rows.y,
        predictions=np.clip(np.nan_to_num(end), low, high),
        x=rows.x,
        true_line=_true_line(rows, known),
        feature_name=rows.feature_name or say("x"),
        target_name=rows.target_name or say("y"),
    ).plot(ax, legend=False)
    ax.set_aspect("auto")
    ax.set_ylim(low, high)
    far, line = 10.0 * (high - low), cast("Line2D", display.line_)
    if rows.x is None:
        ends = np.array([low, high])
        line.set_data(ends, ends)
        ax.set_xlim(*_limits(rows.y, rows.y))
        chosen = np.arange(rows.y.size)
    else:
        order = np.argsort(rows.x, kind="stable")
        chosen = order[np.unique(np.linspace(0, order.size - 1, _MOST_POINTS).round().astype(int))]

    def show(record: int) -> None:
        heights = np.clip(finite(_predictions(history, rows.design[chosen], record)), low - far, high + far)
        if rows.x is None:
            display.scatter_.set_offsets(np.column_stack([rows.y, heights]))
        else:
            line.set_data(rows.x[chosen], heights)
        title.set_text(_epoch_title(history, record))

    return Moving([display.scatter_ if rows.x is None else line, title], show)


def _moving_loss(ax: Axes, final: Any, target_name: str) -> Moving:
    """The mean squared error up to a record."""
    history = final.history_
    display = LossCurveDisplay.from_history(
        history,
        optimum=optimum_mse(final),
        target_name=target_name,
        ax=ax,
        legend=False,
        line_kwargs={"color": SERIES[0]},
    )
    lines = [*display.lines_, *display.validation_lines_]
    whole = [np.array(line.get_xydata(), dtype=np.float64) for line in lines]
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    (point,) = ax.plot([], [], **_POINT)
    title = ax.set_title(_mse_title(history, len(history) - 1), loc="left")

    def show(record: int) -> None:
        for line, points in zip(lines, whole, strict=True):
            line.set_data(*points[: record + 1].T)
        point.set_data(*whole[0][record : record + 1].T)
        title.set_text(_mse_title(history, record))

    return Moving([*lines, point, title], show)


def _moving_bowl(ax: Axes, estimator: Any, options: Mapping[str, Any]) -> Moving:
    """The path up to a record, and the way down from there."""
    display = LossSurfaceDisplay.from_estimator(estimator, ax=ax, legend=False, **options)
    ax.set_autoscale_on(False)
    ax.grid(False)
    display.path_.set_label(say("projected path" if display.plane.is_slice else "path"))
    place_legend_above(display.figure_, *surface_keys(display))
    ax.set_title(" ", loc="left")
    points = np.array(display.path_.get_xydata(), dtype=np.float64)
    view, optimum = display.view_, display.plane.optimum
    shown = shown_path(display.plane, display.path, diverged=display.stop_reason == "diverged")
    arrow = ax.quiver(
        *points[:1].T, [0.0], [0.0], angles="xy", scale_units="xy", scale=1.0, units="inches", width=0.022, color=INK
    )
    (point,) = ax.plot([], [], **_POINT)
    for still in (display.arrows_, display.end_):
        still.remove()

    def show(record: int) -> None:
        at = points[min(record, len(points) - 1)]
        gone = record >= shown
        near = bool(np.linalg.norm((at - optimum) / view.size) < _SETTLED)
        display.path_.set_data(*points[: record + 1].T)
        point.set_data(*at[:, None])
        point.set_marker("X" if gone else "o")
        arrow.set_visible(not (gone or near))
        arrow.set_offsets(at)
        arrow.set_UVC(*downhill_arrows(display.plane, at, view)[:, None])

    return Moving([display.path_, arrow, point], show)


def _predictions(history: Any, design: Floats, record: int) -> Floats:
    return np.asarray(design @ history.coef[record] + history.intercept[record])


def _limits(y: Floats, start: Floats) -> tuple[float, float]:
    """Of an axis of y: all of y, and the start too where it is not far off."""
    low, high = float(y.min()), float(y.max())
    span = high - low or abs(high) or 1.0
    near = start[np.abs(start - (low + high) / 2) <= (_NEAR + 0.5) * span]
    low, high = min(low, near.min(initial=low)), max(high, near.max(initial=high))
    margin = _ROOM * (high - low or span)
    return low - margin, high + margin


def _true_line(rows: Rows, known: Mapping[str, Any]) -> tuple[float, float] | None:
    """(slope, intercept) over x, where that is what the model multiplies."""
    coef, intercept = known["true_coef"], known["true_intercept"]
    if rows.x is None or coef is None or not np.array_equal(rows.design, rows.x[:, None]):
        return None
    return float(np.ravel(coef)[0]), 0.0 if intercept is None else float(intercept)


def _epoch_title(history: Any, record: int) -> str:
    words = f"{say('epoch')} {epoch_text(history['epoch'][record])}"
    if history.coef.shape[1] > 1:
        return words
    slope, level = (number_text(float(value)) for value in (history.coef[record, 0], history.intercept[record]))
    return f"{words}    w = {slope}    b = {level}"


def _mse_title(history: Any, record: int) -> str:
    return f"MSE = {number_text(float(history['mse'][record]))}"
