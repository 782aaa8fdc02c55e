"""The rates of "auto" against the limits of the rules, hand-made numbers, and changes of units."""

import math

import numpy as np
import pytest

from downslope.steps.accelerated import Accelerated
from downslope.steps.automatic_rate import (
    averaging_power,
    cautious_rate,
    curvature_rate,
    distance_to_go,
    full_batch_rate,
    mini_batch_schedule,
    stream_rate,
)
from downslope.steps.measured_rates import FallingRate, MeasuredRate
from downslope.steps.rules import METHODS, make_step_rule
from downslope.steps.schedules import Scheduled

BETA = 0.75
STEADY = ("gd", "momentum", "nesterov", "averaged", "saga")
ADAPTIVE = ("adagrad", "rmsprop", "adam")
NOWHERE = np.zeros(2)
BATCH = {"curvature": 8.0, "mean_length": 4.0, "distance": 6.0, "n_updates": 25}
method = pytest.mark.parametrize("method", METHODS)


def full_batch(method: str, curvature: float | None, *, squared: bool) -> Scheduled | MeasuredRate:
    rule = make_step_rule(method, BETA)
    rates = full_batch_rate(rule, curvature=curvature, squared=squared, cautious=0.01, distance=6.0)
    assert isinstance(rates, Scheduled | MeasuredRate)
    return rates


@pytest.mark.parametrize("curvature", [1e-9, 1.0, 1e12])
@pytest.mark.parametrize("method", STEADY)
def test_on_a_known_curvature_steady_rules_stay_below_their_limit(method: str, curvature: float) -> None:
    rate = full_batch(method, curvature, squared=True).constant
    assert rate is not None
    assert rate * curvature == pytest.approx(1.0)
    assert rate * curvature < make_step_rule(method, BETA).stable_product


@pytest.mark.parametrize(("curvature", "squared"), [(None, True), (8.0, False), (None, False)])
@pytest.mark.parametrize("method", STEADY)
def test_elsewhere_they_measure_it_and_grow_no_faster_than_inertia_forgets(
    method: str, curvature: float | None, squared: bool
) -> None:
    rates = full_batch(method, curvature, squared=squared)
    assert isinstance(rates, MeasuredRate)
    assert rates.first == 0.01
    inertia = make_step_rule(method, BETA).inertia
    assert rates.fastest > 1.0
    # Without inertia there is nothing to forget, and no bound.
    assert rates.fastest * inertia < 1.0 if inertia else math.isinf(rates.fastest)


@pytest.mark.parametrize("curvature", [1e-9, 8.0, 1e12])
def test_only_steps_that_ask_for_the_curvature_take_the_rate_that_is_safe(curvature: float) -> None:
    """1/L: where the curvature is L everywhere, one step of it ends at the minimum; far out it may be much less."""
    known = {"curvature": curvature, "squared": False, "cautious": 1e-9, "distance": 6.0}
    everywhere, far_out = (full_batch_rate(Accelerated(), **known, slope=slope) for slope in (math.inf, 0.5))  # type: ignore[arg-type]
    assert isinstance(far_out, FallingRate)
    assert everywhere.constant == far_out.least
    assert 3.0 - far_out.least * curvature * 3.0 == pytest.approx(0.0)
    for slope in (math.inf, 0.5):
        unknowing = full_batch_rate(Accelerated(), **known | {"curvature": None}, slope=slope)  # type: ignore[arg-type]
        assert unknowing == MeasuredRate(1e-9)
    flat = full_batch_rate(Accelerated(), **known | {"curvature": 0.0}, slope=0.5)  # type: ignore[arg-type]
    assert flat == MeasuredRate(1e-9)
    for method in STEADY:
        assert isinstance(full_batch(method, 8.0, squared=False), MeasuredRate)


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("method", ADAPTIVE)
def test_adaptive_rules_take_a_tenth_of_the_way_with_the_decay_that_they_ask_for(method: str, squared: bool) -> None:
    rates = full_batch(method, 8.0, squared=squared)
    assert isinstance(rates, Scheduled)
    expected = {"adagrad": [0.6, 0.6], "rmsprop": [0.6, 0.3], "adam": [0.6, 0.2]}[method]
    assert [rates.rate(epoch, NOWHERE, NOWHERE, None)[0] for epoch in (0, 200)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "rates"),
    [
        ("gd", [1.5 / 8, 0.75 / 8]),
        ("averaged", [1.5 / 8, 0.75 / 8]),
        ("momentum", [0.25 * 1.5 / 8, 0.25 * 0.75 / 8]),
        ("nesterov", [0.25 * 1.5 / 8, 0.25 * 0.75 / 8]),
        ("saga", [1 / 24, 1 / 24]),
        ("adagrad", [1.8, 1.8]),
        ("rmsprop", [1.8 / 5, 0.9 / 5]),
        ("adam", [1.8 / 5, 0.9 / 5]),
    ],
)
def test_mini_batches_by_hand(method: str, rates: list[float]) -> None:
    schedule = mini_batch_schedule(make_step_rule(method, BETA), **BATCH)  # type: ignore[arg-type]
    assert [schedule(0), schedule(4)] == pytest.approx(rates)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "averaged"])
