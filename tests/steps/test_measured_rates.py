"""Rates that are measured on the way: the published recurrence, cases by hand, and accelerated steps that arrive."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from downslope.steps.accelerated import Accelerated
from downslope.steps.measured_rates import FallingRate, Measured, MeasuredRate, Met
from downslope.steps.schedules import Constant, Scheduled

Array = np.ndarray

CURVATURES = np.array([1.0, 0.3, 0.02])


def malitsky_mishchenko(places: list[Array], gradients: list[Array], first: float, fastest: float) -> Iterator[float]:
    """The rates of "Adaptive gradient descent without descent", algorithm 1, for the places that were visited.

    A guess grows by ten at most: far from its kinks a loss is straight, whatever it is nearer to them.
    """
    rate, growth = first, math.inf
    yield rate
    for k in range(1, len(places)):
        local = float(np.linalg.norm(places[k] - places[k - 1]) / (2 * np.linalg.norm(gradients[k] - gradients[k - 1])))
        bounded = min(min(math.sqrt(1 + growth), fastest, 10.0) * rate, local)
        rate, growth = bounded, bounded / rate
        yield rate


def walk(
    rule: MeasuredRate | FallingRate, n_epochs: int, curvatures: Array = CURVATURES
) -> tuple[list[Array], list[Array], Array]:
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
@pytest.mark.parametrize("first", [1e-6, 0.4, 30.0])
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
        (1.0, 1.0, math.inf, 0.5, 0.5),  # the curvature of the first step decides
        (1.0, 0.1, math.inf, 5.0, 5.0),  # also where it allows much more than the guess
        (1.0, 1e-3, math.inf, 10.0, 10.0),  # but not without a bound
        (1.0, 0.0, math.inf, 10.0, math.inf),  # nothing measured yet: boldly, and still unmeasured
        (1.0, 0.0, 1.0, math.sqrt(2.0), math.sqrt(2.0)),  # no curvature here: as fast as the bound allows
        (1.0, 0.1, 3.0, 2.0, 2.0),  # the bound √(1 + 3) is below 1/(2·0.1)
        (0.0, 1.0, 1.0, 1.0, 1.0),  # no move: the rate stays
    ],
    ids=["first", "first small", "first tiny", "unmeasured", "flat", "bounded", "still"],
)
def test_measured_rate_case_by_case(moved: float, turned: float, growth: float, rate: float, grown: float) -> None:
    before = Measured(1.0, growth, np.zeros(1), np.zeros(1))
    given, after = MeasuredRate(1.0).rate(7, np.array([moved]), np.array([turned]), before)
    assert (after.rate, after.growth) == pytest.approx((rate, grown))
    assert rate * math.sqrt(0.5) < given <= rate


@pytest.mark.parametrize("first", [1.0, 1e-5])
@pytest.mark.parametrize("growth", [1.0, math.inf], ids=["measured", "unmeasured"])
def test_a_measured_rate_that_would_not_be_finite_stays(growth: float, first: float) -> None:
    before = Measured(1.5e308, growth, np.zeros(1), np.zeros(1))
    given, after = MeasuredRate(first).rate(7, np.ones(1), np.zeros(1), before)
    assert after.rate == 1.5e308
    assert math.sqrt(0.5) * 1.5e308 < given <= 1.5e308


def test_a_first_guess_that_is_farther_off_than_numbers_reach() -> None:
    """The quotient of the two is 0; the curvature that was met decides all the same."""
    rule = MeasuredRate(1e200)
    _, before = rule.rate(0, np.zeros(1), np.zeros(1), rule.init())
    given, after = rule.rate(1, np.ones(1), np.array([0.5e150]), before)
    assert (given, after.rate) == pytest.approx((1e-150, 1e-150))


@pytest.mark.parametrize(("turned", "rate"), [(1e-16, 10.0), (4e-9, 10.0), (2e-8, 10.0), (-0.1, 5.0)])
def test_a_gradient_that_turned_by_rounding_has_measured_nothing(turned: float, rate: float) -> None:
    """All rows on one side of a kink pull alike, but for the last digits of a sum of thousands of them."""
    straight = np.array([5.0, 0.0])
    rule = MeasuredRate(1.0)
    _, before = rule.rate(0, np.zeros(2), straight, rule.init())
    _, after = rule.rate(1, np.array([1.0, 0.0]), straight + np.array([0.0, turned]), before)
    assert after.rate == pytest.approx(rate)
    assert math.isinf(after.growth) == (abs(turned) < 1e-8)


# ---------------------------------------------------------------------------------------------- the rate that falls
@pytest.mark.parametrize(
    ("moved", "turned", "rises", "rate", "still_rises"),
    [
        (1.0, 0.0, True, 3.0, True),  # nothing bends
        (1.0, 0.33, True, 3.0, True),  # and less than would stop it
        (1.0, 0.34, True, 2.0, False),  # 1/0.34 is below 1.5 times the rate, but above it
        (1.0, 0.8, True, 1.25, False),
        (1.0, 0.8, False, 1.25, False),
        (1.0, 0.1, False, 2.0, False),  # never up again
        (1.0, 0.0, False, 2.0, False),
        (1.0, 9.0, True, 0.5, False),  # never below the rate that is safe
        (0.0, 0.0, True, 2.0, True),  # nothing moved, nothing met
        (0.0, 1.0, True, 2.0, True),
    ],
)
def test_falling_rate_case_by_case(moved: float, turned: float, rises: bool, rate: float, still_rises: bool) -> None:
    rule = FallingRate(0.5)
    before = Met(2.0, rises, np.zeros(1), np.ones(1))
    given, after = rule.rate(7, np.array([moved]), np.array([1.0 + turned]), before)
    assert (after.rate, after.rises) == (pytest.approx(rate), still_rises)
    assert max(rate * math.sqrt(0.5), 0.5) <= given <= rate * (1 + 1e-12)
    assert (given, after.parameters, after.gradient) == (given, np.array([moved]), np.array([1.0 + turned]))


def test_a_falling_rate_begins_where_it_is_safe_and_is_on_a_grid_that_rounding_does_not_move() -> None:
    curvatures = np.array([2.0, 0.3, 0.02])
    for rule in (FallingRate(0.5), FallingRate(1e-3)):
        assert rule.constant is None
        _, _, rates = walk(rule, 300, curvatures)
        assert rates[0] == rule.least
        steps = 2 * np.log2(rates[rates > rule.least] / rates.max())
        np.testing.assert_allclose(steps, steps.round(), atol=1e-9)
        top = int(np.argmax(rates))
        assert np.all(np.diff(rates[: top + 1]) >= 0)
        assert np.all(np.diff(rates[top:]) <= 0)
        _, _, nudged = walk(rule, 300, curvatures * (1 + 2e-16))
        np.testing.assert_array_equal(rates, nudged)
    # From a bound that is far too careful it finds what the steepest direction allows, within a step of the grid and ½.
    assert 0.25 <= rates[-1] * 2.0 <= 2.0


@pytest.mark.parametrize("rule", [MeasuredRate(0.5, most=7.0), FallingRate(0.5, most=7.0)])
def test_no_rate_is_above_the_most(rule: MeasuredRate | FallingRate) -> None:
    state: Any = rule.init()
    rates = []
    for epoch in range(30):
        rate, state = rule.rate(epoch, np.array([float(epoch)]), np.array([1.0]), state)
        rates.append(rate)
    assert 7.0 * math.sqrt(0.5) < rates[-1] <= 7.0
    assert max(rates) == rates[-1]
    assert state.rate == 7.0


def bent(far: float) -> tuple[Callable[[Array], Array], Array]:
    """The gradient of Huber's loss of residuals that are straight far out, and its bound of curvature 1."""
    random = np.random.default_rng(4)
    Z = random.normal(size=(200, 6)) @ np.diag(np.geomspace(1.0, 0.1, 6))
    Z /= np.linalg.norm(Z, 2)
    y = far * (Z @ random.normal(size=6) + 0.1 * random.standard_t(2, size=200))
    return lambda theta: np.clip(Z @ theta - y, -1.0, 1.0) @ Z, y


@pytest.mark.parametrize("far", [1.0, 30.0, 1000.0])
def test_accelerated_steps_of_falling_rates_arrive_and_where_much_is_straight_sooner(far: float) -> None:
    """Against the same steps of the constant rate that is safe."""
    gradient, _ = bent(far)
    epochs = []
    for rule in (FallingRate(1.0), Scheduled(Constant(1.0))):
        steps, place = Accelerated(), np.zeros(6)
        held: Any = rule.init()
        state, first = steps.init(place), np.linalg.norm(gradient(place))
        for epoch in range(20_000):
            slope = gradient(place)
            if np.linalg.norm(slope) <= 1e-9 * first:
                break
            rate, held = rule.rate(epoch, place, slope, held)
            place, state = steps.update(place, slope, rate, state, lambda point, step: point)
        epochs.append(epoch)
    assert max(epochs) < 19_999
    assert epochs[0] < 1.1 * epochs[1] if far == 1.0 else epochs[0] < 0.6 * epochs[1]
