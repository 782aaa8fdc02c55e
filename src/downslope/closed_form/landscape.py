"""The bowl that is descended: its directions and curvatures, where its bottom is, and how surely that is known.

Everything is said in descended coordinates θ = (v, c), see `downslope.statistics.coordinates`: a learning rate belongs
to these. Pictures and explanations read it; it needs d² numbers and no rows.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.forecast import Forecast
from downslope.closed_form.path import contractions
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.quadratic import Spectrum, reference_excess
from downslope.steps.rules import StepRule

__all__ = ["Landscape", "StandardErrors"]

Array = NDArray[np.float64]


class StandardErrors(NamedTuple):
    """How far the optimum may be off by chance: of the coefficients (d,), and of the intercept."""

    coef: Array
    intercept: float


@dataclass(frozen=True)
class Landscape:
    """J(θ) = J* + ½‖diag(singular)·Vᵀθ - target‖², the squared loss and its L2 penalty.

    Attributes
    ----------
    spectrum : Spectrum
    coordinates : Coordinates
        What θ means in the units of the rows.
    rule : StepRule
        How the steps of the fit are made.
    weight : float
        S, the sum of the weights of the rows.
    l2 : float
        The strength of the L2 penalty.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> data = make_linear([0.3, 0.5], random_state=0)
    >>> bowl = GradientDescentRegressor(standardize=False).fit(data.X, data.y).landscape_
    >>> bowl.eigenvalues.round(3).tolist(), round(bowl.largest_stable_rate, 3)
    ([1.612, 0.104, 0.048], 1.241)
    >>> bowl.contraction(rate=1.0).round(3).tolist()
    [0.612, 0.896, 0.952]
    """

    spectrum: Spectrum
    coordinates: Coordinates
    rule: StepRule
    weight: float
    l2: float

    @property
    def eigenvalues(self) -> Array:
        """λ, the second derivative along each direction, falling, (p,)."""
        return self.spectrum.eigenvalues

    @property
    def directions(self) -> Array:
        """V, a direction a column, (p, p)."""
        return self.spectrum.directions

    @property
    def condition(self) -> float:
        """λ_max/λ_min, of the directions that change anything; infinite where there is none."""
        smallest = self.spectrum.smallest
        return self.spectrum.largest / smallest if smallest > 0 else np.inf

    @property
    def minimum(self) -> float:
        """J*."""
        return self.spectrum.minimum

    @cached_property
    def optimum(self) -> Array:
        """θ* (p,): where several are lowest, the shortest."""
        spectrum, kept = self.spectrum, self.spectrum.singular.size - self.spectrum.n_null
        return np.asarray(spectrum.directions[:, :kept] @ (spectrum.target[:kept] / spectrum.singular[:kept]))

    @property
    def largest_stable_rate(self) -> float | None:
        """The rate at and beyond which the fit's steps do not settle; None for rules without such a limit."""
        limit = self.stable_rate(self.rule)
        return limit if np.isfinite(limit) else None

    def stable_rate(self, rule: StepRule) -> float:
        """The same for any rule: NaN for one without such a limit, infinite where nothing is steep."""
        return rule.stable_product / self.spectrum.largest if self.spectrum.largest > 0 else np.inf

    def settles(self, rule: StepRule, rate: float) -> bool:
        """Whether steps of a rule at this rate reach the minimum in the long run."""
        return bool(rate * self.spectrum.largest < rule.stable_product)

    def forecast(self, rule: StepRule, rates: Array, start: Array) -> Forecast:
        """Descents by a linear rule at each of `rates` (r,) from `start` (p,)."""
        return Forecast(rule, rates, self.eigenvalues, self.spectrum.residual(start))

    def contraction(self, rate: float) -> Array:
        """By how much a step shrinks what is left along each direction, in the long run, (p,).

        abs(1 - ηλ) for plain steps; with momentum the largest root of the step's matrix. NaN for rules without one.
        """
        return contractions(self.rule, rate * self.eigenvalues)

    def parameters(self, coef: Array, intercept: Array) -> Array:
        """Θ (…, p) of coefficients (…, d) and intercepts (…) in the units of the rows."""
        return self.coordinates.from_original(coef, intercept)

    def excess(self, parameters: Array) -> Array:
        """J - J* at θ (…, p), (…)."""
        return self.spectrum.excess(parameters)

    def gradient(self, parameters: Array) -> Array:
        """∇J at θ (…, p), (…, p)."""
        return np.asarray((self.spectrum.residual(parameters) * self.spectrum.singular) @ self.directions.T)

    def reference_excess(self, start: Array) -> float:
        """J - J* at a start (p,) with the intercept at its best: what `tol` is a share of."""
        return reference_excess(self.spectrum.to_quadratic(), start, self.coordinates.fit_intercept)

    @cached_property
    def standard_errors(self) -> StandardErrors | None:
        """√ of the diagonal of σ²(XᵀX)⁻¹, σ² being the squared residuals over S less the parameters.

        Of ordinary least squares with errors that are independent and alike. None under a penalty, where the rows do
        not determine all parameters, and where there are no more of them than parameters.
        """
        free = self.weight - self.spectrum.singular.size
        if self.l2 or self.spectrum.n_null or free <= 0:
            return None
        d, at = self.coordinates.n_features, self.coordinates
        roots: Array = self.directions / self.spectrum.singular
        roots *= np.sqrt(2.0 * self.minimum / free)
        coef = roots[:d] * at.inverse_scale[:, None]
        level = float(np.linalg.norm(roots[d] - at.shift @ coef)) if at.fit_intercept else 0.0
        return StandardErrors(np.linalg.norm(coef, axis=1), level)
