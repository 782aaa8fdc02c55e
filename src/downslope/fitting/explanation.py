"""What happened, in sentences with numbers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.descent.stopping import StopReason
from downslope.fitting.problem import Problem
from downslope.steps.rules import fastest_heavy_ball

__all__ = ["dominant_column", "explain_descent", "explain_divergence", "explain_stop", "name_list"]

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
    product = problem.settings.rule.stable_product
    if not np.isfinite(product) or problem.settings.loss.kinked:
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


def explain_descent(
    landscape: Landscape, names: list[str], *, method: str, n_iter: int, rate: float, coef: Array, intercept: float
) -> str:
    """Sentences on a descent that has ended: rate against limit, the slow direction, the way left, and what is faster.

    Parameters
    ----------
    landscape : Landscape
    names : list of str
    method : str
    n_iter : int
    rate : float
        Of the last update.
    coef, intercept : array (d,), float
        The model.
    """
    told, limit = [], landscape.largest_stable_rate
    if limit is not None:
        told.append(
            f"The learning rate {rate:.4g} was {rate / limit:.2g} of the largest stable {limit:.4g}, which "
            f"{dominant_column(landscape.directions[:, 0], names)} sets."
        )
    left = landscape.spectrum.excess_along(landscape.coordinates.from_original(coef, intercept))
    gap = float(left.sum())
    if gap > 0:
        slow = int(np.argmax(left))
        share, kept = left[slow] / gap, landscape.contraction(rate)[slow]
        pace = f", where a step keeps {kept:.4%} of the error" if np.isfinite(kept) else ""
        told.append(
            f"{share:.0%} of the {gap:.3g} that is left above the minimum lies along the direction of curvature "
            f"{landscape.eigenvalues[slow]:.3g}, dominated by {dominant_column(landscape.directions[:, slow], names)}"
            f"{pace}."
        )
    told += [worst_coefficient(landscape, names, coef, intercept), faster(landscape, method, n_iter)]
    return " ".join(sentence for sentence in told if sentence)


def worst_coefficient(landscape: Landscape, names: list[str], coef: Array, intercept: float) -> str:
    """The parameter that is farthest from its optimum: in standard errors where these are known."""
    if landscape.spectrum.n_null:
        return "The rows do not determine all coefficients, so none can be said to be wrong."
    best_coef, best_intercept = landscape.coordinates.to_original(landscape.optimum)
    errors, n_features = landscape.standard_errors, best_coef.size
    off = np.append(coef - best_coef, intercept - float(best_intercept))
    best = np.append(best_coef, best_intercept)
    unit = np.abs(best) if errors is None else np.append(errors.coef, errors.intercept)
    size = np.divide(np.abs(off), unit, out=np.zeros_like(off), where=unit > 0)
    worst = int(np.argmax(size))
    name = f"coefficient of '{names[worst]}'" if worst < n_features else "intercept"
    measure = f"{size[worst]:.2g} of its size" if errors is None else f"{size[worst]:.2g} standard errors"
    return f"The {name} is the farthest from its optimum {best[worst]:.6g}: by {abs(off[worst]):.3g}, {measure}."


def faster(landscape: Landscape, method: str, n_iter: int) -> str:
    """What would have taken far fewer epochs than plain steps."""
    steep, flat = landscape.spectrum.largest, landscape.spectrum.smallest
    if method != "gd" or not flat or n_iter < 10 * np.sqrt(steep / flat):
        return ""
    rate, momentum = fastest_heavy_ball(steep, flat)
    return f"method='momentum' with learning_rate={rate:.4g} and momentum={momentum:.4g} is the faster way to go on."


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
    if not problem.settings.loss.kinked:
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
    if problem.stochastic and not problem.settings.loss.kinked:
        return " Raise max_iter, or try method='saga'."
    if problem.settings.rule.looks_ahead:
        return " Raise max_iter, or tol if this is near enough."
    return " Raise max_iter, or try method='nesterov'."
