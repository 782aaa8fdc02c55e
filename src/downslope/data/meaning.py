"""What numpy would make numbers of without a word: dates, masks, text, records. It is refused with a sentence."""

import datetime
from collections.abc import Sequence
from decimal import Decimal
from numbers import Complex, Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.exceptions import InputError, NotNumbersError
from downslope.texts import Finding, Remedy

__all__ = ["read_numbers"]

DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
# What to say of text, by what holds it.
TEXT = {"X": "rows.text", "y": "rows.target_unreadable", "sample_weight": "rows.weights_unreadable"}
# The same of complex numbers, which scikit-learn has its own words for.
COMPLEX = {"X": "rows.complex_features", "y": "rows.complex_target"}


def read_numbers(values: Any, argument: str) -> Any:
    """What is no frame as an array whose cells are numbers and mean them; sparse matrices as they are.

    Parameters
    ----------
    values : array-like or sparse matrix
    argument : "X", "y", "sample_weight", "init", "coef_init" or "intercept_init"
        For the sentence.

    Raises
    ------
    InputError
        For dates and time spans, masked cells, text, complex numbers and records.
    NotNumbersError
        The same, which is a `TypeError` too, for objects that are no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> read_numbers([[1, None], [True, 2.5]], "X").dtype
    dtype('O')
    >>> read_numbers(np.array(["2024-03-01"], dtype="datetime64[D]"), "y")
    Traceback (most recent call last):
        ...
    downslope.exceptions.InputError: y holds dates or time spans (datetime64[D]), ...
    """
    if scipy.sparse.issparse(values):
        return values
    if isinstance(values, np.ma.MaskedArray):
        refuse_masked(values, argument)
    if isinstance(values, list | tuple):
        refuse_masked_cells(values, argument)
    try:
        array = np.asarray(values)
    except ValueError:
        # What has no shape is refused by whoever looks at the shape.
        return values
    refuse_kind(array, argument)
    if array.dtype == object:
        refuse_objects(array, argument)
    return array


def spoken(argument: str) -> Any:
    """The argument in a sentence: an option as whoever shows it names it."""
    return Remedy(argument) if argument in ("sample_weight", "init") else argument


def refuse_masked(values: Any, argument: str) -> None:
    """Raise `InputError` where cells are masked: a plain array would forget it."""
    masked = int(np.sum(np.ma.getmaskarray(values)))
    if masked:
        raise InputError(Finding.of("meaning.masked", what=spoken(argument), count=masked, size=int(values.size)))


def refuse_masked_cells(cells: Sequence[Any], argument: str) -> None:
    """The same for cells of a masked array in a list."""
    masked = sum(cell is np.ma.masked for cell in cells)
    if masked:
        raise InputError(Finding.of("meaning.masked", what=spoken(argument), count=masked, size=len(cells)))


def refuse_kind(array: NDArray[Any], argument: str) -> None:
    """Raise `InputError` for arrays of dates, text, complex numbers or records."""
    kind = array.dtype.kind
    if kind in "mM":
        raise dates(argument, str(array.dtype))
    if kind == "V":
        fields = list(array.dtype.names or ())
        raise InputError(Finding.of("meaning.records", what=spoken(argument), fields=fields, count=len(fields)))
    if kind == "c" and argument not in COMPLEX:
        raise InputError(Finding.of("meaning.complex", what=spoken(argument)))
    if kind in "SU" and array.size:
        raise text(argument, array.flat[0])


def refuse_objects(array: NDArray[Any], argument: str) -> None:
    """Raise `InputError` for cells that are no real numbers."""
    cells: list[Any] = array.reshape(-1).tolist()
    for kind in set(map(type, cells)):
        if issubclass(kind, Real | Decimal | type(None)):
            continue
        cell: Any = next(cell for cell in cells if type(cell) is kind)
        if issubclass(kind, DATES):
            raise dates(argument, kind.__name__)
        if issubclass(kind, str | bytes):
            raise text(argument, cell)
        if cell is np.ma.masked:
            refuse_masked_cells(cells, argument)
        if issubclass(kind, Complex):
            code = COMPLEX.get(argument, "meaning.complex")
            raise InputError(Finding.of(code, what=spoken(argument), told="Complex data not supported"))
        try:
            float(cell)
        except (TypeError, ValueError) as error:
            told = Finding.of("meaning.objects", what=spoken(argument), told=str(error))
            raise NotNumbersError(told) from error


def dates(argument: str, kind: str) -> InputError:
    """The refusal of dates and time spans."""
    return InputError(Finding.of("meaning.dates", what=spoken(argument), kind=kind))


def text(argument: str, cell: Any) -> InputError:
    """The refusal of text, even where it could be read as a number."""
    told = repr(cell.item() if isinstance(cell, np.generic) else cell)
    return InputError(Finding.of(TEXT.get(argument, "meaning.text"), what=spoken(argument), told=told, cause=told))
