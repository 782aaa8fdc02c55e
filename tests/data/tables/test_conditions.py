"""Conditions leave out the rows that do not meet them, and dates are days: in files that are fetched and in streams."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from downslope import GradientDescentRegressor, scan
from downslope.data.tables.encoding import Encoding
from downslope.data.tables.files import read_features, read_table
from downslope.data.tables.notation import Notation
from downslope.exceptions import FileError, InputError

Array = np.ndarray
N_ROWS = 60
FIRST = datetime.datetime(2013, 1, 30)


def columns() -> dict[str, Any]:
    random = np.random.default_rng(2)
    days = [FIRST + datetime.timedelta(hours=int(hours)) for hours in random.permutation(N_ROWS) * 7]
    return {
        "day": days,
        "kind": random.choice(["AA", "UA", "it's"], N_ROWS).tolist(),
        "a<b": random.normal(size=N_ROWS).round(3).tolist(),
        "y": random.normal(size=N_ROWS).round(3).tolist(),
    }


@pytest.fixture(params=["csv", "parquet"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found, place = columns(), tmp_path / f"t.{request.param}"
    if request.param == "csv":
        rows = zip(*found.values(), strict=True)
        lines = [f"{day.isoformat(sep=' ')},{kind},{a},{y}" for day, kind, a, y in rows]
        place.write_text("\n".join(["day,kind,a<b,y", *lines]) + "\n")
    else:
        pyarrow.parquet.write_table(pa.table(found), place)
    return place


CONDITIONS: dict[str, tuple[list[str], Any]] = {
    "numbers": (["a<b > 0.25"], lambda row: row["a<b"] > 0.25),
    "a text": (["kind = AA"], lambda row: row["kind"] == "AA"),
    "a quote in quotes": (['kind == "it\'s"'], lambda row: row["kind"] == "it's"),
    "both": (["kind != AA", "a<b<=0"], lambda row: row["kind"] != "AA" and row["a<b"] <= 0),
    "a day as text": (["day >= '2013-02-08'"], lambda row: row["day"] >= datetime.datetime(2013, 2, 8)),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_rows_that_meet_all_conditions(name: str, path: Path) -> None:
    where, meets = CONDITIONS[name]
    rows = [dict(zip(columns(), row, strict=True)) for row in zip(*columns().values(), strict=True)]
    kept = [row for row in rows if meets(row)]
    assert 0 < len(kept) < N_ROWS
    options: dict[str, Any] = {"target": "y", "features": ["a<b"], "where": where}
    table = read_table(path, **options)
    np.testing.assert_array_equal(table.X[:, 0], [row["a<b"] for row in kept])
    blocks = list(scan(path, **options).blocks())
    np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), [row["y"] for row in kept])


def test_a_missing_value_meets_no_condition(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,y\nNA,1,1\n5,NA,2\n5,1,3\n-999,2,4\nx,1,5\n")
    for where, expected in (("a!=7", [2, 3]), ("a < 1e9", [2, 3]), ("a != 7 ", [2, 3])):
        options: dict[str, Any] = {"target": "y", "features": ["a"], "where": where}
        np.testing.assert_array_equal(read_table(path, **options, notation=Notation.of(["-999"])).y, expected)
        blocks = scan(path, **options, na=["-999"]).blocks()
        np.testing.assert_array_equal(np.concatenate([block.y for block in blocks]), expected)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("nothing", "where='nothing' is no condition|is no condition: write a column"),
        ("> 5", "is no condition"),
        ("none > 5", "has no column 'none', asked for with where"),
        ("a<b > 1e9", "no row of .* meets the conditions of where"),
    ],
)
def test_conditions_that_cannot_be_met(where: str, told: str, path: Path) -> None:
    options: dict[str, Any] = {"target": "y", "features": ["a<b"], "where": where}
    with pytest.raises((InputError, FileError), match=told):
        read_table(path, **options)
    with pytest.raises((InputError, FileError), match=told):
        list(scan(path, **options).blocks())


def test_nothing_of_a_condition_is_run(path: Path) -> None:
    with pytest.raises(FileError, match="no row of"):
        read_table(path, target="y", features=["a<b"], where="kind = x' OR '1'='1")


# --------------------------------------------------------------------------------------------------------------- dates
def days_since_first() -> Array:
    first = min(columns()["day"]).replace(hour=0)
    return np.array([(day - first).total_seconds() / 86400 for day in columns()["day"]])


def test_dates_are_days_since_the_first(path: Path) -> None:
    table = read_table(path, target="y", features=["day"], notation=Notation.of(date=["day"]))
    np.testing.assert_allclose(table.X[:, 0], days_since_first(), atol=1e-9)
    blocks = list(scan(path, target="y", features=["day"], date=["day"]).blocks())
    np.testing.assert_allclose(np.concatenate([block.X for block in blocks])[:, 0], days_since_first(), atol=1e-9)
    # Another table is counted from the same day.
    encoding = Encoding.from_dict(table.encoding.to_dict())
    assert encoding == table.encoding
    later = read_features(path, encoding)
    np.testing.assert_array_equal(later.X, table.X)


def test_a_target_of_dates(path: Path) -> None:
    table = read_table(path, target="day", features=["y"], notation=Notation.of(date=["day"]))
    np.testing.assert_allclose(table.y, days_since_first(), atol=1e-9)


def test_files_of_a_folder_share_the_first_day(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("day,y\n2013-03-01,1\n2013-03-02,2\n")
    (tmp_path / "2.csv").write_text("day,y\n2013-02-28,3\nNA,4\n")
    rows = scan(tmp_path, target="y", date="day", missing="drop")
    np.testing.assert_array_equal(np.concatenate([block.X[:, 0] for block in rows.blocks()]), [1, 2, 0])
    assert GradientDescentRegressor().fit(rows).coef_.shape == (1,)


@pytest.mark.parametrize(
    ("cells", "date", "told"),
    [
        (
            ["2013-01-01", "no day", "2013-01-03"],
            "day",
            r"'no day' in row 2, 1 of 3 cells\): write each as a date",
        ),
        (["NA", "NA", "NA"], "day", "'day' in .* has no dates|day in .* has no dates"),
        (["1", "2", "3"], "day", "write each as a date, such as 2013-01-31"),
        (["2013-01-01"] * 3, "none", "has no column 'none', asked for with date"),
        (["2013-01-01", "2013-01-02", "2013-01-03"], "z", "which no fit uses as a column of numbers"),
        (["2013-01-01", "2013-01-02", "2013-01-03"], (), r"they are dates or times, so give date=\['day'\]"),
        (["31.12.2012", "01.01.2013", "02.01.2013"], (), "so write them as 2013-01-31 for date, or as numbers"),
    ],
)
def test_what_is_no_date(cells: list[str], date: Any, told: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["day,y,z", *(f"{cell},{j},{j}" for j, cell in enumerate(cells))]) + "\n")
    options: dict[str, Any] = {"target": "y", "exclude": ["z"], "missing": "drop"}
    with pytest.raises(InputError, match=told):
        read_table(path, **options, notation=Notation.of(date=date))
    with pytest.raises(InputError, match=told):
        list(scan(path, **options, date=date).blocks())


def test_streams_of_others_choose_and_convert_themselves() -> None:
    for options in ({"where": "y > 1"}, {"date": ["y"]}):
        with pytest.raises(InputError, match="needs rows that can be read twice, from a file"):
            scan(pa.table({"x": [1.0], "y": [2.0]}), target="y", **options)
