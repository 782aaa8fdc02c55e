"""Penalties against their definition, finite differences, and a minimiser that knows nothing of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from downslope.exceptions import InputError
from downslope.objective.penalties import PENALTIES, Penalty, make_penalty

ALPHA, RATIO = 0.4, 0.25
PARAMETERS = np.array([1.5, -0.2, 0.0, 3.0])  # three coefficients, then the intercept

few = settings(max_examples=30)
numbers = st.floats(-5, 5)


def penalty_of(name: str | None) -> Penalty:
    return make_penalty(name, ALPHA, RATIO, n_features=3)


@pytest.mark.parametrize(
    ("name", "value", "kink"),
    [
        (None, 0.0, 0.0),
        ("l2", ALPHA * 0.5 * (1.5**2 + 0.2**2), 0.0),
        ("l1", ALPHA * 1.7, ALPHA * 1.7),
        ("elasticnet", ALPHA * (RATIO * 1.7 + (1 - RATIO) * 0.5 * 2.29), ALPHA * RATIO * 1.7),
    ],
)
def test_value_is_the_definition(name: str | None, value: float, kink: float) -> None:
    assert penalty_of(name).value(PARAMETERS) == pytest.approx(value, rel=1e-15)
    assert penalty_of(name).kink(PARAMETERS) == pytest.approx(kink, rel=1e-15)


@pytest.mark.parametrize("name", [None, *PENALTIES])
@few
@given(parameters=st.lists(numbers, min_size=4, max_size=4))
def test_gradient_is_that_of_the_smooth_part(name: str | None, parameters: list[float]) -> None:
    penalty, place, start = penalty_of(name), np.array(parameters), np.arange(4.0)
    gradient = penalty.add_gradient(place, start)
    np.testing.assert_array_equal(start, np.arange(4.0))

    def smooth(place: np.ndarray) -> float:
        return penalty.value(place) - penalty.kink(place)

    steps = 1e-4 * np.eye(4)
    slope = [(smooth(place + step) - smooth(place - step)) / 2e-4 for step in steps]
    np.testing.assert_allclose(gradient - start, slope, atol=1e-9)
    assert gradient[3] == start[3]


@pytest.mark.parametrize("name", ["l1", "elasticnet"])
@few
@given(place=numbers, step=st.floats(0.01, 4))
def test_prox_is_the_minimum_that_defines_it(name: str, place: float, step: float) -> None:
    penalty = make_penalty(name, ALPHA, RATIO, n_features=1)

    def objective(u: float) -> float:
        return 0.5 * (u - place) ** 2 / step + penalty.kink(np.array([u]))

    reached = penalty.prox(np.array([place]), step)
    found = minimize_scalar(objective, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9})
    assert objective(float(reached[0])) <= found.fun + 1e-12
    assert reached[0] == pytest.approx(found.x, abs=1e-4)


@pytest.mark.parametrize("name", PENALTIES)
def test_prox_with_a_step_for_each_coordinate_is_the_prox_of_each(name: str) -> None:
    penalty, steps = penalty_of(name), np.array([0.5, 1.0, 2.0, 4.0])
    kept = PARAMETERS.copy()
    together = penalty.prox(PARAMETERS, steps)
    one_by_one = [penalty.prox(PARAMETERS, float(step))[j] for j, step in enumerate(steps)]
    np.testing.assert_array_equal(together, one_by_one)
    np.testing.assert_array_equal(PARAMETERS, kept)
    assert together[3] == PARAMETERS[3]


@pytest.mark.parametrize("name", [None, "l2"])
def test_without_a_kink_prox_is_the_very_point(name: str | None) -> None:
    assert penalty_of(name).prox(PARAMETERS, 0.5) is PARAMETERS


def test_prox_makes_exact_zeros() -> None:
    np.testing.assert_array_equal(penalty_of("l1").prox(PARAMETERS, 0.5), [1.3, 0.0, 0.0, 3.0])


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
@few
@given(curvature=st.lists(st.floats(0.1, 1), min_size=3, max_size=3), target=st.lists(numbers, min_size=3, max_size=3))
def test_gradient_mapping_is_zero_at_the_minimum_and_only_there(
    step: float, curvature: list[float], target: list[float]
) -> None:
    """½Σ a(u - c)² + l1·Σ abs(u) has its minimum at the soft threshold of c by l1/a."""
    a, c, penalty = np.array(curvature), np.array(target), make_penalty("l1", ALPHA, 0.0, n_features=3)
    best = np.sign(c) * np.maximum(np.abs(c) - ALPHA / a, 0.0)
    mapping = penalty.gradient_mapping(best, a * (best - c), step)
    np.testing.assert_allclose(mapping, 0.0, atol=1e-13)
    away = best + 0.5
    assert np.linalg.norm(penalty.gradient_mapping(away, a * (away - c), step)) > 0.01


@pytest.mark.parametrize("name", [None, "l2"])
def test_without_a_kink_the_mapping_is_the_gradient(name: str | None) -> None:
    gradient = np.arange(4.0)
    assert penalty_of(name).gradient_mapping(PARAMETERS, gradient, 0.5) is gradient


def test_a_penalty_that_is_not_known() -> None:
    with pytest.raises(InputError, match=r"penalty='ridge' is not known: choose one of l2, l1, elasticnet or None"):
        make_penalty("ridge", 1.0, 0.5, 2)
