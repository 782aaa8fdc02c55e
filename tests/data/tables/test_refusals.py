"""Cells that no number can be made of, and values that are missing: one sentence each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from downslope.data.tables.files import read_table
from downslope.data.tables.relation import NULLS
from downslope.exceptions import InputError

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
            "encode each with categorical=['NAME'], or leave it out with exclude=['NAME']",
        ),
        (
            "x,y\n" + "1,1\n" * 16 + "12a,1\n",
            {},
            f"{TEXT} 'x' ('12a' in row 17, 1 of 17 cells): correct the cells, or encode it with categorical=['x'], "
            "or leave it out with exclude=['x']",
        ),
        ('x,n,y\n1,"a\nb",1\n12a,c,1\n3,d,1\n', {"categorical": ["n"]}, f"{TEXT} 'x' ('12a' in row 2, 1 of 3 cells)"),
        (
            "x;y\n1,5;1\n2,5;2\n",
            {},
            "('1,5' in row 1, 2 of 2 cells): correct the cells and write decimals with a point",
        ),
        ("x,y\n2020_01,1\n", {}, f"{TEXT} 'x' ('2020_01' in row 1"),
        ("x,y\n0x1F,1\n", {}, f"{TEXT} 'x' ('0x1F' in row 1"),
        ("x,y\nTrue,1\n", {}, f"{TEXT} 'x' ('True' in row 1"),
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
        ("x;y\n1;2,5\n", {}, "correct the cells and write decimals with a point or choose another target"),
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
