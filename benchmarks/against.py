"""Is this checkout as fast as another one? ``python -m benchmarks.against DIRECTORY [--rounds 11] [--quick]``.

The fits of the benchmark tables, each by both in turns: a process for each checkout holds the rows and fits when it is
asked. Printed is how long this checkout takes, for 1 of the other.
"""

import argparse
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.descents import descent, huber, many_rates
from benchmarks.rows import FULL, QUICK, Scale, make_rows
from benchmarks.sgd import PASSES, SHAPES, SPARSE, dense, sparse
from benchmarks.timing import interleave, timed
from downslope import GradientDescentRegressor, SGDRegressor

__all__ = ["main"]

ROOT = Path(__file__).parent.parent


def groups(scale: Scale) -> Iterator[tuple[str, Callable[[], dict[str, Callable[[], object]]]]]:
    """What is timed, by the rows that it is timed on: these are made when their turn comes."""
    yield f"{scale.rows:,} × {scale.columns}", partial(descents, scale)
    for dtype in ("float64", "float32"):
        for n_rows, n_columns in SHAPES:
            rows = n_rows // scale.sgd_part
            yield f"{rows:,} × {n_columns} {dtype}", partial(passes, dense, rows, n_columns, dtype)
    n_rows, n_columns, n_filled = SPARSE
    yield (
        f"CSR {n_rows // scale.sgd_part:,} × {n_columns:,}",
        partial(passes, sparse, n_rows // scale.sgd_part, n_columns, n_filled),
    )


def descents(scale: Scale) -> dict[str, Callable[[], object]]:
    """Fits of `GradientDescentRegressor`."""
    X, y = make_rows(scale.rows, scale.columns)
    few, more = scale.huber_epochs
    return {
        f"plain descent, {scale.epochs:,} epochs": partial(descent, X, y, scale.epochs),
        f"plain descent, {scale.many_epochs:,} epochs": partial(descent, X, y, scale.many_epochs),
        f"sweep of {scale.sweep_rates:,} rates": partial(many_rates, X, y, scale.sweep_rates, scale.sweep_epochs),
        f"Huber, {few} epochs": partial(huber, X, y, few),
        f"Huber, {more} epochs": partial(huber, X, y, more),
        "Adam, 100 epochs": partial(GradientDescentRegressor(method="adam", tol=0, max_iter=100).fit, X, y),
        "batches of 100 rows, 5 epochs": partial(
            GradientDescentRegressor(batch_size=100, tol=0, max_iter=5, random_state=0).fit, X, y
        ),
        "single rows, 2 epochs": partial(
            GradientDescentRegressor(batch_size=1, tol=0, max_iter=2, random_state=0).fit, X, y
        ),
    }


def passes(make: Callable[..., tuple[Any, Any]], *shape: Any) -> dict[str, Callable[[], object]]:
    """Passes of `SGDRegressor`, on rows that `make` makes."""
    X, y = make(*shape)
    eta0 = 0.01 * min(1.0, 3.0 / X.shape[1]) if make is dense else 0.01
    return {"SGDRegressor": partial(SGDRegressor(max_iter=PASSES, tol=None, random_state=0, eta0=eta0).fit, X, y)}


def work(scale: Scale) -> None:
    """Take a group's number and a name from standard input, print the seconds; without a name, what there is.

    The rows of one group are held at a time.
    """
    known, held = [make for _, make in groups(scale)], -1
    fits: dict[str, Callable[[], object]] = {}
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        number, _, name = line.rstrip("\n").partition(" ")
        if int(number) != held:
            fits.clear()
            held, fits = int(number), known[int(number)]()
        print(timed(fits[name])() if name else "\t".join(fits), flush=True)


class Worker:
    """A process that fits with the library of one checkout; use it as a context."""

    def __init__(self, checkout: Path, scale: list[str]) -> None:
        path = os.pathsep.join(map(str, (checkout / "src", ROOT)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.against", "--work", str(checkout), *scale],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def names(self, group: int) -> list[str]:
        """Which fits there are."""
        return self._ask(f"{group} ").split("\t")

    def seconds(self, group: int, name: str) -> float:
        """How long a fit took."""
        return float(self._ask(f"{group} {name}"))

    def _ask(self, question: str) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        print(question, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().rstrip("\n")


def main() -> None:
    """Read the options; work, or ask two processes that do."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against", description=__doc__)
    parser.add_argument("checkout", type=Path, help="the directory of the other checkout")
    parser.add_argument("--rounds", type=int, default=FULL.rounds, help=f"how often (default {FULL.rounds})")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    if options.work:
        work(scale)
        return
    size = ["--quick"] if options.quick else []
    with Worker(ROOT, size) as ours, Worker(options.checkout.resolve(), size) as theirs:
        for number, (title, _) in enumerate(groups(scale)):
            for name in ours.names(number):
                seen = interleave(
                    {"ours": partial(ours.seconds, number, name), "theirs": partial(theirs.seconds, number, name)},
                    options.rounds,
                )
                ratio = seen["ours"] / seen["theirs"]
                print(f"{title:>26}  {name:<32} {ratio.median:6.3f}, at best {ratio.least:6.3f}", flush=True)


if __name__ == "__main__":
    main()