def test_kinks_get_the_rate_of_the_subgradient_method(method: str) -> None:
    """Distance/(length · √updates) after one epoch, √ of the epochs less after more (Shor, 1985)."""
    rule = make_step_rule(method, BETA)
    schedule = mini_batch_schedule(rule, **BATCH | {"curvature": math.inf})  # type: ignore[arg-type]
    classical = (1.0 - rule.inertia) * 6.0 / (2.0 * 5.0)
    assert [schedule(0), schedule(3)] == pytest.approx([classical, classical / 2.0])
    # A stream takes the same, update by update.
    assert stream_rate(rule, curvature=math.inf, mean_length=4.0, distance=6.0, n_updates=24.0) == pytest.approx(
        classical
    )


@pytest.mark.parametrize("epochs", [0.5, 12.0, 60.0, 1e6])
@pytest.mark.parametrize("method", ["gd", "averaged", "momentum", "nesterov"])
def test_a_way_is_gone_within_two_hundred_epochs_however_many_steps_of_the_steepest_slope_it_is(
    method: str, epochs: float
) -> None:
    """Steps by curvature arrive at what is near; they fall too soon for what is far, which is met as with kinks."""
    rule, slope = make_step_rule(method, BETA), 0.01
    distance = epochs * 25 * slope / 8.0
    numbers = BATCH | {"distance": distance, "slope": slope}
    schedule = mini_batch_schedule(rule, **numbers)  # type: ignore[arg-type]
    # An update moves by the rate and the slope times a length, of 2 here; inertia repeats it.
    reach = slope * 2.0 * 25 / (1.0 - rule.inertia)
    assert sum(schedule(epoch) for epoch in range(200)) * reach >= distance
    by_curvature = mini_batch_schedule(rule, **BATCH)  # type: ignore[arg-type]
    if epochs < 20.0:
        assert schedule == by_curvature
    else:
        assert sum(by_curvature(epoch) for epoch in range(200)) * reach < distance
        kinks = mini_batch_schedule(rule, **numbers | {"curvature": math.inf})  # type: ignore[arg-type]
        assert schedule(3) == pytest.approx(kinks(3) / slope)


@pytest.mark.parametrize("method", ["gd", "averaged", "momentum", "nesterov"])
def test_a_stream_meets_a_way_of_thousands_of_steps_as_one_with_kinks(method: str) -> None:
    """Its first update then goes the whole way with a row of the mean length, where hundreds of steps are made."""
    rule, slope = make_step_rule(method, BETA), 0.01
    numbers = {"curvature": 8.0, "mean_length": 4.0, "n_updates": 0.0, "slope": slope}
    near, far = (stream_rate(rule, distance=steps * slope, **numbers) for steps in (400.0, 4000.0))
    assert near == stream_rate(rule, distance=slope, **numbers) == pytest.approx((1.0 - rule.inertia) / 8.0)
    assert far * slope * 2.0 / (1.0 - rule.inertia) == pytest.approx(4000.0 * slope)


@pytest.mark.parametrize("ridge", [0.5, 50.0])
@pytest.mark.parametrize("method", ["gd", "averaged", "momentum", "nesterov"])
def test_no_rate_throws_what_a_ridge_pulls_over_its_goal(method: str, ridge: float) -> None:
    """A step of rate η on ½·ridge·θ² goes η·ridge of the way, and inertia repeats it."""
    rule = make_step_rule(method, BETA)
    for curvature, slope in ((math.inf, math.inf), (8.0 + ridge, 1e-9)):
        batch = BATCH | {"curvature": curvature, "slope": slope, "distance": 1e6}
        free, held = (mini_batch_schedule(rule, **batch, ridge=own)(0) for own in (0.0, ridge))  # type: ignore[arg-type]
        assert held * ridge / (1.0 - rule.inertia) == pytest.approx(1.0)
        assert held < free
        mine = {"curvature": curvature, "mean_length": 4.0, "distance": 1e6, "n_updates": 3.0, "slope": slope}
        free, held = (stream_rate(rule, **mine, ridge=own) for own in (0.0, ridge))
        assert held * ridge / (1.0 - rule.inertia) == pytest.approx(1.0)
        assert held < free
    near = BATCH | {"curvature": math.inf, "distance": 1e-6}
    assert mini_batch_schedule(rule, **near, ridge=ridge) == mini_batch_schedule(rule, **near)  # type: ignore[arg-type]
    # On all rows it is measured, up to that.
    for own, most in ((ridge, 1.0 / ridge), (0.0, math.inf)):
        rates = full_batch_rate(rule, curvature=None, squared=False, cautious=0.01, distance=6.0, ridge=own)
        assert isinstance(rates, MeasuredRate)
        assert (rates.first, rates.most) == (0.01, most)
        far = full_batch_rate(rule, curvature=None, squared=False, cautious=1e6, distance=6.0, ridge=own)
        assert isinstance(far, MeasuredRate)
        assert far.first == min(1e6, most)
        falling = full_batch_rate(
            Accelerated(), curvature=8.0 + own, squared=False, cautious=0.01, distance=6.0, slope=1.0, ridge=own
        )
        assert falling == FallingRate(1.0 / (8.0 + own), most)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_adaptive_rules_ask_for_no_ridge(method: str) -> None:
    rule = make_step_rule(method, BETA)
    free, held = (mini_batch_schedule(rule, **BATCH, ridge=own)(0) for own in (0.0, 50.0))  # type: ignore[arg-type]
    assert free == held
    for own in (0.0, 50.0):
        rate = stream_rate(rule, curvature=8.0, mean_length=4.0, distance=1e6, n_updates=3.0, ridge=own)
        assert rate == pytest.approx(3e5 if method == "adagrad" else 1.5e5)


