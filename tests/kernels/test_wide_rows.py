"""Wide rows, a few at a time and by two threads: scikit-learn's numbers, and the same bits whoever did the work."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDRegressor as Theirs

from downslope import SGDRegressor
from downslope.kernels import sharing, uncompiled
from downslope.kernels.rows import WideRows, kernel_rows
from downslope.kernels.sequential import Position, no_sums
from downslope.scikit_sgd.passes import Workspace
from downslope.scikit_sgd.task import SgdState
from tests.scikit_sgd.test_sgd import CHOICES, assert_same, fitted, quiet, weights_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = np.ndarray


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few rows are left to Python, in whose order of operations there is nothing to find together."""
    monkeypatch.setattr(uncompiled, "CROSSING", 0)


def wide(n: int = 90, d: int = 400, seed: int = 0, kind: Any = np.float64) -> tuple[Array, Array]:
    """Rows of which a step at the default rate is a small one."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)) / np.sqrt(d)
    y = X @ random.normal(size=d) * 3.0 + 1.0 + 0.1 * random.normal(size=n)
    return X.astype(kind), y.astype(kind)


@pytest.mark.parametrize("seed", range(60))
def test_they_have_scikit_learns_numbers(seed: int) -> None:
    random = np.random.default_rng([11, seed])
    parameters = {name: choice[random.integers(len(choice))] for name, choice in CHOICES.items()}
    parameters |= {"random_state": seed, "penalty": ("l2", None, "elasticnet")[seed % 3]}
    if parameters["penalty"] == "elasticnet":
        parameters["l1_ratio"] = 0.0
    # Few rows, and numbers of them that are no multiple of a group's.
    X, y = wide(int(random.integers(5, 80)), int(random.integers(32, 700)), seed)
    weight = (None, random.uniform(0, 3, y.size))[seed % 2]
    way = ("fit", "fit", "init", "warm start", "blocks")[random.integers(5)]
    if way == "blocks":
        parameters["early_stopping"] = False
    ours, theirs = (fitted(kind(**parameters), way, X, y, weight) for kind in (SGDRegressor, Theirs))
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    # One run walks back to zero, where all that is left is rounding.
    scale = max(np.abs(weights_of(theirs)).max(), 1e-3)
    np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("average", [False, 7])
def test_a_scale_that_becomes_small_is_multiplied_in(average: int) -> None:
    # Each update shrinks the coefficients by a tenth: their common scale is below 1e-9 within 200 updates.
    X, y = wide(203)
    parameters = {"alpha": 10.0, "eta0": 0.01, "learning_rate": "constant", "tol": None, "max_iter": 4}
    parameters |= {"random_state": 0, "average": average}
    assert_same(quiet(SGDRegressor(**parameters), X, y), quiet(Theirs(**parameters), X, y))


def test_single_precision_stays_near_theirs() -> None:
    X, y = wide(120, 900, kind=np.float32)
    parameters = {"max_iter": 20, "tol": 1e-3, "random_state": 3}
    ours, theirs = (quiet(kind(**parameters), X, y) for kind in (SGDRegressor, Theirs))
    assert ours.coef_.dtype == np.float32
    np.testing.assert_allclose(weights_of(ours), weights_of(theirs), atol=2e-5 * np.abs(weights_of(theirs)).max())


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("parameters", [{"alpha": 5.0}, {"average": 5}, {"loss": "huber", "tol": None}], ids=str)
def test_two_threads_make_the_same_bits_as_one(
    parameters: dict[str, Any], kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = wide(203, 901, kind=kind)
    model = SGDRegressor(max_iter=6, random_state=0, **parameters)
    monkeypatch.setattr(sharing, "MUCH", 2**15)
    # These rows are too few for two threads to be faster.
    monkeypatch.setattr(sharing.Shared, "wait", lambda self: None)
    shared, share = [], sharing.Shared.share

    def counted(self: sharing.Shared, *call: Any) -> None:
        shared.append(call)
        share(self, *call)

    monkeypatch.setattr(sharing.Shared, "share", counted)
    seen = {}
    for cores in (1, 2):
        monkeypatch.setattr(sharing, "n_cores", lambda cores=cores: cores)
        seen[cores] = quiet(model, X, y)
        seen[cores] = (weights_of(model), model.history_.coef.copy(), model.history_["objective"].copy(), len(shared))
    assert seen[1][3] == 0
    assert seen[2][3] > 5
    for one, two in zip(seen[1][:3], seen[2][:3], strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_busy_core_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MUCH", 2**15)
    monkeypatch.setattr(sharing, "n_cores", lambda: 2)
    ways: list[tuple[str, int]] = []
    now = 0.0

    def way(name: str, seconds_a_row: float) -> Any:
        def make(loss: Any, rows: Any, order: Array, *rest: Any) -> None:
            nonlocal now
            ways.append((name, order.size))
            now += seconds_a_row * order.size

        return make

    def by_two(pieces: int) -> float:
        """The share of the rows of so many pieces that two threads have made; each is made once."""
        ways.clear()
        for _ in range(pieces):
            shared(None, rows, np.arange(90), None, None, None, None)
        assert sum(size for _, size in ways) == 90 * pieces
        return sum(size for name, size in ways if name == "two") / (90 * pieces)

    monkeypatch.setattr(sharing.time, "perf_counter", lambda: now)
    rows = kernel_rows(*wide(), np.empty(0), linear=True)
    assert isinstance(rows, WideRows)
    shared = sharing.Shared(way("one", 1.0), rows)
    monkeypatch.setattr(shared, "share", way("two", 3.0))
    # It is tried, and hardly costs more than one thread alone would have taken.
    assert 0 < by_two(100) < 0.05
    assert now < 1.1 * 100 * 90
    # When the core is free again, two threads go on; a slow moment ends that for the moment only.
    monkeypatch.setattr(shared, "share", way("two", 0.6))
    by_two(50)
    assert by_two(50) == 1.0
    monkeypatch.setattr(shared, "share", way("two", 3.0))
    assert by_two(1) < 0.5
    monkeypatch.setattr(shared, "share", way("two", 0.6))
    assert by_two(10) > 0.8


class BrokenError(Exception):
    """Of a thread."""


@pytest.mark.parametrize(("half", "failure"), [(0, KeyboardInterrupt), (1, BrokenError)])
def test_a_thread_that_fails_leaves_all_as_it_was(half: int, failure: type[BaseException]) -> None:
    X, y = wide(400, 800)
    model = SGDRegressor(max_iter=1, tol=None, random_state=0)
    held: list[Workspace] = []
    begin = Workspace.begin.__func__  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:

        def kept(cls: type[Workspace], task: Any, start: SgdState, *, exact: bool) -> Any:
            work, plan = begin(cls, task, start, exact=exact)
            held.append((work, plan))  # type: ignore[arg-type]
            return work, plan

        patch.setattr(Workspace, "begin", classmethod(kept))
        quiet(model, X, y)
    work, plan = held[0]  # type: ignore[misc]
    descend = work.descend.descend

    def failing(loss: Any, rows: WideRows, *rest: Any) -> None:
        if rows.begin == half:
            raise failure
        descend(loss, rows, *rest)

    work.descend.descend = failing
    before = work.vectors.v.copy(), work.position.copy()
    with pytest.raises(failure):
        work.descend.share(
            work.loss, work.rows, np.arange(400, dtype=np.int32), plan, work.vectors, work.position, no_sums()
        )
    np.testing.assert_array_equal(work.vectors.v, before[0])
    np.testing.assert_array_equal(work.position, before[1])
    assert Position(*work.position).t == 401.0


CALL = """
import numpy as np
from downslope.kernels.orders import take
out = np.empty(3)
take(np.arange(5.0), np.array([4, 0, 2], dtype=np.int32), out)
assert out.tolist() == [4.0, 0.0, 2.0]
"""


def test_kernels_that_another_version_kept_are_made_again(tmp_path: Path) -> None:
    def call() -> None:
        environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-W", "error", "-c", CALL], env=environment, check=True, timeout=120)

    call()
    indices = list(tmp_path.rglob("*.nbi"))
    assert indices
    for index in indices:
        # A pickle of a class that is no more, behind numba's own version.
        version = index.read_bytes().split(b".", 1)[0]
        index.write_bytes(index.read_bytes()[: len(version)] + b"\x80\x04.cdownslope.kernels.rows\nGoneRows\n.")
    call()
