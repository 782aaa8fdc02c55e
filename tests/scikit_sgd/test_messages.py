"""What SGDRegressor has to say, in English and in Korean, at the moment it is asked."""

import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import clone

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.exceptions import DownslopeWarning, InputError
from downslope.texts import Finding, Remedy, speaking
from tests.problems import course
from tests.texts.english import english_in

Array = np.ndarray
X, Y = course(3)
ignores_warnings = pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")


def said(error: Any) -> tuple[str, str]:
    """A finding, error or warning in English and in Korean."""
    with speaking("ko"):
        korean = str(error)
    return str(error), korean


def assert_korean(korean: str) -> None:
    assert english_in(korean) == []
    assert korean.rstrip(".").endswith("요")


# ------------------------------------------------------------------------------------------------------ why it stopped
STOPS: dict[str, tuple[dict[str, Any], tuple[Any, ...], str, list[str]]] = {
    "no improvement": ({"eta0": 0.1}, (X, Y), "sgd.not_fallen", []),
    "no minimum": ({}, (X, Y), "sgd.go_on", ["tol", "eta0"]),
    "no minimum, asked for": ({"max_iter": 4, "tol": None}, (X, Y), "sgd.go_on_longer", ["max_iter", "eta0"]),
    "small columns": ({}, (X / 30, Y), "sgd.scale_columns", []),
    "small slopes": ({"loss": "huber", "epsilon": 1e-3}, (X, Y), "sgd.slopes_bounded", ["epsilon"]),
    "sparse rows": ({}, (scipy.sparse.csr_matrix(X), Y + 9), "sgd.slow_intercept", ["max_iter", "tol"]),
    "a penalty": (
        {"alpha": 0.01, "max_iter": 3000, "tol": None, "eta0": 0.1},
        (X / 10, Y),
        "sgd.penalised",
        ["alpha"],
    ),
    "a tube": ({"loss": "epsilon_insensitive", "epsilon": 3.0}, (X, Y), "sgd.within", ["epsilon"]),
    "one row held out": (
        {"early_stopping": True, "eta0": 0.1, "max_iter": 60},
        (X[:9], Y[:9]),
        "sgd.few_held_out",
        ["validation_fraction", "max_iter", "tol"],
    ),
    "validation": ({"early_stopping": True}, (X, Y), "sgd.not_risen", []),
    "out of epochs": ({"max_iter": 2}, (X, Y), "sgd.all_passes", ["max_iter", "tol", "max_iter", "eta0"]),
    "early": ({"eta0": 0.001}, (X, Y / 1000), "sgd.early", ["tol"]),
    "slopes were cut": ({"eta0": 9.0}, (X, Y), "sgd.cut_of", ["eta0"]),
    "slopes of weighted rows": ({"eta0": 9.0}, (X, Y, None, None, Y), "sgd.cut", ["eta0"]),
    "the objective rose": ({"eta0": 2.5, "max_iter": 1}, (X, Y), "sgd.risen", ["eta0"]),
    "rate of alpha": ({"learning_rate": "optimal", "alpha": 1e-9}, (X, Y), "sgd.optimal_rate", ["learning_rate"]),
    "y is large": ({"max_iter": 3}, (X, 1e15 * Y), "sgd.diverged_below", []),
    "overflow": ({"eta0": 1e300}, (1e3 * X, Y), "sgd.overflowed", ["eta0"]),
    "overflowing squares": ({"max_iter": 2}, (1e200 * X, Y), "sgd.diverged", ["eta0"]),
}


def codes_in(finding: Finding) -> set[str]:
    """The codes of a finding and of its parts."""
    parts = (part for part in finding.numbers.values() if isinstance(part, Finding))
    return {finding.code}.union(*map(codes_in, parts))


@ignores_warnings
@pytest.mark.parametrize("case", STOPS)
def test_why_it_stopped_is_said_in_both_languages(case: str) -> None:
    options, rows, code, remedies = STOPS[case]
    model = SGDRegressor(random_state=0, **options).fit(*rows)
    english, korean = said(model.stop_finding_)
    assert code in codes_in(model.stop_finding_)
    assert model.stop_message_ == english
    with speaking("ko"):
        assert model.stop_message_ == korean != english
    assert_korean(korean)
    assert [remedy.parameter for remedy in model.stop_finding_.remedies] == remedies


