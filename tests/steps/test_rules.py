"""Step rules against the published recurrences, number by number, and against what they promise under L1."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from downslope import GradientDescentRegressor
from downslope.exceptions import InputError
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import (
    METHODS,
    Adam,
    Averaged,
    HeavyBall,
    Nesterov,
    StepRule,
    fastest_heavy_ball,
    fastest_nesterov,
    fastest_plain,
    make_step_rule,
)

Array = np.ndarray
Gradient = Callable[[Array], Array]

BETA, RHO, BETA2, RATE, START = 0.8, 0.9, 0.999, 0.07, np.array([2.0, -1.0, 0.5])
CURVATURES, BEST = np.array([3.0, 1.0, 0.05]), np.array([0.5, 1.0, -1.0])


def slope(place: Array) -> Array:
    return CURVATURES * (place - BEST)


def untouched(point: Array, step: float | Array) -> Array:
    return point


def walk(method: str, epochs: int, gradient: Gradient = slope, prox: Callable = untouched, rate: float = RATE) -> Array:
    """The places that a record shows after 1 … epochs updates."""
    rule, place, shown = make_step_rule(method, BETA), START, []
    state = rule.init(place)
    for _ in range(epochs):
        place, state = rule.update(place, gradient(place), rate, state, prox)
        shown.append(rule.report(place, state))
    return np.array(shown)


# ------------------------------------------------------------- the recurrences as they are published, on lists
def gd(g: Gradient, x: list[float]) -> Iterator[list[float]]:
    while True:
        x = [xi - RATE * gi for xi, gi in zip(x, g(x), strict=True)]
        yield x


def momentum(g: Gradient, x: list[float]) -> Iterator[list[float]]:
    """As torch.optim.SGD documents it: b ← μb + g, x ← x - ηb."""
    buffer = [0.0] * len(x)
    while True:
        buffer = [BETA * b + gi for b, gi in zip(buffer, g(x), strict=True)]
        x = [xi - RATE * b for xi, b in zip(x, buffer, strict=True)]
        yield x


def nesterov(g: Gradient, x: list[float]) -> Iterator[list[float]]:
    """As torch.optim.SGD documents it with nesterov=True: b ← μb + g, x ← x - η(g + μb)."""
    buffer = [0.0] * len(x)
    while True:
        slopes = g(x)
        buffer = [BETA * b + gi for b, gi in zip(buffer, slopes, strict=True)]
        x = [xi - RATE * (gi + BETA * b) for xi, gi, b in zip(x, slopes, buffer, strict=True)]
        yield x


def adaptive(second: Callable[[float, float, int], float], beta: float, g: Gradient, x: list[float]) -> Iterator:
    """x ← x - η m̂/(√ŝ + ε); ε as the documentation of ours states it, a share of the largest gradients met."""
    m, s, peak, t = [0.0] * len(x), [0.0] * len(x), [0.0] * len(x), 0
    while True:
        slopes, t = g(x), t + 1
        peak = [max(p, abs(gi)) for p, gi in zip(peak, slopes, strict=True)]
        m = [beta * mi + (1 - beta) * gi for mi, gi in zip(m, slopes, strict=True)]
        s = [second(si, gi, t) for si, gi in zip(s, slopes, strict=True)]
        corrected = [si / (1 - BETA2**t) for si in s] if beta else s
        x = [
            xi - RATE * (mi / (1 - beta**t)) / (math.sqrt(si) + 1e-8 * p + 1e-12 * max(peak))
            for xi, mi, si, p in zip(x, m, corrected, peak, strict=True)
        ]
        yield x


def averaged(g: Gradient, x: list[float]) -> Iterator[list[float]]:
    places: list[list[float]] = []
    for place in gd(g, x):
        places.append(place)
        yield [math.fsum(column) / len(places) for column in zip(*places, strict=True)]


PUBLISHED = {
    "gd": gd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": lambda g, x: adaptive(lambda s, gi, t: s + gi * gi, 0.0, g, x),
    "rmsprop": lambda g, x: adaptive(lambda s, gi, t: RHO * s + (1 - RHO) * gi * gi, 0.0, g, x),
    "adam": lambda g, x: adaptive(lambda s, gi, t: BETA2 * s + (1 - BETA2) * gi * gi, BETA, g, x),
    "averaged": averaged,
    # With all rows in one batch nothing is remembered.
    "saga": gd,
}
method = pytest.mark.parametrize("method", METHODS)


@method
def test_every_step_is_the_published_one(method: str) -> None:
    steps = PUBLISHED[method](lambda x: slope(np.array(x)).tolist(), START.tolist())
    expected = [next(steps) for _ in range(80)]
    np.testing.assert_allclose(walk(method, 80), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", ["adagrad", "adam"])
def test_the_first_adaptive_step_is_the_rate_itself(method: str) -> None:
    np.testing.assert_allclose(walk(method, 1)[0], START - RATE * np.sign(slope(START)), rtol=1e-7)


def test_nesterov_is_his_two_sequences() -> None:
    """u ← x - η∇f(x), x ← u + β(u - u'): the look-ahead point x is what the rule moves (Nesterov, 1983)."""
    x, before, expected = START, START, []
    for _ in range(60):
        u = x - RATE * slope(x)
        x, before = u + BETA * (u - before), u
        expected.append(x)
    np.testing.assert_allclose(walk("nesterov", 60), expected, rtol=1e-11, atol=1e-13)


@method
def test_linear_rules_and_no_others_are_linear(method: str) -> None:
    rule = make_step_rule(method, BETA)
    random = np.random.default_rng(0)
    homogeneous = lambda place: CURVATURES * place  # noqa: E731

    def end(start: Array) -> Array:
        place, state = start, rule.init(start)
        for _ in range(5):
            place, state = rule.update(place, homogeneous(place), RATE, state, untouched)
        return place

    a, b = random.normal(size=(2, 3))
    adds_up = bool(np.allclose(end(2 * a - b), 2 * end(a) - end(b), rtol=1e-12))
    # The average is linear too, but it is no power of one matrix.
    assert adds_up == (rule.linear or method == "averaged")


# ---------------------------------------------------------------------------------- units, stillness, overflow
@pytest.mark.parametrize("unit", [1e-140, 1e140])
@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
def test_adaptive_steps_do_not_depend_on_the_units_of_the_objective(method: str, unit: float) -> None:
    scaled = walk(method, 30, lambda place: unit * slope(place))
    np.testing.assert_allclose(scaled, walk(method, 30), rtol=1e-10, atol=1e-10)


@method
def test_no_gradient_no_step(method: str) -> None:
    np.testing.assert_array_equal(walk(method, 5, np.zeros_like), np.tile(START, (5, 1)))


@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
def test_a_settled_coordinate_is_not_moved_by_its_rounding(method: str) -> None:
    rounding = lambda place: np.array([1.0, 1e-17, 0.0])  # noqa: E731
    moved = np.abs(walk(method, 3, rounding) - START)
    assert moved[-1, 0] > RATE / 2
    assert moved[-1, 1] < 1e-4 * RATE
    assert moved[-1, 2] == 0


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "averaged"])
def test_a_rule_settles_below_its_stable_product_and_not_above(method: str, beta: float) -> None:
    rule = make_step_rule(method, beta)
    limit = rule.stable_product

    def last(product: float) -> float:
        place = np.array([1.0])
        state = rule.init(place)
        for _ in range(4000):
            place, state = rule.update(place, place, product, state, untouched)
        return abs(float(place[0]))

    assert last(0.99 * limit) < 1e-3
    assert last(1.01 * limit) > 1e3


