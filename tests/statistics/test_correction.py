"""The minimum with a ridge, or without an intercept, is that of rational arithmetic, and knows its digits."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.exceptions import ConstantColumnWarning
from downslope.statistics.coordinates import Coordinates, raw_coordinates, spread_of, standard_coordinates
from downslope.statistics.correction import correct, gradient_at
from downslope.statistics.moments import gather
from downslope.statistics.quadratic import Minimum, Quadratic
from tests.problems import Stream, correct_digits, eliminate, exactly

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
Array = np.ndarray


def rows(kind: str) -> tuple[Array, Array, Array | None]:
    """Rows whose products of columns lose digits that a ridge, or the missing intercept, would need."""
    random = np.random.default_rng(7)
    X = random.normal(size=(18, 3))
    y, weight = X @ [1.0, -2.0, 0.5] + 0.3 + random.normal(size=18), None
    if kind == "apart by 1e-4":
        X = X[:, :1] + 1e-4 * X
    elif kind == "one row far away":
        X[5] = 3e6
    elif kind == "a row of almost all the weight":
        weight = np.append(1e10, np.ones(17))
    elif kind == "the same but for one bit":
        X[:, 1] = 0.3
        X[4, 1] = np.nextafter(0.3, 1.0)
        weight = 10.0 ** random.uniform(-6, 6, 18)
    return X, y, weight


KINDS = ("apart by 1e-4", "one row far away", "a row of almost all the weight", "the same but for one bit")


def exact(X: Array, y: Array, weight: Array | None, l2: float, standardize: bool, fit_intercept: bool) -> Array:
    """The coefficients, and the intercept where there is one."""
    table, target = exactly(X), exactly(y)
    s = exactly(np.ones(len(y)) if weight is None else weight)
    total, d = s.sum(), X.shape[1]
    variance = (s @ table**2) / total - ((s @ table) / total) ** 2 if standardize else [Fraction(1)] * d
    design = np.column_stack([table, exactly(np.ones(len(y)))]) if fit_intercept else table
    normal = (s[:, None] * design).T @ design
    for j in range(d):
        normal[j, j] += Fraction(l2) * total * variance[j]
    return np.asarray(eliminate(normal, (s * target) @ design).astype(float))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("alpha", [1e-3, 0.2])
@pytest.mark.parametrize("kind", KINDS[:3])
def test_with_a_ridge(kind: str, alpha: float, standardize: bool) -> None:
    X, y, weight = rows(kind)
    model = GradientDescentRegressor(penalty="l2", alpha=alpha, standardize=standardize, max_iter=1)
    found = model.fit(X, y, weight).optimum_
    right = correct_digits([*found.coef, found.intercept], exact(X, y, weight, alpha, standardize, True))
    # What one row carries alone is claimed with care.
    assert right >= found.digits >= (11 if kind == "apart by 1e-4" else 5)
    assert right >= 12


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_without_an_intercept(kind: str, standardize: bool) -> None:
    X, y, weight = rows(kind)
    model = GradientDescentRegressor(fit_intercept=False, standardize=standardize, max_iter=1)
    found = model.fit(X, y, weight).optimum_
    right = correct_digits(found.coef, exact(X, y, weight, 0.0, False, False))
    assert right >= found.digits
    assert right >= 9


@pytest.mark.parametrize("extended", [True, False])
@pytest.mark.parametrize("far", [0.0, 1e5])
@pytest.mark.parametrize("in_coordinates", ["raw", "raw without intercept", "standard", "standard without intercept"])
def test_the_gradient_is_that_of_the_mean_of_squares(in_coordinates: str, far: float, extended: bool) -> None:
    random = np.random.default_rng(1)
    X, weight = random.normal(size=(30, 3)) + far, random.uniform(0, 2, 30)
    y = X @ [1.0, 2.0, 3.0] + random.normal(size=30)
    source: Any = ArraySource(X, y, weight)
    moments, fit_intercept = gather(source), "without" not in in_coordinates
    coordinates: Coordinates = raw_coordinates(3, fit_intercept)
    if in_coordinates.startswith("standard"):
        coordinates = standard_coordinates(moments.mean, spread_of(moments), fit_intercept)
    theta = random.normal(size=coordinates.n_parameters)
    z = ((X - coordinates.shift) * coordinates.inverse_scale).astype(np.longdouble)
    design = np.column_stack([z, np.ones(30)]) if fit_intercept else z
    residual = design @ theta - y
    known = ((weight * residual) @ design / weight.sum()).astype(float)
    found = gradient_at(source, moments, coordinates, theta, extended=extended)
    np.testing.assert_allclose(found, known, rtol=1e-9, atol=1e-12 * np.abs(known).max())


def test_rows_that_are_dear_and_minima_that_are_not_unique_are_left_as_they_are() -> None:
    X, y, _ = rows("")
    moments, coordinates = gather(ArraySource(X, y)), raw_coordinates(3, False)
    quadratic, sources = Quadratic(np.eye(3), np.zeros(3), 0.0), (ArraySource(X, y), Stream(X, y, rereads="dear"))
    for source, tied in zip(sources, ([0, 2], []), strict=True):
        found = Minimum(np.ones(3), np.full(3, 1e-9), 1.0, np.array(tied, dtype=np.int64))
        assert correct(source, moments, coordinates, quadratic, 0.0, found) is found


def test_a_column_that_counts_as_constant_is_left_to_the_statistics() -> None:
    X, y, weight = rows("the same but for one bit")
    model = GradientDescentRegressor(penalty="l2", alpha=0.01, standardize=False, max_iter=1)
    with pytest.warns(ConstantColumnWarning):
        found = model.fit(1e9 * X, y, weight).optimum_
    assert abs(found.coef[1]) * 0.3e9 < 1e-6 * np.abs(y).max()


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_constant_column_that_standardising_drops_costs_the_others_no_digit(kind: str) -> None:
    X, y, weight = rows(kind)
    beside = np.insert(X, 1, 7.0, axis=1)
    with pytest.warns(ConstantColumnWarning):
        model = GradientDescentRegressor(penalty="l2", alpha=1e-3, max_iter=1).fit(beside, y, weight)
    found = model.optimum_
    assert found.coef[1] == 0.0
    known = exact(X, y, weight, 1e-3, True, True)
    assert correct_digits([*np.delete(found.coef, 1), found.intercept], known) >= 12


def test_columns_of_all_sizes_are_compared_by_what_they_add() -> None:
    X, y, _ = rows("")
    X, y = X * [1e-70, 1.0, 1e50], 1e60 * y
    found = GradientDescentRegressor(penalty="l2", alpha=1e-6, standardize=False, max_iter=1).fit(X, y).optimum_
    known = exact(X, y, None, 1e-6, False, True)
    assert correct_digits(found.coef[1:], known[1:3]) >= found.digits >= 6
