"""Sufficient statistics: all that full-batch descent on the squared loss ever needs of the rows.

`Moments` are gathered in one pass and merge exactly (Chan, Golub and LeVeque, 1983). `Triangle` is the same
knowledge as a triangular factor, found by orthogonal transformations: a second pass, for columns so nearly
collinear that products of columns no longer tell them apart.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source
from downslope.exceptions import InputError

__all__ = [
    "ColumnMoments",
    "Moments",
    "OverflowingSquaresError",
    "Residuals",
    "Triangle",
    "gather",
    "gather_columns",
    "measure_residuals",
    "triangulate",
]

Array = NDArray[np.float64]

# Sums about zero lose (mean / σ)² in precision: beyond this the rows are shifted first, which costs a copy of
# each block (measured, 10⁶ × 20, two cores: 7 reads of X about zero, 9 about a shift).
LARGEST_OFFSET = 100.0
SAMPLE_ROWS = 1000


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
    """

    n_rows: int
    weight: float
    mean: Array
    y_mean: float
    xx: Array
    xy: Array
    yy: float

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

    @property
    def n_features(self) -> int:
        """The number of columns of X."""
        return int(self.mean.shape[0])

    @property
    def variance(self) -> Array:
        """The variance of each column, (d,)."""
        return np.diagonal(self.xx) / self.weight


def sums_of(X: Any, y: Array, weight: Array | None, shift: Array, y_shift: float) -> Moments:
    """The moments of rows that are already less `shift` and `y_shift`."""
    n_rows, n_features = X.shape
    if n_rows == 0:
        zeros = np.zeros(n_features)
        return Moments(0, 0.0, shift, y_shift, np.zeros((n_features, n_features)), zeros, 0.0)
    if weight is None:
        total, weighted, weighted_y = float(n_rows), X, y
        sums = np.ones(n_rows) @ X
    else:
        total = float(weight.sum())
        weighted = X.multiply(weight[:, None]).tocsr() if hasattr(X, "multiply") else X * weight[:, None]
        weighted_y = weight * y
        sums = weight @ X
    xx = weighted.T @ X
    xx = np.asarray(xx.toarray() if hasattr(xx, "toarray") else xx)
    xy, y_sum, yy = weighted_y @ X, float(weighted_y.sum()), float(weighted_y @ y)
    if total == 0:
        return Moments(n_rows, 0.0, shift, y_shift, xx, xy, yy)
    mean, y_mean = sums / total, y_sum / total
    return Moments(
        n_rows,
        total,
        mean + shift,
        y_mean + y_shift,
        xx - np.outer(sums, mean),
        xy - sums * y_mean,
        max(yy - y_sum * y_mean, 0.0),
    )


class OverflowingSquaresError(InputError):
    """Sums of squares that are not finite: gaps in the rows, or values too large to be squared."""

    def __init__(self) -> None:
        super().__init__(
            "squares of the values overflow: divide the columns (or the target) that exceed about 1e150 by a constant"
        )


def checked(moments: Moments) -> Moments:
    """The moments, if every number of them is finite."""
    if all(np.all(np.isfinite(part)) for part in (moments.xx, moments.xy, moments.yy)):
        return moments
    raise OverflowingSquaresError


def gather(source: Source) -> Moments:
    """The moments of all rows, in one pass (two where a first look at the columns misled)."""
    seen = source.sample(SAMPLE_ROWS)
    with np.errstate(all="ignore"):
        centre, spread = seen.mean(axis=0), seen.std(axis=0)
    # A column that is constant in the sample is shifted by its very value: if it is constant, its sums are 0.
    centre = np.where(np.ptp(seen, axis=0) == 0, seen[0], centre)
    with np.errstate(all="ignore"):
        about_zero = bool(np.all(centre**2 <= LARGEST_OFFSET * spread**2))
    if about_zero:
        moments = checked(source.reduce(SumBlocks(None)))
        if np.all(moments.mean**2 <= LARGEST_OFFSET**2 * moments.variance):
            return moments
    return checked(source.reduce(SumBlocks(np.where(np.isfinite(centre), centre, 0.0))))


@dataclass(frozen=True)
class SumBlocks:
    """The function of a block that gives its moments, its columns shifted first where that is needed."""

    shift: Array | None

    def __call__(self, block: Block) -> Moments:
        n_features = block.X.shape[1]
        zero = np.zeros(n_features)
        y_shift = float(block.y[0]) if block.y.size else 0.0
        sparse_enough = block.sparse and block.X.nnz * 10 < block.X.shape[0] * n_features
        if self.shift is None and (sparse_enough or (not block.sparse and block.X.dtype == np.float64)):
            return sums_of(block.X, block.y - y_shift, block.weight, zero, y_shift)
        shift = zero if self.shift is None else self.shift
        parts = block.dense_slices(self.shift)
        first = next(parts)
        total = sums_of(first.X, first.y - y_shift, first.weight, shift, y_shift)
        for part in parts:
            total = total + sums_of(part.X, part.y - y_shift, part.weight, shift, y_shift)
        return total


