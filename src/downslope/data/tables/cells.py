"""What is made of a cell, in the SQL of duckdb: a number, a level, the place of a level among others."""

import re
from collections.abc import Sequence
from functools import cache

from downslope.data.tables.notation import Notation

__all__ = [
    "NULLS",
    "UNKNOWN_LEVEL",
    "days",
    "is_text",
    "level",
    "number",
    "padded_number",
    "place_of_level",
    "quoted",
    "truth",
]

# What a missing value is written as: pandas' defaults and the question mark of older data sets.
NULLS = (
    *("", "?", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "-NaN", "-nan", "NaN", "nan"),
    *("<NA>", "N/A", "n/a", "NA", "NULL", "null", "None"),
)
# The code of a level that is not among those asked for.
UNKNOWN_LEVEL = -1.0


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def literally(text: str) -> str:
    """A text as a regular expression of RE2, which knows fewer escapes than that of Python."""
    return "".join(sign if re.fullmatch(r"[A-Za-z0-9]", sign) else f"\\x{{{ord(sign):x}}}" for sign in text)


def level(cell: str, codes: Sequence[str] = ()) -> str:
    """The text of a cell, NULL for a missing value."""
    # Not IN (…) and no list: duckdb makes a join of a long one, and a join gives the rows back in another order.
    pattern = quoted("|".join(map(literally, (*NULLS, *codes))))
    return f"CASE WHEN regexp_full_match(trim({cell}), {pattern}) THEN NULL ELSE trim({cell}) END"


# Each of these is NaN for a missing value and NULL for text.
def number(cell: str) -> str:
    """A number as programs write it, without spaces around it."""
    # duckdb reads '2020_01' as 202001.
    return (
        f"CASE WHEN {cell} IS NULL THEN 'nan'::DOUBLE WHEN contains({cell}, '_') THEN NULL "
        f"ELSE try_cast({cell} AS DOUBLE) END"
    )


@cache
def padded_number(cell: str, notation: Notation, codes: tuple[str, ...]) -> str:
    """A number as the table writes it; what is between spaces, and codes, are looked at too."""
    if notation.usual:
        return f"CASE WHEN {level(cell, codes)} IS NULL THEN 'nan'::DOUBLE ELSE {number(cell)} END"
    digits = f"trim({cell})"
    if notation.thousands is not None:
        digits = f"regexp_replace({digits}, {quoted(notation.separator)}, '', 'g')"
    return (
        f"CASE WHEN {level(cell, codes)} IS NULL THEN 'nan'::DOUBLE "
        f"WHEN regexp_full_match(trim({cell}), {quoted(notation.pattern)}) "
        f"THEN try_cast(replace({digits}, {quoted(notation.decimal)}, '.') AS DOUBLE) "
        # Infinity is refused as what it is.
        f"WHEN regexp_full_match(trim({cell}), '[-+]?[A-Za-z]+') THEN try_cast(trim({cell}) AS DOUBLE) END"
    )


def days(cell: str, codes: tuple[str, ...], first: float) -> str:
    """Days since the first one, and parts of days."""
    found = f"epoch(try_cast(trim({cell}) AS TIMESTAMP)) / 86400.0"
    return f"CASE WHEN {level(cell, codes)} IS NULL THEN 'nan'::DOUBLE ELSE ({found} - {first!r})::DOUBLE END"


def truth(cell: str, codes: tuple[str, ...]) -> str:
    """1 for true and 0 for false."""
    return (
        f"CASE WHEN {level(cell, codes)} IS NULL THEN 'nan'::DOUBLE "
        f"WHEN lower(trim({cell})) = 'true' THEN 1::DOUBLE WHEN lower(trim({cell})) = 'false' THEN 0::DOUBLE END"
    )


def is_text(cell: str, notation: Notation, codes: tuple[str, ...]) -> str:
    """Whether a cell is neither a number nor missing."""
    return f"({padded_number(cell, notation, codes)}) IS NULL"


def place_of_level(cell: str, levels: Sequence[str], codes: Sequence[str]) -> str:
    """The place of a level among these, `UNKNOWN_LEVEL` for another."""
    known = str(UNKNOWN_LEVEL)
    if levels:
        kind = f"ENUM({', '.join(map(quoted, levels))})"
        known = f"coalesce(enum_code(try_cast(trim({cell}) AS {kind}))::DOUBLE, {UNKNOWN_LEVEL})"
    return f"CASE WHEN {level(cell, codes)} IS NULL THEN 'nan'::DOUBLE ELSE {known} END"
