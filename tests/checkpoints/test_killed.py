"""Fits whose processes are killed at random moments go on, and end at the bits of one that nobody touched."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCENARIOS = ["reading", "scratch", "scratch in passes", "epochs", "passes", "remembered slopes"]
KILLS = 4


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_killed_again_and_again(scenario: str) -> None:
    command = [sys.executable, str(HERE / "killed.py"), scenario, str(KILLS), "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    killed, runs = map(int, done.stdout.split())
    assert killed >= KILLS
    assert runs >= 1
