"""Tables read for a fit and for a prediction, against pandas and against values written out."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from downslope.data.examples import load_example
from downslope.data.tables.encoding import Encoding
from downslope.data.tables.files import Features, Table, read_features, read_table
from downslope.exceptions import DownslopeWarning, InputError

Write = Callable[..., Path]
nan = np.nan


def dummies(frame: pd.DataFrame, categorical: list[str]) -> np.ndarray:
    """What `read_table` should make of a frame whose categorical columns are text."""
    return pd.get_dummies(frame, columns=categorical, drop_first=True, dtype=float).to_numpy(dtype=np.float64)


def same_rows_again(path: Path, table: Table) -> Features:
    """The table read as for a prediction, by way of JSON, after checking that it gives the same X."""
    encoding = Encoding.from_dict(json.loads(json.dumps(table.encoding.to_dict())))
    assert encoding == table.encoding
    assert encoding.feature_names == table.feature_names
    return read_features(path, encoding)


# ------------------------------------------------------------------------------------------------------- whole tables
@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_the_real_table_is_what_pandas_makes_of_it(missing: Any) -> None:
    path = load_example("auto_mpg").path
    table = read_table(path, target="mpg", exclude=["name"], categorical=["origin"], missing=missing)
    frame = pd.read_csv(path, dtype={"origin": "str"}).drop(columns="name")
    frame = frame.dropna() if missing == "drop" else frame.fillna({"horsepower": frame["horsepower"].mean()})
    expected = dummies(frame.drop(columns="mpg"), ["origin"])
    assert np.allclose(table.X, expected, rtol=1e-15, atol=0)
    assert np.array_equal(table.y, frame["mpg"])
    assert table.target == "mpg"
    assert table.feature_names == (
        *("cylinders", "displacement", "horsepower", "weight", "acceleration", "year"),
        *("origin=2", "origin=3"),
    )
    assert (table.n_rows_read, table.n_rows_dropped) == ((397, 5) if missing == "drop" else (397, 0))
    assert tuple(map(str, table.notes)) == (
        ("5 rows of 397 left out for missing values: 'horsepower' 5",)
        if missing == "drop"
        else ("missing values filled with the mean of their column: 'horsepower' 5",)
    )
    assert np.array_equal(same_rows_again(path, table).X, table.X)
    assert table.X.flags.c_contiguous


numbers = st.floats(allow_nan=False, allow_infinity=False).map(repr)
gap = st.sampled_from(["", "NA", "?", "null", " ", " NaN "])
words = st.text(st.characters(exclude_categories=["C"], exclude_characters="\x85\u2028\u2029"), min_size=1, max_size=6)
names = words.map(str.strip).filter(bool)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], str, str, bool]:
    """A header, rows of numbers with gaps, a delimiter, a line end, and whether a byte order mark leads."""
    header = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    cells = st.one_of(numbers, numbers, gap)
    row = st.tuples(*[cells] * (len(header) - 1), numbers).map(list)
    rows = draw(st.lists(row, min_size=1, max_size=8))
    return header, rows, draw(st.sampled_from(",;\t|")), draw(st.sampled_from(["\n", "\r\n"])), draw(st.booleans())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(tables())
def test_any_table_of_numbers_is_read_exactly(write: Write, drawn: Any) -> None:
    header, rows, delimiter, line_end, mark = drawn
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    path = write(("\ufeff" if mark else "") + text.getvalue())
    expected = np.array([[nan if not cell[-1:].isdigit() else float(cell) for cell in row] for row in rows])
    whole = ~np.isnan(expected).any(axis=1)
    if not whole.any():
        with pytest.raises(InputError, match="missing='drop' leaves none of the"):
            read_table(path, target=header[-1], missing="drop")
        return
    table = read_table(path, target=header[-1], missing="drop")
    assert table.feature_names == tuple(header[:-1])
    assert np.array_equal(table.X, expected[whole, :-1])
    assert np.array_equal(table.y, expected[whole, -1])
    assert table.n_rows_dropped == (~whole).sum()
    features = same_rows_again(path, table)
    assert np.array_equal(features.X, table.X)
    assert np.array_equal(features.rows, np.flatnonzero(whole))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.tuples(words, st.sampled_from(["a", "b b", "다"])), min_size=2, max_size=12))
def test_any_words_are_encoded_as_pandas_encodes_them(write: Write, cells: list[tuple[str, str]]) -> None:
    # With a letter in front, none of them is a number or stands for a missing value.
    w, v = [("w" + word).strip() for word, _ in cells], [level for _, level in cells]
    frame = pd.DataFrame({"w": w, "y": range(len(cells)), "v": v})
    path = write(frame.to_csv(index=False, quoting=csv.QUOTE_ALL))
    if len(set(w)) < 2 or len(set(v)) < 2:
        with pytest.raises(InputError, match=r"the categorical column '[vw]' has the one level"):
            read_table(path, target="y", categorical=["v", "w"])
        return
    table = read_table(path, target="y", categorical=["v", "w"])
    reference = pd.get_dummies(frame[["w", "v"]], prefix_sep="=", drop_first=True, dtype=float)
    assert table.feature_names == tuple(reference.columns)
    assert np.array_equal(table.X, reference.to_numpy())
    assert np.array_equal(same_rows_again(path, table).X, table.X)


def test_rows_keep_their_order_in_a_file_of_many_buffers(write: Write) -> None:
    # duckdb reads in buffers of some MB, in parallel, and a query of the wrong shape gives them back shuffled.
    n_rows = 120_000
    filler = "x" * 400
    levels = ["b", "a", "c"]
    rows = (f"{i},{filler},{levels[i % 3]},{-i}\n" for i in range(n_rows - 1))
    path = write("i,filler,level,y\n" + "".join(rows) + f" {n_rows - 1} ,{filler},a, NA \n")
    table = read_table(path, target="y", exclude=["filler"], categorical=["level"], missing="drop")
    assert table.feature_names == ("i", "level=b", "level=c")
    i = np.arange(n_rows - 1)
    assert np.array_equal(table.X, np.column_stack([i, i % 3 == 0, i % 3 == 2]))
    assert np.array_equal(table.y, -i)
    features = read_features(path, table.encoding)
    assert np.array_equal(features.X[:, 0], np.arange(n_rows))


# ----------------------------------------------------------------------------------------------------- ways to write it
PLAIN = [[1.0, 2.0, 3.0], [4.0, 5.5, -6.0]]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b,y\n1,2,3\n4,5.5,-6\n", "a,b"),
        ("a,b,y\n1,2,3\n4,5.5,-6", "a,b"),
        ("a,b,y\r\n1,2,3\r\n4,5.5,-6\r\n", "a,b"),
        ("a,b,y\r1,2,3\r4,5.5,-6\r", "a,b"),
        ("\ufeffa,b,y\n1,2,3\n4,5.5,-6\n", "a,b"),
        ("a;b;y\n1;2;3\n4;5.5;-6\n", "a,b"),
        ("a\tb\ty\n1\t2\t3\n4\t5.5\t-6\n", "a,b"),
        ("a|b|y\n1|2|3\n4|5.5|-6\n", "a,b"),
        (" a , b,y \n 1, 2 ,3\n4 ,5.5,-6\n", "a,b"),
        ('"a","b","y"\n"1","2","3"\n"4","5.5","-6"\n', "a,b"),
        ("\n\na,b,y\n\n1,2,3\n\n4,5.5,-6\n\n", "a,b"),
        ("a,b,y\n+1,2.,3e0\n4E0,.55e1,-6\n", "a,b"),
        ("a,b,y\n1,2,3,\n4,5.5,-6,\n", "a,b"),
        ("연비,무게,y\n1,2,3\n4,5.5,-6\n", "연비,무게"),
        ("x,X,y\n1,2,3\n4,5.5,-6\n", "x,X"),
        ("a;b, c;y\n1;2;3\n4;5.5;-6\n", "a|b, c"),
        ('a,"b;;;; c",y\n1,2,3\n4,5.5,-6\n', "a|b;;;; c"),
        ('"a ""q""",b,y\n1,2,3\n4,5.5,-6\n', 'a "q",b'),
        ('"a\nb",c,y\n1,2,3\n4,5.5,-6\n', "a\nb,c"),
    ],
)
def test_dialects(write: Write, text: str, header: str) -> None:
    table = read_table(write(text), target="y")
    assert table.feature_names == tuple(header.split("|" if "|" in header else ","))
    assert np.column_stack([table.X, table.y]).tolist() == PLAIN


