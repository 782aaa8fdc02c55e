"""How a mutant is tried: the tests that hold its module, in a process of their own, until the first one fails."""

import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, settings

# Hypothesis is imported before pytest sees it, and warnings are errors.
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
# A mutant may ask for all the memory there is.
LARGEST_BYTES = 8 * 2**30


class Verdict(NamedTuple):
    """Whether the tests noticed, which one did, and the seconds that it took."""

    killed: bool
    by: str
    seconds: float


class Witness:
    """Remembers the first test that fails; examples are the same each time, and a failing one is not made small."""

    def __init__(self, sources: Path) -> None:
        self.sources = sources
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", settings.get_profile("ci"), phases=phases, print_blob=False)
        settings.load_profile("mutants")

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector) -> None:
        self.failed = self.failed or node.nodeid

    def pytest_sessionfinish(self) -> None:
        package = sys.modules.get("downslope")
        if package is not None and not Path(str(package.__file__)).is_relative_to(self.sources):
            self.failed = f"the tests ran {package.__file__}, which is no mutant"


def warm_up() -> None:
    """Import what all tests import, but nothing of what is changed: a fork has it for nothing."""
    for name in ("numba", "pandas", "scipy.linalg", "scipy.optimize", "scipy.sparse", "sklearn.linear_model"):
        __import__(name)


def run_tests(copy: Path, tests: Sequence[str], timeout: float) -> Verdict:
    """The verdict of `tests` on what lies in `copy`."""
    began = time.monotonic()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(told)
        os._exit(run_in_child(copy, tests, tell))
    os.close(tell)
    try:
        status = wait(child, began + timeout)
    except BaseException:
        end(child)
        raise
    with os.fdopen(told, "rb") as pipe:
        by = pipe.read().decode()
    return Verdict(status != 0, by or ("" if status == 0 else "the time or the memory"), time.monotonic() - began)


def run_in_child(copy: Path, tests: Sequence[str], tell: int) -> int:
    """What pytest returns."""
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_BYTES, LARGEST_BYTES))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    witness = Witness(copy / "src")
    code = 3
    try:
        code = int(pytest.main([*OPTIONS, *tests], plugins=[witness]))
    finally:
        os.write(tell, witness.failed.encode())
    return code


def wait(child: int, until: float) -> int:
    """The status of the child, which is ended when its time is over."""
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() > until:
            end(child)
            return -1
        time.sleep(0.02)


def end(child: int) -> None:
    """End a child, and those that it started."""
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
    os.waitpid(child, 0)
