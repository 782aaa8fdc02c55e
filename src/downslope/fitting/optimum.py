"""The exact minimum of an objective, as a fit gives it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.texts import Finding

__all__ = ["Optimum"]

Array = NDArray[np.float64]

# Of fewer digits a reader should know.
ENOUGH_DIGITS = 6


@dataclass(frozen=True)
class Optimum:
    """The minimum of the objective: exact to `digits`.

    Attributes
    ----------
    coef : array (d,)
    intercept : float
    objective : float
        J*.
    digits : int
        How many digits of the worst parameter can be believed.
    unique : bool
        Whether the rows determine all coefficients. Where they do not, these are the shortest ones of least squares,
        and one of the best places of other losses.
    condition : float
        The condition number of the correlation matrix of the columns; infinite where it says nothing of the optimum.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
    >>> optimum = GradientDescentRegressor().fit(data.X, data.y).optimum_
    >>> optimum.coef.round(1).tolist(), round(optimum.intercept, 1), optimum.unique
    ([3.0], 7.0, True)
    """

    coef: Array
    intercept: float
    objective: float
    digits: int
    unique: bool
    condition: float

    @property
    def note(self) -> str:
        """What to know before believing the digits of least squares; empty where all is well."""
        if not np.isfinite(self.condition):
            return ""
        if not self.unique:
            return str(Finding("optimum.collinear"))
        if self.digits < ENOUGH_DIGITS:
            return str(Finding.of("optimum.few_digits", condition=self.condition, digits=self.digits))
        return ""
