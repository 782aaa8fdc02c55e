"""Frames of other libraries as numpy arrays: the one place where pandas, polars and pyarrow objects stop.

Nothing is imported to read them. A library whose object is passed in has been imported by the caller, so it is looked
up in `sys.modules`, and a program without it pays nothing. numpy arrays, scipy sparse matrices, lists and
whatever else is not a frame pass through as they are.
"""

import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from downslope.exceptions import InputError, MissingDependencyError
from downslope.texts import Finding
from downslope.texts.parts import enumerate_parts

__all__ = ["make_frame", "to_array", "to_vector", "whole_columns"]

FloatArray = NDArray[np.floating[Any]]


def make_frame(columns: dict[str, list[Any]]) -> Any:
    """A pandas DataFrame of columns.

    Raises
    ------
    MissingDependencyError
        Where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingDependencyError(Finding.of("frames.no_pandas")) from error
    return pandas.DataFrame(columns)


def to_array(X: Any) -> tuple[Any, tuple[str, ...] | None]:
    """The numbers of a frame, and the names of its columns.

    Parameters
    ----------
    X : pandas or polars DataFrame, pyarrow Table or RecordBatch, or anything else
        Columns of numbers or truth values; gaps (None, NA, null) become NaN.

    Returns
    -------
    array : ndarray of shape (n_rows, n_columns), CSR matrix, or X itself
        float32 where every column is float32, float64 otherwise; the frame's own memory, possibly read-only
        and in Fortran order, where it holds all columns in one piece. A pandas frame of sparse columns is made
        a CSR matrix. Anything that is not a frame is returned as it is.
    names : tuple of str or None
        The names of the columns, if all are str.

    Raises
    ------
    InputError
        For columns of text, categories, dates or anything else that is not a number.

    Examples
    --------
    >>> import pandas
    >>> to_array(pandas.DataFrame({"a": [1, 2], "b": [0.5, None]}))
    (array([[1. , 0.5],
           [2. , nan]]), ('a', 'b'))
    """
    for library, read in _FRAMES.items():
        module = sys.modules.get(library)
        frame = read(module, X) if module is not None else None
        if frame is not None:
            names = tuple(frame.names)
            _refuse(frame, "X")
            return frame.array(), names if all(isinstance(name, str) for name in names) else None
    return X, None


def to_vector(y: Any, argument: str = "y") -> Any:
    """The numbers of a series, or of the only column of a frame.

    Parameters
    ----------
    y : pandas or polars Series, pandas Index or array, pyarrow Array or ChunkedArray, a frame of one column, or
        anything else
        Numbers or truth values; gaps become NaN.
    argument : "y" or "sample_weight"
        What it is called in a refusal.

    Returns
    -------
    ndarray of shape (n_rows,), or y itself
        float32 or float64 as in `to_array`; what is neither a series nor a frame is returned as it is.

    Raises
    ------
    InputError
        For a frame of several columns, and for values that are not numbers.

    Examples
    --------
    >>> import polars
    >>> to_vector(polars.Series("y", [3, None]))
    array([ 3., nan])
    """
    for library, read in _FRAMES.items():
        module = sys.modules.get(library)
        frame = read(module, _as_frame(library, module, y)) if module is not None else None
        if frame is not None:
            if len(frame.names) != 1:
                code = "frames.several_targets" if argument == "y" else "frames.several_weights"
                raise InputError(Finding.of(code, count=len(frame.names)))
            _refuse(frame, argument)
            array = frame.array()
            return (array if isinstance(array, np.ndarray) else array.toarray()).reshape(-1)
    return y


def whole_columns(values: Any) -> list[tuple[str, NDArray[Any]]]:
    """The columns that hold integers, or may, of a frame, a series or an array: their names and their cells.

    Gaps are left out as 0. An array's columns are called x0, x1 … in X.
    """
    for library, read in _FRAMES.items():
        module = sys.modules.get(library)
        frame = read(module, _as_frame(library, module, values)) if module is not None else None
        if frame is not None:
            return [(str(name), cells) for name, cells in frame.integers()]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuO":
        return []
    columns = values.reshape(values.shape[0], -1) if values.ndim else values.reshape(1, 1)
    return [(f"x{j}", columns[:, j]) for j in range(columns.shape[1])]


class _Frame(NamedTuple):
    """What a library says of its frame; `array` makes the numbers when the columns have been accepted."""

    names: Sequence[Any]
    refused: dict[Any, str]
    array: Callable[[], Any]
    integers: Callable[[], list[tuple[Any, NDArray[Any]]]]


def _refuse(frame: _Frame, argument: str) -> None:
    if not frame.refused:
        return
    if argument != "X":
        code = "frames.target_kind" if argument == "y" else "frames.weights_kind"
        raise InputError(Finding.of(code, kind=next(iter(frame.refused.values()))))
    named = [Finding.of("frames.column", name=name, kind=kind) for name, kind in frame.refused.items()]
    raise InputError(Finding.of("frames.not_numbers", columns=enumerate_parts(named, 5), count=len(named)))


def _as_frame(library: str, module: ModuleType, y: Any) -> Any:
    """A series as a frame of one column, without a copy; anything else as it is."""
    labels = library == "pandas" and isinstance(y, module.Index) and not isinstance(y, module.MultiIndex)
    if labels or (library == "pandas" and isinstance(y, module.api.extensions.ExtensionArray)):
        return module.Series(y).to_frame()
    if library == "pandas" and isinstance(y, module.Series):
        return y.to_frame()
    if library == "polars" and isinstance(y, module.Series):
        return y.to_frame()
    if library == "pyarrow" and isinstance(y, module.Array | module.ChunkedArray):
        return module.table({"y": y})
    return y


def _stack(columns: list[Any], n_rows: int, values: Callable[[Any, DTypeLike], Any], dtype: DTypeLike) -> FloatArray:
    """Columns side by side in one C-ordered array, converted one by one; a single one may stay in place."""
    if len(columns) == 1:
        return np.asarray(values(columns[0], dtype), dtype=dtype).reshape(-1, 1)
    array: FloatArray = np.empty((n_rows, len(columns)), dtype=dtype)
    for j, column in enumerate(columns):
        array[:, j] = values(column, dtype)
    return array


# ----------------------------------------------------------------------------------------------------- pandas
def _read_pandas(pandas: ModuleType, X: Any) -> _Frame | None:
    if not isinstance(X, pandas.DataFrame):
        return None
    columns = [X.iloc[:, j] for j in range(X.shape[1])]
    refused = {column.name: str(column.dtype) for column in columns if not _is_numeric(pandas, column)}

    def array() -> Any:
        if columns and all(isinstance(c.dtype, pandas.SparseDtype) and c.dtype.fill_value == 0 for c in columns):
            rows = X.sparse.to_coo().tocsr()
            return rows if rows.dtype == np.float32 else rows.astype(np.float64, copy=False)
        own = {column.dtype for column in columns}
        if own in ({np.dtype(np.float64)}, {np.dtype(np.float32)}):
            return X.to_numpy()  # the frame's own block, if it has only one
        single = bool(columns) and all(str(column.dtype).lower() in _PANDAS_FLOAT32 for column in columns)
        dtype = np.float32 if single else np.float64
        return _stack(columns, len(X), lambda c, dtype: c.to_numpy(dtype=dtype, na_value=np.nan), dtype)

    def integers() -> list[tuple[Any, NDArray[Any]]]:
        found = []
        for column in columns:
            if str(column.dtype).lower().startswith(_PANDAS_WHOLE):
                kind = np.uint64 if str(column.dtype).lower().startswith("u") else np.int64
                found.append((column.name, column.to_numpy(dtype=kind, na_value=0)))
            elif column.dtype == object:
                found.append((column.name, column.to_numpy()))
        return found

    return _Frame(list(X.columns), refused, array, integers)


_PANDAS_WHOLE = ("int64", "uint64")
_PANDAS_FLOAT32 = {"float32", "float[pyarrow]"}


def _is_numeric(pandas: ModuleType, column: Any) -> bool:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.hasobject:
        kind = pandas.api.types.infer_dtype(column, skipna=True)
        return kind in {"integer", "floating", "mixed-integer-float", "boolean", "decimal", "empty"}
    if isinstance(dtype, pandas.SparseDtype):
        dtype = dtype.subtype
    types = pandas.api.types
    number = types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)
    return bool(number or types.is_bool_dtype(dtype))


# ----------------------------------------------------------------------------------------------------- polars
def _read_polars(polars: ModuleType, X: Any) -> _Frame | None:
    if isinstance(X, polars.LazyFrame):
        raise InputError(Finding.of("frames.lazy"))
    if not isinstance(X, polars.DataFrame):
        return None
    known = (polars.Boolean, polars.Null)
    refused = {name: str(kind) for name, kind in X.schema.items() if not (kind.is_numeric() or kind in known)}

    def array() -> FloatArray:
        kinds = set(X.dtypes)
        if kinds in ({polars.Float64}, {polars.Float32}):
            try:
                own: FloatArray = X.to_numpy(allow_copy=False)
                return own
            except RuntimeError:  # the columns lie apart, or have gaps
                pass
        dtype = np.float32 if kinds == {polars.Float32} else np.float64
        target = polars.Float32 if kinds == {polars.Float32} else polars.Float64
        return _stack(X.get_columns(), X.height, lambda c, _: c.cast(target).to_numpy(), dtype)

    def integers() -> list[tuple[Any, NDArray[Any]]]:
        whole = [c for c in X.get_columns() if c.dtype in (polars.Int64, polars.UInt64)]
        return [(column.name, column.fill_null(0).to_numpy()) for column in whole]

    return _Frame(X.columns, refused, array, integers)


# ---------------------------------------------------------------------------------------------------- pyarrow
def _read_pyarrow(pyarrow: ModuleType, X: Any) -> _Frame | None:
    if not isinstance(X, pyarrow.Table | pyarrow.RecordBatch):
        return None
    types = pyarrow.types
    numeric = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_null)
    refused = {f.name: str(f.type) for f in X.schema if not any(accepts(f.type) for accepts in numeric)}

    def array() -> FloatArray:
        single = X.num_columns > 0 and all(types.is_float32(f.type) for f in X.schema)
        kind = pyarrow.float32() if single else pyarrow.float64()
        dtype = np.float32 if single else np.float64

        def values(column: Any, _: DTypeLike) -> Any:
            # Not "safe": an integer beyond 2^53 is rounded, as numpy rounds it.
            return column.cast(kind, safe=False).to_numpy(zero_copy_only=False)

        return _stack(X.columns, X.num_rows, values, dtype)

    def integers() -> list[tuple[Any, NDArray[Any]]]:
        whole = [f.name for f in X.schema if types.is_int64(f.type) or types.is_uint64(f.type)]
        return [(name, X.column(name).fill_null(0).to_numpy()) for name in whole]

    return _Frame(X.column_names, refused, array, integers)


_FRAMES: dict[str, Callable[[ModuleType, Any], _Frame | None]] = {
    "pandas": _read_pandas,
    "polars": _read_polars,
    "pyarrow": _read_pyarrow,
}
