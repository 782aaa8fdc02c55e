"""The loop: every record is the state it belongs to, rules are asked in time, and nothing that was made is lost."""

from typing import Any

import numpy as np
import pytest

from downslope.data.arrays import ArraySource
from downslope.descent.history import most_records
from downslope.descent.loop import Outcome, Row, Task, descend, norm
from downslope.descent.stopping import Stopping
from downslope.objective.losses import make_loss
from downslope.objective.objective import Evaluation, QuadraticObjective, RowsObjective
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import raw_coordinates
from downslope.statistics.least_squares import solve
from downslope.statistics.quadratic import half_mean_squared_error
from downslope.steps.measured_rates import FallingRate, MeasuredRate
from downslope.steps.rules import Averaged, HeavyBall, Plain, make_step_rule
from downslope.steps.schedules import Constant, Scheduled
from tests.problems import course

Array = np.ndarray
X, Y = course(2, n_samples=50)
DESIGN = np.column_stack([X, np.ones(50)])
RATE, START = 0.4, np.array([0.5, -0.5, 1.0])


def objective(l1: float = 0.0) -> QuadraticObjective:
    smooth = half_mean_squared_error(solve(ArraySource(X, Y)), raw_coordinates(2, True)).decompose().to_quadratic()
    return QuadraticObjective(smooth, smooth, Penalty(l1, 0.0, 2))


def task(stopping: Stopping, **parts: Any) -> Task:
    given = {"objective": objective(), "rule": Plain(), "rates": Scheduled(Constant(RATE)), **parts}
    return Task(stopping=stopping, mapping_step=RATE, means=X.mean(axis=0), **given)


def run(stopping: Stopping, **parts: Any) -> Outcome:
    made = task(stopping, **parts)
    return descend(made, made.start(START))


def by_hand(epochs: int) -> tuple[Array, Array]:
    """The course's loop: parameters and mean squared errors of epochs 0 … epochs."""
    path, errors, place = [], [], START
    for _ in range(epochs + 1):
        residual = DESIGN @ place - Y
        path.append(place)
        errors.append(np.mean(residual**2))
        place = place - RATE * DESIGN.T @ residual / 50
    return np.array(path), np.array(errors)


def column(outcome: Outcome, name: str) -> Array:
    return outcome.rows[:, Row._fields.index(name)]


# ------------------------------------------------------------------------------------------------------- records
def test_every_record_is_the_state_after_so_many_updates() -> None:
    outcome = run(Stopping(last_epoch=30))
    path, errors = by_hand(30)
    assert outcome.reason == "max_iter"
    assert column(outcome, "epoch").tolist() == list(range(31))
    np.testing.assert_allclose(outcome.parameters, path, rtol=1e-12)
    np.testing.assert_allclose(column(outcome, "mse"), errors, rtol=1e-12)
    np.testing.assert_allclose(column(outcome, "objective"), errors / 2, rtol=1e-12)
    slopes = np.array([np.linalg.norm(DESIGN.T @ (DESIGN @ place - Y) / 50) for place in path])
    np.testing.assert_allclose(column(outcome, "gradient_norm"), slopes, rtol=1e-11)
    assert (np.diff(column(outcome, "seconds")) >= 0).all()
    assert np.isnan(column(outcome, "validation_mse")).all()
    np.testing.assert_array_equal(outcome.state.parameters, outcome.parameters[-1])
    assert outcome.state.epoch == 30


def test_the_rate_of_a_record_is_that_of_the_update_that_led_there() -> None:
    rates = [0.5, 0.4, 0.3, 0.2]
    outcome = run(Stopping(last_epoch=4), rates=Scheduled(rates.__getitem__))
    assert column(outcome, "learning_rate").tolist() == [0.5, 0.5, 0.4, 0.3, 0.2]


@pytest.mark.parametrize("n_epochs", [0, 1, 5])
def test_no_update_is_made_that_the_limit_does_not_allow(n_epochs: int) -> None:
    outcome = run(Stopping(last_epoch=n_epochs))
    assert len(outcome.rows) == len(outcome.parameters) == n_epochs + 1


def test_the_error_is_looked_at_before_the_next_update() -> None:
    _, errors = by_hand(100)
    outcome = run(Stopping(last_epoch=100, stop_below=float(errors[17])))
    assert outcome.reason == "stop_below"
    assert outcome.rows[-1, 0] == 18


