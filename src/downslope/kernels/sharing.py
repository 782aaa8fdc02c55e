"""Passes over wide rows by one thread or by two, whichever is faster at the time.

Two threads that wait for each other at every group of rows are nearly twice as fast where each has a core, and several
times slower than one where other work keeps a core busy. So stretches are timed, and each piece of a pass begins with a
short one by two threads that tells which way the rest is made; which way a stretch was made changes no bit.
"""

import math
import time
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.kernels.rows import GROUP, WideRows, known_of_a_group
from downslope.threads import n_cores

__all__ = ["Shared"]

Array = NDArray[Any]

# A second thread is worth its start from so many bytes of X in a stretch, half of whose time the start may take.
MUCH = 2**24
START = 2.0
# After a stretch that two threads have made more slowly than one the rest of a piece is made alone; after each further
# such stretch twice as many pieces more, but no more than so many.
MOST_ALONE = 16


class Shared:
    """A compiled pass over wide rows that a second thread may share.

    Parameters
    ----------
    descend : callable
        The pass, as `downslope.kernels.sequential.descend_rows`.
    rows : WideRows
        All columns, in two halves.
    """

    def __init__(self, descend: Callable[..., None], rows: WideRows) -> None:
        self.descend = descend
        self.halves = half_of(rows, 0), half_of(rows, 1)
        row_bytes = rows.X.shape[1] * rows.X.itemsize
        # The rows of a short stretch: whole groups, so that sums are the same wherever it is cut.
        self.few = GROUP * -(-MUCH // row_bytes // GROUP)
        # Seconds a row of one thread; pieces before two try again, and how many after their next failure.
        self.alone, self.left, self.pause = 0.0, 0.0 if n_cores() > 1 else math.inf, 0

    def __call__(
        self, loss: Any, rows: WideRows, order: Array, plan: Any, vectors: Any, position: Array, sums: Array
    ) -> None:
        """Make one update for each row of `order`, as `descend` does."""

        def make(way: Callable[..., None], begin: int, end: int) -> float:
            began = time.perf_counter()
            way(loss, rows, order[begin:end], plan, vectors, position, sums)
            return (time.perf_counter() - began) / (end - begin)

        end = order.size
        if end < 2 * self.few:
            make(self.descend, 0, end)
            return
        # A stretch of its own whichever way it is made, with one core too, so that sums are cut alike.
        if self.alone == 0.0:
            self.alone = make(self.descend, 0, self.few)
        elif self.left > 0:
            make(self.descend, 0, self.few)
        elif make(self.share, 0, self.few) > START * self.alone:
            self.wait()
        if self.left > 0:
            self.left -= 1
            self.alone = make(self.descend, self.few, end)
        elif make(self.share, self.few, end) > self.alone:
            self.wait()
        else:
            self.pause = 0

    def wait(self) -> None:
        """Leave the next pieces to one thread, the rest of one that has begun among them."""
        self.left, self.pause = 1 + self.pause, min(1 + 2 * self.pause, MOST_ALONE)

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


def half_of(rows: WideRows, half: int) -> WideRows:
    """What one of two threads sees of the rows."""
    dots, products, factors, clock = known_of_a_group(rows.X.dtype)
    own = rows._replace(dots=dots, products=products, factors=factors, clock=clock)
    return own._replace(begin=half, end=half + 1)
