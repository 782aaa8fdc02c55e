"""The loss and its gradient over rows as they lie: what `objective.objective` finds with BLAS, in one pass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.kernels.compiling import compiled
from downslope.kernels.entries import add_row, dot_row, fetch_places
from downslope.kernels.losses import slope, value
from downslope.kernels.registry import implements, is_one_of
from downslope.kernels.rows import DENSE, MANY_OF_TWO, NEAR, unsigned

__all__ = ["measure_loss"]

Array = NDArray[np.float64]

# Rows that are added to the gradient together. Their products are found one after the other, as the rows lie in memory:
# the processor fetches ahead by itself what is read so (GB a second by two threads at 20, 100 and 1000 columns: 17, 14
# and 25 where four rows are read side by side, 23, 28 and 25 so).
AT_ONCE = 2


def add_pair(rows: Any, i: int, k: int, v: Array, c_i: float, c_k: float) -> None:
    """V ← v + c_i x_i + c_k x_k, inside compiled code."""
    raise NotImplementedError


@implements(add_pair)  # type: ignore[untyped-decorator]
def _add_pair(rows: Any, i: Any, k: Any, v: Any, c_i: Any, c_k: Any) -> Any:
    if is_one_of(rows, *DENSE):

        def add_dense(rows: Any, i: Any, k: Any, v: Any, c_i: Any, c_k: Any) -> None:
            for j in range(v.size):
                v[j] += c_i * rows.X[i, j] + c_k * rows.X[k, j]

        return add_dense

    def add_sparse(rows: Any, i: Any, k: Any, v: Any, c_i: Any, c_k: Any) -> None:
        add_row(rows, i, v, c_i)
        add_row(rows, k, v, c_k)

    return add_sparse


@compiled
def measure_loss(
    loss: Any, rows: Any, begin: int, end: int, coef: Array, intercept: float, gradient: Array
) -> tuple[float, float, float]:
    """Σ s ℓ(r), Σ s r² and Σ s ℓ'(r) over the rows begin … end - 1; adds Σ s ℓ'(r)·x to `gradient` (d,)."""
    total, squares, slopes, weight = 0.0, 0.0, 0.0, 1.0
    weighted, last = rows.weight.size > 0, end - 1
    pulls = np.empty(AT_ONCE)
    for i in range(begin, end, AT_ONCE):
        # After the last row it stands in for one that is not there, and pulls no more.
        pulls[1] = 0.0
        for k in range(min(AT_ONCE, end - i)):
            near = unsigned(min(i + k + NEAR, last))
            fetch_places(rows, near, coef, MANY_OF_TWO)
            fetch_places(rows, near, gradient, MANY_OF_TWO)
            residual = dot_row(rows, unsigned(i + k), coef) + intercept - rows.y[i + k]
            if weighted:
                weight = rows.weight[i + k]
            total += weight * value(loss, residual)
            squares += weight * residual * residual
            pulls[k] = weight * slope(loss, residual)
            slopes += pulls[k]
        add_pair(rows, unsigned(i), unsigned(min(i + 1, last)), gradient, pulls[0], pulls[1])
    return total, squares, slopes
