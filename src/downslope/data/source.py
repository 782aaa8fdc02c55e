"""Where rows come from: a `Source` reads its blocks for tasks, wherever the rows lie.

A task is a frozen value at module level: it pickles, holds no rows, and gives for each block a value that adds up.
Blocks are numbered, and their values merge in a binary counter over these numbers (`downslope.data.counter`), so that
the bits of a sum depend on the rows and the blocks alone: not on threads, readers, workers or retries.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.journal import FORGETFUL, Journal, Step

__all__ = ["Addable", "Order", "Rereads", "Schema", "Source", "Task", "in_any_order", "is_source", "journaled"]

# Whether rows can be read again: for nothing, at the price of a read, or not at all.
Rereads = Literal["free", "dear", "never"]
# The order in which a pass visits the rows of a block, from their number.
Order = Callable[[int], NDArray[np.integer[Any]]]


class Addable(Protocol):
    """What a task gives for a block: values that add up over blocks."""

    def __add__(self, other: Self, /) -> Self: ...


Task = Callable[[Block], Addable]


@dataclass(frozen=True)
class Schema:
    """What is known of the columns before any row is read.

    Attributes
    ----------
    n_features : int
    names : tuple of str or None
        Those of the features, where they have any.
    target : str or None
    weighted : bool
        Whether rows have weights.
    values_per_row : float
        How many values of X a row stores: all columns, or of sparse rows those that are not zero.
    checked : bool
        Whether it is known that targets and weights can be used.
    rounding : float
        How far integers beyond 2⁵³ were moved when they became float64, at most, in standard deviations of their
        column; 0 where all of them are what they were.
    weight_exponent : int
        The weights were divided by this power of two.
    counts : bool
        Whether the weights are whole numbers, so that one of 2 is a row twice; others are shares.
    """

    n_features: int
    names: tuple[str, ...] | None = None
    target: str | None = None
    weighted: bool = False
    values_per_row: float = np.nan
    checked: bool = False
    rounding: float = 0.0
    weight_exponent: int = 0
    counts: bool = False

    @property
    def spoken_names(self) -> list[str]:
        """What to call the features in sentences: their names, or x0, x1 … where they have none."""
        return list(self.names) if self.names is not None else [f"x{j}" for j in range(self.n_features)]

    def stored(self, n_rows: int) -> int:
        """How many values so many rows store."""
        per_row = self.values_per_row if self.values_per_row == self.values_per_row else self.n_features
        return round(n_rows * per_row)


@runtime_checkable
class Source(Protocol):
    """Rows, a block at a time."""

    @property
    def schema(self) -> Schema:
        """What is known of the columns."""

    @property
    def n_rows(self) -> int | None:
        """The number of rows; None until a read has counted them."""

    @property
    def rereads(self) -> Rereads:
        """Whether rows can be read again."""

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """One read for all tasks: for each the sum of its values over all blocks."""

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        """The rows in sequence; with `order` each block knows the order in which a pass visits its rows."""

    def peek(self, n_rows: int) -> Block:
        """About `n_rows` rows that cost no read of their own, X as dense float64: the first ones where others would."""

    def resident(self) -> "Source":
        """The same rows where they can be read again for nothing."""


def is_source(rows: Any) -> TypeGuard[Source]:
    """Whether these are rows as a source; for an array the protocol need not be looked through."""
    return not isinstance(rows, np.ndarray) and isinstance(rows, Source)


@runtime_checkable
class Resumable(Source, Protocol):
    """A source whose reads can be gone on with by another process."""

    def scan_from(self, step: Step, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """`scan`, from where an earlier process came to; the step is told how far this one comes."""


@runtime_checkable
class Scatterable(Source, Protocol):
    """A source whose rows, where they are many, can be kept so that those that lay together are far apart."""

    def scattered(self) -> Source:
        """`resident` for mini-batches."""


class Journaled:
    """The rows of a source, each read of which is a step of a journal."""

    def __init__(self, source: Resumable, journal: Journal) -> None:
        self.source, self.journal = source, journal
        self.rereads: Rereads = source.rereads

    @property
    def schema(self) -> Schema:
        """That of the source."""
        return self.source.schema

    @property
    def n_rows(self) -> int | None:
        """That of the source."""
        return self.source.n_rows

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """One read for all tasks, or what is left of it."""
        return self.source.scan_from(self.journal.step(), *tasks)

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        """The rows in sequence."""
        return self.source.blocks(order)

    def peek(self, n_rows: int) -> Block:
        """Some first rows."""
        return self.source.peek(n_rows)

    def resident(self) -> Source:
        """The same rows where they can be read again for nothing: they are read once more for it."""
        return self.source.resident()

    def scattered(self) -> Source:
        """The same for mini-batches."""
        return in_any_order(self.source)


def in_any_order(source: Source) -> Source:
    """The rows where they can be read again for nothing, for passes in a random order."""
    return source.scattered() if isinstance(source, Scatterable) else source.resident()


def journaled(source: Source, journal: Journal) -> Source:
    """The source, its reads being steps of the journal where they are dear."""
    if journal is FORGETFUL or not isinstance(source, Resumable):
        return source
    return Journaled(source, journal)
