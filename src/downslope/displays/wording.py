"""Every word that appears in a picture, in one table: a language is one column of it.

`say` speaks the language of the `speaking` that it is called in, so that nothing between a display and its words has
to hand the language on. Data that are prepared before hold no words of ours.
"""

import math
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from downslope.exceptions import InputError

__all__ = [
    "LANGUAGES",
    "chosen_language",
    "epoch_text",
    "number_text",
    "outcome_text",
    "say",
    "short_name",
    "speaking",
    "wrapped",
]

LANGUAGES = ("en", "ko")

# As wide as two thirds of a small panel; the pictures that have more room need it for other words.
_LONGEST_NAME = 24
_NAMES = ("target", "feature")

_language: ContextVar[str] = ContextVar("language of pictures", default="en")

_WORDS: dict[str, tuple[str, str]] = {
    "epoch": ("epoch", "에포크"),
    "mse": ("mean squared error (units of {target}²)", "평균제곱오차 ({target}²)"),
    "objective": ("objective J (mean loss + penalty)", "목적함수 J (평균 손실 + 규제)"),
    "excess": ("excess objective J − J*", "목적함수와 최솟값의 차이 J − J*"),
    "training": ("training rows", "훈련 데이터"),
    "validation": ("validation rows", "검증 데이터"),
    "optimum": ("optimum: {value}", "최적값: {value}"),
    "stop_below": ("goal: {value}", "목표: {value}"),
    "rounding": ("limit of rounding", "반올림 오차의 한계"),
    "kept": ("best state kept: epoch {epoch}", "가장 좋았던 상태: 에포크 {epoch}"),
    "outcome": ("{outcome} at epoch {epoch}", "{outcome} (에포크 {epoch})"),
    "converged": ("converged", "수렴"),
    "goal reached": ("error below {value}", "오차가 {value} 아래로 내려감"),
    "stop_below reached": ("goal reached", "목표 도달"),
    "no_improvement": ("no further improvement", "더 나아지지 않음"),
    "max_iter": ("out of epochs", "최대 에포크 도달"),
    "diverged": ("diverged", "발산"),
    "interrupted": ("interrupted", "중단됨"),
    "callback": ("stopped by a callback", "콜백이 멈춤"),
    "stopped": ("stopped", "멈춤"),
    "fit number": ("fit {number}", "모델 {number}"),
    "coefficient": ("coefficient ({target} per unit of column)", "계수 (열 1단위당 {target})"),
    "weight": ("w{number}", "w{number}"),
    "only weight": ("w", "w"),
    "intercept": ("intercept", "절편"),
    "true value": ("true value", "참값"),
    "optimal value": ("optimum", "최적값"),
    "optimum with error": ("optimum ± 1 standard error", "최적값 ± 표준오차"),
    "other weights": ("{count:,} other weights", "그 밖의 가중치 {count:,}개"),
    "learning rate": ("learning rate η", "학습률 η"),
    "rate": ("η = {rate}", "η = {rate}"),
    "too small": ("too small: η = {rate}", "너무 작음: η = {rate}"),
    "good": ("good: η = {rate}", "좋음: η = {rate}"),
    "best": ("best: η = {rate}", "가장 좋음: η = {rate}"),
    "too large": ("too large: η = {rate}", "너무 큼: η = {rate}"),
    "diverging": ("{words}, diverges", "{words}, 발산"),
    "final excess": ("J − J* after {epochs} epochs", "에포크 {epochs}번 뒤의 J − J*"),
    "final objective": ("objective J after {epochs} epochs", "에포크 {epochs}번 뒤의 목적함수 J"),
    "start": ("at the start", "시작할 때"),
    "largest stable rate": ("largest stable rate: {value}", "안정한 최대 학습률: {value}"),
    "stable method": ("{name}: stable up to {value}", "{name}: 안정 한계 {value}"),
    "curvature": ("curvature λ", "곡률 λ"),
    "stable curvature": ("stable up to λ = {value}", "안정 한계: λ = {value}"),
    "plain stable curvature": ("stable up to λ = 2/η = {value}", "안정 한계: λ = 2/η = {value}"),
    "flat": ("λ = 0: not determined", "λ = 0: 정해지지 않음"),
    "plain share": ("share left by an epoch, |1 − ηλ| at η = {rate}", "한 에포크 뒤 남는 비율 |1 − ηλ| (η = {rate})"),
    "share": ("share left by an epoch, at η = {rate}", "한 에포크 뒤 남는 비율 (η = {rate})"),
    "growing": ("grows: diverges", "커짐: 발산"),
    "stays": ("share 1: stays as it is", "비율 1: 줄지 않음"),
    "direction": ("direction", "방향"),
    "direction by column": ("direction: its largest column", "방향: 비중이 가장 큰 열"),
    "contours": ("J − J*", "J − J*"),
    "slice": ("a slice through the optimum", "최적점을 지나는 단면"),
    "valley": ("no change along the lines", "선을 따라서는 변하지 않음"),
    "path": ("path", "경로"),
    "projected path": ("path, projected", "투영한 경로"),
    "start point": ("start", "시작점"),
    "one optimum": ("one of many optima", "여러 최적점 중 하나"),
    "downhill": ("direction of −∇J", "−∇J 방향"),
    "in slice": ("in the slice", "단면에서"),
    "in standardised units": ("in standardised units", "표준화한 좌표"),
    "standardised": ("{name}, standardised", "{name} (표준화)"),
    "flattest": (
        "flattest direction: {name}\u00a0{share}, λ\u00a0=\u00a0{value}",
        "가장 완만한 방향: {name}\u00a0{share}, λ\u00a0=\u00a0{value}",
    ),
    "steepest": (
        "steepest direction: {name}\u00a0{share}, λ\u00a0=\u00a0{value}",
        "가장 가파른 방향: {name}\u00a0{share}, λ\u00a0=\u00a0{value}",
    ),
    "flat direction": (
        "direction not determined: {name}\u00a0{share}, λ\u00a0=\u00a00",
        "정해지지 않는 방향: {name}\u00a0{share}, λ\u00a0=\u00a00",
    ),
    "x": ("x", "x"),
    "y": ("y", "y"),
    "rows": ("rows", "데이터"),
    "shown rows": ("{shown:,} of {count:,} rows", "데이터 {count:,}개 중 {shown:,}개"),
    "outliers": ("outliers", "이상치"),
    "true line": ("true line: {equation}", "참 직선: {equation}"),
    "fitted line": ("fitted line: {equation}", "학습한 직선: {equation}"),
    "fitted curve": ("fit", "학습한 곡선"),
    "equation": (
        "{target} = {slope}·{feature} {sign} {intercept}",
        "{target} = {slope}·{feature} {sign} {intercept}",
    ),
    "predicted": ("predicted {target}", "{target} 예측값"),
    "true prediction": ("{target} of the true weights", "참 가중치로 계산한 {target}"),
    "actual": ("actual {target}", "{target} 실제값"),
    "diagonal": ("predicted = actual", "예측값 = 실제값"),
    "quality": ("R² = {r2}    RMSE = {rmse}", "R² = {r2}    RMSE = {rmse}"),
    "quality without r2": (
        "RMSE = {rmse}    (R² needs values that differ)",
        "RMSE = {rmse}    (값이 모두 같아 R² 없음)",
    ),
}


