"""What happened, in sentences with numbers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.problem import Problem
from downslope.step_rules import Nesterov, stable_product
from downslope.stopping import StopReason

__all__ = ["dominant_column", "explain_divergence", "explain_stop", "name_list"]

Array = NDArray[np.float64]


def name_list(names: list[str], most: int = 5) -> str:
    """'a', 'b' and 3 more."""
    shown = [f"'{name}'" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def dominant_column(direction: Array, names: list[str]) -> str:
    """The column with the largest share in a direction of the parameters."""
    return (*(f"column '{name}'" for name in names), "the intercept")[int(np.argmax(np.abs(direction)))]


def explain_divergence(problem: Problem, names: list[str], epoch: int, rate: float, kept: int) -> str:
    """The sentence of a run that blew up: the rate, the largest stable one, the cause, and a rate to try."""
    told, restored = f"Diverged at epoch {epoch}", f"the best epoch, {kept}, was restored"
    product = stable_product(problem.settings.rule)
    if not np.isfinite(product) or not np.isfinite(problem.settings.loss.curvature):
        return f"{told} with learning_rate {rate:.4g}; {restored}. Try learning_rate='auto', or {rate / 10:.2g}."
    curvature, direction = problem.steepest()
    limit, measure = product / curvature, "λ_max"
    if problem.stochastic and problem.largest_stable_rate:
        limit, curvature = problem.largest_stable_rate, problem.batch_curvature
        measure = "curvature of single rows" if problem.batch == 1 else f"curvature of batches of {problem.batch} rows"
    scaled = "" if problem.settings.standardize else ", or standardize=True"
    if rate <= limit:
        return f"{told} with learning_rate {rate:.4g} (largest stable {limit:.4g}); {restored}. Try {0.1 * rate:.2g}."
    return (
        f"{told}: learning_rate {rate:.4g} is above the largest stable {limit:.4g} ({measure} = {curvature:.4g}, "
        f"dominated by {dominant_column(direction, names)}); {restored}. Try {0.9 * limit:.2g}{scaled}."
    )


def explain_stop(
    problem: Problem,
    reason: StopReason,
    *,
    epoch: int,
    rate: float,
    gap: float | None,
    start_gap: float | None,
    mapping: float,
    limits: Mapping[str, float | int | None],
) -> str:
    """One sentence on why the run stopped and how far from the optimum that is.

    Parameters
    ----------
    problem : Problem
    reason : StopReason
    epoch, rate : the last epoch, and the rate of its update
    gap, start_gap : J - J* of the result and of the start, or None
    mapping : the norm of the gradient mapping at the last epoch
    limits : what the user asked for: tol, stop_below, max_iter, n_iter_no_change
    """
    told = {
        StopReason.STOP_BELOW: f"Stopped at epoch {epoch}: the mean squared error is below stop_below = "
        f"{limits['stop_below']}",
        StopReason.CONVERGED: f"Converged at epoch {epoch}",
        StopReason.NO_IMPROVEMENT: f"Stopped at epoch {epoch}: {stalled(limits)}",
        StopReason.MAX_ITER: f"Stopped at max_iter = {limits['max_iter']} epochs",
        StopReason.INTERRUPTED: f"Interrupted at epoch {epoch}; the model so far is kept",
        StopReason.CALLBACK: f"A callback stopped the run at epoch {epoch}",
    }[reason]
    wanted_more = reason is StopReason.MAX_ITER and bool(limits["tol"] or limits["stop_below"])
    return f"{told}; {certificate(problem, gap, start_gap, mapping)}.{advice(problem, rate) if wanted_more else ''}"


def stalled(limits: Mapping[str, float | int | None]) -> str:
    """What has not improved, and for how long."""
    if limits["n_iter_no_change"] is not None:
        return f"no better validation error for {limits['n_iter_no_change']} epochs"
    return f"the objective has not fallen by a share of {limits['tol']} for {limits['window']} epochs"


def certificate(problem: Problem, gap: float | None, start_gap: float | None, mapping: float) -> str:
    """How far from the optimum the result can be, as far as that can be known."""
    if gap is not None:
        share = f" ({gap / start_gap:.1e} of that of the start)" if start_gap else ""
        return f"the objective is {gap:.3g} above its exact minimum{share}"
    kind = "proximal gradient mapping" if problem.settings.penalty.l1 else "gradient"
    if np.isfinite(problem.settings.loss.curvature):
        return f"the {kind} is {mapping:.3g} (the minimum itself is not known in closed form)"
    none = "no exact certificate exists for a loss with kinks"
    if problem.settings.learning_rate != "auto" or problem.engine == "stochastic":
        return f"the sub{kind} is {mapping:.3g}, and {none}"
    return (
        f"the {kind} of the smoothed loss is {mapping:.3g}; smoothing costs at most 0.1 % of the objective, and {none}"
    )


def advice(problem: Problem, rate: float) -> str:
    """What to do about a run that ended too early."""
    limit, chosen = problem.largest_stable_rate, problem.settings.learning_rate != "auto"
    if limit is not None and chosen and rate > limit:
        return f" The learning_rate {rate:.4g} is above the largest stable {limit:.4g}: try {0.9 * limit:.2g}."
    if limit is not None and chosen and rate < 0.1 * limit:
        return f" The learning_rate {rate:.4g} is far below the largest stable {limit:.4g}: try {0.5 * limit:.2g}."
    if chosen:
        return " Raise max_iter, or try learning_rate='auto'."
    if not problem.settings.standardize:
        return " Raise max_iter, or try standardize=True."
    if problem.stochastic and np.isfinite(problem.settings.loss.curvature):
        return " Raise max_iter, or try method='saga'."
    if isinstance(problem.settings.rule, Nesterov):
        return " Raise max_iter, or tol if this is near enough."
    return " Raise max_iter, or try method='nesterov'."