def test_quoted_line_ends_and_delimiters_inside_cells(write: Write) -> None:
    path = write('x,note,y\n1,"two\nlines, and ""quotes""",2\n3,plain,4\n')
    table = read_table(path, target="y", categorical=["note"])
    assert table.feature_names == ("x", 'note=two\nlines, and "quotes"')
    assert table.X.tolist() == [[1, 1], [3, 0]]


@pytest.mark.parametrize(
    "name", ["a*?[1].csv", "it's.csv", "year=2020/t.csv", "무게 1.csv", "t", "t.csv.gz", "{a,b}.csv"]
)
def test_a_path_is_a_name_and_nothing_else(write: Write, name: str) -> None:
    write("x,y\n9,9\n", "abc1.csv")
    path = write("x,y\n1,2\n", name)
    for spelled in (path, str(path)):
        table = read_table(spelled, target="y")
        assert (table.X.tolist(), table.y.tolist(), table.feature_names) == ([[1]], [2], ("x",))


def test_a_relative_path(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write("x,y\n1,2\n").parent)
    assert read_table("t.csv", target="y").X.tolist() == [[1]]


def test_numbers_of_any_size(write: Write) -> None:
    values = [1e150, -1e-150, 1.7976931348623157e308, 5e-324, 0.1, 2.0**53 + 1]
    table = read_table(write("x,y\n" + "".join(f"{v!r},{v!r}\n" for v in values)), target="y")
    assert table.X[:, 0].tolist() == values
    assert table.y.tolist() == values
    assert np.isfinite(table.encoding.means).all()


