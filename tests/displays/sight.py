"""What a person would see at a glance, measured: text that is cut off, legends over data, names that touch."""

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.text import Annotation


def lay_out(figure: Any) -> None:
    """Give everything its place, unless nothing has changed since that was done: it is what a look costs."""
    if figure.stale:
        figure.draw_without_rendering()


def is_complete(figure: Any) -> bool:
    """Whether everything drawn lies on the page."""
    lay_out(figure)
    box, page = figure.get_tightbbox(), figure.bbox_inches
    figure.stale = False  # measuring it marks it as changed
    return bool(box.x0 > -0.01 and box.y0 > -0.01 and box.x1 < page.x1 + 0.01 and box.y1 < page.y1 + 0.01)


def points_under_legend(ax: Any) -> int:
    """How many points of curves and scatters lie under the legend, lines sampled between their records too."""
    lay_out(ax.figure)
    legend = ax.get_legend()
    if legend is None:
        return 0
    box = legend.get_window_extent()
    hidden = 0
    for line in ax.lines:
        alone = line.get_linestyle() == "None"
        path = line.get_transform().transform(np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float))
        steps = np.linspace(0, 1, 50)[:, None, None]
        dense = (path[:-1] + steps * np.diff(path, axis=0)).reshape(-1, 2) if len(path) > 1 and not alone else path
        hidden += box.count_contains(dense)
    for points in ax.collections:
        hidden += box.count_contains(points.get_offset_transform().transform(points.get_offsets()))
    return int(hidden)


def names_at_line_ends(ax: Any) -> list[Any]:
    return [text for text in ax.texts if isinstance(text, Annotation)]


def touching_names(ax: Any) -> list[tuple[str, str]]:
    """Pairs of names whose boxes overlap."""
    lay_out(ax.figure)
    boxes = [(text.get_text(), super(Annotation, text).get_window_extent()) for text in names_at_line_ends(ax)]
    return [(a, b) for (a, first), (b, second) in combinations(boxes, 2) if first.overlaps(second)]
