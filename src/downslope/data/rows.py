"""The checks that rows in memory pass before anything is computed from them."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array

from downslope.data.frames import to_vector
from downslope.data.meaning import read_numbers
from downslope.exceptions import InputError, frames_to_user
from downslope.texts import Finding, Remedy
from downslope.texts.parts import enumerate_parts

__all__ = ["Rows", "check_rows", "check_target", "check_weights", "refuse_non_finite", "split_rows"]

Array = NDArray[np.float64]


# The square root of the smallest normal number, with room for means of squares.
SMALLEST = 1e-152


class Rows(NamedTuple):
    """X (n, d), y (n,), and the weights (n,) or None."""

    X: Any
    y: Array
    weight: Array | None


def check_rows(X: Any, owner: str, *, least: int = 1) -> Any:
    """X as a float32 or float64 array or CSR matrix, of at least `least` rows and one column; not copied if it is one.

    Whether the numbers are finite is not looked at: the statistics show it without another read.
    """
    X = read_numbers(X, "X")
    try:
        with np.errstate(all="ignore"):
            return check_array(
                X,
                accept_sparse="csr",
                dtype=[np.float64, np.float32],
                ensure_all_finite=False,
                ensure_min_samples=least,
                estimator=owner,
                input_name="X",
            )
    except (OverflowError, ValueError) as error:
        raise InputError(refusal(str(error))) from error


# scikit-learn's reasons for refusing X, by a part of its words.
REFUSALS = {
    "Expected 2D": "rows.not_2d",
    "Complex data": "rows.complex_features",
    "Found array with": "rows.too_few",
    "could not convert": "rows.text",
}


def refusal(told: str) -> Finding:
    """scikit-learn's reason for refusing X, with what to do."""
    first = told.splitlines()[0].rstrip(".:")
    code = next((code for words, code in REFUSALS.items() if words in first), "rows.not_numbers")
    return Finding.of(code, told=first)


def check_target(
    y: Any, n_rows: int, *, single: bool = False, counted: Any = None, whole: bool = False
) -> NDArray[Any]:
    """y as finite float64 numbers, one a row; float32 stays so where `single` allows it.

    Rows for which the mask `counted` (n,) is false are none: what stands there is not looked at. Where these are the
    `whole` of the rows, they must not all be one number too small to be squared.
    """
    y = read_numbers(y.toarray() if scipy.sparse.issparse(y) else y, "y")
    try:
        with np.errstate(all="ignore"):
            target = np.asarray(y)
            if np.iscomplexobj(target):
                raise InputError(Finding.of("rows.complex_target"))
            if not (single and target.dtype == np.float32):
                target = target.astype(np.float64, copy=False)
    except (OverflowError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(Finding.of("rows.target_unreadable", cause=str(error))) from error
    if target.ndim == 2 and target.shape[1] == 1:
        found = Finding.of("rows.column_vector", shape=target.shape, n_rows=target.shape[0])
        warnings.warn(DataConversionWarning(str(found)), stacklevel=frames_to_user())
        target = target[:, 0]
    if target.ndim != 1:
        raise InputError(Finding.of("rows.target_shape", shape=target.shape))
    if target.shape[0] != n_rows:
        raise InputError(Finding.of("rows.target_length", n_rows=n_rows, n_targets=target.shape[0]))
    bad = ~np.isfinite(target)
    if counted is not None:
        bad &= counted
    if bad.any():
        first = int(np.argmax(bad))
        raise InputError(Finding.of("rows.target_not_finite", bad=int(bad.sum()), n_rows=n_rows, first=first))
    refuse_small(target if counted is None else target[counted], whole=whole)
    return np.ascontiguousarray(target)


def refuse_small(target: NDArray[Any], *, whole: bool) -> None:
    """Raise `InputError` for targets whose squares are lost: those that differ by too little, or are too near to 0."""
    with np.errstate(over="ignore"):
        span = float(np.ptp(target))
    if 0 < span < SMALLEST:
        raise InputError(Finding.of("rows.target_underflow", span=span))
    size = float(abs(target[0]))
    if whole and span == 0 and 0 < size < SMALLEST:
        raise InputError(Finding.of("rows.target_tiny", size=size))


def check_weights(weight: Any, n_rows: int) -> Array | None:
    """The weights as finite float64 numbers that are not negative and not all zero, or None."""
    if weight is None:
        return None
    weight = read_numbers(to_vector(weight, "sample_weight"), "sample_weight")
    try:
        with np.errstate(all="ignore"):
            weights = np.asarray(weight, dtype=np.float64)
    except (OverflowError, TypeError, ValueError) as error:
        raise InputError(Finding.of("rows.weights_unreadable", cause=str(error))) from error
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.ndim != 1:
        raise InputError(Finding.of("rows.weights_shape", dimensions=weights.ndim))
    if weights.shape[0] != n_rows:
        raise InputError(Finding.of("rows.weights_length", shape=weights.shape, n_rows=n_rows))
    if not np.all(np.isfinite(weights)):
        bad = int(np.count_nonzero(~np.isfinite(weights)))
        raise InputError(Finding.of("rows.weights_not_finite", bad=bad, n_rows=n_rows))
    if np.any(weights < 0):
        bad = int(np.count_nonzero(weights < 0))
        raise InputError(Finding.of("rows.negative_weights", bad=bad, n_rows=n_rows))
    if not weights.any():
        raise InputError(Finding.of("rows.no_weight"))
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
    columns = enumerate_parts([bad_column(names[j], nan[j], infinite[j]) for j in bad], 5, "list.more_columns")
    raise InputError(Finding.of("rows.not_finite", columns=columns))


def bad_column(name: str, nan: int, infinite: int) -> Finding:
    """A column and how many of its values are no numbers."""
    code = "rows.nan_and_infinity" if nan and infinite else "rows.nan" if nan else "rows.infinity"
    return Finding.of(code, name=name, nan=int(nan), infinite=int(infinite))


def split_rows(rows: Rows, fraction: float, rng: np.random.RandomState | None) -> tuple[Rows, Rows]:
    """The rows to train on and those to validate on: `fraction` of them, at random, or the last ones."""
    n_rows = rows.y.size
    n_held = max(1, round(fraction * n_rows))
    if n_rows - n_held < 2:
        asked = Remedy("validation_fraction", fraction)
        raise InputError(Finding.of("rows.split_too_few", asked, left=n_rows - n_held, n_rows=n_rows))
    order = np.arange(n_rows) if rng is None else rng.permutation(n_rows)
    kept, held = np.sort(order[:-n_held]), np.sort(order[-n_held:])

    def take(chosen: NDArray[np.int64]) -> Rows:
        part = Rows(rows.X[chosen], rows.y[chosen], None if rows.weight is None else rows.weight[chosen])
        if part.weight is not None and not part.weight.any():
            raise InputError(Finding.of("rows.split_no_weight"))
        return part

    return take(kept), take(held)
