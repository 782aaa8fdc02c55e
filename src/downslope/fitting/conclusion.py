"""What a descent has come to: which state is kept, how far from the optimum it is, and what to say of it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import History
from downslope.descent.loop import Outcome, Row
from downslope.descent.stopping import StopReason
from downslope.fitting.explanation import explain_divergence, explain_stop
from downslope.fitting.problem import Problem
from downslope.fitting.replayable import Replayable
from downslope.fitting.request import Continuation, Request, Solution
from downslope.fitting.start import Start
from downslope.texts import Finding

__all__ = ["conclude", "judge"]

Array = NDArray[np.float64]


def conclude(
    problem: Problem,
    request: Request,
    outcome: Outcome,
    start: Array,
    start_objective: float,
    replayable: Replayable | Finding,
) -> Solution:
    """Restore the best state where that is due, and say what happened.

    Parameters
    ----------
    problem : Problem
    request : Request
    outcome : Outcome
    start : array (p,)
    start_objective : float
        J there.
    replayable : Replayable or Finding
    """
    outcome, best = outcome._replace(reason=judge(problem, outcome, start_objective)), outcome.best
    epoch, rate = int(outcome.rows[-1, 0]), float(outcome.rows[-1, 4])
    # What is found after a divergence, or after the error has begun to rise, is given up; steps on kinks only wander.
    given_up = outcome.reason is StopReason.DIVERGED or request.limits.patience is not None
    restoring = (given_up or problem.settings.loss.kinked) and best.epoch != epoch and np.isfinite(best.score)
    parameters = best.parameters if restoring else outcome.parameters[-1]
    coef, intercept = problem.coordinates.to_original(parameters)
    begun, level = problem.coordinates.to_original(start)
    gap, start_gap = (gap_at(problem, place) for place in (parameters, start))
    history = history_of(problem, request, outcome)
    return Solution(
        coef=coef,
        intercept=float(intercept),
        start=Start(begun, float(level)),
        n_iter=epoch,
        restored_epoch=best.epoch if restoring else None,
        history=history,
        reason=outcome.reason,
        finding=find_out(problem, request, outcome, restored=restoring, gaps=(gap, start_gap)),
        engine=problem.engine,
        learning_rate=rate,
        optimum=problem.optimum,
        gap=gap,
        problem=problem,
        continuation=Continuation(
            problem.coordinates,
            best.state._replace(best=best) if restoring and given_up else outcome.state,
            start,
            start_objective,
            history,
            problem.settings,
            problem.engine == "stochastic",
            problem.n_rows,
        ),
        replayable=replayable,
    )


class Bounded(Protocol):
    """A problem that knows which rates its steps settle at."""

    @property
    def largest_stable_rate(self) -> float | None:
        """The rate at and beyond which they do not; None for rules without such a limit."""


def judge(problem: Bounded, outcome: Outcome, start: float) -> StopReason:
    """The reason, where a run that only bounced at too large a rate counts as diverged.

    A loss with bounded slopes cannot explode.
    """
    rate, last = float(outcome.rows[-1, 4]), float(outcome.rows[-1, 1])
    if outcome.reason not in (StopReason.MAX_ITER, StopReason.NO_IMPROVEMENT) or not last > start:
        return outcome.reason
    limit = problem.largest_stable_rate
    return StopReason.DIVERGED if limit is not None and rate > limit else outcome.reason


def gap_at(problem: Problem, parameters: Array) -> float | None:
    """J - J* at one place (p,), where the optimum is known."""
    if problem.optimum is None or problem.smooth is None:
        return None
    return problem.smooth.excess_and_gradient(parameters)[0]


def find_out(
    problem: Problem, request: Request, outcome: Outcome, *, restored: bool, gaps: tuple[float | None, float | None]
) -> Finding:
    """Why the run stopped, and how far from the optimum that is."""
    epoch, rate, best = int(outcome.rows[-1, 0]), float(outcome.rows[-1, 4]), outcome.best
    if outcome.reason is StopReason.DIVERGED:
        return explain_divergence(problem, epoch, rate, best.epoch)
    stop = explain_stop(
        problem,
        outcome.reason,
        request.limits,
        epoch=epoch,
        rate=rate,
        gap=gaps[0],
        start_gap=gaps[1],
        mapping=float(outcome.rows[-1, 3]),
    )
    return stop.then(Finding.of("fit.restored", epoch=best.epoch)) if restored else stop


def history_of(problem: Problem, request: Request, outcome: Outcome) -> History:
    """The history in the units of the rows, after that of the run that was continued."""
    coef, intercept = problem.coordinates.to_original(outcome.parameters)
    columns = dict(zip(Row._fields, outcome.rows.T, strict=True))
    if request.validation_source is None:
        del columns["validation_mse"]
    history = History(columns, coef, intercept, problem.source.schema.names)
    earlier = None if request.going_on is None else request.going_on.history
    return history if earlier is None else earlier.followed_by(history)
