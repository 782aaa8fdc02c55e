"""A tube of the default width that covers all targets is said, with its numbers; one that does not, is not."""

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.exceptions import DownslopeWarning

RNG = np.random.default_rng(9)
X = RNG.normal(size=(70, 3))
Y = X @ [2.0, -1.0, 0.5]
LOSSES = ["epsilon_insensitive", "squared_epsilon_insensitive"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("given", [X, scipy.sparse.csr_matrix(X)], ids=["dense", "sparse"])
@pytest.mark.parametrize("options", [{}, {"batch_size": 8, "random_state": 0}, {"method": "adam"}])
def test_a_tube_that_covers_all_targets_is_said(loss: str, given: Any, options: dict[str, Any]) -> None:
    y = 0.004 * Y + 3.0
    with pytest.warns(
        DownslopeWarning, match=r"epsilon = 0\.1 covers all 70 targets about one constant .* lower epsilon"
    ):
        GradientDescentRegressor(loss=loss, max_iter=40, tol=0, **options).fit(given, y)


@pytest.mark.parametrize("loss", LOSSES)
def test_about_zero_without_an_intercept(loss: str) -> None:
    largest = f"{np.abs(0.004 * Y).max():.2g}"
    with pytest.warns(DownslopeWarning, match=rf"all 70 targets about 0 \(the largest is {largest} in size\)"):
        model = GradientDescentRegressor(loss=loss, fit_intercept=False).fit(X, 0.004 * Y)
    assert not model.coef_.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GradientDescentRegressor(loss=loss, fit_intercept=False, tol=1e-3).fit(X, 0.004 * Y + 3.0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("estimator", [GradientDescentRegressor, SGDRegressor])
def test_what_the_sentence_asks_for_helps(loss: str, estimator: Any) -> None:
    model = estimator(loss=loss, random_state=0)
    with pytest.warns(DownslopeWarning, match="epsilon = 0.1"):
        model.fit(X, 0.004 * Y)
    assert model.score(X, 0.004 * Y) < 0.1
    if estimator is GradientDescentRegressor:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert model.set_params(epsilon=1e-5, tol=1e-3).fit(X, 0.004 * Y).score(X, 0.004 * Y) > 0.99


@pytest.mark.parametrize("loss", LOSSES)
def test_targets_of_one_value_need_no_tube(loss: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GradientDescentRegressor(loss=loss).fit(X, np.full(70, 2.0))
