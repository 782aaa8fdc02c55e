"""Rows that come in sequence: batches of any size become numbered blocks of a fixed number of rows.

Where blocks are cut depends on the rows alone, and columns lie one after the other in each, so that every reader of
the same rows gives the same bits, whatever its batches and threads.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.data.arrays import ArraySource, whole
from downslope.data.block import Block
from downslope.data.counter import BinaryCounter, Together
from downslope.data.source import Order, Rereads, Schema, Source
from downslope.data.tables.buckets import BucketSource
from downslope.data.tables.encoding import check_missing
from downslope.data.tables.scratch import Arrays, Scratch, keep_rows_in
from downslope.exceptions import FileError, InputError
from downslope.journal import FORGETFUL, Step
from downslope.texts import Finding, Remedy
from downslope.texts.parts import enumerate_parts
from downslope.threads import n_cores, one_blas_thread

__all__ = ["Batch", "Batches", "StreamSource", "as_source", "ordered", "rows_of_a_block"]

Array = NDArray[np.float64]

# Few enough bytes that some blocks fit beside each other, many enough that a task's own overhead is lost in them.
BLOCK_BYTES = 2**24
FEWEST_ROWS = 256


class Batch(NamedTuple):
    """Some consecutive rows, column by column.

    Attributes
    ----------
    columns : sequence of arrays (m,)
        The features; a missing value is NaN.
    y : array (m,)
    weight : array (m,) or None
    file : int
        The number of the file that they are from.
    """

    columns: Sequence[Array]
    y: Array
    weight: Array | None = None
    file: int = 0


class Place(NamedTuple):
    """Where a read stands between two files, which is where another one may begin.

    Attributes
    ----------
    file : int
        The next one.
    rest : array (columns, m)
        The rows that are in no block yet.
    number, n_rows : int
        Blocks, and the rows in them.
    counts : bool
        Whether their weights are whole numbers.
    seen : tuple
        See `Seen.counted`.
    """

    file: int
    rest: Array
    number: int
    n_rows: int
    counts: bool
    seen: tuple[Any, ...]


class Reading(NamedTuple):
    """How far a read has come.

    Attributes
    ----------
    parts : list of (level, index, values)
        Those of a binary counter.
    n_blocks : int
        That are in them.
    place : Place or None
        Where to begin to read; the blocks from there on that are in the parts are not counted again.
    passes : int
    means : array (d,) or None
        What gaps are filled with.
    """

    parts: list[tuple[int, int, tuple[Any, ...]]]
    n_blocks: int
    place: Place | None
    passes: int
    means: Array | None


class Learnt(NamedTuple):
    """What a whole read has told.

    Attributes
    ----------
    totals : tuple
        Those of its tasks.
    n_rows, n_dropped : int
    gaps : tuple of int
        Missing values, column by column, those of y last.
    counts : bool
    passes : int
    means : array (d,) or None
    """

    totals: tuple[Any, ...]
    n_rows: int | None
    n_dropped: int
    gaps: tuple[int, ...]
    counts: bool
    passes: int
    means: Array | None


class Batches(Protocol):
    """A table that is read in sequence."""

    @property
    def place(self) -> str | Finding:
        """What it is called in sentences."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features."""

    @property
    def target(self) -> str:
        """The column of y."""

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""

    @property
    def selected(self) -> bool:
        """Whether rows are left out that do not meet a condition."""

    @property
    def rereads(self) -> Literal["dear", "never"]:
        """Whether `read` can be called again."""

    @property
    def n_bytes(self) -> int:
        """How much there is to read, 0 where that is not known."""

    def rows_about(self) -> int:
        """About how many rows there are, 0 where nothing tells."""

    def read(self, start: int = 0) -> Generator[Batch, None, None]:
        """The rows from the first one of file number `start` on."""


def rows_of_a_block(n_columns: int) -> int:
    """A power of two, of about `BLOCK_BYTES`."""
    return max(FEWEST_ROWS, 1 << round(math.log2(BLOCK_BYTES / (8 * max(n_columns, 1)))))


