"""Sufficient statistics against rational arithmetic, however the rows are stored, weighted and cut."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from downslope.data.arrays import ArraySource
from downslope.exceptions import InputError
from downslope.statistics import moments as module
from downslope.statistics.moments import (
    Moments,
    OverflowingSquaresError,
    SumBlocks,
    UnderflowingSquaresError,
    centre_of,
    gather,
    gather_columns,
)
from downslope.statistics.residuals import measure_residuals
from downslope.statistics.triangle import triangulate
from tests.problems import ExactMoments, Pieces, Stream, exact_moments, exactly, graded, nist, real_table

Array = np.ndarray


def small(n_rows: int = 40, seed: int = 0) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_rows, 3))
    return X, X @ np.array([1.0, -2.0, 0.5]) + random.normal(size=n_rows)


def thin(n_rows: int = 60) -> Array:
    """Rows of which most values are zero."""
    random = np.random.default_rng(1)
    return random.normal(size=(n_rows, 12)) * (random.random((n_rows, 12)) < 0.05)


WEIGHT = np.random.default_rng(3).random(40)
CASES: dict[str, tuple[Any, Array, Array | None]] = {
    "plain": (*small(), None),
    "weighted": (*small(), WEIGHT),
    "some weights zero": (*small(), np.where(WEIGHT < 0.5, 0.0, WEIGHT)),
    "Fortran": (np.asfortranarray(small()[0]), small()[1], None),
    "one row": (np.array([[3.0, 4.0]]), np.array([5.0]), None),
    "float32": (small()[0].astype(np.float32), small()[1], None),
    "float32 weighted": (small()[0].astype(np.float32), small()[1], WEIGHT),
    "columns at 1e8": (small()[0] + 1e8, small()[1] - 1e8, None),
    "columns at 1e8 weighted": (small()[0] + 1e8, small()[1], WEIGHT),
    "one column at 1e8": (small()[0] + [0.0, 1e8, 0.0], small()[1], None),
    "target at 1e12": (small()[0], small()[1] + 1e12, None),
    "values of 1e150": (small()[0] * 1e150, small()[1] * 1e150, None),
    "values of 1e-150": (small()[0] * 1e-150, small()[1] * 1e-150, None),
    "values of 1e-152": (small()[0] * 1e-152, small()[1] * 1e-152, None),
    "columns 1e16 apart": (*graded(decades=16.0), None),
    "real table": (*real_table(), None),
    "Longley": (nist("Longley").X, nist("Longley").y, None),
    "sparse": (scipy.sparse.csr_array(thin()), np.arange(60.0), None),
    "sparse weighted": (scipy.sparse.csr_matrix(thin()), np.arange(60.0), np.linspace(0, 1, 60)),
    "sparse but full": (scipy.sparse.csr_array(small()[0]), small()[1], WEIGHT),
    "sparse, as many entries in a column as columns": (
        scipy.sparse.csr_array(np.repeat(np.diag([1.0, 2.0, 3.0, 0.0]), 3, axis=0)[:, :3]),
        np.arange(12.0),
        None,
    ),
    "sparse float32": (scipy.sparse.csr_array(thin().astype(np.float32)), np.arange(60.0), None),
    "sparse at 1e4": (scipy.sparse.csr_array(small()[0] + 1e4), small()[1], None),
}
case = pytest.mark.parametrize("case", CASES)


def dense(X: Any) -> Array:
    return np.asarray(X.toarray() if scipy.sparse.issparse(X) else X, float)


@cache
def known_of(case: str) -> ExactMoments:
    """The rational answer."""
    X, y, weight = CASES[case]
    return exact_moments(dense(X), y, weight)


def assert_exact(found: Moments, known: ExactMoments, n_rows: int, digits: float = 1e-13) -> None:
    """Within `digits` of the rational answer: products relative to the spreads, means to spread and mean."""
    spread = np.sqrt(np.diagonal(known.xx).astype(float))
    y_spread = float(known.yy) ** 0.5
    tiny = np.finfo(float).tiny
    unit = np.maximum(np.outer(spread, spread), tiny)
    assert np.all(np.abs((exactly(found.xx) - known.xx).astype(float)) <= digits * unit)
    assert np.all(np.abs((exactly(found.xy) - known.xy).astype(float)) <= digits * np.maximum(spread * y_spread, tiny))
    assert abs(float(known.yy - exactly(found.yy))) <= digits * y_spread**2
    one = spread / float(known.weight) ** 0.5 + np.abs(known.mean.astype(float))
    assert np.all(np.abs((exactly(found.mean) - known.mean).astype(float)) <= digits * one)
    assert found.weight == pytest.approx(float(known.weight), rel=1e-14)
    assert found.n_rows == n_rows


def summed(source: Pieces, shift: Array | None) -> Moments:
    """The moments about a shift (or zero) and about the first target, counted from zero again."""
    y_shift = float(source.y[0])
    (about,) = source.scan(SumBlocks(shift, y_shift))
    return about.recentre(np.zeros(source.schema.n_features) if shift is None else shift, y_shift)


@case
def test_gathered_moments_are_exact(case: str) -> None:
    X, y, weight = CASES[case]
    assert_exact(gather(ArraySource(X, y, weight)), known_of(case), len(y))


@case
@pytest.mark.parametrize("shifted", [False, True], ids=["about zero", "shifted"])
def test_blocks_merge_to_the_whole_wherever_they_are_cut(case: str, shifted: bool) -> None:
    X, y, weight = CASES[case]
    n = len(y)
    far = case in ("columns at 1e8", "columns at 1e8 weighted", "one column at 1e8", "sparse at 1e4", "Longley")
    shift = dense(X).mean(axis=0) if shifted or far else None
    for cuts in ((n // 2,), (1,), (0,), (n,), (n // 3, n // 3, n // 2)):
        assert_exact(summed(Pieces(X, y, weight, cuts), shift), known_of(case), n, 1e-12)


def test_sorted_rows_far_from_zero_keep_their_digits() -> None:
    """Blocks whose means differ by a spread, at a mean of 10⁸ spreads: means as plain numbers would not tell."""
    X, y = small()
    X, y = np.sort(X, axis=0) + 1e8, np.sort(y) + 1e10
    source = Pieces(X, y, None, (10, 20, 30))
    assert_exact(gather(source), exact_moments(X, y), 40)


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted), data=st.data())
def test_merging_does_not_depend_on_the_cuts(cuts: list[int], data: st.DataObject) -> None:
    weight = np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=40, max_size=40)))
    X, y = small()
    weight[0] = 1.0
    merged = summed(Pieces(X, y, weight, tuple(cuts)), None)
    whole = summed(Pieces(X, y, weight), None)
    for name in ("n_rows", "weight", "mean", "y_mean", "xx", "xy", "yy"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shift", [None, np.array([3.0, -2.0, 1.0])], ids=["about zero", "shifted"])
@pytest.mark.parametrize("kind", [np.asarray, np.float32, scipy.sparse.csr_array])
def test_a_weight_of_2_is_the_row_twice_to_the_last_bit(kind: Callable[[Array], Any], shift: Array | None) -> None:
    """On whole numbers, and a power of two of rows, every operation is exact: so must the result be."""
    random = np.random.default_rng(0)
    X, y = random.integers(-8, 8, (8, 3)).astype(float), random.integers(-8, 8, 8).astype(float)
    weight = np.array([2.0, 1, 1, 0, 2, 1, 1, 0])
    rows = np.repeat(np.arange(8), weight.astype(int))
    weighted = summed(Pieces(kind(X), y, weight), shift)
    repeated = summed(Pieces(kind(X)[rows], y[rows]), shift)
    for name in ("weight", "mean", "y_mean", "xx", "xy", "yy"):
        np.testing.assert_array_equal(getattr(weighted, name), getattr(repeated, name))


def test_all_weights_zero() -> None:
    found = gather(ArraySource(*small(), np.zeros(40)))
    assert (found.weight, found.n_rows) == (0.0, 40)
    merged = found + gather(ArraySource(*small(), np.zeros(40)))
    assert (merged.weight, merged.n_rows) == (0.0, 80)
    assert (found.yy, merged.yy, summed(Pieces(*small(), np.zeros(40)), None).y_mean) == (0.0, 0.0, small()[1][0])


@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array])
def test_sums_of_squares_are_never_negative(store: Callable[[Array], Any]) -> None:
    """Of values that are the same, or weigh nothing: by rounding they would be, and their spread no number."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        value, weight = random.normal(), np.append(0.0, random.random(20))
        (found,) = Pieces(store(np.eye(21)), np.full(21, value), weight).scan(SumBlocks(None, 0.0))
        assert 0.0 <= found.yy <= 1e-13
        X = np.append(0.0, np.full(20, value))[:, None]
        (squares,) = gather_columns(Pieces(store(X), X[:, 0], weight)).squares
        assert 0.0 <= squares <= 1e-13


