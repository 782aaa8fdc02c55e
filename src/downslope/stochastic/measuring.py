"""The loss and its gradient over rows as they lie: what `downslope.objectives` finds with BLAS, in one pass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.stochastic.compiling import compiled, implements, is_one_of
from downslope.stochastic.entries import add_row, dot_row
from downslope.stochastic.losses import slope, value
from downslope.stochastic.rows import DENSE, unsigned

__all__ = ["measure_loss"]

Array = NDArray[np.float64]

# Rows at a time: coefficients and gradient are read once for all of them.
AT_ONCE = 4


def dot_rows(rows: Any, at: Any, v: Array, dots: Array) -> None:
    """Write x_i·v of the rows `at` (4,) to `dots` (4,), inside compiled code."""
    raise NotImplementedError


def add_rows(rows: Any, at: Any, v: Array, factors: Array) -> None:
    """V ← v + Σ c_i x_i over the rows `at` (4,), inside compiled code."""
    raise NotImplementedError


@implements(dot_rows)  # type: ignore[untyped-decorator]
def _dot_rows(rows: Any, at: Any, v: Any, dots: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def dot_dense(rows: Any, at: Any, v: Any, dots: Any) -> None:
            a, b, c, d = at
            dot_a = dot_b = dot_c = dot_d = 0.0
            for j in range(v.size):
                w = v[j]
                dot_a += rows.X[a, j] * w
                dot_b += rows.X[b, j] * w
                dot_c += rows.X[c, j] * w
                dot_d += rows.X[d, j] * w
            dots[0], dots[1], dots[2], dots[3] = dot_a, dot_b, dot_c, dot_d

        return dot_dense

    def dot_sparse(rows: Any, at: Any, v: Any, dots: Any) -> None:
        for k in range(AT_ONCE):
            dots[k] = dot_row(rows, at[k], v)

    return dot_sparse


@implements(add_rows)  # type: ignore[untyped-decorator]
def _add_rows(rows: Any, at: Any, v: Any, factors: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def add_dense(rows: Any, at: Any, v: Any, factors: Any) -> None:
            a, b, c, d = at
            by_a, by_b, by_c, by_d = factors[0], factors[1], factors[2], factors[3]
            for j in range(v.size):
                v[j] += (by_a * rows.X[a, j] + by_b * rows.X[b, j]) + (by_c * rows.X[c, j] + by_d * rows.X[d, j])

        return add_dense

    def add_sparse(rows: Any, at: Any, v: Any, factors: Any) -> None:
        for k in range(AT_ONCE):
            add_row(rows, at[k], v, factors[k])

    return add_sparse


@compiled
def measure_loss(
    loss: Any, rows: Any, begin: int, end: int, coef: Array, intercept: float, gradient: Array
) -> tuple[float, float, float]:
    """Σ s ℓ(r), Σ s r² and Σ s ℓ'(r) over the rows begin … end - 1; adds Σ s ℓ'(r)·x to `gradient` (d,)."""
    total, squares, slopes, weight = 0.0, 0.0, 0.0, 1.0
    weighted, last = rows.weight.size > 0, end - 1
    dots, pulls = np.empty(AT_ONCE), np.empty(AT_ONCE)
    for i in range(begin, end, AT_ONCE):
        # After the last row it stands in for those that are not there, and pulls no more.
        at = (unsigned(i), unsigned(min(i + 1, last)), unsigned(min(i + 2, last)), unsigned(min(i + 3, last)))
        dot_rows(rows, at, coef, dots)
        pulls[:] = 0.0
        for k in range(min(AT_ONCE, end - i)):
            residual = dots[k] + intercept - rows.y[i + k]
            if weighted:
                weight = rows.weight[i + k]
            total += weight * value(loss, residual)
            squares += weight * residual * residual
            pulls[k] = weight * slope(loss, residual)
            slopes += pulls[k]
        add_rows(rows, at, gradient, pulls)
    return total, squares, slopes
