"""Which columns of a table are features, which is the target: the options of the command, checked."""

import difflib
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from downslope.data.tables.layout import Layout
from downslope.exceptions import InputError

__all__ = ["Columns", "as_option", "choose_columns", "listed", "require_columns"]

SHOWN = 12


class Columns(NamedTuple):
    """The columns that are used."""

    features: tuple[str, ...]
    categorical: frozenset[str]
    target: str


def listed(names: Iterable[object]) -> str:
    """Names for a sentence, quoted: the first dozen and how many more there are."""
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more


def choose_columns(
    layout: Layout,
    target: str,
    features: Sequence[str] | None,
    exclude: Sequence[str],
    categorical: Sequence[str],
) -> Columns:
    """The columns that the options name; by default every column but the target is a feature.

    Raises
    ------
    InputError
        For a name that the table does not have or has twice, and for options that contradict each other.
    """
    excluded, encoded = _unique(exclude), _unique(categorical)
    chosen = None if features is None else _unique(features)
    require_columns(layout, (target,), "the target asked for")
    require_columns(layout, chosen or (), "asked for with --features")
    require_columns(layout, encoded, "asked for with --categorical")
    require_columns(layout, excluded, "asked for with --exclude", once=False)
    for option, names in (("features", chosen or ()), ("categorical", encoded), ("exclude", excluded)):
        if target in names:
            raise InputError(f"the target {target!r} is named by --{option} too: take it out of there")
    if chosen is None:
        chosen = _others(layout, (target, *excluded))
    both = [name for name in chosen if name in excluded]
    if both:
        raise InputError(f"--features and --exclude both name {listed(both)}: name a column once")
    unused = [name for name in encoded if name not in chosen]
    if unused:
        raise InputError(f"--categorical names {listed(unused)}, not used as a feature: name features only")
    if not chosen:
        raise InputError(f"no feature is left beside the target {target!r}: at least one column is needed")
    return Columns(chosen, frozenset(encoded), target)


def require_columns(layout: Layout, names: Iterable[str], role: str, *, once: bool = True) -> None:
    """Raise `InputError` if the table lacks some of these columns, or has one of them more than once."""
    names = tuple(names)
    absent = [name for name in names if name not in layout.names]
    if absent:
        raise InputError(
            f"{layout.path} has no column{'s' if len(absent) > 1 else ''} {listed(absent)}, {role}: "
            f"{_advice(layout, absent[0])}"
        )
    repeated = [name for name in names if layout.names.count(name) > 1]
    if repeated and once:
        raise InputError(f"{layout.path} has several columns named {listed(repeated)}: give each column its own name")


def as_option(name: str) -> str:
    """A column's name as it is typed in a shell."""
    return shlex.quote(name)


def _others(layout: Layout, used: Sequence[str]) -> tuple[str, ...]:
    """All columns but these."""
    names = tuple(name for name in dict.fromkeys(layout.names) if name not in used)
    unnamed = [name for name in names if name in layout.unnamed]
    if unnamed:
        raise InputError(
            f"{layout.path} has no name for {listed(unnamed)} in its header, as in a saved index: write one, or "
            f"leave it out with --exclude {as_option(unnamed[0])}"
        )
    require_columns(layout, names, "a feature")
    return names


def _advice(layout: Layout, name: str) -> str:
    if all(_is_number(own) for own in layout.names):
        return f"its first line must name the columns, and holds {listed(layout.names)}"
    folded = {own.casefold(): own for own in layout.names}
    near = difflib.get_close_matches(str(name).casefold(), list(folded), n=1)
    meant = f"; did you mean {folded[near[0]]!r}?" if near else ""
    return f"the columns are {listed(layout.names)}{meant}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    # A single name is one name, not a sequence of letters.
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
