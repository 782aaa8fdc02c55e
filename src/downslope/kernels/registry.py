"""Which code a function has for which values: each formula is written once, for compiled code and for Python's own.

`implements` registers code for a function by the kinds of its values. Compiled code knows kinds as numba's types,
Python as the classes of values; what is asked of a kind here can be asked of both, so that nothing here needs numba.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

__all__ = ["EXACT", "FAST", "INLINED", "REGISTERED", "Implementation", "implements", "inlined"]
__all__ += ["is_double", "is_exact", "is_none", "is_one_of"]

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be taken in any order and products fused, so that loops use wide registers; NaN and infinity keep their
# meaning, because they are how a run that blew up is told.
ARITHMETIC = {"reassoc", "contract", "nsz", "arcp"}
FAST: Any = {"error_model": "numpy", "fastmath": ARITHMETIC}
EXACT: Any = {"error_model": "numpy", "fastmath": False}
# Says nothing of arithmetic: numba lets it inherit from the kernel. What is said here would hold in exact kernels too.
INLINED: Any = {"error_model": "numpy", "forceinline": True}


class Implementation(NamedTuple):
    """Code for a function.

    Attributes
    ----------
    function : callable
    choose : callable
        Gives the code for the kinds of its values, or None.
    options : dict
        How numba compiles it.
    machine : bool
        Whether it is for compiled code alone.
    """

    function: Callable[..., Any]
    choose: Callable[..., Any]
    options: dict[str, Any]
    machine: bool


# In the order in which they are written down.
REGISTERED: list[Implementation] = []


def implements(
    function: Callable[..., Any],
    *,
    of: type | None = None,
    but: type | None = None,
    options: Any = INLINED,
    machine: bool = False,
) -> Any:
    """Decorates a function of kinds that gives the code of `function` for values of these kinds.

    `of` and `but` are NamedTuples: the first value must be such a one, or must not. Where nothing is given for its
    values, or it is for compiled code alone (`machine`), Python runs the body of `function` itself.
    """

    def register(choose: Callable[..., Any]) -> Callable[..., Any]:
        def chosen(*kinds: Any) -> Any:
            if (of is None or is_one_of(kinds[0], of)) and (but is None or not is_one_of(kinds[0], but)):
                return choose(*kinds)
            return None

        REGISTERED.append(Implementation(function, chosen, options, machine))
        return choose

    return register


def inlined(function: F) -> F:
    """A function that compiled code may call, written into its caller."""
    REGISTERED.append(Implementation(function, lambda *kinds: function, INLINED, machine=False))
    return function


def is_one_of(kind: Any, *classes: type) -> bool:
    """Whether a kind is one of these NamedTuples."""
    return getattr(kind, "instance_class", kind) in classes


def is_exact(kind: Any) -> bool:
    """Whether a kind is a NamedTuple that asks for exact arithmetic."""
    return hasattr(getattr(kind, "instance_class", kind), "exact")


def is_none(kind: Any) -> bool:
    """Whether a kind is that of None."""
    return kind is type(None) or str(kind) == "none"


def is_double(kind: Any) -> bool:
    """Whether a kind holds numbers of double precision: an array of them, or a list."""
    return kind is list or str(kind.dtype) == "float64"