# ----------------------------------------------------------------------------------------------------------- encoding
@pytest.mark.parametrize(
    ("cells", "levels"),
    [
        ("b a c", "a b c"),
        ("10 9 1", "1 9 10"),
        ("1 1.0 01", "01 1 1.0"),
        ("z 10 9", "9 10 z"),
        ("True False", "False True"),
        ("나 가", "가 나"),
        ("A a", "A a"),
    ],
)
def test_levels_are_in_order_and_the_first_is_dropped(write: Write, cells: str, levels: str) -> None:
    rows = cells.split()
    path = write("c,y\n" + "".join(f" {cell} ,{i}\n" for i, cell in enumerate(rows)))
    table = read_table(path, target="y", categorical="c")
    order = levels.split()
    assert table.encoding.levels == {"c": tuple(order)}
    assert table.feature_names == tuple(f"c={level}" for level in order[1:])
    assert table.X.tolist() == [[float(cell == level) for level in order[1:]] for cell in rows]


GAPS = "x,c,y\n1,b,1\n,a,2\n3,?,3\n5,b,NA\n8,z,\n4,a,5\n"


def test_rows_with_gaps_are_dropped_and_the_levels_that_only_they_had(write: Write) -> None:
    path = write(GAPS)
    table = read_table(path, target="y", categorical=["c"], missing="drop")
    assert table.feature_names == ("x", "c=b")
    assert table.X.tolist() == [[1, 1], [4, 0]]
    assert table.y.tolist() == [1, 5]
    assert (table.n_rows_read, table.n_rows_dropped) == (6, 4)
    assert tuple(map(str, table.notes)) == ("4 rows of 6 left out for missing values: 'x' 1, 'c' 1, 'y' 2",)
    with pytest.raises(InputError, match=r"'z' .*which the model does not know: its levels are 'a', 'b'"):
        read_features(path, table.encoding)


