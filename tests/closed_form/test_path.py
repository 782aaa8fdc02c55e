"""The closed form against the plain loop: every epoch, every rule, where roots meet and where nothing moves."""

import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from downslope.closed_form.path import ClosedForm, descend_spectrum, measure_epochs, powers, single_power, step_matrices
from downslope.data.arrays import ArraySource
from downslope.descent.history import kept_epochs, most_records
from downslope.descent.loop import Outcome, Row, State, Task, descend
from downslope.descent.stopping import Stopping, StopReason
from downslope.objective.objective import QuadraticObjective
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import raw_coordinates, standard_coordinates
from downslope.statistics.least_squares import solve
from downslope.statistics.quadratic import Quadratic, Spectrum, add_ridge, half_mean_squared_error
from downslope.steps.rules import HeavyBall, Nesterov, Plain, StepRule
from downslope.steps.schedules import Constant, Scheduled
from tests.problems import collinear, course, graded

Array = np.ndarray
RULES: dict[str, StepRule] = {
    "plain": Plain(),
    "heavy ball": HeavyBall(0.9),
    "Nesterov": Nesterov(0.9),
    "heavy ball 0": HeavyBall(0.0),
}
rule_of = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


# -------------------------------------------------------------------------------------------------- one direction
def scalar_loop(rule: StepRule, h: float, epochs: int, velocity: float = 0.0) -> Array:
    """(ρ, v/s, D) of ½ρ² with curvature 1 and rate h, by the recurrences, number by number."""
    rho, v, moved = np.longdouble(1), np.longdouble(velocity), np.longdouble(0)
    h, path = np.longdouble(h), []
    beta = np.longdouble(getattr(rule, "momentum", 0.0))
    for _ in range(epochs + 1):
        path.append((rho, v, moved))
        gradient = rho
        v = beta * v + gradient
        step = gradient + beta * v if isinstance(rule, Nesterov) else v
        rho, moved = rho - h * step, moved + step
    return np.array(path).astype(float).T


@rule_of
@pytest.mark.parametrize("share", [0.0, 1e-12, 1e-3, 0.3, 0.99, 1.0, 1.01])
@pytest.mark.parametrize("velocity", [0.0, 2.0])
def test_powers_are_the_recurrence(rule: StepRule, share: float, velocity: float) -> None:
    h = share * rule.stable_product
    start = np.array([[1.0], [velocity], [0.0]])
    states = powers(step_matrices(rule, np.array([h])), start, np.arange(301))
    known = scalar_loop(rule, h, 300, velocity)
    size = np.maximum.accumulate(np.maximum(np.abs(known), 1.0), axis=1)
    np.testing.assert_allclose(states[:, :, 0] / size, known / size, atol=1e-11)


@pytest.mark.parametrize("beta", [0.25, 0.81, 0.99])
@pytest.mark.parametrize("side", [-1e-9, 0.0, 1e-9])
def test_powers_are_exact_where_roots_meet(beta: float, side: float) -> None:
    """Critical damping, h = (1 ± √β)²: the two roots are one, and formulas by roots divide zero by zero."""
    for h in ((1 - np.sqrt(beta)) ** 2, (1 + np.sqrt(beta)) ** 2):
        rule = HeavyBall(beta)
        states = powers(step_matrices(rule, np.array([h + side])), np.eye(3)[0][:, None], np.arange(201))
        known = scalar_loop(rule, h + side, 200)
        np.testing.assert_allclose(states[0, :, 0], known[0], atol=1e-10 * np.abs(known[0]).max())


