"""What happened, in sentences: every number in them is the run's own."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.descent.settings import Settings
from downslope.descent.stopping import StopReason
from downslope.exceptions import DivergenceWarning, NotConvergedWarning
from downslope.fitting.explanation import Left, dominant_column, explain_divergence, explain_stop, falls_short
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
from downslope.fitting.request import Limits
from downslope.objective.losses import AbsoluteError, Loss, SquaredError
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import METHODS, make_step_rule
from downslope.texts import Finding, Remedy
from tests.problems import course, real_table


@pytest.mark.parametrize(
    ("direction", "told"),
    [([0.1, -0.9, 0.4], "column 'b'"), ([0.9, 0.1, 0.4], "column 'a'"), ([0, 0, 1], "the intercept")],
)
def test_the_dominant_column(direction: list[float], told: str) -> None:
    assert str(dominant_column(np.array(direction), ["a", "b"])) == told


def problem(loss: Loss | None = None, method: str = "gd", rate: Any = "auto", **options: Any) -> Problem:
    X, y = course(2)
    settings = {"fit_intercept": True, "standardize": True, "engine": "auto", **options}
    rule = make_step_rule(method)
    return prepare(
        ArraySource(X, y), Settings(loss or SquaredError(), make_penalty(None, 0, 0, 2), rule, rate, **settings)
    )


def test_a_divergence_that_the_last_rate_does_not_explain() -> None:
    """A schedule may have come down since the steps that were too large."""
    told = str(explain_divergence(problem(), epoch=9, rate=0.05, kept=2))
    assert told.startswith("Diverged at epoch 9 with learning_rate 0.05 (largest stable 1.")
    assert told.endswith("the best epoch, 2, was restored. Try 0.005.")


REASONS = {
    StopReason.STOP_BELOW: "Stopped at epoch 7: the mean squared error is below stop_below = 0.25; ",
    StopReason.CONVERGED: "Converged at epoch 7; ",
    StopReason.NO_IMPROVEMENT: "Stopped at epoch 7: no better validation error for 3 epochs; ",
    StopReason.MAX_ITER: "Stopped at max_iter = 99 epochs; ",
    StopReason.INTERRUPTED: "Interrupted at epoch 7; the model so far is kept; ",
    StopReason.CALLBACK: "A callback stopped the run at epoch 7; ",
}
LIMITS = Limits(max_iter=99, tol=1e-6, stop_below=0.25, patience=3, window=3)


def sentence(reason: StopReason, of: Problem, limits: Limits = LIMITS, **left: Any) -> str:
    known = {"gap": None, "start_gap": None, "exact": True, "off": None, "mapping": 0.0125, **left}
    return str(explain_stop(of, reason, limits, epoch=7, rate=0.3, left=Left(**known)))


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_words(reason: StopReason) -> None:
    assert sentence(reason, problem()).startswith(REASONS[reason])


def test_what_is_known_of_the_distance_is_told() -> None:
    told = sentence(StopReason.CONVERGED, problem(), gap=2e-7, start_gap=4.0)
    assert (
        told == "Converged at epoch 7; the objective is 2e-07 above its exact minimum (5.0e-08 of that of the start)."
    )
    told = sentence(StopReason.CONVERGED, problem(), gap=0.0, start_gap=0.0)
    assert told == "Converged at epoch 7; the objective is 0 above its exact minimum."
    told = sentence(StopReason.MAX_ITER, problem(), gap=0.5, start_gap=4.0, exact=False, off=2.25)
    assert told.startswith(
        "Stopped at max_iter = 99 epochs; the objective is at most 0.5 above its minimum (1.2e-01 of that of the start)"
        ", and no parameter is more than 2.2 of its standard errors from the optimum."
    )
    told = sentence(StopReason.INTERRUPTED, problem())
    assert told.endswith("the gradient is 0.0125, and how far that is from the minimum was not measured.")


ENDS = {
    "a small gradient": (
        {},
        {},
        "the gradient is below tol = 1e-06 of the largest, which does not prove convergence; ",
    ),
    "a solve": ({}, {"solved": True}, "Stopped at epoch 7, the exact solve, which could not prove tol = 1e-06; "),
    "noise": ({"batch_size": 5}, {}, "the objective has not fallen by a share of 1e-06 for 3 epochs; "),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_run_that_falls_no_more_says_why(case: str) -> None:
    options, left, told = ENDS[case]
    assert told in sentence(StopReason.NO_IMPROVEMENT, problem(**options), replace(LIMITS, patience=None), **left)


SHORT: dict[str, tuple[StopReason, dict[str, Any], dict[str, Any], dict[str, Any], bool]] = {
    "epochs that ran out": (StopReason.MAX_ITER, {}, {}, {}, True),
    "epochs that were asked for": (StopReason.MAX_ITER, {}, {"tol": 0.0, "stop_below": None}, {}, False),
    "converged": (StopReason.CONVERGED, {}, {}, {}, False),
    "a small gradient": (StopReason.NO_IMPROVEMENT, {}, {"patience": None}, {}, True),
    "noise": (StopReason.NO_IMPROVEMENT, {"batch_size": 5}, {"patience": None}, {"gap": 4e-4}, False),
    "more than noise": (StopReason.NO_IMPROVEMENT, {"batch_size": 5}, {"patience": None}, {"gap": 4e-2}, True),
    "an early stop": (StopReason.NO_IMPROVEMENT, {}, {}, {"gap": 0.04}, False),
    "an early stop too far off": (StopReason.NO_IMPROVEMENT, {}, {}, {"gap": 0.5, "off": 9.0}, True),
    "an early stop that the rows leave open": (StopReason.NO_IMPROVEMENT, {}, {}, {"gap": 0.5, "off": 1.0}, False),
    "an early stop without a tolerance": (StopReason.NO_IMPROVEMENT, {}, {"tol": 0.0}, {"gap": 0.5, "off": 9.0}, False),
}


@pytest.mark.parametrize("case", SHORT)
def test_what_falls_short_of_what_was_asked(case: str) -> None:
    reason, options, limits, left, short = SHORT[case]
    known = {"gap": 0.04, "start_gap": 1.0, "exact": True, "off": None, "mapping": 0.1, **left}
    assert falls_short(reason, problem(**options), replace(LIMITS, **limits), Left(**known)) is short


ADVICE: dict[str, tuple[dict[str, Any], str]] = {
    "default": ({}, "try method='nesterov'."),
    "nesterov": ({"method": "nesterov"}, "Raise max_iter, or tol if this is near enough."),
    "raw": ({"standardize": False}, "try standardize=True."),
    "a good rate": ({"rate": 0.3}, "try learning_rate='auto'."),
    "a small rate": ({"rate": 0.01}, "is far below the largest stable"),
    "adam": ({"method": "adam", "rate": 0.3}, "try learning_rate='auto'."),
}


@pytest.mark.parametrize("case", ADVICE)
def test_a_run_that_ended_too_early_gets_advice(case: str) -> None:
    options, told = ADVICE[case]
    of = problem(**options)
    rate = options.get("rate", 0.5)
    numbers: dict[str, Any] = {"epoch": 7, "rate": rate, "left": Left(None, None, exact=True, off=None, mapping=0.1)}
    assert told in str(explain_stop(of, StopReason.MAX_ITER, LIMITS, **numbers))
    # None where all epochs that were asked for were made, and no more was wanted.
    wanted = replace(LIMITS, tol=0.0, stop_below=None)
    assert told not in str(explain_stop(of, StopReason.MAX_ITER, wanted, **numbers))


def wide(n_rows: int = 12, n_features: int = 1100) -> tuple[np.ndarray, np.ndarray]:
    """Columns of one kind, but for one that is larger, and one that never changes."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, n_features))
    X[:, 17] *= 50
    X[:, 3] = 2.5
    return X, X[:, 0] + 0.1 * random.normal(size=n_rows) + 1


