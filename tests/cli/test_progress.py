"""Progress of the command: on standard error, beside the results; a bar on a terminal, lines elsewhere."""

import math
import re
from pathlib import Path

import pytest

from downslope import load_model
from downslope.cli import main
from downslope.monitor.terminal import Lines, Terminal
from tests.cli.conftest import Call
from tests.terminal import on_a_terminal

DESCENT = ("-t", "y", "--features", "a,b", "--loss", "huber", "--max-iter", "300", "--tol", "0")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals of 80 columns, and files, are written on from the third record, however long it takes to come."""
    monkeypatch.setattr("downslope.monitor.progress.PATIENCE", math.inf)
    monkeypatch.setattr(Terminal, "silence", 0.0)
    monkeypatch.setattr(Lines, "silence", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def test_a_pipe_gets_lines_beside_the_results(call: Call, lines: Path) -> None:
    answer = call("fit", lines, *DESCENT, "--json")
    assert answer.code == 0
    assert answer.document["stop"]["reason"] == "max_iter"
    first, *_, last = answer.err.splitlines()
    assert re.match(r"epoch 2/300 after \d+:\d\d, objective ", first)
    assert re.match(r"epoch 300/300 after \d+:\d\d, objective ", last)


def test_a_terminal_gets_a_bar_that_goes_away(lines: Path, tmp_path: Path) -> None:
    with on_a_terminal() as terminal:
        assert main(["fit", str(lines), *DESCENT, "--model", str(tmp_path / "m.json")]) == 0
    assert any(frame.startswith("[") and "epoch 2/300" in frame for frame in terminal.frames)
    assert not any("/300" in line for line in terminal.lines)
    # What is saved is the model, not how it was watched.
    assert load_model(tmp_path / "m.json").progress is False


def test_printed_epochs_replace_the_bar(lines: Path) -> None:
    with on_a_terminal() as terminal:
        assert main(["fit", str(lines), *DESCENT, "--verbose", "100"]) == 0
    assert not any("/300" in frame for frame in terminal.frames)
    assert [line.split()[0] for line in terminal.lines if " error = " in line] == ["0", "100", "200", "300", "300"]


def test_a_closed_form_has_nothing_to_tell(call: Call, lines: Path) -> None:
    assert call("fit", lines, "-t", "y", "--features", "a,b").err == ""
