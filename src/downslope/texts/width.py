"""Room for words: letters of Korean take that of two Latin ones, on a terminal and about so in a picture."""

import unicodedata
from collections.abc import Collection, Sequence

__all__ = ["align", "display_width", "shorten", "wrap"]


def display_width(text: str, *, ambiguous: int = 1) -> int:
    """The columns that a text takes.

    Parameters
    ----------
    text : str
    ambiguous : int
        Columns of letters such as η, which terminals set to an East Asian language draw over two.

    Examples
    --------
    >>> display_width("w1"), display_width("가중치"), display_width("η", ambiguous=2)
    (2, 6, 2)
    """
    columns = {"W": 2, "F": 2, "A": ambiguous}
    return sum(columns.get(unicodedata.east_asian_width(letter), 1) for letter in text)


def shorten(text: str, room: int, *, ambiguous: int = 1) -> str:
    """As much of a text as there are columns for.

    Examples
    --------
    >>> shorten("가중치 3", 5)
    '가중'
    """
    while display_width(text, ambiguous=ambiguous) > room:
        text = text[:-1]
    return text


def wrap(text: str, room: int) -> list[str]:
    """A text in lines that are at most `room` wide, where its spaces allow it.

    Examples
    --------
    >>> wrap("mean squared error", 12), wrap("평균 제곱 오차", 9)
    (['mean squared', 'error'], ['평균 제곱', '오차'])
    """
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and display_width(lines[-1]) + 1 + display_width(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines


def align(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """The lines of a table: the columns `left` to the left, all others to the right.

    Examples
    --------
    >>> print(*align([("", "에포크"), ("gd", "12"), ("nesterov", "7")]), sep="|")
              에포크|gd            12|nesterov       7
    """
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - display_width(cell))
            cells.append(cell + room if place in left else room + cell)
        lines.append("  ".join(cells).rstrip())
    return lines
