"""What is foretold against runs that are made: a plain recurrence along each direction, epoch by epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from downslope.closed_form.forecast import TRANSIENT, Forecast, excess
from downslope.closed_form.path import CHUNK_NUMBERS
from downslope.steps.rules import HeavyBall, Nesterov, Plain, StepRule, fastest_heavy_ball

Array = NDArray[np.float64]

# Shares of the largest stable rate, both sides of it.
SHARES = np.array([0.01, 0.3, 0.9, 0.99, 0.999, 0.99999, 1.00001, 1.001, 1.05, 2.0])
LAST = 2000


def run(forecast: Forecast, last: int) -> Array:
    """J - J* after 0 … last epochs, (last + 1, r), by the textbook's recurrence."""
    rule = forecast.rule
    beta = rule.momentum if isinstance(rule, HeavyBall | Nesterov) else 0.0
    h = np.multiply.outer(forecast.rates, forecast.eigenvalues)
    rho = np.tile(forecast.residual, (forecast.rates.size, 1))
    velocity, path = np.zeros_like(rho), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(last + 1):
            path.append(0.5 * (rho**2).sum(axis=1))
            velocity = beta * velocity + rho
            rho = rho - h * (rho + beta * velocity if isinstance(rule, Nesterov) else velocity)
    return np.array(path)


def first(hits: NDArray[np.bool_]) -> Array:
    """The first epoch of each column that hits; NaN where none does."""
    return np.where(hits.any(axis=0), hits.argmax(axis=0), np.nan)


RULES = (Plain(), HeavyBall(0.5), HeavyBall(0.9), Nesterov(0.5), Nesterov(0.9))


@pytest.mark.parametrize("rule", RULES)
def test_the_limit_is_right_on_both_sides(rule: StepRule) -> None:
    eigenvalues, residual = np.array([3.0, 1.0, 0.2]), np.array([1.0, -2.0, 0.5])
    rates = rule.stable_product / 3.0 * np.array([0.999, 1.001])
    calm, wild = Forecast(rule, rates, eigenvalues, residual).after(200_000)
    assert calm < 1e-12
    assert not wild < 1e6


@pytest.mark.parametrize("rule", [*RULES, HeavyBall(0.0), Nesterov(0.99)], ids=str)
def test_a_direction_lasts_where_its_roots_are_real_and_in_the_unit_circle(rule: StepRule) -> None:
    """Of the textbook's recurrence for ρ and v: what neither turns nor grows can, in the end, only fall."""
    beta, h = rule.inertia, np.linspace(1e-3, 4.1, 700)
    ahead = beta if rule.looks_ahead else 0.0
    moved = np.array([1.0 + ahead, beta * (ahead or 1.0)])
    maps = np.array([[[1.0 - s * moved[0], -s * moved[1]], [1.0, beta]] for s in h])
    roots = np.linalg.eigvals(maps if rule.carries_velocity else maps[:, :1, :1])
    # Not within rounding of a double root, or of the circle.
    apart = np.abs(roots[:, 0] - roots[:, -1]) if rule.carries_velocity else np.ones(h.size)
    clear = (apart > 1e-6) & (np.abs(np.abs(roots).max(axis=1) - 1.0) > 1e-9)
    expected = np.all(roots.imag == 0.0, axis=1) & (np.abs(roots).max(axis=1) < 1.0)
    found = Forecast(rule, np.array([1.0]), h, np.ones(h.size)).lasting[0]
    np.testing.assert_array_equal(found[clear], expected[clear])
    assert 0 < expected.sum() < h.size


@pytest.mark.parametrize(
    ("rule", "h"), [(Plain(), 0.0), (Plain(), 2.0), (HeavyBall(0.5), 0.0), (HeavyBall(0.25), 0.25)], ids=str
)
def test_a_direction_lasts_on_the_circle_and_where_its_roots_meet(rule: StepRule, h: float) -> None:
    """What keeps its size for ever, and (a + bk)·2⁻ᵏ, do not rise in the end."""
    assert Forecast(rule, np.array([1.0]), np.array([h]), np.ones(1)).lasting.all()


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("steep", [2.0**-10, 1.0, 2.0**10])
def test_the_limit_itself_is_stable(rule: StepRule, steep: float) -> None:
    rates = rule.stable_product / steep * np.array([0.9, 1.0, 1.1])
    assert Forecast(rule, rates, steep * np.array([1.0, 0.1]), np.ones(2)).stable.tolist() == [True, True, False]


