"""A diagnosis as a value, as JSON, and as a page of plain text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from downslope.data.documents import to_json
from downslope.diagnosis.advice import Advice, name_column, name_rows
from downslope.diagnosis.bowl import SHARES, Bowl, Prospect, Share
from downslope.diagnosis.cells import Cells, Far
from downslope.diagnosis.columns import Columns
from downslope.diagnosis.outliers import Outliers
from downslope.texts import Finding, say
from downslope.texts.width import align, wrap

__all__ = ["Diagnosis"]

WIDTH = 100
INDENT = "    "
MOST_EIGENVALUES = 6


@dataclass(frozen=True)
class Diagnosis:
    """What the statistics say of a descent before it is made; printed as a page.

    Attributes
    ----------
    n_rows : int
    feature_names : tuple of str
    n_parameters : int
    alpha : float
        The L2 penalty; 0 without.
    momentum : float
        The β that stable rates of heavy ball and Nesterov are told for.
    raw, standardised : Bowl
        The same rows in the two choices of coordinates.
    columns : Columns
    cells : Cells
    outliers : Outliers
    advice : tuple of Advice
        The largest effect first.
    untold : Finding or None
        What cannot be foretold; None where all can.

    Examples
    --------
    >>> from downslope import diagnose, make_linear
    >>> data = make_linear([0.3, 0.5, 0.7], random_state=0)
    >>> diagnosis = diagnose(data.X, data.y)
    >>> round(diagnosis.raw.condition, 1), round(diagnosis.standardised.condition, 2)
    (51.2, 1.45)
    >>> diagnosis.advice[0].parameters
    {'standardize': True}
    """

    n_rows: int
    feature_names: tuple[str, ...]
    n_parameters: int
    alpha: float
    momentum: float
    raw: Bowl
    standardised: Bowl
    columns: Columns
    cells: Cells
    outliers: Outliers
    advice: tuple[Advice, ...]
    untold: Finding | None = None

    @property
    def note(self) -> str:
        """What cannot be foretold, as a sentence; empty where all can."""
        return "" if self.untold is None else str(self.untold)

    def __str__(self) -> str:
        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {
            "n_rows": self.n_rows,
            "features": list(self.feature_names),
            "n_parameters": self.n_parameters,
            "alpha": self.alpha,
            "momentum": self.momentum,
            "raw": self.raw.to_dict(),
            "standardised": self.standardised.to_dict(),
            "columns": self.columns.to_dict(),
            "cells": self.cells.to_dict(),
            "outliers": self.outliers.to_dict(),
            "advice": [advice.to_dict() for advice in self.advice],
            "note": self.note,
        }

    def to_json(self) -> str:
        """`to_dict` as JSON, with null for infinities."""
        return to_json(self.to_dict())


def page(diagnosis: Diagnosis) -> str:
    """The page."""
    raw, standardised = diagnosis.raw, diagnosis.standardised
    lines = [
        say(
            "diagnosis.penalised_rows" if diagnosis.alpha else "diagnosis.rows",
            n_rows=diagnosis.n_rows,
            n_columns=len(diagnosis.feature_names),
            n_parameters=diagnosis.n_parameters,
            alpha=diagnosis.alpha,
        ),
        "",
        *align(bowl_table(diagnosis)),
        "",
        say("diagnosis.epochs_to_share"),
        *align(prospect_table(say("diagnosis.raw"), raw.prospects)),
        *align(prospect_table(say("diagnosis.standardised"), standardised.prospects)),
    ]
    if diagnosis.note:
        lines += ["", *wrap(diagnosis.note, WIDTH)]
    lines += ["", *noticed_of_columns(diagnosis.columns), *noticed_of_cells(diagnosis.cells)]
    lines += noticed_of_rows(diagnosis.outliers)
    lines += ["", say("diagnosis.advice"), *advice_lines(diagnosis.advice)]
    return "\n".join(line.rstrip() for line in lines)


def bowl_table(diagnosis: Diagnosis) -> list[list[str]]:
    """The curvatures and rates of both bowls, side by side."""
    bowls, names, beta = (diagnosis.raw, diagnosis.standardised), diagnosis.feature_names, diagnosis.momentum
    lines = {
        say("diagnosis.steepest"): [f"{bowl.eigenvalues[0]:.6g}, {dominant(bowl.steepest, names)}" for bowl in bowls],
        say("diagnosis.flattest"): [f"{lowest(bowl):.6g}, {dominant(bowl.flattest, names)}" for bowl in bowls],
        say("diagnosis.eigenvalues"): [spectrum(bowl) for bowl in bowls],
        say("diagnosis.condition"): [f"{bowl.condition:.4g}" for bowl in bowls],
        say("diagnosis.largest_stable"): [f"{bowl.largest_stable:.6g}" for bowl in bowls],
        say("diagnosis.fastest"): [f"{bowl.fastest:.6g}" for bowl in bowls],
        say("diagnosis.stable_momentum", beta=beta): [f"{bowl.largest_stable_momentum:.6g}" for bowl in bowls],
        say("diagnosis.stable_nesterov", beta=beta): [f"{bowl.largest_stable_nesterov:.6g}" for bowl in bowls],
    }
    header = ["", say("diagnosis.raw"), say("diagnosis.standardised")]
    return [header, *([name, *cells] for name, cells in lines.items())]


def prospect_table(title: str, prospects: Iterable[Prospect]) -> list[list[str]]:
    """Descents, and the epochs that they take to each of `SHARES`."""
    return [[title, *(f"{share:g}" for share in SHARES)], *map(prospect_line, prospects)]


def prospect_line(known: Prospect) -> list[str]:
    """A descent, and its epochs."""
    momentum = "" if known.momentum is None else f", β = {known.momentum:.6g}"
    told = [say("advice.more_epochs") if epochs is None else f"{epochs:,}" for epochs in known.epochs]
    told = told if known.stable else [say("diagnosis.diverges")] * len(SHARES)
    return [f"{known.method}, η = {known.learning_rate:.6g}{momentum}", *told]


def noticed_of_columns(columns: Columns) -> Iterator[str]:
    """What was noticed of columns, a line each."""
    pairs = [f"{a} = {b}" for a, b in columns.duplicates]
    groups = [f"{', '.join(group.columns)} ({group.condition_index:.3g})" for group in columns.collinear]
    for code, found in (
        ("constant", columns.constant),
        ("duplicates", pairs),
        ("collinear", groups),
        ("dominated", columns.dominated),
    ):
        named = say(f"diagnosis.{code}", largest=columns.largest)
        yield say("diagnosis.noticed", what=named, found="; ".join(found) or say("diagnosis.none"))


def noticed_of_rows(outliers: Outliers) -> Iterator[str]:
    """What was noticed of rows."""
    if not outliers.delta:
        yield say("diagnosis.outliers_unknown")
        return
    yield say(
        "diagnosis.outliers",
        count=outliers.count,
        n_rows=outliers.n_looked_at,
        beyond=3 * outliers.delta,
        scale=outliers.scale,
        delta=outliers.delta,
        n_clipped=outliers.n_clipped,
    )
    if outliers.rows:
        rows = str(name_rows(outliers.rows, outliers.origin))
        yield say("diagnosis.noticed", what=say("diagnosis.farthest"), found=rows)


def noticed_of_cells(cells: Cells) -> Iterator[str]:
    """What was noticed of features, where anything was, a line each."""
    for code, found in (("codes", cells.codes), ("slips", cells.slips)):
        told = [f"{far.column}: {far.value:.10g}{named_rows(far, cells.origin)}" for far in found]
        if told:
            yield say("diagnosis.noticed", what=say(f"diagnosis.{code}"), found="; ".join(told))
    if cells.labels:
        ranges = "; ".join(f"{name} ({first}–{last})" for name, first, last in cells.labels)
        yield say("diagnosis.noticed", what=say("diagnosis.labels"), found=ranges)
    if cells.numbered:
        yield say("diagnosis.noticed", what=say("diagnosis.numbered"), found="; ".join(cells.numbered))


def named_rows(far: Far, origin: int) -> str:
    """How often a value stands there, and where."""
    count = f" × {far.times}" if far.times > 1 else ""
    return f"{count}, {name_rows(far.rows, origin)}" if far.rows else count


def advice_lines(advice: Iterable[Advice]) -> Iterator[str]:
    """Advice, numbered; one line where there is none."""
    lines = [line for number, one in enumerate(advice, start=1) for line in numbered(number, one.text)]
    yield from lines or [INDENT + say("diagnosis.no_advice")]


def numbered(number: int, text: str) -> list[str]:
    """A text in lines, a number before the first."""
    first, *others = wrap(text, WIDTH - len(INDENT))
    return [f"{number:2}. {first}", *(INDENT + line for line in others)]


def dominant(shares: Iterable[Share], names: Sequence[str]) -> str:
    """The column with the largest share."""
    largest = next(iter(shares))
    return f"{name_column(largest.column, names)} ({largest.share:.0%})"


def lowest(bowl: Bowl) -> float:
    """λ_min of the directions that change anything."""
    return bowl.eigenvalues[len(bowl.eigenvalues) - bowl.n_flat - 1]


def spectrum(bowl: Bowl) -> str:
    """The eigenvalues, of many the first and the last."""
    shown = [f"{value:.3g}" for value in bowl.eigenvalues[: len(bowl.eigenvalues) - bowl.n_flat]]
    if len(shown) > MOST_EIGENVALUES:
        half = MOST_EIGENVALUES // 2
        shown = [*shown[:half], "…", *shown[-half:]]
    listed = " ".join(shown)
    return say("diagnosis.spectrum", shown=listed, n_flat=bowl.n_flat) if bowl.n_flat else listed
