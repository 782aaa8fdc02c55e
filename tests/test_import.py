"""``import downslope`` is light, and its public names are exactly ``__all__``."""

import subprocess
import sys
from importlib.resources import files
from types import ModuleType

import pytest

import downslope

# pandas, pyarrow and rich are not here: scikit-learn itself imports them where they are installed.
HEAVY = (
    "dask",
    "distributed",
    "duckdb",
    "jax",
    "matplotlib",
    "nanoarrow",
    "numba",
    "polars",
    "pyspark",
    "torch",
    "typer",
)


@pytest.fixture(scope="module")
def loaded_by_import() -> set[str]:
    """Top-level modules that a fresh interpreter holds once ``downslope`` and each of its names was used."""
    program = (
        "import sys, downslope\n"
        "for name in downslope.__all__: getattr(downslope, name)\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("library", HEAVY)
def test_import_leaves_alone(library: str, loaded_by_import: set[str]) -> None:
    assert "downslope" in loaded_by_import
    assert library not in loaded_by_import


def test_all_is_the_namespace() -> None:
    public = {
        name
        for name in dir(downslope)
        if not name.startswith("_") and not isinstance(getattr(downslope, name), ModuleType)
    }
    assert public == {name for name in downslope.__all__ if not name.startswith("_")}


def test_all_names_nothing_twice() -> None:
    assert len(downslope.__all__) == len(set(downslope.__all__))


@pytest.mark.parametrize("name", downslope.__all__)
def test_public_names_say_what_they_are(name: str) -> None:
    assert getattr(downslope, name).__doc__


def test_the_package_says_that_it_is_typed() -> None:
    assert files("downslope").joinpath("py.typed").is_file()


LOADED = """
import gc
import sys
if sys.argv[1] == "paused":
    gc.disable()
elif sys.argv[1] == "frozen":
    gc.freeze()
before = gc.isenabled(), gc.get_freeze_count() > 0
import downslope.kernels.translation
assert (gc.isenabled(), gc.get_freeze_count() > 0) == before
if gc.isenabled():
    # What was made is old already: the young hold next to nothing.
    assert len(gc.get_objects(generation=2)) > 100_000 or before[1]
    assert len(gc.get_objects(generation=0)) < 100_000 or before[1]
"""


@pytest.mark.parametrize("way", ["as ever", "paused", "frozen"])
def test_loading_leaves_the_collector_as_it_was(way: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", LOADED, way], check=True, timeout=120)