def test_a_long_run_keeps_no_more_records_than_a_history_may_hold() -> None:
    outcome = run(Stopping(last_epoch=12_000))
    assert len(outcome.rows) == len(outcome.parameters) < most_records(3)
    assert (outcome.rows[0, 0], outcome.rows[-1, 0]) == (0, 12_000)


def test_under_l1_the_mapping_is_recorded() -> None:
    outcome = run(Stopping(last_epoch=3), objective=objective(l1=0.1))
    place = outcome.parameters[2]
    step = place - RATE * DESIGN.T @ (DESIGN @ place - Y) / 50
    step[:2] = np.sign(step[:2]) * np.maximum(np.abs(step[:2]) - RATE * 0.1, 0.0)
    assert column(outcome, "gradient_norm")[2] == pytest.approx(np.linalg.norm(place - step) / RATE, rel=1e-12)


# ----------------------------------------------------------------------------------------------- best, validation
def test_the_best_record_is_the_lowest_objective() -> None:
    outcome = run(Stopping(last_epoch=60), rule=HeavyBall(0.99))
    objectives = column(outcome, "objective")
    assert 0 < outcome.best.epoch < 60
    assert outcome.best.epoch == np.argmin(objectives)
    assert outcome.best.score == objectives.min()
    np.testing.assert_array_equal(outcome.best.parameters, outcome.parameters[outcome.best.epoch])


@pytest.mark.parametrize(("patience", "best"), [(None, 50), (4, 10)], ids=["watched", "deciding"])
def test_validation_decides_only_where_it_may_stop_the_run(patience: int | None, best: int) -> None:
    seen = iter(range(1000))

    def validation(parameters: Array) -> float:
        """Falls for ten epochs, then rises."""
        return 1.0 + abs(next(seen) - 10)

    outcome = run(Stopping(last_epoch=50, patience=patience), validation=validation)
    assert outcome.best.epoch == best
    if patience is None:
        assert outcome.reason == "max_iter"
    else:
        assert outcome.reason == "no_improvement"
        assert outcome.rows[-1, 0] == 14
    np.testing.assert_array_equal(column(outcome, "validation_mse")[:12], [*range(11, 0, -1), 2])


# --------------------------------------------------------------------------------------------- listeners, interrupts
def test_a_listener_hears_every_record_and_may_stop() -> None:
    heard: list[tuple[Row, Array]] = []

    def listen(row: Row, parameters: Array) -> bool:
        heard.append((row, parameters))
        return row.epoch == 6

    outcome = run(Stopping(last_epoch=50), listener=listen)
    assert outcome.reason == "callback"
    np.testing.assert_array_equal([row for row, _ in heard], outcome.rows)
    np.testing.assert_array_equal([parameters for _, parameters in heard], outcome.parameters)
    assert len(heard) == 7


def test_a_rule_that_fires_has_precedence_over_a_listener() -> None:
    outcome = run(Stopping(last_epoch=3), listener=lambda row, parameters: row.epoch == 3)
    assert outcome.reason == "max_iter"


class Interrupted(QuadraticObjective):
    """Is interrupted in its n-th evaluation."""

    calls = 0
    at = 0

    def value_and_gradient(self, parameters: Array) -> Evaluation:
        type(self).calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return super().value_and_gradient(parameters)


def interrupted(at: int) -> Interrupted:
    kind = type("InterruptedThere", (Interrupted,), {"at": at})
    given = objective()
    return kind(given.smooth, given.half_mse, given.penalty)


def test_an_interrupt_keeps_all_records_so_far() -> None:
    outcome = run(Stopping(last_epoch=50), objective=interrupted(at=9))
    path, _ = by_hand(7)
    assert outcome.reason == "interrupted"
    np.testing.assert_allclose(outcome.parameters, path, rtol=1e-12)
    assert len(outcome.rows) == 8


def test_an_interrupt_in_a_listener_keeps_its_record() -> None:
    def listen(row: Row, parameters: Array) -> bool:
        if row.epoch == 4:
            raise KeyboardInterrupt
        return False

    outcome = run(Stopping(last_epoch=50), listener=listen)
    assert outcome.reason == "interrupted"
    assert outcome.rows[-1, 0] == 4


def test_an_interrupt_before_there_is_anything_to_keep_is_raised() -> None:
    with pytest.raises(KeyboardInterrupt):
        run(Stopping(last_epoch=50), objective=interrupted(at=1))


