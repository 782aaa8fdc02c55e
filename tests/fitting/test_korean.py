"""What a fit says in Korean: no English but names and values, and no particle left open."""

import re
import warnings
from typing import Any

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from downslope.texts import speaking
from tests.problems import course
from tests.texts.english import english_in

RUNS: list[dict[str, Any]] = [
    {},
    {"max_iter": 3},
    {"max_iter": 3, "learning_rate": 1e-3},
    {"max_iter": 3, "standardize": False},
    {"learning_rate": 5.0},
    {"learning_rate": 50.0, "standardize": False},
    {"method": "adam", "learning_rate": 1e9, "max_iter": 20},
    {"batch_size": 1, "learning_rate": 20.0},
    {"batch_size": 1000, "max_iter": 3},
    {"loss": "huber", "max_iter": 3},
    {"loss": "absolute_error", "max_iter": 3, "penalty": "l1"},
    {"loss": "absolute_error", "max_iter": 3, "learning_rate": 0.1},
    {"stop_below": 1.0},
    {"callbacks": lambda record: record.epoch >= 2},
]


def said(model: GradientDescentRegressor, X: Any, y: Any) -> list[str]:
    """All that a fit says."""
    with warnings.catch_warnings(record=True) as caught, speaking("ko"):
        warnings.simplefilter("always")
        model.fit(X, y)
        told = [str(warning.message) for warning in caught]
        note = [] if model.optimum_ is None else [model.optimum_.note]
        return [*told, *note, str(model.stop_reason_), model.explain(), model.engine_.reason]


def assert_korean(sentence: str) -> None:
    """No English, and nothing that is only filled in Korean left as it was."""
    assert english_in(sentence) == []
    assert not re.search(r"\[[가-힣]+/[가-힣]+\]|\{", sentence)


@pytest.mark.parametrize("options", RUNS, ids=lambda options: "-".join(options) or "default")
def test_a_fit_speaks_korean(options: dict[str, Any]) -> None:
    X, y = course(2)
    sentences = said(GradientDescentRegressor(**options), X, y)
    assert len([sentence for sentence in sentences if re.search("[가-힣]", sentence)]) >= 3
    for sentence in sentences:
        assert_korean(sentence)


@pytest.mark.parametrize("standardize", [True, False])
def test_columns_that_do_not_determine_coefficients_are_told_in_korean(standardize: bool) -> None:
    X, y = course(2)
    idle = np.column_stack([X, 2 * X[:, 0], np.ones(len(y))])
    sentences = said(GradientDescentRegressor(standardize=standardize, max_iter=50), idle, y)
    assert any("'x3' 열은 값이 모두 같아서" in sentence for sentence in sentences)
    assert any("계수가 하나로 정해지지 않아요" in sentence for sentence in sentences)
    for sentence in sentences:
        assert_korean(sentence)
