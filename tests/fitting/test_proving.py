"""How runs end: with a proof, in the solve, and as if the solve had not been made where they go on."""

from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.exceptions import NotConvergedWarning
from tests.problems import real_table

Array = np.ndarray
KINKED: dict[str, dict[str, Any]] = {
    "median": {"loss": "absolute_error"},
    "upper tenth": {"loss": "quantile", "quantile": 0.9},
    "tube": {"loss": "epsilon_insensitive", "epsilon": 2.0},
    "sharp bend": {"loss": "huber", "delta": 1e-3},
}


def table() -> tuple[Array, Array]:
    random = np.random.default_rng(8)
    X = random.normal(size=(300, 4)) @ np.diag([1.0, 5.0, 0.2, 30.0]) + 3.0
    return X, X @ [1.0, -0.3, 2.0, 0.05] + 4.0 + random.standard_t(2, size=300)


@pytest.mark.parametrize("name", KINKED)
def test_the_last_update_is_the_solve(name: str) -> None:
    model = GradientDescentRegressor(**KINKED[name]).fit(*table())
    history = model.history_
    assert history["epoch"].tolist() == list(range(model.n_iter_ + 1))
    assert (model.stop_reason_, "exact solve" in model.engine_.reason) == ("converged", True)
    assert history["objective"][-1] == pytest.approx(model.optimum_.objective, rel=1e-12)
    assert history["objective"][-2] > history["objective"][-1]
    np.testing.assert_array_equal(history.coef[-1], model.coef_)
    # It has no rate of its own.
    assert np.isnan(history["learning_rate"][-1])
    assert model.learning_rate_ == history["learning_rate"][-2]


ASKED: dict[str, dict[str, Any]] = {
    "a rate": {"learning_rate": 0.1, "max_iter": 30},
    "epochs": {"tol": 0, "max_iter": 30},
}


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", KINKED)
def test_who_asks_for_a_rate_or_for_epochs_gets_those_with_their_gap(name: str, asked: str) -> None:
    model = GradientDescentRegressor(**KINKED[name], **ASKED[asked]).fit(*table())
    exact = GradientDescentRegressor(**KINKED[name]).fit(*table()).optimum_.objective
    assert "exact solve" not in model.engine_.reason
    assert model.n_iter_ == 30
    objective = float(np.min(model.history_["objective"]))
    true = (objective if model.restored_epoch_ is not None else model.history_["objective"][-1]) - exact
    assert model.gap_ == pytest.approx(true, rel=1e-9, abs=1e-12)


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_no_more_updates_are_made_than_allowed(epochs: int) -> None:
    model = GradientDescentRegressor(loss="absolute_error", max_iter=epochs).fit(*table())
    assert model.n_iter_ == epochs
    assert "exact solve" in model.engine_.reason


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("name", KINKED)
def test_a_warm_start_goes_on_from_before_the_solve(name: str) -> None:
    X, y = table()
    model = GradientDescentRegressor(**KINKED[name], max_iter=4, warm_start=True).fit(X, y)
    model.set_params(max_iter=5).fit(X, y)
    whole = GradientDescentRegressor(**KINKED[name], max_iter=model.n_iter_).fit(X, y)
    assert model.history_["epoch"].tolist() == whole.history_["epoch"].tolist()
    np.testing.assert_array_equal(model.history_.coef[:-1], whole.history_.coef[:-1])
    np.testing.assert_allclose(model.coef_, whole.coef_, rtol=1e-9)


def test_every_record_is_told_once() -> None:
    for options in ({"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "huber", "penalty": "l1", "alpha": 0.01}):
        heard: list[int] = []
        model = GradientDescentRegressor(**options, callbacks=lambda record, heard=heard: heard.append(record.epoch))
        model.fit(*table())
        assert heard == model.history_["epoch"].tolist()


@pytest.mark.parametrize("loss", ["huber", "squared_epsilon_insensitive"])
def test_a_smooth_loss_descends_to_its_bound(loss: str) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(loss=loss, tol=1e-10).fit(X, y)
    assert model.stop_reason_ == "converged"
    assert "exact solve" not in model.engine_.reason
    start = model.history_["objective"][0]
    assert 0 <= model.gap_ <= 1e-10 * (start - model.optimum_.objective)
    assert model.gap_ == pytest.approx(model.history_["objective"][-1] - model.optimum_.objective, abs=1e-13 * start)


def test_a_small_gradient_is_no_convergence() -> None:
    """Columns so nearly alike that a millionth of the largest gradient is met far from the minimum."""
    random = np.random.default_rng(3)
    X = random.normal(size=(400, 2))
    X[:, 1] = X[:, 0] + 1e-4 * X[:, 1]
    y = X @ [3.0, -2.0] + 1e-5 * random.normal(size=400)
    loss = {"loss": "squared_epsilon_insensitive", "epsilon": 1e-7}
    with pytest.warns(NotConvergedWarning, match=r"no parameter is more than \d\S+ of its standard errors"):
        model = GradientDescentRegressor(**loss, method="gd", tol=1e-3, max_iter=300).fit(X, y)
    assert model.stop_reason_ == "max_iter"
    # The gradient alone had been enough long before.
    assert np.sum(model.history_["gradient_norm"] <= 1e-3 * model.history_["gradient_norm"].max()) > 100


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
def test_wide_rows_have_a_bound_from_their_slopes() -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(30, 2_100))
    y = X[:, 0] + random.normal(size=30)
    model = GradientDescentRegressor(loss="huber", penalty="l2", alpha=0.5, tol=1e-6).fit(X, y)
    assert model.optimum_ is None
    assert model.stop_reason_ == "converged"
    # By duality in numpy: slopes at the end, shrunk to add up to nothing.
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    residual = model.predict(X) - y
    a = np.clip(residual, -1.35, 1.35)
    a -= a.mean()
    bound = -(a @ y + 0.5 * a @ a) / 30 - (Z.T @ a / 30) @ (Z.T @ a / 30) / (2 * 0.5)
    assert model.history_["objective"][-1] - bound <= 2e-5 * model.history_["objective"][0]
    assert model.gap_ <= 1e-6 * model.history_["objective"][0] * 1.01


def test_an_interrupt_of_the_proof_keeps_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    X, y = table()
    monkeypatch.setattr("downslope.fitting.proving.prove", interrupt)
    model = GradientDescentRegressor(loss="absolute_error")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert (model.stop_reason_, model.gap_) == ("interrupted", None)
    assert model.history_["objective"][-1] < model.history_["objective"][0]
    assert np.all(np.isfinite(model.predict(X)))


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
def test_a_history_in_two_parts_is_no_longer_than_one_may_be() -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(80, 2))
    X[:, 1] = X[:, 0] + 1e-3 * X[:, 1]
    y = X @ [3.0, -2.0] + 0.1 * random.normal(size=80)
    options = {"loss": "squared_epsilon_insensitive", "epsilon": 1e-3, "method": "gd", "tol": 1e-9}
    model = GradientDescentRegressor(**options, max_iter=40_000).fit(X, y)
    assert len(model.history_) <= 10_001
    assert model.history_["epoch"][-1] == model.n_iter_
    assert np.all(np.diff(model.history_["epoch"]) > 0)
