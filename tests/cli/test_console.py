"""Results and remarks in the width and the colours of a terminal."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from downslope.cli.console import show
from downslope.cli.outcome import complain
from downslope.cli.tables import facts


class Terminal(io.StringIO):
    """A screen of some width."""

    def isatty(self) -> bool:
        return True


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, kind: str = "xterm") -> Iterator[Terminal]:
    """Standard output and standard error on one terminal of 60 columns."""
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setenv("COLUMNS", "60")
    screen = Terminal()
    with redirect_stdout(screen), redirect_stderr(screen):
        yield screen


def test_a_terminal_is_never_written_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal(monkeypatch) as screen:
        show(facts([("word", "a long explanation " * 8)]))
        complain("a sentence that is longer than the terminal is wide, " * 2)
    lines = re.sub(r"\x1b\[\d*m", "", screen.getvalue()).splitlines()
    assert len(lines) >= 5
    assert max(map(len, lines)) <= 60
    # The explanation stays beside its word.
    assert lines[1].startswith("      ")


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        complain("no")
    assert screen.getvalue() == "\x1b[31mdownslope: no\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal(monkeypatch) as screen:
        complain("no")
    assert screen.getvalue() == "downslope: no\n"
