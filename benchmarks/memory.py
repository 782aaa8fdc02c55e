"""Peak memory of one fit beyond what lay there before: `python -m benchmarks.memory moments 1000 3`."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from benchmarks.rows import RATE, Scale, make_rows
from benchmarks.table import Line
from benchmarks.timing import Ratio, show_progress

__all__ = ["FITS", "memory_lines"]

ROOT = Path(__file__).parent.parent
STATUS = Path("/proc/self/status")
FULL_BATCH: dict[str, dict[str, Any]] = {
    "spectral": {"learning_rate": RATE},
    "moments": {"method": "adam"},
    "data": {"loss": "huber"},
}
FITS: dict[str, tuple[str, dict[str, Any]]] = {
    **{engine: ("GradientDescentRegressor", options) for engine, options in FULL_BATCH.items()},
    "batch_size=1": ("GradientDescentRegressor", {"batch_size": 1}),
    "SGDRegressor": ("SGDRegressor", {"eta0": 0.001}),
}
# Few columns, so that what is kept of a row is not lost beside it.
NARROW = 4
# So many rows of these are no small table: the passes over them are compiled.
MANY = 50_000


def memory_lines(scale: Scale) -> list[Line]:
    """The lines of the table that are about memory."""
    lines = []
    for name in FITS:
        show_progress(f"memory of {name}")
        if name in FULL_BATCH:
            share = 100 * peak_bytes(name, scale.rows, scale.columns) / (8 * scale.rows * scale.columns)
            lines.append(Line(f"peak extra memory, {name} engine", Ratio(share, share), "% of X", at_most=10))
        else:
            n_rows = scale.rows * scale.columns // NARROW
            a_row = peak_bytes(name, n_rows, NARROW) / n_rows
            title = f"peak extra memory, {name}, {n_rows:,} × {NARROW}"
            lines.append(Line(title, Ratio(a_row, a_row), "bytes a row", at_most=16))
    show_progress("")
    return lines


def peak_bytes(name: str, n_rows: int, n_columns: int) -> float:
    """Peak extra memory of a fit."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(n_rows), str(n_columns)]
    return float(subprocess.run(command, cwd=ROOT, text=True, check=True, stdout=subprocess.PIPE).stdout)


def resident_bytes(*, peak: bool) -> int:
    """The memory this process holds, or the most that it ever held.

    Where there is no Linux to ask, it is the latter in both cases.
    """
    if STATUS.exists():
        # Not `getrusage`: there the peak begins with that of the process that started this one.
        name = "VmHWM:" if peak else "VmRSS:"
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
        return 1024 * int(line.split()[1])
    # Absent on Windows.
    import resource

    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def measure(name: str, n_rows: int, n_columns: int) -> float:
    """Fit once on some rows, so that everything is loaded, then on all, and see how far the peak has risen."""
    import downslope

    kind, options = FITS[name]
    usual = {"max_iter": 100, "tol": 0, "standardize": False} if name in FULL_BATCH else {"max_iter": 3, "tol": 0}
    model = getattr(downslope, kind)(**usual, **options)
    X, y = make_rows(n_rows, n_columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:MANY], y[:MANY])
        before = resident_bytes(peak=False)
        model.fit(X, y)
    assert model.engine_ == (name if name in FULL_BATCH else "stochastic")
    return float(resident_bytes(peak=True) - before)


if __name__ == "__main__":
    print(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