@pytest.mark.parametrize("last", [0, 63, 64, 1000])
def test_chunks_are_all_epochs_in_order(last: int) -> None:
    system = add_ridge(
        half_mean_squared_error(solve(ArraySource(*graded(3, decades=0.0))), raw_coordinates(3, True)), 0.0, 3
    )
    path = ClosedForm(system.decompose(), None, HeavyBall(0.5), 0.1, np.ones(4))
    firsts, states = zip(*path.chunks(last), strict=True)
    assert list(firsts) == np.cumsum([0, *(part.shape[1] for part in states[:-1])]).tolist()
    whole = powers(path.matrices, path.start, np.arange(last + 1))
    np.testing.assert_allclose(np.concatenate(states, axis=1), whole, rtol=1e-9, atol=1e-12)


@settings(max_examples=30)
@example(h=0.1, beta=0.0, kind=HeavyBall, epochs=[0, 1, 2, 128, 130, 131])
@given(
    h=st.floats(0, 2.5),
    beta=st.floats(0, 0.999),
    kind=st.sampled_from([HeavyBall, Nesterov]),
    epochs=st.lists(st.integers(1, 200), max_size=9).map(lambda given: sorted({0, *given})),
)
def test_powers_of_any_epochs_in_any_gaps(h: float, beta: float, kind: type, epochs: list[int]) -> None:
    rule = kind(beta)
    matrices, start = step_matrices(rule, np.array([h, h / 2])), np.array([[1.0, 1.0], [0.5, 0.5], [0.0, 0.0]])
    states = powers(matrices, start, np.array(epochs))
    one_by_one = scalar_loop(rule, h, epochs[-1], 0.5)
    size = np.maximum.accumulate(np.maximum(np.abs(one_by_one), 1.0), axis=1)[:, epochs]
    np.testing.assert_allclose(states[:, :, 0] / size, one_by_one[:, epochs] / size, atol=1e-9)
    for k, epoch in enumerate(epochs):
        np.testing.assert_allclose(states[:, k], single_power(matrices, start, epoch), rtol=1e-9, atol=1e-300)


def test_a_million_epochs_of_almost_no_curvature() -> None:
    """At h = 10⁻¹² the rounding of 1 - h counts a million times; the path, which 1 - ρ would have lost, is there."""
    h, k = 1e-12, 10**6
    rho, _, path = single_power(step_matrices(Plain(), np.array([h])), np.eye(3)[0][:, None], k)[:, 0]
    assert rho == pytest.approx(np.exp(k * np.log1p(-h)), rel=1e-10)
    assert path == pytest.approx(-np.expm1(k * np.log1p(-h)) / h, rel=1e-9)


@rule_of
def test_at_the_limit_itself_the_excess_stays_bounded_and_beyond_it_does_not(rule: StepRule) -> None:
    parabola = Spectrum(np.ones(1), np.eye(1), np.zeros(1), 0.0, 0)
    for share, bounded in ((1 - 3e-5, True), (1.0, True), (1 + 3e-5, False)):
        path = ClosedForm(parabola, None, rule, share * rule.stable_product, np.ones(1))
        far = single_power(path.matrices, path.start, 10**5)
        assert path.stable == bounded
        assert (path.excess(far[:, None]).item() < 1000.0) == bounded


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_the_gradient_norm_neither_overflows_nor_underflows(size: float) -> None:
    singular = np.array([3.0, 0.5])
    path = ClosedForm(Spectrum(singular, np.eye(2), np.zeros(2), 0.0, 0), None, Plain(), 0.1, np.zeros(2))
    residuals = size * np.array([[0.01, -0.04], [0.3, 0.0], [0.0, 0.0]])
    seen = measure_epochs(path, np.stack([residuals, residuals, residuals]), None)
    known = [math.hypot(*(residual * singular)) for residual in residuals]
    np.testing.assert_allclose(seen.gradient_norm, known, rtol=1e-14)


