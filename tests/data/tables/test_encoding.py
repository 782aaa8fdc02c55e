"""Encodings written and read back, and encodings that were damaged on the way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from downslope.data.tables.encoding import Encoding, check_missing
from downslope.data.tables.notation import Notation
from downslope.exceptions import InputError

GOOD: dict[str, Any] = {
    "columns": ["weight", "origin"],
    "levels": {"origin": ["1", "2", "3"]},
    "missing": "mean",
    "means": [2977.5, 0.25, 0.5],
    "notation": {"na": ["-", "weight:0"], "decimal": ",", "thousands": "."},
}
NOTATION = Notation(("-", "weight:0"), ",", ".")

levels = st.lists(st.text(min_size=1), min_size=2, max_size=4, unique=True).map(tuple)


@given(
    columns=st.dictionaries(st.text(st.characters(exclude_characters="="), min_size=1), st.none() | levels, min_size=1),
    missing=st.sampled_from(["drop", "mean", None]),
    data=st.data(),
)
def test_what_is_written_is_read_back(columns: dict[str, Any], missing: Any, data: st.DataObject) -> None:
    known = {name: found for name, found in columns.items() if found}
    names = Encoding(tuple(columns), known, missing, ()).feature_names
    assert len(names) == sum(len(found) - 1 if found else 1 for found in columns.values())
    number = st.floats(allow_nan=False, allow_infinity=False)
    means = data.draw(st.lists(number, min_size=len(names), max_size=len(names)))
    encoding = Encoding(tuple(columns), known, missing, tuple(means))
    assert Encoding.from_dict(json.loads(json.dumps(encoding.to_dict()))) == encoding


def test_one_encoding_in_full() -> None:
    encoding = Encoding.from_dict(GOOD)
    assert encoding == Encoding(
        ("weight", "origin"), {"origin": ("1", "2", "3")}, "mean", (2977.5, 0.25, 0.5), NOTATION
    )
    assert encoding.to_dict() == GOOD
    older = {key: value for key, value in GOOD.items() if key != "notation"}
    assert Encoding.from_dict(older).notation == Notation()
    assert encoding.feature_names == ("weight", "origin=2", "origin=3")


@pytest.mark.parametrize(
    "damage",
    [
        {"columns": None},
        {"columns": []},
        {"columns": ["weight", 3]},
        {"columns": ["weight"]},
        {"columns": ["origin", "origin"]},
        {"levels": []},
        {"levels": {"origin": ["1"]}},
        {"levels": {"origin": ["1", "2", "2"]}},
        {"levels": {"origin": ["1", 2, "3"]}},
        {"levels": {"origin": None}},
        {"missing": "zero"},
        {"notation": None},
        {"notation": {"na": [], "decimal": "."}},
        {"notation": {"na": [3], "decimal": ".", "thousands": None}},
        {"notation": {"na": [], "decimal": "point", "thousands": None}},
        {"notation": {"na": [], "decimal": ",", "thousands": ","}},
        {"notation": {"na": [], "decimal": ".", "thousands": ["'"]}},
        {"missing": ["drop"]},
        {"means": [1.0, 2.0]},
        {"means": [1.0, 2.0, "many"]},
        {"means": [1.0, 2.0, float("nan")]},
        {"means": [1.0, 2.0, 10**400]},
    ],
)
def test_damage_is_noticed(damage: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"the stored encoding of the table is damaged \(.*\): fit the model again"):
        Encoding.from_dict(GOOD | damage)


@pytest.mark.parametrize("name", sorted(GOOD.keys() - {"notation"}))
def test_a_part_that_is_absent_is_noticed(name: str) -> None:
    with pytest.raises(InputError, match=f"it has no '{name}'"):
        Encoding.from_dict({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize("missing", ["drop", "mean", None])
def test_policies(missing: Any) -> None:
    check_missing(missing)
