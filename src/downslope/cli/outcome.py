"""How a command ends: its exit code, and every error as one sentence on standard error."""

import errno
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

from downslope.cli.console import remark

__all__ = [
    "DONE",
    "FAILED",
    "MISUSED",
    "UsageError",
    "answered",
    "complain",
    "in_options",
    "one_line",
    "refused_as_usage",
    "warn",
]

P = ParamSpec("P")

DONE, FAILED, MISUSED = 0, 1, 2
TRACEBACK = "DOWNSLOPE_TRACEBACK"

# Parameters of the estimator as they are called in sentences, and the options of the command that set them.
SPOKEN = (
    "max_iter",
    "batch_size",
    "stop_below",
    "learning_rate",
    "learning_rates",
    "early_stopping",
    "validation_fraction",
    "random_state",
    "l1_ratio",
)
SET = (
    "method",
    "penalty",
    "loss",
    "engine",
    "init",
    "alpha",
    "delta",
    "momentum",
    "coef",
    "intercept",
    "n_samples",
    "noise",
    "outliers",
)
OTHER_NAMES = {"random_state": "seed", "n_samples": "rows"}
# Not in a quoted name, a path or the name of a file.
START = r"(?<![\w'\"/.-])"
WITH_VALUE = re.compile(rf"{START}({'|'.join((*SET, *SPOKEN))})=('?)(\[[^\]]*\]|[\w.+-]*\w)\2")
ALONE = re.compile(rf"{START}({'|'.join(SPOKEN)})(?![\w'\"/-]|\.\w)")
INVALID = re.compile(r"The '(?P<name>\w+)' parameter of \w+ must be (?P<accepted>.+)\. Got (?P<got>.+) instead\.")


class UsageError(Exception):
    """Options that are wrong whatever the data are."""


@contextmanager
def refused_as_usage() -> Iterator[None]:
    """What the library refuses inside depends on options alone."""
    from downslope.exceptions import InputError

    try:
        yield
    except InputError as error:
        raise UsageError(str(error)) from error


def complain(sentence: str) -> None:
    """Print an error."""
    remark(f"downslope: {sentence}", "red")


def warn(sentence: str) -> None:
    """Print a warning."""
    remark(f"downslope: warning: {sentence}", "yellow")


def one_line(text: object) -> str:
    """A text without line ends."""
    return " ".join(str(text).split())


def in_options(sentence: str) -> str:
    """A sentence of the library in the words of the command.

    Examples
    --------
    >>> in_options("Raise max_iter, or try method='nesterov'.")
    'Raise --max-iter, or try --method nesterov.'
    """
    sentence = sentence.replace(", or standardize=True", ", or leave out --raw")
    sentence = sentence.replace("standardize=True", "it without --raw").replace("standardize=False", "--raw")
    sentence = sentence.replace("give batch_size=None to say so", "leave out --batch-size to say so")
    sentence = WITH_VALUE.sub(lambda found: f"{option(found[1])} {found[3]}", sentence)
    return ALONE.sub(lambda found: option(found[1]), sentence)


def option(parameter: str) -> str:
    """The option that sets a parameter."""
    return "--" + OTHER_NAMES.get(parameter, parameter).replace("_", "-")


def answered(command: Callable[P, int]) -> Callable[P, int]:
    """The command, with its errors and warnings said in sentences and its result an exit code."""

    @wraps(command)
    def answer(*arguments: P.args, **options: P.kwargs) -> int:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            try:
                code = command(*arguments, **options)
                sys.stdout.flush()
            except (Exception, KeyboardInterrupt) as error:
                return failed(error)
            return code

    return answer


def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A Python warning as one line."""
    warn(in_options(one_line(message)))


def failed(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        # Whoever read has seen enough. Python flushes once more when it ends, and must have somewhere to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    complain(reason_of(error))
    return MISUSED if isinstance(error, UsageError) or is_invalid_parameter(error) else FAILED


def is_invalid_parameter(error: BaseException) -> bool:
    """Whether scikit-learn refused the value of a parameter."""
    return type(error).__name__ == "InvalidParameterError"


def reason_of(error: BaseException) -> str:
    """An error in one sentence."""
    from downslope.exceptions import DownslopeError

    text = one_line(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted before there was anything to keep"
    if is_invalid_parameter(error) and (found := INVALID.fullmatch(text)):
        # What is None in Python is an option that is not given.
        accepted = found["accepted"].removesuffix(" or None")
        return f"{option(found['name'])} got {found['got']}, and must be {accepted}"
    if isinstance(error, DownslopeError | UsageError):
        return in_options(text)
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'} cannot be used ({error.strerror or text})"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this: give fewer rows or columns"
    return f"unexpected {type(error).__name__} ({text}): set {TRACEBACK}=1 to see where, and please report it"
