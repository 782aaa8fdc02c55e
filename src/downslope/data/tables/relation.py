"""A table on disk as a relation that duckdb reads: every cell as text, made into numbers on the way out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables import cells
from downslope.data.tables.arrow import read_batches
from downslope.data.tables.cells import UNKNOWN_LEVEL
from downslope.data.tables.conditions import Condition
from downslope.data.tables.layout import Layout
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.tables.readers import csv_rows, is_number, is_plain, parquet_rows
from downslope.data.tables.wide import is_wide, numbers_of_cells

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

__all__ = ["MAX_LEVELS", "UNKNOWN_LEVEL", "BatchError", "Relation", "level_order"]

Array = NDArray[np.float64]

# More levels than this are names or numbers of rows, not categories.
MAX_LEVELS = 1000


# How a cell becomes a number, see `cells`.
How = Literal["plain", "quick", "padded"]


class BatchError(Exception):
    """A failure of duckdb's in the middle of a stream of its rows."""


@dataclass(frozen=True)
class Relation:
    """The rows of one table; its columns are called by their names in the header.

    Inside duckdb they are `c0`, `c1`, …, since its own names do not tell upper from lower case.
    """

    layout: Layout
    connection: "DuckDBPyConnection"
    place: str
    """The path as duckdb is told it."""
    notation: Notation = PLAIN
    conditions: tuple[Condition, ...] = ()
    """What the rows meet: others are not there."""

    @cached_property
    def rows(self) -> "DuckDBPyRelation":
        """All of them."""
        read = parquet_rows if self.layout.kinds else csv_rows
        return self.meeting(read(self.connection, self.layout, self.place))

    @cached_property
    def unread(self) -> "DuckDBPyRelation":
        """The same with NA and the like as they stand there; only an empty cell is nothing."""
        if self.layout.kinds:
            return self.rows
        return self.meeting(csv_rows(self.connection, self.layout, self.place, missing=("",)))

    def meeting(self, rows: "DuckDBPyRelation") -> "DuckDBPyRelation":
        """Those that meet all conditions; a missing value meets none."""
        return rows.filter(" AND ".join(map(self.meets, self.conditions))) if self.conditions else rows

    def meets(self, condition: Condition) -> str:
        """Whether a row meets a condition, in SQL."""
        name, sign, value = condition.column, condition.sign, condition.value
        if isinstance(value, str):
            known = cells.level(self.column(name), self.codes(name))
            return f"coalesce({known} {sign} {cells.quoted(value)}, false)"
        number = self.number(name, "padded")
        return f"coalesce(NOT isnan({number}) AND {number} {sign} {value!r}::DOUBLE, false)"

    @cached_property
    def places(self) -> dict[str, int]:
        """Where the columns stand."""
        # Of names that stand there twice the first one counts; who asks for one of these has been refused.
        return {name: place for place, name in reversed(list(enumerate(self.layout.names)))}

    def codes(self, name: str) -> tuple[str, ...]:
        """What means a missing value in a column."""
        return self.notation.codes(name, self.layout.names) if self.notation.na else ()

    def levels(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The values of columns of categories, numbers first in their order, then words in theirs."""
        if not names:
            return {}
        selected = ", ".join(f"list(DISTINCT {cells.level(self.column(name), self.codes(name))})" for name in names)
        (found,) = self.rows.aggregate(selected).fetchall()
        levels = {
            name: tuple(sorted(filter(None, values), key=level_order))
            for name, values in zip(names, found, strict=True)
        }
        return levels

    def fetch(self, numbers: Sequence[str], levels: Mapping[str, tuple[str, ...]]) -> dict[str, Array]:
        """Columns as float64, read in one pass over the file; a missing value is NaN.

        Text in a column of `numbers` comes back as a masked value; a column of `levels` as the place of each
        level, `UNKNOWN_LEVEL` for another one.
        """
        places = {
            name: cells.place_of_level(self.column(name), known, self.codes(name)) for name, known in levels.items()
        }
        columns = self._fetch_cells(numbers) if self.is_wide(numbers) else None
        if columns is not None:
            columns |= self._fetch(places)
        else:
            columns = self._fetch_columns(numbers, places)
        for name in numbers if self.notation.na else ():
            columns[name] = self._without_codes(name, columns[name])
        return columns

    def is_wide(self, numbers: Sequence[str]) -> bool:
        """Whether columns are read one below the other: so many, all of them written alike, of all rows."""
        return is_wide(self.layout, len(numbers)) and not self.conditions and not self.notation.dates

    def _fetch_cells(self, numbers: Sequence[str]) -> dict[str, Array] | None:
        """Columns of numbers, one below the other."""
        # All without codes of their own share an expression.
        expressions = [
            cells.truth("cell", self.codes(name))
            if name in self.layout.truths
            else cells.padded_number("cell", self.notation, self.codes(name))
            for name in numbers
        ]
        found = numbers_of_cells(self.connection, self.layout, [self.places[name] for name in numbers], expressions)
        return None if found is None else dict(zip(numbers, found, strict=True))

    def _fetch_columns(self, numbers: Sequence[str], places: dict[str, str]) -> dict[str, Array]:
        """Columns of numbers, and those of levels by their expressions."""
        quick = self.notation.usual
        columns = self._fetch({name: self.number(name, "quick" if quick else "padded") for name in numbers} | places)
        # Blank cells, codes and padded null strings are rare: only what seems to hold text is read this slower way.
        if quick and any(np.ma.is_masked(column) for column in columns.values()):
            columns = self._fetch({name: self.number(name, "padded") for name in numbers} | places)
        return columns

    def number(self, name: str, how: How) -> str:
        """A column as numbers, in SQL: NULL is text, and of "plain" ones perhaps a missing value."""
        if self.holds_numbers(name):
            return f"coalesce({self.name(name)}::DOUBLE, 'nan'::DOUBLE)"
        cell = self.column(name)
        if name in self.notation.dated:
            return cells.days(cell, self.codes(name), self.notation.first_day(name))
        if name in self.layout.truths:
            return cells.truth(cell, self.codes(name))
        if how == "plain":
            return f"try_cast({cell} AS DOUBLE)"
        return cells.number(cell) if how == "quick" else cells.padded_number(cell, self.notation, self.codes(name))

    def _without_codes(self, name: str, column: Array) -> Array:
        """A column with NaN for the numbers that mean a missing value."""
        known = [self.notation.number(code) for code in self.codes(name)]
        coded = np.isin(np.ma.getdata(column), [value for value in known if value is not None])
        coded &= ~np.ma.getmaskarray(column)
        if not coded.any():
            return column
        values = np.where(coded, np.nan, np.ma.getdata(column))
        return np.ma.array(values, mask=np.ma.getmaskarray(column)) if np.ma.is_masked(column) else values

    def stream(self, numbers: Sequence[str], levels: Mapping[str, tuple[str, ...]]) -> Iterator[list[Array]]:
        """The columns of `fetch`, those of `numbers` first, a batch of rows at a time.

        Where a cell is neither quickly read nor missing the rest is read the slower way; text is masked then.
        """
        places = [cells.place_of_level(self.column(name), known, self.codes(name)) for name, known in levels.items()]
        done = 0
        for how in self._ways():
            passed, doubtful = 0, False
            # What is NULL among numbers of the file itself is missing, for which duckdb need not look at each.
            own = [j for j, name in enumerate(numbers) if self.holds_numbers(name)]
            wanted = [
                f"{self.name(name)}::DOUBLE" if j in own else self.number(name, how) for j, name in enumerate(numbers)
            ]
            batches = self._plain_batches if how == "plain" else self._batches
            for batch in batches([*wanted, *places], own):
                if not batch:
                    doubtful = True
                    break
                n_rows = len(batch[0])
                doubtful = how != "padded" and any(np.ma.is_masked(column) for column in batch)
                if doubtful:
                    break
                if passed + n_rows > done:
                    batch = [column[max(done - passed, 0) :] for column in batch]
                    for j, name in enumerate(numbers) if self.notation.na else ():
                        batch[j] = self._without_codes(name, batch[j])
                    yield batch
                    done = passed + n_rows
                passed += n_rows
            if not doubtful:
                return

    def _ways(self) -> Sequence[How]:
        """The ways to read cells, the fastest first, each for rows that are plain enough for it."""
        if not self.notation.usual:
            return ("padded",)
        return ("plain", "quick", "padded") if not self.layout.kinds and is_plain(self.layout) else ("quick", "padded")

    def _batches(self, expressions: Sequence[str], own: Sequence[int]) -> Iterator[list[Array]]:
        """The values of some expressions, row after row; NULL is NaN in those of `own` places, and masked elsewhere."""
        try:
            yield from read_batches(self.rows.project(selected(expressions)), own)
        except RuntimeError as error:
            raise BatchError(str(error).partition(": ")[2]) from error

    def _plain_batches(self, expressions: Sequence[str], own: Sequence[int]) -> Iterator[list[Array]]:
        """The same where all cells are numbers as programs write them; nothing, as the last batch, where they are not.

        In one statement duckdb makes numbers of cells while it reads them, and fails at one that it makes none of,
        try_cast or not (2.0.1). That takes two thirds of the time.
        """
        from duckdb import Error

        try:
            statement = f"SELECT {selected(expressions)} FROM ({self.unread.sql_query()})"
            yield from read_batches(self.connection.sql(statement), own)
        except (RuntimeError, Error):
            # What is wrong is said by who reads more slowly.
            yield []

    def first_days(self, names: Sequence[str]) -> dict[str, float | None]:
        """The first day of columns of dates, in days since 1970; None where there is none."""
        wanted = [f"floor(min(CASE WHEN isnan({days}) THEN NULL ELSE {days} END))" for days in map(self._days, names)]
        (found,) = self.rows.aggregate(", ".join(wanted)).fetchall()
        return dict(zip(names, found, strict=True))

    def _days(self, name: str) -> str:
        """The days of a column since 1970, in SQL."""
        return cells.days(self.column(name), self.codes(name), 0.0)

    def count(self, conditions: Sequence[str]) -> tuple[int, ...]:
        """In how many rows each of some conditions holds, in SQL."""
        selected = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        (found,) = self.rows.aggregate(selected).fetchall()
        return tuple(found)

    def texts(self, names: Sequence[str]) -> list[list[str | None]]:
        """The cells of some columns as they stand there; None for an empty one."""
        if not names:
            return []
        rows = self.unread.project(", ".join(self.column(name) for name in names)).fetchall()
        return [list(cells) for cells in zip(*rows, strict=True)] if rows else [[] for _ in names]

    def text_batches(self, names: Sequence[str]) -> Callable[[int], dict[str, list[str | None]]]:
        """What gives the cells of some columns of the next so many rows, from the first one on."""
        if not names:
            return lambda _: {}
        # A relation begins anew with each call; a connection goes on.
        self.connection.execute(self.unread.project(", ".join(map(self.column, names))).sql_query())

        def next_cells(n_rows: int) -> dict[str, list[str | None]]:
            found = self.connection.fetchmany(n_rows)
            return {name: list(own) for name, own in zip(names, zip(*found, strict=True), strict=True)}

        return next_cells

    def rounded(self, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        """The columns with integers that no float64 is: how many, and the first of them."""
        if not names:
            return {}
        selected = []
        for name in names:
            cell = f"trim({self.column(name)})"
            whole = f"try_cast({cell} AS HUGEINT)"
            moved = f"regexp_full_match({cell}, '[-+]?[0-9]+') AND {whole} <> try_cast({whole}::DOUBLE AS HUGEINT)"
            selected += [f"count(*) FILTER (WHERE {moved})", f"first({cell}) FILTER (WHERE {moved})"]
        (found,) = self.rows.aggregate(", ".join(selected)).fetchall()
        counted = zip(names, found[::2], found[1::2], strict=True)
        return {name: (count, str(first)) for name, count, first in counted if count}

    def cell(self, name: str, row: int) -> str:
        """What stands in a row, counted from 0."""
        ((text,),) = self.rows.project(self.column(name)).limit(1, offset=row).fetchall()
        return str(text)

    def _fetch(self, expressions: dict[str, str]) -> dict[str, Array]:
        if not expressions:
            return {}
        selected = ", ".join(f"{expression} AS v{j}" for j, expression in enumerate(expressions.values()))
        found: dict[str, Any] = self.rows.project(selected).fetchnumpy()
        return {name: found[f"v{j}"] for j, name in enumerate(expressions)}

    def column(self, name: str) -> str:
        """The cells of a column as text, inside duckdb."""
        return f"{self.name(name)}::VARCHAR" if self.holds_numbers(name) else self.name(name)

    def name(self, name: str) -> str:
        """What a column is called inside duckdb."""
        return f"c{self.places[name]}"

    def is_text(self, name: str) -> str:
        """Whether a cell of a column of numbers is text, in SQL."""
        cell = self.column(name)
        if name in self.notation.dated:
            return f"({self.number(name, 'padded')}) IS NULL"
        text = cells.is_text(cell, self.notation, self.codes(name))
        return f"{text} AND {cells.truth(cell, ())} IS NULL" if name in self.layout.truths else text

    def holds_numbers(self, name: str) -> bool:
        """Whether a column is one of numbers in the file itself."""
        return bool(self.layout.kinds) and is_number(self.layout.kinds[self.places[name]])


def selected(expressions: Sequence[str]) -> str:
    """Expressions of SQL as columns v0, v1 and so on."""
    return ", ".join(f"{expression} AS v{j}" for j, expression in enumerate(expressions))


def level_order(level: str) -> tuple[bool, float, str]:
    """The key that sorts levels: numbers in their order, then words in theirs."""
    try:
        return (False, float(level), level)
    except ValueError:
        return (True, 0.0, level)
