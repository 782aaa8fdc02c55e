"""Pictures are drawn without a screen, leave no figure open and no global setting changed.

Whether a font with Korean letters is installed differs from machine to machine, so the tests that need one bring a
font of their own, and those that need none take away what there is.
"""

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from downslope.displays.fonts import KOREAN, hint_once

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def clean_matplotlib() -> Iterator[None]:
    import matplotlib.pyplot as plt

    before = dict(matplotlib.rcParams)
    yield
    changed = {key for key, value in matplotlib.rcParams.items() if value != before[key]}
    plt.close("all")
    assert not changed


@pytest.fixture(scope="session")
def font_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A font called NanumGothic whose every Korean letter is a square, and which has no minus sign."""
    pen = TTGlyphPen(None)
    for move, *points in ((pen.moveTo, (50, 0)), (pen.lineTo, (50, 900), (900, 900), (900, 0))):
        for point in points:
            move(point)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap(dict.fromkeys(range(ord("가"), ord("힣") + 1), "square"))
    font.setupGlyf({".notdef": square, "square": square})
    font.setupHorizontalMetrics({".notdef": (950, 50), "square": (950, 50)})
    font.setupHorizontalHeader(ascent=900, descent=-100)
    font.setupNameTable({"familyName": "NanumGothic", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=900, usWeightClass=400)
    font.setupPost()
    path: Path = tmp_path_factory.mktemp("fonts") / "NanumGothic.ttf"
    font.save(path)
    return path


@pytest.fixture
def no_korean_font(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without a font that has Korean letters, on which no hint was given yet."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [font for font in manager.ttflist if font.name not in KOREAN])
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    hint_once.cache_clear()
    yield
    hint_once.cache_clear()


@pytest.fixture
def korean_font(no_korean_font: None, font_file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine on which one was installed after matplotlib had made its list of fonts."""
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(font_file)])
    return "NanumGothic"
