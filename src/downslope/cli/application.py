"""The application: which commands there are, and how a call of one ends."""

import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from downslope._version import __version__
from downslope.cli.demo import demo
from downslope.cli.diagnose import diagnose
from downslope.cli.fit import fit
from downslope.cli.generate import generate
from downslope.cli.outcome import MISUSED, answered, complain, one_line
from downslope.cli.predict import predict
from downslope.cli.sweep import sweep

__all__ = ["run"]

COMMANDS = (fit, predict, diagnose, sweep, generate, demo)

application = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in COMMANDS:
    application.command()(answered(command))


def print_version(wanted: bool) -> None:
    """Print the version where it is asked for among other options."""
    if wanted:
        typer.echo(f"downslope {__version__}")
        raise typer.Exit


@application.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Linear regression by gradient descent that you can see, trust and scale.

    Begin with: downslope demo
    """


def run(arguments: Sequence[str]) -> int:
    """Run one call of the command; every way it can end is an exit code, and every error a sentence."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot write Korean or R² shows an escape instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = application(list(arguments) or ["--help"], prog_name="downslope", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        # What typer says of a wrong call. Its classes differ between versions, this method does not.
        where = getattr(getattr(error, "ctx", None), "command_path", "downslope")
        message = one_line(error.format_message()).removesuffix(".").replace("Value error, ", "")
        complain(f"{message}: see {where} --help")
        return MISUSED
    return int(code or 0)
