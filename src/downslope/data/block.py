"""A block: some consecutive rows, as every source hands them out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

__all__ = ["Block"]

Array = NDArray[np.float64]

# A slice that is shifted or densified is a copy: this keeps it inside a core's own cache.
SLICE_BYTES = 2**20
# Products of columns are fastest in parts of this size (measured, 10⁶ × 20, two cores).
PART_BYTES = 2**22


@dataclass(frozen=True)
class Block:
    """Some of the rows.

    Attributes
    ----------
    X : array or CSR matrix (m, d)
    y : array (m,)
    weight : array (m,) or None
        None for weights of 1.
    number : int
        Which of the blocks of its source it is.
    order : array (m,) or None
        The order in which a pass visits the rows; None as they lie.
    by_columns : bool
        Whether columns lie one after the other, and are to go on doing so when they are shifted: sums over them round
        otherwise then. So are those of streams; of rows in memory nobody shall see how they lie.
    """

    X: Any
    y: Array
    weight: Array | None = None
    number: int = 0
    order: NDArray[np.integer[Any]] | None = None
    by_columns: bool = False

    @property
    def sparse(self) -> bool:
        """Whether X is a sparse matrix."""
        return bool(scipy.sparse.issparse(self.X))

    def slices(self) -> Iterator["Block"]:
        """The rows in slices of a few megabytes as float64, in place where they are that already."""
        n_rows, n_stored = self.X.shape[0], self.X.nnz if self.sparse else self.X.size
        step = max(256, PART_BYTES * n_rows // (8 * max(n_stored, 1)))
        for start in range(0, max(n_rows, 1), step):
            rows = slice(start, min(start + step, n_rows))
            X = self.X[rows].astype(np.float64, copy=False)
            yield Block(X, self.y[rows], None if self.weight is None else self.weight[rows])

    def dense_slices(self, shift: Array | None) -> Iterator["Block"]:
        """The rows in slices, as float64, dense, minus `shift` where it is given."""
        n_rows, n_features = self.X.shape
        step = max(256, SLICE_BYTES // (8 * max(n_features, 1)))
        tiled = np.empty(0)
        # A block without rows has one slice without rows.
        for start in range(0, max(n_rows, 1), step):
            rows = slice(start, min(start + step, n_rows))
            X = self.X[rows].toarray() if self.sparse else self.X[rows]
            if shift is not None and self.by_columns:
                X = np.subtract(X.T, shift[:, None], dtype=np.float64).T
            elif shift is not None:
                # One long subtraction runs at memory speed; one of n_features per row does not.
                if not tiled.size:
                    tiled = np.tile(shift, (min(step, n_rows), 1))
                X = np.subtract(X, tiled[: X.shape[0]], dtype=np.float64)
            else:
                X = np.asarray(X, dtype=np.float64)
            yield Block(X, self.y[rows], None if self.weight is None else self.weight[rows])
