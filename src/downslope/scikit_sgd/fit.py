"""One fit of SGDRegressor from rows to result: measure the start, pass, measure the end, judge, explain."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.rows import refuse_non_finite
from downslope.descent.history import History
from downslope.descent.loop import Row, norm
from downslope.descent.settings import Settings
from downslope.descent.stopping import StopReason
from downslope.exceptions import DivergenceWarning, DownslopeWarning, NotConvergedWarning
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
from downslope.kernels.losses import kernel_loss
from downslope.kernels.measuring import measure_loss
from downslope.kernels.rows import kernel_rows, pieces
from downslope.objective.losses import Loss
from downslope.objective.objective import BlockLoss, Evaluation, LossSums
from downslope.scikit_sgd.explanation import (
    explain_divergence,
    explain_early_stop,
    explain_missed,
    explain_stop,
    forgive_weightless,
)
from downslope.scikit_sgd.minimum import Missed, Place, Sight, find_missed, see
from downslope.scikit_sgd.passes import SgdOutcome, make_passes
from downslope.scikit_sgd.task import SgdState, SgdTask
from downslope.statistics.coordinates import raw_coordinates
from downslope.statistics.moments import OverflowingSquaresError, UnderflowingSquaresError
from downslope.statistics.row_lengths import measure_rows
from downslope.steps.rules import Plain
from downslope.texts import Finding
from downslope.threads import one_blas_thread

__all__ = ["SgdFit", "fit_sgd", "pass_once"]

Array = NDArray[Any]

# An objective this many times that of the start, and of predicting zero, is no noise about an optimum.
WORSE = 2.0
# The same for running values, which the first rows of a pass may spoil.
MUCH_WORSE = 100.0
# Targets at a time, so that what is computed from them stays in a core's own cache.
SLICE = 2**14


@dataclass(frozen=True)
class SgdFit:
    """All that a fit, or a pass over a block, found out.

    Attributes
    ----------
    coef : array (d,)
    intercept : float
    state : SgdState
        To go on from.
    n_iter : int
        Passes.
    n_rows : int
    history : History
    reason : StopReason
    finding : Finding
        Why it ended, or what went wrong.
    warning : type or None
        What that is to be warned as.
    restored_epoch : int or None
    rate : float
        Of the last update.
    """

    coef: Array
    intercept: float
    state: SgdState
    n_iter: int
    n_rows: int
    history: History
    reason: StopReason
    finding: Finding
    warning: type[DownslopeWarning] | None
    restored_epoch: int | None
    rate: float


@dataclass(frozen=True)
class CompiledLoss:
    """What `BlockLoss` is, in one compiled pass over rows as they lie, of either precision.

    It does not stand in a `RowsObjective`: an intercept that is given and not learnt is none of its parameters, and
    the rows of a sparse matrix are one block here.
    """

    loss: Loss
    coef: NDArray[np.float64]
    intercept: float

    def __call__(self, block: Block) -> LossSums:
        gradient, sums = np.zeros(self.coef.size), np.zeros(3)
        rows, loss = kernel_rows(block.X, block.y, block.weight), kernel_loss(self.loss)
        for begin, end in pieces(block.y.size, rows):
            sums += measure_loss(loss, rows, begin, end, self.coef, self.intercept, gradient)
        return LossSums(float(sums[0]), float(sums[1]), float(sums[2]), gradient)


@dataclass(frozen=True)
class Measure:
    """Measures models on the rows that are learnt from."""

    task: SgdTask
    source: ArraySource

    def at(self, coef: Array, intercept: float) -> Evaluation:
        """J, the mean squared error and the gradient, by one read."""
        rule, penalty, weight = self.task.rule, self.task.penalty, self.source.weight
        coef = coef.astype(np.float64)
        function = (BlockLoss if self.task.small else CompiledLoss)(rule.loss, coef, float(intercept))
        # The gradients of many columns, one a block, would take longer than the few numbers of sparse rows.
        whole = isinstance(self.source.X, np.ndarray)
        sums = self.source.scan(function)[0] if whole else function(Block(self.source.X, self.source.y, weight))
        total = float(self.source.n_rows if weight is None else weight.sum(dtype=np.float64))
        parameters = np.append(coef, intercept)
        with np.errstate(all="ignore"):
            gradient = np.append(sums.gradient, sums.total if rule.fit_intercept else 0.0) / total
            objective = sums.loss / total + penalty.value(parameters)
            return Evaluation(objective, sums.squares / total, penalty.add_gradient(parameters, gradient))

    @cached_property
    def at_zero(self) -> Evaluation:
        """J and the mean squared error of predicting zero: they take the target alone."""
        y, weight = self.source.y, self.source.weight
        sums = np.zeros(3)
        for start in range(0, y.size, SLICE):
            residual = -y[start : start + SLICE].astype(np.float64, copy=False)
            values, _ = self.task.rule.loss.value_and_derivative(residual)
            s = 1.0 if weight is None else weight[start : start + SLICE]
            sums += (
                np.sum(s * values),
                np.sum(s * residual * residual),
                np.sum(s) if weight is not None else values.size,
            )
        return Evaluation(sums[0] / sums[2], sums[1] / sums[2], np.full(1, np.nan))

    def start(self, state: SgdState) -> Row:
        """The record of the start: of zeros without a read of X."""
        zero = not state.coef.any() and state.intercept == 0.0
        seen = self.at_zero if zero else self.at(state.coef, state.intercept)
        slope = self.length(state.coef, state.intercept, seen.gradient) if not zero else np.nan
        error = np.nan if self.task.held_out is None else self.task.held_out.error(state.coef, state.intercept)
        return Row(0, seen.objective, seen.mse, slope, self.task.rule.first_rate, 0.0, error)

    def length(self, coef: Array, intercept: float, gradient: Array, rate: float = 1.0) -> float:
        """The norm of the gradient mapping."""
        parameters = np.append(coef.astype(np.float64), intercept)
        return norm(self.task.penalty.gradient_mapping(parameters, gradient, rate))

    @property
    def chaotic(self) -> bool:
        """Whether steps on single rows may amplify rounding errors without growing themselves.

        That takes a kink or a bend, and a row so long, or of such a weight, that a step on it lands farther beyond than
        where it came from.
        """
        rule, X, weight = self.task.rule, self.source.X, self.source.weight
        linear = rule.loss.squared and not self.task.penalty.l1
        if linear or self.task.small or X.dtype != np.float64:
            return False
        if rule.passive_aggressive:
            return weight is not None and bool(weight.max() > 2.0)
        if rule.loss.kinked:
            return False
        mean_weight = 1.0 if weight is None else float(weight.mean())
        with np.errstate(all="ignore"):
            lengths = measure_rows(self.source, raw_coordinates(X.shape[1], rule.fit_intercept), None)
        return not rule.first_rate * rule.loss.curvature * mean_weight * lengths.largest <= 2.0

    @cached_property
    def sight(self) -> Sight:
        """Some of the rows that are learnt from."""
        rule, rows = self.task.rule, self.source
        return see(
            rows.X,
            rows.y,
            rows.weight,
            loss=rule.loss,
            penalty=self.task.penalty,
            fit_intercept=rule.fit_intercept,
        )

    def missed(self, place: Place) -> Missed | None:
        """What a fit has missed, if anything."""
        return find_missed(self.sight, place, self.at)

    def problem(self) -> Problem | None:
        """The rows' curvature, for an explanation; None where even that overflows."""
        rule, rows = self.task.rule, self.source
        settings = Settings(
            loss=rule.loss,
            penalty=replace(self.task.penalty, l1=0.0),
            rule=Plain(),
            learning_rate=rule.first_rate,
            fit_intercept=rule.fit_intercept,
            standardize=False,
            engine="auto",
            batch_size=1,
        )
        source = ArraySource(rows.X, rows.y.astype(np.float64, copy=False), rows.weight)
        try:
            with source, one_blas_thread(), np.errstate(all="ignore"):
                problem = prepare(source, settings)
                return problem if problem.largest_stable_rate is not None else None
        except (OverflowingSquaresError, UnderflowingSquaresError):
            return None


