"""Rows may lie anywhere: every engine gives through a stream what it gives through arrays, by as few reads."""

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor, SGDRegressor, diagnose, sweep
from downslope.data.arrays import ArraySource
from downslope.descent.settings import Settings
from downslope.exceptions import InputError
from downslope.fitting.preparing import prepare
from downslope.objective.losses import LOSSES, make_loss
from downslope.objective.objective import BlockLoss, ShiftedBlockLoss
from downslope.objective.penalties import make_penalty
from downslope.statistics.coordinates import raw_coordinates
from downslope.statistics.least_squares import solve
from downslope.statistics.moments import SumBlocks, sum_columns
from downslope.statistics.residuals import MeasureResiduals
from downslope.statistics.row_lengths import BlockLengths
from downslope.statistics.sample import SampleRows
from downslope.statistics.triangle import TriangulateRows
from downslope.steps.rules import make_step_rule
from tests.problems import Stream, near_collinear

Array = np.ndarray
REREADS: tuple[Any, ...] = ("dear", "never")


def rows(r2: float = 0.5, n: int = 300, d: int = 3, offset: float = 5.0) -> tuple[Array, Array, Array]:
    """Correlated columns away from zero, and a target with noise such that R² is about this."""
    random = np.random.default_rng(5)
    X = random.normal(size=(n, d)) @ random.normal(size=(d, d)) + offset
    signal = X @ np.arange(1.0, d + 1.0)
    noise = np.sqrt((1.0 / r2 - 1.0) * signal.var()) * random.normal(size=n)
    return X, signal + noise, random.uniform(0.5, 2.0, n)


def fit(X: Any, y: Any = None, weight: Any = None, **options: Any) -> GradientDescentRegressor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GradientDescentRegressor(**options).fit(X, y, weight)


def assert_same(found: GradientDescentRegressor, wanted: GradientDescentRegressor, within: float) -> None:
    assert (found.engine_, found.n_iter_, found.stop_reason_) == (wanted.engine_, wanted.n_iter_, wanted.stop_reason_)
    for column in ("objective", "mse", "gradient_norm"):
        scale = np.nanmax(np.abs(wanted.history_[column]))
        np.testing.assert_allclose(found.history_[column], wanted.history_[column], rtol=0, atol=within * scale)
    np.testing.assert_allclose(found.history_.coef, wanted.history_.coef, atol=within * np.abs(wanted.coef_).max())
    np.testing.assert_allclose(found.intercept_, wanted.intercept_, atol=within * (1 + abs(wanted.intercept_)))


ONE_READ: dict[str, dict[str, Any]] = {
    "spectral": {},
    "momentum": {"method": "momentum"},
    "ridge": {"penalty": "l2", "alpha": 0.1},
    "raw": {"standardize": False, "max_iter": 500},
    "no intercept": {"fit_intercept": False},
    "adam": {"method": "adam", "max_iter": 200},
    "lasso": {"penalty": "l1", "alpha": 0.1},
    "schedule": {"learning_rate": lambda epoch: 0.1 / (1 + epoch), "max_iter": 50},
}


@pytest.mark.parametrize("rereads", REREADS)
@pytest.mark.parametrize("r2", [0.5, 0.9999])
@pytest.mark.parametrize("case", ONE_READ)
def test_the_squared_loss_takes_one_read(case: str, r2: float, rereads: Any) -> None:
    X, y, weight = rows(r2)
    stream = Stream(X, y, weight, rereads=rereads)
    model = fit(stream, **ONE_READ[case])
    assert stream.reads == 1
    assert_same(model, fit(X, y, weight, **ONE_READ[case]), 1e-10)


@pytest.mark.parametrize("loss", LOSSES[1:])
def test_other_losses_read_once_and_go_on_in_memory(loss: str) -> None:
    X, y, weight = rows()
    stream = Stream(X, y, weight, rereads="never")
    options = {"loss": loss, "max_iter": 60}
    assert_same(fit(stream, **options), fit(X, y, weight, **options), 0.0)
    assert stream.reads == 1


