"""What a descent has come to: which state is kept, how far from the optimum it is, and what to say of it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.descent.engines import Engine
from downslope.descent.history import History
from downslope.descent.loop import Outcome, Row
from downslope.descent.stopping import StopReason
from downslope.fitting.distance import distance, standard_errors
from downslope.fitting.explanation import Left, explain_divergence, explain_stop, falls_short
from downslope.fitting.optimum import Optimum
from downslope.fitting.problem import Problem
from downslope.fitting.proving import Ended
from downslope.fitting.replayable import Replayable
from downslope.fitting.request import Continuation, Request, Solution
from downslope.fitting.start import Start
from downslope.objective.dual import Proof
from downslope.texts import Finding

__all__ = ["conclude", "judge"]

Array = NDArray[np.float64]


def conclude(
    problem: Problem,
    request: Request,
    ended: Ended,
    start: Array,
    start_objective: float,
    replayable: Replayable | Finding,
) -> Solution:
    """Restore the best state where that is due, and say what happened.

    Parameters
    ----------
    problem : Problem
    request : Request
    ended : Ended
    start : array (p,)
    start_objective : float
        J there.
    replayable : Replayable or Finding
    """
    outcome, best = ended.outcome, ended.outcome.best
    epoch, rate = int(outcome.rows[-1, 0]), rate_of(outcome)
    # What is found after a divergence, or after the error has begun to rise, is given up; steps on kinks only wander.
    given_up = outcome.reason is StopReason.DIVERGED or request.limits.patience is not None
    restoring = (given_up or problem.settings.loss.kinked) and best.epoch != epoch and np.isfinite(best.score)
    parameters = best.parameters if restoring else outcome.parameters[-1]
    coef, intercept = problem.coordinates.to_original(parameters)
    begun, level = problem.coordinates.to_original(start)
    kept = best.score if restoring and request.limits.patience is None else float(outcome.rows[-1, 1])
    gap, start_gap = gap_at(problem, ended, parameters, kept), gap_at(problem, ended, start, start_objective)
    history, exact = history_of(problem, request, outcome), problem.optimum is not None
    several = ended.proof is not None and ended.proof.doubt is None and ended.proof.bound > 0
    off, mapping = off_by(problem, ended, parameters), float(outcome.rows[-1, 3])
    left = Left(gap, start_gap, exact, off, mapping, ended.solved, several)
    return Solution(
        coef=coef,
        intercept=float(intercept),
        start=Start(begun, float(level)),
        n_iter=epoch,
        restored_epoch=best.epoch if restoring else None,
        history=history,
        reason=outcome.reason,
        finding=find_out(problem, request, outcome, restored=restoring, left=left),
        falls_short=falls_short(outcome.reason, problem, request.limits, left),
        engine=engine_of(problem, ended),
        learning_rate=rate,
        optimum=problem.optimum or optimum_of(problem, ended.proof),
        gap=gap,
        problem=problem,
        continuation=Continuation(
            problem.coordinates,
            best.state._replace(best=best) if restoring and given_up else ended.state,
            start,
            start_objective,
            history.upto(ended.state.epoch) if ended.solved else history,
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


def gap_at(problem: Problem, ended: Ended, parameters: Array, objective: float) -> float | None:
    """J less the lower bound of J* at one place (p,), where J is `objective`; less J* itself where that is known."""
    if problem.optimum is not None and problem.smooth is not None:
        return problem.smooth.excess_and_gradient(parameters)[0]
    return None if ended.bound is None else max(objective - ended.bound, 0.0)


def rate_of(outcome: Outcome) -> float:
    """The rate of the last update that had one."""
    rates = outcome.rows[:, 4]
    known = rates[~np.isnan(rates)]
    return float(known[-1]) if known.size else float("nan")


def engine_of(problem: Problem, ended: Ended) -> Engine:
    """The engine, whose reason names a solve that ended its descent."""
    if not ended.solved or ended.proof is None:
        return problem.engine
    return Engine(str(problem.engine), Finding.of("engine.solve", reason=problem.engine.finding, band=ended.proof.band))


def optimum_of(problem: Problem, proof: Proof | None) -> Optimum | None:
    """The minimum that was found, in the units of the rows."""
    if proof is None:
        return None
    coef, intercept = problem.coordinates.to_original(proof.parameters)
    if proof.doubt is None:
        return Optimum(coef, float(intercept), proof.objective, 0, unique=False, condition=np.inf)
    condition = np.inf if problem.least_squares is None else problem.least_squares.condition
    digits = problem.digits_of(proof.parameters, proof.doubt)
    return Optimum(coef, float(intercept), proof.objective, digits, unique=True, condition=condition)


def find_out(problem: Problem, request: Request, outcome: Outcome, *, restored: bool, left: Left) -> Finding:
    """Why the run stopped, and how far from the optimum that is."""
    epoch, rate, best = int(outcome.rows[-1, 0]), rate_of(outcome), outcome.best
    if outcome.reason is StopReason.DIVERGED:
        return explain_divergence(problem, epoch, rate, best.epoch)
    stop = explain_stop(problem, outcome.reason, request.limits, epoch=epoch, rate=rate, left=left)
    return stop.then(Finding.of("fit.restored", epoch=best.epoch)) if restored else stop


def off_by(problem: Problem, ended: Ended, parameters: Array) -> float | None:
    """The distance of parameters (p,) from the optimum in standard errors; None where nobody can tell, or need to."""
    known = problem.optimum
    if known is not None:
        optimum = problem.coordinates.from_original(known.coef, known.intercept) if known.unique else None
    else:
        optimum = None if ended.proof is None or ended.proof.doubt is None else ended.proof.parameters
    if optimum is None or ended.solved or ended.outcome.reason in (StopReason.DIVERGED, StopReason.INTERRUPTED):
        return None
    errors = standard_errors(problem, optimum) if ended.errors is None else ended.errors
    return distance(parameters, optimum, errors)


def history_of(problem: Problem, request: Request, outcome: Outcome) -> History:
    """The history in the units of the rows, after that of the run that was continued."""
    coef, intercept = problem.coordinates.to_original(outcome.parameters)
    columns = dict(zip(Row._fields, outcome.rows.T, strict=True))
    if request.validation_source is None:
        del columns["validation_mse"]
    history = History(columns, coef, intercept, problem.source.schema.names)
    earlier = None if request.going_on is None else request.going_on.history
    return history if earlier is None else earlier.followed_by(history)