def test_gaps_are_filled_with_means_and_rows_without_a_target_dropped(write: Write) -> None:
    path = write(GAPS)
    table = read_table(path, target="y", categorical=["c"], missing="mean")
    assert table.feature_names == ("x", "c=b")
    x, b = (1 + 3 + 4) / 3, 1 / 3
    assert np.allclose(table.X, [[1, 1], [x, 0], [3, b], [4, 0]], rtol=1e-15, atol=0)
    assert table.y.tolist() == [1, 2, 3, 5]
    assert table.encoding.means == pytest.approx((x, b), rel=1e-15)
    assert tuple(map(str, table.notes)) == (
        "2 rows of 6 left out for missing values: 'y' 2",
        "missing values filled with the mean of their column: 'x' 1, 'c' 1",
    )


# --------------------------------------------------------------------------------------------------------- prediction
@pytest.fixture
def encoding(write: Write) -> Encoding:
    path = write("id,x,c,y\n1,1,a,1\n2,3,b,2\n3,5,c,3\n", "fit.csv")
    return read_table(path, target="y", exclude=["id"], categorical=["c"]).encoding


@pytest.mark.parametrize(
    ("text", "X"),
    [
        ("x,c,y\n2,b,9\n", [[2, 1, 0]]),
        ("x,c\n2,b\n", [[2, 1, 0]]),
        ("c;new;x;y\nb;text;2;text\nc;;1;\n", [[2, 1, 0], [1, 0, 1]]),
        ("y,y,x,c\n1,1,2,b\n", [[2, 1, 0]]),
        (",x,c\n0,2,b\n", [[2, 1, 0]]),
    ],
)
def test_other_columns_do_not_matter_to_a_prediction(write: Write, encoding: Encoding, text: str, X: Any) -> None:
    features = read_features(write(text), encoding)
    assert features.X.tolist() == X
    assert features.rows.tolist() == list(range(len(X)))
    assert (features.n_rows_read, features.n_rows_dropped, features.notes) == (len(X), 0, ())


def test_the_policy_of_the_fit_can_be_replaced_for_a_prediction(write: Write, encoding: Encoding) -> None:
    path = write("x,c\n,b\n2,?\n4,c\nNA,new\n")
    with pytest.raises(InputError, match="has 3 missing values"):
        read_features(path, encoding)
    dropped = read_features(path, encoding, missing="drop")
    assert dropped.X.tolist() == [[4, 0, 1]]
    assert dropped.rows.tolist() == [2]
    assert (dropped.n_rows_read, dropped.n_rows_dropped) == (4, 3)
    assert tuple(map(str, dropped.notes)) == ("3 rows of 4 left out for missing values: 'x' 2, 'c' 1",)
    path = write("x,c\n,b\n2,?\n4,c\n")
    filled = read_features(path, encoding, missing="mean")
    assert np.allclose(filled.X, [[3, 1, 0], [2, 1 / 3, 1 / 3], [4, 0, 1]])
    assert tuple(map(str, filled.notes)) == ("missing values filled with the mean of their column: 'x' 1, 'c' 1",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("c,y\na,1\n", "has no column 'x', needed by the model: the columns are 'c', 'y'"),
        ("y\n1\n", "has no columns 'x', 'c', needed by the model"),
        ("x,x,c\n1,2,a\n", "has several columns named 'x'"),
        (
            "x,c\n1,a\n2,d\n3,d\n",
            "holds 'd' (row 2, 2 of 3 cells), which the model does not know: its levels are 'a', 'b'",
        ),
        ("x,c\n1,a\n2m,b\n", "holds text in the column 'x' ('2m' in row 2, 1 of 2 cells): correct the cells"),
        ("x,c\n1,a\n-inf,b\n", "holds infinite values in the column 'x' (1, first in row 2)"),
        ("x,c\n", "has a header and no rows"),
    ],
)
def test_tables_that_the_model_cannot_use(write: Write, encoding: Encoding, text: str, sentence: str) -> None:
    with pytest.raises((InputError, OSError)) as caught:
        read_features(write(text), encoding)
    assert sentence in str(caught.value)
    assert "categorical" not in str(caught.value)
    assert "exclude" not in str(caught.value)


