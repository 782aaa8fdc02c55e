"""Every sentence stands in both languages, with the same blanks, and is used; Korean is Korean."""

import ast
import json
import re
from collections import Counter
from pathlib import Path
from string import Formatter

import numpy as np
import pytest

import downslope
from downslope.texts import LANGUAGES, Finding, Remedy, naming_options, speaking
from downslope.texts.catalogue import PARTICLES, attach_particle, fill, list_names, templates

SOURCE = Path(downslope.__file__).parent
ENGLISH, KOREAN = templates("en"), templates("ko")
# Only English has one and many.
PLURAL = "p"


def blanks(text: str) -> Counter[tuple[str, str, str]]:
    """The blanks of a template with their formats, less the choices between one and many."""
    parsed = ((field, spec or "", conversion or "") for _, field, spec, conversion in Formatter().parse(text) if field)
    return Counter(blank for blank in parsed if blank[2] != PLURAL)


def asked_for() -> tuple[set[str], set[str]]:
    """The codes that the package asks for, and the beginnings of those that it puts together."""
    whole, beginnings = set[str](), set[str]()
    for path in SOURCE.rglob("*.py"):
        pictured = path.is_relative_to(SOURCE / "displays")
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
        parts = {id(part) for node in joined for part in node.values}
        beginnings |= {str(node.values[0].value) for node in joined if isinstance(node.values[0], ast.Constant)}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                whole |= {node.value, f"pictures.{node.value}"} if pictured else {node.value}
    return whole, {text for text in beginnings if re.fullmatch(r"[a-z_]+\.[a-z_]*", text) and text != "pictures."}


def said_in_pictures() -> set[str]:
    """What the displays call `say` with."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (SOURCE / "displays").rglob("*.py"))
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    named = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "say")
    return {f"pictures.{first.value}" for first in named if isinstance(first, ast.Constant)}


def test_both_languages_have_the_same_sentences() -> None:
    assert list(ENGLISH) == list(KOREAN)


@pytest.mark.parametrize("code", ENGLISH)
def test_both_languages_have_the_same_blanks(code: str) -> None:
    assert set(blanks(ENGLISH[code])) == set(blanks(KOREAN[code]))


@pytest.mark.parametrize("code", ENGLISH)
def test_korean_is_korean(code: str) -> None:
    # Blanks, and symbols of the field, are the same in every language.
    words = re.sub(r"\{[^}]*\}|λ_max", "", ENGLISH[code])
    if re.search(r"[a-z]{2}", words):
        assert re.search("[가-힣]", KOREAN[code])


@pytest.mark.parametrize("code", ENGLISH)
def test_a_full_stop_stands_in_both_languages_or_in_none(code: str) -> None:
    assert ENGLISH[code].endswith(".") == KOREAN[code].endswith(".")


def test_no_sentence_is_unused() -> None:
    whole, beginnings = asked_for()
    assert [code for code in ENGLISH if code not in whole and not code.startswith(tuple(beginnings))] == []


def test_no_sentence_is_missing() -> None:
    sections = {code.partition(".")[0] for code in ENGLISH} - {"pictures"}
    asked = {text for text in asked_for()[0] if re.fullmatch(rf"({'|'.join(sections)})\.[\w -]+", text)}
    # Names of files look alike, and so does a setting of matplotlib.
    asked = {text for text in asked | said_in_pictures() if not text.endswith((".py", ".json", "text.color"))}
    assert {text for text in asked if text not in ENGLISH} == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("값[을/를]", "값을"),
        ("나무[을/를]", "나무를"),
        ("'weight'[을/를]", "'weight'를"),
        ("'mpg'[이/가]", "'mpg'가"),
        ("'column'[은/는]", "'column'은"),
        ("method='adam'[으로/로]", "method='adam'으로"),
        ("0.3[으로/로]", "0.3으로"),
        ("0.1[으로/로]", "0.1로"),
        ("7[과/와] 2[과/와]", "7과 2와"),
        ("서울[으로/로]", "서울로"),
        ("max_iter[을/를]", "max_iter를"),
        ("R[이/가]", "R이"),
        ("scaling[은/는]", "scaling은"),
        ("batch_size=None[으로/로]", "batch_size=None으로"),
        ("'quantile'[으로/로]", "'quantile'로"),
        ("price[을/를]", "price를"),
        ("'origin=3'[이/가]", "'origin=3'이"),
    ],
)
def test_particles_follow_the_sound_before_them(before: str, after: str) -> None:
    assert PARTICLES.sub(attach_particle, before) == after


@pytest.mark.parametrize(
    ("names", "english", "korean"),
    [
        (["a"], "'a'", "'a'"),
        (["a", "b"], "'a' and 'b'", "'a', 'b'"),
        (list("abcde"), "'a', 'b', 'c', 'd' and 'e'", "'a', 'b', 'c', 'd', 'e'"),
        (list("abcdefg"), "'a', 'b', 'c', 'd', 'e' and 2 more", "'a', 'b', 'c', 'd', 'e' 외 2개"),
        ([], "", ""),
    ],
)
def test_names_are_listed(names: list[str], english: str, korean: str) -> None:
    assert (list_names(names, "en"), list_names(names, "ko")) == (english, korean)


def test_one_and_many() -> None:
    assert [f"{count} {fill_plural(count)}" for count in (1, 0, 2)] == ["1 row", "0 rows", "2 rows"]


def fill_plural(count: int) -> str:
    from downslope.texts.catalogue import Filler

    return Filler("en").vformat("{count!p:row|rows}", (), {"count": count})


def test_a_finding_keeps_what_it_says_as_data() -> None:
    part = Finding.of("language.unknown", got="fr", known="'en', 'ko'")
    finding = Finding.of("advice.raise_max_iter_or", Remedy("method", "adam"), part=part)
    assert Finding.from_dict(finding.to_dict()) == finding
    with speaking("ko"):
        assert "max_iter를 늘리거나 method='adam'을 써 보세요" in str(finding)


def test_numbers_of_numpy_and_those_that_json_lacks_are_kept() -> None:
    finding = Finding.of("sgd.risen", last=np.float64(np.inf), first=np.float32(0.5))
    kept = Finding.from_dict(json.loads(json.dumps(finding.to_dict(), allow_nan=False)))
    assert str(kept) == str(finding) == "the objective is inf, that of predicting zero is 0.5"


def test_a_parameter_is_named_with_the_value_that_it_was_given() -> None:
    finding = Finding.of("options.loss", loss="l3", known="huber")
    assert str(finding) == "loss='l3' is not known: choose one of huber"
    with naming_options(lambda parameter, value: f"--{parameter} {value}"), speaking("ko"):
        assert str(finding) == "--loss 'l3'은 없는 손실이에요. huber 중에서 고르세요"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_blank_that_nothing_fills_is_an_error(language: str) -> None:
    with pytest.raises(KeyError):
        fill("language.unknown", {}, language)
