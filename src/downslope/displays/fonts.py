"""Fonts that have Korean letters: which are known, which can be found, and what to do where there is none."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from downslope.exceptions import MissingFontWarning, frames_to_user
from downslope.texts import Finding

__all__ = ["KOREAN", "find_korean", "first_of", "hint_once"]

# The families in order of preference, and how the names of their files begin. A variant of Noto Sans CJK for any
# country has the letters of all, and before matplotlib 3.11 only the Japanese one is seen in a file that holds all.
KOREAN = {
    "Pretendard": "pretendard",
    "Malgun Gothic": "malgun",
    "Apple SD Gothic Neo": "applesdgothicneo",
    "NanumGothic": "nanumgothic",
    "Noto Sans CJK KR": "notosanscjk",
    "Noto Sans KR": "notosanskr",
    "Noto Sans CJK JP": "notosanscjk",
}


def first_of(names: Iterable[str]) -> str | None:
    """The best family among those with these names, or None where no one has Korean letters.

    Examples
    --------
    >>> first_of(["DejaVu Sans", "Noto Sans CJK KR", "NanumGothic"])
    'NanumGothic'
    """
    known = set(names)
    return next((family for family in KOREAN if family in known), None)


def find_korean() -> str | None:
    """The best family that is installed, or None.

    matplotlib keeps a list of fonts on disk, which lacks those that were installed since: they are looked up.
    """
    from matplotlib.font_manager import findSystemFonts, fontManager

    found = first_of(font.name for font in fontManager.ttflist)
    if found is not None:
        return found
    for path in findSystemFonts():
        if Path(path).stem.lower().replace("_", "").startswith(tuple(KOREAN.values())):
            fontManager.addfont(path)
    return first_of(font.name for font in fontManager.ttflist)


@cache
def hint_once() -> None:
    """Say, once in a process, why Korean words are not drawn."""
    warnings.warn(MissingFontWarning(Finding("displays.no_font")), stacklevel=frames_to_user())