def test_a_warning_speaks_the_language_of_the_moment() -> None:
    model = SGDRegressor(random_state=0, eta0=9.0)
    with speaking("ko"), pytest.warns(DownslopeWarning, match="발산했어요") as caught:
        model.fit(X, Y)
    warned = caught[0].message
    assert isinstance(warned, DownslopeWarning)
    assert warned.finding == model.stop_finding_
    assert str(warned) == model.stop_message_
    assert str(warned).startswith("Diverged at epoch")


def test_a_rate_to_try_is_data() -> None:
    model = SGDRegressor(random_state=0, eta0=9.0)
    with pytest.warns(DownslopeWarning):
        model.fit(X, Y)
    (remedy,) = model.stop_finding_.remedies
    limit = model.stop_finding_.numbers["limit"]
    assert remedy == Remedy("eta0", 0.5 * limit)
    assert f"try eta0={0.5 * limit:.2g}, or use" in model.stop_message_


def test_a_pickle_speaks_the_language_of_the_moment() -> None:
    model = SGDRegressor(random_state=0, eta0=0.1).fit(X, Y)
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.stop_message_, copy.engine_.reason) == (model.stop_message_, model.engine_.reason)
    with speaking("ko"):
        assert copy.stop_message_ == model.stop_message_
        assert_korean(copy.stop_message_)
        assert_korean(f"{copy.engine_.reason}.")


def test_before_fit_there_is_no_message() -> None:
    model = SGDRegressor(eta0=0.1)
    assert not hasattr(model, "stop_message_")
    model.fit(X, Y)
    assert not hasattr(clone(model), "stop_message_")
    with pytest.raises(AttributeError):
        model.stop_message_ = "because"  # type: ignore[misc]


def test_a_pass_over_a_block() -> None:
    finding = SGDRegressor().partial_fit(X, Y).stop_finding_
    assert said(finding) == ("One pass over a block of 100 rows.", "100행짜리 블록을 한 번 지나며 학습했어요.")


# ----------------------------------------------------------------------------------------------- what cannot be used
def refused(options: dict[str, Any], *rows: Any, method: str = "fit", fitted: bool = False) -> InputError:
    """The error of a fit."""
    model = SGDRegressor(random_state=0)
    if fitted:
        model.partial_fit(X, Y)
    with pytest.raises(InputError) as caught:
        getattr(model.set_params(**options), method)(*rows)
    return caught.value


REFUSALS: dict[str, tuple[dict[str, Any], tuple[Any, ...], dict[str, Any]]] = {
    "alpha of zero": ({"learning_rate": "optimal", "alpha": 0}, (X, Y), {}),
    "loss of passive-aggressive steps": ({"learning_rate": "pa1"}, (X, Y), {}),
    "no share of L1": ({"penalty": "elasticnet", "l1_ratio": None}, (X, Y), {}),
    "early stopping in blocks": ({"early_stopping": True}, (X, Y), {"method": "partial_fit"}),
    "too few rows to split": ({"early_stopping": True}, (X[:1], Y[:1]), {}),
    "coef_init": ({}, (X, Y, [1.0, 2.0]), {}),
    "intercept_init": ({}, (X, Y, None, [1.0, 2.0]), {}),
    "other columns": ({"warm_start": True}, (X[:, :2], Y), {"fitted": True}),
    "a block of other columns": ({}, (X[:, :2], Y), {"method": "partial_fit", "fitted": True}),
    "no target": ({}, (X, None), {}),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_used_is_said_in_both_languages(case: str) -> None:
    options, rows, how = REFUSALS[case]
    error = refused(options, *rows, **how)
    english, korean = said(error)
    assert isinstance(error.finding, Finding)
    assert english_in(english) != []
    assert_korean(korean)


@pytest.mark.parametrize(
    ("init", "told"),
    [
        (([1.0, 2.0], 0.0), "특성은 3개인데 init의 계수는 2개예요. init 값은 'zeros'나 'uniform'"),
        ((), r"init=()를 읽을 수 없어요. init 값은 'zeros'나 'uniform'"),
        (([1.0, np.inf, 0.0], 0.0), "에 유한하지 않은 수가 있어요. init 값은 'zeros'나 'uniform'"),
    ],
)
def test_a_start_that_cannot_be_used(init: Any, told: str) -> None:
    with speaking("ko"):
        with pytest.raises(InputError) as caught:
            GradientDescentRegressor(init=init).fit(X, Y)
        assert told in str(caught.value)
        assert_korean(str(caught.value).partition("어요. ")[2] or str(caught.value))
