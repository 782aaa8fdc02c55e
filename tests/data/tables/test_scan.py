"""The same rows by many ways: bits alike among streams, and as near as sums in another order to arrays."""

import bz2
import gzip
import os
import re
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest
from sklearn.exceptions import ConvergenceWarning

from downslope import GradientDescentRegressor, diagnose, scan, sweep
from downslope.data.arrays import ArraySource
from downslope.data.source import Source
from downslope.data.tables import stream as stream_module
from downslope.data.tables.buckets import BucketSource
from downslope.data.tables.files import read_table
from downslope.data.tables.scratch import Scratch, keep_rows_in
from downslope.exceptions import DownslopeWarning, FileError, InputError
from downslope.statistics.moments import gather
from tests.data.conftest import WriteTable

Array = np.ndarray
N_ROWS = 3000


def table(n_rows: int = N_ROWS) -> pa.Table:
    """Columns far from zero, one of whole numbers, weights some of which are 0, and a target with noise."""
    random = np.random.default_rng(7)
    X = random.normal(size=(n_rows, 2)) @ random.normal(size=(2, 2)) + [50.0, -3.0]
    whole = random.integers(-5, 6, n_rows)
    y = X @ [1.0, -2.0] + 0.5 * whole + 4.0 + random.normal(size=n_rows)
    w = np.round(random.uniform(0, 2, n_rows) * (random.random(n_rows) < 0.9), 3)
    return pa.table({"a": X[:, 0], "b": X[:, 1], "whole": whole, "w": w, "y": y})


ROWS = table()


def written(folder: Path, rows: pa.Table = ROWS, name: str = "t.csv") -> Path:
    path = folder / name
    rows.to_pandas().to_csv(path, index=False)
    return path


def packed(folder: Path, name: str, pack: Callable[[bytes], bytes]) -> Path:
    path = folder / name
    path.write_bytes(pack(written(folder).read_bytes()))
    return path


def in_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "t.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(written(folder), "t.csv")
    return folder / "t.zip"


def in_parquet(folder: Path) -> Path:
    pa.parquet.write_table(ROWS, folder / "t.parquet", row_group_size=700)
    return folder / "t.parquet"


def in_folder(folder: Path) -> Path:
    """Three files, one of which has its columns in another order, and one of which is Parquet."""
    parts = folder / "parts"
    parts.mkdir()
    written(parts, ROWS[:1000], "1.csv")
    pa.parquet.write_table(ROWS[1000:1001].select(["y", "w", "whole", "b", "a"]), parts / "2.parquet")
    written(parts, ROWS[1001:].select(["w", "b", "y", "a", "whole"]), "3.csv")
    (parts / ".hidden").write_text("no table")
    return parts


def through_pipe(folder: Path) -> Path:
    pipe, text = folder / "pipe", written(folder).read_bytes()
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(text,), daemon=True).start()
    return pipe


