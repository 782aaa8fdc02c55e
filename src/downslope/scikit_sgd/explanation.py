"""What happened in passes over single rows, in sentences with numbers."""

import numpy as np

from downslope.descent.stopping import StopReason
from downslope.fitting.explanation import dominant_column
from downslope.fitting.problem import Problem
from downslope.scikit_sgd.passes import RowOutcome
from downslope.scikit_sgd.task import RowTask

__all__ = ["ended_early", "explain_row_divergence", "explain_row_stop"]

# An objective that still falls by this share in the passes that a stop rule waits for has not settled.
STILL_FALLING = 0.02
# The default of `tol` as a share of the objective of the start.
FAIR_SHARE = 1e-3


def explain_row_divergence(
    task: RowTask, outcome: RowOutcome, problem: Problem | None, last: float, first: float, restored: int | None
) -> str:
    """The sentence of a run that blew up: what shows it, the rate, the largest stable one, its cause, what to try.

    Parameters
    ----------
    task : RowTask
    outcome : RowOutcome
    problem : Problem or None
        The rows' curvature, where it is known.
    last, first : float
        The objective of the result, and of the start or of predicting zero.
    restored : int or None
    """
    rule, sums = task.rule, outcome.sums
    assert sums is not None
    if outcome.overflowed:
        shown = f"the coefficients overflowed, and pass {restored} was restored"
    elif outcome.cut:
        shown = f"{sums.clipped:,.0f} of {max(sums.weight, sums.clipped):,.0f} slopes of the last pass were cut at 1e12"
        if task.weight is not None:
            shown = f"{sums.clipped:,.0f} slopes of the last pass were cut at 1e12"
    else:
        shown = f"the objective is {last:.3g}, that of predicting zero is {first:.3g}"
    told = f"Diverged at epoch {outcome.n_iter}: {shown}"
    rate = rule.first_rate
    used = f"a rate of {rate:.4g} (learning_rate={rule.schedule!r}"
    used += ")" if rule.schedule == "optimal" else f", eta0={rule.eta0:g})"
    limit = None if problem is None else problem.largest_stable_rate
    if problem is None or limit is None:
        return f"{told}; divide the columns and y by constants so that they are about 1, or lower {used}."
    if rate <= limit:
        peak = float(np.abs(task.y).max())
        return (
            f"{told}, though {used} is below the largest stable {limit:.4g}: y reaches {peak:.3g}, so divide it by a "
            "constant."
        )
    dominant = dominant_column(problem.steepest()[1], task.names)
    lower = "learning_rate='invscaling'" if rule.schedule == "optimal" else f"eta0={0.5 * limit:.2g}"
    return (
        f"{told}; {used} is above the largest stable {limit:.4g} (curvature of single rows = "
        f"{problem.batch_curvature:.4g}, dominated by {dominant}). Scale the columns (StandardScaler), try {lower}, or "
        "use GradientDescentRegressor, which measures its rate."
    )


def explain_row_stop(task: RowTask, outcome: RowOutcome, reason: StopReason, objective: float, slope: float) -> str:
    """One sentence on why the passes ended and where that is."""
    watched = "objective has not fallen" if task.held_out is None else "validation score has not risen"
    told = {
        StopReason.NO_IMPROVEMENT: f"Stopped at epoch {outcome.n_iter}: the running {watched} by tol = {task.tol} for "
        f"{task.n_iter_no_change} passes",
        StopReason.MAX_ITER: f"Stopped at max_iter = {task.max_iter} passes",
        StopReason.INTERRUPTED: f"Interrupted in pass {outcome.n_iter}; the model so far is kept",
    }[reason]
    if task.held_out is not None:
        told = told.replace("the running validation", "the validation")
    advice = ""
    if reason is StopReason.MAX_ITER and task.tol is not None:
        advice = " Raise max_iter, or set tol=None if so many passes are what is wanted."
    return f"{told}; the objective is {objective:.4g} and its gradient {slope:.3g}.{advice}"


def ended_early(task: RowTask, outcome: RowOutcome, first: float) -> str | None:
    """A sentence where `tol` ended the run only because it is absolute.

    That is so where the objective was still falling, and a `tol` that is a share of `first`, the objective of the
    start, would have let it.
    """
    window, objectives, fair = task.n_iter_no_change, outcome.objectives, FAIR_SHARE * first
    if task.tol is None or task.held_out is not None or len(objectives) <= window or not task.tol > 2.0 * fair:
        return None
    before, last = min(objectives[:-window]), min(objectives[-window:])
    if not before - last > max(fair, STILL_FALLING * before):
        return None
    return (
        f" But tol = {task.tol:g} is absolute, and the objective itself is {last:.3g}: it still fell by "
        f"{100 * (before - last) / before:.2g} % in those passes. Set tol={fair:.1g}, or multiply y by a constant."
    )
