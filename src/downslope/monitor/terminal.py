"""Where a run tells how it is going: one line of a terminal, an output of a notebook, or lines of a file."""

import io
import os
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple, Protocol, TextIO

from downslope.texts import say
from downslope.texts.width import display_width, shorten

__all__ = ["Field", "Lines", "Notebook", "Report", "Screen", "Terminal", "clock", "screen_of"]

# Seconds of silence, and between two updates: five numbers a second are as many as an eye follows.
SILENCE, LONGER_SILENCE, PAUSE = 1.0, 3.0, 0.2
# Of a bar: it is a multiple of the shortest, and so keeps its length when a number beside it becomes longer.
SHORTEST_BAR, LONGEST_BAR = 8, 40


class Field(NamedTuple):
    """A part of a line; where there is no room for all, those of the highest rank are left out first."""

    rank: int
    text: str


class Report(NamedTuple):
    """What one update tells.

    Attributes
    ----------
    share : float
        Done of what is expected to be done.
    fields : tuple of Field
    seconds : float
        Since the beginning.
    """

    share: float
    fields: tuple[Field, ...]
    seconds: float

    @property
    def sentence(self) -> str:
        """All in one line of any length.

        Examples
        --------
        >>> Report(0.5, (Field(0, "epoch 50/100"), Field(1, "excess 1.0e-03")), 75.0).sentence
        'epoch 50/100 after 1:15, excess 1.0e-03'
        """
        first, *others = (field.text for field in self.fields)
        return ", ".join([say("progress.after", epoch=first, time=clock(self.seconds)), *others])

    def within(self, room: int) -> str:
        """A bar and as many fields as there is room for.

        Examples
        --------
        >>> report = Report(0.5, (Field(0, "epoch 50/100"), Field(1, "excess 1.0e-03")), 75.0)
        >>> report.within(50), report.within(30)
        ('[#######-------] epoch 50/100  excess 1.0e-03', '[#######-------] epoch 50/100')
        """
        fields = list(self.fields)
        text = "  ".join(field.text for field in fields)
        while len(fields) > 1 and columns_taken(text) + SHORTEST_BAR + 1 > room:
            fields.remove(max(fields))
            text = "  ".join(field.text for field in fields)
        length = min(room - columns_taken(text) - 1, LONGEST_BAR) // SHORTEST_BAR * SHORTEST_BAR - 2
        if length < 0:
            return shorten(text, room, ambiguous=2)
        full = round(self.share * length)
        return f"[{'#' * full}{'-' * (length - full)}] {text}"


class Screen(Protocol):
    """Where reports go.

    Attributes
    ----------
    silence : float
        Seconds before the first.
    """

    silence: float

    def pause(self, seconds: float) -> float:
        """Seconds from the update at `seconds` to the next."""

    def show(self, report: Report) -> None:
        """Tell."""

    def clear(self) -> None:
        """Make room for a line that somebody else is about to print."""

    def end(self, report: Report) -> None:
        """Tell the last of a run of which something was shown."""


class Lines:
    """Lines of a file, a pipe, or a terminal that cannot move its cursor, each twice as late as the one before."""

    silence = LONGER_SILENCE

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def pause(self, seconds: float) -> float:
        """Twice as rare every time: ten lines tell of an hour."""
        return seconds

    def show(self, report: Report) -> None:
        """Write a line."""
        print(report.sentence, file=self.stream, flush=True)

    def clear(self) -> None:
        """Lines are in nobody's way."""

    def end(self, report: Report) -> None:
        """Write a line."""
        self.show(report)


class Terminal:
    """One line of a terminal, gone at the end."""

    silence = SILENCE

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def pause(self, seconds: float) -> float:
        """As often as an eye follows."""
        return PAUSE

    def show(self, report: Report) -> None:
        """Write over the line, and go back to its beginning: there a ^C is echoed, and will be wiped out."""
        room = self.columns() - 1
        line = report.within(room)
        self.write(f"\r{line}{' ' * (room - columns_taken(line))}\r")

    def clear(self) -> None:
        """Blank the line; by blanks, which every terminal knows."""
        self.write(f"\r{' ' * (self.columns() - 1)}\r")

    def end(self, report: Report) -> None:
        """Leave nothing."""
        self.clear()

    def write(self, text: str) -> None:
        """Write at once."""
        self.stream.write(text)
        self.stream.flush()

    def columns(self) -> int:
        """The width, which may change at any time."""
        try:
            columns = os.get_terminal_size(self.stream.fileno()).columns
        except (OSError, ValueError):
            columns = 0
        return columns or shutil.get_terminal_size().columns


class Notebook:
    """An output of a notebook that is updated in place; `display` is that of IPython."""

    silence = SILENCE

    def __init__(self, display: Callable[..., Any]) -> None:
        self.display = display
        self.handle: Any = None

    def pause(self, seconds: float) -> float:
        """As often as an eye follows."""
        return PAUSE

    def show(self, report: Report) -> None:
        """Replace what is shown."""
        bar = f'<progress value="{report.share:.4f}" style="vertical-align: middle"></progress>'
        self.put(report.sentence, f"{bar} {report.sentence}")

    def clear(self) -> None:
        """What is printed has its own place."""

    def end(self, report: Report) -> None:
        """Leave the last report, without a bar."""
        self.put(report.sentence, report.sentence)

    def put(self, plain: str, html: str) -> None:
        """Show for the first time, or replace."""
        content = {"text/plain": plain, "text/html": html}
        if self.handle is None:
            self.handle = self.display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)


def screen_of(stream: TextIO | None) -> Screen:
    """What there is to tell on: a notebook, if this process is the kernel of one, or else what the stream is."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if getattr(shell, "kernel", None) is not None:
        return Notebook(import_module("IPython.display").display)
    if stream is None:
        # Standard error was closed.
        return Lines(io.StringIO())
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return Terminal(stream) if stream.isatty() and not dumb else Lines(stream)


def columns_taken(text: str) -> int:
    """The columns that a text may take: a line that is too long would leave its end behind on every update."""
    return display_width(text, ambiguous=2)


def clock(seconds: float) -> str:
    """A time as minutes and seconds, hours before them, or days alone.

    Examples
    --------
    >>> clock(7), clock(3725), clock(1e6)
    ('0:07', '1:02:05', '12 days')
    """
    if seconds >= 2 * 86_400:
        return say("progress.days", days=seconds / 86_400)
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
