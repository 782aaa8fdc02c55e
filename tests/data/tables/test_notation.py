"""Numbers and missing values written otherwise: what is read of them, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downslope.data.tables.files import read_features, read_table
from downslope.data.tables.notation import DECIMALS, THOUSANDS, Notation
from downslope.exceptions import InputError

Write = Callable[..., Path]
SIGNS = [(decimal, sign) for decimal in DECIMALS for sign in (None, *THOUSANDS) if sign != decimal]


@pytest.mark.parametrize(("decimal", "thousands"), SIGNS)
def test_numbers_are_read_as_pandas_reads_them(write: Write, decimal: str, thousands: str | None) -> None:
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(size=40) * 10.0 ** rng.integers(-3, 9, 40), [0.0, -1234567.0, 1e3, -12.5]])
    between = str.maketrans(",.", f"{thousands or ''}{decimal}") if thousands else str.maketrans(".", decimal)
    cells = [f"{value:{',' if thousands else ''}.3f}".translate(between) for value in values]
    path = write("x\ty\n" + "".join(f"{cell}\t1\n" for cell in cells))
    table = read_table(path, target="y", notation=Notation.of((), decimal, thousands))
    expected = pd.read_csv(path, sep="\t", decimal=decimal, thousands=thousands)["x"]
    np.testing.assert_array_equal(table.X[:, 0], expected)
    np.testing.assert_allclose(table.X[:, 0], values, atol=5e-4)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_code_is_a_number_in_every_spelling(value: float) -> None:
    assert Notation.of((), ".", None).number(repr(value)) == value
    assert Notation.of((), ",", ".").number(repr(value).replace(".", ",")) == value


@pytest.mark.parametrize(
    "cell", ["1.5", "1,2,3", "12,34", "1234,567.0", ",", "1 000", "1_000", "--1", "1e", "0x10", "1,000,"]
)
def test_what_is_no_number_with_commas_between_thousands_and_points(write: Write, cell: str) -> None:
    path = write(f"x\ty\n{cell}\t1\n2\t2\n")
    notation = Notation.of((), ".", ",")
    if cell == "1.5":
        assert read_table(path, target="y", notation=notation).X[0, 0] == 1.5
        notation = Notation.of((), ",")
    with pytest.raises(InputError, match="holds text in the column 'x'"):
        read_table(path, target="y", notation=notation)


def test_infinity_is_refused_as_what_it_is(write: Write) -> None:
    with pytest.raises(InputError, match=r"infinite values in the column 'x' \(2, first in row 2\)"):
        read_table(write("x;y\n1,5;1\n-inf;1\nInfinity;2\n"), target="y", notation=Notation.of((), ","))


CODES: dict[str, tuple[list[str], list[float | None]]] = {
    "a number": (["-99"], [None, None, 4.0, 0.0, 9999.0]),
    "several": (["-99", "9999", "0"], [None, None, 4.0, None, None]),
    "of one column": (["x:-99", "z:4"], [None, None, 4.0, 0.0, 9999.0]),
    "of another": (["z:-99"], [-99.0, -99.0, 4.0, 0.0, 9999.0]),
    "with a colon": ([":-99"], [None, None, 4.0, 0.0, 9999.0]),
}


@pytest.mark.parametrize("codes", CODES)
def test_codes_for_missing_values(write: Write, codes: str) -> None:
    path = write("x,z,y\n-99,1,1\n-99.0,2,2\n4,3,3\n0,5,4\n9999,6,5\n")
    given_codes, expected = CODES[codes]
    table = read_table(path, target="y", missing="drop", notation=Notation.of(given_codes))
    assert table.X[:, 0].tolist() == [value for value in expected if value is not None]
    assert table.rows.tolist() == [row for row, value in enumerate(expected, start=1) if value is not None]


@pytest.mark.parametrize("code", ["-", "--", ".", "n/k", "(none)", "a|b", "\\N", "kein Wert", "없음", "x.", "[*]+"])
def test_codes_of_any_letters(write: Write, code: str) -> None:
    path = write(f'x,g,y\n1,u,1\n"{code}",v,2\n3," {code} ",3\n5,v,4\nxx,v,5\n'.replace("xx,v,5\n", ""))
    notation = Notation.of([code])
    table = read_table(path, target="y", missing="drop", categorical=["g"], notation=notation)
    assert (table.X.tolist(), table.rows.tolist()) == ([[1, 0], [5, 1]], [1, 4])
    assert read_table(path, target="y", features=["x"], missing="mean", notation=notation).X[1, 0] == 3.0


def test_codes_do_not_change_the_order_of_many_rows(write: Write) -> None:
    n, codes = 60_000, [str(-code) for code in range(1, 41)] + [f"c{code}" for code in range(40)]
    cells = [codes[i % 80] if i % 3 == 0 else str(i) for i in range(n)]
    path = write("x,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)))
    table = read_table(path, target="y", missing="drop", notation=Notation.of(codes))
    assert table.X[:, 0].tolist() == table.y.tolist() == [i for i in range(n) if i % 3]


def test_a_code_for_a_column_that_is_not_there(write: Write) -> None:
    path = write("age,y\n1,2\n2,3\n")
    with pytest.raises(InputError, match=r"no column 'aeg', asked for with na: .*did you mean 'age'"):
        read_table(path, target="y", notation=Notation.of(["aeg:-1"]))


def test_a_model_reads_other_tables_alike(write: Write) -> None:
    path = write("x;z;y\n1.000,5;2;1\n-9;3;2\n7;-9;3\n2;1;4\n")
    table = read_table(path, target="y", missing="mean", notation=Notation.of(["x:-9"], ",", "."))
    features = read_features(path, table.encoding)
    assert features.X.tolist() == table.X.tolist() == [[1000.5, 2], [table.X[:, 0].mean(), 3], [7, -9], [2, 1]]
    other = read_features(write("x,z\n1.5,2\n"), table.encoding, notation=Notation())
    assert other.X.tolist() == [[1.5, 2]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"decimal": "point"}, "decimal='point' cannot be used: it must be one of '.', ','"),
        ({"thousands": "."}, "decimal='.' and thousands='.' name the same sign"),
        ({"thousands": ";"}, r"thousands=';' cannot be used: it must be one of"),
        ({"thousands": ""}, r"thousands='' cannot be used"),
    ],
)
def test_signs_that_cannot_be_told_apart(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told.replace(".", r"\.")):
        Notation.of(**options)
