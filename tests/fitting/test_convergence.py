"""Default settings reach least squares on any scaling, and a rate decides by its size alone how a run ends."""

import re
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from downslope import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, NotConvergedWarning
from downslope.steps.rules import METHODS
from tests.problems import graded, real_table

Array = np.ndarray
Problem = tuple[Array, Array]


def far_columns(units: Array | list[float], y_unit: float = 1.0, seed: int = 0) -> Problem:
    random = np.random.default_rng(seed)
    X = random.normal(size=(300, 3)) + 0.5
    y = X @ [1.0, 2.0, 3.0] + 1.0 + 0.3 * random.normal(size=300)
    return X * np.asarray(units), y * y_unit


def line(noise: float) -> Problem:
    """y = 3x + 7 with x in 0..100, where scikit-learn's SGDRegressor ends at R² -1e18."""
    random = np.random.default_rng(0)
    x = random.uniform(0, 100, (200, 1))
    return x, 3 * x[:, 0] + 7 + noise * random.normal(size=200)


PROBLEMS: dict[str, Problem] = {
    "0..100": line(0.0),
    "0..100 with noise": line(5.0),
    "real table": real_table(),
    "columns 1e8 apart": far_columns([1e-8, 1.0, 1e8]),
    "correlated, 1e8 apart": graded(),
    "columns 1e300 apart": far_columns([1e-150, 1.0, 1e150]),
    "target of 1e150": far_columns([1.0, 1.0, 1.0], 1e150),
    "target of 1e-150": far_columns([1.0, 1.0, 1.0], 1e-150),
    "all of 1e150": far_columns([1e150] * 3, 1e150),
    "all of 1e-150": far_columns([1e-150] * 3, 1e-150),
    "large offsets": (far_columns([1.0, 1.0, 1.0])[0] + [1e8, -1e6, 0], far_columns([1.0, 1.0, 1.0])[1] + 1e6),
}


def lost_r2(model: GradientDescentRegressor, problem: Problem) -> float:
    """How far R² is below that of least squares (by SVD of standardised columns)."""
    X, y = problem
    unit = np.abs(y).max()
    centred = X - X.mean(axis=0)
    scaled = centred / np.abs(centred).max(axis=0)
    design = np.column_stack([scaled, np.ones(len(y))])
    best = design @ np.linalg.lstsq(design, y / unit)[0]
    return float(r2_score(y / unit, best) - r2_score(y / unit, model.predict(X) / unit))


@pytest.mark.parametrize("name", PROBLEMS)
def test_default_settings_reach_least_squares(name: str) -> None:
    model = GradientDescentRegressor().fit(*PROBLEMS[name])
    assert model.stop_reason_ == "converged"
    assert abs(lost_r2(model, PROBLEMS[name])) <= 1e-6


CASES: dict[str, dict[str, Any]] = {
    **{method: {"method": method} for method in METHODS if method != "gd"},
    "moments": {"engine": "moments"},
    "data": {"engine": "data"},
    "next to no L1": {"penalty": "l1", "alpha": 1e-12},
}


@pytest.mark.parametrize("name", ["0..100 with noise", "real table", "columns 1e8 apart", "columns 1e300 apart"])
@pytest.mark.parametrize("case", CASES)
def test_so_does_every_method_and_engine(case: str, name: str) -> None:
    # The mean of all places forgets the start as 1/epoch²: on the real table it needs more epochs than the default.
    options = {"max_iter": 30_000} if (case, name) == ("averaged", "real table") else {}
    model = GradientDescentRegressor(**CASES[case], **options).fit(*PROBLEMS[name])
    assert model.stop_reason_ == "converged"
    assert abs(lost_r2(model, PROBLEMS[name])) <= 2e-6


# ------------------------------------------------------------------------------------------- the stable limit
LINEAR = ("gd", "momentum", "nesterov")
# On the descended columns: λ_max by numpy, and how far each rule reaches beyond 1/λ_max.
REACH = {"gd": 2.0, "momentum": 2 * (1 + 0.9), "nesterov": (2 + 2 * 0.9) / (1 + 2 * 0.9)}
COORDINATES = {
    "standardised": (True, {}),
    "raw": (False, {}),
    "with L2": (True, {"penalty": "l2", "alpha": 0.5}),
    "raw, without an intercept": (False, {"fit_intercept": False}),
}


def limit(X: Array, standardize: bool, method: str, alpha: float = 0.0, fit_intercept: bool = True) -> float:
    Z = (X - X.mean(axis=0)) / X.std(axis=0) if standardize else X
    Z = np.column_stack([Z, np.ones(len(Z))]) if fit_intercept else Z
    curvature = Z.T @ Z / len(Z) + np.diag([alpha] * X.shape[1] + [0.0] * fit_intercept)
    return float(REACH[method] / np.linalg.eigvalsh(curvature)[-1])


def gentle() -> Problem:
    """Columns of about one size, so that raw coordinates can converge in a thousand epochs."""
    X, y = far_columns([1.0, 2.0, 0.7])
    return X, y


