"""What undoes a factor, against numpy's pseudo-inverse and the singular values that the factor was made from."""

import numpy as np
import pytest

from downslope.statistics.inverse import Inverse, by_substitution, by_svd

Array = np.ndarray


def triangle(singular: list[float]) -> Array:
    """An upper triangle with these singular values."""
    random, d = np.random.default_rng(0), len(singular)
    u, v = (np.linalg.qr(random.normal(size=(d, d)))[0] for _ in range(2))
    return np.linalg.qr(u @ np.diag(singular) @ v.T)[1]


def assert_undoes(inverse: Inverse, factor: Array, singular: list[float]) -> None:
    """The nonzero singular values of `factor` are these, falling."""
    vector = np.random.default_rng(1).normal(size=len(factor))
    undone = np.linalg.pinv(factor, rcond=1e-12)
    np.testing.assert_allclose(inverse.solve(vector), undone @ vector, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(inverse.solve_normal(vector), undone @ undone.T @ vector, rtol=1e-11, atol=1e-13)
    assert inverse.condition == pytest.approx((singular[0] / singular[-1]) ** 2, rel=1e-12)
    assert inverse.largest == pytest.approx(singular[0], rel=1e-14)
    assert inverse.rank == len(singular)
    weakest = inverse.weakest()
    assert [np.linalg.norm(weakest), np.linalg.norm(factor.T @ weakest)] == pytest.approx([1.0, singular[-1]])
    np.testing.assert_allclose(inverse.reach(factor @ vector), factor @ vector, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("constant", [[], [1], [0, 3]], ids=["", "a column of zeros", "two"])
def test_by_substitution(constant: list[int]) -> None:
    singular = [3.0, 2.0, 0.5]
    active = np.ones(3 + len(constant), dtype=bool)
    active[constant] = False
    factor = np.zeros((active.size, active.size))
    factor[np.ix_(active, active)] = triangle(singular)
    assert_undoes(by_substitution(factor, active, 0.25, 9.0), factor, singular)


@pytest.mark.parametrize("n_null", [0, 1, 3])
def test_by_svd(n_null: int) -> None:
    singular = [30.0, 2.0, 0.5]
    factor = triangle([*singular, *[0.0] * n_null])
    found = by_svd(factor)
    assert_undoes(found, factor, singular)
    vector = np.random.default_rng(2).normal(size=len(factor))
    np.testing.assert_allclose(found.reach(vector), factor @ np.linalg.pinv(factor, rcond=1e-12) @ vector, atol=1e-12)
