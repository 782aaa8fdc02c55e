"""All engines that can run a problem go through the same epochs: the strongest test there is."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor
from downslope.descent.engines import ENGINES
from downslope.exceptions import InputError
from downslope.steps.rules import METHODS
from downslope.steps.schedules import InverseTime

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")

PENALTIES = (None, "l2", "l1", "elasticnet")
COLUMNS = ("objective", "mse", "gradient_norm", "learning_rate")
# RMSProp divides by the size of the last gradients, so near the optimum it steps by their rounding errors: two runs
# part there by a factor each epoch (measured: 1e-16 at epoch 25, 1e-2 at 200). It is compared before that.
HORIZONS = {"rmsprop": 25}
SETTLED = 120


class Problem(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray


def problem(n_samples: int = 60) -> Problem:
    """Correlated columns away from zero, one of them of no effect."""
    random = np.random.default_rng(3)
    X = random.normal(size=(n_samples, 4)) @ random.normal(size=(4, 4)) + 2 * random.normal(size=4)
    y = X @ [1.0, -2.0, 0.5, 0.0] + 3.0 + random.normal(size=n_samples)
    return Problem(X, y, random.uniform(0.0, 3.0, n_samples))


def runs(options: dict[str, Any], **rows: Any) -> dict[str, GradientDescentRegressor]:
    """The fit by each engine that can."""
    found = {}
    for engine in ENGINES:
        try:
            found[engine] = GradientDescentRegressor(**options, engine=engine).fit(**rows)
        except InputError as error:
            assert "cannot run" in str(error)  # noqa: PT017 - which engines can is tested in test_engine.py
    return found


def assert_near(found: np.ndarray, wanted: np.ndarray, within: float, told: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=within, err_msg=told)


def assert_agree(found: dict[str, GradientDescentRegressor], tolerance: float = 1e-10) -> None:
    expected = found["data"]
    assert len(found) > 1
    for name, model in found.items():
        assert model.engine_ == name
        assert (model.n_iter_, model.stop_reason_) == (expected.n_iter_, expected.stop_reason_), name
        assert model.restored_epoch_ == expected.restored_epoch_, name
        history, wanted = model.history_, expected.history_
        assert history.columns == wanted.columns
        np.testing.assert_array_equal(history["epoch"], wanted["epoch"])
        for column in set(wanted.columns) - {"epoch", "seconds"}:
            scale = np.abs(wanted[column]).max()
            assert_near(history[column], wanted[column], tolerance * scale, f"{name} {column}")
        assert_near(history.coef, wanted.coef, tolerance * np.abs(wanted.coef).max(), name)
        assert_near(history.intercept, wanted.intercept, tolerance * (1 + np.abs(wanted.intercept).max()), name)
        np.testing.assert_array_equal(model.coef_ == 0, expected.coef_ == 0, err_msg=name)


# --------------------------------------------------------- step rules × penalties × coordinates × intercept × weights
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("method", METHODS)
def test_whole_histories(method: str, penalty: str | None) -> None:
    X, y, weight = problem()
    for standardize, fit_intercept, weighted in product([True, False], repeat=3):
        options = {
            "method": method,
            "penalty": penalty,
            "alpha": 0.3,
            "l1_ratio": 0.5,
            "standardize": standardize,
            "fit_intercept": fit_intercept,
            "max_iter": HORIZONS.get(method, SETTLED),
            "tol": 1e-9,
        }
        assert_agree(runs(options, X=X, y=y, sample_weight=weight if weighted else None))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "rate", [0.02, InverseTime(0.05, 20.0), lambda k: 0.05 * 0.97**k], ids=["number", "schedule", "function"]
)
def test_rates_of_the_users_choice(method: str, rate: Any) -> None:
    X, y, weight = problem()
    options = {"method": method, "learning_rate": rate, "max_iter": HORIZONS.get(method, SETTLED), "tol": 0}
    assert_agree(runs(options, X=X, y=y, sample_weight=weight))


# --------------------------------------------------------------------------------------------------- stop rules
STOPS: dict[str, tuple[dict[str, Any], str]] = {
    "tol": ({"tol": 1e-5}, "converged"),
    "stop_below": ({"tol": 0, "stop_below": 1.2}, "stop_below"),
    "max_iter": ({"tol": 0, "max_iter": 13}, "max_iter"),
    "diverged": ({"tol": 0, "learning_rate": 3.0}, "diverged"),
}


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
@pytest.mark.parametrize("rule", STOPS)
def test_stop_rules(rule: str, penalty: str | None, method: str) -> None:
    X, y, weight = problem()
    stop, reason = STOPS[rule]
    found = runs({"penalty": penalty, "alpha": 1e-3, "method": method, **stop}, X=X, y=y, sample_weight=weight)
    assert found["data"].stop_reason_ == reason
    # What blows up multiplies its rounding errors with everything else.
    assert_agree(found, 1e-9 if rule == "diverged" else 1e-10)


@pytest.mark.parametrize("method", ["adam", "adagrad", "averaged"])
@pytest.mark.parametrize("rule", ["tol", "stop_below"])
def test_stop_rules_of_other_methods(rule: str, method: str) -> None:
    X, y, _ = problem()
    stop, reason = STOPS[rule]
    found = runs({"method": method, **stop}, X=X, y=y)
    assert found["data"].stop_reason_ == reason
    assert_agree(found, 1e-8)  # hundreds of epochs of quotients


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam", "averaged"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_early_stopping_on_given_rows(penalty: str | None, method: str) -> None:
    X, y, weight = problem()
    validation = {"X_val": X[:20] + 0.3, "y_val": y[:20], "sample_weight_val": weight[:20] + 0.1}
    options = {"method": method, "penalty": penalty, "alpha": 0.01, "early_stopping": True, "n_iter_no_change": 3}
    found = runs({**options, "tol": 1e-5}, X=X, y=y, **validation)
    assert found["data"].stop_reason_ in {"no_improvement", "converged"}
    assert_agree(found)


@pytest.mark.parametrize("method", ["gd", "nesterov", "adam"])
def test_early_stopping_on_rows_set_aside(method: str) -> None:
    X, y, weight = problem(200)
    options = {"method": method, "early_stopping": True, "random_state": 5, "validation_fraction": 0.3, "tol": 1e-4}
    assert_agree(runs(options, X=X, y=y, sample_weight=weight))


def test_validation_rows_are_measured_without_stopping_anything() -> None:
    X, y, _ = problem()
    found = runs({"max_iter": 30, "tol": 0}, X=X, y=y, X_val=X[::2], y_val=y[::2])
    assert_agree(found)
    model = found["spectral"]
    np.testing.assert_allclose(model.history_["validation_mse"][-1], np.mean((model.predict(X[::2]) - y[::2]) ** 2))


# ----------------------------------------------------------------------------------------------- harder problems
HARD: dict[str, dict[str, Any]] = {
    "collinear": {"X": problem().X[:, [0, 1, 2, 0]], "y": problem().y},
    "constant column": {"X": problem().X * [1, 1, 0, 1] + np.array([0, 0, 3, 0]), "y": problem().y},
    "far from zero": {"X": problem().X + np.array([1e6, 0, -1e5, 10]), "y": problem().y + 1e4},
    "eight decades": {"X": problem().X * [1e-4, 1, 1e4, 1e2], "y": problem().y},
    "wide": {"X": problem().X[:3], "y": problem().y[:3]},
    "sparse": {"X": scipy.sparse.csr_array(np.where(np.abs(problem().X) > 1, problem().X, 0.0)), "y": problem().y},
}


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("rows", HARD)
def test_hard_rows(rows: str, method: str) -> None:
    options = {"method": method, "max_iter": 60, "tol": 0, "penalty": "l2", "alpha": 1e-3}
    # Residuals of rows a million spreads away from zero keep ten digits.
    assert_agree(runs(options, **HARD[rows]), 1e-8 if rows == "far from zero" else 1e-10)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("far", [1e9, 1e11])
def test_columns_far_from_zero(method: str, far: float) -> None:
    """What float64 leaves of a mean so far away moves the columns that are descended, unless it is known."""
    X, y, weight = problem()
    X = X + far * np.array([1.0, 0.3, -0.7, 0.1])
    options = {"method": method, "penalty": "l2", "alpha": 1e-2, "max_iter": SETTLED, "tol": 0.0}
    found = runs(options, X=X, y=y, sample_weight=weight)
    for model in found.values():
        np.testing.assert_allclose(model.history_["objective"], found["spectral"].history_["objective"], rtol=1e-9)


def test_long_runs_keep_the_same_epochs() -> None:
    X, y, _ = problem()
    found = runs({"max_iter": 11_000, "tol": 0, "standardize": False}, X=X[:20], y=y[:20])
    assert len(found["data"].history_) < 10_002
    assert found["data"].n_iter_ == 11_000
    assert_agree(found)