@pytest.mark.parametrize("method", ["gd", "adam", "averaged", "saga"])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_mini_batches_too(batch_size: int, method: str) -> None:
    X, y, weight = rows()
    options = {"method": method, "batch_size": batch_size, "max_iter": 5, "tol": 0, "random_state": 3}
    for kind in (np.asarray, scipy.sparse.csr_array):
        stream = Stream(kind(X), y, weight, rereads="never")
        assert_same(fit(stream, **options), fit(kind(X), y, weight, **options), 0.0)
        assert stream.reads == 1


def test_forced_to_visit_rows_it_reads_once() -> None:
    X, y, _ = rows()
    stream = Stream(X, y, rereads="never")
    assert_same(fit(stream, engine="data", max_iter=50), fit(X, y, engine="data", max_iter=50), 0.0)
    assert stream.reads == 1


def test_wide_rows_are_counted_before_they_are_kept() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(20, 1100)), random.normal(size=20)
    stream = Stream(X, y, block_rows=8)
    found, wanted = fit(stream, max_iter=20, tol=0), fit(X, y, max_iter=20, tol=0)
    assert found.engine_ == "data"
    assert stream.reads == 2
    assert_same(found, wanted, 1e-10)


def test_many_rows_of_many_columns_have_statistics_all_the_same() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(1100, 1050)), random.normal(size=1100)
    stream = Stream(X, y, block_rows=512)
    settings = Settings(make_loss("squared_error"), make_penalty("l2", 0.1, 0.0, 1050), make_step_rule("gd"))
    problem = prepare(stream, settings)
    assert problem.engine == "spectral"
    # Columns first, since the rows had not been counted.
    assert stream.reads == 2
    stream = Stream(X, y, rereads="never", block_rows=512)
    assert prepare(stream, settings).engine == "spectral"
    assert stream.reads == 1


@pytest.mark.parametrize("rereads", REREADS)
def test_early_stopping_sets_the_same_rows_aside(rereads: Any) -> None:
    X, y, weight = rows()
    options = {"early_stopping": True, "random_state": 1, "learning_rate": 0.05}
    stream = Stream(X, y, weight, rereads=rereads)
    assert_same(fit(stream, **options), fit(X, y, weight, **options), 0.0)
    assert stream.reads == 1


def test_validation_rows_may_be_a_stream() -> None:
    X, y, _ = rows()
    train, held = Stream(X[100:], y[100:]), Stream(X[:100], y[:100], rereads="never")
    found = GradientDescentRegressor(max_iter=30, tol=0).fit(train, X_val=held)
    wanted = GradientDescentRegressor(max_iter=30, tol=0).fit(X[100:], y[100:], X_val=X[:100], y_val=y[:100])
    np.testing.assert_allclose(found.history_["validation_mse"], wanted.history_["validation_mse"], rtol=1e-10)
    assert (train.reads, held.reads) == (1, 1)


@pytest.mark.parametrize("options", [{}, {"loss": "huber", "batch_size": 50}], ids=["full", "batches"])
def test_a_warm_start_goes_on_with_a_stream(options: dict[str, Any]) -> None:
    X, y, _ = rows()
    settings = {"tol": 0, "random_state": 0, **options}
    parts = GradientDescentRegressor(warm_start=True, max_iter=5, **settings)
    parts.fit(Stream(X, y)).fit(Stream(X, y))
    whole = GradientDescentRegressor(max_iter=10, **settings).fit(X, y)
    np.testing.assert_allclose(parts.history_.coef, whole.history_.coef, rtol=1e-9)


def test_partial_fit_takes_a_block_from_anywhere() -> None:
    X, y, _ = rows()
    found, wanted = (GradientDescentRegressor(batch_size=8, random_state=0) for _ in range(2))
    for part in (slice(0, 150), slice(150, None)):
        stream = Stream(X[part], y[part], rereads="never")
        found.partial_fit(stream, None)
        wanted.partial_fit(X[part], y[part])
        assert stream.reads == 1
    np.testing.assert_array_equal(found.coef_, wanted.coef_)


