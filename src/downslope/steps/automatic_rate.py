"""learning_rate="auto": the rates of full batches, of mini-batches and of a stream, from a few numbers.

=========  =====================  ================================  ====================================================
rule       loss                   full batch                        mini-batches, stream
=========  =====================  ================================  ====================================================
steady     squared                1/curvature                       1.5/curvature, falling; 1/curvature of a stream
steady     smooth                 measured on the way;              the same
                                  accelerated steps: 1/curvature,
                                  or more far out where it is straight
steady     with kinks             measured on the way               distance/(length of a subgradient · √updates)
adaptive   any                    0.1 × distance, as the rule asks  0.3 × distance, over √updates where a rule does not
                                                                    decay by itself
=========  =====================  ================================  ====================================================

The distance is that to go. What was measured to choose these numbers stands in docs/architecture.md.
"""

import numpy as np
from numpy.typing import NDArray

from downslope.steps.measured_rates import FallingRate, MeasuredRate
from downslope.steps.schedules import (
    Constant,
    InverseScaling,
    InverseTime,
    RateRule,
    Schedule,
    Scheduled,
)
from downslope.steps.step_rule import StepRule

__all__ = [
    "averaging_power",
    "cautious_rate",
    "curvature_rate",
    "distance_to_go",
    "full_batch_rate",
    "mini_batch_schedule",
    "stream_rate",
]

Array = NDArray[np.float64]

# Adaptive steps are about as long as the rate: shares of the distance to go, on all rows and on some of them.
FULL_SHARE, BATCH_SHARE = 0.1, 0.3
# Rate × curvature of the first mini-batches, and the epochs after which their rate is half of it.
BATCH_PRODUCT, HALF_LIFE = 1.5, 4.0
# So many steps by curvature, of the largest slope of a loss, or epochs of them, are too many for a way: the loss is met
# as one with kinks. Mini-batches halve their rate too soon for more than about 25 epochs of such steps.
FAR, FAR_EPOCHS = 1000.0, 20.0
# A mean of places that weighs late ones more forgets the start (Shamir and Zhang, 2013).
AVERAGING_POWER = 3.0


def full_batch_rate(
    rule: StepRule,
    *,
    curvature: float | None,
    squared: bool,
    cautious: float,
    distance: float,
    slope: float = np.inf,
    ridge: float = 0.0,
) -> RateRule:
    """The rate of every update on all rows.

    Parameters
    ----------
    rule : StepRule
    curvature : float or None
        Of the whole objective; None where it is not known, or infinite.
    squared : bool
        Whether the curvature is the same everywhere.
    cautious : float
        A rate for a first step whose curvature will be measured.
    distance : float
        About how far the farthest parameter has to go.
    slope : float
        The largest of the loss: where it is finite, far residuals bend nothing.
    ridge : float
        The second derivative of the penalty, which bends everywhere.
    """
    if not rule.steady:
        return Scheduled(rule.schedule(FULL_SHARE * distance))
    if curvature is not None and (squared or (rule.trusts_curvature and np.isinf(slope))):
        return Scheduled(rule.schedule(curvature_rate(curvature)))
    most = 1.0 / ridge if ridge else np.inf
    if curvature and rule.trusts_curvature:
        return FallingRate(curvature_rate(curvature), most)
    # A rate that grows faster than the inertia forgets throws the run over its goal.
    return MeasuredRate(min(cautious, most), 0.5 * (1.0 + 1.0 / rule.inertia) if rule.inertia else np.inf, most)


