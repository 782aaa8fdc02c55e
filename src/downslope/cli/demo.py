"""``downslope demo``: the whole course and then a real table, told, drawn and kept in a folder."""

from pathlib import Path
from typing import Annotated

import typer

from downslope.cli.options import FOLDER
from downslope.cli.outcome import DONE

__all__ = ["demo"]

Folder = Annotated[Path, typer.Option("--output", "-o", metavar=FOLDER, help="help.output_folder")]


def demo(output: Folder = Path("demo")) -> int:
    """Run the course: from noisy points to a line, with pictures, and then a real table."""
    from downslope.cli.course import run_course
    from downslope.cli.files import check_folder
    from downslope.cli.picture import need_no_screen

    need_no_screen()
    check_folder("--output", output)
    run_course(output)
    return DONE
