"""Rows that are legal but worth a word: what is warned of, in one sentence, at the line that called fit."""

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from downslope import GradientDescentRegressor
from downslope.exceptions import CollinearColumnsWarning, ConstantColumnWarning, DivergenceWarning
from tests.problems import course

X, Y = course(2, n_samples=20)


def warned(category: type[Warning], make: Callable[[], Any]) -> str:
    """The one warning, which must point here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
    assert [entry.category for entry in caught] == [category]
    assert caught[0].filename == __file__
    told = str(caught[0].message)
    assert "\n" not in told
    return told


def test_more_features_than_rows() -> None:
    wide, y = np.random.default_rng(0).normal(size=(5, 8)), Y[:5]
    model = GradientDescentRegressor(max_iter=100_000, tol=1e-14)
    told = warned(CollinearColumnsWarning, lambda: model.fit(wide, y))
    assert told.startswith("8 features are more than 5 rows determine, so the coefficients are not unique")
    assert told.endswith("leave some out, or add penalty='l2'")
    np.testing.assert_allclose(model.predict(wide), y, rtol=1e-5)


def test_duplicate_columns_without_an_intercept() -> None:
    rows = np.column_stack([X, X[:, 1]])
    model = GradientDescentRegressor(fit_intercept=False, tol=1e-14, max_iter=100_000)
    told = warned(CollinearColumnsWarning, lambda: model.fit(rows, Y))
    assert told.startswith("'x1' and 'x2' are collinear, so the coefficients are not unique")
    np.testing.assert_allclose(model.predict(rows), X @ np.linalg.lstsq(X, Y)[0], rtol=1e-5)


def test_a_constant_column() -> None:
    rows = np.column_stack([X, np.full(20, 3.0)])
    model = GradientDescentRegressor()
    told = warned(ConstantColumnWarning, lambda: model.fit(rows, Y))
    assert told == "'x2' never changes in the rows, so its coefficient is kept at 0: leave it out"
    assert model.coef_[2] == 0.0
    np.testing.assert_allclose(model.coef_[:2], GradientDescentRegressor().fit(X, Y).coef_, rtol=1e-10)
    told = warned(ConstantColumnWarning, lambda: GradientDescentRegressor(standardize=False).fit(rows, Y))
    assert "'x2' never changes in the rows, so its effect cannot be told apart from the intercept's" in told


def test_nothing_but_constant_columns() -> None:
    model = GradientDescentRegressor(tol=1e-20)
    told = warned(ConstantColumnWarning, lambda: model.fit(np.ones((20, 2)), Y))
    assert told.startswith("'x0' and 'x1' never change in the rows")
    np.testing.assert_allclose(model.predict(np.ones((20, 2))), Y.mean())


def test_a_column_of_ones_is_the_textbooks_intercept() -> None:
    rows = np.column_stack([X, np.ones(20)])
    model = GradientDescentRegressor(fit_intercept=False, standardize=False, tol=1e-12, method="nesterov").fit(rows, Y)
    expected = np.linalg.lstsq(rows, Y)[0]
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-5)


def test_duplicate_columns() -> None:
    rows = pd.DataFrame({"km": X[:, 0], "kg": X[:, 1], "miles": 1.6 * X[:, 0]})
    model = GradientDescentRegressor()
    told = warned(CollinearColumnsWarning, lambda: model.fit(rows, Y))
    assert told.startswith("'km' and 'miles' are collinear, so the coefficients are not unique (the predictions are)")
    np.testing.assert_allclose(model.predict(rows), GradientDescentRegressor().fit(X, Y).predict(X), atol=1e-3)


def test_a_target_that_never_changes() -> None:
    for value in (0.0, 3.0):
        model = GradientDescentRegressor().fit(X, np.full(20, value))
        np.testing.assert_allclose(model.coef_, 0.0, atol=1e-12)
        np.testing.assert_allclose(model.predict(X), value, atol=1e-2)


def test_a_rate_that_diverges_keeps_the_best_epoch_and_the_history() -> None:
    model = GradientDescentRegressor(learning_rate=5.0, init=([0.3, 1.0], 0.5))
    told = warned(DivergenceWarning, lambda: model.fit(X, Y))
    assert re.search(r"learning_rate 5 is above the largest stable \S+ \(λ_max = .*dominated by .*Try ", told)
    assert model.restored_epoch_ == 0
    np.testing.assert_allclose(model.coef_, [0.3, 1.0])
    assert len(model.history_) == model.n_iter_ + 1 > 2
