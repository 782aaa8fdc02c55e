"""Cells that are no measurements: codes for missing values, slips, numbers that are names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.statistics.sample import Sample

__all__ = ["Cells", "Far", "RowNumbers", "find_cells"]

Array = NDArray[np.float64]

# A tail is apart where the gap before it is as wide as all between the farther quartile and the gap, four times that
# for values that stand there once.
APART_AGAIN, APART_ONCE = 1.0, 4.0
# For values that are known as codes a gap of a tenth is enough.
APART_CODE = 0.1
# Fewer values than this are kinds; a tail is at most so many values, and that share of the rows.
LEAST_VALUES, MOST_FAR, MOST_SHARE = 10, 5, 1 / 3
LEAST_ROWS = 10
MOST_ROWS = 5
# Labels count from 0 or 1, and each stands in several rows.
MOST_LABELS, ROWS_A_LABEL = 10, 10
LEAST_NUMBERED = 20
# Limits of integers, and what formats of weather and climate fill gaps with.
FILLS = frozenset([*(2**k - s for k in (15, 16, 31, 32) for s in (0, 1)), 1e20, 1e30, 1e36, 9.969209968386869e36])


class RowNumbers(NamedTuple):
    """What rows are called: by their place, counted from 0, or by numbers of a file that counts from 1."""

    numbers: NDArray[np.intp] | None = None
    places: NDArray[np.int64] | None = None

    @property
    def origin(self) -> int:
        """What is counted from."""
        return 0 if self.numbers is None else 1

    def of(self, rows: Sequence[int] | NDArray[np.intp]) -> tuple[int, ...]:
        """The numbers of rows: of those that have a weight, whose `places` among all are known."""
        places = rows if self.places is None else self.places[np.asarray(rows, dtype=np.int64)]
        return tuple(int(place if self.numbers is None else self.numbers[place]) for place in places)


class Far(NamedTuple):
    """A value of a column that lies far from all others.

    Attributes
    ----------
    column : str
    value : float
    times : int
        Rows that have it, of those that were looked at.
    rows : tuple of int
        The first of them, where all rows were looked at.
    low, high : float
        Between which the others lie.
    """

    column: str
    value: float
    times: int
    rows: tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True)
class Cells:
    """Attributes are what was found in the features, in the rows that were looked at.

    Attributes
    ----------
    n_looked_at : int
    origin : {0, 1}
        What rows are counted from.
    codes : tuple of Far
        Values in several rows, such as -999 for what is missing.
    slips : tuple of Far
        Values in one row.
    labels : tuple of (str, int, int)
        Columns of few whole numbers without a gap, from which and to which: they may be names of kinds.
    numbered : tuple of str
        Columns that count the rows.
    """

    n_looked_at: int
    origin: int
    codes: tuple[Far, ...]
    slips: tuple[Far, ...]
    labels: tuple[tuple[str, int, int], ...]
    numbered: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {
            "n_looked_at": self.n_looked_at,
            "rows_counted_from": self.origin,
            "codes": [{**far._asdict(), "rows": list(far.rows)} for far in self.codes],
            "single_far_cells": [{**far._asdict(), "rows": list(far.rows)} for far in self.slips],
            "labels": [{"column": name, "from": first, "to": last} for name, first, last in self.labels],
            "numbered": list(self.numbered),
        }


def find_cells(rows: Sample, names: Sequence[str], numbers: RowNumbers) -> Cells:
    """Look at the features of a sample."""
    # A row of weight 0 is no row.
    places = np.flatnonzero(rows.weight > 0)
    found: list[Far] = []
    labels: list[tuple[str, int, int]] = []
    numbered: list[str] = []
    for name, column in zip(names, rows.X[places].T, strict=True):
        if column.size < LEAST_ROWS:
            continue
        values, counts = np.unique(column, return_counts=True)
        for value, low, high in far_values(values, counts, np.quantile(column, [0.25, 0.75])):
            at = places[column == value]
            named = numbers.of(at[:MOST_ROWS]) if rows.whole else ()
            found.append(Far(name, value, at.size, named, low, high))
        if counts_without_gap(values):
            if values.size <= MOST_LABELS and values[0] in (0, 1) and column.size >= ROWS_A_LABEL * values.size:
                labels.append((name, int(values[0]), int(values[-1])))
            if rows.whole and values.size == column.size >= LEAST_NUMBERED:
                numbered.append(name)
    codes = tuple(far for far in found if far.times > 1)
    slips = tuple(far for far in found if far.times == 1)
    return Cells(places.size, numbers.origin, codes, slips, tuple(labels), tuple(numbered))


def counts_without_gap(values: Array) -> bool:
    """Whether values (m,), rising, are three or more whole numbers that follow each other."""
    return values.size > 2 and float(values[0]).is_integer() and bool(np.all(np.diff(values) == 1.0))


def far_values(values: Array, counts: NDArray[np.intp], quartiles: Array) -> Iterator[tuple[float, float, float]]:
    """The values of both tails that are apart, and the least and the greatest of all others."""
    above = tail(values, counts, float(quartiles[0]), sign=1)
    below = tail(-values[::-1], counts[::-1], -float(quartiles[1]), sign=-1)
    rest = values[below : values.size - above]
    for value in [*values[:below], *values[values.size - above :]]:
        yield float(value), float(rest[0]), float(rest[-1])


def tail(values: Array, counts: NDArray[np.intp], quartile: float, *, sign: int) -> int:
    """How many of the greatest of values (m,), rising, are apart; of the least, all having their sign turned."""
    n_rows, found = int(counts.sum()), 0
    for size in range(1, min(MOST_FAR, values.size - LEAST_VALUES) + 1):
        inner, outer = float(values[-size - 1]), float(values[-size])
        if counts[-size:].sum() > MOST_SHARE * n_rows:
            break
        gap, span = outer - inner, inner - quartile
        apart = APART_AGAIN if counts[-size:].min() > 1 else APART_ONCE
        if size == 1 and counts[-1] > 1 and is_code(sign * outer):
            # Nothing else below zero: a code, however near.
            apart = 0.0 if sign < 0 and inner <= 0 < outer else APART_CODE
        found = size if span > 0 and gap >= apart * span else found
    return found


def is_code(value: float) -> bool:
    """Whether a value is one that people write for what is missing: -1, sevens, eights or nines, limits of integers."""
    digits = f"{abs(value):.10g}".replace(".", "")
    repeated = digits.isdigit() and len(set(digits)) == 1 and digits[0] in "789"
    return value == -1 or abs(value) in FILLS or (repeated and (value < 0 or len(digits) > 1))
