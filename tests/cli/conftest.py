"""What the tests of the command share: tables on disk, and a call of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from downslope.cli import main
from downslope.data import load_example

CARS = str(load_example("auto_mpg").path)


class Answer(NamedTuple):
    """What a call of the command gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out, parse_constant=pytest.fail)
        return document


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command in this process."""

    def call(*arguments: object) -> Answer:
        code = main([str(argument) for argument in arguments])
        return Answer(code, *capsys.readouterr())

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write columns as a CSV file and return its path."""

    def write(name: str = "t.csv", **columns: Any) -> Path:
        path = tmp_path / name
        rows = zip(*columns.values(), strict=True)
        path.write_text("\n".join(",".join(map(str, row)) for row in [columns, *rows]) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def lines(write: Callable[..., Path]) -> Path:
    """Forty rows of y = 2a - 3b + 1 with noise, a column g of three levels, and weights w."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(size=(2, 40))
    y = 2 * a - 3 * b + 1 + rng.normal(scale=0.1, size=40)
    return write("lines.csv", a=a, b=b, g=["u", "v", "w", "v"] * 10, w=[1, 2, 3, 1] * 10, y=y)
