"""Fits that are killed at random again and again, and end at the bits of one that nobody touched.

``python tests/checkpoints/killed.py SCENARIO KILLS SEED`` prints how many kills there were, and in how many runs.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import downslope.checkpoints.journal as journal
from downslope import GradientDescentRegressor, scan
from downslope.data.tables import stream
from downslope.data.tables.scratch import Scratch
from downslope.kernels import rows as kernel_rows

ROWS, COLUMNS = 4_000, 4

Fit = Callable[[Path, "str | None"], Any]


def make_rows() -> tuple[Any, Any]:
    """Rows of a line with far outliers."""
    random = np.random.default_rng(11)
    X = random.normal(size=(ROWS, COLUMNS)) + 1
    return X, X @ random.normal(size=COLUMNS) + random.standard_t(2, size=ROWS)


def write_files(folder: Path) -> None:
    """The same rows in files."""
    X, y = make_rows()
    for number, part in enumerate(np.array_split(np.column_stack([X, y]), 5)):
        lines = [",".join(map(repr, row)) for row in part.tolist()]
        (folder / f"part-{number}.csv").write_text("\n".join(["a,b,c,d,y", *lines]) + "\n")


def in_memory(**options: Any) -> Fit:
    """A fit of arrays."""
    return lambda folder, place: GradientDescentRegressor(random_state=5, checkpoint=place, **options).fit(*make_rows())


def from_files(**options: Any) -> Fit:
    """A fit of files, whose rows do not stay in memory."""

    def fit(folder: Path, place: "str | None") -> Any:
        rows = scan(folder, target="y")
        rows.scratch = Scratch(None, few_bytes=2**14)
        return GradientDescentRegressor(random_state=5, checkpoint=place, **options).fit(rows)

    return fit


SCENARIOS: dict[str, Fit] = {
    "reading": from_files(),
    "scratch": from_files(loss="huber"),
    "scratch in passes": from_files(batch_size=8, max_iter=6, loss="huber"),
    "epochs": in_memory(loss="quantile", quantile=0.9),
    "passes": in_memory(batch_size=4, max_iter=8),
    "remembered slopes": in_memory(batch_size=1, method="saga", max_iter=5),
}


def told(model: Any) -> bytes:
    """All that must come out the same."""
    columns = [model.history_[name] for name in model.history_ if name != "seconds"]
    parts = [model.coef_, np.array([model.intercept_, model.n_iter_, model.gap_]), model.history_.coef, *columns]
    return b"".join(np.ascontiguousarray(part, dtype=np.float64).tobytes() for part in parts)


def in_child(fit: Fit, folder: Path, place: str | None, result: Path) -> int:
    """Start a process that fits and writes what came out."""
    child = os.fork()
    if child == 0:
        try:
            part = result.with_suffix(".part")
            part.write_bytes(told(fit(folder, place)))
            part.rename(result)
            os._exit(0)
        except BaseException as error:
            print("failed:", error, file=sys.stderr, flush=True)
            os._exit(3)
    return child


def main(scenario: str, kills: int, seed: int) -> None:
    """Kill, go on, compare."""
    # Everything small, so that there is much of everything: blocks, pieces of passes, checkpoints.
    journal.EVERY = journal.AFTER_A_STEP = journal.SHARE = 0.0
    stream.BLOCK_BYTES = 2**15
    kernel_rows.PIECE = 2**12
    random, fit = np.random.default_rng(seed), SCENARIOS[scenario]
    home = Path(tempfile.mkdtemp())
    try:
        rows, result = home / "rows", home / "result"
        rows.mkdir()
        write_files(rows)
        began = time.monotonic()
        os.waitpid(in_child(fit, rows, None, result), 0)
        untouched, killed, runs, longest = result.read_bytes(), 0, 0, time.monotonic() - began
        while killed < kills:
            place, done = str(home / f"checkpoints-{runs}"), False
            result.unlink()
            while not done:
                child = in_child(fit, rows, place, result)
                time.sleep(random.uniform(0, 1.5 * longest))
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                if os.WIFSIGNALED(status):
                    killed += 1
                    continue
                assert os.WEXITSTATUS(status) == 0, "a fit that went on failed"
                done = True
            assert result.read_bytes() == untouched, "a fit that went on came out otherwise"
            left = [name for name in os.listdir(place) if not name.startswith(("checkpoint-", "in-use"))]
            assert not left, left
            runs += 1
        print(killed, runs)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
