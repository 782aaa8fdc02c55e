"""One fit from rows to result: prepare, choose, descend, restore, explain."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.path import ClosedForm, descend_spectrum
from downslope.data.arrays import ArraySource
from downslope.data.source import Source
from downslope.descent.engines import Engine
from downslope.descent.history import History, Record
from downslope.descent.loop import Outcome, Row, Task, descend
from downslope.descent.minibatch import descend_passes
from downslope.descent.state import State
from downslope.descent.stopping import EPS, EXPLOSION, Stopping, StopReason
from downslope.fitting.explanation import explain_divergence, explain_stop
from downslope.fitting.problem import Optimum, Problem, Settings, prepare, validation_error
from downslope.objective.objective import Evaluation, Objective
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.quadratic import Quadratic, reference_excess
from downslope.steps.automatic_rate import averaging_power
from downslope.threads import one_blas_thread

__all__ = ["Continuation", "Limits", "Request", "Solution", "excess_threshold", "fit_full_batch"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """When to stop, as the user asked."""

    max_iter: int
    tol: float
    stop_below: float | None
    patience: int | None
    window: int = 10


class Continuation(NamedTuple):
    """What a warm start needs to go on as if nothing had happened.

    Attributes
    ----------
    coordinates : Coordinates
    state : State
    start : array (p,)
    start_objective : float
        J there, by which rows that are others are known.
    history : History or None
    settings : Settings
    batched : bool
        Whether the steps were made on a part of the rows.
    n_rows : int
    """

    coordinates: Coordinates
    state: State
    start: Array
    start_objective: float
    history: History | None
    settings: Settings
    batched: bool
    n_rows: int


@dataclass(frozen=True)
class Solution:
    """All that a fit found out.

    Attributes
    ----------
    coef : array (d,)
    intercept : float
    n_iter : int
        Updates made since the start.
    restored_epoch : int or None
        The epoch whose parameters are returned, where that is not the last one.
    history : History
    reason : StopReason
    message : str
        Why the run stopped, with numbers.
    engine : Engine
    learning_rate : float
        The rate of the last update.
    optimum : Optimum or None
    gap : float or None
        J - J* of the parameters that are returned.
    problem : Problem
    continuation : Continuation
    """

    coef: Array
    intercept: float
    n_iter: int
    restored_epoch: int | None
    history: History
    reason: StopReason
    message: str
    engine: Engine
    learning_rate: float
    optimum: Optimum | None
    gap: float | None
    problem: Problem
    continuation: Continuation


class Watcher(Protocol):
    """Follows a descent epoch by epoch; it is not asked to where they are not made one by one."""

    def begin(self, problem: Problem, rules: Stopping) -> None:
        """The first update is about to be made."""

    def hear(self, row: Row, parameters: Array) -> bool:
        """Receive a record, in descended coordinates; a true answer stops the run."""

    def end(self, row: Row, parameters: Array) -> None:
        """Receive the last record again, as the last."""


@dataclass(frozen=True)
class Request:
    """What to fit, and who wants to hear of it.

    Attributes
    ----------
    source : Source
        The training rows.
    settings : Settings
    limits : Limits
    begin : callable
        Gives the parameters to start from, once the coordinates are known.
    names : list of str
        What to call the columns in sentences.
    feature_names : tuple of str or None
        The names of the columns, where they have any.
    validation_source : Source or None
        Rows to measure the validation error on.
    hear : callable or None
        Receives every record; a true answer stops the run.
    watcher : Watcher or None
        Follows the descent as well.
    going_on : Continuation or None
        The run to continue.
    shuffle : bool
    seed : int
        Of the orders in which mini-batches take the rows.
    began : float
        `time.perf_counter()` when the caller was called.
    """

    source: Source
    settings: Settings
    limits: Limits
    begin: Callable[[Problem], Array]
    names: list[str]
    feature_names: tuple[str, ...] | None = None
    validation_source: Source | None = None
    hear: Callable[[Record], bool] | None = None
    watcher: Watcher | None = None
    going_on: Continuation | None = None
    shuffle: bool = True
    seed: int = 0
    began: float = field(default_factory=time.perf_counter)


def fit_full_batch(request: Request) -> Solution:
    """Fit a linear model by full-batch descent."""
    with one_blas_thread():
        return run(request)


def run(request: Request) -> Solution:
    """Prepare, descend, conclude."""
    going_on, settings = request.going_on, request.settings
    problem = prepare(request.source, settings, None if going_on is None else going_on.coordinates)
    start = request.begin(problem) if going_on is None else going_on.start
    objective = objective_of(problem)
    at = objective.value_and_gradient(start)
    validation, quadratic = None, None
    if request.validation_source is not None:
        validation, quadratic = validation_error(problem, request.validation_source)
    rules = stopping(problem, objective, request.limits, start, at, 0 if going_on is None else going_on.state.epoch)
    # Epochs in closed form cost next to nothing unless somebody wants each as a record.
    watcher = request.watcher if problem.engine != "spectral" or request.hear is not None else None
    if watcher is not None:
        watcher.begin(problem, rules)
    task = Task(
        objective=objective,
        rule=settings.rule,
        rates=problem.rates(start, at),
        stopping=rules,
        mapping_step=1.0 / problem.curvature if problem.curvature else problem.first_rate(at),
        means=problem.means,
        validation=validation,
        watches_validation=not problem.stochastic or request.limits.patience is not None,
        listener=listener(request, problem, watcher),
        began=request.began,
    )
    state = task.start(start, at if problem.engine == "stochastic" else at.objective)
    if going_on is not None:
        state = resume(problem, task, state, going_on, at.objective)
    # A run that blows up overflows on its way: that is an outcome here, not a surprise.
    with np.errstate(over="ignore", invalid="ignore"):
        if problem.engine == "spectral":
            outcome = closed_form(problem, task, state, quadratic)
        elif problem.engine == "stochastic":
            outcome = stochastic(problem, task, state, request)
        else:
            outcome = descend(task, state)
        if watcher is not None:
            watcher.end(Row(*outcome.rows[-1].tolist()), outcome.parameters[-1])
    outcome = outcome._replace(reason=judged(problem, outcome, at.objective))
    return conclude(problem, request, outcome, start, at.objective)


def resume(problem: Problem, task: Task, fresh: State, going_on: Continuation, start_objective: float) -> State:
    """The state to go on from: the last one, less what belongs to other rows, or to another kind of rate or engine."""
    state, before = going_on.state, going_on.settings
    if type(state.rate) is not type(fresh.rate):
        # A rule of another kind than before begins its own count.
        state = state._replace(rate=fresh.rate)
    batched, was_batched = isinstance(fresh.objective, Evaluation), going_on.batched
    if was_batched and not (batched and going_on.n_rows == problem.source.n_rows):
        state = state._replace(rule=fresh.rule)
    same = (before.loss, before.penalty) == (problem.settings.loss, problem.settings.penalty)
    if was_batched == batched and same and np.isclose(start_objective, going_on.start_objective, rtol=1e-9, atol=0.0):
        return state
    # What was lowest there need not be so here.
    here = task.objective.value_and_gradient(state.parameters)
    return state._replace(objective=here if batched else here.objective, best=None)


def objective_of(problem: Problem) -> Objective:
    """The objective that the records of a run are measured by."""
    if problem.engine == "data":
        return problem.rows_objective()
    if problem.smooth is not None:
        return problem.quadratic_objective()
    # A mini-batch takes the subgradient: nothing is smoothed.
    return replace(problem.rows_objective(), smoothing=False)


def stochastic(problem: Problem, task: Task, state: State, request: Request) -> Outcome:
    """Run the stochastic engine, whose compiled passes load when they are first needed."""
    from downslope.kernels.sweep import Sweep, SweepState

    rows, settings = request.source, problem.settings
    assert isinstance(rows, ArraySource)
    auto = settings.learning_rate == "auto"
    sweep = Sweep(
        rows.X,
        rows.y,
        rows.weight,
        settings.loss,
        settings.rule,
        settings.penalty,
        problem.coordinates,
        problem.batch,
        problem.weight / rows.n_rows,
        averaging_power(settings.rule) if problem.stochastic and auto else None,
        request.shuffle,
    )
    given = state.rule
    rule = given.copy() if isinstance(given, SweepState) else sweep.begin(state.parameters, request.seed)
    state = state._replace(rule=rule)
    return descend_passes(task, sweep, state, problem.smooth is not None or not problem.stochastic)


def closed_form(problem: Problem, task: Task, state: State, validation: Quadratic | None) -> Outcome:
    """Run the spectral engine."""
    assert problem.spectrum is not None
    assert task.rates.constant is not None
    path = ClosedForm(
        problem.spectrum,
        problem.half_mse if problem.settings.penalty.l2 else None,
        problem.settings.rule,
        task.rates.constant,
        state.parameters,
        state.rule,
    )
    return descend_spectrum(task, path, state, validation)


def stopping(
    problem: Problem, objective: Objective, limits: Limits, start: Array, at: Evaluation, first: int
) -> Stopping:
    """The stop rules as thresholds."""
    zero = np.zeros_like(start)
    highest = at.objective if not start.any() else max(at.objective, objective.value_and_gradient(zero).objective)
    excess_below = None
    if at.excess is not None and problem.smooth is not None and limits.tol > 0:
        excess_below = excess_threshold(problem, limits.tol, start, at.excess)
    patience = limits.patience
    if problem.stochastic and limits.tol > 0 and not (patience or problem.settings.rule.remembers_rows):
        # Noise keeps a mini-batch from a small gradient: it stops when its objective does not fall any more.
        patience = limits.window
    return Stopping(
        last_epoch=first + limits.max_iter,
        explode_above=EXPLOSION * highest,
        stop_below=limits.stop_below,
        excess_below=excess_below,
        tol=limits.tol,
        patience=patience,
    )


def excess_threshold(problem: Problem, tol: float, start: Array, excess: float) -> float:
    """J - J* at which a run from `start` (p,), where it is `excess`, has converged."""
    assert problem.smooth is not None
    # Rounding of the start's own size is as near as numbers get.
    rounding = 100 * start.size * EPS**2 * excess
    return max(tol * reference_excess(problem.smooth, start, problem.settings.fit_intercept), rounding)


def listener(request: Request, problem: Problem, watcher: Watcher | None) -> Callable[[Row, Array], bool] | None:
    """What the loop tells its rows to: for those who want to hear it makes each a `Record` in the units of the rows."""
    hear, watch = request.hear, None if watcher is None else watcher.hear
    validated = request.validation_source is not None
    if hear is None:
        return watch

    def listen(row: Row, parameters: Array) -> bool:
        stop = watch is not None and watch(row, parameters)
        coef, intercept = problem.coordinates.to_original(parameters)
        return stop | hear(
            Record(
                int(row.epoch),
                coef,
                float(intercept),
                row.objective,
                row.mse,
                row.gradient_norm,
                row.learning_rate,
                row.seconds,
                row.validation_mse if validated else None,
            )
        )

    return listen


def judged(problem: Problem, outcome: Outcome, start: float) -> StopReason:
    """The reason, where a run that only bounced at too large a rate counts as diverged.

    A loss with bounded slopes cannot explode.
    """
    rate, last = float(outcome.rows[-1, 4]), float(outcome.rows[-1, 1])
    if outcome.reason not in (StopReason.MAX_ITER, StopReason.NO_IMPROVEMENT) or not last > start:
        return outcome.reason
    limit = problem.largest_stable_rate
    return StopReason.DIVERGED if limit is not None and rate > limit else outcome.reason


def conclude(problem: Problem, request: Request, outcome: Outcome, start: Array, start_objective: float) -> Solution:
    """Restore the best state where that is due, and put the result into words."""
    limits, best = request.limits, outcome.best
    epoch, rate = int(outcome.rows[-1, 0]), float(outcome.rows[-1, 4])
    kinked = problem.settings.loss.kinked
    # What is found after a divergence, or after the error has begun to rise, is given up; steps on kinks only wander.
    given_up = outcome.reason is StopReason.DIVERGED or limits.patience is not None
    restoring = (given_up or kinked) and best.epoch != epoch and np.isfinite(best.score)
    restored = best.epoch if restoring else None
    parameters = outcome.parameters[-1] if restored is None else best.parameters
    coef, intercept = problem.coordinates.to_original(parameters)
    optimum, gap, start_gap = problem.optimum, None, None
    if optimum is not None and problem.smooth is not None:
        gap = problem.smooth.excess_and_gradient(parameters)[0]
        start_gap = problem.smooth.excess_and_gradient(start)[0]
    if outcome.reason is StopReason.DIVERGED:
        message = explain_divergence(problem, request.names, epoch, rate, best.epoch)
    else:
        message = explain_stop(
            problem,
            outcome.reason,
            epoch=epoch,
            rate=rate,
            gap=gap,
            start_gap=start_gap,
            mapping=float(outcome.rows[-1, 3]),
            limits={
                "tol": limits.tol,
                "stop_below": limits.stop_below,
                "max_iter": limits.max_iter,
                "n_iter_no_change": limits.patience,
                "window": limits.window,
            },
        )
        if restored is not None:
            message += f" The best epoch, {restored}, was restored."
    history = history_of(problem, request, outcome)
    state = best.state._replace(best=best) if restoring and given_up else outcome.state
    return Solution(
        coef=coef,
        intercept=float(intercept),
        n_iter=epoch,
        restored_epoch=restored,
        history=history,
        reason=outcome.reason,
        message=message,
        engine=problem.engine,
        learning_rate=rate,
        optimum=optimum,
        gap=gap,
        problem=problem,
        continuation=Continuation(
            problem.coordinates,
            state,
            start,
            start_objective,
            history,
            problem.settings,
            problem.engine == "stochastic",
            request.source.n_rows,
        ),
    )


def history_of(problem: Problem, request: Request, outcome: Outcome) -> History:
    """The history in the units of the rows, after that of the run that was continued."""
    coef, intercept = problem.coordinates.to_original(outcome.parameters)
    columns = dict(zip(Row._fields, outcome.rows.T, strict=True))
    if request.validation_source is None:
        del columns["validation_mse"]
    history = History(columns, coef, intercept, request.feature_names)
    earlier = None if request.going_on is None else request.going_on.history
    return history if earlier is None else earlier.followed_by(history)
