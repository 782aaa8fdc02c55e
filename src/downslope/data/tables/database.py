"""`scan_sql`: the rows of a query as a source, from DuckDB, SQLite and any database that has a cursor of Python's."""

import os
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.arrow import ArrowBatches, choose_of
from downslope.data.tables.opening import import_duckdb
from downslope.data.tables.scratch import Scratch
from downslope.data.tables.stream import Batch, Batches, StreamSource
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding, Remedy

__all__ = ["scan_sql"]

Array = NDArray[np.float64]

# Rows that a cursor is asked for at once.
AT_ONCE = 10_000
SQLITE, DUCKDB = b"SQLite format 3\0", b"DUCK"
LONGEST_CELL = 40


def scan_sql(
    database: Any,
    query: str,
    *,
    target: str,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    weight: str | None = None,
    missing: Literal["drop", "mean"] | None = None,
    scratch: Literal["auto"] | str | os.PathLike[str] = "auto",
) -> StreamSource:
    """The rows of a query for `fit`, read when they are needed, and never all in memory.

    The query is made anew for each read. Its rows should come in the same order each time (``ORDER BY``): the bits of a
    fit depend on it.

    Parameters
    ----------
    database : path, or a connection
        A file of SQLite or DuckDB, a connection of duckdb, or any connection with a ``cursor()`` as Python's DB-API
        has it (sqlite3, psycopg and others).
    query : str
        What gives the rows, such as ``SELECT * FROM flights WHERE delay IS NOT NULL``.
    target, features, exclude, weight, missing, scratch
        As in `scan`.

    Returns
    -------
    Source
        For `fit`, `predict`, `diagnose` and `sweep`.

    Raises
    ------
    FileError
        For a file that is no database.
    InputError
        For columns that are absent or hold no numbers, and for a query that the database refuses.
    MissingDependencyError
        For a file of DuckDB without duckdb.

    Examples
    --------
    >>> import sqlite3
    >>> from downslope import GradientDescentRegressor, scan_sql
    >>> connection = sqlite3.connect(":memory:")
    >>> _ = connection.execute("CREATE TABLE line AS SELECT 1 AS x, 3 AS y UNION ALL SELECT 2, 5 UNION ALL SELECT 3, 7")
    >>> model = GradientDescentRegressor().fit(scan_sql(connection, "SELECT * FROM line", target="y"))
    >>> connection.close()
    >>> model.coef_.round(6).tolist(), round(model.intercept_, 6)
    ([2.0], 1.0)
    """
    chosen: dict[str, Any] = {"features": features, "exclude": exclude, "weight": weight}
    if isinstance(database, str | os.PathLike):
        database = opened(Path(database))
    table: Batches
    if type(database).__module__.partition(".")[0] in ("duckdb", "_duckdb"):
        table = ArrowBatches(Relations(database, query), target, place=CursorBatches.place, **chosen)
    elif type(database).__module__.startswith("adbc_"):
        table = ArrowBatches(Fetched(database, query), target, place=CursorBatches.place, **chosen)
    elif hasattr(database, "cursor"):
        table = CursorBatches(database, query, target, **chosen)
    else:
        raise InputError(Finding.of("tables.no_database", kind=type(database).__name__))
    return StreamSource(table, missing=missing, scratch=Scratch.of(scratch))


def opened(path: Path) -> Any:
    """A connection to a file, which can only read it."""
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise FileError(Finding.of("tables.no_database_file", path=str(path))) from error
    if head.startswith(SQLITE):
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    if head[8:12] != DUCKDB:
        raise FileError(Finding.of("tables.no_database_file", path=str(path)))
    return import_duckdb().connect(str(path), read_only=True)


