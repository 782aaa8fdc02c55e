"""The bound is the dual at slopes that are feasible: computed row by row, and below J everywhere."""

import numpy as np
import pytest

from downslope.data.arrays import ArraySource
from downslope.objective.fenchel import SumSlopes, bound_of
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.objective.splitting import Reader
from downslope.statistics.coordinates import raw_coordinates
from tests.convex import LOSSES

Array = np.ndarray


def by_hand(
    X: Array, y: Array, loss: str, theta: Array, penalty: tuple[float, float], fit_intercept: bool
) -> tuple[float, float]:
    """The dual at the shrunk slopes, and how much they were shrunk last."""
    d, (l1, l2) = X.shape[1], penalty
    Z = np.column_stack([X, np.ones(len(y))]) if fit_intercept else X
    residual = Z @ theta - y
    pieces = make_loss(loss, **LOSSES[loss]).pieces
    slopes = [piece.slope(residual) for piece in pieces]
    if fit_intercept:
        down, up = (sum(float(part(a, 0.0).sum()) for a in slopes) for part in (np.minimum, np.maximum))
        least = min(-down, up)
        slopes = [
            np.where(a < 0, a * (least / -down if down else 0.0), a * (least / up if up else 0.0)) for a in slopes
        ]
    pull = np.abs(sum(a @ Z for a in slopes))[:d] / len(y)
    share = min(1.0, l1 / pull.max()) if not l2 and pull.size and pull.max() > 0 else 1.0
    dual = -sum(
        float(np.sum(share * a * (y + piece.sigma) + 0.5 * piece.c * (share * a) ** 2))
        for a, piece in zip(slopes, pieces, strict=True)
    )
    held = float(np.sum(np.maximum(pull - l1, 0.0) ** 2)) / (2 * l2) if l2 else 0.0
    return dual / len(y) - held, share


def bound(X: Array, y: Array, loss: str, theta: Array, penalty: tuple[float, float], fit_intercept: bool) -> float:
    d, (l1, l2) = X.shape[1], penalty
    kind = None if not l1 + l2 else "elasticnet" if l1 and l2 else "l1" if l1 else "l2"
    made = make_penalty(kind, l1 + l2, l1 / (l1 + l2) if l1 + l2 else 0.0, d)
    pieces = make_loss(loss, **LOSSES[loss]).pieces
    reader = Reader(pieces, raw_coordinates(d, fit_intercept), False, 0.0)
    (sums,) = ArraySource(X, y).scan(SumSlopes(reader, theta))
    return bound_of(sums, float(len(y)), made, fit_intercept=fit_intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("penalty", [(0.005, 0.0), (5.0, 0.0), (0.0, 0.3), (0.1, 0.3)])
@pytest.mark.parametrize("loss", LOSSES)
def test_it_is_the_dual(loss: str, penalty: tuple[float, float], fit_intercept: bool) -> None:
    random = np.random.default_rng(6)
    X = random.normal(size=(40, 3))
    y = X @ [1.0, -0.5, 0.2] + random.normal(size=40) + 0.2
    theta = np.append([0.8, -0.4, 0.1], [0.3] * fit_intercept)
    known, share = by_hand(X, y, loss, theta, penalty, fit_intercept)
    assert bound(X, y, loss, theta, penalty, fit_intercept) == pytest.approx(max(known, 0.0), rel=1e-11)
    assert known > 0
    # Both a penalty that holds all slopes and one that does not are tried.
    assert penalty[1] or (share == 1.0) == (penalty[0] == 5.0)


@pytest.mark.parametrize("loss", LOSSES)
def test_without_a_column_the_intercept_alone_is_bounded(loss: str) -> None:
    y = np.random.default_rng(7).normal(size=30)
    known, _ = by_hand(np.empty((30, 0)), y, loss, np.zeros(1), (0.0, 0.0), True)
    assert bound(np.empty((30, 0)), y, loss, np.zeros(1), (0.0, 0.0), True) == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_slopes_of_one_sign_bound_nothing_beside_an_intercept(side: float) -> None:
    X, y = np.arange(6.0)[:, None], np.full(6, side * 100.0)
    assert bound(X, y, "absolute_error", np.zeros(2), (1.0, 0.0), True) == 0.0
