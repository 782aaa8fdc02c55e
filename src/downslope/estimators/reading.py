"""Rows as estimators are given them: read, checked, and held against the columns of an earlier fit."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from downslope.data.frames import to_array, to_vector
from downslope.data.rows import Rows, check_rows, check_target, check_weights, refuse_non_finite
from downslope.data.source import Schema
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["read_columns", "read_rows", "refuse_other_columns", "remember_columns", "rows_to_predict"]

Names = tuple[str, ...] | None


def read_columns(estimator: Any, X: Any, *, least: int = 1) -> tuple[Any, Names]:
    """X as a float array or CSR matrix of at least `least` rows, and the names of its columns.

    Raises
    ------
    InputError
        Where the numbers cannot be used, in a sentence that names the estimator.
    """
    array, names = to_array(X)
    twice = [name for name in names or () if (names or ()).count(name) > 1]
    if twice:
        raise InputError(Finding.of("reading.same_name", count=len(twice), name=twice[0]))
    return check_rows(array, type(estimator).__name__, least=least), names


def read_rows(
    estimator: Any, X: Any, y: Any, weight: ArrayLike | None, *, least: int = 1, single: bool = False
) -> tuple[Rows, Names]:
    """The rows as arrays, and the names of the columns; refused with a sentence where they cannot be used.

    A target of single precision stays so where `single` allows it.
    """
    if y is None:
        raise InputError(Finding.of("reading.no_target", estimator=type(estimator).__name__))
    array, names = read_columns(estimator, X, least=least)
    target = check_target(to_vector(y), array.shape[0], single=single)
    return Rows(array, target, check_weights(weight, array.shape[0])), names


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
    array, _ = read_columns(estimator, X)
    validate_data(estimator, X if hasattr(X, "shape") else array, reset=False, skip_check_array=True)
    names = getattr(estimator, "feature_names_in_", None)
    refuse_non_finite(array, Schema(estimator.n_features_in_, None if names is None else tuple(names)).spoken_names)
    return array
