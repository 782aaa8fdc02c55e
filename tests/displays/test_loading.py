import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from matplotlib import style
from matplotlib.colors import to_hex

from downslope import displays
from downslope.displays import CoefficientPathDisplay, FitDisplay, LossCurveDisplay, SpectrumDisplay
from downslope.displays.style import INK
from downslope.exceptions import InputError


def test_importing_the_displays_does_not_import_matplotlib():
    code = "import sys, downslope.displays; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: LossCurveDisplay.from_history({"epoch": [0.0], "mse": [1.0]}),
        lambda: CoefficientPathDisplay(epoch=[0], coef=[[1.0]]).plot(),
        lambda: FitDisplay.from_predictions([1.0], [1.0]),
        lambda: SpectrumDisplay(eigenvalues=[1.0], learning_rate=0.1).plot(),
    ],
)
def test_without_matplotlib_one_sentence_says_how_to_get_it(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(InputError, match=r"install it, or Downslope with its extra \[plot\]") as caught:
        draw()
    assert isinstance(caught.value, ImportError)


def test_the_public_names_are_there():
    assert all(hasattr(displays, name) for name in displays.__all__)


def test_a_dark_style_does_not_darken_our_figures():
    with style.context("dark_background"):
        display = LossCurveDisplay.from_history({"epoch": [0, 1], "mse": [2.0, 1.0]}, stop_reason="max_iter")
        display.figure_.draw_without_rendering()
    assert to_hex(display.figure_.get_facecolor()) == to_hex(display.ax_.get_facecolor()) == "#ffffff"
    ink = {display.ax_.xaxis.label.get_color(), *(label.get_color() for label in display.ax_.get_xticklabels())}
    assert ink == {INK}
    assert {to_hex(text.get_color()) for text in display.ax_.get_legend().get_texts()} == {INK}


def test_given_axes_keep_the_look_they_have():
    with style.context("dark_background"):
        _, ax = plt.subplots()
        face = ax.get_facecolor()
        LossCurveDisplay.from_history({"epoch": [0, 1], "mse": [2.0, 1.0]}, ax=ax)
    assert ax.get_facecolor() == face
