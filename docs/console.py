"""The directive ``console``: command lines, run when the site is built, with what they print.

The commands of a page share a folder, so that a later one finds the files of an earlier one.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


def run(command: str, folder: Path, exit_code: int = 0) -> str:
    """What a command line prints, on standard output and error together."""
    # The commands beside this Python, at a width that fits the page.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "COLUMNS": "90", "NO_COLOR": "1"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "text": True}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, check=False, **streams)
    if done.returncode != exit_code:
        raise ExtensionError(f"{command} ended with {done.returncode} instead of {exit_code}:\n{done.stdout}")
    return done.stdout


class Console(SphinxDirective):
    """Its content is one command a line; ``:exit:`` is the code that the last of them ends with, 0 if not given."""

    has_content = True
    option_spec: ClassVar = {"exit": directives.nonnegative_int}

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.doctreedir, "console", self.env.docname)
        folder.mkdir(parents=True, exist_ok=True)
        lines = []
        for number, command in enumerate(self.content, start=1):
            last = number == len(self.content)
            lines += [f"$ {command}", run(command, folder, self.options.get("exit", 0) if last else 0).rstrip()]
        text = "\n".join(filter(None, lines))
        return [nodes.literal_block(text, text, language="console")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("console", Console)
    return {"parallel_read_safe": True}
