import re
from string import Formatter

import pytest

from downslope.descent.stopping import StopReason
from downslope.displays.wording import _WORDS, LANGUAGES, chosen_language, outcome_text, say, speaking
from downslope.exceptions import InputError


@pytest.mark.parametrize("key", _WORDS)
def test_both_languages_say_the_same_with_the_same_blanks(key):
    english, korean = _WORDS[key]
    blanks = [sorted(field for _, field, _, _ in Formatter().parse(words) if field) for words in (english, korean)]
    assert blanks[0] == blanks[1]
    said = re.sub(r"\{[^}]*\}", "", english)
    if english == korean:
        assert not re.search(r"[a-z]{3}", said)
    else:
        assert re.search("[가-힣]", korean)


def test_words_are_said_in_the_language_around_them():
    with speaking("ko"):
        assert say("epoch") == "에포크"
        assert outcome_text("diverged", 1070, name="모델 1", stop_below=None) == "모델 1: 발산 (에포크 1,070)"
        with speaking("en"):
            assert say("epoch") == "epoch"
        assert chosen_language(None) == "ko"
    assert chosen_language(None) == "en"


def test_the_language_is_given_back_after_an_error():
    with pytest.raises(KeyError), speaking("ko"):
        say("no such words")
    assert say("epoch") == "epoch"


def test_every_outcome_has_its_words_in_every_language():
    for lang in LANGUAGES:
        with speaking(lang):
            said = [outcome_text(reason.value, 3, name=None, stop_below=0.5) for reason in StopReason]
        assert len(set(said)) == len(StopReason)


@pytest.mark.parametrize("lang", ["kr", "", "EN", 1])
def test_other_languages_are_refused(lang):
    with pytest.raises(InputError, match=f"lang is {lang!r}, but it must be one of 'en', 'ko'"):
        chosen_language(lang)
