"""Change each constant and comparison of the mathematics, and list what no test notices.

    python -m mutants                           all modules of modules.toml
    python -m mutants objective steps/rules.py  those in a folder, or one
    python -m mutants steps --sample 40         some of each module, drawn with a seed

A copy is changed, never the tree. Mutants that may survive stand in survivors.toml with the reason.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NamedTuple

from mutants.changes import Mutant, mutants_of
from mutants.trial import run_tests, warm_up

ROOT = Path(__file__).parents[1]
PACKAGE = Path("src/downslope")
Listed = dict[tuple[str, str, str], str]


class Count(NamedTuple):
    """How many mutants there are, how many a test noticed, and how many survive with and without a reason."""

    mutants: int = 0
    killed: int = 0
    listed: int = 0
    survived: int = 0

    def __add__(self, other: tuple[Any, ...]) -> "Count":
        return Count(*(one + two for one, two in zip(self, other, strict=True)))

    def __str__(self) -> str:
        return f"{self.mutants:5d} mutants {self.killed:5d} killed {self.listed:4d} listed {self.survived:4d} survived"


def read_toml(name: str) -> dict[str, Any]:
    """One of the tables beside this file."""
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))


def survivors() -> Listed:
    """The reason of each mutant that may survive, by its module, its line and what that becomes."""
    return {
        (module, entry["line"], becomes): entry["why"]
        for module, entries in read_toml("survivors.toml").items()
        for entry in entries
        for becomes in entry["becomes"]
    }


def modules(wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The modules that are asked for, each with its tests: its own first, then its folder's, then those that pin it."""
    for folder, entry in read_toml("modules.toml").items():
        for path in sorted((ROOT / PACKAGE / folder).glob("*.py")):
            module = f"{folder}/{path.name}"
            if path.stem == "__init__" or path.name not in entry.get("only", [path.name]):
                continue
            if not wanted or folder in wanted or module in wanted:
                beside = [f"tests/{folder}/{name}" for name in entry["tests"]]
                own = [test for test in beside if test.endswith(f"test_{path.stem}.py")]
                others = [test for test in beside if test not in own]
                yield module, [*own, str(PACKAGE / module), *others, *entry.get("pins", [])]


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the package and its tests, from which everything is imported in here."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder).resolve()
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / "pyproject.toml", copy)
        sys.path[:] = [str(copy), str(copy / "src"), *(path for path in sys.path if Path(path).resolve() != ROOT)]
        os.environ.update(PYTHONPATH=str(copy / "src"), CI="1")
        os.chdir(copy)
        try:
            yield copy
        finally:
            os.chdir(ROOT)


def try_module(copy: Path, module: str, tests: list[str], mutants: list[Mutant], listed: Listed) -> Count:
    """Try the mutants of one module, and print those that survive without a reason."""
    path = copy / PACKAGE / module
    code = path.read_text(encoding="utf-8")
    sys.dont_write_bytecode = False
    sound = run_tests(copy, tests, 600.0)
    if sound.killed:
        sys.exit(f"The tests of {module} fail before anything is changed: {sound.by}")
    # Python would take the cache of a file of the same size and second for the file.
    Path(cache_from_source(str(path))).unlink(missing_ok=True)
    sys.dont_write_bytecode = True
    counted = Count()
    for mutant in mutants:
        path.write_text(mutant.code, encoding="utf-8")
        verdict = run_tests(copy, tests, 10.0 + 2.0 * sound.seconds)
        reason = listed.get((module, mutant.line, mutant.becomes))
        counted += (1, verdict.killed, not verdict.killed and reason is not None, not verdict.killed and reason is None)
        if not verdict.killed and reason is None:
            print(f"  {module}:{mutant.number}\n    - {mutant.line}\n    + {mutant.becomes}", flush=True)
        elif verdict.killed and reason is not None:
            print(
                f"  {module}:{mutant.number} is listed, and killed by {verdict.by}\n    + {mutant.becomes}", flush=True
            )
    path.write_text(code, encoding="utf-8")
    print(f"{module:32s} {counted}", flush=True)
    return counted


def main() -> None:
    """Try what the command line asks for; the exit status is 1 where a mutant survives that is not listed."""
    parser = argparse.ArgumentParser(
        prog="mutants", description="Change the mathematics and see whether a test notices."
    )
    parser.add_argument("modules", nargs="*", help="folders or modules, such as objective or steps/rules.py")
    parser.add_argument("--sample", type=int, help="at most so many mutants of each module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    options = parser.parse_args()
    chosen = list(modules(options.modules))
    if not chosen:
        parser.error(f"{' '.join(options.modules)} is not in modules.toml")
    listed, total = survivors(), Count()
    # As an interrupt does: the copy is removed, and what tries a mutant is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated"))
    warm_up()
    with copied() as copy:
        for module, tests in chosen:
            mutants = mutants_of((ROOT / PACKAGE / module).read_text(encoding="utf-8"))
            known = {(mutant.line, mutant.becomes) for mutant in mutants}
            for name, line, becomes in listed:
                if name == module and (line, becomes) not in known:
                    print(f"  {module} no longer has this listed mutant\n    - {line}\n    + {becomes}")
            if options.sample is not None and options.sample < len(mutants):
                kept = random.Random(options.seed).sample(range(len(mutants)), options.sample)
                mutants = [mutants[k] for k in sorted(kept)]
            total += try_module(copy, module, tests, mutants, listed)
    print(f"{'all':32s} {total}")
    sys.exit(total.survived > 0)


if __name__ == "__main__":
    main()