class StreamSource:
    """The rows of a table in sequence as a `Source`.

    Parameters
    ----------
    table : Batches
    missing : {"drop", "mean"} or None
        Whether rows with a missing value are left out, or filled with the means of their columns, which takes a read of
        its own; None refuses them when all have been counted.
    scratch : Scratch
        Where rows are kept that are needed again.

    Attributes
    ----------
    n_rows : int or None
    passes : int
        How often the rows were read, or begun to be.
    n_dropped : int
        Rows that were left out of the last whole read.
    gaps : tuple of int
        The missing values that it met, column by column, those of y last.
    means : array (d,) or None
        What they are filled with, once it is known.

    Raises
    ------
    InputError
        For a table that can be read once only and whose gaps are to be filled with means.
    """

    def __init__(self, table: Batches, *, missing: Literal["drop", "mean"] | None = None, scratch: Scratch) -> None:
        check_missing(missing)
        if missing == "mean" and table.rereads == "never":
            raise InputError(Finding.of("tables.mean_of_a_stream", Remedy("missing", "drop"), path=table.place))
        self.table, self.missing, self.scratch = table, missing, scratch
        self.rereads: Rereads = table.rereads
        self.n_rows: int | None = None
        self.passes, self.n_dropped = 0, 0
        self.gaps: tuple[int, ...] = ()
        # Is told the rows that have been read, about how many there are, and the bytes of all.
        self.hear: Callable[[int, int, int], None] | None = None
        self._counts = not table.weighted
        self.means: Array | None = None
        # What `peek` has begun to read: the first block, and those after it.
        self._begun: tuple[Block, Generator[Block, None, None]] | None = None
        # Where the next read begins, and where the one that is going on stood last between two files.
        self._start: Place | None = None
        self._place: Place | None = None

    @property
    def schema(self) -> Schema:
        """What is known of the columns."""
        table = self.table
        rounding = getattr(table, "rounding", 0.0)
        names, weighted, counts = table.names, table.weighted, self._counts
        return Schema(len(names), names, table.target, weighted, rounding=rounding, counts=counts)

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """One read for all tasks; some blocks are worked on while the next ones are read."""
        return self.scan_from(FORGETFUL, *tasks)

    def scan_from(self, step: Step, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        """The same as a step of a run, from where an earlier process has come to."""
        if isinstance(step.kept, Learnt):
            return self._learn(step.kept)
        counter, n_done, threads = BinaryCounter(), 0, n_cores()
        if isinstance(step.kept, Reading):
            counter, n_done = self._go_on(step.kept)

        def work(block: Block) -> None:
            with np.errstate(all="ignore"):
                counter.add(block.number, Together(task(block) for task in tasks))

        def so_far() -> Reading:
            while running:
                running.popleft().result()
            parts = [(level, index, tuple(values)) for (level, index), values in counter.parts.items()]
            return Reading(parts, n_done, self._place, self.passes, self.means)

        running: deque[Future[None]] = deque()
        with one_blas_thread(), ThreadPoolExecutor(threads) as pool, closing(self.blocks()) as blocks:
            for block in blocks:
                if block.number < n_done:
                    continue
                running.append(pool.submit(work, block))
                n_done += 1
                if len(running) > threads:
                    running.popleft().result()
                step.keep(so_far)
            for last in running:
                last.result()
        totals = tuple(counter.total())
        step.finish(Learnt(totals, self.n_rows, self.n_dropped, self.gaps, self._counts, self.passes, self.means))
        return totals

    def _learn(self, known: Learnt) -> tuple[Any, ...]:
        """Know what an earlier process has read."""
        self.n_rows, self.n_dropped, self.gaps = known.n_rows, known.n_dropped, known.gaps
        self._counts, self.passes, self.means = known.counts, known.passes, known.means
        return known.totals

    def _go_on(self, reading: Reading) -> tuple[BinaryCounter, int]:
        """What an earlier process has added up, and of how many blocks; the next read begins where that one was."""
        self.means, self._start = reading.means, reading.place
        # What has been looked at is read again only where it lies behind that place.
        self._begun, self.passes = None, reading.passes - 1
        return BinaryCounter(
            {(level, index): Together(values) for level, index, values in reading.parts}
        ), reading.n_blocks

    def blocks(self, order: Order | None = None) -> Generator[Block, None, None]:
        """The rows in sequence.

        Raises
        ------
        FileError
            For a table without rows.
        InputError
            For rows that are gone, and at the end of a read for missing and infinite values, which it has counted.
        """
        first, rest = self._begin()
        with closing(rest):
            yield ordered(first, order)
            for block in rest:
                yield ordered(block, order)

    def peek(self, n_rows: int) -> Block:
        """The first rows; the read that they begin is gone on with."""
        if self._begun is None:
            self._begun = self._begin()
        first = self._begun[0]
        few = slice(0, n_rows)
        weight = None if first.weight is None else first.weight[few]
        return Block(np.ascontiguousarray(first.X[few]), first.y[few], weight)

    def resident(self) -> Source:
        """The same rows where they can be read again for nothing."""
        return self._kept(scattered=False)

    def scattered(self) -> Source:
        """The same for mini-batches: of many rows those that lay together are far apart."""
        return self._kept(scattered=True)

    def _kept(self, *, scattered: bool) -> Source:
        """The rows in scratch files, or in memory where they are few."""
        with closing(self.blocks()) as blocks:
            (kept,) = keep_rows_in(
                self.scratch, ((block,) for block in blocks), self.table.place, scattered=(scattered,)
            )
        return as_source(kept, self.table)

    def _begin(self) -> tuple[Block, Generator[Block, None, None]]:
        """The first block and those after it."""
        if self._begun is not None:
            begun, self._begun = self._begun, None
            return begun
        if self.passes and self.rereads == "never":
            raise InputError(Finding.of("tables.rows_are_gone", path=self.table.place))
        if self.missing == "mean" and self.means is None:
            self.means = self._measure_means()
        self.passes += 1
        blocks = self._cut()
        first = next(blocks, None)
        if first is None:
            code = "tables.no_row_meets" if self.table.selected else "tables.no_rows"
            raise FileError(Finding.of(code, path=self.table.place))
        return first, blocks

    def _measure_means(self) -> Array:
        """The mean of each column over the rows that have a target, gaps not counted."""
        self.passes += 1
        sums, counts = np.zeros(len(self.table.names)), np.zeros(len(self.table.names))
        with closing(self.table.read()) as batches, np.errstate(all="ignore"):
            for batch in batches:
                known = ~np.isnan(batch.y) if batch.weight is None else ~np.isnan(batch.y) & (batch.weight != 0)
                for j, column in enumerate(batch.columns):
                    present = column[known & ~np.isnan(column)]
                    sums[j], counts[j] = sums[j] + present.sum(), counts[j] + present.size
        for name, count in zip(self.table.names, counts, strict=True):
            if not count:
                leave_out = Remedy("exclude", [name])
                raise InputError(Finding.of("tables.empty_column", leave_out, path=self.table.place, name=name))
        return np.asarray(sums / counts)

    def _cut(self) -> Generator[Block, None, None]:
        """All rows in numbered blocks."""
        table, seen = self.table, Seen([*self.table.names, self.table.target])
        n_columns, about = len(table.names) + 1 + table.weighted, 0
        cutter = Cutter(rows_of_a_block(n_columns), n_columns)
        file, number, n_rows, counts = 0, 0, 0, True
        self._place, self._start = self._start, None
        if self._place is not None:
            file, rest, number, n_rows, counts, counted = self._place
            seen.go_on(counted)
            for _ in cutter.add(list(rest)):
                raise AssertionError("a rest is less than a block")

        def blocks_of(pieces: Iterator[Array]) -> Iterator[Block]:
            nonlocal number, n_rows, counts
            for piece in pieces:
                block = as_block(piece, number, weighted=table.weighted)
                counts, number, n_rows = counts and whole(block.weight), number + 1, n_rows + block.y.size
                yield block

        with closing(table.read(file)) as batches:
            for batch in batches:
                if batch.file != file:
                    file = batch.file
                    self._place = Place(file, cutter.rest(), number, n_rows, counts, seen.counted())
                yield from blocks_of(cutter.add(self._usable(batch, seen)))
                if self.hear is not None:
                    about = about or table.rows_about()
                    self.hear(seen.n_rows, about, table.n_bytes)
        if cutter.filled:
            yield from blocks_of(iter([cutter.rest()]))
        seen.refuse(table.place, self.missing, n_left=n_rows)
        if seen.n_rows and not n_rows:
            raise InputError(Finding.of("rows.no_weight"))
        self.n_rows, self.n_dropped, self._counts = n_rows, seen.n_dropped, counts
        self.gaps = tuple(seen.gaps.tolist())

    def _usable(self, batch: Batch, seen: "Seen") -> list[Array]:
        """The columns of a batch, y and the weights last, without the rows that are none."""
        kept = seen.count(batch, self.missing)
        columns = [*batch.columns, batch.y, *(() if batch.weight is None else (batch.weight,))]
        if self.means is not None:
            for j, mean in enumerate(self.means.tolist()):
                columns[j] = np.where(np.isnan(columns[j]), mean, columns[j])
        return columns if kept is None else [column[kept] for column in columns]


class Seen:
    """Missing and infinite values, counted column by column as the rows go by."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.gaps, self.infinite = np.zeros(len(names), dtype=int), np.zeros(len(names), dtype=int)
        # The rows, counted from 1, where the first infinite values stand.
        self.first_infinite = np.zeros(len(names), dtype=int)
        self.n_rows, self.n_dropped = 0, 0

    def count(self, batch: Batch, missing: str | None) -> NDArray[np.bool_] | None:
        """Count those of a batch; the rows that are kept, None where they are all."""
        # A row of weight 0 is no row, and may hold anything.
        kept = None if batch.weight is None or batch.weight.all() else batch.weight != 0
        real = kept
        with np.errstate(all="ignore"):
            for j, column in enumerate((*batch.columns, batch.y)):
                # Where their sum is a number all are, without a look at each.
                if np.isfinite(column.sum()):
                    continue
                gaps, infinite = np.isnan(column), np.isinf(column)
                if real is not None:
                    gaps, infinite = gaps & real, infinite & real
                if infinite.any() and not self.infinite[j]:
                    self.first_infinite[j] = self.n_rows + int(np.argmax(infinite)) + 1
                self.gaps[j] += np.count_nonzero(gaps)
                self.infinite[j] += np.count_nonzero(infinite)
                if gaps.any() and (missing == "drop" or (missing == "mean" and j == len(self.names) - 1)):
                    kept = ~gaps if kept is None else kept & ~gaps
        self.n_rows += batch.y.size
        if kept is not None:
            n_real = kept.size if real is None else int(np.count_nonzero(real))
            self.n_dropped += n_real - int(np.count_nonzero(kept))
        return kept

    def counted(self) -> tuple[Any, ...]:
        """What has been counted so far."""
        return (self.gaps.copy(), self.infinite.copy(), self.first_infinite.copy(), self.n_rows, self.n_dropped)

    def go_on(self, counted: tuple[Any, ...]) -> None:
        """Go on from what was counted before."""
        self.gaps, self.infinite, self.first_infinite, self.n_rows, self.n_dropped = counted

    def refuse(self, place: str | Finding, missing: str | None, *, n_left: int) -> None:
        """Raise `InputError` for what cannot be used, with its counts."""
        if self.infinite.any():
            found = zip(self.names, self.infinite.tolist(), self.first_infinite.tolist(), strict=True)
            named = [
                Finding.of("tables.infinite_in", name=name, count=count, row=row) for name, count, row in found if count
            ]
            columns = enumerate_parts(named)
            raise InputError(Finding.of("tables.infinite", path=place, columns=columns, count=len(named)))
        if not self.gaps.any() or (missing is not None and n_left):
            return
        drop, mean = Remedy("missing", "drop"), Remedy("missing", "mean")
        gaps = zip(self.names, self.gaps.tolist(), strict=True)
        named = [Finding.of("tables.gaps_in", name=name, count=count) for name, count in gaps if count]
        columns, said = enumerate_parts(named, more="list.more_columns"), {"path": place, "mean": mean}
        if missing is None:
            counts = {"count": int(self.gaps.sum()), "drop": drop}
            raise InputError(Finding.of("tables.gaps", columns=columns, **said, **counts))
        code = "tables.drop_leaves_none_or_exclude"
        raise InputError(Finding.of(code, drop, columns=columns, n_rows=self.n_rows, **said))


class Cutter:
    """Puts batches one after the other and cuts them into pieces of so many rows, (columns, rows)."""

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self.n_rows, self.n_columns, self.filled = n_rows, n_columns, 0
        self.piece = np.empty((n_columns, n_rows))

    def add(self, columns: Sequence[Array]) -> Iterator[Array]:
        """The pieces that a batch completes."""
        start, n_given = 0, columns[0].size
        while start < n_given:
            taken = min(self.n_rows - self.filled, n_given - start)
            for own, given in zip(self.piece, columns, strict=True):
                own[self.filled : self.filled + taken] = given[start : start + taken]
            start, self.filled = start + taken, self.filled + taken
            if self.filled == self.n_rows:
                # Tasks may still look at a piece when the next one is filled.
                whole_piece, self.piece, self.filled = self.piece, np.empty_like(self.piece), 0
                yield whole_piece

    def rest(self) -> Array:
        """What is in no piece yet."""
        return self.piece[:, : self.filled].copy()


def as_source(kept: Sequence[Arrays], table: Batches) -> Source:
    """Rows that were kept, perhaps in buckets, as a source."""
    known: dict[str, Any] = {"names": table.names, "target": table.target, "rounding": getattr(table, "rounding", 0.0)}
    buckets = [ArraySource(X, y, weight, **known) for X, y, weight in kept]
    return buckets[0] if len(buckets) == 1 else BucketSource(buckets)


def as_block(rows: Array, number: int, *, weighted: bool) -> Block:
    """Rows by columns, y and the weights last, as a block."""
    d = rows.shape[0] - 1 - weighted
    return Block(rows[:d].T, rows[d], rows[d + 1] if weighted else None, number, by_columns=True)


def ordered(block: Block, order: Order | None) -> Block:
    """The block, with the order in which a pass visits its rows."""
    return block if order is None else replace(block, order=order(block.y.size))
