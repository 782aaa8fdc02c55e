from io import BytesIO

import matplotlib.pyplot as plt
import pytest
from matplotlib.font_manager import fontManager

from downslope import LossCurveDisplay
from downslope.displays.fonts import find_korean, first_of
from downslope.exceptions import MissingFontWarning

HISTORY = {"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0]}


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        (["Malgun Gothic", "Pretendard", "NanumGothic"], "Pretendard"),
        (["DejaVu Sans", "Malgun Gothic", "Batang"], "Malgun Gothic"),
        (["Helvetica", "Apple SD Gothic Neo"], "Apple SD Gothic Neo"),
        (["Noto Sans CJK JP", "Noto Sans CJK KR", "NanumGothic"], "NanumGothic"),
        (["Noto Sans CJK JP", "Noto Sans CJK KR"], "Noto Sans CJK KR"),
        (["Noto Sans KR", "Noto Sans"], "Noto Sans KR"),
        (["Noto Sans CJK JP"], "Noto Sans CJK JP"),
        (["DejaVu Sans", "NanumGothicCoding", "Noto Sans"], None),
        ([], None),
    ],
)
def test_the_first_font_of_the_list_that_is_installed_is_taken(installed, found):
    assert first_of(installed) == first_of(reversed(installed)) == found


def test_a_font_that_matplotlib_has_not_listed_yet_is_found(korean_font):
    assert korean_font not in {font.name for font in fontManager.ttflist}
    assert find_korean() == korean_font
    assert korean_font in {font.name for font in fontManager.ttflist}


def test_other_fonts_are_not_taken_for_it(no_korean_font, font_file, monkeypatch, tmp_path):
    other = tmp_path / "NanumPen.ttf"
    other.write_bytes(font_file.read_bytes())
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(other)])
    assert find_korean() is None


def test_without_a_font_the_words_are_english_and_one_hint_says_what_to_install(no_korean_font):
    with pytest.warns(MissingFontWarning, match="install NanumGothic") as caught:
        display = LossCurveDisplay.from_history(HISTORY, stop_reason="max_iter", lang="ko")
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert display.ax_.get_xlabel() == "epoch"
    assert LossCurveDisplay.from_history(HISTORY, lang="ko").ax_.get_xlabel() == "epoch"
    display.figure_.savefig(BytesIO())


def test_english_needs_no_font_and_gives_no_hint(no_korean_font):
    assert LossCurveDisplay.from_history(HISTORY).ax_.get_xlabel() == "epoch"


def test_a_letter_that_no_font_has_would_be_noticed(no_korean_font):
    figure, ax = plt.subplots()
    ax.set_xlabel("가")
    with pytest.warns(UserWarning, match="Glyph .* missing"):
        figure.draw_without_rendering()
