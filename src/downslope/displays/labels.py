"""Legends that hide no data, and names at the ends of lines that do not touch each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from downslope.displays.style import INK, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

__all__ = ["label_line_ends", "place_legend", "place_legend_above", "release_headroom", "spread"]

Floats = NDArray[np.float64]

_CORNERS = (
    "upper right",
    "upper left",
    "lower left",
    "lower right",
    "center right",
    "upper center",
    "center left",
    "center center",
)
_UPPER = ("upper right", "upper left", "upper center")
_HEADROOM = "downslope-headroom"
_PADDING = 8.0
_MOST_COLUMNS = 6
_TALLEST_LEGEND = 0.35
_PLAIN: Mapping[str, Any] = {}
# Without a patch to be clipped against, which it does not reach, a leader is drawn twice as fast.
_LEADER: Mapping[str, Any] = {
    "arrowstyle": "-",
    "patchA": None,
    "linewidth": 0.7,
    "shrinkA": 2.0,
    "shrinkB": 0.0,
    "relpos": (0.0, 0.5),
}
_SMALL: Mapping[str, Any] = {
    "fontsize": "x-small",
    "columnspacing": 1.0,
    "handlelength": 1.5,
    "labelspacing": 0.3,
}


def place_legend(ax: Axes, handles: Sequence[Any] | None = None, labels: Sequence[str] | None = None) -> None:
    """Put the legend where no data lie: in a free corner, else in room made above the data.

    Of the legends that are no wider than the axes, the narrowest one that fits into a corner is taken, else
    the flattest. Limits that the caller has fixed stay as they are; there the emptiest place has to do.
    Without handles and labels it holds what is labelled on the axes.
    """
    if handles is None or labels is None:
        handles, labels = cast(tuple[list[Any], list[str]], ax.get_legend_handles_labels())
    if not handles:
        return
    figure_of(ax).draw_without_rendering()
    for look in (_PLAIN, _SMALL):
        columns, height, corner = _layout(ax, handles, labels, look)
        if corner is not None or height < _TALLEST_LEGEND * ax.get_window_extent().height:
            break
    legend = _legend(ax, handles, labels, columns, look)
    if corner is not None:
        legend.set_loc("center" if corner == "center center" else corner)
    elif ax.get_autoscaley_on():
        _make_headroom(ax, (height + 2 * _PADDING) / ax.get_window_extent().height)
        # A line across all of the height may stand in one of the upper corners still.
        box = legend.get_window_extent()
        legend.set_loc(_free_corner(ax, box.width, box.height, _UPPER) or "upper right")
        legend.set_gid(_HEADROOM)
    else:
        legend.set_loc("best")


def place_legend_above(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Put the legend of several axes above all of them, in as many columns as the figure is wide."""
    for columns in range(len(handles), 0, -1):
        legend = figure.legend(handles, labels, loc="outside upper right", ncols=columns, frameon=False)
        if columns == 1 or legend.get_window_extent().width < figure.bbox.width - 2 * _PADDING:
            return
        legend.remove()


def _layout(
    ax: Axes, handles: Sequence[Any], labels: Sequence[str], look: Mapping[str, Any]
) -> tuple[int, float, str | None]:
    """The number of columns, the height in pixels, and the corner that is free for it, if there is one."""
    widest = ax.get_window_extent().width - 2 * _PADDING
    columns, height = 1, np.inf
    for tried in range(1, min(len(handles), _MOST_COLUMNS) + 1):
        box = _legend(ax, handles, labels, tried, look).get_window_extent()
        if tried > 1 and box.width > widest:
            break
        corner = _free_corner(ax, box.width, box.height)
        if corner is not None:
            return tried, float(box.height), corner
        if box.height < height:
            columns, height = tried, float(box.height)
    return columns, height, None


def _legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], columns: int, look: Mapping[str, Any]) -> Any:
    frame: dict[str, Any] = {"framealpha": 0.9, "edgecolor": "none", **look}
    return ax.legend(handles, labels, loc="upper right", ncols=columns, **frame)


def release_headroom(ax: Axes) -> None:
    """Before more is drawn on the same axes: give back the room that was made for the earlier legend."""
    legend = ax.get_legend()
    if legend is not None and legend.get_gid() == _HEADROOM:
        ax.autoscale(axis="y")


