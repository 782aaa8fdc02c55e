"""`scan`: rows that are read from a file, a folder or a stream when a fit asks for them, in bounded memory."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from downslope.data.tables.arrow import ArrowBatches, hands_out_batches
from downslope.data.tables.batches import TableBatches, open_files
from downslope.data.tables.notation import Notation
from downslope.data.tables.packed import UTF8
from downslope.data.tables.scratch import Scratch
from downslope.data.tables.stream import Batches, StreamSource
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["scan"]

PathLike = str | os.PathLike[str]


def scan(
    rows: Any,
    *,
    target: str,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    categorical: Sequence[str] = (),
    weight: str | None = None,
    where: Sequence[str] | str = (),
    date: Sequence[str] | str = (),
    missing: Literal["drop", "mean"] | None = None,
    na: Sequence[str] | str = (),
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str = UTF8,
    scratch: Literal["auto"] | PathLike = "auto",
) -> StreamSource:
    r"""Rows for `fit` that are read when they are needed, and are never all in memory.

    Whatever the batches in which they come, rows are cut into the same blocks, so that the bits of a fit depend on the
    rows alone.

    Parameters
    ----------
    rows : path, pattern, list of paths, or an object that hands out Arrow batches
        Text tables, perhaps packed, Parquet files, or a folder of them; "-" is standard input. Several files are one
        table, whose columns go by their names. Anything with ``__arrow_c_stream__`` is taken too, and so are a polars
        LazyFrame, a pyarrow dataset, and an iterator of batches.
    target : str
        The column to predict.
    features : sequence of str, optional
        The columns to predict it from, in this order; by default all others.
    exclude : sequence of str, default=()
    categorical : sequence of str, default=()
        Columns of files whose values are categories: each level but the first becomes a column of 0 and 1.
    weight : str, optional
        The column of weights.
    where : sequence of str, default=()
        Which rows of files are read: those that meet all of these conditions, each a column, a sign (= != < <= > >=)
        and a value, such as ``"year >= 2013"`` or ``"carrier = AA"``. A missing value meets none; in messages rows are
        counted among those that meet them.
    date : sequence of str, default=()
        Columns of files that hold dates or times: days since the first one, and parts of days.
    missing : {"drop", "mean"}, optional
        Leave out the rows with a missing value, or fill it with the mean of its column, for which the rows are read
        once more; missing values are refused by default.
    na, decimal, thousands, encoding
        How text tables are written.
    scratch : "auto" or a folder
        Where rows lie that are needed again, by other losses than the squared one and by mini-batches: few in memory,
        more in an uncompressed file without a name, in the folder for temporary files or in this one.

    Returns
    -------
    Source
        For `fit`, `predict`, `diagnose` and `sweep`; ``n_rows`` is known after the first read, ``passes`` tells how
        often the rows were read.

    Raises
    ------
    FileError
        For a file that cannot be read.
    InputError
        For columns that are absent or cannot be used, and while the rows are read for cells that cannot.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from downslope import GradientDescentRegressor, scan
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("x,y\n0,1\n1,3\n2,5\n")
    >>> rows = scan(path, target="y")
    >>> model = GradientDescentRegressor().fit(rows)
    >>> model.coef_.round(6).tolist(), rows.n_rows, rows.passes
    ([2.0], 3, 1)
    """
    table: Batches
    if hands_out_batches(rows) and not isinstance(rows, os.PathLike):
        for parameter, given in {"categorical": categorical, "where": where, "date": date}.items():
            if given:
                raise InputError(Finding.of("tables.stream_categories", parameter=Remedy(parameter)))
        table = ArrowBatches(rows, target, features=features, exclude=exclude, weight=weight)
    else:
        notation = Notation.of(na, decimal, thousands, date)
        paths = paths_of(rows)
        files = open_files(paths, notation, encoding, where)
        place = str(rows) if isinstance(rows, str | os.PathLike) else f"{files[0].path}, …"
        options = {"features": features, "exclude": exclude, "categorical": categorical, "weights": weight}
        table = TableBatches(files, place, target, **options)  # type: ignore[arg-type]
    return StreamSource(table, missing=missing, scratch=Scratch.of(scratch))


def paths_of(rows: Any) -> list[Path]:
    """The paths that were given.

    Raises
    ------
    InputError
        For what is no path, and for web addresses.
    """
    given = [rows] if isinstance(rows, str | os.PathLike) else rows
    if not isinstance(given, list | tuple) or not all(isinstance(one, str | os.PathLike) for one in given):
        raise InputError(Finding.of("tables.nothing_to_scan", kind=type(rows).__name__))
    for one in given:
        if isinstance(one, str) and re.match(r"[a-z][a-z0-9+.-]*://", one, re.IGNORECASE):
            raise InputError(Finding.of("tables.web_address", path=one))
    return [Path(one) for one in given]
