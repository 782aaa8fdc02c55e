"""Where words go: results to standard output, remarks to standard error."""

import errno
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from downslope.texts import Finding
from downslope.texts.parts import system_reason

__all__ = [
    "OutputError",
    "flush_output",
    "json_text",
    "printable",
    "remark",
    "show",
    "show_line",
    "to_output",
    "write_out",
]

# A pipe has no width: nothing is wrapped there.
ENDLESS = 100_000
SLICE = 2**15
# Control characters, other ends of lines, and what turns the direction of writing.
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class OutputError(Exception):
    """Standard output does not take what is written to it."""


@contextmanager
def to_output() -> Iterator[None]:
    """Inside, a failure to write belongs to standard output; one whose reader has left is passed on as it is."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputError(Finding.of("command.no_output", reason=system_reason(error))) from error


def flush_output() -> None:
    """Write out what waits."""
    with to_output():
        sys.stdout.flush()


def printable(text: str) -> str:
    r"""A text whose control characters, such as a terminal obeys, are escapes.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def remarks() -> Console:
    """Standard error."""
    return Console(file=sys.stderr, highlight=False)


def remark(sentence: object, style: str = "") -> None:
    """Print a sentence on standard error: one line, unless a terminal is narrower."""
    console, told = remarks(), "\n".join(map(printable, str(sentence).split("\n")))
    # Where standard error takes nothing, nothing can be said of that.
    with suppress(OSError):
        console.print(Text(told, style=style), soft_wrap=not console.is_terminal)


def show(*parts: RenderableType) -> None:
    """Print results: within the width of a terminal, and one line each, without padding, in a pipe."""
    console = Console(file=sys.stdout, highlight=False)
    if console.is_terminal:
        with to_output():
            put(console, parts)
        return
    console = Console(file=sys.stdout, highlight=False, width=ENDLESS)
    with to_output(), console.capture() as captured:
        put(console, parts)
    write_out("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def show_line(text: str) -> None:
    """Print one line, which a terminal may wrap but does not cut."""
    with to_output():
        Console(file=sys.stdout, highlight=False).print(Text(printable(text)), soft_wrap=True)


def put(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print one part below the other."""
    for part in parts:
        console.print(Text(printable(part)) if isinstance(part, str) else part)


def json_text(document: dict[str, Any]) -> str:
    """One JSON document."""
    from downslope.data.documents import to_json

    return to_json(document, indent=2) + "\n"


def write_out(text: str) -> None:
    """Write to standard output as it is."""
    # In slices: an unbuffered stream (PYTHONUNBUFFERED) drops without a word what a closed pipe did not take of one.
    with to_output():
        for start in range(0, len(text), SLICE):
            sys.stdout.write(text[start : start + SLICE])
        sys.stdout.flush()