def _free_corner(ax: Axes, width: float, height: float, corners: Sequence[str] = _CORNERS) -> str | None:
    from matplotlib.transforms import Bbox

    frame = ax.get_window_extent()
    for corner in corners:
        left = {"left": frame.x0, "right": frame.x1 - width - 2 * _PADDING}.get(
            corner.split()[1], (frame.x0 + frame.x1 - width) / 2 - _PADDING
        )
        bottom = {"lower": frame.y0, "upper": frame.y1 - height - 2 * _PADDING}.get(
            corner.split()[0], (frame.y0 + frame.y1 - height) / 2 - _PADDING
        )
        box = Bbox.from_bounds(left, bottom, width + 2 * _PADDING, height + 2 * _PADDING)
        if not _is_occupied(ax, box):
            return corner
    return None


def _is_occupied(ax: Axes, box: Bbox) -> bool:
    for line in ax.lines:
        path = line.get_path().transformed(line.get_transform())
        points = np.asarray(path.vertices)
        if len(points) and (path.intersects_bbox(box, filled=False) or box.count_contains(points)):
            return True
    if any(patch.get_window_extent().overlaps(box) for patch in ax.patches):
        return True
    for collection in ax.collections:
        offsets = np.ma.filled(np.ma.asarray(collection.get_offsets(), dtype=np.float64), np.nan)
        if len(offsets) and box.count_contains(collection.get_offset_transform().transform(offsets)):
            return True
    return False


def _make_headroom(ax: Axes, share: float) -> None:
    """Raise the upper limit so that the data keep the lower ``1 - share`` of the axes, on any scale."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(np.array(ax.get_ylim()))
    raised = low + (high - low) / (1.0 - min(share, 0.75))
    ax.set_ylim(top=float(scale.inverted().transform(np.array([raised]))[0]))


def spread(positions: Floats, gap: float, low: float, high: float) -> Floats:
    """Move `positions` as little as possible so that neighbours are `gap` apart, within `low` and `high`.

    The least-squares answer is an isotonic regression of the positions less the gaps below them. Where the
    room is not enough for all gaps, they shrink evenly.

    Parameters
    ----------
    positions : ndarray of shape (n,)
    gap, low, high : float
        In the units of `positions`.

    Returns
    -------
    ndarray of shape (n,)
        In the order of `positions`.

    Examples
    --------
    >>> spread(np.array([5.0, 5.0, 0.0]), 2.0, 0.0, 10.0)
    array([4., 6., 0.])
    """
    from scipy.optimize import isotonic_regression

    count = positions.size
    if count < 2:
        return np.clip(positions, low, high)
    gap = min(gap, (high - low) / (count - 1))
    order = np.argsort(positions, kind="stable")
    below = gap * np.arange(count)
    moved = isotonic_regression(positions[order] - below).x
    placed = np.empty(count)
    placed[order] = np.clip(moved, low, high - below[-1]) + below
    return placed


def label_line_ends(
    ax: Axes, ends: Floats, names: Sequence[str], colours: Sequence[str], size: float
) -> list[Annotation]:
    """Write each name to the right of the axes, beside the end of its line, and join the two.

    Parameters
    ----------
    ax : matplotlib Axes
        Its limits must be final.
    ends : ndarray of shape (n, 2)
        The last point of each line, in data coordinates.
    names, colours : sequences of length n
    size : float
        Font size in points.

    Returns
    -------
    list of matplotlib Annotation
    """
    figure = figure_of(ax)
    figure.draw_without_rendering()
    height = ax.get_window_extent().height * 72.0 / figure.dpi
    points = ax.transAxes.inverted().transform(ax.transData.transform(ends))
    points[:, 1] = np.clip(points[:, 1], 0.0, 1.0)
    placed = spread(points[:, 1], 1.3 * size / height, 0.0, 1.0)
    look: dict[str, Any] = {"va": "center", "fontsize": size, "color": INK, "annotation_clip": False}
    return [
        ax.annotate(
            name,
            xy=(float(end[0]), float(end[1])),
            xycoords="axes fraction",
            xytext=(1.03, float(at)),
            textcoords="axes fraction",
            arrowprops={**_LEADER, "color": colour},
            **look,
        )
        for end, at, name, colour in zip(points, placed, names, colours, strict=True)
    ]
