"""Models that leave: for programs that know neither Downslope nor Python."""

import os
from pathlib import Path
from typing import Any

from downslope.data.written import write_whole
from downslope.exceptions import InputError
from downslope.saving.as_onnx import as_onnx
from downslope.saving.as_sql import as_sql
from downslope.saving.terms import terms_of
from downslope.texts import Finding

__all__ = ["export_model"]


def export_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model for other programs; its ending says for which.

    ``.sql`` is an expression: a sum in the order of the columns in which every number has double precision, so that
    DuckDB and SQLite give the same bits. ``.onnx`` is a graph in float64 for any runtime of ONNX: one matrix ``X``
    (N, d), or, for a model of the command, an input (N, 1) for each column of its table. What the command did to the
    table is part of both: levels of categories, and the means that fill gaps. A row that cannot be predicted gives NULL
    or NaN.

    Parameters
    ----------
    model : GradientDescentRegressor or SGDRegressor
        Fitted.
    path : path
        Ending in .sql or .onnx; what is there is replaced when the new file is complete.

    Raises
    ------
    InputError
        For another ending.
    MissingDependencyError
        For .onnx without onnx.
    FileError
        Where the file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from downslope import GradientDescentRegressor, export_model
    >>> model = GradientDescentRegressor().fit([[0.0], [1.0]], [1.0, 3.0])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "line.sql"
    >>> export_model(model, path)
    >>> print(path.read_text())  # doctest: +ELLIPSIS
    -- y, predicted from the columns below: ...
    CAST('1.0' AS DOUBLE PRECISION)
      + CAST('2.0' AS DOUBLE PRECISION) * CAST("x0" AS DOUBLE PRECISION)
    <BLANKLINE>
    """
    ending = Path(path).suffix.lower()
    if ending not in (".sql", ".onnx"):
        raise InputError(Finding.of("model_file.no_export", path=str(path)))
    intercept, terms = terms_of(model)
    table = getattr(model, "table_", None)
    if ending == ".sql":
        write_whole(path, as_sql(intercept, terms, str((table or {}).get("target", "y"))))
    else:
        write_whole(path, as_onnx(intercept, terms, by_column=table is not None))
