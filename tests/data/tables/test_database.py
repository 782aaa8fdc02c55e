"""Rows of queries: the same bits as the same rows from a file, from every database, and as a server gives them."""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from downslope import GradientDescentRegressor, scan, scan_sql
from downslope.data.tables import database as module
from downslope.exceptions import DownslopeWarning, FileError, InputError
from tests.data.tables.test_scan import ROWS

Array = np.ndarray
QUERY = "SELECT a, b, whole, w, y FROM rows ORDER BY place"
REAL = "DOUBLE PRECISION"
CREATE = f"CREATE TABLE rows (place INTEGER, a {REAL}, b {REAL}, whole INTEGER, w {REAL}, y {REAL})"


def tuples() -> list[tuple[Any, ...]]:
    return list(zip(range(ROWS.num_rows), *(ROWS[name].to_pylist() for name in ROWS.column_names), strict=True))


def fill(connection: Any, mark: str = "?") -> Any:
    """A table of these rows, which lie there in another order."""
    cursor = connection.cursor()
    cursor.execute(CREATE)
    cursor.executemany(f"INSERT INTO rows VALUES ({', '.join([mark] * 6)})", tuples()[::-1])
    connection.commit()
    return connection


def fit(rows: Any, **options: Any) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        model = GradientDescentRegressor(**options).fit(rows)
    return np.append(model.history_.coef, model.history_.intercept)


def assert_same(database: Any) -> None:
    for options in ({}, {"loss": "huber", "max_iter": 20}):
        rows = scan_sql(database, QUERY, target="y", weight="w")
        np.testing.assert_array_equal(fit(rows, **options), fit(scan(ROWS, target="y", weight="w"), **options))
        assert rows.passes == 1
        # The query can be made again.
        assert sum(block.y.size for block in rows.blocks()) == rows.n_rows


def test_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with closing(fill(sqlite3.connect(path))) as connection:
        assert_same(connection)
    assert_same(path)
    assert_same(str(path))


def test_duckdb(tmp_path: Path) -> None:
    path = tmp_path / "rows.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.register("given", ROWS)
        connection.execute("CREATE TABLE rows AS SELECT row_number() OVER () AS place, * FROM given")
        assert_same(connection)
    assert_same(path)


def test_what_is_registered_and_what_breaks_off_in_duckdb() -> None:
    with duckdb.connect() as connection:
        connection.register("given", ROWS)
        assert scan_sql(connection, "FROM given", target="y").schema.names == ("a", "b", "whole", "w")
        late = "SELECT CAST(CASE WHEN i = 90000 THEN 'u' ELSE '1' END AS DOUBLE) AS x, i AS y FROM range(100000) r(i)"
        with pytest.raises(InputError, match=r"the query (broke off while|.*refuses).*'u'"):
            fit(scan_sql(connection, late, target="y"))


@pytest.mark.parametrize("cell", [10**400, 1j, "1", b"1"])
def test_cells_that_are_no_float_are_refused(cell: Any) -> None:
    with pytest.raises(InputError, match=r"column 'x' of the query holds .* in row 8, which is no number"):
        module.as_numbers([1, cell], "x", 6)


def test_any_cursor_of_the_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells as drivers give them; batches of a few rows."""
    monkeypatch.setattr(module, "AT_ONCE", 3)
    rows = [(1, Decimal("1.5"), True), (2, None, False), (3, 4.25, None), (2**70, 1, True), (5, 6, True)]

    class Cursor:
        description = (("x",), ("y",), ("yes",))

        def execute(self, query: str) -> None:
            self.left = list(rows)

        def fetchmany(self, size: int) -> list[Any]:
            part, self.left = self.left[:size], self.left[size:]
            return part

        def close(self) -> None:
            self.left = []

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor()

    (block,) = scan_sql(Connection(), "", target="y", missing="drop").blocks()
    np.testing.assert_array_equal(block.X, [[1, 1], [2.0**70, 1], [5, 1]])
    np.testing.assert_array_equal(block.y, [1.5, 1, 6])


@pytest.mark.parametrize(
    ("query", "options", "said"),
    [
        ("SELECT * FROM nowhere", {}, r"the database refuses the query \(no such table: nowhere\): correct it"),
        ("SELECT a, y FROM rows", {"target": "z"}, "the query has no column 'z': the columns are 'a', 'y'"),
        ("SELECT a, a, y FROM rows", {}, "the query has several columns named 'a'"),
        ("SELECT y FROM rows", {}, "no feature is left beside 'y'"),
        ("SELECT a, 'u' AS k, y FROM rows", {}, r"column 'k' of the query holds 'u' in row 1, which is no number"),
    ],
)
def test_queries_that_cannot_be_used(query: str, options: dict[str, Any], said: str) -> None:
    with (
        closing(fill(sqlite3.connect(":memory:"))) as connection,
        pytest.raises(InputError, match=said),
    ):
        fit(scan_sql(connection, query, **{"target": "y", **options}))


def test_what_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2\n")
    for place in (path, tmp_path / "missing.db"):
        with pytest.raises(FileError, match="is no file of SQLite or DuckDB"):
            scan_sql(place, QUERY, target="y")
    with pytest.raises(InputError, match="int is no database"):
        scan_sql(3, QUERY, target="y")
    with (
        closing(fill(sqlite3.connect(":memory:"))) as connection,
        pytest.raises(FileError, match="the query has a header and no rows"),
    ):
        scan_sql(connection, "SELECT a, y FROM rows WHERE a > 1e9", target="y")


# ---------------------------------------------------------------------------------------------------------- a server
def programs() -> Path | None:
    """Where PostgreSQL keeps its programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server of our own, on a free port of this machine."""
    at = programs()
    if at is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # PostgreSQL refuses to run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="downslope-postgresql-", dir="/tmp"))
    folder.chmod(0o777)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    try:
        subprocess.run(
            [*user, at / "initdb", "-D", data, "-U", "downslope", "-A", "trust", "-N"], check=True, capture_output=True
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        start = [*user, at / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"postgresql://downslope@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                [*user, at / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=True, capture_output=True
            )
    finally:
        time.sleep(0.1)
        shutil.rmtree(folder, ignore_errors=True)


def test_postgresql(server: str) -> None:
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    with closing(fill(psycopg.connect(server), "%s")) as connection:
        assert_same(connection)
        with pytest.raises(InputError, match=r"the database refuses the query \(relation .nowhere. does not exist"):
            scan_sql(connection, "SELECT * FROM nowhere", target="y")
    adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="adbc-driver-postgresql is not installed")
    with closing(adbc.connect(server)) as connection:
        assert_same(connection)
