"""Options that name columns: what they choose, and what they may not say."""

from pathlib import Path
from typing import Any

import pytest

from downslope.data.tables.columns import choose_columns
from downslope.data.tables.layout import Layout
from downslope.exceptions import InputError


def layout_of(header: str) -> Layout:
    names = header.split(",")
    unnamed = frozenset(name for name in names if name.startswith("column "))
    return Layout(Path("t.csv"), ",", tuple(names), unnamed, 0, Path("t.csv"))


def choose(header: str, target: str = "y", **options: Any) -> tuple[Any, ...]:
    arguments = {"features": None, "exclude": (), "categorical": ()} | options
    return choose_columns(layout_of(header), target, **arguments)


@pytest.mark.parametrize(
    ("header", "options", "features", "categorical"),
    [
        ("a,b,y", {}, "a,b", ""),
        ("y,b,a", {}, "b,a", ""),
        ("a,b,y", {"features": ["b", "a"]}, "b,a", ""),
        ("a,b,y", {"features": "b"}, "b", ""),
        ("ab,c,y", {"exclude": "ab"}, "c", ""),
        ("a,b,c,y", {"exclude": ["b", "b"], "categorical": ("c", "c")}, "a,c", "c"),
        ("a,a,b,y", {"exclude": ["a"]}, "b", ""),
        ("a,a,b,y", {"features": ["b"]}, "b", ""),
        ("column 1,b,y", {"exclude": "column 1"}, "b", ""),
        ("column 1,b,y", {"features": ["column 1"]}, "column 1", ""),
    ],
)
def test_choices(header: str, options: dict[str, Any], features: str, categorical: str) -> None:
    chosen = choose(header, **options)
    assert chosen == (tuple(features.split(",")), frozenset(filter(None, categorical.split(","))), "y")


@pytest.mark.parametrize(
    ("header", "options", "sentence"),
    [
        ("x,Y", {}, "t.csv has no column 'y', the target asked for: the columns are 'x', 'Y'; did you mean 'Y'?"),
        ("weight,mpg", {"target": "wieght"}, "did you mean 'weight'?"),
        ("weight,mpg", {"target": "zzz"}, "the columns are 'weight', 'mpg'"),
        ("# made by x", {}, "its first line must name the columns, and holds '# made by x'"),
        ("sep=,column 2", {}, "its first line must name the columns, and holds 'sep='"),
        ("1,2.5", {}, "its first line must name the columns, and holds '1', '2.5'"),
        (",".join("abcdefghijklmnopq"), {"target": "y2"}, "'l' and 5 more"),
        ("a,y", {"features": ["b", "c", "a"]}, "has no columns 'b', 'c', asked for with features"),
        ("a,y", {"exclude": ["b"]}, "has no column 'b', asked for with exclude"),
        ("a,y", {"categorical": ["b"]}, "has no column 'b', asked for with categorical"),
        ("a,y", {"features": ["a", "y"]}, "the target 'y' is named by features too"),
        ("a,y", {"categorical": ["y"]}, "the target 'y' is named by categorical too"),
        ("a,y", {"exclude": ["y"]}, "the target 'y' is named by exclude too"),
        ("a,y,y", {}, "has several columns named 'y'"),
        ("a,b,a,b,y", {}, "has several columns named 'a', 'b': give each column its own name"),
        ("a,a,y", {"features": ["a"]}, "has several columns named 'a'"),
        ("column 1,b,y", {}, "no name for 'column 1' in its header, as in a saved index: write one, or leave it out "),
        ("column 1,b,y", {}, "exclude=['column 1']"),
        ("a,y", {"features": ["a"], "exclude": ["a"]}, "features and exclude both name 'a'"),
        ("a,b,y", {"features": ["a"], "categorical": ["b"]}, "categorical names 'b', not used as a feature"),
        ("a,b,y", {"exclude": ["b"], "categorical": ["b"]}, "categorical names 'b', not used as a feature"),
        ("y", {}, "no feature is left beside 'y': at least one"),
        ("a,y", {"exclude": ["a"]}, "no feature is left"),
        ("a,y", {"features": []}, "no feature is left"),
    ],
)
def test_options_that_cannot_be_used(header: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(header, **options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
