"""A table too large for memory says what it says in memory, after one read where that is enough."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from downslope.cli import streamed
from downslope.data.tables.stream import StreamSource
from tests.cli.conftest import Call

N_ROWS = 4000
HELD_OUT = ["--target", "y", "--exclude", "w,kind", "--missing", "drop", "--test-size", "0.25", "--json"]


@pytest.fixture
def big(tmp_path: Path) -> Path:
    random = np.random.default_rng(4)
    X = random.normal(size=(N_ROWS, 2)) * [1.0, 30.0] + [5.0, -100.0]
    kind, w = random.choice(["red", "green", "blue"], N_ROWS), random.uniform(0.5, 2.0, N_ROWS).round(2)
    y = X @ [2.0, -0.1] + 3.0 * (kind == "red") + 7 + random.standard_t(3, N_ROWS)
    rows = [f"{a!r},{b!r},{k},{s},{t!r}" for (a, b), k, s, t in zip(X.tolist(), kind, w, y.tolist(), strict=True)]
    rows[7] = "NA" + rows[7][rows[7].index(",") :]
    rows[9] = rows[9][: rows[9].rindex(",") + 1]
    path = tmp_path / "big.csv"
    path.write_text("\n".join(["a,b,kind,w,y", *rows]) + "\n")
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each read of a stream."""
    made, begin = list[int](), StreamSource._cut
    monkeypatch.setattr(StreamSource, "_cut", lambda self: made.append(1) or begin(self))
    return made


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "MANY_BYTES", -1)
    monkeypatch.setattr("downslope.data.tables.stream.BLOCK_BYTES", 2**15)


OPTIONS: dict[str, list[str]] = {
    "squared": [],
    "ridge": ["--penalty", "l2", "--alpha", "0.1"],
    "lasso": ["--penalty", "l1", "--alpha", "0.1"],
    "huber": ["--loss", "huber"],
    "weights": ["--weights", "w"],
    "raw": ["--raw", "--max-iter", "50"],
    "no intercept": ["--no-intercept"],
    "means": ["--missing", "mean"],
    "few columns": ["--features", "a,b"],
}