def test_wide_rows_are_read_and_not_summed_up() -> None:
    X, y = wide()
    with pytest.warns(match="'x3' never changes"):
        model = GradientDescentRegressor().fit(X, y, X_val=X[:3], y_val=y[:3])
    assert model.engine_ == "data"
    assert (
        model.engine_.reason == "one pass over the rows an epoch; 1101² statistics would be larger than the data: "
        "accelerated descent with restarts"
    )
    # More columns than rows: the least objective is 0, and the bound is.
    assert model.gap_ == pytest.approx(model.history_["objective"][-1], abs=1e-12)
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.predict(X), y, atol=1e-2)
    error = np.mean((model.predict(X[:3]) - y[:3]) ** 2)
    assert model.history_["validation_mse"][-1] == pytest.approx(error, rel=1e-6)
    assert model.coef_[3] == 0.0


@pytest.mark.parametrize("method", ["gd", "nesterov", "adam"])
@pytest.mark.filterwarnings("ignore::downslope.exceptions.ConstantColumnWarning")
def test_wide_rows_get_a_rate_that_works(method: str) -> None:
    X, y = wide()
    model = GradientDescentRegressor(method=method, tol=1e-4).fit(X, y)
    assert model.stop_reason_ == "converged"
    assert model.history_["mse"][-1] < 1e-3 * model.history_["mse"][0]


