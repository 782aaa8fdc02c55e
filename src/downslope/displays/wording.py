"""The words of pictures: those of the catalogue, cut to the room that a picture has.

`say` speaks the language of the `speaking` that it is called in, so that nothing between a display and its words has
to hand the language on. Data that are prepared before hold no words of ours.
"""

import math
from collections.abc import Sequence

from downslope import texts
from downslope.descent.stopping import StopReason
from downslope.texts import Finding
from downslope.texts.width import display_width, shorten, wrap

__all__ = [
    "epoch_text",
    "number_text",
    "one_of",
    "outcome_text",
    "say",
    "short_name",
    "wrapped",
]

# As wide as two thirds of a small panel; the pictures that have more room need it for other words.
_LONGEST_NAME = 24
_NAMES = ("target", "feature")


def say(key: str, **values: object) -> str:
    """The words for `key` in the language that is spoken, with their blanks filled, names that are long cut short.

    Examples
    --------
    >>> say("mse", target="mpg")
    'mean squared error (units of mpg²)'
    >>> from downslope.texts import speaking
    >>> with speaking("ko"):
    ...     say("mse", target="연비")
    '평균제곱오차 (연비²)'
    """
    cut = {blank: short_name(str(values[blank])) for blank in _NAMES if blank in values}
    return texts.say(f"pictures.{key}", **values | cut)


def one_of(name: str, got: object, known: Sequence[object]) -> Finding:
    """What there is to say of a choice that is none.

    Examples
    --------
    >>> print(one_of("kind", "line", ("bars", "curve")))
    kind is 'line', but it must be one of 'bars', 'curve'.
    """
    return Finding.of("displays.one_of", name=name, got=got, known=", ".join(map(repr, known)))


def short_name(name: str, longest: int = _LONGEST_NAME) -> str:
    """The beginning of a name that is longer than a picture has room for.

    Examples
    --------
    >>> short_name("서울특별시 아파트 실거래 가격")
    '서울특별시 아파트 실거…'
    """
    return name if display_width(name) <= longest else shorten(name, longest - 1) + "…"


def wrapped(words: str, room: int) -> str:
    r"""Words in lines that are at most `room` wide, where their spaces allow it.

    Examples
    --------
    >>> wrapped("mean squared error", 12)
    'mean squared\nerror'
    """
    return "\n".join(wrap(words, room))


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
        outcome = texts.say(f"outcome.{stop_reason if stop_reason in set(StopReason) else 'stopped'}")
    words = say("outcome", outcome=outcome, epoch=epoch_text(epoch))
    return words if name is None else f"{name}: {words}"
