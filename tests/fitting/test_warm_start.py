"""A warm start goes on as if nothing had happened: 10 + 10 epochs are 20, momentum, slots and schedules included."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downslope import GradientDescentRegressor
from downslope.exceptions import DownslopeWarning, InputError
from downslope.objective.losses import LOSSES
from downslope.steps.rules import METHODS
from downslope.steps.schedules import Cosine, InverseTime
from tests.problems import course, real_table

Array = np.ndarray


def rows() -> tuple[Array, Array]:
    random = np.random.default_rng(3)
    X = random.normal(size=(40, 3)) @ random.normal(size=(3, 3)) + 1
    return X, X @ [1.0, -2.0, 0.5] + 3 + random.normal(size=40)


def whole_and_parts(
    options: dict[str, Any], epochs: tuple[int, int] = (10, 10)
) -> tuple[GradientDescentRegressor, GradientDescentRegressor]:
    """The run in one go, and the same in two."""
    X, y = rows()
    options = {"tol": 0, "init": "uniform", "random_state": 0, **options}
    whole = GradientDescentRegressor(max_iter=sum(epochs), **options).fit(X, y)
    parts = GradientDescentRegressor(warm_start=True, max_iter=epochs[0], **options).fit(X, y)
    return whole, parts.set_params(max_iter=epochs[1]).fit(X, y)


def assert_same_run(whole: GradientDescentRegressor, parts: GradientDescentRegressor) -> None:
    assert parts.n_iter_ == whole.n_iter_
    assert parts.history_.columns == whole.history_.columns
    np.testing.assert_array_equal(parts.history_["epoch"], whole.history_["epoch"])
    for column in ("objective", "mse", "gradient_norm", "learning_rate"):
        np.testing.assert_allclose(
            parts.history_[column], whole.history_[column], rtol=1e-8, atol=1e-12, err_msg=column
        )
    np.testing.assert_allclose(parts.history_.coef, whole.history_.coef, rtol=0, atol=1e-10)
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=0, atol=1e-10)
    assert parts.learning_rate_ == pytest.approx(whole.learning_rate_, rel=1e-8)


def can_run(engine: str, method: str, rate: Any, penalty: str | None = None) -> bool:
    linear = method in ("gd", "momentum", "nesterov")
    return engine != "spectral" or (linear and penalty is None and not callable(rate))


RATES: dict[str, Any] = {"auto": "auto", "number": 0.05, "schedule": InverseTime(0.05, 10.0)}
CASES = [
    (engine, method, rate)
    for engine in ("spectral", "moments", "data")
    for method in METHODS
    for rate in RATES
    if can_run(engine, method, RATES[rate])
]


@pytest.mark.parametrize(("engine", "method", "rate"), CASES)
def test_two_runs_are_one(engine: str, method: str, rate: str) -> None:
    assert_same_run(*whole_and_parts({"engine": engine, "method": method, "learning_rate": RATES[rate]}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_under_penalties_too(penalty: str, method: str) -> None:
    assert_same_run(*whole_and_parts({"method": method, "penalty": penalty, "alpha": 0.1}))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", ["huber", "squared_epsilon_insensitive"])
def test_with_smooth_losses_too(loss: str, method: str) -> None:
    assert_same_run(*whole_and_parts({"loss": loss, "method": method}))


KINKED = ("absolute_error", "quantile", "epsilon_insensitive")


@pytest.mark.parametrize("method", [method for method in METHODS if method != "saga"])
@pytest.mark.parametrize("loss", KINKED)
def test_with_kinks_at_the_default_rate(loss: str, method: str) -> None:
    # What is restored at the end is the best of the whole run, and the smoothing goes on where it was.
    whole, parts = whole_and_parts({"loss": loss, "method": method}, (100, 100))
    assert parts.restored_epoch_ == whole.restored_epoch_
    assert_same_run(whole, parts)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("batch_size", [None, 1, 7, 40])
def test_every_method_loss_and_batch_size(batch_size: int | None, loss: str, method: str) -> None:
    if method == "saga" and loss in KINKED:
        return
    whole, parts = whole_and_parts({"loss": loss, "method": method, "batch_size": batch_size}, (6, 7))
    assert parts.restored_epoch_ == whole.restored_epoch_
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-12, atol=1e-13)
    assert_same_run(whole, parts)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "saga"])
@pytest.mark.parametrize("loss", KINKED[:2])
def test_with_kinks_at_a_rate_of_ones_own(loss: str, method: str) -> None:
    options = {"loss": loss, "method": method, "learning_rate": Cosine(0.02, epochs=20, last=1e-4)}
    whole, parts = whole_and_parts(options)
    assert parts.restored_epoch_ == whole.restored_epoch_
    assert_same_run(whole, parts)


def test_raw_coordinates_and_no_intercept() -> None:
    assert_same_run(
        *whole_and_parts({"standardize": False, "fit_intercept": False, "method": "nesterov", "learning_rate": 0.01})
    )


def test_in_three_parts_and_past_the_length_of_a_history() -> None:
    X, y = rows()
    whole = GradientDescentRegressor(max_iter=12_000, tol=0, learning_rate=1e-3).fit(X, y)
    parts = GradientDescentRegressor(max_iter=4_000, tol=0, learning_rate=1e-3, warm_start=True)
    for _ in range(3):
        parts.fit(X, y)
    assert len(whole.history_) == len(parts.history_) <= 10_001
    assert_same_run(whole, parts)


def test_a_run_that_had_converged_stays_where_it_is() -> None:
    X, y = rows()
    model = GradientDescentRegressor(warm_start=True).fit(X, y)
    n_iter, coef = model.n_iter_, model.coef_.copy()
    assert model.fit(X, y).n_iter_ == n_iter
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-12)
    assert len(model.history_) == n_iter + 1


def test_it_goes_on_to_a_better_tolerance() -> None:
    X, y = rows()
    whole = GradientDescentRegressor(tol=1e-12, method="nesterov").fit(X, y)
    parts = GradientDescentRegressor(tol=1e-3, method="nesterov", warm_start=True).fit(X, y)
    assert parts.n_iter_ < whole.n_iter_
    assert_same_run(whole, parts.set_params(tol=1e-12).fit(X, y))


def test_the_rate_may_change_on_the_way() -> None:
    X, y = rows()
    model = GradientDescentRegressor(learning_rate=0.01, tol=0, max_iter=5, warm_start=True).fit(X, y)
    model.set_params(learning_rate=InverseTime(0.2, 10.0)).fit(X, y)
    assert model.n_iter_ == 10
    rates = model.history_["learning_rate"]
    np.testing.assert_allclose(rates[:5], 0.01)
    assert set(rates[6:10]) <= {InverseTime(0.2, 10.0)(k) for k in range(5, 11)}


# ------------------------------------------------------------------------------------------------------- new rows
@pytest.mark.parametrize("options", [{}, {"method": "adam"}, {"loss": "huber"}], ids=["spectral", "moments", "data"])
def test_new_rows_are_learnt_from_where_the_old_ones_led(options: dict[str, Any]) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(warm_start=True, max_iter=40, tol=0, **options).fit(X[::2], y[::2])
    before = model.coef_.copy()
    model.fit(X[1::2], y[1::2])
    assert model.n_iter_ == 80
    history = model.history_
    assert history["epoch"].tolist() == list(range(81))
    # The record where they meet is the same place, measured on the new rows.
    np.testing.assert_allclose(history.coef[40], before, rtol=1e-10)
    place = X[1::2] @ history.coef[40] + history.intercept[40]
    assert history["mse"][40] == pytest.approx(np.mean((place - y[1::2]) ** 2), rel=1e-9)
    assert history["mse"][-1] == pytest.approx(np.mean((model.predict(X[1::2]) - y[1::2]) ** 2), rel=1e-9)


def test_without_warm_start_every_fit_begins_anew() -> None:
    X, y = rows()
    model = GradientDescentRegressor(max_iter=5, tol=0)
    first, second = model.fit(X, y).history_, model.fit(X, y).history_
    np.testing.assert_array_equal(first.coef, second.coef)


def test_the_first_fit_of_a_warm_start_begins_anew() -> None:
    X, y = rows()
    model = GradientDescentRegressor(max_iter=5, tol=0, warm_start=True).fit(X, y)
    assert model.n_iter_ == 5


def fit_until_restored(options: dict[str, Any]) -> GradientDescentRegressor:
    """A fit that ends in another state than its last."""
    X, y = rows()
    model = GradientDescentRegressor(warm_start=True, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        model.fit(X, y)
    assert model.restored_epoch_ is not None
    return model


@pytest.mark.parametrize("engine", ["spectral", "moments", "data", "stochastic"])
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "averaged", "adam"])
def test_after_a_divergence_it_goes_on_from_the_best_epoch(method: str, engine: str) -> None:
    if not can_run(engine, method, 3.0):
        return
    X, y = rows()
    rate = 1e200 if method == "adam" else 10.0
    batch_size = 8 if engine == "stochastic" else None
    model = fit_until_restored(
        {"learning_rate": rate, "method": method, "engine": engine, "batch_size": batch_size, "random_state": 0}
    )
    assert model.stop_reason_ == "diverged"
    best, at, least = model.coef_.copy(), model.restored_epoch_, float(model.history_["mse"].min())
    # The rate that blew up is gone, and with it all that it had left in velocities and means.
    model.set_params(learning_rate="auto", tol=1e-3, max_iter=20_000).fit(X, y)
    assert model.stop_reason_ in ("converged", "no_improvement")
    assert model.history_["epoch"][: at + 2].tolist() == list(range(at + 2))
    np.testing.assert_allclose(model.history_.coef[at], best, rtol=1e-12)
    after = model.history_["mse"][at:]
    assert after.max() <= 10 * max(after[0], least)
    assert model.n_iter_ == model.history_["epoch"][-1]


@pytest.mark.parametrize("engine", ["spectral", "moments", "data", "stochastic"])
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam"])
def test_after_early_stopping_it_goes_on_as_if_it_had_not_gone_too_far(method: str, engine: str) -> None:
    if not can_run(engine, method, 0.1):
        return
    X, y = rows()
    batch_size = 8 if engine == "stochastic" else None
    options = {"method": method, "engine": engine, "batch_size": batch_size, "tol": 0, "learning_rate": 0.1}
    # So few rows are learnt from that the error of the others rises soon.
    held = {"X_val": X[:20] + 3.0, "y_val": y[:20]}
    model = GradientDescentRegressor(
        **options, warm_start=True, early_stopping=True, n_iter_no_change=4, random_state=0, shuffle=False
    ).fit(X[20:], y[20:], **held)
    at = model.restored_epoch_
    assert at is not None
    assert model.history_["epoch"][-1] == at + 4
    model.set_params(early_stopping=False, max_iter=5).fit(X[20:], y[20:], **held)
    whole = GradientDescentRegressor(**options, max_iter=at + 5, random_state=0, shuffle=False)
    assert_same_run(whole.fit(X[20:], y[20:], **held), model)


def test_validation_errors_begin_where_validation_rows_do() -> None:
    X, y = rows()
    model = GradientDescentRegressor(max_iter=5, tol=0, warm_start=True).fit(X, y)
    model.fit(X, y, X_val=X[:10], y_val=y[:10])
    np.testing.assert_array_equal(np.isnan(model.history_["validation_mse"]), [True] * 5 + [False] * 6)


# ---------------------------------------------------------------------------------------------------------- misuse
MISUSE: dict[str, tuple[dict[str, Any], str]] = {
    "method": (
        {"method": "adam"},
        r"goes on with \(method, standardize\) = \('auto', True\), but got \('adam', True\)",
    ),
    "standardize": ({"standardize": False}, r"but got \('auto', False\): keep them, or set warm_start=False"),
    "intercept": ({"fit_intercept": False}, r"3 features and fit_intercept=True, but got 3 and False: give the same"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_options_that_cannot_change_on_the_way(case: str) -> None:
    changed, told = MISUSE[case]
    X, y = rows()
    model = GradientDescentRegressor(warm_start=True).fit(X, y)
    with pytest.raises(InputError, match=told) as caught:
        model.set_params(**changed).fit(X, y)
    assert "\n" not in str(caught.value)


def test_columns_that_are_others() -> None:
    X, y = rows()
    model = GradientDescentRegressor(warm_start=True).fit(X, y)
    with pytest.raises(InputError, match=r"goes on with 3 features .*, but got 2 and True: .*or set warm_start=False"):
        model.fit(X[:, :2], y)
    assert model.set_params(warm_start=False).fit(X[:, :2], y).coef_.shape == (2,)


def test_columns_of_other_names() -> None:
    X, y = rows()
    model = GradientDescentRegressor(warm_start=True, max_iter=5, tol=0).fit(
        pd.DataFrame(X, columns=["a", "b", "c"]), y
    )
    with pytest.raises((InputError, DownslopeWarning)):
        model.fit(pd.DataFrame(X, columns=["c", "b", "a"]), y)


def test_constant_columns_may_come_to_life_in_raw_coordinates() -> None:
    X, y = course(2)
    still = X.copy()
    still[:, 1] = 0.5
    model = GradientDescentRegressor(warm_start=True, max_iter=50, tol=0, standardize=False)
    with pytest.warns(DownslopeWarning, match="'x1' never changes"):
        model.fit(still, y)
    model.set_params(max_iter=10_000, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(model.coef_, GradientDescentRegressor(tol=1e-12).fit(X, y).coef_, atol=1e-3)


def test_constant_columns_that_come_to_life_are_refused_in_coordinates_without_them() -> None:
    X, y = course(2)
    still = X.copy()
    still[:, 1] = 0.5
    model = GradientDescentRegressor(warm_start=True, max_iter=50, tol=0)
    with pytest.warns(DownslopeWarning, match="'x1' never changes"):
        model.fit(still, y)
    with pytest.raises(InputError, match="never changed, and now it does: set warm_start=False"):
        model.fit(X, y)
