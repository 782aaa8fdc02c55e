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
        print(f"downslope {__version__}")
        return 0
    try:
        from downslope.cli.application import run
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in ("typer", "rich"):
            raise
        print(
            f"downslope: the command needs {library}, which is not installed: install Downslope with its extra [cli]",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("downslope: interrupted before there was anything to keep", file=sys.stderr)
        return 1
    return run(given)
