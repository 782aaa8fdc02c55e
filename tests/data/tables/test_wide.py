"""Tables of many columns: read as those of few, and refused for the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from downslope.data.tables.files import read_table
from downslope.data.tables.notation import Notation
from downslope.exceptions import FileError, InputError

Write = Callable[..., Path]


def test_many_columns_are_read_as_few_are(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(8)
    spellings = ["{:.4f}", " {:.3e} ", "{:+.2f}", "", "NA", " n/a ", "-9", "-9.0", '"{:.1f}"', "--"]
    columns = [f"x{j}" for j in range(320)]
    rows = [
        [spellings[rng.integers(len(spellings)) if j % 3 else 0].format(rng.normal()) for j in range(320)]
        for _ in range(7)
    ]
    text = "\ufeff" + ",".join([*columns, "y"]) + "\r\n" + "".join(",".join([*row, "1"]) + "\r\n" for row in rows)
    path = write(text)
    notation = Notation.of(["--", "x7:-9", "x8:-9"])
    wide = read_table(path, target="y", exclude=["x1"], missing="mean", notation=notation)
    monkeypatch.setattr("downslope.data.tables.wide.LEAST_COLUMNS", 10_000)
    usual = read_table(path, target="y", exclude=["x1"], missing="mean", notation=notation)
    np.testing.assert_array_equal(wide.X, usual.X)
    assert wide.feature_names == usual.feature_names
    assert [str(note) for note in wide.notes] == [str(note) for note in usual.notes]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            lambda text: text.replace("0.25", "oops", 1),
            r"holds text in the column 'x3' \('oops' in row 1, 1 of 4 cells\)",
        ),
        (lambda text: text.replace("0.25", "inf", 1), r"infinite values in the column 'x3' \(1, first in row 1\)"),
        (lambda text: text + "1,2\n", "has 2 values in line 6 where the header names 401 columns"),
        (lambda text: text + '"' + "1," * 400 + "1\n", "has a row that cannot be read, beginning in line 6"),
    ],
)
def test_what_many_columns_are_refused_for(write: Write, spoil: Callable[[str], str], told: str) -> None:
    names = [f"x{j}" for j in range(400)]
    rows = "".join(",".join("0.25" if j == 3 else str(i + j) for j in range(401)) + "\n" for i in range(4))
    path = write(spoil(",".join([*names, "y"]) + "\n" + rows))
    with pytest.raises((InputError, FileError), match=told):
        read_table(path, target="y")
