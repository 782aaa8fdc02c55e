"""What is to be known of the columns themselves: constant, the same twice, nearly collinear, out of scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.statistics.least_squares import LeastSquares

__all__ = ["Collinear", "Columns", "condition_without", "describe_columns"]

Array = NDArray[np.float64]

# Condition indices above 30, and shares of the variance above a half: Belsley, Kuh and Welsch, "Regression
# Diagnostics" (1980), chapter 3.
HIGH_INDEX = 30.0
LARGE_SHARE = 0.5
# Correlations this near to 1 are the same column but for rounding.
SAME = 1e-10
# Columns this much smaller than the largest are the last ones to be learnt in raw coordinates.
SMALL = 1e-2


class Collinear(NamedTuple):
    """Columns that say nearly the same together.

    Attributes
    ----------
    columns : tuple of str
        The one that takes part most comes first.
    condition_index : float
        Of the direction that they share.
    """

    columns: tuple[str, ...]
    condition_index: float


@dataclass(frozen=True)
class Columns:
    """Attributes are names of columns.

    Attributes
    ----------
    constant : tuple of str
    duplicates : tuple of (str, str)
        Pairs that are the same but for shift and scale.
    collinear : tuple of Collinear
    dominated : tuple of str
        Columns whose root mean square is below a hundredth of the largest one.
    largest : str
        The column with the largest root mean square.
    """

    constant: tuple[str, ...]
    duplicates: tuple[tuple[str, str], ...]
    collinear: tuple[Collinear, ...]
    dominated: tuple[str, ...]
    largest: str

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {
            "constant": list(self.constant),
            "duplicates": [list(pair) for pair in self.duplicates],
            "collinear": [
                {"columns": list(group.columns), "condition_index": group.condition_index} for group in self.collinear
            ],
            "dominated": list(self.dominated),
            "largest": self.largest,
        }


def describe_columns(problem: LeastSquares, names: Sequence[str]) -> Columns:
    """Look at the statistics."""
    spread, used = problem.spread, problem.spread > 0
    size = np.hypot(problem.moments.mean, spread)
    largest = int(np.argmax(size))
    small = [names[j] for j in np.flatnonzero(used & (size < SMALL * size[largest])).tolist()]
    pairs = same_columns(problem.factor, used)
    # Of columns that are the same one is looked at: the others would hide what else there is.
    kept = used.copy()
    kept[[second for _, second in pairs]] = False
    return Columns(
        constant=tuple(names[j] for j in np.flatnonzero(~used).tolist()),
        duplicates=tuple((names[a], names[b]) for a, b in pairs),
        # Of fewer rows than columns all columns are combinations of others.
        collinear=collinear_groups(problem.factor, np.flatnonzero(kept), names)
        if problem.moments.n_rows > problem.n_active
        else (),
        dominated=tuple(small),
        largest=names[largest],
    )


def same_columns(factor: Array, used: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pairs of columns of unit length that are one but for their sign, each second one once."""
    correlation = np.abs(factor.T @ factor)
    pairs, taken = [], set[int]()
    for a, b in np.argwhere(np.triu(correlation > 1.0 - SAME, 1)).tolist():
        if used[a] and used[b] and a not in taken and b not in taken:
            pairs.append((a, b))
            taken.add(b)
    return pairs


def collinear_groups(factor: Array, kept: NDArray[np.int64], names: Sequence[str]) -> tuple[Collinear, ...]:
    """The directions with a high condition index, and the columns of which they make up most of the variance."""
    if kept.size < 2:
        return ()
    _, singular, rows = np.linalg.svd(factor[:, kept])
    floor = singular[0] * np.finfo(float).eps
    index = singular[0] / np.maximum(singular, floor)
    parts = (rows / np.maximum(singular, floor)[:, None]) ** 2
    parts /= parts.sum(axis=0)
    groups = []
    for k in np.flatnonzero(index > HIGH_INDEX)[::-1]:
        members = np.flatnonzero(parts[k] > LARGE_SHARE)
        if members.size > 1:
            order = members[np.argsort(-np.abs(rows[k, members]), kind="stable")]
            groups.append(Collinear(tuple(names[kept[j]] for j in order), float(index[k])))
    return tuple(groups)


def condition_without(problem: LeastSquares, left_out: Sequence[int]) -> float:
    """λ_max/λ_min of standardised columns, the intercept's direction included, when these are left out."""
    kept = problem.spread > 0
    kept[list(left_out)] = False
    singular = np.append(np.linalg.svd(problem.factor[:, kept], compute_uv=False), 1.0)
    smallest = singular.min()
    return float((singular.max() / smallest) ** 2) if smallest > 1e-12 * singular.max() else np.inf
