"""Why a descent stops. The rules look at record k before update k + 1 is made."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from downslope.texts import say

__all__ = ["StopReason", "Stopping", "Watch"]

# An objective that has grown this much above its start is on its way to infinity, not overshooting.
EXPLOSION = 1e6
EPS = float(np.finfo(float).eps)
# A descent that falls by less than this share in so many records is stalled.
STALLED_SHARE, STALLED_FOR = 1e-3, 5


class StopReason(str, Enum):  # noqa: UP042 - a StrEnum's text would be its short name
    """Why a descent stopped: equal to its short name ("converged"), and printed as a sentence.

    Examples
    --------
    >>> reason = StopReason.CONVERGED
    >>> reason == "converged"
    True
    >>> print(reason)
    What is left to gain fell below tol, relative to the start.
    """

    STOP_BELOW = "stop_below"
    CONVERGED = "converged"
    NO_IMPROVEMENT = "no_improvement"
    MAX_ITER = "max_iter"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    CALLBACK = "callback"

    def __str__(self) -> str:
        return say(f"reason.{self.value}")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class Watch(NamedTuple):
    """What the rules remember from record to record.

    Attributes
    ----------
    scale : float
        The largest gradient so far, the reference of `tol` where the optimum is not known.
    best : float
        The smallest validation error that counted as an improvement.
    since : int
        Records since then.
    recent : tuple of float
        The lowest objectives after each of the last records, where a rule looks at them.
    """

    scale: float = 0.0
    best: float = np.inf
    since: int = 0
    recent: tuple[float, ...] = ()


@dataclass(frozen=True)
class Stopping:
    """The stop rules of a run, as thresholds on what a record holds.

    Attributes
    ----------
    last_epoch : int
        The epoch that `max_iter` allows.
    explode_above : float
        An objective above this is diverging.
    stop_below : float or None
        Stop when the mean squared error is below.
    excess_below : float or None
        Stop when J - J* is at or below; None where the optimum is not known.
    tol : float
        Then stop when the gradient mapping is at or below `tol` times the largest gradient met; 0 never.
    patience : int or None
        Stop after this many records without a better validation error.
    objective_below : float or None
        Stop when J is at or below, which a lower bound of J* makes near enough; then no gradient is asked.
    stalls_from : int or None
        From this epoch on stop when J has fallen by less than a thousandth in five records; None never.
    """

    last_epoch: int
    explode_above: float = np.inf
    stop_below: float | None = None
    excess_below: float | None = None
    tol: float = 0.0
    patience: int | None = None
    objective_below: float | None = None
    stalls_from: int | None = None

    def rules(
        self, epoch: Any, objective: Any, mse: Any, excess: Any, mapping: Any, watch: Watch
    ) -> Iterator[tuple[StopReason, Any]]:
        """Each rule in its order, with whether it fires: for one record, or for arrays of them."""
        yield StopReason.DIVERGED, ~(np.asarray(objective) <= self.explode_above)
        if self.stop_below is not None:
            yield StopReason.STOP_BELOW, mse < self.stop_below
        if self.objective_below is not None:
            yield StopReason.CONVERGED, objective <= self.objective_below
        elif excess is None:
            if self.tol > 0:
                yield StopReason.CONVERGED, mapping <= self.tol * watch.scale
        elif self.excess_below is not None:
            yield StopReason.CONVERGED, excess <= self.excess_below
        if self.patience is not None:
            yield StopReason.NO_IMPROVEMENT, watch.since >= self.patience
        if self.stalls_from is not None and len(watch.recent) > STALLED_FOR:
            stalled = watch.recent[0] - watch.recent[-1] <= STALLED_SHARE * abs(watch.recent[0])
            yield StopReason.NO_IMPROVEMENT, (epoch >= self.stalls_from) & stalled
        yield StopReason.MAX_ITER, epoch >= self.last_epoch

    def reason(
        self, epoch: int, objective: float, mse: float, excess: float | None, mapping: float, watch: Watch
    ) -> StopReason | None:
        """The first rule that fires at one record, or None."""
        for reason, fires in self.rules(epoch, objective, mse, excess, mapping, watch):
            if fires:
                return reason
        return None

    def watch(
        self,
        watch: Watch,
        coef_gradient: float,
        mapping: float,
        validation_mse: float | None,
        objective: float = np.inf,
    ) -> Watch:
        """What to remember after a record.

        Parameters
        ----------
        coef_gradient : float
            The norm of the gradient of the coefficients, the intercept being at its best: how far the target
            lies from zero says nothing about how well the coefficients are known.
        mapping : float
            The norm of the whole gradient mapping; rounding of it bounds what can be asked for.
        """
        scale = watch.scale
        if self.tol > 0:
            scale = max(scale, coef_gradient, 8 * EPS / self.tol * mapping)
        recent: tuple[float, ...] = ()
        if self.stalls_from is not None:
            recent = (*watch.recent[-STALLED_FOR:], min([objective, *watch.recent[-1:]]))
        if validation_mse is None:
            return Watch(scale, recent=recent)
        # The tolerance keeps rounding on a plateau from counting as an improvement.
        if validation_mse < watch.best * (1.0 - self.tol):
            return Watch(scale, validation_mse, 0, recent)
        return Watch(scale, watch.best, watch.since + 1, recent)
