"""What a run on the squared loss is made of: with it, all of the run can be made again without its rows."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from downslope.descent.loop import Task
from downslope.descent.stopping import Stopping
from downslope.fitting.problem import Problem
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.least_squares import Summary
from downslope.statistics.quadratic import Quadratic
from downslope.steps.rules import StepRule
from downslope.steps.schedules import Schedule, Scheduled
from downslope.texts import Finding, Remedy

__all__ = ["Replayable"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Replayable:
    """The problem, the start, the steps and the stop rules of one run on all rows: d² numbers.

    Attributes
    ----------
    rows : Summary
    coordinates : Coordinates
    penalty : Penalty
    start : array (p,)
        In descended coordinates.
    rule : StepRule
    schedule : Schedule
        The rates; a constant one where "auto" had chosen it.
    stopping : Stopping
    validation : Quadratic or None
        ½ mse on the validation rows.
    """

    rows: Summary
    coordinates: Coordinates
    penalty: Penalty
    start: Array
    rule: StepRule
    schedule: Schedule
    stopping: Stopping
    validation: Quadratic | None

    @classmethod
    def of(
        cls, problem: Problem, task: Task, start: Array, validation: Quadratic | None, *, went_on: bool
    ) -> Self | Finding:
        """That of the run of `task` from `start` (p,), or why it needs the rows themselves, or an earlier run."""
        statistics = problem.least_squares
        if went_on:
            return Finding.of("replay.went_on", Remedy("warm_start", False))
        if not problem.settings.squared:
            got = type(problem.settings.loss).__name__
            return Finding.of("replay.loss", Remedy("loss", "squared_error"), got=got)
        if problem.engine == "stochastic":
            return Finding.of(
                "replay.batches", Remedy("batch_size", None), Remedy("engine", "auto"), rows=problem.batch
            )
        if statistics is None:
            return Finding.of("replay.wide", n_features=problem.coordinates.n_features)
        # Only a curvature that is not known would have to be measured on the way.
        assert isinstance(task.rates, Scheduled)
        return cls(
            rows=statistics.summary,
            coordinates=problem.coordinates,
            penalty=problem.settings.penalty,
            start=start,
            rule=task.rule,
            schedule=task.rates.schedule,
            stopping=task.stopping,
            validation=validation,
        )
