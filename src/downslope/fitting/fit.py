"""One fit from rows to result: prepare, choose, descend, conclude."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.path import ClosedForm, descend_spectrum
from downslope.data.source import journaled
from downslope.descent.loop import Outcome, Row, Task, descend
from downslope.descent.minibatch import descend_passes
from downslope.descent.state import State
from downslope.descent.stopping import EPS, EXPLOSION, Stopping
from downslope.fitting.conclusion import conclude, judge
from downslope.fitting.distance import CLOSE, free_rows
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
from downslope.fitting.proving import ends_in_solve, prove_end, threshold
from downslope.fitting.replayable import Replayable
from downslope.fitting.request import Continuation, Limits, Request, Solution, Watcher
from downslope.fitting.start import refuse_far_start
from downslope.fitting.validation import validation_error
from downslope.objective.dual import ROUNDING
from downslope.objective.objective import Evaluation, Objective
from downslope.statistics.quadratic import Quadratic, reference_excess
from downslope.steps.automatic_rate import averaging_power
from downslope.threads import one_blas_thread

__all__ = ["excess_threshold", "fit"]

Array = NDArray[np.float64]
# Rows that tell where the intercept of a start would be.
SAMPLE_ROWS = 1_000
Listener = Callable[[Row, Array], bool]


def fit(request: Request) -> Solution:
    """Fit a linear model by gradient descent."""
    with one_blas_thread():
        going_on, settings = request.going_on, request.settings
        source = journaled(request.source, request.journal)
        coordinates = None if going_on is None else going_on.coordinates
        problem = prepare(source, settings, coordinates, any_order=request.shuffle)
        objective = objective_of(problem)
        with np.errstate(all="ignore"):
            start = begin(problem, request) if going_on is None else going_on.start
            at = objective.value_and_gradient(start)
        refuse_far_start(at, start)
        first = 0 if going_on is None else going_on.state.epoch
        rules = stopping(problem, objective, request.limits, start, at, first)
        # Epochs in closed form cost next to nothing unless somebody wants each as a record.
        watcher = request.watcher if problem.engine != "spectral" or request.hear is not None else None
        if watcher is not None:
            watcher.begin(problem, rules)
        task, quadratic = task_of(problem, request, objective, rules, start, at, watcher)
        state = task.start(start, at if problem.engine == "stochastic" else at.objective)
        if going_on is not None:
            state = resume(problem, task, state, going_on, at.objective)
        outcome = run(problem, task, state, request, quadratic)
        if not settings.automatic:
            outcome = outcome._replace(reason=judge(problem, outcome, at.objective))
        with np.errstate(over="ignore", invalid="ignore"):
            ended = prove_end(problem, task, request.limits, outcome, lambda: reference(problem, objective, start, at))
        if watcher is not None:
            watcher.end(Row(*ended.outcome.rows[-1].tolist()), ended.outcome.parameters[-1])
        replayable = Replayable.of(problem, task, start, quadratic, went_on=going_on is not None)
        return conclude(problem, request, ended, start, at.objective, replayable)


def begin(problem: Problem, request: Request) -> Array:
    """Where the descent starts, (p,): full batches find the level of the target at once, noisy steps begin there.

    At a rate that is given they are the textbook's loop, start included.
    """
    start, settings = problem.coordinates.from_original(*request.start), problem.settings
    if request.level and problem.stochastic and settings.fit_intercept and settings.automatic:
        known = problem.least_squares
        seen = problem.source.peek(SAMPLE_ROWS)
        level = known.moments.y_mean if known is not None else float(np.average(seen.y, weights=seen.weight))
        start[-1] = level if np.isfinite(level) else 0.0
    return start


def task_of(
    problem: Problem,
    request: Request,
    objective: Objective,
    rules: Stopping,
    start: Array,
    at: Evaluation,
    watcher: Watcher | None,
) -> tuple[Task, Quadratic | None]:
    """What the engines are handed, and the validation error as a quadratic where it is one."""
    validation, quadratic = None, None
    if request.validation_source is not None:
        validation, quadratic = validation_error(problem, request.validation_source.resident())
    task = Task(
        objective=objective,
        rule=problem.settings.rule,
        rates=problem.rates(start, at),
        stopping=rules,
        mapping_step=1.0 / problem.curvature if problem.curvature else problem.first_rate(at),
        means=problem.means,
        validation=validation,
        watches_validation=not problem.stochastic or request.limits.patience is not None,
        listener=listener(request, problem, watcher),
        began=request.began,
        journal=request.journal,
    )
    return task, quadratic


def run(problem: Problem, task: Task, state: State, request: Request, validation: Quadratic | None) -> Outcome:
    """Descend by the engine that was chosen."""
    # A run that blows up overflows on its way: that is an outcome here, not a surprise.
    with np.errstate(over="ignore", invalid="ignore"):
        if problem.engine == "spectral":
            return closed_form(problem, task, state, validation)
        if problem.engine == "stochastic":
            return stochastic(problem, task, state, request)
        return descend(task, state)


def resume(problem: Problem, task: Task, fresh: State, going_on: Continuation, start_objective: float) -> State:
    """The state to go on from: the last one, less what belongs to other rows, or to another kind of rate or engine."""
    state, before = going_on.state, going_on.settings
    if type(state.rate) is not type(fresh.rate):
        # A rule of another kind than before begins its own count.
        state = state._replace(rate=fresh.rate)
    batched, was_batched = isinstance(fresh.objective, Evaluation), going_on.batched
    if was_batched and not (batched and going_on.n_rows == problem.n_rows):
        state = state._replace(rule=fresh.rule)
    if type(before.rule) is not type(problem.settings.rule):
        # "auto" takes other steps for another loss or penalty.
        state = state._replace(rule=fresh.rule, rate=fresh.rate)
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
    from downslope.kernels.batch_passes import BatchPasses, PassState

    settings = problem.settings
    passes = BatchPasses(
        settings.loss,
        settings.rule,
        settings.penalty,
        problem.coordinates,
        problem.batch,
        problem.n_rows,
        problem.weight / problem.n_rows,
        averaging_power(settings.rule) if problem.stochastic and settings.automatic else None,
        request.shuffle,
    )
    given = state.rule
    rule = given.copy() if isinstance(given, PassState) else passes.begin(state.parameters, request.seed)
    measured = problem.smooth is not None or not problem.stochastic
    return descend_passes(task, passes, problem.source, state._replace(rule=rule), measured)


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
    excess_below = objective_below = None
    if at.excess is not None and problem.smooth is not None and limits.tol > 0:
        excess_below = excess_threshold(problem, limits.tol, start, at.excess)
    if problem.proof is not None and limits.tol > 0:
        bound = problem.proof.bound
        enough = threshold(limits.tol, reference(problem, objective, start, at), bound)
        objective_below = bound + max(min(enough, told_apart(problem, bound)), ROUNDING * bound)
    solving = ends_in_solve(problem, limits)
    patience = limits.patience
    if problem.stochastic and limits.tol > 0 and not (patience or problem.settings.rule.remembers_rows):
        # Noise keeps a mini-batch from a small gradient: it stops when its objective does not fall any more.
        patience = limits.window
    return Stopping(
        last_epoch=first + limits.max_iter - int(solving),
        explode_above=EXPLOSION * highest,
        stop_below=limits.stop_below,
        excess_below=excess_below,
        tol=limits.tol,
        patience=patience,
        objective_below=objective_below,
        stalls_from=first if solving else None,
    )


def middle(values: Array, weight: Array | None) -> float:
    """The median, a weight of 2 being a value twice."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(np.ones(values.size) if weight is None else weight[order])
    return float(values[order][np.searchsorted(upto, 0.5 * upto[-1])])