@pytest.mark.parametrize("name", OPTIONS)
def test_as_in_memory(name: str, call: Call, big: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["fit", str(big), "--target", "y", "--categorical", "kind", "--missing", "drop", "--json", *OPTIONS[name]]
    if name != "weights":
        command += ["--exclude", "w"]
    if name == "few columns":
        command = [word for word in command if word not in ("--categorical", "kind")]
    answers, files = [], [tmp_path / "inside.json", tmp_path / "outside.json"]
    for limit, file in zip((2**40, -1), files, strict=True):
        monkeypatch.setattr(streamed, "MANY_BYTES", limit)
        answers.append(call(*command, "--model", str(file)))
    inside, outside = (json.loads(answer.out) for answer in answers)
    assert answers[0].err == answers[1].err
    assert inside["rows"] == outside["rows"]
    assert inside["notes"] == outside["notes"]
    assert inside["features"] == outside["features"]
    assert inside["stop"]["reason"] == outside["stop"]["reason"]
    for part in ("coef", "standard_errors", "least_squares", "quality"):
        for (_, first), (_, second) in zip(numbers_in(inside[part]), numbers_in(outside[part]), strict=True):
            assert second == pytest.approx(first, rel=1e-9, abs=1e-12)
    first, second = (json.loads(file.read_text())["table"] for file in files)
    # Weights count in the means of a stream, which are those of its statistics.
    np.testing.assert_allclose(first.pop("means"), second.pop("means"), rtol=0.1 if name == "weights" else 1e-12)
    assert first == second


def numbers_in(value: Any, path: str = "") -> list[tuple[str, float]]:
    """The numbers of a document, but for the count of digits."""
    if isinstance(value, dict):
        return [pair for key, part in value.items() if key != "digits" for pair in numbers_in(part, f"{path}.{key}")]
    return [(path, value)] if isinstance(value, float) else []


@pytest.mark.usefixtures("many")
def test_one_read_gives_the_fit_and_its_quality_on_rows_held_out(call: Call, big: Path, reads: list[int]) -> None:
    command = [
        "fit",
        str(big),
        "--target",
        "y",
        "--exclude",
        "w,kind",
        "--missing",
        "drop",
        "--test-size",
        "0.25",
        "--json",
    ]
    found = json.loads(call(*command).out)
    assert len(reads) == 1
    assert found["rows"]["training"] + found["rows"]["held_out"] == N_ROWS - 2
    assert found["rows"]["held_out"] == pytest.approx(N_ROWS / 4, rel=0.1)
    # Another read draws the same rows, and another seed others.
    again, other = json.loads(call(*command).out), json.loads(call(*command, "--seed", "1").out)
    assert again["coef"] == found["coef"]
    assert other["coef"] != found["coef"]
    # What is said of the rows held out is what they themselves say.
    drawing = streamed.load(streamed.Choice(big, "y", None, ["w", "kind"], None, "drop"), 0.25, 0, None).table.drawing  # type: ignore[union-attr]
    blocks = list(drawing.held_out.blocks())
    X, y = np.vstack([block.X for block in blocks]), np.concatenate([block.y for block in blocks])
    left = y - X @ list(found["coef"].values()) - found["intercept"]
    assert found["quality"]["rmse"] == pytest.approx(np.sqrt(np.mean(left**2)), rel=1e-9)
    assert found["quality"]["r2"] == pytest.approx(
        1 - np.var(left - 0) / np.var(y) - np.mean(left) ** 2 / np.var(y), rel=1e-9
    )
    train = list(drawing.train.blocks())
    X, y = np.vstack([block.X for block in train]), np.concatenate([block.y for block in train])
    exact = np.linalg.lstsq(np.column_stack([X, np.ones(len(y))]), y, rcond=None)[0]
    np.testing.assert_allclose(list(found["least_squares"]["coef"].values()), exact[:-1], rtol=1e-9)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("options", [["--loss", "huber"], ["--batch-size", "16"], ["--early-stopping"]])
def test_rows_that_are_needed_again_are_kept_in_one_read(
    options: list[str], call: Call, big: Path, reads: list[int]
) -> None:
    command = [
        "fit",
        str(big),
        "--target",
        "y",
        "--exclude",
        "w,kind",
        "--missing",
        "drop",
        "--test-size",
        "0.25",
        "--json",
    ]
    found = json.loads(call(*command, *options).out)
    assert len(reads) == 1
    assert found["rows"]["training"] + found["rows"]["held_out"] == N_ROWS - 2
    assert found["coef"]["a"] == pytest.approx(2.0, abs=0.1)
    assert 0.5 < found["quality"]["r2"] < 1


@pytest.mark.usefixtures("many")
def test_pictures_codes_diagnoses_and_sweeps(call: Call, big: Path, tmp_path: Path) -> None:
    text = big.read_text().splitlines()
    for place in (40, 80, 120, 160, 200):
        text[place] = "-999" + text[place][text[place].index(",") :]
    big.write_text("\n".join(text) + "\n")
    rows = [str(big), "--target", "y", "--exclude", "w,kind", "--missing", "drop"]
    fitted = call("fit", *rows, "--plot", str(tmp_path / "p.png"), "--checkpoint", str(tmp_path / "c"))
    assert fitted.code == 0
    assert "-999" in fitted.err
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert (
        call("fit", *rows, "--checkpoint", str(tmp_path / "c")).out.splitlines()[3:]
        == [line for line in fitted.out.splitlines()[3:] if "p.png" not in line][: len(fitted.out.splitlines()[3:]) - 2]
    )
    diagnosed = call("diagnose", *rows)
    assert diagnosed.code == 0
    assert f"{N_ROWS - 2:,} rows" in diagnosed.out or f"{N_ROWS - 2} rows" in diagnosed.out
    assert call("sweep", *rows, "--learning-rates", "0.1,1").code == 0


# ---------------------------------------------------------------------------------------------------------- predictions
PREDICTIONS: dict[str, list[str]] = {
    "plain": [],
    "kept": ["--keep", "kind,y"],
    "appended": ["--append"],
    "filled": ["--missing", "mean"],
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_predictions_are_those_of_rows_in_memory(
    name: str, call: Call, big: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(tmp_path / "m.json")
    rows = ["--target", "y", "--exclude", "w", "--categorical", "kind", "--missing", "drop"]
    assert call("fit", str(big), *rows, "--model", model).code == 0
    answers = []
    for limit in (2**40, -1):
        monkeypatch.setattr(streamed, "MANY_BYTES", limit)
        answers.append(call("predict", model, str(big), *PREDICTIONS[name]))
    inside, outside = answers
    assert (inside.code, inside.err) == (outside.code, outside.err) == (0, inside.err)
    first, second = (list(csv.reader(answer.out.splitlines())) for answer in answers)
    assert [row[:-1] for row in first] == [row[:-1] for row in second]
    assert first[0] == second[0]
    for one, other in zip(first[1:], second[1:], strict=True):
        assert (one[-1] == "") == (other[-1] == "")
        if one[-1]:
            assert float(other[-1]) == pytest.approx(float(one[-1]), rel=1e-13)
    written = tmp_path / "p.csv"
    assert call("predict", model, str(big), *PREDICTIONS[name], "--output", str(written)).code == 0
    assert written.read_text() == outside.out


SPOILT = {
    "a gap": ",red,1,",
    "text": "soon,red,1,2",
    "infinity": "inf,red,1,2",
    "a level": "1,violet,1,2",
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_cannot_be_predicted_is_said_alike_and_nothing_stays(
    what: str, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, model, output = tmp_path / "t.csv", str(tmp_path / "m.json"), tmp_path / "p.csv"
    lines = [f"{j % 7},{('red', 'blue')[j % 2]},{j},{j % 5}" for j in range(3000)]
    rows.write_text("\n".join(["a,kind,b,y", *lines]) + "\n")
    assert call("fit", str(rows), "--target", "y", "--categorical", "kind", "--model", model).code == 0
    rows.write_text("\n".join(["a,kind,b,y", *lines, SPOILT[what]]) + "\n")
    answers = []
    for limit in (2**40, -1):
        monkeypatch.setattr(streamed, "MANY_BYTES", limit)
        answers.append(call("predict", model, str(rows), "--output", str(output)))
    assert answers[0].code == answers[1].code == 1
    assert answers[0].err == answers[1].err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "t.csv"]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("options", [[], ["--loss", "huber"], ["--test-size", "0.5", "--loss", "huber"]])
def test_too_few_rows_are_refused(options: list[str], call: Call, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2\n")
    answer = call("fit", str(path), "--target", "y", *options)
    assert (answer.code, answer.out) == (1, "")
    assert "a fit needs at least 2" in answer.err
