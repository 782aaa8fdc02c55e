"""Colours, the one place that loads matplotlib, and the axes that pictures are drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from downslope.displays.fonts import find_korean, hint_once
from downslope.displays.wording import chosen_language, speaking, wrapped
from downslope.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

__all__ = [
    "ACCENT",
    "FRAME",
    "GRID",
    "INK",
    "MUTED",
    "OTHERS",
    "SERIES",
    "axes_on",
    "colour",
    "drawing",
    "extend_fonts",
    "figure_of",
    "letters_in",
    "load_pyplot",
    "name_axes",
    "new_axes",
]

# Okabe and Ito (2008), "Color universal design"; its yellow is left out because it is faint on white.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F4F24")
ACCENT = "#D55E00"
INK = "#222222"
MUTED = "#767676"
OTHERS = "#C4C4C4"
FRAME = "#9A9A9A"
GRID = "#E6E6E6"
_LETTER_INCHES = 0.082

# Every colour is named, so that a dark or a coloured user style cannot leave dark words on a dark ground.
_OWN_FIGURE: dict[str, Any] = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FRAME,
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
            "Pictures need matplotlib, which is not installed: install it, or Downslope with its extra [plot]"
        ) from error
    return plt


def drawing(*, own_figure: bool, lang: str | None = None) -> AbstractContextManager[Any]:
    """A context that hands out pyplot. The global settings are left as they were.

    Inside, a figure of ours has our look, `say` speaks the language, and new text finds Korean letters where a font
    on the machine has them, in whatever language: column names may be Korean too.

    Parameters
    ----------
    own_figure : bool
        Whether the figure is ours; one of the user's keeps its look, and its fonts come first.
    lang : {"en", "ko"}, optional
        The language of the words; without it that of a `drawing` around this one, else English.

    Raises
    ------
    InputError
        If the language is not known.
    MissingDependencyError
        If matplotlib is not installed.

    Warns
    -----
    MissingFontWarning
        If Korean was asked for and no font for it is found; then the words are English.
    """
    plt = load_pyplot()
    language, font = chosen_language(lang), find_korean()
    if language == "ko" and font is None:
        hint_once()
        language = "en"
    look = dict(_OWN_FIGURE) if own_figure else {}
    if font is not None:
        # matplotlib takes each letter from the first family that has it. DejaVu has the minus sign, NanumGothic none.
        first = ["DejaVu Sans"] if own_figure else plt.rcParams["font.family"]
        look["font.family"] = [*first, *(() if font in first else (font,))]
    return _drawing(plt, look, language)


@contextmanager
def _drawing(plt: Any, look: dict[str, Any], language: str) -> Iterator[Any]:
    # A notebook's backend turns interactive drawing on when it is first used. Inside the context that would be undone
    # at its end, and no picture but the first would be shown.
    plt.draw_if_interactive()
    with plt.rc_context(look), speaking(language):
        yield plt


def name_axes(ax: Axes, *, xlabel: str | None = None, ylabel: str | None = None, title: str | None = None) -> None:
    """Write the labels and the title of axes, inside `drawing`: those of the user get its fonts behind their own.

    Labels that are longer than the axes are broken into lines.
    """
    box, dpi = ax.get_window_extent(), figure_of(ax).dpi
    if xlabel is not None:
        extend_fonts(ax.set_xlabel(wrapped(xlabel, letters_in(box.width / dpi))))
    if ylabel is not None:
        extend_fonts(ax.set_ylabel(wrapped(ylabel, letters_in(box.height / dpi))))
    if title is not None:
        extend_fonts(ax.set_title(title, loc="left"))


def letters_in(inches: float) -> int:
    """How many letters of a label have room beside axes of that size, which a label may outreach a little."""
    return max(int(1.2 * inches / _LETTER_INCHES), 1)


def extend_fonts(text: Text) -> None:
    """Let text that was made before `drawing`, such as labels of ticks, find the letters that new text finds."""
    from matplotlib import rcParams

    families = text.get_fontfamily()
    text.set_fontfamily([*families, *(family for family in rcParams["font.family"] if family not in families)])


def new_axes(plt: Any, size: tuple[float, float], rows: int = 1, columns: int = 1) -> list[Axes]:
    """Axes on a new figure that makes room for what stands outside of them."""
    return axes_on(plt.figure(figsize=size, layout="constrained"), rows, columns)


def axes_on(figure: Any, rows: int, columns: int) -> list[Axes]:
    """The same on a figure that is there, with a constrained layout."""
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.flat:
        # matplotlib makes ticks late, when the settings of `drawing` are gone: the axes store what they need.
        ax.tick_params(which="both", color=FRAME, labelcolor=INK, labelsize=9)
        ax.grid(True, which="major", color=GRID, linewidth=0.7, linestyle="-")
    return list(grid.flat)


def figure_of(ax: Axes) -> Figure:
    """The whole figure that `ax` lies on, also from inside a subfigure."""
    figure: Any = ax.figure
    whole: Figure = getattr(figure, "figure", None) or figure
    return whole


def colour(index: int) -> str:
    """The colour of series `index`; they repeat after seven."""
    return SERIES[index % len(SERIES)]
