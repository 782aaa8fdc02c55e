"""The loop of stochastic descent: an epoch is a pass over the rows, and a record is the state after it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.descent.history import Recorder
from downslope.descent.loop import Outcome, Task, look
from downslope.descent.state import Best, State
from downslope.descent.stopping import StopReason
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


def descend_passes(task: Task, passes: "BatchPasses", source: Source, state: State, measured: bool) -> Outcome:
    """Descend from `state` until a rule of `task.stopping` fires; an interrupt keeps the pass as far as it came.

    The last record is measured in any case, so that what is returned never goes by a running value.
    """
    gauge, recorder, first, made_at = Gauge(task, measured), Recorder(state.parameters.size), state.epoch, np.nan
    best, watch, rate_state, now = state.best, state.watch, state.rate, state.rule
    try:
        # A descent that goes on looks at its record as it did before: at what the pass that led there saw.
        known = isinstance(state.objective, Evaluation)
        seen, ran = state.objective if known else gauge.measure(state.parameters), known and state.epoch > 0
        with np.errstate(all="ignore"):
            while True:
                row, best, watch, reason = look(task, state, state.parameters, seen)
                if best.state.rule is state.rule:
                    # Passes write to the arrays of a state.
                    best = best._replace(state=best.state._replace(rule=state.rule.copy()))
                state = state._replace(objective=seen, best=best)
                rate, rate_state = made_at, state.rate
                if reason is None or not recorder.rows:
                    rate, rate_state = task.rates.rate(state.epoch, state.parameters, seen.gradient, state.rate)
                row = row._replace(learning_rate=made_at if recorder.rows else rate)
                if ran and not measured:
                    row = row._replace(gradient_norm=np.nan)
                recorder.add((state.epoch - first, *row), state.parameters)
                if task.listener is not None and task.listener(row, state.parameters) and reason is None:
                    reason = StopReason.CALLBACK
                if reason is not None:
                    break
                running, made_at = None, rate
                for now, running in passes.over(source, state.rule, rate):  # noqa: B007 - the last piece is the pass
                    pass
                assert running is not None
                seen, ran = gauge.after(now, running), True
                state = State(now.shown, now, rate_state, seen, best, state.epoch + 1, watch)
    except KeyboardInterrupt:
        if not recorder.rows:
            raise
        # What is kept is a part of a pass, or a whole one, which nobody has looked at.
        epoch, reason = first + int(recorder.rows[-1][0]), StopReason.INTERRUPTED
        state = State(now.shown, now, rate_state, None, best, epoch, watch)
    return measure_end(task, gauge, recorder, state, reason)


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
