"""Small work by Python itself: the bits of the compiled exact kernel and of scikit-learn, wherever a run goes on."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import SGDRegressor as Theirs

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.kernels import uncompiled
from downslope.kernels.batches import descend_batches_exactly
from downslope.kernels.compiling import Kernel
from downslope.kernels.losses import Squared
from downslope.kernels.orders import shuffle, shuffle_many
from downslope.kernels.sequential import descend_in_order, descend_rows_exactly
from downslope.kernels.uncompiled import InPython, PythonsWork, bound, is_small
from tests.interrupts import interrupted_after
from tests.scikit_sgd.test_sgd import CHOICES, fitted, quiet, weights_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Array = np.ndarray
BATCHES: dict[str, tuple[Any, ...]] = {
    "loss": ("squared_error", "huber", "squared_epsilon_insensitive"),
    "method": ("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga"),
    "penalty": (None, "l2", "l1", "elasticnet"),
    "alpha": (0.01, 0.3),
    "batch_size": (1, 1, 5),
    "learning_rate": ("auto", "auto", 0.01),
    "standardize": (True, False),
    "fit_intercept": (True, False),
    "shuffle": (True, False),
    "tol": (1e-3, 0.0),
    "max_iter": (2, 5, 9),
}
MUCH = 10**12


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether Python made each pass over a small table, or left it to compiled code."""
    made: list[bool] = []
    by_python = InPython.by_python

    def watched(self: InPython, *given: Any) -> Any:
        done = by_python(self, *given)
        if done is not None:
            made.append(True)
        return done

    def compiled(self: Kernel, *given: Any) -> Any:
        if self in (descend_rows_exactly, descend_batches_exactly):
            made.append(False)
        return self.machine_code(*given)

    monkeypatch.setattr(InPython, "by_python", watched)
    monkeypatch.setattr(Kernel, "__call__", compiled)
    return made


def leave(monkeypatch: pytest.MonkeyPatch, work: int) -> None:
    """Let Python do so much before it leaves the rest to compiled code, whatever was done or compiled before."""
    budget = PythonsWork()
    budget.done = uncompiled.CROSSING - work
    monkeypatch.setattr(uncompiled, "pythons_work", budget)


def draw(seed: int) -> tuple[dict[str, Any], str, Array, Array, Array | None]:
    """Parameters, the way of fitting, and dense rows of either precision."""
    random = np.random.default_rng([29, seed])
    parameters = {name: choice[random.integers(len(choice))] for name, choice in CHOICES.items()}
    parameters["random_state"] = int(random.integers(1000))
    if parameters["loss"] == "epsilon_insensitive" and random.random() < 0.4:
        parameters["learning_rate"] = ("pa1", "pa2")[random.integers(2)]
    n, d = int(random.integers(12, 90)), int(random.integers(1, 24))
    X = random.normal(size=(n, d)) * (1.0, 1.0, 10.0)[random.integers(3)]
    y = X @ random.normal(size=d) + random.normal(size=n) + (0.0, -4.0)[random.integers(2)]
    if random.random() < 0.2:
        X, y = X.astype(np.float32), y.astype(np.float32)
    weight = (None, random.uniform(0, 2, n), random.integers(0, 3, n).astype(float))[random.integers(3)]
    way = ("fit", "init", "warm start", "blocks")[random.integers(4)]
    if way == "blocks":
        parameters["early_stopping"] = False
    return parameters, way, X, y, weight


def all_of(model: Any) -> list[Array]:
    """All numbers of a fit but the seconds."""
    columns = {name: values for name, values in model.history_.to_dict().items() if name != "seconds"}
    return [weights_of(model), np.array([model.n_iter_, model.t_, model.learning_rate_]), *columns.values()]


