"""Korean sentences hold no English: what stays in Latin letters is a name or a value."""

import re

import pytest

from downslope.texts.catalogue import templates
from tests.texts.english import english_in

# What blanks are filled with is tested where it is said.
BLANK = re.compile(r"\{[^}]*\}")
SECTIONS = {
    *("advice", "certificate", "diagnosis", "document", "engine", "explain", "fit", "history"),
    *("model_file", "optimum", "options", "outcome", "progress", "reading", "reason", "sgd", "statistics", "steps"),
    *("codec", "estimator", "replay", "stopped", "stream", "sweep", "text", "warm_start", "warning"),
}
SENTENCES = {code: told for code, told in templates("ko").items() if code.partition(".")[0] in SECTIONS}


@pytest.mark.parametrize("code", SENTENCES)
def test_only_names_are_in_latin_letters(code: str) -> None:
    assert english_in(BLANK.sub("", SENTENCES[code])) == []


@pytest.mark.parametrize("code", SENTENCES)
def test_sentences_end_politely(code: str) -> None:
    last = SENTENCES[code].rstrip(")").rsplit(". ", 1)[-1]
    if last.endswith("."):
        assert re.search(r"(요|요\]|\{[a-z]+\})\.$", last)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("학습률 0.1을 eta0=0.28로 낮추세요.", []),
        ("'displacement' 열의 값이 1e-150보다 작아요.", []),
        ("the objective is 3", ["the", "objective", "is"]),
    ],
)
def test_english_is_known_where_it_is_left(said: str, left: list[str]) -> None:
    assert english_in(said) == left
