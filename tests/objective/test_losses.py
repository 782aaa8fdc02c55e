"""Losses against their definitions, finite differences, other libraries, and what smoothing promises."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.linear_model import QuantileRegressor, SGDRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from downslope.exceptions import InputError
from downslope.objective.losses import (
    LOSSES,
    EpsilonInsensitive,
    Huber,
    Loss,
    Quantile,
    SquaredEpsilonInsensitive,
    make_loss,
    slope_bound,
    sum_and_derivative,
)

DELTA, EPSILON, Q = 0.7, 0.3, 0.2

# ℓ(r) as the design defines it, r = ŷ - y, in plain Python.
DEFINITIONS: dict[str, Callable[[float], float]] = {
    "squared_error": lambda r: r**2 / 2,
    "huber": lambda r: r**2 / 2 if abs(r) <= DELTA else DELTA * (abs(r) - DELTA / 2),
    "absolute_error": abs,
    "quantile": lambda r: max(Q * -r, (Q - 1) * -r),
    "epsilon_insensitive": lambda r: max(0.0, abs(r) - EPSILON),
    "squared_epsilon_insensitive": lambda r: max(0.0, abs(r) - EPSILON) ** 2,
}
# Where the derivative jumps or bends, and the derivative that the convention gives there.
KINKS: dict[str, dict[float, float]] = {
    "squared_error": {},
    "huber": {-DELTA: -DELTA, DELTA: DELTA},
    "absolute_error": {0.0: 0.0},
    "quantile": {0.0: 0.5 - Q},
    "epsilon_insensitive": {-EPSILON: 0.0, EPSILON: 0.0},
    "squared_epsilon_insensitive": {-EPSILON: 0.0, EPSILON: 0.0},
}
SMOOTH = ("squared_error", "huber", "squared_epsilon_insensitive")
KINKED = ("absolute_error", "quantile", "epsilon_insensitive")

few = settings(max_examples=30)
name_of_loss = pytest.mark.parametrize("name", LOSSES)
residuals = st.floats(-5, 5)
widths = st.floats(0.01, 2.0)


def loss_of(name: str) -> Loss:
    return make_loss(name, delta=DELTA, epsilon=EPSILON, quantile=Q)


def at(loss: Loss, residual: float) -> tuple[float, float]:
    value, derivative = loss.value_and_derivative(np.array([residual]))
    return float(value[0]), float(derivative[0])


def test_every_loss_is_defined_here() -> None:
    assert tuple(DEFINITIONS) == tuple(KINKS) == LOSSES


@name_of_loss
@few
@given(residual=st.floats(-1e6, 1e6))
def test_value_is_the_definition(name: str, residual: float) -> None:
    assert at(loss_of(name), residual)[0] == pytest.approx(DEFINITIONS[name](residual), rel=1e-14, abs=1e-15)


@name_of_loss
@few
@given(residual=residuals)
def test_derivative_is_the_slope_of_the_value(name: str, residual: float) -> None:
    step = 1e-6
    if any(abs(residual - kink) < 2 * step for kink in KINKS[name]):
        return
    loss = loss_of(name)
    slope = (at(loss, residual + step)[0] - at(loss, residual - step)[0]) / (2 * step)
    assert at(loss, residual)[1] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "residual", "derivative"),
    [(name, place, derivative) for name, kinks in KINKS.items() for place, derivative in kinks.items()],
)
def test_derivative_at_a_kink_is_the_convention(name: str, residual: float, derivative: float) -> None:
    assert at(loss_of(name), residual)[1] == pytest.approx(derivative, abs=1e-15)


@name_of_loss
@few
@given(here=residuals, there=residuals)
def test_the_derivative_is_a_subgradient_so_the_loss_is_convex(name: str, here: float, there: float) -> None:
    loss = loss_of(name)
    value, derivative = at(loss, here)
    assert at(loss, there)[0] >= value + derivative * (there - here) - 1e-12


@pytest.mark.parametrize("name", SMOOTH)
@few
@given(here=residuals, there=residuals)
def test_curvature_bounds_the_derivative(name: str, here: float, there: float) -> None:
    loss = loss_of(name)
    assert abs(at(loss, there)[1] - at(loss, here)[1]) <= loss.curvature * abs(there - here) + 1e-12


@pytest.mark.parametrize("name", SMOOTH)
def test_curvature_is_met(name: str) -> None:
    loss, place = loss_of(name), 0.4
    assert (at(loss, place + 0.1)[1] - at(loss, place)[1]) / 0.1 == pytest.approx(loss.curvature)


@name_of_loss
def test_a_loss_is_kinked_where_its_derivative_jumps(name: str) -> None:
    loss, step = loss_of(name), 1e-9
    jumps = [at(loss, place + step)[1] - at(loss, place - step)[1] for place in KINKS[name]]
    assert loss.kinked == any(jump > 0.1 for jump in jumps) == (name in KINKED)
    assert loss.kinked == math.isinf(loss.curvature)


@name_of_loss
def test_a_loss_is_squared_where_it_is_half_the_square_everywhere(name: str) -> None:
    loss, residual = loss_of(name), np.linspace(-20.0, 20.0, 81)
    assert loss.squared == np.allclose(loss.value_and_derivative(residual)[0], 0.5 * residual**2)


@name_of_loss
@pytest.mark.parametrize("smoothing", [0.05, 0.5, 5.0])
def test_a_loss_is_rounded_where_smoothing_changes_its_derivative(name: str, smoothing: float) -> None:
    loss, residual = loss_of(name), np.linspace(-3.0, 3.0, 6001)
    smooth = loss.smooth_over(smoothing)
    changed = smooth.value_and_derivative(residual)[1] != loss.value_and_derivative(residual)[1]
    assert smooth.rounded == changed.any()
    assert not loss.rounded


@name_of_loss
def test_no_slope_is_beyond_its_bound_and_none_is_bounded_far_above_all(name: str) -> None:
    made = loss_of(name)
    _, derivative = made.value_and_derivative(np.array([-1e9, -1e-9, 1e-9, 1e9]))
    bound = slope_bound(made)
    assert bound == math.inf if np.abs(derivative).max() > 1e6 else bound / 2 <= np.abs(derivative).max() <= bound


@name_of_loss
def test_the_end_of_a_parabola_belongs_to_it(name: str) -> None:
    """A row there may have any slope near that of the end: it is told from those whose slope is at its end for good."""
    for piece in loss_of(name).pieces:
        kinks = np.array(piece.kinks)
        assert piece.side(kinks).tolist() == [0] * kinks.size


@pytest.mark.parametrize("name", ["squared_error", "squared_epsilon_insensitive"])
def test_a_smooth_loss_needs_no_smoothing(name: str) -> None:
    assert loss_of(name).smooth_over(0.1) == loss_of(name)


# ---------------------------------------------------------------------------------------------------- defaults
@pytest.mark.parametrize("made", [Huber(), make_loss("huber")], ids=["class", "name"])
def test_huber_gives_up_a_twentieth_of_what_squares_know_of_normal_errors(made: Huber) -> None:
    """Huber (1964): the variance of the location is E[ψ²]/E[ψ']², which is 1 of squares."""
    delta = made.delta
    inside = 2.0 * norm.cdf(delta) - 1.0
    squares = inside - 2.0 * delta * norm.pdf(delta) + delta**2 * (1.0 - inside)
    assert inside**2 / squares == pytest.approx(0.95, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "made", "theirs"),
    [
        ("quantile", Quantile(), QuantileRegressor().quantile),
        ("epsilon_insensitive", EpsilonInsensitive(), SGDRegressor().epsilon),
        ("squared_epsilon_insensitive", SquaredEpsilonInsensitive(), SGDRegressor().epsilon),
    ],
)
def test_other_defaults_are_scikit_learns(name: str, made: Loss, theirs: float) -> None:
    assert make_loss(name) == made == make_loss(name, quantile=theirs, epsilon=theirs)


