"""Mini-batch and per-sample descent: against the loop by hand, the rules in Python, and the exact optimum."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.utils.estimator_checks import parametrize_with_checks

from downslope import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, DownslopeWarning, InputError
from downslope.kernels.batch_passes import BatchPasses
from downslope.objective.losses import LOSSES, make_loss
from downslope.objective.penalties import make_penalty
from downslope.statistics.coordinates import raw_coordinates
from downslope.steps.rules import METHODS, make_step_rule
from downslope.steps.schedules import InverseTime
from tests.interrupts import interrupted_after, press_after
from tests.problems import course, graded, real_table

Array = np.ndarray
pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")

SMOOTH = ("squared_error", "huber", "squared_epsilon_insensitive")


def rows(n: int = 50, seed: int = 0) -> tuple[Array, Array, Array]:
    """Three correlated columns away from zero, a target with noise, and weights."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) @ random.normal(size=(3, 3)) + [3.0, -1.0, 0.0]
    return X, X @ [1.0, -2.0, 0.5] + 2.0 + random.normal(size=n), random.uniform(0.0, 3.0, n)


def regressor(**options: Any) -> GradientDescentRegressor:
    usual = {"batch_size": 7, "shuffle": False, "learning_rate": 0.01, "tol": 0, "max_iter": 4}
    return GradientDescentRegressor(**{**usual, **options})


# ------------------------------------------------------------------------------------------------- every step by hand
def test_single_rows_are_the_textbooks_loop() -> None:
    X, y = course(3)
    w, b, path = np.zeros(3), 0.0, [np.zeros(4)]
    for _ in range(20):
        for x, target in zip(X, y, strict=True):
            error = w @ x + b - target
            w, b = w - 0.05 * error * x, b - 0.05 * error
        path.append(np.append(w, b))
    model = regressor(batch_size=1, learning_rate=0.05, standardize=False, max_iter=20).fit(X, y)
    found = np.column_stack([model.history_.coef, model.history_.intercept])
    np.testing.assert_allclose(found, path, rtol=0, atol=1e-12)
    errors = [np.mean((X @ place[:3] + place[3] - y) ** 2) for place in path]
    np.testing.assert_allclose(model.history_["mse"], errors, rtol=1e-12)


def by_rule(X: Array, y: Array, weight: Array | None, options: dict[str, Any], epochs: int, size: int) -> Array:
    """The same steps by the rules in Python, on a copy of the rows."""
    loss = make_loss(options.get("loss", "squared_error"), delta=0.7, epsilon=0.3, quantile=0.3)
    rule = make_step_rule(options.get("method", "gd"), 0.8)
    penalty = make_penalty(options.get("penalty"), 0.2, 0.4, X.shape[1])
    s = np.ones(y.size) if weight is None else weight
    mean = np.average(X, axis=0, weights=s)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=s))
    Z = np.column_stack([(X - mean) / scale, np.ones(y.size)])
    place = np.zeros(Z.shape[1])
    state, path = rule.init(place), []
    for _ in range(epochs):
        for start in range(0, y.size, size):
            part = slice(start, start + size)
            slope = loss.value_and_derivative(Z[part] @ place - y[part])[1] * s[part] / s.mean()
            gradient = penalty.add_gradient(place, slope @ Z[part] / slope.size)
            place, state = rule.update(place, gradient, 0.01, state, penalty.prox)
        shown = rule.report(place, state)
        path.append(np.append(shown[:3] / scale, shown[3] - shown[:3] @ (mean / scale)))
    return np.array(path)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", [None, "l2", "l1", "elasticnet"])
