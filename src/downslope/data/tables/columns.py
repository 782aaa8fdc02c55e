"""Which columns of a table are features, and which is the target: as they are asked for, checked."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from downslope.data.tables.layout import Layout
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import quote_names

__all__ = ["ColumnChoice", "asked_for", "choose_columns", "require_columns"]

# What a line above the header begins with: a comment, or how a spreadsheet is told the delimiter.
NO_HEADER = ("#", "%", "//", "sep=")


class ColumnChoice(NamedTuple):
    """The columns that are used."""

    features: tuple[str, ...]
    categorical: frozenset[str]
    target: str


def choose_columns(
    layout: Layout,
    target: str,
    features: Sequence[str] | None,
    exclude: Sequence[str],
    categorical: Sequence[str],
    weights: str | None = None,
) -> ColumnChoice:
    """The columns that are asked for; by default every column but the target is a feature.

    Raises
    ------
    InputError
        For a name that the table does not have or has twice, and for wishes that contradict each other.
    """
    excluded, encoded = _unique(exclude), _unique(categorical)
    chosen = None if features is None else _unique(features)
    require_columns(layout, (target,), Finding.of("tables.the_target"))
    if weights is not None:
        require_columns(layout, (weights,), asked_for("weights"))
        named = {"target": (target,), "features": chosen or (), "categorical": encoded}
        twice = [parameter for parameter, names in named.items() if weights in names]
        if twice:
            raise InputError(Finding.of("tables.weights_named", name=weights, by=Remedy(twice[0])))
    for parameter, names in (("features", chosen or ()), ("categorical", encoded), ("exclude", excluded)):
        require_columns(layout, names, asked_for(parameter), once=parameter != "exclude")
        if target in names:
            raise InputError(Finding.of("tables.target_named", target=target, by=Remedy(parameter)))
    if chosen is None:
        chosen = _others(layout, (target, *excluded, *(() if weights is None else (weights,))))
    both = [name for name in chosen if name in excluded]
    if both:
        raise InputError(Finding.of("tables.named_and_excluded", names=quote_names(both)))
    unused = [name for name in encoded if name not in chosen]
    if unused:
        raise InputError(Finding.of("tables.not_a_feature", names=quote_names(unused)))
    if not chosen:
        beside = (target,) if weights is None else (target, weights)
        raise InputError(Finding.of("tables.no_feature", names=quote_names(beside)))
    return ColumnChoice(chosen, frozenset(encoded), target)


def asked_for(parameter: str) -> Finding:
    """What columns are called that a parameter names."""
    return Finding.of("tables.asked_for", by=Remedy(parameter))


def require_columns(layout: Layout, names: Iterable[str], role: Finding, *, once: bool = True) -> None:
    """Raise `InputError` if the table lacks some of these columns, or has one of them more than once."""
    names = tuple(names)
    known = set(layout.names)
    absent = [name for name in names if name not in known]
    if absent:
        said = {"names": quote_names(absent), "role": role, "advice": _advice(layout, absent[0])}
        raise InputError(Finding.of("tables.absent", path=str(layout.path), count=len(absent), **said))
    counted = Counter(layout.names)
    repeated = [name for name in names if counted[name] > 1]
    if repeated and once:
        raise InputError(Finding.of("tables.repeated", path=str(layout.path), names=quote_names(repeated)))


def _others(layout: Layout, used: Sequence[str]) -> tuple[str, ...]:
    """All columns but these."""
    names = tuple(name for name in dict.fromkeys(layout.names) if name not in used)
    unnamed = [name for name in names if name in layout.unnamed]
    if unnamed:
        leave_out = Remedy("exclude", [unnamed[0]])
        raise InputError(Finding.of("tables.unnamed", leave_out, path=str(layout.path), names=quote_names(unnamed)))
    require_columns(layout, names, Finding.of("tables.a_feature"))
    return names


def _advice(layout: Layout, name: str) -> Finding:
    names = quote_names(layout.names)
    if all(_is_number(own) for own in layout.names) or layout.names[0].startswith(NO_HEADER):
        return Finding.of("tables.header_of_numbers", names=names)
    folded = {own.casefold(): own for own in layout.names}
    near = difflib.get_close_matches(str(name).casefold(), list(folded), n=1)
    if near:
        return Finding.of("tables.columns_are_near", names=names, near=folded[near[0]])
    return Finding.of("tables.columns_are", names=names)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    # A single name is one name, not a sequence of letters.
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