# ------------------------------------------------------------------------------------------------- whole problems
def prepared(
    rows: Any, rule: StepRule, stopping: Stopping, *, share: float = 0.5, l2: float = 0.0, **options: Any
) -> tuple[Task, ClosedForm, State]:
    """One problem for both: by the loop over its statistics, and in closed form."""
    X, y = rows
    d, fit_intercept = X.shape[1], options.pop("fit_intercept", True)
    problem = solve(ArraySource(X, y))
    coordinates = (
        raw_coordinates(d, fit_intercept)
        if options.pop("raw", False)
        else standard_coordinates(problem.moments.mean, problem.spread, fit_intercept)
    )
    half_mse = half_mean_squared_error(problem, coordinates)
    spectrum = add_ridge(half_mse, l2, d).decompose()
    rate = share * rule.stable_product / spectrum.largest
    smooth = spectrum.to_quadratic()
    objective = QuadraticObjective(smooth, half_mse if l2 else smooth, Penalty(0.0, l2, d))
    means = (problem.moments.mean - coordinates.shift) * coordinates.inverse_scale
    task = Task(objective, rule, Scheduled(Constant(rate)), stopping, rate, means, **options)
    state = task.start(np.random.default_rng(4).normal(size=coordinates.n_parameters))
    return task, ClosedForm(spectrum, half_mse if l2 else None, rule, rate, state.parameters), state


def compare(closed: Outcome, loop: Outcome, tolerance: float = 1e-9) -> None:
    """The same records, to rounding relative to the largest number of each column."""
    assert closed.reason == loop.reason
    np.testing.assert_array_equal(closed.rows[:, 0], loop.rows[:, 0])
    for k, name in enumerate(Row._fields):
        if name != "seconds":
            size = np.nanmax(np.abs(loop.rows[:, k]), initial=1e-300)
            np.testing.assert_allclose(closed.rows[:, k], loop.rows[:, k], atol=tolerance * size, err_msg=name)
    size = np.abs(loop.parameters).max(axis=0)
    assert np.all(np.abs(closed.parameters - loop.parameters) <= tolerance * size)
    np.testing.assert_array_equal(closed.state.parameters, closed.parameters[-1])
    assert closed.state.epoch == loop.state.epoch


@rule_of
@pytest.mark.parametrize("rows", [course(3), graded(decades=6.0), collinear()], ids=["course", "graded", "collinear"])
@pytest.mark.parametrize(
    "options",
    [{}, {"raw": True}, {"fit_intercept": False}, {"l2": 0.1}, {"share": 1.0}, {"share": 1.02}],
    ids=["plain", "raw", "no intercept", "L2", "at the limit", "beyond the limit"],
)
def test_every_epoch_is_that_of_the_loop(rule: StepRule, rows: Any, options: dict[str, Any]) -> None:
    task, path, state = prepared(rows, rule, Stopping(last_epoch=150), **options)
    compare(descend_spectrum(task, path, state), descend(task, state))


@rule_of
@pytest.mark.parametrize("listened", [False, True], ids=["searched", "listened to"])
@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    "stop",
    [
        {"excess_below": 1e-6},
        {"excess_below": 10.0},
        {"stop_below": 2e-2},
        {"stop_below": 1e-1, "excess_below": 1e-9},
        {"stop_below": 1e-9},
    ],
    ids=["optimum", "at once", "error", "error first", "never"],
)
def test_the_run_stops_where_the_loop_stops(rule: StepRule, stop: dict[str, float], l2: float, listened: bool) -> None:
    listener = {"listener": lambda row, parameters: False} if listened else {}
    task, path, state = prepared(course(3), rule, Stopping(last_epoch=3000, **stop), l2=l2, **listener)
    closed, loop = descend_spectrum(task, path, state), descend(task, state)
    compare(closed, loop)
    assert closed.best.epoch == pytest.approx(loop.best.epoch, abs=2 if loop.best.epoch > 500 else 0)


