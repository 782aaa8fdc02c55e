"""The exact optimum that a fit reports: certified digits where they are to be had, and a note where they are not."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.linear_model import ElasticNet

from downslope import GradientDescentRegressor
from downslope.exceptions import CollinearColumnsWarning, InputError
from downslope.fitting.optimum import Optimum
from tests.problems import (
    NIST,
    collinear,
    correct_digits,
    course,
    exact_solution,
    graded,
    near_collinear,
    nist,
    real_table,
)

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
Array = np.ndarray
ELEVEN_DIGITS = ("Norris", "Pontius", "NoInt1", "NoInt2", "Longley")


def optimum(X: Array, y: Array, weight: Array | None = None, **options: Any) -> Optimum:
    found = GradientDescentRegressor(max_iter=1, **options).fit(X, y, weight).optimum_
    assert found is not None
    return found


def digits(found: Optimum, coef: Array, intercept: float, fit_intercept: bool = True) -> float:
    """Of the worst parameter."""
    if not fit_intercept:
        return correct_digits(found.coef, coef)
    return correct_digits(np.append(found.coef, found.intercept), np.append(coef, intercept))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("name", NIST)
def test_certified_digits(name: str, standardize: bool) -> None:
    known = nist(name)
    found = optimum(known.X, known.y, fit_intercept=known.fit_intercept, standardize=standardize)
    correct = digits(found, known.coef, known.intercept, known.fit_intercept)
    assert correct >= (11 if name in ELEVEN_DIGITS else 6)
    assert correct >= found.digits - 1  # the certificate itself has rounded its last digit
    assert found.unique
    assert not found.note


@pytest.mark.parametrize("name", ["Norris", "Longley", "NoInt1"])
def test_the_descent_ends_where_the_optimum_is(name: str) -> None:
    known = nist(name)
    model = GradientDescentRegressor(method="nesterov", tol=1e-16, max_iter=10**6, fit_intercept=known.fit_intercept)
    model.fit(known.X, known.y)
    np.testing.assert_allclose(model.coef_, model.optimum_.coef, rtol=1e-5)
    assert 0 <= model.gap_ <= 1e-15 * known.y.var() + 1e-15 * np.mean(known.y**2)


# ------------------------------------------------------------------------------ against rational arithmetic
ROWS: dict[str, tuple[Array, Array]] = {
    "real table": (real_table().X[:60], real_table().y[:60]),
    "graded": graded(),
    "course": course(3),
    "far from zero": (course(3).X + 1e6, course(3).y),
    "nearly collinear": near_collinear(1e-5),
}
PLAIN: dict[str, dict[str, Any]] = {"as it is": {}, "weighted": {"weighted": True}}
OTHER: dict[str, dict[str, Any]] = {
    "without an intercept": {"fit_intercept": False},
    "weak L2": {"penalty": "l2", "alpha": 1e-4},
    "strong L2": {"penalty": "l2", "alpha": 1.0},
}


def claimed_and_correct(rows: str, weighted: bool = False, **options: Any) -> tuple[Optimum, float]:
    X, y = ROWS[rows]
    weight = np.random.default_rng(1).integers(0, 4, y.size).astype(float) if weighted else None
    found = optimum(X, y, weight, standardize=False, **options)
    fit_intercept = options.get("fit_intercept", True)
    exact = exact_solution(X, y, weight, fit_intercept=fit_intercept, l2=options.get("alpha", 0.0))
    # J* is ½ mse and the penalty.
    penalty = 0.5 * options.get("alpha", 0.0) * float(exact.coef @ exact.coef)
    assert found.objective == pytest.approx(0.5 * exact.mse + penalty, rel=1e-6)
    return found, digits(found, exact.coef, exact.intercept, fit_intercept)


@pytest.mark.parametrize("options", PLAIN)
@pytest.mark.parametrize("rows", ROWS)
def test_no_digit_is_claimed_that_is_not_there(rows: str, options: str) -> None:
    found, correct = claimed_and_correct(rows, **PLAIN[options])
    assert correct >= found.digits >= 9


@pytest.mark.parametrize("options", OTHER)
@pytest.mark.parametrize("rows", ROWS)
def test_other_objectives_have_their_optimum_too(rows: str, options: str) -> None:
    _, correct = claimed_and_correct(rows, **OTHER[options])
    assert correct >= 12


@pytest.mark.parametrize("options", OTHER)
def test_no_digit_of_other_objectives_is_claimed_that_is_not_there(options: str) -> None:
    for rows in ROWS:
        found, correct = claimed_and_correct(rows, **OTHER[options])
        assert correct >= found.digits >= 9


@pytest.mark.parametrize("apart", [10.0**-k for k in range(3, 15)])
def test_digits_go_as_columns_approach(apart: float) -> None:
    X, y = near_collinear(apart)
    exact = exact_solution(X, y)
    found = optimum(X, y)
    assert found.unique
    assert digits(found, exact.coef, exact.intercept) >= found.digits
    assert found.condition == pytest.approx(13.0 * apart**-2, rel=0.2)
    if found.digits < 6:
        assert found.note.startswith(f"The columns are nearly collinear (condition {found.condition:.1e}): only about ")
        assert f"{found.digits} digits" in found.note
    else:
        assert not found.note


# ------------------------------------------------------------------------------------------------- collinear
def test_collinear_columns_are_said_to_be() -> None:
    X, y = collinear()
    with pytest.warns(CollinearColumnsWarning, match=r"'x0', 'x1', 'x2', 'x3' and 'x4' are collinear.*penalty='l2'"):
        model = GradientDescentRegressor().fit(X, y)
    found = model.optimum_
    assert (found.unique, found.digits) == (False, 0)
    assert "not unique" in found.note
    # The predictions are those of the columns that are not copies.
    best = np.linalg.lstsq(np.column_stack([X[:, [0, 2, 3]], np.ones(len(y))]), y)[0]
    expected = np.column_stack([X[:, [0, 2, 3]], np.ones(len(y))]) @ best
    np.testing.assert_allclose(X @ found.coef + found.intercept, expected, rtol=1e-10)
    np.testing.assert_allclose(model.predict(X), expected, atol=0.1)


def test_a_penalty_makes_collinear_columns_unique() -> None:
    X, y = collinear()
    found = optimum(X, y, penalty="l2", alpha=1e-3)
    assert found.unique
    assert not found.note


def test_without_an_intercept_a_shifted_copy_is_no_copy() -> None:
    x = course().X[:, 0]
    X, y = np.column_stack([x, 2 * x + 3]), course().y
    found = optimum(X, y, fit_intercept=False)
    assert found.unique
    np.testing.assert_allclose(found.coef, np.linalg.lstsq(X, y)[0], rtol=1e-10)


@pytest.mark.parametrize("standardize", [True, False])
def test_without_an_intercept_a_constant_that_cannot_be_squared_is_refused(standardize: bool) -> None:
    X = np.column_stack([np.arange(9.0), np.full(9, 1e-200)])
    with pytest.raises(InputError, match=r"1\.0e-200"):
        GradientDescentRegressor(fit_intercept=False, standardize=standardize).fit(X, X[:, 0] + 1.0)


# ----------------------------------------------------------------------------------------- other losses and penalties
def table(unit: float = 1.0) -> tuple[Array, Array]:
    random = np.random.default_rng(4)
    X = random.normal(size=(150, 3)) * [1.0, 10.0, 0.1] + [5.0, 0.0, 1.0]
    return X, unit * (X @ [1.0, -0.2, 3.0] + random.standard_t(3, size=150))


OTHERS: dict[str, dict[str, Any]] = {
    "median": {"loss": "absolute_error"},
    "upper tenth": {"loss": "quantile", "quantile": 0.9},
    "tube": {"loss": "epsilon_insensitive", "epsilon": 0.4},
}


def by_linear_programming(options: dict[str, Any], X: Array, y: Array) -> Array:
    """Coefficients and intercept by HiGHS: costs of what lies above and below a tube."""
    (n, d), tube = X.shape, options.get("epsilon", 0.0)
    share = options.get("quantile", 0.5 if options["loss"] == "quantile" else None)
    up, down = (1.0, 1.0) if share is None else (1.0 - share, share)
    design = np.column_stack([X, np.ones(n)])
    above, below = np.hstack([design, -np.eye(n), 0 * np.eye(n)]), np.hstack([-design, 0 * np.eye(n), -np.eye(n)])
    cost = np.concatenate([np.zeros(d + 1), np.full(n, up), np.full(n, down)]) / n
    bounds = [(None, None)] * (d + 1) + [(0, None)] * (2 * n)
    sides = np.concatenate([y + tube, tube - y])
    found = linprog(cost, A_ub=np.vstack([above, below]), b_ub=sides, bounds=bounds, method="highs")
    return np.asarray(found.x[: d + 1])


@pytest.mark.parametrize("unit", [1.0, 1e9])
@pytest.mark.parametrize("case", OTHERS)
def test_the_optimum_of_a_loss_with_kinks_is_that_of_linear_programming(case: str, unit: float) -> None:
    X, y = table(unit)
    options = {**OTHERS[case], **({"epsilon": OTHERS[case]["epsilon"] * unit} if "epsilon" in OTHERS[case] else {})}
    model = GradientDescentRegressor(**options).fit(X, y)
    exact = by_linear_programming({**OTHERS[case]}, X, y / unit) * unit
    assert model.optimum_.unique
    assert model.optimum_.digits >= 10
    np.testing.assert_allclose(np.append(model.optimum_.coef, model.optimum_.intercept), exact, rtol=1e-9)
    # The run ends there.
    np.testing.assert_array_equal(model.coef_, model.optimum_.coef)
    assert model.stop_reason_ == "converged"


def test_where_several_places_are_lowest_only_the_objective_is_known() -> None:
    X, y = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0.0, 1.0, 2.0, 5.0])
    model = GradientDescentRegressor(loss="absolute_error").fit(X, y)
    found = model.optimum_
    assert (found.unique, found.digits) == (False, 0)
    assert found.objective == pytest.approx(1.0, rel=1e-12)
    assert "which several sets of coefficients may reach alike" in model.stop_message_


@pytest.mark.parametrize("alpha", [1e-3, 0.3])
def test_the_optimum_under_l1_is_that_of_coordinate_descent(alpha: float) -> None:
    X, y = table()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    rival = ElasticNet(alpha=alpha, l1_ratio=1.0, tol=1e-15, max_iter=10**6).fit(Z, y)
    found = optimum(X, y, penalty="l1", alpha=alpha)
    np.testing.assert_allclose(found.coef * X.std(axis=0), rival.coef_, atol=1e-9)
    assert found.unique
    assert found.digits >= 11


def test_the_gap_is_that_of_what_is_returned() -> None:
    X, y = real_table()
    model = GradientDescentRegressor(max_iter=50, tol=0).fit(X, y)
    objective = 0.5 * np.mean((model.predict(X) - y) ** 2)
    assert model.gap_ == pytest.approx(objective - model.optimum_.objective, rel=1e-9)
    assert f"the objective is {model.gap_:.3g} above its exact minimum" in model.stop_message_


@pytest.mark.parametrize("apart", [1e-6, 1e-9, 1e-12, 1e-13])
def test_the_objective_is_right_far_from_the_optimum_too(apart: float) -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(24, 4))
    X = X[:, :1] + apart * X
    y = X[:, 0] - X[:, 1] + random.normal(size=24)
    model = GradientDescentRegressor(max_iter=2, tol=0.0, init="uniform", random_state=0).fit(X, y)
    for coef, intercept, shown in zip(
        model.history_.coef, model.history_.intercept, model.history_["objective"], strict=True
    ):
        residual = X.astype(np.longdouble) @ coef + intercept - y
        assert shown == pytest.approx(float(residual @ residual) / 48, rel=1e-9)
