"""Runs on the squared loss, known without being made."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.forecast import excess
from downslope.closed_form.landscape import Landscape
from downslope.descent.stopping import EXPLOSION
from downslope.fitting.fit import excess_threshold
from downslope.fitting.problem import Problem
from downslope.steps.rules import StepRule
from downslope.sweeps.runs import Run

__all__ = ["Known"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What is known of every run on a squared loss without kinks before it is made.

    Attributes
    ----------
    landscape : Landscape
    start : array (p,)
    start_gap : float
        J - J* of the start.
    below, above : float
        J - J* at which a run has met the target, and beyond which it has blown up.
    max_iter : int
    """

    landscape: Landscape
    start: Array
    start_gap: float
    below: float
    above: float
    max_iter: int

    @classmethod
    def of(cls, problem: Problem, start: Array, target: float, max_iter: int) -> "Known | None":
        """From the statistics; None where there is no closed form of the minimum."""
        landscape = problem.landscape
        if landscape is None:
            return None
        gap, zero = (float(landscape.excess(place)) for place in (start, np.zeros_like(start)))
        return cls(
            landscape,
            start,
            gap,
            excess_threshold(problem, target, start, gap),
            EXPLOSION * (landscape.minimum + max(gap, zero)) - landscape.minimum,
            max_iter,
        )

    @property
    def minimum(self) -> float:
        """J*."""
        return self.landscape.minimum

    def runs(self, method: str, momentum: float | None, rule: StepRule, rates: Array) -> Iterator[Run]:
        """All rates of one method at once."""
        forecast = self.landscape.forecast(rule, rates, self.start)
        first = forecast.first_below(self.below, self.max_iter)
        end = forecast.blow_up(self.above, self.max_iter)
        limit = self.landscape.stable_rate(rule)
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = excess(end.states)
        for rate, epoch, gap, last in zip(rates.tolist(), first, gaps.tolist(), end.epochs.tolist(), strict=True):
            blown = not gap <= self.above
            met = not np.isnan(epoch) and not (blown and epoch > last)
            outcome = "converged" if met else "diverged" if blown or self.bounces(gap, rate, limit) else "max_iter"
            yield Run(method, momentum, rate, int(epoch) if met else None, gap, self.minimum + gap, outcome, limit)

    def bounces(self, gap: float, rate: float, limit: float | None) -> bool:
        """Whether a run that ended above its start did so because its rate is too large."""
        return gap > self.start_gap and limit is not None and rate > limit
