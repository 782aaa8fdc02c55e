"""Cells that no number can be made of: what stands where, and what to do about it."""

import os
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from downslope.data.tables.dress import Dress, describe
from downslope.data.tables.relation import UNKNOWN_LEVEL, Relation
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import MOST, enumerate_parts, quote_names

__all__ = ["refuse_infinite", "refuse_text", "refuse_unknown_levels"]

Array = NDArray[np.float64]
LONGEST_CELL = 40
# Advice that names the column: where several have it, one sentence is for all.
BY_NAME = ("tables.encode", "tables.dates")
# Advice after which the column is one of numbers.
NOTATIONS = ("tables.other_decimal", "tables.other_thousands", "tables.other_signs", "tables.either_sign")
# What is no advice for a column that must be used as numbers.
NOT_FOR_ALL = ("tables.rare_or_category",)


def refuse_text(table: Relation, columns: Mapping[str, Array], target: str | None) -> None:
    """Raise `InputError` for columns with masked values, which stand for text.

    A target of None says that the columns are fixed, by a model: then they cannot be left out.
    """
    found = {name: column for name, column in columns.items() if np.ma.is_masked(column)}
    if not found:
        return
    where = {name: np.flatnonzero(np.ma.getmaskarray(column)) for name, column in found.items()}
    path = str(table.layout.path)
    if target in where:
        said = {"name": target, "path": path, "cells": _cells(table, target, where[target], found[target])}
        advice = _correct(describe(table, target, len(where[target])))
        raise InputError(Finding.of("tables.text_target", **said, advice=advice))
    shown = list(where.items())[:MOST]
    named = [
        Finding.of("tables.column_cells", name=name, cells=_cells(table, name, rows, found[name]))
        for name, rows in shown
    ]
    dresses = {name: describe(table, name, len(rows)) for name, rows in shown}
    columns_of_text = enumerate_parts(named, of=len(where))
    to_do = _advice(dresses, len(where) - len(shown), fixed=target is None)
    raise InputError(Finding.of("tables.text", path=path, columns=columns_of_text, count=len(where), advice=to_do))


def _correct(dress: Dress) -> Finding:
    """What to do about text in a column that must be used, as numbers."""
    return dress.advice if dress.numeric and dress.code not in NOT_FOR_ALL else Finding("tables.correct")


def _advice(dresses: Mapping[str, Dress], left: int, *, fixed: bool) -> Finding | str:
    """What to do about columns of text, those that are dressed alike together."""
    alike: dict[str, list[str]] = {}
    for name, dress in dresses.items():
        # What encodes a column names it.
        alike.setdefault(dress.code if dress.code in BY_NAME else repr(dress), []).append(name)
    groups = list(alike.values())
    advice = [_advice_for(dresses[names[0]], names, left if len(groups) == 1 else 0, fixed=fixed) for names in groups]
    if len(groups) == 1:
        return advice[0]
    told = [
        Finding.of("tables.for_columns", columns=quote_names(names), advice=said)
        for names, said in zip(groups, advice, strict=True)
    ]
    return enumerate_parts(told, between="list.semicolon")


def _advice_for(dress: Dress, names: list[str], left: int, *, fixed: bool) -> Finding:
    """What to do about columns that are dressed alike, and so many more."""
    if fixed:
        return _correct(dress)
    count = len(names) + left
    named = names if count == 1 else ["NAME"]
    others = tuple(
        Remedy(remedy.parameter, named) if remedy.parameter in ("categorical", "date") else remedy
        for remedy in dress.remedies
    )
    said = {**dress.told, "count": count}
    if not dress.keeps:
        return Finding(dress.code, said, (*others, Remedy("exclude", named)))
    advice = Finding(dress.code, said, others)
    if dress.code in NOTATIONS:
        return advice
    return Finding.of("tables.or_leave_out", Remedy("exclude", named), first=advice, count=count)


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
