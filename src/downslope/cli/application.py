"""The application: which commands there are, and how a call of one ends."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from downslope._version import __version__
from downslope.cli.console import OutputError, to_output
from downslope.cli.demo import demo
from downslope.cli.diagnose import diagnose
from downslope.cli.export import export
from downslope.cli.fit import fit
from downslope.cli.generate import generate
from downslope.cli.help import HELP_FLAGS, speak_help
from downslope.cli.language import asked_language
from downslope.cli.naming import name_option
from downslope.cli.options import take_language
from downslope.cli.outcome import MISUSED, answer, complain, fail, one_line
from downslope.cli.predict import predict
from downslope.cli.streams import ended_by_sentences, open_streams
from downslope.cli.sweep import sweep
from downslope.cli.wrong_calls import wrong_call
from downslope.texts import LANGUAGES, Finding, naming_options

__all__ = ["run"]

COMMANDS = (fit, predict, diagnose, sweep, export, generate, demo)

application = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": HELP_FLAGS},
)
for command in COMMANDS:
    application.command(help=f"help.{command.__name__}")(take_language(answer(command)))


def print_version(wanted: bool) -> None:
    """Print the version where it is asked for among other options."""
    if wanted:
        typer.echo(f"downslope {__version__}")
        raise typer.Exit


@application.callback(help="help.downslope")
@take_language
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="help.version")
    ] = False,
) -> None:
    """Take what is said before the name of a command."""


def run(arguments: Sequence[str]) -> int:
    """Run one call of the command; every way it can end is an exit code, and every error a sentence."""
    open_streams()
    with ended_by_sentences(), naming_options(name_option):
        asked = asked_language(arguments)
        if asked is not None and asked not in LANGUAGES:
            complain(Finding.of("command.unknown_language", got=asked, known=", ".join(map(repr, LANGUAGES))))
            return MISUSED
        return call(list(arguments) or ["--help"])


def call(arguments: list[str]) -> int:
    """Parse the arguments and run the command that they name."""
    try:
        with to_output():
            # What goes wrong in a command is said there: here help is written.
            code = spoken_application()(arguments, prog_name="downslope", standalone_mode=False)
            sys.stdout.flush()
    except (KeyboardInterrupt, OSError, OutputError) as error:
        return fail(error)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # What typer says of a wrong call. Its classes differ between versions, this method does not.
        where = getattr(getattr(error, "ctx", None), "command_path", "downslope")
        said = wrong_call(one_line(error.format_message()))
        complain(Finding.of("command.see_help", said=said, where=where))
        return MISUSED
    return int(code or 0)


def spoken_application() -> Any:
    """The application with its help in the language that is spoken."""
    spoken = typer.main.get_command(application)
    speak_help(spoken)
    return spoken