def mini_batch_schedule(
    rule: StepRule,
    *,
    curvature: float,
    mean_length: float,
    distance: float,
    n_updates: int,
    slope: float = np.inf,
    ridge: float = 0.0,
) -> Schedule:
    """The rates of updates on some of the rows, an epoch each.

    Parameters
    ----------
    rule : StepRule
    curvature : float
        That bounds a step on a batch; infinite for a loss with kinks. Adaptive rules do not ask for it.
    mean_length : float
        The mean of ‖z‖² over the rows z. Adaptive rules do not ask for it.
    distance : float
    n_updates : int
        In an epoch.
    slope : float
        The largest of the loss, by which a way is far.
    ridge : float
        The second derivative of the penalty, which asks for short steps where the loss allows long ones.
    """
    if not rule.steady:
        share = BATCH_SHARE * distance
        return Constant(share) if rule.decays_by_itself else InverseTime(share / np.sqrt(n_updates), HALF_LIFE)
    if curvature == 0:
        return Constant(1.0)
    if rule.remembers_rows:
        # The noise dies away, so that the rate need not (Defazio, Bach and Lacoste-Julien, 2014).
        return Constant(1.0 / (3.0 * curvature))
    if np.isfinite(curvature) and not distance * curvature > FAR_EPOCHS * n_updates * slope:
        return InverseTime((1.0 - rule.inertia) * BATCH_PRODUCT / curvature, HALF_LIFE)
    # The classical rate of the subgradient method.
    length = np.sqrt(mean_length * n_updates) * (slope if np.isfinite(curvature) else 1.0)
    return InverseScaling((1.0 - rule.inertia) / max(length / distance, ridge), 0.5)


def stream_rate(
    rule: StepRule,
    *,
    curvature: float,
    mean_length: float,
    distance: float,
    n_updates: float,
    slope: float = np.inf,
    ridge: float = 0.0,
) -> float:
    """The rate of the next block of a stream, of which no end is known: shares fall with the updates made so far.

    Parameters
    ----------
    rule : StepRule
    curvature : float
        That bounds a step on a batch; infinite for a loss with kinks.
    mean_length : float
        The mean of ‖z‖² over the rows z so far.
    distance : float
        As the first block tells it.
    n_updates : float
        Made so far.
    slope : float
        The largest of the loss, by which a way is far.
    ridge : float
        The second derivative of the penalty, which asks for short steps where the loss allows long ones.
    """
    if rule.steady and np.isfinite(curvature) and not distance > FAR * slope:
        return (1.0 - rule.inertia) / curvature if curvature else 1.0
    if rule.decays_by_itself:
        return BATCH_SHARE * distance
    length = np.sqrt(mean_length) if rule.steady else 1.0 / BATCH_SHARE
    length *= np.sqrt(1.0 + n_updates) * (slope if rule.steady and np.isfinite(curvature) else 1.0)
    return float((1.0 - rule.inertia) / max(length / distance, ridge if rule.steady else 0.0))


def averaging_power(rule: StepRule) -> float | None:
    """The power of k that the k-th place weighs in the mean that is shown; None where the rule needs no mean."""
    return None if rule.averages or rule.remembers_rows else AVERAGING_POWER


def curvature_rate(curvature: float) -> float:
    """1/λ_max: plain steps fall at every update, and all steady rules settle; 1 where nothing is steep.

    Examples
    --------
    >>> curvature_rate(4.0)
    0.25
    """
    return 1.0 / curvature if curvature > 0 else 1.0


def cautious_rate(curvature: float | None, objective: float, gradient: Array) -> float:
    """A rate for a first step whose curvature will be measured: 1/curvature, or a thousandth of the distance to go."""
    if curvature:
        return 1.0 / curvature
    slope = largest(gradient)
    return 1e-3 * (objective / slope) / slope if slope > 0 and objective > 0 else 1.0


def distance_to_go(start: Array, minimum: Array | None, objective: float, gradient: Array, ridge: float = 0.0) -> float:
    """About how far the farthest parameter has to go from a start (p,).

    To the minimum (p,) where it is known; elsewhere J/‖∇J‖, the distance at which a straight line meets zero, but no
    farther than makes a first adaptive step on all rows cost a quarter of J in the ridge of each coefficient.

    Examples
    --------
    >>> distance_to_go(np.zeros(2), None, 6.0, np.array([1.0, -3.0]))
    2.0
    """
    if minimum is not None and largest(minimum - start) > 0:
        return largest(minimum - start)
    slope = largest(gradient)
    if not (slope > 0 and objective > 0):
        return 1.0
    return min(objective / slope, float(np.sqrt(0.5 * objective / ridge)) / FULL_SHARE if ridge else np.inf)


def largest(vector: Array) -> float:
    """The largest absolute value."""
    return float(np.abs(vector).max(initial=0.0))
