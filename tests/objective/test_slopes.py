"""Slopes of rows against the losses and Fenchel's terms by definition; columns made orthogonal."""

from typing import Any

import numpy as np
import pytest

from downslope.objective.losses import make_loss
from downslope.objective.slopes import Slopes, Whitened
from tests.convex import LOSSES

Array = np.ndarray


def rows_of(loss: str, z: Array, y: Array, s: Array) -> list[Slopes]:
    """The rows of each piece of a loss, weighed by s."""
    pieces = make_loss(loss, **LOSSES[loss]).pieces
    return [Slopes(z, y + piece.sigma, piece.c / s, piece.lo * s, piece.hi * s) for piece in pieces]


def three(loss: str) -> tuple[list[Slopes], Array, Array]:
    random = np.random.default_rng(4)
    z, y, s = random.normal(size=(12, 3)), random.normal(size=12), random.uniform(0.5, 3.0, 12)
    residual = np.concatenate([[0.0, 0.4, -0.4, 5.0, -5.0], random.normal(size=7)])
    return rows_of(loss, z, y, s), residual, s


@pytest.mark.parametrize("loss", LOSSES)
def test_the_sum_is_that_of_the_loss(loss: str) -> None:
    parts, residual, s = three(loss)
    known = s @ make_loss(loss, **LOSSES[loss]).value_and_derivative(residual)[0]
    sigmas = [piece.sigma for piece in make_loss(loss, **LOSSES[loss]).pieces]
    found = sum(rows.value(residual - sigma) for rows, sigma in zip(parts, sigmas, strict=True))
    assert found == pytest.approx(known, rel=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_slope_misses_is_fenchels_term(loss: str) -> None:
    parts, residual, _ = three(loss)
    random = np.random.default_rng(9)
    for rows in parts:
        low, high = np.maximum(rows.lo, -3.0), np.minimum(rows.hi, 3.0)
        a = low + random.uniform(size=low.size) * (high - low)
        missed = rows.value(residual) - float(np.sum(a * residual - 0.5 * rows.c * a**2))
        assert rows.shortfall(residual, a) == pytest.approx(missed, rel=1e-12)
        best = rows.steepest(residual)
        assert rows.shortfall(residual, best) == 0.0


def test_at_a_kink_the_slope_is_the_middle_one() -> None:
    rows = Slopes(np.ones((3, 1)), np.zeros(3), np.zeros(3), np.array([-0.1, -1.0, -3.0]), np.array([0.9, 1.0, 0.0]))
    np.testing.assert_allclose(rows.steepest(np.zeros(3)), [0.4, 0.0, -1.5])
    np.testing.assert_allclose(rows.steepest(np.array([0.5, -0.5, 0.5])), [0.9, -1.0, 0.0])


def test_slopes_are_feasible_where_they_add_up_to_nothing_but_rounding() -> None:
    z = np.array([[1.0, 0.0], [1.0, 0.0], [-2.0, 0.0]])
    rows = Slopes(z, np.zeros(3), np.zeros(3), np.full(3, -1.0), np.ones(3))
    place = np.zeros(2)
    assert rows.feasible(np.array([0.5, 0.5, 0.5]), place)  # with a column of zeros beside
    assert rows.feasible(np.array([0.5, 0.5, 0.5 + 1e-14]), place)
    assert not rows.feasible(np.array([0.5, 0.5, 0.5 + 1e-8]), place)
    assert rows.feasible(np.zeros(3), place)


@pytest.mark.parametrize(
    "unit",
    [1.0, 1e-200, 1e150, np.array([1e-200, 1.0, 1e100])],
    ids=["plain", "tiny", "huge", "each in its own"],
)
def test_columns_are_made_orthogonal_in_the_weights_of_the_slopes(unit: float | Array) -> None:
    random = np.random.default_rng(2)
    z = random.normal(size=(20, 3)) * [1.0, 1e3, 1e-4]
    z[:, 2] += 1e-4 * z[:, 0]
    c, hi = np.where(np.arange(20) < 8, random.uniform(0.5, 2, 20), 0.0), random.uniform(0.5, 2.0, 20)
    free = np.arange(20) < 8
    rows: Any = Slopes(unit * z, np.zeros(20), c, np.where(free, -np.inf, -hi), np.where(free, np.inf, hi))
    white = Whitened.of(rows)
    weight = np.where(free, 1.0 / np.where(free, c, 1.0), 2 * hi)
    products = (white.q * weight[:, None]).T @ white.q
    np.testing.assert_allclose(products / products[0, 0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose((unit * z) @ white.way, white.q, rtol=1e-9, atol=1e-12)
    assert white.tells_all


@pytest.mark.parametrize(
    ("columns", "directions", "tells_all"),
    [([0, 1], 2, True), ([0, 1, 0], 2, False), ([0, None], 1, True), ([None, None], 0, True)],
)
def test_directions_without_effect_are_left_out(columns: list[int | None], directions: int, tells_all: bool) -> None:
    x = np.random.default_rng(3).normal(size=(9, 2))
    z = np.column_stack([np.zeros(9) if j is None else x[:, j] for j in columns])
    white = Whitened.of(Slopes(z, np.zeros(9), np.zeros(9), np.full(9, -1.0), np.ones(9)))
    assert (white.way.shape, white.tells_all) == ((len(columns), directions), tells_all)
