"""What the command calls the parameters of the library."""

import csv
import io
import shlex
from ast import literal_eval
from collections.abc import Sequence
from typing import Any

from downslope.texts import say

__all__ = ["as_typed", "name_option"]

# Options that are called as their parameters are.
ALIKE = {
    *("categorical", "exclude", "features", "missing", "target", "test_size", "weights", "lang"),
    *("na", "decimal", "thousands", "encoding", "keep", "checkpoint", "where", "date"),
    *("alpha", "delta", "epsilon", "l1_ratio", "loss", "penalty", "quantile"),
    *(
        "batch_size",
        "early_stopping",
        "engine",
        "init",
        "learning_rate",
        "learning_rates",
        "max_iter",
        "method",
        "methods",
    ),
    *("momenta", "momentum", "standardize", "stop_below", "tol", "validation_fraction"),
    *("coef", "intercept", "noise", "outliers"),
}
OTHERWISE = {
    "random_state": "--seed",
    "n_samples": "--rows",
    "sample_weight": "--weights",
    "fit_intercept": "--no-intercept",
}
# Parameters that are given by an option alone.
SWITCHES = {
    ("standardize", True): "--standardize",
    ("standardize", False): "--raw",
    ("fit_intercept", False): "--no-intercept",
    ("early_stopping", True): "--early-stopping",
    ("penalty", None): "--penalty none",
}
# What leaves an option out: there is no other way to say it.
LEFT_OUT = (None, False, True)


def name_option(parameter: str, value: str | None) -> str:
    """A parameter, and the value it should have as Python writes it, as options are typed in a shell.

    What is no option of the command keeps its name in Python.

    Examples
    --------
    >>> name_option("max_iter", None), name_option("method", "'nesterov'"), name_option("exclude", "['car name']")
    ('--max-iter', '--method nesterov', "--exclude 'car name'")
    >>> name_option("standardize", "False"), name_option("batch_size", "None")
    ('--raw', 'no --batch-size')
    """
    if parameter not in ALIKE and parameter not in OTHERWISE:
        return parameter if value is None else f"{parameter}={value}"
    flag = OTHERWISE.get(parameter, "--" + parameter.replace("_", "-"))
    if value is None:
        return flag
    meant = value_of(value)
    if isinstance(meant, bool | None) and (parameter, meant) in SWITCHES:
        return SWITCHES[parameter, meant]
    if any(meant is nothing for nothing in LEFT_OUT):
        return say("command.without", flag=flag)
    if parameter == "coef" and isinstance(meant, list | tuple):
        return " ".join(f"{flag} {number}" for number in meant)
    # A code such as -999 must not look like an option.
    return f"{flag}{'=' if parameter == 'na' else ' '}{as_typed(meant, value)}"


def value_of(text: str) -> Any:
    """The value that Python writes so; the text itself where it is no literal."""
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def as_typed(value: Any, text: str) -> str:
    """A value as it is typed in a shell: names with commas between them, numbers as `text` writes them."""
    if isinstance(value, list | tuple):
        return shlex.quote(with_commas([str(part) for part in value]))
    return shlex.quote(value) if isinstance(value, str) and value != text else text


def with_commas(names: Sequence[str]) -> str:
    """Names in one word; a name that holds a comma is quoted, as `names_in` reads it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
