"""What kernels do with one row: each function touches its entries, and nothing else is written twice.

A kernel holds its coefficients as ``scale · v``; here only v is touched.
"""

from typing import Any

import numpy as np

from downslope.kernels.arithmetic import rounded
from downslope.kernels.compiling import prefetch
from downslope.kernels.registry import implements, inlined, is_exact, is_none, is_one_of
from downslope.kernels.rows import CACHE_LINE, DENSE, HEAD, IN_ORDER, MANY, NEAR, WideRows, place, unsigned

__all__ = [
    "a_line",
    "absolute_row",
    "add_row",
    "average_row",
    "dot_row",
    "fetch_ahead",
    "fetch_coming",
    "fetch_places",
    "fetch_row",
    "own_columns",
    "square_of",
    "squared_row",
    "truncate_row",
]


def fetch_ahead(rows: Any, order: Any, k: int, ahead: int, v: Any) -> None:
    """Ask for what steps to come need, while row number k of `order` is looked at, inside compiled code."""


@implements(fetch_ahead, machine=True)  # type: ignore[untyped-decorator]
def _fetch_ahead(rows: Any, order: Any, k: Any, ahead: Any, v: Any) -> Any:
    def fetch(rows: Any, order: Any, k: Any, ahead: Any, v: Any) -> None:
        fetch_row(rows, place(order, k + ahead))
        fetch_places(rows, place(order, k + NEAR), v, MANY)

    return fetch


def fetch_coming(rows: Any, order: Any, k: int, ahead: int) -> None:
    """The same where no vector's entries are asked for, inside compiled code."""


@implements(fetch_coming, machine=True)  # type: ignore[untyped-decorator]
def _fetch_coming(rows: Any, order: Any, k: Any, ahead: Any) -> Any:
    return lambda rows, order, k, ahead: fetch_row(rows, place(order, k + ahead))


def fetch_row(rows: Any, i: int) -> None:
    """Ask for row i ahead of its use, inside compiled code."""
    raise NotImplementedError


def fetch_places(rows: Any, i: int, v: Any, many: int) -> None:
    """Ask for the entries of v that a sparse row i has where v has more than `many`, inside compiled code."""
    raise NotImplementedError


def dot_row(rows: Any, i: int, v: Any) -> float:
    """x_i·v, inside compiled code."""
    raise NotImplementedError


def squared_row(rows: Any, i: int) -> float:
    """‖x_i‖², inside compiled code."""
    raise NotImplementedError


def absolute_row(rows: Any, i: int, v: Any) -> float:
    """Σ abs(v) over the entries of row i, inside compiled code."""
    raise NotImplementedError


def add_row(rows: Any, i: int, v: Any, c: float) -> None:
    """V ← v + c·x_i, inside compiled code."""
    raise NotImplementedError


def own_columns(rows: Any, v: Any) -> tuple[int, int]:
    """The first and the end of the columns that are this thread's, inside compiled code."""
    raise NotImplementedError


def truncate_row(rows: Any, i: int, v: Any, paid: Any, due: float, scale: float) -> None:
    """Pay the L1 penalty that is due on the entries of row i, inside compiled code.

    The truncated gradient with cumulative penalty of Tsuruoka, Tsujii and Ananiadou (2009): `paid` (d,) is what each
    coefficient has been moved so far, `due` what any coefficient owes.
    """
    raise NotImplementedError


def a_line(numba_array: Any) -> int:
    """How many values of an array lie in a cache line: a constant to the compiler, for which it need not divide."""
    return int(CACHE_LINE // (numba_array.dtype.bitwidth // 8))


@implements(fetch_row)  # type: ignore[untyped-decorator]
def _fetch_row(rows: Any, i: Any) -> Any:
    if is_one_of(rows, *DENSE):
        line = a_line(rows.types[1])

        def fetch_dense(rows: Any, i: Any) -> None:
            first, end = own_columns(rows, rows.X[0])
            end = min(end, first + HEAD * line)
            begin, last = i * rows.X.shape[1] + first, i * rows.X.shape[1] + end - 1
            prefetch(rows.y, i)
            prefetch(rows.flat, begin)
            if end - first > line:
                for j in range(begin + line, last, line):
                    prefetch(rows.flat, j)
            prefetch(rows.flat, last)

        return fetch_dense
    values_line, columns_line = a_line(rows.types[0]), a_line(rows.types[1])

    def fetch_sparse(rows: Any, i: Any) -> None:
        begin, end = rows.begins[i], rows.begins[i + 1]
        prefetch(rows.y, i)
        for k in range(begin, end, values_line):
            prefetch(rows.values, k)
        for k in range(begin, end, columns_line):
            prefetch(rows.columns, k)

    return fetch_sparse


@implements(fetch_places)  # type: ignore[untyped-decorator]
def _fetch_places(rows: Any, i: Any, v: Any, many: Any) -> Any:
    if is_one_of(rows, *DENSE):
        return lambda rows, i, v, many: None

    def fetch_sparse(rows: Any, i: Any, v: Any, many: Any) -> None:
        if v.size > many:
            for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
                prefetch(v, rows.columns[k])

    return fetch_sparse


@implements(dot_row)  # type: ignore[untyped-decorator]
def _dot_row(rows: Any, i: Any, v: Any) -> Any:
    if is_one_of(rows, *IN_ORDER):

        def dot_list(rows: Any, i: Any, v: Any) -> Any:
            total = rounded(v, 0.0)
            for x, w in zip(rows.X[i], v):  # noqa: B905 - numba knows no `strict`
                total += x * w
            return total

        return dot_list
    if is_one_of(rows, *DENSE):

        def dot_dense(rows: Any, i: Any, v: Any) -> Any:
            total = v.dtype.type(0)
            for j in range(v.size):
                total += rows.X[i, j] * v[j]
            return total

        return dot_dense

    if is_exact(rows):

        def dot_in_order(rows: Any, i: Any, v: Any) -> Any:
            total = v.dtype.type(0)
            for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
                total += rows.values[k] * v[unsigned(rows.columns[k])]
            return total

        return dot_in_order

    def dot_sparse(rows: Any, i: Any, v: Any) -> Any:
        # Four sums by hand: left to itself, the compiler gathers coefficients into wide registers, which is slower.
        k, end = unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])
        one, two, three, four = unsigned(1), unsigned(2), unsigned(3), unsigned(4)
        rest = end - (end - k) % four
        a = b = c = d = v.dtype.type(0)
        while k < rest:
            a += rows.values[k] * v[unsigned(rows.columns[k])]
            b += rows.values[k + one] * v[unsigned(rows.columns[k + one])]
            c += rows.values[k + two] * v[unsigned(rows.columns[k + two])]
            d += rows.values[k + three] * v[unsigned(rows.columns[k + three])]
            k += four
        while k < end:
            a += rows.values[k] * v[unsigned(rows.columns[k])]
            k += one
        return (a + b) + (c + d)

    return dot_sparse