@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
def test_adaptive_rules_have_no_stable_product(method: str) -> None:
    assert math.isnan(make_step_rule(method).stable_product)


# ------------------------------------------------------------------------------------ what the rules say of themselves
def spectral_radius(rule: StepRule, product: float) -> float:
    """Of the map (θ, v) → (θ, v) that one update at this rate × curvature is, column by column."""
    columns = []
    for theta, velocity in np.eye(2) if rule.carries_velocity else [(1.0, 0.0)]:
        place, start = np.array([theta]), np.array([velocity])
        state = start if rule.carries_velocity else rule.init(place)
        reached, state = rule.update(place, place, product, state, untouched)
        columns.append(np.concatenate([reached, state]) if rule.carries_velocity else reached)
    return float(np.abs(np.linalg.eigvals(np.array(columns).T)).max())


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "saga"])
def test_the_stable_product_is_where_the_spectral_radius_passes_one(method: str, beta: float) -> None:
    rule = make_step_rule(method, beta)
    assert spectral_radius(rule, rule.stable_product) == pytest.approx(1.0, abs=1e-12)
    assert spectral_radius(rule, 0.999 * rule.stable_product) < 1.0 < spectral_radius(rule, 1.001 * rule.stable_product)


# What the fastest rate and momentum leave of a condition κ in each step, in the long run (Lessard et al., 2016).
FASTEST: dict[str, tuple[Callable[[float, float], tuple[float, float]], Callable[[float], float]]] = {
    "gd": (lambda steep, flat: (fastest_plain(steep, flat), 0.0), lambda k: (k - 1) / (k + 1)),
    "momentum": (fastest_heavy_ball, lambda k: (math.sqrt(k) - 1) / (math.sqrt(k) + 1)),
    "nesterov": (fastest_nesterov, lambda k: 1 - 2 / math.sqrt(3 * k + 1)),
}


