"""What a column of text holds: numbers written otherwise, dates, names of rows, categories; and what to do about it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from downslope.data.tables import cells
from downslope.data.tables.notation import DECIMALS, THOUSANDS, Notation
from downslope.data.tables.relation import MAX_LEVELS, Relation
from downslope.texts import Finding, Remedy

__all__ = ["Dress", "describe"]

# So many cells of a column must be alike before a word is said of all; what is left is refused by itself then.
MOST_OF = 0.9
# Fewer cells than this tell nothing about how many different ones there are.
ENOUGH = 10
# A column of numbers with some text in it holds categories where it has few values, each of them often.
FEW_LEVELS, ROWS_A_LEVEL = 12, 3
# Codes that a remedy names one by one.
MOST_CODES = 3

AMOUNT = r"[-+]?\d[\d.,' _\x{a0}\x{2009}\x{202f}]*(?:[eE][-+]?\d+)?"
BEFORE = r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3}\s?)"
AFTER = r"[^\d\s.,;:(][^\d\s]{0,11}"
MONTHS = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[ap]\.?m\.?)?"
DAYS = (
    *(r"\d{4}[-/.]\d{1,2}(?:[-/.]\d{1,2})?", r"\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})"),
    *(rf"\d{{1,2}}[-. ]{{0,2}}{MONTHS}[-., ]{{0,2}}\d{{2,4}}", rf"{MONTHS}\.?[- ]\d{{1,2}},?[- ]\d{{4}}"),
    *(rf"{MONTHS}[-. ]{{1,2}}\d{{2,4}}", r"\d{4}년(?:\s?\d{1,2}월(?:\s?\d{1,2}일)?)?"),
)
DATE = rf"(?i)(?:(?:{'|'.join(DAYS)})(?:[T ,]\s?{CLOCK}(?:Z|[-+]\d{{2}}:?\d{{2}})?)?|{CLOCK})"


class Dress(NamedTuple):
    """What text is, and what to do about it beside leaving the column out."""

    code: str
    told: Mapping[str, Any]
    remedies: tuple[Remedy, ...] = ()
    keeps: bool = True
    """Whether the column can be used once that is done."""
    numeric: bool = True
    """Whether correcting the cells could make numbers of them."""

    @property
    def advice(self) -> Finding:
        """What to do."""
        return Finding(self.code, self.told, self.remedies)


def describe(table: Relation, name: str, n_text: int) -> Dress:
    """What the text in a column of numbers is, of which so many cells are text."""
    cell, codes = table.column(name), table.codes(name)
    text = table.is_text(name)
    if name in table.notation.dated:
        return Dress("tables.no_date", {})
    notations = [Notation((), decimal, sign) for decimal in DECIMALS for sign in (None, *THOUSANDS) if sign != decimal]
    alike = [f"regexp_full_match(trim({cell}), {cells.quoted(other.pattern)})" for other in notations]
    present = f"({cells.level(cell, codes)}) IS NOT NULL"
    date = f"{text} AND regexp_full_match(trim({cell}), {cells.quoted(DATE)})"
    # Numbers of another notation must be numbers in all cells, those that are numbers already included.
    readable = f"{date} AND {text} AND try_cast(trim({cell}) AS TIMESTAMP) IS NOT NULL"
    n_readable, *counted = table.count(
        [
            readable,
            present,
            date,
            *(f"{present} AND {match}" for match in alike),
            *(f"{text} AND {match}" for match in alike),
        ]
    )
    n_present, n_dates = counted[:2]
    in_all = dict(zip(notations, counted[2:], strict=False))
    in_text = dict(zip(notations, counted[2 + len(notations) :], strict=True))
    if other := written_otherwise(in_all, in_text, n_present, n_text):
        return other
    if affix := affix_of(table, name, n_text):
        return affix
    if n_dates >= MOST_OF * n_text:
        if n_readable == n_text:
            return Dress("tables.dates", how_many(n_dates, n_text), (Remedy("date", [name]),))
        return Dress("tables.other_dates", how_many(n_dates, n_text))
    return of_words(table, name, n_text, n_present)


def how_many(hits: int, n_text: int) -> dict[str, Any]:
    """Whether all cells of text are meant, or most."""
    code = "tables.all_of_them" if hits == n_text else "tables.most_of_them"
    return {"they": Finding.of(code, hits=hits)}


def written_otherwise(
    in_all: Mapping[Notation, int], in_text: Mapping[Notation, int], n_present: int, n_text: int
) -> Dress | None:
    """Numbers with another decimal sign, or with a sign between thousands."""
    fitting = {
        notation: hits
        for notation, hits in in_text.items()
        if hits >= MOST_OF * n_text and in_all[notation] >= MOST_OF * n_present
    }
    if not fitting:
        return None
    most = max(fitting.values())
    # The fewest signs that are enough.
    best = [notation for notation, hits in fitting.items() if hits == most]
    best.sort(key=lambda notation: (notation.decimal != ".") + (notation.thousands is not None))
    first, told = best[0], how_many(most, n_text)
    decimal, thousands = Remedy("decimal", first.decimal), Remedy("thousands", first.thousands)
    if Notation((), ".", ",") in best and Notation((), ",") in best:
        return Dress("tables.either_sign", told, (Remedy("decimal", ","), Remedy("thousands", ",")))
    if first.thousands is None:
        return Dress("tables.other_decimal", told, (decimal,))
    if first.decimal == ".":
        return Dress("tables.other_thousands", told, (thousands,))
    return Dress("tables.other_signs", told, (decimal, thousands))


def affix_of(table: Relation, name: str, n_text: int) -> Dress | None:
    """Numbers with the same sign or unit beside each of them."""
    cell = f"trim({table.column(name)})"
    text = table.is_text(name)
    # A unit that one cell has is as likely a slip.
    for pattern in () if n_text < 2 else (rf"[-+(]?({BEFORE})\s?{AMOUNT}\)?", rf"{AMOUNT}\s?({AFTER})"):
        found = f"regexp_extract({cell}, {cells.quoted(f'^{pattern}$')}, 1)"
        rows = table.rows.filter(f"{text} AND {found} <> ''").aggregate(f"trim({found}) AS affix, count(*) AS n", "1")
        affixes = rows.order("n DESC, affix").limit(1).fetchall()
        if affixes and affixes[0][1] >= MOST_OF * n_text:
            affix, hits = affixes[0]
            return Dress("tables.affixed", {"affix": affix, **how_many(hits, n_text)})
    return None


def of_words(table: Relation, name: str, n_text: int, n_present: int) -> Dress:
    """Names of rows, a few words among numbers, or categories."""
    cell, codes = table.column(name), table.codes(name)
    text = table.is_text(name)
    values = table.rows.filter(f"({cells.level(cell, codes)}) IS NOT NULL")
    ((distinct,),) = values.aggregate(f"count(DISTINCT trim({cell}))").fetchall()
    words = [
        word
        for (word,) in values.filter(text)
        .project(f"trim({cell})")
        .distinct()
        .order("1")
        .limit(MOST_CODES + 1)
        .fetchall()
    ]
    few = 2 * n_text < n_present
    if not few and (distinct > MAX_LEVELS or (n_present >= ENOUGH and 2 * distinct > n_present)):
        told = {"distinct": distinct, "cells": n_present}
        return Dress("tables.names_of_rows", told, keeps=False, numeric=False)
    encode = Remedy("categorical", [name])
    if not few:
        return Dress("tables.encode", {}, (encode,), numeric=False)
    code = Remedy("na", words) if len(words) <= MOST_CODES else Remedy("na")
    if distinct <= FEW_LEVELS and n_present >= ROWS_A_LEVEL * distinct:
        return Dress("tables.rare_or_category", {}, (code, encode))
    return Dress("tables.rare_text", {}, (code,))
