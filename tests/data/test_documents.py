"""JSON without the numbers that it does not have."""

import json
import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from downslope.data.documents import to_json


class Run(NamedTuple):
    gap: float
    outcome: str


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (math.nan, None),
        ([1, 1.5, math.inf, -math.inf], [1, 1.5, None, None]),
        ({"a": {"b": (math.nan, "nan")}, "c": None}, {"a": {"b": [None, "nan"]}, "c": None}),
        (Run(math.inf, "diverged"), [None, "diverged"]),
        ([np.float64("nan"), np.float64(0.1), True], [None, 0.1, True]),
    ],
)
def test_numbers_that_are_not_finite_are_null(document: Any, read: Any) -> None:
    assert json.loads(to_json(document), parse_constant=pytest.fail) == read


def test_letters_stay_as_they_are_and_options_are_passed_on() -> None:
    assert to_json({"연비": 1.0}, indent=1) == '{\n "연비": 1.0\n}'
