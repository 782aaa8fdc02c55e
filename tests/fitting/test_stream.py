"""partial_fit of GradientDescentRegressor: a stream of blocks, none of them kept."""

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, InputError
from downslope.objective.losses import LOSSES
from downslope.steps.rules import METHODS
from downslope.steps.schedules import InverseTime
from tests.problems import real_table

Array = np.ndarray


def rows(n: int = 60, seed: int = 0) -> tuple[Array, Array]:
    """Three correlated columns away from zero, and a target with noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 3)) @ random.normal(size=(3, 3)) + [3.0, -1.0, 0.0]
    return X, X @ [1.0, -2.0, 0.5] + 2.0 + random.normal(size=n)


def stream(model: Any, X: Any, y: Array, n_blocks: int, passes: int = 1, seed: int | None = None) -> Any:
    """The model after so many blocks, in a new order each pass where there is a seed."""
    random = np.random.default_rng(seed)
    for _ in range(passes):
        order = np.arange(y.size) if seed is None else random.permutation(y.size)
        for part in np.array_split(order, n_blocks):
            model.partial_fit(X[part], y[part])
    return model


def shortfall(model: Any, X: Array, y: Array) -> float:
    """How far R² falls short of that of least squares."""
    A = np.column_stack([X / X.std(axis=0), np.ones(y.size)])
    best = 1 - np.mean((A @ np.linalg.lstsq(A, y)[0] - y) ** 2) / y.var()
    return best - model.score(X, y)


# -------------------------------------------------------------------------------------------------------- by hand
@pytest.mark.parametrize("size", [1, 5, None])
def test_blocks_are_the_loop_by_hand(size: int | None) -> None:
    X, y = rows()
    model = GradientDescentRegressor(batch_size=size, learning_rate=0.01, standardize=False, shuffle=False)
    w, b = np.zeros(3), 0.0
    for part in np.array_split(np.arange(60), 4):
        model.partial_fit(X[part], y[part])
        for start in range(0, part.size, size or part.size):
            batch = part[start : start + (size or part.size)]
            error = X[batch] @ w + b - y[batch]
            w, b = w - 0.01 * error @ X[batch] / batch.size, b - 0.01 * error.mean()
        np.testing.assert_allclose(np.append(model.coef_, model.intercept_), [*w, b], rtol=1e-12)
    assert (model.n_iter_, len(model.history_), model.engine_) == (4, 5, "stochastic")
    np.testing.assert_array_equal(model.history_.coef[-1], model.coef_)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam", "averaged"])
def test_blocks_in_raw_coordinates_are_one_pass_over_all(method: str) -> None:
    X, y = rows()
    options = {"method": method, "batch_size": 5, "learning_rate": 0.01, "standardize": False, "shuffle": False}
    whole = GradientDescentRegressor(**options, max_iter=1, tol=0).fit(X, y)
    parts = stream(GradientDescentRegressor(**options), X, y, 4)
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-12)
    assert parts.intercept_ == pytest.approx(whole.intercept_, rel=1e-12)


def test_a_schedule_is_asked_for_each_block() -> None:
    X, y = rows()
    model = stream(GradientDescentRegressor(batch_size=5, learning_rate=InverseTime(0.02, 2.0)), X, y, 4)
    assert model.history_["learning_rate"][1:] == pytest.approx([0.02 / (1 + k / 2) for k in range(4)])


def test_sparse_blocks_are_dense_blocks() -> None:
    random = np.random.default_rng(1)
    X = scipy.sparse.random_array((60, 6), density=0.4, rng=random, format="csr")
    y = X @ random.normal(size=6) + random.normal(size=60)
    options = {"batch_size": 4, "shuffle": False}
    sparse = stream(GradientDescentRegressor(**options), X, y, 3)
    dense = stream(GradientDescentRegressor(**options), X.toarray(), y, 3)
    np.testing.assert_allclose(sparse.coef_, dense.coef_, rtol=1e-9)


# ------------------------------------------------------------------------------------------------- automatic rates
@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("method", [method for method in METHODS if method not in ("saga", "rmsprop")])
def test_every_method_comes_near_least_squares(method: str, size: int) -> None:
    X, y = real_table()
    model = stream(GradientDescentRegressor(method=method, batch_size=size, random_state=0), X, y, 8, 10, seed=0)
    assert shortfall(model, X, y) < 0.01


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_comes_near_on_any_scale(loss: str, unit: float) -> None:
    X, y = real_table()
    options = {"delta": 1.35 * unit, "epsilon": 0.1 * unit, "batch_size": 1, "random_state": 0}
    model = stream(GradientDescentRegressor(loss=loss, **options), X * unit, y * unit, 8, 10, seed=0)
    assert shortfall(model, X * unit, y * unit) < 0.03


def test_more_blocks_bring_it_nearer() -> None:
    X, y = real_table()
    few, many = (
        stream(GradientDescentRegressor(batch_size=1, random_state=0), X, y, 8, passes, seed=0) for passes in (1, 20)
    )
    assert shortfall(many, X, y) < 0.2 * shortfall(few, X, y)


# ------------------------------------------------------------------------------------------------------- bad input
X, Y = rows(20)
BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "no rows": ((X[:0], Y[:0]), r"0 sample\(s\).*give more rows"),
    "no weight": ((X, Y, np.zeros(20)), r"sample_weight is zero in all rows"),
    "other columns": ((X[:, :2], Y), r"X has 2 features, but GradientDescentRegressor is expecting 3 features"),
    "NaN": ((np.where(np.arange(60).reshape(20, 3) == 4, np.nan, X), Y), r"NaN or infinity in 'x1' \(1 NaN\)"),
    "text": (([["a", "b", "c"]] * 20, Y), r"X holds text"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_block_that_cannot_be_used_changes_nothing(case: str) -> None:
    given, told = BAD[case]
    model = GradientDescentRegressor(batch_size=1, random_state=0).partial_fit(X, Y)
    coef, records = model.coef_.copy(), len(model.history_)
    with pytest.raises(InputError, match=told) as caught:
        model.partial_fit(*given)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(model.coef_, coef)
    assert len(model.history_) == records
    model.partial_fit(X, Y)


@pytest.mark.parametrize("options", [{"early_stopping": True}, {"method": "saga"}])
def test_what_needs_all_rows_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="needs all rows at once: call fit, or set another"):
        GradientDescentRegressor(**options).partial_fit(X, Y)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.nan])
def test_schedules_that_give_no_rate(rate: float) -> None:
    with pytest.raises(InputError, match="it must give a positive, finite number"):
        GradientDescentRegressor(batch_size=1, learning_rate=lambda block: rate).partial_fit(X, Y)


def test_a_stream_that_blows_up_is_told() -> None:
    model = GradientDescentRegressor(batch_size=1, learning_rate=10.0, random_state=0)
    with pytest.warns(
        DivergenceWarning, match=r"Diverged in block 1 with learning_rate 10: .* Try learning_rate='auto'"
    ):
        model.partial_fit(X, Y)
    assert model.stop_reason_ == "diverged"


def test_a_stream_goes_on_from_a_fit() -> None:
    model = GradientDescentRegressor(batch_size=1, random_state=0, max_iter=20, tol=0).fit(X, Y)
    before = model.coef_.copy()
    model.partial_fit(X, Y)
    assert not np.array_equal(model.coef_, before)
    assert np.abs(model.coef_ - before).max() < 0.5


def test_a_stream_may_start_anywhere() -> None:
    still = {"batch_size": 5, "learning_rate": 1e-12, "random_state": 3}
    model = GradientDescentRegressor(init="uniform", **still).partial_fit(X, Y)
    random = np.random.RandomState(3)
    np.testing.assert_allclose(model.coef_, random.uniform(-1, 1, 3), atol=1e-8)
    model = GradientDescentRegressor(init=([1.0, 2.0, 3.0], 4.0), **still).partial_fit(X, Y)
    np.testing.assert_allclose([*model.coef_, model.intercept_], [1.0, 2.0, 3.0, 4.0], atol=1e-8)


def test_squares_that_overflow_are_told() -> None:
    with pytest.raises(InputError, match=r"squares of the values in .* overflow, as they reach"):
        GradientDescentRegressor(batch_size=1).partial_fit(1e200 * X, Y)


# --------------------------------------------------------------------------------------------- models thrown far off
@pytest.mark.parametrize("method", ["adagrad", "adam", "gd"])
@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_a_far_row_in_a_later_block_is_said(method: str, loss: str) -> None:
    """Adaptive steps on the coordinates of all rows so far throw the model off by what one row has moved them."""
    X, y = rows(90, seed=5)
    model = GradientDescentRegressor(loss=loss, method=method, batch_size=3, random_state=0)
    for part in np.array_split(np.arange(60), 4):
        model.partial_fit(X[part], y[part])
    far = X[60:75].copy()
    far[4] = 3e8
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.partial_fit(far, y[60:75])
    residual = float(np.sqrt(np.mean((model.predict(far) - y[60:75]) ** 2)))
    told = [str(warning.message) for warning in caught if warning.category is DivergenceWarning]
    assert residual < 10 * np.abs(y).max() or "in block 5" in told[0] or "off by block 5" in told[0]
    assert (model.stop_reason_ == "diverged") == bool(told)


def test_the_worst_that_a_far_row_did_was_unsaid() -> None:
    X, y = rows(39, seed=6)
    X[20] = 7e7
    model = GradientDescentRegressor(loss="absolute_error", method="adagrad", batch_size=3, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"off by block 2 with .* that of predicting 0 is"):
        stream(model, X, y, 3)


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "epsilon_insensitive", "huber"])
def test_a_rate_by_hand_far_too_large_is_said(loss: str) -> None:
    X, y = rows(80, seed=2)
    model = GradientDescentRegressor(loss=loss, batch_size=1, learning_rate=700.0, random_state=0)
    with pytest.warns(DivergenceWarning, match=r"Thrown off by block 1 with learning_rate 700: .* try 70\.") as caught:
        model.partial_fit(X, y)
    numbers = model.stop_finding_.numbers
    losses = GradientDescentRegressor(loss=loss, max_iter=1, tol=0, init=(np.zeros(3), 0.0)).fit(X, y)
    assert numbers["flat"] == pytest.approx(losses.history_["objective"][0], rel=1e-9)
    assert numbers["objective"] > 50 * numbers["flat"]
    assert caught[0].filename == __file__
    assert model.stop_reason_ == "diverged"


def test_a_stream_that_is_well_is_not_complained_of() -> None:
    X, y = rows(400, seed=8)
    for loss in LOSSES:
        for method in ("gd", "adam", "adagrad"):
            model = GradientDescentRegressor(loss=loss, method=method, batch_size=4, random_state=0)
            assert stream(model, X, y, 20).stop_reason_ == "max_iter"


@pytest.mark.parametrize("delta", [0.02, 1.35])
@pytest.mark.parametrize("method", ["gd", "momentum"])
def test_a_huber_loss_far_from_its_target_gets_there(method: str, delta: float) -> None:
    """Slopes of delta beside targets of 7e5: as by the absolute error, which has no other way either."""
    X, y = rows(150, seed=3)
    y = 7e5 * y
    for size in (1, 10):
        model = GradientDescentRegressor(loss="huber", delta=delta, method=method, batch_size=size, random_state=0)
        assert shortfall(stream(model, X, y, 3, passes=60, seed=1), X, y) < 0.02
        model = GradientDescentRegressor(loss="huber", delta=delta, method=method, batch_size=size, random_state=0)
        assert shortfall(model.set_params(tol=1e-5).fit(X, y), X, y) < 0.02


def test_a_start_whose_errors_overflow_is_refused() -> None:
    X, y = rows()
    for model in (GradientDescentRegressor(init=(1e170, 0.0)), GradientDescentRegressor(init=(1.7e308, 0.0))):
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(InputError, match="init is so far off that squared errors overflow"):
                fit(X, y)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("method", ["gd", "saga"])
def test_rows_of_nothing_have_no_curvature(method: str) -> None:
    nothing, y = np.zeros((12, 2)), np.arange(12.0)
    options: dict[str, Any] = {"fit_intercept": False, "batch_size": 3, "max_iter": 4, "random_state": 0}
    assert not GradientDescentRegressor(method=method, **options).fit(nothing, y).coef_.any()
    assert not GradientDescentRegressor(**options).partial_fit(nothing, y).coef_.any()