def select_training_rows(task: SgdTask) -> ArraySource:
    """The rows that are learnt from: those held out weigh nothing."""
    weight = task.weight
    if task.held_out is not None:
        kept = (~task.held_out.mask).astype(task.y.dtype)
        weight = kept if weight is None else kept * weight
    return ArraySource(task.X, task.y, weight)


def fit_sgd(task: SgdTask, start: SgdState) -> SgdFit:
    """Pass over the rows until a rule fires.

    Raises
    ------
    InputError
        For rows that are not finite.
    """
    with select_training_rows(task) as source, np.errstate(all="ignore"):
        measure = Measure(task, source)
        first = measure.start(start)
        outcome = forgive_weightless(task, make_passes(task, start, first, exact=measure.chaotic))
        refuse_spoilt_rows(task, outcome)
        outcome, restored = restore_best(outcome)
        coef, intercept = outcome.state.shown(task.rule.average, start.t - 1.0 + outcome.n_iter * task.y.size)
        seen = measure.at(coef, intercept)
        slope = measure.length(coef, intercept, seen.gradient, outcome.rate)
        lowest = max(first.objective, measure.at_zero.objective)
        reason = outcome.reason
        if reason is not StopReason.INTERRUPTED and (outcome.cut or not seen.objective <= WORSE * lowest):
            reason = StopReason.DIVERGED
        if restored is None:
            # The last record moves on to what is returned: after an interrupt that is in the middle of a pass.
            outcome.records[-1, 1:4] = seen.objective, seen.mse, slope
            outcome.parameters[-1] = np.append(coef.astype(np.float64), intercept)
        place = Place(coef.astype(np.float64), float(intercept), seen)
        finding, warning = judge(measure, outcome, reason, restored, (first.objective, slope), place)
    history = outcome.history(task.feature_names, validated=task.held_out is not None)
    state, rate, n_rows = outcome.state, outcome.rate, task.y.size
    return SgdFit(coef, intercept, state, outcome.n_iter, n_rows, history, reason, finding, warning, restored, rate)


