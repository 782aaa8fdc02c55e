"""Progress: silent at first, a bar on a terminal, rare lines in a pipe; and results in the width of a terminal."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np
import pytest

from downslope.cli.console import show
from downslope.cli.outcome import complain
from downslope.cli.progress import Meter
from downslope.cli.tables import facts
from downslope.history import Record


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


def record(epoch: int, seconds: float) -> Record:
    return Record(epoch, np.zeros(1), 0.0, 1.0, 2.5, 0.1, 0.1, seconds)


def test_a_pipe_gets_rarer_and_rarer_lines(capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(100_000)
    for second in range(60):
        meter(record(1000 * second, float(second)))
    meter.close()
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"epoch {1000 * second:,} of 100,000: mean squared error 2.5, {second} s" for second in (3, 6, 12, 24, 48)
    ]


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as screen:
        meter = Meter(100_000)
        meter(record(1, 0.5))
        assert screen.getvalue() == ""
        meter(record(2000, 1.5))
        assert "epoch 2,000 of 100,000" in screen.getvalue()
        meter(record(3000, 1.55))
        assert "epoch 3,000" not in screen.getvalue()
        meter(record(4000, 1.7))
        assert "epoch 4,000 of 100,000" in screen.getvalue()
        assert "error 2.5" in screen.getvalue()
        meter.close()
        assert screen.getvalue().endswith("\x1b[2K")


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch, "dumb") as screen:
        Meter(100_000)(record(2000, 3.5))
    assert " ".join(screen.getvalue().split()) == "epoch 2,000 of 100,000: mean squared error 2.5, 4 s"


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
