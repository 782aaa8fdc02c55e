"""What moments know, as a triangular factor found by orthogonal transformations.

It takes a second pass, for columns so nearly collinear that products of columns no longer tell them apart.
"""

from dataclasses import dataclass
from functools import reduce as fold
from operator import add

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source

__all__ = ["Triangle", "TriangulateRows", "triangulate"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Triangle:
    """R with RᵀR = Σ s zzᵀ over rows z; triangles of two sets of rows merge by a QR of one on the other."""

    factor: Array

    def __add__(self, other: "Triangle") -> "Triangle":
        stacked = np.vstack([self.factor, other.factor])
        return Triangle(np.asarray(scipy.linalg.qr(stacked, mode="r", check_finite=False)[0][: stacked.shape[1]]))


@dataclass(frozen=True)
class TriangulateRows:
    """The task that gives the triangle of the rows [(x - shift)·scale, (y - y_shift)·y_scale]·√s."""

    shift: Array
    scale: Array
    y_shift: float
    y_scale: float

    def __call__(self, block: Block) -> Triangle:
        """The triangle of one block; a row of zeros makes sure that few rows have one too."""
        none = Triangle(np.zeros((1, self.shift.size + 1)))
        return fold(add, map(self.of_part, block.dense_slices(self.shift))) + none

    def of_part(self, part: Block) -> Triangle:
        """Those of rows that are dense and shifted, as they are: their triangle is found when they are merged."""
        rows = np.column_stack([part.X * self.scale, (part.y - self.y_shift) * self.y_scale])
        if part.weight is not None:
            rows *= np.sqrt(part.weight)[:, None]
        return Triangle(rows)


def triangulate(source: Source, shift: Array, scale: Array, y_shift: float, y_scale: float) -> Array:
    """The triangular factor (d + 1, d + 1) of the rows [(x - shift)·scale, (y - y_shift)·y_scale]·√s."""
    (triangle,) = source.scan(TriangulateRows(shift, scale, y_shift, y_scale))
    square = np.zeros((shift.size + 1, shift.size + 1))
    square[: triangle.factor.shape[0]] = triangle.factor
    return square