@name_of_loss
def test_nothing_is_smoothed_unasked(name: str) -> None:
    assert loss_of(name) == loss_of(name).smooth_over(0.0)


# --------------------------------------------------------------------------------------------------- smoothing
@pytest.mark.parametrize("name", KINKED)
def test_a_loss_with_a_kink_has_no_curvature(name: str) -> None:
    assert loss_of(name).curvature == math.inf


@pytest.mark.parametrize("name", KINKED)
@few
@given(residual=residuals, smoothing=widths)
def test_smoothing_leaves_the_value_and_what_is_far_from_kinks(name: str, residual: float, smoothing: float) -> None:
    loss = loss_of(name)
    value, derivative = at(loss.smooth_over(smoothing), residual)
    assert value == at(loss, residual)[0]
    if all(abs(residual - kink) > smoothing for kink in KINKS[name]):
        assert derivative == pytest.approx(at(loss, residual)[1], abs=1e-15)


@pytest.mark.parametrize("name", KINKED)
@few
@given(here=residuals, there=residuals, smoothing=widths)
def test_smoothed_derivative_rises_and_is_lipschitz(name: str, here: float, there: float, smoothing: float) -> None:
    loss = loss_of(name).smooth_over(smoothing)
    low, high = at(loss, min(here, there))[1], at(loss, max(here, there))[1]
    assert -1e-15 <= high - low <= abs(there - here) / smoothing + 1e-12


