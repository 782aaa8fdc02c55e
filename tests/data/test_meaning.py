"""What numpy would make numbers of without a word is refused, wherever it stands; what are numbers passes."""

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from downslope import GradientDescentRegressor, SGDRegressor, set_language
from downslope.data.meaning import read_numbers
from downslope.exceptions import DownslopeError, InputError, NotNumbersError

N = 12
NUMBERS = np.arange(N, dtype=float)
HOURS = np.datetime64("1999-12-31T20", "h") + np.arange(N)
GAPS = HOURS.copy()
GAPS[4] = np.datetime64("NaT")
DAYS = [datetime.date(2021, 5, 1 + day) for day in range(N)]
MASKED = np.ma.masked_greater(NUMBERS, 9.5)
RECORDS = np.zeros(N, dtype=[("km", "f8"), ("kg", "f8")])

COLUMNS: dict[str, tuple[Any, str]] = {
    "dates": (HOURS, r"dates or time spans \(datetime64\[h\]\)"),
    "a missing date": (GAPS, r"dates or time spans \(datetime64\[h\]\)"),
    "time spans": (HOURS - HOURS[0], r"dates or time spans \(timedelta64\[h\]\)"),
    "dates of Python": (DAYS, r"dates or time spans \(date\)"),
    "time spans of Python": ([datetime.timedelta(hours=k) for k in range(N)], r"dates or time spans \(timedelta\)"),
    "pandas' dates in a list": (list(pd.to_datetime(HOURS)), r"dates or time spans \(Timestamp\)"),
    "dates among objects": (np.array([*NUMBERS[1:], pd.NaT], dtype=object), r"dates or time spans \(NaTType\)"),
    "masked": (MASKED, r"a masked array in which 2 of 12 values are masked"),
    "a masked cell in a list": (list(MASKED), r"a masked array in which 2 of 12 values are masked"),
    "records": (RECORDS, r"an array of records \('km' and 'kg'\)"),
    "numbers as text": (NUMBERS.astype(str), r"'0\.0'"),
    "bytes": (NUMBERS.astype("S"), r"b'0\.0'"),
    "text among objects": (np.array([*NUMBERS[1:], "1e5"], dtype=object), r"'1e5'"),
    "complex": (NUMBERS * 1j, r"Complex data not supported"),
    "complex among objects": (np.array([*NUMBERS[1:], 1j], dtype=object), r"Complex data not supported"),
    "too large for a float": ([10**400] * N, r"too large"),
    "dictionaries": (np.array([{}] * N, dtype=object), r"argument must be a string or a real number, not 'dict'"),
}
FRAMES: dict[str, Any] = {
    "pandas": pd.Series(GAPS.astype("M8[s]")),
    "an index of pandas": pd.DatetimeIndex(HOURS.astype("M8[s]")),
    "an array of pandas": pd.array(HOURS.astype("M8[s]")),
    "categories": pd.Categorical(NUMBERS),
    "polars": polars.Series(DAYS),
    "pyarrow": pyarrow.array(DAYS),
}


def fit(place: str, column: Any, estimator: Any) -> None:
    rows = np.column_stack([NUMBERS, NUMBERS**2])
    given: dict[str, Any] = {"X": rows, "y": 2 * NUMBERS, "sample_weight": None}
    if place == "X":
        array = column if isinstance(column, np.ndarray) else np.array(column, dtype=object)
        given["X"] = array.reshape(-1, 1)
    else:
        given[place] = column
    estimator.fit(**given)


@pytest.mark.parametrize("estimator", [GradientDescentRegressor, SGDRegressor])
@pytest.mark.parametrize("place", ["X", "y", "sample_weight"])
@pytest.mark.parametrize("case", COLUMNS)
def test_what_is_no_number_is_refused_in_one_sentence(case: str, place: str, estimator: Any) -> None:
    column, told = COLUMNS[case]
    with pytest.raises(InputError, match=told) as caught:
        fit(place, column, estimator())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["y", "sample_weight"])
@pytest.mark.parametrize("case", FRAMES)
def test_frames_are_no_way_around_it(case: str, place: str) -> None:
    with pytest.raises(InputError, match=rf"{place} is of type"):
        fit(place, FRAMES[case], GradientDescentRegressor())


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
def test_rows_to_predict_are_held_to_the_same() -> None:
    for model in (GradientDescentRegressor(), SGDRegressor()):
        with np.errstate(all="ignore"):
            model.fit(NUMBERS[:, None] / N, NUMBERS)
        with pytest.raises(InputError, match="dates or time spans"):
            model.predict(HOURS[:, None])


def test_validation_rows_are_held_to_the_same() -> None:
    rows = NUMBERS[:, None]
    with pytest.raises(InputError, match="y holds dates"):
        GradientDescentRegressor(early_stopping=True).fit(rows, NUMBERS, X_val=rows, y_val=HOURS)


@pytest.mark.parametrize(
    "column",
    [
        np.ma.masked_array(NUMBERS, mask=False),
        NUMBERS.astype(object),
        [Decimal(k) for k in range(N)],
        [Fraction(k) for k in range(N)],
        pd.Index(NUMBERS),
        pd.array(NUMBERS.astype(int), dtype="Int64"),
        NUMBERS.astype(np.longdouble),
        NUMBERS.astype(np.float16),
    ],
    ids=["nothing masked", "objects", "decimals", "fractions", "index", "Int64", "long double", "half"],
)
@pytest.mark.parametrize("place", ["y", "sample_weight"])
def test_numbers_of_any_make_are_numbers(column: Any, place: str) -> None:
    plain, other = GradientDescentRegressor(), GradientDescentRegressor()
    fit(place, NUMBERS, plain)
    fit(place, column, other)
    np.testing.assert_array_equal(plain.coef_, other.coef_)


def test_truth_values_are_numbers() -> None:
    y = NUMBERS > 4
    for target in (y, pd.Series(y), y.astype(object)):
        model = GradientDescentRegressor().fit(NUMBERS[:, None], target)
        np.testing.assert_allclose(model.predict(NUMBERS[:, None]).mean(), y.mean())


def test_missing_values_among_objects_are_gaps() -> None:
    with pytest.raises(InputError, match="y contains NaN or infinity in 1 of 12 rows"):
        GradientDescentRegressor().fit(NUMBERS[:, None], np.array([None, *NUMBERS[1:]], dtype=object))


def test_an_object_that_can_be_a_number_is_one() -> None:
    class Measured:
        def __float__(self) -> float:
            return 2.5

    assert read_numbers(np.array([Measured()], dtype=object), "y").astype(float).tolist() == [2.5]


def test_what_is_no_number_is_an_error_of_ours_and_of_types() -> None:
    with pytest.raises(NotNumbersError) as caught:
        GradientDescentRegressor().fit(np.array([[{}]] * 3, dtype=object), [1.0, 2.0, 3.0])
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, DownslopeError)


def test_dates_are_refused_in_korean() -> None:
    set_language("ko")
    try:
        with pytest.raises(InputError, match=r"y에 날짜나 시간\(datetime64\[h\]\)이 들어 있어요"):
            GradientDescentRegressor().fit(NUMBERS[:, None], HOURS)
    finally:
        set_language("en")
