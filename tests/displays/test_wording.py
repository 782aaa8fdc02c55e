import pytest

from downslope.descent.stopping import StopReason
from downslope.displays.panels import choose_panels
from downslope.displays.wording import outcome_text, say
from downslope.exceptions import InputError
from downslope.texts import LANGUAGES, chosen_language, speaking


def test_words_are_said_in_the_language_around_them():
    with speaking("ko"):
        assert say("epoch") == "에포크"
        assert outcome_text("diverged", 1070, name="모델 1", stop_below=None) == "모델 1: 발산 (에포크 1,070)"
        with speaking("en"):
            assert say("epoch") == "epoch"
        assert chosen_language(None) == "ko"
    assert chosen_language(None) == "en"


def test_a_wrong_choice_is_told_in_korean():
    with pytest.raises(InputError) as caught:
        choose_panels("line", ["bars"], ["bars", "curve"], None)
    assert str(caught.value) == "kind is 'line', but it must be one of 'bars', 'curve', 'both'."
    with speaking("ko"):
        assert str(caught.value) == "kind에 준 'line'은 쓸 수 없어요. 'bars', 'curve', 'both' 중 하나여야 해요."


def test_every_outcome_has_its_words_in_every_language():
    for lang in LANGUAGES:
        with speaking(lang):
            said = [outcome_text(reason.value, 3, name=None, stop_below=0.5) for reason in StopReason]
        assert len(set(said)) == len(StopReason)
