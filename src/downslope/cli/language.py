"""Which language a call of the command speaks: as asked for, as the environment says, as the locale says, English."""

import os
from collections.abc import Mapping, Sequence

from downslope.texts import LANGUAGES, language_in
from downslope.texts.language import VARIABLE

__all__ = ["FLAG", "asked_language", "language_of"]

FLAG = "--lang"
# The first of these that is set is the locale of messages (POSIX).
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")


def asked_language(arguments: Sequence[str]) -> str | None:
    """What ``--lang`` was given, looked for before anything is parsed: errors of parsing speak it too.

    Examples
    --------
    >>> asked_language(["fit", "--lang", "ko"]), asked_language(["--lang=en", "fit"]), asked_language(["fit"])
    ('ko', 'en', None)
    """
    for place, word in enumerate(arguments):
        if word.startswith(f"{FLAG}="):
            return word.removeprefix(f"{FLAG}=")
        if word == FLAG and place + 1 < len(arguments):
            return arguments[place + 1]
    return None


def language_of(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> str:
    """The language to speak; one that is asked for and not known is left to the environment.

    Examples
    --------
    >>> language_of(["fit"], {"LANG": "ko_KR.UTF-8"}), language_of(["fit", "--lang", "en"], {"DOWNSLOPE_LANG": "ko"})
    ('ko', 'en')
    """
    asked = asked_language(arguments)
    if asked in LANGUAGES:
        return asked
    locale = next((environment[name] for name in LOCALES if environment.get(name)), None)
    return language_in(environment.get(VARIABLE)) or language_in(locale) or "en"
