"""A replay makes the run of a fit again, of every engine, from its document alone."""

import base64
import copy
import json
import pickle
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor, SGDRegressor, load_model, save_model
from downslope.exceptions import FileError, InputError
from downslope.saving.replay import Replay, Replayed
from downslope.schedules import Constant, Cosine, Exponential, InverseScaling, InverseTime, StepDecay
from downslope.steps.rules import METHODS
from downslope.texts import speaking
from tests.problems import Rows, collinear, course, graded, near_collinear, nist, real_table
from tests.saving.golden_replays import FOLDER, GOLDEN, written

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")

Array = np.ndarray
# Of the largest number of a column. Where a run blows up, all that it rounds is multiplied with it.
NEAR, NEAR_EXPLODING = 1e-12, 1e-9
LINEAR = ("gd", "momentum", "nesterov")
PENALTIES = (None, "l2", "l1", "elasticnet")
# On rows RMSProp steps by rounding errors as soon as it is near, see tests/descent/test_engines_agree.py.
HORIZONS = {"rmsprop": 25}


def rows(n_samples: int = 60) -> tuple[Array, Array, Array]:
    """Correlated columns away from zero, and weights."""
    random = np.random.default_rng(3)
    X = random.normal(size=(n_samples, 4)) @ random.normal(size=(4, 4)) + 2 * random.normal(size=4)
    y = X @ [1.0, -2.0, 0.5, 0.0] + 3.0 + random.normal(size=n_samples)
    return X, y, random.uniform(0.0, 3.0, n_samples)


def assert_near(found: Array, wanted: Array, within: float, told: str) -> None:
    known = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(found), known, err_msg=told)
    scale = np.abs(wanted[known]).max(initial=0.0) or 1.0
    np.testing.assert_allclose(found[known], wanted[known], rtol=0, atol=within * scale, err_msg=told)


def assert_repeats(model: GradientDescentRegressor, *, to_the_bit: bool = False) -> Replayed:
    """The document of a fit, sent as JSON, gives the whole run of the fit."""
    text = Replay.of(model).to_json()
    again = Replay.from_json(text)
    assert again.to_json() == text
    run, history = again.run(), model.history_
    assert (run.n_iter, run.stop_reason) == (model.n_iter_, model.stop_reason_)
    assert run.history.columns == tuple(name for name in history.columns if name != "seconds")
    assert run.history.feature_names == history.feature_names
    within = NEAR_EXPLODING if model.stop_reason_ == "diverged" else NEAR
    for name in run.history.columns:
        assert_near(run.history[name], history[name], 0.0 if to_the_bit else within, name)
    assert_near(run.history.coef, history.coef, 0.0 if to_the_bit else within, "coef")
    assert_near(run.history.intercept, history.intercept, 0.0 if to_the_bit else within, "intercept")
    return run


# --------------------------------------------------------------------- engines × rules × penalties × what is descended
RUNS = [
    (engine, method, penalty)
    for engine in ("spectral", "moments", "data")
    for method in METHODS
    for penalty in PENALTIES
    if engine != "spectral" or (method in LINEAR and penalty in (None, "l2"))
]


@pytest.mark.parametrize(("engine", "method", "penalty"), RUNS)
def test_runs_are_repeated(engine: str, method: str, penalty: str | None) -> None:
    X, y, weight = rows()
    sparse = scipy.sparse.csr_array(np.where(np.abs(X) > 1.0, X, 0.0))
    for number, (standardize, fit_intercept, weighted) in enumerate(product([True, False], repeat=3)):
        model = GradientDescentRegressor(
            engine=engine,
            method=method,
            penalty=penalty,
            alpha=0.1,
            l1_ratio=0.5,
            standardize=standardize,
            fit_intercept=fit_intercept,
            init="uniform",
            random_state=0,
            max_iter=HORIZONS.get(method, 120),
        )
        model.fit(sparse if number % 3 == 0 else X, y, sample_weight=weight if weighted else None)
        # What is descended is the same to the bit; the engine of the rows and that of the spectrum round elsewhere.
        assert_repeats(model, to_the_bit=engine == "moments")