# ------------------------------------------------------------------------------------------------ constant columns
@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -1e150, 1e-150])
@pytest.mark.parametrize("weight", [None, np.random.default_rng(0).random(50)], ids=["", "weighted"])
def test_a_constant_column_has_no_variance_at_all(value: float, weight: Array | None) -> None:
    random = np.random.default_rng(0)
    X = np.column_stack([np.full(50, value), random.normal(size=50)])
    assert gather_columns(Pieces(X, X[:, 1], weight, (10, 20))).squares[0] == 0.0
    found = gather(ArraySource(X, random.normal(size=50), weight))
    assert found.xx[0].tolist() == [0.0, 0.0]
    assert found.xy[0] == 0.0
    assert found.variance[0] == 0.0
    assert found.mean[0] == value


# ---------------------------------------------------------------------------------------------- a misleading look
class Counting(ArraySource):
    """Counts its passes."""

    passes = 0

    def scan(self, *tasks: Any) -> tuple[Any, ...]:
        self.passes += 1
        return super().scan(*tasks)


@pytest.mark.parametrize(
    ("offset", "passes"), [(0.0, 1), (9.0, 1), (1e3, 1), (1e8, 1)], ids=["zero", "near", "far", "very far"]
)
def test_the_first_look_chooses_and_one_pass_does(offset: float, passes: int) -> None:
    X, y = small()
    source = Counting(X + offset, y)
    assert_exact(gather(source), exact_moments(X + offset, y), 40)
    assert source.passes == passes


