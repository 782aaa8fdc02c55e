"""The options are the parameters of the library: the same choices and the same defaults."""

import inspect
from typing import get_args

import pytest

from downslope.cli import options
from downslope.cli.fit import fit
from downslope.descent.engines import ENGINES
from downslope.estimators import GradientDescentRegressor
from downslope.objective.losses import LOSSES
from downslope.objective.penalties import PENALTIES
from downslope.steps.rules import METHODS


@pytest.mark.parametrize(
    ("offered", "known"),
    [
        (options.LossName, LOSSES),
        (options.PenaltyName, ("none", *PENALTIES)),
        (options.MethodName, ("auto", *METHODS)),
        (options.EngineName, ("auto", *ENGINES)),
        (options.InitName, ("zeros", "uniform")),
    ],
)
def test_the_choices_are_those_of_the_library(offered: object, known: tuple[str, ...]) -> None:
    assert get_args(offered) == known


def test_the_defaults_are_those_of_the_estimator() -> None:
    typed = {name: parameter.default for name, parameter in inspect.signature(fit).parameters.items()}
    usual = GradientDescentRegressor().get_params(deep=False)
    shared = typed.keys() & usual.keys() - {"penalty"}
    assert {name: typed[name] for name in shared} == {name: usual[name] for name in shared}
    assert len(shared) == 20
    assert (typed["penalty"], typed["no_intercept"]) == ("none", False)