RATES = (
    0.02,
    3.0,
    Constant(0.05),
    Cosine(0.1, epochs=30, last=1e-3),
    Exponential(0.1, 0.97),
    InverseScaling(0.1, 0.6),
    InverseTime(0.1, 20.0),
    StepDecay(0.1, factor=0.7, every=10),
)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("method", METHODS)
def test_rates_of_the_users_choice(method: str, rate: Any) -> None:
    X, y, weight = rows()
    for engine in ("moments", "data"):
        model = GradientDescentRegressor(
            engine=engine, method=method, learning_rate=rate, tol=0, max_iter=HORIZONS.get(method, 60)
        )
        assert_repeats(model.fit(X, y, sample_weight=weight), to_the_bit=engine == "moments")


# ------------------------------------------------------------------------------------------------------- stop rules
STOPS: dict[str, tuple[dict[str, Any], str]] = {
    "tol": ({"tol": 1e-5}, "converged"),
    "stop_below": ({"tol": 0, "stop_below": 1.2}, "stop_below"),
    "max_iter": ({"tol": 0, "max_iter": 13}, "max_iter"),
    "max_iter, at once": ({"tol": 0, "max_iter": 1}, "max_iter"),
    "diverged": ({"tol": 0, "learning_rate": 3.5}, "diverged"),
}


@pytest.mark.parametrize("engine", ["spectral", "moments", "data"])
@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
@pytest.mark.parametrize("rule", STOPS)
def test_stop_rules(rule: str, penalty: str | None, engine: str) -> None:
    if engine == "spectral" and penalty == "l1":
        return
    X, y, weight = rows()
    stop, reason = STOPS[rule]
    for method in LINEAR:
        model = GradientDescentRegressor(engine=engine, penalty=penalty, alpha=1e-3, method=method, **stop)
        assert_repeats(model.fit(X, y, sample_weight=weight))
        assert model.stop_reason_ == reason


def test_a_run_that_has_only_bounced() -> None:
    X, y, _ = rows()
    limit = GradientDescentRegressor().fit(X, y).landscape_.largest_stable_rate
    model = GradientDescentRegressor(learning_rate=1.02 * limit, tol=0, max_iter=200).fit(X, y)
    assert model.stop_reason_ == "diverged"
    assert_repeats(model)


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("method", ["gd", "nesterov", "adam"])
@pytest.mark.parametrize("engine", ["spectral", "moments", "data"])
def test_validation_rows(engine: str, method: str, early_stopping: bool) -> None:
    if engine == "spectral" and method == "adam":
        return
    random = np.random.default_rng(5)
    X, y, weight = rows(20)
    y = y + 5.0 * random.normal(size=y.size)
    for standardize, fit_intercept, given in product([True, False], repeat=3):
        held = {"X_val": X[:6] + 1.0, "y_val": y[:6], "sample_weight_val": weight[:6]} if given else {}
        model = GradientDescentRegressor(
            engine=engine,
            method=method,
            standardize=standardize,
            fit_intercept=fit_intercept,
            early_stopping=early_stopping,
            n_iter_no_change=3,
            max_iter=80,
            tol=0,
            random_state=0,
        )
        assert_repeats(model.fit(X[6:], y[6:], sample_weight=weight[6:], **held))
        assert ("validation_mse" in model.history_) == (given or early_stopping)


# ------------------------------------------------------------------------------------------------------- hard rows
def far_away() -> Rows:
    X, y = course(3)
    return Rows(X + 1e6, y)


def constant_column() -> Rows:
    X, y = course(3)
    X[:, 1] = 7.0
    return Rows(X, y)


def few() -> Rows:
    X, y = course(6, n_samples=4)
    return Rows(X, y)


def longley() -> Rows:
    known = nist("Longley")
    return Rows(known.X, known.y)


@pytest.mark.parametrize(
    "make", [real_table, graded, lambda: near_collinear(1e-6), collinear, far_away, constant_column, few, longley]
)
def test_hard_rows(make: Any) -> None:
    for method, standardize in product(LINEAR, [True, False]):
        model = GradientDescentRegressor(method=method, standardize=standardize, max_iter=1_000, tol=1e-9)
        assert_repeats(model.fit(*make()))
        assert model.engine_ == "spectral"


def test_runs_longer_than_a_history() -> None:
    model = GradientDescentRegressor(standardize=False, max_iter=12_000, tol=0).fit(*real_table())
    assert len(model.history_) < 12_001
    assert_repeats(model)


