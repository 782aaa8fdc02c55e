"""The history is what the course's loop, written by hand, goes through: error and weights of every epoch."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downslope import GradientDescentRegressor
from downslope.descent.history import Record
from downslope.monitor.callbacks import Printed
from tests.problems import course

Array = np.ndarray
ENGINES = ("spectral", "moments", "data")
HAND = {"standardize": False, "tol": 0, "init": "uniform"}
# The course's two stop rules: a number of epochs, or an error that is small enough.
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "epochs": ({"max_iter": 2000}, "max_iter"),
    "error": ({"stop_below": 5e-5}, "stop_below"),
}


def loop(X: Array, y: Array, w: Array, b: float, rate: float, max_iter: int = 10_000, stop_below: float = 0.0) -> Any:
    """Ten lines that anybody can check: the errors, the weights and the intercepts of all epochs."""
    path = []
    for epoch in range(max_iter + 1):
        residual = X @ w + b - y
        error = np.mean(residual**2)
        path.append((error, w, b))
        if error < stop_below or epoch == max_iter:
            break
        w = w - rate * np.mean(residual[:, None] * X, axis=0)
        b = b - rate * np.mean(residual)
    return tuple(np.array(column) for column in zip(*path, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n_features", [1, 3])
def test_the_history_is_the_loop(n_features: int, rule: str, seed: int, engine: str) -> None:
    X, y = course(n_features, seed=seed)
    limits, reason = RULES[rule]
    model = GradientDescentRegressor(learning_rate=0.5, random_state=seed, engine=engine, **HAND, **limits).fit(X, y)
    history = model.history_
    assert np.all(np.abs(np.append(history.coef[0], history.intercept[0])) <= 1)
    errors, w, b = loop(X, y, history.coef[0], history.intercept[0], 0.5, **limits)
    assert len(errors) > 40
    assert model.n_iter_ == len(errors) - 1 == history["epoch"][-1]
    assert model.stop_reason_ == reason
    np.testing.assert_allclose(history["mse"], errors, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(history.coef, w, rtol=0, atol=1e-12)
    np.testing.assert_allclose(history.intercept, b, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(model.coef_, history.coef[-1])
    assert model.intercept_ == history.intercept[-1]


def test_the_start_is_drawn_from_the_square() -> None:
    X, y = course(3)
    starts = [
        GradientDescentRegressor(max_iter=1, random_state=seed, learning_rate=0.1, **HAND).fit(X, y).history_
        for seed in range(100)
    ]
    drawn = np.array([[*start.coef[0], start.intercept[0]] for start in starts])
    assert np.all(np.abs(drawn) < 1)
    np.testing.assert_allclose(drawn.mean(axis=0), 0.0, atol=0.2)
    np.testing.assert_allclose(drawn.std(axis=0), 1 / np.sqrt(3), atol=0.1)


@pytest.mark.parametrize("engine", ENGINES)
def test_zero_epochs_are_left_where_the_start_is_good_enough(engine: str) -> None:
    X, y = course()
    model = GradientDescentRegressor(init=([0.3], 0.5), stop_below=1.0, engine=engine, standardize=False).fit(X, y)
    assert (model.n_iter_, len(model.history_), model.stop_reason_) == (0, 1, "stop_below")
    np.testing.assert_allclose([*model.coef_, model.intercept_], [0.3, 0.5], rtol=1e-15)


# ---------------------------------------------------------------------------------------------- printed lines
LINE = re.compile(r"^ ?(\d+) (.*), b = (\S+) error = (\S+)$")


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def whole(engine: str) -> dict[str, Any]:
    return {"verbose": 5, "max_iter": 23, "learning_rate": 0.5, "random_state": 4, "engine": engine, **HAND}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n_features", [1, 3])
def test_every_line_pairs_the_weights_with_their_own_error(
    n_features: int, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = course(n_features)
    model = GradientDescentRegressor(**whole(engine)).fit(X, y)
    *lines, rule, last = printed(capsys)
    assert rule == "-" * 60
    found = [LINE.match(line) for line in [*lines, last]]
    assert [int(match[1]) for match in found if match] == [0, 5, 10, 15, 20, 23]
    for match in found:
        assert match
        weights = [float(part.split(" = ")[1]) for part in match[2].split(", ")]
        error = np.mean((X @ weights + float(match[3]) - y) ** 2)
        # Five decimals of the weights leave four of the error.
        assert float(match[4]) == pytest.approx(error, abs=5e-5)
        record = np.flatnonzero(model.history_["epoch"] == int(match[1]))[0]
        assert match[4] == f"{model.history_['mse'][record]:.5f}"
        np.testing.assert_allclose(weights, model.history_.coef[record], atol=5.1e-6)


@pytest.mark.parametrize(
    ("columns", "start"),
    [
        (1, " 0 w = "),
        (2, " 0 w1 = "),
        (["x"], " 0 x = "),
        (["horse power", "weight"], " 0 horse power = "),
    ],
    ids=["one", "two", "one name", "two names"],
)
def test_weights_are_called_by_their_names(
    columns: int | list[str], start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    n_features = columns if isinstance(columns, int) else len(columns)
    X, y = course(n_features)
    rows = X if isinstance(columns, int) else pd.DataFrame(X, columns=columns)
    GradientDescentRegressor(**whole("auto")).fit(rows, y)
    assert printed(capsys)[0].startswith(start)


def test_a_line_is_the_courses_own(capsys: pytest.CaptureFixture[str]) -> None:
    model = GradientDescentRegressor(init=([-0.14031], 0.7477), verbose=1, max_iter=1, tol=0, standardize=False)
    model.fit([[0.0], [1.0]], [0.7477, 0.40739])
    assert printed(capsys)[0] == " 0 w = -0.14031, b = 0.74770 error = 0.02000"


@pytest.mark.parametrize("verbose", [0, False])
def test_nothing_is_printed_unasked(verbose: int, capsys: pytest.CaptureFixture[str]) -> None:
    GradientDescentRegressor(verbose=verbose).fit(*course())
    assert not printed(capsys)


SIZES: dict[str, tuple[float, Callable[[str], bool]]] = {
    "tiny": (1e-9, lambda line: "e-" in line),
    "huge": (1e9, lambda line: "e+" in line),
}


@pytest.mark.parametrize("size", SIZES)
def test_numbers_that_five_decimals_cannot_show_are_shown_by_their_powers(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    factor, shown = SIZES[size]
    X, y = course()
    GradientDescentRegressor(verbose=1, max_iter=1, tol=0).fit(X, y * factor)
    assert shown(printed(capsys)[-1])


def test_lines_go_where_they_are_wanted() -> None:
    written: list[str] = []
    lines = Printed(2, ["km", "kg"], written.append)
    for epoch in range(4):
        lines(Record(epoch, np.array([1.0, -2.5e-7]), 3e7, 0.0, 0.25, 0.1, 0.5, 0.0))
    lines.close()
    assert written[0] == " 0 km = 1.00000, kg = -2.5000e-07, b = 3.0000e+07 error = 0.25000"
    assert [line[:2] for line in written[:2]] == [" 0", " 2"]
    assert written[2].splitlines()[0] == "-" * 60
    assert written[2].splitlines()[1].startswith(" 3 ")


def test_nothing_heard_nothing_printed() -> None:
    written: list[str] = []
    Printed(1, write=written.append).close()
    assert not written
