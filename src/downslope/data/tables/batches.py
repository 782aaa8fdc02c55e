"""Tables on disk in sequence: one file, or several as one table, a batch of rows at a time."""

import warnings
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.columns import ColumnChoice, asked_for, choose_columns, require_columns
from downslope.data.tables.conditions import conditions_of
from downslope.data.tables.encoding import Encoding, Missing
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.tables.opening import layout_of, open_plain
from downslope.data.tables.packed import UTF8, made_plain
from downslope.data.tables.refusals import refuse_text
from downslope.data.tables.relation import MAX_LEVELS, Relation, level_order
from downslope.data.tables.rounding import large_among, moved_apart, tell
from downslope.data.tables.stream import Batch
from downslope.exceptions import DownslopeWarning, FileError, InputError, frames_to_user
from downslope.texts import Finding, Remedy
from downslope.texts.parts import quote_names

__all__ = ["FileBatches", "TableBatches", "open_files"]

Array = NDArray[np.float64]

# Of a text table, that tell how long its lines are.
HEAD_BYTES = 2**20


class FileBatches:
    """One file that is read in sequence; where it is packed or piped, its plain copy is kept as long as this is."""

    def __init__(
        self, path: Path, notation: Notation = PLAIN, encoding: str = UTF8, where: Sequence[str] | str = ()
    ) -> None:
        self.path, self.notation = path, notation
        held = ExitStack()
        self.file = held.enter_context(made_plain(path, encoding))
        self._held = weakref.finalize(self, held.close)
        self.layout = layout_of(path, self.file, notation)
        self.conditions = conditions_of(where, self.layout, notation)
        # How far integers were moved when they became float64, see `Schema`; None until that was asked.
        self.rounding: float | None = None

    def opened(self) -> AbstractContextManager[Relation]:
        """The table as a relation, in a context."""
        return open_plain(self.layout, self.notation, self.conditions)

    @property
    def n_bytes(self) -> int:
        """Those of the file, unpacked."""
        return self.file.stat().st_size

    def rows_about(self) -> int:
        """About how many rows there are: so many as there were if all lines were as long as the first ones."""
        if self.layout.kinds:
            with open_plain(self.layout) as table:
                return table.count(["true"])[0]
        with self.file.open("rb") as stream:
            first = stream.read(HEAD_BYTES)
        return round(self.n_bytes * first.count(b"\n") / max(len(first), 1))

    def levels(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The values of columns of categories."""
        if not names:
            return {}
        with self.opened() as table:
            return table.levels(names)

    def read(self, chosen: ColumnChoice, levels: dict[str, tuple[str, ...]], weights: str | None) -> Iterator[Batch]:
        """The columns that are asked for, those of categories as 0 and 1, from the first row on."""
        numbers = [name for name in chosen.features if name not in levels]
        apart = [chosen.target, *(() if weights is None else (weights,))]
        numbers_and_target = [*numbers, chosen.target]
        large: dict[str, float] = {}
        with self.opened() as table:
            require_columns(table.layout, (*chosen.features, *apart), Finding.of("tables.needed"))
            for batch in table.stream([*numbers, *apart], levels):
                columns = dict(zip((*numbers, *apart, *levels), batch, strict=True))
                self.refuse_text(columns, chosen.target)
                for name in large_among({name: columns[name] for name in numbers_and_target}):
                    large[name] = max(large.get(name, 0.0), moved_apart(columns[name]))
                features = [
                    part
                    for name in chosen.features
                    for part in (indicators(columns[name], len(levels[name])) if name in levels else [columns[name]])
                ]
                yield Batch(features, columns[chosen.target], None if weights is None else columns[weights])
        self.look_at_integers(large, chosen.target)

    def look_at_integers(self, large: Mapping[str, float], target: str) -> None:
        """Warn, once, of integers in columns of large numbers that float64 cannot hold.

        `large` says how far two of a column may have been moved apart, in its standard deviations.
        """
        if not large or self.rounding is not None:
            return
        with self.opened() as table:
            found = table.rounded(list(large))
        tell(found, target)
        self.rounding = max((large[name] for name in found), default=0.0)

    def refuse_text(self, columns: dict[str, Array], target: str) -> None:
        """Raise `InputError` for text in a batch, with what the whole table says of these columns."""
        spoilt = [name for name, column in columns.items() if np.ma.is_masked(column)]
        if spoilt:
            # Not by the connection whose rows are being read.
            with self.opened() as table:
                refuse_text(table, table.fetch(spoilt, {}), target)


def indicators(places: Array, n_levels: int) -> list[Array]:
    """A column of places among levels as columns of 0 and 1, none for the first level."""
    missing = np.isnan(places)
    return [np.where(missing, np.nan, places == place) for place in range(1, n_levels)]


class TableBatches:
    """Some files as one table, read one after the other.

    Parameters
    ----------
    files : sequence of FileBatches
    place : str
        What they are called together.
    target : str
    features : sequence of str or None
        None for all other columns of the first file.
    exclude, categorical : sequence of str
    weights : str or None

    Raises
    ------
    InputError
        For a file that lacks a column or has others, by name.
    """

    rereads: Literal["dear", "never"] = "dear"

    def __init__(
        self,
        files: Sequence[FileBatches],
        place: str,
        target: str,
        *,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        categorical: Sequence[str] = (),
        weights: str | None = None,
    ) -> None:
        self.files, self.place, self.target, self.weights = files, place, target, weights
        strangers = files[0].notation.strangers(files[0].layout.names)
        if strangers:
            require_columns(files[0].layout, strangers[:1], asked_for("na"))
        self.chosen = choose_columns(files[0].layout, target, features, exclude, categorical, weights)
        self.used = (*self.chosen.features, target, *(() if weights is None else (weights,)))
        for file in files[1:]:
            require_columns(file.layout, self.used, Finding.of("tables.needed_by_all"))
            others = [name for name in file.layout.names if name not in files[0].layout.names]
            if features is None and others:
                said = {"path": str(file.path), "names": quote_names(others), "first": str(files[0].path)}
                raise InputError(Finding.of("tables.more_columns", Remedy("features"), count=len(others), **said))
        self.warn_of_codes()
        self.find_first_days()
        encoded = [name for name in self.chosen.features if name in self.chosen.categorical]
        found = [file.levels(encoded) for file in files]
        self.levels = {
            name: tuple(sorted({level for one in found for level in one[name]}, key=level_order)) for name in encoded
        }
        for name, known in self.levels.items():
            if len(known) > MAX_LEVELS:
                counted = {"name": name, "path": place, "count": len(known), "most": MAX_LEVELS}
                raise InputError(Finding("tables.many_levels", counted, (Remedy("exclude", [name]),)))
        self.names = Encoding(self.chosen.features, self.levels, None, ()).feature_names

    @property
    def n_bytes(self) -> int:
        """Those of the files, unpacked."""
        return sum(file.n_bytes for file in self.files)

    def rows_about(self) -> int:
        """About how many rows there are, those among them that are left out."""
        return sum(file.rows_about() for file in self.files)

    def encoding(self, missing: Missing | None, means: Sequence[float]) -> Encoding:
        """How the columns became features, of these means."""
        return Encoding(self.chosen.features, self.levels, missing, tuple(means), self.files[0].notation)

    def by_column(self, counts: Sequence[int]) -> dict[str, int]:
        """What was counted of each feature, and of the target, by the columns of the files."""
        per_column = [
            name for name in self.chosen.features for _ in range(max(len(self.levels.get(name, "ab")) - 1, 1))
        ]
        return dict(zip((*per_column, self.target), counts, strict=True))

    def find_first_days(self) -> None:
        """Let the days of columns of dates be counted from the first one of all files.

        Raises
        ------
        InputError
            For columns that are not used, are categories, or have no dates.
        """
        notation = self.files[0].notation
        names = [name for name, first in notation.dates if first is None]
        if not names:
            return
        require_columns(self.files[0].layout, names, asked_for("date"))
        others = [name for name in names if name not in self.used or name in self.chosen.categorical]
        if others:
            raise InputError(Finding.of("tables.idle_date", Remedy("date", others), names=quote_names(others)))
        found = []
        for file in self.files:
            with file.opened() as table:
                found.append(table.first_days(names))
        days = {name: [day for one in found if (day := one[name]) is not None] for name in names}
        for name, known in days.items():
            if not known:
                with self.files[0].opened() as table:
                    refuse_text(table, table.fetch([name], {}), self.target)
                raise InputError(Finding.of("tables.no_dates", Remedy("date", [name]), path=self.place, name=name))
        for file in self.files:
            file.notation = replace(notation, dates=tuple((name, min(known)) for name, known in days.items()))

    def warn_of_codes(self) -> None:
        """Warn of features that look like codes and are read as numbers."""
        numbers = [name for name in self.chosen.features if name not in self.chosen.categorical]
        codes = [name for name in numbers if name in self.files[0].layout.zeros]
        if codes:
            encode, leave_out = Remedy("categorical", codes), Remedy("exclude", codes)
            told = Finding.of("tables.leading_zeros", encode, leave_out, columns=codes, count=len(codes))
            warnings.warn(DownslopeWarning(told), stacklevel=frames_to_user())

    @property
    def rounding(self) -> float:
        """How far integers were moved when they became float64, as far as they have been read; see `Schema`."""
        return max(file.rounding or 0.0 for file in self.files)

    @property
    def selected(self) -> bool:
        """Whether rows are left out that do not meet a condition."""
        return bool(self.files[0].conditions)

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self.weights is not None

    def read(self, start: int = 0) -> Generator[Batch, None, None]:
        """The rows of all files from number `start` on."""
        for number, file in enumerate(self.files[start:], start):
            for batch in file.read(self.chosen, self.levels, self.weights):
                yield batch._replace(file=number)


def open_files(
    paths: Sequence[Path], notation: Notation, encoding: str, where: Sequence[str] | str = ()
) -> list[FileBatches]:
    """All files that these paths name.

    Raises
    ------
    FileError
        For a file that cannot be read, and for a folder, a pattern or a list without files.
    """
    files = [FileBatches(file, notation, encoding, where) for path in paths for file in files_of(path)]
    if not files:
        raise FileError(Finding.of("tables.no_files", path="[]"))
    return files


def files_of(path: Path) -> list[Path]:
    """The files that a path names, in the order of their names: those of a folder, those a pattern fits, or itself.

    Raises
    ------
    FileError
        For a folder or a pattern without files.
    """
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.is_file() and one.name[0] not in "._")
    elif not path.exists() and any(sign in str(path) for sign in "*?["):
        fitting = Path(path.anchor or ".").glob(str(path.relative_to(path.anchor)))
        found = sorted(one for one in fitting if one.is_file())
    else:
        return [path]
    if not found:
        raise FileError(Finding.of("tables.no_files", path=str(path)))
    return found
