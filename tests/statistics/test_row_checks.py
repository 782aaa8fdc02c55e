"""Targets and weights that cannot be used: counted however the rows are cut, and the first one told."""

import re

import numpy as np
import pytest

from downslope.exceptions import InputError
from downslope.statistics.row_checks import RowChecks, check_rows
from tests.problems import Pieces

NAN, INF = np.nan, np.inf


def checked(y: list[float], weight: list[float] | None, cuts: tuple[int, ...]) -> RowChecks:
    (found,) = Pieces(np.ones((len(y), 1)), np.array(y), None if weight is None else np.array(weight), cuts).scan(
        check_rows
    )
    assert isinstance(found, RowChecks)
    return found


@pytest.mark.parametrize("cuts", [(), (2,), (3,), (0, 1, 1, 4), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize(
    ("y", "weight", "sentence"),
    [
        (
            [1, 2, 3, NAN, INF, 4],
            None,
            "y contains NaN or infinity in 2 of 6 rows (the first is row 3, counted from 0)",
        ),
        (
            [NAN, 2, 3, 4, 5, -INF],
            None,
            "y contains NaN or infinity in 2 of 6 rows (the first is row 0, counted from 0)",
        ),
        (
            [1, 2, 3, 4, 5, NAN],
            [-1, NAN, 1, 1, 1, 1],
            "y contains NaN or infinity in 1 of 6 rows (the first is row 5, counted from 0)",
        ),
        ([1, 2, 3, 4, 5, 6], [1, NAN, -INF, INF, 1, -1], "sample_weight contains NaN or infinity in 3 of 6 rows"),
        ([1, 2, 3, 4, 5, 6], [1, 0, -1e-300, 1, 1, -0.0], "sample_weight is negative in 1 of 6 rows"),
        ([1, 2, 3, 4, 5, 6], [-1, -2, 0, 1, 1, -0.5], "sample_weight is negative in 3 of 6 rows"),
    ],
    ids=["targets", "from the first row on", "a target before weights", "weights", "one below zero", "some below zero"],
)
def test_what_cannot_be_used_is_counted(
    y: list[float], weight: list[float] | None, cuts: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        checked(y, weight, cuts).refuse()


@pytest.mark.parametrize("cuts", [(), (0, 1, 3)])
@pytest.mark.parametrize("weight", [None, [0.0, 0.5, 0.0]])
def test_all_else_can_be_used(weight: list[float] | None, cuts: tuple[int, ...]) -> None:
    found = checked([0.0, -1e300, 5e-324], weight, cuts)
    found.refuse()
    assert found == RowChecks(3, 0, 0, 0, None)
