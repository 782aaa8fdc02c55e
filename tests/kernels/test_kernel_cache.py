"""Kernels on disk: which copy of the package finds what another has compiled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import downslope

CALL = """
import numpy as np
from downslope.kernels.orders import take
out = np.empty(3)
take(np.arange(5.0), np.array([4, 0, 2], dtype=np.int32), out)
assert out.tolist() == [4.0, 0.0, 2.0]
stats = take.machine_code.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""
FOUND, COMPILED = [1, 0], [0, 1]


def call(source: Path, cache: Path | None) -> list[int]:
    """How often a fresh process finds a kernel of the package in `source`, and how often it compiles it."""
    environment = {"PATH": "", "PYTHONPATH": os.pathsep.join([str(source), *sys.path])}
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-W", "error", "-c", CALL]
    told = subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True, text=True).stdout
    return [int(number) for number in told.split()]


def copy_to(folder: Path) -> Path:
    """The folder with a copy of the package in it."""
    package = Path(downslope.__file__).parent
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "one")


def test_copies_of_the_same_files_share_their_kernels(source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert call(source, cache) == COMPILED
    assert call(source, cache) == FOUND
    for file in source.rglob("*.py"):
        os.utime(file, (1, 1))
    assert call(source, cache) == FOUND
    assert call(copy_to(tmp_path / "two"), cache) == FOUND


def test_a_changed_byte_compiles_anew_and_leaves_the_others_theirs(source: Path, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", copy_to(tmp_path / "two")
    assert call(source, cache) == COMPILED
    # Not the file of the kernel, and of the same length and time.
    file = other / "downslope" / "kernels" / "rows.py"
    before, source_code = file.stat(), file.read_bytes()
    file.write_bytes(source_code.replace(b"ROWS_AHEAD = 32", b"ROWS_AHEAD = 31"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.read_bytes() == source_code) == (before.st_size, False)
    assert call(other, cache) == COMPILED
    assert call(other, cache) == FOUND
    assert call(source, cache) == FOUND


def test_without_a_folder_for_all_each_copy_keeps_its_own(source: Path, tmp_path: Path) -> None:
    assert call(source, None) == COMPILED
    assert call(source, None) == FOUND
    assert list((source / "downslope" / "kernels" / "__pycache__").glob("*.nbi"))
    assert call(copy_to(tmp_path / "two"), None) == COMPILED


def test_kernels_that_cannot_be_kept_are_used(source: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    call(source, cache)
    (kept,) = cache.glob("downslope_*")
    shutil.rmtree(kept)
    kept.write_bytes(b"not a folder")
    assert call(source, cache) == COMPILED
    assert call(source, cache) == COMPILED
