"""Rows in memory: numpy arrays and scipy sparse matrices, read in place on all cores."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.counter import BinaryCounter, Together
from downslope.data.source import Order, Rereads, Schema
from downslope.threads import n_cores, one_blas_thread

__all__ = ["ArraySource"]

Array = NDArray[np.float64]

# The second use of a block finds it in the shared cache; smaller blocks lose more to the interpreter's lock
# than they win (measured, 10⁶ × 20, two cores, one Huber epoch in reads of X: 2^20 3.9, 2^21 3.2, 2^23 2.3).
BLOCK_BYTES = 2**23
# Below this, starting threads costs more than it saves.
PARALLEL_BYTES = 2**22
# Below this, BLAS starts none either.
TINY_BYTES = 2**16
# Fewer blocks than this leave cores without work at the end of a read.
LEAST_BLOCKS = 12
# Rows that a weight may stand for; all numbers beyond 2^53 are whole.
MOST_COUNTED = 2.0**31


class ArraySource:
    """The rows of X (n × d), y (n,) and the weights (n,) as a `Source`; nothing is copied.

    `places` (n,) are the rows of what was given that these are, where some were left out; None where none were.
    Use it as a context: leaving it ends the threads.
    """

    rereads: Rereads = "free"

    def __init__(
        self,
        X: Any,
        y: Array,
        weight: Array | None = None,
        *,
        names: tuple[str, ...] | None = None,
        target: str | None = None,
        checked: bool = False,
        threads: int | None = None,
        rounding: float = 0.0,
        places: NDArray[np.int64] | None = None,
        weight_exponent: int = 0,
    ) -> None:
        self.X = X
        self.y = y
        self.weight = weight
        self.places = places
        n_rows, n_features = X.shape
        stored = X.nnz if scipy.sparse.issparse(X) else n_rows * n_features
        self.schema = Schema(
            n_features,
            names,
            target,
            weight is not None,
            stored / max(n_rows, 1),
            checked,
            rounding,
            weight_exponent,
            whole(weight),
        )
        self._threads = n_cores() if threads is None else threads
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return int(self.X.shape[0])

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """One read for all tasks, blocks in parallel: for each task the sum of its values over all blocks."""
        n_bytes = self._bytes()
        if n_bytes <= PARALLEL_BYTES:
            with one_blas_thread() if n_bytes > TINY_BYTES else nullcontext(), np.errstate(all="ignore"):
                return tuple(task(self._block(0, 0, self.n_rows)) for task in tasks)
        step = rows_of_a_block(self.n_rows, n_bytes)
        counter = BinaryCounter()
        # Each thread takes the next block when it is done with one.
        waiting = iter(enumerate(range(0, self.n_rows, step)))

        def work() -> None:
            with emptying(waiting), np.errstate(all="ignore"):
                for number, start in waiting:
                    block = self._block(number, start, min(start + step, self.n_rows))
                    counter.add(number, Together(task(block) for task in tasks))

        with emptying(waiting):
            self._on_threads(work)
        return tuple(counter.total())

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        """All rows at once: they lie in memory."""
        yield replace(self._block(0, 0, self.n_rows), order=None if order is None else order(self.n_rows))

    def _on_threads(self, work: Callable[[], None]) -> None:
        """Run `work` on every thread at once."""
        if self._threads == 1:
            work()
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads)
        with one_blas_thread():
            for done in [self._pool.submit(work) for _ in range(self._threads)]:
                done.result()

    def peek(self, n_rows: int) -> Block:
        """About `n_rows` rows, evenly spread."""
        rows = np.unique(np.linspace(0, self.n_rows - 1, n_rows).astype(int))
        X = self.X[rows]
        dense = np.asarray(X.toarray() if scipy.sparse.issparse(X) else X, dtype=np.float64)
        return Block(dense, self.y[rows], None if self.weight is None else self.weight[rows])

    def resident(self) -> Self:
        """Itself."""
        return self

    def _bytes(self) -> int:
        """The memory that a read goes through."""
        return int(12 * self.X.nnz if scipy.sparse.issparse(self.X) else self.X.nbytes)

    def _block(self, number: int, start: int, stop: int) -> Block:
        if start == 0 and stop == self.n_rows:
            return Block(self.X, self.y, self.weight, number)
        weight = None if self.weight is None else self.weight[start:stop]
        return Block(rows_of(self.X, start, stop), self.y[start:stop], weight, number)


def whole(weight: Array | None) -> bool:
    """Whether the weights are whole numbers that may count rows."""
    return weight is None or bool(weight.max(initial=0.0) <= MOST_COUNTED and np.all(weight == np.rint(weight)))


def rows_of_a_block(n_rows: int, n_bytes: int) -> int:
    """A power of two: of about `BLOCK_BYTES`, or fewer where there would be fewer than `LEAST_BLOCKS`."""
    step = 1 << max(round(math.log2(BLOCK_BYTES * n_rows / n_bytes)), 0)
    while step > 1 and n_rows < LEAST_BLOCKS * step:
        step >>= 1
    return step


@contextmanager
def emptying(waiting: Iterator[Any]) -> Iterator[None]:
    """Where an error or an interrupt leaves it, other threads find nothing more to do."""
    try:
        yield
    except BaseException:
        for _ in waiting:
            pass
        raise


def rows_of(X: Any, start: int, stop: int) -> Any:
    """Consecutive rows, in place: scipy's own slices of a CSR matrix are copies."""
    if not scipy.sparse.issparse(X):
        return X[start:stop]
    begin, end = X.indptr[start], X.indptr[stop]
    parts = X.data[begin:end], X.indices[begin:end], X.indptr[start : stop + 1] - begin
    return type(X)(parts, shape=(stop - start, X.shape[1]), copy=False)
