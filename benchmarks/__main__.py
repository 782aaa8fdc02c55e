"""Measure, and print ratios from one run: ``python -m benchmarks [--quick] [--json | --markdown]``."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.descents import descent_lines
from benchmarks.first_use import first_use_lines
from benchmarks.memory import memory_lines
from benchmarks.rows import FULL, QUICK, Scale, make_rows
from benchmarks.scikit import comparison
from benchmarks.sgd import sgd_lines
from benchmarks.start_up import start_up_lines
from benchmarks.table import Report, as_json, as_markdown, as_text

__all__ = ["main", "measure"]


def measure(scale: Scale) -> Report:
    """Everything, at one scale."""
    report = Report(f"{scale.rows:,} × {scale.columns} float64 in memory, whole history kept")
    load = busy_cores()
    X, y = make_rows(scale.rows, scale.columns)
    lines, notes = descent_lines(X, y, scale)
    report.comparison = comparison(X, y, scale)
    del X, y
    report.lines += [*lines, *sgd_lines(scale), *memory_lines(scale), *start_up_lines(scale)]
    report.lines += first_use_lines(scale)
    if scale.rows != FULL.rows:
        report.lines = [replace(line, judged=False) for line in report.lines]
        notes.append(f"The targets are for {FULL.rows:,} × {FULL.columns}, so nothing is judged.")
    report.notes = [
        f"Medians of {scale.rounds} rounds in which all took turns ({scale.processes} for fresh processes), "
        "and beside them the ratio of the best ones.",
        *notes,
        "Peak memory is how far a fit raises the resident size of a fresh process.",
        load,
    ]
    return report


def busy_cores() -> str:
    """How busy the machine was: on a busy one the ratios scatter."""
    cores = os.cpu_count()
    if not hasattr(os, "getloadavg"):
        return f"The machine has {cores} cores."
    return f"The machine has {cores} cores; {os.getloadavg()[0]:.1f} of them were busy when the run began."


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows and few rounds; nothing is judged")
    parser.add_argument("--rounds", type=int, help=f"how often everything is measured (default {FULL.rounds})")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="render", action="store_const", const=as_json, default=as_text)
    form.add_argument("--markdown", dest="render", action="store_const", const=as_markdown)
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    if options.rounds is not None:
        scale = replace(scale, rounds=max(options.rounds, 1))
    print(options.render(measure(scale)))


if __name__ == "__main__":
    main()
