"""Rows split at a place: those near a kink of the loss one by one, the others as what they add up to."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from functools import reduce as fold
from operator import add
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.objective.losses import Piece
from downslope.objective.slopes import Slopes
from downslope.statistics.coordinates import Coordinates

__all__ = ["Few", "FindStrays", "Near", "Part", "Reader", "Split", "SplitRows", "Strays", "Sums"]

Array = NDArray[np.float64]

# A slice costs the interpreter some forty calls, and a few numbers a row
# (measured, 10⁶ × 20, CPU of a split: slices of 2^19 bytes 0.13 s, of 2^22 0.05 s).
SLICE_BYTES = 2**22
COPIED_BYTES = 2**18


@dataclass(frozen=True)
class Near:
    """Rows of one piece each: z (m, p), y (m,), their weights (m,), the piece (m,), and on which side of it they lie.

    A side is -1 below the piece's interval of slopes, 0 inside it, 1 above.
    """

    z: Array
    y: Array
    s: Array
    piece: NDArray[np.int8]
    side: NDArray[np.int8]

    def __add__(self, other: "Near") -> "Near":
        return Near(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__annotations__))

    def none(self) -> "Near":
        """No rows, of the same kind."""
        return Near(self.z[:0], self.y[:0], self.s[:0], self.piece[:0], self.side[:0])

    def slopes(self, pieces: tuple[Piece, ...]) -> Slopes:
        """The rows as the interior-point method takes them."""
        sigma, c, lo, hi = np.array(pieces).T[:, self.piece]
        return Slopes(self.z, self.y + sigma, c / self.s, lo * self.s, hi * self.s)


@dataclass(frozen=True)
class Sums:
    """What rows that are far from a kink add up to.

    Attributes
    ----------
    weight, y : array (k, 3)
        Σ s and Σ s (y + σ) of each piece and side.
    z : array (k, 3, p)
        Σ s z.
    products : array (p, p)
        Σ s zzᵀ/c of the rows on parabolas.
    pull : array (p,)
        Σ s (y + σ) z/c of these.
    """

    weight: Array
    y: Array
    z: Array
    products: Array
    pull: Array

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, name) + getattr(other, name) for name in self.__annotations__))

    @classmethod
    def of(cls, rows: Near, pieces: tuple[Piece, ...]) -> "Sums":
        """Those of a few rows."""
        n_pieces, p = len(pieces), rows.z.shape[1]
        sums = cls(
            np.zeros((n_pieces, 3)), np.zeros((n_pieces, 3)), np.zeros((n_pieces, 3, p)), np.zeros((p, p)), np.zeros(p)
        )
        target = rows.y + np.array([piece.sigma for piece in pieces])[rows.piece]
        np.add.at(sums.weight, (rows.piece, rows.side + 1), rows.s)
        np.add.at(sums.y, (rows.piece, rows.side + 1), rows.s * target)
        np.add.at(sums.z, (rows.piece, rows.side + 1), rows.s[:, None] * rows.z)
        for k, piece in enumerate(pieces):
            bent = (rows.piece == k) & (rows.side == 0)
            if piece.c and bent.any():
                weighed = (rows.s[bent] / piece.c)[:, None] * rows.z[bent]
                sums.products[:] += weighed.T @ rows.z[bent]
                sums.pull[:] += target[bent] @ weighed
        return sums

    def less(self, other: "Sums") -> "Sums":
        """Without those of some of the rows."""
        return Sums(*(getattr(self, name) - getattr(other, name) for name in self.__annotations__))


@dataclass(frozen=True)
class Few:
    """Rows, as long as they are few: how many they are is known of any number.

    Attributes
    ----------
    rows : Near
        None of them where there are more than `most`.
    count : int
    most : float
    """

    rows: Near
    count: int
    most: float

    @classmethod
    def of(cls, rows: Near, most: float) -> "Few":
        """All of these, unless they are too many."""
        return cls(rows if rows.y.size <= most else rows.none(), rows.y.size, most)

    def __add__(self, other: "Few") -> "Few":
        count = self.count + other.count
        return Few(self.rows + other.rows if count <= self.most else self.rows.none(), count, self.most)

    @property
    def too_many(self) -> bool:
        """Whether they are not here."""
        return self.count > self.most


@dataclass(frozen=True)
class Split:
    """Σ s ℓ(r) and Σ s r² at a place, the rows near a kink, and the sums of the others."""

    loss: float
    squares: float
    near: Few
    far: Sums

    def __add__(self, other: "Split") -> "Split":
        return Split(self.loss + other.loss, self.squares + other.squares, self.near + other.near, self.far + other.far)

    def joined_by(self, strays: Near, pieces: tuple[Piece, ...]) -> "Split":
        """With rows taken from the others to those near a kink."""
        joined = Few.of(self.near.rows + strays, np.inf)
        return replace(self, near=joined, far=self.far.less(Sums.of(strays, pieces)))


@dataclass(frozen=True)
class Strays:
    """Σ s ℓ(r) and Σ s r² at a place, and the rows that have left their pieces there, with the sides that they left."""

    loss: float
    squares: float
    near: Few

    def __add__(self, other: "Strays") -> "Strays":
        return Strays(self.loss + other.loss, self.squares + other.squares, self.near + other.near)


class Part(NamedTuple):
    """Some rows: X (m, d), dense or sparse, and y and weights (m,)."""

    X: Any
    y: Array
    s: Array


@dataclass(frozen=True)
class Reader:
    """How the tasks of this module see rows.

    Attributes
    ----------
    pieces : tuple of Piece
    coordinates : Coordinates
    shifted : bool
    width : float
        Rows whose residual is this near to a kink are near it.
    """

    pieces: tuple[Piece, ...]
    coordinates: Coordinates
    shifted: bool
    width: float

    def parts(self, block: Block) -> Iterator[Part]:
        """The rows in slices."""
        if self.shifted:
            for part in block.dense_slices(self.coordinates.shift):
                yield Part(part.X, part.y, np.ones(part.y.size) if part.weight is None else part.weight)
            return
        in_place = isinstance(block.X, np.ndarray) and block.X.dtype == np.float64
        step = max(256, (SLICE_BYTES if in_place else COPIED_BYTES) // (8 * max(self.coordinates.n_parameters, 1)))
        for start in range(0, max(block.y.size, 1), step):
            few = slice(start, start + step)
            y = block.y[few]
            weight = np.ones(y.size) if block.weight is None else block.weight[few]
            yield Part(block.X[few].astype(np.float64, copy=False), y, weight)

    @cached_property
    def of_parts(self) -> Coordinates:
        """The coordinates of the rows as they are seen."""
        return self.coordinates.of_shifted_rows if self.shifted else self.coordinates

    def residual(self, part: Part, parameters: Array) -> Array:
        """zθ - y, (m,)."""
        coef, intercept = self.of_parts.to_original(parameters)
        residual = np.asarray(part.X @ coef)
        residual -= part.y
        residual += float(intercept)
        return residual

    def z(self, part: Part, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Array:
        """Some of the rows in descended coordinates, (m, p)."""
        X, at = part.X[kept], self.of_parts
        z = np.ones((X.shape[0], at.n_parameters))
        z[:, : at.n_features] = X if isinstance(X, np.ndarray) else X.toarray()
        if at.shift.any():
            z[:, : at.n_features] -= at.shift
        z[:, : at.n_features] *= at.inverse_scale
        return z

    def copied(self, part: Part, kept: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], Array]]:
        """Some of the rows, and these in descended coordinates, few at once."""
        step = max(256, COPIED_BYTES // (8 * max(self.coordinates.n_parameters, 1)))
        for start in range(0, kept.size, step):
            few = kept[start : start + step]
            yield few, self.z(part, few)

    def sums_of_z(self, part: Part, shares: Array) -> Array:
        """Σ share·z for each row of `shares` (k, m), (k, p)."""
        at, totals = self.of_parts, shares.sum(axis=1)
        sums = (np.asarray(shares @ part.X) - totals[:, None] * at.shift) * at.inverse_scale
        return np.column_stack([sums, totals]) if at.fit_intercept else sums

    def near(self, part: Part, residual: Array, piece: Piece) -> NDArray[np.bool_]:
        """Which rows are near a kink of the piece."""
        near = np.zeros(residual.size, dtype=bool)
        for kink in piece.kinks:
            near |= np.abs(residual - kink) <= self.width
        return near & (part.s > 0)

    def rows(self, part: Part, kept: NDArray[np.bool_], k: int, side: NDArray[np.int8], z: Array | None = None) -> Near:
        """Some rows of piece k."""
        z = self.z(part, kept) if z is None else z
        return Near(z, part.y[kept], part.s[kept], np.full(len(z), k, dtype=np.int8), side[kept])

    def nothing(self) -> Near:
        """No rows."""
        none = np.empty(0, dtype=np.int8)
        return Near(np.empty((0, self.coordinates.n_parameters)), np.empty(0), np.empty(0), none, none)


@dataclass(frozen=True)
class SplitRows:
    """The task that splits rows at a place (p,); of more than `most` rows near a kink only the number is kept."""

    reader: Reader
    parameters: Array
    most: float = np.inf

    def __call__(self, block: Block) -> Split:
        """Those of one block."""
        return fold(add, map(self.of_part, self.reader.parts(block)))

    def of_part(self, part: Part) -> Split:
        """Those of some rows."""
        reader, pieces, p = self.reader, self.reader.pieces, self.parameters.size
        residual = reader.residual(part, self.parameters)
        near = reader.nothing()
        weight, y, z = np.zeros((len(pieces), 3)), np.zeros((len(pieces), 3)), np.zeros((len(pieces), 3, p))
        products, pull, loss = np.zeros((p, p)), np.zeros(p), 0.0
        for k, piece in enumerate(pieces):
            side, close = piece.side(residual), reader.near(part, residual, piece)
            loss += float(part.s @ piece.value(residual))
            near += reader.rows(part, close, k, side)
            if close.all():
                continue
            far, target = np.where(close, 0.0, part.s), part.y + piece.sigma
            # A slope of 0 costs nothing, and parabolas are summed as products.
            sides = [where for where, slope in ((-1, piece.lo), (1, piece.hi)) if slope and np.isfinite(slope)]
            shares = np.array([far * (side == where) for where in sides]).reshape(len(sides), far.size)
            at = [where + 1 for where in sides]
            weight[k, at], y[k, at], z[k, at] = shares.sum(axis=1), shares @ target, reader.sums_of_z(part, shares)
            bent = np.flatnonzero((far > 0) & (side == 0)) if piece.c else np.empty(0, dtype=int)
            for at_once, rows in reader.copied(part, bent):
                weighed = (far[at_once] / piece.c)[:, None] * rows
                products += weighed.T @ rows
                pull += target[at_once] @ weighed
        few = Few.of(near, self.most)
        return Split(loss, float(part.s @ residual**2), few, Sums(weight, y, z, products, pull))


@dataclass(frozen=True)
class FindStrays:
    """The task that finds the rows which were on the same side of a piece at all of `places` but the last.

    Of more than `most` only the number is kept.
    """

    reader: Reader
    places: tuple[Array, ...]
    most: float = np.inf

    def __call__(self, block: Block) -> Strays:
        """Those of one block."""
        return fold(add, map(self.of_part, self.reader.parts(block)))

    def of_part(self, part: Part) -> Strays:
        """Those of some rows."""
        reader = self.reader
        residuals = [reader.residual(part, place) for place in self.places]
        strays, loss = reader.nothing(), 0.0
        for k, piece in enumerate(reader.pieces):
            first, last = piece.side(residuals[0]), piece.side(residuals[-1])
            loss += float(part.s @ piece.value(residuals[-1]))
            gone = (first != last) & (part.s > 0)
            if gone.any():
                gone &= ~reader.near(part, residuals[0], piece)
                for residual in residuals[1:-1]:
                    gone &= piece.side(residual) == first
                strays += reader.rows(part, gone, k, first)
        return Strays(loss, float(part.s @ residuals[-1] ** 2), Few.of(strays, self.most))
