"""Cells that no number can be made of, as sentences: what stands where, and what to do about it."""

import os
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.columns import SHOWN, as_option, listed
from downslope.data.tables.relation import UNKNOWN_LEVEL, Relation
from downslope.exceptions import InputError

__all__ = ["refuse_infinite", "refuse_text", "refuse_unknown_levels"]

Array = NDArray[np.float64]
LONGEST_CELL = 40


def refuse_text(table: Relation, columns: Mapping[str, Array], target: str | None) -> None:
    """Raise `InputError` for columns with masked values, which stand for text.

    A target of None says that the columns are fixed, by a model: then the advice is to correct the cells.
    """
    found = {name: column for name, column in columns.items() if np.ma.is_masked(column)}
    if not found:
        return
    where = {name: np.flatnonzero(np.ma.getmaskarray(column)) for name, column in found.items()}
    name = target if target in found else next(iter(found))
    first = _shown(table.cell(name, int(where[name][0])))
    comma = " and write decimals with a point" if re.fullmatch(r"'[-+]?\d+,\d+'", first) else ""
    if name == target:
        raise InputError(
            f"the target {name!r} of {table.layout.path} holds text ({first} in row {where[name][0] + 1}, "
            f"{_share(where[name], found[name])}): correct the cells{comma} or choose another target"
        )
    named = [
        f"{other!r} ({_shown(table.cell(other, int(rows[0])))} in row {rows[0] + 1}, {_share(rows, found[other])})"
        for other, rows in list(where.items())[:SHOWN]
    ]
    more = f" and {len(where) - SHOWN} more" if len(where) > SHOWN else ""
    few = target is None or 2 * len(where[name]) < len(found[name])
    advice = [f"correct the cells{comma}"] if few or comma else []
    if target is not None:
        each, option = ("it", as_option(name)) if len(where) == 1 else ("each", "NAME")
        advice += [f"encode {each} with --categorical {option}", f"leave it out with --exclude {option}"]
    raise InputError(
        f"{table.layout.path} holds text in the column{'s' if len(where) > 1 else ''} {', '.join(named)}{more}: "
        f"{', or '.join(advice)}"
    )


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= LONGEST_CELL else cell[:LONGEST_CELL] + "…")


def _share(rows: NDArray[np.intp], column: Array) -> str:
    return f"{len(rows):,} of {len(column):,} cells"


def refuse_infinite(path: str | os.PathLike[str], columns: Mapping[str, Array]) -> None:
    """Raise `InputError` for columns with infinite values."""
    found = {name: np.flatnonzero(np.isinf(column)) for name, column in columns.items()}
    named = [f"{name!r} ({len(rows):,}, first in row {rows[0] + 1})" for name, rows in found.items() if len(rows)]
    if named:
        more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        raise InputError(
            f"{path} holds infinite values in the column{'s' if len(named) > 1 else ''} "
            f"{', '.join(named[:SHOWN])}{more}: correct the cells, or empty them to make them missing values"
        )


def refuse_unknown_levels(
    table: Relation,
    columns: Mapping[str, Array],
    levels: Mapping[str, tuple[str, ...]],
    mask: NDArray[np.bool_] | None,
) -> None:
    """Raise `InputError` for a level that the model was not fitted on, in a row that is kept."""
    for name, known in levels.items():
        unknown = columns[name] == UNKNOWN_LEVEL
        rows = np.flatnonzero(unknown if mask is None else unknown & mask)
        if len(rows):
            cell = _shown(table.cell(name, int(rows[0])).strip())
            raise InputError(
                f"column {name!r} of {table.layout.path} holds {cell} (row {rows[0] + 1}, "
                f"{_share(rows, columns[name])}), which the model does not know: its levels are {listed(known)}, "
                "so correct the cells or fit again with such rows"
            )
