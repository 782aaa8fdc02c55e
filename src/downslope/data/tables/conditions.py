"""Which rows of a table are read: a column held against a value, as a user writes it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from downslope.data.tables.columns import asked_for, require_columns
from downslope.data.tables.layout import Layout
from downslope.data.tables.notation import Notation
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["Condition", "conditions_of"]

SIGN = re.compile(r"<=|>=|!=|<>|==|=|<|>")
SPELT = {"==": "=", "<>": "!="}


@dataclass(frozen=True)
class Condition:
    """A column held against a value.

    Attributes
    ----------
    column : str
    sign : {"=", "!=", "<", "<=", ">", ">="}
    value : float or str
        A number is held against numbers, a text against what stands in a cell.
    """

    column: str
    sign: str
    value: float | str

    @classmethod
    def of(cls, written: str, layout: Layout, notation: Notation) -> Self:
        """The condition that was written: a column of the table, a sign, and a value, in quotes or not.

        Raises
        ------
        InputError
            For what is none, and for a column that the table does not have.

        Examples
        --------
        >>> from pathlib import Path
        >>> layout = Layout(Path("t.csv"), ",", ("year", "a<b"), frozenset(), 0, Path("t.csv"))
        >>> Condition.of("year >= 2013", layout, Notation())
        Condition(column='year', sign='>=', value=2013.0)
        >>> Condition.of("a<b != 'x'", layout, Notation())
        Condition(column='a<b', sign='!=', value='x')
        """
        splits = [
            (written[: sign.start()].strip(), sign[0], written[sign.end() :].strip()) for sign in SIGN.finditer(written)
        ]
        # The name of a column may hold a sign too.
        known = [split for split in splits if split[0] in layout.names]
        if not splits or not splits[0][0]:
            raise InputError(Finding.of("tables.no_condition", Remedy("where", [written])))
        column, sign, value = (known or splits)[0]
        require_columns(layout, (column,), asked_for("where"))
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            return cls(column, SPELT.get(sign, sign), value[1:-1])
        number = notation.number(value)
        return cls(column, SPELT.get(sign, sign), value if number is None else number)


def conditions_of(where: Sequence[str] | str, layout: Layout, notation: Notation) -> tuple[Condition, ...]:
    """All of these conditions, which must hold together."""
    written = (where,) if isinstance(where, str) else tuple(where)
    return tuple(Condition.of(one, layout, notation) for one in written)
