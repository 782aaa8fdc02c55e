"""Stop rules: which fires, in which order, for one record and for many at once."""

from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.descent.stopping import EPS, Stopping, StopReason, Watch
from downslope.exceptions import DivergenceWarning
from downslope.texts import say

NAN, INF = np.nan, np.inf
RUN = {"epoch": 5, "objective": 1.0, "mse": 2.0, "excess": None, "mapping": 0.5, "watch": Watch(scale=1.0)}


# ------------------------------------------------------------------------------------------------ reason by reason
@pytest.mark.parametrize(
    ("rules", "record", "reason"),
    [
        ({}, {}, None),
        ({"last_epoch": 5}, {}, "max_iter"),
        ({"last_epoch": 4}, {}, "max_iter"),
        ({"last_epoch": 6}, {}, None),
        ({"explode_above": 1.0}, {}, None),
        ({"explode_above": 0.9}, {}, "diverged"),
        ({}, {"objective": NAN}, "diverged"),
        ({}, {"objective": INF}, None),
        ({"explode_above": 1e9}, {"objective": INF}, "diverged"),
        ({"stop_below": 2.0}, {}, None),
        ({"stop_below": 2.1}, {}, "stop_below"),
        ({"stop_below": 2.1}, {"mse": NAN}, None),
        ({"excess_below": 0.1}, {"excess": 0.2}, None),
        ({"excess_below": 0.1}, {"excess": 0.1}, "converged"),
        ({"excess_below": 0.0}, {"excess": 0.0}, "converged"),
        ({"tol": 0.6}, {"excess": 0.2}, None),  # the optimum is known: a small gradient says nothing
        ({"tol": 0.5}, {}, "converged"),
        ({"tol": 0.4}, {}, None),
        ({"tol": 0.0}, {"mapping": 0.0}, None),
        ({"tol": 1e-6}, {"mapping": 0.0, "watch": Watch(scale=0.0)}, "converged"),
        ({"patience": 3}, {"watch": Watch(since=2)}, None),
        ({"patience": 3}, {"watch": Watch(since=3)}, "no_improvement"),
        ({"objective_below": 0.9}, {}, None),
        ({"objective_below": 1.0}, {}, "converged"),
        ({"objective_below": 0.9, "tol": 1.0}, {}, None),  # a lower bound is known: a small gradient says nothing
        ({"objective_below": 0.9, "excess_below": 1.0}, {"excess": 0.0}, None),
    ],
)
def test_which_rule_fires(rules: dict[str, Any], record: dict[str, Any], reason: str | None) -> None:
    assert Stopping(**{"last_epoch": 100, **rules}).reason(**{**RUN, **record}) == reason