def misleading(apart: float) -> tuple[Array, Array, Array]:
    """Rows at `apart` standard deviations, beside a column of zeros; those looked at weigh nothing."""
    random = np.random.default_rng(0)
    x = random.normal(size=60)
    x = (x - x.mean()) / x.std() + apart
    X = np.concatenate([[-1.0, 1.0], x, [1.0]])
    return np.column_stack([X, np.zeros(63)]), random.normal(size=63), np.array([0.0, 0.0, *np.ones(60), 0.0])


@pytest.mark.parametrize(
    ("rereads", "apart", "passes"),
    [
        *[("free", 8.0, 1), ("free", -20.0, 2), ("free", 20.0, 2)],
        *[("dear", 5e3, 1), ("dear", 2e4, 2), ("dear", -2e4, 2), ("never", 5e3, 1), ("never", -5e3, 1)],
    ],
)
def test_a_look_that_misled_is_mended_where_digits_are_worth_a_pass(
    rereads: Any, apart: float, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAMPLE_ROWS", 2)
    X, y, weight = misleading(apart)
    source: Any = Counting(X, y, weight) if rereads == "free" else Stream(X, y, weight, rereads=rereads)
    found = gather(source)
    assert (source.passes if rereads == "free" else source.reads) == passes
    # About a centre that is k spreads away, k² of the digits are lost.
    known = exact_moments(X, y, weight)
    assert found.xx[0, 0] == pytest.approx(float(known.xx[0, 0]), rel=1e-13 if passes == 2 else 1e-15 * apart**2)


def test_a_row_of_almost_all_the_weight_is_the_centre() -> None:
    random = np.random.default_rng(2)
    X, y, weight = (
        random.normal(size=(9, 2)) + np.array([40.0, -30.0]),
        random.normal(size=9),
        np.append(1e9, np.ones(8)),
    )
    source = Counting(X, y, weight)
    known = exact_moments(X, y, weight)
    np.testing.assert_allclose(gather(source).xx, known.xx.astype(float), rtol=1e-12)
    assert source.passes == 2


@pytest.mark.parametrize("outlier", [1e6, -1e12])
def test_a_target_that_hardly_weighs_is_no_centre(outlier: float) -> None:
    """Sums of squares about the unweighted mean would keep no digit of the variance."""
    random = np.random.default_rng(3)
    X, y = random.normal(size=(9, 2)), np.append(random.normal(size=8), outlier)
    weight = np.append(np.ones(8), 1.0 / outlier**2)
    source, known = Counting(X, y, weight), exact_moments(X, y, weight)
    found = gather(source)
    assert found.yy == pytest.approx(float(known.yy), rel=1e-13)
    np.testing.assert_allclose(found.xy, known.xy.astype(float), rtol=1e-9, atol=1e-12)
    assert source.passes == 2


@pytest.mark.parametrize("value", [0.1, 1e9 / 3])
@pytest.mark.parametrize("rereads", ["dear", "never"])
def test_a_constant_target_is_its_own_centre(value: float, rereads: Any) -> None:
    X = np.random.default_rng(0).normal(size=(3, 2))
    # Of three numbers 0.1 the mean is none of them.
    assert value != 0.1 or np.full(3, value).mean() != value
    source = Stream(X, np.full(3, value), rereads=rereads)
    found = gather(source)
    assert (found.y_mean, found.yy, source.reads) == (value, 0.0, 1)


@pytest.mark.parametrize("apart", [2e4, -2e4])
def test_a_look_that_misled_is_told_where_rows_are_gone(apart: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_ROWS", 2)
    with pytest.raises(InputError, match=r"lie so far from the others that their sums lose their digits"):
        gather(Stream(*misleading(apart), rereads="never"))


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize(
    ("offset", "shifted"), [(0.0, False), (9.0, False), (-9.0, False), (11.0, True), (-11.0, True)]
)
def test_rows_are_shifted_beyond_ten_standard_deviations(offset: float, shifted: bool, unit: float) -> None:
    X, y = small()
    X = np.column_stack([unit * ((X - X.mean(axis=0)) / X.std(axis=0) + offset), np.zeros(40)])
    assert (centre_of(ArraySource(X, y)).shift is not None) == shifted


def test_a_look_that_misled_costs_a_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that are looked at surround zero, all others lie at 1: sums about zero would lose digits."""
    monkeypatch.setattr(module, "SAMPLE_ROWS", 2)
    n_rows = 100_001
    X = 1.0 + 1e-6 * np.arange(n_rows)[:, None] / n_rows
    X[0], X[-1] = -1e-3, 1e-3
    source = Counting(X, np.arange(float(n_rows)))
    found = gather(source)
    assert source.passes == 2
    centred = X.astype(np.longdouble) - X.astype(np.longdouble).mean()
    assert found.xx[0, 0] == pytest.approx(float((centred**2).sum()), rel=1e-12)


def test_a_centre_of_rows_that_weigh_alike_loses_no_more_than_their_share_and_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """k rows of n at a place are n/k squared spreads from the mean at most: a second pass would win three digits."""
    monkeypatch.setattr(module, "SAMPLE_ROWS", 2)
    X = np.random.default_rng(0).normal(size=(1000, 1))
    X[0], X[-1] = 1e6, 1e6 + 1.0
    source = Counting(X, np.zeros(1000))
    found = gather(source)
    assert source.passes == 1
    known = exact_moments(X, np.zeros(1000))
    assert 100.0 < (1e6 - found.mean[0]) ** 2 / found.variance[0] < 500.0
    assert found.xx[0, 0] == pytest.approx(float(known.xx[0, 0]), rel=500 * 1e-15)


# -------------------------------------------------------------------------------------------------------- overflow
@pytest.mark.parametrize("bad", [1e160, np.nan, np.inf])
@pytest.mark.parametrize("where", ["X", "y"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_squares_that_are_not_finite_are_refused(bad: float, where: str, offset: float) -> None:
    X, y = small()
    X += offset
    (X if where == "X" else y)[3] = bad
    with pytest.raises(OverflowingSquaresError, match=r"squares of the values overflow: divide .* 1e150 by a"):
        gather(ArraySource(X, y))
    assert issubclass(OverflowingSquaresError, InputError)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_target_that_is_the_same_beyond_squares_is_refused(sign: float) -> None:
    X, y = small()
    with pytest.raises(OverflowingSquaresError):
        gather(ArraySource(X, np.full_like(y, sign * 1e160)))
    with pytest.raises(OverflowingSquaresError):
        gather(ArraySource(X, sign * np.linspace(1e160, 3e160, y.size), (np.arange(y.size) == 1).astype(float)))


def test_columns_whose_squares_overflow_are_refused() -> None:
    with pytest.raises(OverflowingSquaresError):
        gather_columns(ArraySource(np.array([[1e160], [-1e160]]), np.zeros(2)))


@pytest.mark.parametrize("read", [gather, gather_columns])
@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("span", [2e-160, 5e-153])
def test_squares_that_would_vanish_are_refused(
    read: Callable[[Any], Any], store: Callable[[Array], Any], span: float
) -> None:
    X = np.array([[0.5 * span, 1.0], [span, 2.0], [0.0, 1.0]])
    sentence = rf"a column \(or the target\) spans only {span:.1e}: multiply those that span less than about 1e-150 by"
    with pytest.raises(UnderflowingSquaresError, match=sentence):
        read(ArraySource(store(X), np.zeros(3)))
    assert issubclass(UnderflowingSquaresError, InputError)


# -------------------------------------------------------------------------------------------------- column moments
@case
def test_column_moments_are_exact(case: str) -> None:
    X, y, weight = CASES[case]
    known = known_of(case)
    squares = np.diagonal(known.xx).astype(float)
    for cuts in ((), (len(y) // 2,), (0, 1)):
        found = gather_columns(Pieces(X, y, weight, cuts))
        # They only choose coordinates: eight digits of a spread that is 10⁻⁸ of the mean will do.
        np.testing.assert_allclose(found.squares, squares, rtol=1e-7 if "1e8" in case else 1e-12)
        np.testing.assert_allclose(found.variance, squares / float(known.weight), rtol=1e-7)
        np.testing.assert_allclose(found.mean, known.mean.astype(float), rtol=1e-12, atol=1e-14 * squares.max() ** 0.5)
        assert found.weight == pytest.approx(float(known.weight))
        assert found.n_rows == len(y)


@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array])
def test_column_moments_of_no_weight(store: Callable[[Array], Any]) -> None:
    X, y = small()
    found = gather_columns(Pieces(store(X), y, np.zeros(40), (20,)))
    assert found.weight == 0.0
    assert found.squares.tolist() == [0.0] * 3


# ------------------------------------------------------------------------------------------- triangles, residuals
@case
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_the_triangle_is_a_root_of_the_products(case: str, cut: bool) -> None:
    X, y, weight = CASES[case]
    known = known_of(case)
    size = np.sqrt(np.diagonal(known.xx).astype(float))
    size, y_size = np.where(size > 0, size, 1.0), float(known.yy) ** 0.5 or 1.0
    mean, n = known.mean.astype(float), len(y)
    source = Pieces(X, y, weight, (0, 1, n // 2, n) if cut else ())
    factor = triangulate(source, mean, 1.0 / size, float(known.y_mean), 1.0 / y_size)
    d = X.shape[1]
    assert factor.shape == (d + 1, d + 1)
    np.testing.assert_array_equal(np.tril(factor, -1), 0.0)
    expected = np.empty((d + 1, d + 1))
    expected[:d, :d] = known.xx.astype(float) / np.outer(size, size)
    expected[:d, d] = expected[d, :d] = known.xy.astype(float) / (size * y_size)
    expected[d, d] = float(known.yy) / y_size**2
    # Means that are rounded leave (rounding / spread)² in the products.
    np.testing.assert_allclose(factor.T @ factor, expected, atol=1e-12)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("case", ["plain", "weighted", "float32", "sparse weighted", "columns at 1e8", "real table"])
def test_residuals_are_exact(case: str, extended: bool) -> None:
    X, y, weight = CASES[case]
    d, n = X.shape[1], len(y)
    coef, shift, y_shift = np.linspace(-1, 1, d), dense(X).mean(axis=0), float(y.mean())
    rows = exactly(dense(X)) - exactly(shift)
    residual = rows @ exactly(coef) - (exactly(y) - exactly(y_shift))
    s = exactly(np.ones(n) if weight is None else weight)
    size = float((s * residual) @ residual) ** 0.5
    for cuts in ((), (n // 3, n // 2), (0,)):
        found = measure_residuals(Pieces(X, y, weight, cuts), coef, shift, y_shift, extended=extended)
        assert found.squares == pytest.approx(float((s * residual) @ residual), rel=1e-13)
        assert found.total == pytest.approx(float((s * residual).sum()), abs=1e-13 * size * n**0.5)
        np.testing.assert_allclose(
            found.gradient, ((s * residual) @ rows).astype(float), atol=1e-13 * size * np.abs(rows).max() * n**0.5
        )
