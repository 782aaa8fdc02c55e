"""Rows as estimators are given them: read, checked, and held against the columns of an earlier fit."""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from downslope.data.frames import to_array, to_vector, whole_columns
from downslope.data.integers import find_rounded
from downslope.data.labels import refuse_misplaced_labels
from downslope.data.meaning import read_numbers
from downslope.data.rows import Rows, check_rows, check_target, check_weights, refuse_non_finite
from downslope.data.source import Schema
from downslope.exceptions import DownslopeWarning, InputError, frames_to_user
from downslope.texts import Finding

__all__ = ["Given", "read_columns", "read_rows", "refuse_other_columns", "remember_columns", "rows_to_predict"]

Names = tuple[str, ...] | None


class Given(NamedTuple):
    """Rows as they were given, checked.

    Attributes
    ----------
    rows : Rows
    names : tuple of str or None
        Those of the columns.
    rounding : float
        See `Schema`.
    """

    rows: Rows
    names: Names
    rounding: float


def read_columns(estimator: Any, X: Any, *, least: int = 1) -> tuple[Any, Names, float]:
    """X as a float array or CSR matrix of at least `least` rows, the names of its columns, and how far it was rounded.

    Raises
    ------
    InputError
        Where the numbers cannot be used, in a sentence that names the estimator.
    """
    array, names = to_array(X)
    twice = [name for name in names or () if (names or ()).count(name) > 1]
    if twice:
        raise InputError(Finding.of("reading.same_name", count=len(twice), name=twice[0]))
    found = check_rows(array, type(estimator).__name__, least=least)
    return found, names, warn_of_rounding(X, "X")


def read_rows(
    estimator: Any,
    X: Any,
    y: Any,
    weight: ArrayLike | None,
    *,
    least: int = 1,
    single: bool = False,
    weightless: bool = True,
    whole: bool = True,
) -> Given:
    """The rows as arrays, and what is known of the columns; refused with a sentence where they cannot be used.

    A target of single precision stays so where `single` allows it. Rows without weight are looked at where
    `weightless` says so. `whole` says that there will be no other rows.
    """
    if y is None:
        raise InputError(Finding.of("reading.no_target", estimator=type(estimator).__name__))
    array, names, rounding = read_columns(estimator, X, least=least)
    n_rows = array.shape[0]
    refuse_misplaced_labels(X, y, weight)
    # The target is complained of first.
    weights, refused = None, None
    try:
        weights = check_weights(weight, n_rows)
    except InputError as error:
        refused = error
    counted = None if weights is None or weightless else weights != 0
    target = check_target(to_vector(y), n_rows, single=single, counted=counted, whole=whole)
    if refused is not None:
        raise refused
    return Given(Rows(array, target, weights), names, max(rounding, warn_of_rounding(y, "y")))


def warn_of_rounding(values: Any, argument: str) -> float:
    """Warn of integers that float64 cannot hold; how far they were moved, in standard deviations of their column."""
    whole = whole_columns(read_numbers(values, argument) if isinstance(values, list | tuple) else values)
    found = {name: rounded for name, cells in whole if (rounded := find_rounded(cells)) is not None}
    if not found:
        return 0.0
    count, first = sum(rounded.n_rounded for rounded in found.values()), next(iter(found.values())).first
    numbers = {"count": count, "columns": list(found), "n_columns": len(found), "first": str(first)}
    numbers["rounded"] = str(int(float(first)))
    code = "reading.rounded_columns" if argument == "X" else "reading.rounded_target"
    warnings.warn(DownslopeWarning(Finding(code, numbers)), stacklevel=frames_to_user())
    return max(rounded.share for rounded in found.values())


def remember_columns(estimator: Any, n_features: int, columns: Names) -> None:
    """Set the attributes that tell which columns an estimator was fitted on."""
    estimator.n_features_in_ = n_features
    if columns is not None:
        estimator.feature_names_in_ = np.array(columns, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_


def refuse_other_columns(estimator: Any, n_features: int, columns: Names) -> None:
    """Raise `InputError` for a block whose columns are not those of the blocks before."""
    name, expected = type(estimator).__name__, estimator.n_features_in_
    if n_features != expected:
        raise InputError(Finding.of("reading.other_count", n_features=n_features, estimator=name, expected=expected))
    before = tuple(getattr(estimator, "feature_names_in_", ()))
    if columns and before and columns != before:
        raise InputError(Finding.of("reading.other_columns", before=list(before), got=list(columns)))


def rows_to_predict(estimator: Any, X: Any) -> NDArray[Any] | Any:
    """X as `estimator`, which must be fitted, can multiply it."""
    check_is_fitted(estimator)
    array, *_ = read_columns(estimator, X)
    try:
        validate_data(estimator, X if hasattr(X, "shape") else array, reset=False, skip_check_array=True)
    except ValueError as error:
        # scikit-learn's own words, which its tools look for.
        raise InputError(Finding.of("reading.refused", told=str(error))) from error
    names = getattr(estimator, "feature_names_in_", None)
    refuse_non_finite(array, Schema(estimator.n_features_in_, None if names is None else tuple(names)).spoken_names)
    return array
