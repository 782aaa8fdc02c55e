"""Who listens to a descent: callables, and scikit-learn's callbacks."""

import importlib.util
import sys
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV

from downslope import GradientDescentRegressor
from downslope.descent.history import Record
from tests.problems import course, real_table

Array = np.ndarray
sklearn_callbacks = pytest.importorskip("sklearn.callback")
# One for each engine.
ENGINES: dict[str, dict[str, Any]] = {
    "spectral": {},
    "moments": {"method": "adam"},
    "data": {"loss": "huber"},
}
each_engine = pytest.mark.parametrize("engine", ENGINES)


def regressor(engine: str, **options: Any) -> GradientDescentRegressor:
    return GradientDescentRegressor(**ENGINES[engine], **options)


# ------------------------------------------------------------------------------------------------------ callables
@each_engine
def test_every_record_is_heard(engine: str) -> None:
    X, y = real_table()
    heard: list[Record] = []
    model = regressor(engine, max_iter=30, tol=0, callbacks=heard.append).fit(X, y, X_val=X[:50], y_val=y[:50])
    history = model.history_
    assert model.engine_ == engine
    assert [record.epoch for record in heard] == history["epoch"].tolist()
    assert all(type(record.epoch) is int for record in heard)
    for column in ("objective", "mse", "gradient_norm", "learning_rate", "validation_mse"):
        found = np.array([getattr(record, column) for record in heard])
        np.testing.assert_allclose(found, history[column], rtol=1e-12, err_msg=column)
    np.testing.assert_allclose([record.coef for record in heard], history.coef, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose([record.intercept for record in heard], history.intercept, rtol=1e-12)
    assert all(np.diff([record.seconds for record in heard]) >= 0)


@each_engine
def test_listening_changes_nothing(engine: str) -> None:
    X, y = real_table()
    heard = regressor(engine, callbacks=[lambda record: None]).fit(X, y)
    unheard = regressor(engine).fit(X, y)
    assert (heard.n_iter_, heard.stop_reason_) == (unheard.n_iter_, unheard.stop_reason_)
    np.testing.assert_array_equal(heard.history_.coef, unheard.history_.coef)
    assert np.isnan(heard.history_["objective"]).sum() == 0
    assert "validation_mse" not in heard.history_


@each_engine
def test_without_validation_rows_there_is_no_validation_error(engine: str) -> None:
    heard: list[Record] = []
    regressor(engine, max_iter=2, tol=0, callbacks=[heard.append]).fit(*course())
    assert [record.validation_mse for record in heard] == [None] * 3


@each_engine
@pytest.mark.parametrize("answer", [True, np.True_, 1])
def test_a_true_answer_stops(engine: str, answer: Any) -> None:
    asked: list[int] = []

    def until_seven(record: Record) -> Any:
        return answer if record.epoch == 7 else None

    model = regressor(engine, callbacks=[until_seven, lambda record: asked.append(record.epoch)]).fit(*real_table())
    assert (model.n_iter_, model.stop_reason_) == (7, "callback")
    assert model.stop_message_.startswith("A callback stopped the run at epoch 7; the ")
    assert str(model.stop_reason_) == "A callback asked to stop."
    # All callbacks hear of the last epoch, whichever of them stops the run.
    assert asked == list(range(8))
    np.testing.assert_array_equal(model.coef_, model.history_.coef[-1])


@each_engine
def test_a_stop_at_the_start_leaves_the_start(engine: str) -> None:
    model = regressor(engine, callbacks=lambda record: True, init=([0.5], 2.0)).fit(*course())
    assert (model.n_iter_, len(model.history_), model.stop_reason_) == (0, 1, "callback")
    np.testing.assert_allclose([*model.coef_, model.intercept_], [0.5, 2.0], rtol=1e-14)


def test_a_rule_that_fires_at_the_same_epoch_comes_first() -> None:
    model = GradientDescentRegressor(max_iter=4, tol=0, callbacks=lambda record: record.epoch == 4).fit(*course())
    assert (model.n_iter_, model.stop_reason_) == (4, "max_iter")


@each_engine
def test_an_exception_passes_through_and_the_estimator_stays_as_it_was(engine: str) -> None:
    X, y = real_table()

    def fail(record: Record) -> None:
        if record.epoch == 3:
            raise RuntimeError("the disk is full")

    model = regressor(engine).fit(X, y)
    before, threads = model.predict(X), threading.active_count()
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.set_params(callbacks=fail).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), before)
    assert threading.active_count() == threads


