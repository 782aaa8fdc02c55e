"""Some rows, drawn evenly from all of them in one read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block

__all__ = ["Sample", "SampleRows"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """The rows with the smallest keys so far, in the order of their blocks.

    Attributes
    ----------
    size : int
        The most rows to keep.
    n_rows : int
        Rows that they are drawn from.
    keys : array (m,)
    numbers, places : array (m,)
        The block that each row is from, and its place there.
    X : array (m, d)
    y, weight : array (m,)
    """

    size: int
    n_rows: int
    keys: Array
    numbers: NDArray[np.int64]
    places: NDArray[np.int64]
    X: Array
    y: Array
    weight: Array

    def __add__(self, other: "Sample") -> "Sample":
        keys = np.concatenate([self.keys, other.keys])
        numbers, places = (
            np.concatenate(pair) for pair in ((self.numbers, other.numbers), (self.places, other.places))
        )
        kept = np.argsort(keys, kind="stable")[: self.size]
        kept = kept[np.lexsort((places[kept], numbers[kept]))]
        return Sample(
            self.size,
            self.n_rows + other.n_rows,
            keys[kept],
            numbers[kept],
            places[kept],
            np.concatenate([self.X, other.X])[kept],
            np.concatenate([self.y, other.y])[kept],
            np.concatenate([self.weight, other.weight])[kept],
        )

    @property
    def whole(self) -> bool:
        """Whether these are all rows."""
        return self.y.size == self.n_rows


@dataclass(frozen=True)
class SampleRows:
    """The task that draws at most `size` rows: those with the smallest of keys made from the seed and the block.

    Which rows these are depends on the rows and their blocks alone, whoever reads them (Vitter, 1985, asks for one
    reader).
    """

    size: int
    seed: int = 0

    def __call__(self, block: Block) -> Sample:
        """The sample of one block."""
        n_rows = block.y.size
        keys = np.random.Generator(np.random.Philox(key=[self.seed, block.number])).random(n_rows)
        kept = np.arange(n_rows)
        if n_rows > self.size:
            kept = np.sort(np.argpartition(keys, self.size)[: self.size])
        X = block.X[kept]
        dense = np.asarray(X.toarray() if block.sparse else X, dtype=np.float64)
        weight = np.ones(kept.size) if block.weight is None else block.weight[kept]
        numbers = np.full(kept.size, block.number)
        return Sample(self.size, n_rows, keys[kept], numbers, kept, dense, block.y[kept], weight)
