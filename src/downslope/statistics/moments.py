"""Sufficient statistics: all that full-batch descent on the squared loss ever needs of the rows.

They are gathered in one pass and merge exactly (Chan, Golub and LeVeque, 1983).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce as fold
from operator import add
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Rereads, Source
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = [
    "ColumnMoments",
    "Moments",
    "OverflowingSquaresError",
    "UnderflowingSquaresError",
    "gather",
    "gather_columns",
    "gather_columns_with",
    "gather_with",
]

Array = NDArray[np.float64]

# Sums about zero lose (mean / σ)² in precision: beyond this the rows are shifted first, which costs a copy of
# each block (measured, 10⁶ × 20, two cores: 7 reads of X about zero, 9 about a shift).
LARGEST_OFFSET = 100.0
SAMPLE_ROWS = 1000
# The most of (mean/σ)² that is not worth another read: about zero, or about a centre that the first rows have told.
LARGEST_LOSS: dict[Rereads, float] = {"free": LARGEST_OFFSET, "dear": 1e8, "never": 1e8}
# BLAS multiplies few columns slowly: narrower rows are taken several at a time, at least this wide together
# (measured, two cores, products of columns: 10⁶ × 20 from 35 to 25 ms, 2·10⁶ × 3 from 15 to 6 ms).
WIDE = 24
# So many rows at a time are added up, for the same reason (measured, 10⁶ × 20: from 13 to 7 ms).
SUMMED_ROWS = 32
# The square root of the smallest normal number, with room for means of squares.
SMALLEST_SPAN = 1e-152


@dataclass(frozen=True)
class Moments:
    """Weighted means and centred sums of products of the columns of [X y].

    Attributes
    ----------
    n_rows : int
    weight : float
        S, the sum of the weights.
    mean : array (d,)
    y_mean : float
    xx : array (d, d)
        Σ s (x - mean)(x - mean)ᵀ.
    xy : array (d,)
        Σ s (x - mean)(y - y_mean).
    yy : float
        Σ s (y - y_mean)².
    rest : array (d,) or None
        What rounding left of the means, where they are those of rows far from zero.
    """

    n_rows: int
    weight: float
    mean: Array
    y_mean: float
    xx: Array
    xy: Array
    yy: float
    rest: Array | None = None

    def __add__(self, other: "Moments") -> "Moments":
        weight = self.weight + other.weight
        if weight == 0:
            return Moments(self.n_rows + other.n_rows, 0.0, self.mean, self.y_mean, self.xx, self.xy, self.yy)
        share = other.weight / weight
        apart, y_apart = other.mean - self.mean, other.y_mean - self.y_mean
        lever = self.weight * share
        return Moments(
            self.n_rows + other.n_rows,
            weight,
            self.mean + share * apart,
            self.y_mean + share * y_apart,
            self.xx + other.xx + lever * np.outer(apart, apart),
            self.xy + other.xy + (lever * y_apart) * apart,
            self.yy + other.yy + lever * y_apart * y_apart,
        )

    def recentre(self, shift: Array, y_shift: float) -> "Moments":
        """The moments of the rows plus `shift` and `y_shift`."""
        mean, rest = add_exactly(self.mean, shift)
        return replace(self, mean=mean, y_mean=self.y_mean + y_shift, rest=rest)

    @property
    def variance(self) -> Array:
        """The variance of each column, (d,)."""
        return np.diagonal(self.xx) / self.weight


def add_exactly(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded sum, and what rounding left of it (Knuth, 1969)."""
    with np.errstate(all="ignore"):
        total = a + b
        part = total - a
        return total, (a - (total - part)) + (b - part)


def sums_of(block: Block) -> Moments:
    """The moments of rows that are dense, or sparse, as they are."""
    X, y, weight = block.X, block.y, block.weight
    n_rows, n_features = X.shape
    total = float(n_rows) if weight is None else float(weight.sum())
    if total == 0:
        zeros = np.zeros(n_features)
        return Moments(n_rows, 0.0, zeros, 0.0, np.zeros((n_features, n_features)), zeros, 0.0)
    if weight is None:
        weighted, weighted_y, sums = X, y, column_sums(X)
    else:
        weighted = X.multiply(weight[:, None]).tocsr() if block.sparse else X * weight[:, None]
        weighted_y, sums = weight * y, weight @ X
    xx = np.asarray((weighted.T @ X).toarray()) if block.sparse else products_of_columns(weighted, X)
    xy, y_sum, yy = weighted_y @ X, float(weighted_y.sum()), float(weighted_y @ y)
    mean, y_mean = sums / total, y_sum / total
    return Moments(
        n_rows,
        total,
        mean,
        y_mean,
        xx - np.outer(sums, mean),
        xy - sums * y_mean,
        max(yy - y_sum * y_mean, 0.0),
    )


