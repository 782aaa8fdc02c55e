"""The loop of stochastic descent: an epoch is a pass over the rows, and a record is the state after it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import Recorder
from downslope.descent.loop import Best, Outcome, State, Task, look
from downslope.descent.stopping import StopReason
from downslope.objective.objective import Evaluation

if TYPE_CHECKING:
    from downslope.kernels.batches import Running
    from downslope.kernels.sweep import Sweep, SweepState

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

    def after(self, state: "SweepState", running: "Running") -> Evaluation:
        """What a pass leaves known: all, or its running values and, where slopes are remembered, their mean."""
        parameters = state.shown
        if self.measured:
            return self.measure(parameters)
        penalty = self.task.objective.penalty
        remembered = state.vectors.remembered
        gradient = penalty.add_gradient(parameters, remembered) if remembered.size else np.full(parameters.size, np.nan)
        cost = running.loss / running.weight + penalty.value(parameters)
        return Evaluation(cost, running.squares / running.weight, gradient)


def descend_passes(task: Task, sweep: "Sweep", state: State, measured: bool) -> Outcome:
    """Descend from `state` until a rule of `task.stopping` fires; an interrupt keeps the pass as far as it came.

    The last record is measured in any case, so that what is returned never goes by a running value.
    """
    gauge, recorder, first = Gauge(task, measured), Recorder(state.parameters.size), state.epoch
    best, made_at = Best(np.inf, state.epoch, state.parameters), np.nan
    seen = gauge.measure(state.parameters)
    with np.errstate(all="ignore"):
        while True:
            row, best, watch, reason = look(task, state, state.parameters, seen, best)
            rate, rate_state = made_at, state.rate
            if reason is None or not recorder.rows:
                rate, rate_state = task.rates.rate(state.epoch, state.parameters, seen.gradient, state.rate)
            row = row._replace(learning_rate=made_at if recorder.rows else rate)
            if recorder.rows and not measured:
                row = row._replace(gradient_norm=np.nan)
            recorder.add((state.epoch - first, *row), state.parameters)
            if task.listener is not None and task.listener(row, state.parameters) and reason is None:
                reason = StopReason.CALLBACK
            if reason is not None:
                break
            now, running, made_at = state.rule, None, rate
            try:
                for now, running in sweep.passing(state.rule, rate):  # noqa: B007 - the last piece is the pass
                    pass
            except KeyboardInterrupt:
                reason = StopReason.INTERRUPTED
            state = State(now.shown, now, rate_state, state.epoch + (reason is None), watch)
            if reason is not None:
                break
            assert running is not None
            seen = gauge.after(now, running)
    return concluded(task, gauge, recorder, state, best, reason)


def concluded(task: Task, gauge: Gauge, recorder: Recorder, state: State, best: Best, reason: StopReason) -> Outcome:
    """The outcome, its last record measured."""
    rows, parameters = np.array([row[1:] for row in recorder.rows]), np.array(recorder.parameters)
    if reason is StopReason.INTERRUPTED:
        # The record of the last whole pass moves on to where the interrupt found the descent.
        parameters[-1] = state.parameters
    if not gauge.measured or reason is StopReason.INTERRUPTED:
        last = gauge.measure(parameters[-1])
        rows[-1, 1:4] = last.objective, last.mse, task.norms(parameters[-1], last.gradient)[0]
    return Outcome(reason, rows, parameters, state, best)
