"""Where rows come from: a `Source` adds up a function of its blocks, wherever they lie."""

from collections.abc import Callable
from typing import Protocol, Self, TypeVar

from downslope.data.block import Block

__all__ = ["Addable", "Source"]

T = TypeVar("T", bound="Addable")


class Addable(Protocol):
    """What a function of a block returns: values that add up over blocks, in a fixed order."""

    def __add__(self, other: Self, /) -> Self: ...


class Source(Protocol):
    """Rows that can be read again and again, a block at a time."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""

    @property
    def n_features(self) -> int:
        """The number of columns of X."""

    @property
    def n_stored(self) -> int:
        """The number of values of X that are stored: rows × columns, or the non-zeros of a sparse matrix."""

    def reduce(self, function: Callable[[Block], T]) -> T:
        """The sum of `function(block)` over all blocks, in an order that does not depend on the machine."""

    def sample(self, n_rows: int) -> Block:
        """About `n_rows` rows spread evenly over all of them, X as dense float64."""