# What smoothing costs at the worst residual, from a smoothing and the parameter of the loss.
COSTS: dict[str, Callable[[float, float], float]] = {
    "absolute_error": lambda smoothing, _: smoothing / 2,
    "quantile": lambda smoothing, _: smoothing / 4,
    # Each edge of the tube costs a quarter of it, and a tube that is narrower than the smoothing has both at once.
    "epsilon_insensitive": lambda smoothing, e: smoothing / 4 + max(smoothing - 2 * e, 0.0) ** 2 / smoothing / 4,
    "huber": lambda smoothing, delta: max(smoothing - delta**2, 0.0) / 2,
}


@pytest.mark.parametrize("name", COSTS)
@settings(max_examples=100)
@given(
    parameter=st.floats(0.01, 0.99),
    smoothing=st.floats(1e-3, 50.0),
    residual=st.floats(-100, 100) | st.sampled_from([-1e6, 0.0, 1e6]),
)
def test_the_value_exceeds_the_smoothed_one_by_at_most_half_of_smoothing(
    name: str, parameter: float, smoothing: float, residual: float
) -> None:
    loss = make_loss(name, delta=parameter, epsilon=parameter, quantile=parameter).smooth_over(smoothing)
    # The derivative is straight between these places, so the trapezoidal rule integrates it exactly.
    width = smoothing / parameter if name == "huber" else smoothing
    bends = [kink + side for kink in (-parameter, 0.0, parameter) for side in (-width, 0.0, width)]
    grid = np.unique([-2e6, residual, *bends, 2e6])
    value, derivative = loss.value_and_derivative(grid)
    integral = np.append(0.0, np.cumsum(0.5 * (derivative[1:] + derivative[:-1]) * np.diff(grid)))
    excess = value - (value[0] + integral)
    # Far from the kinks the two losses are one but for a constant; the loss with kinks is above it in between.
    assert excess[-1] == pytest.approx(0.0, abs=1e-8)
    if name == "huber":
        excess = excess - excess[grid == 0.0]
    cost = np.abs(excess)
    assert cost[grid == residual] <= 0.5 * smoothing + 1e-8
    assert cost.max() == pytest.approx(COSTS[name](smoothing, parameter), abs=1e-8)