def test_a_callback_may_keep_what_it_hears() -> None:
    kept: list[Array] = []
    model = GradientDescentRegressor(
        method="adam", max_iter=5, tol=0, callbacks=lambda record: kept.append(record.coef)
    )
    model.fit(*course(3))
    np.testing.assert_array_equal(kept, model.history_.coef)


# --------------------------------------------------------------------------------- scikit-learn's callback protocol
class Scribe:
    """A callback as scikit-learn asks for it, which stops after some epochs and writes down everything."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.told: list[str] = []
        self.fitted: list[GradientDescentRegressor] = []
        self.rows: list[tuple[Any, Any]] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.told.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, y: Any = None, fitted_estimator: Any = None
    ) -> bool:
        self.told.append(f"end {context.task_name}")
        if context.task_name != "fit":
            self.fitted.append(fitted_estimator)
            self.rows.append((X, y))
        return self.stop_after is not None and context.task_name == f"epoch {self.stop_after}"


@each_engine
def test_the_protocol_is_told_of_every_epoch(engine: str) -> None:
    X, y = real_table()
    scribe = Scribe()
    model = regressor(engine, max_iter=3, tol=0).set_callbacks(scribe).fit(X, y)
    epochs = [f"{what} epoch {k}" for k in range(4) for what in ("begin", "end")]
    assert scribe.told == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert all(rows[0] is X and rows[1] is y for rows in scribe.rows)
    for k, fitted in enumerate(scribe.fitted):
        assert fitted.n_iter_ == k
        expected = X @ model.history_.coef[k] + model.history_.intercept[k]
        np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-12)
    assert not hasattr(model, "_callback_fit_ctx")


@each_engine
def test_the_protocol_can_stop_a_run(engine: str) -> None:
    model = regressor(engine).set_callbacks(Scribe(stop_after=4)).fit(*real_table())
    assert (model.n_iter_, model.stop_reason_) == (4, "callback")


def test_the_protocol_is_wound_up_after_an_exception() -> None:
    def fail(record: Record) -> None:
        raise RuntimeError("no")

    scribe = Scribe()
    with pytest.raises(RuntimeError, match="no"):
        GradientDescentRegressor(callbacks=fail).set_callbacks(scribe).fit(*course())
    assert scribe.told[0] == "setup"
    assert scribe.told[-1] == "teardown"


def test_scikit_learns_own_monitor_sees_the_score_rise() -> None:
    X, y = real_table()
    monitor = sklearn_callbacks.ScoringMonitor(scoring="r2")
    model = GradientDescentRegressor(max_iter=20, tol=0).set_callbacks(monitor).fit(X, y)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"].startswith("epoch")]
    expected = 1 - model.history_["mse"] / y.var()
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_the_protocol_hands_out_estimators_that_know_the_columns() -> None:
    X, y = course(2)
    rows = pd.DataFrame(X, columns=["km", "kg"])
    scribe = Scribe()
    GradientDescentRegressor(max_iter=2, tol=0).set_callbacks(scribe).fit(rows, y)
    for fitted in scribe.fitted:
        assert fitted.feature_names_in_.tolist() == ["km", "kg"]
        assert fitted.predict(rows).shape == (100,)


def test_scikit_learns_own_progress_bar_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    model = GradientDescentRegressor(max_iter=20, tol=0).set_callbacks(sklearn_callbacks.ProgressBar())
    assert model.fit(*course()).n_iter_ == 20
    assert "GradientDescentRegressor" in capsys.readouterr().out


def test_callbacks_reach_the_estimators_of_a_search() -> None:
    X, y = course(3)
    monitor = sklearn_callbacks.ScoringMonitor(scoring="r2")
    inner = GradientDescentRegressor(max_iter=2, tol=0).set_callbacks(monitor)
    GridSearchCV(inner, {"method": ["gd", "nesterov"]}, cv=2, refit=False).fit(X, y)
    # The start and two epochs of each of two methods on two folds.
    told = [row["task_name"] for row in monitor.get_logs().data if row["task_name"].startswith("epoch")]
    assert sorted(told) == sorted(["epoch 0", "epoch 1", "epoch 2"] * 4)


def test_before_scikit_learn_had_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.find_spec("downslope.monitor.callbacks")
    older = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(older)

    class Estimator(older.CallbackSupportMixin):
        @older.with_callbacks
        def fit(self) -> str:
            return "fitted"

    assert Estimator().fit() == "fitted"
    assert older.ScikitLearnCallbacks.begin(Estimator(), None, None) is None
