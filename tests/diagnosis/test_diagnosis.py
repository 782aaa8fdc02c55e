"""What a diagnosis foretells against the runs that it foretells: compiled loops over plain recurrences, and fits."""

import json
import re
import warnings
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from downslope import GradientDescentRegressor, diagnose, load_example
from downslope.diagnosis import Diagnosis
from downslope.diagnosis.bowl import SHARES, Prospect
from downslope.exceptions import InputError
from downslope.steps.rules import METHODS, make_step_rule
from downslope.texts import speaking
from downslope.texts.width import display_width
from tests.texts.english import english_in

Array = NDArray[np.float64]


@numba.njit
def epochs_of_a_run(A: Any, b: Any, start: Any, best: Any, rate: float, beta: float, ahead: bool, below: float) -> int:
    """The first epoch at which ½(θ - θ*)ᵀA(θ - θ*) is at most `below`: the textbook's loop on Aθ - b."""
    place, velocity, epoch = start.copy(), np.zeros_like(start), 0
    while True:
        left = place - best
        if 0.5 * left @ (A @ left) <= below:
            return epoch
        slope = A @ place - b
        velocity = beta * velocity + slope
        place = place - rate * (slope + beta * velocity if ahead else velocity)
        epoch += 1


class Made(NamedTuple):
    """A random problem."""

    X: Array
    y: Array
    options: dict[str, Any]


def made(seed: int) -> Made:
    """Columns with a condition up to 1e6 in raw coordinates, from 1 to 30 of them, some under L2."""
    random = np.random.default_rng(seed)
    d = 1 + seed * 29 // 49
    n = 4 * d + 20
    X = random.normal(size=(n, d)) @ np.diag(10 ** random.uniform(-0.7, 0.7, d)) + random.normal(size=d)
    if d > 2:
        X[:, 0] = X[:, 1] + X[:, 2] + 0.1 * np.std(X[:, 1]) * random.normal(size=n)
    y = X @ (random.normal(size=d) / np.std(X, axis=0)) + random.normal(size=n) + 3.0
    penalty = {"penalty": "l2", "alpha": float(10 ** random.uniform(-3, 0))} if seed % 2 else {}
    return Made(X, y, {**penalty, "fit_intercept": bool(seed % 5)})


def quadratic(problem: Made, standardize: bool) -> tuple[Array, Array, Array, float]:
    """A, b, θ* and the excess of zeros with the intercept at its best, by numpy alone."""
    X, y, options = problem
    intercept = options["fit_intercept"]
    if standardize:
        X = (X - X.mean(axis=0)) / X.std(axis=0) if intercept else X / np.sqrt(np.mean(X**2, axis=0))
    Z = np.column_stack([X, np.ones(len(y))]) if intercept else X
    A, b = Z.T @ Z / len(y), Z.T @ y / len(y)
    A[np.diag_indices(X.shape[1])] += options.get("alpha", 0.0)
    best = np.linalg.solve(A, b)
    start = np.zeros(Z.shape[1])
    if intercept:
        start[-1] = b[-1] / A[-1, -1]
    return A, b, best, 0.5 * float((start - best) @ A @ (start - best))


def follow(problem: Made, standardize: bool, known: Prospect, share: float) -> int:
    A, b, best, reference = quadratic(problem, standardize)
    beta = known.momentum or 0.0
    start = np.zeros_like(best)
    return int(
        epochs_of_a_run(A, b, start, best, known.learning_rate, beta, known.method == "nesterov", share * reference)
    )


@pytest.mark.parametrize("seed", range(50))
def test_predicted_epochs_are_those_of_a_run(seed: int) -> None:
    problem = made(seed)
    found = diagnose(problem.X, problem.y, **problem.options)
    for bowl in (found.raw, found.standardised):
        A = quadratic(problem, bowl.standardize)[0]
        eigenvalues = np.linalg.eigvalsh(A)[::-1]
        np.testing.assert_allclose(bowl.eigenvalues, eigenvalues, rtol=1e-6)
        assert bowl.condition < 2e6
        assert bowl.largest_stable == pytest.approx(2 / eigenvalues[0], rel=1e-9)
        assert bowl.fastest == pytest.approx(2 / (eigenvalues[0] + eigenvalues[-1]), rel=1e-9)
        for known in bowl.prospects:
            for share, epochs in zip(SHARES, known.epochs, strict=True):
                if epochs is not None and epochs < 100_000:
                    assert epochs == follow(problem, bowl.standardize, known, share), (bowl.standardize, known)


