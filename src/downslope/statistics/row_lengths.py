"""How steep single rows are: what a step on one row or a few must be measured by.

A step on all rows is bounded by the largest eigenvalue of H = E[z zᵀ]; one on a single row by the smallest R² with
E[‖z‖² z zᵀ] ≼ R² E[z zᵀ] (Bach and Moulines, 2013), which lies between the mean and the largest ‖z‖². One on a batch of
k rows lies between the two as its variance does (Gower et al., "SGD: general analysis and improved rates", 2019).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.data.source import Source
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.quadratic import Spectrum

__all__ = ["RowCurvature", "measure_rows"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class RowCurvature:
    """The squared lengths of rows in descended coordinates, the intercept's 1 counted in.

    Attributes
    ----------
    largest, mean : float
        Of s/s̄ · ‖z‖².
    bound : float
        R², or the largest where the columns are too many for their products.
    whole : float
        λ_max of all rows together, or at most it.
    """

    largest: float
    mean: float
    bound: float
    whole: float

    def of_batch(self, size: int, n_rows: int) -> float:
        """The curvature that bounds a step on `size` of `n_rows` rows."""
        return self._between(self.bound, size, n_rows)

    def of_worst_batch(self, size: int, n_rows: int) -> float:
        """The same for methods whose proofs ask for the largest row."""
        return self._between(self.largest, size, n_rows)

    def _between(self, single: float, size: int, n_rows: int) -> float:
        share = (n_rows - size) / (size * (n_rows - 1.0))
        return share * single + (1.0 - share) * self.whole


@dataclass(frozen=True)
class Lengths:
    """Sums over rows: 1, s, s‖z‖², the largest s‖z‖², and s²‖z‖² z zᵀ (empty where it is not wanted)."""

    n_rows: int
    weight: float
    total: float
    largest: float
    products: Array

    def __add__(self, other: "Lengths") -> "Lengths":
        return Lengths(
            self.n_rows + other.n_rows,
            self.weight + other.weight,
            self.total + other.total,
            max(self.largest, other.largest),
            self.products + other.products,
        )


@dataclass(frozen=True)
class BlockLengths:
    """The function of a block that gives its `Lengths`."""

    coordinates: Coordinates
    products: bool

    def __call__(self, block: Block) -> Lengths:
        if block.sparse and not self.products:
            return self._sum(self._sparse(block), block.weight, np.empty(0))
        found = None
        for part in block.dense_slices(self.coordinates.shift):
            z = part.X * self.coordinates.inverse_scale
            if self.coordinates.fit_intercept:
                z = np.column_stack([z, np.ones(z.shape[0])])
            lengths = np.einsum("ij,ij->i", z, z)
            products = np.empty(0)
            if self.products:
                z *= (np.sqrt(lengths) * (1.0 if part.weight is None else part.weight))[:, None]
                products = z.T @ z
            lengths = self._sum(lengths, part.weight, products)
            found = lengths if found is None else found + lengths
        assert found is not None
        return found

    def _sparse(self, block: Block) -> Array:
        """‖z‖² of sparse rows, which are not made dense."""
        squares, shift = self.coordinates.inverse_scale**2, self.coordinates.shift
        pushed = shift * squares
        lengths: Array = block.X.power(2) @ squares - 2.0 * (block.X @ pushed) + float(shift @ pushed)
        positive: Array = np.maximum(lengths, 0.0) + float(self.coordinates.fit_intercept)
        return positive

    @staticmethod
    def _sum(lengths: Array, weight: Array | None, products: Array) -> Lengths:
        weights = np.ones_like(lengths) if weight is None else weight
        weighted = weights * lengths
        largest = float(weighted.max(initial=0.0))
        return Lengths(lengths.size, float(weights.sum()), float(weighted.sum()), largest, products)


def measure_rows(source: Source, coordinates: Coordinates, spectrum: Spectrum | None) -> RowCurvature:
    """Read the rows once for their lengths.

    Parameters
    ----------
    source : Source
    coordinates : Coordinates
    spectrum : Spectrum or None
        Of ½ E[z zᵀ], where the columns are few enough for it.
    """
    (sums,) = source.scan(BlockLengths(coordinates, spectrum is not None))
    mean_weight = sums.weight / sums.n_rows
    largest, mean = sums.largest / mean_weight, sums.total / sums.weight
    if spectrum is None:
        return RowCurvature(largest, mean, largest, mean)
    kept = spectrum.singular.size - spectrum.n_null
    whitener = spectrum.directions[:, :kept] / spectrum.singular[:kept]
    products = sums.products / (sums.n_rows * mean_weight**2)
    relative = whitener.T @ products @ whitener
    bound = float(np.linalg.eigvalsh(relative)[-1]) if kept and np.all(np.isfinite(relative)) else largest
    return RowCurvature(largest, mean, min(max(bound, mean), max(largest, mean)), spectrum.largest)