@pytest.mark.parametrize("method", [method for method in METHODS if method != "saga"])
def test_every_rule_and_penalty(method: str, penalty: str | None, weighted: bool) -> None:
    X, y, weight = rows()
    options = {"method": method, "penalty": penalty}
    expected = by_rule(X, y, weight if weighted else None, options, 4, 7)
    model = regressor(momentum=0.8, alpha=0.2, l1_ratio=0.4, **options).fit(X, y, weight if weighted else None)
    found = np.column_stack([model.history_.coef, model.history_.intercept])
    np.testing.assert_allclose(found[1:], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [1, 7, 49])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_and_size(loss: str, size: int) -> None:
    X, y, weight = rows()
    expected = by_rule(X, y, weight, {"loss": loss}, 4, size)
    model = regressor(loss=loss, batch_size=size, delta=0.7, epsilon=0.3, quantile=0.3).fit(X, y, weight)
    found = np.column_stack([model.history_.coef, model.history_.intercept])
    np.testing.assert_allclose(found[1:], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", SMOOTH)
def test_a_batch_of_all_rows_is_full_batch(loss: str, method: str) -> None:
    X, y, weight = rows()
    # With all residuals beyond delta all slopes would be alike, and those of the coefficients nothing but rounding.
    options: dict[str, Any] = {"loss": loss, "method": method, "learning_rate": 0.05, "delta": 4.0}
    options |= {"max_iter": 40, "tol": 0}
    whole = GradientDescentRegressor(**options, engine="data").fit(X, y, weight)
    batch = GradientDescentRegressor(**options, engine="stochastic", batch_size=50).fit(X, y, weight)
    assert (batch.engine_, batch.n_iter_) == ("stochastic", whole.n_iter_)
    np.testing.assert_allclose(batch.history_.coef, whole.history_.coef, rtol=0, atol=1e-12 * np.abs(whole.coef_).max())
    for column in ("objective", "mse", "gradient_norm"):
        atol = 1e-12 * whole.history_[column][0]
        np.testing.assert_allclose(batch.history_[column], whole.history_[column], rtol=1e-9, atol=atol)


def test_saga_remembers_each_row() -> None:
    X, y, _ = rows(12)
    places, memory = np.zeros(3), np.zeros(12)
    for _ in range(3):
        for i in range(12):
            mean = memory @ X / 12
            slope = X[i] @ places - y[i]
            places = places - 0.01 * ((slope - memory[i]) * X[i] + mean)
            memory[i] = slope
    model = regressor(method="saga", batch_size=1, standardize=False, fit_intercept=False, max_iter=3).fit(X, y)
    np.testing.assert_allclose(model.coef_, places, rtol=1e-12)


# ---------------------------------------------------------------------------------------------- rows of every kind
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("options", [{}, {"penalty": "l1", "alpha": 0.1}, {"method": "adam"}, {"method": "saga"}])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_rows_are_dense_rows(options: dict[str, Any], standardize: bool, index: type) -> None:
    random = np.random.default_rng(1)
    X = scipy.sparse.random_array((60, 8), density=0.3, rng=random, format="csr") + 0.0
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    y, weight = X @ random.normal(size=8) + random.normal(size=60), random.uniform(0, 2, 60)
    sparse = regressor(standardize=standardize, **options).fit(X, y, weight)
    dense = regressor(standardize=standardize, **options).fit(X.toarray(), y, weight)
    np.testing.assert_allclose(sparse.history_.coef, dense.history_.coef, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(sparse.coef_ == 0, dense.coef_ == 0)


def test_float32_and_column_order_change_nothing_but_digits() -> None:
    X, y, _ = rows()
    expected = regressor().fit(X, y)
    np.testing.assert_allclose(regressor().fit(np.asfortranarray(X), y).coef_, expected.coef_, rtol=1e-12)
    np.testing.assert_allclose(regressor().fit(X.astype(np.float32), y).coef_, expected.coef_, rtol=1e-4)


def test_l1_gives_exact_zeros() -> None:
    X, y = real_table()
    model = GradientDescentRegressor(batch_size=4, penalty="l1", alpha=0.8, method="saga", random_state=0).fit(X, y)
    whole = GradientDescentRegressor(penalty="l1", alpha=0.8, method="nesterov", tol=1e-9).fit(X, y)
    assert np.any(whole.coef_ == 0)
    np.testing.assert_array_equal(model.coef_ == 0, whole.coef_ == 0)


# --------------------------------------------------------------------------------------------------- automatic rates
def shortfall(model: GradientDescentRegressor, X: Array, y: Array) -> float:
    """How far R² falls short of that of least squares."""
    A = np.column_stack([X / X.std(axis=0), np.ones(y.size)])
    best = 1 - np.mean((A @ np.linalg.lstsq(A, y)[0] - y) ** 2) / y.var()
    return best - model.score(X, y)


def hundreds() -> tuple[Array, Array]:
    """The course's line with x in 0 … 100."""
    random = np.random.default_rng(0)
    X = random.uniform(0, 100, (200, 1))
    return X, 3 * X[:, 0] + 7 + random.uniform(-10, 10, 200)


@pytest.mark.parametrize("make", [real_table, hundreds, lambda: graded(n_samples=500)], ids=["table", "x100", "1e8"])
@pytest.mark.parametrize("seed", range(5))
def test_five_passes_by_default_are_near_least_squares(make: Any, seed: int) -> None:
    X, y = make()
    model = GradientDescentRegressor(batch_size=1, max_iter=5, random_state=seed).fit(X, y)
    assert shortfall(model, X, y) < 1e-3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [1, 32])
def test_every_method_is_safe_and_comes_near(method: str, size: int) -> None:
    for X, y in (real_table(), hundreds(), graded(n_samples=500)):
        model = GradientDescentRegressor(batch_size=size, method=method, random_state=0, max_iter=400).fit(X, y)
        # RMSProp on single rows settles elsewhere: it weighs each by the size of the last few.
        assert shortfall(model, X, y) < (3e-3 if method == "rmsprop" else 1e-3)


@pytest.mark.parametrize("loss", LOSSES[1:])
def test_every_loss_comes_near_its_optimum(loss: str) -> None:
    X, y = real_table()
    whole = GradientDescentRegressor(loss=loss, tol=1e-8, max_iter=100_000).fit(X, y)
    model = GradientDescentRegressor(loss=loss, batch_size=1, random_state=0, max_iter=200).fit(X, y)
    best = whole.history_["objective"].min()
    assert model.history_["objective"][-1] < 1.02 * best


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("size", [1, 16])
def test_saga_reaches_the_optimum(loss: str, size: int) -> None:
    X, y = real_table()
    whole = GradientDescentRegressor(loss=loss, method="nesterov", tol=1e-12, max_iter=100_000).fit(X, y)
    model = GradientDescentRegressor(
        loss=loss, method="saga", batch_size=size, tol=1e-13, max_iter=3000, random_state=0
    ).fit(X, y)
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-3)
    assert model.history_["gradient_norm"][-1] < 1e-4


