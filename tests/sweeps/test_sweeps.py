"""A sweep against the fits that it stands for."""

import json
import os
import signal
import warnings
from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor, load_example, sweep
from downslope.descent.stopping import StopReason
from downslope.exceptions import InputError
from downslope.sweeps import Run, Sweep, SweepInterrupted
from downslope.texts import speaking
from downslope.texts.width import display_width

RANDOM = np.random.default_rng(0)
X = RANDOM.normal([0.0, 5.0, -3.0], [1.0, 4.0, 0.3], size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 4.0 + RANDOM.normal(size=60)
RATES = np.geomspace(1e-3, 3.0, 13)


def fit(run: Run, tol: float, max_iter: int, **options: Any) -> GradientDescentRegressor:
    beta = {} if run.momentum is None else {"momentum": run.momentum}
    model = GradientDescentRegressor(
        method=run.method, learning_rate=run.learning_rate, tol=tol, max_iter=max_iter, **beta, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, Y)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"standardize": False},
        {"fit_intercept": False},
        {"penalty": "l2", "alpha": 0.1},
        {"init": "uniform", "random_state": 3},
        {"init": ([1.0, 1.0, 1.0], 2.0)},
    ],
)
def test_closed_forms_equal_fits(options: dict[str, Any]) -> None:
    found = sweep(
        X, Y, learning_rates=RATES, methods=["gd", "momentum", "nesterov"], momenta=[0.5, 0.9], max_iter=400, **options
    )
    assert len(found.runs) == 13 * 5
    for run in found.runs:
        stopped, whole = fit(run, 1e-6, 400, **options), fit(run, 0.0, 400, **options)
        assert whole.optimum_ is not None
        assert run.epochs == (stopped.n_iter_ if stopped.stop_reason_ is StopReason.CONVERGED else None)
        assert run.outcome == stopped.stop_reason_.value
        assert run.objective == pytest.approx(whole.history_["objective"][-1], rel=1e-10)
        assert run.gap == pytest.approx(run.objective - whole.optimum_.objective, abs=1e-10 * run.objective)
        assert run.largest_stable_rate is not None
    assert found.start_gap == pytest.approx(whole.history_["objective"][0] - whole.optimum_.objective)


def test_other_methods_are_run() -> None:
    found = sweep(X, Y, learning_rates=[0.3, 3.0], methods=["adam", "adagrad"], max_iter=300, n_jobs=2)
    assert [(run.method, run.momentum) for run in found.runs] == [("adam", 0.9)] * 2 + [("adagrad", None)] * 2
    for run in found.runs:
        stopped, whole = fit(run, 1e-6, 300), fit(run, 0.0, 300)
        assert run.epochs == (stopped.n_iter_ if stopped.stop_reason_ is StopReason.CONVERGED else None)
        assert run.objective == whole.history_["objective"][-1]
        assert run.largest_stable_rate is None


def test_losses_without_a_known_minimum() -> None:
    found = sweep(X, Y, learning_rates=[0.1, 1.0], loss="huber", max_iter=2000, target=1e-4)
    for run in found.runs:
        model = fit(run, 1e-4, 2000, loss="huber")
        assert (run.gap, run.objective) == (None, model.history_["objective"][-1])
        assert run.epochs == (model.n_iter_ if model.stop_reason_ is StopReason.CONVERGED else None)
    assert found.start_gap is None


def test_the_best_converged_first() -> None:
    found = sweep(X, Y, learning_rates=RATES, methods=["gd", "nesterov"], max_iter=500)
    met = [run.epochs for run in found.runs if run.epochs is not None]
    assert found.best.epochs == min(met)
    none = sweep(X, Y, learning_rates=RATES, max_iter=1)
    assert none.best.gap == min(run.gap for run in none.runs if run.gap is not None)


def test_without_rates_the_limit_is_in_the_middle() -> None:
    found = sweep(X, Y, methods=["gd", "momentum"])
    for method in ("gd", "momentum"):
        runs = [run for run in found.runs if run.method == method]
        limit = runs[0].largest_stable_rate
        assert limit is not None
        for run in runs:
            assert (run.outcome == "diverged") == (run.learning_rate > limit)