def test_a_bound_is_passed_where_the_excess_is_above_it() -> None:
    """At a rate of 2 along a curvature of 1 it is ½ for ever; beyond, it was ½ at the start."""
    for_ever = Forecast(Plain(), np.array([2.0]), np.ones(1), np.ones(1)).blow_up(0.5, 100)
    assert (for_ever.epochs.item(), excess(for_ever.states).item()) == (100, 0.5)
    for rule in RULES:
        beyond = Forecast(rule, np.array([rule.stable_product + 0.5]), np.ones(1), np.ones(1))
        assert beyond.blow_up(0.5, 100).epochs.item() == first(run(beyond, 100) > 0.5).item() > 0


def test_a_run_that_rises_far_before_it_falls_is_waited_for() -> None:
    """Where both roots of the steepest direction are -√β, its size is about 2k·βᵏᐟ² after k steps."""
    forecast = Forecast(HeavyBall(0.995), np.array([(1 + np.sqrt(0.995)) ** 2]), np.ones(1), np.ones(1))
    path = run(forecast, 20_000)
    assert 5e4 < path.max() / path[0, 0] < 1e6
    assert forecast.first_below(1e-6, 20_000).item() == first(path <= 1e-6).item()


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_nothing_is_left_where_the_squares_underflow(rule: StepRule) -> None:
    forecast = Forecast(rule, np.array([0.7, 0.9]), np.array([1.0]), np.array([1.0]))
    expected = first(run(forecast, 10_000) == 0.0)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(forecast.first_below(0.0, 10_000), expected)


def test_what_never_happens_is_not_a_number() -> None:
    forecast = Forecast(Plain(), np.array([1e-3, 3.0]), np.array([1.0]), np.array([1.0]))
    assert np.isnan(forecast.first_below(1e-6, 100)).all()
    assert forecast.first_below(0.5, 100).tolist() == [0.0, 0.0]


def assert_foretold(seed: int, p: int, rule: StepRule, share: float, last: int) -> None:
    """The epochs at which runs from a start drawn with `seed` fall below a share of it, and at which they blow up."""
    random = np.random.default_rng(seed)
    eigenvalues = np.sort(10 ** random.uniform(-3, 0, p))[::-1]
    forecast = Forecast(rule, rule.stable_product / eigenvalues[0] * SHARES, eigenvalues, random.normal(size=p))
    path = run(forecast, last)
    bound, below = 1e6 * path[0, 0], share * path[0, 0]
    blown = first(~(path <= bound))
    end = forecast.blow_up(bound, last)
    np.testing.assert_array_equal(end.epochs, np.where(np.isnan(blown), last, blown))
    gaps = path[end.epochs, np.arange(len(SHARES))]
    np.testing.assert_allclose(excess(end.states), gaps, rtol=1e-6, atol=1e-9 * path[0, 0])
    # After a run has blown up nobody asks.
    reached, expected = forecast.first_below(below, last), first(path <= below)
    for epochs in (reached, expected):
        epochs[epochs > end.epochs] = np.nan
    np.testing.assert_array_equal(reached, expected)


@pytest.mark.parametrize("last", [0, 1, 63, 64, 65, 200])
@pytest.mark.parametrize("share", [1.0, 0.3, 1e-2])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_short_runs(rule: StepRule, share: float, last: int) -> None:
    for seed in range(3):
        assert_foretold(seed, 1 + seed, rule, share, last)


