"""What every test runs under: no display, no terminal of a particular kind, examples that can be repeated."""

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Before anything imports matplotlib, typer or rich: they read these once.
os.environ["MPLBACKEND"] = "Agg"
for name in ("CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS"):
    os.environ.pop(name, None)
# Wherever the tests are run, what is said is English.
os.environ.pop("DOWNSLOPE_LANG", None)
for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
    if os.environ.get(name, "").lower().startswith("ko"):
        os.environ[name] = "C.UTF-8"

# No deadline: nothing here may depend on how busy the machine is. In CI a failure must come back when rerun.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


# Of more processes most would wait for the longest test, with a gigabyte each.
MOST_PROCESSES = 8


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes ``-n auto`` makes: one for each core that this one may use."""
    from downslope.threads import n_cores

    return min(n_cores(), MOST_PROCESSES)


@pytest.fixture(autouse=True)
def no_figure_outlives_its_test() -> Iterator[None]:
    """Close what a test drew, without importing matplotlib for the tests that draw nothing."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
