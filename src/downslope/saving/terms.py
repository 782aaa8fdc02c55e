"""A linear model as a sum of terms, one for each column of the table of its fit: what exports are made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from sklearn.utils.validation import check_is_fitted

from downslope.data.tables.encoding import Encoding

__all__ = ["Category", "Number", "Term", "terms_of"]


class Number(NamedTuple):
    """coefficient · column.

    Attributes
    ----------
    column : str
    coefficient : float
    fill : float or None
        What stands for a missing value; None where such a row has no prediction.
    """

    column: str
    coefficient: float
    fill: float | None


class Category(NamedTuple):
    """A number for each level of a column.

    Attributes
    ----------
    column : str
    levels : tuple of str
    values : tuple of float
        What each level adds, 0 for the first one.
    fill : float or None
        What a missing value adds; None where such a row has no prediction.
    """

    column: str
    levels: tuple[str, ...]
    values: tuple[float, ...]
    fill: float | None


Term = Number | Category


def terms_of(model: Any) -> tuple[float, list[Term]]:
    """The intercept and the terms of a fitted model, in the order of its columns."""
    check_is_fitted(model)
    coef = model.coef_.toarray() if scipy.sparse.issparse(model.coef_) else np.asarray(model.coef_)
    intercept, weights = float(np.reshape(model.intercept_, -1)[0]), coef.astype(np.float64).reshape(-1).tolist()
    stored = getattr(model, "table_", None)
    if stored is None:
        names = getattr(model, "feature_names_in_", [f"x{j}" for j in range(len(weights))])
        return intercept, [Number(str(name), weight, None) for name, weight in zip(names, weights, strict=True)]
    encoding = Encoding.from_dict(stored)
    return intercept, encoded_terms(encoding, weights)


def encoded_terms(encoding: Encoding, weights: Sequence[float]) -> list[Term]:
    """The terms of the columns of a table."""
    terms: list[Term] = []
    place, filled = 0, encoding.missing == "mean"
    for column in encoding.columns:
        levels = encoding.levels.get(column)
        n_own = 1 if levels is None else len(levels) - 1
        own, means = weights[place : place + n_own], encoding.means[place : place + n_own]
        place += n_own
        if levels is None:
            terms.append(Number(column, own[0], means[0] if filled else None))
            continue
        # A gap in a category is filled as each of its columns is, with their means.
        fill = float(np.dot(own, means)) if filled else None
        terms.append(Category(column, levels, (0.0, *own), fill))
    return terms
