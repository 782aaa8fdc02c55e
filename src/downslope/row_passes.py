"""Passes over single rows as scikit-learn's SGDRegressor makes them: its steps, its orders, its stop rule.

scikit-learn's choices that a reader would take for slips are its numbers, and kept: the stop rule looks at losses
without weights, `tol` is absolute, and the validation score is that of coefficients without their common scale.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from downslope.descent import Row
from downslope.history import History, Record, Recorder
from downslope.losses import Loss
from downslope.penalties import Penalty
from downslope.stopping import StopReason

if TYPE_CHECKING:
    from downslope.stochastic.losses import KernelLoss
    from downslope.stochastic.sequential import Plan, Sums

__all__ = ["HeldOut", "Place", "RowOutcome", "RowTask", "Rule", "descend_single_rows"]

Array = NDArray[Any]

# Where the common scale of the coefficients is multiplied into them, by their precision.
SMALLEST_SCALE = {8: 1e-9, 4: 1e-6}
# The adaptive schedule divides the rate by 5 until it is below.
LOWEST_ADAPTIVE = 1e-6
# Rounding errors are kept below a billionth: a run is not trusted whose objective grows so much, or whose common scale
# becomes so small.
GROWN = 1.5
SMALL_SCALE = 1e-4
# The intercept learns slower on sparse rows, which move it at every step.
SPARSE_INTERCEPT = 0.01


class Rule(NamedTuple):
    """What a step is made of, in scikit-learn's terms.

    Attributes
    ----------
    loss : Loss
    penalty : "l2", "l1", "elasticnet" or None
    alpha, l1_ratio : float
    schedule : str
        `learning_rate` there.
    eta0, power_t : float
    fit_intercept : bool
    average : int
        The update from which places are averaged, counted from 1; 0 for never.
    """

    loss: Loss
    penalty: str | None
    alpha: float
    l1_ratio: float
    schedule: str
    eta0: float
    power_t: float
    fit_intercept: bool
    average: int

    @property
    def passive_aggressive(self) -> bool:
        """Whether a step is as long as its row asks for."""
        return self.schedule in ("pa1", "pa2")

    @property
    def first_rate(self) -> float:
        """The rate of update 1."""
        # Bottou's heuristic, in which a regression loss never exceeds 1.
        return float(np.sqrt(1.0 / np.sqrt(self.alpha))) if self.schedule == "optimal" else float(self.eta0)

    def plan(self, dtype: Any, *, sparse: bool, ahead: int) -> "Plan":
        """The same as the kernel takes it."""
        from downslope.stochastic.sequential import Plan

        share = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty or "", 0.0)
        first, factor, offset, power = self.eta0, 1.0, 1.0, 0.0
        if self.schedule == "invscaling":
            power = self.power_t
        elif self.schedule == "optimal":
            first, factor, offset, power = 1.0, self.alpha, 1.0 / (self.first_rate * self.alpha), 1.0
        return Plan(
            alpha=float(self.alpha),
            l1_ratio=float(share),
            shrinks=self.penalty in ("l2", "elasticnet"),
            truncates=self.penalty in ("l1", "elasticnet"),
            counts_penalty=self.penalty is not None and not self.passive_aggressive,
            first=float(first),
            factor=float(factor),
            offset=float(offset),
            power=float(power),
            average_from=float(self.average),
            fit_intercept=bool(self.fit_intercept),
            intercept_share=SPARSE_INTERCEPT if sparse else 1.0,
            smallest_scale=SMALLEST_SCALE[np.dtype(dtype).itemsize],
            ahead=ahead,
        )

    def kernel_loss(self) -> "KernelLoss":
        """The loss as the kernel takes it."""
        from downslope.stochastic.losses import PassiveAggressive, SoftPassiveAggressive, kernel_loss

        if self.passive_aggressive:
            kind = PassiveAggressive if self.schedule == "pa1" else SoftPassiveAggressive
            return kind(float(self.loss.epsilon), float(self.eta0))  # type: ignore[attr-defined]
        return kernel_loss(self.loss)


class Place(NamedTuple):
    """Where a run is: (coefficients (d,), intercept) of the last place, their mean or None, and the next update."""

    coef: Array
    intercept: float
    mean_coef: Array | None = None
    mean_intercept: float = 0.0
    t: float = 1.0

    def shown(self, average: int, passed: float) -> tuple[Array, float]:
        """What the model predicts by: the mean, where it is kept and `passed` updates were enough for it to begin."""
        if self.mean_coef is not None and 0 < average <= passed:
            return self.mean_coef, self.mean_intercept
        return self.coef, self.intercept


class HeldOut(NamedTuple):
    """Rows that are not learnt from.

    Attributes
    ----------
    mask : array of bool (n,)
        Which of all rows they are.
    X, y, weight
        Their own.
    """

    mask: NDArray[np.bool_]
    X: Any
    y: Array
    weight: Array | None

    def score(self, coef: Array, intercept: float) -> float:
        """R²."""
        return float(r2_score(self.y, self.X @ coef + intercept, sample_weight=self.weight))

    def error(self, coef: Array, intercept: float) -> float:
        """The mean squared error."""
        return float(np.average((self.X @ coef + intercept - self.y) ** 2, weights=self.weight))


@dataclass(frozen=True)
class RowTask:
    """Rows, and how to pass over them.

    Attributes
    ----------
    X : dense array in C order or CSR matrix (n, d)
    y, weight : array (n,) of the type of X, or None for weights of 1
    rule : Rule
    penalty : Penalty
        For the records.
    max_iter, n_iter_no_change : int
    tol : float or None
        Absolute; None never stops.
    seed : int or None
        Of the orders; None takes the rows as they lie.
    feature_names : tuple of str or None
    held_out : HeldOut or None
    hear : callable or None
        Receives each `Record`.
    began : float
    """

    X: Any
    y: Array
    weight: Array | None
    rule: Rule
    penalty: Penalty
    max_iter: int
    n_iter_no_change: int
    tol: float | None
    seed: int | None
    feature_names: tuple[str, ...] | None = None
    held_out: HeldOut | None = None
    hear: Callable[[Record], Any] | None = None
    began: float = field(default_factory=time.perf_counter)

    @property
    def names(self) -> list[str]:
        """What to call the columns in sentences."""
        return list(self.feature_names or (f"x{j}" for j in range(self.X.shape[1])))

    def orders(self) -> Iterator[Array]:
        """The order of the rows to learn from, pass by pass."""
        from downslope.stochastic.orders import orders_of_passes

        orders = orders_of_passes(self.y.size, self.seed)
        if self.held_out is None:
            return orders
        learnt = ~self.held_out.mask
        return (order[learnt[order]] for order in orders)


class RowOutcome(NamedTuple):
    """What the passes give back.

    Attributes
    ----------
    reason : StopReason
    place : Place
        The last place, or after an overflow the last that is finite.
    n_iter : int
        Passes begun.
    records : array (records, 7)
        The columns of `Row`: running values, each row's before its update, but for the start's, which are given.
    parameters : array (records, d + 1)
        Those that predict, the intercept last.
    objectives : list of float
        What the stop rule saw after each pass.
    sums : Sums
        Of the last pass.
    rate : float
        Of the last update.
    overflowed : bool
    """

    reason: StopReason
    place: Place
    n_iter: int
    records: NDArray[np.float64]
    parameters: NDArray[np.float64]
    objectives: list[float]
    sums: "Sums"
    rate: float
    overflowed: bool

    @property
    def cut(self) -> bool:
        """Whether slopes of the last pass were cut."""
        return self.sums.clipped > 0

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


def descend_single_rows(task: RowTask, start: Place, first: Row, *, exact: bool = False) -> RowOutcome:
    """Pass over the rows until the stop rule fires.

    Parameters
    ----------
    task : RowTask
    start : Place
    first : Row
        The record of the start.
    exact : bool
        Whether to keep to scikit-learn's order of operations, which costs about half of the speed. A run that
        `amplifies` rounding errors is made again in this way, since only that leads to its numbers.
    """
    outcome = attempt(task, start, first, exact, 0)
    if not isinstance(outcome, RowOutcome):
        outcome = attempt(task, start, first, True, outcome)
    assert isinstance(outcome, RowOutcome)
    return outcome


def attempt(task: RowTask, start: Place, first: Row, exact: bool, heard: int) -> RowOutcome | int:
    """A run, or where it `amplifies` rounding errors, and was not made to avoid that, how many passes were heard of."""
    from downslope.stochastic import sequential
    from downslope.stochastic.rows import kernel_rows, pieces, rows_ahead
    from downslope.stochastic.sequential import Position, Sums, Vectors, no_sums, weights_at

    rule, sparse = task.rule, not isinstance(task.X, np.ndarray)
    rows, loss = kernel_rows(task.X, task.y, task.weight, exact=exact), rule.kernel_loss()
    descend_rows = sequential.descend_rows_exactly if exact else sequential.descend_rows
    plan = rule.plan(start.coef.dtype, sparse=sparse, ahead=rows_ahead(rows))
    none = np.empty(0, dtype=start.coef.dtype)
    vectors = Vectors(
        start.coef.copy(),
        none if start.mean_coef is None else start.mean_coef.copy(),
        np.zeros_like(start.coef) if plan.truncates else none,
    )
    position = sequential.begin(vectors.v, start.intercept, start.t, start.mean_intercept)
    recorder, patience, objectives = Recorder(start.coef.size + 1), Patience(), list[float]()
    place, sums, reason, overflowed, epoch, begun = start, no_sums(), StopReason.MAX_ITER, False, 0, 0
    passed_before = start.t - 1.0
    recorder.add((0, *first), parameters_of(place.shown(rule.average, passed_before)))
    orders = task.orders()

    def here() -> Place:
        coef, mean = weights_at(vectors, Position(*position))
        return Place(coef, float(position[1]), mean if mean.size else None, float(position[2]), float(position[0]))

    with np.errstate(all="ignore"):
        try:
            for epoch in range(1, task.max_iter + 1):
                sums = no_sums()
                order = next(orders)
                begun = epoch
                for begin, end in pieces(order.size, rows):
                    descend_rows(loss, rows, order[begin:end], plan, vectors, position, sums)
                if not exact and amplifies(task, Sums(*sums), position[3], first):
                    return epoch - 1
                if not all_finite(vectors.v, position[1]):
                    reason, overflowed = StopReason.DIVERGED, True
                    break
                place, seen = here(), Sums(*sums)
                objectives.append(seen.objective / order.size)
                shown = place.shown(rule.average, passed_before + epoch * task.y.size)
                parameters = parameters_of(shown)
                row = row_of(task, epoch, seen, shown, task.penalty.value(parameters))
                recorder.add((epoch, *row), parameters)
                if task.hear is not None and epoch > heard:
                    task.hear(record_of(row, shown, validated=task.held_out is not None))
                watched = objectives[-1]
                if task.held_out is not None:
                    watched = -task.held_out.score(vectors.v, float(position[1]))
                patience = patience.after(watched, task.tol)
                if patience.since >= task.n_iter_no_change:
                    if rule.schedule != "adaptive" or plan.first <= LOWEST_ADAPTIVE:
                        reason = StopReason.NO_IMPROVEMENT
                        break
                    plan, patience = plan._replace(first=plan.first / 5.0), patience._replace(since=0)
        except KeyboardInterrupt:
            reason = StopReason.INTERRUPTED
            place = here() if all_finite(vectors.v, position[1]) else place
    return RowOutcome(
        reason,
        place,
        begun,
        np.array([record[1:] for record in recorder.rows]),
        np.array(recorder.parameters),
        objectives,
        Sums(*sums),
        float(sums[5]) if begun else float(rule.first_rate),
        overflowed,
    )


def amplifies(task: RowTask, sums: "Sums", scale: float, first: Row) -> bool:
    """Whether a pass has made rounding errors matter.

    That is where slopes were cut, the objective grew, or the mean of places is found as a difference of large numbers,
    their common scale having become small.
    """
    if task.X.dtype != np.float64:
        return False
    grown = not sums.loss <= GROWN * first.objective * sums.weight
    averaged = task.rule.average > 0 and (sums.resets > 0 or scale < SMALL_SCALE)
    return sums.clipped > 0 or grown or averaged


def parameters_of(shown: tuple[Array, float]) -> NDArray[np.float64]:
    """The coefficients and the intercept in one vector."""
    parameters = np.empty(shown[0].size + 1)
    parameters[:-1], parameters[-1] = shown
    return parameters


def all_finite(coef: Array, intercept: float) -> bool:
    """Whether all are numbers; where their sum is one, that is so without a look at each."""
    return bool(np.isfinite(intercept) and (np.isfinite(coef.sum()) or np.all(np.isfinite(coef))))


def row_of(task: RowTask, epoch: int, sums: "Sums", shown: tuple[Array, float], penalty: float) -> Row:
    """The record of a pass: running values of the loss, and the penalty where the pass led."""
    objective = sums.loss / sums.weight + penalty
    validation = np.nan if task.held_out is None else task.held_out.error(*shown)
    seconds = time.perf_counter() - task.began
    return Row(epoch, objective, sums.squares / sums.weight, np.nan, sums.rate, seconds, validation)


def record_of(row: Row, shown: tuple[Array, float], *, validated: bool) -> Record:
    """The record as a listener receives it."""
    coef, intercept = shown
    numbers = (row.objective, row.mse, row.gradient_norm, row.learning_rate, row.seconds)
    return Record(int(row.epoch), coef, float(intercept), *numbers, row.validation_mse if validated else None)
