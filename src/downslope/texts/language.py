"""Which language is spoken: the one around a call, or else the one of the process.

That is English, unless `set_language` or the environment variable ``DOWNSLOPE_LANG`` says otherwise.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from downslope.texts.catalogue import LANGUAGES

__all__ = ["VARIABLE", "language", "language_in", "speaking"]

VARIABLE = "DOWNSLOPE_LANG"

_around: ContextVar[str | None] = ContextVar("language around a call", default=None)
_of_process: list[str] = []


def language_in(locale: str | None) -> str | None:
    """The language of a locale such as ``ko_KR.UTF-8``, if it is one of ours.

    Examples
    --------
    >>> language_in("ko_KR.UTF-8"), language_in("C"), language_in(None)
    ('ko', None, None)
    """
    return next((known for known in LANGUAGES if (locale or "").lower().startswith(known)), None)


def language() -> str:
    """The language that is spoken now."""
    around = _around.get()
    if around is not None:
        return around
    return _of_process[-1] if _of_process else language_in(os.environ.get(VARIABLE)) or "en"


def speak_always(lang: str | None) -> None:
    """Make `lang` the language of the process; None leaves it to the environment."""
    _of_process.clear()
    if lang is not None:
        _of_process.append(lang)


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Inside, `lang` is spoken."""
    token = _around.set(lang)
    try:
        yield
    finally:
        _around.reset(token)
