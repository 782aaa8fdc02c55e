"""The minimum of least squares with a ridge, or without an intercept, corrected by the residuals of the rows.

What moments of columns say of it is off by their rounding, which no later step sees: the rows do.
"""

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.statistics.coordinates import Coordinates, spread_of
from downslope.statistics.least_squares import EPS, SMALL_ENOUGH_TO_EXTEND, rounds_for
from downslope.statistics.moments import LARGEST_OFFSET, Moments
from downslope.statistics.quadratic import Minimum, Quadratic, unit_columns
from downslope.statistics.residuals import measure_residuals

__all__ = ["correct"]

Array = NDArray[np.float64]

WIDE_EPS = float(np.finfo(np.longdouble).eps)


def correct(
    source: Source, moments: Moments, coordinates: Coordinates, quadratic: Quadratic, l2: float, found: Minimum
) -> Minimum:
    """The unique minimum `found` of ½ mse + ½ l2 ‖v‖² = `quadratic` with what the rows still show there taken off.

    Rows that are dear to read are not read for it; nor are those of a column that is constant but for rounding, which
    they would not show as the constant that it counts as.
    """
    constant = (spread_of(moments) == 0) & (coordinates.inverse_scale > 0)
    if source.rereads != "free" or found.tied.size or (coordinates.fit_intercept and constant.any()):
        return found
    n_stored = source.schema.stored(moments.n_rows)
    extended = n_stored <= SMALL_ENOUGH_TO_EXTEND
    scaled, lengths = unit_columns(quadratic.factor)
    _, singular, vt = scipy.linalg.svd(scaled, full_matrices=False)
    inverse = np.divide(1.0, singular, out=np.zeros_like(singular), where=singular > EPS * singular[0])
    # A penalty on columns of unit spread knows that spread as the moments do.
    unknown = LARGEST_OFFSET * EPS if l2 and np.any(coordinates.inverse_scale != 1.0) else 0.0
    theta, moved = found.parameters, np.inf
    for _ in range(rounds_for(n_stored, EPS * found.condition)):
        gradient = gradient_at(source, moments, coordinates, theta, extended=extended)
        gradient[: coordinates.n_features] += l2 * theta[: coordinates.n_features]
        step = vt.T @ (inverse**2 * (vt @ (gradient / lengths)))
        theta, moved, before = theta - step / lengths, float(np.linalg.norm(step)), moved
        if moved > 0.5 * before:
            break
    # The last correction says how much was still wrong, up to the rounding of the residuals that showed it.
    size = float(np.linalg.norm(theta * lengths))
    unseen = 8 * WIDE_EPS * np.sqrt(found.condition) * size / lengths if extended else found.doubt
    return found._replace(parameters=theta, doubt=(moved + unknown * size) / lengths + unseen + EPS * np.abs(theta))


def gradient_at(source: Source, moments: Moments, coordinates: Coordinates, theta: Array, *, extended: bool) -> Array:
    """The gradient (p,) of ½ mse at θ (p,), from the rows."""
    n_features = coordinates.n_features
    coef = theta[:n_features] * coordinates.inverse_scale
    # Beside an intercept residuals are formed about the means, where they are small differences of small numbers.
    centre, level, y_centre = np.zeros(n_features), 0.0, 0.0
    if coordinates.fit_intercept:
        centre, y_centre = moments.mean, moments.y_mean
        terms = coef.astype(np.longdouble) * (centre - coordinates.shift)
        level = float(terms.sum() + (theta[-1] - y_centre))
    seen = measure_residuals(source, coef, centre, y_centre, extended=extended)
    total = seen.total / moments.weight + level
    columns = seen.gradient + level * seen.columns
    v = (columns / moments.weight + (centre - coordinates.shift) * total) * coordinates.inverse_scale
    return np.append(v, total) if coordinates.fit_intercept else v