def several_at_a_time(X: Array, n_together: int) -> tuple[Array, Array]:
    """The same rows, `n_together` of them as one long row, and the few that are left over."""
    n_rows, n_features = X.shape
    whole = n_rows - n_rows % n_together if X.flags.c_contiguous else 0
    return X[:whole].reshape(whole // n_together, n_together * n_features), X[whole:]


def column_sums(X: Any) -> Array:
    """The sum of each column, (d,)."""
    if scipy.sparse.issparse(X):
        return np.asarray(np.ones(X.shape[0]) @ X)
    together, rest = several_at_a_time(X, SUMMED_ROWS)
    sums = together.sum(axis=0).reshape(SUMMED_ROWS, X.shape[1]).sum(axis=0)
    return np.asarray(sums + np.ones(len(rest)) @ rest)


def products_of_columns(A: Array, X: Array) -> Array:
    """AᵀX, (d, d): long rows give it too, on the diagonal of a product of their own."""
    n_features = X.shape[1]
    n_together = -(-WIDE // n_features)
    if n_together == 1:
        return A.T @ X
    (wide_a, rest_a), (wide_x, rest_x) = (several_at_a_time(part, n_together) for part in (A, X))
    products = (wide_a.T @ wide_x).reshape(n_together, n_features, n_together, n_features)
    return np.asarray(np.einsum("iaib->ab", products) + rest_a.T @ rest_x)


class OverflowingSquaresError(InputError):
    """Sums of squares that are not finite: gaps in the rows, or values too large to be squared."""

    def __init__(self, finding: Finding | None = None) -> None:
        super().__init__(finding or Finding.of("statistics.overflow"))


class UnderflowingSquaresError(InputError):
    """Values so near to each other that their squares are lost."""


def refuse_underflow(X: Array) -> None:
    """Raise `UnderflowingSquaresError` for columns of rows (n, d) that change, but by less than can be squared."""
    with np.errstate(all="ignore"):
        span = np.ptp(X, axis=0)
    lost = (span > 0) & (span < SMALLEST_SPAN)
    if lost.any():
        raise UnderflowingSquaresError(Finding.of("statistics.underflow", span=float(span[lost].min())))


def check_sums(moments: Moments) -> Moments:
    """The moments, if every number of them is finite, and the value of a zero model too."""
    finite = all(np.all(np.isfinite(part)) for part in (moments.xx, moments.xy, moments.yy))
    if finite and abs(moments.y_mean) <= 1.0 / SMALLEST_SPAN:
        return moments
    raise OverflowingSquaresError


def gather(source: Source) -> Moments:
    """The moments of all rows, in one read (two where a first look at some rows misled)."""
    moments, *_ = gather_with(source)
    return moments


def gather_with(source: Source, *others: Callable[[Block], Any]) -> tuple[Moments, *tuple[Any, ...]]:
    """The moments of all rows, and what other tasks give for them, in one read.

    Where a first look at some rows misled about their centre, the moments are read again; never where so many digits
    are left that a read is dearer than the rest of them.
    """
    about = centre_of(source)
    # Of rows in memory some are looked at, evenly spread; but weights may put the centre elsewhere.
    tells_centre = source.rereads == "free" and not source.schema.weighted
    moments, *found = source.scan(about, *others)
    moments = check_sums(moments.recentre(about.moved_by(source.schema.n_features), about.y_shift))
    if tells_centre and about.shift is not None:
        return moments, *found
    if not moments.weight or about.is_central(moments, LARGEST_LOSS[source.rereads]):
        return moments, *found
    if source.rereads == "never":
        raise InputError(Finding.of("statistics.read_once_off_centre"))
    again = SumBlocks(moments.mean, moments.y_mean)
    (moments,) = source.scan(again)
    return check_sums(moments.recentre(again.moved_by(source.schema.n_features), again.y_shift)), *found


def centre_of(source: Source) -> "SumBlocks":
    """The moments about the centre of some rows; about zero, without a copy of each block, where that is as good."""
    seen = source.peek(SAMPLE_ROWS)
    refuse_underflow(seen.X)
    with np.errstate(all="ignore"):
        centre, spread, y_centre = seen.X.mean(axis=0), seen.X.std(axis=0), float(seen.y.mean())
        # What is constant in the sample is shifted by its very value: if it is constant, its sums are 0.
        centre = np.where(np.ptp(seen.X, axis=0) == 0, seen.X[0], centre)
        y_centre = float(seen.y[0]) if np.ptp(seen.y) == 0 else y_centre
        about_zero = source.rereads == "free" and bool(np.all(centre**2 <= LARGEST_OFFSET * spread**2))
    return SumBlocks(None if about_zero else np.where(np.isfinite(centre), centre, 0.0), y_centre)


@dataclass(frozen=True)
class SumBlocks:
    """The function of a block that gives its moments about `shift` (about zero where it is None) and `y_shift`.

    All blocks share the shift, so that merging them compares small means and not large ones.
    """

    shift: Array | None
    y_shift: float

    def moved_by(self, n_features: int) -> Array:
        """How far the means are from those of the rows themselves, (d,)."""
        return np.zeros(n_features) if self.shift is None else self.shift

    def is_central(self, moments: Moments, most: float) -> bool:
        """Whether the means of all rows are near: no square of an offset is more than `most` variances."""
        offset = moments.mean - self.moved_by(moments.mean.size)
        y_offset, y_variance = moments.y_mean - self.y_shift, moments.yy / moments.weight
        return bool(np.all(offset**2 <= most * moments.variance)) and y_offset**2 <= most * y_variance

    def __call__(self, block: Block) -> Moments:
        block = replace(block, y=block.y - self.y_shift)
        if self.shift is None:
            few = block.sparse and block.X.nnz * 10 < block.X.shape[0] * block.X.shape[1]
            if few or (not block.sparse and block.weight is None and block.X.dtype == np.float64):
                return fold(add, map(sums_of, block.slices()))
        return fold(add, map(sums_of, block.dense_slices(self.shift)))


@dataclass(frozen=True)
class ColumnMoments:
    """Weighted mean and centred sum of squares of each column: what is left to ask for where d² is too much."""

    n_rows: int
    weight: float
    mean: Array
    squares: Array
    rest: Array | None = None

    def __add__(self, other: "ColumnMoments") -> "ColumnMoments":
        weight = self.weight + other.weight
        share = other.weight / weight if weight else 0.0
        apart = other.mean - self.mean
        return ColumnMoments(
            self.n_rows + other.n_rows,
            weight,
            self.mean + share * apart,
            self.squares + other.squares + self.weight * share * apart * apart,
        )

    @property
    def variance(self) -> Array:
        """The variance of each column, (d,)."""
        return self.squares / self.weight


def gather_columns(source: Source) -> ColumnMoments:
    """The moments of each column, in one read."""
    columns, *_ = gather_columns_with(source)
    return columns


def gather_columns_with(source: Source, *others: Callable[[Block], Any]) -> tuple[ColumnMoments, *tuple[Any, ...]]:
    """The moments of each column, and what other tasks give, in one read."""
    refuse_underflow(source.peek(SAMPLE_ROWS).X)
    columns, *found = source.scan(sum_columns, *others)
    if not np.all(np.isfinite(columns.squares)):
        raise OverflowingSquaresError
    return columns, *found


def sum_columns(block: Block) -> ColumnMoments:
    """The moments of each column of a block."""
    if not block.y.size:
        return ColumnMoments(0, 0.0, np.zeros(block.X.shape[1]), np.zeros(block.X.shape[1]))
    if block.sparse:
        weight = np.ones(block.y.size) if block.weight is None else block.weight
        return sparse_columns(block.X.tocsr(), weight)
    # About the first row, so that a column that is constant has exactly no spread.
    first = np.asarray(block.X[0], dtype=np.float64)
    moments = fold(add, map(dense_columns, block.dense_slices(first)))
    mean, rest = add_exactly(moments.mean, first)
    return replace(moments, mean=mean, rest=rest)


def dense_columns(block: Block) -> ColumnMoments:
    """The moments of each column of dense rows."""
    weight = np.ones(block.y.size) if block.weight is None else block.weight
    total = float(weight.sum())
    mean = np.asarray(weight @ block.X) / total if total else np.zeros(block.X.shape[1])
    return ColumnMoments(block.y.size, total, mean, np.asarray(weight @ np.square(block.X - mean)))


def sparse_columns(X: Any, weight: Array) -> ColumnMoments:
    """The moments of each column of a CSR matrix: what is stored about the mean, and the zeros that are not."""
    n_rows, n_features, total = X.shape[0], X.shape[1], float(weight.sum())
    if total == 0:
        return ColumnMoments(n_rows, 0.0, np.zeros(n_features), np.zeros(n_features))
    values, share = X.data.astype(np.float64, copy=False), np.repeat(weight, np.diff(X.indptr))

    def sums(numbers: Array) -> Array:
        return np.bincount(X.indices, share * numbers, n_features).astype(np.float64, copy=False)

    full = np.bincount(X.indices, minlength=n_features) == X.shape[0]
    absent = np.where(full, 0.0, np.maximum(total - sums(np.ones_like(values)), 0.0))
    mean = sums(values) / total
    # Once more about the first mean: a column that is constant must not get a spread from rounding.
    mean += (sums(values - mean[X.indices]) - absent * mean) / total
    return ColumnMoments(n_rows, total, mean, sums(np.square(values - mean[X.indices])) + absent * mean * mean)
