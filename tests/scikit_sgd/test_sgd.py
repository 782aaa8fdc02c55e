"""SGDRegressor against scikit-learn's: its numbers for every parameter; and what ours adds."""

import os
import pickle
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from scipy.linalg import blas
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import SGDRegressor as Theirs
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from downslope import SGDRegressor
from downslope.exceptions import DivergenceWarning, DownslopeWarning, InputError, NotConvergedWarning
from downslope.kernels import orders, sequential, uncompiled
from downslope.kernels.losses import HuberAt, PassiveAggressive, Squared, SquaredTube, Tube, pull, value
from downslope.kernels.rows import MANY
from downslope.kernels.sequential import close_mean, close_means
from downslope.kernels.translation import translate
from tests.interrupts import interrupted_after
from tests.problems import course, real_table

Array = np.ndarray
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CHOICES: dict[str, tuple[Any, ...]] = {
    "loss": ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
    "penalty": ("l2", "l1", "elasticnet", None),
    "alpha": (1e-4, 1e-2, 0.3),
    "l1_ratio": (0.0, 0.15, 0.7, 1.0),
    "learning_rate": ("constant", "optimal", "invscaling", "adaptive"),
    "eta0": (0.01, 0.001, 0.1),
    "power_t": (0.25, 0.5, 0.1, 0.0, 1.0),
    "average": (False, True, 10, 150),
    "shuffle": (True, True, False),
    "fit_intercept": (True, True, False),
    "early_stopping": (False, False, True),
    "tol": (1e-3, 1e-5, None),
    "n_iter_no_change": (2, 5),
    "epsilon": (0.1, 0.5, 0.0),
    "max_iter": (1, 3, 12, 40),
}


def rows(n: int = 80, d: int = 4, seed: int = 0) -> tuple[Array, Array]:
    """Columns about zero, and a target with noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d))
    return X, X @ random.normal(size=d) + 2.0 + 0.3 * random.normal(size=n)


def quiet(model: Any, *given: Any, method: str = "fit", **named: Any) -> Any:
    """The model after a call whose warnings do not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(model, method)(*given, **named)


def weights_of(model: Any) -> Array:
    return np.append(model.coef_, model.intercept_)


