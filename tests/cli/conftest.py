"""What the tests of the command share: tables on disk, and a call of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from downslope import GradientDescentRegressor, save_model
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


@pytest.fixture
def places(tmp_path: Path, write: Callable[..., Path], lines: Path) -> dict[str, Path]:
    """Files and folders, good and bad, by the names that the cases of bad input use."""
    for name, content in {"empty": b"", "binary": b"PK\0\1", "header": b"x,y\n", "ragged": b"x,y\n1,2\n3\n"}.items():
        (tmp_path / f"{name}.csv").write_bytes(content)
    model = GradientDescentRegressor().fit([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0]], [1.0, 2.0, 4.0])
    save_model(model, tmp_path / "unnamed.json")
    content = json.loads((tmp_path / "unnamed.json").read_text(encoding="utf-8"))
    for name, change in {
        "damaged": {"coef": "ten"},
        "later": {"version": 99},
        "torn": {
            "feature_names": ["a", "b"],
            "table": {"columns": ["a"], "levels": {}, "missing": None, "means": [1.0]},
        },
        "scrap": {"feature_names": ["a", "b"], "table": {"columns": 3}},
        "frame": {"feature_names": ["a", "b"]},
        "foreign": {"feature_names": ["p", "q"]},
    }.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content | change), encoding="utf-8")
    (tmp_path / "cut.json").write_text('{"format": "downslope-model", ', encoding="utf-8")
    return {
        "dir": tmp_path,
        "table": lines,
        "cars": Path(CARS),
        "one": write("one.csv", x=[1], y=[2]),
        "infinite": write("infinite.csv", x=[1, "inf", 3], y=[1, 2, 3]),
        "gaps": write("gaps.csv", x=[1, "", 3], z=["", 2, ""], y=[1, 2, 3]),
        "gap": write("gap.csv", x=[1, 2, 3, 4], w=[1, "", 1, 1], y=[1, 2, 3, 5]),
        "text": write("text.csv", x=["a", "b", "a"], y=[1, 2, 3]),
        "words": write("words.csv", x=[1, 2, 3], y=["low", "high", "low"]),
        "weights": write("weights.csv", x=[1, 2, 3], zero=[0, 0, 0], negative=[1, -1, 1], y=[1, 2, 4]),
        "only": write("only.csv", w=[1, 1, 1], y=[1, 2, 4]),
        "huge": write("huge.csv", x=["1e300", "-1e300", "2e300"], y=["1e300", "2e300", "3e300"]),
    }
