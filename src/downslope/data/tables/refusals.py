"""Cells that no number can be made of: what stands where, and what to do about it."""

import os
import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.relation import UNKNOWN_LEVEL, Relation
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import MOST, enumerate_parts, quote_names

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
    comma = re.fullmatch(r"[-+]?\d+,\d+", table.cell(name, int(where[name][0]))) is not None
    path = str(table.layout.path)
    if name == target:
        code = "tables.decimal_target" if comma else "tables.text_target"
        raise InputError(Finding.of(code, name=name, path=path, cells=_cells(table, name, where[name], found[name])))
    few = target is None or 2 * len(where[name]) < len(found[name])
    named = [
        Finding.of("tables.column_cells", name=other, cells=_cells(table, other, rows, found[other]))
        for other, rows in list(where.items())[:MOST]
    ]
    advice = _advice(list(where), few=few, comma=comma, fixed=target is None)
    raise InputError(
        Finding.of(
            "tables.text", path=path, columns=enumerate_parts(named, of=len(where)), count=len(where), advice=advice
        )
    )


def _advice(names: list[str], *, few: bool, comma: bool, fixed: bool) -> Finding:
    """What to do about text: correct it where it is rare or a decimal comma, else encode it or leave it out."""
    if fixed:
        return Finding.of("tables.correct_decimals" if comma else "tables.correct")
    code = "tables.correct_or_encode" if few else "tables.encode"
    named = names if len(names) == 1 else ["NAME"]
    remedies = Remedy("categorical", named), Remedy("exclude", named)
    return Finding.of("tables.correct_decimals_or_encode" if comma else code, *remedies, count=len(names))


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= LONGEST_CELL else cell[:LONGEST_CELL] + "…")


def _cells(table: Relation, name: str, rows: NDArray[np.intp], column: Array) -> Finding:
    """The first of some cells, and how many they are."""
    cell = _shown(table.cell(name, int(rows[0])))
    return Finding.of("tables.cells", cell=cell, row=int(rows[0]) + 1, count=len(rows), n_rows=len(column))


def refuse_infinite(path: str | os.PathLike[str], columns: Mapping[str, Array]) -> None:
    """Raise `InputError` for columns with infinite values."""
    found = {name: np.flatnonzero(np.isinf(column)) for name, column in columns.items()}
    named = [
        Finding.of("tables.infinite_in", name=name, count=len(rows), row=int(rows[0]) + 1)
        for name, rows in found.items()
        if len(rows)
    ]
    if named:
        raise InputError(
            Finding.of("tables.infinite", path=str(path), columns=enumerate_parts(named), count=len(named))
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
            place = {"cell": cell, "row": int(rows[0]) + 1, "count": len(rows), "n_rows": len(columns[name])}
            said = {"name": name, "path": str(table.layout.path), "levels": quote_names(known)}
            raise InputError(Finding.of("tables.unknown_level", **said, **place))
