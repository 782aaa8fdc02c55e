"""How steep single rows are, against a plain loop over them and a generalised eigenvalue of their products."""

from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

from downslope.data.arrays import ArraySource
from downslope.statistics.coordinates import Coordinates, raw_coordinates, standard_coordinates
from downslope.statistics.least_squares import solve
from downslope.statistics.quadratic import Spectrum, half_mean_squared_error
from downslope.statistics.row_lengths import RowCurvature, measure_rows
from tests.problems import Pieces, collinear, course

Array = np.ndarray

WEIGHT = np.random.default_rng(1).integers(0, 4, 100).astype(float)
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])
intercept = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
standard = pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "raw"])
STORES: dict[str, Callable[[Array], Any]] = {"dense": np.asarray, "sparse": scipy.sparse.csr_array}


def prepared(
    X: Array, y: Array, weight: Array | None, fit_intercept: bool, standardize: bool
) -> tuple[Coordinates, Spectrum]:
    problem = solve(ArraySource(X, y, weight))
    coordinates = (
        standard_coordinates(problem.moments.mean, problem.spread, fit_intercept)
        if standardize
        else raw_coordinates(X.shape[1], fit_intercept)
    )
    return coordinates, half_mean_squared_error(problem, coordinates).decompose()


def rows_of(X: Array, coordinates: Coordinates) -> Array:
    """The rows z, with the 1 of the intercept."""
    z = (X - coordinates.shift) * coordinates.inverse_scale
    return np.column_stack([z, np.ones(len(z))]) if coordinates.fit_intercept else z


def shares_of(weight: Array | None) -> Array:
    """Weights as multiples of their mean."""
    return np.ones(100) if weight is None else weight / weight.mean()


@weights
@intercept
@standard
@pytest.mark.parametrize("with_products", [True, False], ids=["products", "lengths only"])
@pytest.mark.parametrize("cuts", [(), (30, 30, 71)], ids=["whole", "cut"])
@pytest.mark.parametrize("store", STORES)
def test_lengths_are_those_of_a_loop(
    store: str, cuts: tuple[int, ...], with_products: bool, standardize: bool, fit_intercept: bool, weight: Array | None
) -> None:
    X, y = course(3)
    coordinates, spectrum = prepared(X, y, weight, fit_intercept, standardize)
    source = Pieces(STORES[store](X), y, weight, cuts)
    found = measure_rows(source, coordinates, spectrum if with_products else None)
    steep = [s * (z @ z) for s, z in zip(shares_of(weight), rows_of(X, coordinates), strict=True)]
    assert found.largest == pytest.approx(max(steep), rel=1e-12)
    assert found.mean == pytest.approx(np.mean(steep), rel=1e-12)
    if not with_products:
        # Without products the longest row is the bound, and the trace is at least the largest eigenvalue.
        assert (found.bound, found.whole) == (found.largest, found.mean)


@weights
@intercept
@standard
def test_the_bound_is_the_smallest_that_holds(standardize: bool, fit_intercept: bool, weight: Array | None) -> None:
    """R² with E[s²‖z‖² z zᵀ] ≼ R² E[s z zᵀ]: the largest generalised eigenvalue of the two."""
    X, y = course(3)
    coordinates, spectrum = prepared(X, y, weight, fit_intercept, standardize)
    found = measure_rows(Pieces(X, y, weight, (50,)), coordinates, spectrum)
    z, s = rows_of(X, coordinates), shares_of(weight)
    products = np.einsum("k,ki,kj->ij", s, z, z) / 100
    steep = np.einsum("k,k,ki,kj->ij", s**2, (z**2).sum(axis=1), z, z) / 100
    assert found.bound == pytest.approx(scipy.linalg.eigh(steep, products, eigvals_only=True)[-1], rel=1e-9)
    assert found.whole == pytest.approx(np.linalg.eigvalsh(products)[-1], rel=1e-12)
    assert found.mean < found.bound < found.largest


def test_directions_of_no_effect_do_not_count() -> None:
    """The bound of five columns of rank three is that of three which span them, in their own coordinates."""
    X, y = collinear()
    coordinates, spectrum = prepared(X, y, None, False, False)
    assert spectrum.n_null == 2
    found = measure_rows(Pieces(X, y), coordinates, spectrum)
    basis = np.linalg.svd(X, full_matrices=False)[2][:3].T
    z = X @ basis
    steep = np.einsum("k,ki,kj->ij", (z**2).sum(axis=1), z, z)
    assert found.bound == pytest.approx(scipy.linalg.eigh(steep, z.T @ z, eigvals_only=True)[-1], rel=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
def test_rows_that_are_all_alike(fit_intercept: bool) -> None:
    X, y = np.full((6, 2), 3.0), np.arange(6.0)
    coordinates, spectrum = prepared(X, y, None, fit_intercept, fit_intercept)
    found = measure_rows(Pieces(X, y), coordinates, spectrum)
    # What does not change is no column: the intercept alone has a length. Without one, (3, 3) is as long as √18.
    assert astuple(found) == pytest.approx((1.0,) * 4 if fit_intercept else (18.0,) * 4)


@pytest.mark.parametrize("scale", [1e-100, 1e-3, 1e100])
@pytest.mark.parametrize("store", STORES)
def test_lengths_scale_with_the_rows(store: str, scale: float) -> None:
    X, y = course(3)
    one, other = (
        measure_rows(ArraySource(STORES[store](rows), y), raw_coordinates(3, False), None) for rows in (X, X * scale)
    )
    assert np.array(astuple(other)) / scale == pytest.approx(np.array(astuple(one)) * scale, rel=1e-12)


def test_no_length_is_negative_by_rounding() -> None:
    """A sparse row at the very shift: its squares and twice its product with the shift cancel, but for rounding."""
    for row in np.random.default_rng(0).random((40, 1, 7)):
        at = Coordinates(row[0], 1.0 / (1.0 + row[0]), False)
        assert 0.0 <= measure_rows(ArraySource(scipy.sparse.csr_array(row), np.zeros(1)), at, None).mean < 1e-14


# ----------------------------------------------------------------------------------------------------- batches
@pytest.mark.parametrize(
    ("size", "n_rows", "share"),
    [(1, 100, 1.0), (100, 100, 0.0), (1, 2, 1.0), (2, 3, 0.25), (10, 100, 1 / 11), (50, 100, 1 / 99)],
)
def test_a_batch_lies_between_one_row_and_all(size: int, n_rows: int, share: float) -> None:
    """(n - k)/(k(n - 1)) of the single row's, which is what a mean of k of n rows keeps of their variance."""
    rows = RowCurvature(largest=50.0, mean=5.0, bound=20.0, whole=2.0)
    assert rows.of_batch(size, n_rows) == pytest.approx(share * 20.0 + (1 - share) * 2.0)
    assert rows.of_worst_batch(size, n_rows) == pytest.approx(share * 50.0 + (1 - share) * 2.0)
    values = np.arange(float(n_rows))
    draws = np.array([np.random.default_rng(k).choice(values, size, replace=False).mean() for k in range(4000)])
    assert np.var(draws) == pytest.approx(share * np.var(values), rel=0.1)
