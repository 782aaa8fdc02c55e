"""Which language is spoken: around a call, in the process, in the environment."""

from collections.abc import Iterator

import pytest

import downslope
from downslope.descent.stopping import StopReason
from downslope.exceptions import InputError
from downslope.texts import LANGUAGES, chosen_language, language, language_in, say, set_language, speaking


@pytest.fixture(autouse=True)
def english_afterwards() -> Iterator[None]:
    yield
    set_language(None)


def test_english_is_spoken_unless_asked_otherwise() -> None:
    assert language() == "en"
    set_language("ko")
    assert (language(), chosen_language(None)) == ("ko", "ko")
    set_language(None)
    assert language() == "en"


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNSLOPE_LANG", "ko_KR.UTF-8")
    assert language() == "ko"
    set_language("en")
    assert language() == "en"


def test_the_language_around_a_call_comes_first() -> None:
    set_language("en")
    with speaking("ko"):
        assert language() == "ko"
        with speaking("en"):
            assert language() == "en"
        assert language() == "ko"
    assert language() == "en"


def test_the_language_is_given_back_after_an_error() -> None:
    with pytest.raises(KeyError), speaking("ko"):
        say("pictures.no such words")
    assert language() == "en"


@pytest.mark.parametrize("lang", ["kr", "", "EN", 1])
def test_other_languages_are_refused(lang: object) -> None:
    with pytest.raises(InputError, match=f"lang is {lang!r}, but it must be one of 'en', 'ko'"):
        downslope.set_language(lang)  # type: ignore[arg-type]


@pytest.mark.parametrize(("locale", "known"), [("ko", "ko"), ("KO_kr", "ko"), ("en_GB.UTF-8", "en"), ("C", None)])
def test_locales(locale: str, known: str | None) -> None:
    assert language_in(locale) == known


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_reason_prints_a_sentence_in_every_language(lang: str) -> None:
    with speaking(lang):
        said = [str(reason) for reason in StopReason]
    assert len(set(said)) == len(StopReason)
    assert all(sentence.endswith(".") for sentence in said)
