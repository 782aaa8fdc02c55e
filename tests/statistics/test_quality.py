"""R² and RMSE against scikit-learn's, in blocks, with weights, and near the limits of floats."""

import math

import numpy as np
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error

from downslope.statistics.moments import gather
from downslope.statistics.quality import measure_quality, quality_of
from tests.problems import Pieces

Array = np.ndarray
COEF, INTERCEPT = np.array([1.0, -2.0]), 0.5


def rows(n: int = 60) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(4)
    X = random.normal(size=(n, 2))
    return X, X @ [1.5, -1.0] + 3.0 + random.normal(size=n), random.uniform(0.0, 2.0, n)


@pytest.mark.parametrize("cuts", [(), (7, 7, 40), tuple(range(1, 60))], ids=["whole", "blocks", "rows"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-250, 1e250])
def test_it_is_scikit_learns(scale: float, weighted: bool, cuts: tuple[int, ...]) -> None:
    X, y, weight = rows()
    given = weight if weighted else None
    found = measure_quality(Pieces(X, scale * y, given, cuts), scale * COEF, scale * INTERCEPT)
    predicted = X @ COEF + INTERCEPT
    assert found.r2 == pytest.approx(r2_score(y, predicted, sample_weight=given), rel=1e-12)
    assert found.rmse / scale == pytest.approx(root_mean_squared_error(y, predicted, sample_weight=given), rel=1e-12)


@pytest.mark.parametrize("cuts", [(), (20,)])
def test_weights_that_are_all_zero_count_for_nothing(cuts: tuple[int, ...]) -> None:
    X, y, _ = rows()
    found = measure_quality(Pieces(X, y, np.zeros(60), cuts), COEF, INTERCEPT)
    assert found == pytest.approx(measure_quality(Pieces(X, y, None, cuts), COEF, INTERCEPT), rel=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1e-250, 1e250])
@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_neither_the_unit_of_weights_nor_rows_without_weight_matter(unit: float, scale: float) -> None:
    X, y, weight = rows()
    weight[:20], weight[50:] = 0.0, 0.0
    found = measure_quality(Pieces(X, scale * y, unit * weight, (20, 50)), scale * COEF, scale * INTERCEPT)
    kept = measure_quality(Pieces(X[20:50], scale * y[20:50], weight[20:50]), scale * COEF, scale * INTERCEPT)
    assert found == pytest.approx(kept, rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, 2.0**-20])
def test_fits_that_are_exact_or_close(noise: float) -> None:
    X = np.array([[1.0, 2.0], [3.0, -4.0], [0.0, 8.0], [1.0, 1.0]])
    y = X @ COEF + INTERCEPT + noise * np.array([1.0, -1.0, 1.0, -1.0])
    for cuts in ((), (0, 2), (1, 2, 3)):
        found = measure_quality(Pieces(X, y, None, cuts), COEF, INTERCEPT)
        assert found.rmse == noise
        assert 1.0 - found.r2 == pytest.approx(noise**2 / np.var(y), rel=1e-3)


def test_no_rows() -> None:
    found = measure_quality(Pieces(np.empty((0, 2)), np.empty(0), None, (0,)), COEF, INTERCEPT)
    assert np.isnan(found).all()


@pytest.mark.parametrize("level", [0.0, 0.1, -1e12])
def test_a_target_that_never_changes_has_no_r2(level: float) -> None:
    X, _, _ = rows()
    found = measure_quality(Pieces(X, np.full(60, level), None, (13, 29)), np.zeros(2), level + 1.0)
    assert math.isnan(found.r2)
    assert found.rmse == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_predictions_that_are_no_numbers(bad: float) -> None:
    X, y, _ = rows()
    found = measure_quality(Pieces(X, y, None, (20,)), np.array([bad, 0.0]), 0.0)
    assert math.isnan(found.r2)
    assert math.isnan(found.rmse)


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_say_the_same_without_a_read(weighted: bool) -> None:
    random = np.random.default_rng(6)
    X = np.array([0.0, 50.0, -3.0]) + random.normal(size=(500, 3))
    y = X @ [1.0, 2.0, 3.0] + 4 + random.normal(size=500)
    weight = random.uniform(0.5, 2.0, 500) if weighted else None
    source = Pieces(X, y, weight)
    moments = gather(source)
    for coef, intercept in (([1.0, 2.0, 3.0], 4.0), ([0.0, 0.0, 0.0], 0.0), ([5.0, -2.0, 3.0], 1e3)):
        found, read = quality_of(moments, np.array(coef), intercept), measure_quality(source, np.array(coef), intercept)
        assert found == pytest.approx(read, rel=1e-8)


def test_moments_say_nothing_where_rounding_would() -> None:
    random = np.random.default_rng(6)
    X = random.normal(size=(500, 2)) * 1e6
    exact = Pieces(X, X @ [1.0, 2.0] + 3)
    assert quality_of(gather(exact), np.array([1.0, 2.0]), 3.0) is None
    constant = Pieces(X, np.full(500, 7.0))
    assert quality_of(gather(constant), np.zeros(2), 7.0) is None
