"""``downslope predict``: the model of the command, its rows, and its treatment of gaps."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from downslope import GradientDescentRegressor, load_model, save_model
from tests.cli.conftest import CARS, Call
from tests.cli.test_fit import cars


@pytest.fixture
def model(call: Call, tmp_path: Path) -> Path:
    """A model of the real table that drops rows with gaps."""
    path = tmp_path / "m.json"
    options = ("--target", "mpg", "--exclude", "name", "--categorical", "origin", "--missing", "drop")
    assert call("fit", CARS, *options, "--model", path).code == 0
    return path


def expected(model: Path) -> np.ndarray:
    """The predictions for all rows, NaN for those with a gap."""
    fitted, X = load_model(model), cars()[0]
    predicted = np.full(397, np.nan)
    predicted[pd.read_csv(CARS)["horsepower"].notna()] = X @ fitted.coef_ + fitted.intercept_
    return predicted


def test_every_row_keeps_its_line(call: Call, model: Path) -> None:
    answer = call("predict", model, CARS)
    column = pd.read_csv(io.StringIO(answer.out))
    assert answer.code == 0
    assert column.columns.tolist() == ["prediction"]
    np.testing.assert_allclose(column["prediction"], expected(model), rtol=1e-12)
    assert answer.err == "5 rows of 397 left out for missing values: 'horsepower' 5\n"


def test_columns_of_the_table_stand_beside_the_predictions(call: Call, model: Path) -> None:
    """As they stand there, in rows without a prediction too."""
    table = pd.read_csv(CARS, dtype=str, keep_default_na=False)
    kept = call("predict", model, CARS, "--keep", "name,horsepower")
    found = pd.read_csv(io.StringIO(kept.out), dtype=str, keep_default_na=False)
    assert found.columns.tolist() == ["name", "horsepower", "prediction"]
    pd.testing.assert_frame_equal(found[["name", "horsepower"]], table[["name", "horsepower"]])
    np.testing.assert_allclose(pd.to_numeric(found["prediction"]), expected(model), rtol=1e-12)
    appended = pd.read_csv(io.StringIO(call("predict", model, CARS, "--append").out), dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(appended.drop(columns="prediction"), table)
    assert appended["prediction"].tolist() == found["prediction"].tolist()
    document = json.loads(call("predict", model, CARS, "--keep", "name", "--json").out)
    assert document["kept"] == {"name": table["name"].tolist()}
    assert "no column 'nobody', asked for with --keep" in call("predict", model, CARS, "--keep", "nobody").err


def test_json_has_null_for_a_row_left_out(call: Call, model: Path) -> None:
    document = call("predict", model, CARS, "--json").document
    assert (document["rows"], document["rows_without_prediction"]) == (397, 5)
    predicted = np.array(document["predictions"], dtype=float)
    np.testing.assert_allclose(predicted, expected(model), rtol=1e-12)


def test_gaps_can_be_filled_after_all(call: Call, model: Path) -> None:
    answer = call("predict", model, CARS, "--missing", "mean")
    fitted = load_model(model)
    frame = pd.read_csv(CARS, dtype={"origin": "str"}).drop(columns=["name", "mpg"])
    frame["horsepower"] = frame["horsepower"].fillna(frame["horsepower"].mean())
    X = pd.get_dummies(frame, columns=["origin"], drop_first=True, dtype=float).to_numpy(dtype=float)
    column = pd.read_csv(io.StringIO(answer.out))["prediction"]
    np.testing.assert_allclose(column, X @ fitted.coef_ + fitted.intercept_, rtol=1e-12)
    assert answer.err == "missing values filled with the mean of their column: 'horsepower' 5\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_output_goes_to_a_file(call: Call, model: Path, tmp_path: Path, as_json: list[str]) -> None:
    file = tmp_path / "p.out"
    printed = call("predict", model, CARS, *as_json).out
    answer = call("predict", model, CARS, *as_json, "--output", file)
    assert (answer.code, answer.out) == (0, "")
    assert file.read_text(encoding="utf-8") == printed
    assert answer.err.endswith(f"392 predictions for 397 rows written to {file}\n")
    assert call("predict", model, CARS, *as_json, "--output", "-").out == printed


def test_the_table_needs_no_target_and_may_have_more_columns(call: Call, lines: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    assert call("fit", lines, "-t", "y", "--features", "b,a", "--model", file).code == 0
    other = tmp_path / "other.csv"
    pd.read_csv(lines)[["g", "a", "b"]].to_csv(other, index=False)
    assert call("predict", file, other).out == call("predict", file, lines).out


def test_a_model_fitted_on_a_frame_predicts_by_its_names(call: Call, lines: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(lines)
    fitted = GradientDescentRegressor().fit(frame[["b", "a"]], frame["y"])
    file = tmp_path / "m.json"
    save_model(fitted, file)
    document = json.loads(call("predict", file, lines, "--json").out)
    np.testing.assert_allclose(document["predictions"], fitted.predict(frame[["b", "a"]]), rtol=1e-12)
