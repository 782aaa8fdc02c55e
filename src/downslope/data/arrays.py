"""Rows in memory: numpy arrays and scipy sparse matrices, read in place on all cores."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import reduce as fold
from itertools import pairwise
from operator import add
from typing import Any, Self, TypeVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Addable
from downslope.threads import n_cores, one_blas_thread

__all__ = ["ArraySource"]

Array = NDArray[np.float64]
T = TypeVar("T", bound=Addable)

# The second use of a block finds it in the shared cache; smaller blocks lose more to the interpreter's lock
# than they win (measured, 10⁶ × 20, two cores, one Huber epoch in reads of X: 2^20 3.9, 2^21 3.2, 2^23 2.3).
BLOCK_BYTES = 2**23
# Below this, starting threads costs more than it saves.
PARALLEL_BYTES = 2**22
# Below this, BLAS starts none either.
TINY_BYTES = 2**16
# Rows are cut into this many segments whatever the number of cores, so that sums do not depend on it.
SEGMENTS = 16


class ArraySource:
    """The rows of X (n × d), y (n,) and the weights (n,) as a `Source`; nothing is copied.

    Use it as a context: leaving it ends the threads.
    """

    def __init__(self, X: Any, y: Array, weight: Array | None = None, *, threads: int | None = None) -> None:
        self.X = X
        self.y = y
        self.weight = weight
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

    @property
    def n_features(self) -> int:
        """The number of columns of X."""
        return int(self.X.shape[1])

    @property
    def n_stored(self) -> int:
        """The number of values that X stores."""
        return int(self.X.nnz) if scipy.sparse.issparse(self.X) else self.n_rows * self.n_features

    def reduce(self, function: Callable[[Block], T]) -> T:
        """The sum of `function(block)` over all blocks; segments in parallel, merged in their order."""
        n_bytes = 12 * self.n_stored if scipy.sparse.issparse(self.X) else self.X.nbytes
        if n_bytes <= PARALLEL_BYTES:
            with one_blas_thread() if n_bytes > TINY_BYTES else nullcontext(), np.errstate(all="ignore"):
                return function(self._block(0, self.n_rows))
        per_segment = max(1, round(n_bytes / SEGMENTS / BLOCK_BYTES))
        n_blocks = min(SEGMENTS * per_segment, self.n_rows)
        edges = np.linspace(0, self.n_rows, n_blocks + 1).astype(int).tolist()
        blocks = list(pairwise(edges))
        segments = [blocks[first : first + per_segment] for first in range(0, n_blocks, per_segment)]
        sums: dict[int, T] = {}
        # Each thread takes the next segment when it is done with one: fewer handovers than a task a segment.
        waiting = iter(enumerate(segments))

        def work() -> None:
            with emptied(waiting), np.errstate(all="ignore"):
                for number, segment in waiting:
                    sums[number] = fold(add, (function(self._block(*rows)) for rows in segment))

        with emptied(waiting):
            self._on_threads(work)
        return fold(add, (sums[number] for number in range(len(segments))))

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

    def sample(self, n_rows: int) -> Block:
        """About `n_rows` rows, evenly spread."""
        rows = np.unique(np.linspace(0, self.n_rows - 1, n_rows).astype(int))
        X = self.X[rows]
        dense = np.asarray(X.toarray() if scipy.sparse.issparse(X) else X, dtype=np.float64)
        return Block(dense, self.y[rows], None if self.weight is None else self.weight[rows])

    def _block(self, start: int, stop: int) -> Block:
        if start == 0 and stop == self.n_rows:
            return Block(self.X, self.y, self.weight)
        weight = None if self.weight is None else self.weight[start:stop]
        return Block(rows_of(self.X, start, stop), self.y[start:stop], weight)


@contextmanager
def emptied(waiting: Iterator[Any]) -> Iterator[None]:
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
