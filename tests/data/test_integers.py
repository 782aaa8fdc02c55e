"""Integers that float64 cannot hold are counted, said, and taken off the digits."""

from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.data.integers import find_rounded
from downslope.exceptions import DownslopeWarning

BASE = 2**54
# Multiples of 4 are float64 there.
IDS = [BASE, BASE + 1, BASE + 100, BASE + 200, BASE + 303, BASE + 400]
KM = np.arange(6.0)
Y = 2 * KM + 1
WAYS: dict[str, Any] = {
    "int64": np.column_stack([np.array(IDS), np.arange(6)]),
    "uint64": np.column_stack([np.array(IDS, dtype=np.uint64), np.arange(6, dtype=np.uint64)]),
    "objects": np.array([[a, b] for a, b in zip(IDS, KM, strict=True)], dtype=object),
    "a list": [[a, b] for a, b in zip(IDS, range(6), strict=True)],
    "pandas": pd.DataFrame({"x0": IDS, "x1": KM}),
    "Int64": pd.DataFrame({"x0": pd.array(IDS, dtype="Int64"), "x1": KM}),
    "UInt64": pd.DataFrame({"x0": pd.array(IDS, dtype="UInt64"), "x1": KM}),
    "objects of pandas": pd.DataFrame({"x0": pd.Series(IDS, dtype=object), "x1": KM}),
    "polars": polars.DataFrame({"x0": IDS, "x1": KM}),
    "pyarrow": pyarrow.table({"x0": IDS, "x1": KM}),
}


@pytest.mark.parametrize("way", WAYS)
def test_they_are_counted_however_they_come(way: str) -> None:
    told = rf"2 integers of X in the column 'x0' lie beyond 2⁵³ .*the first, {BASE + 1}, to {BASE}\)"
    with pytest.warns(DownslopeWarning, match=told):
        GradientDescentRegressor().fit(WAYS[way], Y)


def test_they_are_said_of_targets_and_by_both_estimators() -> None:
    small = [2**53 + 1, 2**53 + 2, 2**53 + 4]
    with pytest.warns(DownslopeWarning, match="1 integer of y lies beyond 2⁵³ and is no float64, so it was rounded"):
        GradientDescentRegressor().fit([[0.0], [1.0], [2.0]], small)
    with pytest.warns(DownslopeWarning) as caught:
        SGDRegressor(max_iter=1, tol=None).fit([[0.0], [1.0], [2.0]], small)
    assert any("integer of y" in str(warning.message) for warning in caught)


def test_digits_know() -> None:
    """Steps of 37 moved by up to 2 have one digit; those of 3·10⁹ about nine, of the 10 or more that float64 has."""
    steps = np.arange(20)
    coarse = BASE + 37 * steps
    with pytest.warns(DownslopeWarning, match="integers of X"):
        few = GradientDescentRegressor().fit(coarse[:, None], 1.0 * steps + (steps == 3))
    with pytest.warns(DownslopeWarning, match="integers of X"):
        more = GradientDescentRegressor().fit((BASE + 3_000_000_001 * steps)[:, None], 1.0 * steps + (steps == 3))
    assert few.optimum_ is not None
    assert more.optimum_ is not None
    assert few.optimum_.digits == 1
    assert 8 <= more.optimum_.digits <= 10
    assert few.optimum_.note
    # The slope of the integers themselves: what the digits are about.
    exact = np.polyfit(37.0 * steps, 1.0 * steps + (steps == 3), 1)[0]
    assert 1e-6 < abs(few.optimum_.coef[0] / exact - 1) < 0.1


@pytest.mark.parametrize(
    "cells",
    [
        np.array([2**53, -(2**53), 2**63 - 1024]),
        np.array([2**64 - 2048], dtype=np.uint64),
        np.array([2**60, 0.5, None], dtype=object),
        np.array([], dtype=np.int64),
        np.array([2**31 - 1], dtype=np.int32),
    ],
    ids=["int64", "uint64", "objects", "none", "int32"],
)
def test_integers_that_are_float64_are_no_trouble(cells: Any) -> None:
    assert find_rounded(cells) is None


def test_the_ends_of_the_range() -> None:
    assert find_rounded(np.array([2**63 - 1, -(2**63), -(2**63) + 1])) == (
        2,
        2**63 - 1,
        pytest.approx(2.3e-19, rel=0.1),
    )
    assert find_rounded(np.array([2**64 - 1], dtype=np.uint64)) == (1, 2**64 - 1, 0.0)


def test_a_column_whose_differences_are_lost_has_no_digit() -> None:
    found = find_rounded(np.array([2**60, 2**60 + 1, 2**60 + 2]))
    assert found is not None
    assert found.share == np.inf
