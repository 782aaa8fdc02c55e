"""What a fit is held against: ordinary least squares on the same rows, and predictions for rows that are not."""

import numpy as np
from numpy.typing import NDArray

from downslope.cli.rows import Part
from downslope.cli.streamed import StreamedPart
from downslope.descent.settings import Settings
from downslope.estimators import GradientDescentRegressor, SGDRegressor
from downslope.estimators.sources import opened
from downslope.fitting.optimum import Optimum
from downslope.fitting.preparing import prepare
from downslope.objective.losses import make_loss
from downslope.objective.penalties import make_penalty
from downslope.steps.rules import make_step_rule

__all__ = ["least_squares", "predict_array"]

Array = NDArray[np.float64]


def least_squares(rows: Part | StreamedPart, *, fit_intercept: bool) -> Optimum | None:
    """Ordinary least squares; None where there are too many columns for its statistics."""
    source = rows.source()
    loss, penalty = make_loss("squared_error"), make_penalty(None, 0.0, 0.0, source.schema.n_features)
    with opened(source):
        return prepare(source, Settings(loss, penalty, make_step_rule("gd"), fit_intercept=fit_intercept)).optimum


def predict_array(model: GradientDescentRegressor | SGDRegressor, X: Array) -> Array:
    """ŷ for an array whose columns are known to be those of the model; `predict` would ask for their names."""
    return np.asarray(X @ model.coef_ + model.intercept_)
