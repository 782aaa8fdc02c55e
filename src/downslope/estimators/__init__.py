"""Estimators under scikit-learn's contract: validate, choose, call, store."""

from downslope.estimators.gradient_descent import GradientDescentRegressor
from downslope.estimators.sgd import SGDRegressor

__all__ = ["GradientDescentRegressor", "SGDRegressor"]
