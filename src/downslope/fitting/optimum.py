"""The exact minimum of an objective, as a fit gives it."""

from dataclasses import dataclass, replace

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

    def of_rounded(self, rounding: float) -> "Optimum":
        """The same where columns were moved by `rounding` of their standard deviations before: with fewer digits."""
        if not rounding or not self.digits:
            return self
        doubt = rounding * self.condition
        return replace(self, digits=0 if doubt >= 1.0 else min(self.digits, int(-np.log10(doubt))))

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
