"""Passes over wide rows by one thread or by two, whichever is faster at the time.

Two threads that wait for each other at every group of rows are nearly twice as fast where each has a core, and several
times slower than one where other work keeps a core busy. So stretches are timed; which way one was made changes no bit.
"""

import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.stochastic.rows import GROUP, SHARED, WideRows, known_of_a_group
from downslope.threads import n_cores

__all__ = ["Shared"]

Array = NDArray[Any]

# A second thread is worth its start from so many bytes of X in a stretch.
MUCH = 2**23
# Stretches made alone after one that two threads have made more slowly, and how much longer after each further one.
ALONE = 16
LONGER = 2


class Shared:
    """A compiled pass over wide rows that a second thread may share.

    Parameters
    ----------
    descend : callable
        The pass, as `downslope.stochastic.sequential.descend_rows`.
    rows : WideRows
        All columns.
    """

    def __init__(self, descend: Callable[..., None], rows: WideRows) -> None:
        self.descend = descend
        own = ("dots", "products", "factors", "clock")
        self.halves = tuple(
            rows._replace(begin=half, end=half + 1, **dict(zip(own, known_of_a_group(rows.X.dtype), strict=True)))
            for half in (0, 1)
        )
        row_bytes = rows.X.shape[1] * rows.X.itemsize
        self.possible = n_cores() > 1 and row_bytes >= SHARED
        # Rows from which on sharing pays; whole groups, so that a stretch cut there is made with the same sums.
        self.few = GROUP * -(-MUCH // row_bytes // GROUP)
        # Seconds a row of one thread; stretches that it is to make; and how many after the next failure of two.
        self.alone, self.left, self.pause = 0.0, 0, ALONE

    def __call__(
        self, loss: Any, rows: WideRows, order: Array, plan: Any, vectors: Any, position: Array, sums: Array
    ) -> None:
        """Make one update for each row of `order`, as `descend` does."""

        def make(way: Callable[..., None], begin: int, end: int) -> float:
            began = time.perf_counter()
            way(loss, rows, order[begin:end], plan, vectors, position, sums)
            return (time.perf_counter() - began) / (end - begin)

        begin, end = 0, order.size
        if end >= 2 * self.few and self.alone == 0.0:
            # Something to compare with. Where there is but one core too, so that sums are cut alike.
            begin = self.few
            self.alone = make(self.descend, 0, begin)
        if self.possible and end >= 2 * self.few and self.left == 0:
            if make(self.share, begin, end) > self.alone:
                self.left, self.pause = self.pause, self.pause * LONGER
            return
        seconds = make(self.descend, begin, end)
        if self.left > 0:
            self.left, self.alone = self.left - 1, seconds

    def share(
        self, loss: Any, rows: WideRows, order: Array, plan: Any, vectors: Any, position: Array, sums: Array
    ) -> None:
        """The same by two threads; an interrupt leaves everything as it was before."""
        first, second = self.halves
        for array in (rows.quit, rows.stamps, first.clock, second.clock):
            array[:] = 0
        places = (vectors.v, vectors.mean, position, sums)
        before = [array.copy() for array in places]
        failures: list[BaseException] = []

        def help() -> None:
            try:
                self.descend(loss, second, order, plan, vectors, before[2].copy(), np.zeros_like(sums))
            except BaseException as failure:
                failures.append(failure)
                rows.quit[0] = 1

        helper = Thread(target=help, name="downslope-half", daemon=True)
        try:
            helper.start()
            self.descend(loss, first, order, plan, vectors, position, sums)
            helper.join()
            if failures:
                raise failures[0]
        except BaseException:
            rows.quit[0] = 1
            if helper.ident is not None:
                helper.join()
            for array, kept in zip(places, before, strict=True):
                array[:] = kept
            raise
