"""Passes over rows a mini-batch at a time, in pieces short enough for an interrupt to be heard."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source
from downslope.kernels.batches import Frame, Iterate, Running, Setting, descend_batches, descend_batches_exactly
from downslope.kernels.losses import kernel_loss
from downslope.kernels.rows import KernelRows, kernel_rows, pieces, rows_ahead
from downslope.kernels.rules import kernel_rule
from downslope.kernels.uncompiled import BatchByBatch, is_small
from downslope.objective.losses import Loss
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import Coordinates
from downslope.steps.rules import StepRule

__all__ = ["BatchPasses", "PassState"]

Array = NDArray[np.float64]

# Rows that lie together stay together in the order of a pass over many rows, a few cache lines of them: shuffling
# then costs a part, and the rows are read faster (measured, 10⁶ × 20: see docs/architecture.md).
NEIGHBOURS = 16
MANY_ROWS = 2**16
MOST_INT32 = 2**31 - 1


class PassState(NamedTuple):
    """What a pass needs to go on: the arrays of the kernel, the updates made, and the generator of the orders."""

    iterate: Iterate
    updates: float
    generator: np.random.Generator

    def copy(self) -> "PassState":
        """The same with arrays and a generator of its own, for passes write to them."""
        return PassState(Iterate(*(array.copy() for array in self.iterate)), self.updates, deepcopy(self.generator))

    @property
    def shown(self) -> Array:
        """The parameters that a record shows: the mean of places where it is kept, the last place elsewhere."""
        iterate = self.iterate
        return (iterate.mean if iterate.mean.size and self.updates else iterate.theta).copy()


@dataclass(frozen=True)
class BatchPasses:
    """Passes over the rows of a source, an update a mini-batch.

    Attributes
    ----------
    loss, rule, penalty, coordinates
        The mathematics.
    batch_size : int or None
        Rows an update; None takes all of a block.
    n_rows : int
        Of the whole problem, for the rules that remember each row.
    mean_weight : float
        s̄ of all rows.
    averaging_power : float or None
        How much later places count more in the mean that is shown; None shows the last place.
    shuffle : bool
        Whether each pass takes the rows in a new order.
    """

    loss: Loss
    rule: StepRule
    penalty: Penalty
    coordinates: Coordinates
    batch_size: int | None
    n_rows: int
    mean_weight: float
    averaging_power: float | None = None
    shuffle: bool = True

    def begin(self, parameters: Array, seed: int) -> PassState:
        """The state before the first update."""
        p, averaged = parameters.size, self.averaging_power is not None or self.rule.averages
        reduced = self.rule.remembers_rows
        iterate = Iterate(
            parameters.copy(),
            np.zeros((3, p)),
            np.zeros(p if averaged else 0),
            np.zeros(self.n_rows if reduced else 0),
            np.zeros(p if reduced else 0),
        )
        return PassState(iterate, 0.0, np.random.default_rng(seed))

    def over(
        self, source: Source, state: PassState, rate: float, done: int = 0, running: Running | None = None
    ) -> Iterator[tuple[PassState, Running]]:
        """One pass, a piece at a time: the state and the running sums after each; writes to the arrays of `state`.

        Of a pass whose first pieces are `done` come the others: `state` has its arrays from there, its generator from
        the start of the pass, and `running` the sums.
        """
        running = running or Running(0.0, 0.0, 0.0, state.updates)
        loss, rule = kernel_loss(self.loss), kernel_rule(self.rule)
        for block in source.blocks(partial(self.order, state.generator)):
            small, order = self.small(block), block.order
            assert order is not None
            rows = kernel_rows(block.X, block.y, block.weight, exact=small)
            descend = BatchByBatch(descend_batches_exactly) if small else descend_batches
            setting, frame = self.setting(rows, order.size, rate), self.frame(block)
            for begin, end in pieces(order.size, rows, setting.size, block.X.shape[1]):
                if done:
                    done -= 1
                    continue
                with np.errstate(all="ignore"):
                    sums = descend(loss, rule, rows, order[begin:end], frame, setting, state.iterate, running)
                running = Running(*sums)
                yield state._replace(updates=running.updates), running

    def small(self, block: Block) -> bool:
        """Whether Python begins the passes, in an order of operations in which compiled code goes on."""
        X, y = block.X, block.y
        return isinstance(X, np.ndarray) and X.dtype == y.dtype == np.float64 and is_small(*X.shape)

    def setting(self, rows: KernelRows, n_rows: int, rate: float) -> Setting:
        """What does not change within a pass over a block of `n_rows`."""
        return Setting(
            min(self.batch_size or n_rows, n_rows),
            rate,
            self.penalty.l1,
            self.penalty.l2,
            self.mean_weight,
            float(self.n_rows),
            self.averaging_power or 0.0,
            rows_ahead(rows),
        )

    def order(self, generator: np.random.Generator, n: int) -> NDArray[Any]:
        """So many rows in the order of one pass."""
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

    def frame(self, block: Block) -> Frame:
        """The coordinates as the kernel takes them."""
        shift = self.coordinates.shift
        about, left = (0.0 * shift, shift) if block.sparse else (shift, self.coordinates.of_shifted_rows.shift)
        return Frame(about, left, self.coordinates.inverse_scale, self.coordinates.fit_intercept)
