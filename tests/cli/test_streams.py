"""Streams that are closed or full, disks that are full, and names that no terminal should be given as they are."""

import csv
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downslope import load_model
from tests.cli.conftest import Call

Write = Callable[..., Path]
PROGRAM = "import sys; from downslope.cli import main; sys.exit(main())"
COMMAND = [sys.executable, "-W", "error", "-c", PROGRAM]

PRINTING = {
    "a version": ["--version"],
    "help": ["fit", "--help"],
    "a page": ["fit", "{table}", "-t", "y", "--features", "a,b"],
    "JSON": ["fit", "{table}", "-t", "y", "--features", "a,b", "--json"],
    "rows": ["generate", "--rows", "9", "--seed", "1"],
    "a diagnosis": ["diagnose", "{table}", "-t", "y", "--features", "a,b"],
    "runs": ["sweep", "{table}", "-t", "y", "--features", "a,b", "--learning-rates", "0.1"],
}


@pytest.mark.parametrize(
    ("printing", "stream"),
    [
        *(("a version", "full"), ("a version", "closed"), ("help", "closed"), ("a page", "full")),
        *(("JSON", "closed"), ("rows", "full"), ("a diagnosis", "closed"), ("runs", "full")),
    ],
)
def test_output_that_takes_nothing(lines: Path, printing: str, stream: str) -> None:
    typed = [word.format(table=lines) for word in PRINTING[printing]]
    with open("/dev/full", "w", encoding="utf-8") as full:
        close = None if stream == "full" else lambda: os.close(1)
        streams: dict[str, Any] = {"stdout": full, "stderr": subprocess.PIPE, "preexec_fn": close}
        done = subprocess.run([*COMMAND, *typed], **streams, text=True, check=False)
    reason = "No space left on device" if stream == "full" else "it is closed"
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"downslope: standard output cannot be written to ({reason}): give what is printed somewhere to go"
    )
    assert len(done.stderr.splitlines()) == (2 if printing == "rows" else 1)


def test_nobody_to_complain_to(lines: Path, tmp_path: Path) -> None:
    typed = ["fit", str(lines), "-t", "y", "--features", "a,b", "--model", "m.json"]
    done = subprocess.run([*COMMAND, *typed], cwd=tmp_path, preexec_fn=lambda: os.closerange(0, 3), check=False)
    assert done.returncode == 1
    assert load_model(tmp_path / "m.json").n_features_in_ == 2


WRITING = {
    "a picture": ("p.png", ["fit", "{table}", "-t", "y", "--features", "a,b", "--plot", "p.png"]),
    "a vector picture": ("p.svg", ["fit", "{table}", "-t", "y", "--features", "a,b", "--plot", "p.svg"]),
    "a picture of a sweep": ("s.pdf", ["sweep", "{table}", "-t", "y", "--features", "a,b", "--plot", "s.pdf"]),
    "a history": ("h.csv", ["fit", "{table}", "-t", "y", "--features", "a,b", "--history", "h.csv"]),
    "rows": ("r.csv", ["generate", "--rows", "999", "-o", "r.csv"]),
    "a model": ("m.json", ["fit", "{table}", "-t", "y", "--features", "a,b", "--model", "m.json"]),
}


@pytest.mark.parametrize("writing", WRITING)
def test_a_disk_that_is_full_keeps_what_was_there(
    call: Call, lines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: str
) -> None:
    name, typed = WRITING[writing]
    (tmp_path / name).write_text("before", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        answer = call(*(word.format(table=lines) for word in typed))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert answer.code == 1
    assert answer.err.splitlines()[-1] == (
        f"downslope: {tmp_path / name} cannot be written (File too large): choose a folder that can be"
    )
    assert (tmp_path / name).read_text(encoding="utf-8") == "before"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "name", [os.fsdecode(b"t\xe9\xff.csv"), "a\nb.csv", "\x1b[2J\x07.csv", "[red].csv", "*?.csv", "\u202egnp.csv"]
)
def test_names_of_files(call: Call, write: Write, tmp_path: Path, name: str) -> None:
    table = write("t.csv", x=[1, 2, 3, 4], y=[2, 4, 7, 8]).rename(tmp_path / name)
    model, plot = tmp_path / f"{name}.json", tmp_path / f"{name}.svg"
    answer = call("fit", table, "-t", "y", "--model", model, "--plot", plot)
    assert (answer.code, answer.err) == (0, "")
    assert not set(answer.out) & set("\x1b\x07\u202e")
    assert sum(line.startswith("Written: ") and line.endswith(".svg") for line in answer.out.splitlines()) == 1
    assert len(load_model(model).coef_) == 1
    assert call("predict", model, table).out.count("\n") == 5
    assert call("fit", table, "-t", "y", "--json").document["data"] == str(table)
    absent = call("fit", f"{table}.gz", "-t", "y")
    assert (absent.code, absent.err.count("\n")) == (1, 1)


def test_names_of_columns_are_shown_and_not_obeyed(call: Call, write: Write) -> None:
    table = write(**{'"a\nb"': [1, 2, 3, 5], "\x1b[31mred": [1, 3, 2, 2], "y": [2, 4, 7, 8]})
    for command in ("fit", "diagnose"):
        answer = call(command, table, "-t", "y")
        assert answer.code == 0
        assert "\x1b" not in answer.out
        assert r"a\nb" in answer.out
        assert r"\x1b[31mred" in answer.out


def test_names_in_a_spreadsheet_are_no_formulas(call: Call, write: Write, tmp_path: Path) -> None:
    names = ["=1+2", "+x", "-y", "@z", "plain", "a=b"]
    rows: dict[str, Any] = {name: [i * (k + 1) % 7 for i in range(9)] for k, name in enumerate(names)}
    history = tmp_path / "h.csv"
    assert call("fit", write(**rows, target=range(9)), "-t", "target", "--history", history).code == 0
    with history.open(encoding="utf-8", newline="") as file:
        header, first, *_ = csv.reader(file)
    assert header[-7:] == ["'=1+2", "'+x", "'-y", "'@z", "plain", "a=b", "intercept"]
    assert float(first[-1]) == 0.0


@pytest.mark.parametrize(
    "typed",
    [
        ["fit", "{table}", "-t", "y", "--history", "h.parquet"],
        ["fit", "{table}", "-t", "y", "--history", "h.xlsx"],
        ["generate", "-o", "rows.json"],
        ["predict", "m.json", "{table}", "-o", "p.parquet"],
    ],
)
def test_no_file_has_the_ending_of_another_format(call: Call, lines: Path, typed: list[str]) -> None:
    answer = call(*(word.format(table=lines) for word in typed))
    assert (answer.code, answer.out) == (2, "")
    assert "has the ending of another format than what is written into it: give it the ending .csv" in answer.err


def test_predictions_as_json_are_called_so(call: Call, write: Write, tmp_path: Path) -> None:
    table, model, out = write(x=[1, 2, 3], y=[2, 4, 7]), tmp_path / "m.json", tmp_path / "p.json"
    assert call("fit", table, "-t", "y", "--model", model).code == 0
    assert call("predict", model, table, "-o", out, "--json").code == 0
    assert len(json.loads(out.read_text(encoding="utf-8"))["predictions"]) == 3
    assert call("predict", model, table, "-o", tmp_path / "p.csv", "--json").code == 2
