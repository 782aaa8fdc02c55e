"""Advice in order of effect: findings whose every number a fit confirms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from downslope.diagnosis.bowl import HORIZON, N_USUAL, Bowl, Prospect
from downslope.diagnosis.cells import Cells
from downslope.diagnosis.columns import Columns, condition_without
from downslope.diagnosis.outliers import Outliers
from downslope.statistics.least_squares import LeastSquares
from downslope.texts import Finding, Remedy

__all__ = ["Advice", "advise", "count_epochs", "name_column", "name_rows"]

# A change that saves less than this factor of epochs is not worth a sentence.
WORTH = 1.2
# Rules of thumb ask for 10 rows or more for each coefficient (Harrell, "Regression Modeling Strategies", 2015).
ROWS_EACH = 10
# Fewer outliers than this are left in peace: one in 20,000 is normal.
USUAL = 1 / 20_000
# Advice on a single cell comes after what makes a descent ten times as long.
SLIP = 10.0
# What SHARES are called.
WORDS = ("advice.one_percent", "advice.one_in_10000", "advice.one_millionth")


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes
    ----------
    finding : Finding
        What to do and why, as data.
    effect : float
        By what factor epochs, or the condition number, fall; infinite where nothing works without it. The order.
    parameters : mapping
        What to give `GradientDescentRegressor`.
    without : tuple of str
        Columns to leave out.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, diagnose, load_example
    >>> cars = load_example("auto_mpg")
    >>> advice = diagnose(cars.X, cars.y).advice[1]
    >>> print(advice)
    To go on to the last digits, take method='momentum', learning_rate=0.736064, momentum=0.709791: epochs to one
    millionth fall from 613 to 69.
    >>> GradientDescentRegressor(**advice.parameters).fit(cars.X, cars.y).n_iter_
    69
    """

    finding: Finding
    effect: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The same as a sentence, in the language that is spoken."""
        return str(self.finding)

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {
            "text": self.text,
            "effect": self.effect,
            "parameters": dict(self.parameters),
            "without": list(self.without),
        }


def count_epochs(epochs: int | None) -> Finding:
    """A number of epochs."""
    return Finding("advice.more_epochs") if epochs is None else Finding.of("advice.epochs", epochs=epochs)


def name_column(name: str, names: Sequence[str]) -> Finding | str:
    """A column, or the intercept in the language that is spoken."""
    return Finding("explain.intercept") if name == "intercept" and name not in names else name


def speedup(before: int | None, after: int | None) -> float:
    """By what the epochs fall; 1 where neither is known."""
    if after is None:
        return 1.0 if before is None else 0.0
    return np.inf if before is None else before / max(after, 1)


def largest_speedup(before: Prospect, after: Prospect) -> tuple[float, Finding]:
    """The largest factor by which epochs fall, over the shares of the excess, and what there is to say of it."""
    saved = [speedup(*pair) for pair in zip(before.epochs, after.epochs, strict=True)]
    # An infinite factor has no number to show: one that has is said first.
    shown = [value if np.isfinite(value) else -1.0 for value in saved]
    k = int(np.argmax(shown)) if max(shown) > WORTH else int(np.argmax(saved))
    return saved[k], describe_fall(before, after, k)


def describe_fall(before: Prospect, after: Prospect, k: int) -> Finding:
    """How the epochs to one of the shares fall."""
    epochs = {"before": count_epochs(before.epochs[k]), "after": count_epochs(after.epochs[k])}
    return Finding.of("advice.fall", share=Finding(WORDS[k]), **epochs)


def advise(
    raw: Bowl,
    standardised: Bowl,
    columns: Columns,
    cells: Cells,
    outliers: Outliers,
    problem: LeastSquares,
    names: Sequence[str],
    *,
    fit_intercept: bool,
) -> tuple[Advice, ...]:
    """All that is worth saying, the largest effect first."""
    found = [
        *about_cells(cells),
        *about_the_rate(raw, "advice.in_raw", names),
        *about_the_rate(standardised, "advice.in_standardised", names),
        *about_scaling(raw, standardised),
        *about_speed(standardised),
        *about_columns(columns, problem, names, standardised, fit_intercept=fit_intercept),
        *about_rows(problem, fit_intercept=fit_intercept),
        *about_outliers(outliers),
    ]
    return tuple(sorted(found, key=lambda advice: -advice.effect))


def about_the_rate(bowl: Bowl, where: str, names: Sequence[str]) -> Iterator[Advice]:
    """A rate that was given and does not settle, or crawls."""
    given, plain = bowl.asked, bowl.plain
    if given is None:
        return
    limit = bowl.limits[given.method]
    told = {"where": Finding(where), "rate": given.learning_rate, "limit": limit, "plain": plain.learning_rate}
    parameters = {"standardize": bowl.standardize, "method": "gd", "learning_rate": plain.learning_rate}
    if not given.stable:
        cause = {"dominant": name_column(bowl.steepest[0].column, names), "epochs": count_epochs(plain.epochs[0])}
        yield Advice(Finding.of("advice.lower_rate", **told, **cause), np.inf, parameters)
        return
    saved, fall = largest_speedup(given, plain)
    if saved > WORTH:
        share = given.learning_rate / limit
        yield Advice(Finding.of("advice.raise_rate", **told, share=share, fall=fall), saved, parameters)


def about_scaling(raw: Bowl, standardised: Bowl) -> Iterator[Advice]:
    """What standardising does to the epochs."""
    saved, fall = largest_speedup(raw.plain, standardised.plain)
    if saved > WORTH:
        told = {"fall": fall, "before": raw.condition, "after": standardised.condition}
        yield change("advice.standardise", saved, told, standardize=True)
        return
    saved, fall = largest_speedup(standardised.plain, raw.plain)
    if saved > WORTH:
        yield change("advice.do_not_standardise", saved, {"fall": fall}, standardize=False)


def change(code: str, effect: float, told: Mapping[str, Any], **parameters: Any) -> Advice:
    """Advice to set parameters."""
    return Advice(Finding(code, told, remedies_of(parameters)), effect, parameters)


def remedies_of(parameters: Mapping[str, Any]) -> tuple[Remedy, ...]:
    """Parameters as a sentence names them."""
    return tuple(Remedy(name, value) for name, value in parameters.items())


def about_speed(bowl: Bowl) -> Iterator[Advice]:
    """What a better rate, and momentum, do to the epochs in standardised columns."""
    plain, others = bowl.plain, bowl.prospects[1 - N_USUAL :]
    best = min(others, key=lambda known: HORIZON if known.epochs[-1] is None else known.epochs[-1])
    saved = speedup(plain.epochs[-1], best.epochs[-1])
    if saved > WORTH:
        parameters: dict[str, Any] = {"method": best.method, "learning_rate": best.learning_rate}
        code = "advice.faster" if best.momentum is None else "advice.faster_with_momentum"
        parameters |= {} if best.momentum is None else {"momentum": best.momentum}
        found = Finding(code, {"fall": describe_fall(plain, best, -1)}, remedies_of(parameters))
        # Epochs to a precision that few ask for come after those to 1 %.
        yield Advice(found, float(np.sqrt(saved)), {**parameters, "standardize": bowl.standardize})


def about_columns(
    columns: Columns, problem: LeastSquares, names: Sequence[str], bowl: Bowl, *, fit_intercept: bool
) -> Iterator[Advice]:
    """Columns to leave out."""
    if columns.constant and fit_intercept:
        yield leave_out("advice.constant", np.inf, columns.constant, columns=columns.constant)
    for first, second in columns.duplicates:
        yield leave_out("advice.duplicate", np.inf, (second,), first=first, second=second)
    for group in columns.collinear:
        out = group.columns[0]
        gone = [names.index(name) for _, name in columns.duplicates] + [names.index(out)]
        after = condition_without(problem, gone)
        told = {"index": group.condition_index, "before": bowl.condition, "after": after}
        left_out, effect = tuple(names[j] for j in gone), float(np.sqrt(bowl.condition / after))
        yield leave_out("advice.collinear", effect, left_out, columns=group.columns, out=out, **told)


def leave_out(code: str, effect: float, without: tuple[str, ...], **told: Any) -> Advice:
    """Advice to leave columns out."""
    return Advice(Finding(code, told), effect, without=without)


def about_rows(problem: LeastSquares, *, fit_intercept: bool) -> Iterator[Advice]:
    """Too few rows."""
    n_rows, n_parameters = problem.moments.n_rows, problem.n_active + int(fit_intercept)
    if n_rows >= ROWS_EACH * n_parameters:
        return
    told = {"n_rows": n_rows, "n_parameters": n_parameters, "each": ROWS_EACH}
    if n_rows < n_parameters:
        yield change("advice.fewer_rows", np.inf, told, penalty="l2")
    else:
        yield change("advice.few_rows", 1.0, told, penalty="l2")


def name_rows(rows: Sequence[int], origin: int) -> Finding:
    """Rows by their numbers, and what is counted from."""
    return Finding.of("diagnosis.rows_named", count=len(rows), rows=", ".join(map(str, rows)), origin=origin)


def about_cells(cells: Cells) -> Iterator[Advice]:
    """Values of features that are no measurements."""
    for far in (*cells.codes, *cells.slips):
        named = name_rows(far.rows, cells.origin) if far.rows else Finding("diagnosis.rows_unknown")
        told = {**far._asdict(), "count": far.times, "n_rows": cells.n_looked_at, "rows": named}
        again = far.times > 1
        # A squared loss bends to the first, and may bend to the second.
        yield Advice(Finding("advice.code" if again else "advice.slip", told), np.inf if again else SLIP)


def about_outliers(outliers: Outliers) -> Iterator[Advice]:
    """Rows that pull."""
    if outliers.count <= max(1.0, USUAL * outliers.n_looked_at):
        return
    told = {
        "count": outliers.count,
        "n_rows": outliers.n_looked_at,
        "beyond": 3 * outliers.delta,
        "rows": name_rows(outliers.rows[:5], outliers.origin),
        "farthest": outliers.farthest,
    }
    code = "advice.outliers_in_rows" if outliers.rows else "advice.outliers"
    yield change(code, outliers.farthest / 4.0, told, loss="huber", delta=outliers.delta)
