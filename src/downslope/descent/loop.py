"""The descent itself: one loop that knows no algorithm."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import Record, Recorder, Records
from downslope.descent.state import Best, State, better
from downslope.descent.stopping import Stopping, StopReason, Watch
from downslope.journal import FORGETFUL, Journal, Step
from downslope.objective.objective import Evaluation, Objective
from downslope.steps.rules import StepRule
from downslope.steps.schedules import RateRule

__all__ = ["Outcome", "Row", "Run", "Task", "begin", "descend", "look"]

Array = NDArray[np.float64]


class Row(NamedTuple):
    """The numbers of one record, in the order of the columns of a history."""

    epoch: float
    objective: float
    mse: float
    gradient_norm: float
    learning_rate: float
    seconds: float
    validation_mse: float

    def record(self, coef: Array, intercept: float, *, validated: bool) -> Record:
        """The record as a listener receives it, with the model in the units of the rows."""
        numbers = (self.objective, self.mse, self.gradient_norm, self.learning_rate, self.seconds)
        return Record(int(self.epoch), coef, intercept, *numbers, self.validation_mse if validated else None)


@dataclass(frozen=True)
class Task:
    """A problem and the way to descend it.

    Attributes
    ----------
    objective, rule, rates, stopping
        The mathematics.
    mapping_step : float
        The step of the gradient mapping under L1.
    means : array (d,)
        The means of the descended columns.
    validation : callable or None
        The mean squared error of parameters on the validation rows.
    watches_validation : bool
        Whether patience waits for that error, or for the objective.
    listener : callable or None
        Receives each row and its parameters; a true answer stops the run.
    began : float
        `time.perf_counter()` when fit was called.
    journal : Journal
        What is told how far each descent has come.
    """

    objective: Objective
    rule: StepRule
    rates: RateRule
    stopping: Stopping
    mapping_step: float
    means: Array
    validation: Callable[[Array], float] | None = None
    watches_validation: bool = True
    listener: Callable[[Row, Array], bool] | None = None
    began: float = field(default_factory=time.perf_counter)
    journal: Journal = FORGETFUL

    def start(self, parameters: Array, objective: Any = np.inf) -> State:
        """The state before the first update; `objective` is what is known of J there."""
        return State(parameters, self.rule.init(parameters), self.rates.init(), objective)

    def norms(self, parameters: Array, gradient: Array) -> tuple[float, float]:
        """The norm of the gradient mapping, and that of the coefficients' gradient at the best intercept."""
        mapping = self.objective.penalty.gradient_mapping(parameters, gradient, self.mapping_step)
        d = self.means.size
        intercept = gradient[d] if gradient.size > d else 0.0
        return norm(mapping), norm(gradient[:d] - self.means * intercept)


class Outcome(NamedTuple):
    """What a descent gives back.

    Attributes
    ----------
    reason : StopReason
    rows : array (records, 7)
        The columns of `Row`.
    parameters : array (records, p)
    state : State
        From which it could go on; the best record is a part of it.
    measured : Best or None
        The best record, where the scores of that of the state are only running values.
    """

    reason: StopReason
    rows: Array
    parameters: Array
    state: State
    measured: Best | None = None

    @property
    def best(self) -> Best:
        """The best record."""
        best = self.measured or self.state.best
        assert best is not None
        return best


def norm(vector: Array) -> float:
    """The Euclidean norm, without overflow of the squares."""
    largest = float(np.abs(vector).max(initial=0.0))
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.linalg.norm(vector / largest))


class Run(NamedTuple):
    """How far a descent has come, between two updates or inside a pass: all that it needs to go on.

    Attributes
    ----------
    state : State
        Of which no record is made yet.
    records : Records
    first : int
        The epoch at which the descent began.
    made_at : float
        The rate of the update that led here.
    seconds : float
        Since fit was called.
    within : Any
        How far a pass over the rows has come, where it is inside one.
    """

    state: State
    records: Records
    first: int
    made_at: float
    seconds: float
    within: Any = None


