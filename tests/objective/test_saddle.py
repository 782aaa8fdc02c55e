"""Edges of the exact minimum: nothing to lose, numbers that do not reach, and small units."""

import numpy as np
import pytest

from downslope.objective.saddle import find_saddle
from downslope.objective.slopes import Slopes

Array = np.ndarray


def quantile_rows(z: Array, y: Array) -> Slopes:
    n_rows = y.size
    return Slopes(z, y, np.zeros(n_rows), np.full(n_rows, -0.1), np.full(n_rows, 0.9))


def design() -> Array:
    return np.column_stack([np.random.default_rng(5).normal(size=(20, 2)), np.ones(20)])


def test_a_place_that_costs_nothing_is_the_minimum() -> None:
    z, theta = design().round(2), np.array([1.0, -2.0, 4.0])
    found = find_saddle(quantile_rows(z, z @ theta), theta)
    np.testing.assert_array_equal(found.parameters, theta)
    np.testing.assert_array_equal(found.a, np.zeros(20))
    assert (found.shortfall, found.feasible) == (0.0, True)


def test_where_numbers_do_not_reach_nothing_is_claimed() -> None:
    found = find_saddle(quantile_rows(design(), np.full(20, 1e308)), np.zeros(3))
    np.testing.assert_array_equal(found.parameters, np.zeros(3))
    assert not found.feasible


@pytest.mark.parametrize("unit", [1e-200, 1e-6, 1.0, 1e200])
def test_units_of_the_target_do_not_matter(unit: float) -> None:
    z = design()
    y = z @ [1.0, 2.0, 3.0] + np.random.default_rng(1).standard_t(2, size=20)
    one, other = find_saddle(quantile_rows(z, y), np.zeros(3)), find_saddle(quantile_rows(z, unit * y), np.zeros(3))
    assert one.doubt is not None
    assert other.doubt is not None
    np.testing.assert_allclose(other.parameters, unit * one.parameters, rtol=1e-12)
    # An exact minimum of three parameters meets three of the rows.
    assert np.count_nonzero((one.a > -0.1) & (one.a < 0.9)) == 3
