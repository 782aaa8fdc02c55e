"""The exact optimum: certified data, rational arithmetic, and never a digit claimed that is not there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from downslope.data.arrays import ArraySource
from downslope.exceptions import InputError
from downslope.statistics import least_squares as module
from downslope.statistics.least_squares import LeastSquares, believable_digits, completed, solve
from tests.problems import (
    NIST,
    Pieces,
    Stream,
    collinear,
    correct_digits,
    exact_solution,
    graded,
    near_collinear,
    nist,
    real_table,
)

Array = np.ndarray
WITH_INTERCEPT = tuple(name for name in NIST if nist(name).fit_intercept)


def parameters(problem: LeastSquares) -> Array:
    return np.append(problem.coef, problem.intercept)


def exact_parameters(X: Array, y: Array, weight: Array | None = None) -> Array:
    known = exact_solution(X, y, weight)
    return np.append(known.coef, known.intercept)


# ---------------------------------------------------------------------------------------------- certified digits
@pytest.mark.parametrize("name", WITH_INTERCEPT)
def test_certified_digits(name: str) -> None:
    known = nist(name)
    found = solve(ArraySource(known.X, known.y))
    digits = correct_digits(parameters(found), np.append(known.coef, known.intercept))
    assert digits >= (11 if name in ("Norris", "Pontius", "Longley") else 6)
    assert found.unique
    assert found.rank == known.X.shape[1]


@pytest.mark.parametrize("name", WITH_INTERCEPT)
def test_residual_of_certified_data(name: str) -> None:
    known = nist(name)
    found = solve(ArraySource(known.X, known.y))
    exact = exact_solution(known.X, known.y).mse
    assert found.residual == pytest.approx(exact, rel=1e-10, abs=1e-25 * float(known.y @ known.y))


# ------------------------------------------------------------------------------------- digits that are not there
def assert_honest(X: Array, y: Array, weight: Array | None = None) -> None:
    """As many correct digits as are claimed, up to what the last one is worth."""
    found = solve(ArraySource(X, y, weight))
    assert correct_digits(parameters(found), exact_parameters(X, y, weight)) >= found.digits - 0.5


@pytest.mark.parametrize("name", WITH_INTERCEPT)
def test_claimed_digits_of_certified_data_are_there(name: str) -> None:
    assert_honest(nist(name).X, nist(name).y)


@pytest.mark.parametrize("extended", [True, False], ids=["wide residuals", "residuals in double"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("apart", [1.0, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
def test_claimed_digits_are_there_as_columns_approach(
    apart: float, weighted: bool, extended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not extended:
        monkeypatch.setattr(module, "SMALL_ENOUGH_TO_EXTEND", 0)
    X, y = near_collinear(apart)
    assert_honest(X, y, np.random.default_rng(1).random(len(y)) if weighted else None)


@pytest.mark.parametrize("rounds", ["all", "one", "none"])
@settings(max_examples=25, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    apart=st.integers(0, 12),
    offset=st.integers(-3, 8),
    decades=st.integers(0, 12),
    noise=st.sampled_from([1e-8, 1e-2, 1.0, 1e4]),
    lift=st.sampled_from([0.0, 1.0, 1e6]),
)
def test_claimed_digits_are_there_whatever_the_rows(
    rounds: str, seed: int, apart: int, offset: int, decades: int, noise: float, lift: float
) -> None:
    random = np.random.default_rng(seed)
    X = random.normal(size=(random.integers(6, 20), 3))
    X[:, 2] = X[:, 0] + 10.0**-apart * X[:, 2]
    X = (X + 10.0**offset * random.normal(size=3)) * 10.0 ** random.uniform(-decades / 2, decades / 2, 3)
    y = X @ (random.normal(size=3) / X.std(axis=0)) + noise * random.normal(size=len(X)) + lift
    with pytest.MonkeyPatch.context() as patch:
        if rounds != "all":
            patch.setattr(module, "SMALL_ENOUGH_TO_EXTEND", 0)
        if rounds == "none":
            patch.setattr(module, "SMALL", 0)
        assert_honest(X, y)


@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-3, 1e-4])
def test_few_rows_are_corrected_until_almost_all_digits_are_certain(apart: float) -> None:
    assert solve(ArraySource(*near_collinear(apart))).digits >= 13


@pytest.mark.skipif(np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="no number here is longer than float64")
def test_corrections_go_on_as_long_as_they_help() -> None:
    claimed = []
    for seed in range(30):
        X, y = near_collinear(1e-12, 10, seed)
        found = solve(ArraySource(X + 1e4, y))
        assert correct_digits(parameters(found), exact_parameters(X + 1e4, y)) >= found.digits
        claimed.append(found.digits)
    assert np.mean(claimed) >= 3.2


@pytest.mark.parametrize("noise", [1e-10, 1e-6, 1e-2])
@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-3, 1e-4])
def test_products_that_nothing_corrects_claim_no_digit_that_they_have_lost(apart: float, noise: float) -> None:
    X, _ = near_collinear(apart)
    y = X @ [1.0, 2.0, 3.0] + 1.0 + noise * np.random.default_rng(3).normal(size=len(X))
    found = solve(ArraySource(X, y), exact=False)
    right = correct_digits(parameters(found), exact_parameters(X, y))
    assert right - 5 <= found.digits <= right
    assert found.passes == 1


def test_a_triangle_that_nothing_corrects_claims_the_digits_that_products_would_have_lost() -> None:
    """Where rows leave little residual an orthogonal factor loses the condition of the columns, not its square."""
    X, _ = near_collinear(1e-6)
    y = X @ [1.0, 2.0, 3.0] + 1.0
    found = solve(ArraySource(X, y), exact=False)
    assert found.condition > 1e10
    assert correct_digits(parameters(found), exact_parameters(X, y)) >= found.digits >= 6


def test_an_intercept_that_is_zero_but_for_rounding_has_no_digits_to_lose() -> None:
    x = np.linspace(0.1, 2.3, 30)
    assert solve(ArraySource(x[:, None], 0.7 * x)).digits >= 12


@pytest.mark.parametrize("unit", [2.0**-500, 1.0, 2.0**500])
@pytest.mark.parametrize(
    ("parameters", "doubts", "digits"),
    [
        ([1.0, -2.0], [0.9e-9, 0.9e-9], 9),
        ([1.0, -2.0], [0.9e-9, 0.9e-4], 4),
        ([1.0, 0.01], [0.9e-9, 0.9e-9], 7),
        ([1.0, 5e-17], [0.9e-9, 1e-18], 9),
        ([1.0, 1e-12], [0.9e-9, 1e-9], 9),
        ([1.0, 1e-12], [0.9e-8, 2e-9], 8),
        ([1.0, 1e-12], [0.9e-8, 5e-8], 0),
        ([1.0, 0.0], [0.9e-8, 5e-8], 8),
        ([0.0, 0.0], [0.0, 1e-3], 15),
        ([1.0, 2.0], [0.0, 0.0], 15),
        ([1.0, 2.0], [1e-17, 1e-17], 15),
        ([1.0, 2.0], [5.0, 1e-17], 0),
    ],
    ids=[
        *("equally sure", "the worst", "a small one"),
        *(
            "rounding beside another",
            "zero but for its doubt",
            "the same, less sure",
            "perhaps not zero",
            "exactly zero",
        ),
        *("all zero", "no doubt at all", "less than rounding", "not even its sign"),
    ],
)
def test_digits_are_those_of_the_worst_parameter(
    parameters: list[float], doubts: list[float], digits: int, unit: float
) -> None:
    assert believable_digits(unit * np.array(parameters), unit * np.array(doubts)) == digits


@pytest.mark.parametrize("y", [np.zeros(5), np.full(5, 3.0)], ids=["zero", "constant"])
def test_a_target_that_never_changes_is_known_to_all_digits(y: Array) -> None:
    found = solve(ArraySource(np.arange(5.0)[:, None], y))
    assert (found.coef.tolist(), found.intercept, found.residual, found.digits) == ([0.0], y[0], 0.0, 15)


# --------------------------------------------------------------------------------------------- refined or refused
class Counting(ArraySource):
    """Counts its passes."""

    passes = 0

    def scan(self, *tasks: Any) -> tuple[Any, ...]:
        self.passes += 1
        return super().scan(*tasks)


@pytest.mark.parametrize("apart", [1.0, 1e-7], ids=["by products", "by a triangle"])
@pytest.mark.parametrize("exact", [True, False])
def test_passes_are_counted(apart: float, exact: bool) -> None:
    source = Counting(*near_collinear(apart))
    found = solve(source, exact=exact)
    assert found.passes == source.passes
    assert (found.condition > 1e10) == (apart < 1e-5)
    if not exact:
        assert found.passes == (1 if apart == 1.0 else 2)


@pytest.mark.parametrize("apart", [1.0, 1e-7], ids=["by products", "by a triangle"])
def test_a_minimum_that_a_penalty_keeps_far_is_corrected_where_it_spoils_nothing_near_zero(apart: float) -> None:
    X, y = near_collinear(apart)
    found, freely = solve(ArraySource(X, y), shrunk=True), solve(ArraySource(X, y))
    if apart == 1.0:
        assert found.passes == freely.passes > 1
        assert parameters(found).tolist() == parameters(freely).tolist()
    else:
        assert found.passes == 2 < freely.passes
        slope = (X - X.mean(axis=0)).T @ (y - y.mean()) / len(y) / found.spread
        np.testing.assert_allclose(found.factor.T @ found.target, slope, rtol=1e-13)


@pytest.mark.parametrize("apart", [6e-5, 1.2e-5], ids=["short of 1e10", "beyond 1e10"])
def test_a_triangle_takes_over_where_products_no_longer_tell_the_condition(apart: float) -> None:
    X, y = near_collinear(apart)
    found = solve(ArraySource(X, y), exact=False)
    singular = np.linalg.svd((X - X.mean(axis=0)) / X.std(axis=0), compute_uv=False)
    assert found.condition == pytest.approx((singular[0] / singular[-1]) ** 2, rel=1e-6 if apart > 4e-5 else 1e-9)
    assert found.passes == (1 if apart > 4e-5 else 2)


def test_rows_that_are_dear_are_read_again_where_fewer_than_eight_digits_are_certain() -> None:
    certain = set()
    for apart in 10.0 ** np.arange(-7.0, -1.0, 0.25):
        rows = near_collinear(apart)
        unrefined, dear = solve(Stream(*rows), exact=False), Stream(*rows)
        found = solve(dear)
        assert found.passes == dear.reads == unrefined.passes + (unrefined.digits < 8)
        certain.add(unrefined.digits)
    assert certain >= {7, 8, 9}


@pytest.mark.parametrize(
    ("noise", "passes"),
    [(1.0, 1), (0.1, 1), (0.015, 2), (1e-5, 2)],
    ids=["a noisy fit needs no second look", "nor one of 12 digits", "one of fewer does", "a close fit gets one"],
)
def test_many_rows_are_read_again_only_where_digits_would_be_lost(
    noise: float, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SMALL_ENOUGH_TO_EXTEND", 0)
    monkeypatch.setattr(module, "SMALL", 0)
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 2))
    y = X @ np.array([1.0, 2.0]) + 1.0 + noise * random.normal(size=50)
    found = solve(ArraySource(X, y))
    assert found.passes == passes
    assert correct_digits(parameters(found), exact_parameters(X, y)) >= 13


@pytest.mark.parametrize(
    "rows",
    [near_collinear(1.0), near_collinear(1e-3), near_collinear(1e-7), near_collinear(1e-11), collinear()],
    ids=["1", "1e-3", "1e-7", "1e-11", "collinear"],
)
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("kind", [ArraySource, Stream])
def test_the_factor_and_the_target_hold_the_problem(
    rows: tuple[Array, Array], exact: bool, kind: Callable[[Array, Array], Any]
) -> None:
    """½‖R·w - target‖² + ½·residual is ½ mse at the best intercept, for any w."""
    X, y = rows
    found = solve(kind(X, y), exact=exact)
    centred, y_centred = X - X.mean(axis=0), y - y.mean()
    for w in np.random.default_rng(0).normal(size=(5, X.shape[1])):
        missing = found.factor @ (w * found.spread) - found.target
        assert missing @ missing + found.residual == pytest.approx(np.mean((centred @ w - y_centred) ** 2), rel=1e-9)


@pytest.mark.parametrize("n_rows", [3, 4, 5, 8])
@pytest.mark.parametrize("seed", range(3))
def test_the_value_at_zero_stays_the_variance_of_y_whatever_the_residuals_show(n_rows: int, seed: int) -> None:
    """Far from zero a nearly collinear triangle knows the residual by fewer digits than the rows themselves."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(n_rows, 2)), 5 * random.normal(size=n_rows)
    X[:, 1] = X[:, 0] + 1e-10 * X[:, 1]
    found = solve(ArraySource(X + 1e4 * random.normal(size=2), y))
    assert (found.rank, found.condition > 1e10) == (2, True)
    assert found.target @ found.target + found.residual == pytest.approx(np.var(y), rel=1e-13)