# --------------------------------------------------------------------------------------------------------- documents
def test_names_of_columns_are_kept() -> None:
    X, y = course(2)
    model = GradientDescentRegressor(max_iter=3, tol=0).fit(pd.DataFrame(X, columns=["길이", "width"]), y)
    assert_repeats(model)
    assert json.loads(Replay.of(model).to_json())["names"] == ["길이", "width"]


def test_a_document_is_as_small_as_a_triangle() -> None:
    X = np.random.default_rng(0).normal(size=(300, 50))
    text = Replay.of(GradientDescentRegressor(max_iter=2, tol=0).fit(X, X[:, 0])).to_json()
    assert len(text) < 8 * (51 * 50 / 2 + 6 * 51) * 4 / 3 + 1_500


def test_a_model_is_pickled_with_what_it_was_made_of() -> None:
    model = GradientDescentRegressor(early_stopping=True, random_state=0).fit(*real_table())
    again = pickle.loads(pickle.dumps(model))
    assert Replay.of(again).to_json() == Replay.of(model).to_json()


def test_a_document_is_that_of_the_fit_and_not_of_the_options_since() -> None:
    model = GradientDescentRegressor(learning_rate=0.1, max_iter=7, tol=0).fit(*course(2))
    model.set_params(learning_rate=0.2, loss="huber", method="adam", max_iter=9)
    assert Replay.of(model).run().n_iter == 7


def test_the_first_fit_of_a_warm_start() -> None:
    assert_repeats(GradientDescentRegressor(warm_start=True, max_iter=5, tol=0).fit(*course(2)))


def test_a_callback_that_only_listens() -> None:
    assert_repeats(GradientDescentRegressor(callbacks=lambda record: False).fit(*course(2)))