# ------------------------------------------------------------------------------------------------------- averaging
def test_an_average_is_recorded_with_its_own_error() -> None:
    outcome = run(Stopping(last_epoch=20), rule=Averaged(Plain()))
    path, _ = by_hand(20)
    means = np.vstack([path[:1], np.cumsum(path[1:], axis=0) / np.arange(1, 21)[:, None]])
    np.testing.assert_allclose(outcome.parameters, means, rtol=1e-12)
    np.testing.assert_allclose(column(outcome, "mse"), np.mean((means @ DESIGN.T - Y) ** 2, axis=1), rtol=1e-11)
    # The descent itself goes on from the last place, not from the mean.
    np.testing.assert_allclose(outcome.state.parameters, path[-1], rtol=1e-12)


# ---------------------------------------------------------------------------------------------------- continuation
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "adam", "averaged"])
@pytest.mark.parametrize(
    "rates",
    [Scheduled(lambda epoch: 0.4 / (1 + epoch / 7)), MeasuredRate(0.1), FallingRate(0.1)],
    ids=["scheduled", "measured", "falling"],
)
def test_a_run_in_two_parts_is_the_run_in_one(method: str, rates: Any) -> None:
    rule = make_step_rule(method)
    whole = run(Stopping(last_epoch=40), rule=rule, rates=rates)
    first = run(Stopping(last_epoch=15), rule=rule, rates=rates)
    second = descend(task(Stopping(last_epoch=40), rule=rule, rates=rates), first.state)
    np.testing.assert_array_equal(second.rows[:, 0], np.arange(15, 41))
    np.testing.assert_array_equal(np.vstack([first.parameters[:-1], second.parameters]), whole.parameters)


# -------------------------------------------------------------------------------------------- smoothing on the way
def test_a_kinked_loss_is_smoothed_less_on_the_way_down() -> None:
    rows = RowsObjective(
        ArraySource(X, Y),
        50.0,
        raw_coordinates(2, True),
        make_loss("absolute_error"),
        Penalty(0.0, 0.0, 2),
        smoothing=True,
    )
    used: list[float] = []

    class Watched(RowsObjective):
        def value_and_gradient(self, parameters: Array) -> Evaluation:
            used.append(self.loss.smoothing)
            return super().value_and_gradient(parameters)

    outcome = run(Stopping(last_epoch=30), objective=Watched(**vars(rows)), rates=Scheduled(Constant(0.05)))
    lowest = np.minimum.accumulate(column(outcome, "objective"))
    np.testing.assert_allclose(used[1:], 2e-3 * lowest[:-1], rtol=1e-14)


# -------------------------------------------------------------------------------------------------------- measures
@pytest.mark.parametrize(
    ("vector", "length"),
    [
        ([3.0, 4.0], 5.0),
        ([3e200, 4e200], 5e200),
        ([3e-200, 4e-200], 5e-200),
        ([0.0], 0.0),
        ([], 0.0),
        ([np.inf], np.inf),
    ],
)
def test_a_length_does_not_overflow(vector: list[float], length: float) -> None:
    assert norm(np.array(vector)) == pytest.approx(length, rel=1e-15)


def test_a_length_that_is_no_number() -> None:
    assert np.isnan(norm(np.array([1.0, np.nan])))


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_of_the_coefficients_is_that_at_the_best_intercept(fit_intercept: bool) -> None:
    """Seen from the coefficients the intercept follows: their gradient is that of centred columns."""
    made = task(Stopping(last_epoch=1))
    residual = DESIGN @ START - Y
    gradient = DESIGN.T @ residual / 50
    if fit_intercept:
        expected = (X - X.mean(axis=0)).T @ (residual - residual.mean()) / 50
        assert made.norms(START, gradient)[1] == pytest.approx(np.linalg.norm(expected), rel=1e-12)
    else:
        assert made.norms(START[:2], gradient[:2])[1] == pytest.approx(np.linalg.norm(gradient[:2]), rel=1e-15)


@pytest.mark.parametrize(("reason", "rule"), [("diverged", {"explode_above": 1e6}), ("max_iter", {})])
def test_a_rate_that_is_too_large(reason: str, rule: dict[str, float]) -> None:
    outcome = run(Stopping(last_epoch=40, **rule), rates=Scheduled(Constant(10.0)))
    assert outcome.reason == reason
    assert outcome.best.epoch == 0
