"""How kernels are compiled: cached on disk, without the interpreter's lock, with sums free to be reordered."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload, register_jitable

__all__ = ["compiled", "implements", "inlined", "is_one_of", "prefetch"]

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be taken in any order and products fused, so that loops use wide registers; NaN and infinity keep their
# meaning, because they are how a run that blew up is told.
ARITHMETIC = {"reassoc", "contract", "nsz", "arcp"}
OPTIONS: Any = {"fastmath": ARITHMETIC, "error_model": "numpy"}


def compiled(function: F) -> F:
    """The function as a compiled one, kept on disk where there is a folder that can be written."""
    try:
        kernel: Any = njit(cache=True, nogil=True, **OPTIONS)(function)
    except RuntimeError:  # numba has found no such folder
        kernel = njit(nogil=True, **OPTIONS)(function)
    return cast(F, kernel)


def implements(function: Callable[..., Any]) -> Any:
    """Decorates a function of numba types that gives the code of `function` for values of these types."""
    # Not strict: numba would take the annotations for a part of the signature.
    options: Any = {**OPTIONS, "forceinline": True}
    return overload(function, strict=False, jit_options=options)


def inlined(function: F) -> F:
    """A function that compiled code may call, written into its caller."""
    code: Any = register_jitable(forceinline=True, **OPTIONS)(function)
    return cast(F, code)


def is_one_of(numba_type: Any, *classes: type) -> bool:
    """Whether a numba type is that of one of these NamedTuples."""
    return isinstance(numba_type, types.BaseNamedTuple) and getattr(numba_type, "instance_class", None) in classes


def fetch(typing_context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line that holds ``array[index]``, without waiting; one that does not exist does no harm."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values, at = arguments
        data = context.make_array(signature.args[0])(context, builder, values).data
        address = builder.bitcast(builder.gep(data, [at]), ir.IntType(8).as_pointer())
        number, insert = ir.IntType(32), cast(Any, cgutils.get_or_insert_function)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        request = insert(builder.module, kind, "llvm.prefetch.p0")
        # A read, to be kept in every cache, of data.
        builder.call(request, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


prefetch: Any = intrinsic(fetch)