def test_an_interrupt_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    replay = Replay.of(GradientDescentRegressor(max_iter=5, tol=0).fit(*course(2)))

    def interrupted(self: Any, *args: Any) -> Any:
        if args[0] == 2:
            raise KeyboardInterrupt
        return 0.1, None

    monkeypatch.setattr("downslope.steps.schedules.Scheduled.rate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replay.run()


# ---------------------------------------------------------------------------------------------------------- refusals
def fitted(**options: Any) -> GradientDescentRegressor:
    return GradientDescentRegressor(**{"max_iter": 3, "tol": 0, **options}).fit(*course(3))


def went_on() -> GradientDescentRegressor:
    return fitted(warm_start=True).fit(*course(3))


def interrupted() -> GradientDescentRegressor:
    def press(record: Any) -> None:
        if record.epoch == 2:
            raise KeyboardInterrupt

    model = GradientDescentRegressor(callbacks=press, max_iter=5, tol=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*course(3))
    return model


def from_file(tmp_path: Any) -> Any:
    save_model(fitted(), tmp_path / "model.json")
    return load_model(tmp_path / "model.json")


def too_wide() -> GradientDescentRegressor:
    X = np.random.default_rng(0).normal(size=(5, 1_100))
    return GradientDescentRegressor(max_iter=2, tol=0).fit(X, X[:, 0])


def far_start() -> GradientDescentRegressor:
    return fitted(init=([1e152] * 3, 0.0))


REFUSED: dict[str, tuple[Any, str]] = {
    "another estimator": (
        lambda: SGDRegressor().fit(*course(2)),
        r"made of a fitted GradientDescentRegressor, but got SGDRegressor: give one of these",
    ),
    "not fitted": (GradientDescentRegressor, r"is not fitted: call fit before"),
    "another loss": (lambda: fitted(loss="huber"), r"descended Huber, .* only one with loss='squared_error' can be"),
    "mini-batches": (lambda: fitted(batch_size=7), r"took 7 rows an update .* fit with batch_size=None and engine="),
    "one batch": (lambda: fitted(engine="stochastic"), r"took 100 rows an update by passes over them"),
    "own schedule": (
        lambda: fitted(learning_rate=lambda epoch: 0.1),
        r"is a function, .* fit with learning_rate='auto', a number or a schedule of downslope\.schedules",
    ),
    "too wide": (too_wide, r"no statistics of so many columns \(1100\)"),
    "partial_fit": (lambda: GradientDescentRegressor().partial_fit(*course(2)), r"by partial_fit, .* call fit instead"),
    "warm start": (went_on, r"went on from an earlier one, .*: set warm_start=False and fit again"),
    "a callback": (
        lambda: fitted(callbacks=lambda record: record.epoch == 2),
        r"ended from outside \(stopped by a callback\), .* fit without that, with max_iter=2",
    ),
    "an interrupt": (interrupted, r"ended from outside \(interrupted\), .* with max_iter=2"),
    "far start": (far_start, r"starts so far off that squares overflow, .* fit with init='zeros'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_replayed(case: str) -> None:
    make, told = REFUSED[case]
    with pytest.raises(InputError, match=told) as caught:
        Replay.of(make())
    assert "\n" not in str(caught.value)
    with speaking("ko"):
        assert str(caught.value).endswith("요")


def test_a_model_from_a_file(tmp_path: Any) -> None:
    with pytest.raises(InputError, match=r"comes from a file, which keeps no statistics of the rows: fit it again"):
        Replay.of(from_file(tmp_path))


# ------------------------------------------------------------------------------------------------------------ damage
def document() -> dict[str, Any]:
    model = GradientDescentRegressor(
        method="averaged", learning_rate=InverseTime(0.1), penalty="l1", early_stopping=True, max_iter=5, random_state=0
    )
    return Replay.of(model.fit(*course(3))).to_dict()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with another value at a path, or none there for `...`."""
    content = document()
    *way, last = path.split(".")
    part = content
    for name in way:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return content


def packed(*numbers: float) -> str:
    return base64.b64encode(np.array(numbers, dtype="<f8").tobytes()).decode()


DAMAGED: dict[str, tuple[str, Any, str]] = {
    "no statistics": ("rows", ..., r"it has no 'rows'"),
    "statistics in words": ("rows", "many", r"'rows' holds no values by their names"),
    "no factor": ("rows.factor", ..., r"it has no 'factor'"),
    "half a factor": ("rows.factor", packed(1, 2, 3), r"'factor' has 24 bytes where 48 belong"),
    "half a number": ("start", base64.b64encode(b"1234567").decode(), r"'start' has 7 bytes where 32 belong"),
    "half a shift": ("coordinates.shift", base64.b64encode(b"12345678901").decode(), r"has 11 bytes where 8 belong"),
    "no base64": ("rows.mean", "a list", r"'mean' does not hold float64 in base64"),
    "a list": ("rows.mean", [1.0, 2.0, 3.0], r"'mean' does not hold float64 in base64"),
    "not finite": ("rows.target", packed(1, np.nan, 3), r"'target' holds numbers that are not finite"),
    "a negative spread": ("rows.spread", packed(1, -1, 1), r"'spread' lies below 0"),
    "no columns": ("coordinates.shift", "", r"it has no columns"),
    "a start of other columns": ("start", packed(1, 2), r"'start' has 16 bytes where 32 belong"),
    "a negative weight": ("rows.weight", -1.0, r"'weight' lies below 0"),
    "an infinite residual": ("rows.residual", float("inf"), r"'residual' is inf where a finite number"),
    "a number longer than any": (
        "stopping.last_epoch",
        10**400,
        r"'last_epoch' is 1000+ where a finite number belongs",
    ),
    "true as a number": ("penalty.l1", True, r"'l1' is True where a finite number"),
    "a number as true": ("coordinates.fit_intercept", 1, r"'fit_intercept' is 1 where true or false belongs"),
    "half an epoch": ("stopping.last_epoch", 1.5, r"'last_epoch' is 1\.5 where a whole number belongs"),
    "no patience": ("stopping.patience", 0, r"'patience' lies below 1"),
    "an unknown rule": ("rule.name", "oracle", r"'rule' is 'oracle' where one of gd, momentum, .* belongs"),
    "a rule in a list": ("rule.name", ["gd"], r"'rule' is \['gd'\] where one of"),
    "a rule without its rule": ("rule.rule", ..., r"it has no 'rule'"),
    "an unknown schedule": ("schedule.name", "system", r"'schedule' is 'system' where one of constant, cosine"),
    "a schedule without its rate": ("schedule.rate", ..., r"it has no 'rate'"),
    "a schedule in words": ("schedule.rate", "fast", r"'rate' is 'fast' where a finite number"),
    "a rate below zero": ("schedule.rate", -0.1, r"rate=-0\.1 cannot be used"),
    "names of others": ("names", ["a"], r"'names' are not the 3 names of its columns"),
    "numbers as names": ("names", [1, 2, 3], r"'names' are not the 3 names of its columns"),
    "half a validation": ("validation.factor", packed(1, 2), r"'factor' has 16 bytes where 160 belong"),
    "numbers too large": ("rows.factor", packed(*[1e200] * 6), r"its numbers are too large to be multiplied"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_documents_that_are_damaged(case: str) -> None:
    path, value, told = DAMAGED[case]
    with pytest.raises(FileError, match=rf"this replay is damaged \(.*{told}.*\): make it again from the") as caught:
        Replay.from_dict(changed(path, value))
    assert "\n" not in str(caught.value)
    with speaking("ko"):
        assert str(caught.value).endswith("요")


OTHERS = {
    "empty": ("", r"is damaged or no replay \(Expecting value"),
    "cut short": ('{"format": "downslope-replay", ', r"is damaged or no replay"),
    "binary": (bytes(range(256)), r"is damaged or no replay"),
    "a list": ("[1]", r"is no replay of Downslope: give one that downslope wrote"),
    "a model": ('{"format": "downslope-model", "version": 2}', r"is no replay of Downslope"),
    "nested without end": ("[" * 200_000, r"is damaged or no replay"),
    "a later version": ('{"format": "downslope-replay", "version": 7}', r"has version 7 .* which reads version 1"),
    "no version": ('{"format": "downslope-replay"}', r"has version None of its format"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_texts_of_others(case: str) -> None:
    text, told = OTHERS[case]
    with pytest.raises(FileError, match=told) as caught:
        Replay.from_json(text)
    with speaking("ko"):
        assert str(caught.value).endswith("요")


def test_a_rule_in_a_rule_without_end() -> None:
    content = document()
    rule = content["rule"]
    for _ in range(5_000):
        rule = {"name": "averaged", "rule": rule}
    with pytest.raises(FileError, match=r"this replay is damaged \(its rule holds rules without end\)"):
        Replay.from_dict({**content, "rule": rule})


JUNK = (
    None,
    True,
    -1,
    0,
    3,
    1.5,
    1e308,
    -1e308,
    2**70,
    10**400,
    float("nan"),
    "x",
    "",
    [],
    {},
    [1],
    {"name": "gd"},
    packed(1e9),
)


def test_any_change_of_a_document_is_read_or_refused() -> None:
    whole, refused = document(), 0
    for seed in range(1_000):
        random, content = np.random.default_rng([4, seed]), copy.deepcopy(whole)
        part, name = content, ""
        while not name or (isinstance(part[name], dict) and random.random() < 0.8):
            part = part[name] if name else content
            name = str(random.choice(list(part)))
        part[name] = copy.deepcopy(JUNK[random.integers(len(JUNK))])
        try:
            Replay.from_dict(content)
        except FileError:
            refused += 1
    assert refused > 500


# ------------------------------------------------------------------------------------------------------ golden files
NAMES = [make.__name__ for make in GOLDEN]


def golden(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def unpacked(text: str, *shape: int) -> Array:
    return np.frombuffer(base64.b64decode(text), "<f8").reshape(shape or -1)


def assert_same_run(found: dict[str, Any], run: dict[str, Any], within: float) -> None:
    assert (found["n_iter"], found["stop_reason"]) == (run["n_iter"], run["stop_reason"])
    assert found["columns"].keys() == run["columns"].keys()
    for name, column in run["columns"].items():
        assert_near(np.array(found["columns"][name]), np.array(column), within, name)
    for name in ("coef", "intercept"):
        assert_near(np.array(found[name]), np.array(run[name]), within, name)


def by_products(replay: dict[str, Any]) -> dict[str, Any]:
    """The run of a document by a loop over products of columns, without any code of the package."""
    at, said, stop = replay["coordinates"], replay["rows"], replay["stopping"]
    shift, inverse = unpacked(at["shift"]), unpacked(at["inverse_scale"])
    d, scale = shift.size, unpacked(said["spread"]) * inverse
    R = np.zeros((d, d))
    R[np.triu_indices(d)] = unpacked(said["factor"])
    means, target, y_mean = (unpacked(said["mean"]) - shift) * inverse, unpacked(said["target"]), said["y_mean"]
    H = np.block([[np.outer(scale, scale) * (R.T @ R) + np.outer(means, means), means[:, None]], [means, np.ones(1)]])
    g = np.append(scale * (R.T @ target) + means * y_mean, y_mean)
    constant = 0.5 * (target @ target + y_mean**2 + said["residual"])
    l1, l2, ridge = replay["penalty"]["l1"], replay["penalty"]["l2"], np.append(np.ones(d), 0.0)
    best = np.linalg.solve(H + l2 * np.diag(ridge), g)
    step = 1.0 / np.linalg.eigvalsh(H + l2 * np.diag(ridge))[-1]
    kept = replay["validation"]
    if kept is not None:
        V, v_target = unpacked(kept["factor"]).reshape(-1, d + 1), unpacked(kept["target"])

    def smooth(theta: Array) -> float:
        return 0.5 * theta @ H @ theta - g @ theta + constant + 0.5 * l2 * theta[:d] @ theta[:d]

    def shrunk(theta: Array, by: float) -> Array:
        return np.append(np.sign(theta[:d]) * np.maximum(np.abs(theta[:d]) - by, 0.0), theta[d])

    theta, velocity, epoch, made_at, since, least = unpacked(replay["start"]), np.zeros(d + 1), 0, 0.0, 0, np.inf
    momentum, schedule = replay["rule"].get("momentum", 0.0), replay["schedule"]
    found: dict[str, list[Any]] = {name: [] for name in golden_columns(kept is not None)}
    path, reason = [], None
    while reason is None:
        gradient = H @ theta - g + l2 * ridge * theta
        mapping = (theta - shrunk(theta - step * gradient, step * l1)) / step if l1 else gradient
        mse = 2 * (smooth(theta) - 0.5 * l2 * theta[:d] @ theta[:d])
        rate = schedule["rate"] / (1 + epoch / schedule.get("half_life", np.inf))
        record = [epoch, smooth(theta) + l1 * np.abs(theta[:d]).sum(), mse, np.linalg.norm(mapping), made_at or rate]
        if kept is not None:
            record.append(np.sum((V @ theta - v_target) ** 2) + 2 * kept["offset"])
            since, least = (0, record[-1]) if record[-1] < least else (since + 1, least)
        for column, number in zip(found.values(), record, strict=True):
            column.append(number)
        path.append(theta)
        if stop["stop_below"] is not None and mse < stop["stop_below"]:
            reason = "stop_below"
        elif stop["excess_below"] is not None and smooth(theta) - smooth(best) <= stop["excess_below"]:
            reason = "converged"
        elif stop["patience"] is not None and since >= stop["patience"]:
            reason = "no_improvement"
        else:
            velocity = momentum * velocity + gradient
            theta, made_at, epoch = shrunk(theta - rate * velocity, rate * l1), rate, epoch + 1
    coef = np.array(path)[:, :d] * inverse
    intercept = np.array(path)[:, d] - coef @ shift
    return {"n_iter": epoch, "stop_reason": reason, "columns": found, "coef": coef, "intercept": intercept}


def golden_columns(validated: bool) -> tuple[str, ...]:
    columns = ("epoch", "objective", "mse", "gradient_norm", "learning_rate")
    return (*columns, "validation_mse") if validated else columns


@pytest.mark.parametrize("name", NAMES)
def test_golden_runs_are_repeated(name: str) -> None:
    content = golden(name)
    replay = Replay.from_dict(content["replay"])
    run = replay.run()
    weights = {"coef": run.history.coef, "intercept": run.history.intercept}
    told = {"n_iter": run.n_iter, "stop_reason": run.stop_reason.value, "columns": dict(run.history)}
    assert_same_run({**told, **weights}, content["run"], NEAR)
    assert replay.to_dict() == {**content["replay"], "written_by": replay.to_dict()["written_by"]}


@pytest.mark.parametrize("name", NAMES)
def test_golden_runs_are_those_of_a_loop_over_products(name: str) -> None:
    # Differences of large sums lose some of the digits that a triangle keeps.
    content = golden(name)
    assert_same_run(by_products(content["replay"]), content["run"], 1e-9)


@pytest.mark.parametrize("make", GOLDEN, ids=NAMES)
def test_golden_files_are_those_of_these_fits(make: Any) -> None:
    content, made = golden(make.__name__), written(make())
    assert_same_run(made["run"], content["run"], NEAR)
    assert made["replay"].keys() == content["replay"].keys()
