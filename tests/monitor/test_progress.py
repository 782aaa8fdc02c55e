"""Progress: what it tells is true, it comes when it is time, it changes nothing and leaves nothing behind."""

import io
import pickle
import re
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from downslope import GradientDescentRegressor
from downslope.descent.history import Record
from downslope.descent.loop import Row
from downslope.monitor.progress import Outlook, Progress, Told
from downslope.monitor.terminal import Lines, Report, Terminal
from downslope.texts import speaking
from tests.problems import course, real_table
from tests.terminal import TerminalStream, on_a_terminal
from tests.texts.english import english_in

# One for each engine that makes its epochs one by one.
ENGINES: dict[str, dict[str, Any]] = {
    "moments": {"method": "adam"},
    "data": {"loss": "huber"},
    "stochastic": {"batch_size": 40, "random_state": 0},
}
each_engine = pytest.mark.parametrize("engine", ENGINES)
ignores_warnings = pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")


class Notes:
    """A screen that keeps every report of every epoch."""

    silence = 0.0

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.ended: list[Report] = []
        self.cleared = 0

    def pause(self, seconds: float) -> float:
        return 0.0

    def show(self, report: Report) -> None:
        self.reports.append(report)

    def clear(self) -> None:
        self.cleared += 1

    def end(self, report: Report) -> None:
        self.ended.append(report)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notes]:
    """What every fit of this test tells, however short it is and however long the telling takes."""
    screen = Notes()
    monkeypatch.setattr("downslope.monitor.progress.screen_of", lambda stream: screen)
    monkeypatch.setattr("downslope.monitor.progress.COST", np.inf)
    monkeypatch.setattr("downslope.monitor.progress.PATIENCE", 0.0)
    return screen


def value(report: Report, name: str) -> str | None:
    """What stands behind a name, if it is told."""
    for field in report.fields:
        if field.text.startswith(f"{name} "):
            return field.text.removeprefix(f"{name} ")
    return None


def states(reports: list[Report]) -> list[str]:
    words = {"monotone", "zig-zag", "diverging"}
    return [next((field.text for field in report.fields if field.text in words), "") for report in reports]


def descended(model: GradientDescentRegressor, X: np.ndarray) -> np.ndarray:
    """The path in (x - mean)/σ."""
    history = model.history_
    return np.column_stack([history.coef * X.std(axis=0), history.intercept + history.coef @ X.mean(axis=0)])


# ------------------------------------------------------------------------------------------------------ what is told
@ignores_warnings
@pytest.mark.parametrize("share", [0.5, 1.0, 1.5, 1.97, 2.03])
@pytest.mark.parametrize("engine", ["moments", "data"])
def test_the_state_is_that_of_the_path(engine: str, share: float, notes: Notes) -> None:
    X, y = real_table()
    steepest = np.linalg.eigvalsh(np.corrcoef(X.T))[-1]
    model = GradientDescentRegressor(engine=engine, learning_rate=share / steepest, max_iter=150, tol=0, progress=True)
    model.fit(X, y)
    steps = np.diff(descended(model, X), axis=0)
    turned = np.sum(steps[1:] * steps[:-1], axis=1) < 0
    J = model.history_["objective"]
    diverging = (J[0] < J)[2:] | ((J[2:] > J[:-2]) & (share > 2))
    expected = np.where(diverging, "diverging", np.where(turned, "zig-zag", "monotone"))
    assert states(notes.reports)[2:] == expected.tolist()
    # Each of these rates has its own character.
    assert expected[-1] == {1.97: "zig-zag", 2.03: "diverging"}.get(share, "monotone")


