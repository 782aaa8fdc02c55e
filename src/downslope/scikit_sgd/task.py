"""What SGDRegressor's passes over single rows are made of: a rule, a state, rows, and those held out."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from downslope.descent.history import Record
from downslope.kernels import orders
from downslope.kernels.losses import KernelLoss, PassiveAggressive, SoftPassiveAggressive, kernel_loss
from downslope.kernels.sequential import Plan
from downslope.kernels.uncompiled import is_small
from downslope.objective.losses import Loss
from downslope.objective.penalties import Penalty

__all__ = ["HeldOut", "Rule", "SgdState", "SgdTask"]

Array = NDArray[Any]

# Where the common scale of the coefficients is multiplied into them, by their precision.
SMALLEST_SCALE = {8: 1e-9, 4: 1e-6}
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
        The update from which iterates are averaged, counted from 1; 0 for never.
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

    def plan(self, dtype: Any, *, sparse: bool, ahead: int, watched: bool) -> Plan:
        """The same as the kernel takes it; `watched` where the stop rule looks at the objective."""
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
            counts_penalty=True if watched and self.penalty and not self.passive_aggressive else None,
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

    def kernel_loss(self) -> KernelLoss:
        """The loss as the kernel takes it."""
        if self.passive_aggressive:
            kind = PassiveAggressive if self.schedule == "pa1" else SoftPassiveAggressive
            return kind(float(self.loss.epsilon), float(self.eta0))  # type: ignore[attr-defined]
        return kernel_loss(self.loss)


class SgdState(NamedTuple):
    """Where a run is: (coefficients (d,), intercept) of the last iterate, their mean or None, and the next update."""

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

    @property
    def too_few(self) -> bool:
        """Whether R² is not defined: it compares with the mean of at least two rows."""
        return self.y.size < 2

    def score(self, coef: Array, intercept: float) -> float:
        """R²; NaN where it is not defined, as scikit-learn has it."""
        if self.too_few:
            return np.nan
        return float(r2_score(self.y, self.X @ coef + intercept, sample_weight=self.weight))

    def error(self, coef: Array, intercept: float) -> float:
        """The mean squared error."""
        return float(np.average((self.X @ coef + intercept - self.y) ** 2, weights=self.weight))


@dataclass(frozen=True)
class SgdTask:
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

    @property
    def small(self) -> bool:
        """Whether Python begins the passes, in scikit-learn's order of operations; compiled code goes on in the same.

        So no bit depends on whether there is any. Single precision is left to that: Python's numbers are double.
        """
        return isinstance(self.X, np.ndarray) and self.X.dtype == np.float64 and is_small(*self.X.shape)

    def orders(self) -> Generator[Array, None, None]:
        """The order of the rows to learn from, pass by pass; close it where an interrupt is heard."""
        learnt = None if self.held_out is None else ~self.held_out.mask
        with closing(orders.orders_of_passes(self.y.size, self.seed)) as visited:
            for order in visited:
                yield order if learnt is None else order[learnt[order]]
