"""Integers of a table that float64 cannot hold, counted and told."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.data.integers import LARGEST
from downslope.data.tables.relation import Relation
from downslope.exceptions import DownslopeWarning, frames_to_user
from downslope.texts import Finding

__all__ = ["large_among", "moved_apart", "tell", "warn_of_rounding"]

Array = NDArray[np.float64]
Levels = Mapping[str, tuple[str, ...]]


def warn_of_rounding(table: Relation, columns: Mapping[str, Array], levels: Levels, target: str | None) -> float:
    """Warn of integers that float64 cannot hold; how far they were moved, in standard deviations of their column.

    Cells are looked at once more where numbers are so large.
    """
    found = table.rounded(large_among({name: column for name, column in columns.items() if name not in levels}))
    tell(found, target)
    return max((moved_apart(columns[name]) for name in found), default=0.0)


def large_among(columns: Mapping[str, Array]) -> list[str]:
    """The columns with numbers so large that float64 does not hold all integers of their size."""
    with np.errstate(invalid="ignore"):
        # A look at both ends is cheaper than one at each number; a missing value hides them.
        return [
            name
            for name, column in columns.items()
            if column.size
            and not (column.min() > -LARGEST and column.max() < LARGEST)
            and np.any(np.abs(column) >= LARGEST)
        ]


def tell(found: Mapping[str, tuple[int, str]], target: str | None) -> None:
    """Warn of integers that were moved, see `Relation.rounded`."""
    for code, own in (
        ("reading.rounded_columns", {name: one for name, one in found.items() if name != target}),
        ("reading.rounded_target", {name: one for name, one in found.items() if name == target}),
    ):
        if own:
            first = next(iter(own.values()))[1]
            count, rounded = sum(count for count, _ in own.values()), str(int(float(first)))
            numbers = {"count": count, "columns": list(own), "n_columns": len(own), "first": first, "rounded": rounded}
            warnings.warn(DownslopeWarning(Finding(code, numbers)), stacklevel=frames_to_user())


def moved_apart(column: Array) -> float:
    """The most that rounding to float64 has moved two integers of a column apart, in its standard deviations."""
    # Infinity is refused by others.
    with np.errstate(all="ignore"):
        spread = float(np.nanstd(column))
        return float(np.spacing(np.nanmax(np.abs(column)))) / spread if spread else np.inf