def begin(task: Task, step: Step, state: State) -> tuple[Task, Run]:
    """Where a descent goes on: at what an earlier process kept, whose time counts too, or at `state`."""
    run = step.kept
    if not isinstance(run, Run):
        return task, Run(state, Records(np.empty((0, 0)), np.empty((0, 0)), None), state.epoch, np.nan, 0.0)
    return replace(task, began=time.perf_counter() - run.seconds), run


def descend(task: Task, state: State, *, told: bool = False) -> Outcome:
    """Descend from `state` until a rule of `task.stopping` fires; an interrupt keeps the records so far.

    The first record is not told to the listener again where it has been `told`.
    """
    step = task.journal.step()
    if isinstance(step.kept, Outcome):
        return step.kept
    task, run = begin(task, step, state)
    state, first, made_at = run.state, run.first, run.made_at
    recorder = Recorder(state.parameters.size, run.records)
    reason: StopReason | None = None

    def so_far() -> Run:
        records = recorder.before(state.epoch - first)
        return Run(state, records, first, made_at, time.perf_counter() - task.began)

    try:
        while True:
            step.keep(so_far)
            objective = task.objective.tune(state.objective)
            at = objective.value_and_gradient(state.parameters)
            shown = task.rule.report(state.parameters, state.rule)
            seen = at if shown is state.parameters else objective.value_and_gradient(shown)
            row, best, watch, reason = look(task, state, shown, seen)
            rate, rate_state = made_at, state.rate
            if reason is None or not recorder.rows:
                # The rate of an update that is never made is not asked for.
                rate, rate_state = task.rates.rate(state.epoch, state.parameters, at.gradient, state.rate)
            row = row._replace(learning_rate=made_at if recorder.rows else rate)
            recorder.add((state.epoch - first, *row), shown)
            state = state._replace(best=best)
            silent = told and len(recorder.rows) == 1
            heard = not silent and task.listener is not None and task.listener(row, shown)
            if reason is None and heard:
                reason = StopReason.CALLBACK
            if reason is not None:
                break
            parameters, rule = task.rule.update(state.parameters, at.gradient, rate, state.rule, objective.penalty.prox)
            lowest = min(state.objective, seen.objective)
            state, made_at = State(parameters, rule, rate_state, lowest, best, state.epoch + 1, watch), rate
    except KeyboardInterrupt:
        if not recorder.rows:
            raise
        reason = StopReason.INTERRUPTED
        step.keep(so_far, at_once=True)
    complete = min(len(recorder.rows), len(recorder.parameters))
    rows = np.array([row[1:] for row in recorder.rows[:complete]])
    outcome = Outcome(reason, rows, np.array(recorder.parameters[:complete]), state)
    if reason is not StopReason.INTERRUPTED:
        step.finish(outcome)
    return outcome


def look(task: Task, state: State, shown: Array, seen: Evaluation) -> tuple[Row, Best, Watch, StopReason | None]:
    """Measure one record: its row, the best one so far, what to remember, and whether a rule fires."""
    mapping, coef_gradient = task.norms(shown, seen.gradient)
    validation = None if task.validation is None else task.validation(shown)
    watched = validation if task.watches_validation else seen.objective
    watch = task.stopping.watch(state.watch, coef_gradient, mapping, watched, seen.objective)
    reason = task.stopping.reason(state.epoch, seen.objective, seen.mse, seen.excess, mapping, watch)
    decides = validation is not None and task.watches_validation and task.stopping.patience is not None
    score = validation if decides and validation is not None else seen.objective
    seconds = time.perf_counter() - task.began
    shown_validation = np.nan if validation is None else validation
    row = Row(state.epoch, seen.objective, seen.mse, mapping, np.nan, seconds, shown_validation)
    return row, better(state, score, shown), watch, reason
