"""A pass over rows in memory, a mini-batch at a time, in pieces short enough for an interrupt to be heard."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.kernels.batches import Frame, Running, Setting, Vectors, descend_batches
from downslope.kernels.losses import kernel_loss
from downslope.kernels.rows import kernel_rows, pieces, rows_ahead
from downslope.kernels.rules import kernel_rule
from downslope.objective.losses import Loss
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import Coordinates
from downslope.steps.rules import Averaged, Saga, StepRule

__all__ = ["Sweep", "SweepState"]

Array = NDArray[np.float64]

# Rows that lie together stay together in the order of a pass over many rows, a few cache lines of them: shuffling
# then costs a part, and the rows are read faster (measured, 10⁶ × 20: see docs/architecture.md).
NEIGHBOURS = 16
MANY_ROWS = 2**16
MOST_INT32 = 2**31 - 1


class SweepState(NamedTuple):
    """What a pass needs to go on: the arrays of the kernel, the updates made, and the generator of the orders."""

    vectors: Vectors
    updates: float
    generator: np.random.Generator

    def copy(self) -> "SweepState":
        """The same with arrays and a generator of its own, for passes write to them."""
        vectors = Vectors(*(array.copy() for array in self.vectors))
        return SweepState(vectors, self.updates, deepcopy(self.generator))

    @property
    def shown(self) -> Array:
        """The parameters that a record shows: the mean of iterates where it is kept, the last iterate elsewhere."""
        return (self.vectors.mean if self.vectors.mean.size and self.updates else self.vectors.theta).copy()


@dataclass(frozen=True)
class Sweep:
    """Passes over rows X (n, d), y (n,) with weights (n,) or None.

    Attributes
    ----------
    loss, rule, penalty, coordinates
        The mathematics.
    batch_size : int
    mean_weight : float
        s̄ of all rows.
    lateness : float or None
        How much later iterates count more in the mean that is shown; None shows the last iterate.
    shuffle : bool
        Whether each pass takes the rows in a new order.
    """

    X: Any
    y: Array
    weight: Array | None
    loss: Loss
    rule: StepRule
    penalty: Penalty
    coordinates: Coordinates
    batch_size: int
    mean_weight: float
    lateness: float | None = None
    shuffle: bool = True

    def begin(self, parameters: Array, seed: int) -> SweepState:
        """The state before the first update."""
        p, averaged = parameters.size, self.lateness is not None or isinstance(self.rule, Averaged)
        reduced = isinstance(self.rule, Saga)
        vectors = Vectors(
            parameters.copy(),
            np.zeros((3, p)),
            np.zeros(p if averaged else 0),
            np.zeros(self.y.size if reduced else 0),
            np.zeros(p if reduced else 0),
        )
        return SweepState(vectors, 0.0, np.random.default_rng(seed))

    def passing(self, state: SweepState, rate: float) -> Iterator[tuple[SweepState, Running]]:
        """One pass, a piece at a time: the state and the running sums after each; writes to the arrays of `state`."""
        vectors = state.vectors
        order = self.order(state.generator)
        rows, frame = kernel_rows(self.X, self.y, self.weight), self.frame()
        setting = Setting(
            min(self.batch_size, self.y.size),
            rate,
            self.penalty.l1,
            self.penalty.l2,
            self.mean_weight,
            float(self.y.size),
            self.lateness or 0.0,
            rows_ahead(rows),
        )
        running = Running(0.0, 0.0, 0.0, state.updates)
        loss, rule = kernel_loss(self.loss), kernel_rule(self.rule)
        for begin, end in pieces(order.size, rows, setting.size, self.X.shape[1]):
            piece = order[begin:end]
            with np.errstate(all="ignore"):
                sums = descend_batches(loss, rule, rows, piece, frame, setting, vectors, running)
            running = Running(*sums)
            yield SweepState(vectors, running.updates, state.generator), running

    def order(self, generator: np.random.Generator) -> NDArray[Any]:
        """The rows in the order of one pass."""
        n = self.y.size
        kind: Any = np.int32 if n <= MOST_INT32 else np.int64
        if not self.shuffle:
            return np.arange(n, dtype=kind)
        if n < MANY_ROWS:
            return generator.permutation(n).astype(kind)
        groups: NDArray[Any] = generator.permutation(-(-n // NEIGHBOURS)).astype(kind)
        order: NDArray[Any] = (groups[:, None] * kind(NEIGHBOURS) + np.arange(NEIGHBOURS, dtype=kind)).reshape(-1)
        if n % NEIGHBOURS == 0:
            return order
        # The last group is not full.
        last = int(np.flatnonzero(groups == groups.size - 1)[0]) * NEIGHBOURS
        order[last + n % NEIGHBOURS : n] = order[last + NEIGHBOURS :].copy()
        return order[:n]

    def frame(self) -> Frame:
        """The coordinates as the kernel takes them."""
        shift, none = self.coordinates.shift, np.zeros_like(self.coordinates.shift)
        about, left = (none, shift) if scipy.sparse.issparse(self.X) else (shift, none)
        return Frame(about, left, self.coordinates.inverse_scale, self.coordinates.fit_intercept)
