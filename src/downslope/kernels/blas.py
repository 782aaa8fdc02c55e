"""The BLAS that scikit-learn calls: scipy's.

Which of its products and sums are fused depends on the processor: of y + αx all entries, none, or whole blocks of 16 of
them. Only the very same function has the same last bits everywhere.
"""

from typing import Any

from scipy.linalg import blas

from downslope.kernels.registry import implements

__all__ = ["add_multiple"]


def add_multiple(y: Any, alpha: float, x: Any, begin: int, end: int) -> None:
    """Y ← y + alpha·x of the entries begin … end - 1, of one precision: of arrays or of lists."""
    if begin >= end:
        return
    axpy = blas.saxpy if getattr(y, "dtype", None) == "float32" else blas.daxpy
    y[begin:end] = axpy(x[begin:end], y[begin:end], a=alpha).tolist()


@implements(add_multiple, machine=True)  # type: ignore[untyped-decorator]
def _add_multiple(y: Any, alpha: Any, x: Any, begin: Any, end: Any) -> Any:
    from downslope.kernels.instructions import add_multiple

    return lambda y, alpha, x, begin, end: add_multiple(y, alpha, x, begin, end)