@pytest.mark.parametrize(("steep", "flat"), [(4.0, 1.0), (1.0, 1e-3), (1e6, 1e3), (2.0, 1.9)])
@pytest.mark.parametrize("method", FASTEST)
def test_the_fastest_rate_and_momentum_leave_what_is_published(method: str, steep: float, flat: float) -> None:
    fastest, published = FASTEST[method]
    rate, momentum = fastest(steep, flat)
    rule = make_step_rule(method, momentum)
    left = [spectral_radius(rule, rate * curvature) for curvature in np.geomspace(flat, steep, 41)]
    # At a double root the radius of the matrix keeps half of the digits.
    assert max(left) == pytest.approx(published(steep / flat), abs=1e-6)


def steps_under(rule: StepRule, gradients: Iterable[Array]) -> Array:
    """The steps that a rule makes of gradients that do not depend on the place."""
    place, path = np.zeros(2), [np.zeros(2)]
    state = rule.init(place)
    for gradient in gradients:
        place, state = rule.update(place, gradient, RATE, state, untouched)
        path.append(place)
    return np.diff(path, axis=0)


@method
def test_steps_of_steady_rules_scale_with_the_gradient(method: str) -> None:
    rule, gradients = make_step_rule(method, BETA), np.random.default_rng(0).normal(size=(6, 2))
    larger, smaller = steps_under(rule, 100.0 * gradients), steps_under(rule, gradients)
    np.testing.assert_allclose(larger, 100.0 * smaller if rule.steady else smaller, rtol=1e-9)


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "saga"])
def test_inertia_is_what_a_step_keeps_of_the_last_one(method: str, wrapped: bool) -> None:
    rule = make_step_rule(method, BETA)
    rule = Averaged(rule) if wrapped else rule
    steps = steps_under(rule, [np.ones(2), np.zeros(2), np.zeros(2)])
    np.testing.assert_allclose(steps[2], rule.inertia * steps[1], rtol=1e-12)
    assert rule.inertia == (BETA if method in ("momentum", "nesterov") else 0.0)


@pytest.mark.parametrize("method", ["adagrad", "rmsprop", "adam"])
def test_adaptive_rules_have_no_inertia_and_count_their_updates(method: str) -> None:
    rule, place = make_step_rule(method, BETA), START
    state = rule.init(place)
    for _ in range(7):
        place, state = rule.update(place, slope(place), RATE, state, untouched)
    assert (rule.inertia, state.updates) == (0.0, 7)


@method
def test_a_velocity_is_what_linear_steps_go_on_from(method: str) -> None:
    rule = make_step_rule(method, BETA)
    state = rule.init(START)
    assert rule.carries_velocity == isinstance(state, np.ndarray)
    if rule.carries_velocity:
        moved = rule.update(START, np.zeros(3), RATE, np.ones(3), untouched)[0] - START
        # Heavy ball goes on by βv, a look-ahead by β of that.
        np.testing.assert_allclose(moved, -RATE * BETA * (BETA if rule.looks_ahead else 1.0), rtol=1e-12)


@method
def test_steps_under_a_constant_gradient_shorten_where_a_rule_decays_by_itself(method: str) -> None:
    steps = steps_under(make_step_rule(method, BETA), [np.ones(2)] * 400)
    assert steps[99] / steps[399] == pytest.approx(2.0 if make_step_rule(method).decays_by_itself else 1.0, rel=1e-4)


@method
def test_a_record_shows_the_place_unless_the_rule_averages(method: str) -> None:
    rule, place, places = make_step_rule(method, BETA), START, []
    state = rule.init(place)
    for _ in range(4):
        place, state = rule.update(place, slope(place), RATE, state, untouched)
        places.append(place)
    np.testing.assert_allclose(rule.report(place, state), np.mean(places, axis=0) if rule.averages else place)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov", "saga"])
def test_rows_are_remembered_where_single_ones_lead_to_the_optimum(method: str) -> None:
    random = np.random.default_rng(3)
    X, y = random.normal(size=(60, 2)), random.normal(size=60)
    model = GradientDescentRegressor(
        method=method, momentum=0.5, learning_rate=0.02, batch_size=1, max_iter=200, tol=0.0, random_state=0
    ).fit(X, y)
    assert model.gap_ is not None
    assert (model.gap_ < 1e-10) == make_step_rule(method).remembers_rows


