"""scikit-learn's contract, and one answer for the same rows in whatever form they come."""

import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_estimator,
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
)

from downslope import GradientDescentRegressor
from downslope.exceptions import DownslopeWarning
from downslope.objective.losses import LOSSES
from downslope.steps.schedules import InverseTime
from tests.problems import course, real_table

NAMES = ("displacement", "horsepower", "weight")


# ------------------------------------------------------------------------------------------------ the contract
@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.parametrize(
    "model",
    [
        GradientDescentRegressor(),
        GradientDescentRegressor(loss="huber", method="nesterov"),
        GradientDescentRegressor(penalty="l1"),
        GradientDescentRegressor(method="adam"),
    ],
    ids=str,
)
def test_scikit_learn_finds_nothing_wrong(model: GradientDescentRegressor) -> None:
    results = check_estimator(model, on_skip=None, on_fail=None)
    wrong = {r["check_name"]: r["exception"] for r in results if r["status"] not in {"passed", "skipped"}}
    assert not wrong
    # What needs an array library that is not installed is scikit-learn's own to skip.
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}
    assert not any(r["expected_to_fail"] for r in results)


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.parametrize("penalty", [None, "l1", "l2", "elasticnet"])
@pytest.mark.parametrize("loss", LOSSES)
def test_scikit_learn_finds_a_weight_of_two_the_row_twice(loss: str, penalty: str | None) -> None:
    model = GradientDescentRegressor(loss=loss, penalty=penalty)
    check_sample_weight_equivalence_on_dense_data("GradientDescentRegressor", model)
    check_sample_weight_equivalence_on_sparse_data("GradientDescentRegressor", model)


def test_a_clone_knows_the_options_and_nothing_of_the_fit() -> None:
    X, y = course(3)
    model = GradientDescentRegressor(
        method="adam", learning_rate=InverseTime(0.1, 50.0), init=([0.1, 0.2, 0.3], 0.4), max_iter=5, tol=0
    ).fit(X, y)
    twin = clone(model)
    assert not [name for name in vars(twin) if name.endswith("_")]
    np.testing.assert_array_equal(twin.fit(X, y).history_.coef, model.history_.coef)


@pytest.mark.parametrize("options", [{}, {"loss": "huber"}, {"method": "adam", "penalty": "l1"}], ids=str)
def test_a_pickle_is_the_model(options: dict[str, Any]) -> None:
    X, y = real_table()
    model = GradientDescentRegressor(warm_start=True, max_iter=20, tol=0, **options).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    assert copy.stop_reason_ is model.stop_reason_
    assert (str(copy.engine_), copy.engine_.reason) == (str(model.engine_), model.engine_.reason)
    assert copy.history_.to_dict() == model.history_.to_dict()
    # It goes on where the model would go on, too.
    np.testing.assert_array_equal(copy.fit(X, y).history_.coef, model.fit(X, y).history_.coef)


def test_set_params_takes_effect() -> None:
    X, y = course()
    model = GradientDescentRegressor().set_params(method="adam", max_iter=7, tol=None, stop_below=None)
    assert model.fit(X, y).n_iter_ == 7
    assert model.get_params()["method"] == "adam"