@pytest.mark.parametrize("method", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("seed", [3, 20, 41])
def test_limits_are_right_on_both_sides(method: str, standardize: bool, seed: int) -> None:
    problem = made(seed)
    found = diagnose(problem.X, problem.y, **problem.options, method=method, momentum=0.7)
    bowl = found.standardised if standardize else found.raw
    limit = {
        "gd": bowl.largest_stable,
        "momentum": bowl.largest_stable_momentum,
        "nesterov": bowl.largest_stable_nesterov,
    }[method]
    assert limit * bowl.eigenvalues[0] == pytest.approx(make_step_rule(method, 0.7).stable_product)
    for share, reasons in ((0.999, ("max_iter", "converged")), (1.001, ("diverged",))):
        model = GradientDescentRegressor(
            method=method,
            momentum=0.7,
            learning_rate=share * limit,
            standardize=standardize,
            max_iter=20_000,
            engine="moments" if problem.X.shape[1] < 5 else "spectral",
            **problem.options,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(problem.X, problem.y)
        assert model.stop_reason_.value in reasons


def test_a_rate_that_was_given_is_foretold_as_it_goes() -> None:
    cars = load_example("auto_mpg")
    found = diagnose(cars.X, cars.y, learning_rate=0.1, method="nesterov", momentum=0.8, init="uniform", random_state=4)
    asked = found.standardised.asked
    assert asked is not None
    options = {"learning_rate": 0.1, "method": "nesterov", "momentum": 0.8, "init": "uniform", "random_state": 4}
    for share, epochs in zip(SHARES, asked.epochs, strict=True):
        assert first_epoch_below(share, cars.X, cars.y, engine="moments", **options) == epochs


def hundred() -> tuple[Array, Array]:
    random = np.random.default_rng(0)
    X = random.uniform(0, 100, size=(200, 1))
    y = 3 * X[:, 0] + 7 + random.uniform(-1, 1, 200)
    y[[3, 9, 50]] += [200.0, 150.0, -90.0]
    return X, y


def first_epoch_below(share: float, X: Array, y: Array, **options: Any) -> int:
    """The first epoch at which a fit has that share of J - J* left, the intercept of the start being at its best."""

    def run(n_epochs: int) -> GradientDescentRegressor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return GradientDescentRegressor(**{**options, "tol": 0, "max_iter": n_epochs}).fit(X, y)

    model = run(9_000)
    left = model.history_["objective"] - model.optimum_.objective
    enough = share * model.landscape_.reference_excess(model.landscape_.parameters(*model.init_))
    if np.any(left <= enough):
        return int(np.argmax(left <= enough))
    before, after = 9_000, 10**9
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if run(middle).gap_ <= enough else (middle, after)
    return after


def numbers_confirmed(found: Diagnosis, X: Array, y: Array) -> int:
    """How many numbers of the advice a fit has confirmed."""
    names, confirmed = list(found.feature_names), 0
    for advice in found.advice:
        parameters, text = dict(advice.parameters), advice.text
        if advice.without:
            kept = [j for j, name in enumerate(names) if name not in advice.without]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = GradientDescentRegressor().fit(X[:, kept], y)
            assert model.landscape_ is not None
            assert f"to {model.landscape_.condition:.3g}." in text
            confirmed += 1
        elif "loss" in parameters:
            robust = GradientDescentRegressor(loss="absolute_error", method="nesterov", max_iter=1000, tol=None).fit(
                X, y
            )
            off = np.abs(y - robust.predict(X))
            delta = parameters["delta"]
            assert delta == pytest.approx(1.345 * 1.4826 * np.median(off), rel=1e-12)
            assert f"{np.count_nonzero(off > 3 * delta)} of {len(y):,} rows" in text
            assert f"farthest is {off.max() / (delta / 1.345):.3g} robust" in text
            huber = GradientDescentRegressor(**parameters).fit(X, y)
            assert np.median(np.abs(y - huber.predict(X))) < np.median(
                np.abs(y - GradientDescentRegressor().fit(X, y).predict(X))
            )
            confirmed += 3
        elif "learning_rate" in parameters or parameters.keys() == {"standardize"}:
            share = 1e-6 if "one millionth" in text else 1e-4 if "0.01 %" in text else 1e-2
            # Rounding of a sum over tens of millions of epochs may decide at the last of them.
            near = first_epoch_below(share, X, y, **parameters) + np.array([0, -1, 1])
            assert any(f"{epochs:,}" in text for epochs in (near if near[0] > 10**7 else near[:1]))
            confirmed += 1
            if "Standardise" in text:
                epochs = [first_epoch_below(share, X, y, standardize=standard) for standard in (False, True)]
                assert any(
                    f"from {epochs[0] + off:,} to {epochs[1]:,}" in text for off in (0, -1 if epochs[0] > 10**7 else 0)
                )
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    before, model = (GradientDescentRegressor(standardize=by).fit(X, y) for by in (False, True))
                assert before.landscape_ is not None
                assert model.landscape_ is not None
                assert f"from {before.landscape_.condition:.3g} to {model.landscape_.condition:.3g}" in text
                confirmed += 3
            if "diverges" in text:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    worse = GradientDescentRegressor(**{**parameters, "learning_rate": 0.5}).fit(X, y)
                assert worse.stop_reason_.value == "diverged"
                assert worse.landscape_ is not None
                assert f"largest stable is {worse.landscape_.largest_stable_rate:.6g}" in text
                confirmed += 2
    return confirmed


def test_the_advice_on_the_real_table() -> None:
    cars = load_example("auto_mpg")
    X, y = np.asarray(cars.X, dtype=float), np.asarray(cars.y, dtype=float)
    found = diagnose(X, y, feature_names=cars.feature_names, learning_rate=0.5)
    assert numbers_confirmed(found, X, y) >= 13
    assert found.standardised.steepest[0].column == "displacement"
    assert found.raw.steepest[0].column == "weight"


def test_the_advice_on_columns_in_hundreds() -> None:
    X, y = hundred()
    found = diagnose(X, y, learning_rate=0.5)
    assert "Lower the learning rate in raw columns" in found.advice[0].text
    assert set(found.outliers.rows) == {3, 9, 50}
    assert numbers_confirmed(found, X, y) >= 8


def test_effects_fall() -> None:
    cars = load_example("auto_mpg")
    effects = [advice.effect for advice in diagnose(cars.X, cars.y).advice]
    assert effects == sorted(effects, reverse=True)
    assert len(effects) > 2


def test_columns_that_are_trouble() -> None:
    random = np.random.default_rng(5)
    a, b, c = random.normal(size=(3, 300))
    X = np.column_stack(
        [a, b, c, np.full(300, 4.0), 2.0 - 3.0 * a, a + b + 1e-3 * random.normal(size=300), 1e-4 * c + b]
    )
    names = ["a", "b", "c", "ones", "again", "sum", "tiny"]
    X[:, 2] *= 1e-3
    found = diagnose(X[:, :6], a + b, feature_names=names[:6])
    assert found.columns.constant == ("ones",)
    assert found.columns.duplicates == (("a", "again"),)
    assert [set(group.columns) for group in found.columns.collinear] == [{"a", "b", "sum"}]
    assert found.columns.dominated == ("c",)
    assert found.columns.largest == "ones"
    # The condition without a column is that of a fit without it.
    collinear = next(advice for advice in found.advice if "nearly collinear" in advice.text)
    kept = [j for j, name in enumerate(names[:6]) if name not in (*collinear.without, "ones")]
    model = GradientDescentRegressor().fit(X[:, kept], a + b + 0.1 * c)
    assert model.landscape_ is not None
    assert f"to {model.landscape_.condition:.3g}." in collinear.text


def square(n_rows: int) -> tuple[Array, Array]:
    """So many rows of five columns."""
    random = np.random.default_rng(9)
    return random.normal(size=(n_rows, 5)), random.normal(size=n_rows)


def test_few_rows() -> None:
    random = np.random.default_rng(6)
    few = diagnose(random.normal(size=(15, 4)), random.normal(size=15))
    assert any("15 rows are few for 5 parameters" in advice.text for advice in few.advice)
    assert any("5 rows are few" in advice.text for advice in diagnose(*square(5), fit_intercept=False).advice)
    assert any("4 rows are not" in advice.text for advice in diagnose(*square(4), fit_intercept=False).advice)
    fewer = diagnose(random.normal(size=(4, 6)), random.normal(size=4))
    assert any("4 rows are not enough" in advice.text for advice in fewer.advice)
    assert fewer.standardised.n_flat == 3
    assert (fewer.outliers.count, fewer.outliers.delta) == (0, 0.0)
    assert "outliers: cannot be told" in str(fewer)


def test_no_outliers_where_there_are_none() -> None:
    random = np.random.default_rng(7)
    X = random.normal(size=(5000, 3))
    found = diagnose(X, X @ [1.0, 2.0, 3.0] + random.normal(size=5000))
    assert found.outliers.count <= 1
    assert found.outliers.scale == pytest.approx(1.0, rel=0.05)
    # 18 % of normal errors lie beyond the bend.
    assert found.outliers.n_clipped / 5000 == pytest.approx(0.1786, abs=0.02)
    exact = diagnose(X, X @ [1.0, 2.0, 3.0]).outliers
    assert (exact.count, exact.rows) == (0, ())


def test_weights_are_rows() -> None:
    X, y = hundred()
    twice = diagnose(np.vstack([X, X[:50]]), np.append(y, y[:50]))
    weighted = diagnose(X, y, sample_weight=np.append(np.full(50, 2.0), np.ones(150)))
    np.testing.assert_allclose(weighted.raw.eigenvalues, twice.raw.eigenvalues, rtol=1e-12)
    assert weighted.raw.prospects[0].epochs == twice.raw.prospects[0].epochs


def test_no_claim_for_adaptive_rules() -> None:
    cars = load_example("auto_mpg")
    found = diagnose(cars.X, cars.y, method="adam", learning_rate=0.1)
    assert "method='adam'" in found.note
    assert found.raw.asked is None
    assert "adam" not in {known.method for known in found.raw.prospects}


def test_what_it_writes() -> None:
    X, y = hundred()
    found = diagnose(X, y, learning_rate=0.5)
    content = json.loads(found.to_json())
    assert content["raw"]["prospects"][0]["epochs"] == {"0.01": None, "0.0001": None, "1e-06": None}
    assert content["raw"]["largest_stable_rate"]["gd"] == found.raw.largest_stable
    assert content["advice"][0]["effect"] is None
    text = str(found)
    assert "diverges" in text
    assert max(map(len, text.splitlines())) <= 130
    wide = np.random.default_rng(0).normal(size=(200, 30))
    assert max(map(len, str(diagnose(wide, wide[:, 0])).splitlines())) <= 130


def alike() -> tuple[Array, Array]:
    """Columns that are trouble: constant, the same, collinear, small."""
    random = np.random.default_rng(5)
    a, b, c = random.normal(size=(3, 300))
    X = [a, b, 1e-3 * c, np.full(300, 4.0), 2.0 - 3.0 * a, a + b + 1e-3 * random.normal(size=300)]
    return np.column_stack(X), a + b


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (hundred(), {"learning_rate": 0.5}),
        (hundred(), {"learning_rate": 1e-6, "method": "momentum", "fit_intercept": False}),
        (hundred(), {"method": "adam"}),
        (alike(), {"penalty": "l2"}),
        (square(15), {}),
        (square(4), {}),
    ],
)
def test_a_page_in_korean_has_no_english_and_the_same_numbers(rows: Any, options: dict[str, Any]) -> None:
    found = diagnose(*rows, **options)
    with speaking("ko"):
        korean = str(found)
        assert found.advice[0].text in " ".join(korean.split())
    symbols = rf"Huber|λ_m\w+|x\d|{'|'.join(METHODS)}"
    assert english_in(re.sub(symbols, "", korean)) == []
    table, told = (page.split("\n\n")[1].splitlines() for page in (str(found), korean))
    assert [line.split()[-1] for line in table[4:]] == [line.split()[-1] for line in told[4:]]
    assert len(set(map(display_width, told))) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"penalty": "l1"}, "penalty='l1' has no closed form"),
        ({"learning_rate": lambda epoch: 0.1}, "is a schedule"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"method": "newton"}, "method"),
        ({"feature_names": ["a", "b"]}, "2 names for 1 columns"),
        ({"row_numbers": [1, 2, 3]}, r"row_numbers has shape \(3,\) for 200 rows: give one number a row"),
    ],
)
def test_wrong_calls(options: dict[str, Any], told: str) -> None:
    with pytest.raises((InputError, ValueError), match=told):
        diagnose(*hundred(), **options)


def test_too_many_columns() -> None:
    random = np.random.default_rng(8)
    with pytest.raises(InputError, match="1200 columns for 30 rows"):
        diagnose(random.normal(size=(30, 1200)), random.normal(size=30))