@pytest.mark.filterwarnings("ignore::downslope.exceptions.ConstantColumnWarning")
def test_a_wide_divergence_is_explained_too() -> None:
    X, y = wide()
    largest = np.linalg.norm(np.column_stack([X, np.ones(len(y))]), 2) ** 2 / len(y)
    with pytest.warns(DivergenceWarning, match=r"dominated by column 'x17'.*standardize=True") as caught:
        GradientDescentRegressor(standardize=False, learning_rate=1.0).fit(X, y)
    told = str(caught[-1].message)
    found = float(told.split("λ_max = ")[1].split(",")[0])
    assert found == pytest.approx(largest, rel=0.02)


@pytest.mark.filterwarnings("ignore::downslope.exceptions.ConstantColumnWarning")
def test_wide_rows_of_a_robust_loss() -> None:
    X, y = wide()
    model = GradientDescentRegressor(loss="huber", tol=1e-4, max_iter=2000).fit(X, y)
    assert "1101² statistics" not in model.engine_.reason
    assert model.stop_reason_ == "converged"
    np.testing.assert_allclose(model.predict(X), y, atol=0.1)


def test_a_robust_run_cut_short_says_how_far_it_is() -> None:
    with pytest.warns(NotConvergedWarning, match=r"the objective is at most \S+ above its minimum \(9"):
        GradientDescentRegressor(loss="huber", max_iter=2).fit(*real_table())


