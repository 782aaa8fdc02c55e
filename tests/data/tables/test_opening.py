"""What reads a table reads that file and nothing else, and writes nothing."""

from pathlib import Path

import duckdb
import pytest

from downslope.data.tables.opening import layout_of, open_plain
from tests.data.conftest import WriteTable


@pytest.mark.parametrize("name", ["t.csv", "a*b[1]?.csv", "it's.csv"])
def test_the_database_is_locked_to_its_file(name: str, write: WriteTable, tmp_path: Path) -> None:
    other, path = write("x,y\n8,9\n", "other.csv"), write("x,y\n1,2\n", name)
    with open_plain(layout_of(path, path)) as table:
        assert table.rows.fetchall() == [("1", "2")]
        for query in (
            f"FROM read_csv('{other}')",
            "FROM read_text('/etc/hostname')",
            f"COPY (SELECT 1) TO '{tmp_path / 'written'}'",
            f"ATTACH '{tmp_path / 'new.db'}'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                table.connection.execute(query).fetchall()
    assert {one.name for one in tmp_path.iterdir()} == {"other.csv", name}
