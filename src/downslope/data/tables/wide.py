"""Tables of many columns and few rows: their cells one below the other, since duckdb pays for columns."""

import csv
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.layout import Layout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["is_wide", "numbers_of_cells"]

Array = NDArray[np.float64]

# Measured, 20 rows: 10,000 columns cost duckdb 11 s of processor time, their cells one below the other 0.3 s.
LEAST_COLUMNS = 300
# All cells are held as texts, of about 60 bytes each.
MOST_BYTES = 2**25


def is_wide(layout: Layout, n_columns: int) -> bool:
    """Whether so many columns of a file are read faster cell by cell."""
    return n_columns >= LEAST_COLUMNS and not layout.kinds and layout.file.stat().st_size <= MOST_BYTES


def numbers_of_cells(
    connection: "DuckDBPyConnection", layout: Layout, places: list[int], expressions: list[str]
) -> list[Array] | None:
    """The columns at some places as numbers, masked where they hold text; None for a file that duckdb has to refuse.

    Each expression makes a number of the text ``cell``; columns that share one are read together.
    """
    rows = _rows(layout)
    if rows is None:
        return None
    found: dict[int, Array] = {}
    for expression in dict.fromkeys(expressions):
        own = [place for place, wanted in zip(places, expressions, strict=True) if wanted == expression]
        cells = np.array([row[place] for place in own for row in rows], dtype=object)
        connection.register("cells", {"cell": cells})
        values = connection.sql(f"SELECT {expression} AS value FROM cells").fetchnumpy()["value"]
        connection.unregister("cells")
        found |= dict(zip(own, values.reshape(len(own), len(rows)), strict=True))
    return [found[place] for place in places]


def _rows(layout: Layout) -> list[list[str]] | None:
    """The cells of all rows but the header's; None where they are not all of its length."""
    try:
        with layout.file.open(encoding="utf-8-sig", newline="") as text:
            rows = [row for row in csv.reader(text, delimiter=layout.delimiter, strict=True) if row]
    except (csv.Error, UnicodeDecodeError):
        return None
    wanted = len(layout.names)
    return rows[1:] if all(len(row) == wanted for row in rows) else None
