"""A stop that is no convergence is said with its numbers, whatever stopped it; one that is, is not."""

import re
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import SGDRegressor as Theirs

from downslope import SGDRegressor
from downslope.exceptions import DownslopeWarning, NotConvergedWarning
from downslope.objective.losses import make_loss
from downslope.objective.objective import Evaluation
from downslope.objective.penalties import Penalty, make_penalty
from downslope.scikit_sgd.minimum import Place, find_missed, see

Array = np.ndarray


def rows(seed: int, n: int = 150, d: int = 4) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X @ rng.uniform(1, 3, d) + 1.5 + 0.3 * rng.normal(size=n)


def r2_of(y: Array, predicted: Array) -> float:
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2))


def least_squares(X: Array, y: Array, *, intercept: bool) -> Array:
    A = np.column_stack([X, np.ones(len(y))]) if intercept else X
    return A @ np.linalg.lstsq(A, y)[0]


X, Y = rows(1)
STOPS: dict[str, tuple[dict[str, Any], Any, Array]] = {
    "a tolerance": ({"eta0": 2e-5}, X, Y),
    "a tolerance of 0": ({"eta0": 1e-6, "tol": 0.0, "max_iter": 20}, X, Y),
    "passes that were asked for": ({"max_iter": 1, "tol": None, "eta0": 1e-3}, X, Y),
    "a validation score": ({"early_stopping": True, "eta0": 1e-5, "n_iter_no_change": 2}, X, Y),
    "small columns": ({}, 0.02 * X, Y),
    "two small columns": ({}, X * [0.005, 1.0, 0.005, 1.0], Y),
    "small slopes": ({"loss": "huber", "epsilon": 0.004}, X, Y),
    "targets in thousands": ({"loss": "huber"}, X, 2e3 * Y),
    "targets in thousands, no slopes": ({"loss": "epsilon_insensitive"}, X, 2e3 * Y),
    "sparse rows": ({}, scipy.sparse.csr_matrix(np.abs(X)), Y + 20),
    "a schedule": ({"learning_rate": "optimal", "alpha": 10.0, "penalty": None}, X, Y),
    "a mean of places": ({"average": True, "eta0": 1e-5}, X, Y),
    "single precision": ({"eta0": 1e-5}, X.astype(np.float32), Y),
    "no intercept": ({"eta0": 1e-5, "fit_intercept": False}, X, Y - 1.5),
    "a penalty": ({"penalty": "l1", "alpha": 1e-3, "eta0": 1e-5}, X, Y),
}


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_far_from_the_minimum_is_a_warning(case: str) -> None:
    options, given, y = STOPS[case]
    model = SGDRegressor(random_state=0, **options)
    with pytest.warns(NotConvergedWarning):
        model.fit(given, y)
    dense = given.toarray() if scipy.sparse.issparse(given) else given
    attainable = r2_of(y, least_squares(dense, y, intercept=model.fit_intercept))
    assert model.score(given, y) < 0.9 * attainable
    theirs = Theirs(random_state=0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs.fit(given, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, rtol=1e-9 if dense.dtype == np.float64 else 1e-4)
    assert model.n_iter_ == theirs.n_iter_


def test_the_numbers_are_those_of_the_rows() -> None:
    with pytest.warns(NotConvergedWarning):
        model = SGDRegressor(penalty=None, eta0=1e-4, random_state=0).fit(X, Y)
    told = re.search(
        r"objective is (\S+) and whose residuals are about (\S+), where those .* about (\S+)\.", model.stop_message_
    )
    assert told is not None
    objective, rms, own = map(float, told.groups())
    best = np.sqrt(np.mean((Y - least_squares(X, Y, intercept=True)) ** 2))
    assert rms == pytest.approx(best, rel=0.01)
    assert objective == pytest.approx(0.5 * best**2, rel=0.01)
    assert own == pytest.approx(np.sqrt(np.mean((Y - model.predict(X)) ** 2)), rel=0.01)


@pytest.mark.parametrize("loss", ["squared_error", "epsilon_insensitive", "squared_epsilon_insensitive"])
def test_fits_of_scaled_rows_with_the_defaults_are_not_disturbed(loss: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(12):
            given, y = rows(seed, n=(300, 1200, 3000)[seed % 3], d=1 + seed % 7)
            y = (y - y.mean()) / y.std() + 0.5 * np.random.default_rng(seed).normal(size=y.size)
            model = SGDRegressor(loss=loss, random_state=seed).fit(given, y)
            assert model.score(given, y) > 0.97 * r2_of(y, least_squares(given, y, intercept=True))


def test_a_robust_minimum_beside_outliers_is_a_minimum() -> None:
    """Least squares explains more of such targets, which is not what the loss is for."""
    y = (Y - Y.mean()) / Y.std()
    y[:6] += 40.0
    model = SGDRegressor(loss="huber", epsilon=0.5, tol=1e-7, max_iter=5000, random_state=0, penalty=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert model.score(X, y) < 0.9 * r2_of(y, least_squares(X, y, intercept=True))
    assert r2_of(y[6:], model.predict(X[6:])) > 0.98


def test_a_penalty_that_is_meant_is_not_complained_of() -> None:
    y = (Y - Y.mean()) / Y.std()
    model = SGDRegressor(alpha=2.0, random_state=0, tol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)
    assert model.score(X, y) < 0.8
    with pytest.warns(DownslopeWarning, match=r"The penalty decides: with alpha = 0\.05 beside columns whose smallest"):
        SGDRegressor(alpha=0.05, random_state=0, tol=None, max_iter=3000).fit(0.1 * X, y)


def test_rows_of_weight_0_earn_no_warning() -> None:
    """What a rule of scikit-learn sees counts them; what is said of the fit does not."""
    given, y = np.vstack([X, np.ones((3, 4))]), np.append(Y, [1e15] * 3)
    weight = np.append(np.ones(150), [0.0] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SGDRegressor(random_state=0, tol=None, max_iter=40).fit(given, y, sample_weight=weight)
    assert model.stop_reason_ == "max_iter"
    assert model.score(X, Y) > 0.95
    model = SGDRegressor(random_state=0, eta0=30.0, max_iter=3)
    with pytest.warns(DownslopeWarning, match="Diverged at epoch"):
        model.fit(given, y, sample_weight=weight)


def test_one_row_held_out_is_said_once_and_stops_nothing() -> None:
    options: dict[str, Any] = {"early_stopping": True, "random_state": 3, "max_iter": 50, "eta0": 0.1}
    model = SGDRegressor(**options)
    with pytest.warns(DownslopeWarning, match="1 of 6 rows was held out, and R² needs two") as caught:
        model.fit(X[:6], Y[:6])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Theirs(**options).fit(X[:6], Y[:6])
    np.testing.assert_allclose(model.coef_, theirs.coef_, rtol=1e-9)
    assert model.n_iter_ == theirs.n_iter_ == 50


# ------------------------------------------------------------------------------------------------- the search itself
def place_of(coef: Array, intercept: float, measure: Any) -> Place:
    return Place(coef, intercept, measure(coef, intercept))


def measured(given: Any, y: Array, loss: Any, penalty: Penalty) -> Any:
    """J, the mean squared error and the gradient, by plain sums."""

    def measure(coef: Array, intercept: float) -> Evaluation:
        residual = given @ coef + intercept - y
        values, slopes = loss.value_and_derivative(residual)
        gradient = np.append(slopes @ given / y.size + penalty.l2 * coef, slopes.mean())
        return Evaluation(values.mean() + penalty.value(coef), float(np.mean(residual**2)), gradient)

    return measure


@pytest.mark.parametrize("name", ["squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_what_is_found_is_lower_and_at_most_near_the_minimum_nothing_is(name: str, penalty: str | None) -> None:
    given, y = rows(4, n=900, d=3)
    loss, made = make_loss(name, delta=0.2, epsilon=0.05), make_penalty(penalty, 0.01, 0.0, 3)
    measure = measured(given, y, loss, made)
    sight = see(given, y, None, loss=loss, penalty=made, fit_intercept=True)
    start = place_of(np.zeros(3), 0.0, measure)
    found = find_missed(sight, start, measure)
    assert found is not None
    assert found.kind == "minimum"
    assert found.objective < start.seen.objective
    refined = sight.refine(sight.least_squares(sight.share, np.zeros(3)))
    assert find_missed(sight, place_of(*refined, measure), measure) is None


def test_wide_rows_are_judged_by_one_step() -> None:
    given, y = rows(7, n=500, d=130)
    loss, penalty = make_loss("squared_error"), make_penalty("l2", 1e-4, 0.0, 130)
    measure = measured(given, y, loss, penalty)
    sight = see(scipy.sparse.csr_matrix(given), y, np.ones(500), loss=loss, penalty=penalty, fit_intercept=True)
    assert sight.X.shape == (200, 130)
    found = find_missed(sight, place_of(np.zeros(130), 0.0, measure), measure)
    assert found is not None
    assert found.objective < measure(np.zeros(130), 0.0).objective
    A = np.column_stack([given, np.ones(500)])
    best = np.linalg.lstsq(A, y)[0]
    assert find_missed(sight, place_of(best[:-1], best[-1], measure), measure) is None
    with pytest.warns(NotConvergedWarning, match="no minimum"):
        SGDRegressor(eta0=1e-6, random_state=0).fit(given, y)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_wide_sparse_rows_say_what_they_say_as_an_array_and_stay_sparse(fit_intercept: bool) -> None:
    given, y = rows(8, n=300, d=140)
    given = np.round(given) * (np.random.default_rng(1).random(given.shape) < 0.3)
    given[:, 5], given[:, 6] = 3.0, 0.0
    loss, penalty = make_loss("squared_error"), make_penalty("l2", 1e-4, 0.0, 140)
    measure = measured(given, y, loss, penalty)
    kinds: list[Any] = [np.asarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix]
    dense, *sparse = [
        see(kind(given), y, None, loss=loss, penalty=penalty, fit_intercept=fit_intercept) for kind in kinds
    ]
    place = place_of(np.zeros(140), 0.5 if fit_intercept else 0.0, measure)
    found = find_missed(dense, place, measure)
    assert found is not None
    for sight in sparse:
        assert scipy.sparse.issparse(sight.X)
        np.testing.assert_allclose(sight.sizes, dense.sizes, rtol=1e-12)
        for one, other in zip(sight.step(place), dense.step(place), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
        again = find_missed(sight, place, measure)
        assert again is not None
        assert again[1:3] == pytest.approx(found[1:3], rel=1e-9)


def test_nothing_is_missed_where_there_is_nothing() -> None:
    given, flat = X, np.zeros(150)
    loss, penalty = make_loss("epsilon_insensitive", epsilon=0.1), make_penalty(None, 0.0, 0.0, 4)
    measure = measured(given, flat, loss, penalty)
    sight = see(given, flat, None, loss=loss, penalty=penalty, fit_intercept=True)
    assert find_missed(sight, place_of(np.zeros(4), 0.0, measure), measure) is None
    still = see(np.ones((150, 1)), Y, None, loss=make_loss("squared_error"), penalty=penalty, fit_intercept=False)
    assert still.fair_columns
    assert see(0.0 * X, Y, None, loss=loss, penalty=penalty, fit_intercept=True).sizes.tolist() == [0.0] * 4


def test_what_all_rows_do_not_confirm_is_not_said() -> None:
    given, y = rows(2, n=200, d=2)
    loss, penalty = make_loss("squared_error"), make_penalty(None, 0.0, 0.0, 2)
    sight = see(given, y, None, loss=loss, penalty=penalty, fit_intercept=True)
    start = place_of(np.zeros(2), 0.0, measured(given, y, loss, penalty))
    assert find_missed(sight, start, lambda coef, intercept: start.seen) is None


def test_a_search_that_is_cut_short_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("downslope.scikit_sgd.minimum.REFINEMENTS", 1)
    given, y = rows(3)
    y[:20] += 60.0
    loss, penalty = make_loss("epsilon_insensitive", epsilon=0.1), make_penalty("l1", 0.01, 0.0, 4)
    sight = see(given, y, None, loss=loss, penalty=penalty, fit_intercept=True)
    plain = sight.least_squares(sight.share, np.zeros(4))
    assert sight.at(sight.refine(plain))[0] < sight.at(plain)[0]


def test_what_is_said_of_an_absolute_tolerance_knows_the_weights() -> None:
    given, y = np.vstack([X, np.ones((2, 4))]), np.append(Y / 300, [1e9, -1e9])
    weight = np.append(np.ones(150), [0.0, 0.0])
    model = SGDRegressor(random_state=0, eta0=0.002, n_iter_no_change=3)
    with pytest.warns(NotConvergedWarning) as caught:
        model.fit(given, y, sample_weight=weight)
    assert len(caught) == 1
    assert "no minimum" in model.stop_message_ or "is absolute" in model.stop_message_


def test_columns_whose_squares_overflow_are_no_better_model() -> None:
    with pytest.warns(DownslopeWarning):
        model = SGDRegressor(eta0=1e-12, max_iter=2, random_state=0, loss="huber").fit(X * [1e160, 1.0, 1.0, 1.0], Y)
    assert np.all(np.isfinite(model.coef_))
    loss, penalty = make_loss("squared_error"), make_penalty(None, 0.0, 0.0, 4)
    with np.errstate(all="ignore"):
        sight = see(X * 1e170, Y, None, loss=loss, penalty=penalty, fit_intercept=True)
        assert not sight.least_squares(sight.share, np.zeros(4))[0].any()
