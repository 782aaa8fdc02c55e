"""What the shell says of a descent before it is made, and of many."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from downslope import diagnose, sweep
from downslope.cli.naming import name_option
from downslope.texts import naming_options
from tests.cli.conftest import CARS, Call
from tests.cli.test_fit import cars

TABLE = (CARS, "-t", "mpg", "--exclude", "name", "--categorical", "origin", "--missing", "drop")


def test_a_diagnosis_is_that_of_the_library(call: Call) -> None:
    X, y, names = cars()
    # Rows as the file has them.
    kept = 1 + pd.read_csv(CARS).dropna().index.to_numpy()
    answer = call("diagnose", *TABLE, "--learning-rate", "0.5", "--json")
    known = diagnose(X, y, feature_names=list(names), learning_rate=0.5, row_numbers=kept)
    assert answer.code == 0
    assert answer.document["features"] == list(names)
    assert answer.document["standardised"] == known.standardised.to_dict()
    with naming_options(name_option):
        assert [advice["text"] for advice in answer.document["advice"]] == [advice.text for advice in known.advice]


def test_the_page_speaks_in_options(call: Call) -> None:
    answer = call("diagnose", *TABLE, "--learning-rate", "0.5")
    assert answer.code == 0
    assert answer.err == ""
    assert "5 rows of 397 left out" in answer.out
    unwrapped = " ".join(answer.out.split())
    assert re.search(r"--method \w+, --learning-rate 0\.\d+, --momentum 0\.\d+", unwrapped)
    assert "diverges" in answer.out
    assert "--standardize" in answer.out
    assert not re.search(r"='|standardize=", answer.out)


def test_a_sweep_is_that_of_the_library(call: Call, tmp_path: Path) -> None:
    X, y, _ = cars()
    picture = tmp_path / "sweep.png"
    rates = (
        "--learning-rates",
        "0.01,0.1",
        "--learning-rates",
        "1",
        "--methods",
        "gd,nesterov",
        "--momenta",
        "0.5,0.9",
    )
    answer = call("sweep", *TABLE, *rates, "--max-iter", "500", "--tol", "1e-3", "--plot", picture, "--json")
    known = sweep(
        X,
        y,
        learning_rates=[0.01, 0.1, 1.0],
        methods=["gd", "nesterov"],
        momenta=[0.5, 0.9],
        max_iter=500,
        target=1e-3,
    )
    assert answer.code == 0
    assert answer.document["runs"] == [
        {
            name: value if value is None or isinstance(value, str) else pytest.approx(value)
            for name, value in run.items()
        }
        for run in (known_run._asdict() for known_run in known.runs)
    ]
    assert answer.document["best"]["learning_rate"] == known.best.learning_rate
    assert picture.read_bytes().startswith(b"\x89PNG")
    table = call("sweep", *TABLE, *rates, "--max-iter", "500", "--tol", "1e-3")
    assert (table.code, table.out) == (0, f"{known}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("diagnose", *TABLE, "--learning-rate", "fast"), 2, "--learning-rate got 'fast'"),
        (("diagnose", *TABLE, "--penalty", "l1"), 2, "'l1' is not one of 'none', 'l2'"),
        (("diagnose", *TABLE, "--alpha", "-1"), 2, "--alpha got -1"),
        (("diagnose", CARS, "-t", "mpg"), 1, "holds text in the column 'name'"),
        (("diagnose", "nowhere.csv", "-t", "y"), 1, "nowhere.csv"),
        (("sweep", *TABLE, "--learning-rates", "1,x"), 2, "--learning-rates got '1,x'"),
        (("sweep", *TABLE, "--learning-rates", "0"), 2, "--learning-rates must be numbers above 0"),
        (("sweep", *TABLE, "--methods", "newton"), 2, "'newton'"),
        (("sweep", *TABLE, "--momenta", "1"), 2, "--momentum got 1"),
        (("sweep", *TABLE, "--tol", "2"), 2, "--tol got 2"),
        (("sweep", *TABLE, "--methods", "adam"), 1, "give --learning-rates"),
        (("sweep", *TABLE, "--plot", "nowhere/sweep.png"), 1, "nowhere"),
    ],
)
def test_wrong_calls(arguments: tuple[str, ...], code: int, told: str, call: Call) -> None:
    answer = call(*arguments)
    assert answer.code == code, answer.err
    assert told in answer.err
    assert len(answer.err.splitlines()) == 1
    assert answer.out == ""


def test_constant_columns_and_few_rows_are_told(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    random = np.random.default_rng(0)
    rows = [",".join(f"{value:.6f}" for value in (*random.normal(size=2), 3.0)) for _ in range(6)]
    path.write_text("\n".join(["y,x,c", *rows]) + "\n")
    answer = call("diagnose", path, "-t", "y")
    assert answer.code == 0
    assert "Leave out 'c'" in answer.out
    assert "6 rows are few for 2 parameters" in answer.out


def test_rows_are_those_of_the_file_and_codes_have_their_option(call: Call, write: Callable[..., Path]) -> None:
    rng = np.random.default_rng(9)
    a, y = rng.uniform(size=(2, 60)).round(3)
    cells = a.astype(str).astype(object)
    cells[[2, 5]], cells[[10, 30]], y[40] = "", "-9999", 700.0
    table = write(a=cells, y=y)
    answer = call("diagnose", table, "-t", "y", "--missing", "drop")
    assert "a: -9999 × 2, rows 11, 31 (counted from 1)" in answer.out
    assert "outliers, the farthest first: row 41 (counted from 1)" in answer.out
    assert "To read -9999 in 'a' as a missing value, give --na=a:-9999 and --missing drop." in answer.out
    document = call("diagnose", table, "-t", "y", "--missing", "drop", "--json").document
    assert document["cells"]["codes"][0]["rows"] == [11, 31]
    assert (document["outliers"]["rows"][0], document["outliers"]["rows_counted_from"]) == (41, 1)
    mended = call("diagnose", table, "-t", "y", "--missing", "drop", "--na=a:-9999")
    assert "4 rows of 60 left out" in mended.out
    assert "-9999" not in mended.out
    assert "row 41 (counted from 1)" in mended.out
    assert "row 41" in call("fit", write(x=[*range(40), "?!", 3], y=range(42)), "-t", "y").err


def test_signs_and_codes_are_kept_with_the_model(call: Call, tmp_path: Path) -> None:
    cells = ["k.A." if i in (2, 12, 22) else f"{i},5" for i in range(30)]
    rows = "".join(f"{cell};1.{i % 10}00;{i % 4 + i},25\n" for i, cell in enumerate(cells))
    table, model = tmp_path / "t.csv", tmp_path / "m.json"
    table.write_text(f"a;b;y\n{rows}", encoding="utf-8")
    signs = ["--decimal", ",", "--thousands", ".", "--na", "k.A."]
    for command in ("fit", "diagnose", "sweep"):
        more = ["--model", model] if command == "fit" else []
        assert call(command, table, "-t", "y", "--missing", "drop", *signs, *more).code == 0
    first = call("predict", model, table).out.splitlines()[1:]
    assert [row for row, cell in enumerate(first) if cell == '""'] == [2, 12, 22]
    table.write_text("a,b\n1.5,1100\n-,1000\n", encoding="utf-8")
    answer = call("predict", model, table, "--decimal", ".", "--thousands", ",", "--na", "-")
    assert answer.out.splitlines()[1:] == [first[1], '""']
    refused = call("predict", model, table, "--decimal", ".")
    assert (refused.code, refused.err.count("same sign")) == (2, 1)