def test_predictions_of_a_stream_come_in_its_order() -> None:
    X, y, _ = rows()
    model = fit(X, y)
    stream = Stream(X, y, rereads="never")
    np.testing.assert_array_equal(model.predict(stream), model.predict(X))
    assert stream.reads == 1


# ----------------------------------------------------------------------------------- when one read is not enough
def test_nearly_collinear_columns_cost_another_read_or_a_sentence() -> None:
    X, y = near_collinear(1e-7)
    stream = Stream(X, y)
    found, wanted = solve(stream), solve(ArraySource(X, y))
    assert stream.reads >= 2
    np.testing.assert_allclose(found.coef, wanted.coef, rtol=10.0**-found.digits)
    with pytest.raises(InputError, match=r"so nearly collinear .* can be read only once: leave columns out"):
        solve(Stream(X, y, rereads="never"))


def test_first_rows_that_lie_elsewhere_are_a_part_of_the_spread() -> None:
    random = np.random.default_rng(0)
    X = 1e6 + random.normal(size=(300, 1))
    X[:64] = 0.0
    y = X[:, 0] + random.normal(size=300)
    stream = Stream(X, y, rereads="never")
    assert fit(stream).coef_[0] == pytest.approx(fit(X, y).coef_[0], rel=1e-12)
    assert stream.reads == 1


def test_a_centre_that_is_far_off_is_refused_where_rows_are_gone() -> None:
    # Weights make the first rows count for nothing, so that they tell nothing of the spread.
    X = 1e9 + np.random.default_rng(0).normal(size=(300, 2))
    y = X @ [1.0, -1.0] + np.random.default_rng(1).normal(size=300)
    X[:64], weight = 0.0, np.ones(300)
    weight[:64] = 0.0
    stream = Stream(X, y, weight)
    wanted = fit(X[64:], y[64:])
    np.testing.assert_allclose(fit(stream).coef_, wanted.coef_, rtol=1e-5)
    assert stream.reads == 2
    with pytest.raises(InputError, match=r"lie so far from the others .* can be read only once"):
        fit(Stream(X, y, weight, rereads="never"))


# ------------------------------------------------------------------------------------------------- understanding
def test_a_diagnosis_takes_one_read() -> None:
    X, y, weight = rows()
    stream = Stream(X, y, weight, rereads="never", names=("a", "b", "c"))
    found, wanted = diagnose(stream), diagnose(X, y, sample_weight=weight, feature_names=["a", "b", "c"])
    assert stream.reads == 1
    assert found.raw.condition == pytest.approx(wanted.raw.condition, rel=1e-9)
    assert found.outliers.rows == wanted.outliers.rows
    assert [advice.text for advice in found.advice] == [advice.text for advice in wanted.advice]


@pytest.mark.parametrize("options", [{}, {"methods": ("gd", "adam")}, {"loss": "huber"}, {"penalty": "l1"}])
def test_a_sweep_takes_one_read(options: dict[str, Any]) -> None:
    X, y, _ = rows()
    stream, options = Stream(X, y, rereads="never"), {"learning_rates": [0.1, 0.5, 3.0], "max_iter": 50, **options}
    found, wanted = (sweep(*given, **options) for given in ((stream,), (X, y)))
    assert stream.reads == 1
    assert [(run.epochs, run.outcome) for run in found.runs] == [(run.epochs, run.outcome) for run in wanted.runs]


# -------------------------------------------------------------------------------------------------------- refusals
def test_a_target_beside_a_source_is_refused() -> None:
    X, y, weight = rows()
    for given in ({"y": y}, {"sample_weight": weight}):
        with pytest.raises(InputError, match="a source has its own target and weights: give X alone, or arrays"):
            GradientDescentRegressor().fit(Stream(X, y), **given)