@rule_of
@pytest.mark.parametrize("listened", [False, True], ids=["searched", "listened to"])
@pytest.mark.parametrize("stop_below", [None, 1e-30])
def test_a_run_that_explodes_stops_where_the_loop_stops(
    rule: StepRule, listened: bool, stop_below: float | None
) -> None:
    listener = {"listener": lambda row, parameters: False} if listened else {}
    stopping = Stopping(last_epoch=100_000, explode_above=1e5, stop_below=stop_below)
    task, path, state = prepared(course(3), rule, stopping, share=1.01, **listener)
    closed, loop = descend_spectrum(task, path, state), descend(task, state)
    assert closed.reason == StopReason.DIVERGED
    compare(closed, loop, 1e-7)
    assert closed.best.epoch == loop.best.epoch


def test_plain_steps_are_searched_by_halving_however_many_they_may_be() -> None:
    below = 1e-6
    stopping = Stopping(last_epoch=10**15, excess_below=below)
    task, path, state = prepared(course(3), Plain(), stopping, share=1e-6)
    closed = descend_spectrum(task, path, state)
    residual, h = path.spectrum.residual(state.parameters), path.rate * path.spectrum.eigenvalues

    def excess(epoch: float) -> float:
        return 0.5 * float(np.sum(residual**2 * np.exp(2 * epoch * np.log1p(-h))))

    assert closed.reason == StopReason.CONVERGED
    assert closed.state.epoch > 10**6
    assert excess(closed.state.epoch * (1 + 1e-6)) < below < excess(closed.state.epoch * (1 - 1e-6))


def test_a_very_long_run_is_searched_in_chunks_and_keeps_what_fits() -> None:
    task, path, state = prepared(course(3), HeavyBall(0.5), Stopping(last_epoch=300_000, excess_below=-1.0))
    closed = descend_spectrum(task, path, state)
    assert closed.reason == "max_iter"
    assert closed.rows[:, 0].tolist() == kept_epochs(300_001, most_records(4)).tolist()


# -------------------------------------------------------------------------------------------------- going on
@rule_of
@pytest.mark.parametrize("closed_first", [True, False], ids=["from the closed form", "from the loop"])
def test_a_run_goes_on_with_its_velocity(rule: StepRule, closed_first: bool) -> None:
    task, path, state = prepared(course(3), rule, Stopping(last_epoch=40))
    whole = descend(task, state)
    half, _, _ = prepared(course(3), rule, Stopping(last_epoch=17))
    first = descend_spectrum(half, path, state) if closed_first else descend(half, state)
    on = ClosedForm(path.spectrum, None, rule, path.rate, first.state.parameters, first.state.rule)
    second = descend_spectrum(task, on, first.state)
    assert second.rows[:, 0].tolist() == list(range(17, 41))
    np.testing.assert_allclose(second.parameters, whole.parameters[17:], atol=1e-11)
    np.testing.assert_allclose(second.rows[:, 1:4], whole.rows[17:, 1:4], rtol=1e-9, atol=1e-13)


@rule_of
@pytest.mark.parametrize("share", [0.5, 1.02], ids=["the last is best", "an earlier one is best"])
@pytest.mark.parametrize("listened", [False, True], ids=["searched", "listened to"])
def test_what_is_best_of_two_runs_is_the_whole_state_of_its_epoch(rule: StepRule, share: float, listened: bool) -> None:
    listener = {"listener": lambda row, parameters: False} if listened else {}
    task, path, state = prepared(course(3), rule, Stopping(last_epoch=60), share=share, **listener)
    half, _, _ = prepared(course(3), rule, Stopping(last_epoch=40), share=share)
    known = descend(task, state).best
    first = descend_spectrum(half, path, state)
    on = ClosedForm(path.spectrum, None, rule, path.rate, first.state.parameters, first.state.rule)
    best = descend_spectrum(task, on, first.state).best
    assert best.epoch == known.epoch
    assert best.score == pytest.approx(known.score, rel=1e-9)
    np.testing.assert_allclose(best.parameters, known.parameters, rtol=1e-9)
    np.testing.assert_array_equal(best.state.parameters, best.parameters)
    if rule.carries_velocity:
        np.testing.assert_allclose(best.state.rule, known.state.rule, rtol=1e-7, atol=1e-10)
    else:
        assert best.state.rule is None


