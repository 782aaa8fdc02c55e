"""``downslope generate`` gives the rows of `make_linear`, to the last digit."""

import io
from pathlib import Path

import numpy as np
import pytest

from downslope import make_linear
from tests.cli.conftest import Call

TYPED = ("--coef", "0.3", "--coef", "-2", "--intercept", "-0.5", "--rows", "7", "--noise", "0.2", "--outliers", "1")


@pytest.mark.parametrize("to_file", [False, True])
def test_the_rows_are_those_of_make_linear(call: Call, tmp_path: Path, to_file: bool) -> None:
    file = tmp_path / "rows.csv"
    answer = call("generate", *TYPED, "--seed", "4", *(["--output", file] if to_file else []))
    text = file.read_text(encoding="utf-8") if to_file else answer.out
    data = make_linear([0.3, -2.0], -0.5, 7, 0.2, 1, 4)
    assert answer.code == 0
    assert text.splitlines()[0] == "x1,x2,y"
    assert np.array_equal(np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1), np.column_stack([data.X, data.y]))
    told = answer.err.splitlines()
    assert told[0] == "y = 0.3·x1 - 2·x2 - 0.5 ± 0.2, 1 outliers  (--seed 4)"
    assert told[1:] == ([f"7 rows written to {file}"] if to_file else [])


def test_one_feature_is_called_x(call: Call) -> None:
    answer = call("generate", "--seed", "0")
    assert answer.out.startswith("x,y\n")
    assert len(answer.out.splitlines()) == 101
    assert answer.err.startswith("y = 0.3·x + 0.5 ± 0.01  ")


def test_without_a_seed_the_rows_are_new_and_can_be_had_again(call: Call) -> None:
    first = call("generate")
    seed = first.err.partition("--seed ")[2].rstrip(")\n")
    assert call("generate", "--seed", seed).out == first.out
    assert call("generate").out != first.out


def test_what_it_writes_can_be_fitted(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    call("generate", "--coef", "0.3", "--coef", "0.5", "--noise", "0", "--seed", "1", "--output", file)
    document = call("fit", file, "-t", "y", "--json").document
    assert document["least_squares"]["coef"] == pytest.approx({"x1": 0.3, "x2": 0.5}, rel=1e-12)
    assert document["least_squares"]["intercept"] == pytest.approx(0.5, rel=1e-12)
