"""Descended coordinates: there and back, predictions unchanged, gradients by finite differences."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from downslope.data.arrays import ArraySource
from downslope.statistics.coordinates import Coordinates, raw_coordinates, spread_of, standard_coordinates
from downslope.statistics.moments import (
    SMALLEST_SPAN,
    ColumnMoments,
    OverflowingSquaresError,
    UnderflowingSquaresError,
    gather,
    gather_columns,
)

Array = np.ndarray

MEAN, SPREAD = np.array([3.0, -1e4, 0.0]), np.array([2.0, 0.5, 1e-3])
SYSTEMS = {
    "raw": raw_coordinates(3, True),
    "raw, no intercept": raw_coordinates(3, False),
    "standardised": standard_coordinates(MEAN, SPREAD, True),
    "standardised, no intercept": standard_coordinates(MEAN, SPREAD, False),
}
system = pytest.mark.parametrize("coordinates", SYSTEMS.values(), ids=SYSTEMS.keys())


def predict(coordinates: Coordinates, parameters: Array, X: Array) -> Array:
    """ŷ = z·v + c, as the coordinates are defined."""
    z = (X - coordinates.shift) * coordinates.inverse_scale
    return z @ parameters[:3] + (parameters[3] if coordinates.fit_intercept else 0.0)


@system
def test_predictions_are_the_same_in_both_units(coordinates: Coordinates) -> None:
    random = np.random.default_rng(0)
    parameters, X = random.normal(size=coordinates.n_parameters), MEAN + SPREAD * random.normal(size=(9, 3))
    coef, intercept = coordinates.to_original(parameters)
    np.testing.assert_allclose(X @ coef + intercept, predict(coordinates, parameters, X), rtol=1e-11, atol=1e-11)
    assert (coordinates.n_features, coordinates.n_parameters) == (3, parameters.size)


@system
@settings(max_examples=25)
@given(numbers=st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4))
def test_there_and_back(coordinates: Coordinates, numbers: list[float]) -> None:
    parameters = np.array(numbers[: coordinates.n_parameters])
    coef, intercept = coordinates.to_original(parameters)
    back = coordinates.from_original(coef, float(intercept))
    np.testing.assert_allclose(back, parameters, rtol=1e-12, atol=1e-15 * float(np.abs(coef) @ np.abs(MEAN)) + 1e-12)


@system
def test_many_models_at_once(coordinates: Coordinates) -> None:
    path = np.random.default_rng(0).normal(size=(6, coordinates.n_parameters))
    coefs, intercepts = coordinates.to_original(path)
    assert coefs.shape == (6, 3)
    for row, coef, intercept in zip(path, coefs, intercepts, strict=True):
        alone = coordinates.to_original(row)
        np.testing.assert_allclose(coef, alone[0], rtol=1e-15)
        np.testing.assert_allclose(intercept, alone[1], rtol=1e-14)


@system
def test_gradient_is_that_of_the_parameters(coordinates: Coordinates) -> None:
    """∂/∂θ of mean(ŷ²/2): from Σxŷ and Σŷ as a pass over the rows gives them, and by finite differences."""
    random = np.random.default_rng(1)
    X = MEAN + SPREAD * random.normal(size=(20, 3))
    parameters = random.normal(size=coordinates.n_parameters)
    residual = predict(coordinates, parameters, X)
    found = coordinates.of_gradient(X.T @ residual / 20, float(residual.mean()))

    def objective(parameters: Array) -> float:
        return 0.5 * float(np.mean(predict(coordinates, parameters, X) ** 2))

    # Central differences of a quadratic are exact, so the step may be as large as rounding likes it.
    steps = np.eye(parameters.size) / np.append(np.abs(MEAN * coordinates.inverse_scale) + 1e-3, 1.0)[: parameters.size]
    slope = [(objective(parameters + step) - objective(parameters - step)) / (2 * step.sum()) for step in steps]
    np.testing.assert_allclose(found, slope, rtol=1e-8, atol=1e-8)


# ------------------------------------------------------------------------------------------------- standardising
def test_standardised_columns_have_mean_0_and_spread_1() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3)) * SPREAD + MEAN
    coordinates = standard_coordinates(X.mean(axis=0), X.std(axis=0), True)
    z = (X - coordinates.shift) * coordinates.inverse_scale
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose(z.std(axis=0), 1.0, rtol=1e-12)


def test_rows_that_are_shifted_first_know_what_rounding_left_of_the_mean() -> None:
    """Against rational numbers: a mean of 1e12 is rounded by as much as changes the columns' means by 1e-4."""
    X = 1e12 + np.random.default_rng(0).integers(0, 9, size=(7, 3)).astype(float)
    mean = [sum(map(Fraction, column)) / 7 for column in X.T.tolist()]
    rounded = np.array([float(one) for one in mean])
    left = np.array([float(one - Fraction(kept)) for one, kept in zip(mean, rounded.tolist(), strict=True)])
    moments = gather(ArraySource(X, np.zeros(7)))
    of_columns = gather_columns(ArraySource(X, np.zeros(7)))
    for found in (moments, of_columns):
        assert found.rest is not None
        np.testing.assert_array_equal(found.mean, rounded)
        np.testing.assert_allclose(found.rest, left, rtol=1e-10, atol=1e-18)
    coordinates = standard_coordinates(moments.mean, X.std(axis=0), True, moments.rest)
    about, theta = coordinates.of_shifted_rows, np.array([0.3, -0.2, 0.1, 0.9])
    coef, intercept = about.to_original(theta)
    z = ((X - rounded) - left) * coordinates.inverse_scale
    assert np.abs(left).max() > 1e-6
    np.testing.assert_allclose((X - rounded) @ coef + intercept, z @ theta[:3] + theta[3], rtol=1e-13)


