"""Cells that no number can be made of, and values that are missing: one sentence each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from downslope.data.tables.cells import NULLS
from downslope.data.tables.files import read_table
from downslope.data.tables.notation import Notation
from downslope.exceptions import InputError
from downslope.texts import speaking

Write = Callable[..., Path]
TEXT = "FILE holds text in the column"


def sentence_of(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, target="y", **options)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (
            "x,name,y\n1,ford,2\n2,fiat,3\n",
            {},
            f"{TEXT} 'name' ('ford' in row 1, 2 of 2 cells): encode it with categorical=['name'], "
            "or leave it out with exclude=['name']",
        ),
        (
            "a,b b,y\nu,v,1\nw,x,2\n",
            {},
            f"{TEXT}s 'a' ('u' in row 1, 2 of 2 cells), 'b b' ('v' in row 1, 2 of 2 cells): "
            "encode each with categorical=['NAME'], or leave each out with exclude=['NAME']",
        ),
        (
            "x,y\n" + "1,1\n" * 16 + "12a,1\n",
            {},
            f"{TEXT} 'x' ('12a' in row 17, 1 of 17 cells): correct the cells, or say with na=['12a'] that they mean a "
            "missing value, or encode it with categorical=['x'], or leave it out with exclude=['x']",
        ),
        ('x,n,y\n1,"a\nb",1\n12a,c,1\n3,d,1\n', {"categorical": ["n"]}, f"{TEXT} 'x' ('12a' in row 2, 1 of 3 cells)"),
        (
            "x;y\n1,5;1\n2,5;2\n",
            {},
            "('1,5' in row 1, 2 of 2 cells): they are numbers with another decimal sign, so say so with decimal=','",
        ),
        ("x,y\n2020_01,1\n", {}, f"{TEXT} 'x' ('2020_01' in row 1"),
        ("x,y\n0x1F,1\n", {}, f"{TEXT} 'x' ('0x1F' in row 1"),
        ("x,y\nTrue,1\n2,3\n", {}, f"{TEXT} 'x' ('True' in row 1"),
        ("x,y\n2020-01-01,1\n", {}, f"{TEXT} 'x' ('2020-01-01' in row 1"),
        (f"x,y\n{'long ' * 20},1\n", {}, "('long long long long long long long long …' in row 1"),
        ("x,z,y\n ,text,1\n", {}, f"{TEXT} 'z' ('text' in row 1, 1 of 1 cells)"),
        (
            ",".join(f"c{j}" for j in range(14)) + ",y\n" + "t," * 14 + "1\n",
            {},
            "'c11' ('t' in row 1, 1 of 1 cells) and 2 more: encode each",
        ),
        (
            "x,y\n1,2\n2,many\n",
            {},
            "the target 'y' of FILE holds text ('many' in row 2, 1 of 2 cells): "
            "correct the cells or choose another target",
        ),
        ("x,y\nt,u\n", {}, "the target 'y' of FILE holds text ('u' in row 1"),
        ("x;y\n1;2,5\n", {}, "another decimal sign, so say so with decimal=',' or choose another target"),
        (
            "x,y\n1,2\ninf,3\n1e999,4\n",
            {},
            "FILE holds infinite values in the column 'x' (2, first in row 2): "
            "correct the cells, or empty them to make them missing values",
        ),
        ("x,y\n-Infinity,-inf\n", {}, "in the columns 'x' (1, first in row 1), 'y' (1, first in row 1)"),
        (
            ",".join(f"c{j}" for j in range(14)) + ",y\n" + "inf," * 14 + "1\n",
            {},
            "'c11' (1, first in row 1) and 2 more: correct",
        ),
        (
            "id,y\n" + "".join(f"id{i},1\n" for i in range(1001)),
            {"categorical": "id"},
            "column 'id' of FILE has 1,001 different values and at most 1,000 can be encoded: "
            "leave it out with exclude=['id']",
        ),
        ("c,y\na,1\na,2\n", {"categorical": "c"}, "the categorical column 'c' has the one level 'a' in the rows used"),
        ("c,x,y\na,1,1\nb,,2\n", {"categorical": "c", "missing": "drop"}, "has the one level 'a' in the rows used"),
        ("c,y\n?,1\n,2\n", {"categorical": "c", "missing": "mean"}, "the categorical column 'c' has no level"),
        ("o=b,o,y\n1,a,1\n2,b,2\n", {"categorical": "o"}, "would make several features named 'o=b': rename"),
        (
            "x,z,y\n,1,1\n?,,2\n5,6,NA\n",
            {},
            "FILE has 4 missing values ('x' 2, 'z' 1, 'y' 1): "
            "missing='drop' leaves such rows out, missing='mean' fills in the mean of the column",
        ),
        ("x,y\n,1\n1,1\n", {}, "FILE has 1 missing value ('x' 1): "),
        (
            ",".join(f"c{j}" for j in range(14)) + ",y\n" + "," * 14 + "1\n",
            {},
            "FILE has 14 missing values ('c0' 1, 'c1' 1, 'c2' 1, 'c3' 1, 'c4' 1, 'c5' 1, 'c6' 1, 'c7' 1, 'c8' 1, "
            "'c9' 1, 'c10' 1, 'c11' 1 and 2 more columns)",
        ),
        (
            "x,y\n,1\n2,\n",
            {"missing": "drop"},
            "missing='drop' leaves none of the 2 rows of FILE ('x' 1, 'y' 1 missing): use missing='mean', or leave out "
            "columns with exclude",
        ),
        ("x,y\n1,\n2,\n", {"missing": "mean"}, "FILE has no value in the target 'y': choose another target"),
        ("x,y\n1,\n2,\n", {}, "FILE has no value in the target 'y': choose another target"),
        (
            "x,z,y\n,1,1\n,2,2\n",
            {"missing": "mean"},
            "FILE has no value in the column 'x': leave it out with exclude=['x']",
        ),
    ],
)
def test_sentences(write: Write, text: str, options: dict[str, Any], sentence: str) -> None:
    assert sentence in sentence_of(write(text), **options)


@pytest.mark.parametrize("null", [*NULLS, " ", "  NA "])
def test_what_is_taken_for_a_missing_value(write: Write, null: str) -> None:
    path = write(f'x,c,y\n"{null}",a,1\n2,b,2\n4,"{null}",3\n6,a,"{null}"\n')
    table = read_table(path, target="y", missing="mean", categorical=["c"])
    assert (table.n_rows_read, table.n_rows_dropped) == (4, 1)
    assert table.X.tolist() == [[3, 0], [2, 1], [4, 0.5]]


def test_not_a_number_in_any_spelling_is_missing(write: Write) -> None:
    assert "2 missing values ('x' 2)" in sentence_of(write("x,y\nNAN,1\n-Nan,2\n3,3\n"))


def test_pandas_takes_the_same_words_for_missing() -> None:
    assert {null for null in NULLS if null != "?"} == set(pd._libs.parsers.STR_NA_VALUES)


def column(cells: Sequence[str]) -> str:
    return "c\tx\ty\n" + "".join(f"{cell}\t{i % 7}\t{i % 5}\n" for i, cell in enumerate(cells))


DRESSES: dict[str, tuple[list[str], str]] = {
    "per cent": (
        [f"{i} %" for i in range(30)],
        "they are numbers with '%' beside them, so take it off, or leave it out",
    ),
    "won": ([f"₩{i},500" for i in range(30)], "they are numbers with '₩' beside them, so take it off"),
    "euros behind": ([f"{i},50€" for i in range(30)], "they are numbers with '€' beside them"),
    "a unit": ([f"{i / 4} km/h" for i in range(30)], "they are numbers with 'km/h' beside them"),
    "a currency by its letters": ([f"USD {i}.10" for i in range(30)], "they are numbers with 'USD' beside them"),
    "debts": ([f"-${i}" for i in range(30)], "they are numbers with '$' beside them"),
    "a unit in most": ([*(f"{i}kg" for i in range(19)), "heavy"], "19 of them are numbers with 'kg' beside them"),
    "decimal commas": ([f"{i},{i % 10}" for i in range(30)], "another decimal sign, so say so with decimal=','"),
    "decimal commas in some": (["3", "12", "0"] * 5 + ["1,5"], "another decimal sign, so say so with decimal=','"),
    "thousands and decimals": ([f"{i}.250,5" for i in range(30)], "name these with decimal=',' thousands='.'"),
    "thousands by spaces": ([f"{i} 000" for i in range(30)], "a sign between thousands, so say so with thousands=' '"),
    "thousands by hard spaces": ([f"{i}\u202f000" for i in range(30)], "say so with thousands=' '"),
    "lakhs": ([f"{i + 1},23,456" for i in range(30)], "a sign between thousands, so say so with thousands=','"),
    "either": (
        [f"{i + 1},500" for i in range(30)],
        "say with thousands=',' that the comma stands between thousands, or",
    ),
    "days": (
        [f"{1 + i % 28}.{1 + i % 12}.2019" for i in range(30)],
        "they are dates or times, so write them as 2013-01-31 for date, or as numbers",
    ),
    "moments": ([f"2021/03/{i % 9 + 1} 08:30:{i + 10}" for i in range(30)], "they are dates or times"),
    "days in words": ([f"{i % 28 + 1}-Mar-21" for i in range(30)], "they are dates or times"),
    "Korean days": ([f"2020년 3월 {i % 28 + 1}일" for i in range(30)], "they are dates or times"),
    "times of day": ([f"{i % 12}:45 pm" for i in range(30)], "they are dates or times"),
    "names of rows": ([f"row-{i}a" for i in range(30)], "30 different values in 30 cells are too many for categories"),
    "mostly names": ([f"n{i % 20}" for i in range(30)], "20 different values in 30 cells are too many for categories"),
    "a hole": (
        ["--", *(str(i) for i in range(40))],
        "correct the cells, or say with na=['--'] that they mean a missing",
    ),
    "many words": (
        [*"abcde", *(str(i) for i in range(40))],
        "correct the cells, or say with na that they mean a missing",
    ),
}


@pytest.mark.parametrize("dress", DRESSES)
def test_advice_fits_what_the_cells_are(write: Write, dress: str) -> None:
    cells, advice = DRESSES[dress]
    sentence = sentence_of(write(column(cells)))
    assert advice in sentence
    assert "categorical" not in sentence
    with speaking("ko"):
        with pytest.raises(InputError) as caught:
            read_table(write(column(cells)), target="y")
        assert str(caught.value).endswith("주세요")


def test_columns_that_are_dressed_alike_have_one_sentence(write: Write) -> None:
    rows = "".join(f"{i}%,{i + 1}%,{'uvw'[i % 3]},{i}\n" for i in range(30))
    assert sentence_of(write(f"p,q,g,y\n{rows}")).endswith(
        "'p', 'q': they are numbers with '%' beside them, so take it off, or leave each out with exclude=['NAME']; "
        "'g': encode it with categorical=['g'], or leave it out with exclude=['g']"
    )


@pytest.mark.parametrize(
    "dress", ["decimal commas", "thousands and decimals", "thousands by hard spaces", "lakhs", "a hole"]
)
def test_what_is_advised_helps(write: Write, dress: str) -> None:
    cells, _ = DRESSES[dress]
    signs = {"decimal commas": {"decimal": ","}, "thousands and decimals": {"decimal": ",", "thousands": "."}}
    signs |= {"thousands by hard spaces": {"thousands": " "}, "lakhs": {"thousands": ","}, "a hole": {"na": ["--"]}}
    table = read_table(write(column(cells)), target="y", missing="drop", notation=Notation.of(**signs[dress]))
    decimal, thousands = signs[dress].get("decimal", "."), signs[dress].get("thousands", "")
    plain = [cell.replace("\u202f", "").replace(thousands or " ", "").replace(decimal, ".") for cell in cells]
    assert table.X[:, 0].tolist() == [float(cell) for cell in plain if cell != "--"]


def test_a_target_in_another_dress(write: Write) -> None:
    assert "(row" not in (said := sentence_of(write("x,y\n" + "".join(f"{i},{i}%\n" for i in range(12)))))
    assert said.endswith("they are numbers with '%' beside them, so take it off or choose another target")
