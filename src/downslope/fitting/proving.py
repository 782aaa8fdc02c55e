"""How near a run has come to the minimum, proven, and the last update that leads a loss with kinks there."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import kept_of_two, most_records
from downslope.descent.loop import Outcome, Row, Task, descend
from downslope.descent.state import Best, State
from downslope.descent.stopping import StopReason
from downslope.fitting.distance import CLOSE, distance, standard_errors
from downslope.fitting.problem import MOST_PARAMETERS, Problem
from downslope.fitting.request import Limits
from downslope.objective.dual import Convex, Proof, TooWideError, prove
from downslope.objective.fenchel import SumSlopes, bound_of
from downslope.objective.splitting import Reader

__all__ = ["Ended", "ends_in_solve", "prove_end", "threshold"]

Array = NDArray[np.float64]

# The share of J that sums over rows, and those of the slopes that bound it, round by.
NEAREST = 1e-13
# Rows near a kink beyond which more epochs are made first: so many, or this share of all.
WIDE_BAND, WIDE_SHARE = 20_000, 0.1
# By how much less may be left to gain where the rows still tell a model from the optimum.
CLOSER = 100.0


class Ended(NamedTuple):
    """A run that has come to its end.

    Attributes
    ----------
    outcome : Outcome
        Of the whole run.
    state : State
        To go on from: that before a solve.
    bound : float or None
        J* is not below it; None where nothing was looked at.
    proof : Proof or None
        The minimum, where it was found.
    solved : bool
        Whether the last update is the solve.
    errors : array (p,) or None
        The standard errors of the parameters, where they were asked for.
    """

    outcome: Outcome
    state: State
    bound: float | None = None
    proof: Proof | None = None
    solved: bool = False
    errors: Array | None = None


def ends_in_solve(problem: Problem, limits: Limits) -> bool:
    """Whether the last update of a run is the exact solve: who gives a rate, or asks for epochs, gets those."""
    settings = problem.settings
    wanted = settings.automatic and limits.tol > 0 and limits.patience is None and not settings.rule.remembers_rows
    bends = settings.loss.smooth_over(np.inf).rounded
    return bends and problem.engine == "data" and wanted and solvable(problem)


def solvable(problem: Problem) -> bool:
    """Whether the minimum is looked for."""
    return problem.coordinates.n_parameters <= MOST_PARAMETERS


def threshold(tol: float, reference: float, bound: float) -> float:
    """J - J* at which a run has converged that began at `reference`; rounding of that is as near as numbers get."""
    return max(tol * (reference - bound), NEAREST * abs(reference))


def prove_end(problem: Problem, task: Task, limits: Limits, outcome: Outcome, reference: Callable[[], float]) -> Ended:
    """Look for the minimum from where a run has ended, and go on with a run that has not converged.

    Parameters
    ----------
    problem : Problem
    task : Task
    limits : Limits
    outcome : Outcome
    reference : callable
        J at the start, its intercept at its best, asked for where it is needed.
    """
    try:
        return look(problem, task, limits, outcome, reference)
    except KeyboardInterrupt:
        # The model so far is kept, and how good it is remains unknown.
        return Ended(outcome._replace(reason=StopReason.INTERRUPTED), outcome.state)


def look(problem: Problem, task: Task, limits: Limits, outcome: Outcome, reference: Callable[[], float]) -> Ended:
    """The same, where nobody interrupts."""
    if problem.optimum is not None or outcome.reason is StopReason.INTERRUPTED:
        bound = None if problem.smooth is None else problem.lowest
        return Ended(outcome, outcome.state, bound, problem.proof)
    if problem.proof is not None:
        return Ended(outcome, outcome.state, problem.proof.bound, problem.proof)
    solving = ends_in_solve(problem, limits)
    if solving and not bends_sharply(problem, outcome):
        # A bend that is wide beside the residuals is none to be solved for.
        solving, last = False, task.stopping.last_epoch + 1
        if outcome.reason in (StopReason.NO_IMPROVEMENT, StopReason.MAX_ITER):
            outcome = further(task, outcome, stalls_from=None, last_epoch=last)
    while True:
        proof = look_for_minimum(problem, outcome)
        if proof is None and solving and outcome.reason is StopReason.NO_IMPROVEMENT:
            # So early too many rows are near a kink.
            outcome = further(task, outcome, stalls_from=2 * outcome.state.epoch)
            continue
        if proof is None and solving and outcome.reason is StopReason.MAX_ITER:
            # The update that was left for the solve.
            outcome = further(task, outcome, stalls_from=None, last_epoch=task.stopping.last_epoch + 1)
        bound = bound_at(problem, outcome) if proof is None or not proof.bound > 0 else proof.bound
        if solving and proof is not None and handed_over(outcome):
            return solve(task, limits, outcome, proof._replace(bound=bound), reference)
        if outcome.reason is not StopReason.CONVERGED:
            return Ended(outcome, outcome.state, bound, proof)
        return go_on(problem, task, outcome, threshold(limits.tol, reference(), bound), bound, proof)


def go_on(problem: Problem, task: Task, outcome: Outcome, enough: float, bound: float, proof: Proof | None) -> Ended:
    """Descend from where the gradient is small, which proves nothing, to where J is near enough to its bound.

    Near enough is also what the rows cannot tell from the optimum.
    """
    errors = None
    if proof is not None and proof.doubt is not None:
        errors = standard_errors(problem, proof.parameters)
    while outcome.reason is StopReason.CONVERGED:
        left = outcome.rows[-1, 1] - bound
        off = None if proof is None else distance(outcome.parameters[-1], proof.parameters, errors)
        if left <= enough and (off is None or off <= CLOSE):
            break
        if left <= enough:
            enough = left / CLOSER
        if proof is None or proof.objective - bound > 0.5 * enough or problem.stochastic:
            outcome = outcome._replace(reason=StopReason.NO_IMPROVEMENT)
            break
        outcome = further(task, outcome, objective_below=bound + enough, stalls_from=None)
    return Ended(outcome, outcome.state, bound, proof, errors=errors)


def further(task: Task, outcome: Outcome, **rules: Any) -> Outcome:
    """The run that goes on under other stop rules."""
    later = replace(task, stopping=replace(task.stopping, **rules))
    return joined(outcome, descend(later, outcome.state, told=True))


def bends_sharply(problem: Problem, outcome: Outcome) -> bool:
    """Whether the loss was smoothed where the run has ended."""
    return problem.settings.loss.kinked or problem.rows_objective().tune(outcome.best.score).loss.rounded


def look_for_minimum(problem: Problem, outcome: Outcome) -> Proof | None:
    """The minimum as seen from where a run has ended; None where too much would have to be solved at once."""
    if not solvable(problem):
        return None
    kept = outcome.best.parameters if np.isfinite(outcome.best.score) else outcome.parameters[0]
    with np.errstate(all="ignore"):
        try:
            proof = prove(convex(problem), kept, max(WIDE_BAND, WIDE_SHARE * problem.n_rows))
        except TooWideError:
            return None
    return proof if np.isfinite(proof.objective) else None


def convex(problem: Problem) -> Convex:
    """The problem as the dual sees it."""
    loss, penalty = problem.settings.loss, problem.settings.penalty
    return Convex(problem.source, problem.weight, problem.coordinates, loss.pieces, penalty, problem.shifted)


def bound_at(problem: Problem, outcome: Outcome) -> float:
    """The bound of J* that the slopes at the best place give."""
    settings, place = problem.settings, outcome.best.parameters
    reader = Reader(settings.loss.pieces, problem.coordinates, problem.shifted, 0.0)
    (sums,) = problem.source.scan(SumSlopes(reader, place))
    bound = bound_of(sums, problem.weight, settings.penalty, fit_intercept=settings.fit_intercept)
    return bound if np.isfinite(bound) else 0.0


def handed_over(outcome: Outcome) -> bool:
    """Whether a descent has stopped for the solve to go on: it fell too little, or only the last update is left."""
    return outcome.reason in (StopReason.NO_IMPROVEMENT, StopReason.MAX_ITER, StopReason.CONVERGED)


def solve(task: Task, limits: Limits, outcome: Outcome, proof: Proof, reference: Callable[[], float]) -> Ended:
    """Make the minimum that was found the last update, unless the descent has come nearer by itself."""
    before, parameters, objective = outcome.state, proof.parameters, min(proof.objective, outcome.best.score)
    proven = objective - proof.bound <= threshold(limits.tol, reference(), proof.bound)
    stopped = outcome.reason if outcome.reason is StopReason.MAX_ITER else StopReason.NO_IMPROVEMENT
    reason = StopReason.CONVERGED if proven else stopped
    if proof.objective > objective:
        return Ended(outcome._replace(reason=reason), before, proof.bound, proof)
    validation = np.nan if task.validation is None else task.validation(parameters)
    seconds, epoch = time.perf_counter() - task.began, before.epoch + 1
    row = Row(epoch, objective, proof.mse, proof.gradient, np.nan, seconds, validation)
    if task.listener is not None:
        task.listener(row, parameters)
    state = State(parameters, None, None, objective, None, epoch, before.watch)
    whole = Outcome(
        reason,
        np.vstack([outcome.rows, row]),
        np.vstack([outcome.parameters, parameters]),
        state._replace(best=Best(objective, parameters, state)),
    )
    return Ended(whole, before, proof.bound, proof, solved=True)


def joined(first: Outcome, second: Outcome) -> Outcome:
    """Two runs, of which the second went on from the first."""
    rows, parameters = np.vstack([first.rows, second.rows[1:]]), np.vstack([first.parameters, second.parameters[1:]])
    kept = kept_of_two((rows[:, 0] - rows[0, 0]).astype(int), most_records(parameters.shape[1]))
    return Outcome(second.reason, rows[kept], parameters[kept], second.state)
