"""How the cells of a table are written: codes for missing values, the decimal sign, the sign between thousands."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["DECIMALS", "PLAIN", "THOUSANDS", "Notation"]

DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'", "_")
# What stands for the same sign: spaces that do not break, and the apostrophe of printers.
ALIKE = {" ": r"[ \x{a0}\x{2009}\x{202f}]", "'": r"['\x{2019}]"}


@dataclass(frozen=True)
class Notation:
    """What is a number, and what is no value.

    Attributes
    ----------
    na : tuple of str
        Codes that mean a missing value; of a number every spelling is meant, so that ``-999`` is ``-999.0``. With a
        column and a colon before it, as in ``age:-1``, a code holds for that column alone; with a colon alone for all.
    decimal : {".", ","}
    thousands : {",", ".", " ", "'", "_"} or None
        What may stand between groups of digits.
    dates : tuple of (str, float or None)
        Columns of dates and times, and the day from which their days are counted, in days since 1970; None where that
        is not known yet.

    Examples
    --------
    >>> notation = Notation(("-", "age:-1"), ",", ".")
    >>> notation.codes("age", ("age", "size")), notation.codes("size", ("age", "size"))
    (('-', '-1'), ('-',))
    >>> Notation.from_dict(notation.to_dict()) == notation
    True
    """

    na: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str | None = None
    dates: tuple[tuple[str, float | None], ...] = ()

    @classmethod
    def of(
        cls,
        na: Sequence[str] | str = (),
        decimal: str = ".",
        thousands: str | None = None,
        date: Sequence[str] | str = (),
    ) -> Self:
        """The notation that was asked for.

        Raises
        ------
        InputError
            For signs that cannot be told apart, or are none.
        """
        codes = (na,) if isinstance(na, str) else tuple(na)
        if decimal not in DECIMALS:
            known = ", ".join(map(repr, DECIMALS))
            raise InputError(Finding.of("tables.no_decimal", Remedy("decimal", decimal), known=known))
        if thousands is not None and thousands not in THOUSANDS:
            known = ", ".join(map(repr, THOUSANDS))
            raise InputError(Finding.of("tables.no_thousands", Remedy("thousands", thousands), known=known))
        if thousands == decimal:
            remedies = Remedy("decimal", decimal), Remedy("thousands", thousands)
            raise InputError(Finding.of("tables.one_sign_for_both", *remedies))
        dates = dict.fromkeys((date,) if isinstance(date, str) else date)
        return cls(tuple(code.strip() for code in codes), decimal, thousands, tuple(dates.items()))

    @property
    def dated(self) -> frozenset[str]:
        """The columns of dates."""
        return frozenset(name for name, _ in self.dates)

    def first_day(self, name: str) -> float:
        """The day from which those of a column are counted."""
        return dict(self.dates).get(name) or 0.0

    @property
    def usual(self) -> bool:
        """Whether numbers are written as programs write them."""
        return self.decimal == "." and self.thousands is None

    def codes(self, column: str, columns: Sequence[str]) -> tuple[str, ...]:
        """The codes that hold for a column of these."""
        found = []
        for code in self.na:
            owner, own = owner_of(code, columns)
            if owner in (None, column):
                found.append(own)
        return tuple(found)

    def strangers(self, columns: Sequence[str]) -> tuple[str, ...]:
        """What stands before the colon of a code and is no column."""
        owners = [owner_of(code, columns) for code in self.na]
        return tuple(own.partition(":")[0] for owner, own in owners if owner is None and own.find(":") > 0)

    def number(self, code: str) -> float | None:
        """A code as a number, where it is one."""
        if not re.fullmatch(self.pattern.replace(r"\x{a0}\x{2009}\x{202f}", "\xa0\u2009\u202f"), code):
            return None
        kept = re.sub(r"[^\d.,eE+-]", "", code.replace(self.thousands or " ", ""))
        return float(kept.replace(self.decimal, "."))

    @property
    def separator(self) -> str:
        """What stands between thousands, as a regular expression of RE2."""
        return ALIKE.get(self.thousands or "", f"[{self.thousands}]")

    @property
    def pattern(self) -> str:
        """What a number looks like: groups of three digits at the end, of two (Indian) or three before."""
        digits = (
            r"\d+"
            if self.thousands is None
            else rf"(?:\d+|\d{{1,3}}(?:{self.separator}\d{{2,3}})*{self.separator}\d{{3}})"
        )
        point = f"[{self.decimal}]"
        return rf"[-+]?(?:{digits}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?"

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        written = {"na": list(self.na), "decimal": self.decimal, "thousands": self.thousands}
        return {**written, "dates": [list(date) for date in self.dates]} if self.dates else written

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The notation that `to_dict` wrote."""
        if not all(isinstance(code, str) for code in stored["na"]):
            raise TypeError(Finding.of("tables.name_not_text"))
        dates = tuple((str(name), float(first)) for name, first in stored.get("dates", ()))
        return replace(cls.of(stored["na"], stored["decimal"], stored["thousands"]), dates=dates)


def owner_of(code: str, columns: Sequence[str]) -> tuple[str | None, str]:
    """The column that a code is for, None for all, and the code itself."""
    if code.startswith(":"):
        return None, code[1:]
    for place, sign in enumerate(code):
        if sign == ":" and code[:place] in columns:
            return code[:place], code[place + 1 :]
    return None, code


PLAIN = Notation()
