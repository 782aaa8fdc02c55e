"""SGDRegressor against scikit-learn's: the same parameters, the same numbers, five shuffled passes."""

import warnings
from math import exp, log
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.linear_model import SGDRegressor as Theirs

from benchmarks.rows import Scale
from benchmarks.table import Line
from benchmarks.timing import Ratio, Timing, interleave, timed
from downslope import SGDRegressor

__all__ = ["sgd_lines"]

PASSES = 5
SHAPES = ((1_000_000, 3), (1_000_000, 20), (200_000, 100), (50_000, 1000))
SPARSE = (100_000, 100_000, 50)


def dense(n_rows: int, n_columns: int, dtype: str) -> tuple[Any, Any]:
    """Columns uniform in (0, 1), y a sum of them with noise."""
    random = np.random.default_rng(0)
    X = random.random((n_rows, n_columns), dtype=np.dtype(dtype).type)
    y = X @ random.normal(size=n_columns) + 0.1 * random.normal(size=n_rows)
    return X, y.astype(dtype)


def sparse(n_rows: int, n_columns: int, n_filled: int) -> tuple[Any, Any]:
    """A CSR matrix with so many numbers a row, at random places."""
    random = np.random.default_rng(0)
    columns = np.sort(random.integers(0, n_columns, (n_rows, n_filled)), axis=1).reshape(-1).astype(np.int32)
    begins = np.arange(0, n_rows * n_filled + 1, n_filled, dtype=np.int32)
    X = scipy.sparse.csr_array((random.normal(size=n_rows * n_filled), columns, begins), shape=(n_rows, n_columns))
    return X, X @ random.normal(size=n_columns) + 0.1 * random.normal(size=n_rows)


def compare(X: Any, y: Any, rounds: int) -> dict[str, Timing]:
    """The time of each, after a fit that loads what is needed; they must agree on the coefficients."""
    # A step on a longer row must be shorter.
    eta0 = 0.01 * min(1.0, 3.0 / X.shape[1]) if isinstance(X, np.ndarray) else 0.01
    models = {
        name: kind(max_iter=PASSES, tol=None, random_state=0, eta0=eta0)
        for name, kind in {"ours": SGDRegressor, "theirs": Theirs}.items()
    }
    seen = interleave({name: timed(lambda model=model: model.fit(X, y)) for name, model in models.items()}, rounds)
    ours, theirs = (np.append(model.coef_, model.intercept_) for model in models.values())
    within = 1e-9 if X.dtype == np.float64 else 1e-4
    if not np.abs(ours - theirs).max() <= within * np.abs(theirs).max():
        raise RuntimeError(f"the coefficients differ by {np.abs(ours - theirs).max()}")
    return seen


def sgd_lines(scale: Scale) -> list[Line]:
    """The lines of the table."""
    lines = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype in ("float64", "float32"):
            ratios = []
            for n_rows, n_columns in SHAPES:
                X, y = dense(n_rows // scale.sgd_part, n_columns, dtype)
                seen = compare(X, y, scale.sgd_rounds)
                ratios.append(seen["theirs"] / seen["ours"])
                title = f"sklearn SGDRegressor, {n_rows // scale.sgd_part:,} × {n_columns} {dtype}"
                lines.append(Line(title, ratios[-1], "× our time", at_least=4))
                del X, y
            mean = Ratio(*(exp(sum(map(log, column)) / len(ratios)) for column in zip(*map(pair, ratios), strict=True)))
            lines.append(Line(f"geometric mean of these, {dtype}", mean, "× our time", at_least=5))
        n_rows, n_columns, n_filled = SPARSE
        seen = compare(*sparse(n_rows // scale.sgd_part, n_columns, n_filled), scale.sgd_rounds)
        title = f"the same, CSR {n_rows // scale.sgd_part:,} × {n_columns:,}, {n_filled} a row"
        lines.append(Line(title, seen["theirs"] / seen["ours"], "× our time", at_least=2))
    return lines


def pair(ratio: Ratio) -> tuple[float, float]:
    return ratio.median, ratio.least
