"""Edges of the exact minimum: nothing to lose, numbers that do not reach, and small units."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from downslope.objective.saddle import find_saddle, least_singular, worth_a_try
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


class Path:
    """A path to the minimum: places, and the share of the objective that each may leave to gain."""

    def __init__(self, left: list[float]) -> None:
        self.left, self.walked = left, 0

    def path(self) -> Iterator[tuple[int, float]]:
        for place, left in enumerate(self.left):
            self.walked = place + 1
            yield place, left


@pytest.mark.parametrize(
    ("left", "tried", "walked"),
    [
        ([1.0, 1e-8, 1e-11, 1e-14, 1e-20], [1, 2, 3], 4),  # a try at each share, and the last one ends the path
        ([1.0, 1e-8, 5e-9, 2e-9], [1, 3], 4),  # not again at the same share, but at the nearest place in the end
        ([1.0, 1e-8, 1e-6, 1e-5], [1], 4),  # rounding has taken over: the nearest has been tried
        ([1.0, 0.5, 0.7], [1], 3),
        ([0.5, 0.5], [0], 2),
        ([1e-7, 2e-8, 1e-13, 1e-20], [0, 2], 3),
        ([1e-10, 5e-11, 1e-14], [0, 2], 3),
        ([1.0, 1e-12, 5e-13, 1e-14], [1, 3], 4),  # shares that were leapt over are not tried again
        ([1e-8, 1e-6, 5e-12], [0, 2], 3),
        ([], [], 0),
    ],
)
def test_an_exact_solve_is_tried_where_the_path_has_come_a_good_part_nearer(
    left: list[float], tried: list[int], walked: int
) -> None:
    path: Any = Path(left)
    assert list(worth_a_try(path)) == tried
    assert path.walked == walked


@pytest.mark.parametrize("copies", [2, 3])
def test_rows_that_lie_together_are_met_once(copies: int) -> None:
    """Of copies of a row that the minimum meets all are at the kink, and one of them tells as much."""
    z, y = design(), np.random.default_rng(3).normal(size=20)
    once = find_saddle(quantile_rows(z, y), np.zeros(3))
    found = find_saddle(quantile_rows(np.repeat(z, copies, axis=0), np.repeat(y, copies)), np.zeros(3))
    assert once.doubt is not None
    assert found.doubt is not None
    np.testing.assert_allclose(found.parameters, once.parameters, rtol=1e-12)


def test_what_is_told_least_is_the_smallest_singular_value() -> None:
    left, right = (np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0] for seed in range(2))
    assert least_singular(left @ np.diag([5.0, 1.0, 1e-3]) @ right) == pytest.approx(1e-3, rel=1e-9)