def test_in_pipelines_and_searches() -> None:
    X, y = real_table()
    plain = GradientDescentRegressor(tol=1e-10).fit(X, y)
    piped = make_pipeline(StandardScaler(), GradientDescentRegressor(standardize=False, tol=1e-10)).fit(X, y)
    np.testing.assert_allclose(piped.predict(X), plain.predict(X), rtol=1e-4)
    search = GridSearchCV(GradientDescentRegressor(penalty="l2"), {"alpha": [1e-3, 100.0]}, cv=3).fit(X, y)
    assert search.best_params_ == {"alpha": 1e-3}
    assert cross_val_score(GradientDescentRegressor(loss="huber"), X, y, cv=3).shape == (3,)
    scaled = TransformedTargetRegressor(GradientDescentRegressor(tol=1e-10), transformer=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(scaled.predict(X), plain.predict(X), rtol=1e-4)


def test_fit_leaves_its_options_and_its_rows_alone() -> None:
    X, y = real_table()
    X, y = X.copy(), y.copy()
    X.flags.writeable = y.flags.writeable = False
    model = GradientDescentRegressor(loss="absolute_error", max_iter=5, tol=0, init="uniform", random_state=3)
    before = model.get_params()
    assert model.fit(X, y) is model
    assert model.get_params() == before
    np.testing.assert_array_equal(X, real_table().X)


def test_what_a_fit_leaves_behind() -> None:
    X, y = real_table()
    model = GradientDescentRegressor().fit(X, y)
    assert model.coef_.shape == (7,)
    assert model.coef_.dtype == np.float64
    assert isinstance(model.intercept_, float)
    assert isinstance(model.n_iter_, int)
    assert isinstance(model.learning_rate_, float)
    assert len(model.history_) == model.n_iter_ + 1
    np.testing.assert_array_equal(model.history_.coef[-1], model.coef_)
    np.testing.assert_allclose(model.history_["mse"][-1], np.mean((model.predict(X) - y) ** 2), rtol=1e-10)
    np.testing.assert_allclose(model.score(X, y), 1 - model.history_["mse"][-1] / y.var(), rtol=1e-10)
    assert model.gap_ == pytest.approx(model.history_["objective"][-1] - model.optimum_.objective, rel=1e-6)


# ------------------------------------------------------------------------------------- the same rows in any form
def frame() -> pd.DataFrame:
    """Three columns of the real table, the small half of each set to zero."""
    X = real_table().X[:, 1:4]
    return pd.DataFrame(np.where(np.median(X, axis=0) > X, 0.0, X), columns=NAMES)


def wide_indices(X: np.ndarray) -> scipy.sparse.csr_array:
    rows = scipy.sparse.csr_array(X)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    return rows


FORMS: dict[str, tuple[Callable[[pd.DataFrame], Any], bool]] = {
    "numpy": (lambda f: f.to_numpy(), False),
    "Fortran order": (lambda f: np.asfortranarray(f.to_numpy()), False),
    "strided": (lambda f: np.repeat(f.to_numpy(), 2, axis=0)[::2], False),
    "integers": (lambda f: f.to_numpy().astype(np.int32), False),
    "lists": (lambda f: f.to_numpy().tolist(), False),
    "pandas": (lambda f: f, True),
    "pandas without names": (lambda f: pd.DataFrame(f.to_numpy()), False),
    "pandas sparse": (lambda f: f.astype(pd.SparseDtype(float, 0.0)), True),
    "polars": (pl.DataFrame, True),
    "pyarrow": (lambda f: pa.Table.from_pandas(f, preserve_index=False), True),
    "csr": (lambda f: scipy.sparse.csr_array(f.to_numpy()), False),
    "csr, 64-bit": (lambda f: wide_indices(f.to_numpy()), False),
    "csc matrix": (lambda f: scipy.sparse.csc_matrix(f.to_numpy()), False),
    "coo": (lambda f: scipy.sparse.coo_array(f.to_numpy()), False),
}


@pytest.mark.parametrize("engine", ["spectral", "moments", "data"])
@pytest.mark.parametrize("form", FORMS)
def test_rows_of_any_form_give_one_answer(form: str, engine: str) -> None:
    make, named = FORMS[form]
    X, y = make(frame()), real_table().y
    model = GradientDescentRegressor(engine=engine, max_iter=25, tol=0).fit(X, y)
    expected = GradientDescentRegressor(engine=engine, max_iter=25, tol=0).fit(frame().to_numpy(), y)
    np.testing.assert_allclose(model.history_.coef, expected.history_.coef, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.history_["mse"], expected.history_["mse"], rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), expected.predict(frame().to_numpy()), rtol=1e-12)
    assert list(getattr(model, "feature_names_in_", ())) == (list(NAMES) if named else [])
    assert model.history_.feature_names == (NAMES if named else None)
    assert model.history_.weight_names() == (NAMES if named else ("w1", "w2", "w3"))


@pytest.mark.parametrize("make", [pd.Series, pl.Series, pa.array, list, lambda y: np.asarray(y, dtype=object)])
def test_targets_of_any_form_give_one_answer(make: Callable[[Any], Any]) -> None:
    X, y = real_table()
    weight = np.linspace(0.0, 2.0, y.size)
    expected = GradientDescentRegressor().fit(X, y, weight)
    found = GradientDescentRegressor().fit(X, make(y), make(weight))
    np.testing.assert_array_equal(found.coef_, expected.coef_)


@pytest.mark.parametrize("options", [{}, {"method": "adam"}, {"loss": "huber"}], ids=["spectral", "moments", "data"])
def test_no_engine_copies_the_rows(options: dict[str, Any]) -> None:
    X = np.random.default_rng(0).random((500_000, 20))
    y = X.sum(axis=1)
    # As near to the optimum as runs end: where a proof is looked for, far more rows change their pieces before.
    model = GradientDescentRegressor(max_iter=30, tol=0, **options)
    model.fit(X[:1000], y[:1000])  # what is made once, is made now
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 0.1 * X.nbytes


@pytest.mark.parametrize("options", [{}, {"method": "adam"}, {"loss": "huber"}], ids=["spectral", "moments", "data"])
def test_float32_rows_are_kept_as_they_are(options: dict[str, Any]) -> None:
    X = np.random.default_rng(0).random((200_000, 20), dtype=np.float32)
    y = X.sum(axis=1, dtype=np.float64) + np.random.default_rng(1).normal(size=200_000)
    # As near to the optimum as runs end: where a proof is looked for, far more rows change their pieces before.
    model = GradientDescentRegressor(max_iter=30, tol=0, **options)
    expected = clone(model).fit(X.astype(np.float64), y)
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * X.nbytes
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-4)


# --------------------------------------------------------------------------------------------- names of features
def test_columns_in_another_order_are_refused() -> None:
    model = GradientDescentRegressor().fit(frame(), real_table().y)
    with pytest.raises(ValueError, match="must be in the same order"):
        model.predict(frame()[list(reversed(NAMES))])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(frame().to_numpy())


def test_a_fit_without_names_forgets_those_of_the_last_one() -> None:
    model = GradientDescentRegressor().fit(frame(), real_table().y)
    assert model.feature_names_in_.tolist() == list(NAMES)
    model.fit(frame().to_numpy(), real_table().y)
    assert not hasattr(model, "feature_names_in_")
    assert model.history_.feature_names is None


def test_names_are_used_in_sentences() -> None:
    X = frame().assign(copy=frame()["horsepower"])
    with pytest.warns(DownslopeWarning, match="'horsepower' and 'copy' are collinear"):
        GradientDescentRegressor().fit(X, real_table().y)