@method
def test_schedules_begin_with_the_rate_they_are_given(method: str) -> None:
    rule = make_step_rule(method)
    rates = [rule.schedule(0.25)(epoch) for epoch in (0, 200)]
    assert rates[0] == 0.25
    # RMSProp's halves every 200 epochs, Adam's falls as 1/(1 + k/100).
    assert rates[1] == pytest.approx({"rmsprop": 0.125, "adam": 0.25 / 3.0}.get(method, 0.25))


# --------------------------------------------------------------------------------------------------- under L1
PENALTY = make_penalty("l1", 0.6, 0.0, n_features=2)


def lasso() -> Array:
    """The minimum of ½Σλ(θ - c)² + 0.6(abs(θ₁) + abs(θ₂)): soft thresholds, the third coordinate free."""
    pulled = np.abs(BEST[:2]) - 0.6 / CURVATURES[:2]
    return np.append(np.sign(BEST[:2]) * np.maximum(pulled, 0.0), BEST[2])


@method
def test_the_minimum_under_l1_is_a_fixed_point(method: str) -> None:
    rule, place = make_step_rule(method, BETA), lasso()
    state = rule.init(place)
    for _ in range(50):
        place, state = rule.update(place, slope(place), RATE, state, PENALTY.prox)
    np.testing.assert_allclose(place, lasso(), atol=1e-14)


@pytest.mark.parametrize(
    ("method", "epochs"), [("gd", 8000), ("momentum", 2000), ("nesterov", 2000), ("adagrad", 8000)]
)
def test_the_minimum_under_l1_is_reached_with_exact_zeros(method: str, epochs: int) -> None:
    tight = make_penalty("l1", 1.6, 0.0, n_features=2)
    best = np.array([0.0, 0.0, BEST[2]])
    end = walk(method, epochs, prox=tight.prox)[-1]
    np.testing.assert_allclose(end, best, atol=1e-9)
    assert (end[:2] == 0).all()


@method
def test_the_proximal_step_of_no_penalty_is_the_plain_step(method: str) -> None:
    """A prox that gives back an equal point takes the path of a penalty and must end in the same place."""
    copied = walk(method, 40, prox=lambda point, step: point.copy())
    np.testing.assert_allclose(copied, walk(method, 40), rtol=1e-11, atol=1e-13)


# ---------------------------------------------------------------------------------------------------- contract
@method
def test_state_is_handed_back_and_nothing_is_written_to(method: str) -> None:
    rule, place, gradient = make_step_rule(method), START.copy(), slope(START)
    state = rule.init(place)
    first, _ = rule.update(place, gradient, RATE, state, untouched)
    again, _ = rule.update(place, gradient, RATE, state, untouched)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(place, START)
    np.testing.assert_array_equal(gradient, slope(START))


@pytest.mark.parametrize(("made", "method"), [(HeavyBall(), "momentum"), (Nesterov(), "nesterov"), (Adam(), "adam")])
def test_what_is_not_asked_for_is_what_scikit_learn_takes(made: StepRule, method: str) -> None:
    theirs = MLPRegressor()
    assert theirs.momentum == theirs.beta_1
    assert made == make_step_rule(method) == make_step_rule(method, theirs.momentum)
    assert Adam().decay == theirs.beta_2


def test_momentum_is_the_beta_of_the_rules_that_have_one() -> None:
    assert make_step_rule("momentum", 0.5) == HeavyBall(0.5)
    assert make_step_rule("nesterov", 0.5) == Nesterov(0.5)
    assert make_step_rule("adam", 0.5) == Adam(0.5)


def test_the_average_wraps_any_rule() -> None:
    rule, place = Averaged(HeavyBall(BETA)), START
    state, shown = rule.init(place), []
    for _ in range(10):
        place, state = rule.update(place, slope(place), RATE, state, untouched)
        shown.append(rule.report(place, state))
    inner = walk("momentum", 10)
    np.testing.assert_allclose(shown, np.cumsum(inner, axis=0) / np.arange(1, 11)[:, None], rtol=1e-13)
    np.testing.assert_allclose(place, inner[-1], rtol=1e-13)


def test_a_method_that_is_not_known() -> None:
    with pytest.raises(InputError, match=r"method='sgd' is not known: choose one of gd, momentum, nesterov, adagrad"):
        make_step_rule("sgd")
