"""Advice in order of effect: sentences whose every number a fit confirms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from downslope.diagnosis.bowl import HORIZON, N_USUAL, Bowl, Prospect
from downslope.diagnosis.columns import Columns, condition_without
from downslope.diagnosis.outliers import Outliers
from downslope.fitting.explanation import name_list
from downslope.statistics.least_squares import LeastSquares

__all__ = ["Advice", "advise", "format_epochs"]

# A change that saves less than this factor of epochs is not worth a sentence.
WORTH = 1.2
# Rules of thumb ask for 10 rows or more for each coefficient (Harrell, "Regression Modeling Strategies", 2015).
ROWS_EACH = 10
# Fewer outliers than this are left in peace: one in 20,000 is normal.
USUAL = 1 / 20_000
# What SHARES are called.
WORDS = ("1 %", "0.01 %", "one millionth")


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes
    ----------
    text : str
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

    text: str
    effect: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()

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


def format_epochs(epochs: int | None) -> str:
    """A number of epochs."""
    return "more than 10⁹" if epochs is None else f"{epochs:,}"


def speedup(before: int | None, after: int | None) -> float:
    """By what the epochs fall; 1 where neither is known."""
    if after is None:
        return 1.0 if before is None else 0.0
    return np.inf if before is None else before / max(after, 1)


def largest_speedup(before: Prospect, after: Prospect) -> tuple[float, str]:
    """The largest factor by which epochs fall, over the shares of the excess, and the words for it."""
    saved = [speedup(*pair) for pair in zip(before.epochs, after.epochs, strict=True)]
    # An infinite factor has no number to show: one that has is said first.
    shown = [value if np.isfinite(value) else -1.0 for value in saved]
    k = int(np.argmax(shown)) if max(shown) > WORTH else int(np.argmax(saved))
    words = f"epochs to {WORDS[k]} fall from {format_epochs(before.epochs[k])} to {format_epochs(after.epochs[k])}"
    return saved[k], words


def advise(
    raw: Bowl,
    standardised: Bowl,
    columns: Columns,
    outliers: Outliers,
    problem: LeastSquares,
    names: Sequence[str],
    *,
    fit_intercept: bool,
) -> tuple[Advice, ...]:
    """All that is worth saying, the largest effect first."""
    found = [
        *about_the_rate(raw, standardised),
        *about_scaling(raw, standardised),
        *about_speed(standardised),
        *about_columns(columns, problem, names, standardised, fit_intercept=fit_intercept),
        *about_rows(problem, outliers, fit_intercept=fit_intercept),
    ]
    return tuple(sorted(found, key=lambda advice: -advice.effect))


def format_arguments(known: Prospect) -> str:
    """A method with its numbers, as they are given to the estimator."""
    momentum = "" if known.momentum is None else f", momentum={known.momentum:.6g}"
    return f"method='{known.method}', learning_rate={known.learning_rate:.6g}{momentum}"


def parameters_of(known: Prospect, *, standardize: bool) -> dict[str, Any]:
    momentum = {} if known.momentum is None else {"momentum": known.momentum}
    return {"method": known.method, "learning_rate": known.learning_rate, "standardize": standardize, **momentum}


def about_the_rate(raw: Bowl, standardised: Bowl) -> Iterator[Advice]:
    """A rate that was given and does not settle, or crawls."""
    for bowl, where in ((raw, "in raw columns"), (standardised, "in standardised columns")):
        given, plain = bowl.asked, bowl.plain
        if given is None:
            continue
        limit = {
            "gd": bowl.largest_stable,
            "momentum": bowl.largest_stable_momentum,
            "nesterov": bowl.largest_stable_nesterov,
        }[given.method]
        parameters = {"standardize": bowl.standardize, "method": "gd", "learning_rate": plain.learning_rate}
        if not given.stable:
            yield Advice(
                f"Lower the learning rate {where}: {given.learning_rate:.6g} diverges, the largest stable is "
                f"{limit:.6g} ('{bowl.steepest[0].column}' dominates); plain steps of {plain.learning_rate:.6g} are at "
                f"1 % at epoch {format_epochs(plain.epochs[0])}.",
                np.inf,
                parameters,
            )
            continue
        saved, words = largest_speedup(given, plain)
        if saved > WORTH:
            yield Advice(
                f"Raise the learning rate {where}: {given.learning_rate:.6g} is {given.learning_rate / limit:.2g} of "
                f"the largest stable, {limit:.6g}; with plain steps of {plain.learning_rate:.6g} {words}.",
                saved,
                parameters,
            )


def about_scaling(raw: Bowl, standardised: Bowl) -> Iterator[Advice]:
    """What standardising does to the epochs."""
    saved, words = largest_speedup(raw.plain, standardised.plain)
    if saved > WORTH:
        yield Advice(
            f"Standardise, which is the default: {words}, and the condition number from "
            f"{raw.condition:.3g} to {standardised.condition:.3g}.",
            saved,
            {"standardize": True},
        )
        return
    saved, words = largest_speedup(standardised.plain, raw.plain)
    if saved > WORTH:
        yield Advice(f"Do not standardise here (standardize=False): {words}.", saved, {"standardize": False})


def about_speed(bowl: Bowl) -> Iterator[Advice]:
    """What a better rate, and momentum, do to the epochs in standardised columns."""
    plain, others = bowl.plain, bowl.prospects[1 - N_USUAL :]
    best = min(others, key=lambda known: HORIZON if known.epochs[-1] is None else known.epochs[-1])
    saved = speedup(plain.epochs[-1], best.epochs[-1])
    if saved > WORTH:
        yield Advice(
            f"To go on to the last digits, take {format_arguments(best)}: epochs to one millionth fall from "
            f"{format_epochs(plain.epochs[-1])} to {format_epochs(best.epochs[-1])}.",
            # Epochs to a precision that few ask for come after those to 1 %.
            float(np.sqrt(saved)),
            parameters_of(best, standardize=bowl.standardize),
        )


def about_columns(
    columns: Columns, problem: LeastSquares, names: Sequence[str], bowl: Bowl, *, fit_intercept: bool
) -> Iterator[Advice]:
    """Columns to leave out."""
    if columns.constant and fit_intercept:
        yield Advice(
            f"Leave out {name_list(list(columns.constant))}: constant columns cannot be told apart from the intercept.",
            np.inf,
            without=columns.constant,
        )
    for first, second in columns.duplicates:
        yield Advice(
            f"Leave out '{second}': it is '{first}' again but for shift and scale, and their coefficients are not "
            "unique.",
            np.inf,
            without=(second,),
        )
    for group in columns.collinear:
        out = group.columns[0]
        gone = [names.index(name) for _, name in columns.duplicates] + [names.index(out)]
        after = condition_without(problem, gone)
        yield Advice(
            f"Look at {name_list(list(group.columns))}: they are nearly collinear (condition index "
            f"{group.condition_index:.3g}); without '{out}' the condition number of standardised columns falls from "
            f"{bowl.condition:.3g} to {after:.3g}.",
            float(np.sqrt(bowl.condition / after)),
            without=tuple(names[j] for j in gone),
        )


def about_rows(problem: LeastSquares, outliers: Outliers, *, fit_intercept: bool) -> Iterator[Advice]:
    """Too few rows, and rows that pull."""
    n_rows, n_parameters = problem.moments.n_rows, problem.n_active + int(fit_intercept)
    if n_rows < ROWS_EACH * n_parameters:
        few = n_rows < n_parameters
        yield Advice(
            f"{n_rows} rows are {'not enough to determine' if few else 'few for'} {n_parameters} parameters "
            f"({ROWS_EACH} for each are usual): add rows, or penalty='l2'.",
            np.inf if few else 1.0,
            {"penalty": "l2"},
        )
    if outliers.count > max(1.0, USUAL * outliers.n_looked_at):
        numbers = ", ".join(map(str, outliers.rows[:5]))
        where = f", first of all {numbers} (counted from 0)" if outliers.rows else ""
        yield Advice(
            f"Bound the pull of outliers with loss='huber', delta={outliers.delta:.4g}: {outliers.count} of "
            f"{outliers.n_looked_at:,} rows looked at lie beyond {3 * outliers.delta:.4g}, three times that{where}; "
            f"the farthest is {outliers.farthest:.3g} robust σ away.",
            outliers.farthest / 4.0,
            {"loss": "huber", "delta": outliers.delta},
        )
