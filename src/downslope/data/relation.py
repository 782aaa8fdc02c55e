"""A table on disk as a relation that duckdb reads: every cell as text, made into numbers on the way out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from downslope.data.columns import as_option
from downslope.data.layout import Layout, explain_failure, read_layout
from downslope.exceptions import InputError, MissingDependencyError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

__all__ = ["MAX_LEVELS", "UNKNOWN_LEVEL", "Relation", "open_table"]

Array = NDArray[np.float64]

# What a missing value is written as: pandas' defaults and the question mark of older data sets.
NULLS = (
    *("", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "NaN", "nan"),
    *("<NA>", "N/A", "n/a", "NA", "NULL", "null", "None"),
)
# More levels than this are names or numbers of rows, not categories.
MAX_LEVELS = 1000
# The code of a level that is not among those asked for.
UNKNOWN_LEVEL = -1.0


@dataclass(frozen=True)
class Relation:
    """The rows of one table; its columns are called by their names in the header.

    Inside duckdb they are `c0`, `c1`, …, since its own names do not tell upper from lower case.
    """

    layout: Layout
    rows: "DuckDBPyRelation"

    def levels(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The values of columns of categories, numbers first in their order, then words in theirs.

        Raises
        ------
        InputError
            For more than `MAX_LEVELS` in a column.
        """
        if not names:
            return {}
        selected = ", ".join(f"list(DISTINCT {_level(self._column(name))})" for name in names)
        (found,) = self.rows.aggregate(selected).fetchall()
        levels = {
            name: tuple(sorted(filter(None, values), key=_level_order))
            for name, values in zip(names, found, strict=True)
        }
        for name, known in levels.items():
            if len(known) > MAX_LEVELS:
                raise InputError(
                    f"column {name!r} of {self.layout.path} has {len(known):,} different values and at most "
                    f"{MAX_LEVELS:,} can be encoded: leave it out with --exclude {as_option(name)}"
                )
        return levels

    def fetch(self, numbers: Sequence[str], levels: Mapping[str, tuple[str, ...]]) -> dict[str, Array]:
        """Columns as float64, read in one pass over the file; a missing value is NaN.

        Text in a column of `numbers` comes back as a masked value; a column of `levels` as the place of each
        level, `UNKNOWN_LEVEL` for another one.
        """
        codes = {name: _code(self._column(name), known) for name, known in levels.items()}
        columns = self._fetch({name: _number(self._column(name)) for name in numbers} | codes)
        # Blank cells and padded null strings are rare: only rows that seem to hold text are read this slower way.
        if any(np.ma.is_masked(column) for column in columns.values()):
            columns = self._fetch({name: _padded_number(self._column(name)) for name in numbers} | codes)
        return columns

    def cell(self, name: str, row: int) -> str:
        """What stands in a row, counted from 0."""
        ((text,),) = self.rows.project(self._column(name)).limit(1, offset=row).fetchall()
        return str(text)

    def _fetch(self, expressions: dict[str, str]) -> dict[str, Array]:
        selected = ", ".join(f"{expression} AS v{j}" for j, expression in enumerate(expressions.values()))
        found: dict[str, Any] = self.rows.project(selected).fetchnumpy()
        return {name: found[f"v{j}"] for j, name in enumerate(expressions)}

    def _column(self, name: str) -> str:
        return f"c{self.layout.names.index(name)}"


@contextmanager
def open_table(path: Any) -> Iterator[Relation]:
    """Open a table for reading; a failure to read it inside the block becomes a sentence.

    Raises
    ------
    FileError
        For a file that cannot be read or is no table.
    MissingDependencyError
        Without duckdb.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingDependencyError(
            "tables are read with duckdb, which is not installed: install it, or Downslope with its extra [data]"
        ) from error
    layout = read_layout(path)
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        try:
            yield Relation(layout, _csv(connection, layout))
        except duckdb.Error as error:
            cause = str(error).strip().splitlines() or [type(error).__name__]
            raise explain_failure(layout, cause[0]) from error


def _csv(connection: "DuckDBPyConnection", layout: Layout) -> "DuckDBPyRelation":
    """The relation over a text table; nothing about it is guessed, so that no row is ever skipped in silence."""
    # A path is one file: duckdb would take these for patterns.
    path = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(layout.path.absolute()))
    columns = ", ".join(f"'c{j}': 'VARCHAR'" for j in range(len(layout.names)))
    return connection.sql(
        f"FROM read_csv({_quoted(path)}, auto_detect = false, columns = {{{columns}}}, header = true, "
        f"skip = {layout.blank_lines}, delim = {_quoted(layout.delimiter)}, quote = '\"', escape = '\"', "
        f"nullstr = [{_NULLS}], hive_partitioning = false, compression = 'none')"
    )


def _level_order(level: str) -> tuple[bool, float, str]:
    try:
        return (False, float(level), level)
    except ValueError:
        return (True, 0.0, level)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_NULLS = ", ".join(map(_quoted, NULLS))
_NULL_PATTERN = _quoted("|".join(map(re.escape, NULLS)))


# Each of these is NaN for a missing value and NULL for text.
def _number(cell: str) -> str:
    # duckdb reads '2020_01' as 202001.
    return (
        f"CASE WHEN {cell} IS NULL THEN 'nan'::DOUBLE WHEN contains({cell}, '_') THEN NULL "
        f"ELSE try_cast({cell} AS DOUBLE) END"
    )


def _padded_number(cell: str) -> str:
    return f"CASE WHEN {_level(cell)} IS NULL THEN 'nan'::DOUBLE ELSE {_number(cell)} END"


def _level(cell: str) -> str:
    # Not IN (…) and no list: duckdb makes a join of a long one, and a join gives the rows back in another order.
    return f"CASE WHEN regexp_full_match(trim({cell}), {_NULL_PATTERN}) THEN NULL ELSE trim({cell}) END"


def _code(cell: str, levels: Sequence[str]) -> str:
    if not levels:
        return f"CASE WHEN {_level(cell)} IS NULL THEN 'nan'::DOUBLE ELSE {UNKNOWN_LEVEL} END"
    kind = f"ENUM({', '.join(map(_quoted, levels))})"
    code = f"coalesce(enum_code(try_cast(trim({cell}) AS {kind}))::DOUBLE, {UNKNOWN_LEVEL})"
    return f"CASE WHEN {_level(cell)} IS NULL THEN 'nan'::DOUBLE ELSE {code} END"
