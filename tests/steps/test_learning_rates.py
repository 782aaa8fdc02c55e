"""What rates a run takes, and what it says of them."""

from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.steps.schedules import Constant, Cosine, Exponential, InverseScaling, InverseTime, StepDecay
from tests.problems import course, real_table

SCHEDULES = {
    "constant": Constant(0.1),
    "inverse time": InverseTime(0.1, half_life=5.0),
    "inverse scaling": InverseScaling(0.1),
    "exponential": Exponential(0.1, 0.9),
    "steps": StepDecay(0.1, 0.5, every=3),
    "cosine": Cosine(0.1, epochs=8, last=0.01),
    "a function": lambda epoch: 0.1 / (1 + epoch),
}


@pytest.mark.parametrize("engine", ["moments", "data"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_update_k_takes_the_rate_of_epoch_k(name: str, engine: str) -> None:
    X, y = course(3)
    schedule = SCHEDULES[name]
    model = GradientDescentRegressor(learning_rate=schedule, max_iter=12, tol=0, engine=engine, standardize=False)
    history = model.fit(X, y).history_
    for k in range(12):
        residual = X @ history.coef[k] + history.intercept[k] - y
        np.testing.assert_allclose(
            history.coef[k + 1], history.coef[k] - schedule(k) * np.mean(residual[:, None] * X, axis=0), rtol=1e-10
        )


@pytest.mark.parametrize("options", [{"method": "adam"}, {"loss": "huber"}], ids=["moments", "data"])
def test_a_record_shows_the_rate_that_led_to_it(options: dict[str, Any]) -> None:
    """As the history's documentation says: at the start that of the first update."""
    schedule = InverseTime(0.1, half_life=1.0)
    model = GradientDescentRegressor(learning_rate=schedule, max_iter=4, tol=0, **options).fit(*course(3))
    np.testing.assert_allclose(model.history_["learning_rate"], [schedule(k) for k in (0, 0, 1, 2, 3)])
    assert model.learning_rate_ == schedule(3)


def test_a_schedule_may_end_at_zero() -> None:
    model = GradientDescentRegressor(learning_rate=lambda epoch: 0.1 * (1 - epoch / 20), max_iter=20, tol=0)
    assert model.fit(*course()).n_iter_ == 20


def test_a_constant_schedule_is_a_number() -> None:
    X, y = course(3)
    schedule = GradientDescentRegressor(learning_rate=Constant(0.2), max_iter=5, tol=0).fit(X, y)
    number = GradientDescentRegressor(learning_rate=0.2, max_iter=5, tol=0).fit(X, y)
    assert schedule.engine_ == number.engine_ == "spectral"
    np.testing.assert_array_equal(schedule.history_.coef, number.history_.coef)
    assert schedule.learning_rate_ == number.learning_rate_ == 0.2


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.int64(1)])
def test_numbers_of_any_kind(rate: Any) -> None:
    model = GradientDescentRegressor(learning_rate=rate, max_iter=5, tol=0).fit(*course(3))
    assert model.engine_ == "spectral"
    assert isinstance(model.learning_rate_, float)
    assert model.learning_rate_ == float(rate)


def test_auto_is_one_over_the_largest_curvature() -> None:
    X, y = real_table()
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(y))])
    largest = np.linalg.eigvalsh(Z.T @ Z / len(y))[-1]
    for method in ("gd", "momentum", "nesterov"):
        assert GradientDescentRegressor(method=method).fit(X, y).learning_rate_ == pytest.approx(1 / largest)
    ridge = GradientDescentRegressor(penalty="l2", alpha=2.0).fit(X, y)
    assert ridge.learning_rate_ == pytest.approx(1 / (largest + 2.0))


def test_auto_does_not_care_about_the_units_of_the_columns() -> None:
    X, y = real_table()
    units = 10.0 ** np.arange(-6, 8, 2)
    for options in ({}, {"method": "adam"}, {"loss": "huber"}):
        plain = GradientDescentRegressor(max_iter=30, tol=0, **options).fit(X, y)
        scaled = GradientDescentRegressor(max_iter=30, tol=0, **options).fit(X * units, y)
        np.testing.assert_allclose(scaled.history_["mse"], plain.history_["mse"], rtol=1e-6)
        np.testing.assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-5)