@ignores_warnings
def test_the_numbers_are_those_of_the_history(notes: Notes) -> None:
    X, y = real_table()
    steepest = np.linalg.eigvalsh(np.corrcoef(X.T))[-1]
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(y.size)])
    lowest = 0.5 * np.mean((y - Z @ np.linalg.lstsq(Z, y)[0]) ** 2)
    model = GradientDescentRegressor(
        engine="moments", method="nesterov", learning_rate=0.5 / steepest, max_iter=80, tol=0, progress=True
    )
    history = model.fit(X, y).history_
    assert [value(report, "epoch") for report in notes.reports] == [f"{k}/80" for k in range(81)]
    told = np.array([[float(value(r, name)) for name in ("objective", "excess", "gradient")] for r in notes.reports])
    np.testing.assert_allclose(told[:, 0], history["objective"], rtol=1e-5)
    np.testing.assert_allclose(told[:, 1], history["objective"] - lowest, rtol=0.06)
    np.testing.assert_allclose(told[:, 2], history["gradient_norm"], rtol=0.06)
    assert {value(report, "η·λ_max") for report in notes.reports} == {"0.5 (limit 1.36)"}


@ignores_warnings
@pytest.mark.parametrize(
    ("options", "told", "untold"),
    [
        ({"engine": "moments"}, {"excess", "gradient", "η·λ_max"}, {"rate"}),
        ({"method": "adam"}, {"excess", "gradient", "rate"}, {"η·λ_max"}),
        ({"penalty": "l1"}, {"gradient", "η·λ_max"}, {"excess", "rate"}),
        ({"loss": "huber"}, {"gradient", "rate"}, {"excess", "η·λ_max"}),
        ({"batch_size": 40}, {"excess", "gradient", "rate"}, {"η·λ_max"}),
    ],
)
def test_what_is_not_known_is_left_out(options: dict[str, Any], told: set[str], untold: set[str], notes: Notes) -> None:
    GradientDescentRegressor(**options, max_iter=5, tol=0, progress=True, random_state=0).fit(*real_table())
    for report in notes.reports + notes.ended:
        known = {name for name in told | untold if value(report, name) is not None}
        assert known == told
        assert value(report, "objective") is not None


@ignores_warnings
def test_a_gradient_that_was_not_measured_is_not_told(notes: Notes) -> None:
    model = GradientDescentRegressor(loss="huber", batch_size=40, max_iter=5, tol=0, progress=True, random_state=0)
    measured = model.fit(*real_table()).history_.measured
    assert [value(report, "gradient") is not None for report in notes.reports] == [*measured[:-1], False]
    assert value(notes.ended[0], "gradient") is not None


@ignores_warnings
@each_engine
def test_the_last_report_is_of_the_last_record(engine: str, notes: Notes) -> None:
    model = GradientDescentRegressor(**ENGINES[engine], max_iter=9, tol=0, progress=True).fit(*real_table())
    (last,) = notes.ended
    assert value(last, "epoch") == "9/9"
    assert float(value(last, "objective")) == pytest.approx(model.history_["objective"][-1], rel=1e-5)
    assert last.seconds == model.history_["seconds"][-1]


@ignores_warnings
@ignores_warnings
@pytest.mark.parametrize("share", [0.5, 1.97, 2.03])
def test_progress_is_told_in_korean(share: float, notes: Notes) -> None:
    X, y = real_table()
    rate = share / np.linalg.eigvalsh(np.corrcoef(X.T))[-1]
    with speaking("ko"):
        GradientDescentRegressor(engine="data", learning_rate=rate, max_iter=30, tol=1e-3, progress=True).fit(X, y)
        told = [report.sentence for report in [*notes.reports, *notes.ended]]
    assert [english_in(line) for line in told if english_in(line)] == []
    assert re.fullmatch(
        r"에포크 30/30, 0:\d\d 지남, 목적함수 \S+, 최솟값까지 \S+, 기울기 \S+, η·λ_max \S+ \(한계 2\)", told[-1]
    )
    assert re.search(r"(단조|지그재그|발산), (최대|약) 0:\d\d 남음$", told[10])


def test_a_run_that_goes_on_counts_on(notes: Notes) -> None:
    model = GradientDescentRegressor(engine="moments", warm_start=True, max_iter=10, tol=0, progress=True)
    model.fit(*course()).fit(*course())
    assert [value(report, "epoch") for report in notes.reports[11:]] == [f"{k}/20" for k in range(10, 21)]
    assert [report.share for report in notes.reports[11:]] == [pytest.approx(k / 10) for k in range(11)]


