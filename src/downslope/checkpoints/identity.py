"""What tells a run from others: its rows, its parameters; and where it was made: versions, the processor."""

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from downslope.checkpoints.codec import encode
from downslope.data.arrays import ArraySource
from downslope.data.source import Source
from downslope.texts import Finding, Remedy
from downslope.threads import blas

__all__ = ["differences", "differences_of_runs", "environment", "rows_of"]

# Packages that bits depend on.
PACKAGES = ("downslope", "numpy", "scipy", "numba", "duckdb")
# Rows that stand for those that cannot be looked at without reading them all.
FIRST_ROWS = 10_000
# Bytes that are hashed at once.
AT_ONCE = 2**24
# Letters of a value that a sentence shows.
LONGEST = 40


def rows_of(source: Source) -> dict[str, Any]:
    """What tells the rows of a source from others, by what it is called in sentences.

    Of rows in memory that is all of them; of a stream the files with their sizes and times, and its first rows.
    """
    schema = source.schema
    known: dict[str, Any] = {"columns": list(schema.names or [schema.n_features]), "target": schema.target}
    if isinstance(source, ArraySource):
        known["n_rows"] = source.n_rows
        parts = [source.X, source.y, source.weight]
    else:
        files = getattr(getattr(source, "table", None), "files", ())
        known["files"] = [told_of(file.path) for file in files]
        known["missing"] = getattr(source, "missing", None)
        block = source.peek(FIRST_ROWS)
        parts = [block.X, block.y, block.weight]
    known["values"] = hash_of(parts)
    return known


def told_of(path: Path) -> list[Any]:
    """The name of a file, its size and when it was written; of a pipe only its name."""
    if not path.is_file():
        return [path.name]
    known = path.stat()
    return [path.name, known.st_size, known.st_mtime_ns]


def hash_of(parts: list[Any]) -> str:
    """The SHA-256 of arrays and sparse matrices, their shapes and kinds."""
    total = hashlib.sha256()
    for part in parts:
        for array in arrays_in(part):
            total.update(repr((array.shape, array.dtype.str)).encode())
            rows = array.reshape(len(array), -1) if array.size else array
            step = max(1, AT_ONCE * len(array) // max(array.nbytes, 1))
            for start in range(0, len(array) if array.size else 0, step):
                total.update(np.ascontiguousarray(rows[start : start + step]).data)
    return total.hexdigest()


def arrays_in(part: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays that values are made of."""
    if part is None:
        return
    if scipy.sparse.issparse(part):
        yield from (part.indptr, part.indices, part.data)
    else:
        yield np.asarray(part)


@cache
def processor() -> list[str]:
    """The kind of processor, what numpy has found it to be capable of, and the kernels that BLAS has chosen for it."""
    found: Any = np.show_config(mode="dicts")
    extensions = found.get("SIMD Extensions", {}).get("found", [])
    kernels = {str(library.get("architecture")) for library in blas().info()}
    return [platform.machine(), *extensions, *sorted(kernels)]


def environment() -> dict[str, Any]:
    """What bits depend on beside rows and parameters."""
    return {**{name: version_of(name) for name in PACKAGES}, "processor": processor()}


def version_of(package: str) -> str | None:
    """The version that is installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def differences(before: Mapping[str, Any], now: Mapping[str, Any], name: Callable[[str], Any] = str) -> list[Finding]:
    """What is not the same, under the name that `name` gives it; values that are long are only said to differ."""
    found = []
    for key in {**before, **now}:
        first, second = before.get(key), now.get(key)
        if encode(first) != encode(second):
            texts = repr(first), repr(second)
            short = max(map(len, texts)) <= LONGEST
            values = {"before": texts[0], "now": texts[1]} if short else {}
            found.append(
                Finding("checkpoint.changed" if short else "checkpoint.differs", {"name": name(key), **values})
            )
    return found


def of_rows(key: str) -> Finding:
    """What a part of `rows_of` is called."""
    return Finding(f"checkpoint.rows_{key}")


def of_validation(key: str) -> Finding:
    """The same of validation rows."""
    return Finding.of("checkpoint.of_validation", part=of_rows(key))


def differences_of_runs(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Finding]:
    """What is not the same of two runs: their parameters, rows, and what they go on from."""
    named: dict[str, Callable[[str], Any]] = {"rows": of_rows, "validation": of_validation, "parameters": Remedy}
    found = [one for group, name in named.items() for one in differences(before[group], now[group], name)]
    if before["earlier"] != now["earlier"]:
        found.append(Finding("checkpoint.differs", {"name": Finding("checkpoint.earlier")}))
    return found