def test_a_policy_that_leaves_no_row_for_a_prediction(write: Write, encoding: Encoding) -> None:
    with pytest.raises(InputError, match=r"leaves none of the 1 rows of .* \('x' 1 missing\): use missing='mean'$"):
        read_features(write("x,c\n,b\n"), encoding, missing="drop")


@pytest.mark.parametrize("missing", ["zero", "", 0])
def test_an_unknown_policy(write: Write, encoding: Encoding, missing: Any) -> None:
    path = write("x,c,y\n1,a,1\n")
    for read in (
        lambda: read_table(path, target="y", missing=missing),
        lambda: read_features(path, encoding, missing=missing),
    ):
        with pytest.raises(InputError, match="it must be 'drop', 'mean' or None"):
            read()


def test_values_print_short(write: Write) -> None:
    path = write("x,y\n1,2\n")
    table = read_table(path, target="y")
    assert repr(table) == ("Table(feature_names=('x',), target='y', n_rows_read=1, n_rows_dropped=0, notes=())")
    assert repr(read_features(path, table.encoding)) == "Features(n_rows_read=1, n_rows_dropped=0, notes=())"


def test_the_mean_of_the_largest_float_is_itself(write: Write) -> None:
    largest = "1.7976931348623157e+308"
    table = read_table(write("x,y\n" + f"{largest},1\n" * 3), target="y")
    assert table.encoding.means == (float(largest),)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_integers_that_no_float64_is_are_counted_and_known(form: str, tmp_path: Path) -> None:
    """Neighbours of powers of two, by Python's own integers; what has a point is no integer."""
    cells = [2**53 - 1, 2**53, 2**53 + 1, 2**60, 2**60 + 1, -(2**55) - 1]
    path = tmp_path / f"t.{form}"
    if form == "csv":
        path.write_text("id,x,y\n" + "".join(f"{cell},{cell}.0,{k}\n" for k, cell in enumerate(cells)))
    else:
        columns = {"id": cells, "x": [float(cell) for cell in cells], "y": range(6)}
        pyarrow.parquet.write_table(pyarrow.table({name: list(column) for name, column in columns.items()}), path)
    wrong = [cell for cell in cells if int(float(cell)) != cell]
    with pytest.warns(DownslopeWarning, match=rf"{len(wrong)} integers of X in the column 'id' .*, {wrong[0]}, to"):
        table = read_table(path, target="y")
    assert table.rounding == pytest.approx(np.spacing(2.0**60) / np.std(table.X[:, 0]))
    with pytest.warns(DownslopeWarning, match=rf"{len(wrong)} integers of y .*, {wrong[0]}, to"):
        read_table(path, target="id", features=["y"])