def reference(problem: Problem, objective: Objective, start: Array, at: Evaluation) -> float:
    """J at a start (p,), where it is `at`, with an intercept as good as some rows tell: what `tol` is a share of.

    A target far from zero would otherwise make any `tol` look met while the coefficients are still wrong.
    """
    if not problem.settings.fit_intercept:
        return at.objective
    if problem.smooth is not None:
        penalty = problem.settings.penalty
        return problem.smooth.offset + reference_excess(problem.smooth, start, True) + penalty.kink(start)
    coef, intercept = problem.coordinates.to_original(start)
    seen = problem.source.peek(SAMPLE_ROWS)
    moved = start.copy()
    moved[-1] += middle(seen.y - seen.X @ coef - intercept, seen.weight)
    return min(at.objective, objective.value_and_gradient(moved).objective)


def excess_threshold(problem: Problem, tol: float, start: Array, excess: float) -> float:
    """J - J* at which a run from `start` (p,), where it is `excess`, has converged."""
    assert problem.smooth is not None
    # Rounding of the start's own size is as near as numbers get.
    rounding = 100 * start.size * EPS**2 * excess
    enough = tol * reference_excess(problem.smooth, start, problem.settings.fit_intercept)
    return max(min(enough, told_apart(problem, problem.smooth.offset)), rounding)


def told_apart(problem: Problem, lowest: float) -> float:
    """J - J* up to which every coefficient is within `CLOSE` standard errors of its optimum, J* being `lowest`."""
    free = free_rows(problem)
    return CLOSE**2 * lowest / free if free > 0 else np.inf


def listener(request: Request, problem: Problem, watcher: Watcher | None) -> Listener | None:
    """What the loop tells its rows to: for those who want to hear it makes each a `Record` in the units of the rows."""
    hear, watch = request.hear, None if watcher is None else watcher.hear
    validated = request.validation_source is not None
    if hear is None:
        return watch

    def listen(row: Row, parameters: Array) -> bool:
        stop = watch is not None and watch(row, parameters)
        coef, intercept = problem.coordinates.to_original(parameters)
        return stop | hear(row.record(coef, float(intercept), validated=validated))

    return listen
