"""Results and remarks in the width and the colours of a terminal."""

import re

import pytest

from downslope.cli.console import show
from downslope.cli.outcome import complain
from downslope.cli.tables import facts
from tests.terminal import on_a_terminal


@pytest.fixture(autouse=True)
def of_sixty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")


def test_a_terminal_is_never_written_beyond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with on_a_terminal() as screen:
        show(facts([("word", "a long explanation " * 8)]))
        complain("a sentence that is longer than the terminal is wide, " * 2)
    lines = re.sub(r"\x1b\[\d*m", "", screen.getvalue()).splitlines()
    assert len(lines) >= 5
    assert max(map(len, lines)) <= 60
    # The explanation stays beside its word.
    assert lines[1].startswith("      ")


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_a_terminal() as screen:
        complain("no")
    assert screen.getvalue() == "\x1b[31mdownslope: no\x1b[0m\n"
    monkeypatch.setenv("NO_COLOR", "1")
    with on_a_terminal() as screen:
        complain("no")
    assert screen.getvalue() == "downslope: no\n"