@pytest.mark.parametrize("method", STEADY)
def test_where_no_batch_is_steep_the_rate_is_one(method: str) -> None:
    """Rows of zeros without an intercept: whatever the rate, nothing moves, and nothing is divided by zero."""
    rule = make_step_rule(method)
    schedule = mini_batch_schedule(rule, **BATCH | {"curvature": 0.0})  # type: ignore[arg-type]
    assert schedule(0) == schedule(99) == 1.0
    assert stream_rate(rule, curvature=0.0, mean_length=0.0, distance=6.0, n_updates=24.0) == 1.0


@pytest.mark.parametrize("method", [name for name in METHODS if name != "saga"])
def test_a_stream_by_hand(method: str) -> None:
    rate = stream_rate(make_step_rule(method, BETA), curvature=8.0, mean_length=4.0, distance=6.0, n_updates=24.0)
    expected = {"momentum": 0.25 / 8, "nesterov": 0.25 / 8, "adagrad": 1.8, "rmsprop": 1.8 / 5, "adam": 1.8 / 5}
    assert rate == pytest.approx(expected.get(method, 1 / 8))


@pytest.mark.parametrize("method", ADAPTIVE)
def test_adaptive_rules_ask_for_no_curvature(method: str) -> None:
    rule = make_step_rule(method, BETA)
    schedule = mini_batch_schedule(rule, curvature=math.nan, mean_length=math.nan, distance=6.0, n_updates=25)
    assert schedule(0) == mini_batch_schedule(rule, **BATCH)(0)  # type: ignore[arg-type]


def test_the_methods_are_steady_or_adaptive() -> None:
    assert sorted(STEADY + ADAPTIVE) == sorted(METHODS)
    assert [name for name in METHODS if make_step_rule(name).steady] == [name for name in METHODS if name in STEADY]


@method
def test_a_mean_is_shown_unless_the_noise_is_met_otherwise(method: str) -> None:
    assert averaging_power(make_step_rule(method)) == (None if method in ("averaged", "saga") else 3.0)


def test_the_way_to_go() -> None:
    start, minimum, gradient = np.array([1.0, 0.0]), np.array([3.0, -5.0]), np.array([0.5, -2.0])
    assert distance_to_go(start, minimum, 6.0, gradient) == 5.0
    assert distance_to_go(start, start + 1e-9 * (minimum - start), 6.0, gradient) == pytest.approx(5e-9)
    # J falls by 2 a unit along the second parameter, so that a straight line meets zero after 3.
    assert distance_to_go(start, None, 6.0, gradient) == distance_to_go(minimum, minimum, 6.0, gradient) == 3.0
    assert distance_to_go(start, None, 6.0, np.zeros(2)) == distance_to_go(start, None, 0.0, gradient) == 1.0
    # A tenth of 2 is a coefficient whose ridge, ½·75·0.2², is a quarter of J.
    assert distance_to_go(start, None, 6.0, gradient, 75.0) == pytest.approx(2.0)
    assert distance_to_go(start, None, 6.0, gradient, 30.0) == 3.0
    assert distance_to_go(start, minimum, 6.0, gradient, 75.0) == 5.0


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_y_and_of_the_columns_cancel(unit: float) -> None:
    """Of y: J grows by unit², slopes and ways by unit. A cautious step is then a thousandth of the same way."""
    gradient = np.array([0.5, -2.0])
    assert distance_to_go(NOWHERE, None, 6.0 * unit**2, gradient * unit) == pytest.approx(3.0 * unit)
    assert cautious_rate(None, 6.0 * unit**2, gradient * unit) == pytest.approx(cautious_rate(None, 6.0, gradient))
    assert cautious_rate(None, 6.0, gradient) * 2.0 == pytest.approx(1e-3 * 3.0)
    assert curvature_rate(8.0 * unit) * unit == pytest.approx(cautious_rate(8.0, 6.0, gradient)) == pytest.approx(0.125)


def test_where_nothing_is_steep_the_rate_is_one() -> None:
    assert curvature_rate(0.0) == cautious_rate(0.0, 6.0, np.zeros(2)) == cautious_rate(None, 0.0, np.ones(2)) == 1.0
