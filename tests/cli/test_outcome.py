"""How a command ends: the words, the exit codes, and the versions of both."""

import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import downslope
from downslope.cli import main, outcome
from downslope.exceptions import DownslopeWarning
from downslope.texts import Finding, Remedy
from tests.cli.conftest import Call


# ---------------------------------------------------------------------------------------------------- version and help
def test_the_version_is_printed(call: Call) -> None:
    assert call("--version") == (0, f"downslope {downslope.__version__}\n", "")
    assert call("--version", "fit") == (0, f"downslope {downslope.__version__}\n", "")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(call: Call, arguments: list[str]) -> None:
    answer = call(*arguments)
    assert (answer.code, answer.err) == (0, "")
    for command in ("fit", "predict", "generate", "demo"):
        assert re.search(rf"^│ {command} ", answer.out, re.MULTILINE)


@pytest.mark.parametrize("command", ["fit", "predict", "generate", "demo"])
def test_each_command_has_help(call: Call, command: str) -> None:
    answer = call(command, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert f"downslope {command} [OPTIONS]" in answer.out


def test_what_the_shell_gave_is_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["downslope", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("downslope ")


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_without_its_libraries_the_command_says_how_to_get_them(library: str) -> None:
    program = f"import sys; sys.modules[{library!r}] = None; from downslope.cli import main; sys.exit(main(['demo']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    told = f"downslope: the command needs {library}, which is not installed: install Downslope with its extra [cli]\n"
    assert done.stderr == told


def test_another_import_that_fails_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "downslope.cli.application", None)
    with pytest.raises(ImportError, match="application"):
        main(["demo"])


# -------------------------------------------------------------------------------------------------------------- errors
def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("downslope.cli.rows.load_table", fail)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (KeyError("x"), "unexpected KeyError ('x'): set DOWNSLOPE_TRACEBACK=1 to see where, and please report it"),
        (ValueError("two\n  lines"), "unexpected ValueError (two lines): set DOWNSLOPE_TRACEBACK=1 to see where"),
        (MemoryError(), "there is not enough memory for this: give fewer rows or columns"),
        (OSError(5, "Input/output error", "t.csv"), "t.csv cannot be used (Input/output error)"),
        (OSError("odd"), "a file cannot be used (odd)"),
        (KeyboardInterrupt(), "interrupted before there was anything to keep"),
    ],
)
def test_every_error_is_one_sentence(
    call: Call, lines: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, sentence: str
) -> None:
    fail_with(monkeypatch, error)
    answer = call("fit", lines, "-t", "y")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"downslope: {sentence}")
    assert answer.err.count("\n") == 1


def test_a_traceback_can_be_asked_for(call: Call, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyError("x"))
    monkeypatch.setenv(outcome.TRACEBACK, "1")
    answer = call("fit", lines, "-t", "y")
    assert answer.code == 1
    assert answer.err.startswith("Traceback (most recent call last):\n")
    assert answer.err.splitlines()[-1].startswith("downslope: unexpected KeyError")


def test_an_invalid_parameter_that_is_worded_otherwise_is_still_a_sentence() -> None:
    class InvalidParameterError(ValueError):
        pass

    assert outcome.reason_of(InvalidParameterError("no")).startswith("unexpected InvalidParameterError (no)")


def test_an_error_of_typer_that_is_none_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("downslope.cli.application.spoken_application", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["fit"])


# ------------------------------------------------------------------------------------------------------------ warnings
def test_a_warning_is_one_line(call: Call, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def complain(*_: Any, **__: Any) -> None:
        warnings.simplefilter("always")
        warnings.warn(
            DownslopeWarning(Finding.of("text.sequence", first="set\n", then=Remedy("max_iter"))), stacklevel=1
        )
        raise KeyboardInterrupt

    monkeypatch.setattr("downslope.cli.rows.load_table", complain)
    first = call("fit", lines, "-t", "y").err.splitlines()[0]
    assert first == "downslope: warning: set --max-iter"
