"""The error of a model on rows that it is not fitted on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.fitting.problem import Problem
from downslope.objective.losses import SquaredError
from downslope.objective.penalties import Penalty
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.moments import gather, gather_columns
from downslope.statistics.quadratic import Quadratic
from downslope.statistics.triangle import triangulate

__all__ = ["validation_error", "validation_quadratic"]

Array = NDArray[np.float64]


def validation_error(problem: Problem, source: Source) -> tuple[Callable[[Array], float], Quadratic | None]:
    """The mean squared error of parameters on other rows; as a quadratic too where statistics are affordable."""
    quadratic = None
    if problem.least_squares is not None and (problem.engine != "data" or problem.settings.squared):
        quadratic = validation_quadratic(source, problem.coordinates)
    if problem.engine != "data" and quadratic is not None:
        return lambda parameters: 2.0 * quadratic.value(parameters), quadratic
    rows = replace(
        problem.rows_objective(SquaredError()),
        source=source,
        weight=gather_columns(source).weight,
        penalty=Penalty(0.0, 0.0, source.schema.n_features),
        smoothing=False,
        smooth=None,
    )
    return lambda parameters: rows.value_and_gradient(parameters).mse, quadratic


def validation_quadratic(source: Source, coordinates: Coordinates) -> Quadratic:
    """½ mse on other rows; by an orthogonal factor, since few rows may make a singular problem."""
    moments = gather(source)
    d = coordinates.n_features
    triangle = triangulate(source, moments.mean, coordinates.inverse_scale, moments.y_mean, 1.0)
    triangle /= np.sqrt(moments.weight)
    factor = np.zeros((d + 2, coordinates.n_parameters))
    factor[: d + 1, :d] = triangle[:, :d]
    factor[d + 1, :d] = (moments.mean - coordinates.shift) * coordinates.inverse_scale
    if coordinates.fit_intercept:
        factor[d + 1, d] = 1.0
    return Quadratic(factor, np.append(triangle[:, d], moments.y_mean), 0.0)