def test_tol_stops_where_the_objective_stops_falling() -> None:
    X, y = real_table()
    model = GradientDescentRegressor(batch_size=1, random_state=0).fit(X, y)
    assert model.stop_reason_ in ("no_improvement", "converged")
    assert model.n_iter_ < 200
    assert model.gap_ < 1e-4 * model.history_["objective"][0]


def test_a_rate_too_large_is_explained() -> None:
    X, y = hundreds()
    model = GradientDescentRegressor(batch_size=1, learning_rate=0.01, standardize=False, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"above the largest stable .*curvature of single rows.*column 'x0'"):
        model.fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert np.all(np.isfinite(model.coef_))


# -------------------------------------------------------------------------------------------------------- the records
def test_running_values_are_those_before_each_update() -> None:
    X, y, weight = rows()
    model = regressor(loss="huber", delta=0.7, batch_size=10, max_iter=2).fit(X, y, weight)
    history, loss = model.history_, make_loss("huber", delta=0.7)
    assert history.measured.tolist() == [True, False, True]
    total = sum(
        weight[part] @ loss.value_and_derivative(X[part] @ coef + b - y[part])[0]
        for part, (coef, b) in zip(np.split(np.arange(50), 5), by_rule_places(X, y, weight), strict=True)
    )
    assert history["objective"][1] == pytest.approx(total / weight.sum(), rel=1e-9)
    last = weight @ loss.value_and_derivative(X @ model.coef_ + model.intercept_ - y)[0] / weight.sum()
    assert history["objective"][2] == pytest.approx(last, rel=1e-12)


def by_rule_places(X: Array, y: Array, weight: Array) -> Iterator[tuple[Array, float]]:
    """Where each batch of ten finds the descent."""
    mean = np.average(X, axis=0, weights=weight)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    Z, place = np.column_stack([(X - mean) / scale, np.ones(50)]), np.zeros(4)
    for part in np.split(np.arange(50), 5):
        yield place[:3] / scale, place[3] - place[:3] @ (mean / scale)
        slope = np.clip(Z[part] @ place - y[part], -0.7, 0.7) * weight[part] / weight.mean()
        place = place - 0.01 * slope @ Z[part] / 10


def test_squared_records_are_all_measured() -> None:
    X, y, _ = rows()
    model = regressor().fit(X, y)
    errors = [np.mean((X @ w + b - y) ** 2) for w, b in zip(model.history_.coef, model.history_.intercept, strict=True)]
    assert np.all(model.history_.measured)
    np.testing.assert_allclose(model.history_["mse"], errors, rtol=1e-10)


def test_early_stopping_returns_the_best_state() -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(60, 25))
    y = X[:, 0] + 2 * random.normal(size=60)
    model = GradientDescentRegressor(
        batch_size=1, learning_rate=0.01, early_stopping=True, n_iter_no_change=7, random_state=0
    ).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    errors = model.history_["validation_mse"]
    assert model.stop_reason_ == "no_improvement"
    assert model.restored_epoch_ == int(np.argmin(errors)) < model.n_iter_
    assert np.mean((model.predict(X[30:]) - y[30:]) ** 2) == pytest.approx(errors.min(), rel=1e-9)


