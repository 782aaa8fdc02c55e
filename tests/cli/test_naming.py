"""What parameters are called in the shell."""

import inspect
import shlex

import pytest

from downslope.cli.application import COMMANDS
from downslope.cli.naming import ALIKE, OTHERWISE, name_option
from downslope.cli.options import names_in
from downslope.texts import Remedy, naming_options, speaking


@pytest.mark.parametrize(
    ("remedy", "typed"),
    [
        (Remedy("max_iter"), "--max-iter"),
        (Remedy("max_iter", 20_000), "--max-iter 20000"),
        (Remedy("method", "nesterov"), "--method nesterov"),
        (Remedy("learning_rate", 0.25), "--learning-rate 0.25"),
        (Remedy("learning_rates", [0.1, 1.0]), "--learning-rates 0.1,1.0"),
        (Remedy("penalty", None), "--penalty none"),
        (Remedy("batch_size", None), "no --batch-size"),
        (Remedy("standardize", True), "--standardize"),
        (Remedy("standardize", False), "--raw"),
        (Remedy("standardize"), "--standardize"),
        (Remedy("fit_intercept", False), "--no-intercept"),
        (Remedy("fit_intercept", True), "no --no-intercept"),
        (Remedy("early_stopping", True), "--early-stopping"),
        (Remedy("early_stopping", False), "no --early-stopping"),
        (Remedy("random_state", 3), "--seed 3"),
        (Remedy("n_samples", 0), "--rows 0"),
        (Remedy("sample_weight"), "--weights"),
        (Remedy("coef", [0.3, -2.0]), "--coef 0.3 --coef -2.0"),
        (Remedy("coef", [float("nan")]), "--coef [nan]"),
        (Remedy("exclude", ["car name"]), "--exclude 'car name'"),
        (Remedy("exclude", ["a", "b, c"]), "--exclude 'a,\"b, c\"'"),
        (Remedy("categorical", ["연비"]), "--categorical '연비'"),
        (Remedy("n_jobs", 2), "n_jobs=2"),
        (Remedy("X_val"), "X_val"),
    ],
)
def test_parameters_are_named_as_options(remedy: Remedy, typed: str) -> None:
    with naming_options(name_option):
        assert str(remedy) == typed


def test_numbers_keep_their_digits() -> None:
    with naming_options(name_option):
        assert f"{Remedy('learning_rate', 0.28314):.2g}" == "--learning-rate 0.28"


def test_what_is_left_out_is_said_in_korean_too() -> None:
    with speaking("ko"):
        assert name_option("batch_size", "None") == "--batch-size 없는"


@pytest.mark.parametrize("names", [["a b"], ["it's", "x,y"], ['"quoted"', "c"], ["$HOME", "연비"]])
def test_names_can_be_typed_as_they_are_said(names: list[str]) -> None:
    flag, *words = shlex.split(name_option("exclude", repr(names)))
    assert (flag, names_in(words)) == ("--exclude", names)


def test_every_name_is_an_option_of_a_command() -> None:
    offered = {name for command in COMMANDS for name in inspect.signature(command).parameters}
    assert offered | {"lang"} >= ALIKE
    flags = {"--" + name.replace("_", "-") for name in offered}
    assert flags >= set(OTHERWISE.values())
