"""Every picture in Korean: its words, and the letters that a saved file needs."""

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text

from downslope.displays import (
    CoefficientPathDisplay,
    FitDisplay,
    LearningRateDisplay,
    LossCurve,
    LossCurveDisplay,
    LossSurfaceDisplay,
    SpectrumDisplay,
)
from downslope.displays.planes import Plane, PlaneAxis
from downslope.displays.rates import GapCurve, RateCurve
from downslope.displays.style import drawing
from downslope.exceptions import InputError, MissingFontWarning
from tests.displays.runs import descend, rows
from tests.displays.sight import is_complete

HISTORY = {"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0], "validation_mse": [3.5, 2.5, 2.7]}


def loss(**options):
    return LossCurveDisplay.from_history(HISTORY, stop_reason="max_iter", kept_epoch=1, target_name="연비", **options)


def several(**options):
    X, y, _ = rows(1)
    fit = descend(X, y)
    return LossCurveDisplay.from_estimators([fit, fit], **options)


def paths(**options):
    coef, error = np.array([[0.0, 1.0], [-0.5, 1.5]]), [0.1, 0.1]
    display = CoefficientPathDisplay(
        epoch=[0, 1],
        coef=coef,
        intercept=[0.0, 0.2],
        feature_names=["무게", "마력"],
        optimum_coef=coef[1],
        coef_error=error,
    )
    return display.plot(options.pop("ax", None), intercept=True, **options)


def small_multiples(**options):
    return paths(subplots=True, **options) if "ax" not in options else paths(**options)


def fit(**options):
    return FitDisplay.from_predictions([1.0, 2.0], [-1.5, 2.0], x=[1.0, 2.0], feature_name="무게", **options)


def predictions(**options):
    return FitDisplay.from_predictions([1.0, 1.0], [1.5, 2.0], target_name="연비", outliers=[0], **options)


def spectrum(**options):
    display = SpectrumDisplay(
        eigenvalues=[2.0, 0.0],
        learning_rate=1.5,
        contraction=[2.0, 1.0],
        directions=np.eye(2),
        feature_names=["무게"],
        stable_eigenvalue=4 / 3,
    )
    return display.plot(options.pop("ax", None), **options)


def rates(**options):
    epoch = np.arange(3.0)
    curve = LossCurve(epoch=epoch, value=2.0**epoch, stop_reason="diverged")
    run = RateCurve(curve=curve, learning_rate=2.1, gap=4.0, role="too large")
    gaps = GapCurve(
        learning_rate=np.array([1.0, 3.0]), gap=np.array([0.1, np.inf]), diverged=np.array([False, True]), limit=2.0
    )
    display = LearningRateDisplay(epochs=2, curves=[run], gaps=[gaps], start_gap=1.0)
    return display.plot(options.pop("ax", None), **options)


def surface(**options):
    axes = (PlaneAxis(None, eigenvalue=1.0, share=0.6), PlaneAxis("무게", eigenvalue=4.0, share=0.8))
    plane = Plane(axes, np.zeros(2), np.diag([1.0, 2.0]), np.eye(2), n_parameters=3)
    path = [[-2.0, 1.0], [-1.0, -0.5], [-0.5, 0.2]]
    display = LossSurfaceDisplay(plane=plane, path=path, epoch=[0, 1, 2], stop_reason="max_iter", true_point=[0.1, 0.1])
    return display.plot(options.pop("ax", None), **options)


DISPLAYS = [loss, several, paths, small_multiples, fit, predictions, spectrum, rates, surface]


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("draw", DISPLAYS)
def test_a_picture_can_be_saved_after_the_call_in_either_language(draw, korean_font):
    # A letter without a font would warn here, and warnings are errors.
    english, korean = draw(), draw(lang="ko")
    assert words(english.figure_) != words(korean.figure_)
    for display in (english, korean):
        for kind in ("png", "svg", "pdf"):
            display.figure_.savefig(BytesIO(), format=kind)


@pytest.mark.parametrize("draw", DISPLAYS)
def test_axes_of_the_user_get_the_letters_too_and_keep_their_font(draw, korean_font):
    with plt.rc_context({"font.family": "serif"}):
        figure, ax = plt.subplots()
    display = draw(ax=ax, lang="ko")
    figure.savefig(BytesIO())
    assert ax.xaxis.label.get_fontfamily()[0] == "serif"
    assert display.ax_ is ax


@pytest.mark.parametrize("draw", DISPLAYS)
def test_without_a_font_no_korean_word_of_ours_is_drawn(draw, no_korean_font, recwarn):
    display = draw(lang="ko")
    assert [warning.category for warning in recwarn if "Glyph" not in str(warning.message)] == [MissingFontWarning]
    given = {"연비", "무게", "마력"}
    letters = words(display.figure_)
    for name in given:
        letters = letters.replace(name, "")
    assert not any("가" <= letter <= "힣" for letter in letters)


@pytest.mark.parametrize("draw", DISPLAYS)
def test_another_language_is_refused(draw):
    with pytest.raises(InputError, match="lang is 'de', but it must be one of 'en', 'ko'"):
        draw(lang="de")


def test_the_minus_sign_comes_from_the_first_font(korean_font):
    display = paths(lang="ko")
    assert display.ax_.xaxis.label.get_fontfamily() == ["DejaVu Sans", korean_font]
    labels = [label for label in display.ax_.get_yticklabels() if "\N{MINUS SIGN}" in label.get_text()]
    display.figure_.savefig(BytesIO())
    assert labels


def test_data_hold_no_words_so_that_they_can_be_drawn_again_in_another_language(korean_font):
    names = [text.get_text() for text in several(lang="ko").ax_.get_legend().get_texts()]
    assert names[:2] == ["모델 1: 최대 에포크 도달 (에포크 70)", "모델 2: 최대 에포크 도달 (에포크 70)"]
    display = paths(lang="ko")
    assert "절편" in words(display.figure_)
    display.plot(intercept=True)
    assert "intercept" in words(display.figure_)
    assert "절편" not in words(display.figure_)


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", ["서울특별시 아파트의 제곱미터당 실거래 가격 (만원)", "x" * 80, "a name " * 12])
def test_long_names_are_cut_and_long_labels_broken_so_that_all_stays_on_the_page(name, lang, korean_font):
    history = LossCurveDisplay.from_history(HISTORY, target_name=name, lang=lang)
    coef = np.array([[0.0] * 3, [1.0] * 3])
    weights = CoefficientPathDisplay(epoch=[0, 1], coef=coef, feature_names=[name] * 3, target_name=name)
    whole = [history, weights.plot(lang=lang), weights.plot(subplots=True, lang=lang)]
    points = {"target_name": name, "feature_name": name, "lang": lang}
    whole.append(FitDisplay.from_predictions([1.0, 2.0], [1.0, 2.0], x=[1.0, 2.0], **points))
    whole.append(FitDisplay.from_predictions([1.0, 2.0], [1.0, 2.0], **points))
    assert all(is_complete(display.figure_) for display in whole)
    assert history.ax_.get_ylabel().count("…") == 1


def test_the_labels_of_a_loss(korean_font):
    ax = loss(lang="ko").ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("에포크", "평균제곱오차 (연비²)")
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["훈련 데이터", "검증 데이터", "최대 에포크 도달 (에포크 2)", "가장 좋았던 상태: 에포크 1"]


def test_a_drawing_around_a_display_chooses_its_language(korean_font):
    with drawing(own_figure=True, lang="ko") as pyplot:
        _, ax = pyplot.subplots()
        loss(ax=ax)
    assert ax.get_xlabel() == "에포크"
    loss(ax=ax, lang="en")
    assert ax.get_xlabel() == "epoch"
