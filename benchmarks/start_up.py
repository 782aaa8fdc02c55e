"""How long it takes until a fresh process can begin."""

import subprocess
import sys
from pathlib import Path

from benchmarks.rows import Scale
from benchmarks.table import Line
from benchmarks.timing import Ratio, interleave, timed

__all__ = ["start_up_lines"]

ROOT = Path(__file__).parent.parent
OURS = "import downslope; downslope.GradientDescentRegressor"
# A first call of a compiled pass, the kernel being on disk; numba is most of it.
FIRST = "import numpy as np; downslope.SGDRegressor(max_iter=5, tol=None).fit(np.ones((20, 3)), np.ones(20))"


def start_up_lines(scale: Scale) -> list[Line]:
    """The lines of the table that are about starting."""
    script = Path(sys.executable).parent / "downslope"
    commands = {
        "import": [sys.executable, "-c", OURS],
        "first": [sys.executable, "-c", f"{OURS}; {FIRST}"],
        "import sklearn.linear_model": [sys.executable, "-c", "import sklearn.linear_model"],
        "import sklearn": [sys.executable, "-c", "import sklearn"],
        "version": [str(script), "--version"],
    }
    import_title, version_title = "import downslope, estimator included", "downslope --version"
    has_command = script.exists() and succeeds(commands["version"])
    if not has_command:
        del commands["version"]
    seen = interleave({name: timed(lambda c=command: run(c)) for name, command in commands.items()}, scale.processes)
    imported = seen["import"] / seen["import sklearn.linear_model"]
    first = seen["first"].less(seen["import"])
    lines = [
        Line(import_title, imported, "× import sklearn.linear_model", at_most=1.3),
        Line("first SGDRegressor.fit beyond the import", Ratio(first.median, first.least), "s", at_most=0.3),
    ]
    if has_command:
        version = seen["version"] / seen["import sklearn"]
        lines.append(Line(version_title, version, '× python -c "import sklearn"', at_most=1.5))
    else:
        lines.append(Line(version_title, None, "skipped: the command is not installed", at_most=1.5))
    return lines


def run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
