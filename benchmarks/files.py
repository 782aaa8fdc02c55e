"""Rows in files: ``python -m benchmarks.files [ROWS]``, in seconds of processor, beside DuckDB that merely reads them.

Twenty columns of float64 and a target, as Parquet and as CSV. Memory is how far the anonymous part of a process rises.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.table import Line, Report, as_text
from benchmarks.timing import Ratio, Stopwatch, interleave, show_progress

__all__ = ["main"]

COLUMNS = 20
ROUNDS = 5
STATUS = Path("/proc/self/status")


def write_rows(folder: Path, n_rows: int, n_text: int) -> tuple[Path, Path]:
    """The rows as Parquet, and the first of them as CSV."""
    pyarrow: Any = __import__("pyarrow.parquet")
    __import__("pyarrow.csv")
    random, names = np.random.default_rng(0), [f"x{j}" for j in range(COLUMNS)]
    coef, parquet, text = random.normal(size=COLUMNS), folder / "rows.parquet", folder / "rows.csv"
    schema = pyarrow.schema([(name, pyarrow.float64()) for name in (*names, "y")])
    with pyarrow.parquet.ParquetWriter(parquet, schema) as writer, pyarrow.csv.CSVWriter(text, schema) as lines:
        for begin in range(0, n_rows, 2**17):
            X = random.normal(size=(min(2**17, n_rows - begin), COLUMNS))
            part = pyarrow.table([*X.T, X @ coef + random.normal(size=len(X))], [*names, "y"])
            writer.write_table(part)
            if begin < n_text:
                lines.write_table(part)
    return parquet, text


def processor(function: Callable[[], object]) -> Stopwatch:
    """The processor seconds of a call, of all threads."""

    def seconds() -> float:
        before = sum(os.times()[:2])
        function()
        return sum(os.times()[:2]) - before

    return seconds


def drained(query: str) -> Callable[[], int]:
    """DuckDB that hands the rows of a query out and does no more."""
    import duckdb
    import nanoarrow

    def read() -> int:
        with duckdb.connect() as connection:
            return sum(batch.length for batch in nanoarrow.c_array_stream(connection.sql(query)))

    return read


def lines_of(parquet: Path, text: Path) -> list[Line]:
    """What is measured of one size."""
    from downslope import GradientDescentRegressor, scan

    def fit(rows: Any, **options: Any) -> None:
        GradientDescentRegressor(learning_rate=0.5, **{"tol": 0, **options}).fit(rows)

    def of(path: Path) -> Any:
        return scan(path, target="y")

    resident = of(parquet).resident()
    X, y = np.ascontiguousarray(resident.X), np.array(resident.y)
    numbers = ", ".join(f"try_cast(c{j} AS DOUBLE)" for j in range(COLUMNS + 1))
    columns = ", ".join(f"'c{j}': 'VARCHAR'" for j in range(COLUMNS + 1))
    as_it_is = f"SELECT {numbers} FROM read_csv('{text}', auto_detect = false, header = true, columns = {{{columns}}})"
    mapped = of(parquet)
    mapped.scratch = type(mapped.scratch)(None, 0)
    on_disk = mapped.resident()

    def huber(epochs: int, *rows: Any) -> Stopwatch:
        model = GradientDescentRegressor(learning_rate=0.5, tol=0, loss="huber", max_iter=epochs)
        return processor(lambda: model.fit(*rows))

    seen = interleave(
        {
            "parquet": processor(drained(f"FROM read_parquet('{parquet}')")),
            "fit": processor(lambda: fit(of(parquet), max_iter=1)),
            "many": processor(lambda: fit(of(parquet), max_iter=1000)),
            "csv": processor(drained(as_it_is)),
            "fit csv": processor(lambda: fit(of(text), max_iter=1)),
            "few, mapped": huber(2, on_disk),
            "more, mapped": huber(22, on_disk),
            "few": huber(2, X, y),
            "more": huber(22, X, y),
        },
        ROUNDS,
    )
    epochs = seen["more, mapped"].less(seen["few, mapped"]) / seen["more"].less(seen["few"])
    return [
        Line("Parquet, squared loss, the whole fit", seen["fit"] / seen["parquet"], "× DuckDB reading", at_most=1.5),
        Line("1,000 epochs", seen["many"] / seen["fit"], "× one epoch", at_most=1.05),
        Line("CSV, the whole fit", seen["fit csv"] / seen["csv"], "× DuckDB's try_cast", at_most=1.3),
        Line("a Huber epoch on the scratch file", epochs, "× in memory", at_most=1.3),
    ]


def anonymous(parquet: Path) -> float:
    """How far the anonymous memory of a process rises in a fit of the squared loss, in megabytes."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.files", "--memory", str(parquet)],
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    )
    return float(done.stdout)


def measure_memory(parquet: Path) -> float:
    """The same of this process, looked at as the blocks go by."""
    from downslope import GradientDescentRegressor, scan

    most = [0]

    def look(*_: object) -> None:
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon:"))
        most[0] = max(most[0], int(line.split()[1]))

    rows = scan(parquet, target="y")
    GradientDescentRegressor().fit(np.zeros((9, 1)) + np.arange(9.0)[:, None], np.arange(9.0))
    look()
    before, read = most[0], rows.table.read

    def watched(start: int = 0) -> Any:
        for batch in read(start):
            look()
            yield batch

    rows.table.read = watched  # type: ignore[method-assign]
    GradientDescentRegressor().fit(rows)
    return (most[0] - before) / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the rows, measure, print."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    warnings.simplefilter("ignore")
    if given[:1] == ["--memory"]:
        print(measure_memory(Path(given[1])))
        return
    n_rows = int(given[0]) if given else 4_000_000
    with tempfile.TemporaryDirectory() as folder:
        parquet, text = write_rows(Path(folder), n_rows, n_rows // 4)
        lines = lines_of(parquet, text)
        if STATUS.exists():
            show_progress("memory")
            small, _ = write_rows(Path(folder), n_rows // 3, 10)
            third = anonymous(small)
            large, _ = write_rows(Path(folder), n_rows, 10)
            all_rows = anonymous(large)
            grown = Ratio(all_rows / third, all_rows / third)
            lines.append(Line(f"memory at {n_rows:,} rows", grown, f"× at {n_rows // 3:,}", at_most=1.15))
            lines.append(Line("the same", Ratio(all_rows, all_rows), "MB", at_most=1000))
    show_progress("")
    print(as_text(Report(f"{n_rows:,} × {COLUMNS} float64 in files", lines=lines)))


if __name__ == "__main__":
    main()
