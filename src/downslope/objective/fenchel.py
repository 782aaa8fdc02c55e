"""A lower bound of J* from one read at any place, for any number of columns: slopes made feasible by shrinking them."""

from dataclasses import dataclass
from functools import reduce as fold
from operator import add

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.objective.penalties import Penalty
from downslope.objective.splitting import Part, Reader

__all__ = ["SlopeSums", "SumSlopes", "bound_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SlopeSums:
    """Sums over the rows whose slope a is negative, and over those where it is positive.

    Attributes
    ----------
    total : array (2,)
        Σ s a.
    z : array (2, p)
        Σ s a z.
    linear, square : array (2,)
        Σ s a (y + σ) and Σ s ½c a².
    """

    total: Array
    z: Array
    linear: Array
    square: Array

    def __add__(self, other: "SlopeSums") -> "SlopeSums":
        return SlopeSums(
            self.total + other.total, self.z + other.z, self.linear + other.linear, self.square + other.square
        )


@dataclass(frozen=True)
class SumSlopes:
    """The task that sums the slopes of the loss at a place (p,)."""

    reader: Reader
    parameters: Array

    def __call__(self, block: Block) -> SlopeSums:
        """Those of one block."""
        return fold(add, map(self.of_part, self.reader.parts(block)))

    def of_part(self, part: Part) -> SlopeSums:
        """Those of some rows."""
        residual, n_parameters = self.reader.residual(part, self.parameters), self.parameters.size
        found = SlopeSums(np.zeros(2), np.zeros((2, n_parameters)), np.zeros(2), np.zeros(2))
        for piece in self.reader.pieces:
            a = piece.slope(residual)
            signed = np.array([np.minimum(a, 0.0), np.maximum(a, 0.0)])
            weighed = signed * part.s
            found = found + SlopeSums(
                weighed.sum(axis=1),
                self.reader.sums_of_z(part, weighed),
                weighed @ (part.y + piece.sigma),
                0.5 * piece.c * np.einsum("km,km->k", weighed, signed),
            )
        return found


def bound_of(sums: SlopeSums, weight: float, penalty: Penalty, *, fit_intercept: bool) -> float:
    """The value of the dual at the slopes, shrunk until they are feasible, or 0, which J* is not below.

    Slopes shrink within their bounds, as 0 is within them: those of one sign until all add up to nothing, which the
    intercept asks for, and then all of them until the L1 penalty can hold each column.
    """
    shrink = np.ones(2)
    if fit_intercept:
        least = min(-float(sums.total[0]), float(sums.total[1]))
        with np.errstate(divide="ignore", invalid="ignore"):
            shrink = np.where(sums.total != 0, least / np.abs(sums.total), 0.0)
    linear, square = float(shrink @ sums.linear) / weight, float(shrink**2 @ sums.square) / weight
    pull = np.abs(shrink @ sums.z)[: penalty.n_features] / weight
    most = pull.max(initial=0.0)
    if penalty.l2:
        beyond = np.maximum(pull - penalty.l1, 0.0)
        return max(-linear - square - float(beyond @ beyond) / (2.0 * penalty.l2), 0.0)
    share = min(1.0, penalty.l1 / most) if most > 0 else 1.0
    return max(-share * linear - share**2 * square, 0.0)
