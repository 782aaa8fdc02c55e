"""Early stopping: the error on rows that were not trained on decides when to stop, and which epoch is kept."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.exceptions import InputError, NotConvergedWarning
from tests.problems import real_table

Array = np.ndarray
ENGINES: dict[str, dict[str, Any]] = {"spectral": {}, "moments": {"method": "adam"}, "data": {"loss": "huber"}}
each_engine = pytest.mark.parametrize("engine", ENGINES)


def overfitted() -> tuple[Array, Array, Array, Array]:
    """Rows of more noise than signal, and others of the same kind: the error on those falls, then rises."""
    random = np.random.default_rng(1)
    X = random.normal(size=(60, 25))
    y = X[:, 0] + 2 * random.normal(size=60)
    return X[:30], y[:30], X[30:], y[30:]


@each_engine
def test_the_best_epoch_is_restored(engine: str) -> None:
    X, y, X_val, y_val = overfitted()
    model = GradientDescentRegressor(early_stopping=True, n_iter_no_change=7, tol=1e-6, **ENGINES[engine])
    model.fit(X, y, X_val=X_val, y_val=y_val)
    errors = model.history_["validation_mse"]
    best = int(np.argmin(errors))
    assert (model.engine_, model.stop_reason_) == (engine, "no_improvement")
    assert model.restored_epoch_ == best < model.n_iter_
    np.testing.assert_array_equal(model.coef_, model.history_.coef[best])
    assert np.mean((model.predict(X_val) - y_val) ** 2) == pytest.approx(errors[best], rel=1e-9)
    assert model.stop_message_.startswith(
        f"Stopped at epoch {model.n_iter_}: no better validation error for 7 epochs; the "
    )
    assert model.stop_message_.endswith(f"The best epoch, {best}, was restored.")
    # By hand: seven records without an improvement of more than tol.
    smallest, since = np.inf, 0
    for epoch, error in enumerate(errors):
        smallest, since = (error, 0) if error < smallest * (1 - 1e-6) else (smallest, since + 1)
        assert (since >= 7) is (epoch == model.n_iter_)


@each_engine
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_errors_are_those_of_the_validation_rows(engine: str, fit_intercept: bool) -> None:
    X, y, X_val, y_val = overfitted()
    weight = np.linspace(0, 1, len(y_val))
    model = GradientDescentRegressor(max_iter=8, tol=0, fit_intercept=fit_intercept, **ENGINES[engine])
    model.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    places = model.history_.coef @ X_val.T + model.history_.intercept[:, None]
    expected = np.average((places - y_val) ** 2, axis=1, weights=weight)
    np.testing.assert_allclose(model.history_["validation_mse"], expected, rtol=1e-9)


def test_validation_rows_do_not_train() -> None:
    X, y, X_val, y_val = overfitted()
    plain = GradientDescentRegressor(max_iter=8, tol=0).fit(X, y)
    validated = GradientDescentRegressor(max_iter=8, tol=0).fit(X, y, X_val=X_val, y_val=1e6 * y_val)
    np.testing.assert_array_equal(validated.history_.coef, plain.history_.coef)
    assert validated.restored_epoch_ is None


@pytest.mark.parametrize("make", [scipy.sparse.csr_array, lambda X: X[:1], lambda X: X.tolist()])
def test_validation_rows_of_any_form(make: Any) -> None:
    X, y, X_val, y_val = overfitted()
    rows = make(X_val)
    n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    model = GradientDescentRegressor(max_iter=4, tol=0).fit(X, y, X_val=rows, y_val=y_val[:n_rows])
    expected = np.mean((model.predict(X_val[:n_rows]) - y_val[:n_rows]) ** 2)
    assert model.history_["validation_mse"][-1] == pytest.approx(expected, rel=1e-9)


# ------------------------------------------------------------------------------------------------ rows set aside
@each_engine
@pytest.mark.parametrize("fraction", [0.1, 0.25])
def test_the_split_is_the_seeds_and_the_rest_is_trained_on(fraction: float, engine: str) -> None:
    X, y = real_table()
    options = {"early_stopping": True, "validation_fraction": fraction, "max_iter": 30, "tol": 0, **ENGINES[engine]}
    model = GradientDescentRegressor(random_state=4, **options).fit(X, y)
    again = GradientDescentRegressor(random_state=4, **options).fit(X, y)
    other = GradientDescentRegressor(random_state=5, **options).fit(X, y)
    np.testing.assert_array_equal(model.history_["validation_mse"], again.history_["validation_mse"])
    assert not np.array_equal(model.history_["validation_mse"], other.history_["validation_mse"])
    order = np.random.RandomState(4).permutation(y.size)
    n_held = round(fraction * y.size)
    held, kept = order[-n_held:], order[:-n_held]
    for rows, column in ((kept, "mse"), (held, "validation_mse")):
        error = np.mean((X[rows] @ model.history_.coef[-1] + model.history_.intercept[-1] - y[rows]) ** 2)
        assert model.history_[column][-1] == pytest.approx(error, rel=1e-9)


def test_without_shuffling_the_last_rows_are_set_aside() -> None:
    X, y = real_table()
    model = GradientDescentRegressor(early_stopping=True, shuffle=False, max_iter=5, tol=0).fit(X, y)
    given = GradientDescentRegressor(early_stopping=True, max_iter=5, tol=0)
    given.fit(X[:-39], y[:-39], X_val=X[-39:], y_val=y[-39:])
    np.testing.assert_allclose(model.history_["validation_mse"], given.history_["validation_mse"], rtol=1e-12)


def test_weights_are_split_with_their_rows() -> None:
    X, y = real_table()
    weight = np.random.default_rng(0).random(y.size)
    model = GradientDescentRegressor(early_stopping=True, shuffle=False, max_iter=5, tol=0).fit(X, y, weight)
    given = GradientDescentRegressor(early_stopping=True, max_iter=5, tol=0)
    given.fit(X[:-39], y[:-39], weight[:-39], X_val=X[-39:], y_val=y[-39:], sample_weight_val=weight[-39:])
    np.testing.assert_allclose(model.history_["validation_mse"], given.history_["validation_mse"], rtol=1e-12)


@pytest.mark.parametrize("empty", [slice(-39), slice(-39, None)], ids=["the rest", "the split"])
def test_weights_that_leave_nothing_on_one_side(empty: slice) -> None:
    X, y = real_table()
    weight = np.ones(y.size)
    weight[empty] = 0.0
    with pytest.raises(InputError, match="all weights are zero in the rows that early_stopping splits off"):
        GradientDescentRegressor(early_stopping=True, shuffle=False).fit(ArraySource(X, y, weight))


def test_rows_of_weight_0_are_none_that_could_be_set_aside() -> None:
    X, y = real_table()
    weight = np.ones(y.size)
    weight[-39:] = 0.0
    model = GradientDescentRegressor(early_stopping=True, shuffle=False, max_iter=20, tol=0).fit(X, y, weight)
    rest = GradientDescentRegressor(early_stopping=True, shuffle=False, max_iter=20, tol=0)
    rest.fit(X[:-39], y[:-39], weight[:-39])
    np.testing.assert_array_equal(model.coef_, rest.coef_)


# ------------------------------------------------------------------------------------------- beside other rules
def test_other_rules_come_first() -> None:
    X, y, X_val, y_val = overfitted()
    options = {"early_stopping": True, "n_iter_no_change": 1000}
    model = GradientDescentRegressor(tol=1e-3, **options).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.stop_reason_ == "converged"
    # The best epoch is kept whatever ended the run.
    assert model.restored_epoch_ == int(np.argmin(model.history_["validation_mse"])) < model.n_iter_
    with pytest.warns(NotConvergedWarning, match="Stopped at max_iter = 30"):
        model = GradientDescentRegressor(max_iter=30, **options).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.stop_reason_ == "max_iter"


def test_an_error_that_only_falls_runs_to_the_end() -> None:
    X, y = real_table()
    model = GradientDescentRegressor(early_stopping=True, max_iter=20, tol=0, n_iter_no_change=1)
    model.fit(X, y, X_val=X, y_val=y)
    assert (model.n_iter_, model.restored_epoch_, model.stop_reason_) == (20, None, "max_iter")
    np.testing.assert_allclose(model.history_["validation_mse"], model.history_["mse"], rtol=1e-9)
