"""The squared loss as a quadratic, against the rows; its spectrum, against a slow and exact method."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg

from downslope.data.arrays import ArraySource
from downslope.statistics.coordinates import Coordinates, raw_coordinates, standard_coordinates
from downslope.statistics.least_squares import LeastSquares, solve
from downslope.statistics.quadratic import (
    Quadratic,
    add_ridge,
    decompose_factor,
    half_mean_squared_error,
    minimise,
    reference_excess,
)
from tests.problems import (
    collinear,
    correct_digits,
    course,
    eliminate,
    exact_solution,
    exactly,
    graded,
    near_collinear,
    nist,
)

Array = np.ndarray

ROWS = {
    "course": course(3),
    "graded": graded(decades=8.0),
    "near collinear": near_collinear(1e-6),
    "collinear": collinear(),
    "Longley": (nist("Longley").X, nist("Longley").y),
    "more features than rows": (np.random.default_rng(0).normal(size=(3, 5)), np.array([1.0, 2.0, 4.0])),
    "tiny": (course(3).X * 1e-150, course(3).y * 1e-150),
    "huge": (course(3).X * 1e150, course(3).y * 1e150),
}
WEIGHTED = {"unweighted": False, "weighted": True}
table = pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS.keys())
intercept = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
standard = pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "raw"])


def prepared(
    rows: tuple[Array, Array], fit_intercept: bool, standardize: bool, weight: Array | None = None
) -> tuple[LeastSquares, Coordinates, Quadratic]:
    X, y = rows
    problem = solve(ArraySource(X, y, weight))
    moments = problem.moments
    coordinates = (
        standard_coordinates(moments.mean, problem.spread, fit_intercept)
        if standardize
        else raw_coordinates(X.shape[1], fit_intercept)
    )
    return problem, coordinates, half_mean_squared_error(problem, coordinates)


def exact_half_mse(rows: tuple[Array, Array], coef: Array, intercept: float, weight: Array | None) -> float:
    X, y = exactly(rows[0]), exactly(rows[1])
    residual = X @ exactly(coef) + exactly(float(intercept)) - y
    s = exactly(np.ones(len(y)) if weight is None else weight)
    return float((s * residual) @ residual / s.sum() / 2)


@table
@intercept
@standard
@pytest.mark.parametrize("weighted", WEIGHTED.values(), ids=WEIGHTED.keys())
def test_value_is_half_the_mean_squared_error_of_the_rows(
    rows: tuple[Array, Array], fit_intercept: bool, standardize: bool, weighted: bool
) -> None:
    weight = np.random.default_rng(9).random(len(rows[1])) if weighted else None
    _, coordinates, quadratic = prepared(rows, fit_intercept, standardize, weight)
    # Places at which every column moves the prediction by about the spread of y.
    size = float(np.std(rows[1])) / np.maximum(np.abs(rows[0]).max(axis=0), 1e-300)
    for coef in size * np.random.default_rng(0).normal(size=(3, rows[0].shape[1])):
        start = float(rows[1].mean()) if fit_intercept else 0.0
        parameters = coordinates.from_original(coef, start)
        known = exact_half_mse(rows, *coordinates.to_original(parameters), weight)
        assert quadratic.value(parameters) == pytest.approx(known, rel=1e-11)


@table
@intercept
def test_many_values_at_once(rows: tuple[Array, Array], fit_intercept: bool) -> None:
    _, coordinates, quadratic = prepared(rows, fit_intercept, True)
    path = np.random.default_rng(0).normal(size=(7, coordinates.n_parameters)) * np.std(rows[1])
    np.testing.assert_allclose(quadratic.values(path), [quadratic.value(place) for place in path], rtol=1e-14)


@intercept
@standard
def test_gradient_is_the_slope(fit_intercept: bool, standardize: bool) -> None:
    _, coordinates, quadratic = prepared(course(3), fit_intercept, standardize)
    place = np.random.default_rng(0).normal(size=coordinates.n_parameters)
    excess, gradient = quadratic.excess_and_gradient(place)
    assert quadratic.offset + excess == quadratic.value(place)
    steps = np.eye(place.size)
    slope = [(quadratic.value(place + step) - quadratic.value(place - step)) / 2 for step in steps]
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("l2", [0.0, 1e-6, 0.3])
def test_a_penalty_adds_itself_and_spares_the_intercept(l2: float) -> None:
    _, _, quadratic = prepared(course(3), True, True)
    both = add_ridge(quadratic, l2, 3)
    for place in np.random.default_rng(0).normal(size=(4, 4)):
        assert both.value(place) == pytest.approx(quadratic.value(place) + 0.5 * l2 * place[:3] @ place[:3], rel=1e-14)
    assert (both is quadratic) == (l2 == 0)


# ------------------------------------------------------------------------------------------------------- minimum
@pytest.mark.parametrize("l2", [0.0, 1e-8, 0.5, 100.0])
@pytest.mark.parametrize("name", ["course", "graded", "near collinear", "Longley", "tiny", "huge"])
@intercept
def test_minimiser_is_the_rational_one(name: str, l2: float, fit_intercept: bool) -> None:
    X, y = ROWS[name]
    scaled = l2 * float(np.mean(X**2))
    _, coordinates, quadratic = prepared(ROWS[name], fit_intercept, False)
    known = exact_solution(X, y, fit_intercept=fit_intercept, l2=scaled)
    coef, found = coordinates.to_original(minimise(add_ridge(quadratic, scaled, X.shape[1])).parameters)
    # The products of the columns are given to ε: their condition number is what that may cost.
    # Under a penalty in the units of the longest column, the coefficients of the others almost vanish.
    digits = {"near collinear": 3 if l2 == 0 else 6, "Longley": 7, "graded": 11 if l2 < 0.1 else 7}
    wanted = np.append(known.coef, known.intercept) if fit_intercept else known.coef
    assert correct_digits(np.append(coef, found)[: wanted.size], wanted) >= digits.get(name, 11)


def test_of_several_minima_the_shortest_in_unit_columns() -> None:
    X, y = collinear()
    _, _, quadratic = prepared((X, y), False, False)
    lengths = np.sqrt(np.mean(X**2, axis=0))
    shortest = np.linalg.pinv(X / lengths) @ y
    np.testing.assert_allclose(minimise(quadratic).parameters * lengths, shortest, atol=1e-12)


def leaning(cosine: float) -> Array:
    """Three columns, two of length 3 at an angle and one of zeros: in unit columns σ² is 1 ± cosine."""
    return 3.0 * np.array([[1.0, cosine, 0.0], [0.0, np.sqrt(1.0 - cosine**2), 0.0], [0.0, 0.0, 0.0]])


def test_condition_and_doubt_of_a_minimum() -> None:
    """Golub and Van Loan, 5.3.6: ε(κ‖w‖ + κ²ρ/σ₁), with a factor 8 of room; κ² is 4 at a cosine of 0.6."""
    factor, best = leaning(0.6), np.array([0.3, -0.4, 0.0])
    found = minimise(Quadratic(factor, factor @ best + np.array([0.0, 0.0, 7.0]), 0.0))
    np.testing.assert_allclose(found.parameters, best, rtol=1e-14)
    assert found.condition == pytest.approx(4.0, rel=1e-14)
    # The columns have the length 3, in which the coefficients are 0.9 and -1.2.
    doubt = 8 * np.finfo(float).eps * (2.0 * 1.5 + 4.0 * 7.0 / np.sqrt(1.6))
    np.testing.assert_allclose(found.doubt, [doubt / 3.0, doubt / 3.0, doubt], rtol=1e-14)


@pytest.mark.parametrize("apart", [1e-1, 1e-2, 1e-3, 1e-4])
def test_the_rounding_of_products_is_doubted_by_no_less_and_little_more_than_it_moves(apart: float) -> None:
    moved = []
    for seed in range(20):
        X = np.random.default_rng(seed).normal(size=(20, 3))
        X[:, 1] = X[:, 0] + apart * X[:, 1]
        y = X @ [1.0, 2.0, 3.0]
        factor = scipy.linalg.cholesky(X.T @ X)
        found = minimise(
            Quadratic(factor, scipy.linalg.solve_triangular(factor, X.T @ y, trans="T"), 0.0), of_products=True
        )
        table = exactly(X)
        known = eliminate(table.T @ table, table.T @ exactly(y)).astype(float)
        moved.append(np.max(np.abs(found.parameters - known) / found.doubt))
    assert 0.1 < max(moved) <= 1.0


def test_it_does_not_matter_where_what_cannot_be_reached_is_kept() -> None:
    """As a part of the target beyond the columns, or of the offset: the function is the same."""
    factor, target = leaning(0.6), np.array([1.0, 2.0, 0.0])
    kept = minimise(Quadratic(factor, target, 0.5 * 7.0**2))
    beyond = minimise(Quadratic(factor, target + np.array([0.0, 0.0, 7.0]), 0.0))
    np.testing.assert_allclose(kept.parameters, beyond.parameters, rtol=1e-14)
    np.testing.assert_allclose(kept.doubt, beyond.doubt, rtol=1e-13)


@pytest.mark.parametrize(
    ("combine", "tied"),
    [
        (lambda a, b, c: [a, b, c], []),
        (lambda a, b, c: [a, 0 * a, b], []),
        (lambda a, b, c: [a, b, 1e-9 * a], [0, 2]),
        (lambda a, b, c: [0 * a, a, b, c, a - b], [1, 2, 4]),
        (lambda a, b, c: [a, b, c, a + 2.0**-17 * b], [0, 1, 3]),
    ],
    ids=["none", "zeros are not tied", "another unit", "a difference beside zeros", "a small share"],
)
def test_tied_parameters(combine: Callable[..., list[Array]], tied: list[int]) -> None:
    random = np.random.default_rng(0)
    factor = np.column_stack(combine(*random.integers(-8, 8, size=(3, 6)).astype(float)))
    assert minimise(Quadratic(factor, random.normal(size=6), 0.0)).tied.tolist() == tied


@intercept
def test_the_reference_has_the_best_intercept(fit_intercept: bool) -> None:
    _, _, quadratic = prepared(course(3), fit_intercept, False)
    start = np.random.default_rng(0).normal(size=quadratic.factor.shape[1])
    places = np.tile(start, (3, 1))
    if fit_intercept:
        # The lowest point of the parabola through three values along the intercept.
        below, at, above = quadratic.values(places + np.outer([-1.0, 0.0, 1.0], np.eye(4)[3]))
        lowest = at - (above - below) ** 2 / (8 * (below - 2 * at + above))
    else:
        lowest = quadratic.value(start)
    assert reference_excess(quadratic, start, fit_intercept) == pytest.approx(lowest - quadratic.offset, rel=1e-12)


# ------------------------------------------------------------------------------------------------------ spectrum
def jacobi(matrix: Array) -> Array:
    """Singular values by one-sided rotations in the widest floats: slow, and exact for graded columns."""
    columns = np.asarray(matrix, dtype=np.longdouble).T.copy()
    for _ in range(30):
        worst = np.longdouble(0)
        for i in range(len(columns)):
            for j in range(i):
                a, b, c = columns[i] @ columns[i], columns[j] @ columns[j], columns[i] @ columns[j]
                if c == 0 or abs(c) <= 1e-22 * np.sqrt(a * b):
                    continue
                worst = max(worst, abs(c) / np.sqrt(a * b))
                zeta = (b - a) / (2 * c)
                tangent = (1 if zeta >= 0 else -1) / (abs(zeta) + np.sqrt(1 + zeta * zeta))
                cosine = 1 / np.sqrt(1 + tangent * tangent)
                columns[i], columns[j] = (
                    cosine * (columns[i] - tangent * columns[j]),
                    cosine * (columns[j] + tangent * columns[i]),
                )
        if worst < 1e-18:
            break
    return np.sort(np.sqrt(np.sum(columns * columns, axis=1)).astype(float))[::-1]


@pytest.mark.parametrize("decades", [0, 4, 8, 16, 100])
@pytest.mark.parametrize("extra_rows", [0, 3])
def test_singular_values_of_graded_columns_keep_their_digits(decades: int, extra_rows: int) -> None:
    random = np.random.default_rng(0)
    factor = random.normal(size=(5 + extra_rows, 5)) * 10.0 ** -np.linspace(0, decades, 5)
    spectrum = Quadratic(factor, np.zeros(5 + extra_rows), 0.0).decompose()
    np.testing.assert_allclose(spectrum.singular, jacobi(factor), rtol=1e-13)
    np.testing.assert_allclose(spectrum.eigenvalues, jacobi(factor) ** 2, rtol=1e-12)
    assert spectrum.largest == spectrum.eigenvalues[0]
    assert spectrum.smallest == spectrum.eigenvalues[-1]
    assert spectrum.n_null == 0


def test_known_spectrum() -> None:
    """A Hilbert-like matrix of 2: eigenvalues of [[2, 1], [1, 2]] are 3 and 1."""
    factor = np.linalg.cholesky(np.array([[2.0, 1.0], [1.0, 2.0]])).T
    spectrum = Quadratic(factor, np.zeros(2), 0.0).decompose()
    np.testing.assert_allclose(spectrum.eigenvalues, [3.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(np.abs(spectrum.directions), np.sqrt(0.5), rtol=1e-14)


def test_a_column_that_shares_no_row_is_a_direction_by_itself() -> None:
    """To the last bit: its length is a singular value, and no other column has a part in it."""
    factor = np.zeros((6, 5))
    factor[:3, [0, 2, 3]] = np.random.default_rng(0).normal(size=(3, 3))
    factor[3, 1], factor[4, 4] = 0.5, 1.0
    left, singular, directions = decompose_factor(factor)
    for column, row in ((1, 3), (4, 4)):
        (k,) = np.flatnonzero(directions[column])
        assert np.abs(directions[:, k]).tolist() == np.eye(5)[column].tolist()
        assert singular[k] == factor[row, column]
        np.testing.assert_array_equal(left[:, k] * directions[column, k], np.eye(6)[row])
    np.testing.assert_allclose(left * singular @ directions.T, factor, atol=1e-15)


@pytest.mark.parametrize("cosine", [0.0, 0.6])
def test_columns_that_share_one_row_are_not_alone(cosine: float) -> None:
    """Two columns of length 3 at an angle: 9(1 ± cosine) are the eigenvalues, whichever row they share."""
    spectrum = Quadratic(leaning(cosine)[:2, :2], np.zeros(2), 0.0).decompose()
    np.testing.assert_allclose(spectrum.eigenvalues, [9 * (1 + cosine), 9 * (1 - cosine)], rtol=1e-14)


def test_one_column() -> None:
    factor, target = np.array([[3.0], [4.0]]), np.array([5.0, 10.0])
    found = minimise(Quadratic(factor, target, 0.0))
    np.testing.assert_allclose(found.parameters, [2.2], rtol=1e-15)
    assert (found.condition, found.tied.tolist()) == (1.0, [])
    spectrum = Quadratic(factor, target, 0.0).decompose()
    assert spectrum.largest == spectrum.smallest == pytest.approx(25.0, rel=1e-15)


@pytest.mark.parametrize(
    ("name", "standardize"),
    [(name, True) for name in ROWS] + [(name, False) for name in ROWS if name not in ("tiny", "huge")],
)
@intercept
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_a_spectrum_is_a_decomposition(name: str, fit_intercept: bool, standardize: bool, l2: float) -> None:
    rows = ROWS[name]
    _, coordinates, loss = prepared(rows, fit_intercept, standardize)
    scaled = l2 * float(np.mean(loss.factor**2))
    quadratic = add_ridge(loss, scaled, coordinates.n_features)
    spectrum, p = quadratic.decompose(), coordinates.n_parameters
    left = decompose_factor(quadratic.factor)[0]
    rebuilt = left @ (spectrum.singular[:, None] * spectrum.directions.T)
    size = np.linalg.norm(quadratic.factor, axis=0)
    np.testing.assert_array_less(np.linalg.norm(rebuilt - quadratic.factor, axis=0), 1e-13 * size + 1e-300)
    np.testing.assert_allclose(spectrum.directions.T @ spectrum.directions, np.eye(p), atol=1e-13)
    assert (np.diff(spectrum.singular) <= 0).all()
    # The same function, its minimum split off.
    reduced = spectrum.to_quadratic()
    unit = np.std(rows[1]) / np.where(size > 0, size, 1.0)
    places = unit * np.random.default_rng(1).normal(size=(4, p))
    np.testing.assert_allclose(reduced.values(places), quadratic.values(places), rtol=1e-11)
    np.testing.assert_allclose(spectrum.excess(places) + spectrum.minimum, quadratic.values(places), rtol=1e-11)
    np.testing.assert_allclose(spectrum.excess_along(places).sum(axis=1), spectrum.excess(places), rtol=1e-12)
    best = minimise(quadratic).parameters
    assert reduced.offset == pytest.approx(quadratic.value(best), rel=1e-9, abs=1e-20 * float(rows[1] @ rows[1]))
    assert spectrum.largest == pytest.approx(np.linalg.norm(quadratic.factor, 2) ** 2, rel=1e-13)


@pytest.mark.parametrize(
    ("rows", "fit_intercept", "n_null"),
    [
        (course(3), True, 0),
        (collinear(), True, 2),
        (collinear(), False, 2),
        ((np.random.default_rng(0).normal(size=(3, 5)), np.arange(3.0)), True, 3),
        ((np.random.default_rng(0).normal(size=(3, 5)), np.arange(3.0)), False, 2),
        ((np.full((5, 2), 3.0), np.arange(5.0)), True, 2),
        (graded(decades=16.0), True, 0),
    ],
    ids=["none", "collinear", "collinear, no intercept", "wide", "wide, no intercept", "constant", "graded"],
)
def test_directions_of_no_effect_are_counted(rows: tuple[Array, Array], fit_intercept: bool, n_null: int) -> None:
    _, _, quadratic = prepared(rows, fit_intercept, True)
    spectrum = quadratic.decompose()
    assert spectrum.n_null == n_null
    assert spectrum.effective.tolist() == [True] * (spectrum.singular.size - n_null) + [False] * n_null
    null = spectrum.directions[:, spectrum.singular.size - n_null :]
    assert np.abs(quadratic.factor @ null).max(initial=0.0) < 1e-13 * np.abs(quadratic.factor).max()
    assert spectrum.smallest > 1e-12 * spectrum.largest


def test_nothing_to_descend() -> None:
    spectrum = Quadratic(np.zeros((3, 2)), np.array([3.0, 0.0, 4.0]), 1.0).decompose()
    assert (spectrum.largest, spectrum.smallest, spectrum.n_null) == (0.0, 0.0, 2)
    assert spectrum.minimum == 1.0 + 12.5
    lowest = minimise(Quadratic(np.zeros((3, 2)), np.zeros(3), 0.0))
    assert (lowest.parameters.tolist(), lowest.doubt.tolist()) == ([0.0, 0.0], [0.0, 0.0])
    assert (lowest.condition, lowest.tied.tolist()) == (1.0, [])


@pytest.mark.parametrize(
    "failure",
    [
        lambda factor, **_: (np.ones(3), None, None, np.ones(7), None, 1),
        lambda factor, **_: (np.full(3, np.nan), None, None, np.ones(7), None, 0),
    ],
    ids=["no convergence", "not finite"],
)
def test_where_jacobis_method_fails_the_usual_one_answers(failure: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    factor = np.random.default_rng(0).normal(size=(4, 3)) * np.array([1.0, 1e4, 1e8])
    expected = Quadratic(factor, np.zeros(4), 0.0).decompose()
    monkeypatch.setattr(scipy.linalg.lapack, "dgejsv", failure)
    found = Quadratic(factor, np.zeros(4), 0.0).decompose()
    np.testing.assert_allclose(found.singular, expected.singular, rtol=1e-6)
