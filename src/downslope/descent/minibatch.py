"""The loop of stochastic descent: an epoch is a pass over the rows, and a record is the state after it."""

import time
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.descent.history import Recorder
from downslope.descent.loop import Outcome, Run, Task, begin, look
from downslope.descent.state import Best, State
from downslope.descent.stopping import StopReason
from downslope.journal import FORGETFUL, Step
from downslope.objective.objective import Evaluation

if TYPE_CHECKING:
    from downslope.kernels.batch_passes import BatchPasses, PassState
    from downslope.kernels.batches import Running

__all__ = ["descend_passes"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gauge:
    """Measures the states that a record is made of.

    Attributes
    ----------
    task : Task
    measured : bool
        Whether the objective comes without a pass over the rows, from their statistics: then each record is measured.
    """

    task: Task
    measured: bool

    def measure(self, parameters: Array) -> Evaluation:
        """The objective at these parameters themselves."""
        return self.task.objective.value_and_gradient(parameters)

    def after(self, state: "PassState", running: "Running") -> Evaluation:
        """What a pass leaves known: all, or its running values and, where slopes are remembered, their mean."""
        parameters = state.shown
        if self.measured:
            return self.measure(parameters)
        penalty = self.task.objective.penalty
        remembered = state.iterate.remembered
        gradient = penalty.add_gradient(parameters, remembered) if remembered.size else np.full(parameters.size, np.nan)
        cost = running.loss / running.weight + penalty.value(parameters)
        return Evaluation(cost, running.squares / running.weight, gradient)


class Within(NamedTuple):
    """How far a pass has come.

    Attributes
    ----------
    now : PassState
        With the generator as it was when the pass began.
    running : Running or None
    done : int
        Pieces.
    """

    now: "PassState"
    running: "Running | None" = None
    done: int = 0


class Passing:
    """Where a descent by passes is: between two of them, or inside one.

    Attributes
    ----------
    state : State
        Whose arrays a pass writes to.
    within : Within or None
        How far the pass has come that is going on.
    recorder : Recorder
    """

    def __init__(self, gauge: Gauge, passes: "BatchPasses", source: Source, run: Run, step: Step) -> None:
        self.gauge, self.task, self.passes, self.source, self.step = gauge, gauge.task, passes, source, step
        self.state, self.first, self.made_at = run.state, run.first, run.made_at
        self.within: Within | None = run.within
        self.recorder = Recorder(run.state.parameters.size, run.records)
        self.now = run.within.now if run.within else run.state.rule
        self.remembers = step is not FORGETFUL
        # The state before the last record, its arrays as they were then, and the rate that led there.
        self.before: tuple[State, float] | None = None
        # A descent that goes on looks at its record as it did before: at what the pass that led there saw.
        known = isinstance(run.state.objective, Evaluation)
        self.seen = run.state.objective if known else gauge.measure(run.state.parameters)
        self.ran = known and run.state.epoch > 0

    def so_far(self) -> Run:
        """All that another process needs to go on from here."""
        state, within = self.state, self.within
        records = self.recorder.before(state.epoch - self.first + bool(within))
        seconds = time.perf_counter() - self.task.began
        return Run(state._replace(rule=None) if within else state, records, self.first, self.made_at, seconds, within)

    def look(self) -> StopReason | None:
        """Make the record of the state, unless that was done before the pass which is going on; why to stop."""
        if self.within:
            return None
        state, task, recorder = self.state, self.task, self.recorder
        self.step.keep(self.so_far)
        self.before = (state._replace(rule=state.rule.copy()), self.made_at) if self.remembers else None
        row, best, watch, reason = look(task, state, state.parameters, self.seen)
        if best.state.rule is state.rule:
            # Passes write to the arrays of a state.
            best = best._replace(state=best.state._replace(rule=state.rule.copy()))
        rate, rate_state = self.made_at, state.rate
        if reason is None or not recorder.rows:
            rate, rate_state = task.rates.rate(state.epoch, state.parameters, self.seen.gradient, state.rate)
        row = row._replace(learning_rate=self.made_at if recorder.rows else rate)
        if self.ran and not self.gauge.measured:
            row = row._replace(gradient_norm=np.nan)
        recorder.add((state.epoch - self.first, *row), state.parameters)
        self.state = state = state._replace(objective=self.seen, best=best)
        if task.listener is not None and task.listener(row, state.parameters) and reason is None:
            reason = StopReason.CALLBACK
        if reason is None:
            self.state, self.made_at = state._replace(rate=rate_state, watch=watch), rate
        return reason

    def go(self) -> None:
        """Make a pass, or what is left of it."""
        state = self.state
        begun = self.within or Within(state.rule)
        now, running, generator = begun.now, begun.running, begun.now.generator
        if self.remembers:
            generator = deepcopy(generator)
        pieces = self.passes.over(self.source, begun.now, self.made_at, begun.done, begun.running)
        for n_done, (now, running) in enumerate(pieces, begun.done + 1):
            self.now, self.within = now, Within(now._replace(generator=generator), running, n_done)
            self.step.keep(self.so_far)
        assert running is not None
        self.seen, self.ran = self.gauge.after(now, running), True
        self.state = State(now.shown, now, state.rate, self.seen, state.best, state.epoch + 1, state.watch)
        self.within = None

    def interrupt(self) -> StopReason:
        """Keep the state before the last record, from which another process can go on, and stop where this one is."""
        if self.before is not None:
            state, made_at = self.before
            records, seconds = self.recorder.before(state.epoch - self.first), time.perf_counter() - self.task.began
            self.step.keep(lambda: Run(state, records, self.first, made_at, seconds), at_once=True)
        # What is kept is a part of a pass, or a whole one, which nobody has looked at.
        state, epoch = self.state, self.first + int(self.recorder.rows[-1][0])
        self.state = State(self.now.shown, self.now, state.rate, None, state.best, epoch, state.watch)
        return StopReason.INTERRUPTED


def descend_passes(task: Task, passes: "BatchPasses", source: Source, state: State, measured: bool) -> Outcome:
    """Descend from `state` until a rule of `task.stopping` fires; an interrupt keeps the pass as far as it came.

    The last record is measured in any case, so that what is returned never goes by a running value.
    """
    step = task.journal.step()
    if isinstance(step.kept, Outcome):
        return step.kept
    task, run = begin(task, step, state)
    gauge = Gauge(task, measured)
    passing = Passing(gauge, passes, source, run, step)
    try:
        with np.errstate(all="ignore"):
            while (reason := passing.look()) is None:
                passing.go()
    except KeyboardInterrupt:
        if not passing.recorder.rows:
            raise
        reason = passing.interrupt()
    outcome = measure_end(task, gauge, passing.recorder, passing.state, reason)
    if reason is not StopReason.INTERRUPTED:
        step.finish(outcome)
    return outcome


def measure_end(task: Task, gauge: Gauge, recorder: Recorder, state: State, reason: StopReason) -> Outcome:
    """The outcome, its last record measured."""
    rows, parameters = np.array([row[1:] for row in recorder.rows]), np.array(recorder.parameters)
    if reason is StopReason.INTERRUPTED:
        # The record of the last whole pass moves on to where the interrupt found the descent.
        parameters[-1] = state.parameters
    best = None
    if not gauge.measured or reason is StopReason.INTERRUPTED:
        last = gauge.measure(parameters[-1])
        rows[-1, 1:4] = last.objective, last.mse, task.norms(parameters[-1], last.gradient)[0]
        if task.stopping.patience is None or not task.watches_validation or task.validation is None:
            best = best_measured(gauge, state, parameters[-1], last.objective)
    return Outcome(reason, rows, parameters, state, best)


def best_measured(gauge: Gauge, state: State, shown: Array, objective: float) -> Best:
    """The better of the last place, where J is `objective`, and of the one that running values make the best."""
    last = Best(objective if objective == objective else np.inf, shown, state._replace(best=None))
    if state.best is None or state.best.epoch == state.epoch:
        return last
    measured = gauge.measure(state.best.parameters).objective
    return state.best._replace(score=measured) if measured < last.score else last