@implements(squared_row)  # type: ignore[untyped-decorator]
def _squared_row(rows: Any, i: Any) -> Any:
    if is_one_of(rows, *IN_ORDER):

        def square_list(rows: Any, i: Any) -> Any:
            total = 0.0
            for x in rows.X[i]:
                total += x * x
            return total

        return square_list
    if is_one_of(rows, *DENSE):

        def square_dense(rows: Any, i: Any) -> Any:
            total = 0.0
            for j in range(rows.X.shape[1]):
                total += rows.X[i, j] * rows.X[i, j]
            return total

        return square_dense

    def square_sparse(rows: Any, i: Any) -> Any:
        total = 0.0
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            total += rows.values[k] * rows.values[k]
        return total

    return square_sparse


@implements(absolute_row)  # type: ignore[untyped-decorator]
def _absolute_row(rows: Any, i: Any, v: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def sum_dense(rows: Any, i: Any, v: Any) -> Any:
            total = rounded(v, 0.0)
            for w in v:
                total += abs(w)
            return total

        return sum_dense

    def sum_sparse(rows: Any, i: Any, v: Any) -> Any:
        total = v.dtype.type(0)
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            total += abs(v[unsigned(rows.columns[k])])
        return total

    return sum_sparse


@implements(add_row)  # type: ignore[untyped-decorator]
def _add_row(rows: Any, i: Any, v: Any, c: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def add_dense(rows: Any, i: Any, v: Any, c: Any) -> None:
            factor = v.dtype.type(c)
            for j in range(v.size):
                v[j] += factor * rows.X[i, j]

        return add_dense

    def add_sparse(rows: Any, i: Any, v: Any, c: Any) -> None:
        factor = v.dtype.type(c)
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            v[unsigned(rows.columns[k])] += factor * rows.values[k]

    return add_sparse


def average_row(rows: Any, i: int, mean: Any, share: float, c: float) -> None:
    """Mean ← mean - share·c·x_i, inside compiled code."""
    raise NotImplementedError


@implements(average_row)  # type: ignore[untyped-decorator]
def _average_row(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> Any:
    if is_one_of(rows, *IN_ORDER):

        def average_list(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
            row = rows.X[i]
            for j in range(len(mean)):
                mean[j] += share * row[j] * -c

        return average_list
    if is_one_of(rows, *DENSE):

        def average_dense(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
            begin, end = own_columns(rows, mean)
            for j in range(begin, end):
                mean[j] += share * rows.X[i, j] * -c

        return average_dense

    def average_sparse(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            mean[unsigned(rows.columns[k])] += share * rows.values[k] * -c

    return average_sparse


def square_of(counts: bool | None, w: float) -> float:
    """w² where it is counted, inside compiled code; a zero that the compiler leaves out where it is not."""
    raise NotImplementedError


@implements(square_of)  # type: ignore[untyped-decorator]
def _square_of(counts: Any, w: Any) -> Any:
    if is_none(counts):
        return lambda counts, w: np.float32(0)
    return lambda counts, w: w * w


@implements(own_columns, but=WideRows)  # type: ignore[untyped-decorator]
def _columns_of(rows: Any, v: Any) -> Any:
    return lambda rows, v: (0, len(v))


@inlined
def truncate_one(v: Any, paid: Any, j: Any, due: Any, scale: Any) -> None:
    """Pay what coefficient j owes, at most down to zero."""
    before = v[j]
    if before > 0.0:
        v[j] = max(0.0, before - (due + paid[j]) / scale)
    elif before < 0.0:
        v[j] = min(0.0, before + (due - paid[j]) / scale)
    paid[j] += scale * (v[j] - before)


@implements(truncate_row)  # type: ignore[untyped-decorator]
def _truncate_row(rows: Any, i: Any, v: Any, paid: Any, due: Any, scale: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def truncate_dense(rows: Any, i: Any, v: Any, paid: Any, due: Any, scale: Any) -> None:
            for j in range(len(v)):
                truncate_one(v, paid, j, due, scale)

        return truncate_dense

    def truncate_sparse(rows: Any, i: Any, v: Any, paid: Any, due: Any, scale: Any) -> None:
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            truncate_one(v, paid, unsigned(rows.columns[k]), due, scale)

    return truncate_sparse
