"""Choosing a language, which is refused in a sentence where it is none of ours."""

from downslope.texts.catalogue import LANGUAGES
from downslope.texts.findings import Finding
from downslope.texts.language import language, speak_always

__all__ = ["chosen_language", "set_language"]


def set_language(lang: str | None) -> None:
    """Speak `lang` from now on: in messages, explanations, warnings, errors and pictures.

    Parameters
    ----------
    lang : {"en", "ko"} or None
        None goes back to what the environment variable DOWNSLOPE_LANG says, and without it to English.

    Raises
    ------
    InputError
        For any other language.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear, set_language
    >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
    >>> model = GradientDescentRegressor(max_iter=5, tol=0).fit(data.X, data.y)
    >>> set_language("ko")
    >>> print(model.stop_reason_)
    다른 정지 규칙이 적용되기 전에 max_iter로 정한 에포크를 모두 마쳤어요.
    >>> set_language(None)
    """
    speak_always(None if lang is None else chosen_language(lang))


def chosen_language(lang: str | None) -> str:
    """`lang`, or where it is None the language that is spoken.

    Raises
    ------
    InputError
        If it is not one of `LANGUAGES`.
    """
    if lang is None:
        return language()
    if lang not in LANGUAGES:
        # Here, so that whoever only wants words, as the command's help does, need not wait for scikit-learn.
        from downslope.exceptions import InputError

        raise InputError(Finding.of("language.unknown", got=lang, known=", ".join(map(repr, LANGUAGES))))
    return lang