@pytest.mark.parametrize(("smoothing", "slope"), [(0.0, 1.0), (0.9 * DELTA**2, 1.0), (2 * DELTA**2, 0.5)])
def test_smoothing_rounds_the_bend_of_huber_where_it_is_sharper(smoothing: float, slope: float) -> None:
    loss = loss_of("huber").smooth_over(smoothing)
    residual = np.array([-9.0, -0.3, 0.0, 0.3, 9.0])
    np.testing.assert_allclose(
        loss.value_and_derivative(residual)[1], [-DELTA, -0.3 * slope, 0.0, 0.3 * slope, DELTA], rtol=1e-14
    )


@few
@given(residual=residuals, smoothing=widths)
def test_smoothed_absolute_error_is_the_maximum_that_defines_it(residual: float, smoothing: float) -> None:
    """Nesterov: max over abs(u) ≤ 1 of u·r - μu²/2, whose derivative is the u that attains it."""
    u = np.linspace(-1, 1, 2001)
    attained = u[np.argmax(u * residual - smoothing * u * u / 2)]
    assert at(loss_of("absolute_error").smooth_over(smoothing), residual)[1] == pytest.approx(attained, abs=6e-4)


# --------------------------------------------------------------------------------------------- other libraries
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("squared_error", lambda y, z: 0.5 * mean_squared_error(y, z)),
        ("absolute_error", mean_absolute_error),
        ("quantile", lambda y, z: mean_pinball_loss(y, z, alpha=Q)),
    ],
    ids=["squared_error", "absolute_error", "quantile"],
)
def test_mean_is_scikit_learns_metric(name: str, theirs: Callable[[np.ndarray, np.ndarray], float]) -> None:
    random = np.random.default_rng(0)
    y, prediction = random.normal(size=(2, 50))
    value, _ = loss_of(name).value_and_derivative(prediction - y)
    assert value.mean() == pytest.approx(theirs(y, prediction), rel=1e-14)


@pytest.mark.parametrize("delta", [0.5, 1.35])
def test_huber_is_scipys(delta: float) -> None:
    from scipy.special import huber

    residual = np.linspace(-4, 4, 101)
    value, _ = make_loss("huber", delta=delta).value_and_derivative(residual)
    np.testing.assert_allclose(value, huber(delta, residual), rtol=1e-14, atol=1e-16)


# ----------------------------------------------------------------------------------------------------- in one go
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.5 * DELTA**2, 4.0 * DELTA**2], ids=["", "slight", "strong"])
@name_of_loss
def test_the_sum_and_the_derivative_are_those_of_each_residual(name: str, smoothing: float, weighted: bool) -> None:
    loss, residual = loss_of(name).smooth_over(smoothing), np.linspace(-3.0, 4.0, 57)
    weight = np.random.default_rng(0).random(57) if weighted else None
    total, derivative = sum_and_derivative(loss, residual, weight)
    single = [at(loss, float(r)) for r in residual]
    shares = np.ones(57) if weight is None else weight
    assert total == pytest.approx(math.fsum(s * value for s, (value, _) in zip(shares, single, strict=True)), rel=1e-13)
    np.testing.assert_allclose(derivative, [slope for _, slope in single], rtol=1e-14)


# ---------------------------------------------------------------------------------------------------- contract
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@name_of_loss
def test_the_argument_is_not_written_to(name: str, smoothing: float) -> None:
    residual = np.linspace(-2, 2, 41)
    kept = residual.copy()
    loss = loss_of(name).smooth_over(smoothing)
    assert isinstance(loss, Loss)
    value, derivative = loss.value_and_derivative(residual)
    assert value.shape == derivative.shape == residual.shape
    np.testing.assert_array_equal(residual, kept)


@pytest.mark.parametrize("scale", [1e-150, 1e150])
@name_of_loss
def test_residuals_of_any_size_are_legal(name: str, scale: float) -> None:
    value, derivative = loss_of(name).value_and_derivative(scale * np.array([-1.0, 1.0]))
    assert np.isfinite(value).all()
    assert np.isfinite(derivative).all()


def test_a_loss_that_is_not_known() -> None:
    with pytest.raises(InputError, match=r"loss='hubber' is not known: choose one of squared_error, huber, .*"):
        make_loss("hubber")
