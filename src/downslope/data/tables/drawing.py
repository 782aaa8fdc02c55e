"""Some rows of a stream held out, drawn block by block, and what its first read tells of both parts.

Whether a row is held out depends on the seed and on its place alone: on no other row, on no memory of any, and not on
how often the rows are read.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from downslope.data.block import Block
from downslope.data.source import Order, Rereads, Schema, Source
from downslope.data.tables.scratch import keep_rows_in
from downslope.data.tables.stream import StreamSource, as_source, ordered
from downslope.journal import FORGETFUL, Step

__all__ = ["Drawing", "Part", "Task"]

Task = Callable[[Block], Any]


@dataclass(frozen=True)
class Draw:
    """Which rows of a block are held out: about `share` of them; all are kept where it is 0."""

    share: float
    seed: int

    def part(self, block: Block, *, held_out: bool) -> Block:
        """The rows that are held out, or the others."""
        if not self.share:
            return block
        drawn = np.random.default_rng([self.seed, block.number]).random(block.y.size) < self.share
        kept = np.flatnonzero(drawn if held_out else ~drawn)
        weight = None if block.weight is None else block.weight[kept]
        return Block(block.X[kept], block.y[kept], weight, block.number)


@dataclass(frozen=True)
class OfPart:
    """A task on a part of the rows."""

    task: Task
    draw: Draw
    held_out: bool

    def __call__(self, block: Block) -> Any:
        """Its value for that part of one block."""
        return self.task(self.draw.part(block, held_out=self.held_out))


def count_rows(block: Block) -> int:
    """How many they are."""
    return int(block.y.size)


class Drawing:
    """The rows of a stream in two parts.

    Parameters
    ----------
    stream : StreamSource
    share : float
        Of the rows that are held out; 0 for none.
    seed : int

    Attributes
    ----------
    train, held_out : Part
    """

    def __init__(self, stream: StreamSource, share: float = 0.0, seed: int = 0) -> None:
        self.stream, self.draw = stream, Draw(share, seed)
        self.train, self.held_out = Part(self, held_out=False), Part(self, held_out=True)

    def keep(self, *, scattered: bool = False) -> tuple[Source | None, Source | None]:
        """Both parts where they can be read again for nothing, written in one read; None for one without rows."""
        with closing(self.stream.blocks()) as blocks:
            both = (False, True) if self.draw.share else (False,)
            parts = (tuple(self.draw.part(block, held_out=part) for part in both) for block in blocks)
            wanted = tuple(scattered and not part for part in both)
            kept = keep_rows_in(self.stream.scratch, parts, self.stream.table.place, scattered=wanted)
        sources = [as_source(part, self.stream.table) if part else None for part in kept]
        return sources[0], sources[1] if len(sources) > 1 else None


class Part:
    """One part as a `Source`.

    Attributes
    ----------
    also : callable or None
        Asked by the next read with its tasks, says what else it is to do: tasks of the stream.
    found : tuple
        What that read gave: for its own tasks, then for these.
    """

    def __init__(self, drawing: Drawing, *, held_out: bool) -> None:
        self.drawing, self.is_held_out = drawing, held_out
        self.rereads: Rereads = drawing.stream.rereads
        self.n_rows: int | None = None
        self.also: Callable[[Sequence[Task]], Sequence[Task]] | None = None
        self.found: tuple[Any, ...] = ()

    @property
    def schema(self) -> Schema:
        """That of the stream."""
        return self.drawing.stream.schema

    @property
    def hear(self) -> Callable[[int, int, int], None] | None:
        """What the stream tells how far a read has come."""
        return self.drawing.stream.hear

    @hear.setter
    def hear(self, hear: Callable[[int, int, int], None] | None) -> None:
        self.drawing.stream.hear = hear

    @property
    def passes(self) -> int:
        """How often the stream was read."""
        return self.drawing.stream.passes

    @property
    def table(self) -> Any:
        """The table that is read."""
        return self.drawing.stream.table

    @property
    def missing(self) -> str:
        """What tells these rows from others, beside the table."""
        draw = self.drawing.draw
        return f"{self.drawing.stream.missing}, {draw.share} by {draw.seed}"

    def of(self, task: Task) -> Task:
        """A task of the stream that does the task on this part."""
        draw = self.drawing.draw
        return OfPart(task, draw, self.is_held_out) if draw.share else task

    def scan(self, *tasks: Task) -> tuple[Any, ...]:
        """One read for all tasks."""
        return self.scan_from(FORGETFUL, *tasks)

    def scan_from(self, step: Step, *tasks: Task) -> tuple[Any, ...]:
        """The same as a step of a run."""
        others, self.also = () if self.also is None else tuple(self.also(tasks)), None
        *totals, self.n_rows = self.drawing.stream.scan_from(step, *map(self.of, tasks), *others, self.of(count_rows))
        if others:
            self.found = tuple(totals)
        return tuple(totals[: len(tasks)])

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        """The rows in sequence."""
        with closing(self.drawing.stream.blocks()) as blocks:
            for block in blocks:
                yield ordered(self.drawing.draw.part(block, held_out=self.is_held_out), order)

    def peek(self, n_rows: int) -> Block:
        """Some first rows."""
        seen = self.drawing.stream.peek(n_rows)
        few = self.drawing.draw.part(seen, held_out=self.is_held_out)
        if not few.y.size:
            # Of so few rows none may be of this part: the others are like them.
            few = seen
        return replace(few, X=np.ascontiguousarray(few.X))

    def resident(self) -> Source:
        """The same rows where they can be read again for nothing."""
        kept = self.drawing.keep()[self.is_held_out]
        assert kept is not None
        return kept
