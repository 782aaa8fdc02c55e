"""Where a run tells how it is going: never wider than a terminal, nothing left on it, replaced in a notebook."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from downslope.monitor.terminal import Field, Lines, Notebook, Report, Terminal, clock, screen_of
from tests.terminal import TerminalStream

FIELDS = (
    Field(0, "epoch 12,345/100,000"),
    Field(5, "objective 9.05363"),
    Field(2, "excess 1.2e-05"),
    Field(6, "gradient 3.4e-03"),
    Field(4, "η·λ_max 0.95 (limit 2)"),
    Field(3, "monotone"),
    Field(1, "at most 0:12 left"),
)
REPORT = Report(0.25, FIELDS, 75.0)


def room_for(line: str) -> int:
    """Columns, where letters beyond ASCII take two."""
    return len(line.encode("ascii", "replace")) + sum(ord(letter) > 127 for letter in line)


@pytest.mark.parametrize("room", range(200))
def test_a_line_keeps_to_its_room_and_loses_the_least_telling_first(room: int) -> None:
    line = REPORT.within(room)
    assert room_for(line) <= room
    shown = [field.rank for field in FIELDS if field.text in line]
    assert sorted(shown) == list(range(len(shown)))
    if line.startswith("["):
        bar = line[: line.index("]") + 1]
        assert len(bar) in (8, 16, 24, 32, 40)
        assert bar.count("#") == round(0.25 * (len(bar) - 2))


def test_a_usual_terminal_has_room_for_what_matters() -> None:
    line = REPORT.within(79)
    assert line == "[##----] epoch 12,345/100,000  excess 1.2e-05  monotone  at most 0:12 left"
    assert all(field.text in REPORT.within(160) for field in FIELDS)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (172_799, "47:59:59"), (1e7, "116 days")],
)
def test_times(seconds: float, told: str) -> None:
    assert clock(seconds) == told


# ---------------------------------------------------------------------------------------------------------- terminals
@pytest.fixture(params=[20, 80, 180])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    width: int = request.param
    monkeypatch.setenv("COLUMNS", str(width))
    return width


def test_a_terminal_has_one_line_that_goes_away(columns: int) -> None:
    stream = TerminalStream()
    screen = Terminal(stream)
    screen.show(REPORT)
    screen.show(REPORT._replace(fields=FIELDS[:1]))
    # The shorter line wiped the longer one out, and the cursor is where a ^C may stand.
    (line,) = stream.lines
    assert line == REPORT._replace(fields=FIELDS[:1]).within(columns - 1)
    assert stream.getvalue().endswith("\r")
    stream.write("^C")
    screen.end(REPORT)
    assert stream.lines == [""]
    assert max(map(len, stream.frames)) < columns


def test_a_line_is_printed_above_a_line_that_renews_itself(columns: int) -> None:
    stream = TerminalStream()
    screen = Terminal(stream)
    screen.show(REPORT)
    screen.clear()
    print(" 5 w = 0.1", file=stream)
    screen.show(REPORT)
    assert stream.lines == [" 5 w = 0.1", REPORT.within(columns - 1)]


def test_the_width_is_that_of_the_terminal_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    monkeypatch.setenv("COLUMNS", "80")
    leader, follower = pty.openpty()
    with open(leader, "rb"), open(follower, "w") as stream:
        for width in (50, 120):
            termios.tcsetwinsize(follower, (24, width))
            assert Terminal(stream).columns() == width


# -------------------------------------------------------------------------------------------------- files and notebooks
def test_a_file_gets_whole_sentences() -> None:
    stream = io.StringIO()
    screen = Lines(stream)
    screen.show(REPORT)
    screen.clear()
    screen.end(REPORT._replace(fields=FIELDS[:2]))
    assert stream.getvalue() == (
        "epoch 12,345/100,000 after 1:15, objective 9.05363, excess 1.2e-05, gradient 3.4e-03, "
        "η·λ_max 0.95 (limit 2), monotone, at most 0:12 left\n"
        "epoch 12,345/100,000 after 1:15, objective 9.05363\n"
    )


class Output:
    """IPython's display, and the handle that it returns."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.updates: list[dict[str, str]] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> "Output":
        assert raw
        assert display_id
        self.shown.append(content)
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.updates.append(content)


def test_a_notebook_has_one_output_that_is_replaced() -> None:
    output = Output()
    screen = Notebook(output.display)
    assert screen.pause(60.0) == Terminal(TerminalStream()).pause(60.0) == 0.2
    screen.show(REPORT)
    screen.show(REPORT._replace(share=0.5))
    screen.clear()
    screen.end(REPORT)
    assert [content["text/plain"] for content in output.shown + output.updates] == [REPORT.sentence] * 3
    assert output.shown[0]["text/html"].startswith('<progress value="0.2500"')
    assert output.updates[0]["text/html"].startswith('<progress value="0.5000"')
    assert output.updates[1]["text/html"] == REPORT.sentence


# --------------------------------------------------------------------------------------------------------- which one
@pytest.mark.parametrize(
    ("stream", "kind", "expected"),
    [
        (TerminalStream(), "xterm", Terminal),
        (TerminalStream(), "", Terminal),
        (TerminalStream(), "dumb", Lines),
        (TerminalStream(), "unknown", Lines),
        (io.StringIO(), "xterm", Lines),
        (None, "xterm", Lines),
    ],
)
def test_the_screen_of_a_stream(
    stream: Any, kind: str, expected: type, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", kind)
    screen = screen_of(stream)
    assert type(screen) is expected
    screen.show(REPORT)
    # Where standard error is closed, standard output keeps to results.
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("shell", "expected"), [(None, Terminal), ({}, Terminal), ({"kernel": "python3"}, Notebook)])
def test_a_notebook_is_known_by_its_kernel(
    shell: dict[str, str] | None, expected: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = None if shell is None else SimpleNamespace(**shell)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: running))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=Output().display))
    monkeypatch.setenv("TERM", "xterm")
    assert type(screen_of(TerminalStream())) is expected


# ---------------------------------------------------------------------------------------------------------- languages
def test_a_korean_line_keeps_to_its_room() -> None:
    fields = (Field(0, "에포크 12,345/100,000"), Field(1, "최대 0:12 남음"))
    for room in range(80):
        assert room_for(Report(0.25, fields, 75.0).within(room)) <= room
