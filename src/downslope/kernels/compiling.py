"""Kernels: functions that are compiled when they are first called, and what they may call."""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from threading import RLock
from typing import Any

from downslope.kernels.registry import implements

__all__ = ["Kernel", "compiled", "exactly_compiled", "give_way", "prefetch", "publish", "seen"]


translating = RLock()


class Kernel:
    """A function that numba, imported for it, compiles for the types that it is called with.

    Parameters
    ----------
    function : callable
    exact : bool
        Whether it keeps to the order in which it is written, sum by sum and product by product.
    """

    def __init__(self, function: Callable[..., Any], *, exact: bool = False) -> None:
        self.function, self.exact = function, exact
        update_wrapper(self, function)

    @cached_property
    def machine_code(self) -> Any:
        """Numba's dispatcher."""
        from downslope.kernels.translation import translate

        # Two threads that share a pass call it at the same time, perhaps for the first.
        with translating:
            known = vars(self)
            if "machine_code" not in known:
                known["machine_code"] = translate(self.function, exact=self.exact)
            return known["machine_code"]

    def __call__(self, *values: Any) -> Any:
        """The function of these values."""
        return self.machine_code(*values)


def compiled(function: Callable[..., Any]) -> Kernel:
    """The function as a kernel that is free to reorder sums."""
    return Kernel(function)


def exactly_compiled(function: Callable[..., Any]) -> Kernel:
    """The function as a kernel that keeps to the order in which it is written."""
    return Kernel(function, exact=True)


def prefetch(array: Any, index: int) -> None:
    """Ask for the cache line that holds ``array[index]``, inside compiled code."""


def publish(array: Any, index: int, number: int) -> None:
    """``array[index] = number``, seen by another thread after all that was written before it, inside compiled code."""
    raise NotImplementedError


def seen(array: Any, index: int) -> int:
    """``array[index]``, inside compiled code; what was written before it is seen by all that is read after it."""
    raise NotImplementedError


def give_way() -> None:
    """Let another thread have this core, inside compiled code."""


@implements(prefetch, machine=True)  # type: ignore[untyped-decorator]
def _prefetch(array: Any, index: Any) -> Any:
    from downslope.kernels.instructions import prefetch

    return lambda array, index: prefetch(array, index)


@implements(publish, machine=True)  # type: ignore[untyped-decorator]
def _publish(array: Any, index: Any, number: Any) -> Any:
    from downslope.kernels.instructions import publish

    return lambda array, index, number: publish(array, index, number)


@implements(seen, machine=True)  # type: ignore[untyped-decorator]
def _seen(array: Any, index: Any) -> Any:
    from downslope.kernels.instructions import seen

    return lambda array, index: seen(array, index)


@implements(give_way, machine=True)  # type: ignore[untyped-decorator]
def _give_way() -> Any:
    from downslope.kernels.instructions import give_way

    return (lambda: give_way()) if give_way is not None else (lambda: 0)