class Relations:
    """The rows of a query of DuckDB, which is made anew each time that they are asked for."""

    def __init__(self, connection: Any, query: str) -> None:
        self.connection, self.query = connection, query

    def to_reader(self) -> Any:
        """The rows as Arrow batches; a cursor of their own leaves the connection free."""
        import duckdb

        try:
            return self.connection.cursor().sql(self.query)
        except duckdb.Error:
            # What was registered is known to the connection alone.
            return self._by_connection()

    def _by_connection(self) -> Any:
        try:
            return self.connection.sql(self.query)
        except Exception as error:
            raise InputError(Finding.of("tables.query_refused", cause=first_line(error))) from error


class Fetched:
    """The rows of a query by a cursor that gives Arrow batches."""

    def __init__(self, connection: Any, query: str) -> None:
        self.connection, self.query = connection, query

    def __iter__(self) -> Iterator[Any]:
        """The rows as Arrow batches, which are there as long as their cursor is."""
        with closing(executed(self.connection, self.query)) as cursor:
            yield cursor.fetch_arrow()


def executed(connection: Any, query: str) -> Any:
    """A cursor at the first row of a query.

    Raises
    ------
    InputError
        For a query that the database refuses.
    """
    # One with a name fetches as it goes where the usual one would fetch all rows at once (psycopg).
    named = type(connection).__module__.partition(".")[0] in ("psycopg", "psycopg2")
    cursor = connection.cursor("downslope") if named else connection.cursor()
    try:
        cursor.execute(query)
    except Exception as error:
        cursor.close()
        raise InputError(Finding.of("tables.query_refused", cause=first_line(error))) from error
    return cursor


class CursorBatches:
    """The rows of a query that a cursor fetches, some thousands at a time."""

    rereads: Literal["dear", "never"] = "dear"
    place = Finding.of("tables.the_query")

    selected, n_bytes = False, 0

    def __init__(
        self,
        connection: Any,
        query: str,
        target: str,
        *,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        weight: str | None = None,
    ) -> None:
        self.connection, self.query, self.target, self.weight = connection, query, target, weight
        with closing(executed(connection, query)) as cursor:
            first = cursor.fetchmany(1)
            self.columns = [str(column[0]) for column in cursor.description or ()]
        if not first:
            raise FileError(Finding.of("tables.no_rows", path=self.place))
        self.names = choose_of(self.columns, self.place, target, features, exclude, weight)

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self.weight is not None

    def rows_about(self) -> int:
        """Nothing tells."""
        return 0

    def read(self, start: int = 0) -> Generator[Batch, None, None]:
        """The rows from the first one on: there is one file."""
        places = [self.columns.index(name) for name in (*self.names, self.target)]
        n_read = 0
        with closing(executed(self.connection, self.query)) as cursor:
            while rows := cursor.fetchmany(AT_ONCE):
                cells = list(zip(*rows, strict=True))
                *features, y = (as_numbers(cells[place], self.columns[place], n_read) for place in places)
                own = self.weight
                weight = None if own is None else as_numbers(cells[self.columns.index(own)], own, n_read)
                n_read += len(rows)
                yield Batch(features, y, weight)


def as_numbers(cells: Sequence[Any], name: str, n_before: int) -> Array:
    """Cells of a database as float64, NaN for NULL.

    Raises
    ------
    InputError
        For a cell that holds no number.
    """
    if set(map(type, cells)) <= {float, bool}:
        return np.array(cells, dtype=np.float64)
    numbers = np.empty(len(cells))
    for k, cell in enumerate(cells):
        number = number_of(cell)
        if number is None:
            told = {"name": name, "cell": repr(cell)[:LONGEST_CELL], "row": n_before + k + 1}
            raise InputError(Finding.of("tables.cell_of_query", Remedy("exclude", [name]), **told))
        numbers[k] = number
    return numbers


def number_of(cell: Any) -> float | None:
    """A cell as float64, NaN for NULL; None for what is no number, as a text that looks like one."""
    if cell is None:
        return np.nan
    try:
        return float(cell) if isinstance(cell, Real | Decimal) else None
    except OverflowError:
        return None


def first_line(error: BaseException) -> str:
    """What a database said, in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
