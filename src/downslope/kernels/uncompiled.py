"""Small work without a compiler: Python runs the same functions on lists, with the same bits, until they are much used.

To compile a pass takes seconds, and to load what was compiled before takes a part of one; a pass over a small table
takes milliseconds in Python too. Rows in lists are looked at in the one order that exact kernels keep to, so that each
sum and product is theirs, and a run that turns out to be long goes on compiled from where it is.
"""

import inspect
from collections import defaultdict
from functools import lru_cache
from types import FunctionType
from typing import Any

from numpy.typing import NDArray

from downslope.kernels.compiling import Kernel
from downslope.kernels.registry import REGISTERED
from downslope.kernels.rows import ExactDenseRows, ListRows
from downslope.kernels.sequential import Plan, Vectors

__all__ = ["InPython", "PythonsWork", "bound", "is_small", "pythons_work"]

Array = NDArray[Any]

# An update takes Python as long as so many columns, and those of its row; each of them is as many where L1 truncates.
AN_UPDATE = 35
TRUNCATED = 4
# So much Python does in a process before kernels are compiled or loaded, in columns of rows: about a second of it. What
# was measured to choose these numbers stands in docs/architecture.md.
CROSSING = 10_000_000
# A table is small if Python could make so many passes over it.
USUAL_PASSES = 20


def is_small(n_rows: int, n_columns: int) -> bool:
    """Whether rows are so few that Python begins; it does not depend on what is compiled."""
    return USUAL_PASSES * n_rows * (AN_UPDATE + n_columns) <= CROSSING


class PythonsWork:
    """How much Python has done itself in this process, and for which kinds of values it has compiled code."""

    def __init__(self) -> None:
        self.done = 0
        self.compiled: set[Any] = set()

    def takes(self, work: int) -> bool:
        """Whether Python does so much more."""
        if self.done + work > CROSSING:
            self.done = CROSSING
            return False
        self.done += work
        return True


pythons_work = PythonsWork()


class InPython:
    """A pass over small tables that Python makes until it has done much, and then the exact kernel.

    Parameters
    ----------
    kernel : Kernel
        As `downslope.kernels.sequential.descend_rows_exactly`.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.compiled = kernel, False
        self.lists: ListRows | None = None

    def __call__(
        self, loss: Any, rows: ExactDenseRows, order: Array, plan: Plan, vectors: Vectors, position: Array, sums: Array
    ) -> None:
        """Make one update for each row of `order`, as the kernel does."""
        if not self.compiled:
            kinds = type(loss), type(plan.counts_penalty)
            self.compiled = kinds in pythons_work.compiled or not self.by_python(
                loss, rows, order, plan, vectors, position, sums
            )
        if self.compiled:
            self.kernel(loss, rows, order, plan, vectors, position, sums)
            pythons_work.compiled.add((type(loss), type(plan.counts_penalty)))

    def by_python(self, loss: Any, rows: Any, order: Any, plan: Plan, vectors: Any, position: Any, sums: Any) -> bool:
        """The same by Python; whether it was made so."""
        columns = rows.X.shape[1] * (TRUNCATED if plan.truncates else 1)
        if not pythons_work.takes(order.size * (AN_UPDATE + columns)):
            return False
        if self.lists is None:
            self.lists = ListRows(rows.X.tolist(), rows.y.tolist(), rows.weight.tolist())
        kinds = {"loss": type(loss), "rows": ListRows, "counts": type(plan.counts_penalty), "v": list, "mean": list}
        descend = bound(self.kernel.function, **kinds)
        v, mean, paid = (array.tolist() for array in vectors)
        at, found = position.tolist(), sums.tolist()
        try:
            descend(loss, self.lists, order.tolist(), plan, Vectors(v, mean, paid), at, found)
        except ArithmeticError:
            # Compiled code knows infinity where Python raises: a division by zero, a power that overflows.
            return False
        # No call between these, at which an interrupt would be raised: it must find the state of one piece.
        vectors.v[:], vectors.mean[:], vectors.paid[:], position[:], sums[:] = v, mean, paid, at, found
        return True


@lru_cache(maxsize=64)
def bound(function: Any, **kinds: type) -> Any:
    """The function with all that it calls chosen by the kinds of values, which go by their names.

    Chosen once, it takes about 5 µs an update; looked up at each call, 20.
    """
    choices = defaultdict(list)
    for registered in REGISTERED:
        if not registered.machine:
            choices[registered.function].append(registered.choose)
    return bind(function, choices, kinds)


def bind(function: Any, choices: Any, kinds: dict[str, type]) -> Any:
    """The same, recursively: the function with other global names."""
    names = function.__globals__
    called = {name: names[name] for name in function.__code__.co_names if callable(names.get(name))}
    replaced = {
        name: bind(choose(one, choices, kinds), choices, kinds)
        for name, one in called.items()
        if isinstance(one, FunctionType) and one.__module__.startswith(__package__)
    }
    if not replaced:
        return function
    again = FunctionType(function.__code__, {**names, **replaced}, function.__name__, None, function.__closure__)
    again.__kwdefaults__ = function.__kwdefaults__
    return again


def choose(function: Any, choices: Any, kinds: dict[str, type]) -> Any:
    """The code of a function for these kinds: its own body, where the kind of its first value is not known."""
    given = [kinds.get(name) for name in inspect.signature(function).parameters]
    if given and given[0] is not None:
        for choose_code in choices.get(function, ()):
            code = choose_code(*given)
            if code is not None:
                return code
    return function
