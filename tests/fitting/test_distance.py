"""Distances in standard errors, against textbook formulas and simulation."""

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.descent.settings import Settings
from downslope.fitting.distance import distance, standard_errors
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import make_step_rule

Array = np.ndarray


def problem(X: Array, y: Array, loss: str = "squared_error", weight: Array | None = None, **options: float) -> Problem:
    settings = Settings(make_loss(loss, **options), make_penalty(None, 0.0, 0.0, X.shape[1]), make_step_rule("gd"))
    return prepare(ArraySource(X, y, weight), settings)


def rows(seed: int, n: int = 400) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 2)) * [1.0, 4.0] + [0.0, 10.0]
    return X, X @ [1.0, -0.5] + 2.0 + random.standard_t(5, size=n)


def test_least_squares_has_the_textbooks_errors() -> None:
    X, y = rows(0)
    of = problem(X, y)
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0), np.ones(len(y))])
    best = np.linalg.lstsq(Z, y)[0]
    variance = np.sum((Z @ best - y) ** 2) / (len(y) - 3)
    expected = np.sqrt(variance * np.diagonal(np.linalg.inv(Z.T @ Z)))
    np.testing.assert_allclose(standard_errors(of, best), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("loss", "options"), [("huber", {"delta": 1.0}), ("absolute_error", {}), ("quantile", {"quantile": 0.8})]
)
def test_other_losses_have_the_spread_of_many_tables(loss: str, options: dict[str, float]) -> None:
    found = []
    for seed in range(60):
        model = GradientDescentRegressor(loss=loss, **options).fit(*rows(seed))
        found.append(model.optimum_.coef)
    X, y = rows(0)
    of = problem(X, y, loss, **options)
    model = GradientDescentRegressor(loss=loss, **options).fit(X, y)
    errors = standard_errors(of, of.coordinates.from_original(model.optimum_.coef, model.optimum_.intercept))
    assert errors is not None
    np.testing.assert_allclose(errors[:2] / X.std(axis=0), np.std(found, axis=0), rtol=0.4)


def test_whole_weights_count_rows_and_others_do_not() -> None:
    X, y = rows(1, 60)
    best = problem(X, y).minimum.parameters
    plain = standard_errors(problem(X, y), best)
    half, twice = (standard_errors(problem(X, y, weight=np.full(60, size)), best) for size in (0.5, 2.0))
    np.testing.assert_allclose(half, plain, rtol=1e-12)
    np.testing.assert_allclose(twice, plain * np.sqrt(57 / 117), rtol=1e-12)


def test_rows_without_noise_and_few_rows_have_none() -> None:
    X, _ = rows(2, 50)
    exact = problem(X, X @ [1.0, 2.0] + 3.0)
    best = exact.minimum.parameters
    assert distance(best + 1e-3, best, standard_errors(exact, best)) is None
    assert distance(best, best, None) is None
    few = problem(X[:3], X[:3, 0])
    assert standard_errors(few, np.zeros(3)) is None
    alike = problem(np.column_stack([X[:, 0], X[:, 0]]), X[:, 1])
    assert standard_errors(alike, np.zeros(3)) is None