def judge(
    measure: Measure,
    outcome: SgdOutcome,
    reason: StopReason,
    restored: int | None,
    seen: tuple[float, float],
    place: Place,
) -> tuple[Finding, type[DownslopeWarning] | None]:
    """What to say of a fit, and as which warning; `seen` are J at the start, and how steep J is at the end."""
    task, (first, slope), last = measure.task, seen, place.seen.objective
    if reason is StopReason.DIVERGED:
        return explain_divergence(task, outcome, measure.problem(), last, first, restored), DivergenceWarning
    early = explain_early_stop(task, outcome, first) if reason is StopReason.NO_IMPROVEMENT else None
    stop = explain_stop(task, outcome, reason, last, slope)
    if early is not None:
        return stop.then(early), NotConvergedWarning
    warning: type[DownslopeWarning] | None = None
    few = task.held_out is not None and task.held_out.too_few
    if (reason is StopReason.MAX_ITER and task.tol is not None) or few:
        warning = NotConvergedWarning
    missed = None if reason is StopReason.INTERRUPTED else measure.missed(place)
    if missed is None:
        return stop, warning
    told = explain_missed(task, reason, missed, measure.sight, place.seen)
    return stop.then(told), warning or DownslopeWarning if missed.kind == "penalty" else NotConvergedWarning


def restore_best(outcome: SgdOutcome) -> tuple[SgdOutcome, int | None]:
    """After an overflow, the outcome at its best record, and the epoch of that; as it is otherwise."""
    if not outcome.overflowed:
        return outcome, None
    best = int(np.nanargmin(outcome.records[:, 1]))
    parameters, state = outcome.parameters[best], outcome.state
    coef = parameters[:-1].astype(state.coef.dtype)
    state = state._replace(coef=coef, intercept=float(parameters[-1]))
    if state.mean_coef is not None:
        state = state._replace(mean_coef=coef, mean_intercept=float(parameters[-1]))
    return outcome._replace(state=state), int(outcome.records[best, 0])


def refuse_spoilt_rows(task: SgdTask, outcome: SgdOutcome) -> None:
    """Raise `InputError` where it is the rows that are not finite; their sums show it without another read."""
    if outcome.sums is not None and not np.isfinite(outcome.sums.squares):
        refuse_non_finite(task.X, task.names)


def pass_once(task: SgdTask, start: SgdState, history: History | None) -> SgdFit:
    """One pass over a block; `history` is that of the blocks before.

    Raises
    ------
    InputError
        For rows that are not finite.
    KeyboardInterrupt
        After an interrupt: a part of a block is no pass.
    """
    task = replace(task, max_iter=1, tol=None)
    with select_training_rows(task) as source, np.errstate(all="ignore"):
        measure = Measure(task, source)
        zero = measure.at_zero.objective
        before = 0 if history is None else int(history["epoch"][-1])
        first = measure.start(start) if history is None else Row(before, zero, zero, np.nan, np.nan, 0.0, np.nan)
        outcome = forgive_weightless(task, make_passes(task, start, first, exact=measure.chaotic))
        if outcome.reason is StopReason.INTERRUPTED:
            raise KeyboardInterrupt
        refuse_spoilt_rows(task, outcome)
        outcome, restored = restore_best(outcome)
        last, first_ever = outcome.records[-1, 1], first.objective if history is None else history["objective"][0]
        lowest = max(zero, float(first_ever))
        diverged = outcome.overflowed or outcome.cut or not last <= MUCH_WORSE * lowest
        reason = StopReason.DIVERGED if diverged else outcome.reason
        if diverged:
            finding = explain_divergence(task, outcome, measure.problem(), float(last), lowest, restored)
        else:
            finding = Finding.of("sgd.block", n_rows=task.y.size)
    coef, intercept = outcome.state.shown(task.rule.average, start.t - 1.0 + task.y.size)
    outcome.records[:, 0] += before
    if history is not None:
        outcome = outcome._replace(records=outcome.records[1:], parameters=outcome.parameters[1:])
    records = outcome.history(task.feature_names, validated=task.held_out is not None)
    if history is not None:
        records = history.followed_by(records) if len(records) else history
    warning = DivergenceWarning if diverged else None
    return SgdFit(
        coef, intercept, outcome.state, 1, task.y.size, records, reason, finding, warning, restored, outcome.rate
    )
