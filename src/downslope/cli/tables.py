"""Tables for a terminal: numbers to the right, words to the left, and no frame that a pipe would stumble over."""

from collections.abc import Iterable, Sequence

from rich.box import Box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from downslope.cli.console import printable
from downslope.texts.width import align

__all__ = ["facts", "number", "number_table", "percent"]

# One rule under the header and one between sections, of plain dashes.
RULES = Box("    \n    \n -- \n    \n -- \n -- \n    \n    \n", ascii=True)

LEAST_SHARE = 1e-8
# Rich takes 0.4 ms a row.
MANY = 1000


def number(value: float | None) -> str:
    """Six digits; a dash for what is not known.

    Examples
    --------
    >>> number(-0.00647812345), number(None), number(float("nan"))
    ('-0.00647812', '-', '-')
    """
    return "-" if value is None or value != value else f"{value:.6g}"


def percent(value: float, reference: float) -> str:
    """How far a value is from its reference, in per cent of that.

    Examples
    --------
    >>> percent(1.01, 1.0), percent(-3.0, -3.0), percent(1.0, 0.0)
    ('1 %', '0 %', '-')
    """
    share = (
        100.0 * abs(value - reference) / abs(reference) if reference else 0.0 if value == reference else float("inf")
    )
    if share < LEAST_SHARE:
        return "0 %"
    return f"{share:.1g} %" if share < 1 else f"{share:.0f} %" if share < 1e4 else "-"


def cell(text: str) -> Text:
    """What stands in a cell, names of columns and files among it: as it is, but for what a terminal would obey."""
    return Text(printable(text))


def facts(pairs: Iterable[tuple[str, str]]) -> Table:
    """What is known, a line each: a word, and what it is."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(cell(name), cell(value))
    return table


def number_table(
    header: Sequence[str], sections: Sequence[Sequence[Sequence[str]]], title: str | None = None
) -> RenderableType:
    """Rows of a name and numbers, a rule between the sections."""
    if title is None and sum(map(len, sections)) > MANY:
        return long_table(header, sections)
    table = Table(box=RULES, show_edge=False, pad_edge=False, title=title, title_justify="left", header_style="bold")
    for place, name in enumerate(header):
        if place == 0:
            table.add_column(cell(name), overflow="fold")
        else:
            table.add_column(cell(name), justify="right", no_wrap=True)
    for section in sections:
        for row in section:
            table.add_row(*map(cell, row))
        table.add_section()
    return table


def long_table(header: Sequence[str], sections: Sequence[Sequence[Sequence[str]]]) -> Text:
    """The same as plain lines."""
    lines = align([[printable(word) for word in row] for row in [header, *(row for rows in sections for row in rows)]])
    rule, end = "-" * max(map(len, lines)), 1
    ruled = [lines[0].rstrip(), rule]
    for rows in sections:
        ruled += [*lines[end : end + len(rows)], rule]
        end += len(rows)
    return Text("\n".join(ruled[:-1]), no_wrap=True, overflow="ignore")
