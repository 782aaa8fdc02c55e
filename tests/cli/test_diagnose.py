"""What the shell says of a descent before it is made, and of many."""

import re
from pathlib import Path

import numpy as np
import pytest

from downslope import diagnose, sweep
from downslope.cli.naming import name_option
from downslope.texts import naming_options
from tests.cli.conftest import CARS, Call
from tests.cli.test_fit import cars

TABLE = (CARS, "-t", "mpg", "--exclude", "name", "--categorical", "origin", "--missing", "drop")


def test_a_diagnosis_is_that_of_the_library(call: Call) -> None:
    X, y, names = cars()
    answer = call("diagnose", *TABLE, "--learning-rate", "0.5", "--json")
    known = diagnose(X, y, feature_names=list(names), learning_rate=0.5)
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