@ignores_warnings
def test_a_run_that_blows_up_is_told_of(notes: Notes) -> None:
    model = GradientDescentRegressor(engine="data", learning_rate=1e9, max_iter=400, tol=0, progress=True)
    model.fit(*real_table())
    assert model.stop_reason_ == "diverged"
    assert states(notes.reports)[-1] == "diverging"


# ---------------------------------------------------------------------------------------------------------- time left
def test_the_epochs_left_are_those_that_a_geometric_descent_takes() -> None:
    X, y = course()
    model = GradientDescentRegressor(engine="moments", learning_rate=0.01, tol=1e-6).fit(X, y)
    # From zeros with the intercept at its best to least squares: what the line explains.
    start = 0.5 * np.var(np.polyval(np.polyfit(X[:, 0], y, 1), X[:, 0]))
    excess = model.history_["objective"] - model.optimum_.objective
    # Within 0.05 standard errors of 98 rows beyond the parameters, which is less than a millionth here.
    below = min(1e-6 * start, 0.05**2 * model.optimum_.objective / 98)
    outlook = Outlook(last_epoch=10_000, worst=np.inf, excess_below=below)
    for k in (100, 200, 400):
        left, most = outlook.epochs_left(Told(k / 2, 0.0, excess[k // 2]), Told(k, 0.0, excess[k]))
        assert not most
        assert k + left == pytest.approx(model.n_iter_, abs=1.0)


@pytest.mark.parametrize(
    ("excess_below", "before", "excess"),
    [(None, 2.0, 1.0), (1e-3, np.nan, np.nan), (1e-3, 1.0, 1.0), (1e-3, 1.0, 2.0), (1e-3, 1.0, 0.999), (0.0, 2.0, 1.0)],
)
def test_there_are_no_more_epochs_left_than_allowed(excess_below: float | None, before: float, excess: float) -> None:
    outlook = Outlook(last_epoch=500, worst=np.inf, excess_below=excess_below)
    assert outlook.epochs_left(Told(100, 0.0, before), Told(200, 0.0, excess)) == (300, True)


@pytest.fixture
def costless(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long an update takes on a busy machine, it does not put off the next."""
    monkeypatch.setattr("downslope.monitor.progress.COST", np.inf)


def follow(progress: Progress, seconds: Callable[[int], float], epochs: int, last_epoch: int = 10**6) -> None:
    """Let epochs pass at these times, the objective falling."""
    progress.outlook = Outlook(last_epoch, worst=2.0)
    for k in range(epochs):
        row = Row(k, 1.0 + 1.0 / (k + 1), 2.0, 0.1, 0.1, seconds(k), np.nan)
        assert progress.hear(row, np.array([1.0 - 0.5**k])) is False


def test_the_time_left_goes_by_the_pace_of_late(costless: None) -> None:
    paper = io.StringIO()
    # The first 20 epochs take a second each, later ones a tenth.
    follow(Progress(Lines(paper)), lambda k: min(k, 20) + max(k - 20, 0) / 10, 2000, last_epoch=5000)
    last = paper.getvalue().splitlines()[-1]
    assert last.startswith("epoch 1,740/5,000 after 3:12, ")
    # 3,260 epochs at a tenth of a second; at the mean pace of the whole run they would take 6:00.
    assert last.endswith(", at most 5:26 left")


# -------------------------------------------------------------------------------------------------------------- when
def test_a_short_run_says_nothing() -> None:
    stream, paper = TerminalStream(), io.StringIO()
    for screen, seconds in ((Terminal(stream), 0.99), (Lines(paper), 2.99)):
        with Progress(screen) as progress:
            follow(progress, lambda k, end=seconds: end * k / 1000, 1000)
            progress.end(Row(1000, 1.0, 2.0, 0.1, 0.1, seconds, np.nan), np.zeros(1))
    assert stream.getvalue() == paper.getvalue() == ""


@pytest.mark.parametrize("pace", [1e-4, 1e-3, 7e-3, 0.02, 0.09, 0.11, 0.5])
def test_a_terminal_is_renewed_at_most_five_times_a_second(pace: float, costless: None) -> None:
    times: list[float] = []
    screen = Terminal(TerminalStream())
    screen.show = lambda report: times.append(report.seconds)  # type: ignore[method-assign]
    follow(Progress(screen), lambda k: pace * k, int(5 / pace))
    assert times[0] >= 1.0
    gaps = np.diff(times)
    assert gaps.min() >= 0.2 - 1e-9
    # An update waits for the end of an epoch, and for two more only where they are short.
    assert gaps.max() <= max(0.2 + 3 * min(pace, 0.08), 2 * pace) + 1e-9


@pytest.mark.parametrize("pace", [1e-4, 1e-3, 7e-3, 0.02, 0.09, 0.11, 0.5])
def test_every_update_knows_the_state(pace: float, costless: None) -> None:
    reports: list[Report] = []
    screen = Terminal(TerminalStream())
    screen.show = reports.append  # type: ignore[method-assign]
    follow(Progress(screen), lambda k: pace * k, int(5 / pace))
    assert set(states(reports)) == {"monotone"}


def test_epochs_of_many_seconds_are_told_of_at_once(costless: None) -> None:
    reports: list[Report] = []
    screen = Terminal(TerminalStream())
    screen.show = reports.append  # type: ignore[method-assign]
    follow(Progress(screen), lambda k: 30.0 * k, 5)
    assert [report.seconds for report in reports] == [30.0, 60.0, 90.0, 120.0]
    assert states(reports) == ["", "monotone", "monotone", "monotone"]


def test_lines_are_twice_as_rare_every_time(costless: None) -> None:
    paper = io.StringIO()
    follow(Progress(Lines(paper)), lambda k: k / 10, 600)
    told = [line.split("/")[0] for line in paper.getvalue().splitlines()]
    assert told == [f"epoch {k}" for k in (30, 60, 120, 240, 480)]


def test_a_slow_screen_is_used_less_often() -> None:
    times: list[float] = []

    def show(report: Report) -> None:
        times.append(report.seconds)
        time.sleep(0.005)

    screen = Terminal(TerminalStream())
    screen.show = show  # type: ignore[method-assign]
    follow(Progress(screen), lambda k: k / 100, 1000)
    # 5 ms are to be at most a two-hundredth.
    assert np.diff(times).min() >= 1.0


# ------------------------------------------------------------------------------------------------- nothing is changed
@ignores_warnings
@each_engine
def test_watching_changes_nothing(engine: str, notes: Notes) -> None:
    X, y = real_table()
    watched = GradientDescentRegressor(**ENGINES[engine], max_iter=40, progress=True).fit(X, y)
    unwatched = GradientDescentRegressor(**ENGINES[engine], max_iter=40).fit(X, y)
    assert (watched.n_iter_, watched.stop_reason_) == (unwatched.n_iter_, unwatched.stop_reason_)
    np.testing.assert_array_equal(watched.history_.coef, unwatched.history_.coef)
    assert len(notes.reports) == watched.n_iter_ + 1
    assert len(notes.ended) == 1


@ignores_warnings
def test_epochs_in_closed_form_are_not_made_for_it(notes: Notes) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(progress=True, max_iter=10**9, tol=0).fit(X, y)
    assert (model.engine_, model.n_iter_) == ("spectral", 10**9)
    model.set_params(max_iter=200, early_stopping=True).fit(X, y)
    assert notes.reports == notes.ended == []
    # Who hears of each has to wait for each.
    model.set_params(max_iter=30, early_stopping=False, callbacks=lambda record: None).fit(X, y)
    assert len(notes.reports) == 31


def test_callbacks_are_told_and_obeyed_as_ever(notes: Notes) -> None:
    heard: list[Record] = []

    def until_seven(record: Record) -> bool:
        heard.append(record)
        return record.epoch == 7

    model = GradientDescentRegressor(method="adam", callbacks=until_seven, progress=True).fit(*real_table())
    assert (model.n_iter_, model.stop_reason_) == (7, "callback")
    np.testing.assert_array_equal([record.coef for record in heard], model.history_.coef)
    assert len(notes.reports) == 8


@ignores_warnings
def test_an_estimator_that_shows_progress_is_one_like_any_other(notes: Notes) -> None:
    X, y = course(2)
    model = GradientDescentRegressor(method="adam", progress=True, max_iter=5)
    assert clone(model).get_params()["progress"] is True
    search = GridSearchCV(model, {"momentum": [0.5, 0.9]}, cv=2).fit(X, y)
    assert len(notes.ended) == 5
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    np.testing.assert_array_equal(again.predict(X), search.predict(X))


# --------------------------------------------------------------------------------------------- nothing is left behind
@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Terminals of 80 columns, and files, are written on from the third record, however long it takes to come."""
    monkeypatch.setattr("downslope.monitor.progress.PATIENCE", np.inf)
    monkeypatch.setattr(Terminal, "silence", 0.0)
    monkeypatch.setattr(Lines, "silence", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


@ignores_warnings
@each_engine
def test_a_terminal_is_clean_after_a_fit(engine: str, at_once: None) -> None:
    with on_a_terminal() as terminal:
        GradientDescentRegressor(**ENGINES[engine], max_iter=20, tol=0, progress=True).fit(*real_table())
    assert terminal.lines == [""]
    assert any(frame.startswith("[") and " epoch 2/20 " in frame for frame in terminal.frames)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@each_engine
def test_a_terminal_is_clean_after_an_error(engine: str, error: type[BaseException], at_once: None) -> None:
    def fail(record: Record) -> None:
        if record.epoch == 6:
            terminal.write("^C")
            raise error

    with on_a_terminal() as terminal, pytest.raises(error):
        GradientDescentRegressor(**ENGINES[engine], tol=0, progress=True, callbacks=fail).fit(*real_table())
    assert terminal.lines == [""]
    assert any(" epoch 2/10,000 " in frame for frame in terminal.frames)


@ignores_warnings
def test_printed_epochs_stand_above(at_once: None) -> None:
    X, y = course()
    options: dict[str, Any] = {"method": "adam", "max_iter": 20, "tol": 0, "verbose": 5}
    with on_a_terminal() as terminal:
        GradientDescentRegressor(**options, progress=True).fit(X, y)
    with redirect_stdout(io.StringIO()) as alone:
        GradientDescentRegressor(**options).fit(X, y)
    assert terminal.lines == alone.getvalue().split("\n")
    assert any(" epoch 2/20 " in frame for frame in terminal.frames)


@ignores_warnings
def test_a_file_gets_lines_and_a_last_one(at_once: None) -> None:
    with redirect_stderr(io.StringIO()) as paper:
        GradientDescentRegressor(method="adam", max_iter=50, tol=0, progress=True).fit(*real_table())
    first, *_, last = paper.getvalue().splitlines()
    assert re.match(r"epoch 2/50 after \d+:\d\d, objective ", first)
    assert first.endswith(" left")
    assert re.match(r"epoch 50/50 after \d+:\d\d, objective ", last)
    assert " left" not in last


class GoneTerminal(TerminalStream):
    """A terminal whose window was closed."""

    error: Exception

    def write(self, text: str) -> int:
        raise self.error


@ignores_warnings
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("I/O operation on closed file")])
def test_a_terminal_that_goes_away_does_not_end_the_fit(error: Exception, at_once: None) -> None:
    stream = GoneTerminal()
    stream.error = error
    with redirect_stderr(stream):
        model = GradientDescentRegressor(method="adam", max_iter=20, tol=0, progress=True).fit(*real_table())
    assert model.n_iter_ == 20


@ignores_warnings
def test_nothing_is_shown_unasked(at_once: None) -> None:
    with on_a_terminal() as terminal:
        GradientDescentRegressor(method="adam", max_iter=20).fit(*real_table())
    assert terminal.getvalue() == ""
