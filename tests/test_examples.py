"""Every script of the gallery runs without a screen and without a warning, and draws its picture."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def test_there_is_a_gallery() -> None:
    assert len(EXAMPLES) >= 8


# On a machine with a screen `plt.show()` says that this run has none.
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_runs_and_draws_one_picture(script: Path) -> None:
    runpy.run_path(str(script), run_name="__main__")
    assert len(plt.get_fignums()) == 1
