"""How a command ends: its exit code, and every error as one sentence on standard error."""

import errno
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

from downslope.cli.console import OutputError, flush_output, remark
from downslope.cli.streams import silence_output
from downslope.cli.wrong_calls import invalid_parameter
from downslope.texts import Finding
from downslope.texts.parts import cause_of, system_reason

__all__ = [
    "DONE",
    "FAILED",
    "MISUSED",
    "UsageError",
    "answer",
    "complain",
    "one_line",
    "reason_of",
    "refuse_as_usage",
    "said_by",
    "warn",
]

P = ParamSpec("P")

DONE, FAILED, MISUSED = 0, 1, 2
TRACEBACK = "DOWNSLOPE_TRACEBACK"


class UsageError(Exception):
    """Options that are wrong whatever the data are."""


@contextmanager
def refuse_as_usage() -> Iterator[None]:
    """What the library refuses inside depends on options alone."""
    from downslope.exceptions import InputError

    try:
        yield
    except InputError as error:
        raise UsageError(cause_of(error)) from error


def complain(sentence: Finding | str) -> None:
    """Print an error."""
    remark(f"downslope: {sentence}", "red")


def warn(sentence: Finding | str) -> None:
    """Print a warning."""
    remark(f"downslope: {Finding.of('command.warning', said=sentence)}", "yellow")


def one_line(text: object) -> str:
    """A text without line ends."""
    return " ".join(str(text).split())


def answer(command: Callable[P, int]) -> Callable[P, int]:
    """The command, with its errors and warnings said in sentences and its result an exit code."""

    @wraps(command)
    def run(*arguments: P.args, **options: P.kwargs) -> int:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            try:
                code = command(*arguments, **options)
                flush_output()
            except (Exception, KeyboardInterrupt) as error:
                return fail(error)
            return code

    return run


def show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """A Python warning as one line."""
    warn(one_line(said_by(message)))


def said_by(message: Warning | str) -> Finding | str:
    """What a warning says: a finding, or text."""
    return cause_of(message) if isinstance(message, Warning) else message


def fail(error: BaseException) -> int:
    """Say what went wrong, and give the exit code for it."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        # Whoever read has seen enough.
        silence_output()
        return FAILED
    if isinstance(error, OutputError):
        silence_output()
    complain(reason_of(error))
    return MISUSED if isinstance(error, UsageError) or is_invalid_parameter(error) else FAILED


def is_invalid_parameter(error: BaseException) -> bool:
    """Whether scikit-learn refused the value of a parameter."""
    return type(error).__name__ == "InvalidParameterError"


def reason_of(error: BaseException) -> str:
    """An error in one sentence."""
    return one_line(finding_of(error))


def finding_of(error: BaseException) -> Finding | str:
    """What there is to say of an error."""
    from downslope.exceptions import DownslopeError

    if isinstance(error, KeyboardInterrupt):
        return Finding.of("command.interrupted")
    if is_invalid_parameter(error) and (found := invalid_parameter(one_line(error))):
        return found
    if isinstance(error, DownslopeError | UsageError | OutputError):
        return cause_of(error)
    if isinstance(error, OSError):
        code = "command.unusable_file" if error.filename else "command.unusable"
        return Finding.of(code, path=error.filename, reason=system_reason(error))
    if isinstance(error, MemoryError):
        return Finding.of("command.no_memory")
    said = {"kind": type(error).__name__, "said": one_line(error)}
    return Finding.of("command.unexpected", **said, variable=TRACEBACK)
