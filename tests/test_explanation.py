"""What happened, in sentences: every number in them is the run's own."""

from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.data.arrays import ArraySource
from downslope.exceptions import DivergenceWarning, NotConvergedWarning
from downslope.explanation import dominant_column, explain_divergence, explain_stop, name_list
from downslope.losses import AbsoluteError, Loss, SquaredError
from downslope.penalties import make_penalty
from downslope.problem import Problem, Settings, prepare
from downslope.step_rules import make_step_rule
from downslope.stopping import StopReason
from tests.problems import course, real_table


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], ""),
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        (["a", "b", "c"], "'a', 'b' and 'c'"),
        (list("abcde"), "'a', 'b', 'c', 'd' and 'e'"),
        (list("abcdefg"), "'a', 'b', 'c', 'd', 'e' and 2 more"),
    ],
)
def test_lists_of_names(names: list[str], told: str) -> None:
    assert name_list(names) == told


@pytest.mark.parametrize(
    ("direction", "told"),
    [([0.1, -0.9, 0.4], "column 'b'"), ([0.9, 0.1, 0.4], "column 'a'"), ([0, 0, 1], "the intercept")],
)
def test_the_dominant_column(direction: list[float], told: str) -> None:
    assert dominant_column(np.array(direction), ["a", "b"]) == told


def problem(loss: Loss | None = None, method: str = "gd", rate: Any = "auto", **options: Any) -> Problem:
    X, y = course(2)
    settings = {"fit_intercept": True, "standardize": True, "engine": "auto", **options}
    rule = make_step_rule(method)
    return prepare(
        ArraySource(X, y), Settings(loss or SquaredError(), make_penalty(None, 0, 0, 2), rule, rate, **settings)
    )


def test_a_divergence_that_the_last_rate_does_not_explain() -> None:
    """A schedule may have come down since the steps that were too large."""
    told = explain_divergence(problem(), ["a", "b"], epoch=9, rate=0.05, kept=2)
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
LIMITS = {"tol": 1e-6, "stop_below": 0.25, "max_iter": 99, "n_iter_no_change": 3}


def sentence(reason: StopReason, of: Problem, gap: float | None = None, start_gap: float | None = None) -> str:
    return explain_stop(of, reason, epoch=7, rate=0.3, gap=gap, start_gap=start_gap, mapping=0.0125, limits=LIMITS)


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
    told = sentence(StopReason.CONVERGED, problem())
    assert told == "Converged at epoch 7; the gradient is 0.0125 (the minimum itself is not known in closed form)."
    told = sentence(StopReason.CONVERGED, problem(AbsoluteError()))
    assert "the gradient of the smoothed loss is 0.0125; smoothing costs at most 0.1 % of the objective" in told
    told = sentence(StopReason.CONVERGED, problem(AbsoluteError(), rate=0.1))
    assert (
        told
        == "Converged at epoch 7; the subgradient is 0.0125, and no exact certificate exists for a loss with kinks."
    )


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
    stopped = explain_stop(
        of, StopReason.MAX_ITER, epoch=7, rate=rate, gap=None, start_gap=None, mapping=0.1, limits=LIMITS
    )
    assert told in stopped
    # None where all epochs that were asked for were made, and no more was wanted.
    wanted = {**LIMITS, "tol": 0.0, "stop_below": None}
    stopped = explain_stop(
        of, StopReason.MAX_ITER, epoch=7, rate=rate, gap=None, start_gap=None, mapping=0.1, limits=wanted
    )
    assert "Raise" not in stopped
    assert "try" not in stopped


# ------------------------------------------------------------------- more features than statistics are worth having
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
    assert model.engine_.reason == "one pass over the rows an epoch; 1101² statistics would be larger than the data"
    assert (model.optimum_, model.gap_) == (None, None)
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


def test_a_robust_run_cut_short_says_what_its_gradient_is() -> None:
    with pytest.warns(NotConvergedWarning, match=r"the gradient is \S+ \(the minimum itself is not known"):
        GradientDescentRegressor(loss="huber", max_iter=2).fit(*real_table())
