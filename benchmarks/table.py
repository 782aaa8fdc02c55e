"""What is printed: lines with a target and whether it is met, as text, as markdown or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.timing import Ratio

__all__ = ["Line", "Report", "as_json", "as_markdown", "as_text"]

HEADER = ("measured", "median", "best", "target", "met")


@dataclass(frozen=True)
class Line:
    """One thing that was measured.

    Attributes
    ----------
    what : str
    value : Ratio or None
        None where it could not be measured; then `unit` says why.
    unit : str
    at_most, at_least : float or None
        The target, if there is one.
    judged : bool
        Whether the size is that of the target.
    """

    what: str
    value: Ratio | None
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    judged: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the median meets the target; None where there is nothing to judge."""
        if self.value is None or not self.judged or self.at_most is self.at_least is None:
            return None
        if self.at_most is not None:
            return self.value.median <= self.at_most
        return self.value.median >= (self.at_least or 0.0)

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"

    def cells(self) -> tuple[str, ...]:
        """The cells under `HEADER`."""
        verdict = {True: "yes", False: "NO", None: ""}[self.met]
        if self.value is None:
            return self.what, self.unit, "", self.target, verdict
        median, best = (shown(number) for number in (self.value.median, self.value.least))
        return self.what, f"{median} {self.unit}", best, self.target, verdict


@dataclass
class Report:
    """All lines of one run, and the words around them."""

    title: str
    notes: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    comparison: list[tuple[str, ...]] = field(default_factory=list)


def shown(number: float) -> str:
    """Three digits, without an exponent where one can do without it."""
    if abs(number) >= 1e6:
        return f"{number:.1e}"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def as_text(report: Report) -> str:
    """Aligned columns."""
    parts = [report.title, "", grid([HEADER, *(line.cells() for line in report.lines)])]
    if report.comparison:
        parts += ["", grid(report.comparison)]
    return "\n".join([*parts, "", *report.notes])


def grid(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows in columns, a rule under the first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def as_markdown(report: Report) -> str:
    """Tables to paste into a page."""
    parts = [report.title, "", piped([HEADER, *(line.cells() for line in report.lines)])]
    if report.comparison:
        parts += ["", piped(report.comparison)]
    return "\n".join([*parts, "", *(f"{note}  " for note in report.notes)])


def piped(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])


def as_json(report: Report) -> str:
    """Everything, numbers as numbers."""
    whole: dict[str, Any] = asdict(report)
    for entry, line in zip(whole["lines"], report.lines, strict=True):
        entry["met"] = line.met
    return json.dumps(whole, indent=2, ensure_ascii=False)
