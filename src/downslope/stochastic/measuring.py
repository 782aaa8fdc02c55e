"""The loss and its gradient over rows as they lie: what `downslope.objectives` finds with BLAS, in one pass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.stochastic.compiling import compiled
from downslope.stochastic.losses import slope, value
from downslope.stochastic.rows import add_row, dot_row

__all__ = ["measure_loss"]

Array = NDArray[np.float64]


@compiled
def measure_loss(
    loss: Any, rows: Any, begin: int, end: int, coef: Array, intercept: float, gradient: Array
) -> tuple[float, float, float]:
    """Σ s ℓ(r), Σ s r² and Σ s ℓ'(r) over the rows begin … end - 1; adds Σ s ℓ'(r)·x to `gradient` (d,)."""
    total, squares, slopes, weight = 0.0, 0.0, 0.0, 1.0
    weighted = rows.weight.size > 0
    for i in range(begin, end):
        residual = dot_row(rows, i, coef) + intercept - rows.y[i]
        if weighted:
            weight = rows.weight[i]
        total += weight * value(loss, residual)
        squares += weight * residual * residual
        pull = weight * slope(loss, residual)
        slopes += pull
        add_row(rows, i, gradient, pull)
    return total, squares, slopes