@pytest.mark.parametrize("standardize", [True, False])
def test_a_descent_is_explained_in_its_own_numbers(standardize: bool) -> None:
    X, y = map(np.asarray, real_table()[:2])
    if not standardize:
        X = X / np.abs(X).max(axis=0)
    model = GradientDescentRegressor(standardize=standardize, max_iter=300, tol=0).fit(X, y)
    # The same by numpy alone, in descended coordinates.
    Z = np.column_stack([(X - X.mean(axis=0)) / X.std(axis=0) if standardize else X, np.ones(len(y))])
    eigenvalues, V = np.linalg.eigh(Z.T @ Z / len(y))
    best = np.linalg.lstsq(Z, y)[0]
    place = np.linalg.lstsq(Z, model.predict(X))[0]
    left = 0.5 * eigenvalues * (V.T @ (place - best)) ** 2
    slow = int(np.argmax(left))
    told = model.explain()
    assert told.startswith(model.stop_message_)
    assert f"was 0.5 of the largest stable {2 / eigenvalues[-1]:.4g}" in told
    assert f"{left[slow] / left.sum():.0%} of the {left.sum():.3g} that is left" in told
    assert f"direction of curvature {eigenvalues[slow]:.3g}" in told
    assert f"a step keeps {1 - eigenvalues[slow] / eigenvalues[-1]:.4%} of the error" in told
    # The farthest coefficient, in standard errors of least squares on the rows.
    design = np.column_stack([X, np.ones(len(y))])
    optimum = np.linalg.lstsq(design, y)[0]
    variance = np.sum((design @ optimum - y) ** 2) / (len(y) - design.shape[1])
    errors = np.sqrt(variance * np.diag(np.linalg.inv(design.T @ design)))
    off = np.abs(np.append(model.coef_, model.intercept_) - optimum)
    worst = int(np.argmax(off / errors))
    name = "intercept" if worst == X.shape[1] else f"coefficient of 'x{worst}'"
    assert f"The {name} is the farthest from its optimum {optimum[worst]:.6g}: by {off[worst]:.3g}, " in told
    assert f"{off[worst] / errors[worst]:.2g} standard errors" in told
    # What it advises is the faster way: by momentum the same gap takes fewer epochs.
    if "method='momentum'" in told:
        rate, momentum = (float(told.split(f"{word}=")[1].split(" ")[0]) for word in ("with learning_rate", "momentum"))
        faster = GradientDescentRegressor(
            standardize=standardize, method="momentum", learning_rate=rate, momentum=momentum, max_iter=300, tol=0
        ).fit(X, y)
        assert faster.gap_ is not None
        assert model.gap_ is not None
        assert faster.gap_ < 1e-3 * model.gap_


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
def test_what_cannot_be_explained_is_left_out() -> None:
    X, y = course(2)
    huber = GradientDescentRegressor(loss="huber").fit(X, y)
    assert huber.explain() == huber.stop_message_
    adam = GradientDescentRegressor(method="adam").fit(X, y).explain()
    assert "largest stable" not in adam
    assert "a step keeps" not in adam
    twice = GradientDescentRegressor(max_iter=5).fit(np.column_stack([X[:, 0], X[:, 0]]), y).explain()
    assert "do not determine all coefficients" in twice
    ridge = GradientDescentRegressor(penalty="l2", alpha=1.0, max_iter=3).fit(X, y).explain()
    assert "of its size" in ridge
    wild = GradientDescentRegressor(learning_rate=50.0).fit(X, y)
    assert wild.explain().startswith("Diverged at epoch")
    with pytest.raises(NotFittedError):
        GradientDescentRegressor().explain()


def test_at_the_optimum_nothing_is_left() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    told = GradientDescentRegressor().fit(X, np.zeros(40)).explain()
    assert "left above the minimum" not in told
    assert "is the farthest from its optimum 0: by 0, 0 standard errors" in told


def test_the_automatic_rate_is_not_advised_against_itself() -> None:
    told = explain_divergence(problem(AbsoluteError()), epoch=8, rate=0.5, kept=3)
    assert str(told).endswith("the best epoch, 3, was restored. Try 0.05.")
    assert told.remedies == (Remedy("learning_rate", 0.05),)
    given = explain_divergence(problem(AbsoluteError(), rate=0.5), epoch=8, rate=0.5, kept=3)
    assert str(given).endswith("Try learning_rate='auto', or 0.05.")


def remedies_in(finding: Finding) -> list[Remedy]:
    """All that a finding and its parts advise."""
    parts = [value for value in finding.numbers.values() if isinstance(value, Finding)]
    return [*finding.remedies, *(remedy for part in parts for remedy in remedies_in(part))]


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.parametrize("loss", ["squared_error", "huber", "quantile"])
@pytest.mark.parametrize("batch_size", [None, 1, 16])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_in_use_is_not_advised(method: str, batch_size: int | None, loss: str) -> None:
    if method == "saga" and (batch_size is None or loss == "quantile"):
        # It visits rows, and takes smooth losses.
        return
    rng = np.random.default_rng(4)
    X = rng.normal(size=(60, 3)) * [1.0, 30.0, 900.0] + 5.0
    y = X @ [1.0, -0.2, 0.01] + rng.normal(size=60)
    for own in ({}, {"standardize": False}, {"learning_rate": 1e-9}, {"learning_rate": 1e9}):
        options = {"method": method, "batch_size": batch_size, "loss": loss, "max_iter": 2, "tol": 1e-15, **own}
        model = GradientDescentRegressor(**options, random_state=0).fit(X, y)
        used = model.get_params()
        for remedy in remedies_in(model.stop_finding_):
            assert used[remedy.parameter] != remedy.value, (own, remedy)