def test_without_an_intercept_columns_have_mean_square_1_and_are_not_shifted() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3)) * SPREAD + MEAN
    coordinates = standard_coordinates(X.mean(axis=0), X.std(axis=0), False)
    assert coordinates.shift.tolist() == [0.0] * 3
    np.testing.assert_allclose(np.mean((X * coordinates.inverse_scale) ** 2, axis=0), 1.0, rtol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_constant_column_keeps_the_coefficient_0(fit_intercept: bool) -> None:
    coordinates = standard_coordinates(np.array([5.0, 0.0]), np.array([0.0, 1.0]), fit_intercept)
    coef, _ = coordinates.to_original(np.ones(coordinates.n_parameters))
    assert coef[0] == (0.0 if fit_intercept else 0.2)
    assert coordinates.shift.tolist() == [0.0, 0.0]
    # What a start says of it goes into nothing: it has no parameter of its own.
    start = coordinates.from_original(np.array([7.0, 2.0]), 1.0)
    np.testing.assert_array_equal(start, [0.0, 2.0, 1.0] if fit_intercept else [35.0, 2.0])


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_what_rounding_left_of_a_mean_stands_beside_the_shift(fit_intercept: bool) -> None:
    mean, rest = np.array([5.0, -3.0, 7.0, 2.0]), np.array([1e-9, 2e-9, -3e-9, 4e-9])
    found = standard_coordinates(mean, np.array([0.0, 0.5, 2.0, 1.0]), fit_intercept, rest)
    if fit_intercept:
        # A constant column is not shifted: it is not seen.
        assert found.shift.tolist() == [0.0, -3.0, 7.0, 2.0]
        assert found.rest is not None
        assert found.rest.tolist() == found.of_shifted_rows.shift.tolist() == [0.0, 2e-9, -3e-9, 4e-9]
    else:
        assert found.shift.tolist() == [0.0] * 4
        assert found.of_shifted_rows.shift.tolist() == [0.0] * 4


def test_a_column_of_zeros_keeps_the_coefficient_0_without_an_intercept() -> None:
    coordinates = standard_coordinates(np.zeros(1), np.zeros(1), False)
    assert coordinates.inverse_scale.tolist() == [0.0]
    assert coordinates.from_original(np.array([3.0]), 0.0).tolist() == [0.0]


@pytest.mark.parametrize("name", SYSTEMS)
def test_many_models_at_once_are_each_of_them(name: str) -> None:
    coordinates, random = SYSTEMS[name], np.random.default_rng(0)
    coef, intercept = random.normal(size=(4, 2, MEAN.size)), random.normal(size=(4, 2))
    single = [
        [coordinates.from_original(w, float(b)) for w, b in zip(*pair, strict=True)]
        for pair in zip(coef, intercept, strict=True)
    ]
    np.testing.assert_allclose(coordinates.from_original(coef, intercept), single, rtol=1e-15, atol=1e-15)


# -------------------------------------------------------------------------------------------------------- spread
@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, 1e-140, -1e150])
@pytest.mark.parametrize("weight", [None, np.random.default_rng(0).random(1000)], ids=["", "weighted"])
@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_only_rounding_is_no_spread(value: float, weight: Array | None, store: Callable[[Array], Any]) -> None:
    X = np.column_stack([np.full(1000, value), value * (1 + 1e-10 * np.arange(1000.0))])
    source = ArraySource(store(X), np.zeros(1000), weight)
    for moments in (gather(source), gather_columns(source)):
        spread = spread_of(moments)
        assert spread[0] == 0.0
        assert spread[1] > 0.0


def test_spread_is_the_root_of_the_variance() -> None:
    moments = ColumnMoments(4, 4.0, np.array([1.0]), np.array([100.0]))
    assert spread_of(moments).tolist() == [float(Fraction(100, 4)) ** 0.5]


@pytest.mark.parametrize(("size", "error"), [(1e-170, UnderflowingSquaresError), (1e170, OverflowingSquaresError)])
def test_sizes_that_cannot_be_squared_are_refused(size: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        standard_coordinates(np.array([1.0, size]), np.zeros(2), False)
    assert standard_coordinates(np.array([1.0, size]), np.zeros(2), True).inverse_scale.tolist() == [0.0, 0.0]


def test_sizes_are_refused_from_where_a_square_has_lost_digits() -> None:
    """The last sizes that are taken, and their reciprocals, square to all digits; the next ones are refused."""
    smallest, largest = SMALLEST_SPAN, 1.0 / SMALLEST_SPAN
    for size in (smallest, largest):
        (inverse,) = standard_coordinates(np.array([size]), np.zeros(1), False).inverse_scale
        for number in (size, float(inverse)):
            exact = Fraction(number) ** 2
            assert abs(Fraction(number * number) / exact - 1) <= Fraction(np.finfo(float).eps)
    with pytest.raises(UnderflowingSquaresError):
        standard_coordinates(np.array([np.nextafter(smallest, 0.0)]), np.zeros(1), False)
    with pytest.raises(OverflowingSquaresError):
        standard_coordinates(np.array([np.nextafter(largest, np.inf)]), np.zeros(1), False)
