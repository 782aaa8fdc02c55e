"""Rows as kernels see them, dense or CSR: each touches the entries of one row, and nothing else is written twice.

A kernel holds its coefficients as ``scale · v``; here only v is touched.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numba import types
from numpy.typing import NDArray

from downslope.stochastic.compiling import implements, inlined, is_one_of, prefetch
from downslope.stochastic.orders import take

__all__ = [
    "DENSE",
    "KernelRows",
    "SparseRows",
    "absolute_row",
    "add_row",
    "advance",
    "average_row",
    "dot_row",
    "fetch_row",
    "kernel_rows",
    "look",
    "pieces",
    "rows_ahead",
    "squared_row",
    "target_at",
    "targets",
    "truncate_row",
    "unsigned",
]

CACHE_LINE = 64
# So many bytes of rows to come, but no more than so many rows, are asked for ahead of their use. Measured in random
# order, ns a row at 3, 20 and 100 columns: 20, 48, 143 with 2^11 bytes into the first cache, 20, 42, 109 so.
BYTES_AHEAD = 2**15
ROWS_AHEAD = 32
# Up to so many columns a step is found from products of rows (measured in cache, ns a row at 3 columns: 12.8 → 11.3).
FEW = 12
# Values of X between two looks at the signals: about a twentieth of a second.
PIECE = 10**7


class DenseRows(NamedTuple):
    """X (n, d) in C order, flat as well, y (n,), and the weights (n,) or an empty array."""

    X: NDArray[Any]
    flat: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]


class ShortRows(NamedTuple):
    """`DenseRows` of few columns: there a step is found from products of rows, see `advance`."""

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


KernelRows = DenseRows | ShortRows | SparseRows | ExactDenseRows | ExactSparseRows
DENSE = (DenseRows, ShortRows, ExactDenseRows)


def kernel_rows(X: Any, y: NDArray[Any], weight: NDArray[Any] | None, *, exact: bool = False) -> KernelRows:
    """The rows of a dense or CSR matrix, not copied where X is in C order."""
    weights = np.empty(0, dtype=y.dtype) if weight is None else weight
    if scipy.sparse.issparse(X):
        return (ExactSparseRows if exact else SparseRows)(X.data, X.indices, X.indptr, y, weights)
    X = np.ascontiguousarray(X)
    kind = ExactDenseRows if exact else ShortRows if X.shape[1] <= FEW else DenseRows
    return kind(X, X.reshape(-1), y, weights)


def rows_ahead(rows: KernelRows) -> int:
    """How many rows before its use a row is asked for."""
    data = rows.flat if isinstance(rows, DENSE) else rows.values
    n_bytes = max(data.nbytes // max(rows.y.size, 1), 1)
    return int(np.clip(BYTES_AHEAD // n_bytes, 2, ROWS_AHEAD))


@inlined
def unsigned(index: Any) -> Any:
    """An index that the compiler knows not to be negative; one that may be is looked at before each use."""
    return np.uint64(index)


def pieces(n_rows: int, rows: KernelRows, size: int = 1, width: int = 0) -> Iterator[tuple[int, int]]:
    """So many rows cut into stretches begin … end - 1 that are short enough for an interrupt to be heard.

    Stretches are of whole batches of `size` rows, each of which costs `width` products beside those of its rows.
    """
    values = rows.flat.size if isinstance(rows, DENSE) else rows.values.size
    cost = 16 + values // max(rows.y.size, 1) + width // size
    step = size * max(1, PIECE // (cost * size))
    for begin in range(0, n_rows, step):
        yield begin, min(begin + step, n_rows)


def fetch_row(rows: Any, i: int) -> None:
    """Ask for row i ahead of its use, inside compiled code."""
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


def advance(
    rows: Any, i: int, v: Any, c: float, near: int, far: int, ahead: tuple[float, float], counts: bool | None
) -> tuple[float, tuple[float, float], float]:
    """V ← v + c·x_i, and what the rows to come need of it, inside compiled code.

    Parameters
    ----------
    near, far : int
        The next row, and the one after it.
    ahead : (float, float)
        v·x_near of v as it is given, and x_i·x_near: what `look` found, or the last call.
    counts : True or None
        Whether Σ v² is asked for; where it is not, zero is returned for it.

    Returns
    -------
    (x_near·v, ahead of the next step, Σ v² over the entries of row i), of the new v. The first of a short
    dense row is found from `ahead`: it need not wait for the sum over coefficients that the step before has moved.
    """
    raise NotImplementedError


def look(rows: Any, v: Any, i: int, near: int) -> tuple[float, float]:
    """`ahead` of the step on row i: v·x_near and x_i·x_near where `advance` takes them, inside compiled code."""
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


def target_at(rows: Any, target: Any, i: int, k: int) -> float:
    """The target of row i, which is number k of a stretch, inside compiled code.

    `target` is what `targets` made. A target asked for alone costs a cache line a row: short rows are asked for with
    theirs, beside longer ones it is cheaper to put targets into the order of the pass before.
    """
    raise NotImplementedError


@implements(target_at)  # type: ignore[untyped-decorator]
def _target_at(rows: Any, target: Any, i: Any, k: Any) -> Any:
    if is_one_of(rows, ShortRows):
        return lambda rows, target, i, k: target[i]
    return lambda rows, target, i, k: target[k]


def targets(rows: KernelRows, order: NDArray[Any]) -> NDArray[Any]:
    """The targets of a stretch of rows as `target_at` takes them."""
    if isinstance(rows, ShortRows):
        return rows.y
    ordered = np.empty(order.size, dtype=rows.y.dtype)
    take(rows.y, order, ordered)
    return ordered


@implements(fetch_row)  # type: ignore[untyped-decorator]
def _fetch_row(rows: Any, i: Any) -> Any:
    if is_one_of(rows, *DENSE):
        line, short = a_line(rows.types[1]), is_one_of(rows, ShortRows)

        def fetch_dense(rows: Any, i: Any) -> None:
            d = rows.X.shape[1]
            begin = i * d
            if short:
                prefetch(rows.y, i)
            prefetch(rows.flat, begin)
            if d > line:
                for j in range(begin + line, begin + d - 1, line):
                    prefetch(rows.flat, j)
            prefetch(rows.flat, begin + d - 1)

        return fetch_dense
    values_line, columns_line = a_line(rows.types[0]), a_line(rows.types[1])

    def fetch_sparse(rows: Any, i: Any) -> None:
        begin, end = rows.begins[i], rows.begins[i + 1]
        for k in range(begin, end, values_line):
            prefetch(rows.values, k)
        for k in range(begin, end, columns_line):
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
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            total += rows.values[k] * v[unsigned(rows.columns[k])]
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
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            total += rows.values[k] * rows.values[k]
        return total

    return square_sparse


@implements(absolute_row)  # type: ignore[untyped-decorator]
def _absolute_row(rows: Any, i: Any, v: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def sum_dense(rows: Any, i: Any, v: Any) -> Any:
            total = v.dtype.type(0)
            for j in range(v.size):
                total += abs(v[j])
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
    if is_one_of(rows, *DENSE):

        def average_dense(rows: Any, i: Any, mean: Any, share: Any, c: Any) -> None:
            for j in range(mean.size):
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
    if isinstance(counts, types.NoneType):
        return lambda counts, w: np.float32(0)
    return lambda counts, w: w * w


@implements(advance)  # type: ignore[untyped-decorator]
def _advance(rows: Any, i: Any, v: Any, c: Any, near: Any, far: Any, ahead: Any, counts: Any) -> Any:
    if is_one_of(rows, ShortRows):

        def advance_short(rows: Any, i: Any, v: Any, c: Any, near: Any, far: Any, ahead: Any, counts: Any) -> Any:
            factor = v.dtype.type(c)
            x, x_near, x_far = rows.X[i], rows.X[near], rows.X[far]
            before = products = squares = v.dtype.type(0)
            for j in range(v.size):
                w = v[j] + factor * x[j]
                v[j] = w
                before += x_far[j] * w
                products += x_far[j] * x_near[j]
                squares += square_of(counts, w)
            return ahead[0] + factor * ahead[1], (before, products), squares

        return advance_short
    if is_one_of(rows, *DENSE):

        def advance_dense(rows: Any, i: Any, v: Any, c: Any, near: Any, far: Any, ahead: Any, counts: Any) -> Any:
            factor = v.dtype.type(c)
            x, x_near = rows.X[i], rows.X[near]
            dot = squares = v.dtype.type(0)
            for j in range(v.size):
                w = v[j] + factor * x[j]
                v[j] = w
                dot += x_near[j] * w
                squares += square_of(counts, w)
            return dot, ahead, squares

        return advance_dense

    def advance_sparse(rows: Any, i: Any, v: Any, c: Any, near: Any, far: Any, ahead: Any, counts: Any) -> Any:
        factor = v.dtype.type(c)
        squares = v.dtype.type(0)
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            j = unsigned(rows.columns[k])
            w = v[j] + factor * rows.values[k]
            v[j] = w
            squares += square_of(counts, w)
        return dot_row(rows, near, v), ahead, squares

    return advance_sparse


@implements(look)  # type: ignore[untyped-decorator]
def _look(rows: Any, v: Any, i: Any, near: Any) -> Any:
    if is_one_of(rows, ShortRows):
        return lambda rows, v, i, near: (dot_row(rows, near, v), dot_row(rows, near, rows.X[i]))
    return lambda rows, v, i, near: (v.dtype.type(0), v.dtype.type(0))


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
        for k in range(unsigned(rows.begins[i]), unsigned(rows.begins[i + 1])):
            truncate_one(v, paid, unsigned(rows.columns[k]), due, scale)

    return truncate_sparse