def chosen_language(lang: str | None) -> str:
    """`lang`, or where it is None the language that is spoken around the call: English unless a caller chose another.

    Raises
    ------
    InputError
        If it is not one of `LANGUAGES`.
    """
    if lang is None:
        return _language.get()
    if lang not in LANGUAGES:
        raise InputError(f"lang is {lang!r}, but it must be one of {', '.join(map(repr, LANGUAGES))}.")
    return lang


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Inside, `say` speaks `lang`."""
    token = _language.set(lang)
    try:
        yield
    finally:
        _language.reset(token)


def say(key: str, **values: object) -> str:
    """The words for `key` in the language that is spoken, with their blanks filled, names that are long cut short.

    Examples
    --------
    >>> say("mse", target="mpg")
    'mean squared error (units of mpg²)'
    >>> with speaking("ko"):
    ...     say("mse", target="연비")
    '평균제곱오차 (연비²)'
    """
    cut = {blank: short_name(str(values[blank])) for blank in _NAMES if blank in values}
    return _WORDS[key][LANGUAGES.index(_language.get())].format(**values | cut)


def width(words: str) -> int:
    """How wide words are, in Latin letters: those of Korean take the room of two.

    Examples
    --------
    >>> width("w1"), width("가중치")
    (2, 6)
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """The beginning of a name that is longer than a picture has room for.

    Examples
    --------
    >>> short_name("서울특별시 아파트 실거래 가격")
    '서울특별시 아파트 실거…'
    """
    if width(name) <= longest:
        return name
    while name and width(name) >= longest:
        name = name[:-1]
    return name + "…"


def wrapped(words: str, room: int) -> str:
    r"""Words in lines that are at most `room` wide, where their spaces allow it.

    Examples
    --------
    >>> wrapped("mean squared error", 12)
    'mean squared\nerror'
    """
    lines = [""]
    for word in words.split(" "):
        if lines[-1] and width(lines[-1]) + 1 + width(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\n".join(lines)


def number_text(value: float) -> str:
    """A number as short as four digits allow, with a true minus sign.

    Examples
    --------
    >>> number_text(-0.0065012)
    '−0.006501'
    """
    return f"{value:.4g}".replace("-", "−")


def epoch_text(epoch: float) -> str:
    """An epoch number with its thousands marked."""
    return f"{epoch:,.0f}"


def outcome_text(stop_reason: str | None, epoch: float, *, name: str | None, stop_below: float | None) -> str:
    """Why and when a run stopped, in words.

    Examples
    --------
    >>> outcome_text("stop_below", 1070.0, name=None, stop_below=0.0005)
    'error below 0.0005 at epoch 1,070'
    """
    if stop_reason == "stop_below":
        goal = math.nan if stop_below is None else stop_below
        outcome = say("stop_below reached") if math.isnan(goal) else say("goal reached", value=number_text(goal))
    else:
        outcome = say(stop_reason if stop_reason in _WORDS else "stopped")
    words = say("outcome", outcome=outcome, epoch=epoch_text(epoch))
    return words if name is None else f"{name}: {words}"
