"""Missing values: which rows are kept, what fills the gaps, and the sentences that say so."""

import math
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.columns import SHOWN, as_option
from downslope.data.tables.encoding import Missing
from downslope.exceptions import InputError

__all__ = ["KeptRows", "column_means", "fill_gaps", "keep_rows"]

Array = NDArray[np.float64]


class KeptRows(NamedTuple):
    """The rows that can be used."""

    mask: NDArray[np.bool_] | None
    """True for a row that is kept; None if all are, so that nothing need be copied."""
    notes: tuple[str, ...]


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
        raise InputError(f"{path} has no value in the target {target!r}: choose another target")
    if missing is None:
        raise InputError(
            f"{path} has {_plural(sum(counts.values()), 'missing value')} ({_by_column(counts)}): --missing drop "
            "leaves such rows out, --missing mean fills in the mean of the column"
        )
    decisive = counts if missing == "drop" else [name for name in counts if name == target]
    mask = _without_gaps(columns[name] for name in decisive)
    n_kept = n_rows if mask is None else int(mask.sum())
    if n_kept == 0:
        advice = "use --missing mean" + ("" if target is None else ", or leave out columns with --exclude")
        raise InputError(
            f"--missing drop leaves none of the {n_rows:,} rows of {path} ({_by_column(counts)} missing): {advice}"
        )
    notes = []
    if n_kept < n_rows:
        reason = _by_column({name: counts[name] for name in decisive})
        notes.append(f"{_plural(n_rows - n_kept, 'row')} of {n_rows:,} left out for missing values: {reason}")
    filled = {name: count for name, count in counts.items() if name not in decisive}
    if filled:
        notes.append(f"missing values filled with the mean of their column: {_by_column(filled)}")
    return KeptRows(mask, tuple(notes))


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
            raise InputError(
                f"{path} has no value in the column {name!r}: leave it out with --exclude {as_option(name)}"
            )
        with np.errstate(over="ignore"):
            mean = float(np.mean(present))
        # The sum of values near the largest float overflows where their mean does not.
        means.append(mean if math.isfinite(mean) else float(np.sum(present / len(present))))
    return tuple(means)


def fill_gaps(X: Array, means: tuple[float, ...]) -> None:
    """Put the means into the gaps, in place."""
    for mean, column in zip(means, X.T, strict=True):
        column[np.isnan(column)] = mean


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _by_column(counts: Mapping[str, int]) -> str:
    named = [f"{name!r} {count:,}" for name, count in counts.items()]
    return ", ".join(named[:SHOWN]) + (f" and {len(named) - SHOWN} more columns" if len(named) > SHOWN else "")
