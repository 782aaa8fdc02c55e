"""The catalogue of sentences: for each code a template, in each language.

A template is filled as `str.format` fills one, with two conversions of its own: ``{columns!n}`` lists names in quotes,
the first five of them, and ``{count!p:row|rows}`` chooses between one and many. Korean particles that depend on the
sound before them stand in brackets: ``{column}[을/를]``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

__all__ = ["LANGUAGES", "fill", "template"]

LANGUAGES = ("en", "ko")

# Names that a sentence lists before it counts the rest.
MOST_NAMES = 5
PARTICLES = re.compile(
    r"(?P<lead>[A-Za-z]?)(?P<before>.)(?P<closing>[\"'’”)\]}»]*)\[(?P<after>[가-힣]+)/(?P<open>[가-힣]+)\]"
)
# Digits and Latin letters that end in a consonant as Koreans read them: 0 영, 1 일, 3 삼, 6 육, 7 칠, 8 팔; l 엘, m 엠,
# n 엔, and r 알 where it stands alone: at the end of a word it is not heard. Those read with a final ㄹ take 로 where
# others take 으로.
CLOSED = frozenset("013678LlMmNnRr")
LIQUID = frozenset("178LlRr")
# An e after these is not heard at the end of a word: None 넌, quantile 퀀타일.
SILENT_E = frozenset(("me", "ne", "le"))


@cache
def templates(language: str) -> Mapping[str, str]:
    """All templates of a language, by their code ``section.name``."""
    text = files("downslope.texts").joinpath(f"{language}.json").read_text(encoding="utf-8")
    sections: dict[str, dict[str, str]] = json.loads(text)
    return {f"{section}.{name}": told for section, names in sections.items() for name, told in names.items()}


def template(code: str, language: str) -> str:
    """The template of a code."""
    return templates(language)[code]


class Plural:
    """A count that chooses its noun: the format ``one|many``."""

    def __init__(self, count: float) -> None:
        self.count = count

    def __format__(self, nouns: str) -> str:
        one, many = nouns.split("|")
        return one if self.count == 1 else many


class Filler(Formatter):
    """`str.format` with the conversions of templates."""

    def __init__(self, language: str) -> None:
        self.language = language

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        """List names for ``!n``, and prepare a count for ``!p``."""
        if conversion == "n":
            return list_names(value, self.language)
        if conversion == "p":
            return Plural(value)
        return super().convert_field(value, conversion)


def fill(code: str, values: Mapping[str, Any], language: str) -> str:
    """The sentence of a code, its blanks filled."""
    text = Filler(language).vformat(template(code, language), (), values)
    return PARTICLES.sub(attach_particle, text) if language == "ko" else text


def list_names(names: Sequence[str], language: str) -> str:
    """'a', 'b' and 3 more."""
    shown = [f"'{name}'" for name in names[:MOST_NAMES]]
    left = len(names) - len(shown)
    if language == "ko":
        return ", ".join(shown) + (f" 외 {left}개" if left else "")
    if left:
        return f"{', '.join(shown)} and {left} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def attach_particle(found: re.Match[str]) -> str:
    """The particle that fits the sound before it: 을 after a consonant, 를 after a vowel."""
    lead, before = found["lead"], found["before"]
    closed, liquid = before in CLOSED, before in LIQUID
    if lead and before in "Rr":
        closed = False
    elif lead + before in ("ng", "NG"):
        closed = True
    elif lead + before in SILENT_E:
        closed, liquid = True, lead == "l"
    elif "가" <= before <= "힣":
        final = (ord(before) - ord("가")) % 28
        closed, liquid = final > 0, final == 8
    if found["after"] == "으로" and liquid:
        closed = False
    return lead + before + found["closing"] + (found["after"] if closed else found["open"])
