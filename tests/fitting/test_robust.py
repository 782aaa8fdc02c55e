"""Robust losses and L1 with default settings against optima that other programmes find."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet

from downslope import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, DownslopeWarning, NotConvergedWarning
from downslope.objective.losses import LOSSES
from tests.problems import real_table

Array = np.ndarray


@cache
def outliers() -> tuple[Array, Array]:
    """Columns of four sizes, and 5 % of the targets off by a hundred times the noise."""
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 4)) * [1, 10, 0.1, 100] + 5
    y = X @ [1, 0.1, -3, 0.02] + 3 + 0.5 * random.normal(size=400)
    y[random.choice(400, 20, replace=False)] += random.choice([-1, 1], 20) * random.uniform(30, 300, 20)
    return X, y


@cache
def real_table_with_outliers() -> tuple[Array, Array]:
    X, y = real_table()
    return X, np.where(np.arange(y.size) % 20 == 0, y + 200, y)


TABLES: dict[str, Callable[[], tuple[Array, Array]]] = {
    "real table": real_table,
    "outliers": outliers,
    "real table with outliers": real_table_with_outliers,
}


@pytest.mark.parametrize("unit", [1.0, 1000.0, 1e7])
@pytest.mark.parametrize("method", ["auto", "gd", "nesterov"])
@pytest.mark.parametrize("penalty", [None, "l1", "l2", "elasticnet"])
@pytest.mark.parametrize("loss", LOSSES)
def test_ordinary_tables_need_no_option(loss: str, penalty: str | None, method: str, unit: float) -> None:
    """Far from a kink all rows pull alike and nothing bends, but for a penalty and the last digits of sums."""
    for X, y in (real_table(), load_diabetes(return_X_y=True)):
        model = GradientDescentRegressor(loss=loss, penalty=penalty, alpha=0.05, method=method, max_iter=20_000)
        with warnings.catch_warnings():
            # What the tube of this unit swallows, and whether the descent needs so many epochs, is another matter.
            warnings.simplefilter("ignore", DownslopeWarning)
            warnings.simplefilter("error", DivergenceWarning)
            model.fit(X, unit * y)
        assert model.stop_reason_ == "converged"
        assert model.gap_ <= 1e-6 * model.history_["objective"][0]
        assert model.history_["objective"].max() <= 3.0 * model.history_["objective"][0]


@pytest.mark.parametrize("unit", [1.0, 1e7])
@pytest.mark.parametrize("alpha", [1e-3, 1.0])
@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
def test_adaptive_steps_do_not_carry_coefficients_as_far_as_the_intercept_must_go(
    loss: str, penalty: str, method: str, alpha: float, unit: float
) -> None:
    """A ridge on a coefficient of the size of y would be more than the objective by as much as y is large."""
    for X, y in (real_table(), load_diabetes(return_X_y=True)):
        model = GradientDescentRegressor(loss=loss, penalty=penalty, alpha=alpha, method=method, max_iter=200)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConvergedWarning)
            model.fit(X, unit * y)
        objective = model.history_["objective"]
        # The first step of RMSProp is √10 of its rate.
        assert objective.max() <= 50.0 * objective[0]
        assert objective[-1] < objective[0]


@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("method", ["auto", "gd", "momentum", "nesterov", "averaged"])
@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if not loss.startswith("squared")])
def test_no_ridge_throws_batches_over_their_goal_however_far_it_is(
    loss: str, penalty: str, method: str, batch_size: int
) -> None:
    X, y = load_diabetes(return_X_y=True)
    for unit in (1.0, 1000.0):
        model = GradientDescentRegressor(
            loss=loss, penalty=penalty, alpha=0.05, method=method, batch_size=batch_size, max_iter=30, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotConvergedWarning)
            model.fit(X, unit * y)
        assert model.history_["objective"][-1] < model.history_["objective"][0]


# ----------------------------------------------------------------------------------- optima by other programmes
def design(X: Array) -> Array:
    return np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(X))])


def tilted(quantile: float) -> Callable[[Array, Array], float]:
    """Quantile regression as a linear programme: y = Zθ + u - v, the cost being q·u + (1 - q)·v."""

    def lowest(X: Array, y: Array) -> float:
        Z, n = scipy.sparse.csr_array(design(X)), y.size
        unit = scipy.sparse.eye_array(n)
        cost = np.concatenate([np.zeros(Z.shape[1]), np.full(n, quantile / n), np.full(n, (1 - quantile) / n)])
        free = [(None, None)] * Z.shape[1] + [(0, None)] * (2 * n)
        return linprog(cost, A_eq=scipy.sparse.hstack([Z, unit, -unit]), b_eq=y, bounds=free).fun

    return lowest


def tube(epsilon: float) -> Callable[[Array, Array], float]:
    """ε-insensitive regression as a linear programme: abs(Zθ - y) ≤ ε + u, the cost being u."""

    def lowest(X: Array, y: Array) -> float:
        Z, n = scipy.sparse.csr_array(design(X)), y.size
        unit = scipy.sparse.eye_array(n)
        cost = np.concatenate([np.zeros(Z.shape[1]), np.full(n, 1 / n)])
        free = [(None, None)] * Z.shape[1] + [(0, None)] * n
        sides = scipy.sparse.vstack([scipy.sparse.hstack([Z, -unit]), scipy.sparse.hstack([-Z, -unit])])
        bounds = np.concatenate([y + epsilon, epsilon - y])
        return linprog(cost, A_ub=sides, b_ub=bounds, bounds=free).fun

    return lowest


def smooth(value_and_derivative: Callable[[Array], tuple[Array, Array]]) -> Callable[[Array, Array], float]:
    """A loss with a gradient, by BFGS to rounding."""

    def lowest(X: Array, y: Array) -> float:
        Z = design(X)

        def mean(theta: Array) -> tuple[float, Array]:
            value, derivative = value_and_derivative(Z @ theta - y)
            return value.mean(), Z.T @ derivative / y.size

        found = minimize(mean, np.linalg.lstsq(Z, y)[0], jac=True, options={"gtol": 1e-9, "maxiter": 5000})
        assert np.abs(found.jac).max() < 1e-5
        return found.fun

    return lowest


def huber(r: Array) -> tuple[Array, Array]:
    return np.where(np.abs(r) <= 1.35, 0.5 * r * r, 1.35 * (np.abs(r) - 0.675)), np.clip(r, -1.35, 1.35)


def squared_tube(r: Array) -> tuple[Array, Array]:
    beyond = np.sign(r) * np.maximum(np.abs(r) - 0.1, 0.0)
    return beyond**2, 2 * beyond


LOSSES: dict[str, tuple[dict[str, Any], Callable[[Array, Array], float], Callable[[Array], Array]]] = {
    "huber": ({"loss": "huber"}, smooth(huber), lambda r: huber(r)[0]),
    "absolute": ({"loss": "absolute_error"}, lambda X, y: 2 * tilted(0.5)(X, y), np.abs),
    "median": ({"loss": "quantile"}, tilted(0.5), lambda r: 0.5 * np.abs(r)),
    "upper tenth": ({"loss": "quantile", "quantile": 0.9}, tilted(0.9), lambda r: np.maximum(-0.9 * r, 0.1 * r)),
    "tube": ({"loss": "epsilon_insensitive"}, tube(0.1), lambda r: np.maximum(np.abs(r) - 0.1, 0)),
    "squared tube": ({"loss": "squared_epsilon_insensitive"}, smooth(squared_tube), lambda r: squared_tube(r)[0]),
}
KINKED = ("absolute", "median", "upper tenth", "tube")


@cache
def lowest_objective(loss: str, table: str) -> float:
    return LOSSES[loss][1](*TABLES[table]())


def assert_near_optimum(model: GradientDescentRegressor, loss: str, table: str) -> None:
    X, y = TABLES[table]()
    objective = LOSSES[loss][2](model.predict(X) - y).mean()
    record = len(model.history_) - 1 if model.restored_epoch_ is None else model.restored_epoch_
    assert model.history_["objective"][record] == pytest.approx(objective, rel=1e-9)
    lowest = lowest_objective(loss, table)
    assert lowest * (1 - 1e-7) <= objective <= 1.001 * lowest


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("loss", LOSSES)
def test_default_settings_come_within_a_thousandth_of_the_optimum(loss: str, table: str) -> None:
    model = GradientDescentRegressor(**LOSSES[loss][0]).fit(*TABLES[table]())
    assert model.engine_ == "data"
    assert_near_optimum(model, loss, table)
    assert (model.stop_reason_, "exact solve" in model.engine_.reason) == ("converged", loss in KINKED)
    assert 0 <= model.gap_ <= 1e-6 * (model.history_["objective"][0] - model.optimum_.objective)


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("method", ["momentum", "nesterov", "adam"])
@pytest.mark.parametrize("loss", ["huber", "upper tenth"])
def test_so_do_the_fast_methods_in_fewer_epochs(loss: str, method: str) -> None:
    model = GradientDescentRegressor(method=method, max_iter=3000, **LOSSES[loss][0]).fit(*outliers())
    assert_near_optimum(model, loss, "outliers")


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("unit", [2.0**-20, 2.0**20])
def test_the_units_of_the_target_do_not_matter(unit: float) -> None:
    X, y = real_table()
    # A power of two, so that the numbers are the same: measured rates let rounding grow over hundreds of epochs.
    plain = GradientDescentRegressor(loss="absolute_error", max_iter=1500).fit(X, y)
    scaled = GradientDescentRegressor(loss="absolute_error", max_iter=1500).fit(X, y * unit)
    np.testing.assert_allclose(scaled.history_["objective"] / unit, plain.history_["objective"], rtol=1e-10)


def test_a_robust_fit_is_not_moved_by_what_moves_least_squares() -> None:
    X, y = outliers()
    truth = np.array([1, 0.1, -3, 0.02])
    far = np.abs(GradientDescentRegressor().fit(X, y).coef_ - truth) * X.std(axis=0)
    near = np.abs(GradientDescentRegressor(loss="huber").fit(X, y).coef_ - truth) * X.std(axis=0)
    assert near.max() < 0.1 < far.max()


# ----------------------------------------------------------------------------------------------- L1, elastic net
PENALTIES: dict[str, dict[str, Any]] = {
    "weak L1": {"penalty": "l1", "alpha": 0.1},
    "strong L1": {"penalty": "l1", "alpha": 1.0},
    "elastic net": {"penalty": "elasticnet", "alpha": 0.5, "l1_ratio": 0.5},
}


def violation(model: GradientDescentRegressor, derivative: Callable[[Array], Array]) -> float:
    """How far the worst parameter is from the conditions of optimality, in standardised columns."""
    X, y = real_table()
    v, Z = model.coef_ * X.std(axis=0), design(X)
    l1 = model.alpha * (1.0 if model.penalty == "l1" else model.l1_ratio)
    gradient = Z.T @ derivative(model.predict(X) - y) / y.size
    gradient[:-1] += (model.alpha - l1) * v
    slack = np.where(v != 0, np.abs(gradient[:-1] + l1 * np.sign(v)), np.maximum(np.abs(gradient[:-1]) - l1, 0.0))
    return float(np.append(slack, np.abs(gradient[-1])).max())


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_solutions_are_optimal_and_coordinate_descents(penalty: str, method: str) -> None:
    X, y = real_table()
    options = PENALTIES[penalty]
    model = GradientDescentRegressor(method=method, tol=1e-13, max_iter=50_000, **options).fit(X, y)
    assert (model.engine_, model.stop_reason_) == ("moments", "converged")
    assert violation(model, lambda r: r) <= 1e-4
    rival = ElasticNet(alpha=options["alpha"], l1_ratio=options.get("l1_ratio", 1.0), tol=1e-14, max_iter=10**6)
    rival.fit(design(X)[:, :-1], y)
    v = model.coef_ * X.std(axis=0)
    np.testing.assert_allclose(v, rival.coef_, atol=2e-5)
    np.testing.assert_array_equal(v == 0, rival.coef_ == 0)
    assert np.any(v == 0)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_default_settings_end_a_millionth_of_the_way_above_the_minimum(penalty: str) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(**PENALTIES[penalty]).fit(X, y)
    rival = ElasticNet(alpha=model.alpha, l1_ratio=model.l1_ratio if penalty == "elastic net" else 1.0, tol=1e-14)
    rival.set_params(max_iter=10**6).fit(design(X)[:, :-1], y)

    def value(v: Array, intercept: float) -> float:
        l1 = model.alpha * rival.l1_ratio
        residual = design(X)[:, :-1] @ v + intercept - y
        return float(0.5 * np.mean(residual**2) + l1 * np.abs(v).sum() + 0.5 * (model.alpha - l1) * v @ v)

    least = value(rival.coef_, rival.intercept_)
    level = model.intercept_ + X.mean(axis=0) @ model.coef_
    true = value(model.coef_ * X.std(axis=0), level) - least
    assert true <= model.gap_ * (1 + 1e-6) + 1e-13 * least
    assert model.gap_ <= (1 + 1e-9) * 1e-6 * (0.5 * y.var() - least)
    assert model.optimum_.objective == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("penalty", ["weak L1", "elastic net"])
def test_l1_on_the_rows(penalty: str, method: str) -> None:
    model = GradientDescentRegressor(loss="huber", method=method, tol=1e-8, **PENALTIES[penalty]).fit(*real_table())
    assert (model.engine_, model.stop_reason_) == ("data", "converged")
    assert violation(model, lambda r: np.clip(r, -1.35, 1.35)) <= 1e-6
    assert np.any(model.coef_ == 0)


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
def test_enough_l1_leaves_the_intercept_alone(loss: str) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(loss=loss, penalty="l1", alpha=1e3).fit(X, y)
    np.testing.assert_array_equal(model.coef_, 0.0)
    center = y.mean() if loss == "squared_error" else minimize(lambda c: huber(c - y)[0].mean(), 20.0).x[0]
    assert model.intercept_ == pytest.approx(center, rel=1e-5)


def test_epochs_that_run_out_are_told_with_the_bound() -> None:
    with pytest.warns(
        NotConvergedWarning, match=r"the objective is at most \S+ above its minimum \(\S+ of that of the"
    ):
        GradientDescentRegressor(penalty="l1", max_iter=3).fit(*real_table())


@pytest.mark.parametrize("size", [None, 1])
def test_a_bounded_slope_that_only_bounces_has_diverged(size: int | None) -> None:
    x = np.linspace(0.0, 100.0, 200)[:, None]
    model = GradientDescentRegressor(
        loss="huber",
        delta=100.0,
        standardize=False,
        learning_rate=0.1,
        max_iter=20,
        tol=0,
        batch_size=size,
        random_state=0,
    )
    with pytest.warns(DivergenceWarning, match=r"learning_rate 0\.1 is above the largest stable 0\.000.*column 'x0'"):
        model.fit(x, 3 * x[:, 0] + 7)
    assert model.stop_reason_ == "diverged"
    assert model.history_["objective"][0] < model.history_["objective"][-1] < 1e6 * model.history_["objective"][0]
