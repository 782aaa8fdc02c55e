"""A diagnosis as a value, as JSON, and as a page of plain text."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from downslope.data.documents import to_json
from downslope.diagnosis.advice import Advice, format_epochs
from downslope.diagnosis.bowl import SHARES, Bowl, Prospect
from downslope.diagnosis.columns import Columns
from downslope.diagnosis.outliers import Outliers

__all__ = ["Diagnosis"]

WIDTH = 100
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
    outliers : Outliers
    advice : tuple of Advice
        The largest effect first.
    note : str
        What cannot be foretold; empty where all can.

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
    outliers: Outliers
    advice: tuple[Advice, ...]
    note: str = ""

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
            "outliers": self.outliers.to_dict(),
            "advice": [advice.to_dict() for advice in self.advice],
            "note": self.note,
        }

    def to_json(self) -> str:
        """`to_dict` as JSON, with null for infinities."""
        return to_json(self.to_dict())


def page(diagnosis: Diagnosis) -> str:
    """The page."""
    bowls = diagnosis.raw, diagnosis.standardised
    penalty = f", L2 penalty {diagnosis.alpha:g}" if diagnosis.alpha else ""
    n_columns, beta = len(diagnosis.feature_names), diagnosis.momentum
    shares = [f"{share:g}" for share in SHARES]
    lines = [
        f"{diagnosis.n_rows:,} rows, {n_columns:,} columns, {diagnosis.n_parameters:,} parameters{penalty}",
        "",
        *table(
            ["", "raw columns", "standardised"],
            [
                ["λ_max, dominated by", *(f"{bowl.eigenvalues[0]:.6g}, {dominant(bowl.steepest)}" for bowl in bowls)],
                ["λ_min, dominated by", *(f"{lowest(bowl):.6g}, {dominant(bowl.flattest)}" for bowl in bowls)],
                ["λ", *map(spectrum, bowls)],
                ["condition number", *(f"{bowl.condition:.4g}" for bowl in bowls)],
                ["largest stable rate 2/λ_max", *(f"{bowl.largest_stable:.6g}" for bowl in bowls)],
                ["fastest plain rate 2/(λ_max + λ_min)", *(f"{bowl.fastest:.6g}" for bowl in bowls)],
                [
                    f"largest stable, heavy ball β = {beta:g}",
                    *(f"{bowl.largest_stable_momentum:.6g}" for bowl in bowls),
                ],
                [f"largest stable, Nesterov β = {beta:g}", *(f"{bowl.largest_stable_nesterov:.6g}" for bowl in bowls)],
            ],
        ),
        "",
        "Epochs until the excess objective is this share of that of the start",
        *table(["raw columns", *shares], [prospect_line(known) for known in diagnosis.raw.prospects]),
        *table(["standardised", *shares], [prospect_line(known) for known in diagnosis.standardised.prospects]),
    ]
    if diagnosis.note:
        lines += ["", *textwrap.wrap(diagnosis.note, WIDTH)]
    lines += ["", *findings(diagnosis), "", "Advice, the largest effect first"]
    for number, advice in enumerate(diagnosis.advice, start=1):
        lines += textwrap.wrap(advice.text, WIDTH, initial_indent=f"{number:2}. ", subsequent_indent="    ")
    if not diagnosis.advice:
        lines.append("    None: these rows are as good as they get for descent.")
    return "\n".join(line.rstrip() for line in lines)


def prospect_line(known: Prospect) -> list[str]:
    """A descent, and its epochs."""
    momentum = "" if known.momentum is None else f", β = {known.momentum:.6g}"
    told_epochs = map(format_epochs, known.epochs) if known.stable else ["diverges"] * len(SHARES)
    return [f"{known.method}, η = {known.learning_rate:.6g}{momentum}", *told_epochs]


def findings(diagnosis: Diagnosis) -> Iterator[str]:
    """What was noticed of columns and rows, a line each."""
    columns, outliers = diagnosis.columns, diagnosis.outliers
    pairs = [f"{a} = {b}" for a, b in columns.duplicates]
    groups = [f"{', '.join(group.columns)} ({group.condition_index:.3g})" for group in columns.collinear]
    for name, found in (
        ("constant columns", columns.constant),
        ("the same twice", pairs),
        ("nearly collinear (condition index)", groups),
        (f"below a hundredth of '{columns.largest}' in size", columns.dominated),
    ):
        yield f"{name}: {'; '.join(found) if found else 'none'}"
    if not outliers.delta:
        yield "outliers: cannot be told, since a fit goes through most of the rows"
        return
    yield (
        f"outliers: {outliers.count:,} of {outliers.n_looked_at:,} rows looked at beyond {3 * outliers.delta:.4g} "
        f"(robust σ = {outliers.scale:.4g}); Huber's loss with delta={outliers.delta:.4g} would bound the pull of "
        f"{outliers.n_clipped:,}"
    )


def dominant(shares: Iterable[tuple[str, float]]) -> str:
    """The column with the largest share."""
    name, share = next(iter(shares))
    return f"{name} ({share:.0%})"


def lowest(bowl: Bowl) -> float:
    """λ_min of the directions that change anything."""
    return bowl.eigenvalues[len(bowl.eigenvalues) - bowl.n_flat - 1]


def spectrum(bowl: Bowl) -> str:
    """The eigenvalues, of many the first and the last."""
    shown = [f"{value:.3g}" for value in bowl.eigenvalues[: len(bowl.eigenvalues) - bowl.n_flat]]
    if len(shown) > MOST_EIGENVALUES:
        half = MOST_EIGENVALUES // 2
        shown = [*shown[:half], "…", *shown[-half:]]
    return " ".join(shown) + (f" and {bowl.n_flat} × 0" if bowl.n_flat else "")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Names to the left, all else to the right."""
    widths = [max(len(row[j]) for row in (header, *rows)) for j in range(len(header))]
    return [
        "  ".join(cell.ljust(width) if j == 0 else cell.rjust(width) for j, (cell, width) in enumerate(pairs))
        for pairs in ([*zip(row, widths, strict=True)] for row in (header, *rows))
    ]
