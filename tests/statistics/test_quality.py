"""R² and RMSE against scikit-learn's, in blocks, with weights, and near the limits of floats."""

import math

import numpy as np
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error

from downslope.statistics.quality import measure_quality
from tests.problems import Pieces

Array = np.ndarray
COEF, INTERCEPT = np.array([1.0, -2.0]), 0.5


def rows(n: int = 60) -> tuple[Array, Array, Array]:
    random = np.random.default_rng(4)
    X = random.normal(size=(n, 2))
    return X, X @ [1.5, -1.0] + 3.0 + random.normal(size=n), random.uniform(0.0, 2.0, n)


@pytest.mark.parametrize("cuts", [(), (7, 7, 40), tuple(range(1, 60))], ids=["whole", "blocks", "rows"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
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
