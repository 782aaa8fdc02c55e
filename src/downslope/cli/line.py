"""A fitted or a true line as it is read aloud."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["equation"]


def equation(names: Sequence[str], coef: NDArray[np.float64], intercept: float, digits: int = 4) -> str:
    """A line in words.

    Examples
    --------
    >>> equation(["x1", "x2"], np.array([0.3, -0.5]), -2.0)
    'y = 0.3·x1 - 0.5·x2 - 2'
    """
    terms = [(value, f"{abs(value):.{digits}g}·{name}") for name, value in zip(names, coef.tolist(), strict=True)]
    terms.append((intercept, f"{abs(intercept):.{digits}g}"))
    text = " ".join(f"{'-' if value < 0 else '+'} {term}" for value, term in terms)
    return "y = " + (text.removeprefix("+ ") if text.startswith("+") else "-" + text.removeprefix("- "))