@given(
    seed=st.integers(0, 10_000),
    p=st.integers(1, 8),
    beta=st.sampled_from([0.0, 0.5, 0.9, 0.99]),
    kind=st.sampled_from([Plain, HeavyBall, Nesterov]),
    share=st.floats(-7, -1),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_first_epochs_and_blow_ups(seed: int, p: int, beta: float, kind: type, share: float) -> None:
    assert_foretold(seed, p, kind() if kind is Plain else kind(beta), 10**share, LAST)


def test_more_directions_than_are_held_at_once() -> None:
    """Alike, they are one: the looks are short, and go on."""
    n, rule, rate = CHUNK_NUMBERS // 2 + 1, HeavyBall(0.9), np.array([1.9])
    many, one = (Forecast(rule, rate, np.ones(p), np.ones(p)) for p in (n, 1))
    assert many.first_below(1e-4 * n, 1000).item() == one.first_below(1e-4, 1000).item() > TRANSIENT + 2


@pytest.mark.parametrize("rule", [Plain(), HeavyBall(0.9), Nesterov(0.9)])
def test_an_epoch_in_the_hundreds_of_millions(rule: StepRule) -> None:
    flat, below, rate = 1e-8, 1e-6, 0.5
    epoch = Forecast(rule, np.array([rate]), np.array([1.0, flat]), np.array([1.0, 1.0])).first_below(below, 10**10)[0]
    h, beta = rate * flat, 0.0 if isinstance(rule, Plain) else 0.9
    # By the slow root, in logarithms: of plain steps (1 - h)^k, with momentum that of the quadratic, from rest.
    trace, det = (1 + beta - h, beta) if isinstance(rule, HeavyBall) else ((1 + beta) * (1 - h), beta * (1 - h))
    slow = (trace + np.sqrt(trace**2 - 4 * det)) / 2
    assert epoch == pytest.approx(0.5 * np.log(2 * below) / np.log(slow), rel=1e-6)


def loop(forecast: Forecast, thresholds: list[float], last: int) -> list[float]:
    """The first epochs at which J - J* is at most the thresholds, falling, by the textbook's recurrence."""
    h, beta, reached = forecast.rates[0] * forecast.eigenvalues, forecast.rule.inertia, [np.nan] * len(thresholds)
    rho, velocity, k = forecast.residual.copy(), np.zeros_like(forecast.residual), 0
    for epoch in range(last + 1):
        while k < len(thresholds) and 0.5 * float(rho @ rho) <= thresholds[k]:
            reached[k], k = epoch, k + 1
        if k == len(thresholds):
            break
        velocity = beta * velocity + rho
        rho = rho - h * (rho + beta * velocity if forecast.rule.looks_ahead else velocity)
    return reached


@pytest.mark.parametrize("condition", [3e6, 4e7, 2.5e8])
@pytest.mark.parametrize("residual", [[80.0, 0.3, 2.0], [-0.01, 3.0, 0.5], [1.0, 0.0, 1e-3]], ids=str)
def test_where_roots_meet(residual: list[float], condition: float) -> None:
    """At Polyak's rate and momentum the steepest direction swells by the root of the condition before it falls."""
    eigenvalues = np.array([5.0, 0.2, 5.0 / condition])
    rate, beta = fastest_heavy_ball(eigenvalues[0], eigenvalues[-1])
    forecast = Forecast(HeavyBall(beta), np.array([rate]), eigenvalues, np.array(residual))
    thresholds = [share * excess(forecast.start.states)[0] for share in (1e-2, 1e-4, 1e-6)]
    found = [forecast.first_below(threshold, 10**9)[0] for threshold in thresholds]
    np.testing.assert_array_equal(found, loop(forecast, thresholds, 300_000))


@pytest.mark.parametrize(
    ("eigenvalues", "residual", "share"),
    [
        ([1.0, 0.78971182, 0.29379463, 1.608e-7], [3.59e-3, 10.0, 8.0, 0.0], 0.03),
        ([1.0, 0.8521072, 0.7736313, 1.394e-8], [3.82e-4, 10.0, 8.0, 0.0], 0.002),
    ],
)
def test_what_is_small_before_it_swells(eigenvalues: list[float], residual: list[float], share: float) -> None:
    curvatures = np.array(eigenvalues)
    rate, beta = fastest_heavy_ball(curvatures[0], curvatures[-1])
    forecast = Forecast(HeavyBall(beta), np.array([rate]), curvatures, np.array(residual))
    threshold = share * excess(forecast.start.states)[0]
    found = forecast.first_below(threshold, 10**6)
    assert 64 < found[0] < 1000
    np.testing.assert_array_equal(found, loop(forecast, [threshold], 1000))