@pytest.mark.parametrize("method", ["gd", "nesterov", "adam", "averaged", "saga"])
def test_a_warm_start_goes_on_as_if_nothing_had_happened(method: str) -> None:
    X, y, _ = rows()
    options = {"method": method, "shuffle": True, "random_state": 3, "learning_rate": InverseTime(0.02, 3)}
    whole = regressor(max_iter=6, **options).fit(X, y)
    parts = regressor(max_iter=2, warm_start=True, **options).fit(X, y)
    parts.set_params(max_iter=4).fit(X, y)
    np.testing.assert_allclose(parts.history_.coef, whole.history_.coef, rtol=1e-12)


@pytest.mark.parametrize("n", [5, 2**16, 2**16 + 1, 2**16 + 15, 2**16 + 16])
def test_an_order_holds_each_row_once(n: int) -> None:
    coordinates, penalty = raw_coordinates(1, True), make_penalty(None, 0.0, 0.0, 1)
    passes = BatchPasses(make_loss("squared_error"), make_step_rule("gd", 0.0), penalty, coordinates, 1, n, 1.0)
    generator = np.random.default_rng(0)
    one, other = passes.order(generator, n), passes.order(generator, n)
    np.testing.assert_array_equal(np.sort(one), np.arange(n))
    np.testing.assert_array_equal(np.sort(other), np.arange(n))
    assert n < 10 or not np.array_equal(one, other)


def test_a_callback_stops_a_run_of_mini_batches() -> None:
    X, y, _ = rows()
    model = regressor(callbacks=lambda record: record.epoch == 2).fit(X, y)
    assert (model.stop_reason_, model.n_iter_) == ("callback", 2)


def test_orders_are_the_seeds() -> None:
    X, y, _ = rows()
    one, again, other = (regressor(shuffle=True, random_state=seed).fit(X, y).coef_ for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_an_interrupt_in_the_middle_of_an_epoch_keeps_what_there_is() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(300_000, 20))
    # The kernel of a table of that size, loaded beforehand: LLVM complains of what is interrupted within it.
    GradientDescentRegressor(batch_size=1, max_iter=1, tol=0).fit(X, X[:, 0])
    model = GradientDescentRegressor(
        batch_size=1,
        max_iter=100_000,
        tol=0,
        random_state=0,
        callbacks=lambda record: press_after(0.2) if record.epoch == 1 else None,
    )
    with pytest.raises(KeyboardInterrupt), interrupted_after():
        model.fit(X, X @ np.arange(20.0))
    assert model.stop_reason_ == "interrupted"
    assert model.history_.measured[-1]
    assert np.all(np.isfinite(model.predict(X[:5])))


# --------------------------------------------------------------------------------------------------------- contracts
def unlucky(estimator: Any) -> dict[str, str]:
    """What an estimator may fail, with the reason."""
    if estimator.batch_size > 1:
        return {}
    reason = "a step on a row of weight 2 is not two steps: as for scikit-learn's SGDRegressor, weights are no copies"
    return dict.fromkeys((f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")), reason)


@parametrize_with_checks(
    [
        GradientDescentRegressor(batch_size=1, max_iter=50, random_state=0),
        GradientDescentRegressor(batch_size=32, max_iter=50, random_state=0),
    ],
    expected_failed_checks=unlucky,
)
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.filterwarnings("ignore:.*does not have metadata routing")
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_batch_larger_than_the_rows_is_told() -> None:
    X, y, _ = rows()
    with pytest.warns(DownslopeWarning, match=r"batch_size=51 is larger than the 50 rows.*give batch_size=None"):
        GradientDescentRegressor(batch_size=51).fit(X, y)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan, "fast"])
def test_schedules_that_give_no_rate(rate: Any) -> None:
    X, y, _ = rows()
    with pytest.raises(InputError, match=r"schedule gave .* it must give a positive, finite number"):
        regressor(learning_rate=lambda epoch: rate).fit(X, y)


def test_saga_needs_a_smooth_loss() -> None:
    X, y, _ = rows()
    with pytest.raises(InputError, match="method='saga' got loss='absolute_error': it needs a loss without kinks"):
        regressor(method="saga", loss="absolute_error").fit(X, y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_rows_that_are_not_finite_are_named(loss: str, bad: float) -> None:
    X, y, _ = rows()
    X[3, 1] = bad
    with pytest.raises(InputError, match="Input X contains NaN or infinity in 'x1'"):
        regressor(loss=loss).fit(X, y)
