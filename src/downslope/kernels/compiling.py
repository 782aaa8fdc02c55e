"""How kernels are compiled: cached on disk, without the interpreter's lock.

A kernel that is exact keeps to the order in which it is written, sum by sum and product by product, and so does all
code that it calls; all other kernels are free to reorder sums.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

from downslope.kernels.kernel_cache import KernelCache

__all__ = ["compiled", "give_way", "implements", "inlined", "is_exact", "is_one_of", "prefetch", "publish", "seen"]

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be taken in any order and products fused, so that loops use wide registers; NaN and infinity keep their
# meaning, because they are how a run that blew up is told.
ARITHMETIC = {"reassoc", "contract", "nsz", "arcp"}
FAST: Any = {"error_model": "numpy", "fastmath": ARITHMETIC}
EXACT: Any = {"error_model": "numpy", "fastmath": False}
# Says nothing of arithmetic: numba lets it inherit from the kernel. What is said here would hold in exact kernels too.
INLINED: Any = {"error_model": "numpy", "forceinline": True}


def compiled(function: F, *, exact: bool = False) -> F:
    """The function as a compiled one, kept on disk where there is a folder that can be written."""
    kernel: Any = njit(nogil=True, **(EXACT if exact else FAST))(function)
    with suppress(RuntimeError):  # numba has found no such folder
        kernel._cache = KernelCache(function)
    return cast(F, kernel)


def implements(function: Callable[..., Any], *, of: type | None = None, but: type | None = None) -> Any:
    """Decorates a function of numba types that gives the code of `function` for values of these types.

    `of` and `but` are NamedTuples: the first value must be such a one, or must not.
    """

    def meant(kind: Any) -> bool:
        return (of is None or is_one_of(kind, of)) and (but is None or not is_one_of(kind, but))

    def register(choose: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(choose)
        def chosen(*numba_types: Any) -> Any:
            return choose(*numba_types) if meant(numba_types[0]) else None

        # Not strict: numba would take the annotations for a part of the signature.
        overload(function, strict=False, jit_options=INLINED)(chosen)
        return choose

    return register


def inlined(function: F) -> F:
    """A function that compiled code may call, written into its caller."""
    code: Any = register_jitable(**INLINED)(function)
    return cast(F, code)


def is_one_of(numba_type: Any, *classes: type) -> bool:
    """Whether a numba type is that of one of these NamedTuples."""
    return isinstance(numba_type, types.BaseNamedTuple) and getattr(numba_type, "instance_class", None) in classes


def is_exact(numba_type: Any) -> bool:
    """Whether a numba type is that of a NamedTuple that asks for exact arithmetic."""
    return hasattr(getattr(numba_type, "instance_class", None), "exact")


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


prefetch: Any = intrinsic(fetch)


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


publish: Any = intrinsic(write_last)
seen: Any = intrinsic(read_first)
if hasattr(os, "sched_yield"):
    # Lets another thread have this core: the C library's.
    give_way: Any = types.ExternalFunction("sched_yield", types.int32())
else:
    give_way = inlined(lambda: 0)
