"""What happened in passes over single rows, as findings with numbers."""

import numpy as np

from downslope.descent.stopping import StopReason
from downslope.fitting.explanation import dominant_column
from downslope.fitting.problem import Problem
from downslope.scikit_sgd.passes import SgdOutcome
from downslope.scikit_sgd.task import Rule, SgdTask
from downslope.texts import Finding, Remedy

__all__ = ["explain_divergence", "explain_early_stop", "explain_stop"]

# An objective that still falls by this share in the passes that a stop rule waits for has not settled.
STILL_FALLING = 0.02
# The default of `tol` as a share of the objective of the start.
FAIR_SHARE = 1e-3


def explain_divergence(
    task: SgdTask, outcome: SgdOutcome, problem: Problem | None, last: float, first: float, restored: int | None
) -> Finding:
    """What a run that blew up has to say: what shows it, the rate, the largest stable one, its cause, what to try.

    Parameters
    ----------
    task : SgdTask
    outcome : SgdOutcome
    problem : Problem or None
        The rows' curvature, where it is known.
    last, first : float
        The objective of the result, and of the start or of predicting zero.
    restored : int or None
    """
    told = {
        "epoch": outcome.n_iter,
        "shown": describe_evidence(task, outcome, last, first, restored),
        "used": describe_rate(task.rule),
    }
    limit = None if problem is None else problem.largest_stable_rate
    if problem is None or limit is None:
        return Finding.of("sgd.diverged", Remedy("eta0"), **told)
    if task.rule.first_rate <= limit:
        return Finding.of("sgd.diverged_below", limit=limit, peak=float(np.abs(task.y).max()), **told)
    advice = advise_lower_rate(task.rule, limit)
    dominant = dominant_column(problem.steepest()[1], task.names)
    numbers = {"limit": limit, "curvature": problem.batch_curvature, "dominant": dominant}
    return Finding.of("sgd.diverged_above", *advice.remedies, advice=advice, **numbers, **told)


def describe_evidence(task: SgdTask, outcome: SgdOutcome, last: float, first: float, restored: int | None) -> Finding:
    """By what a run is known to have blown up."""
    sums = outcome.sums
    assert sums is not None
    if outcome.overflowed:
        return Finding.of("sgd.overflowed", restored=restored)
    if not outcome.cut:
        return Finding.of("sgd.risen", last=last, first=first)
    clipped = float(sums.clipped)
    if task.weight is not None:
        return Finding.of("sgd.cut", clipped=clipped)
    return Finding.of("sgd.cut_of", clipped=clipped, total=max(float(sums.weight), clipped))


def describe_rate(rule: Rule) -> Finding:
    """The rate of the first update, and the parameters that it comes from."""
    if rule.schedule == "optimal":
        return Finding.of("sgd.optimal_rate", rate=rule.first_rate, learning_rate=rule.schedule)
    return Finding.of("sgd.rate", rate=rule.first_rate, learning_rate=rule.schedule, eta0=rule.eta0)


def advise_lower_rate(rule: Rule, limit: float) -> Finding:
    """What to do about a rate beyond the largest stable one."""
    if rule.schedule == "optimal":
        return Finding.of("sgd.other_schedule", Remedy("learning_rate", "invscaling"))
    return Finding.of("sgd.lower_eta0", Remedy("eta0", 0.5 * limit))


def explain_stop(task: SgdTask, outcome: SgdOutcome, reason: StopReason, objective: float, slope: float) -> Finding:
    """Why the passes ended, and where that is."""
    told = describe_rule(task, outcome.n_iter, reason)
    stopped = Finding.of("sgd.stopped", told=told, objective=objective, slope=slope)
    if reason is not StopReason.MAX_ITER or task.tol is None:
        return stopped
    return stopped.then(Finding.of("sgd.raise_max_iter", Remedy("max_iter"), Remedy("tol", None)))


def describe_rule(task: SgdTask, epoch: int, reason: StopReason) -> Finding:
    """The rule that fired."""
    if reason is StopReason.MAX_ITER:
        return Finding.of("sgd.all_passes", max_iter=task.max_iter)
    if reason is StopReason.INTERRUPTED:
        return Finding.of("sgd.interrupted", epoch=epoch)
    code = "sgd.not_fallen" if task.held_out is None else "sgd.not_risen"
    return Finding.of(code, epoch=epoch, tol=task.tol, patience=task.n_iter_no_change)


def explain_early_stop(task: SgdTask, outcome: SgdOutcome, first: float) -> Finding | None:
    """What there is to say where `tol` ended the run only because it is absolute.

    That is so where the objective was still falling, and a `tol` that is a share of `first`, the objective of the
    start, would have let it.
    """
    window, objectives, fair = task.n_iter_no_change, outcome.objectives, FAIR_SHARE * first
    if task.tol is None or task.held_out is not None or len(objectives) <= window or not task.tol > 2.0 * fair:
        return None
    before, last = min(objectives[:-window]), min(objectives[-window:])
    if not before - last > max(fair, STILL_FALLING * before):
        return None
    share = 100 * (before - last) / before
    return Finding.of("sgd.early", Remedy("tol", fair), tol=task.tol, last=last, share=share)
