"""Tables on disk as rows for a fit: what the command reads.

A table is read as a `Relation`, the one place that knows of formats; everything here sees columns of float64
in which a missing value is NaN, and turns what cannot be used into one finding that names the parameter to use.
Rows are counted from 1, the header not counted.
"""

import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.batches import FileBatches, TableBatches, open_files
from downslope.data.tables.columns import asked_for, require_columns
from downslope.data.tables.encoding import Encoding, Missing, check_missing
from downslope.data.tables.gaps import KeptRows, column_means, fill_gaps, keep_rows, notes_of, refuse_gaps
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.tables.packed import UTF8
from downslope.data.tables.refusals import refuse_infinite, refuse_text, refuse_unknown_levels
from downslope.data.tables.relation import UNKNOWN_LEVEL, Relation
from downslope.data.tables.rounding import warn_of_rounding
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding, Remedy

__all__ = ["FeatureFiles", "Features", "Table", "load_table", "open_features", "read_features", "read_table"]

Array = NDArray[np.float64]
Path = str | os.PathLike[str]
Levels = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a table, ready for `fit`.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), C order
        The features, encoded.
    y : ndarray of shape (n_rows,)
        The target.
    feature_names : tuple of str
        The columns of X; a categorical one gives several, named as `origin=2`.
    target : str
        The column of y.
    n_rows_read, n_rows_dropped : int
        Rows in the file, and how many of them are not in X.
    encoding : Encoding
        What `read_features` needs to read another table alike.
    notes : tuple of Finding
        What was done about missing values.
    rows : ndarray of shape (n_rows,), int
        Which row of the file each row of X is, counted from 1.
    weight : ndarray of shape (n_rows,), or None
        The weights.
    rounding : float
        How far integers beyond 2⁵³ were moved, see `Schema`.
    """

    X: Array = field(repr=False)
    y: Array = field(repr=False)
    feature_names: tuple[str, ...]
    target: str
    n_rows_read: int
    n_rows_dropped: int
    encoding: Encoding = field(repr=False)
    notes: tuple[Finding, ...] = ()
    rows: NDArray[np.intp] = field(default_factory=lambda: np.arange(0), repr=False)
    weight: Array | None = field(default=None, repr=False)
    rounding: float = field(default=0.0, repr=False)


@dataclass(frozen=True, eq=False)
class Features:
    """The rows of a table, ready for `predict`.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), C order
        The features, encoded as the model knows them.
    rows : ndarray of shape (n_rows,), int
        Which row of the file each row of X is, counted from 0.
    n_rows_read, n_rows_dropped : int
        Rows in the file, and how many of them are not in X.
    notes : tuple of Finding
        What was done about missing values.
    kept : dict of lists of str or None
        The cells of the columns that were asked for, of all rows, as they stand there.
    """

    X: Array = field(repr=False)
    rows: NDArray[np.intp] = field(repr=False)
    n_rows_read: int
    n_rows_dropped: int
    notes: tuple[Finding, ...] = ()
    kept: Mapping[str, list[str | None]] = field(default_factory=dict, repr=False)


def read_table(
    path: Path,
    *,
    target: str,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    categorical: Sequence[str] = (),
    missing: Missing | None = None,
    weights: str | None = None,
    notation: Notation = PLAIN,
    encoding: str = UTF8,
    where: Sequence[str] | str = (),
) -> Table:
    """Read a table for a fit.

    Parameters
    ----------
    path : str or path
        A text table with a header, perhaps packed (gzip, bzip2, zip), whose delimiter may be a comma, a semicolon, a
        tab or a bar; or a Parquet file; or a folder of such, or a pattern, whose files are one table. "-" is standard
        input.
    target : str
        The column to predict.
    features : sequence of str, optional
        The columns to predict it from, in this order; by default all the others.
    exclude : sequence of str, default=()
        Columns to leave out.
    categorical : sequence of str, default=()
        Features whose values are categories: each level but the first becomes a column of 0 and 1.
    missing : {"drop", "mean"}, optional
        Drop the rows with a missing value, or fill it with the mean of its column; a row without a target is
        dropped in both cases. By default missing values are refused.
    weights : str, optional
        The column of weights.
    notation : Notation
        How numbers and missing values are written.
    encoding : str
        Of a text table.
    where : sequence of str, default=()
        Conditions of rows, see `scan`.

    Returns
    -------
    Table
        X, y, their names, and how another table is read alike.

    Raises
    ------
    FileError
        For a file that cannot be read or holds no rows.
    InputError
        For columns that are absent, hold text or infinite values, and for missing values that no option handles.
    """
    check_missing(missing)
    files = open_files([pathlib.Path(path)], notation, encoding, where)
    options = {"features": features, "exclude": exclude, "categorical": categorical, "weights": weights}
    return load_table(TableBatches(files, str(path), target, **options), missing)  # type: ignore[arg-type]


def load_table(table: TableBatches, missing: Missing | None) -> Table:
    """The rows of a table that has been opened; what can be wrong with them is said at `read_table`."""
    path, target, weights = table.place, table.target, table.weights
    chosen, levels = table.chosen, dict(table.levels)
    columns, rounding, _ = _read_all(path, table.files, table.used, levels, target)
    if weights is not None and missing == "mean":
        refuse_gaps(path, weights, columns[weights])
    kept = keep_rows(path, columns, target, missing)
    for name in levels:
        columns[name], levels[name] = _levels_left(name, columns[name], levels[name], kept.mask)
    y = _keep(columns.pop(target), kept.mask)
    weight = None if weights is None else _keep(columns.pop(weights), kept.mask)
    n_rows_read = len(y) if kept.mask is None else len(kept.mask)
    names = _feature_names(chosen.features, levels)
    X = _matrix(columns, chosen.features, levels, kept.mask)
    means = column_means(path, X, names)
    if missing == "mean":
        fill_gaps(X, means)
    return Table(
        X=X,
        y=y,
        feature_names=names,
        target=target,
        n_rows_read=n_rows_read,
        n_rows_dropped=n_rows_read - len(y),
        encoding=Encoding(chosen.features, levels, missing, means, table.files[0].notation),
        notes=kept.notes,
        rows=1 + (np.arange(n_rows_read) if kept.mask is None else np.flatnonzero(kept.mask)),
        weight=weight,
        rounding=rounding,
    )


def read_features(
    path: Path,
    encoding: Encoding,
    *,
    missing: Missing | None = None,
    notation: Notation | None = None,
    characters: str = UTF8,
    keep: Sequence[str] | None = (),
) -> Features:
    """Read a table as another one was read for the fit.

    Parameters
    ----------
    path : str or path
        A file as `read_table` takes it. It may lack the target and have other columns beside the features.
    encoding : Encoding
        How the table of the fit was read.
    missing : {"drop", "mean"}, optional
        What is done with missing values; by default what was done for the fit. Gaps are filled with the means of
        the rows of the fit.
    notation : Notation, optional
        How this table is written; by default as that of the fit.
    characters : str
        The encoding of a text table.
    keep : sequence of str, or None
        Columns whose cells are handed on as they stand there; None for all.

    Returns
    -------
    Features
        X, and which rows of the file it has.

    Raises
    ------
    FileError
        For a file that cannot be read or holds no rows.
    InputError
        For columns that are absent, hold text, infinite values or levels that the fit did not see, and for missing
        values that no option handles.
    """
    asked = open_features(path, encoding, missing=missing, notation=notation, characters=characters, keep=keep)
    return asked.load()


def open_features(
    path: Path,
    encoding: Encoding,
    *,
    missing: Missing | None = None,
    notation: Notation | None = None,
    characters: str = UTF8,
    keep: Sequence[str] | None = (),
) -> "FeatureFiles":
    """The files of `read_features`, which has these parameters, their columns checked."""
    check_missing(missing)
    files = open_files([pathlib.Path(path)], encoding.notation if notation is None else notation, characters)
    for file in files:
        require_columns(file.layout, encoding.columns, Finding.of("tables.needed"))
        require_columns(file.layout, keep or (), asked_for("keep"))
    kept = files[0].layout.names if keep is None else tuple(keep)
    return FeatureFiles(path, files, encoding, encoding.missing if missing is None else missing, kept)


@dataclass(frozen=True)
class FeatureFiles:
    """Tables whose rows are to be predicted.

    Attributes
    ----------
    path : path
    files : list of FileBatches
    encoding : Encoding
    policy : {"drop", "mean"} or None
        What is done about missing values.
    kept : tuple of str
        Columns that are handed on.
    """

    path: Path
    files: list[FileBatches]
    encoding: Encoding
    policy: Missing | None
    kept: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """Those of the files, unpacked."""
        return sum(file.n_bytes for file in self.files)

    def load(self) -> Features:
        """All rows at once."""
        files, levels = self.files, self.encoding.levels
        columns, _, ends = _read_all(self.path, files, self.encoding.columns, levels, None)
        kept = keep_rows(self.path, columns, None, self.policy)
        for file, begin, end in zip(files, (0, *ends), ends, strict=False):
            own, mask = {name: column[begin:end] for name, column in columns.items()}, kept.mask
            with file.opened() as table:
                refuse_unknown_levels(table, own, levels, None if mask is None else mask[begin:end])
        return self.features(columns, kept, cells_of(files, self.kept))

    def features(self, columns: dict[str, Array], kept: KeptRows, cells: Mapping[str, list[str | None]]) -> Features:
        """Some rows, of which columns have been read."""
        n_rows_read = len(next(iter(columns.values())))
        X = _matrix(columns, self.encoding.columns, self.encoding.levels, kept.mask)
        if self.policy == "mean":
            fill_gaps(X, self.encoding.means)
        rows = np.arange(n_rows_read) if kept.mask is None else np.flatnonzero(kept.mask)
        return Features(X, rows, n_rows_read, n_rows_read - len(X), kept.notes, cells)

    def stream(self) -> Iterator[Features]:
        """All rows in their order, a batch at a time; what cannot be used is said of all rows, as `load` says it."""
        levels, counts, n_rows, n_dropped = self.encoding.levels, Counter[str](), 0, 0
        numbers = [name for name in self.encoding.columns if name not in levels]
        for file in self.files:
            with file.opened() as table, file.opened() as again:
                cells = again.text_batches(self.kept)
                for batch in table.stream(numbers, levels):
                    columns = dict(zip((*numbers, *levels), batch, strict=True))
                    gaps = {name: int(np.isnan(np.ma.getdata(column)).sum()) for name, column in columns.items()}
                    if self.policy is None and any(gaps.values()):
                        self.refuse()
                    mask = None
                    if self.policy == "drop" and any(gaps.values()):
                        mask = ~np.any([np.isnan(np.ma.getdata(column)) for column in columns.values()], axis=0)
                    if any(unusable(column, name in levels, mask) for name, column in columns.items()):
                        self.refuse()
                    ordered = {name: columns[name] for name in self.encoding.columns}
                    found = self.features(ordered, KeptRows(mask, ()), cells(len(batch[0])))
                    counts.update(gaps)
                    n_rows, n_dropped = n_rows + found.n_rows_read, n_dropped + found.n_rows_dropped
                    yield found
        if not n_rows:
            raise FileError(Finding.of("tables.no_rows", path=str(self.path)))
        known = {name: count for name, count in counts.items() if count}
        notes = notes_of(known, known if self.policy == "drop" else (), n_dropped, n_rows)
        yield Features(np.empty((0, len(self.encoding.feature_names))), np.arange(0), 0, 0, notes, {})

    def refuse(self) -> NoReturn:
        """Raise what is wrong with the rows."""
        self.load()
        raise AssertionError("rows that cannot be used could be used")


def unusable(column: Array, of_levels: bool, mask: NDArray[np.bool_] | None) -> bool:
    """Whether a column has text, infinite values, or levels that nobody knows."""
    if np.ma.is_masked(column):
        return True
    values = column if mask is None else column[mask]
    return bool(np.any(values == UNKNOWN_LEVEL)) if of_levels else bool(np.any(np.isinf(column)))


def cells_of(files: Sequence[FileBatches], names: Sequence[str]) -> dict[str, list[str | None]]:
    """The cells of some columns of all files, as text."""
    found: dict[str, list[str | None]] = {name: [] for name in names}
    for file in files:
        with file.opened() as table:
            for name, cells in zip(names, table.texts(names), strict=True):
                found[name] += cells
    return found


def _read_all(
    path: Path, files: Sequence[FileBatches], names: tuple[str, ...], levels: Levels, target: str | None
) -> tuple[dict[str, Array], float, list[int]]:
    """The columns of all files, how far integers were rounded, and where the rows of each file end."""
    found = []
    for file in files:
        with file.opened() as table:
            found.append(_read(table, names, levels, target))
    columns = found[0][0]
    if len(files) > 1:
        columns = {name: np.concatenate([own[name] for own, _ in found]) for name in names}
    if not len(columns[names[0]]):
        code = "tables.no_row_meets" if files[0].conditions else "tables.no_rows"
        raise FileError(Finding.of(code, path=str(path)))
    ends = np.cumsum([len(own[names[0]]) for own, _ in found]).tolist()
    return columns, max(rounding for _, rounding in found), ends


def _read(
    table: Relation, names: tuple[str, ...], levels: Levels, target: str | None
) -> tuple[dict[str, Array], float]:
    """The columns as float64, all of them finite or missing, and how far integers were rounded."""
    columns = table.fetch([name for name in names if name not in levels], levels)
    refuse_text(table, columns, target)
    refuse_infinite(table.layout.path, columns)
    return {name: columns[name] for name in names}, warn_of_rounding(table, columns, levels, target)


def _levels_left(
    name: str, codes: Array, levels: tuple[str, ...], mask: NDArray[np.bool_] | None
) -> tuple[Array, tuple[str, ...]]:
    """Codes and levels without those that only rows had which are left out: their columns would be zero."""
    used = _keep(codes, mask)
    places = np.unique(used[~np.isnan(used)])
    if len(places) < 2:
        leave_out = Remedy("exclude", [name])
        if not len(places):
            raise InputError(Finding.of("tables.no_level", leave_out, name=name))
        raise InputError(Finding.of("tables.one_level", leave_out, name=name, level=levels[int(places[0])]))
    # A missing value sorts behind every place, and stays missing.
    renumbered = np.where(np.isnan(codes), np.nan, np.searchsorted(places, codes))
    return renumbered, tuple(levels[int(place)] for place in places)


def _feature_names(features: tuple[str, ...], levels: Levels) -> tuple[str, ...]:
    names = Encoding(features, levels, None, ()).feature_names
    (name, count), *_ = Counter(names).most_common(1)
    if count > 1:
        raise InputError(Finding.of("tables.same_features", name=name))
    return names


def _matrix(columns: dict[str, Array], order: tuple[str, ...], levels: Levels, mask: NDArray[np.bool_] | None) -> Array:
    """The columns side by side, the categorical ones as 0 and 1; `columns` is emptied on the way."""
    n_rows = len(columns[order[0]]) if mask is None else int(mask.sum())
    X = np.empty((n_rows, sum(len(levels[name]) - 1 if name in levels else 1 for name in order)))
    j = 0
    for name in order:
        column = _keep(columns.pop(name), mask)
        if name not in levels:
            X[:, j] = column
            j += 1
            continue
        for place in range(1, len(levels[name])):
            X[:, j] = np.where(np.isnan(column), np.nan, column == place)
            j += 1
    return X


def _keep(column: Array, mask: NDArray[np.bool_] | None) -> Array:
    return column if mask is None else column[mask]
