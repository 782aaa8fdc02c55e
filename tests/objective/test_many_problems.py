"""Sixty-four hostile problems of one to forty columns for each loss and penalty: proven, feasible, and HiGHS's."""

import numpy as np
import pytest

from downslope.objective.dual import prove, slopes_of
from downslope.objective.saddle import Saddle, find_saddle
from downslope.objective.slopes import Slopes
from downslope.objective.splitting import Reader, SplitRows
from tests.convex import LOSSES, PENALTIES, SHAPES, by_linear_programming, convex, table, value

Array = np.ndarray


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_each_is_proven(shape: str, loss: str, penalty: str | None) -> None:
    for seed in range(8):
        X, y, weight = table(shape, 100 + seed, most=40)
        problem = convex(X, y, weight, loss, penalty, PENALTIES[penalty])
        start = np.zeros(X.shape[1] + 1)
        found, begun = prove(problem, start), value(problem, loss, start)
        gap = found.objective - found.bound
        assert found.objective == pytest.approx(value(problem, loss, found.parameters), rel=1e-12, abs=1e-14 * begun)
        assert -1e-14 * begun <= gap <= max(1e-9 * found.objective, 1e-9 * begun)
        if loss in ("absolute_error", "quantile", "epsilon_insensitive") and penalty in (None, "l1"):
            least = by_linear_programming(problem)
            # HiGHS meets its constraints to 1e-10, which columns 1e-7 apart magnify.
            close = max((1e-7 if shape == "collinear" else 1e-9) * least, 1e-12 * begun)
            assert abs(found.objective - least) <= close
            assert found.bound <= least + close


def rounding(rows: Slopes, saddle: Saddle) -> Array:
    """That of the residuals of rows on parabolas, which are their slopes."""
    bent = rows.c > 0
    size = np.abs(rows.z[bent])
    return 2.0**-52 * ((size @ np.abs(saddle.parameters) + np.abs(rows.y[bent])) / rows.c[bent]) @ size


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_slopes_are_feasible(loss: str, penalty: str | None) -> None:
    for shape in SHAPES:
        X, y, weight = table(shape, 200, most=40)
        problem = convex(X, y, weight, loss, penalty, PENALTIES[penalty])
        start = np.zeros(X.shape[1] + 1)
        reader = Reader(problem.pieces, problem.coordinates, False, np.inf)
        rows = slopes_of(problem, problem.source.scan(SplitRows(reader, start))[0])
        saddle = find_saddle(rows, start)
        assert np.all((saddle.a >= rows.lo) & (saddle.a <= rows.hi))
        assert np.all(np.abs(saddle.a @ rows.z) <= 1e-11 * np.abs(saddle.a) @ np.abs(rows.z) + rounding(rows, saddle))
