"""Rows as kernels see them, dense or CSR: each touches the entries of one row, and nothing else is written twice.

A kernel holds its coefficients as ``scale · v``; here only v is touched.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.stochastic.compiling import implements, inlined, is_exact, is_one_of, prefetch

__all__ = [
    "DENSE",
    "KernelRows",
    "SparseRows",
    "add_and_dot",
    "add_row",
    "average_row",
    "dot_row",
    "fetch_row",
    "kernel_rows",
    "pieces",
    "quotient",
    "root",
    "rows_ahead",
    "squared_row",
    "truncate_row",
]

CACHE_LINE = 64
# So many bytes of rows to come are asked for ahead of their use (measured, random order: 2^10 to 2^12 are alike).
BYTES_AHEAD = 2**11
# Values of X between two looks at the signals: about a twentieth of a second.
PIECE = 10**7


class DenseRows(NamedTuple):
    """X (n, d) in C order, flat as well, y (n,), and the weights (n,) or an empty array."""

    X: NDArray[Any]
    flat: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]


class SparseRows(NamedTuple):
    """The parts of a CSR matrix, y (n,), and the weights (n,) or an empty array."""

    values: NDArray[Any]
    columns: NDArray[Any]
    begins: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]


class ExactDenseRows(NamedTuple):
    """`DenseRows` whose sums keep to the order of the columns."""

    X: NDArray[Any]
    flat: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]

    def exact(self) -> bool:
        """Tells the compiler."""
        return True


class ExactSparseRows(NamedTuple):
    """`SparseRows` whose sums keep to the order of the entries."""

    values: NDArray[Any]
    columns: NDArray[Any]
    begins: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]

    def exact(self) -> bool:
        """Tells the compiler."""
        return True


KernelRows = DenseRows | SparseRows | ExactDenseRows | ExactSparseRows
DENSE = (DenseRows, ExactDenseRows)


def kernel_rows(X: Any, y: NDArray[Any], weight: NDArray[Any] | None, *, exact: bool = False) -> KernelRows:
    """The rows of a dense or CSR matrix, not copied where X is in C order."""
    weights = np.empty(0, dtype=y.dtype) if weight is None else weight
    if scipy.sparse.issparse(X):
        return (ExactSparseRows if exact else SparseRows)(X.data, X.indices, X.indptr, y, weights)
    X = np.ascontiguousarray(X)
    return (ExactDenseRows if exact else DenseRows)(X, X.reshape(-1), y, weights)


def rows_ahead(rows: KernelRows) -> int:
    """How many rows before its use a row is asked for."""
    data = rows.flat if isinstance(rows, DENSE) else rows.values
    n_bytes = max(data.nbytes // max(rows.y.size, 1), 1)
    return int(np.clip(BYTES_AHEAD // n_bytes, 2, 16))


def pieces(order: NDArray[Any], rows: KernelRows, size: int = 1, width: int = 0) -> Iterator[NDArray[Any]]:
    """An order cut into parts short enough for an interrupt to be heard.

    Parts are of whole batches of `size` rows, each of which costs `width` products beside those of its rows.
    """
    values = rows.flat.size if isinstance(rows, DENSE) else rows.values.size
    cost = 16 + values // max(rows.y.size, 1) + width // size
    step = size * max(1, PIECE // (cost * size))
    for start in range(0, order.size, step):
        yield order[start : start + step]


def fetch_row(rows: Any, i: int) -> None:
    """Ask for row i ahead of its use, inside compiled code."""
    raise NotImplementedError


def dot_row(rows: Any, i: int, v: Any) -> float:
    """x_i·v, inside compiled code."""
    raise NotImplementedError


def squared_row(rows: Any, i: int) -> float:
    """‖x_i‖², inside compiled code."""
    raise NotImplementedError


def add_row(rows: Any, i: int, v: Any, c: float) -> None:
    """V ← v + c·x_i, inside compiled code."""
    raise NotImplementedError


def add_and_dot(rows: Any, i: int, v: Any, c: float, following: int) -> tuple[float, float, float]:
    """V ← v + c·x_i; then x_following·v, and Σ v² and Σ abs(v) over the entries of row i, inside compiled code."""
    raise NotImplementedError


def truncate_row(rows: Any, i: int, v: Any, paid: Any, due: float, scale: float) -> None:
    """Pay the L1 penalty that is due on the entries of row i, inside compiled code.

    The truncated gradient with cumulative penalty of Tsuruoka, Tsujii and Ananiadou (2009): `paid` (d,) is what each
    coefficient has been moved so far, `due` what any coefficient owes.
    """
    raise NotImplementedError


@implements(fetch_row)  # type: ignore[untyped-decorator]
def _fetch_row(rows: Any, i: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def fetch_dense(rows: Any, i: Any) -> None:
            d = rows.X.shape[1]
            prefetch(rows.y, i)
            for j in range(i * d, (i + 1) * d, CACHE_LINE // rows.flat.itemsize):
                prefetch(rows.flat, j)
            prefetch(rows.flat, (i + 1) * d - 1)

        return fetch_dense

    def fetch_sparse(rows: Any, i: Any) -> None:
        begin, end = rows.begins[i], rows.begins[i + 1]
        prefetch(rows.y, i)
        for k in range(begin, end, CACHE_LINE // rows.values.itemsize):
            prefetch(rows.values, k)
        for k in range(begin, end, CACHE_LINE // rows.columns.itemsize):
            prefetch(rows.columns, k)

    return fetch_sparse


@implements(dot_row)  # type: ignore[untyped-decorator]
def _dot_row(rows: Any, i: Any, v: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def dot_dense(rows: Any, i: Any, v: Any) -> Any:
            total = v.dtype.type(0)
            for j in range(v.size):
                total += rows.X[i, j] * v[j]
            return total

        return dot_dense

    def dot_sparse(rows: Any, i: Any, v: Any) -> Any:
        total = v.dtype.type(0)
        for k in range(rows.begins[i], rows.begins[i + 1]):
            total += rows.values[k] * v[rows.columns[k]]
        return total

    return dot_sparse


@implements(squared_row)  # type: ignore[untyped-decorator]
def _squared_row(rows: Any, i: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def square_dense(rows: Any, i: Any) -> Any:
            total = 0.0
            for j in range(rows.X.shape[1]):
                total += rows.X[i, j] * rows.X[i, j]
            return total

        return square_dense

    def square_sparse(rows: Any, i: Any) -> Any:
        total = 0.0
        for k in range(rows.begins[i], rows.begins[i + 1]):
            total += rows.values[k] * rows.values[k]
        return total

    return square_sparse


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
        for k in range(rows.begins[i], rows.begins[i + 1]):
            v[rows.columns[k]] += factor * rows.values[k]

    return add_sparse


def quotient(rows: Any, number: float, divisor: float, inverse: float) -> float:
    """number / divisor, by its inverse where rounding is free, inside compiled code."""
    raise NotImplementedError


@implements(quotient)  # type: ignore[untyped-decorator]
def _quotient(rows: Any, number: Any, divisor: Any, inverse: Any) -> Any:
    if is_exact(rows):
        return lambda rows, number, divisor, inverse: number / divisor
    return lambda rows, number, divisor, inverse: number * inverse


def root(rows: Any, number: float, power: float) -> float:
    """number^power, by square roots where rounding is free: several times quicker, inside compiled code."""
    raise NotImplementedError


@implements(root)  # type: ignore[untyped-decorator]
def _root(rows: Any, number: Any, power: Any) -> Any:
    if is_exact(rows):
        return lambda rows, number, power: number**power

    def quick(rows: Any, number: Any, power: Any) -> Any:
        if power == 0.25:
            return math.sqrt(math.sqrt(number))
        if power == 0.5:
            return math.sqrt(number)
        return number**power

    return quick


def average_row(rows: Any, i: int, mean: Any, share: float, c: float) -> None:
    """Mean ← mean - share·c·x_i, inside compiled code."""
    raise NotImplementedError


@implements(average_row)  # type: ignore[untyped-decorator]
def _average_row(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def average_dense(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
            for j in range(mean.size):
                mean[j] += share * rows.X[i, j] * -c

        return average_dense

    def average_sparse(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
        for k in range(rows.begins[i], rows.begins[i + 1]):
            mean[rows.columns[k]] += share * rows.values[k] * -c

    return average_sparse


@implements(add_and_dot)  # type: ignore[untyped-decorator]
def _add_and_dot(rows: Any, i: Any, v: Any, c: Any, following: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def add_dense(rows: Any, i: Any, v: Any, c: Any, following: Any) -> Any:
            factor = v.dtype.type(c)
            x, ahead = rows.X[i], rows.X[following]
            total = squares = absolutes = v.dtype.type(0)
            for j in range(v.size):
                w = v[j] + factor * x[j]
                v[j] = w
                total += ahead[j] * w
                squares += w * w
                absolutes += abs(w)
            return total, squares, absolutes

        return add_dense

    def add_sparse(rows: Any, i: Any, v: Any, c: Any, following: Any) -> Any:
        factor = v.dtype.type(c)
        squares = absolutes = v.dtype.type(0)
        for k in range(rows.begins[i], rows.begins[i + 1]):
            j = rows.columns[k]
            w = v[j] + factor * rows.values[k]
            v[j] = w
            squares += w * w
            absolutes += abs(w)
        return dot_row(rows, following, v), squares, absolutes

    return add_sparse


@partial(inlined, exact=True)
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
            for j in range(v.size):
                truncate_one(v, paid, j, due, scale)

        return truncate_dense

    def truncate_sparse(rows: Any, i: Any, v: Any, paid: Any, due: Any, scale: Any) -> None:
        for k in range(rows.begins[i], rows.begins[i + 1]):
            truncate_one(v, paid, rows.columns[k], due, scale)

    return truncate_sparse