def test_rows_that_are_visited_at_random_must_lie_in_memory() -> None:
    X, y, _ = rows()
    with pytest.raises(InputError, match=r"these do not lie in memory: give source.resident\(\), or use Gradient"):
        SGDRegressor().fit(Stream(X, y))
    found = SGDRegressor(random_state=0).fit(Stream(X / 10, y).resident())
    np.testing.assert_array_equal(found.coef_, SGDRegressor(random_state=0).fit(X / 10, y).coef_)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_columns_that_are_not_finite_are_named(bad: float) -> None:
    X, y, _ = rows()
    X[7, 1] = bad
    with pytest.raises(InputError, match=r"NaN or infinity in 'b' \(1 "):
        GradientDescentRegressor().fit(Stream(X, y, names=("a", "b", "c")))


BAD_ROWS: dict[str, tuple[str, float, str]] = {
    "a target that is no number": (
        "y",
        np.nan,
        r"y contains NaN or infinity in 1 of 300 rows \(the first is row 70, counted from 0\)",
    ),
    "an infinite weight": ("weight", np.inf, "sample_weight contains NaN or infinity in 1 of 300 rows"),
    "a negative weight": ("weight", -1.0, "sample_weight is negative in 1 of 300 rows"),
}


@pytest.mark.parametrize("options", [{}, {"loss": "huber"}, {"batch_size": 10}], ids=["moments", "data", "batches"])
@pytest.mark.parametrize("case", BAD_ROWS)
def test_targets_and_weights_of_a_stream_are_looked_at(case: str, options: dict[str, Any]) -> None:
    which, value, told = BAD_ROWS[case]
    X, y, weight = rows()
    {"y": y, "weight": weight}[which][70] = value
    with pytest.raises(InputError, match=told):
        GradientDescentRegressor(**options).fit(Stream(X, y, weight))
    if options.get("batch_size"):
        with pytest.raises(InputError, match=told):
            GradientDescentRegressor(**options).partial_fit(Stream(X, y, weight), None)


def test_names_travel_with_the_rows() -> None:
    X, y, _ = rows()
    model = fit(Stream(X, y, names=("a", "b", "c")))
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.history_.feature_names == ("a", "b", "c")


# ----------------------------------------------------------------------------------------------------------- tasks
D = 20
TASKS: dict[str, Any] = {
    "moments": SumBlocks(np.zeros(D), 0.0),
    "columns": sum_columns,
    "triangle": TriangulateRows(np.zeros(D), np.ones(D), 0.0, 1.0),
    "residuals": MeasureResiduals(np.zeros(D), np.zeros(D), 0.0, True),
    "losses": BlockLoss(make_loss("huber"), np.zeros(D), 0.0),
    "losses about a shift": ShiftedBlockLoss(BlockLoss(make_loss("huber"), np.zeros(D), 0.0), np.zeros(D)),
    "lengths": BlockLengths(raw_coordinates(D, True), True),
    "sample": SampleRows(100),
}


@pytest.mark.parametrize("task", TASKS)
def test_a_task_pickles_and_holds_no_rows(task: str) -> None:
    X, y, weight = rows(n=200, d=D)
    sent = pickle.dumps(TASKS[task])
    assert len(sent) < 200 * D
    with ArraySource(X, y, weight) as source:
        here, there = source.scan(TASKS[task], pickle.loads(sent))
    assert pickle.dumps(here) == pickle.dumps(there)


def test_tasks_that_are_sent_to_blocks_are_values() -> None:
    """Whatever a fit sends to the blocks of its rows pickles, and is small."""
    X, y, weight = rows(n=2000, d=5)
    sent: list[int] = []

    class Watching(ArraySource):
        def scan(self, *tasks: Any) -> tuple[Any, ...]:
            sent.extend(len(pickle.dumps(task)) for task in tasks)
            return super().scan(*tasks)

    source = Watching(X, y, weight)
    for options in ({}, {"loss": "huber", "max_iter": 3}, {"batch_size": 50, "max_iter": 2}, {"standardize": False}):
        fit(source, **options)
    diagnose(source)
    assert len(sent) > 10
    assert max(sent) < 2000
