"""What happened, as findings with numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.descent.stopping import StopReason
from downslope.fitting.problem import Problem
from downslope.fitting.request import Limits
from downslope.steps.rules import fastest_heavy_ball
from downslope.texts import Finding, Remedy

__all__ = ["Left", "dominant_column", "explain_descent", "explain_divergence", "explain_stop", "falls_short"]

Array = NDArray[np.float64]

# What may be left of the way from the start to the minimum before it is warned of: by steps on a part of the rows, and
# by a run that was to stop early.
NOISE, EARLY = 1e-2, 0.1
# Standard errors within which the rows leave open where the optimum is.
OPEN = 3.0


def dominant_column(direction: Array, names: Sequence[str]) -> Finding:
    """The column with the largest share in a direction of the parameters."""
    largest = int(np.argmax(np.abs(direction)))
    if largest == len(names):
        return Finding("fit.intercept")
    return Finding.of("fit.column", column=names[largest])


def explain_divergence(problem: Problem, epoch: int, rate: float, kept: int) -> Finding:
    """Why a run blew up: the rate, the largest stable one, the cause, and a rate to try.

    Parameters
    ----------
    problem : Problem
    epoch : int
        At which it was noticed.
    rate : float
    kept : int
        The epoch that was restored.
    """
    settings, numbers = problem.settings, {"epoch": epoch, "rate": rate, "kept": kept}
    product = settings.rule.stable_product
    if not np.isfinite(product) or settings.loss.kinked:
        if settings.automatic:
            lower = Remedy("learning_rate", rate / 10)
            return Finding("fit.diverged_automatic", {**numbers, "suggested": rate / 10}, (lower,))
        automatic = Remedy("learning_rate", "auto")
        return Finding("fit.diverged_without_limit", {**numbers, "suggested": rate / 10}, (automatic,))
    curvature, direction = problem.steepest()
    limit, measure = product / curvature, Finding("fit.curvature_of_all")
    if problem.stochastic and problem.largest_stable_rate:
        limit, curvature = problem.largest_stable_rate, problem.batch_curvature
        measure = Finding.of("fit.curvature_of_batches", batch=problem.batch)
        measure = Finding("fit.curvature_of_rows") if problem.batch == 1 else measure
    numbers["limit"] = limit
    if rate <= limit:
        return Finding(
            "fit.diverged_below_limit", {**numbers, "suggested": 0.1 * rate}, (Remedy("learning_rate", 0.1 * rate),)
        )
    cause = {
        "measure": measure,
        "curvature": curvature,
        "dominant": dominant_column(direction, problem.source.schema.spoken_names),
        "suggested": 0.9 * limit,
    }
    remedies = (Remedy("learning_rate", 0.9 * limit), Remedy("standardize", True))
    if settings.standardize:
        return Finding("fit.diverged", {**numbers, **cause}, remedies[:1])
    return Finding("fit.diverged_in_raw_columns", {**numbers, **cause}, remedies)


class Left(NamedTuple):
    """How far a run has come.

    Attributes
    ----------
    gap, start_gap : float or None
        J - J* of the result and of the start, or J less a lower bound of J*; None where nothing was looked at.
    exact : bool
        Whether J* is known, and not only a bound of it.
    off : float or None
        The largest distance of a parameter from the optimum, in its standard errors.
    mapping : float
        The norm of the gradient mapping at the last epoch.
    solved : bool
        Whether the last update is the exact solve.
    several : bool
        Whether other coefficients may be as good as the best that were found.
    """

    gap: float | None
    start_gap: float | None
    exact: bool
    off: float | None
    mapping: float
    solved: bool = False
    several: bool = False

    @property
    def share(self) -> float | None:
        """What is left of the way from the start."""
        return self.gap / self.start_gap if self.gap is not None and self.start_gap else None


def explain_stop(
    problem: Problem, reason: StopReason, limits: Limits, *, epoch: int, rate: float, left: Left
) -> Finding:
    """Why the run stopped and how far from the optimum that is.

    Parameters
    ----------
    problem : Problem
    reason : StopReason
    limits : Limits
        What the user asked for.
    epoch, rate : the last epoch, and the rate of its update
    left : Left
    """
    numbers = {
        "epoch": epoch,
        "max_iter": limits.max_iter,
        "stop_below": limits.stop_below,
        "tol": limits.tol,
        "window": limits.window,
    }
    cause = Finding(f"stopped.{reason.value}", numbers)
    if reason is StopReason.NO_IMPROVEMENT and limits.patience is None:
        noisy = problem.engine == "stochastic" and not problem.settings.rule.remembers_rows
        code = "solve_unproven" if left.solved else "objective_does_not_fall" if noisy else "small_gradient"
        cause = Finding(f"stopped.{code}", numbers)
    stop = Finding.of("fit.stop", cause=cause, certificate=certificate(problem, left))
    wanted_more = reason is StopReason.MAX_ITER and bool(limits.tol or limits.stop_below)
    return stop.then(advise(problem, rate)) if wanted_more else stop


def certificate(problem: Problem, left: Left) -> Finding:
    """How far from the optimum the result can be, as far as that is known."""
    if left.gap is None:
        kind = "mapping" if problem.settings.penalty.l1 else "gradient"
        return Finding.of(f"certificate.{kind}", size=left.mapping)
    code = "gap" if left.exact else "at_most"
    numbers = {"gap": left.gap, "share": left.share}
    found = Finding(f"certificate.{code}" if left.share is None else f"certificate.{code}_and_share", numbers)
    if left.several:
        return Finding.of("certificate.several", certificate=found)
    if left.off is None or not np.isfinite(left.off):
        return found
    return Finding.of("certificate.with_distance", certificate=found, off=left.off)


def falls_short(reason: StopReason, problem: Problem, limits: Limits, left: Left) -> bool:
    """Whether a run has ended farther from the optimum than was asked for, which is to be warned of.

    Noise keeps mini-batches from the last digits, and an early stop means not to go there.
    """
    if reason is StopReason.MAX_ITER:
        return bool(limits.tol or limits.stop_below)
    if reason is not StopReason.NO_IMPROVEMENT:
        return False
    if limits.patience is not None:
        near = left.off is not None and left.off <= OPEN
        return limits.tol > 0 and not near and (left.share is None or left.share > EARLY)
    return left.share is None or left.share > (NOISE if problem.engine == "stochastic" else 0.0)


def advise(problem: Problem, rate: float) -> Finding:
    """What to do about a run that ended too early."""
    settings, limit = problem.settings, problem.largest_stable_rate
    if limit is not None and not settings.automatic and not 0.1 * limit <= rate <= limit:
        far, suggested = ("above", 0.9) if rate > limit else ("far_below", 0.5)
        numbers = {"rate": rate, "limit": limit, "suggested": suggested * limit}
        return Finding(f"advice.rate_{far}_limit", numbers, (Remedy("learning_rate", suggested * limit),))
    if not settings.automatic:
        return Finding.of("advice.raise_max_iter_or_rate", Remedy("learning_rate", "auto"))
    if not settings.standardize:
        return Finding.of("advice.raise_max_iter_or_standardize", Remedy("standardize", True))
    if problem.stochastic and not settings.loss.kinked and not settings.rule.remembers_rows:
        return Finding.of("advice.raise_max_iter_or", Remedy("method", "saga"))
    if settings.rule.looks_ahead or settings.rule.remembers_rows:
        return Finding("advice.raise_max_iter_or_tol")
    return Finding.of("advice.raise_max_iter_or", Remedy("method", "nesterov"))


def explain_descent(
    landscape: Landscape,
    names: Sequence[str],
    *,
    method: str,
    n_iter: int,
    rate: float,
    coef: Array,
    intercept: float,
) -> list[Finding]:
    """What there is to say of a descent that has ended: rate against limit, slow direction, way left, what is faster.

    Parameters
    ----------
    landscape : Landscape
    names : sequence of str
    method : str
    n_iter : int
    rate : float
        Of the last update.
    coef, intercept : array (d,), float
        The model.
    """
    parts = [
        rate_against_limit(landscape, names, rate),
        slowest_direction(landscape, names, rate, coef, intercept),
        worst_parameter(landscape, names, coef, intercept),
        faster(landscape, method, n_iter),
    ]
    return [part for part in parts if part is not None]


def rate_against_limit(landscape: Landscape, names: Sequence[str], rate: float) -> Finding | None:
    """The rate, and the largest stable one."""
    limit = landscape.largest_stable_rate
    if limit is None:
        return None
    dominant = dominant_column(landscape.directions[:, 0], names)
    return Finding.of("explain.rate", rate=rate, share=rate / limit, limit=limit, dominant=dominant)


def slowest_direction(
    landscape: Landscape, names: Sequence[str], rate: float, coef: Array, intercept: float
) -> Finding | None:
    """The direction along which most of J - J* is left, and how fast that shrinks."""
    left = landscape.spectrum.excess_along(landscape.coordinates.from_original(coef, intercept))
    gap = float(left.sum())
    if not gap > 0:
        return None
    slow = int(np.argmax(left))
    kept = float(landscape.contraction(rate)[slow])
    numbers = {
        "share": float(left[slow] / gap),
        "gap": gap,
        "curvature": float(landscape.eigenvalues[slow]),
        "dominant": dominant_column(landscape.directions[:, slow], names),
    }
    if not np.isfinite(kept):
        return Finding("explain.left", numbers)
    return Finding("explain.left_and_pace", {**numbers, "kept": kept})


def worst_parameter(landscape: Landscape, names: Sequence[str], coef: Array, intercept: float) -> Finding:
    """The parameter that is farthest from its optimum: in standard errors where these are known."""
    if landscape.spectrum.n_null:
        return Finding("explain.undetermined")
    best_coef, best_intercept = landscape.coordinates.to_original(landscape.optimum)
    errors, n_features = landscape.standard_errors, best_coef.size
    off = np.append(coef - best_coef, intercept - float(best_intercept))
    best = np.append(best_coef, best_intercept)
    unit = np.abs(best) if errors is None else np.append(errors.coef, errors.intercept)
    size = np.divide(np.abs(off), unit, out=np.zeros_like(off), where=unit > 0)
    worst = int(np.argmax(size))
    of_column = worst < n_features
    which = Finding.of("explain.coefficient", column=names[worst]) if of_column else Finding("explain.intercept")
    measure = "explain.shares" if errors is None else "explain.standard_errors"
    return Finding.of(
        "explain.worst",
        which=which,
        best=float(best[worst]),
        off=float(abs(off[worst])),
        measure=Finding.of(measure, size=float(size[worst])),
    )


def faster(landscape: Landscape, method: str, n_iter: int) -> Finding | None:
    """What would have taken far fewer epochs than plain steps."""
    steep, flat = landscape.spectrum.largest, landscape.spectrum.smallest
    if method not in ("auto", "gd") or not flat or n_iter < 10 * np.sqrt(steep / flat):
        return None
    rate, momentum = fastest_heavy_ball(steep, flat)
    remedies = Remedy("method", "momentum"), Remedy("learning_rate", rate), Remedy("momentum", momentum)
    return Finding.of("explain.faster", *remedies)
