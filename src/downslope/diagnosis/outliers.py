"""Rows that a squared loss would follow and a robust one would not."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from downslope.diagnosis.cells import RowNumbers
from downslope.estimators import GradientDescentRegressor
from downslope.exceptions import DownslopeWarning
from downslope.statistics.sample import Sample

__all__ = ["Outliers", "find_outliers"]

# All rows up to so many, and so many of more, are looked at.
SAMPLE = 20_000
# Of normal errors 18 % lie beyond the bend of Huber's loss, where it is 95 % as efficient as squares, and 1 in 20,000
# beyond three times that (Huber and Ronchetti, "Robust Statistics", 2009).
BEND = 1.345
FAR = 3.0
MOST_ROWS = 10
EPOCHS = 1000
COUNTED = RowNumbers()


@dataclass(frozen=True)
class Outliers:
    """Residuals from a fit of least absolute deviations, in units of their robust spread.

    Attributes
    ----------
    n_looked_at, n_rows : int
        Rows that were looked at, drawn evenly from all.
    scale : float
        1.4826 × the median absolute residual: σ, if errors are normal; in units of y.
    delta : float
        1.345 σ: the bend of a Huber loss for these rows, in units of y.
        0 where a fit goes through most rows, or could: nothing can be told then.
    n_clipped : int
        Rows beyond it: what Huber's loss gives a bounded pull.
    count : int
        Rows beyond three times that: outliers.
    rows : tuple of int
        The farthest of them, where all rows were looked at.
    farthest : float
        The largest residual, in units of `scale`.
    """

    n_looked_at: int
    n_rows: int
    scale: float
    delta: float
    n_clipped: int
    count: int
    rows: tuple[int, ...]
    farthest: float
    origin: int = 0
    """What rows are counted from."""

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        told = {key: value for key, value in self.__dict__.items() if key != "origin"}
        return {**told, "rows": list(self.rows), "rows_counted_from": self.origin}


def find_outliers(rows: Sample, *, fit_intercept: bool, numbers: RowNumbers = COUNTED) -> Outliers:
    """Fit a sample by least absolute deviations and look at what is left."""
    # A row of weight 0 is no row.
    n_looked_at = int(np.count_nonzero(rows.weight > 0))
    nothing = Outliers(n_looked_at, rows.n_rows, 0.0, 0.0, 0, 0, (), 0.0, numbers.origin)
    if rows.y.size <= rows.X.shape[1] + int(fit_intercept):
        # A fit may go through all of them.
        return nothing
    model = GradientDescentRegressor(
        loss="absolute_error", method="nesterov", fit_intercept=fit_intercept, max_iter=EPOCHS, tol=None
    )
    weight = None if np.all(rows.weight == 1.0) or not rows.weight.sum() > 0 else rows.weight
    with warnings.catch_warnings():
        # What is wrong with the columns is said elsewhere.
        warnings.simplefilter("ignore", DownslopeWarning)
        model.fit(rows.X, rows.y, weight)
    residual = np.where(rows.weight > 0, np.abs(rows.y - model.predict(rows.X)), 0.0)
    counted = residual if weight is None else residual[weight > 0]
    scale = 1.4826 * float(np.median(counted))
    # A fit that goes through most rows leaves rounding: nothing can be told from it.
    if scale <= 1e-9 * float(np.std(rows.y)):
        return nothing
    delta = BEND * scale
    far = np.flatnonzero(residual > FAR * delta)
    order = far[np.argsort(-residual[far], kind="stable")][:MOST_ROWS]
    named = numbers.of(order) if rows.whole else ()
    n_clipped = int(np.count_nonzero(residual > delta))
    farthest = float(residual.max() / scale)
    return Outliers(n_looked_at, rows.n_rows, scale, delta, n_clipped, int(far.size), named, farthest, numbers.origin)
