"""Instructions that numba knows no words for: asking for memory ahead, telling another thread, and scipy's BLAS."""

import os
from typing import Any, cast

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

__all__ = ["add_multiple", "give_way", "prefetch", "publish", "seen"]

BY_TYPE = {types.float32: "saxpy", types.float64: "daxpy"}
# Kernels on disk call these by name, so that each process has to know the names before it loads one.
for routine in BY_TYPE.values():
    binding.add_symbol(f"scipy_{routine}", get_cython_function_address("scipy.linalg.cython_blas", routine))


def fetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line that holds ``array[index]``, without waiting; one that does not exist does no harm."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, at = arguments
        data = context.make_array(signature.args[0])(context, builder, values).data
        address = builder.bitcast(builder.gep(data, [at]), ir.IntType(8).as_pointer())
        number, insert = ir.IntType(32), cast(Any, cgutils.get_or_insert_function)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        request = insert(builder.module, kind, "llvm.prefetch.p0")
        # A read of data, to be kept from the second cache on: filled that far ahead, the first would lose it again.
        builder.call(request, [address, number(0), number(1), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Where ``array[index]`` lies."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


def write_last(typing_context: Any, array: Any, index: Any, number: Any) -> Any:
    """``array[index] = number``, an int64, which another thread sees after all that was written before it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, at, to = arguments
        builder.store_atomic(to, address(context, builder, signature.args[0], values, at), "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


def read_first(typing_context: Any, array: Any, index: Any) -> Any:
    """``array[index]``, an int64; what another thread wrote before it is seen by all that is read after it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, at = arguments
        place = address(context, builder, signature.args[0], values, at)
        return builder.load_atomic(place, "acquire", 8, typ=ir.IntType(64))

    return types.int64(array, types.intp), generate


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


prefetch: Any = intrinsic(fetch)
publish: Any = intrinsic(write_last)
seen: Any = intrinsic(read_first)
add_multiple: Any = intrinsic(axpy)
# Lets another thread have this core: the C library's, where it has such.
give_way: Any = types.ExternalFunction("sched_yield", types.int32()) if hasattr(os, "sched_yield") else None
