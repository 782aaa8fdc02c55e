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
FITS: dict[str, dict[str, Any]] = {
    "spectral": {"learning_rate": RATE},
    "moments": {"method": "adam"},
    "data": {"loss": "huber"},
}


def memory_lines(scale: Scale) -> list[Line]:
    """The lines of the table that are about memory."""
    lines = []
    for engine in FITS:
        show_progress(f"memory of the {engine} engine")
        share = peak_share(engine, scale)
        lines.append(Line(f"peak extra memory, {engine} engine", Ratio(share, share), "% of X", at_most=10))
    show_progress("")
    return lines


def peak_share(engine: str, scale: Scale) -> float:
    """Peak extra memory of a fit, in per cent of X."""
    command = [sys.executable, "-m", "benchmarks.memory", engine, str(scale.rows), str(scale.columns)]
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


def measure(engine: str, n_rows: int, n_columns: int) -> float:
    """Fit once on few rows, so that everything is loaded, then on all, and see how far the peak has risen."""
    from downslope import GradientDescentRegressor

    model = GradientDescentRegressor(max_iter=100, tol=0, standardize=False, **FITS[engine])
    X, y = make_rows(n_rows, n_columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:1000], y[:1000])
        before = resident_bytes(peak=False)
        model.fit(X, y)
    assert model.engine_ == engine
    return 100.0 * (resident_bytes(peak=True) - before) / X.nbytes


if __name__ == "__main__":
    print(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
