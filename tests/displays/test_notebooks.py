"""In a notebook every picture is shown, also where ours is the first that is drawn."""

import os
import subprocess
import sys
from pathlib import Path

# As the backend of notebooks does when it is loaded, which is at its first use.
BACKEND = """
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvas, FigureManagerBase as FigureManager
matplotlib.interactive(True)
"""
PROGRAM = """
import matplotlib
from downslope import LossCurveDisplay
LossCurveDisplay.from_history({"epoch": [0, 1], "mse": [2.0, 1.0]})
print(matplotlib.is_interactive())
"""


def test_the_first_picture_does_not_turn_off_interactive_drawing(tmp_path: Path) -> None:
    (tmp_path / "notebook_backend.py").write_text(BACKEND)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"MPLBACKEND": "module://notebook_backend", "PYTHONPATH": path}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
