"""The bowl of a fit against the rows themselves: finite differences, the hat matrix, certified deviations."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from downslope import GradientDescentRegressor, load_example
from downslope.closed_form.landscape import Landscape
from downslope.steps.rules import make_step_rule
from tests.problems import nist

Array = NDArray[np.float64]

# Certified standard deviations of Longley's coefficients (NIST StRD): the intercept's last.
LONGLEY = (
    84.9149257747669,
    0.0334910077722432,
    0.488399681651699,
    0.214274163161675,
    0.226073200069370,
    455.478499142212,
    890420.383607373,
)


def landscape_of(X: Any, y: Any, **options: Any) -> tuple[GradientDescentRegressor, Landscape]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GradientDescentRegressor(max_iter=20, **options).fit(X, y)
    assert model.landscape_ is not None
    return model, model.landscape_


def test_certified_standard_deviations() -> None:
    known = nist("Longley")
    errors = landscape_of(known.X, known.y)[1].standard_errors
    assert errors is not None
    np.testing.assert_allclose([*errors.coef, errors.intercept], LONGLEY, rtol=1e-8)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_standard_errors_are_those_of_least_squares(standardize: bool, fit_intercept: bool) -> None:
    cars = load_example("auto_mpg")
    X, y = np.asarray(cars.X), np.asarray(cars.y)
    errors = landscape_of(X, y, standardize=standardize, fit_intercept=fit_intercept)[1].standard_errors
    assert errors is not None
    design = np.column_stack([X, np.ones(len(y))]) if fit_intercept else X
    scaled = design / np.linalg.norm(design, axis=0)
    best = np.linalg.lstsq(scaled, y)[0]
    variance = np.sum((scaled @ best - y) ** 2) / (len(y) - design.shape[1])
    expected = np.sqrt(variance * np.diag(np.linalg.inv(scaled.T @ scaled))) / np.linalg.norm(design, axis=0)
    np.testing.assert_allclose(errors.coef, expected[: X.shape[1]], rtol=1e-7)
    assert errors.intercept == pytest.approx(expected[-1] if fit_intercept else 0.0, rel=1e-7)


def test_one_row_more_than_parameters_is_enough_for_standard_errors() -> None:
    random = np.random.default_rng(6)
    design, y = np.column_stack([random.normal(size=(6, 4)), np.ones(6)]), random.normal(size=6)
    errors = landscape_of(design[:, :4], y)[1].standard_errors
    assert errors is not None
    left = np.linalg.lstsq(design, y)[1].item()
    expected = np.sqrt(left * np.diag(np.linalg.inv(design.T @ design)))
    np.testing.assert_allclose([*errors.coef, errors.intercept], expected, rtol=1e-9)


def test_there_are_none_where_the_rows_do_not_tell() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(6, 5)), random.normal(size=6)
    assert landscape_of(X, y)[1].standard_errors is None
    assert landscape_of(X[:, :2], y, penalty="l2")[1].standard_errors is None
    assert landscape_of(np.column_stack([X[:, 0], X[:, 0]]), y)[1].standard_errors is None


@pytest.mark.parametrize(
    "options", [{}, {"standardize": False}, {"penalty": "l2", "alpha": 0.3}, {"fit_intercept": False}]
)
def test_excess_and_gradient_are_those_of_the_rows(options: dict[str, Any]) -> None:
    random = np.random.default_rng(1)
    X, y = random.normal(2.0, [1.0, 3.0, 0.5], size=(40, 3)), random.normal(5.0, size=40)
    model, landscape = landscape_of(X, y, **options)
    at = landscape.coordinates

    def objective(place: Array) -> float:
        coef, intercept = at.to_original(place)
        penalty = 0.5 * landscape.l2 * float(place[:3] @ place[:3])
        return 0.5 * float(np.mean((X @ coef + intercept - y) ** 2)) + penalty

    lowest = objective(landscape.optimum)
    assert lowest == pytest.approx(landscape.minimum, rel=1e-12)
    step = 1e-5
    for place in random.normal(size=(4, at.n_parameters)):
        assert landscape.excess(place) == pytest.approx(objective(place) - lowest, rel=1e-9)
        slope = [
            (objective(place + step * e) - objective(place - step * e)) / (2 * step) for e in np.eye(at.n_parameters)
        ]
        np.testing.assert_allclose(landscape.gradient(place), slope, rtol=1e-6, atol=1e-7)
    path = landscape.parameters(model.history_.coef, model.history_.intercept)
    np.testing.assert_allclose(landscape.excess(path) + landscape.minimum, model.history_["objective"], rtol=1e-12)


@pytest.mark.parametrize(("method", "beta"), [("gd", 0.0), ("momentum", 0.9), ("nesterov", 0.9)])
def test_the_contraction_is_what_a_long_run_does(method: str, beta: float) -> None:
    random = np.random.default_rng(2)
    X = random.normal(size=(50, 1))
    model, landscape = landscape_of(X, 3 * X[:, 0], method=method, momentum=beta, learning_rate=0.05)
    # Without noise and intercept's error, what is left along the one direction that matters.
    left = np.sqrt(landscape.excess(landscape.parameters(model.history_.coef, model.history_.intercept)))
    expected = landscape.contraction(0.05)[np.argmax(np.abs(landscape.directions[0]))]
    if method == "gd":
        np.testing.assert_allclose(left[1:6] / left[:5], expected, rtol=1e-9)
    else:
        # Complex roots: their size is √β of heavy ball, √(β(1 - h)) of Nesterov.
        h = 0.05 * landscape.eigenvalues[np.argmax(np.abs(landscape.directions[0]))]
        assert expected == pytest.approx(np.sqrt(beta * (1 - h) if method == "nesterov" else beta), rel=1e-12)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
def test_what_a_landscape_foretells_is_what_fits_do(method: str) -> None:
    random = np.random.default_rng(4)
    X, y = random.normal(size=(40, 3)), random.normal(size=40)
    rule = make_step_rule(method, 0.6)
    limit = landscape_of(X, y)[1].stable_rate(rule)
    rates = limit * np.array([0.3, 0.99, 1.01])
    landscape, found = landscape_of(X, y)[1], []
    for rate in rates:
        model, landscape = landscape_of(X, y, method=method, momentum=0.6, learning_rate=float(rate), tol=0)
        found.append(model.history_["objective"][-1] - landscape.minimum)
    forecast = landscape.forecast(rule, rates, np.zeros(4))
    np.testing.assert_allclose(forecast.after(20), found, rtol=1e-8)
    assert landscape.largest_stable_rate == limit
    assert [landscape.settles(rule, float(rate)) for rate in rates] == [True, True, False]


@pytest.mark.parametrize("unit", [0.1, 1.0, 10.0])
def test_condition_and_stable_rate_are_those_of_the_second_derivatives(unit: float) -> None:
    random = np.random.default_rng(7)
    X, y = unit * random.normal(size=(30, 3)), random.normal(size=30)
    raw = {"standardize": False, "fit_intercept": False}
    curved = np.linalg.eigvalsh(X.T @ X / 30)
    landscape = landscape_of(X, y, **raw)[1]
    assert landscape.condition == pytest.approx(curved[-1] / curved[0], rel=1e-9)
    assert landscape.largest_stable_rate == pytest.approx(2.0 / curved[-1], rel=1e-9)
    # A direction of no effect is not counted.
    tied = landscape_of(np.column_stack([X, X[:, 0]]), y, **raw)[1]
    both = np.linalg.eigvalsh((X * [np.sqrt(2.0), 1.0, 1.0]).T @ (X * [np.sqrt(2.0), 1.0, 1.0]) / 30)
    assert tied.condition == pytest.approx(both[-1] / both[0], rel=1e-9)


def test_where_nothing_is_steep_any_rate_settles() -> None:
    landscape = landscape_of(np.zeros((5, 2)), np.arange(5.0), standardize=False, fit_intercept=False)[1]
    assert landscape.condition == math.inf
    assert landscape.stable_rate(landscape.rule) == math.inf
    assert landscape.largest_stable_rate is None
    assert landscape.settles(landscape.rule, 1e300)


def test_at_the_limit_itself_steps_do_not_settle() -> None:
    """Of ½θ², at the rate 2, a step leads from θ to -θ."""
    landscape = landscape_of([[1.0], [-1.0]], [1.0, -1.0], standardize=False, fit_intercept=False)[1]
    assert landscape.eigenvalues.tolist() == [1.0]
    assert landscape.largest_stable_rate == 2.0
    assert not landscape.settles(landscape.rule, 2.0)
    assert landscape.settles(landscape.rule, math.nextafter(2.0, 0.0))
    assert landscape.forecast(landscape.rule, np.array([2.0]), np.zeros(1)).after(10**6).tolist() == [0.5]


def test_rules_without_a_limit_have_no_stable_rate() -> None:
    X, y = np.random.default_rng(5).normal(size=(20, 2)), np.arange(20.0)
    landscape = landscape_of(X, y, method="adam")[1]
    assert landscape.largest_stable_rate is None
    assert math.isnan(landscape.stable_rate(landscape.rule))
    assert not landscape.settles(landscape.rule, 1e-9)


def test_other_losses_have_none() -> None:
    random = np.random.default_rng(3)
    X, y = random.normal(size=(30, 2)), random.normal(size=30)
    for options in ({"loss": "huber"}, {"penalty": "l1"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert GradientDescentRegressor(max_iter=3, **options).fit(X, y).landscape_ is None  # type: ignore[arg-type]
