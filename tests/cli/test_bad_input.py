"""What bad input gets: one sentence on standard error, nothing on standard output, and an exit code."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Call

Write = Callable[..., Path]
FIT = ["fit", "{table}", "-t", "y"]


FAILED = {
    "no file": (["fit", "{dir}/none.csv", "-t", "y"], "there is no file .*none.csv: check the path"),
    "a folder": (["fit", "{dir}", "-t", "y"], r"binary\.csv is a binary file: give a text table"),
    "an empty file": (["fit", "{dir}/empty.csv", "-t", "y"], "is empty: give a table"),
    "a binary file": (["fit", "{dir}/binary.csv", "-t", "y"], "is a binary file"),
    "a header only": (["fit", "{dir}/header.csv", "-t", "y"], "has a header and no rows"),
    "a ragged row": (["fit", "{dir}/ragged.csv", "-t", "y"], "has 1 value in line 3 where the header names 2 columns"),
    "one row": (["fit", "{one}", "-t", "y"], "has 1 usable row: a fit needs at least 2"),
    "infinity": (["fit", "{infinite}", "-t", "y"], r"infinite values in the column 'x' \(1, first in row 2\)"),
    "gaps": (["fit", "{gaps}", "-t", "y"], r"has 3 missing values \('x' 1, 'z' 2\): --missing drop"),
    "all rows dropped": (["fit", "{gaps}", "-t", "y", "--missing", "drop"], "--missing drop leaves none of the 3 rows"),
    "text": (["fit", "{text}", "-t", "y"], "holds text in the column 'x' .* --categorical x, or leave it out"),
    "a target of text": (["fit", "{words}", "-t", "y"], "the target 'y' of .* holds text"),
    "no such target": (["fit", "{table}", "-t", "Y"], "has no column 'Y', the target asked for.*did you mean 'y'"),
    "no such feature": ([*FIT, "--features", "a,q"], "has no column 'q', asked for with --features"),
    "no such weights": ([*FIT, "--features", "a", "--weights", "q"], "has no column 'q', asked for with --weights"),
    "the target a feature": ([*FIT, "--features", "a,y"], "the target 'y' is named by --features too"),
    "no feature": ([*FIT, "--exclude", "a,b,g,w"], "no feature is left beside 'y':"),
    "only weights": (["fit", "{only}", "-t", "y", "--weights", "w"], "no feature is left beside 'y', 'w':"),
    "no weight above zero": (["fit", "{weights}", "-t", "y", "--weights", "zero"], "is zero in all rows"),
    "a negative weight": (["fit", "{weights}", "-t", "y", "--weights", "negative"], "is negative in 1 of 3 rows"),
    "a row without a weight": (
        ["fit", "{gap}", "-t", "y", "--weights", "w", "--missing", "mean"],
        "1 row of .* has no weight in 'w', and a mean is no weight: use --missing drop",
    ),
    "too much held out": (
        ["fit", "{text}", "-t", "y", "--categorical", "x", "--test-size", "0.9"],
        "has 3 usable rows and --test-size 0.9 leaves 0 of them: a fit needs at least 2",
    ),
    "squares that overflow": (["fit", "{huge}", "-t", "y"], "overflow"),
    "a folder that is not there": ([*FIT, "--model", "{dir}/no/m.json"], "--model .* there is no folder .*no, so make"),
    "a folder as a file": ([*FIT, "--history", "{dir}"], "--history .* is a folder: give the name of a file"),
    "a device as a file": ([*FIT, "--model", "/dev/null"], "--model /dev/null is no regular file"),
    "a file as a folder": (["demo", "--output", "{table}"], "--output .* cannot be made .*: choose another folder"),
    "no model": (["predict", "{dir}/none.json", "{table}"], "the model file .* cannot be read"),
    "a table as a model": (["predict", "{table}", "{table}"], "is damaged or no model file"),
    "half a model": (["predict", "{dir}/cut.json", "{table}"], "is damaged or no model file"),
    "a damaged model": (["predict", "{dir}/damaged.json", "{table}"], "is damaged"),
    "a later model": (["predict", "{dir}/later.json", "{table}"], "has version 99 of the model format"),
    "a torn encoding": (["predict", "{dir}/torn.json", "{table}"], "is damaged .its encoding of a table"),
    "a damaged encoding": (["predict", "{dir}/scrap.json", "{table}"], "the stored encoding of the table is damaged"),
    "a model without names": (["predict", "{dir}/unnamed.json", "{table}"], "does not know the names of its columns"),
    "a model without means": (
        ["predict", "{dir}/frame.json", "{table}", "--missing", "mean"],
        "does not know the means: use --missing drop",
    ),
    "a model for other columns": (
        ["predict", "{dir}/foreign.json", "{table}"],
        "no columns 'p', 'q', needed by the model",
    ),
}

MISUSED = {
    "a rule that needs a smooth loss": (
        ["fit", "{dir}/weights.csv", "-t", "y", "--batch-size", "1", "--method", "saga", "--loss", "quantile"],
        "--method saga got --loss quantile: it needs a loss without kinks",
    ),
    "no such command": (["fitt"], "No such command 'fitt'. Did you mean 'fit'?"),
    "no such option": ([*FIT, "--lss", "huber"], "No such option: --lss"),
    "no table": (["fit", "-t", "y"], "Missing argument 'DATA'"),
    "no target": (["fit", "{table}"], "Missing option '--target'"),
    "an unknown loss": ([*FIT, "--loss", "hubr"], "'hubr' is not one of 'squared_error', 'huber'"),
    "an unknown policy": ([*FIT, "--missing", "zero"], "'zero' is not one of 'drop', 'mean'"),
    "a word for a number": ([*FIT, "--alpha", "much"], "Invalid value for '--alpha'"),
    "a negative seed": ([*FIT, "--seed", "-1"], "Invalid value for '--seed'"),
    "a rate of 0": ([*FIT, "--learning-rate", "0"], "--learning-rate got '0', and must be"),
    "a rate in words": ([*FIT, "--learning-rate", "fast"], "--learning-rate got 'fast', and must be"),
    "an infinite rate": ([*FIT, "--learning-rate", "inf"], "--learning-rate got 'inf', and must be"),
    "a negative delta": ([*FIT, "--delta", "-1"], r"--delta got -1.0, and must be a float in the range \(0.0, inf\)"),
    "a delta that is none": ([*FIT, "--delta", "nan"], "--delta got nan, and must be a float"),
    "a share of 2": ([*FIT, "--l1-ratio", "2"], "--l1-ratio got 2.0, and must be"),
    "no epoch": ([*FIT, "--max-iter", "0"], "--max-iter got 0, and must be"),
    "no row an update": (
        [*FIT, "--batch-size", "0"],
        r"--batch-size got 0, and must be an int in the range \[1, inf\)",
    ),
    "an engine for whole batches": (
        [*FIT, "--batch-size", "1", "--engine", "spectral"],
        "--engine spectral cannot run this problem because --batch-size asks .*: choose auto, or stochastic",
    ),
    "a negative tol": ([*FIT, "--tol", "-1"], "--tol got -1.0, and must be"),
    "all rows held out": ([*FIT, "--test-size", "1"], "--test-size got 1, and must be a share of the rows"),
    "an engine that cannot": (
        [*FIT, "--engine", "spectral", "--loss", "huber"],
        "--engine spectral cannot run this problem because the loss is not squared_error: choose auto, or data",
    ),
    "a picture of no kind": ([*FIT, "--plot", "{dir}/p.xyz"], "--plot .* must end in one of .*png"),
    "a picture without an ending": ([*FIT, "--plot", "{dir}/p"], "--plot .* must end in one of .*svg"),
    "the table as output": ([*FIT, "--model", "{table}"], "would overwrite what is read"),
    "one file for two": (
        [*FIT, "--model", "{dir}/x", "--history", "{dir}/x"],
        "--history .* would overwrite the file of --model",
    ),
    "weights as a feature": ([*FIT, "--features", "a", "--weights", "a"], "--weights and --features both name 'a'"),
    "weights as the target": ([*FIT, "--weights", "y"], "--weights and --target both name 'y'"),
    "no rows": (["generate", "--rows", "0"], "--rows 0 cannot be used"),
    "more outliers than rows": (["generate", "--rows", "2", "--outliers", "3"], "--outliers 3 is more than --rows 2"),
    "no number": (["generate", "--coef", "nan"], r"--coef \[nan\] cannot be used"),
    "the model as output": (["predict", "{dir}/frame.json", "{table}", "-o", "{dir}/frame.json"], "would overwrite"),
}


@pytest.mark.parametrize(
    ("code", "typed", "sentence"),
    [pytest.param(1, *case, id=name) for name, case in FAILED.items()]
    + [pytest.param(2, *case, id=name) for name, case in MISUSED.items()],
)
def test_one_sentence_and_an_exit_code(
    call: Call, places: dict[str, Path], code: int, typed: list[str], sentence: str
) -> None:
    before = {path: path.read_bytes() for path in places["dir"].iterdir() if path.is_file()}
    answer = call(*(word.format(**places) for word in typed))
    assert (answer.code, answer.out) == (code, "")
    assert re.fullmatch(f"downslope: .*{sentence}.*\n", answer.err), answer.err
    assert {path: path.read_bytes() for path in places["dir"].iterdir() if path.is_file()} == before


def test_a_folder_that_cannot_be_written_is_said_before_the_fit(
    call: Call, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    monkeypatch.setattr("downslope.cli.rows.load_table", pytest.fail)
    answer = call("fit", places["table"], "-t", "y", "--model", places["dir"] / "m.json")
    assert answer.code == 1
    assert re.fullmatch(
        r"downslope: --model .* cannot be written \(Permission denied\): choose another folder\n", answer.err
    )


LEGAL = {
    "more features than rows": {"a": [1, 2], "b": [3, 1], "c": [0, 5], "y": [1, 2]},
    "values of 1e150": {"x": ["1e150", "2e150", "4e150"], "y": ["3e150", "5e150", "9e150"]},
    "values of 1e-150": {"x": ["1e-150", "2e-150", "4e-150"], "y": ["3e-150", "5e-150", "9e-150"]},
    "columns 1e16 apart": {"a": ["1e-8", "3e-8", "2e-8", "0"], "b": ["1e8", "2e8", "5e8", "0"], "y": [2, 4, 6, 1]},
}


@pytest.mark.parametrize("columns", LEGAL.values(), ids=LEGAL)
def test_legal_extremes_are_fitted(call: Call, write: Write, columns: dict[str, list[Any]]) -> None:
    path = write(**columns)
    answer = call("fit", path, "-t", "y", "--json")
    X, y = np.split(np.loadtxt(path, delimiter=",", skiprows=1), [-1], axis=1)
    length, unit = np.abs(X).max(axis=0), np.abs(y).max()
    A = np.column_stack([X / length, np.ones(len(X))])
    residual = A @ np.linalg.lstsq(A, y[:, 0] / unit, rcond=None)[0] - y[:, 0] / unit
    best = 1 - np.sum(residual**2) / np.sum((y / unit - np.mean(y / unit)) ** 2)
    assert answer.code == 0
    assert answer.document["quality"]["r2"] == pytest.approx(best, abs=1e-5)
    assert answer.document["least_squares"]["r2"] == pytest.approx(best, abs=1e-9)
