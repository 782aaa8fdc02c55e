"""Penalties on the coefficients in descended coordinates; the intercept is never penalised.

All of them are one function, l1·‖w‖₁ + ½·l2·‖w‖², so they are one value with two numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["PENALTIES", "Penalty", "make_penalty"]

Array = NDArray[np.float64]

PENALTIES = ("l2", "l1", "elasticnet")


@dataclass(frozen=True)
class Penalty:
    """l1·‖w‖₁ + ½·l2·‖w‖² of the first `n_features` parameters.

    The smooth part enters the gradient; the kink at zero is met by the proximal step, which is what makes
    zeros exact (Daubechies, Defrise and De Mol, 2004).
    """

    l1: float
    l2: float
    n_features: int

    def value(self, parameters: Array) -> float:
        """The whole penalty."""
        w = parameters[: self.n_features]
        return self.kink(parameters) + (0.5 * self.l2 * float(w @ w) if self.l2 else 0.0)

    def kink(self, parameters: Array) -> float:
        """The part that is not smooth, l1·‖w‖₁."""
        return self.l1 * float(np.abs(parameters[: self.n_features]).sum()) if self.l1 else 0.0

    def add_gradient(self, parameters: Array, gradient: Array) -> Array:
        """`gradient` plus that of the smooth part."""
        if self.l2:
            gradient = gradient.copy()
            gradient[: self.n_features] += self.l2 * parameters[: self.n_features]
        return gradient

    def prox(self, parameters: Array, step: float | Array) -> Array:
        """argmin over u of ½‖u - parameters‖²/step + l1·‖u‖₁; `step` may differ per coordinate."""
        if not self.l1:
            return parameters
        result = parameters.copy()
        w = result[: self.n_features]
        threshold = self.l1 * (step[: self.n_features] if isinstance(step, np.ndarray) else step)
        result[: self.n_features] = np.sign(w) * np.maximum(np.abs(w) - threshold, 0.0)
        return result

    def gradient_mapping(self, parameters: Array, gradient: Array, step: float) -> Array:
        """(θ - prox(θ - step·gradient)) / step, which is zero exactly at a minimum; never as that difference.

        Where the step does not end at 0 it is the gradient and the slope of the penalty: a small slope beside a large
        parameter keeps its digits.
        """
        if not self.l1:
            return gradient
        mapping, w = gradient.copy(), parameters[: self.n_features]
        aimed = w - step * gradient[: self.n_features]
        far = np.abs(aimed) > step * self.l1
        mapping[: self.n_features] = np.where(far, mapping[: self.n_features] + self.l1 * np.sign(aimed), w / step)
        return mapping


def make_penalty(name: str | None, alpha: float, l1_ratio: float, n_features: int) -> Penalty:
    """Return the penalty called `name`: "l2", "l1", "elasticnet" or None.

    Examples
    --------
    >>> import numpy as np
    >>> make_penalty("elasticnet", alpha=2.0, l1_ratio=0.25, n_features=2)
    Penalty(l1=0.5, l2=1.5, n_features=2)
    """
    share = {None: (0.0, 0.0), "l2": (0.0, 1.0), "l1": (1.0, 0.0), "elasticnet": (l1_ratio, 1.0 - l1_ratio)}
    if name not in share:
        raise InputError(Finding.of("options.penalty", penalty=name, known=", ".join(PENALTIES)))
    l1, l2 = share[name]
    return Penalty(alpha * l1, alpha * l2, n_features)