@pytest.mark.parametrize("n_more", [0, 400], ids=["narrow", "wide"])
def test_columns_of_true_and_false_are_0_and_1(n_more: int, write: Write) -> None:
    """What the first cells say holds for all; a number beside them is text, and so is a truth among numbers."""
    more = [f"x{j}" for j in range(n_more)]

    def lines(*rows: str) -> str:
        return "".join(",".join([row, *("1.5" for _ in more)]) + "\n" for row in rows)

    head = ",".join(["n,yes,y", *more]) + "\n"
    path = write(head + lines("1, True ,1", "2,false,2", "3,NA,3", "4,TRUE,4", *(f"{k},False,{k}" for k in range(30))))
    table = read_table(path, target="y", missing="drop", exclude=more[1:])
    np.testing.assert_array_equal(table.X[:, 1], [1, 0, 1, *[0] * 30])
    if more:
        return
    with pytest.raises(InputError, match=r"text in the column 'yes' \('1' in row 26, 1 of 26 cells\)"):
        read_table(write(head + lines(*["1,true,2"] * 25, "1,1,3")), target="y")
    with pytest.raises(InputError, match=r"text in the column 'n' \('true' in row 2, 1 of 2 cells\)"):
        read_table(write(head + lines("1,true,1", "true,true,2")), target="y")


def test_codes_with_leading_zeros_are_told(write: Write) -> None:
    path = write("zip,size,y\n00501,0.5,1\n10001,0,2\n00501,10,3\n")
    with pytest.warns(DownslopeWarning, match=r"'zip' is written with leading zeros.*categorical=\['zip'\]") as caught:
        np.testing.assert_array_equal(read_table(path, target="y").X[:, 0], [501, 10001, 501])
    assert len(caught) == 1
    assert read_table(path, target="y", categorical=["zip"]).feature_names == ("zip=10001", "size")
    assert read_table(path, target="y", exclude=["zip"]).feature_names == ("size",)


def test_the_files_of_a_folder_are_one_table(tmp_path: Path) -> None:
    """Columns go by their names, levels are those of all files, and rows count on."""
    frame = pd.DataFrame({"x": [1.0, 2, nan, 4, 5, 6], "k": list("uvwuvv"), "y": [3.0, 1, 2, 5, 4, 6]})
    folder = tmp_path / "parts"
    folder.mkdir()
    frame[:2].to_csv(folder / "a.csv", index=False)
    frame[2:5][["y", "x", "k"]].to_csv(folder / "b.csv.gz", index=False)
    frame[5:].to_parquet(folder / "c.parquet")
    frame.to_csv(tmp_path / "all.csv", index=False)
    for missing in ("drop", "mean"):
        options = {"target": "y", "categorical": ["k"], "missing": missing}
        found, wanted = read_table(folder, **options), read_table(tmp_path / "all.csv", **options)
        np.testing.assert_array_equal(found.X, wanted.X)
        np.testing.assert_array_equal(found.y, wanted.y)
        np.testing.assert_array_equal(found.rows, wanted.rows)
        assert (found.feature_names, found.encoding) == (wanted.feature_names, wanted.encoding)
        again = read_features(folder / "*.*", wanted.encoding)
        np.testing.assert_array_equal(again.X, wanted.X)
    few = read_table(folder / "a.csv", target="y", categorical=["k"])
    with pytest.raises(InputError, match=r"column 'k' of .*b\.csv\.gz holds 'w' \(row 1, 1 of 3 cells\)"):
        read_features(folder, few.encoding, missing="mean")
    (folder / "d.csv").write_text("x,k,y\n")
    assert read_table(folder, target="y", exclude=["k"], missing="drop").n_rows_read == 6
    (folder / "e.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match=r"e\.csv has no column 'k', which the first file has"):
        read_table(folder, target="y", categorical=["k"])


@pytest.mark.parametrize("header", ['"|"|"0"', '"a|b"|"c"', '"a\nb"|c', '"a ""b"""|c', "a|c"])
def test_a_quote_behind_a_byte_order_mark(header: str, write: Write) -> None:
    path = write(f"\ufeff{header}\n1.5|2\n3|4\n")
    names = next(csv.reader(io.StringIO(header, newline=""), delimiter="|"))
    table = read_table(path, target=names[1])
    np.testing.assert_array_equal(np.column_stack([table.X, table.y]), [[1.5, 2], [3, 4]])
    assert table.feature_names == (names[0],)
