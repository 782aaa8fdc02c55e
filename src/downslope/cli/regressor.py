"""The estimator, told the names of its columns by a table on disk instead of a data frame."""

import numpy as np
from numpy.typing import NDArray

from downslope.estimators import GradientDescentRegressor, SGDRegressor

__all__ = ["TableRegressor", "predictions"]


class TableRegressor(GradientDescentRegressor):
    """`GradientDescentRegressor` on an array whose columns have names.

    scikit-learn takes names from data frames only, and the command must not need pandas to speak of a column by
    its name.
    """

    column_names: tuple[str, ...]


def predictions(model: GradientDescentRegressor | SGDRegressor, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """ŷ for an array whose columns are known to be those of the model; `predict` would ask for their names."""
    return np.asarray(X @ model.coef_ + model.intercept_)
