"""A model as an expression of SQL: a sum in the order of the columns, each number of it of double precision."""

from collections.abc import Sequence

from downslope.saving.terms import Category, Number, Term

__all__ = ["as_sql"]

# As PostgreSQL calls it; DuckDB and SQLite know it too.
DOUBLE = "DOUBLE PRECISION"
HEAD = """\
-- {target}, predicted from the columns below: SELECT *, (this expression) AS prediction FROM your_table.
-- A row with a missing value{or_level} has no prediction (NULL){but}.
"""


def as_sql(intercept: float, terms: Sequence[Term], target: str) -> str:
    """The expression, with a line on how it is used."""
    filled, levels = any(term.fill is not None for term in terms), any(isinstance(term, Category) for term in terms)
    # A comment ends with its line.
    head = HEAD.format(
        target=" ".join(target.split()),
        or_level=", or with a level that the model does not know," if levels else "",
        but=", but for those that the fit filled with means" if filled else "",
    )
    return head + "\n  + ".join([number(intercept), *map(summand, terms)]) + "\n"


def summand(term: Term) -> str:
    """What a column adds."""
    if isinstance(term, Number):
        column = f"CAST({identifier(term.column)} AS {DOUBLE})"
        if term.fill is not None:
            column = f"COALESCE({column}, {number(term.fill)})"
        return f"{number(term.coefficient)} * {column}"
    cell = f"CAST({identifier(term.column)} AS VARCHAR)"
    cases = [f"WHEN {cell} = {text(level)} THEN {number(value)}" for level, value in zip(*term[1:3], strict=True)]
    if term.fill is not None:
        cases.insert(0, f"WHEN {cell} IS NULL THEN {number(term.fill)}")
    return f"CASE {' '.join(cases)} END"


def number(value: float) -> str:
    """A number with all its digits, as text: some databases make a decimal of 0.1, and lose digits of longer ones."""
    return f"CAST('{value!r}' AS {DOUBLE})"


def identifier(name: str) -> str:
    """The name of a column."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text."""
    return "'" + value.replace("'", "''") + "'"
