"""Schedules against tables and recurrences."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from downslope.exceptions import InputError
from downslope.steps.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    InverseTime,
    Schedule,
    Scheduled,
    StepDecay,
    is_constant,
)

Array = np.ndarray


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (Constant(0.3), {0: 0.3, 1: 0.3, 10**9: 0.3}),
        (InverseTime(0.5, half_life=10), {0: 0.5, 10: 0.25, 30: 0.125, 90: 0.05}),
        (InverseTime(0.5), {0: 0.5, 100: 0.25, 300: 0.125}),
        (InverseScaling(2.0), {0: 2.0, 3: 1.0, 99: 0.2}),
        (InverseScaling(2.0, power=1.0), {0: 2.0, 1: 1.0, 9: 0.2}),
        (Exponential(0.8, decay=0.5), {0: 0.8, 1: 0.4, 4: 0.05}),
        (Exponential(0.8), {0: 0.8, 1: 0.792, 2: 0.78408}),
        (StepDecay(0.8), {0: 0.8, 99: 0.8, 100: 0.4, 199: 0.4, 200: 0.2}),
        (StepDecay(0.8, factor=0.5, every=3), {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2, 9: 0.1}),
        (Cosine(1.0, epochs=4, last=0.2), {0: 1.0, 1: 0.6 + 0.4 * math.sqrt(0.5), 2: 0.6, 4: 0.2, 99: 0.2}),
    ],
    ids=lambda value: type(value).__name__ if callable(value) else "",
)
def test_rates_by_hand(schedule: Schedule, rates: dict[int, float]) -> None:
    assert {epoch: schedule(epoch) for epoch in rates} == pytest.approx(rates, rel=1e-14)


@pytest.mark.parametrize(
    "make",
    [
        lambda bad: Constant(bad),
        lambda bad: InverseTime(1.0, half_life=bad),
        lambda bad: InverseScaling(1.0, power=bad),
        lambda bad: Exponential(1.0, decay=bad),
        lambda bad: StepDecay(1.0, every=bad),
        lambda bad: Cosine(1.0, 10, last=bad),
    ],
    ids=["rate", "half_life", "power", "decay", "every", "last"],
)
@pytest.mark.parametrize("bad", [0, -1.0, math.inf, math.nan])
def test_numbers_that_are_not_positive_are_refused(make: Callable[[float], Schedule], bad: float) -> None:
    with pytest.raises(InputError, match=r"^\w+=\S+ cannot be used: it must be a positive, finite number$"):
        make(bad)


def test_a_schedule_is_a_rate_rule_without_memory() -> None:
    rule, nowhere = Scheduled(lambda epoch: 1.0 / (epoch + 1)), np.zeros(2)
    assert rule.init() is None
    assert [rule.rate(epoch, nowhere, nowhere, None) for epoch in range(3)] == [(1.0, None), (0.5, None), (1 / 3, None)]


@pytest.mark.parametrize(
    ("rate", "constant"),
    [
        (0.3, True),
        (np.float64(0.3), True),
        (Constant(0.3), True),
        (InverseTime(0.3), False),
        (lambda epoch: 0.3, False),
    ],
    ids=["number", "numpy number", "constant", "schedule", "function"],
)
def test_only_numbers_and_constants_are_known_to_be_constant(rate: float | Schedule, constant: bool) -> None:
    assert is_constant(rate) == constant
    if callable(rate):
        assert Scheduled(rate).constant == (0.3 if constant else None)


@pytest.mark.parametrize("given", [0.0, -0.1, math.inf, math.nan, "fast", None])
def test_a_schedule_that_gives_no_rate(given: Any) -> None:
    rule = Scheduled(lambda epoch: given if epoch == 3 else 0.1)
    assert rule.rate(2, np.zeros(1), np.zeros(1), None) == (0.1, None)
    with pytest.raises(
        InputError, match=f"the learning_rate schedule gave {given!r} at epoch 3: it must give a positive"
    ):
        rule.rate(3, np.zeros(1), np.zeros(1), None)
