"""What duckdb is told to read: a text table, in which nothing is guessed, or a Parquet file."""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from downslope.data.tables.cells import NULLS, quoted
from downslope.data.tables.layout import Layout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

__all__ = ["csv_rows", "is_number", "is_plain", "parquet_layout", "parquet_rows"]

# Files that lie in memory anyway when they are read: a quarter of it, or so much where nobody knows how much there is.
SHARE, MOST_BYTES = 0.25, 2**30
NUMBERS = frozenset(
    (
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    )
)


def csv_rows(
    connection: "DuckDBPyConnection", layout: Layout, place: str, missing: Sequence[str] = NULLS
) -> "DuckDBPyRelation":
    """The relation over a text table; nothing about it is guessed, so that no row is ever skipped in silence."""
    columns = ", ".join(f"'c{j}': 'VARCHAR'" for j in range(len(layout.names)))
    return connection.sql(
        f"FROM read_csv({quoted(place)}, auto_detect = false, columns = {{{columns}}}, header = true, "
        f"skip = {layout.blank_lines}, delim = {quoted(layout.delimiter)}, quote = '\"', escape = '\"', "
        f"nullstr = [{', '.join(map(quoted, missing))}], hive_partitioning = false, compression = 'none')"
    )


def parquet_layout(connection: "DuckDBPyConnection", path: Path, file: Path, place: str) -> Layout:
    """The columns of a Parquet file and their types."""
    told = connection.sql(f"FROM read_parquet({quoted(place)}, hive_partitioning = false)")
    return Layout(path, "", tuple(told.columns), frozenset(), 0, file, tuple(map(str, told.types)))


def parquet_rows(connection: "DuckDBPyConnection", layout: Layout, place: str) -> "DuckDBPyRelation":
    """The relation over a Parquet file: columns that are no numbers as text."""
    columns = ", ".join(
        f"{identifier(name)}{'' if is_number(kind) else '::VARCHAR'} AS c{j}"
        for j, (name, kind) in enumerate(zip(layout.names, layout.kinds, strict=True))
    )
    return connection.sql(f"SELECT {columns} FROM read_parquet({quoted(place)}, hive_partitioning = false)")


def is_plain(layout: Layout) -> bool:
    """Whether no cell of a text table can be a number that duckdb reads otherwise than others: 2020_01 as 202001.

    Looking through a file is a part of reading it that grows with its size, so that large ones are not asked.
    """
    if layout.file.stat().st_size > most_bytes():
        return False
    with layout.file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        # The names of columns may have any.
        header = text.find(b"\n")
        return header >= 0 and text.find(b"_", header) < 0


def most_bytes() -> float:
    """Bytes of a file that are still in memory when they are read for the second time."""
    try:
        return SHARE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return MOST_BYTES


def is_number(kind: str) -> bool:
    """Whether a type of duckdb is one of numbers, or of truth values."""
    return kind.partition("(")[0] in NUMBERS


def identifier(name: str) -> str:
    """The name of a column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
