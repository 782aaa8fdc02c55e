"""Rows that are needed again: in memory where they are few, else in a scratch file that is mapped into it."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.exceptions import FileError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import system_reason

__all__ = ["Arrays", "Scratch", "keep_rows_in"]

Array = NDArray[np.float64]

Arrays = tuple[Array, Array, Array | None]

# Rows of fewer bytes stay in memory.
FEW_BYTES = 2**28
# Each of them is a file, or two or three with those of targets and weights.
BUCKETS = 32


@dataclass(frozen=True)
class Scratch:
    """Where rows are kept: in a folder, or in that for temporary files where it is None.

    The file has no name: it is gone when nothing uses it any more, however the process ends.
    """

    folder: Path | None = None
    few_bytes: int = FEW_BYTES

    @classmethod
    def of(cls, place: str | os.PathLike[str]) -> Self:
        """The place that was asked for: "auto", or a folder.

        Raises
        ------
        FileError
            For a folder that is not there.
        """
        if place == "auto":
            return cls()
        if not Path(place).is_dir():
            raise FileError(Finding.of("tables.no_scratch_folder", Remedy("scratch", str(place))))
        return cls(Path(place))

    def open(self) -> IO[bytes]:
        """A new file."""
        return tempfile.TemporaryFile(dir=self.folder, prefix="downslope-", buffering=0)

    @property
    def free(self) -> int:
        """The bytes that are left where it lies."""
        return shutil.disk_usage(tempfile.gettempdir() if self.folder is None else self.folder).free


class Column:
    """Rows of one width as they come: arrays, until there are many, and then a file."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch, self.parts, self.n_bytes = scratch, list[Array](), 0
        self.file: IO[bytes] | None = None

    def add(self, part: Array) -> None:
        """Keep some more rows, which are not copied again."""
        self.n_bytes += part.nbytes
        if self.file is None and self.n_bytes > self.scratch.few_bytes:
            self.file = self.scratch.open()
            for earlier in self.parts:
                self.write(earlier)
            self.parts = []
        if self.file is None:
            self.parts.append(part)
        else:
            self.write(part)

    def write(self, part: Array) -> None:
        """Write rows behind the others."""
        assert self.file is not None
        left = np.ascontiguousarray(part).data.cast("B")
        while left.nbytes:
            written = self.file.write(left)
            left = left[written:]

    def rows(self) -> Array:
        """All of them."""
        if self.file is None:
            return np.concatenate(self.parts)
        self.file.flush()
        mapped = np.memmap(self.file, np.float64, "r")
        self.file.close()
        return np.asarray(mapped)

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()


class Rows:
    """X, y and weights as they come, a block at a time."""

    def __init__(self, scratch: Scratch) -> None:
        self.X, self.y, self.weight = Column(scratch), Column(scratch), Column(scratch)
        self.n_features = 0

    @property
    def n_bytes(self) -> int:
        """Of X."""
        return self.X.n_bytes

    def add(self, block: Block) -> None:
        """Keep some more rows."""
        self.n_features = block.X.shape[1]
        self.X.add(np.ascontiguousarray(block.X).reshape(-1))
        # A view would hold all columns of its block.
        self.y.add(block.y.copy())
        if block.weight is not None:
            self.weight.add(block.weight.copy())

    def close(self) -> None:
        """Let go of the files."""
        for column in (self.X, self.y, self.weight):
            column.close()

    def arrays(self) -> Arrays:
        """X (n, d) in C order, y (n,) and the weights (n,) or None."""
        return (
            self.X.rows().reshape(-1, self.n_features),
            self.y.rows(),
            self.weight.rows() if self.weight.n_bytes else None,
        )


class Scattered:
    """The same in buckets, each of which is like all rows: what lay together is far apart.

    Of each block as many rows go into each bucket, but for what does not divide, by a generator that is keyed by the
    number of the block.
    """

    def __init__(self, scratch: Scratch) -> None:
        self.buckets = [Rows(replace(scratch, few_bytes=0)) for _ in range(BUCKETS)]

    @property
    def n_bytes(self) -> int:
        """Of X."""
        return sum(bucket.n_bytes for bucket in self.buckets)

    def add(self, block: Block) -> None:
        """Keep some more rows."""
        generator = np.random.default_rng(block.number)
        order, first = generator.permutation(block.y.size), int(generator.integers(BUCKETS))
        for k, part in enumerate(np.array_split(order, BUCKETS)):
            if part.size:
                weight = None if block.weight is None else block.weight[part]
                self.buckets[(first + k) % BUCKETS].add(Block(block.X[part], block.y[part], weight))


class Kept:
    """Rows in memory as long as they are few; `scattered` says that of many rows there may be buckets."""

    def __init__(self, scratch: Scratch, *, scattered: bool = False) -> None:
        self.scratch, self.rows = scratch, Rows(scratch)
        self.waiting: list[Block] | None = [] if scattered else None
        self.scattered: Scattered | None = None

    @property
    def n_bytes(self) -> int:
        """Of X."""
        waiting: int = sum(block.X.nbytes for block in self.waiting or ())
        return waiting + (self.rows if self.scattered is None else self.scattered).n_bytes

    def add(self, block: Block) -> None:
        """Keep some more rows."""
        if self.scattered is not None:
            self.scattered.add(block)
        elif self.waiting is None:
            self.rows.add(block)
        else:
            self.waiting.append(block)
            if self.n_bytes > self.scratch.few_bytes:
                self.scattered, waiting, self.waiting = Scattered(self.scratch), self.waiting, None
                for one in waiting:
                    self.scattered.add(one)

    def close(self) -> None:
        """Let go of the files."""
        for rows in (self.rows, *(() if self.scattered is None else self.scattered.buckets)):
            rows.close()

    def arrays(self) -> list[Arrays]:
        """X (n, d) in C order, y (n,) and the weights (n,) or None of each bucket; of all rows where there are none."""
        for block in self.waiting or ():
            self.rows.add(block)
        self.waiting = None
        buckets = [self.rows] if self.scattered is None else self.scattered.buckets
        return [bucket.arrays() for bucket in buckets if bucket.n_bytes]


def keep_rows_in(
    scratch: Scratch, parts: Iterable[Sequence[Block]], place: str | Finding, *, scattered: Sequence[bool] = (False,)
) -> list[list[Arrays]]:
    """What `Kept.arrays` gives of each part; of each block come as many parts as `scattered` has.

    Raises
    ------
    FileError
        Where the disk cannot hold them.
    """
    kept = [Kept(scratch, scattered=apart) for apart in scattered]
    try:
        for blocks in parts:
            for one, block in zip(kept, blocks, strict=True):
                if block.y.size:
                    one.add(block)
        return [one.arrays() for one in kept]
    except FileError:
        # What is wrong with the rows themselves.
        raise
    except OSError as error:
        n_bytes = sum(one.n_bytes for one in kept)
        said = {"path": place, "n_bytes": n_bytes, "free": free_of(scratch), "reason": system_reason(error)}
        raise FileError(Finding.of("tables.no_room", Remedy("scratch"), **said)) from error
    finally:
        for one in kept:
            one.close()


def free_of(scratch: Scratch) -> Any:
    """The bytes that are left, 0 where even that cannot be told."""
    try:
        return scratch.free
    except OSError:
        return 0
