"""Where words go: results to standard output, remarks to standard error."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

__all__ = ["json_text", "remark", "show", "show_line", "write_out"]

# A pipe has no width: nothing is wrapped there.
ENDLESS = 100_000
SLICE = 2**15


def remarks() -> Console:
    """Standard error."""
    return Console(file=sys.stderr, highlight=False)


def remark(sentence: object, style: str = "") -> None:
    """Print a sentence on standard error: one line, unless a terminal is narrower."""
    console = remarks()
    console.print(Text(str(sentence), style=style), soft_wrap=not console.is_terminal)


def show(*parts: RenderableType) -> None:
    """Print results: within the width of a terminal, and one line each, without padding, in a pipe."""
    console = Console(file=sys.stdout, highlight=False)
    if console.is_terminal:
        put(console, parts)
        return
    console = Console(file=sys.stdout, highlight=False, width=ENDLESS)
    with console.capture() as captured:
        put(console, parts)
    write_out("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def show_line(text: str) -> None:
    """Print one line, which a terminal may wrap but does not cut."""
    Console(file=sys.stdout, highlight=False).print(Text(text), soft_wrap=True)


def put(console: Console, parts: Iterable[RenderableType]) -> None:
    """Print one part below the other."""
    for part in parts:
        console.print(part)


def json_text(document: dict[str, Any]) -> str:
    """One JSON document."""
    from downslope.data.documents import to_json

    return to_json(document, indent=2) + "\n"


def write_out(text: str) -> None:
    """Write to standard output as it is."""
    # In slices: an unbuffered stream (PYTHONUNBUFFERED) drops without a word what a closed pipe did not take of one.
    for start in range(0, len(text), SLICE):
        sys.stdout.write(text[start : start + SLICE])
    sys.stdout.flush()