WAYS: dict[str, Callable[[Path], Any]] = {
    "csv": written,
    "gzip": lambda folder: packed(folder, "t.csv.gz", gzip.compress),
    "bzip2": lambda folder: packed(folder, "t.bz2", bz2.compress),
    "zip": in_zip,
    "pipe": through_pipe,
    "parquet": in_parquet,
    "folder": in_folder,
    "pattern": lambda folder: in_folder(folder) / "*.*[tv]",
    "list": lambda folder: sorted(in_folder(folder).glob("[123]*")),
    "pyarrow table": lambda _: ROWS,
    "pyarrow reader": lambda _: ROWS.to_reader(max_chunksize=777),
    "pyarrow dataset": lambda _: pa.dataset.dataset(ROWS),
    "pandas": lambda _: ROWS.to_pandas(),
    "polars": lambda _: polars.from_arrow(ROWS),
    "polars lazy": lambda _: polars.from_arrow(ROWS).lazy(),
    "duckdb": lambda _: duckdb.connect().from_arrow(ROWS),
    "generator": lambda _: (batch for batch in ROWS.to_batches(max_chunksize=123)),
}
way = pytest.mark.parametrize("way", WAYS)
FITS: dict[str, dict[str, Any]] = {
    "squared": {},
    "huber": {"loss": "huber", "max_iter": 60},
    "batches": {"batch_size": 64, "max_iter": 3, "tol": 0, "random_state": 2},
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen blocks of these few rows."""
    monkeypatch.setattr(stream_module, "BLOCK_BYTES", 8192)


def fit(rows: Any, y: Any = None, weight: Any = None, **options: Any) -> GradientDescentRegressor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        return GradientDescentRegressor(**options).fit(rows, y, weight)


def parameters(model: GradientDescentRegressor) -> Array:
    return np.append(model.history_.coef, model.history_.intercept)


@way
@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "alike"])
@pytest.mark.parametrize("case", FITS)
def test_every_way_gives_the_same_bits_and_is_read_once(case: str, weighted: bool, way: str, tmp_path: Path) -> None:
    named: dict[str, Any] = {"weight": "w"} if weighted else {"exclude": ["w"]}
    rows = scan(WAYS[way](tmp_path), target="y", **named)
    assert isinstance(rows, Source)
    found = fit(rows, **FITS[case])
    wanted = fit(scan(ROWS, target="y", **named), **FITS[case])
    np.testing.assert_array_equal(parameters(found), parameters(wanted))
    assert found.feature_names_in_.tolist() == ["a", "b", "whole"]
    assert rows.passes == 1
    assert rows.n_rows == (np.count_nonzero(ROWS["w"]) if weighted else N_ROWS)


@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "alike"])
@pytest.mark.parametrize("case", FITS)
def test_a_stream_is_the_array(case: str, weighted: bool) -> None:
    X, y = ROWS.select(["a", "b", "whole"]).to_pandas(), ROWS["y"].to_numpy()
    weight = ROWS["w"].to_numpy() if weighted else None
    named: dict[str, Any] = {"weight": "w"} if weighted else {"exclude": ["w"]}
    found, wanted = fit(scan(ROWS, target="y", **named), **FITS[case]), fit(X, y, weight, **FITS[case])
    assert (found.n_iter_, found.stop_reason_) == (wanted.n_iter_, wanted.stop_reason_)
    np.testing.assert_allclose(parameters(found), parameters(wanted), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-12)


@pytest.mark.parametrize("block_bytes", [2**12, 2**20])
def test_few_large_blocks_and_many_small_ones_agree(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = fit(scan(ROWS, target="y"))
    monkeypatch.setattr(stream_module, "BLOCK_BYTES", block_bytes)
    np.testing.assert_allclose(fit(scan(ROWS, target="y")).coef_, wanted.coef_, rtol=1e-12)


def test_predictions_diagnosis_and_sweeps_take_a_scan(tmp_path: Path) -> None:
    path, X, y = written(tmp_path), ROWS.select(["a", "b", "whole"]).to_pandas(), ROWS["y"].to_numpy()

    def rows() -> Any:
        return scan(path, target="y", exclude=["w"])

    model = fit(rows())
    np.testing.assert_allclose(model.predict(rows()), X.to_numpy() @ model.coef_ + model.intercept_, rtol=1e-12)
    assert diagnose(rows()).raw.condition == pytest.approx(diagnose(X, y).raw.condition, rel=1e-9)
    by_rate, known = sweep(rows(), learning_rates=[0.1, 0.5]), sweep(X, y, learning_rates=[0.1, 0.5])
    np.testing.assert_allclose(by_rate.to_frame()["objective"], known.to_frame()["objective"], rtol=1e-9)


# -------------------------------------------------------------------------------------------------- what tables hold
def test_categories_are_those_of_all_files(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text("x,kind,y\n1,v,1\n2,u,2\n3,v,3\n")
    second.write_text("kind,y,x\nw,4,5\nu,3,6\nw,3,7\n")
    model = fit(scan([first, second], target="y", categorical=["kind"]))
    frame = pd.concat([pd.read_csv(first), pd.read_csv(second)])
    X = np.column_stack([frame["x"], frame["kind"] == "v", frame["kind"] == "w"]).astype(float)
    assert model.feature_names_in_.tolist() == ["x", "kind=v", "kind=w"]
    np.testing.assert_allclose(model.coef_, fit(X, frame["y"].to_numpy()).coef_, rtol=1e-9)


GAPPY = "x,z,y\n1,5,2\n2,,3\n,4,9\n3,1,\n6,2,8\n4,7,1\n"


@pytest.mark.parametrize("form", ["csv", "arrow"])
@pytest.mark.parametrize(
    ("missing", "kept"),
    [
        ("drop", [[1, 5, 2], [6, 2, 8], [4, 7, 1]]),
        ("mean", [[1, 5, 2], [2, 4.5, 3], [3.25, 4, 9], [6, 2, 8], [4, 7, 1]]),
    ],
)
def test_gaps_are_left_out_or_filled(missing: Any, kept: list[list[float]], form: str, write: WriteTable) -> None:
    """Rows without a target are none; the means are those of the others."""
    path = write(GAPPY)
    given = path if form == "csv" else pa.Table.from_pandas(pd.read_csv(path))
    rows = scan(given, target="y", missing=missing)
    (block,) = rows.blocks()
    np.testing.assert_array_equal(np.column_stack([block.X, block.y]), kept)
    assert (rows.n_rows, rows.n_dropped, rows.passes) == (len(kept), 6 - len(kept), 1 + (missing == "mean"))


@pytest.mark.parametrize("form", ["csv", "arrow"])
def test_gaps_are_counted_and_refused(form: str, write: WriteTable) -> None:
    path = write(GAPPY)
    given = path if form == "csv" else pa.Table.from_pandas(pd.read_csv(path))
    with pytest.raises(InputError, match=r"has 3 missing values \('x' 1, 'z' 1, 'y' 1\): missing='drop' leaves"):
        fit(scan(given, target="y"))
    none_left = write("x,y\n1,\n2,\n")
    with pytest.raises(InputError, match=r"missing='drop' leaves none of the 2 rows"):
        fit(scan(none_left, target="y", missing="drop"))


def test_infinite_values_are_counted_and_named(write: WriteTable) -> None:
    rows = "x,z,y\n" + "1,2,3\n" * 700 + "inf,2,3\n1,2,-inf\ninf,1,2\n"
    with pytest.raises(InputError, match=r"'x' \(2, first in row 701\), 'y' \(1, first in row 702\)"):
        fit(scan(write(rows), target="y"))


def test_codes_padding_and_notations_are_those_of_tables(write: WriteTable) -> None:
    """What is first met after many plain rows is read as it is everywhere."""
    plain = "".join(f"{k},{k % 7},{k % 5}\n" for k in range(5000))
    path = write("x,z,y\n" + plain + " 7 , NA,-999\n1,-999, 3\n")
    rows = scan(path, target="y", na=["-999"], missing="drop")
    assert sum(block.y.size for block in rows.blocks()) == 5000
    assert rows.n_dropped == 2
    path = write("x;y\n1.234,5;1\n2,25;2\n")
    (block,) = scan(path, target="y", decimal=",", thousands=".").blocks()
    np.testing.assert_array_equal(block.X[:, 0], [1234.5, 2.25])


def test_true_and_false_are_numbers_here_too(write: WriteTable) -> None:
    (block,) = scan(write("yes,y\nTrue,1\nfalse,2\n,3\nTRUE,4\n"), target="y", missing="drop").blocks()
    np.testing.assert_array_equal(block.X[:, 0], [1, 0, 1])


def test_text_is_refused_with_its_place(write: WriteTable) -> None:
    path = write("x,y\n" + "1,2\n" * 4000 + "oops,3\n" + "1,2\n" * 10)
    with pytest.raises(InputError, match=r"text in the column 'x' \('oops' in row 4001, 1 of 4,011 cells\)"):
        fit(scan(path, target="y"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_underscore_is_no_part_of_a_number_wherever_it_stands(end: str, write: WriteTable) -> None:
    """A bare cast would read 2020_01 as 202001; in the names of columns it means nothing."""
    lines = ["a_b,y", *["1,2"] * 3000, "2020_01,3", "4,5"]
    with pytest.raises(InputError, match=r"text in the column 'a_b' \('2020_01' in row 3001, 1 of 3,002 cells\)"):
        fit(scan(write(end.join(lines)), target="y"))
    (block, *_) = scan(write(end.join(lines[:2000])), target="y").blocks()
    assert block.X[0, 0] == 1.0


def test_a_broken_row_is_told_by_its_line(write: WriteTable) -> None:
    path = write("x,y\n" + "1,2\n" * 4000 + "1,2,3\n")
    with pytest.raises(FileError, match=r"has 3 values in line 4002 where the header names 2 columns"):
        fit(scan(path, target="y"))
    with pytest.raises(FileError, match="has a header and no rows"):
        fit(scan(write("x,y\n"), target="y"))


def test_a_single_name_is_no_sequence_of_letters(write: WriteTable) -> None:
    given = pa.table({"aa": [1, 2], "bb": [3, 4], "y": [5, 6]})
    for rows in (given, write("aa,bb,y\n1,3,5\n2,4,6\n")):
        assert scan(rows, target="y", exclude="aa").schema.names == ("bb",)
        assert scan(rows, target="y", features="aa").schema.names == ("aa",)


def test_types_of_arrow() -> None:
    from decimal import Decimal

    big = Decimal("12345678901234567890.12")
    given = pa.table(
        {
            "small": pa.array([1, None, -3, 4], pa.int8()),
            "huge": pa.array([2**63, 0, 1, None], pa.uint64()),
            "yes": [True, False, None, True],
            "price": pa.array([Decimal("1.25"), None, Decimal("-3.50"), big], pa.decimal128(25, 2)),
            "half": pa.array(np.array([0.5, 1.5, 2.5, 3.5], dtype=np.float16)),
            "none": pa.nulls(4),
            "y": [1.0, 2.0, 3.0, 4.0],
        }
    )
    for begin in (0, 1, 3):
        (batch,) = scan(given[begin:], target="y").table.read()
        wanted = [
            [1.0, np.nan, -3.0, 4.0],
            [2.0**63, 0.0, 1.0, np.nan],
            [1.0, 0.0, np.nan, 1.0],
            [1.25, np.nan, -3.5, float(big)],
            [0.5, 1.5, 2.5, 3.5],
            [np.nan] * 4,
        ]
        np.testing.assert_array_equal(np.array(batch.columns), np.array(wanted)[:, begin:])
        np.testing.assert_array_equal(batch.y, [1.0, 2.0, 3.0, 4.0][begin:])


# ------------------------------------------------------------------------------------------------------------ refusals
WRONG: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "a column that is absent": (lambda: ROWS, {"target": "z"}, r"Table has no column 'z': the columns are 'a', 'b'"),
    "text": (
        lambda: pa.table({"k": ["u", "v"], "y": [1, 2]}),
        {},
        r"Table has a column of other things than numbers \('k' \(string\)\).*exclude=\['k'\]",
    ),
    "categories of a stream": (
        lambda: ROWS,
        {"categorical": ["whole"]},
        "categorical needs rows that can be read twice",
    ),
    "names twice": (lambda: pa.table([[1], [2], [3]], ["a", "a", "y"]), {}, "has several columns named 'a'"),
    "no feature": (lambda: ROWS.select(["y"]), {}, "no feature is left beside 'y'"),
    "a mean that comes too late": (lambda: ROWS.to_reader(), {"missing": "mean"}, "can be read only once"),
    "a policy that is none": (lambda: ROWS, {"missing": "zero"}, "missing='zero' cannot be used"),
    "a target that is a feature": (lambda: ROWS, {"features": ["a", "y"]}, "the target 'y' is named by features too"),
    "weights that are a feature": (
        lambda: ROWS,
        {"features": ["a"], "weight": "a"},
        "weights 'a' is named by features",
    ),
    "no file": (lambda: [], {}, "names no file"),
    "a scratch folder that is not there": (lambda: ROWS, {"scratch": "/no/such"}, "scratch='/no/such' is no folder"),
    "an array": (lambda: np.zeros((3, 2)), {}, "scan takes files or Arrow batches, not ndarray: give a path"),
    "a number": (lambda: 3, {}, "not int"),
    "a list of arrays": (lambda: [np.zeros(3)], {}, "not list"),
    "a web address": (
        lambda: "https://example.com/t.csv",
        {},
        r"https://example\.com/t\.csv is a web address: download",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_scanned_is_refused(case: str) -> None:
    rows, options, said = WRONG[case]
    with pytest.raises((FileError, InputError), match=said):
        scan(rows(), **{"target": "y", **options})


def test_files_of_one_table_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,b,y\n1,2,3\n")
    (tmp_path / "2.csv").write_text("a,y\n1,3\n")
    with pytest.raises(InputError, match=r"2\.csv has no column 'b', which the first file has"):
        scan(tmp_path, target="y")
    (tmp_path / "2.csv").write_text("a,c,y,b\n1,2,3,4\n")
    with pytest.raises(InputError, match=r"2\.csv has a column 'c' that .*1\.csv lacks: name those to use in features"):
        scan(tmp_path, target="y")
    assert scan(tmp_path, target="y", features=["b", "a"]).schema.names == ("b", "a")
    with pytest.raises(FileError, match="names no file"):
        scan(tmp_path / "*.parquet", target="y")


@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ([1.0, None, 1.0], "sample_weight contains NaN or infinity in 1 of 3 rows"),
        ([1.0, -1.0, 1.0], "sample_weight is negative in 1 of 3 rows"),
        ([0.0, 0.0, 0.0], "sample_weight is zero in all rows"),
    ],
)
def test_weights_are_checked_as_they_are_read(weight: list[Any], said: str, loss: str) -> None:
    rows = scan(pa.table({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 4.0], "w": weight}), target="y", weight="w")
    with pytest.raises(InputError, match=said):
        fit(rows, loss=loss)


@pytest.mark.parametrize("missing", [None, "drop", "mean"])
def test_a_row_of_weight_0_may_hold_anything(missing: Any) -> None:
    given = pa.table({"x": [1.0, None, 3.0, 5.0], "y": [1.0, np.inf, 2.0, 4.0], "w": [1.0, 0.0, 2.0, 1.0]})
    rows = scan(given, target="y", weight="w", missing=missing)
    (block,) = rows.blocks()
    np.testing.assert_array_equal(np.column_stack([block.X, block.y, block.weight]), [[1, 1, 1], [3, 2, 2], [5, 4, 1]])
    assert (rows.n_rows, rows.n_dropped) == (3, 0)


def test_rows_that_are_gone_are_missed() -> None:
    rows = scan(ROWS.to_reader(), target="y")
    fit(rows)
    with pytest.raises(InputError, match=r"have been read and cannot be read again"):
        fit(rows)


# ------------------------------------------------------------------------------------------------------------- buckets
def sorted_rows(n_rows: int = 80_000) -> tuple[Any, Any]:
    """Rows sorted by a column, with a trend in another and errors that neighbours share."""
    random = np.random.default_rng(8)
    X = random.normal(size=(n_rows, 8))
    X[:, 0] = np.sort(X[:, 0])
    X[:, 1] += np.linspace(-2, 2, n_rows)
    shared = np.repeat(random.normal(size=n_rows // 400), 400) + 2 * np.sin(np.linspace(0, 40, n_rows))
    return X, X @ random.normal(size=8) + shared + random.normal(size=n_rows)


def spilt(X: Any, y: Any, weight: Any = None) -> Any:
    """The rows as a stream, of which most go to the disk."""
    columns = {**{f"x{j}": column for j, column in enumerate(X.T)}, "y": y}
    rows = scan(
        pa.table(columns if weight is None else {**columns, "w": weight}),
        target="y",
        weight=None if weight is None else "w",
    )
    rows.scratch = Scratch(None, 2**18)
    return rows


def test_mini_batches_of_sorted_rows_are_as_good_as_of_shuffled_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**19)
    # So many rows a bucket as on a disk, where a last batch that is not full does not count.
    monkeypatch.setattr("downslope.data.tables.scratch.BUCKETS", 4)
    (X, y), options = sorted_rows(), {"batch_size": 64, "max_iter": 4, "tol": 0.0}
    least = GradientDescentRegressor().fit(X, y).optimum_.objective

    def excess(fitted: Any) -> float:
        return float(np.mean((y - X @ fitted.coef_ - fitted.intercept_) ** 2) / 2 - least)

    monkeypatch.setattr("downslope.kernels.batch_passes.MANY_ROWS", 2**40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pairs = [
            [
                excess(GradientDescentRegressor(random_state=seed, **options).fit(*rows))
                for rows in ((spilt(X, y),), (X, y))
            ]
            for seed in range(5)
        ]
        in_order = [
            excess(GradientDescentRegressor(random_state=seed, shuffle=False, **options).fit(spilt(X, y)))
            for seed in (0, 1)
        ]
    in_buckets, shuffled = np.mean(pairs, axis=0)
    assert in_buckets <= 2 * shuffled
    # What the buckets are for.
    assert np.mean(in_order) > 10 * shuffled


@pytest.mark.parametrize("weighted", [False, True])
def test_buckets_hold_each_row_once(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**17)
    (X, y), weight = sorted_rows(10_001 // 400 * 400), np.arange(10_000.0) + 1 if weighted else None
    kept = spilt(X, y, weight).scattered()
    assert isinstance(kept, BucketSource)
    assert kept.n_rows == 10_000
    parts = [np.column_stack([b.X, b.y, np.ones(b.y.size) if b.weight is None else b.weight]) for b in kept.blocks()]
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= max(sizes) / 10
    wanted = np.column_stack([X, y, np.ones(10_000) if weight is None else weight])
    found = np.vstack(parts)
    np.testing.assert_array_equal(found[np.lexsort(found.T)], wanted[np.lexsort(wanted.T)])
    # No bucket is a stretch of the rows: each spans what all span.
    assert all(np.ptp(part[:, 0]) > 0.5 * np.ptp(X[:, 0]) for part in parts)
    first, second = (gather(rows) for rows in (kept, ArraySource(X, y, weight)))
    np.testing.assert_allclose(first.xx, second.xx, rtol=1e-12)
    assert first.n_rows == second.n_rows


def test_an_order_of_all_rows_is_drawn_anew_for_each_pass() -> None:
    X, y = sorted_rows(8_000)
    kept, generator = spilt(X, y).scattered(), np.random.default_rng(0)
    first, second = (
        [block.y[block.order][0] for block in kept.blocks(lambda n: generator.permutation(n))] for _ in range(2)
    )
    assert first != second
    assert [block.number for block in kept.blocks()] == list(range(32))


def test_rows_that_are_not_shuffled_or_are_remembered_keep_their_order() -> None:
    X, y = sorted_rows(8_000)
    for options in ({"shuffle": False, "learning_rate": 0.01, "max_iter": 5}, {"method": "saga", "max_iter": 4}):
        given: dict[str, Any] = {"batch_size": 16, "random_state": 0, "tol": 0.0, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found, wanted = (GradientDescentRegressor(**given).fit(*rows) for rows in ((spilt(X, y),), (X, y)))
        np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-10)


# ------------------------------------------------------------------------------------------------------------- scratch
def test_many_rows_lie_in_a_file_without_a_name(tmp_path: Path) -> None:
    wanted = fit(scan(ROWS, target="y"), **FITS["huber"])
    rows = scan(ROWS, target="y", scratch=tmp_path)
    kept = spilling(rows).resident()
    assert not kept.X.flags.writeable
    assert kept.X.flags.c_contiguous
    assert list(tmp_path.iterdir()) == []
    rows = spilling(scan(ROWS, target="y", scratch=tmp_path))
    np.testing.assert_array_equal(parameters(fit(rows, **FITS["huber"])), parameters(wanted))


def spilling(rows: Any) -> Any:
    """The same rows, of which more than some go to the disk."""
    rows.scratch = Scratch(rows.scratch.folder, 20_000)
    return rows


def test_a_full_disk_is_said_with_the_room_that_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setattr(Scratch, "open", lambda _: Full())

    def blocks() -> Iterator[Any]:
        yield from ((block,) for block in scan(ROWS, target="y").blocks())

    with pytest.raises(FileError, match=r"do not fit .* \(.*; [\d,]+ bytes were to be written, [\d,]+ are free\)"):
        keep_rows_in(Scratch(tmp_path, 0), blocks(), "t.csv")
    missing = tmp_path / "missing"
    monkeypatch.undo()
    with pytest.raises(FileError, match=r"do not fit into the folder for scratch files"):
        keep_rows_in(Scratch(missing, 0), blocks(), "t.csv")


@pytest.mark.parametrize("change", ["cut at the end of a row", "cut inside a row", "gone", "longer"])
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**13)
    path = tmp_path / "t.csv"
    lines = [",".join(map(repr, row)) for row in np.random.default_rng(0).normal(size=(200_000, 3)).tolist()]
    path.write_text("\n".join(["a,b,y", *lines]) + "\n")
    blocks = scan(path, target="y").blocks()
    next(blocks)
    content = path.read_bytes()
    if change == "gone":
        path.unlink()
    elif change == "longer":
        path.write_bytes(content + b"1,2,3\n")
    else:
        end = content.index(b"\n", len(content) // 2) + 1
        os.truncate(path, end if change == "cut at the end of a row" else end + 3)
    with pytest.raises(FileError, match=r"t.csv (was changed while it was read|has 1 value|cannot be read)"):
        list(blocks)


def test_a_file_of_a_folder_that_has_vanished(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text("a,y\n1,2\n3,4\n")
    rows = scan(tmp_path, target="y")
    (tmp_path / "2.csv").unlink()
    with pytest.raises(FileError, match=r"2.csv cannot be (read|used)"):
        list(rows.blocks())


@pytest.mark.parametrize("how", ["csv", "parquet", "stream"])
def test_a_read_tells_how_far_it_has_come(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**13)
    rows = table(40_000)
    if how == "csv":
        pa.csv.write_csv(rows, tmp_path / "t")
    else:
        pa.parquet.write_table(rows, tmp_path / "t")
    heard: list[tuple[int, int, int]] = []
    source = scan(rows if how == "stream" else tmp_path / "t", target="y", weight="w")
    source.hear = lambda *told: heard.append(told)
    list(source.blocks())
    counts, about, n_bytes = zip(*heard, strict=True)
    assert counts[-1] == 40_000
    assert list(counts) == sorted(counts)
    if how == "stream":
        assert {*about, *n_bytes} == {0}
    else:
        assert set(about) == {40_000} if how == "parquet" else abs(about[0] - 40_000) < 800
        assert set(n_bytes) == {(tmp_path / "t").stat().st_size}


def test_progress_of_a_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 10**6))
    monkeypatch.setattr("downslope.monitor.progress.time", SimpleNamespace(perf_counter=lambda: float(next(clock))))
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**13)
    pa.csv.write_csv(table(400_000), tmp_path / "t.csv")
    GradientDescentRegressor(progress=True).fit(scan(tmp_path / "t.csv", target="y", weight="w"))
    lines = capsys.readouterr().err.splitlines()
    assert lines
    assert all(
        re.fullmatch(r"[\d,]+ rows after \d+:\d\d, about \d+ of \d+ MB, about \d+:\d\d left", line) for line in lines
    )


# What duckdb, which makes numbers of cells while it reads, must not read otherwise than a cast of each.
ODD = (
    *("1,5", "0x10", " 1.5 ", "\t2", "1E+5", "1e400", "-0", "+.5", ".", "1.", "inf", "-inf", "nan", "NULL", "NA"),
    *("?", "", "1f", "1.5e", "--1", "1-", "1 2", "１", "true", '"1.5"', '" 1.5"', "1.5%", "$3", "1e-400", "0b1"),
    *("1L", "+-1", "1.2.3", "12345678901234567890123", "9007199254740993", "(5)", "- 5", "00012", "∞", "1_0"),
    *("2020-01-01", "1/2", "4.9e-324", " ", '""', "1.7976931348623157e308", "1.7976931348623159e308", '"1""5"'),
)


@pytest.mark.parametrize("cell", ODD)
@pytest.mark.parametrize("n_rows", [3, 2500])
def test_odd_cells_are_those_of_tables(cell: str, n_rows: int, tmp_path: Path) -> None:
    lines = [f"{j}.5,{j}" for j in range(n_rows)]
    lines.insert(n_rows // 2, f"{cell},7")
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["x,y", *lines]) + "\n")

    def read(how: Callable[[], Any]) -> bytes | None:
        try:
            found: bytes = how().tobytes()
        except (InputError, FileError):
            return None
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        streamed = read(
            lambda: np.concatenate([block.X[:, 0] for block in scan(path, target="y", missing="drop").blocks()])
        )
        fetched = read(lambda: read_table(path, target="y", missing="drop").X[:, 0])
    assert streamed == fetched


@pytest.mark.parametrize("options", [{}, {"loss": "huber"}, {"batch_size": 2, "max_iter": 2}])
def test_integers_that_are_no_floats_are_said_once_and_digits_know(options: dict[str, Any], tmp_path: Path) -> None:
    whole = [2**53 + 1, 2**53 + 8, 2**53 + 64, 2**53 + 3, 2**53 + 32]
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{a},{j}.5\n" for j, a in enumerate(whole)))
    rows = scan(path, target="y")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = GradientDescentRegressor(random_state=0, **options).fit(rows)
        list(rows.blocks())
    told = [str(one.message) for one in caught if "lie beyond 2⁵³" in str(one.message)]
    assert len(told) == 1
    assert told[0].startswith("2 integers of X in the column 'a'")
    assert fitted.passes_ == 1
    assert rows.schema.rounding > 1e-3
    assert fitted.optimum_ is None or fitted.optimum_.digits <= 3
