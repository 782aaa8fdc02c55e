"""Schedules against tables and recurrences; the measured rate against its published recurrence."""

import math
from collections.abc import Callable, Iterator
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
    Measured,
    MeasuredRate,
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
    assert MeasuredRate(0.3).constant is None


@pytest.mark.parametrize("given", [0.0, -0.1, math.inf, math.nan, "fast", None])
def test_a_schedule_that_gives_no_rate(given: Any) -> None:
    rule = Scheduled(lambda epoch: given if epoch == 3 else 0.1)
    assert rule.rate(2, np.zeros(1), np.zeros(1), None) == (0.1, None)
    with pytest.raises(
        InputError, match=f"the learning_rate schedule gave {given!r} at epoch 3: it must give a positive"
    ):
        rule.rate(3, np.zeros(1), np.zeros(1), None)


# --------------------------------------------------------------------------------------------- the measured rate
CURVATURES = np.array([1.0, 0.3, 0.02])


def malitsky_mishchenko(places: list[Array], gradients: list[Array], first: float, fastest: float) -> Iterator[float]:
    """The rates of "Adaptive gradient descent without descent", algorithm 1, for the places that were visited."""
    rate, growth = first, math.inf
    yield rate
    for k in range(1, len(places)):
        local = float(np.linalg.norm(places[k] - places[k - 1]) / (2 * np.linalg.norm(gradients[k] - gradients[k - 1])))
        bounded = min(min(math.sqrt(1 + growth), fastest) * rate, local)
        rate, growth = bounded, bounded / rate
        yield rate


def walk(rule: MeasuredRate, n_epochs: int, curvatures: Array = CURVATURES) -> tuple[list[Array], list[Array], Array]:
    """Plain descent on ½Σλθ² from (1, 1, 1): the places, the gradients and the rates."""
    place, state = np.ones_like(curvatures), rule.init()
    places, gradients, rates = [], [], []
    for epoch in range(n_epochs):
        gradient = curvatures * place
        rate, state = rule.rate(epoch, place, gradient, state)
        places.append(place), gradients.append(gradient), rates.append(rate)
        place = place - rate * gradient
    return places, gradients, np.array(rates)


@pytest.mark.parametrize("fastest", [math.inf, 1.1])
@pytest.mark.parametrize("first", [1e-9, 0.4, 30.0])
def test_measured_rate_is_the_published_one_rounded_down(first: float, fastest: float) -> None:
    places, gradients, rates = walk(MeasuredRate(first, fastest), 60)
    published = np.array(list(malitsky_mishchenko(places, gradients, first, fastest)))
    ratio = rates / published
    assert ratio.max() <= 1.0 + 1e-12
    assert ratio.min() > math.sqrt(0.5) - 1e-12
    # On the grid: all rates are apart by powers of √2.
    steps = 2 * np.log2(rates / rates[0])
    np.testing.assert_allclose(steps, steps.round(), atol=1e-9)


@pytest.mark.parametrize("first", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_measured_rate_finds_the_minimum_on_any_scale_from_any_first_guess(first: float, scale: float) -> None:
    places, _, _ = walk(MeasuredRate(first / scale), 1500, scale * CURVATURES)
    assert np.abs(places[-1]).max() < 1e-9 * max(1.0, np.abs(places[1]).max())


def test_measured_rate_does_not_see_rounding() -> None:
    """A last digit more in every gradient leaves all rates as they are: that is what the grid is for."""
    _, _, rates = walk(MeasuredRate(0.4), 200)
    _, _, nudged = walk(MeasuredRate(0.4), 200, CURVATURES * (1 + 2e-16))
    np.testing.assert_array_equal(rates, nudged)


@pytest.mark.parametrize(
    ("moved", "turned", "growth", "rate", "grown"),
    [
        (1.0, 1.0, math.inf, 0.5, 0.5),  # the curvature of the first step decides, however far off the guess
        (1.0, 0.0, math.inf, 10.0, math.inf),  # nothing measured yet: boldly, and still unmeasured
        (1.0, 0.0, 1.0, math.sqrt(2.0), math.sqrt(2.0)),  # no curvature here: as fast as the bound allows
        (1.0, 0.1, 3.0, 2.0, 2.0),  # the bound √(1 + 3) is below 1/(2·0.1)
        (0.0, 1.0, 1.0, 1.0, 1.0),  # no move: the rate stays
    ],
    ids=["first", "unmeasured", "flat", "bounded", "still"],
)
def test_measured_rate_case_by_case(moved: float, turned: float, growth: float, rate: float, grown: float) -> None:
    before = Measured(1.0, growth, np.zeros(1), np.zeros(1))
    given, after = MeasuredRate(1.0).rate(7, np.array([moved]), np.array([turned]), before)
    assert (after.rate, after.growth) == pytest.approx((rate, grown))
    assert rate * math.sqrt(0.5) < given <= rate


@pytest.mark.parametrize("growth", [1.0, math.inf], ids=["measured", "unmeasured"])
def test_a_measured_rate_that_would_not_be_finite_stays(growth: float) -> None:
    before = Measured(1.5e308, growth, np.zeros(1), np.zeros(1))
    given, after = MeasuredRate(1.0).rate(7, np.ones(1), np.zeros(1), before)
    assert after.rate == 1.5e308
    assert math.sqrt(0.5) * 1.5e308 < given <= 1.5e308


@pytest.mark.parametrize(("first", "local"), [(1e200, 1e-150), (1e-200, 1e150)], ids=["too large", "too small"])
def test_a_first_guess_that_is_farther_off_than_numbers_reach(first: float, local: float) -> None:
    """The quotient of the two is 0 or infinite; the curvature that was met decides all the same."""
    rule = MeasuredRate(first)
    _, before = rule.rate(0, np.zeros(1), np.zeros(1), rule.init())
    given, after = rule.rate(1, np.ones(1), np.array([0.5 / local]), before)
    assert (given, after.rate) == pytest.approx((local, local))
