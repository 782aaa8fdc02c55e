"""Passes over single rows as scikit-learn's SGDRegressor makes them: its steps, its orders, its stop rule.

scikit-learn's choices that a reader would take for slips are its numbers, and kept: the stop rule looks at losses
without weights, `tol` is absolute, and the validation score is that of coefficients without their common scale.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import History, Recorder
from downslope.descent.loop import Row
from downslope.descent.stopping import StopReason
from downslope.kernels import sequential
from downslope.kernels.rows import has_halves, kernel_rows, on_lines, rows_ahead, rows_of_a_piece
from downslope.kernels.sequential import Plan, Position, Sums, Vectors, no_sums, weights_at
from downslope.kernels.sharing import Shared
from downslope.kernels.uncompiled import InPython, RowByRow
from downslope.scikit_sgd.task import SgdState, SgdTask

__all__ = ["SgdOutcome", "make_passes"]

Array = NDArray[Any]

# The adaptive schedule divides the rate by 5 until it is below.
LOWEST_ADAPTIVE = 1e-6
# Rounding errors are kept below a billionth: a run is not trusted whose objective grows so much, or whose common scale
# becomes so small.
GROWN = 1.5
SMALL_SCALE = 1e-4


class SgdOutcome(NamedTuple):
    """What the passes give back.

    Attributes
    ----------
    reason : StopReason
    state : SgdState
        The last one, or after an overflow the last that is finite.
    n_iter : int
        Passes begun.
    records : array (records, 7)
        The columns of `Row`: running values, each row's before its update, but for the start's, which are given.
    parameters : array (records, d + 1)
        Those that predict, the intercept last.
    objectives : list of float
        What the stop rule saw after each pass.
    sums : Sums or None
        Of the last whole pass, if there was one.
    overflowed : bool
    """

    reason: StopReason
    state: SgdState
    n_iter: int
    records: NDArray[np.float64]
    parameters: NDArray[np.float64]
    objectives: list[float]
    sums: Sums | None
    overflowed: bool

    @property
    def cut(self) -> bool:
        """Whether slopes of the last pass were cut."""
        return self.sums is not None and self.sums.clipped > 0

    @property
    def rate(self) -> float:
        """The rate of the last update, or of the first where none was made."""
        return float(self.records[-1, Row._fields.index("learning_rate")]) if self.sums is None else self.sums.rate

    def history(self, names: tuple[str, ...] | None, *, validated: bool) -> History:
        """The records as a history."""
        columns = dict(zip(Row._fields, self.records.T, strict=True))
        if not validated:
            del columns["validation_mse"]
        return History(columns, self.parameters[:, :-1], self.parameters[:, -1], names)


class Patience(NamedTuple):
    """scikit-learn's stop rule: the lowest value so far, and passes in a row that did not improve on it by `tol`."""

    best: float = np.inf
    since: int = 0

    def after(self, value: float, tol: float | None) -> "Patience":
        """The same after one more pass; what is not a number counts as an improvement, as it does there."""
        since = self.since + 1 if tol is not None and value > self.best - tol else 0
        return Patience(value if value < self.best else self.best, since)


def make_passes(task: SgdTask, start: SgdState, first: Row, *, exact: bool = False) -> SgdOutcome:
    """Pass over the rows until the stop rule fires.

    Parameters
    ----------
    task : SgdTask
    start : SgdState
    first : Row
        The record of the start.
    exact : bool
        Whether to keep to scikit-learn's order of operations, which costs about half of the speed. A run that
        `amplifies` rounding errors is made again in this way, since only that leads to its numbers.
    """
    outcome = try_passes(task, start, first, exact or task.small, 0)
    if not isinstance(outcome, SgdOutcome):
        outcome = try_passes(task, start, first, True, outcome)
    assert isinstance(outcome, SgdOutcome)
    return outcome


