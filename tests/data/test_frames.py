"""Frames of three libraries against the same values in plain lists."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from downslope.data.frames import to_array, to_vector
from downslope.exceptions import InputError

nan = np.nan
NUMBERS = np.array([[1.0, 4.5], [2.0, -5.0], [3.0, 6.25]])
COLUMNS: dict[str, list[float]] = {"a": NUMBERS[:, 0].tolist(), "나": NUMBERS[:, 1].tolist()}

MAKERS: dict[str, Callable[[Any], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "record batch": pa.RecordBatch.from_pydict,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_numbers_and_names(make: Callable[[Any], Any]) -> None:
    array, names = to_array(make(COLUMNS))
    assert np.array_equal(array, NUMBERS)
    assert array.dtype == np.float64
    assert names == ("a", "나")


@given(
    columns=st.lists(
        st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=4, max_size=4), min_size=1, max_size=4
    )
)
def test_all_libraries_agree_on_gaps_and_infinities(columns: list[list[float | None]]) -> None:
    table = {f"c{j}": column for j, column in enumerate(columns)}
    expected = np.array([[nan if value is None else value for value in column] for column in columns]).T
    for frame in (
        pd.DataFrame(table, dtype=np.float64),
        pd.DataFrame(table, dtype="Float64"),
        pl.DataFrame(table, schema_overrides=dict.fromkeys(table, pl.Float64)),
        pa.table({name: pa.array(column, pa.float64()) for name, column in table.items()}),
    ):
        array, names = to_array(frame)
        assert np.array_equal(array, expected, equal_nan=True)
        assert names == tuple(table)


def pandas_frame(dtype: str, values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype), "b": pd.Series(values[::-1], dtype=dtype)})


@pytest.mark.parametrize(
    ("frame", "expected", "dtype"),
    [
        *((pandas_frame(kind, [1, 0, 1]), [1, 0, 1], "f8") for kind in ("int8", "uint64", "float16", "bool", "object")),
        *((pandas_frame(kind, [1, None, 0]), [1, nan, 0], "f8") for kind in ("Int64", "boolean", "Float64", "object")),
        *((pandas_frame(f"{k}[pyarrow]", [1, None, 0]), [1, nan, 0], "f8") for k in ("int64", "bool", "double")),
        (pandas_frame("float32", [1, nan, 0]), [1, nan, 0], "f4"),
        (pandas_frame("Float32", [1, None, 0]), [1, nan, 0], "f4"),
        (pandas_frame("float[pyarrow]", [1, None, 0]), [1, nan, 0], "f4"),
        (pandas_frame("object", [Decimal("1.5"), pd.NA, None]), [1.5, nan, nan], "f8"),
        (pandas_frame("object", [None, None, None]), [nan, nan, nan], "f8"),
        (pandas_frame("Sparse[float64, nan]", [1, nan, 0]), [1, nan, 0], "f8"),
        (pandas_frame("float64", [1, 0, 1]).astype({"b": "float32"}), [1, 0, 1], "f8"),
        (pandas_frame("Int64", [1, None, 0]).astype({"b": "float32"}), [1, nan, 0], "f8"),
        (pl.DataFrame({"a": [True, None]}), [1, nan], "f8"),
        (pl.DataFrame({"a": [None, None]}), [nan, nan], "f8"),
        (pl.DataFrame({"a": [Decimal("1.5"), None]}), [1.5, nan], "f8"),
        (pl.DataFrame({"a": pl.Series([1, None], dtype=pl.UInt8)}), [1, nan], "f8"),
        (pl.DataFrame({"a": pl.Series([1, 2.5], dtype=pl.Float32)}), [1, 2.5], "f4"),
        (pl.DataFrame({"a": pl.Series([1, None], dtype=pl.Float32)}), [1, nan], "f4"),
        (pl.DataFrame({"a": pl.Series([1], dtype=pl.Float32), "b": [0.5]}), [1], "f8"),
        (pa.table({"a": [True, None]}), [1, nan], "f8"),
        (pa.table({"a": pa.nulls(2)}), [nan, nan], "f8"),
        (pa.table({"a": [Decimal("1.5"), None]}), [1.5, nan], "f8"),
        (pa.table({"a": pa.array([2**60 + 1, None])}), [2.0**60, nan], "f8"),
        (pa.table({"a": pa.array(np.array([1.5], np.float16))}), [1.5], "f8"),
        (pa.table({"a": pa.array([1, None], pa.float32())}), [1, nan], "f4"),
        (pa.table({"a": pa.chunked_array([[1.0], [2.5, None]])}), [1, 2.5, nan], "f8"),
        (pa.table({"a": pa.array([1], pa.float32()), "b": [0.5]}), [1], "f8"),
    ],
)
def test_every_kind_of_number(frame: Any, expected: list[float], dtype: str) -> None:
    array, _ = to_array(frame)
    assert array.dtype == np.dtype(dtype)
    assert array.shape[1] == frame.shape[1]
    assert np.array_equal(array[:, 0], np.array(expected), equal_nan=True)


@pytest.mark.parametrize(
    ("frame", "column", "kind"),
    [
        (pd.DataFrame({"x": [1], "name": ["ab"]}), "name", "str"),
        (pd.DataFrame({"x": [1], "name": pd.Series(["ab"], dtype=object)}), "name", "object"),
        (pd.DataFrame({"x": [1, 2], "name": pd.Series([1, "ab"], dtype=object)}), "name", "object"),
        (pd.DataFrame({"x": [1], "group": pd.Categorical([3])}), "group", "category"),
        (pd.DataFrame({"x": [1], "day": pd.to_datetime(["2020-01-01"])}), "day", "datetime64"),
        (pd.DataFrame({"x": [1], "for": pd.to_timedelta([1], unit="s")}), "for", "timedelta64"),
        (pd.DataFrame({"x": [1], "z": [1j]}), "z", "complex128"),
        (pd.DataFrame({"x": [1], "s": pd.Series(["ab"], dtype="string[pyarrow]")}), "s", "string"),
        (pl.DataFrame({"x": [1], "name": ["ab"]}), "name", "String"),
        (pl.DataFrame({"x": [1], "g": pl.Series(["ab"], dtype=pl.Categorical)}), "g", "Categorical"),
        (pl.DataFrame({"x": [1], "day": [date(2020, 1, 1)]}), "day", "Date"),
        (pl.DataFrame({"x": [1], "for": [timedelta(1)]}), "for", "Duration"),
        (pl.DataFrame({"x": [1], "l": [[1]]}), "l", "List"),
        (pa.table({"x": [1], "name": ["ab"]}), "name", "string"),
        (pa.table({"x": [1], "g": pa.array(["ab"]).dictionary_encode()}), "g", "dictionary"),
        (pa.table({"x": [1], "day": [date(2020, 1, 1)]}), "day", "date32"),
    ],
)
def test_columns_that_are_not_numbers_are_named(frame: Any, column: str, kind: str) -> None:
    with pytest.raises(InputError) as caught:
        to_array(frame)
    sentence = str(caught.value)
    assert f"in the column {column!r} ({kind}" in sentence
    assert "'x'" not in sentence
    assert "encode such columns first" in sentence
    assert "\n" not in sentence


def test_many_columns_that_are_not_numbers_are_counted() -> None:
    with pytest.raises(InputError, match=r"in the columns 'a' \(str\), .* 'e' \(str\) and 2 more:"):
        to_array(pd.DataFrame({name: ["text"] for name in "abcdefg"}))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ([0, 1], None),
        (["a", 1], None),
        (pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]), None),
        (["a", "a"], ("a", "a")),
    ],
)
def test_names_only_if_all_are_text(columns: Any, names: Any) -> None:
    frame = pd.DataFrame(NUMBERS)
    frame.columns = columns
    array, found = to_array(frame)
    assert np.array_equal(array, NUMBERS)
    assert found == names


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_frame_in_one_piece_is_not_copied(dtype: Any) -> None:
    block = np.asfortranarray(np.arange(12, dtype=dtype).reshape(4, 3))
    pandas_own = pd.DataFrame(block, columns=list("abc"), copy=False)
    assert np.shares_memory(to_array(pandas_own)[0], block)
    assert np.shares_memory(to_vector(pandas_own["b"]), block)
    polars_own = pl.from_numpy(block, schema=["a", "b", "c"])
    assert np.shares_memory(to_array(polars_own)[0], polars_own.to_numpy(allow_copy=False))
    series = polars_own["b"]
    assert np.shares_memory(to_vector(series), series.to_numpy(allow_copy=False))
    arrow = pa.array(block[:, 1])
    assert np.shares_memory(to_vector(arrow), arrow.to_numpy())


def test_columns_that_lie_apart_become_c_ordered_rows() -> None:
    for make in MAKERS.values():
        frame = make({"a": [1, 2], "b": [0.5, 1.5], "c": [True, False]})
        array, _ = to_array(frame)
        assert array.flags.c_contiguous
        assert array.tolist() == [[1, 0.5, 1], [2, 1.5, 0]]


@pytest.mark.parametrize(("dtype", "kept"), [("float64", "f8"), ("float32", "f4"), ("int64", "f8")])
def test_a_sparse_pandas_frame_stays_sparse(dtype: str, kept: str) -> None:
    rows = scipy.sparse.csr_matrix(np.array([[0, 1], [0, 0], [2, 0]], dtype=dtype))
    array, names = to_array(pd.DataFrame.sparse.from_spmatrix(rows, columns=["a", "b"]))
    assert scipy.sparse.issparse(array)
    assert (array.format, array.dtype, names) == ("csr", np.dtype(kept), ("a", "b"))
    assert array.nnz == 2
    assert np.array_equal(array.toarray(), rows.toarray())
    assert to_vector(pd.DataFrame.sparse.from_spmatrix(rows[:, :1])).tolist() == [0, 0, 2]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_frames_without_rows_keep_their_columns(make: Callable[[Any], Any]) -> None:
    array, names = to_array(make({"a": np.empty(0), "b": np.empty(0)}))
    assert array.shape == (0, 2)
    assert names == ("a", "b")


@pytest.mark.parametrize("frame", [pd.DataFrame(index=range(3)), pl.DataFrame(), pa.table({})])
def test_frames_without_columns(frame: Any) -> None:
    array, names = to_array(frame)
    assert array.shape[1] == 0
    assert names == ()


@pytest.mark.parametrize(
    "other",
    [
        NUMBERS,
        NUMBERS.astype(np.float32),
        np.array([["a"]]),
        scipy.sparse.csr_array(NUMBERS),
        scipy.sparse.coo_matrix(NUMBERS),
        [[1.0]],
        None,
        "text",
    ],
    ids=lambda other: type(other).__name__,
)
def test_what_is_no_frame_passes_untouched(other: Any) -> None:
    assert to_array(other) == (other, None) if not hasattr(other, "shape") else to_array(other)[0] is other
    assert to_vector(other) is other


def test_a_series_is_no_frame() -> None:
    series = pd.Series([1.0, 2.0])
    assert to_array(series)[0] is series


@pytest.mark.parametrize(
    ("values", "expected", "dtype"),
    [
        (pd.Series([1, 2]), [1, 2], "f8"),
        (pd.Series([1, None], dtype="Int64"), [1, nan], "f8"),
        (pd.Series([1, 2], dtype="float32"), [1, 2], "f4"),
        (pd.Series([True, False]), [1, 0], "f8"),
        (pd.DataFrame({"y": [1.5, 2]}), [1.5, 2], "f8"),
        (pl.Series([1, None]), [1, nan], "f8"),
        (pl.DataFrame({"y": [1.5, 2]}), [1.5, 2], "f8"),
        (pa.array([1, None]), [1, nan], "f8"),
        (pa.chunked_array([[1.5], [2]], pa.float32()), [1.5, 2], "f4"),
        (pa.table({"y": [1.5, 2]}), [1.5, 2], "f8"),
        (pd.Series([], dtype="float64"), [], "f8"),
    ],
)
def test_targets(values: Any, expected: list[float], dtype: str) -> None:
    vector = to_vector(values)
    assert vector.dtype == np.dtype(dtype)
    assert np.array_equal(vector, np.array(expected), equal_nan=True)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (pd.Series(["a"]), "y is of type str: a target must be numbers"),
        (pl.Series(["a"]), "y is of type String"),
        (pa.array(["a"]), "y is of type string"),
        (pd.Series([1], dtype="category"), "y is of type category"),
        (pd.DataFrame(NUMBERS), "y has 2 columns: one target is fitted at a time"),
        (pa.table({}), "y has 0 columns"),
    ],
)
def test_targets_that_cannot_be_used(values: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        to_vector(values)
    assert sentence in str(caught.value)


def test_a_lazy_frame_is_not_collected() -> None:
    with pytest.raises(InputError, match=r"LazyFrame holds no rows yet: call \.collect\(\)"):
        to_array(pl.DataFrame(COLUMNS).lazy())


def test_no_library_is_imported_for_what_is_not_its_frame() -> None:
    program = (
        "import sys, numpy, downslope.exceptions; before = set(sys.modules);"
        "from downslope.data.frames import to_array, to_vector;"
        "to_array(numpy.ones((2, 2))); to_vector([1.0]);"
        "print({'pandas', 'polars', 'pyarrow'} & set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"
