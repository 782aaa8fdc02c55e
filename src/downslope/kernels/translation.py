"""From functions to machine code, by numba: cached on disk, without the interpreter's lock.

A kernel that is exact keeps to the order in which it is written, sum by sum and product by product, and so does all
code that it calls; all other kernels are free to reorder sums.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

__all__ = ["translate"]


def load_numba() -> None:
    """Import numba and all that its first call would import.

    A million objects are made on the way, none of them garbage: looking for some would take a third of the time
    (measured, a first call in a fresh process: 0.33 s with the collector, 0.20 s without). Nor is it looked for right
    afterwards: they join those that are old.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from numba.core.registry import cpu_target

        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
    finally:
        if collecting:
            if gc.get_freeze_count() == 0:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


load_numba()

from numba import njit  # noqa: E402
from numba.core.registry import cpu_target  # noqa: E402
from numba.extending import overload  # noqa: E402

from downslope.kernels import instructions  # noqa: E402, F401  (kernels on disk call BLAS by the names given there)
from downslope.kernels.kernel_cache import KernelCache  # noqa: E402
from downslope.kernels.registry import EXACT, FAST, REGISTERED, Implementation  # noqa: E402

# The code that numba knows of already.
told: list[Implementation] = []


def tell_numba() -> None:
    """Let numba know of all code that has been registered so far."""
    new = REGISTERED[len(told) :]
    for registered in new:
        tell(registered)
    told.extend(new)
    if new:
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()


def tell(registered: Implementation) -> None:
    """Let numba know of the code of one function."""

    # It takes the names of a function's values from there.
    @wraps(registered.function)
    def chosen(*numba_types: Any) -> Any:
        return registered.choose(*numba_types)

    # Not strict: numba would take the annotations for a part of the signature.
    options: Any = registered.options
    overload(registered.function, strict=False, jit_options=options)(chosen)


def translate(function: Callable[..., Any], *, exact: bool, kept: bool = True) -> Any:
    """The function as a compiled one, kept on disk where there is a folder that can be written.

    By one thread at a time.
    """
    tell_numba()
    kernel: Any = njit(nogil=True, **(EXACT if exact else FAST))(function)
    if kept:
        with suppress(RuntimeError):  # numba has found no such folder
            kernel._cache = KernelCache(function)
    return kernel
