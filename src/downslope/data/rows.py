"""The checks that rows in memory pass before anything is computed from them."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array

from downslope.exceptions import InputError, frames_to_user

__all__ = ["Rows", "check_rows", "check_target", "check_weights", "refuse_non_finite", "split_rows"]

Array = NDArray[np.float64]


class Rows(NamedTuple):
    """X (n, d), y (n,), and the weights (n,) or None."""

    X: Any
    y: Array
    weight: Array | None


def check_rows(X: Any, owner: str, *, least: int = 1) -> Any:
    """X as a float32 or float64 array or CSR matrix, of at least `least` rows and one column; not copied if it is one.

    Whether the numbers are finite is not looked at: the statistics show it without another read.
    """
    try:
        return check_array(
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            ensure_min_samples=least,
            estimator=owner,
            input_name="X",
        )
    except ValueError as error:
        raise InputError(refusal(str(error))) from error


def refusal(told: str) -> str:
    """scikit-learn's reason for refusing X as one sentence that says what to do."""
    first = told.splitlines()[0].rstrip(".:")
    if first.startswith("Expected 2D"):
        return (
            f"{first}: X must have rows and columns. Reshape your data with X.reshape(-1, 1) if it is one feature, "
            "X.reshape(1, -1) if it is one row"
        )
    if first.startswith("Complex data"):
        return f"{first}: X must hold real numbers"
    if first.startswith("Found array with"):
        return f"{first}: give more rows and columns"
    if "could not convert" in first:
        return (
            f"X holds text ({first}): encode it as numbers first, for example with sklearn.preprocessing.OneHotEncoder"
        )
    return f"{first}: X must hold one number for every row and column"


def check_target(y: Any, n_rows: int, *, single: bool = False) -> NDArray[Any]:
    """y as finite float64 numbers, one a row; float32 stays so where `single` allows it."""
    try:
        target = np.asarray(y.toarray() if scipy.sparse.issparse(y) else y)
        if np.iscomplexobj(target):
            raise InputError("Complex data not supported: y must hold real numbers")
        if not (single and target.dtype == np.float32):
            target = target.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"y cannot be read as numbers ({error}): encode it, one number a row") from error
    if target.ndim == 2 and target.shape[1] == 1:
        warnings.warn(
            f"A column-vector y was passed when a 1d array was expected: shape {target.shape} is read as "
            f"({target.shape[0]},)",
            DataConversionWarning,
            stacklevel=frames_to_user(),
        )
        target = target[:, 0]
    if target.ndim != 1:
        raise InputError(f"y should be a 1d array, got an array of shape {target.shape} instead: one number a row")
    if target.shape[0] != n_rows:
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: X has {n_rows} rows and y has "
            f"{target.shape[0]}; give one target a row"
        )
    bad = ~np.isfinite(target)
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(
            f"Input y contains NaN or infinity in {int(bad.sum())} of {n_rows} rows (the first is row {first}): "
            "drop those rows"
        )
    with np.errstate(over="ignore"):
        span = float(np.ptp(target))
    if 0 < span < 1e-152:
        raise InputError(f"the values of y span only {span:.1e} and their squares underflow: multiply y by a constant")
    return np.ascontiguousarray(target)


def check_weights(weight: Any, n_rows: int) -> Array | None:
    """The weights as finite float64 numbers that are not negative and not all zero, or None."""
    if weight is None:
        return None
    try:
        weights = np.asarray(weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight cannot be read as numbers ({error}): give one number a row") from error
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.ndim != 1:
        raise InputError(f"Sample weights must be 1D array or scalar, got {weights.ndim} dimensions: one number a row")
    if weights.shape[0] != n_rows:
        raise InputError(f"sample_weight has shape {weights.shape}, expected ({n_rows},): give one weight a row")
    if not np.all(np.isfinite(weights)):
        bad = int(np.count_nonzero(~np.isfinite(weights)))
        raise InputError(f"sample_weight contains NaN or infinity in {bad} of {n_rows} rows: give finite weights")
    if np.any(weights < 0):
        bad = int(np.count_nonzero(weights < 0))
        raise InputError(f"sample_weight is negative in {bad} of {n_rows} rows: weights must be 0 or more")
    if not weights.any():
        raise InputError("sample_weight is zero in all rows: at least one row needs a positive weight")
    return np.ascontiguousarray(weights)


def refuse_non_finite(X: Any, names: list[str]) -> None:
    """Raise `InputError`, naming the columns, where X holds NaN or infinity."""
    values = X.data if scipy.sparse.issparse(X) else X
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(values, dtype=np.float64)) or np.all(np.isfinite(values)):
            return
    if scipy.sparse.issparse(X):
        columns = X.tocsc()
        nan = np.array([np.isnan(part).sum() for part in np.split(columns.data, columns.indptr[1:-1])])
        infinite = np.array([np.isinf(part).sum() for part in np.split(columns.data, columns.indptr[1:-1])])
    else:
        nan, infinite = np.isnan(X).sum(axis=0), np.isinf(X).sum(axis=0)
    bad = np.flatnonzero(nan + infinite)
    told = [
        f"'{names[j]}' ("
        + " and ".join(f"{count} {kind}" for count, kind in ((nan[j], "NaN"), (infinite[j], "infinity")) if count)
        + ")"
        for j in bad[:5]
    ]
    more = f" and {bad.size - 5} more columns" if bad.size > 5 else ""
    raise InputError(
        f"Input X contains NaN or infinity in {', '.join(told)}{more}: drop those rows or fill the gaps first, for "
        "example with sklearn.impute.SimpleImputer"
    )


def split_rows(rows: Rows, fraction: float, rng: np.random.RandomState | None) -> tuple[Rows, Rows]:
    """The rows to train on and those to validate on: `fraction` of them, at random, or the last ones."""
    n_rows = rows.y.size
    n_held = max(1, round(fraction * n_rows))
    if n_rows - n_held < 2:
        raise InputError(
            f"early_stopping with validation_fraction={fraction} leaves {n_rows - n_held} of {n_rows} rows to train "
            "on, and at least 2 are needed: give more rows, or X_val and y_val"
        )
    order = np.arange(n_rows) if rng is None else rng.permutation(n_rows)
    kept, held = np.sort(order[:-n_held]), np.sort(order[-n_held:])

    def taken(chosen: NDArray[np.int64]) -> Rows:
        part = Rows(rows.X[chosen], rows.y[chosen], None if rows.weight is None else rows.weight[chosen])
        if part.weight is not None and not part.weight.any():
            raise InputError(
                "all weights are zero in the rows that early_stopping splits off or in the rest: give X_val and y_val"
            )
        return part

    return taken(kept), taken(held)