def test_where_the_optimum_is_known_no_gradient_is_remembered_for_tol() -> None:
    """The scale of `tol` where it is not known: a run that goes on there begins its own."""
    for listener in ({}, {"listener": lambda row, parameters: False}):
        task, path, state = prepared(course(3), Plain(), Stopping(last_epoch=50, tol=1e-4), **listener)
        assert descend_spectrum(task, path, state).state.watch.scale == pytest.approx(0.0, abs=1e-9)


def test_directions_of_no_effect_are_left_alone() -> None:
    task, path, state = prepared(collinear(), Plain(), Stopping(last_epoch=10_000))
    closed = descend_spectrum(task, path, state)
    null = path.spectrum.directions[:, -path.spectrum.n_null :]
    assert path.spectrum.n_null == 2
    np.testing.assert_allclose((closed.parameters - state.parameters) @ null, 0.0, atol=1e-10)


# ----------------------------------------------------------------------------------------- validation, listeners
def held_out() -> Quadratic:
    rows = course(3, seed=1)
    problem = solve(ArraySource(*rows))
    return half_mean_squared_error(problem, standard_coordinates(problem.moments.mean, problem.spread, True))


@rule_of
@pytest.mark.parametrize("patience", [None, 5])
def test_validation_is_that_of_the_loop(rule: StepRule, patience: int | None) -> None:
    other = held_out()
    stopping = Stopping(last_epoch=400, patience=patience, tol=1e-6)
    task, path, state = prepared(course(3), rule, stopping, validation=lambda place: 2.0 * other.value(place))
    closed, loop = descend_spectrum(task, path, state, other), descend(task, state)
    compare(closed, loop)
    if patience is not None:
        assert closed.reason == StopReason.NO_IMPROVEMENT
        assert closed.best.epoch == loop.best.epoch


@pytest.mark.parametrize("listened", [False, True], ids=["searched", "listened to"])
def test_seconds_are_counted_from_the_call_of_fit(listened: bool) -> None:
    heard, began = [], time.perf_counter() - 1000.0
    listener = {"listener": lambda row, parameters: heard.append(row.seconds)} if listened else {}
    task, path, state = prepared(course(3), Plain(), Stopping(last_epoch=5), began=began, **listener)
    seconds = [*descend_spectrum(task, path, state).rows[:, Row._fields.index("seconds")], *heard]
    assert len(seconds) == (12 if listened else 6)
    assert 1000.0 <= min(seconds) <= max(seconds) <= time.perf_counter() - began


@pytest.mark.parametrize("how", ["asks", "is interrupted"])
def test_a_listener_may_stop_the_run(how: str) -> None:
    heard = []

    def listen(row: Row, parameters: Array) -> bool:
        heard.append((row, parameters))
        if row.epoch < 70:
            return False
        if how == "is interrupted":
            raise KeyboardInterrupt
        return True

    task, path, state = prepared(course(3), Nesterov(0.9), Stopping(last_epoch=500), listener=listen)
    closed = descend_spectrum(task, path, state)
    assert closed.reason == ("callback" if how == "asks" else "interrupted")
    assert closed.rows[-1, 0] == 70
    np.testing.assert_allclose([parameters for _, parameters in heard], closed.parameters, atol=1e-14)
    np.testing.assert_allclose([row.objective for row, _ in heard], closed.rows[:, 1], rtol=1e-12)


def test_a_rule_that_fires_has_precedence_over_a_listener() -> None:
    task, path, state = prepared(course(3), Plain(), Stopping(last_epoch=5), listener=lambda row, _: row.epoch == 5)
    assert descend_spectrum(task, path, state).reason == "max_iter"