@pytest.mark.parametrize(
    ("recent", "stalls_from", "stalled"),
    [
        ((1000.0, 999.0, 999.0, 999.0, 999.0, 999.0), 5, True),
        ((1000.0, 999.0, 999.0, 999.0, 999.0, 998.9), 5, False),
        ((1000.0, 998.9, 998.9, 998.9, 998.9, 998.9), 5, False),
        ((1000.0, 1000.0, 1000.0, 1000.0, 1000.0), 5, False),  # too few to tell
        ((1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0), 4, True),
        ((1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0), 6, False),  # too early
        ((1000.0, 1000.0, 1000.0, 1000.0, 1000.0, 1000.0), None, False),
        ((0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 5, True),
    ],
)
def test_a_descent_is_stalled_that_fell_by_no_more_than_a_thousandth_in_five_records(
    recent: tuple[float, ...], stalls_from: int | None, stalled: bool
) -> None:
    rules = Stopping(last_epoch=100, stalls_from=stalls_from)
    assert rules.reason(**{**RUN, "watch": Watch(recent=recent)}) == ("no_improvement" if stalled else None)


def test_the_lowest_objectives_of_the_last_records_are_remembered() -> None:
    objectives = np.random.default_rng(3).lognormal(size=40)
    lowest = np.minimum.accumulate(objectives)
    watch, none = Watch(), Watch()
    for k, objective in enumerate(objectives):
        watch = Stopping(9, stalls_from=0).watch(watch, 1.0, 1.0, None, float(objective))
        assert watch.recent == tuple(lowest[max(k - 5, 0) : k + 1])
        none = Stopping(9).watch(none, 1.0, 1.0, None, float(objective))
        assert none.recent == ()


ORDER = ["diverged", "stop_below", "converged", "no_improvement", "max_iter"]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_first_of_several_rules_is_the_reason(first: int) -> None:
    """All rules from `first` on would fire."""
    firing = ORDER[first:]
    rules = Stopping(
        last_epoch=5 if "max_iter" in firing else 6,
        explode_above=0.5 if "diverged" in firing else 2.0,
        stop_below=3.0 if "stop_below" in firing else 1.0,
        tol=1.0 if "converged" in firing else 0.1,
        patience=2 if "no_improvement" in firing else 9,
    )
    assert rules.reason(**{**RUN, "watch": Watch(1.0, 0.0, 4)}) == ORDER[first]


def test_many_records_at_once_are_judged_as_one_by_one() -> None:
    random = np.random.default_rng(0)
    rules = Stopping(last_epoch=90, explode_above=2.0, stop_below=0.1, excess_below=0.05)
    objective, mse, excess = random.lognormal(size=(3, 100))
    objective[[3, 50]] = NAN, INF
    fired = list(rules.rules(np.arange(100), objective, mse, excess, INF, Watch()))
    for k in range(100):
        alone = rules.reason(k, float(objective[k]), float(mse[k]), float(excess[k]), INF, Watch())
        assert alone == next((reason for reason, fires in fired if fires[k]), None)


# ------------------------------------------------------------------------------------------------------- memory
def test_the_scale_is_the_largest_gradient_of_the_coefficients() -> None:
    rules, watch = Stopping(9, tol=1e-3), Watch()
    scales = []
    for gradient in (1.0, 3.0, 2.0):
        watch = rules.watch(watch, gradient, 100.0, None)
        scales.append(watch.scale)
    assert scales == [1.0, 3.0, 3.0]


def test_what_rounding_of_the_whole_gradient_allows_bounds_the_scale() -> None:
    """A target far from zero: the gradient cannot fall below ε of itself, so less is not asked for."""
    watch = Stopping(9, tol=1e-12).watch(Watch(), 1.0, 1e6, None)
    assert watch.scale == pytest.approx(8 * EPS / 1e-12 * 1e6)
    assert Stopping(9, tol=0.0).watch(Watch(), 1.0, 1e6, None).scale == 0.0


@pytest.mark.parametrize(
    ("tol", "errors", "since", "best"),
    [
        (0.0, [3.0, 2.0, 1.0], 0, 1.0),
        (0.0, [1.0, 1.0, 1.0], 2, 1.0),
        (0.0, [1.0, 2.0, 0.5, 0.6], 1, 0.5),
        (0.1, [1.0, 0.95, 0.91], 2, 1.0),
        (0.1, [1.0, 0.95, 0.89], 0, 0.89),
        (0.0, [1.0, NAN, NAN], 2, 1.0),
        (0.0, [NAN, 1.0], 0, 1.0),
        (0.0, [NAN, NAN], 2, INF),
    ],
    ids=[
        "falling",
        "flat",
        "up and down",
        "less than tol",
        "more than tol",
        "not a number",
        "late number",
        "never one",
    ],
)
def test_records_without_a_better_validation_error_are_counted(
    tol: float, errors: list[float], since: int, best: float
) -> None:
    rules, watch = Stopping(9, tol=tol, patience=5), Watch()
    for error in errors:
        watch = rules.watch(watch, 0.0, 0.0, error)
    assert (watch.since, watch.best) == (since, best)


def test_without_a_tolerance_only_a_fall_is_better() -> None:
    rules, watch = Stopping(9, patience=5), Watch()
    for error in (1.0, 1.0, 1.5, 1.0 - EPS):
        watch = rules.watch(watch, 0.0, 0.0, error)
    assert watch == Watch(0.0, 1.0 - EPS, 0)


def test_without_validation_rows_nothing_is_counted() -> None:
    assert Stopping(9).watch(Watch(0.0, 7.0, 3), 0.0, 0.0, None) == Watch(0.0)


# -------------------------------------------------------------------------------------------------------- divergence
@pytest.mark.parametrize(("growth", "epochs"), [(99.0, 4), (101.0, 3), (999.0, 3), (1001.0, 2)])
@pytest.mark.parametrize("engine", ["data", "moments", "spectral"])
def test_a_run_has_diverged_where_it_is_a_million_times_its_start(engine: str, growth: float, epochs: int) -> None:
    """At the rate 1 + √growth the objective ½(1 - w)² of one column of ones and minus ones grows so much an epoch."""
    x = np.array([1.0, -1.0])
    model = GradientDescentRegressor(
        learning_rate=1.0 + growth**0.5, standardize=False, fit_intercept=False, engine=engine
    )
    with pytest.warns(DivergenceWarning, match=f"at epoch {epochs}"):
        model.fit(x[:, None], x)
    assert (model.stop_reason_, model.n_iter_) == ("diverged", epochs)
    np.testing.assert_allclose(model.history_["objective"], 0.5 * growth ** np.arange(epochs + 1), rtol=1e-12)


# ------------------------------------------------------------------------------------------------------ sentences
@pytest.mark.parametrize("reason", StopReason)
def test_a_reason_is_its_name_and_prints_a_sentence(reason: StopReason) -> None:
    assert reason == reason.value
    assert str(reason) == f"{reason}" == say(f"reason.{reason.value}")
    assert str(reason).endswith(".")
    assert f"{reason:>90}" == str(reason).rjust(90)
    assert StopReason(reason.value) is reason


def test_without_a_tolerance_any_improvement_counts_and_nothing_else() -> None:
    rules, watch = Stopping(9, patience=5), Watch(best=1.0)
    assert rules.watch(watch, 0.0, 0.0, np.nextafter(1.0, 0.0)).since == 0
    assert rules.watch(watch, 0.0, 0.0, 1.0) == Watch(0.0, 1.0, 1)
