"""Model files: the model that comes back is the model, and a write that fails loses nothing."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downslope import GradientDescentRegressor, SGDRegressor, load_model, save_model
from downslope.exceptions import DownslopeWarning, FileError, InputError, ModelFileWarning
from downslope.steps.schedules import Constant, Cosine, Exponential, InverseScaling, InverseTime, StepDecay
from downslope.texts import speaking
from tests.problems import collinear, course, real_table

Array = np.ndarray
ATTRIBUTES = (
    "n_iter_",
    "restored_epoch_",
    "stop_reason_",
    "stop_message_",
    "learning_rate_",
    "gap_",
    "n_features_in_",
    "intercept_",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


# ------------------------------------------------------------------------------------------------------ round trip
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.parametrize("sparse", [False, True])
def test_sgd_regressors_come_back_too(sparse: bool, path: Path) -> None:
    X, y = course(3)
    model = SGDRegressor(penalty="l1", alpha=0.01, average=5, random_state=0).fit(X, y)
    predicted = model.predict(X)
    save_model(model.sparsify() if sparse else model, path)
    loaded = load_model(path)
    assert type(loaded) is SGDRegressor
    assert loaded.get_params() == model.get_params()
    np.testing.assert_allclose(loaded.predict(X), predicted, rtol=1e-15)
    for attribute in (*ATTRIBUTES, "t_"):
        assert getattr(loaded, attribute) == getattr(model, attribute), attribute
    # It goes on from there: with a mean of its own, which is not in the file.
    assert loaded.partial_fit(X, y).t_ == model.t_ + 100


MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "moments": {"method": "adam", "penalty": "elasticnet", "alpha": 0.01},
    "data": {"loss": "huber", "delta": 2.0},
    "restored": {"loss": "absolute_error", "learning_rate": 0.5, "max_iter": 50, "tol": 0},
    "raw, no intercept": {"standardize": False, "fit_intercept": False, "max_iter": 5, "tol": 0},
    "numbers of numpy": {
        "tol": np.float32(1e-2),
        "max_iter": np.int64(3000),
        "warm_start": np.True_,
        "random_state": 7,
    },
    "a start": {"init": (np.arange(7.0), np.float32(3.0)), "stop_below": 100.0},
    "one start for all": {"init": ([0.5], 0)},
}


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_back_is_the_model(name: str, path: Path) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(**MODELS[name]).fit(X, y)
    save_model(model, path)
    loaded = load_model(path)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.coef_, model.coef_)
    for attribute in ATTRIBUTES:
        assert getattr(loaded, attribute) == getattr(model, attribute), attribute
    assert (str(loaded.engine_), loaded.engine_.reason) == (str(model.engine_), model.engine_.reason)
    parameters, expected = loaded.get_params(), model.get_params()
    start, wanted = parameters.pop("init"), expected.pop("init")
    assert parameters == expected
    if isinstance(wanted, str):
        assert start == wanted
    else:
        np.testing.assert_array_equal(start[0], np.ravel(wanted[0]))
        assert start[1] == wanted[1]
    # It can be fitted again, and then has a history.
    assert not hasattr(loaded, "history_")
    assert len(loaded.set_params(warm_start=False).fit(X, y).history_) == len(model.history_)


def test_the_optimum_comes_back(path: Path) -> None:
    model = GradientDescentRegressor().fit(*real_table())
    save_model(model, path)
    found = load_model(path).optimum_
    np.testing.assert_array_equal(found.coef, model.optimum_.coef)
    for name in ("intercept", "objective", "digits", "unique", "condition", "note"):
        assert getattr(found, name) == getattr(model.optimum_, name)


def test_an_infinite_condition_comes_back(path: Path) -> None:
    with pytest.warns(DownslopeWarning):
        model = GradientDescentRegressor().fit(*collinear())
    object.__setattr__(model.optimum_, "condition", np.inf)
    save_model(model, path)
    assert load_model(path).optimum_.condition == np.inf
    assert not load_model(path).optimum_.unique


# ------------------------------------------------------------------------------------------------------ what is said
@pytest.mark.parametrize("options", [{}, {"max_iter": 2}, {"eta0": 9.0}], ids=["stopped", "out of epochs", "diverged"])
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
def test_a_model_that_comes_back_speaks_the_language_of_the_moment(options: dict[str, Any], path: Path) -> None:
    model = SGDRegressor(random_state=0, **options).fit(*course(3))
    english = model.stop_message_
    with speaking("ko"):
        korean = model.stop_message_
        save_model(model, path)
    loaded = load_model(path)
    assert (loaded.stop_message_, loaded.engine_.reason) == (english, model.engine_.reason)
    with speaking("ko"):
        assert loaded.stop_message_ == korean != english
        assert loaded.engine_.reason.startswith("에포크마다 모든 행을")
    assert loaded.stop_finding_.remedies == model.stop_finding_.remedies


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.parametrize("estimator", [SGDRegressor, GradientDescentRegressor])
def test_a_file_of_version_1_says_what_it_holds(estimator: Any, path: Path) -> None:
    save_model(estimator().fit(*course(3)), path)
    content = json.loads(path.read_text(encoding="utf-8"))
    engine = {"name": content["engine"]["name"], "reason": "as it was asked for"}
    path.write_text(json.dumps({**content, "version": 1, "stop_message": "It {was} enough.", "engine": engine}))
    loaded = load_model(path)
    assert (loaded.stop_message_, loaded.engine_.reason) == ("It {was} enough.", "as it was asked for")
    save_model(loaded, path)
    assert load_model(path).stop_message_ == "It {was} enough."


SCHEDULES = [
    Constant(0.1),
    InverseTime(0.1, 20.0),
    InverseScaling(0.1, 0.7),
    Exponential(0.1, 0.95),
    StepDecay(0.1, 0.5, every=10),
    Cosine(0.1, epochs=50, last=0.01),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_schedules_come_back(schedule: Any, path: Path) -> None:
    X, y = course(3)
    model = GradientDescentRegressor(learning_rate=schedule, max_iter=20, tol=0).fit(X, y)
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.learning_rate == schedule
    np.testing.assert_array_equal(loaded.fit(X, y).history_.coef, model.history_.coef)


@pytest.mark.parametrize(
    ("parameter", "value", "kept"),
    [
        ("learning_rate", lambda epoch: 0.1, "auto"),
        ("callbacks", [lambda record: None], None),
        ("random_state", np.random.RandomState(0), None),
    ],
)
def test_what_json_cannot_hold_is_warned_of(parameter: str, value: Any, kept: Any, path: Path) -> None:
    model = GradientDescentRegressor(**{parameter: value}).fit(*course())
    told = rf"cannot hold {parameter}=.*, so it holds {parameter}={kept!r}: set it again after loading"
    with pytest.warns(ModelFileWarning, match=told) as caught:
        save_model(model, path)
    assert caught[0].filename == __file__
    assert getattr(load_model(path), parameter) == kept


def test_names_of_features_come_back_in_any_script(path: Path) -> None:
    X, y = course(2)
    rows = pd.DataFrame(X, columns=["무게", 'a "quoted", name'])
    model = GradientDescentRegressor().fit(rows, y)
    save_model(model, path)
    loaded = load_model(path)
    assert loaded.feature_names_in_.tolist() == list(rows.columns)
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    assert "무게" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(rows.rename(columns={"무게": "weight"}))
    save_model(GradientDescentRegressor().fit(X, y), path)
    with pytest.raises(ValueError, match="X has 1 features, but GradientDescentRegressor is expecting 2"):
        load_model(path).predict(X[:, :1])


def test_a_table_comes_back_as_it_was(path: Path) -> None:
    table = {"target": "mpg", "columns": [{"name": "origin", "levels": ["eu", "us"]}], "missing": None}
    save_model(GradientDescentRegressor().fit(*course()), path, table=table)
    assert load_model(path).table_ == table
    save_model(GradientDescentRegressor().fit(*course()), path)
    assert load_model(path).table_ is None


def test_a_file_can_be_read_by_people_and_by_other_programs(path: Path) -> None:
    model = GradientDescentRegressor().fit(*course())
    save_model(model, str(path))
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["format"] == "downslope-model"
    assert content["written_by"].startswith("downslope ")
    assert content["coef"] == model.coef_.tolist()
    assert path.read_text().count("\n") > 30


# --------------------------------------------------------------------------------------------------------- writing
def test_a_model_that_is_not_fitted(path: Path) -> None:
    with pytest.raises(InputError, match="this GradientDescentRegressor is not fitted: call fit before save_model"):
        save_model(GradientDescentRegressor(), path)
    model = GradientDescentRegressor().fit(*course())
    model.coef_ = np.array([np.nan])
    with pytest.raises(InputError, match="coefficients are not finite"):
        save_model(model, path)
    assert not path.exists()


def test_folders_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = GradientDescentRegressor().fit(*course())
    with pytest.raises(FileError, match=r"cannot be written \(No such file or directory\): choose a folder that can"):
        save_model(model, tmp_path / "none" / "model.json")
    with pytest.raises(FileError, match=r"cannot be written \(it is no regular file\): choose the name of a file"):
        save_model(model, tmp_path)

    def refuse(*given: Any, **named: Any) -> None:
        raise PermissionError(13, "Permission denied")

    # Whoever runs the tests may be allowed to write everywhere.
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(FileError, match=r"cannot be written \(Permission denied\)"):
        save_model(model, tmp_path / "model.json")


@pytest.mark.parametrize("step", ["chmod", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    step: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = course()
    save_model(GradientDescentRegressor().fit(X, y), path)
    before = path.read_bytes()

    def fail(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(FileError, match="No space left on device"):
        save_model(GradientDescentRegressor(max_iter=1, tol=0).fit(X, y), path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_table_that_json_cannot_hold_leaves_the_old_file(path: Path) -> None:
    save_model(GradientDescentRegressor().fit(*course()), path)
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError)):
        save_model(GradientDescentRegressor().fit(*course()), path, table={"mean": float("nan")})
    assert path.read_bytes() == before


def test_a_link_is_followed_and_a_file_is_as_public_as_any_other(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest.json"
    link.symlink_to(path)
    save_model(GradientDescentRegressor().fit(*course()), link)
    assert link.is_symlink()
    assert path.is_file()
    other = tmp_path / "other"
    other.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