@pytest.mark.parametrize("seed", range(150))
def test_no_bit_depends_on_who_made_a_pass(seed: int, passes: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    parameters, way, X, y, weight = draw(seed)
    some = int(np.random.default_rng(seed).integers(1, 8)) * y.size * 60
    seen = []
    for work in (MUCH, some, 0):
        leave(monkeypatch, work)
        seen.append(all_of(fitted(SGDRegressor(**parameters), way, X, y, weight)))
    for other in seen[1:]:
        for one, same in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
    single = X.dtype == np.float32
    assert passes[0] != single if passes else single
    if not single:
        expected = fitted(Theirs(**parameters), way, X, y, weight)
        np.testing.assert_array_equal(seen[0][0], weights_of(expected))


def draw_batches(seed: int) -> tuple[dict[str, Any], bool, Array, Array, Array | None]:
    """Parameters of a descent by mini-batches, whether it follows a stream, and dense rows."""
    random = np.random.default_rng([31, seed])
    parameters = {name: choice[random.integers(len(choice))] for name, choice in BATCHES.items()}
    n, d = int(random.integers(12, 90)), int(random.integers(1, 14))
    X = random.normal(size=(n, d)) * (1.0, 30.0)[random.integers(2)] + (0.0, 5.0)[random.integers(2)]
    y = X @ random.normal(size=d) + random.normal(size=n)
    weight = (None, random.uniform(0.1, 2, n))[random.integers(2)]
    stream = random.random() < 0.2 and parameters["method"] != "saga"
    return parameters | {"random_state": seed}, stream, X, y, weight


def descended(parameters: dict[str, Any], stream: bool, X: Array, y: Array, weight: Array | None) -> Any:
    model = GradientDescentRegressor(**parameters)
    if not stream:
        quiet(model, X, y, sample_weight=weight)
        return quiet(model.set_params(warm_start=True, max_iter=2), X, y, sample_weight=weight)
    for part in (slice(0, None, 2), slice(1, None, 2)):
        quiet(model, X[part], y[part], None if weight is None else weight[part], method="partial_fit")
    return model


@pytest.mark.parametrize("seed", range(60))
def test_no_bit_of_batches_depends_on_it_either(seed: int, passes: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw_batches(seed)
    seen = []
    for work in (MUCH, int(np.random.default_rng(seed).integers(1, 6)) * drawn[3].size * 100, 0):
        leave(monkeypatch, work)
        model = descended(*drawn)
        columns = {name: values for name, values in model.history_.to_dict().items() if name != "seconds"}
        seen.append([model.coef_, np.array([model.intercept_]), *columns.values()])
    assert passes[0]
    assert not passes[-1]
    for other in seen[1:]:
        for one, same in zip(seen[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_a_run_goes_on_compiled_from_where_it_is(passes: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 6))
    y = X @ np.arange(6.0) + random.normal(size=200)
    # Three passes of 200 rows and 35 + 6 columns, and a part of a fourth, which is left whole; shuffling takes some.
    leave(monkeypatch, 3 * 200 * 41 + 200 * 4 + 100)
    model = quiet(SGDRegressor(tol=None, max_iter=9, random_state=0, average=300), X, y)
    assert passes == [True] * 3 + [False] * 6
    theirs = Theirs(tol=None, max_iter=9, random_state=0, average=300).fit(X, y)
    np.testing.assert_array_equal(weights_of(model), weights_of(theirs))
    # What is compiled is used from then on, by other runs too.
    quiet(SGDRegressor(tol=None, max_iter=2, random_state=1), X, y)
    assert passes[9:] == [False, False]


RAISING: dict[str, dict[str, Any]] = {
    "a factor of 0": {"alpha": 100.0, "eta0": 0.01, "learning_rate": "constant"},
    "a power too large": {"power_t": 400.0},
    "the same, averaged": {"alpha": 200.0, "eta0": 0.01, "learning_rate": "constant", "average": True},
}


@pytest.mark.parametrize("name", RAISING)
def test_where_python_would_raise_the_run_goes_on_compiled(
    name: str, passes: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2)
    X, y = random.normal(size=(60, 3)), random.normal(size=60)
    leave(monkeypatch, MUCH)
    parameters = {"max_iter": 4, "tol": None, "random_state": 0, **RAISING[name]}
    ours, theirs = (quiet(kind(**parameters), X, y) for kind in (SGDRegressor, Theirs))
    assert passes == [False] * 4
    np.testing.assert_array_equal(weights_of(ours), weights_of(theirs))


def test_an_interrupt_leaves_the_state_before_the_pass(passes: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    X = random.normal(size=(4000, 10))
    y = X @ np.ones(10) + random.normal(size=4000)
    leave(monkeypatch, MUCH)
    model = SGDRegressor(tol=None, max_iter=10_000, random_state=0, average=5)
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.3):
        quiet(model, X, y)
    assert model.stop_reason_ == "interrupted"
    assert passes
    assert all(passes)
    whole = quiet(SGDRegressor(tol=None, max_iter=len(passes), random_state=0, average=5), X, y)
    np.testing.assert_array_equal(weights_of(model), weights_of(whole))


FIRST = """
import sys
import numpy as np
from downslope import GradientDescentRegressor, SGDRegressor
random = np.random.default_rng(0)
X = random.normal(size=(506, 13))
y = X @ random.normal(size=13) + 22.0 + random.normal(size=506)
for loss in ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
    model = SGDRegressor(loss=loss, random_state=0, max_iter=40).fit(X, y)
    model.partial_fit(X, y)
    GradientDescentRegressor(loss="huber", batch_size=1, max_iter=3, tol=0).fit(X, y)
    model.set_params(penalty="elasticnet", average=True, early_stopping=True, max_iter=9).fit(X[:99], y[:99])
print("numba" in sys.modules)
"""


def test_a_first_fit_in_a_new_installation_loads_no_compiler(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-c", FIRST]
    run = subprocess.run(command, env=environment, check=True, timeout=120, capture_output=True, text=True)
    assert run.stdout.split() == ["False"]
    assert not list(tmp_path.iterdir())


def test_a_large_table_is_compiled_for_at_once(passes: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, MUCH)
    columns = 1000
    n = uncompiled.CROSSING // uncompiled.USUAL_PASSES // (uncompiled.AN_UPDATE + columns)
    assert is_small(n, columns)
    assert not is_small(n + 1, columns)
    X = np.random.default_rng(4).normal(size=(n + 1, columns)) / 40.0
    for rows, made in ((n + 1, []), (n, [True])):
        quiet(SGDRegressor(max_iter=1, tol=None, random_state=0), X[:rows], X[:rows, 0])
        assert passes == made


def test_work_that_is_too_much_ends_it() -> None:
    work = PythonsWork()
    assert work.takes(uncompiled.CROSSING - 10)
    assert work.takes(10)
    assert not work.takes(1)
    work = PythonsWork()
    assert not work.takes(uncompiled.CROSSING + 1)
    # However little is asked for next: what is compiled is compiled.
    assert not work.takes(1)


def test_functions_are_chosen_once_and_the_originals_are_left() -> None:
    kinds = {"loss": Squared, "rows": uncompiled.ListRows, "counts": bool, "v": list, "mean": list}
    again: Any = bound(descend_in_order, **kinds)
    assert again is bound(descend_in_order, **kinds)
    assert again is not descend_in_order
    assert again.__code__ is descend_in_order.__code__
    assert again.__globals__["advance"].__name__ == "advance_list"
    assert descend_in_order.__globals__["advance"].__name__ == "advance"


@pytest.mark.parametrize("seed", [0, 1, 77, 2**31 - 2])
def test_lists_are_shuffled_as_arrays_are(seed: int) -> None:
    for n in (1, 2, 3, 1000):
        array, numbers = np.arange(n, dtype=np.int32), list(range(n))
        shuffle_many(array, seed)
        shuffle(numbers, seed)
        assert numbers == array.tolist()


def test_warnings_are_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, MUCH)
    random = np.random.default_rng(5)
    X = random.normal(size=(80, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SGDRegressor(random_state=0, tol=None, max_iter=300).fit(X, X @ [1.0, 2.0])
