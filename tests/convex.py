"""Hostile tables as convex problems of any loss and penalty, and their least value by HiGHS."""

from typing import Any

import numpy as np
from scipy.optimize import linprog

from downslope.data.arrays import ArraySource
from downslope.objective.dual import Convex
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.statistics.coordinates import standard_coordinates

Array = np.ndarray

LOSSES: dict[str, dict[str, Any]] = {
    "squared_error": {},
    "huber": {"delta": 0.7},
    "absolute_error": {},
    "quantile": {"quantile": 0.9},
    "epsilon_insensitive": {"epsilon": 0.3},
    "squared_epsilon_insensitive": {"epsilon": 0.3},
}
PENALTIES = {None: 0.0, "l1": 0.02, "l2": 0.02, "elasticnet": 0.05}
SHAPES = ("plain", "ties", "outliers", "weights", "leverage", "few rows", "twice", "collinear")


def table(shape: str, seed: int, most: int = 8) -> tuple[Array, Array, Array | None]:
    """Rows of a kind that is hard to solve, of at most so many columns."""
    random = np.random.default_rng(seed)
    d = int(random.integers(1, most + 1))
    n = 5 if shape == "few rows" else 80
    X = random.normal(size=(n, d))
    if shape == "ties":
        X = np.round(X)
    y = X @ random.normal(size=d) + random.normal(size=n)
    if shape == "ties":
        y = np.round(y)
    elif shape == "outliers":
        y[:4] += 1e4
    elif shape == "leverage":
        X[0] *= 1e7
    elif shape == "twice" and d > 1:
        X[:, 1] = X[:, 0]
    elif shape == "collinear" and d > 1:
        X[:, 1] = X[:, 0] + 1e-7 * X[:, 1]
    return X, y, np.exp(3 * random.normal(size=n)) if shape == "weights" else None


def convex(X: Array, y: Array, weight: Array | None, loss: str, penalty: str | None, alpha: float) -> Convex:
    total = float(y.size if weight is None else weight.sum())
    share = np.full(y.size, 1.0) if weight is None else weight
    mean = share @ X / total
    coordinates = standard_coordinates(mean, np.sqrt(share @ (X - mean) ** 2 / total), fit_intercept=True)
    pieces = make_loss(loss, **LOSSES[loss]).pieces
    return Convex(ArraySource(X, y, weight), total, coordinates, pieces, make_penalty(penalty, alpha, 0.3, X.shape[1]))


def value(problem: Convex, loss: str, parameters: Array) -> float:
    """J by numpy alone."""
    source, at = problem.source, problem.coordinates
    coef, intercept = at.to_original(parameters)
    losses = make_loss(loss, **LOSSES[loss]).value_and_derivative(source.X @ coef + intercept - source.y)[0]
    weight = np.ones(losses.size) if source.weight is None else source.weight
    return float(weight @ losses / problem.weight) + problem.penalty.value(parameters)


def design(problem: Convex) -> Array:
    at = problem.coordinates
    return np.column_stack([(problem.source.X - at.shift) * at.inverse_scale, np.ones(problem.source.y.size)])


def by_linear_programming(problem: Convex) -> float:
    """J* of losses of straight pieces, from HiGHS on the dual; L1 is a bound of the slopes of each column."""
    Z, y = design(problem), problem.source.y
    if not problem.penalty.l1:
        # Whatever the columns are, the slopes must be orthogonal to what they span.
        left, singular, _ = np.linalg.svd(Z, full_matrices=False)
        Z = left[:, singular > 1e-13 * singular[0]]
    weight = np.ones(y.size) if problem.source.weight is None else problem.source.weight
    cost = np.concatenate([(y + piece.sigma) for piece in problem.pieces])
    bounds = [(piece.lo * s, piece.hi * s) for piece in problem.pieces for s in weight]
    rows = np.vstack([Z] * len(problem.pieces)).T / problem.weight
    limit = np.append(np.full(Z.shape[1] - 1, problem.penalty.l1), 0.0)
    fine = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    scale = np.abs(cost).max()
    sides = np.concatenate([limit, limit])
    found = linprog(
        cost / scale, A_ub=np.vstack([rows, -rows]), b_ub=sides, bounds=bounds, method="highs", options=fine
    )
    assert found.status == 0
    return float(-found.fun * scale / problem.weight)