@pytest.mark.parametrize("engine", ["spectral", "data"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("method", LINEAR)
def test_a_rate_above_the_stable_limit_diverges_and_says_why(method: str, coordinates: str, engine: str) -> None:
    X, y = gentle()
    standardize, options = COORDINATES[coordinates]
    keys = {key: options[key] for key in ("alpha", "fit_intercept") if key in options}
    stable = limit(X, standardize, method, **keys)
    rate = 1.01 * stable
    model = GradientDescentRegressor(
        method=method, standardize=standardize, learning_rate=rate, engine=engine, **options
    )
    with pytest.warns(DivergenceWarning) as caught:
        model.fit(X, y)
    assert model.stop_reason_ == "diverged"
    sentence = str(caught[0].message)
    assert sentence == model.stop_message_
    assert sentence.startswith(
        f"Diverged at epoch {model.n_iter_}: learning_rate {rate:.4g} is above the largest stable"
    )
    assert f"largest stable {stable:.4g} (λ_max = {REACH[method] / stable:.4g}, dominated by column 'x" in sentence
    assert f"Try {0.9 * stable:.2g}" in sentence
    assert ("standardize=True" in sentence) is (not standardize)
    # The best epoch is the one returned, and the history shows all of it.
    history = model.history_
    best = int(np.argmin(history["objective"]))
    assert model.restored_epoch_ == history["epoch"][best]
    np.testing.assert_array_equal(model.coef_, history.coef[best])
    assert f"the best epoch, {model.restored_epoch_}, was restored" in sentence
    assert history["epoch"][-1] == model.n_iter_
    assert history["objective"][-1] > 1e6 * history["objective"][0]
    # Its own advice mends it.
    advised = float(re.search(r"Try ([\d.e-]+\d)", sentence)[1])
    mended = model.set_params(learning_rate=advised, max_iter=100_000).fit(X, y)
    assert mended.stop_reason_ == "converged"


@pytest.mark.parametrize("engine", ["spectral", "data"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("method", LINEAR)
def test_a_rate_below_the_stable_limit_converges(method: str, coordinates: str, engine: str) -> None:
    X, y = gentle()
    standardize, options = COORDINATES[coordinates]
    keys = {key: options[key] for key in ("alpha", "fit_intercept") if key in options}
    rate = 0.99 * limit(X, standardize, method, **keys)
    model = GradientDescentRegressor(
        method=method, standardize=standardize, learning_rate=rate, engine=engine, **options
    ).fit(X, y)
    assert model.stop_reason_ == "converged"
    assert model.restored_epoch_ is None


def test_the_column_that_dominates_is_named() -> None:
    X, y = far_columns([1.0, 30.0, 0.1])
    with pytest.warns(DivergenceWarning, match="dominated by column 'x1'"):
        GradientDescentRegressor(standardize=False, learning_rate=0.1).fit(X, y)
    with pytest.warns(DivergenceWarning, match="dominated by the intercept"):
        GradientDescentRegressor(standardize=False, learning_rate=3.0).fit(X / 1000, y)


def test_a_run_that_diverges_from_the_first_step_is_back_at_its_start() -> None:
    X, y = real_table()
    with pytest.warns(DivergenceWarning, match="the best epoch, 0, was restored"):
        model = GradientDescentRegressor(learning_rate=1e9, init=(np.zeros(7), 20.0)).fit(X, y)
    assert model.restored_epoch_ == 0
    np.testing.assert_allclose(model.predict(X), 20.0)


@pytest.mark.parametrize(
    "options", [{"method": "adam"}, {"loss": "huber"}, {"loss": "absolute_error", "method": "momentum"}], ids=str
)
def test_a_rate_without_a_known_limit_gets_advice_too(options: dict[str, Any]) -> None:
    X, y = real_table()
    with pytest.warns(DivergenceWarning, match=r"Diverged at epoch \d+.*best epoch, \d+, was restored.*Try ") as caught:
        model = GradientDescentRegressor(learning_rate=1e12, **options).fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert np.all(np.isfinite(model.predict(X)))
    assert len(caught) == 1


# -------------------------------------------------------------------------------------------- not enough epochs
ADVICE: dict[str, tuple[dict[str, Any], str]] = {
    "standardize": ({"standardize": False}, r"Raise max_iter, or try standardize=True\."),
    "method": ({"max_iter": 10}, r"Raise max_iter, or try method='nesterov'\."),
    "small": ({"learning_rate": 1e-5, "max_iter": 50}, r"is far below the largest stable \S+: try \S+\."),
    "large": ({"learning_rate": 0.45, "max_iter": 2}, r"is above the largest stable \S+: try \S+\."),
}


@pytest.mark.parametrize("case", ADVICE)
def test_a_run_cut_short_says_what_is_left_and_what_to_do(case: str) -> None:
    options, advice = ADVICE[case]
    with pytest.warns(NotConvergedWarning, match=advice) as caught:
        model = GradientDescentRegressor(**options).fit(*real_table())
    sentence = str(caught[0].message)
    assert sentence.startswith(f"Stopped at max_iter = {model.n_iter_} epochs; the objective is {model.gap_:.3g} above")
    assert caught[0].filename == __file__


def test_asked_for_epochs_are_given_without_a_warning() -> None:
    model = GradientDescentRegressor(max_iter=3, tol=0).fit(*real_table())
    assert model.stop_reason_ == "max_iter"
    assert GradientDescentRegressor(max_iter=3, tol=None).fit(*real_table()).n_iter_ == 3