def assert_same(ours: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """The same coefficients, passes and updates."""
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)
    expected = weights_of(theirs)
    np.testing.assert_allclose(weights_of(ours), expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


# --------------------------------------------------------------------------------------------------- their numbers
def draw(seed: int) -> tuple[dict[str, Any], str, Any, Array, Array | None]:
    """Parameters, the way of fitting, and rows."""
    random = np.random.default_rng([7, seed])
    parameters = {name: choice[random.integers(len(choice))] for name, choice in CHOICES.items()}
    parameters["random_state"] = int(random.integers(1000))
    if parameters["loss"] == "epsilon_insensitive" and random.random() < 0.4:
        parameters["learning_rate"] = ("pa1", "pa2")[random.integers(2)]
    n, d = int(random.integers(20, 150)), int(random.integers(1, 20))
    # Columns in tens and hundreds make runs that diverge, and these have numbers too.
    X = random.normal(size=(n, d)) * (1.0, 1.0, 1.0, 10.0, 100.0)[random.integers(5)]
    y = X @ random.normal(size=d) + random.normal(size=n) + (0.0, 3.0)[random.integers(2)]
    kind = random.random()
    if kind < 0.4:
        X = scipy.sparse.csr_array(np.where(random.random(X.shape) < 0.3, X, 0.0))
        index = (np.int32, np.int64)[random.integers(2)]
        X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    weight = (None, None, random.uniform(0, 3, n), random.integers(0, 3, n).astype(float))[random.integers(4)]
    way = ("fit", "fit", "init", "warm start", "blocks")[random.integers(5)]
    if way == "blocks":
        parameters["early_stopping"] = False
    return parameters, way, X, y, weight


def fitted(model: Any, way: str, X: Any, y: Array, weight: Array | None) -> Any:
    d, half = X.shape[1], X.shape[0] // 2
    if way == "init":
        return quiet(model, X, y, np.full(d, 0.5), np.array([1.0]), weight)
    if way == "warm start":
        quiet(model.set_params(warm_start=True), X, y, sample_weight=weight)
    if way == "blocks":
        for part in (slice(0, half), slice(half, None), slice(None)):
            quiet(model, X[part], y[part], None if weight is None else weight[part], method="partial_fit")
        return model
    return quiet(model, X, y, sample_weight=weight)


def for_theirs(X: Any) -> Any:
    """The rows as scikit-learn takes them: it refuses indices of 64 bits."""
    if scipy.sparse.issparse(X):
        X = X.copy()
        X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


def both(seed: int) -> tuple[Any, Any]:
    """Our model and theirs."""
    parameters, way, X, y, weight = draw(seed)
    theirs = fitted(Theirs(**parameters), way, for_theirs(X), y, weight)
    return fitted(SGDRegressor(**parameters), way, X, y, weight), theirs


# Of 3,240 draws those in which the last bits of a mean of places grow beyond 1e-9.
AMPLIFYING = (70, 278, 947, 2056, 2240, 2577)


@pytest.mark.parametrize("crossing", [uncompiled.CROSSING, 0], ids=["small", "large"])
@pytest.mark.parametrize("seed", [*range(240), *AMPLIFYING[1:]])
def test_every_combination_has_their_numbers(seed: int, crossing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uncompiled, "CROSSING", crossing)
    ours, theirs = both(seed)
    # Small tables are passed over in their order of operations.
    exact = crossing and not scipy.sparse.issparse(draw(seed)[2])
    assert_same(ours, theirs, 0.0 if exact else 1e-9)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape == (1,)


def assert_their_bits() -> None:
    """The same bits in runs that amplify them, and are made in their order of operations for that."""
    for seed in AMPLIFYING:
        assert_same(*both(seed), tolerance=0.0)


def test_runs_that_amplify_have_their_bits() -> None:
    assert_their_bits()


def test_they_have_them_where_blas_fuses_nothing() -> None:
    # What OpenBLAS fuses it chooses by the processor; the oldest that it knows cannot fuse, and all others can be it.
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Prescott", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "from tests.scikit_sgd.test_sgd import assert_their_bits; assert_their_bits()"]
    subprocess.run(command, env=environment, check=True, timeout=300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_is_closed_as_blas_adds(dtype: type) -> None:
    random, axpy = np.random.default_rng(3), blas.saxpy if dtype is np.float32 else blas.daxpy
    for close, size in product((close_mean, close_means), range(1, 70)):
        mean, v = random.normal(size=(2, size)).astype(dtype)
        expected = axpy(v, mean.copy(), a=0.3) * dtype(1.0 / 1.7)
        whole, halves, middle = mean.copy(), mean.copy(), size // 2
        close(whole, v, 0.3, 1.7, 0, size)
        np.testing.assert_array_equal(whole, expected)
        close(halves, v, 0.3, 1.7, 0, middle)
        np.testing.assert_array_equal(halves[middle:], mean[middle:])
        close(halves, v, 0.3, 1.7, middle, size)
        np.testing.assert_allclose(halves, expected, rtol=1e-5, atol=1e-6)


def freed(kernel: Any) -> list[str]:
    """The instructions that the compiler may fuse or reorder."""
    lines = "\n".join(kernel.inspect_llvm().values()).splitlines()
    return [line for line in lines if re.search(r"\b(fast|reassoc|contract|arcp|nsz)\b", line)]


def test_exact_kernels_let_the_compiler_fuse_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiled here: of a kernel on disk the instructions are not kept.
    kernel = translate(sequential.descend_in_order, exact=True, kept=False)
    monkeypatch.setattr(sequential.descend_rows_exactly, "machine_code", kernel, raising=False)
    monkeypatch.setattr(uncompiled, "CROSSING", 0)
    quiet(SGDRegressor(penalty="elasticnet", eta0=1e3, average=True, max_iter=2, random_state=0), *rows())
    assert len(kernel.signatures) == 1
    assert not freed(kernel)


@pytest.mark.parametrize("loss", [Squared(), HuberAt(1.0), Tube(0.1), SquaredTube(0.1), PassiveAggressive(0.1, 1.0)])
def test_losses_do_as_their_kernel_does(loss: Any) -> None:
    def look(loss: Any, residual: float) -> tuple[float, float]:
        return value(loss, residual), pull(loss, residual, residual * residual)

    fast, exact, again = (translate(look, exact=exact, kept=False) for exact in (False, True, False))
    for kernel in (fast, exact, again):
        kernel(loss, 3.0)
    assert freed(fast)
    assert not freed(exact)
    assert freed(again)


def test_the_combinations_hold_every_choice() -> None:
    drawn = [draw(seed) for seed in range(240)]
    for name, choices in CHOICES.items():
        assert {parameters[name] for parameters, *_ in drawn} >= set(choices), name
    assert {way for _, way, *_ in drawn} == {"fit", "init", "warm start", "blocks"}
    assert sum(scipy.sparse.issparse(X) for _, _, X, _, _ in drawn) > 50
    assert sum(weight is not None for *_, weight in drawn) > 50


@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_more_columns_than_a_cache_holds(penalty: str) -> None:
    # From so many on the coefficients of rows to come are asked for. Rows hold 0 to 9 numbers, some empty.
    random = np.random.default_rng(4)
    filled, n_columns = random.integers(0, 10, 400), MANY + 100_000
    begins = np.append(0, np.cumsum(filled))
    columns = np.concatenate([np.sort(random.choice(n_columns, k, replace=False)) for k in filled])
    X = scipy.sparse.csr_array((random.normal(size=begins[-1]), columns, begins), shape=(400, n_columns))
    y = 1.0 + random.normal(size=400)
    parameters = {"penalty": penalty, "random_state": 2, "max_iter": 3, "tol": None}
    ours = quiet(SGDRegressor(**parameters), X, y)
    assert_same(ours, quiet(Theirs(**parameters), for_theirs(X), y))
    # The state that is returned is measured over its rows.
    residual = X @ ours.coef_ + ours.intercept_[0] - y
    size = np.sum(np.abs(ours.coef_)) if penalty == "l1" else 0.5 * np.sum(ours.coef_**2)
    objective = 0.5 * np.mean(residual**2) + 1e-4 * size
    assert ours.history_["objective"][-1] == pytest.approx(objective, rel=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
@pytest.mark.parametrize("loss", CHOICES["loss"])
def test_float32_stays_float32(loss: str, penalty: str | None, sparse: bool) -> None:
    X, y = rows(200)
    X, y = X.astype(np.float32), y.astype(np.float32)
    given = scipy.sparse.csr_array(X) if sparse else X
    options = {"loss": loss, "penalty": penalty, "random_state": 1, "max_iter": 8, "tol": None, "average": 20}
    ours, theirs = SGDRegressor(**options).fit(given, y), Theirs(**options).fit(for_theirs(given), y)
    assert ours.coef_.dtype == theirs.coef_.dtype == np.float32
    assert_same(ours, theirs, 2e-5)


def test_a_million_updates_shrink_float32_as_theirs_do() -> None:
    # Theirs rounds by what the scale is multiplied, not the scale.
    X, y = rows(20_000, 3)
    options = {"learning_rate": "constant", "eta0": 0.001, "max_iter": 50, "tol": None, "random_state": 0}
    models = [kind(**options).fit(X.astype(np.float32), y.astype(np.float32)) for kind in (SGDRegressor, Theirs)]
    assert_same(*models, tolerance=1e-6)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_generator_is_left_where_theirs_leaves_it(early_stopping: bool) -> None:
    X, y = rows()
    left = []
    for kind in (SGDRegressor, Theirs):
        generator = np.random.RandomState(5)
        model = kind(random_state=generator, early_stopping=early_stopping, max_iter=4, tol=None).fit(X, y)
        quiet(model, X, y)
        left.append((*weights_of(model), generator.randint(10**9)))
    np.testing.assert_allclose(left[0], left[1], rtol=1e-12)


def test_the_signature_is_theirs() -> None:
    assert SGDRegressor().get_params() == Theirs().get_params()
    for name, accepted in SGDRegressor._parameter_constraints.items():
        expected = Theirs._parameter_constraints[name]
        assert [vars(one) if hasattr(one, "__dict__") else one for one in accepted] == [
            vars(one) if hasattr(one, "__dict__") else one for one in expected
        ], name


def test_the_average_counts_from_its_start() -> None:
    X, y = rows(30)
    for average, same in ((31, False), (30, True), (60, False)):
        model = quiet(SGDRegressor(average=average, max_iter=1, random_state=0), X, y)
        plain = quiet(SGDRegressor(max_iter=1, random_state=0), X, y)
        # Begun with the last update, the mean is of one iterate; begun later, none is kept.
        np.testing.assert_allclose(weights_of(model), weights_of(plain), rtol=1e-12)
        assert (model._last_state.mean_coef.any()) == same


def test_sparsify_and_back() -> None:
    X, y = rows()
    options = {"penalty": "l1", "alpha": 0.3, "random_state": 0, "max_iter": 5, "tol": None}
    ours, theirs = SGDRegressor(**options).fit(X, y), Theirs(**options).fit(X, y)
    assert scipy.sparse.issparse(ours.sparsify().coef_)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    # Theirs needs densify before it can go on; ours does not.
    quiet(ours, X, y, method="partial_fit")
    quiet(theirs, X, y, method="partial_fit")
    np.testing.assert_allclose(ours.densify().coef_, theirs.coef_, rtol=1e-12)


# ---------------------------------------------------------------------------------------------------- their contract
TWICE = "a step on a row of weight 2 is not two steps, as theirs is not"


@parametrize_with_checks(
    [SGDRegressor(random_state=0)],
    expected_failed_checks=lambda estimator: {
        f"check_sample_weight_equivalence_on_{kind}_data": TWICE for kind in ("dense", "sparse")
    },
)
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.filterwarnings("ignore:.*does not have metadata routing")
def test_scikit_learns_contract(estimator: Any, check: Any) -> None:
    check(estimator)


def test_weights_are_routed() -> None:
    X, y = rows()
    weight = np.linspace(0.0, 2.0, y.size)
    with config_context(enable_metadata_routing=True):
        model = SGDRegressor(random_state=0).set_fit_request(sample_weight=True, coef_init=False)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
    plain = SGDRegressor(random_state=0).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    np.testing.assert_array_equal(pipeline[-1].coef_, plain.coef_)


def test_it_lives_among_scikit_learns_tools() -> None:
    X, y = rows(200)
    model = SGDRegressor(random_state=0)
    np.testing.assert_allclose(cross_val_score(model, X, y), cross_val_score(Theirs(random_state=0), X, y), rtol=1e-12)
    search = GridSearchCV(make_pipeline(StandardScaler(), model), {"sgdregressor__alpha": [1e-4, 1.0]}).fit(X, y)
    assert search.best_params_ == {"sgdregressor__alpha": 1e-4}
    again = pickle.loads(pickle.dumps(search.best_estimator_[-1]))
    np.testing.assert_array_equal(again.coef_, search.best_estimator_[-1].coef_)
    assert len(again.history_) == again.n_iter_ + 1
    assert not hasattr(clone(again), "coef_")


def test_frames_are_read() -> None:
    X, y = rows()
    frame = pd.DataFrame(X, columns=["km", "kg", "hp", "l"])
    model = SGDRegressor(random_state=0).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == ["km", "kg", "hp", "l"]
    np.testing.assert_array_equal(model.coef_, SGDRegressor(random_state=0).fit(X, y).coef_)
    np.testing.assert_allclose(model.predict(frame), X @ model.coef_ + model.intercept_)


# ------------------------------------------------------------------------------------------------------ the history
def test_records_hold_every_pass() -> None:
    X, y = rows()
    model = SGDRegressor(random_state=0, max_iter=6, tol=None).fit(X, y)
    history = model.history_
    assert history["epoch"].tolist() == list(range(7))
    for epoch in range(1, 7):
        shorter = SGDRegressor(random_state=0, max_iter=epoch, tol=None).fit(X, y)
        np.testing.assert_array_equal(history.coef[epoch], shorter.coef_)
        assert history.intercept[epoch] == shorter.intercept_[0]
    assert history["learning_rate"][6] == pytest.approx(0.01 / (6 * 80) ** 0.25) == model.learning_rate_


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet", None])
def test_the_first_and_the_last_record_are_measured(penalty: str | None, weighted: bool) -> None:
    X, y = rows()
    weight = np.linspace(0, 2, y.size) if weighted else None
    model = SGDRegressor(loss="huber", epsilon=0.5, penalty=penalty, alpha=0.1, max_iter=4, tol=None, random_state=0)
    model.fit(X, y, sample_weight=weight)
    history, s = model.history_, np.ones(y.size) if weight is None else weight
    assert history.measured.tolist() == [True, False, False, False, True]
    for epoch in (0, 4):
        residual = X @ history.coef[epoch] + history.intercept[epoch] - y
        size = np.abs(residual)
        losses = np.where(size <= 0.5, 0.5 * residual**2, 0.5 * (size - 0.25))
        l1 = {"l1": 1.0, "elasticnet": 0.15, "l2": 0.0, None: 0.0}[penalty]
        w = history.coef[epoch]
        strength = 0.0 if penalty is None else 0.1
        costs = strength * (l1 * np.abs(w).sum() + (1 - l1) * 0.5 * w @ w)
        assert history["objective"][epoch] == pytest.approx(s @ losses / s.sum() + costs, rel=1e-12)
        assert history["mse"][epoch] == pytest.approx(s @ residual**2 / s.sum(), rel=1e-12)


def test_running_values_are_those_before_each_update() -> None:
    X, y = rows(20)
    model = SGDRegressor(shuffle=False, penalty=None, max_iter=2, tol=None).fit(X, y)
    w, b, total = np.zeros(4), 0.0, 0.0
    for t, (x, target) in enumerate(zip(X, y, strict=True), start=1):
        error = w @ x + b - target
        total += error**2
        w, b = w - 0.01 / t**0.25 * error * x, b - 0.01 / t**0.25 * error
    assert model.history_["mse"][1] == pytest.approx(total / 20, rel=1e-12)
    np.testing.assert_allclose(model.history_.coef[1], w, rtol=1e-12)


def test_held_out_rows_are_measured_too() -> None:
    X, y = rows(200)
    model = SGDRegressor(early_stopping=True, random_state=0).fit(X, y)
    assert model.stop_reason_ == "no_improvement"
    assert "the validation score has not risen" in model.stop_message_
    errors = model.history_["validation_mse"]
    assert errors.size == model.n_iter_ + 1
    assert errors[-1] < 0.2 < errors[0]


def test_blocks_make_one_history() -> None:
    X, y = rows()
    model = SGDRegressor(random_state=0)
    for part in np.split(np.arange(80), 4):
        model.partial_fit(X[part], y[part])
    assert model.history_["epoch"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(model.history_.coef[-1], model.coef_)
    assert (model.t_, model.n_iter_) == (81.0, 1)


def test_a_warm_start_begins_a_history_of_its_own() -> None:
    X, y = rows()
    model = SGDRegressor(random_state=0, warm_start=True).fit(X, y)
    before = model.coef_
    model.fit(X, y)
    np.testing.assert_array_equal(model.history_.coef[0], before)
    residual = X @ before + model.history_.intercept[0] - y
    assert model.history_["mse"][0] == pytest.approx(np.mean(residual**2), rel=1e-12)
    with pytest.warns(DownslopeWarning, match="no effect on a fit that warm_start=True goes on with"):
        model.fit(X, y, coef_init=np.zeros(4))


# ------------------------------------------------------------------------------------------------------- the voice
def classic(case: str) -> tuple[SGDRegressor, Array, Array, str]:
    """A model, rows, and the column that is too large."""
    if case == "x in 0..100":
        x = np.linspace(0.0, 100.0, 200)[:, None]
        return SGDRegressor(random_state=0), x, 3 * x[:, 0] + 7, "x0"
    X, y = rows()
    X[:, 2] *= 2.0
    if case == "features x 30":
        return SGDRegressor(random_state=0), 30 * X, y, "x2"
    return SGDRegressor(eta0=10.0, random_state=0), X, y, "x2"


@pytest.mark.parametrize("case", ["x in 0..100", "features x 30", "eta0=10"])
def test_a_run_that_diverges_says_why_in_numbers(case: str) -> None:
    model, X, y, column = classic(case)
    with pytest.warns(DivergenceWarning) as caught:
        model.fit(X, y)
    told = str(caught[0].message)
    assert caught[0].filename == __file__
    assert told == model.stop_message_
    assert model.stop_reason_ == "diverged"
    assert "Diverged at epoch" in told
    assert f"dominated by column '{column}'" in told
    assert f"eta0={model.eta0:g}) is above the largest stable" in told
    # The numbers are theirs, and the rate that is proposed works.
    assert_same(model, quiet(Theirs(**model.get_params()), X, y))
    proposed = float(told.split("try eta0=")[1].split(",")[0])
    better = quiet(clone(model).set_params(eta0=proposed, learning_rate="constant"), X, y)
    assert better.stop_reason_ != "diverged"
    assert np.abs(better.coef_).max() < 10


@pytest.mark.parametrize("average", [False, True])
def test_an_overflow_gives_the_best_pass_back(average: bool) -> None:
    X, y = rows()
    with pytest.raises(ValueError, match="overflow"):
        Theirs(eta0=1e300, random_state=0).fit(1e3 * X, y)
    with pytest.warns(DivergenceWarning, match=r"the coefficients overflowed, and pass 0 was restored"):
        model = SGDRegressor(eta0=1e300, average=average, random_state=0).fit(1e3 * X, y)
    assert (model.stop_reason_, model.restored_epoch_) == ("diverged", 0)
    np.testing.assert_array_equal(model.predict(X), 0.0)


def test_a_target_beyond_their_limit_is_named() -> None:
    X, y = rows()
    with pytest.warns(DivergenceWarning, match=r"y reaches .*e\+15, so divide it by a constant"):
        SGDRegressor(random_state=0, max_iter=3).fit(X, 1e15 * y)


def test_a_stop_that_tol_made_too_early_is_named() -> None:
    X, y = rows(60)
    with pytest.warns(
        NotConvergedWarning, match=r"tol = 0\.001 is absolute.*still fell by .* % in those passes"
    ) as seen:
        model = SGDRegressor(random_state=0).fit(X, y / 1000)
    assert model.stop_reason_ == "no_improvement"
    assert model.n_iter_ == 6
    proposed = float(str(seen[0].message).split("Set tol=")[1].split(",")[0])
    better = SGDRegressor(random_state=0, tol=proposed).fit(X, y / 1000)
    assert "absolute" not in better.stop_message_
    best = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), y / 1000)[0]
    off, still = (np.abs(weights_of(m) - best).max() / np.abs(best).max() for m in (model, better))
    assert still < 0.2 * off


def test_nothing_is_said_of_a_run_that_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(5):
            SGDRegressor(random_state=seed).fit(*rows(300, seed=seed))
        SGDRegressor(random_state=0, tol=None, max_iter=30).fit(*rows())
        X, y = real_table()
        SGDRegressor(random_state=0).fit(StandardScaler().fit_transform(X), y)


def test_too_few_passes_warn_as_theirs_do() -> None:
    with pytest.warns(ConvergenceWarning, match=r"Stopped at max_iter = 2 passes; .* Raise max_iter"):
        SGDRegressor(max_iter=2, random_state=0).fit(*rows())


def test_negative_powers_are_deprecated_there() -> None:
    with pytest.warns(FutureWarning, match="power_t"):
        SGDRegressor(power_t=-0.1, random_state=0, max_iter=5, tol=None).fit(*rows())


def test_warnings_belong_to_the_line_that_fits() -> None:
    X, y = rows()
    for model in (SGDRegressor(eta0=10.0, random_state=0), make_pipeline(SGDRegressor(eta0=10.0, random_state=0))):
        with pytest.warns(DivergenceWarning) as caught:
            model.fit(X, y)
        assert caught[0].filename == __file__
    with pytest.warns(DataConversionWarning) as caught:
        SGDRegressor(random_state=0).fit(X, y[:, None])
    assert caught[0].filename == __file__


def test_verbose_prints_passes(capsys: pytest.CaptureFixture[str]) -> None:
    SGDRegressor(verbose=1, max_iter=3, tol=None, random_state=0).fit(*course(1))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1", "2", "3"]


def test_an_interrupt_keeps_what_there_is() -> None:
    X, y = rows(300_000, 20)
    # The kernel of a table of that size, loaded beforehand.
    SGDRegressor(max_iter=1, tol=None).fit(X, y)
    model = SGDRegressor(max_iter=100_000, tol=None, random_state=0)
    with pytest.raises(KeyboardInterrupt), interrupted_after(0.5):
        model.fit(X, y)
    assert model.stop_reason_ == "interrupted"
    assert model.history_.measured[-1]
    np.testing.assert_array_equal(model.history_.coef[-1], model.coef_)
    assert model.score(X, y) > 0.9


def test_an_interrupt_within_a_block_leaves_the_model_as_it_was() -> None:
    X, y = rows(1_000_000, 20)
    # The kernel of a block of that size, loaded beforehand: LLVM complains of what is interrupted within it.
    SGDRegressor().partial_fit(X, y)
    model = SGDRegressor(random_state=0).partial_fit(X[:100], y[:100])
    weights = weights_of(model)

    def pass_until_interrupted() -> None:
        nonlocal weights
        for _ in range(200):
            weights = weights_of(model)
            model.partial_fit(X, y)

    with pytest.raises(KeyboardInterrupt), interrupted_after(0.3):
        pass_until_interrupted()
    np.testing.assert_array_equal(weights_of(model), weights)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_after_the_last_row_is_not_lost(early_stopping: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(n: int, seed: int | None) -> Iterator[Array]:
        try:
            yield np.arange(n, dtype=np.int32)
        finally:
            raise KeyboardInterrupt

    monkeypatch.setattr(orders, "orders_of_passes", interrupted)
    model = SGDRegressor(early_stopping=early_stopping, max_iter=1, tol=None, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*rows())
    assert model.stop_reason_ == "interrupted"
    if not early_stopping:
        before = weights_of(model)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(*rows())
        np.testing.assert_array_equal(weights_of(model), before)


def test_the_order_of_a_pass_that_is_not_made_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = threading.Event()
    monkeypatch.setattr(orders, "take", lambda *_: passed.wait())
    visited = orders.orders_of_passes(orders.MANY_ROWS, 1)
    assert next(visited).size == orders.MANY_ROWS
    closing = threading.Thread(target=visited.close)
    closing.start()
    closing.join(60)
    waits = closing.is_alive()
    passed.set()
    assert not waits


# ------------------------------------------------------------------------------------------------------- bad input
X, Y = rows(20)
HOLED = np.where(np.arange(80).reshape(20, 4) == 13, np.nan, X)
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "NaN": ({}, {"X": HOLED}, r"NaN or infinity in 'x1' \(1 NaN\): drop those rows"),
    "infinity": ({}, {"X": np.where(np.isnan(HOLED), np.inf, X)}, r"in 'x1' \(1 infinity\): drop"),
    "NaN in y": ({}, {"y": np.where(np.arange(20) == 3, np.nan, Y)}, r"y contains NaN .*the first is row 3"),
    "text": ({}, {"X": [["a"] * 4] * 20}, r"X holds text .*: encode it"),
    "lengths": ({}, {"y": Y[1:]}, r"X has 20 rows and y has 19"),
    "no rows": ({}, {"X": X[:0], "y": Y[:0]}, r"0 sample\(s\).*give more rows"),
    "negative weights": ({}, {"sample_weight": -np.ones(20)}, r"sample_weight is negative in 20 of 20 rows"),
    "no weights": ({}, {"sample_weight": np.zeros(20)}, r"sample_weight is zero in all rows"),
    "start": ({}, {"coef_init": [1.0]}, r"coef_init has 1 coefficients for 4 features: give one a feature"),
    "intercepts": ({}, {"intercept_init": [1.0, 2.0]}, r"intercept_init has shape \(2,\): give one number"),
    "optimal": ({"learning_rate": "optimal", "alpha": 0}, {}, r"alpha must be > 0, or choose another"),
    "aggressive": ({"learning_rate": "pa1"}, {}, r"only works with loss 'epsilon_insensitive': set one of the two"),
    "no weight held out": (
        {"early_stopping": True, "random_state": 0},
        {"sample_weight": (np.arange(20) == 0).astype(float)},
        r"the sample weights for validation set are all zero: consider using a different random state",
    ),
    "columns of one name": ({}, {"X": pd.DataFrame(X, columns=list("aabc"))}, r"X has 2 columns called 'a'"),
    "no ratio": ({"penalty": "elasticnet", "l1_ratio": None}, {}, r"l1_ratio must be a number from 0 to 1"),
    "all held out": (
        {"early_stopping": True, "validation_fraction": 0.1},
        {"X": X[:1], "y": Y[:1]},
        r"splits 1 rows and leaves none to learn from or to validate on: give more rows",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence(case: str) -> None:
    options, given, told = BAD[case]
    with pytest.raises(InputError, match=told) as caught:
        SGDRegressor(**options).fit(**{"X": X, "y": Y, **given})
    assert "\n" not in str(caught.value)


def test_a_warm_start_needs_the_columns_of_before() -> None:
    model = SGDRegressor(warm_start=True, random_state=0).fit(X, Y)
    with pytest.raises(
        InputError, match=r"X has 3 features, but SGDRegressor is expecting 4 .*or set warm_start=False"
    ):
        model.fit(X[:, :3], Y)


def test_names_come_and_go_with_the_rows() -> None:
    frame = pd.DataFrame(X, columns=["km", "kg", "hp", "l"])
    model = SGDRegressor(random_state=0).partial_fit(frame, Y)
    with pytest.raises(InputError, match="goes on with the columns 'km', 'kg', 'hp' and 'l', but got 'l', 'hp'"):
        model.partial_fit(frame[["l", "hp", "kg", "km"]], Y)
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


def test_rows_whose_squares_overflow_are_named() -> None:
    with pytest.warns(DivergenceWarning, match="divide the columns and y by constants so that they are about 1"):
        SGDRegressor(random_state=0, max_iter=2).fit(1e200 * X, Y)


def test_a_block_of_other_columns_changes_nothing() -> None:
    model = SGDRegressor(random_state=0).partial_fit(X, Y)
    before = weights_of(model)
    with pytest.raises(InputError, match="X has 3 features, but SGDRegressor is expecting 4 features"):
        model.partial_fit(X[:, :3], Y)
    with pytest.raises(InputError, match="NaN or infinity in 'x1'"):
        model.partial_fit(HOLED, Y)
    with pytest.raises(InputError, match="early_stopping should be False with partial_fit"):
        SGDRegressor(early_stopping=True).partial_fit(X, Y)
    np.testing.assert_array_equal(weights_of(model), before)
    assert len(model.history_) == 2


def test_a_block_without_weight_changes_nothing() -> None:
    model = SGDRegressor(random_state=0).partial_fit(X, Y)
    before = weights_of(model)
    with pytest.raises(InputError, match="sample_weight is zero in all rows"):
        model.partial_fit(X, Y, np.zeros(20))
    with pytest.raises(InputError, match=r"0 sample\(s\).*give more rows"):
        model.partial_fit(X[:0], Y[:0])
    np.testing.assert_array_equal(weights_of(model), before)
