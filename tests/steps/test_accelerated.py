"""Accelerated steps against FISTA written out, and what restarts are for."""

import numpy as np
import pytest

from downslope.steps.accelerated import Accelerated
from downslope.steps.rules import Plain, make_step_rule

Array = np.ndarray


def quadratic(condition: float, p: int = 12) -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    turn, _ = np.linalg.qr(random.normal(size=(p, p)))
    return turn @ np.diag(np.geomspace(1.0, 1.0 / condition, p)) @ turn.T, random.normal(size=p)


def free(point: Array, step: float | Array) -> Array:
    return point


def excesses(rule: Accelerated | Plain, A: Array, best: Array, epochs: int) -> Array:
    place = np.zeros(best.size)
    state, found = rule.init(place), []
    for _ in range(epochs):
        found.append(0.5 * (place - best) @ A @ (place - best))
        place, state = rule.update(place, A @ (place - best), 1.0, state, free)
    return np.array(found)


def test_steps_are_fistas_until_inertia_carries_them_uphill() -> None:
    A, best = quadratic(100.0)
    x_old = y = np.zeros(best.size)
    t = 1.0
    rule = Accelerated()
    place, state = y, rule.init(y)
    for _ in range(100):
        x = y - A @ (y - best)
        if (y - x) @ (x - x_old) > 0:
            t, y = 1.0, x
        else:
            t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2
            t, y = t_new, x + (t - 1) / t_new * (x - x_old)
        x_old = x
        place, state = rule.update(place, A @ (place - best), 1.0, state, free)
        np.testing.assert_allclose(place, y, rtol=0, atol=1e-12)


def test_the_limit_of_its_rate_is_that_of_nesterovs_steps_whose_inertia_goes_to_one() -> None:
    limit = make_step_rule("nesterov", 1.0 - 1e-12).stable_product
    assert Accelerated.stable_product == pytest.approx(limit, rel=1e-9)


def test_a_stiff_bowl_takes_the_root_of_the_epochs() -> None:
    A, best = quadratic(1e4)
    enough = 1e-9 * excesses(Plain(), A, best, 1)[0]
    fast = int(np.argmax(excesses(Accelerated(), A, best, 5_000) <= enough))
    slow = int(np.argmax(excesses(Plain(), A, best, 100_000) <= enough))
    assert 0 < fast < 30 * np.sqrt(1e4) < slow


def test_a_penalty_is_met_by_its_proximal_step() -> None:
    A, best = quadratic(10.0)

    def shrink(point: Array, step: float | Array) -> Array:
        return np.sign(point) * np.maximum(np.abs(point) - 0.3 * step, 0.0)

    rule, place = Accelerated(), np.zeros(best.size)
    state = rule.init(place)
    for _ in range(500):
        place, state = rule.update(place, A @ (place - best), 1.0, state, shrink)
    slope = A @ (place - best)
    np.testing.assert_allclose(slope[place != 0], -0.3 * np.sign(place[place != 0]), atol=1e-9)
    assert np.all(np.abs(slope) <= 0.3 + 1e-9)
    assert np.any(place == 0)
    assert rule.report(place, state) is place
    assert rule.schedule(0.5)(7) == 0.5
