"""Small work without a compiler: Python runs the same functions on lists, with the same bits, until they are much used.

To compile a pass takes seconds, and to load what was compiled before takes a part of one; a pass over a small table
takes milliseconds in Python too. Rows in lists are looked at in the one order that exact kernels keep to, so that each
sum and product is theirs, and a run that turns out to be long goes on compiled from where it is.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any

import numpy as np

from downslope.kernels.compiling import Kernel
from downslope.kernels.registry import REGISTERED
from downslope.kernels.rows import ExactDenseRows, ListRows

__all__ = ["BatchByBatch", "InPython", "PythonsWork", "RowByRow", "bound", "is_small", "pythons_work"]

# An update takes Python as long as so many columns, and those of its row; each of them is as many where L1 truncates.
AN_UPDATE = 35
TRUNCATED = 4
# Of mini-batches a row takes one part of that, and an update so many.
A_ROW, A_MOVE = 1, 3
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
        What the pass is made by in the end, with the values that this is called with.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.compiled = kernel, False
        self.lists: ListRows | None = None

    def __call__(self, *values: Any) -> Any:
        """Make the pass, as the kernel does."""
        if not self.compiled:
            kinds = self.kinds(*values)
            key = (self.kernel, *kinds.values())
            made = key not in pythons_work.compiled and pythons_work.takes(self.work(*values))
            if made and (given := self.by_python(kinds, *values)) is not None:
                return given[0]
            self.compiled = True
            pythons_work.compiled.add(key)
        return self.kernel(*values)

    def by_python(self, kinds: dict[str, type], *values: Any) -> tuple[Any] | None:
        """What the pass returns that Python makes; None where Python cannot make it."""
        try:
            return (self.make(bound(self.kernel.function, **kinds), *values),)
        except ArithmeticError:
            # Compiled code knows infinity where Python raises: a division by zero, a power that overflows.
            return None

    def rows_listed(self, rows: ExactDenseRows) -> ListRows:
        """The rows as lists, made once."""
        if self.lists is None:
            self.lists = ListRows(rows.X.tolist(), rows.y.tolist(), rows.weight.tolist())
        return self.lists

    def kinds(self, *values: Any) -> dict[str, type]:
        """What `bound` chooses by."""
        raise NotImplementedError

    def work(self, *values: Any) -> int:
        """About how much there is to do, in columns of rows."""
        raise NotImplementedError

    def make(self, descend: Callable[..., Any], *values: Any) -> Any:
        """Make the pass on lists, then write to the arrays all at once.

        There is no call between the writing of one and of the next, at which an interrupt would be raised: it must
        find the state of one piece.
        """
        raise NotImplementedError


def listed(values: Any) -> Any:
    """A NamedTuple with its arrays as lists."""
    return type(values)(*(field.tolist() if isinstance(field, np.ndarray) else field for field in values))


class RowByRow(InPython):
    """`downslope.kernels.sequential.descend_rows_exactly`."""

    def kinds(self, *values: Any) -> dict[str, type]:
        """Those of the loss, the rows, and what else the code of a step depends on."""
        loss, _, _, plan, *_ = values
        return {"loss": type(loss), "rows": ListRows, "counts": type(plan.counts_penalty), "v": list, "mean": list}

    def work(self, *values: Any) -> int:
        """An update for each row of the order."""
        _, rows, order, plan, *_ = values
        return len(order) * (AN_UPDATE + len(rows.X[0]) * (TRUNCATED if plan.truncates else 1))

    def make(self, descend: Callable[..., Any], *values: Any) -> None:
        """Make the pass on lists, then write to the arrays of `vectors`, to `position` and to `sums`."""
        loss, rows, order, plan, vectors, position, sums = values
        lists, at, found = listed(vectors), position.tolist(), sums.tolist()
        descend(loss, self.rows_listed(rows), order.tolist(), plan, lists, at, found)
        v, mean, paid = lists
        vectors.v[:], vectors.mean[:], vectors.paid[:], position[:], sums[:] = v, mean, paid, at, found


class BatchByBatch(InPython):
    """`downslope.kernels.batches.descend_batches_exactly`."""

    def kinds(self, *values: Any) -> dict[str, type]:
        """Those of the loss, the step rule and the rows."""
        loss, rule, *_ = values
        return {"loss": type(loss), "rule": type(rule), "rows": ListRows}

    def work(self, *values: Any) -> int:
        """The rows of the order, and an update for each batch of them."""
        _, _, rows, order, _, setting, *_ = values
        batches = -(-len(order) // int(setting.size))
        return (len(order) * A_ROW + batches * A_MOVE) * (AN_UPDATE + len(rows.X[0]))

    def make(self, descend: Callable[..., Any], *values: Any) -> Any:
        """Make the pass on lists, then write to the arrays of `iterate`; the fields of `Running`."""
        loss, rule, rows, order, frame, setting, iterate, running = values
        lists = listed(iterate)
        sums = descend(loss, rule, self.rows_listed(rows), order.tolist(), listed(frame), setting, lists, running)
        theta, slots, mean, slopes, remembered = lists
        iterate.theta[:], iterate.slots[:], iterate.mean[:] = theta, slots, mean
        iterate.slopes[:], iterate.remembered[:] = slopes, remembered
        return sums


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