def test_what_it_writes() -> None:
    found = sweep(X, Y, learning_rates=[0.1, 5.0])
    assert list(found.to_dict()) == list(Run._fields)
    assert found.to_frame()["learning_rate"].tolist() == [0.1, 5.0]
    content = json.loads(found.to_json())
    assert content["best"]["learning_rate"] == 0.1
    assert len(content["runs"]) == 2
    lines = str(found).splitlines()
    assert len(lines) == 4
    assert "the best" in lines[2]
    assert "diverged" in lines[3]
    # Far below the rounding of J no digit of a gap means anything.
    assert f"< {np.finfo(float).eps * found.best.objective:.0e}" in lines[2]
    endless = Sweep((Run("gd", None, 1.0, None, float("inf"), float("inf"), "diverged", 0.5),), 1e-6, 10, 1.0)
    assert json.loads(endless.to_json())["runs"][0]["gap"] is None
    many = str(sweep(X, Y, learning_rates=np.linspace(0.1, 0.5, 100)))
    assert len(many.splitlines()) <= 28


def test_a_table_in_korean() -> None:
    found = sweep(X, Y, learning_rates=[1e-5, 0.1, 5.0], methods=["gd", "nesterov"], max_iter=300)
    with speaking("ko"):
        about, header, *lines = str(found).splitlines()
    assert about == "목적함수와 최솟값의 차이가 처음의 1e-06배까지 줄어드는 데 걸리는 에포크, 최대 300번"
    assert header.split(maxsplit=2) == ["학습률", "에포크", "남은 차이  결과"]
    words = {"converged": "수렴", "diverged": "발산", "max_iter": "최대 에포크 도달"}
    for run, line in zip(found.runs, lines, strict=True):
        assert line.endswith(words[run.outcome] + (", 가장 좋음" if run == found.best else ""))
    ends = [display_width(line.partition(words[run.outcome])[0]) for run, line in zip(found.runs, lines, strict=True)]
    assert len(set(ends)) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"learning_rates": []}, "numbers above 0"),
        ({"learning_rates": [-1.0]}, "numbers above 0"),
        ({"learning_rates": [np.nan]}, "numbers above 0"),
        ({"methods": ["newton"]}, "methods has 'newton'"),
        ({"methods": ["adam"]}, "give learning_rates"),
        ({"target": 0.0}, "between 0 and 1"),
        ({"tol": 1e-3}, "give target="),
        ({"momentum": 0.3}, "give momenta="),
        ({"speed": 3}, "got speed="),
        ({"verbose": 3}, "got verbose="),
        ({"momenta": [2.0]}, "momentum"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_wrong_calls(options: dict[str, Any], told: str) -> None:
    with pytest.raises((InputError, ValueError), match=told):
        sweep(X, Y, **options)


def test_a_table_with_names() -> None:
    pandas = pytest.importorskip("pandas")
    cars = load_example("auto_mpg")
    frame = pandas.DataFrame(np.asarray(cars.X), columns=cars.feature_names)
    assert sweep(frame, cars.y, learning_rates=[0.1]).runs == sweep(cars.X, cars.y, learning_rates=[0.1]).runs


def test_an_interrupt_keeps_the_runs_that_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    fit, fitted = GradientDescentRegressor.fit, []

    def fit_and_interrupt(model: GradientDescentRegressor, *rows: Any) -> GradientDescentRegressor:
        fitted.append(model)
        if len(fitted) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return fit(model, *rows)

    monkeypatch.setattr(GradientDescentRegressor, "fit", fit_and_interrupt)
    with pytest.raises(SweepInterrupted, match="4 of 6 combinations") as caught:
        sweep(X, Y, learning_rates=[0.1, 1.0], methods=["gd", "adam", "adagrad"], max_iter=20)
    kept = caught.value.sweep
    assert [(run.method, run.learning_rate) for run in kept.runs[2:]] == [("adam", 0.1), ("adam", 1.0)]
    monkeypatch.undo()
    whole = sweep(X, Y, learning_rates=[0.1, 1.0], methods=["gd", "adam"], max_iter=20)
    assert kept.runs == whole.runs
