"""How long it takes until a fresh process can begin."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.rows import Scale
from benchmarks.table import Line
from benchmarks.timing import Ratio, Stopwatch, interleave, timed

__all__ = ["start_up_lines"]

ROOT = Path(__file__).parent.parent
OURS = "import downslope; downslope.GradientDescentRegressor"
# The seconds of a first call, which small rows leave to Python; what kernels cost stands in `first_use`.
FIRST = """
import time
import numpy as np
from downslope import SGDRegressor
X = np.random.default_rng(0).normal(size=(500, 5))
began = time.perf_counter()
SGDRegressor(tol=None, max_iter=5).fit(X, X[:, 0])
print(time.perf_counter() - began)
"""


def start_up_lines(scale: Scale) -> list[Line]:
    """The lines of the table that are about starting."""
    script = Path(sys.executable).parent / "downslope"
    commands = {
        "import": [sys.executable, "-c", OURS],
        "import sklearn.linear_model": [sys.executable, "-c", "import sklearn.linear_model"],
        "import sklearn": [sys.executable, "-c", "import sklearn"],
        "version": [str(script), "--version"],
    }
    import_title, version_title = "import downslope, estimator included", "downslope --version"
    has_command = script.exists() and succeeds(commands["version"])
    if not has_command:
        del commands["version"]
    candidates: dict[str, Stopwatch] = {name: timed(partial(run, command)) for name, command in commands.items()}
    seen = interleave({**candidates, "first": first_call}, scale.processes)
    imported = seen["import"] / seen["import sklearn.linear_model"]
    first = seen["first"]
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


def first_call() -> float:
    """The seconds that the first call in a fresh process says it took."""
    command = [sys.executable, "-W", "ignore", "-c", FIRST]
    return float(subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout)


def succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