@pytest.mark.parametrize("apart", [1e-4, 1e-5, 1e-7, 1e-14])
@pytest.mark.parametrize("y_mean", [0.0, 3.0])
def test_the_value_at_zero_stays_the_variance_of_y_however_near_columns_are(apart: float, y_mean: float) -> None:
    """By products, by a triangle, and by one that has lost a direction to rounding."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        X, y = random.normal(size=(20, 3)), y_mean + random.normal(size=20)
        X = X[:, :1] + apart * X
        found = solve(ArraySource(X, y))
        assert found.target @ found.target + found.residual == pytest.approx(np.var(y), rel=1e-12)


WEAKEST = np.array([0.6, 0.8])
ACROSS = np.array([-0.8, 0.6])


@pytest.mark.parametrize("unit", [1.0, 1e80])
@pytest.mark.parametrize(
    ("along", "explained", "moved", "residual"),
    [
        (2.0, 10.0, 3.0, 7.0),
        (-2.0, 10.0, -3.0, 7.0),
        (2.0, 1.0 + 1e-4, 1e-2, 7.0),
        (2.0, 0.75, 2.0, 2.75),
        (4.0, 0.75, 4.0, 0.0),
        (2.0, 5.0 * (1 + 1e-13), 2.0, 7.0),
    ],
    ids=["longer", "of the other sign", "shorter", "not so short", "longer than all", "but for rounding"],
)
def test_a_target_is_completed_along_one_direction_alone(
    along: float, explained: float, moved: float, residual: float, unit: float
) -> None:
    target = unit * (ACROSS + along * WEAKEST)
    found, left = completed(target, unit**2 * 7.0, unit**2 * (explained + 7.0), lambda: WEAKEST)
    found, left = found / unit, left / unit**2
    assert [found @ ACROSS, found @ WEAKEST, left] == pytest.approx([1.0, moved, residual], abs=1e-11)
    if moved == along:
        np.testing.assert_array_equal(found, target / unit)


def test_no_residual_is_below_zero_where_rows_are_met_exactly() -> None:
    for seed in range(40):
        random = np.random.default_rng(seed)
        n = int(random.integers(3, 6))
        X = random.normal(size=(n, n - 1)) + 10.0 ** random.uniform(-3, 6)
        residual = solve(ArraySource(X, random.normal(size=n))).residual
        assert 0.0 <= residual < 1e-12


# ----------------------------------------------------------------------------------------------------- collinear
def test_collinear_columns_are_found_and_the_shortest_solution_given() -> None:
    X, y = collinear()
    found = solve(ArraySource(X, y))
    assert (found.rank, found.n_active, found.unique) == (3, 5, False)
    assert found.tied_columns().tolist() == [0, 1, 2, 3, 4]
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    shortest = np.linalg.pinv(standard, rcond=1e-10) @ (y - y.mean())
    np.testing.assert_allclose(found.coef * found.spread, shortest, atol=1e-12)
    best = np.linalg.lstsq(np.column_stack([standard, np.ones(len(y))]), y)[0]
    np.testing.assert_allclose(
        X @ found.coef + found.intercept, np.column_stack([standard, np.ones(len(y))]) @ best, atol=1e-11
    )


@pytest.mark.parametrize("n", [2, 4, 6])
def test_as_many_columns_as_rows_are_never_determined_beside_an_intercept(n: int) -> None:
    """About their means n rows span n - 1 directions; far from zero rounding makes it n of some."""
    random, ranks = np.random.default_rng(0), set()
    for _ in range(8):
        X = random.normal(size=(n, n)) * 10.0 ** random.uniform(-3, 3, n) + 1e5
        found = solve(ArraySource(X, random.normal(size=n)))
        ranks.add(found.rank)
        assert not found.unique
    assert n in ranks


@pytest.mark.parametrize("n", [2, 3, 4])
def test_rows_that_columns_meet_exactly_leave_nothing_whatever_they_weigh(n: int) -> None:
    ranks = set()
    for seed in range(40):
        random = np.random.default_rng(seed)
        X, y, weight = random.normal(size=(n, n + 3)), random.normal(size=n), 10.0 ** random.uniform(-5, 7, n)
        found = solve(ArraySource(X, y, weight))
        ranks.add(found.rank)
        missing = found.factor @ (found.coef * found.spread) - found.target
        variance = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
        assert missing @ missing + found.residual <= 1e-12 * variance
    assert ranks == {n - 1, n}


@pytest.mark.parametrize(
    ("columns", "tied", "rank"),
    [
        (lambda a, b, c: [a, b, a], [0, 2], 2),
        (lambda a, b, c: [a, b, c, 3 * b - 1], [1, 3], 3),
        (lambda a, b, c: [a, b, a + b, c], [0, 1, 2], 3),
        (lambda a, b, c: [a, 0 * a + 5, b], [], 2),
        (lambda a, b, c: [0 * a, a, a], [1, 2], 1),
        (lambda a, b, c: [a / 1024, b, a], [0, 2], 2),
        (lambda a, b, c: [a, b, c, a + 2.0**-17 * b], [0, 1, 3], 3),
    ],
    ids=[
        "a copy",
        "another unit",
        "a sum",
        "a constant is not tied",
        "a constant and a copy",
        "a small unit",
        "a small share",
    ],
)
def test_tied_columns(columns: Callable[..., list[Array]], tied: list[int], rank: int) -> None:
    random = np.random.default_rng(0)
    X = np.column_stack(columns(*random.integers(-8, 8, size=(3, 25)).astype(float)))
    found = solve(ArraySource(X, random.normal(size=25)))
    assert found.tied_columns().tolist() == tied
    assert found.rank == rank
    assert found.unique == (not tied)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
def test_more_features_than_rows_fit_exactly_and_shortest(n_rows: int) -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(n_rows, 8)), random.normal(size=n_rows)
    found = solve(ArraySource(X, y))
    assert found.rank == n_rows - 1
    np.testing.assert_allclose(X @ found.coef + found.intercept, y, atol=1e-12)
    assert found.residual == pytest.approx(0.0, abs=1e-24)
    if n_rows > 1:
        standard = (X - X.mean(axis=0)) / found.spread
        np.testing.assert_allclose(found.coef * found.spread, np.linalg.pinv(standard) @ (y - y.mean()), atol=1e-11)


def test_only_constant_columns() -> None:
    found = solve(ArraySource(np.full((6, 2), 0.1), np.arange(6.0)))
    assert (found.rank, found.n_active, found.condition, found.coef.tolist()) == (0, 0, 1.0, [0.0, 0.0])
    assert found.intercept == 2.5
    assert found.residual == pytest.approx(np.var(np.arange(6.0)))


# -------------------------------------------------------------------------------------- whatever the rows are like
@pytest.mark.parametrize("scale", [1e-150, 1e150])
@pytest.mark.parametrize("y_scale", [1e-150, 1e150])
def test_values_of_any_size(scale: float, y_scale: float) -> None:
    X, y = near_collinear(1.0)
    found = solve(ArraySource(X * scale, y * y_scale))
    small = solve(ArraySource(X, y))
    np.testing.assert_allclose(found.coef, small.coef * (y_scale / scale), rtol=1e-12)
    assert found.intercept == pytest.approx(small.intercept * y_scale, rel=1e-12)


def test_columns_of_very_different_units() -> None:
    X, y = graded(decades=16.0)
    found = solve(ArraySource(X, y))
    assert correct_digits(parameters(found), exact_parameters(X, y)) >= 13
    assert found.condition < 100


@pytest.mark.parametrize(
    "store",
    [np.asarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix],
    ids=["C", "Fortran", "csr array", "csr matrix"],
)
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_the_storage_does_not_matter(store: Callable[[Array], Any], cut: bool) -> None:
    X, y = real_table()
    weight = np.random.default_rng(0).random(len(y))
    found = solve(Pieces(store(X), y, weight, (17, 17, 200) if cut else ()))
    np.testing.assert_allclose(parameters(found), exact_real_table(), rtol=1e-12)


def exact_real_table() -> Array:
    X, y = real_table()
    design = np.column_stack([X, np.ones(len(y))]) / np.append(X.std(axis=0), 1.0)
    root = np.sqrt(np.random.default_rng(0).random(len(y)))
    return np.linalg.lstsq(design * root[:, None], y * root)[0] / np.append(X.std(axis=0), 1.0)


def test_weights_that_are_all_zero() -> None:
    with pytest.raises(InputError, match=r"all sample weights are zero: at least one row needs a positive weight"):
        solve(ArraySource(np.ones((3, 1)), np.ones(3), np.zeros(3)))
