"""The minimum and its bound, for every loss and penalty, against HiGHS on the dual and properties of duals."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from downslope.data.arrays import ArraySource
from downslope.objective.dual import Convex, Proof, TooWideError, bound_by, parabola, prove, prove_quadratic, slopes_of
from downslope.objective.fenchel import SumSlopes, bound_of
from downslope.objective.penalties import make_penalty
from downslope.objective.saddle import Saddle, find_saddle
from downslope.objective.splitting import FindStrays, Reader, SplitRows
from downslope.statistics.quadratic import Quadratic
from tests.convex import LOSSES, PENALTIES, SHAPES, by_linear_programming, convex, design, table, value

Array = np.ndarray


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_minimum_is_proven_to_the_last_digits(shape: str, loss: str, penalty: str | None) -> None:
    for seed in range(3):
        X, y, weight = table(shape, seed)
        problem = convex(X, y, weight, loss, penalty, PENALTIES[penalty])
        start = np.zeros(X.shape[1] + 1)
        found, begun = prove(problem, start), value(problem, loss, start)
        assert found.objective == pytest.approx(value(problem, loss, found.parameters), rel=1e-12, abs=1e-14 * begun)
        assert -1e-14 * begun <= found.objective - found.bound <= max(1e-9 * found.objective, 1e-13 * begun)
        if loss in ("absolute_error", "quantile", "epsilon_insensitive") and penalty in (None, "l1"):
            least = by_linear_programming(problem)
            assert found.objective == pytest.approx(
                least, rel=1e-7 if shape == "collinear" else 1e-9, abs=1e-12 * begun
            )


@pytest.mark.parametrize("loss", LOSSES)
def test_no_place_is_below_the_bound(loss: str) -> None:
    random = np.random.default_rng(5)
    for penalty, alpha in PENALTIES.items():
        X, y, weight = table("weights", 7)
        problem = convex(X, y, weight, loss, penalty, alpha)
        found = prove(problem, np.zeros(X.shape[1] + 1))
        for size in (1e-9, 1e-6, 1e-3, 1.0):
            near = found.parameters + size * random.normal(size=found.parameters.size)
            assert value(problem, loss, near) >= found.bound


@pytest.mark.parametrize("loss", LOSSES)
def test_an_exact_minimum_says_how_far_it_may_be_off(loss: str) -> None:
    """The same problem in rows that are rounded otherwise is solved to within the doubts."""
    X, y, _ = table("plain", 3)
    problem = convex(X, y, None, loss, None, 0.0)
    found = prove(problem, np.zeros(X.shape[1] + 1))
    order = np.random.default_rng(0).permutation(y.size)
    again = prove(convex(X[order], y[order], None, loss, None, 0.0), np.ones(X.shape[1] + 1))
    assert found.doubt is not None
    assert again.doubt is not None
    assert np.all(np.abs(found.parameters - again.parameters) <= found.doubt + again.doubt)
    assert np.all(found.doubt <= 1e-11 * np.abs(found.parameters).max())


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "epsilon_insensitive"])
def test_a_ridge_makes_the_minimum_of_a_loss_with_kinks_exact(loss: str) -> None:
    """Its parabolas, one a column, and a row or more at a kink tell the coefficients and the intercept."""
    for seed in range(6):
        X, y, weight = table("plain", seed)
        found = prove(convex(X, y, weight, loss, "l2", 0.02), np.zeros(X.shape[1] + 1))
        assert found.doubt is not None
        assert np.all(found.doubt <= 1e-11 * np.abs(found.parameters).max())
        # Copies of a row that is met are all at the kink, where one of them tells as much.
        twice = prove(
            convex(np.repeat(X, 3, axis=0), np.repeat(y, 3), weight, loss, "l2", 0.02), np.zeros(X.shape[1] + 1)
        )
        assert twice.doubt is not None
        np.testing.assert_allclose(twice.parameters, found.parameters, rtol=1e-10, atol=1e-12)


def test_a_face_of_minima_is_no_place() -> None:
    X, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0.0, 1.0, 2.0, 5.0])
    found = prove(convex(X, y, None, "absolute_error", None, 0.0), np.zeros(2))
    assert found.doubt is None
    assert found.objective == pytest.approx(1.0, rel=1e-12)


# ---------------------------------------------------------------------------------------------------- many rows
def many(loss: str, penalty: str | None = None) -> Convex:
    random = np.random.default_rng(2)
    X = random.normal(size=(30_000, 3)) + np.array([0.0, 5.0, 0.0])
    y = X @ [1.0, 2.0, -1.0] + (1 + np.abs(X[:, 0])) * random.standard_t(4, size=30_000)
    return convex(X, y, None, loss, penalty, 0.01)


@pytest.mark.parametrize("penalty", [None, "l1"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_band_of_rows_gives_what_all_rows_give(loss: str, penalty: str | None) -> None:
    problem = many(loss, penalty)
    start = np.linalg.lstsq(design(problem), problem.source.y)[0]
    split = problem.source.scan(SplitRows(Reader(problem.pieces, problem.coordinates, False, np.inf), start))[0]
    whole = find_saddle(slopes_of(problem, split), start)
    found = prove(problem, whole.parameters + 0.02)
    assert found.objective == pytest.approx(value(problem, loss, whole.parameters), rel=1e-12)
    assert found.objective - found.bound <= 1e-11 * found.objective
    np.testing.assert_allclose(found.parameters, whole.parameters, rtol=1e-9)
    assert found.band < 10_000


class Counting(ArraySource):
    """Counts its reads."""

    reads = 0

    def scan(self, *tasks: Any) -> tuple[Any, ...]:
        self.reads += 1
        return super().scan(*tasks)


def counted(problem: Convex) -> Counting:
    """The rows of a problem, that count how often they are read."""
    return Counting(problem.source.X, problem.source.y, problem.source.weight)


def test_a_start_that_is_far_away_needs_more_reads() -> None:
    problem = many("quantile")
    near = prove(problem, prove(problem, np.zeros(4)).parameters)
    source = counted(problem)
    far = prove(replace(problem, source=source), np.array([30.0, -50.0, 20.0, 100.0]))
    assert near.reads == 2 < far.reads == source.reads
    assert far.objective == pytest.approx(near.objective, rel=1e-12)
    assert far.objective - far.bound <= 1e-11 * far.objective


def test_too_many_rows_near_a_kink_are_refused() -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(60_000, 2))
    problem = convex(X, np.round(0.2 * X @ [1.0, 1.0]), None, "absolute_error", None, 0.0)
    with pytest.raises(TooWideError):
        prove(problem, np.zeros(3), largest_band=10_000)


def test_reads_for_a_narrower_band_are_counted() -> None:
    """Targets of a few values: thousands of rows are at the kink exactly, however narrow the band."""
    random = np.random.default_rng(3)
    X, y = random.normal(size=(90_000, 2)), random.integers(-10, 11, size=90_000).astype(float)
    problem = convex(X, y, None, "absolute_error", None, 0.0)
    source = counted(problem)
    found = prove(replace(problem, source=source), np.zeros(3))
    assert source.reads == found.reads > 5
    assert found.band > 4000
    assert found.objective - found.bound <= 1e-9 * found.objective


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_common_factor_of_the_weights_means_nothing(loss: str, unit: float) -> None:
    problem = many(loss)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 30_000)
    found, scaled = (
        prove(convex(problem.source.X, problem.source.y, s, loss, None, 0.0), np.zeros(4))
        for s in (weight, unit * weight)
    )
    np.testing.assert_allclose(scaled.parameters, found.parameters, rtol=1e-9)
    assert (scaled.objective, scaled.bound) == pytest.approx((found.objective, found.bound), rel=1e-10)


def test_what_is_too_much_to_solve_is_the_rows_times_the_square_of_the_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y, _ = table("plain", 0)
    problem = convex(X, y, None, "absolute_error", None, 0.0)
    start = np.zeros(X.shape[1] + 1)
    for more, solved in ((0, True), (-1, False)):
        monkeypatch.setattr("downslope.objective.dual.LARGEST_WORK", float(y.size * start.size**2 + more))
        assert (prove(problem, start).doubt is not None) == solved


def test_too_much_to_solve_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("downslope.objective.dual.LARGEST_WORK", 10.0)
    X, y, _ = table("plain", 0)
    problem = convex(X, y, None, "huber", None, 0.0)
    found = prove(problem, np.zeros(X.shape[1] + 1))
    assert (found.bound, found.doubt) == (0.0, None)
    assert found.objective == pytest.approx(value(problem, "huber", np.zeros(X.shape[1] + 1)))


def test_rows_that_leave_their_pieces_are_found() -> None:
    problem = many("huber")
    start, reached = np.array([1.0, 2.0, -1.0, 10.0]), np.array([1.2, 1.9, -1.1, 10.5])
    reader = Reader(problem.pieces, problem.coordinates, False, 0.05)
    (strays,) = problem.source.scan(FindStrays(reader, (start, reached)))
    Z, delta = design(problem), LOSSES["huber"]["delta"]
    before, after = Z @ start - problem.source.y, Z @ reached - problem.source.y
    sides = [np.where(r > delta, 1, np.where(r < -delta, -1, 0)) for r in (before, after)]
    near = np.minimum(np.abs(before - delta), np.abs(before + delta)) <= 0.05
    gone = (sides[0] != sides[1]) & ~near
    np.testing.assert_array_equal(np.sort(strays.near.rows.y), np.sort(problem.source.y[gone]))
    (counted,) = problem.source.scan(FindStrays(reader, (start, reached), 10))
    assert (counted.near.count, counted.near.rows.y.size) == (gone.sum(), 0)
    assert strays.squares == pytest.approx(float(after @ after))


# ------------------------------------------------------------------------------------------ without rows, or a solve
@pytest.mark.parametrize("alpha", [1e-12, 1e-3, 1.0, 1e3])
def test_a_quadratic_under_l1_satisfies_its_conditions(alpha: float) -> None:
    random = np.random.default_rng(1)
    factor, target = random.normal(size=(6, 6)), random.normal(size=6)
    smooth, penalty = Quadratic(factor, target, 0.25), make_penalty("l1", alpha, 0.0, 5)
    found: Proof = prove_quadratic(smooth, penalty, np.zeros(6))
    gradient = smooth.excess_and_gradient(found.parameters)[1]
    size = np.linalg.norm(factor.T @ target)
    w = found.parameters[:5]
    slack = np.where(
        np.abs(w) > 1e-9, np.abs(gradient[:5] + alpha * np.sign(w)), np.maximum(np.abs(gradient[:5]) - alpha, 0)
    )
    assert slack.max() <= 1e-9 * size
    assert abs(gradient[5]) <= 1e-9 * size
    assert 0 <= found.objective - found.bound <= 1e-9 * found.objective
    assert (found.band, found.reads) == (0, 0)


def test_slopes_that_do_not_add_up_or_lose_too_much_bound_nothing() -> None:
    saddle = Saddle(np.zeros(1), np.zeros(1), 6.0, True, None)
    assert bound_by(saddle, 5.0, 2.0) == pytest.approx(2.0, rel=1e-14)
    assert bound_by(saddle, 5.0, 1.0) == 0.0
    assert bound_by(saddle._replace(feasible=False), 5.0, 2.0) == 0.0


@pytest.mark.parametrize("zero", [None, 1])
def test_a_parabola_is_rows_of_the_same_sum(zero: int | None) -> None:
    random = np.random.default_rng(8)
    A, y = random.normal(size=(9, 3)) * [1e-9, 1.0, 1e3], random.normal(size=9)
    if zero is not None:
        A[:, zero] = 0.0
    rows = parabola(A.T @ A, A.T @ y)
    for _ in range(3):
        theta = random.normal(size=3) / [1e-9, 1.0, 1e3]
        known = 0.5 * theta @ A.T @ A @ theta - y @ A @ theta
        assert rows.value(rows.z @ theta - rows.y) - 0.5 * float(rows.y @ rows.y) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_at_any_place_bound_the_minimum(loss: str, penalty: str | None) -> None:
    X, y, weight = table("weights", 11)
    problem = convex(X, y, weight, loss, penalty, PENALTIES[penalty])
    found = prove(problem, np.zeros(X.shape[1] + 1))
    reader = Reader(problem.pieces, problem.coordinates, False, 0.0)

    def bound(place: Array) -> float:
        (sums,) = problem.source.scan(SumSlopes(reader, place))
        return bound_of(sums, problem.weight, problem.penalty, fit_intercept=True)

    random = np.random.default_rng(0)
    for size in (0.0, 1e-3, 1.0):
        assert (
            0
            <= bound(found.parameters + size * random.normal(size=found.parameters.size))
            <= found.objective * (1 + 1e-12)
        )
    if loss in ("squared_error", "huber", "squared_epsilon_insensitive") and penalty in ("l2", "elasticnet"):
        # Smooth, and penalised so that every pull can be held: nothing is lost at the minimum.
        assert bound(found.parameters) == pytest.approx(found.objective, rel=1e-6)