@dataclass(frozen=True)
class Workspace:
    """What a run's compiled passes read, and the arrays that they write to."""

    descend: Callable[..., None]
    rows: Any
    loss: Any
    vectors: Vectors
    position: NDArray[np.float64]
    piece: int

    @classmethod
    def begin(cls, task: SgdTask, start: SgdState, *, exact: bool) -> tuple[Self, Plan]:
        """The workspace at `start`, and the plan of the first pass."""
        linear = task.penalty.l1 == 0.0 and not task.rule.passive_aggressive
        rows = kernel_rows(task.X, task.y, task.weight, exact=exact, linear=linear)
        plan = task.rule.plan(
            start.coef.dtype,
            sparse=not isinstance(task.X, np.ndarray),
            ahead=rows_ahead(rows),
            watched=task.tol is not None and task.held_out is None,
        )
        none = np.empty(0, dtype=start.coef.dtype)
        vectors = sequential.Vectors(
            on_lines(start.coef),
            none if start.mean_coef is None else on_lines(start.mean_coef),
            np.zeros_like(start.coef) if plan.truncates else none,
        )
        position = sequential.begin(vectors.v, start.intercept, start.t, start.mean_intercept)
        descend: Callable[..., None] = sequential.descend_rows_exactly if exact else sequential.descend_rows
        if task.small:
            descend = RowByRow(sequential.descend_rows_exactly)
        elif has_halves(rows):
            descend = Shared(descend, rows)
        return cls(descend, rows, task.rule.kernel_loss(), vectors, position, rows_of_a_piece(rows)), plan

    def pass_over(self, order: Array, plan: Plan) -> Sums:
        """One pass over the rows of `order`, a piece at a time so that an interrupt is heard."""
        sums = no_sums()
        for begin in range(0, order.size, self.piece):
            part = order[begin : begin + self.piece]
            self.descend(self.loss, self.rows, part, plan, self.vectors, self.position, sums)
        return Sums(*sums.tolist())

    @property
    def finite(self) -> bool:
        """Whether the coefficients, without their common scale, and the intercept are numbers."""
        coef = self.vectors.v
        # Where their sum is a number all are, without a look at each.
        return math.isfinite(self.position[1]) and (math.isfinite(np.add.reduce(coef)) or bool(np.isfinite(coef).all()))

    @property
    def state(self) -> SgdState:
        """Where the run is."""
        at = Position(*self.position.tolist())
        coef, mean = weights_at(self.vectors, at, small=isinstance(self.descend, InPython))
        return SgdState(coef, at.intercept, mean if mean.size else None, at.mean_intercept, at.t)

    def score(self, task: SgdTask) -> float:
        """The validation score as scikit-learn finds it: of the coefficients without their common scale."""
        assert task.held_out is not None
        return task.held_out.score(self.vectors.v, float(self.position[1]))


def try_passes(task: SgdTask, start: SgdState, first: Row, exact: bool, heard: int) -> SgdOutcome | int:
    """A run, or where it `amplifies` rounding errors, and was not made to avoid that, how many passes were heard of."""
    rule, passed_before = task.rule, start.t - 1.0
    work, plan = Workspace.begin(task, start, exact=exact)
    recorder, patience, objectives = Recorder(start.coef.size + 1), Patience(), list[float]()
    recorder.add((0, *first), stack_parameters(*start.shown(rule.average, passed_before)))
    state, reason, overflowed, begun, sums = start, StopReason.MAX_ITER, False, 0, None
    orders = task.orders()
    with np.errstate(all="ignore"):
        try:
            for epoch in range(1, task.max_iter + 1):
                order, begun = next(orders), epoch
                sums = work.pass_over(order, plan)
                if not exact and amplifies(task, sums, work.position[3], first):
                    return epoch - 1
                if not work.finite:
                    reason, overflowed = StopReason.DIVERGED, True
                    break
                state = work.state
                objectives.append(sums.objective / order.size)
                shown = state.shown(rule.average, passed_before + epoch * task.y.size)
                parameters = stack_parameters(*shown)
                row = make_row(task, epoch, sums, shown, task.penalty.value(parameters))
                recorder.add((epoch, *row), parameters)
                if task.hear is not None and epoch > heard:
                    task.hear(row.record(*shown, validated=task.held_out is not None))
                watched = objectives[-1] if task.held_out is None else -work.score(task)
                patience = patience.after(watched, task.tol)
                if patience.since >= task.n_iter_no_change:
                    if rule.schedule != "adaptive" or plan.first <= LOWEST_ADAPTIVE:
                        reason = StopReason.NO_IMPROVEMENT
                        break
                    plan, patience = plan._replace(first=plan.first / 5.0), patience._replace(since=0)
            # What is raised while a generator is merely dropped is lost, a Ctrl-C too.
            orders.close()
        except KeyboardInterrupt:
            reason = StopReason.INTERRUPTED
            state = work.state if work.finite else state
    records, parameters = np.array([record[1:] for record in recorder.rows]), np.array(recorder.parameters)
    return SgdOutcome(reason, state, begun, records, parameters, objectives, sums, overflowed)


def amplifies(task: SgdTask, sums: Sums, scale: float, first: Row) -> bool:
    """Whether a pass has made rounding errors matter.

    That is where slopes were cut, the objective grew, or the mean of iterates is found as a difference of large
    numbers, their common scale having become small.
    """
    if task.X.dtype != np.float64:
        return False
    grown = not sums.loss <= GROWN * first.objective * sums.weight
    averaged = task.rule.average > 0 and (sums.resets > 0 or scale < SMALL_SCALE)
    return sums.clipped > 0 or grown or averaged


def stack_parameters(coef: Array, intercept: float) -> NDArray[np.float64]:
    """The coefficients and the intercept in one vector."""
    parameters = np.empty(coef.size + 1)
    parameters[:-1], parameters[-1] = coef, intercept
    return parameters


def make_row(task: SgdTask, epoch: int, sums: Sums, shown: tuple[Array, float], penalty: float) -> Row:
    """The record of a pass: running values of the loss, and the penalty where the pass led."""
    objective = sums.loss / sums.weight + penalty
    validation = np.nan if task.held_out is None else task.held_out.error(*shown)
    seconds = time.perf_counter() - task.began
    return Row(epoch, objective, sums.squares / sums.weight, np.nan, sums.rate, seconds, validation)
