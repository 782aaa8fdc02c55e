"""Quantile regression, proven, beside the field's own solvers: ``python -m benchmarks.quantiles [ROWS …]``.

In seconds of processor. The interior point methods of quantreg (fnb, and pfn that looks at few rows) run where R and it
are, HiGHS on the dual and scikit-learn's QuantileRegressor on few rows.
"""

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from shutil import which

import numpy as np
from numpy.typing import NDArray

from benchmarks.table import grid
from benchmarks.timing import show_progress

__all__ = ["main", "rows_of", "seconds"]

Array = NDArray[np.float64]

COLUMNS = 20
SMALL, MIDDLE = 10_000, 100_000
# What is allowed of pfn's seconds.
SHARE = {MIDDLE: 1.0, 1_000_000: 0.5}
SCRIPT = """
suppressMessages(library(quantreg)); a <- commandArgs(TRUE)
n <- as.integer(a[2]); d <- as.integer(a[3]); q <- as.double(a[4])
f <- file(a[1], "rb"); X <- matrix(readBin(f, "double", n * d), n, d); y <- readBin(f, "double", n); close(f)
X <- cbind(1, X); set.seed(1)
for (fit in list(rq.fit.fnb, rq.fit.pfn)) cat(sum(system.time(fit(X, y, tau = q))[1:2]), "\\n")
"""


def rows_of(n_rows: int, *, equal: bool) -> tuple[Array, Array]:
    """Rows whose errors spread alike, or with the size of the first column."""
    random = np.random.default_rng(n_rows)
    X = random.normal(size=(n_rows, COLUMNS))
    spread = 1.0 if equal else 1.0 + np.abs(X[:, 0])
    return X, X @ random.normal(size=COLUMNS) + spread * random.normal(size=n_rows)


def by_quantreg(X: Array, y: Array, quantile: float) -> tuple[float, float] | None:
    """Seconds of fnb and of pfn; None where they are not installed."""
    if which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "rows", Path(folder) / "rows.R"
        table.write_bytes(np.concatenate([X.ravel(order="F"), y]).tobytes())
        script.write_text(SCRIPT, encoding="utf-8")
        command = ["Rscript", str(script), str(table), str(len(y)), str(X.shape[1]), str(quantile)]
        done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    told = done.stdout.split()
    return (float(told[0]), float(told[1])) if done.returncode == 0 and len(told) == 2 else None


def by_us(X: Array, y: Array, quantile: float) -> tuple[float, float]:
    """Seconds of a default fit, and the share of the objective that is not proven."""
    from downslope import GradientDescentRegressor

    began = time.process_time()
    model = GradientDescentRegressor(loss="quantile", quantile=quantile).fit(X, y)
    taken = time.process_time() - began
    assert model.optimum_ is not None
    assert model.gap_ is not None
    return taken, model.gap_ / model.optimum_.objective


def by_highs(X: Array, y: Array, quantile: float) -> float:
    """Seconds of HiGHS on the dual."""
    from scipy.optimize import linprog

    began, design = time.process_time(), np.column_stack([X, np.ones(y.size)])
    sides = (1.0 - quantile) * design.sum(axis=0)
    linprog(-y, A_eq=design.T, b_eq=sides, bounds=(0.0, 1.0), method="highs")
    return time.process_time() - began


def by_scikit_learn(X: Array, y: Array, quantile: float) -> float:
    """Seconds of QuantileRegressor."""
    from sklearn.linear_model import QuantileRegressor

    began = time.process_time()
    QuantileRegressor(quantile=quantile, alpha=0.0).fit(X, y)
    return time.process_time() - began


def seconds(n_rows: int, *, equal: bool, quantile: float) -> list[str]:
    """A line of the table."""
    X, y = rows_of(n_rows, equal=equal)
    by_us(X[:1000], y[:1000], quantile)
    ours, unproven = by_us(X, y, quantile)
    theirs = by_quantreg(X, y, quantile)
    again, _ = by_us(X, y, quantile)
    ours = min(ours, again)
    cells = [
        f"{n_rows:,} × {COLUMNS}",
        "equal" if equal else "unequal",
        f"{quantile:g}",
        f"{ours:.2f}",
        f"{unproven:.0e}",
    ]
    cells += ["-", "-", "-"] if theirs is None else [f"{theirs[1]:.2f}", f"{ours / theirs[1]:.2f}", f"{theirs[0]:.2f}"]
    target = SHARE.get(n_rows)
    met = "" if target is None or theirs is None else "yes" if ours <= target * theirs[1] else "NO"
    cells += ["" if target is None else f"≤ {target:g}", met]
    return [*cells, f"{by_highs(X, y, quantile):.2f}" if n_rows <= SMALL else "-", scikit(X, y, quantile)]


def scikit(X: Array, y: Array, quantile: float) -> str:
    """scikit-learn's seconds, where the rows are few enough to wait for."""
    return f"{by_scikit_learn(X, y, quantile):.2f}" if y.size <= SMALL else "-"


def main(sizes: list[int]) -> None:
    """Print the table."""
    header = [
        "rows",
        "spread",
        "q",
        "ours",
        "not proven",
        "pfn",
        "of pfn",
        "fnb",
        "target",
        "met",
        "HiGHS",
        "QuantileRegressor",
    ]
    lines = []
    for n_rows in sizes:
        for equal in (True, False):
            for quantile in (0.5, 0.9):
                show_progress(f"quantile {quantile} of {n_rows:,} rows")
                lines.append(seconds(n_rows, equal=equal, quantile=quantile))
    show_progress("")
    print(grid([tuple(header), *map(tuple, lines)]))


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main([int(float(size)) for size in sys.argv[1:]] or [SMALL, MIDDLE, 1_000_000])
