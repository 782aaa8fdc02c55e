"""Missing values: which rows are kept, what fills the gaps, and the findings that say so."""

import math
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.encoding import Missing
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import enumerate_parts

__all__ = ["KeptRows", "column_means", "fill_gaps", "keep_rows", "notes_of", "refuse_gaps"]

Array = NDArray[np.float64]
DROP, MEAN = Remedy("missing", "drop"), Remedy("missing", "mean")


class KeptRows(NamedTuple):
    """The rows that can be used."""

    mask: NDArray[np.bool_] | None
    """True for a row that is kept; None if all are, so that nothing need be copied."""
    notes: tuple[Finding, ...]


def keep_rows(
    path: str | os.PathLike[str], columns: Mapping[str, Array], target: str | None, missing: Missing | None
) -> KeptRows:
    """Decide which rows are kept; a missing value is NaN.

    Raises
    ------
    InputError
        If values are missing and no policy handles them, or if it leaves no row.
    """
    counts = {name: int(np.isnan(column).sum()) for name, column in columns.items()}
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        return KeptRows(None, ())
    n_rows = len(next(iter(columns.values())))
    if target is not None and counts.get(target) == n_rows:
        raise InputError(Finding.of("tables.empty_target", path=str(path), target=target))
    if missing is None:
        said = {"path": str(path), "count": sum(counts.values()), "columns": _by_column(counts)}
        raise InputError(Finding.of("tables.gaps", **said, drop=DROP, mean=MEAN))
    decisive = counts if missing == "drop" else [name for name in counts if name == target]
    mask = _without_gaps(columns[name] for name in decisive)
    n_kept = n_rows if mask is None else int(mask.sum())
    if n_kept == 0:
        code = "tables.drop_leaves_none" if target is None else "tables.drop_leaves_none_or_exclude"
        raise InputError(Finding.of(code, DROP, path=str(path), n_rows=n_rows, columns=_by_column(counts), mean=MEAN))
    return KeptRows(mask, notes_of(counts, decisive, n_rows - n_kept, n_rows))


def notes_of(counts: Mapping[str, int], decisive: Iterable[str], n_dropped: int, n_rows: int) -> tuple[Finding, ...]:
    """What was done about missing values, of which each column has so many: `decisive` ones left their rows out."""
    notes, decisive = [], list(decisive)
    if n_dropped:
        reason = _by_column({name: counts[name] for name in decisive})
        notes.append(Finding.of("tables.left_out", count=n_dropped, n_rows=n_rows, columns=reason))
    filled = {name: count for name, count in counts.items() if name not in decisive}
    if filled:
        notes.append(Finding.of("tables.filled", columns=_by_column(filled)))
    return tuple(notes)


def refuse_gaps(path: str | os.PathLike[str], name: str, weight: Array) -> None:
    """Raise `InputError` for rows without a weight: a mean of weights is nobody's."""
    count = int(np.isnan(weight).sum())
    if count:
        raise InputError(Finding.of("tables.rows_without_weight", DROP, count=count, path=str(path), name=name))


def _without_gaps(columns: Iterable[Array]) -> NDArray[np.bool_] | None:
    mask = None
    for column in columns:
        whole = ~np.isnan(column)
        mask = whole if mask is None else mask & whole
    return mask


def column_means(path: str | os.PathLike[str], X: Array, names: tuple[str, ...]) -> tuple[float, ...]:
    """The mean of each column, gaps not counted.

    Raises
    ------
    InputError
        For a column that has nothing but gaps.
    """
    means = []
    for name, column in zip(names, X.T, strict=True):
        present = column[~np.isnan(column)]
        if not len(present):
            leave_out = Remedy("exclude", [name])
            raise InputError(Finding.of("tables.empty_column", leave_out, path=str(path), name=name))
        with np.errstate(over="ignore"):
            mean = float(np.mean(present))
        # The sum of values near the largest float overflows where their mean does not: in units of the largest.
        unit = 1.0 if math.isfinite(mean) else float(np.abs(present).max())
        means.append(mean if unit == 1.0 else unit * float(np.mean(present / unit)))
    return tuple(means)


def fill_gaps(X: Array, means: tuple[float, ...]) -> None:
    """Put the means into the gaps, in place."""
    for mean, column in zip(means, X.T, strict=True):
        column[np.isnan(column)] = mean


def _by_column(counts: Mapping[str, int]) -> Finding | str:
    named = [Finding.of("tables.gaps_in", name=name, count=count) for name, count in counts.items()]
    return enumerate_parts(named, more="list.more_columns")
