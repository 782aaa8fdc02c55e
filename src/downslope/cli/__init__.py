"""The command ``downslope``: `main` gives its exit code, which is 0 done, 1 failed, 2 called wrongly."""

import sys
from collections.abc import Sequence

from downslope._version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str or None
        What follows the name of the command; by default what the shell gave.

    Returns
    -------
    int
        The exit code.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # The version is asked for by scripts, often: it must not wait for a library to load.
    if given == ["--version"]:
        return print_version()
    from downslope.cli.language import language_of
    from downslope.texts import speaking

    with speaking(language_of(given)):
        return start(given)


def print_version() -> int:
    """Print the version."""
    from downslope.cli.streams import open_streams, silence_output

    open_streams()
    try:
        print(f"downslope {__version__}", flush=True)
    except OSError as error:
        from downslope.texts import Finding
        from downslope.texts.parts import system_reason

        silence_output()
        print(f"downslope: {Finding.of('command.no_output', reason=system_reason(error))}", file=sys.stderr)
        return 1
    return 0


def start(arguments: Sequence[str]) -> int:
    """Load what the command needs, and run it."""
    from downslope.texts import Finding

    try:
        from downslope.cli.application import run
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in ("typer", "rich"):
            raise
        print(f"downslope: {Finding.of('command.needs_library', library=library)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"downslope: {Finding.of('command.interrupted')}", file=sys.stderr)
        return 1
    return run(arguments)
