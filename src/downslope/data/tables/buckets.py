"""Rows that mini-batches visit, in buckets: scattered when they were written, so that each bucket is like all rows.

A pass takes the buckets in a random order and the rows of each in another. A bucket fits into memory where all rows do
not, and rows that lay together are far apart: an order of blocks alone would keep what they have in common.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.counter import Together
from downslope.data.source import Order, Rereads, Schema

__all__ = ["BucketSource"]


class BucketSource:
    """Buckets of rows as a `Source`; a context that lets go of threads."""

    rereads: Rereads = "free"

    def __init__(self, buckets: Iterable[ArraySource]) -> None:
        self.buckets = list(buckets)
        first = self.buckets[0].schema
        counts = all(bucket.schema.counts for bucket in self.buckets)
        known: dict[str, Any] = {"target": first.target, "weighted": first.weighted, "rounding": first.rounding}
        self.schema = Schema(
            first.n_features, first.names, values_per_row=float(first.n_features), counts=counts, **known
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for bucket in self.buckets:
            bucket.__exit__(*exception)

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return sum(bucket.n_rows for bucket in self.buckets)

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """One read for all tasks."""
        total = Together(self.buckets[0].scan(*tasks))
        for bucket in self.buckets[1:]:
            total = total + Together(bucket.scan(*tasks))
        return tuple(total)

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        """The rows of one bucket after the other: of all in a random order, where the rows are to have one."""
        places = range(len(self.buckets)) if order is None else order(len(self.buckets)).tolist()
        for number, place in enumerate(places):
            for block in self.buckets[place].blocks(order):
                yield Block(block.X, block.y, block.weight, number, block.order)

    def peek(self, n_rows: int) -> Block:
        """Some rows of the first bucket, which is like all rows."""
        return self.buckets[0].peek(n_rows)

    def resident(self) -> Self:
        """Itself."""
        return self
