"""Rows as kernels see them, dense or CSR, and how far ahead of their use they are asked for."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.kernels.registry import implements, inlined

__all__ = [
    "CACHE_LINE",
    "DENSE",
    "GROUP",
    "HEAD",
    "IN_ORDER",
    "LETTER",
    "MANY",
    "MANY_OF_TWO",
    "NEAR",
    "PRODUCTS",
    "SUMS",
    "KernelRows",
    "ListRows",
    "ShortRows",
    "SparseRows",
    "WideRows",
    "has_halves",
    "kernel_rows",
    "known_of_a_group",
    "on_lines",
    "pieces",
    "place",
    "rows_ahead",
    "rows_of_a_piece",
    "unsigned",
]

CACHE_LINE = 64
# So many bytes of rows to come, but no more than so many rows, are asked for ahead of their use. What was measured to
# choose these numbers stands in docs/architecture.md.
BYTES_AHEAD = 2**15
ROWS_AHEAD = 32
# Of a row only so many lines: the processor goes on by itself, and fetches more lines at a time than can be asked for.
# Of rows of more bytes than LONG fewer are asked for; where several are looked at together what lies behind their heads
# is asked for so many lines at a time, see `wide`.
HEAD = 24
LONG = 20 * CACHE_LINE
LONG_AHEAD = 8
STRETCH = 4
# So many rows ahead the entries of vectors that a sparse row has are asked for, where columns are so many that the
# second cache does not hold the vectors; two vectors share it.
NEAR = 2
MANY = 2**19
MANY_OF_TWO = 2**16
# Up to so many columns a step is found from products of rows, so that it need not wait for the one before.
FEW = 12
# Rows of so many bytes are looked at together.
WIDE = 2**8
# From so many bytes in a row on the waiting of two threads for each other is worth it, so that sums are made in halves.
SHARED = 3 * 2**9
# So many rows are a group; the products of each two and of each with itself; with those with v and ‖v‖² its sums;
# and what a thread tells another of it: these and a number.
GROUP = 4
PRODUCTS = GROUP * (GROUP + 1) // 2
SUMS = GROUP + PRODUCTS + 1
LETTER = SUMS + 1
# Values of X between two looks at the signals: about a tenth of a second at most.
PIECE = 6 * 10**7


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


class WideRows(NamedTuple):
    """`DenseRows` of many columns, which two threads can share: a few are looked at together, see `wide`.

    Attributes
    ----------
    halves : array (3,)
        The columns at which the first half begins, the second begins and the second ends.
    begin, end : int
        The halves that this thread works on: 0, 2 where it is alone.
    stretch : int
        So many columns of a group are asked for at a time: all of them where rows are not long.
    dots, products, factors
        What is known of a group of rows.
    clock : array (1,)
        The groups looked at.
    letters, stamps : array (64,)
        What threads tell each other, as float64 and as int64.
    quit : array (1,)
        Not zero when a thread has failed, for which the other must not wait.
    """

    X: NDArray[Any]
    flat: NDArray[Any]
    y: NDArray[Any]
    weight: NDArray[Any]
    halves: NDArray[np.int64]
    begin: int
    end: int
    stretch: int
    dots: NDArray[Any]
    products: NDArray[Any]
    factors: NDArray[Any]
    clock: NDArray[np.int64]
    letters: NDArray[np.float64]
    stamps: NDArray[np.int64]
    quit: NDArray[np.int64]


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


class ListRows(NamedTuple):
    """`ExactDenseRows` as lists, for Python: X of n lists of d numbers, y (n), and the weights (n) or an empty list."""

    X: list[list[float]]
    y: list[float]
    weight: list[float]

    def exact(self) -> bool:
        """Tells the compiler."""
        return True


KernelRows = DenseRows | ShortRows | WideRows | SparseRows | ExactDenseRows | ExactSparseRows
IN_ORDER = (ExactDenseRows, ListRows)
DENSE = (DenseRows, ShortRows, WideRows, *IN_ORDER)


def kernel_rows(
    X: Any, y: NDArray[Any], weight: NDArray[Any] | None, *, exact: bool = False, linear: bool = False
) -> KernelRows:
    """The rows of a dense or CSR matrix, not copied where X is in C order.

    `linear` where coefficients change by multiples of rows alone, so that several steps can be found together.
    """
    weights = np.empty(0, dtype=y.dtype) if weight is None else weight
    if scipy.sparse.issparse(X):
        return (ExactSparseRows if exact else SparseRows)(X.data, X.indices, X.indptr, y, weights)
    X = np.ascontiguousarray(X)
    if linear and not exact and X.shape[1] * X.itemsize >= WIDE:
        return wide_rows(X, y, weights)
    kind = ExactDenseRows if exact else ShortRows if X.shape[1] <= FEW else DenseRows
    return kind(X, X.reshape(-1), y, weights)


def wide_rows(X: NDArray[Any], y: NDArray[Any], weight: NDArray[Any]) -> WideRows:
    """All columns of wide rows, for one thread."""
    line = CACHE_LINE // X.itemsize
    middle = X.shape[1] // 2 // line * line if X.shape[1] * X.itemsize >= SHARED else X.shape[1]
    letters, halves = on_lines(np.zeros(4 * LETTER)), np.array([0, middle, X.shape[1]])
    stretch = STRETCH * line if X.shape[1] * X.itemsize > LONG else X.shape[1]
    known, quit = known_of_a_group(X.dtype), on_lines(np.zeros(1, dtype=np.int64))
    told = (letters, letters.view(np.int64), quit)
    return WideRows(X, X.reshape(-1), y, weight, halves, 0, 2, stretch, *known, *told)


def has_halves(rows: KernelRows) -> TypeGuard[WideRows]:
    """Whether two threads can share the rows."""
    return isinstance(rows, WideRows) and bool(rows.halves[1] < rows.halves[2])


def known_of_a_group(dtype: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """What one thread knows of a group: `dots`, `products`, `factors` and `clock` of `WideRows`."""
    dots, products, factors = (on_lines(np.zeros(size, dtype=dtype)) for size in (GROUP, PRODUCTS, GROUP))
    return dots, products, factors, on_lines(np.zeros(1, dtype=np.int64))


def on_lines(values: NDArray[Any]) -> NDArray[Any]:
    """A copy on cache lines of its own: what one thread writes there keeps no other waiting.

    On pairs of lines, for some processors fetch two at a time.
    """
    pair = 2 * CACHE_LINE
    memory = np.empty(-(-values.nbytes // pair) * pair + pair, dtype=np.uint8)
    begin = -memory.ctypes.data % pair
    copy: NDArray[Any] = memory[begin : begin + values.nbytes].view(values.dtype)
    copy[:] = values
    return copy


def rows_ahead(rows: KernelRows) -> int:
    """How many rows before its use a row is asked for."""
    data = rows.flat if isinstance(rows, DENSE) else rows.values
    n_bytes = max(data.nbytes // max(rows.y.size, 1), 1)
    if isinstance(rows, DENSE) and n_bytes > LONG:
        return LONG_AHEAD
    return int(np.clip(BYTES_AHEAD // n_bytes, 2, ROWS_AHEAD))


def unsigned(index: Any) -> Any:
    """An index that the compiler knows not to be negative; one that may be is looked at before each use."""
    return index


@implements(unsigned, machine=True)  # type: ignore[untyped-decorator]
def _unsigned(index: Any) -> Any:
    return lambda index: np.uint64(index)


def pieces(n_rows: int, rows: KernelRows, size: int = 1, width: int = 0) -> Iterator[tuple[int, int]]:
    """So many rows cut into stretches begin … end - 1 that are short enough for an interrupt to be heard.

    Stretches are of whole batches of `size` rows, each of which costs `width` products beside those of its rows.
    """
    step = rows_of_a_piece(rows, size, width)
    for begin in range(0, n_rows, step):
        yield begin, min(begin + step, n_rows)


def rows_of_a_piece(rows: KernelRows, size: int = 1, width: int = 0) -> int:
    """How many rows a stretch of `pieces` has."""
    values = rows.flat.size if isinstance(rows, DENSE) else rows.values.size
    cost = 16 + values // max(rows.y.size, 1) + width // size
    return size * max(1, PIECE // (cost * size))


@inlined
def place(order: Any, k: Any) -> Any:
    """Row number k of `order`, the last where it has no such."""
    return unsigned(order[unsigned(min(k, len(order) - 1))])
