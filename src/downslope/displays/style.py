"""Colours, the one place that loads matplotlib, and the axes that pictures are drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from downslope.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "ACCENT",
    "INK",
    "MUTED",
    "OTHERS",
    "SERIES",
    "colour",
    "drawing",
    "figure_of",
    "load_pyplot",
    "new_axes",
]

# Okabe and Ito (2008), "Color universal design"; its yellow is left out because it is faint on white.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F4F24")
ACCENT = "#D55E00"
INK = "#222222"
MUTED = "#767676"
OTHERS = "#C4C4C4"
_FRAME = "#9A9A9A"

# Every colour is named, so that a dark or a coloured user style cannot leave dark words on a dark ground.
_OWN_FIGURE: dict[str, Any] = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": _FRAME,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "normal",
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.fontsize": 9,
    "legend.labelcolor": INK,
    "font.size": 10,
    "figure.dpi": 120,
    "lines.linewidth": 1.8,
    "axes.formatter.useoffset": False,
}


def load_pyplot() -> Any:
    """matplotlib's pyplot, or one sentence that says how to get it.

    Raises
    ------
    MissingDependencyError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingDependencyError(
            'Pictures need matplotlib, which is not installed; install it with: pip install "downslope[plot]"'
        ) from error
    return plt


@contextmanager
def drawing(*, own_figure: bool) -> Iterator[Any]:
    """Yield pyplot; inside, a figure of ours has our look. The global settings are left as they were."""
    plt = load_pyplot()
    with plt.rc_context(_OWN_FIGURE if own_figure else {}):
        yield plt


def new_axes(plt: Any, size: tuple[float, float], rows: int = 1, columns: int = 1) -> list[Axes]:
    """Axes on a new figure that makes room for what stands outside of them."""
    figure, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    for ax in grid.flat:
        # matplotlib makes ticks late, when the settings of `drawing` are gone: the axes store what they need.
        ax.tick_params(which="both", color=_FRAME, labelcolor=INK, labelsize=9)
        ax.grid(True, which="major", color="#E6E6E6", linewidth=0.7, linestyle="-")
    return list(grid.flat)


def figure_of(ax: Axes) -> Figure:
    """The whole figure that `ax` lies on, also from inside a subfigure."""
    figure: Any = ax.figure
    whole: Figure = getattr(figure, "figure", None) or figure
    return whole


def colour(index: int) -> str:
    """The colour of series `index`; they repeat after seven."""
    return SERIES[index % len(SERIES)]
