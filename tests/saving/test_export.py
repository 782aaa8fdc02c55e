"""Exported models against the model itself: SQL run by DuckDB and SQLite, ONNX run by its own runtime."""

import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
import skops.io
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from downslope import GradientDescentRegressor, SGDRegressor, export_model, register_onnx
from downslope.data.tables.files import read_features, read_table
from downslope.exceptions import FileError, InputError
from downslope.saving.model_file import load_model, save_model

pytestmark = pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
Array = np.ndarray

ROWS = """size,kind,a "b",year,y
1.25,u,0.1,2001,3
2.5,v,,2002,5
,w,0.3,2001,4
4,u,-2,2003,9
3,,1e-3,2002,8
-1,v,7,2003,1
2,w,5,2001,6
"""


def in_order(model: Any, X: Array) -> Array:
    """The predictions by one sum after the other, as SQL has them."""
    total = np.full(len(X), float(np.reshape(model.intercept_, -1)[0]))
    for weight, column in zip(np.ravel(model.coef_), X.T, strict=True):
        total = total + weight * column
    return total


def by_duckdb(path: Path, frame: pd.DataFrame) -> Array:
    connection = duckdb.connect()
    connection.register("rows", frame)
    found = connection.sql(f"SELECT ({path.read_text(encoding='utf-8')}) AS p FROM rows").fetchall()
    return np.array([np.nan if value is None else value for (value,) in found])


def by_sqlite(path: Path, frame: pd.DataFrame) -> Array:
    with sqlite3.connect(":memory:") as connection:
        frame.to_sql("rows", connection, index=False)
        found = connection.execute(f"SELECT ({path.read_text(encoding='utf-8')}) AS p FROM rows").fetchall()
    connection.close()
    return np.array([np.nan if value is None else value for (value,) in found])


def by_onnx(path: Path, **columns: Array) -> Array:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert {one.name for one in session.get_inputs()} == set(columns)
    (found,) = session.run(None, columns)
    assert found.shape == (len(next(iter(columns.values()))), 1)
    return found[:, 0]


def fitted_rows(seed: int = 0) -> tuple[pd.DataFrame, Array]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(50, 3)) * [1e-6, 1.0, 1e7] + [0.0, 0.1, 1 / 3]
    return pd.DataFrame(X, columns=["a", "quote \" and '", "무게"]), X @ [1e6, 2.0, 3e-7] + random.normal(size=50)


@pytest.mark.parametrize("kind", [GradientDescentRegressor, SGDRegressor])
def test_databases_give_the_bits_of_the_same_sum(kind: Any, tmp_path: Path) -> None:
    frame, y = fitted_rows()
    model = kind(**({"eta0": 1e-18} if kind is SGDRegressor else {})).fit(frame, y)
    path = tmp_path / "model.sql"
    export_model(model, path)
    wanted = in_order(model, frame.to_numpy())
    np.testing.assert_array_equal(by_duckdb(path, frame), wanted)
    np.testing.assert_array_equal(by_sqlite(path, frame), wanted)
    np.testing.assert_allclose(wanted, model.predict(frame), rtol=1e-13)


def test_onnx_is_the_model_in_double_precision(tmp_path: Path) -> None:
    frame, y = fitted_rows()
    for model in (GradientDescentRegressor().fit(frame, y), GradientDescentRegressor().fit(frame.to_numpy(), y)):
        path = tmp_path / "model.onnx"
        export_model(model, path)
        assert path.stat().st_size < 400
        found = by_onnx(path, X=frame.to_numpy())
        np.testing.assert_allclose(found, in_order(model, frame.to_numpy()), rtol=1e-13)


@pytest.mark.parametrize("missing", ["drop", "mean"])
def test_what_was_done_to_a_table_goes_with_its_model(missing: Any, tmp_path: Path) -> None:
    """Levels, the means that fill gaps, and rows that have no prediction, by way of a model file."""
    source, stored = tmp_path / "t.csv", tmp_path / "model.json"
    source.write_text(ROWS, encoding="utf-8")
    table = read_table(source, target="y", categorical=["kind", "year"], missing=missing)
    model = GradientDescentRegressor(penalty="l2", alpha=0.1).fit(
        pd.DataFrame(table.X, columns=table.feature_names), table.y
    )
    save_model(model, stored, table={"target": "y", **table.encoding.to_dict()})
    model = load_model(stored)
    features = read_features(source, table.encoding)
    wanted = np.full(7, np.nan)
    wanted[features.rows] = model.predict(pd.DataFrame(features.X, columns=table.feature_names))
    assert np.isnan(wanted).sum() == (3 if missing == "drop" else 0)
    frame = pd.read_csv(source)
    export_model(model, tmp_path / "model.sql")
    for run in (by_duckdb, by_sqlite):
        np.testing.assert_allclose(run(tmp_path / "model.sql", frame), wanted, rtol=1e-13)
    export_model(model, tmp_path / "model.onnx")
    texts = {name: frame[name].fillna("").astype(str).to_numpy(dtype=object)[:, None] for name in ("kind", "year")}
    numbers = {name: frame[name].to_numpy(dtype=float)[:, None] for name in ("size", 'a "b"')}
    np.testing.assert_allclose(by_onnx(tmp_path / "model.onnx", **texts, **numbers), wanted, rtol=1e-13)
    # A level that the model does not know has no prediction, where a number would be that of another level.
    strange = frame.assign(kind="x")
    assert np.isnan(by_duckdb(tmp_path / "model.sql", strange)).all()
    texts["kind"][:] = "x"
    assert np.isnan(by_onnx(tmp_path / "model.onnx", **texts, **numbers)).all()


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    model = GradientDescentRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(InputError, match=r"model\.pmml must end in \.sql or \.onnx"):
        export_model(model, tmp_path / "model.pmml")
    with pytest.raises(FileError, match="cannot be written"):
        export_model(model, tmp_path / "no folder" / "model.sql")


# ----------------------------------------------------------------------------------------------------------- pipelines
@pytest.mark.parametrize(
    "model",
    [
        GradientDescentRegressor(),
        GradientDescentRegressor(fit_intercept=False),
        SGDRegressor(random_state=0),
        SGDRegressor(random_state=0, penalty="l1", alpha=0.5),
    ],
)
def test_a_pipeline_becomes_a_graph(model: Any) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 3)) * [1.0, 10.0, 100.0] + 5
    y = X @ [1.0, 2.0, 3.0] + 5 + random.normal(size=50)
    register_onnx()
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    graph = skl2onnx.to_onnx(pipeline, initial_types=[("X", DoubleTensorType([None, 3]))])
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    np.testing.assert_allclose(session.run(None, {"X": X})[0].ravel(), pipeline.predict(X), rtol=1e-13)
    # What is converted stays what it was.
    assert pipeline.predict(X).shape == (50,)


@pytest.mark.parametrize("model", [GradientDescentRegressor(loss="huber"), SGDRegressor(random_state=0)])
def test_skops_keeps_a_model(model: Any) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 3))
    pipeline = make_pipeline(StandardScaler(), model).fit(X, X @ [1.0, 2.0, 3.0] + random.normal(size=50))
    kept = skops.io.dumps(pipeline)
    foreign = skops.io.get_untrusted_types(data=kept)
    assert all(name.startswith(("downslope.", "numpy.")) for name in foreign)
    again = skops.io.loads(kept, trusted=foreign)
    np.testing.assert_array_equal(again.predict(X), pipeline.predict(X))
