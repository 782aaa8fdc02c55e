"""Objectives: from the statistics and from the rows the same numbers, and the gradient is the slope."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, linprog

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.objective.losses import LOSSES, SquaredError, make_loss
from downslope.objective.objective import SMOOTHING, Evaluation, QuadraticObjective, RowsObjective
from downslope.objective.penalties import Penalty, make_penalty
from downslope.statistics.coordinates import Coordinates, raw_coordinates, standard_coordinates
from downslope.statistics.least_squares import solve
from downslope.statistics.quadratic import add_ridge, half_mean_squared_error
from tests.problems import Pieces, course, graded, real_table

Array = np.ndarray

PENALTIES = {None: (0.0, 0.0), "l2": (0.0, 0.3), "l1": (0.3, 0.0), "elasticnet": (0.1, 0.2)}
penalty_of = pytest.mark.parametrize("penalty", PENALTIES)
intercept = pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "no intercept"])
standard = pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "raw"])
weights = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


def coordinates_of(X: Array, fit_intercept: bool, standardize: bool) -> Coordinates:
    if not standardize:
        return raw_coordinates(X.shape[1], fit_intercept)
    return standard_coordinates(X.mean(axis=0), X.std(axis=0), fit_intercept)


def both(
    X: Array, y: Array, weight: Array | None, coordinates: Coordinates, penalty: Penalty
) -> tuple[QuadraticObjective, RowsObjective]:
    """The same objective, by its statistics and by its rows."""
    source = ArraySource(X, y, weight)
    problem = solve(source)
    half_mse = half_mean_squared_error(problem, coordinates)
    smooth = add_ridge(half_mse, penalty.l2, penalty.n_features).decompose().to_quadratic()
    statistics = QuadraticObjective(smooth, half_mse if penalty.l2 else smooth, penalty)
    known = None if penalty.l1 else smooth
    return statistics, RowsObjective(source, problem.moments.weight, coordinates, SquaredError(), penalty, smooth=known)


@penalty_of
@intercept
@standard
@weights
def test_statistics_and_rows_agree(penalty: str | None, fit_intercept: bool, standardize: bool, weighted: bool) -> None:
    X, y = course(3)
    random = np.random.default_rng(0)
    coordinates = coordinates_of(X, fit_intercept, standardize)
    statistics, rows = both(
        X, y, random.random(100) if weighted else None, coordinates, Penalty(*PENALTIES[penalty], 3)
    )
    for place in random.normal(size=(5, coordinates.n_parameters)):
        one, other = statistics.value_and_gradient(place), rows.value_and_gradient(place)
        assert one.objective == pytest.approx(other.objective, rel=1e-13)
        assert one.mse == pytest.approx(other.mse, rel=1e-13)
        assert one.excess == other.excess
        assert (one.excess is None) == (penalty in ("l1", "elasticnet"))
        np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-12, atol=1e-14)
        if one.excess is not None:
            assert one.excess == pytest.approx(one.objective - statistics.smooth.offset, rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
@penalty_of
@intercept
@standard
def test_value_is_the_definition_and_gradient_its_slope(
    loss: str, penalty: str | None, fit_intercept: bool, standardize: bool
) -> None:
    X, y = course(3)
    random = np.random.default_rng(0)
    weight = random.random(100)
    coordinates = coordinates_of(X, fit_intercept, standardize)
    rule, term = make_loss(loss, delta=0.4, epsilon=0.05, quantile=0.3), Penalty(*PENALTIES[penalty], 3)
    objective = RowsObjective(ArraySource(X, y, weight), weight.sum(), coordinates, rule, term)

    def value(place: Array) -> float:
        """J by its definition, in one line."""
        coef, start = coordinates.to_original(place)
        return weight @ rule.value_and_derivative(X @ coef + start - y)[0] / weight.sum() + term.value(place)

    place = random.normal(size=coordinates.n_parameters)
    found = objective.value_and_gradient(place)
    coef, start = coordinates.to_original(place)
    assert found.objective == pytest.approx(value(place), rel=1e-13)
    assert found.mse == pytest.approx(weight @ (X @ coef + start - y) ** 2 / weight.sum(), rel=1e-13)
    steps = 1e-7 * np.eye(place.size)
    slope = [
        (value(p := place + step) - term.kink(p) - value(m := place - step) + term.kink(m)) / 2e-7 for step in steps
    ]
    np.testing.assert_allclose(found.gradient, slope, atol=2e-7)


@pytest.mark.parametrize(
    "store",
    [np.asarray, np.asfortranarray, np.float32, scipy.sparse.csr_array, scipy.sparse.csr_matrix],
    ids=["C", "Fortran", "float32", "csr array", "csr matrix"],
)
@pytest.mark.parametrize("cuts", [(), (10, 10, 300)], ids=["whole", "cut"])
@pytest.mark.parametrize("shifted", [False, True])
@weights
def test_neither_the_storage_nor_the_cuts_matter(
    store: Callable[[Array], Any], cuts: tuple[int, ...], shifted: bool, weighted: bool
) -> None:
    X, y = real_table()
    X = X.astype(np.float32).astype(float)
    weight = np.random.default_rng(0).random(len(y)) if weighted else None
    coordinates, place = coordinates_of(X, True, True), np.random.default_rng(1).normal(size=X.shape[1] + 1)

    def evaluated(source: Any, shifted: bool) -> Evaluation:
        loss, penalty = make_loss("huber", delta=5.0), make_penalty(None, 0.0, 0.0, X.shape[1])
        weight_sum = len(y) if weight is None else weight.sum()
        return RowsObjective(source, weight_sum, coordinates, loss, penalty, shifted).value_and_gradient(place)

    found, known = evaluated(Pieces(store(X), y, weight, cuts), shifted), evaluated(Pieces(X, y, weight), False)
    assert found.objective == pytest.approx(known.objective, rel=1e-12)
    np.testing.assert_allclose(found.gradient, known.gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_rows_far_from_zero_keep_their_digits_when_shifted(offset: float) -> None:
    """Moved by a power of two, rows and coordinates are the same problem to the last bit."""
    X, y = course(3)
    X = np.round(X, 3) * 1024
    offset = 2.0 ** np.round(np.log2(offset))
    coordinates = standard_coordinates(np.array([500.0, 510.0, 520.0]), X.std(axis=0), True)
    moved = standard_coordinates(np.array([500.0, 510.0, 520.0]) + offset, X.std(axis=0), True)
    X = np.floor(X)
    place, none = np.array([0.3, -0.2, 0.1, 0.9]), Penalty(0.0, 0.0, 3)
    near = RowsObjective(ArraySource(X, y), 100.0, coordinates, SquaredError(), none, True)
    far = RowsObjective(ArraySource(X + offset, y), 100.0, moved, SquaredError(), none, True)
    one, other = near.value_and_gradient(place), far.value_and_gradient(place)
    assert one.objective == pytest.approx(other.objective, rel=1e-7)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-6, atol=1e-7)


def test_a_block_of_several_slices_is_summed_slice_by_slice() -> None:
    random = np.random.default_rng(0)
    X, y, weight = random.random((500, 1000)), random.random(500), random.random(500)
    coordinates, place = coordinates_of(X, True, True), random.normal(size=1001)
    none = Penalty(0.0, 0.0, 1000)
    shifted, plain = (
        RowsObjective(ArraySource(X, y, weight), 1.0, coordinates, SquaredError(), none, shifted).value_and_gradient(
            place
        )
        for shifted in (True, False)
    )
    assert shifted.objective == pytest.approx(plain.objective, rel=1e-12)
    np.testing.assert_allclose(shifted.gradient, plain.gradient, rtol=1e-8, atol=1e-8)


def test_columns_of_very_different_units() -> None:
    X, y = graded(decades=16.0)
    coordinates = coordinates_of(X, True, True)
    statistics, rows = both(X, y, None, coordinates, Penalty(0.0, 0.0, 4))
    place = np.random.default_rng(0).normal(size=5)
    one, other = statistics.value_and_gradient(place), rows.value_and_gradient(place)
    np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-12, atol=1e-13)


# ----------------------------------------------------------------------------------------------------- smoothing
@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_smoothed_less_as_the_descent_comes_down(loss: str) -> None:
    rule = make_loss(loss)
    rows = ArraySource(*course(1))
    objective = RowsObjective(rows, 100.0, raw_coordinates(1, True), rule, Penalty(0.0, 0.0, 1), smoothing=True)
    assert objective.tune(np.inf) is objective
    for lowest in (10.0, 5.0):
        assert objective.tune(lowest).loss == rule.smooth_over(SMOOTHING * lowest)


def test_a_loss_that_is_not_to_be_smoothed_stays_as_it_is() -> None:
    objective = RowsObjective(
        ArraySource(*course(1)), 100.0, raw_coordinates(1, True), make_loss("quantile"), Penalty(0.0, 0.0, 1)
    )
    assert objective.tune(1.0) is objective


def test_the_statistics_need_no_smoothing() -> None:
    X, y = course(1)
    statistics, _ = both(X, y, None, raw_coordinates(1, True), Penalty(0.0, 0.0, 1))
    assert statistics.tune(1.0) is statistics


# What smoothing promises: an optimum at most 0.1 % above the exact one, for any parameter of the loss.
PROMISED = 1e-3
LARGE = 1e5
SMOOTHED: dict[str, dict[str, Any]] = {
    "absolute": {"loss": "absolute_error"},
    "median": {"loss": "quantile"},
    "lower third": {"loss": "quantile", "quantile": 0.3},
    "tube": {"loss": "epsilon_insensitive"},
    "huber beside large residuals": {"loss": "huber"},
}
promised = pytest.mark.parametrize("case", SMOOTHED)


def value_of(loss: str, residual: Array, quantile: float = 0.5) -> float:
    """The mean loss, by its definition."""
    size = np.abs(residual)
    values = {
        "absolute_error": size,
        "quantile": np.maximum(-quantile * residual, (1 - quantile) * residual),
        "epsilon_insensitive": np.maximum(size - 0.1, 0.0),
        "huber": np.where(size <= 1.35, 0.5 * residual**2, 1.35 * (size - 0.675)),
    }
    return float(values[loss].mean())


def lowest_of(loss: str, design: Array, y: Array, quantile: float = 0.5) -> float:
    """The exact minimum, as a linear programme: y = Zθ + above - below, what lies in the tube being free."""
    n, p = design.shape
    tube = 0.1 if loss == "epsilon_insensitive" else 0.0
    prices = {"quantile": (quantile, 1 - quantile)}.get(loss, (1.0, 1.0))
    cost = np.concatenate([np.zeros(p), np.full(n, prices[0] / n), np.full(n, prices[1] / n), np.zeros(n)])
    bounds = [(None, None)] * p + [(0, None)] * (2 * n) + [(-tube, tube)] * n
    balance = np.hstack([design, np.eye(n), -np.eye(n), np.eye(n)])
    return float(linprog(cost, A_eq=balance, b_eq=y, bounds=bounds, method="highs").fun)


def lowest_of_huber(y: Array) -> float:
    """Of a constant: where the clipped residuals balance."""
    return value_of(
        "huber", brentq(lambda c: np.clip(c - y, -1.35, 1.35).sum(), y.min(), y.max(), xtol=1e-14, maxiter=10_000) - y
    )


@promised
@settings(max_examples=60)
@given(
    y=st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0, -1.0]) | st.floats(-9, 9), min_size=3, max_size=15).filter(
        lambda found: max(found) - min(found) > 1.0
    )
)
def test_the_optimum_of_the_smoothed_loss_is_a_thousandth_above_the_exact_one_at_most(
    case: str, y: list[float]
) -> None:
    options = SMOOTHED[case]
    quantile = options.get("quantile", 0.5)
    target = np.array(y) * (LARGE if options["loss"] == "huber" else 1.0)
    ones = np.ones((target.size, 1))
    exact = (
        lowest_of_huber(target) if options["loss"] == "huber" else lowest_of(options["loss"], ones, target, quantile)
    )
    objective = RowsObjective(
        ArraySource(ones, target),
        target.size,
        raw_coordinates(1, False),
        make_loss(**{"name" if key == "loss" else key: value for key, value in options.items()}),
        Penalty(0.0, 0.0, 1),
        smoothing=True,
    ).tune(exact)
    constant = brentq(
        lambda c: objective.value_and_gradient(np.array([c])).gradient[0],
        target.min() - 1.0,
        target.max() + 1.0,
        xtol=1e-13,
    )
    reached = value_of(options["loss"], constant - target, quantile)
    assert exact * (1 - 1e-12) <= reached <= exact * (1 + PROMISED)


@promised
@pytest.mark.parametrize("lifted", [2, 3])
def test_a_fit_is_a_thousandth_above_the_exact_optimum_at_most_where_smoothing_costs_most(
    case: str, lifted: int
) -> None:
    """Each row of X stands ten times: most on a plane, where all kinks meet, some far above it."""
    options = SMOOTHED[case]
    large = LARGE if options["loss"] == "huber" else 100.0
    quantile = options.get("quantile", 0.5)
    X = np.repeat(np.random.default_rng(0).normal(size=(12, 2)), 10, axis=0)
    y = X @ [1.0, -2.0] + 0.5 + large * (np.arange(120) % 10 < lifted)
    # Copies of rows that are lifted alike leave the constant of Huber's loss as the only thing to be found.
    exact = (
        lowest_of_huber(large * (np.arange(10) < lifted))
        if options["loss"] == "huber"
        else lowest_of(options["loss"], np.column_stack([X, np.ones(120)]), y, quantile)
    )
    model = GradientDescentRegressor(**options).fit(X, y)
    reached = value_of(options["loss"], model.predict(X) - y, quantile)
    assert exact * (1 - 1e-12) <= reached <= exact * (1 + PROMISED)
