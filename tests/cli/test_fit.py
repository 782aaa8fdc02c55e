"""``downslope fit`` against numpy and scikit-learn, in print, in JSON and in the files that it writes."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from downslope import load_model
from tests.cli.conftest import CARS, Call

Write = Callable[..., Path]
# The gap falls with the square of the error of the coefficients.
TIGHT = ("--tol", "1e-24")
CAR_OPTIONS = (CARS, "--target", "mpg", "--exclude", "name", "--categorical", "origin", "--missing", "drop")


def cars() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The real table as pandas encodes it."""
    frame = pd.read_csv(CARS, dtype={"origin": "str"}).drop(columns="name").dropna()
    X = pd.get_dummies(frame.drop(columns="mpg"), columns=["origin"], drop_first=True, dtype=float)
    names = [name.replace("origin_", "origin=") for name in X.columns]
    return X.to_numpy(dtype=float), frame["mpg"].to_numpy(), names


def least_squares(X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Coefficients, the intercept last, on columns of unit length."""
    A = np.column_stack([X, np.ones(len(X))])
    root = np.ones(len(y)) if weight is None else np.sqrt(weight)
    A, y = A * root[:, None], y * root
    length = np.linalg.norm(A, axis=0)
    return np.linalg.lstsq(A / length, y, rcond=None)[0] / length


def table_of(out: str) -> dict[str, list[str]]:
    """The rows of the printed table of coefficients."""
    body = out.split("\n\n")[1].splitlines()
    return {row.split("  ")[0].strip(): row.removeprefix(row.split("  ")[0]).split() for row in body[2:]}


# -------------------------------------------------------------------------------------------------------- the printout
def test_it_prints_the_coefficients_beside_least_squares(call: Call) -> None:
    answer = call("fit", *CAR_OPTIONS, *TIGHT)
    X, y, names = cars()
    best = least_squares(X, y)
    printed = table_of(answer.out)
    assert (answer.code, answer.err) == (0, "")
    for name, value in zip([*names, "(intercept)"], best, strict=True):
        assert [float(cell) for cell in printed[name][:2]] == pytest.approx([value] * 2, rel=1e-5)
        assert printed[name][3] == "%"
        assert float(printed[name][2]) < 0.01
    predicted = X @ best[:-1] + best[-1]
    assert float(printed["R² (training rows)"][1]) == pytest.approx(r2_score(y, predicted), abs=1e-6)
    assert float(printed["RMSE"][1]) == pytest.approx(np.sqrt(mean_squared_error(y, predicted)), rel=1e-5)


def test_it_says_what_was_fitted_how_and_how_it_ended(call: Call) -> None:
    out = call("fit", *CAR_OPTIONS).out
    for sentence in (
        f"rows      392 of {CARS}\n",
        "5 rows of 397 left out for missing values: 'horsepower' 5\n",
        "features  8, to predict mpg\n",
        "engine    spectral: squared loss with a linear step rule at a constant rate",
        "epochs of gd, learning rate 0.219692 (auto)\n",
        "stopped   Converged at epoch ",
        "gap       2.48e-05 above the optimum 5.34106 of the objective\n",
    ):
        assert sentence in out


def test_a_pipe_gets_no_colour_no_padding_and_no_wrapping(call: Call, write: Write) -> None:
    names = {f"a_column_with_a_rather_long_name_number_{j}": np.random.default_rng(j).uniform(size=9) for j in range(3)}
    out = call("fit", write(**names, y=range(9)), "-t", "y").out
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert sum(name in line for line in out.splitlines() for name in names) == 3


# ------------------------------------------------------------------------------------------------------------ the JSON
def test_json_is_one_document_with_everything(call: Call) -> None:
    answer = call("fit", *CAR_OPTIONS, *TIGHT, "--json")
    X, y, names = cars()
    best = least_squares(X, y)
    document = answer.document
    assert (answer.code, answer.err) == (0, "")
    assert document["features"] == names
    assert list(document["coef"]) == names
    assert list(document["coef"].values()) == pytest.approx(best[:-1], rel=1e-6)
    assert list(document["least_squares"]["coef"].values()) == pytest.approx(best[:-1], rel=1e-9)
    assert document["least_squares"]["intercept"] == pytest.approx(best[-1], rel=1e-9)
    assert document["rows"] == {"read": 397, "dropped": 5, "training": 392, "held_out": 0}
    assert document["stop"]["reason"] == "converged"
    assert document["engine"]["name"] == "spectral"
    assert document["objective_gap"] < 1e-12
    assert document["parameters"]["max_iter"] == 10_000
    assert document["quality"]["on"] == "training rows"
    assert document["quality"]["r2"] == pytest.approx(r2_score(y, X @ best[:-1] + best[-1]))
    assert document["files"] == {}
    assert document["warnings"] == []


def test_numbers_that_json_lacks_are_null(call: Call, write: Write) -> None:
    document = call("fit", write(x=[1, 2, 3], y=[5, 5, 5]), "-t", "y", "--json").document
    assert document["quality"]["r2"] is None


# ----------------------------------------------------------------------------------------------------- rows and columns
@pytest.mark.parametrize(
    ("options", "features"),
    [
        (["--features", "b,a"], ["b", "a"]),
        (["--features", "b", "--features", "a"], ["b", "a"]),
        (["--exclude", "g,w"], ["a", "b"]),
        (["--exclude", "g", "--exclude", "w,a"], ["b"]),
        (["--categorical", "g"], ["a", "b", "g=v", "g=w", "w"]),
        (["--categorical", "g", "--weights", "w"], ["a", "b", "g=v", "g=w"]),
        (["--features", "a,b", "--weights", "w"], ["a", "b"]),
        (["--exclude", "g,w", "--weights", "w"], ["a", "b"]),
    ],
)
def test_options_choose_the_features(call: Call, lines: Path, options: list[str], features: list[str]) -> None:
    assert call("fit", lines, "-t", "y", *options, "--json").document["features"] == features


def test_weights_count_as_repeated_rows(call: Call, lines: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(lines)
    repeated = tmp_path / "repeated.csv"
    frame.loc[frame.index.repeat(frame["w"])].to_csv(repeated, index=False)
    options = ("-t", "y", "--features", "a,b", "--json", *TIGHT)
    weighted, plain = call("fit", lines, *options, "--weights", "w").document, call("fit", repeated, *options).document
    for part in ("coef", "intercept", "least_squares"):
        assert flat(weighted[part]) == pytest.approx(flat(plain[part]), rel=1e-9)
    assert flat(weighted["quality"]) == pytest.approx(flat(plain["quality"]), rel=1e-9)
    best = least_squares(frame[["a", "b"]].to_numpy(), frame["y"].to_numpy(), frame["w"].to_numpy())
    assert list(weighted["coef"].values()) == pytest.approx(best[:-1], rel=1e-9)


def flat(part: Any) -> list[float]:
    """The numbers of a part of a document."""
    if isinstance(part, dict):
        return [number for value in part.values() for number in flat(value)]
    return [float(part)] if isinstance(part, int | float) else []


def test_held_out_rows_are_not_fitted_on(call: Call, lines: Path) -> None:
    options = ("fit", lines, "-t", "y", "--features", "a,b", "--test-size", "0.25", "--seed", "3")
    answer = call(*options, "--json", *TIGHT)
    document = answer.document
    frame = pd.read_csv(lines)
    X, y = frame[["a", "b"]].to_numpy(), frame["y"].to_numpy()
    order = np.random.default_rng(3).permutation(40)
    held, train = order[:10], order[10:]
    best = least_squares(X[train], y[train])
    assert document["rows"]["held_out"] == 10
    assert document["quality"]["on"] == "held-out rows"
    assert list(document["coef"].values()) == pytest.approx(best[:-1], rel=1e-6)
    predicted = X[held] @ best[:-1] + best[-1]
    assert document["least_squares"]["r2"] == pytest.approx(r2_score(y[held], predicted))
    assert document["quality"]["r2"] == pytest.approx(r2_score(y[held], predicted))
    assert document["quality"]["rmse"] == pytest.approx(np.sqrt(mean_squared_error(y[held], predicted)))
    out = call(*options).out
    assert f"rows      30 of {lines}, 10 more held out\n" in out
    assert "R² (held out)" in out


# -------------------------------------------------------------------------------------------------- model and descent
OPTIONS = {
    "loss": ("--loss", "huber"),
    "delta": ("--delta", 0.5),
    "epsilon": ("--epsilon", 0.2),
    "quantile": ("--quantile", 0.9),
    "penalty": ("--penalty", "elasticnet"),
    "alpha": ("--alpha", 0.25),
    "l1_ratio": ("--l1-ratio", 0.75),
    "method": ("--method", "nesterov"),
    "momentum": ("--momentum", 0.5),
    "learning_rate": ("--learning-rate", 0.125),
    "max_iter": ("--max-iter", 17),
    "tol": ("--tol", 0.001),
    "stop_below": ("--stop-below", 0.25),
    "validation_fraction": ("--validation-fraction", 0.25),
    "init": ("--init", "uniform"),
    "engine": ("--engine", "data"),
    "random_state": ("--seed", 5),
}
FLAGS = {
    "early_stopping": ("--early-stopping", True),
    "fit_intercept": ("--no-intercept", False),
    "standardize": ("--raw", False),
}


def test_options_reach_the_estimator(call: Call, lines: Path) -> None:
    typed = [word for option, value in OPTIONS.values() for word in (option, value)]
    flags = [option for option, _ in FLAGS.values()]
    answer = call("fit", lines, "-t", "y", "--features", "a,b", "--json", *typed, *flags)
    expected = {name: value for name, (_, value) in (OPTIONS | FLAGS).items()}
    assert answer.code == 0
    assert answer.document["parameters"].items() >= expected.items()


def test_without_an_intercept_least_squares_has_none_either(call: Call, lines: Path) -> None:
    document = call("fit", lines, "-t", "y", "--features", "a,b", "--no-intercept", "--json", *TIGHT).document
    frame = pd.read_csv(lines)
    best = np.linalg.lstsq(frame[["a", "b"]].to_numpy(), frame["y"].to_numpy(), rcond=None)[0]
    assert document["intercept"] == document["least_squares"]["intercept"] == 0.0
    assert list(document["coef"].values()) == pytest.approx(best, rel=1e-6)
    assert list(document["least_squares"]["coef"].values()) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("options", [["--loss", "huber"], ["--penalty", "l2", "--alpha", "1"], ["--early-stopping"]])
def test_least_squares_stands_beside_other_objectives_too(call: Call, lines: Path, options: list[str]) -> None:
    document = call("fit", lines, "-t", "y", "--features", "a,b", *options, "--json").document
    frame = pd.read_csv(lines)
    best = least_squares(frame[["a", "b"]].to_numpy(), frame["y"].to_numpy())
    assert list(document["least_squares"]["coef"].values()) == pytest.approx(best[:-1], rel=1e-9)


def test_an_objective_without_a_closed_form_says_so(call: Call, lines: Path) -> None:
    out = call("fit", lines, "-t", "y", "--features", "a,b", "--loss", "absolute_error").out
    assert "engine    data: one pass over the rows an epoch" in out
    assert "gap       not known: this objective has no optimum in closed form\n" in out


def test_too_many_columns_go_without_least_squares(call: Call, write: Write) -> None:
    rng = np.random.default_rng(0)
    path = write(**{f"x{j}": rng.uniform(size=3) for j in range(1010)}, y=[1, 2, 3])
    answer = call("fit", path, "-t", "y", "--max-iter", "5", "--json")
    assert answer.document["least_squares"] is None
    answer = call("fit", path, "-t", "y", "--max-iter", "5")
    assert "least squares" not in answer.out
    assert "R² (training rows)" in answer.out


def test_the_course_lines_are_progress(call: Call, lines: Path) -> None:
    answer = call(
        "fit", lines, "-t", "y", "--features", "a,b", "--verbose", "5", "--max-iter", "12", "--tol", "0", "--json"
    )
    printed = answer.err.splitlines()
    assert [line.split()[0] for line in printed] == ["0", "5", "10", "-" * 60, "12"]
    assert printed[0].startswith(" 0 a = 0.00000, b = 0.00000, b = 0.00000 error = ")
    last = answer.document
    assert f"a = {last['coef']['a']:.5f}, b = {last['coef']['b']:.5f}, b = {last['intercept']:.5f}" in printed[-1]


# ------------------------------------------------------------------------------------------------- warnings and outcome
def test_running_out_of_epochs_is_a_warning(call: Call, lines: Path) -> None:
    answer = call("fit", lines, "-t", "y", "--features", "a,b", "--max-iter", "3")
    assert answer.code == 0
    assert "stopped   All --max-iter epochs were made before another rule stopped the run.\n" in answer.out
    assert answer.err.startswith("downslope: warning: Stopped at --max-iter = 3 epochs; the objective is ")
    assert answer.err.endswith("Raise --max-iter, or try --method nesterov.\n")


def test_without_a_stop_rule_running_out_of_epochs_is_what_was_asked_for(call: Call, lines: Path) -> None:
    assert call("fit", lines, "-t", "y", "--features", "a,b", "--max-iter", "3", "--tol", "0").err == ""


def test_columns_that_say_nothing_are_named(call: Call, write: Write) -> None:
    path = write(a=[1, 2, 3, 4], b=[2, 4, 6, 8], k=[7, 7, 7, 7], y=[1, 3, 2, 4])
    answer = call("fit", path, "-t", "y", "--json")
    assert answer.code == 0
    constant, collinear = answer.err.splitlines()
    assert re.fullmatch("downslope: warning: 'k' never changes.*", constant)
    assert re.fullmatch("downslope: warning: 'a' and 'b' are collinear.* add --penalty l2", collinear)
    assert [f"downslope: warning: {sentence}" for sentence in answer.document["warnings"]] == answer.err.splitlines()
    assert answer.document["coef"]["k"] == 0
    assert not answer.document["least_squares"]["unique"]
    assert "Least squares: The columns are collinear" in call("fit", path, "-t", "y").out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--delta", "2"], "--delta changes nothing without --loss huber"),
        (["--alpha", "2"], "--alpha changes nothing without --penalty elasticnet or l1 or l2"),
        (["--validation-fraction", "0.2"], "--validation-fraction changes nothing without --early-stopping"),
        (["--momentum", "0.5"], "--momentum changes nothing without --method adam or momentum or nesterov"),
    ],
)
def test_options_that_change_nothing_are_warned_of(call: Call, lines: Path, options: list[str], sentence: str) -> None:
    answer = call("fit", lines, "-t", "y", "--features", "a,b", *options)
    assert (answer.code, answer.err) == (0, f"downslope: warning: {sentence}\n")


def test_an_interrupt_is_a_failure_that_keeps_the_model(
    call: Call, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Any, row: Any, parameters: Any) -> None:
        if row.epoch == 7:
            raise KeyboardInterrupt

    monkeypatch.setattr("downslope.monitor.progress.Progress.hear", interrupt)
    file = tmp_path / "m.json"
    answer = call("fit", lines, "-t", "y", "--features", "a,b", "--loss", "huber", "--tol", "0", "--model", file)
    assert answer.code == 1
    assert "stopped   The run was interrupted.\n" in answer.out
    assert answer.err.startswith("downslope: Interrupted at epoch 7; the model so far is kept; ")
    assert answer.err.endswith(f" The model file {file} holds it.\n")
    assert load_model(file).n_iter_ == 7


def test_an_interrupt_of_a_closed_form_leaves_nothing(
    call: Call, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("downslope.estimators.GradientDescentRegressor.fit", interrupt)
    file = tmp_path / "m.json"
    answer = call("fit", lines, "-t", "y", "--features", "a,b", "--model", file)
    assert answer == (1, "", "downslope: interrupted before there was anything to keep\n")
    assert not file.exists()


def test_divergence_is_a_failure_that_keeps_the_best_model(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    answer = call("fit", *CAR_OPTIONS, "--raw", "--learning-rate", "1e-3", "--model", file)
    assert answer.code == 1
    assert answer.err.startswith("downslope: Diverged at epoch ")
    assert "--learning-rate 0.001 is above the largest stable 2.07" in answer.err
    assert "dominated by column 'weight'" in answer.err
    assert answer.err.endswith(f"or --standardize. The model file {file} holds the best state.\n")
    assert len(answer.err.splitlines()) == 1
    assert "kept      the best epoch, 0\n" in answer.out
    assert load_model(file).coef_.tolist() == [0.0] * 8


# ------------------------------------------------------------------------------------------------------------ the files
def test_files_hold_the_model_the_history_and_a_picture(call: Call, tmp_path: Path) -> None:
    model, history, plot = tmp_path / "m.json", tmp_path / "h.csv", tmp_path / "p.png"
    answer = call("fit", *CAR_OPTIONS, "--model", model, "--history", history, "--plot", plot, "--json")
    document = answer.document
    assert document["files"] == {"model": str(model), "history": str(history), "plot": str(plot)}
    fitted = load_model(model)
    assert fitted.coef_.tolist() == list(document["coef"].values())
    assert fitted.feature_names_in_.tolist() == document["features"]
    assert fitted.table_["target"] == "mpg"
    assert fitted.table_["levels"] == {"origin": ["1", "2", "3"]}
    rows = list(csv.DictReader(history.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == document["n_iter"] + 1
    assert [float(rows[-1][name]) for name in document["features"]] == fitted.coef_.tolist()
    assert float(rows[-1]["intercept"]) == pytest.approx(fitted.intercept_, rel=1e-14)
    assert float(rows[0]["mse"]) == pytest.approx(np.mean(cars()[1] ** 2))
    picture = matplotlib.image.imread(plot)
    assert picture.shape[1] > 2 * picture.shape[0] > 500
    assert picture[..., :3].std() > 0.05
    written = call("fit", *CAR_OPTIONS, "--model", model, "--history", history).out
    assert f"Written: {model}, {history}\n" in written


def test_a_picture_of_one_feature_and_of_rows_held_out(call: Call, lines: Path, tmp_path: Path) -> None:
    plot = tmp_path / "p.svg"
    assert call("fit", lines, "-t", "y", "--features", "a", "--test-size", "0.5", "--plot", plot).code == 0
    assert plot.read_text(encoding="utf-8").startswith("<?xml")


def test_a_file_that_fails_in_the_end_takes_nothing_else_along(
    call: Call, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "h.csv")

    monkeypatch.setattr("downslope.cli.files.save_text", full)
    model = tmp_path / "m.json"
    options = ("--features", "a,b", "--model", model, "--history", tmp_path / "h.csv")
    answer = call("fit", lines, "-t", "y", *options, "--json")
    assert answer.code == 1
    assert answer.err == "downslope: h.csv cannot be used (No space left on device)\n"
    assert answer.document["files"] == {"model": str(model)}
    assert json.loads(model.read_text(encoding="utf-8"))["coef"] == list(answer.document["coef"].values())
