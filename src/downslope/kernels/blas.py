"""The BLAS that scikit-learn calls, for compiled code: scipy's.

Which of its products and sums are fused depends on the processor: of y + αx all entries, none, or whole blocks of 16 of
them. Only the very same function has the same last bits everywhere.
"""

from typing import Any, cast

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from downslope.kernels.compiling import address

__all__ = ["add_multiple"]

BY_TYPE = {types.float32: "saxpy", types.float64: "daxpy"}
# Kernels on disk call these by name, so that each process has to know the names before it loads one.
for routine in BY_TYPE.values():
    binding.add_symbol(f"scipy_{routine}", get_cython_function_address("scipy.linalg.cython_blas", routine))


def axpy(typing_context: Any, y: Any, alpha: Any, x: Any, begin: Any, end: Any) -> Any:
    """Y ← y + alpha·x of the entries begin … end - 1, of one precision."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        y_array, factor, x_array, first, stop = arguments
        # Of eight bytes, of which a BLAS of shorter integers reads the first four: the lower half.
        size, step = builder.sub(stop, first), ir.IntType(64)(1)
        y_first, x_first = address(context, builder, y, y_array, first), address(context, builder, x, x_array, first)
        insert, on_stack = cast(Any, cgutils.get_or_insert_function), cast(Any, cgutils.alloca_once_value)
        size_at, factor_at, step_at = (on_stack(builder, number) for number in (size, factor, step))
        given = [size_at, factor_at, x_first, step_at, y_first, step_at]
        kind = ir.FunctionType(ir.VoidType(), [argument.type for argument in given])
        builder.call(insert(builder.module, kind, f"scipy_{BY_TYPE[y.dtype]}"), given)
        return context.get_dummy_value()

    return types.void(y, y.dtype, x, types.int64, types.int64), generate


add_multiple: Any = intrinsic(axpy)