@dataclass(frozen=True)
class ColumnMoments:
    """Weighted mean and centred sum of squares of each column: what is left to ask for where d² is too much."""

    weight: float
    mean: Array
    squares: Array

    def __add__(self, other: "ColumnMoments") -> "ColumnMoments":
        weight = self.weight + other.weight
        share = other.weight / weight if weight else 0.0
        apart = other.mean - self.mean
        return ColumnMoments(
            weight,
            self.mean + share * apart,
            self.squares + other.squares + self.weight * share * apart * apart,
        )

    @property
    def variance(self) -> Array:
        """The variance of each column, (d,)."""
        return self.squares / self.weight


def gather_columns(source: Source) -> ColumnMoments:
    """The moments of each column, in one pass."""

    def of_block(block: Block) -> ColumnMoments:
        weight = np.ones(block.y.size) if block.weight is None else block.weight
        total = float(weight.sum())
        if total == 0:
            return ColumnMoments(0.0, np.zeros(block.X.shape[1]), np.zeros(block.X.shape[1]))
        mean = np.asarray(weight @ block.X) / total
        if block.sparse:
            # Few values are stored, so the mean is small beside the spread and the difference is safe.
            squares = np.asarray(weight @ block.X.multiply(block.X).tocsr()) - total * mean * mean
        else:
            squares = np.asarray(weight @ np.square(block.X - mean))
        return ColumnMoments(total, mean, np.maximum(squares, 0.0))

    columns = source.reduce(of_block)
    if not np.all(np.isfinite(columns.squares)):
        raise OverflowingSquaresError
    return columns


@dataclass(frozen=True)
class Triangle:
    """R with RᵀR = Σ s zzᵀ over rows z; triangles of two sets of rows merge by a QR of one on the other."""

    factor: Array

    def __add__(self, other: "Triangle") -> "Triangle":
        stacked = np.vstack([self.factor, other.factor])
        return Triangle(np.asarray(scipy.linalg.qr(stacked, mode="r", check_finite=False)[0][: stacked.shape[1]]))


def triangulate(source: Source, shift: Array, scale: Array, y_shift: float, y_scale: float) -> Array:
    """The triangular factor (d + 1, d + 1) of the rows [(x - shift)·scale, (y - y_shift)·y_scale]·√s."""

    def of_block(block: Block) -> Triangle:
        triangle: Triangle | None = None
        for part in block.dense_slices(shift):
            rows = np.column_stack([part.X * scale, (part.y - y_shift) * y_scale])
            if part.weight is not None:
                rows *= np.sqrt(part.weight)[:, None]
            triangle = Triangle(rows) if triangle is None else triangle + Triangle(rows)
        assert triangle is not None
        return triangle + Triangle(np.zeros((1, shift.size + 1)))

    factor = source.reduce(of_block).factor
    square = np.zeros((shift.size + 1, shift.size + 1))
    square[: factor.shape[0]] = factor
    return square


@dataclass(frozen=True)
class Residuals:
    """Σ s r², Σ s r and Σ s (x - shift) r at one place."""

    squares: float
    total: float
    gradient: Array

    def __add__(self, other: "Residuals") -> "Residuals":
        return Residuals(self.squares + other.squares, self.total + other.total, self.gradient + other.gradient)


def measure_residuals(
    source: Source, coef: Array, shift: Array, y_shift: float, *, extended: bool = False
) -> Residuals:
    """The residuals of ŷ = (x - shift)·coef against y - y_shift, in one pass.

    With `extended` they are formed in the widest floating type of the machine: residuals of an
    ill-conditioned fit are small differences of large numbers.
    """
    wide: Any = np.longdouble if extended else np.float64

    def of_block(block: Block) -> Residuals:
        squares, total, gradient = 0.0, 0.0, np.zeros_like(coef)
        for part in block.dense_slices(None if extended else shift):
            X = part.X.astype(wide) - shift if extended else part.X
            residual = X @ coef.astype(wide)
            residual -= part.y.astype(wide) - y_shift
            weighted = residual if part.weight is None else part.weight * residual
            squares += float(weighted @ residual)
            total += float(weighted.sum())
            gradient += (weighted @ X).astype(np.float64)
        return Residuals(squares, total, gradient)

    return source.reduce(of_block)
