"""The rows that everything is measured on, and the unit that time is measured in: one read of X."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

__all__ = ["FULL", "QUICK", "RATE", "Reader", "Scale", "make_rows"]

Array = NDArray[np.float64]

# The largest stable rate is about 2/(d/4 + 1), 0.33 at twenty columns.
RATE = 0.1
# Filled a slice at a time, so that a process that measures its memory does not start with a peak.
SLICE_ROWS = 10_000


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rows: int
    columns: int
    rounds: int
    epochs: int = 1_000
    many_epochs: int = 1_000_000
    loop_epochs: int = 10
    sweep_rates: int = 1_000
    sweep_epochs: int = 10_000
    huber_epochs: tuple[int, int] = (10, 50)
    processes: int = 15
    sgd_rounds: int = 7
    sgd_part: int = 1


FULL = Scale(rows=1_000_000, columns=20, rounds=11)
QUICK = Scale(rows=100_000, columns=20, rounds=3, many_epochs=100_000, processes=3, sgd_rounds=2, sgd_part=10)


def make_rows(n_rows: int, n_columns: int) -> tuple[Array, Array]:
    """X uniform in (0, 1) as the course draws it, y = Xw + ½ with noise of 0.1 and a gross outlier in 100 rows."""
    rng = np.random.default_rng(20)
    coef = rng.uniform(-1.0, 1.0, n_columns)
    X, y = np.empty((n_rows, n_columns)), np.empty(n_rows)
    for start in range(0, n_rows, SLICE_ROWS):
        part = slice(start, min(start + SLICE_ROWS, n_rows))
        rng.random(out=X[part])
        y[part] = X[part] @ coef + 0.5 + 0.1 * rng.standard_normal(len(y[part]))
    y[::100] += 5.0
    return X, y


class Reader:
    """Reads of contiguous halves of X by two threads; use it as a context."""

    def __init__(self, X: Array) -> None:
        flat = X.reshape(-1)
        self._halves = np.split(flat[: flat.size // 2 * 2], 2)
        self._pool = ThreadPoolExecutor(2)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    @property
    def kinds(self) -> dict[str, Callable[[], object]]:
        """Ways to read all of X once; the fastest of them is the unit."""
        return {
            "np.sum": lambda: self._both(np.sum),
            "np.max": lambda: self._both(np.max),
            "np.dot": self._dot,
        }

    def _both(self, function: Callable[[Array], Any]) -> list[Any]:
        return list(self._pool.map(function, self._halves))

    def _dot(self) -> list[Any]:
        # Each of the two threads calls a BLAS of one thread.
        with threadpool_limits(1, "blas"):
            return self._both(lambda half: np.dot(half, half))
