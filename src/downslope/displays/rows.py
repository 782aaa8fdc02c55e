"""Rows as points, the outliers ringed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from downslope.displays.style import ACCENT
from downslope.displays.wording import say
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

__all__ = ["POINTS", "check_rows", "draw_rows"]

Floats = NDArray[np.float64]

POINTS = "#5B8DB8"
_CROWD = 1000


def check_rows(y: Floats, predictions: Floats | None, x: Floats | None, outliers: NDArray[np.intp]) -> None:
    """Refuse what cannot be drawn: nothing to draw, unequal lengths, values without a place, unknown rows."""
    if x is None and predictions is None:
        raise InputError(Finding("displays.nothing_to_draw"))
    for name, values in (("y", y), ("predictions", predictions), ("x", x)):
        if values is None:
            continue
        if values.size == 0:
            raise InputError(Finding.of("displays.no_rows", name=name))
        if values.size != y.size:
            raise InputError(Finding.of("displays.other_rows", name=name, got=values.size, count=y.size))
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing:
            raise InputError(Finding.of("displays.not_finite", name=name, count=missing))
    if outliers.size and (outliers.min() < 0 or outliers.max() >= y.size):
        told = {"first": int(outliers.min()), "last": int(outliers.max()), "count": y.size, "most": y.size - 1}
        raise InputError(Finding("displays.outliers", told))


def draw_rows(
    ax: Axes,
    horizontal: Floats,
    vertical: Floats,
    outliers: NDArray[np.intp],
    max_points: int,
    options: Mapping[str, Any],
) -> tuple[PathCollection, PathCollection | None]:
    """Draw at most `max_points` of the points, chosen at random but always the same, and every outlier."""
    count = horizontal.size
    shown = np.arange(count)
    words = say("rows")
    if count > max_points:
        shown = np.sort(np.random.default_rng(0).choice(count, size=max_points, replace=False))
        words = say("shown rows", shown=max_points, count=count)
        shown = np.union1d(shown, outliers)
    crowded = shown.size > _CROWD
    look: dict[str, Any] = {"color": POINTS, "linewidths": 0, "label": words, "zorder": 2}
    # In a vector format thousands of points would be thousands of shapes.
    look |= {"s": 9, "alpha": 0.35, "rasterized": True} if crowded else {"s": 20, "alpha": 0.75}
    points = ax.scatter(horizontal[shown], vertical[shown], **(look | dict(options)))
    if not outliers.size:
        return points, None
    ring: dict[str, Any] = {"s": 70, "facecolors": "none", "edgecolors": ACCENT, "linewidths": 1.6, "zorder": 3}
    rings = ax.scatter(horizontal[outliers], vertical[outliers], label=say("outliers"), **ring)
    return points, rings
