"""What a first fit costs where no kernel has ever been compiled, where kernels are on disk, and where they are loaded.

Processor seconds of whole processes, beside those of scikit-learn's for the same fit.
"""

import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import SGDRegressor as Theirs

from benchmarks.rows import Scale
from benchmarks.table import Line
from benchmarks.timing import Ratio, Stopwatch, interleave
from downslope import SGDRegressor
from downslope.kernels import uncompiled

__all__ = ["first_use_lines"]

ROOT = Path(__file__).parent.parent
ROWS, COLUMNS = 506, 13
# The processor seconds of a process, up to its imports and up to the end of its fits.
FITS = """
import os
import sys
import numpy as np
from {module} import {name} as Model
imported = sum(os.times()[:2])
random = np.random.default_rng(0)
X = random.normal(size=({rows}, 13))
y = X @ random.normal(size=13) + random.normal(size={rows})
for loss in sys.argv[1:]:
    Model(loss=loss, random_state=0, max_iter={passes}).fit(X, y)
print(sum(os.times()[:2]), sum(os.times()[:2]) - imported)
"""
OURS, THEIRS = ("downslope", "SGDRegressor"), ("sklearn.linear_model", "SGDRegressor")
# So many rows are no small table: the first pass over them is compiled, or loaded.
MANY = 100_000


def few_rows() -> tuple[Any, Any]:
    """The rows of `FITS`: at the defaults the squared loss makes 12 passes, Huber's 104."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, COLUMNS))
    return X, X @ random.normal(size=COLUMNS) + random.normal(size=ROWS)


def first_use_lines(scale: Scale) -> list[Line]:
    """The lines of the table that are about a first fit, and about one of few rows."""
    rounds = max(scale.processes // 3, 1)
    with tempfile.TemporaryDirectory() as kept:
        candidates = {
            "theirs": process(THEIRS, None),
            "ours": process(OURS, None),
            "fit": process(OURS, None, fits_alone=True),
            "both fits": process(OURS, None, "squared_error", "huber", fits_alone=True),
            "compiled": process(OURS, None, rows=MANY, passes=1, fits_alone=True),
            "loaded": process(OURS, kept, rows=MANY, passes=1, fits_alone=True),
        }
        seen = interleave(candidates, rounds)
    huber = seen["both fits"].less(seen["fit"])
    cold, disk = seen["compiled"], seen["loaded"]
    rows = f"{ROWS} × {COLUMNS}, nothing compiled"
    return [
        Line(f"a process with a first SGDRegressor.fit, {rows}", seen["ours"] / seen["theirs"], "× scikit-learn's CPU"),
        Line("the same", Ratio(seen["ours"].median, seen["ours"].least), "s of CPU", at_most=1.5),
        Line("the fit alone", Ratio(seen["fit"].median, seen["fit"].least), "s of CPU"),
        Line("and a first Huber fit", Ratio(huber.median, huber.least), "s of CPU", at_most=0.5),
        Line(f"first fit of {MANY:,} rows, nothing compiled", Ratio(cold.median, cold.least), "s of CPU", at_most=8.0),
        Line("the same, kernels on disk", Ratio(disk.median, disk.least), "s of CPU", at_most=0.7),
        *warm_lines(scale),
    ]


def process(
    model: tuple[str, str],
    cache: str | None,
    *losses: str,
    rows: int = ROWS,
    passes: int = 1000,
    fits_alone: bool = False,
) -> Stopwatch:
    """The processor seconds that a fresh process says it took, with kernels kept in `cache` or in a new folder."""
    program = FITS.format(module=model[0], name=model[1], rows=rows, passes=passes)
    command = [sys.executable, "-W", "ignore", "-c", program, *(losses or ("squared_error",))]

    def seconds() -> float:
        with tempfile.TemporaryDirectory() as new:
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache or new}
            run = subprocess.run(command, cwd=ROOT, env=environment, check=True, text=True, stdout=subprocess.PIPE)
        return float(run.stdout.split()[fits_alone])

    return seconds


def warm_lines(scale: Scale) -> list[Line]:
    """A small fit once its kernels are loaded."""
    X, y = few_rows()
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # As where Python has done its share.
        uncompiled.pythons_work.done = uncompiled.CROSSING
        for loss in ("squared_error", "huber"):
            models = {"ours": SGDRegressor(loss=loss, random_state=0), "theirs": Theirs(loss=loss, random_state=0)}
            seen = interleave({name: fitting(model, X, y) for name, model in models.items()}, 3 * scale.rounds)
            title = f"SGDRegressor.fit, {ROWS} × {COLUMNS}, {loss}, compiled and loaded"
            lines.append(Line(title, seen["ours"] / seen["theirs"], "× scikit-learn's CPU", at_most=1.5))
    return lines


def fitting(model: Any, X: Any, y: Any) -> Stopwatch:
    """The processor seconds of a fit, the mean of five."""

    def seconds() -> float:
        began = time.process_time()
        for _ in range(5):
            model.fit(X, y)
        return (time.process_time() - began) / 5

    return seconds
