"""What happened in passes over single rows, as findings with numbers."""

import numpy as np

from downslope.descent.loop import Row
from downslope.descent.stopping import StopReason
from downslope.fitting.explanation import dominant_column
from downslope.fitting.problem import Problem
from downslope.objective.losses import slope_bound
from downslope.objective.objective import Evaluation
from downslope.scikit_sgd.minimum import Missed, Sight
from downslope.scikit_sgd.passes import SgdOutcome
from downslope.scikit_sgd.task import Rule, SgdTask
from downslope.texts import Finding, Remedy

__all__ = ["explain_divergence", "explain_early_stop", "explain_missed", "explain_stop", "forgive_weightless"]

# An objective that still falls by this share in the passes that a stop rule waits for has not settled.
STILL_FALLING = 0.02
# Slopes are cut here, as in scikit-learn.
STEEPEST = 1e12
# Residuals that are so many times the largest slope of the loss take as many steps as there is no time for.
SLOW_SLOPES = 30.0
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
        return Finding.of("sgd.diverged_below", limit=limit, peak=largest_target(task), **told)
    advice = advise_lower_rate(task.rule, limit)
    dominant = dominant_column(problem.steepest()[1], task.names)
    numbers = {"limit": limit, "curvature": problem.batch_curvature, "dominant": dominant}
    return Finding.of("sgd.diverged_above", *advice.remedies, advice=advice, **numbers, **told)


def largest_target(task: SgdTask) -> float:
    """The largest target of a row of weight."""
    return float(np.abs(task.y if task.weight is None else task.y[task.weight != 0]).max())


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


def forgive_weightless(task: SgdTask, outcome: SgdOutcome) -> SgdOutcome:
    """The outcome without slopes that were cut on rows of weight 0 alone, which no step is made of."""
    sums, state = outcome.sums, outcome.state
    if sums is None or not outcome.cut or task.weight is None or task.weight.all():
        return outcome
    rows = np.flatnonzero(task.weight)
    with np.errstate(all="ignore"):
        residual = np.asarray(task.X[rows] @ state.coef + state.intercept - task.y[rows], dtype=np.float64)
        slopes = np.abs(task.rule.loss.value_and_derivative(residual)[1])
    return outcome if not np.all(slopes <= STEEPEST) else outcome._replace(sums=sums._replace(clipped=0.0))


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
    if task.held_out is not None and task.held_out.too_few:
        n_held, n_rows = task.held_out.y.size, task.y.size
        few = Finding.of("sgd.few_held_out", Remedy("validation_fraction"), n_held=n_held, n_rows=n_rows)
        stopped = stopped.then(few)
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
    if task.weight is not None:
        # What the rule saw has no weights, and rows of weight 0 in it.
        objectives = outcome.records[1:, Row._fields.index("objective")].tolist()
    if task.tol is None or task.held_out is not None or len(objectives) <= window or not task.tol > 2.0 * fair:
        return None
    before, last = min(objectives[:-window]), min(objectives[-window:])
    if not before - last > max(fair, STILL_FALLING * before):
        return None
    share = 100 * (before - last) / before
    return Finding.of("sgd.early", Remedy("tol", fair), tol=task.tol, last=last, share=share)


def explain_missed(task: SgdTask, reason: StopReason, missed: Missed, sight: Sight, seen: Evaluation) -> Finding:
    """What a fit has missed, and what to change.

    Parameters
    ----------
    task : SgdTask
    reason : StopReason
    missed : Missed
    sight : Sight
        The rows that were looked at.
    seen : Evaluation
        What all rows say of the fit.
    """
    numbers = {"objective": missed.objective, "rms": float(np.sqrt(missed.mse)), "own": float(np.sqrt(seen.mse))}
    if missed.kind == "penalty":
        remedy, (low, _) = Remedy("alpha"), sizes_of(sight)
        return Finding("sgd.penalised", {**numbers, "alpha": task.rule.alpha, "low": low}, (remedy,))
    if missed.kind == "tube":
        epsilon = task.rule.loss.epsilon  # type: ignore[attr-defined]
        return Finding(
            "sgd.within", {**numbers, "epsilon": epsilon, "share": 100 * missed.covered}, (Remedy("epsilon"),)
        )
    advice = advise_to_go_on(task, sight, numbers["own"], reason)
    return Finding("sgd.no_minimum", {**numbers, "advice": advice}, advice.remedies)


def advise_to_go_on(task: SgdTask, sight: Sight, residual: float, reason: StopReason) -> Finding:
    """What keeps the steps from the minimum, and what to do about it."""
    if not sight.fair_columns:
        low, high = sizes_of(sight)
        return Finding.of("sgd.scale_columns", low=low, high=high)
    steepest = slope_bound(task.rule.loss)
    if residual > SLOW_SLOPES * steepest:
        return Finding.of("sgd.slopes_bounded", Remedy("epsilon"), steepest=steepest, residual=residual)
    if not isinstance(task.X, np.ndarray) and task.rule.fit_intercept:
        return Finding.of("sgd.slow_intercept", Remedy("max_iter"), Remedy("tol", None))
    if reason is StopReason.MAX_ITER:
        return Finding.of("sgd.go_on_longer", Remedy("max_iter"), Remedy("eta0"))
    return Finding.of("sgd.go_on", Remedy("tol"), Remedy("eta0"))


def sizes_of(sight: Sight) -> tuple[float, float]:
    """The smallest and the largest size of the columns that change."""
    sizes = sight.sizes[sight.sizes > 0]
    return (float(sizes.min()), float(sizes.max())) if sizes.size else (1.0, 1.0)
