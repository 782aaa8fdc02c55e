"""The command as a process of its own: what it imports, its streams, its pipes and its signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from downslope import load_model
from tests.cli.conftest import Call

PROGRAM = "import sys; from downslope.cli import main; sys.exit(main())"
COMMAND = [sys.executable, "-W", "error", "-c", PROGRAM]


def test_the_version_costs_no_import() -> None:
    program = (
        "import sys; from downslope.cli import main; code = main(['--version'])\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert done.stdout.startswith("downslope ")
    assert "downslope" in loaded
    assert not {"sklearn", "numpy", "scipy", "typer", "rich", "duckdb", "matplotlib"} & set(loaded)


def test_help_needs_no_numbers() -> None:
    program = (
        "import sys; from downslope.cli import main; main(['fit', '--help'])\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"sklearn", "numpy", "scipy", "duckdb", "matplotlib"} & set(done.stderr.split())


def test_results_and_remarks_do_not_mix(lines: Path) -> None:
    typed = ["fit", str(lines), "-t", "y", "--features", "a,b", "--json", "--verbose", "1", "--max-iter", "3"]
    done = subprocess.run([*COMMAND, *typed], capture_output=True, text=True, encoding="utf-8", check=True)
    assert json.loads(done.stdout)["n_iter"] == 3
    told = done.stderr.splitlines()
    assert told[3].startswith(" 3 a = ")
    assert told[-1].startswith("downslope: warning: Stopped at --max-iter = 3 epochs")


def test_a_stream_that_knows_ascii_only_gets_escapes(lines: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    typed = ["fit", str(lines), "-t", "y", "--features", "a,b"]
    done = subprocess.run([*COMMAND, *typed], capture_output=True, env=environment, check=True)
    assert rb"R\xb2 (training rows)" in done.stdout
    assert done.stderr == b""


def test_a_reader_that_has_seen_enough_gets_no_complaint() -> None:
    typed = [*COMMAND, "generate", "--rows", "200000", "--seed", "1"]
    with subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"x,y\n"
        process.stdout.close()
        told = process.stderr.read().decode()
    # Leaving the block waited for its end.
    assert process.returncode == 1
    assert told.splitlines() == ["y = 0.3·x + 0.5 ± 0.01  (--seed 1)"]


@pytest.fixture
def fitting(call: Call, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A fit that would take for ever, and has begun."""
    rows = tmp_path / "rows.csv"
    assert call("generate", "--rows", "2000", "--coef", "1", "--coef", "2", "--seed", "1", "-o", rows).code == 0
    typed = ["fit", str(rows), "-t", "y", "--engine", "data", "--loss", "huber", "--max-iter", "10000000", "--tol", "0"]
    files = ["--model", "m.json", "--history", "h.csv", "--plot", "p.png", "--json", "--verbose", "100"]
    with subprocess.Popen(
        [*COMMAND, *typed, *files],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # A test run in the background ignores interrupts, and a child inherits that.
        preexec_fn=lambda: [signal.signal(sign, signal.SIG_DFL) for sign in (signal.SIGINT, signal.SIGTERM)],
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_the_model_so_far(fitting: subprocess.Popen[str], tmp_path: Path, sign: int) -> None:
    assert fitting.stderr is not None
    while not fitting.stderr.readline().startswith("300 "):
        assert fitting.poll() is None
    fitting.send_signal(sign)
    out, err = fitting.communicate()
    document = json.loads(out)
    assert fitting.returncode == 1
    assert document["stop"]["reason"] == "interrupted"
    assert document["n_iter"] >= 300
    last = err.splitlines()[-1]
    assert last.startswith(f"downslope: Interrupted at epoch {document['n_iter']}; the model so far is kept;")
    assert last.endswith("The model file m.json holds it.")
    assert load_model(tmp_path / "m.json").coef_.tolist() == list(document["coef"].values())
    assert (tmp_path / "h.csv").read_text(encoding="utf-8").splitlines()[-1].startswith(f"{document['n_iter']}.0,")
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert "Traceback" not in err
