"""The exact minimum of any loss under any penalty, with the lower bound of J that proves it.

Every loss is a sum of `Piece`s and every penalty a few rows of them (Fenchel's duality), so one algorithm serves all:
rows far from a kink are a parabola or a mean row, and only those near one enter an interior-point method. A read of
the rows checks that the others have stayed on their pieces, and then the value of the dual is a bound of J*.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.objective.losses import Piece
from downslope.objective.penalties import Penalty
from downslope.objective.saddle import Saddle, find_saddle
from downslope.objective.slopes import EPS, Slopes
from downslope.objective.splitting import FindStrays, Reader, Split, SplitRows, Strays, Sums
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.quadratic import Quadratic

__all__ = ["Convex", "Proof", "TooWideError", "prove", "prove_quadratic"]

Array = NDArray[np.float64]

# All rows of so few enter the interior-point method.
SMALL = 20_000
# Rows that tell how wide the band must be.
SAMPLE_ROWS = 5_000
MOST_READS = 20
# How often a band is halved that holds far more rows than were meant.
NARROWER = 4
# Eigenvalues of parabolas, in columns of unit length, below this share of the largest are rounding.
SMALLEST_EIGENVALUE = 1e-14
# Products of numbers in a step of the interior-point method that are too many: seconds a step.
LARGEST_WORK = 1e10
# How far sums over rows may be off, as a share of them.
ROUNDING = 8 * EPS


@dataclass(frozen=True)
class Convex:
    """What is minimised.

    Attributes
    ----------
    source : Source
    weight : float
        S, the sum of the weights.
    coordinates : Coordinates
    pieces : tuple of Piece
        Of the loss.
    penalty : Penalty
    shifted : bool
        Whether rows must be shifted, a block at a time, before they are multiplied.
    """

    source: Source
    weight: float
    coordinates: Coordinates
    pieces: tuple[Piece, ...]
    penalty: Penalty
    shifted: bool = False


class Proof(NamedTuple):
    """A place, and how good it is.

    Attributes
    ----------
    parameters : array (p,)
    objective : float
        J there.
    mse : float
    bound : float
        J* is not below it.
    doubt : array (p,) or None
        How far rounding may have moved each parameter from the one minimum; None where there may be several.
    gradient : float
        The norm of the smallest subgradient that is known there.
    band : int
        Rows that entered the interior-point method.
    reads : int
    """

    parameters: Array
    objective: float
    mse: float
    bound: float
    doubt: Array | None
    gradient: float
    band: int
    reads: int


class TooWideError(Exception):
    """So many rows lie near a kink that more epochs of descent are the cheaper way."""


def prove(problem: Convex, start: Array, largest_band: float = np.inf) -> Proof:
    """The minimum, looked for from `start` (p,).

    Raises
    ------
    TooWideError
        Where more than `largest_band` rows near a kink would have to be solved at once.
    """
    best, band = start, Band.of(problem, start)
    places: tuple[Array, ...] = (best,)
    most = max(largest_band, float(SMALL * len(problem.pieces)))
    band, split, reads = band.split(best, most)
    level = split.loss / problem.weight + problem.penalty.value(best)
    proof = Proof(best, level, split.squares / problem.weight, 0.0, None, np.nan, split.near.count, reads)
    while reads < MOST_READS:
        if split.near.count > most:
            raise TooWideError
        few = 0.1 * split.near.count
        rows = slopes_of(problem, split)
        if rows.y.size * start.size**2 > LARGEST_WORK:
            return proof
        saddle = find_saddle(rows, best)
        reached = saddle.parameters
        (strays,) = problem.source.scan(FindStrays(band.reader, (*places, reached), few))
        reads += 1
        here = strays.loss / problem.weight + problem.penalty.value(reached)
        if not strays.near.count:
            return conclude(problem, rows, saddle, strays, split.near.count, reads)
        worse = here > level
        if not worse:
            best, level = reached, here
            proof = proof._replace(parameters=best, objective=level, mse=strays.squares / problem.weight, reads=reads)
        if not worse and not strays.near.too_many:
            split = split.joined_by(strays.near.rows, problem.pieces)
            places = (*places, reached)
            continue
        band, split, more = band.wider(4 if worse else 2, best).split(best, most)
        places, reads = (best,), reads + more
    return proof


def conclude(problem: Convex, rows: Slopes, saddle: Saddle, seen: Strays, band: int, reads: int) -> Proof:
    """The proof that a saddle gives once all rows are known to be on their pieces there."""
    objective = seen.loss / problem.weight + problem.penalty.value(saddle.parameters)
    gradient = float(np.linalg.norm(saddle.a @ rows.z)) / problem.weight
    bound = bound_by(saddle, objective, problem.weight)
    return Proof(
        saddle.parameters, objective, seen.squares / problem.weight, bound, saddle.doubt, gradient, band, reads
    )


def bound_by(saddle: Saddle, objective: float, weight: float) -> float:
    """What a saddle bounds J* by, J being `objective` at its place; no objective is negative."""
    return max(objective * (1.0 - ROUNDING) - saddle.shortfall / weight, 0.0) if saddle.feasible else 0.0


@dataclass(frozen=True)
class Band:
    """About so many rows near a kink.

    Attributes
    ----------
    problem : Convex
    size : float
        Infinite for all rows.
    reader : Reader
    """

    problem: Convex
    size: float
    reader: Reader

    @classmethod
    def of(cls, problem: Convex, parameters: Array) -> "Band":
        """All rows of few, else the nearest four hundredth, or as many as are needed to tell so many parameters."""
        n_rows = problem.source.n_rows or SMALL
        size = np.inf if n_rows <= SMALL else max(1000.0, 12.0 * parameters.size, n_rows / 400)
        reader = Reader(problem.pieces, problem.coordinates, problem.shifted, np.inf)
        return cls(problem, size, reader).at(parameters)

    def at(self, parameters: Array) -> "Band":
        """The band around a place, as wide as some rows tell."""
        n_rows, width = self.problem.source.n_rows or SMALL, np.inf
        if self.size < n_rows:
            block = self.problem.source.peek(SAMPLE_ROWS)
            (coef, level) = self.problem.coordinates.to_original(parameters)
            residual = block.X @ coef + level - block.y
            kinks = [kink for piece in self.problem.pieces for kink in piece.kinks]
            distances = np.min([np.abs(residual - kink) for kink in kinks], axis=0) if kinks else np.zeros(1)
            width = float(np.quantile(distances, self.size / n_rows))
        return replace(self, reader=replace(self.reader, width=width))

    def wider(self, times: int, parameters: Array) -> "Band":
        """The band of so many times as many rows around a place."""
        return replace(self, size=times * self.size).at(parameters)

    def split(self, parameters: Array, most: float) -> tuple["Band", Split, int]:
        """All rows, split at a place, the band that split them, and the reads that it took.

        It is narrower where far more rows were in it than meant: those as far from a kink as each other are all in it,
        or none of them is.
        """
        band = self
        for halved in range(NARROWER):
            (split,) = self.problem.source.scan(SplitRows(band.reader, parameters, min(2 * self.size, most)))
            if not split.near.too_many:
                return band, split, halved + 1
            band = replace(band, reader=replace(band.reader, width=0.5 * band.reader.width))
        (split,) = self.problem.source.scan(SplitRows(band.reader, parameters, most))
        return band, split, NARROWER + 1


def slopes_of(problem: Convex, split: Split) -> Slopes:
    """The rows of the interior-point method: those near a kink, a mean row of each side, parabolas and penalties."""
    far = split.far
    parts = [split.near.rows.slopes(problem.pieces), *mean_rows(problem.pieces, far)]
    if far.products.any():
        parts.append(parabola(far.products, far.pull))
    parts.extend(penalty_rows(problem.penalty, problem.weight, problem.coordinates.n_parameters))
    return stack(parts)


def mean_rows(pieces: tuple[Piece, ...], far: Sums) -> Iterator[Slopes]:
    """The mean of the rows on each straight side, of their whole weight: never above what they cost (Jensen)."""
    for k, piece in enumerate(pieces):
        for side, slope in ((0, piece.lo), (2, piece.hi)):
            weight = far.weight[k, side]
            if weight > 0 and slope and np.isfinite(slope):
                z, y = far.z[k, side] / weight, far.y[k, side] / weight
                yield Slopes(
                    z[None],
                    np.array([y]),
                    np.array([piece.c / weight]),
                    np.array([piece.lo * weight]),
                    np.array([piece.hi * weight]),
                )


def parabola(products: Array, pull: Array) -> Slopes:
    """½θᵀHθ - tᵀθ as rows."""
    lengths = np.sqrt(np.diagonal(products))
    lengths = np.where(lengths > 0, lengths, 1.0)
    values, vectors = np.linalg.eigh(products / lengths[:, None] / lengths)
    kept = values > SMALLEST_EIGENVALUE * values.max(initial=0.0)
    roots = np.sqrt(values[kept])
    target = (vectors[:, kept].T @ (pull / lengths)) / roots
    return free_rows(roots[:, None] * vectors[:, kept].T * lengths, target)


def free_rows(z: Array, y: Array, c: float = 1.0) -> Slopes:
    """½(zθ - y)²/c of each row."""
    n_rows = y.size
    return Slopes(z, y, np.full(n_rows, c), np.full(n_rows, -np.inf), np.full(n_rows, np.inf))


def penalty_rows(penalty: Penalty, weight: float, n_parameters: int) -> Iterator[Slopes]:
    """The penalty, times S, as rows."""
    unit, zeros = np.eye(penalty.n_features, n_parameters), np.zeros(penalty.n_features)
    if penalty.l1:
        reach = np.full(penalty.n_features, penalty.l1 * weight)
        yield Slopes(unit, zeros, zeros, -reach, reach)
    if penalty.l2:
        yield free_rows(unit, zeros, 1.0 / (penalty.l2 * weight))


def stack(parts: list[Slopes]) -> Slopes:
    """All rows together."""
    fields = [(part.z, part.y, part.c, part.lo, part.hi) for part in parts]
    return Slopes(*(np.concatenate(field) for field in zip(*fields, strict=True)))


def prove_quadratic(smooth: Quadratic, penalty: Penalty, start: Array) -> Proof:
    """The same for the squared loss and its L2 penalty, given as a quadratic, under L1: no row is read."""
    rows = stack([free_rows(smooth.factor, smooth.target), *penalty_rows(replace(penalty, l2=0.0), 1.0, start.size)])
    saddle = find_saddle(rows, start)
    objective = smooth.value(saddle.parameters) + penalty.kink(saddle.parameters)
    gradient, bound = float(np.linalg.norm(saddle.a @ rows.z)), bound_by(saddle, objective, 1.0)
    return Proof(saddle.parameters, objective, np.nan, bound, saddle.doubt, gradient, 0, 0)
