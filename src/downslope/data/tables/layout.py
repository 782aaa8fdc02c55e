"""The layout of a text table: its delimiter and its header, and what is wrong with a file that cannot be read."""

import codecs
import csv
import io
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from downslope.data.tables.cells import NULLS
from downslope.exceptions import FileError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import system_reason

__all__ = ["Layout", "explain_failure", "read_layout", "unreadable"]

# The header must lie within this; a file of one huge line is no table.
HEAD_BYTES = 2**22
# As much as duckdb takes for a line.
LONGEST_LINE = 2_000_000
DELIMITERS = (",", ";", "\t", "|")
# Rows after the header that have a say in which delimiter it is.
SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Layout:
    """Where a table lies and how its cells are told apart.

    `path` is what it is called, and `file` what is read: where it was packed or piped, a plain copy.
    """

    path: Path
    delimiter: str
    names: tuple[str, ...]
    """The columns; one without a name is called by its number, as in "column 3"."""
    unnamed: frozenset[str]
    blank_lines: int
    """Lines above the header that hold nothing."""
    file: Path
    kinds: tuple[str, ...] = ()
    """The types of the columns, where the file has any; in a text table all cells are text."""
    truths: frozenset[str] = frozenset()
    """The columns of a text table that hold true and false, as their first cells tell."""
    zeros: frozenset[str] = frozenset()
    """Those whose first cells have numbers that begin with a zero, as codes do."""


def read_layout(path: str | os.PathLike[str], decimal: str = ".", file: Path | None = None) -> Layout:
    """Find the delimiter, which the decimal sign is only where nothing else can be, and the names of the columns.

    Parameters
    ----------
    path : str or path
        What the table is called.
    decimal : str
    file : path, optional
        The plain copy that is read; by default what is called so.

    Raises
    ------
    FileError
        For a file that is absent, empty, not text in UTF-8, or without a header.
    """
    path = Path(path)
    file = path if file is None else file
    text, whole = _head(path, file)
    blank = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), io.StringIO(text, newline="")))
    samples = {delimiter: _sample(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda delimiter: (_score(samples[delimiter]), delimiter != decimal))
    rows = samples[delimiter]
    if not text.strip():
        raise FileError(Finding.of("tables.empty", path=str(path)))
    last = text[text.rfind("\n") + 1 :]
    if not whole and len(last) > LONGEST_LINE and len(last) < len(text):
        raise FileError(long_line(path, text.count("\n") + 1))
    if not rows:
        raise FileError(Finding.of("tables.no_header", path=str(path)))
    if len(rows) == 1 and not whole:
        raise FileError(Finding.of("tables.no_line_end", path=str(path), n_bytes=HEAD_BYTES))
    stripped = [name.strip() for name in rows[0]]
    names = tuple(name or f"column {j + 1}" for j, name in enumerate(stripped))
    unnamed = frozenset(name for name, own in zip(names, stripped, strict=True) if not own)
    first = [(name, [row[j].strip() for row in rows[1:] if len(row) > j]) for j, name in enumerate(names)]
    truths = frozenset(name for name, cells in first if is_truth(cells))
    zeros = frozenset(name for name, cells in first if any(re.fullmatch(r"0\d+", cell) for cell in cells))
    return Layout(path, delimiter, names, unnamed, blank, file, truths=truths, zeros=zeros)


def _head(path: Path, file: Path) -> tuple[str, bool]:
    """The beginning of the file as text, and whether it is all of it."""
    if not file.exists():
        raise FileError(Finding.of("tables.no_file", path=str(path)))
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    whole = len(head) <= HEAD_BYTES
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(Finding.of("tables.utf16", Remedy("encoding", "utf-16"), path=str(path)))
    if b"\0" in head:
        raise FileError(Finding.of("tables.binary", path=str(path)))
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=whole), whole
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise _not_utf8(path, line, head[error.start]) from error


def _not_utf8(path: Path, line: int, byte: int) -> FileError:
    return FileError(Finding.of("tables.not_utf8", Remedy("encoding"), path=str(path), line=line, byte=byte))


def unreadable(path: Path, error: OSError) -> FileError:
    """The error of a file that the system does not let be read."""
    return FileError(Finding.of("tables.unreadable", path=str(path), reason=system_reason(error)))


def _sample(text: str, delimiter: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(itertools.islice((row for row in rows if any(cell.strip() for cell in row)), SAMPLE_ROWS + 1))
    except csv.Error:  # a cell longer than a cell may be
        return []


def is_truth(cells: Sequence[str]) -> bool:
    """Whether some cells are true or false, and all others missing."""
    present = {cell.lower() for cell in cells if cell not in NULLS}
    return bool(present) and present <= {"true", "false"}


def _score(rows: list[list[str]]) -> tuple[bool, int]:
    """Rows of one length speak for a delimiter, then the number of columns."""
    widths = [len(row) for row in rows]
    return (len(set(widths)) == 1 and widths[0] > 1, widths[0]) if rows else (False, 0)


def explain_failure(layout: Layout, cause: str) -> FileError:
    """Why the rows could not be read; `cause` is what the reader said.

    The reader's own message is pages long, so the file is looked through once more for what is usually wrong.
    """
    path, file = layout.path, layout.file
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if len(line) > LONGEST_LINE:
                    return FileError(long_line(path, number))
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return _not_utf8(path, number, line[error.start])
        with file.open(encoding="utf-8-sig", newline="") as text:
            broken = _broken_row(layout, text)
        if broken is not None:
            return FileError(broken)
        with file.open("rb") as stream:
            ends = {line[-2:] == b"\r\n" for line in stream if line.endswith(b"\n")}
    except OSError as error:
        return unreadable(path, error)
    if len(ends) > 1:
        return FileError(Finding.of("tables.line_ends", path=str(path)))
    return FileError(Finding.of("tables.no_table", path=str(path), cause=cause))


def long_line(path: Path, line: int) -> Finding:
    """A line that no row is as long as."""
    return Finding.of("tables.long_line", path=str(path), line=line, n_bytes=LONGEST_LINE)


def _broken_row(layout: Layout, text: Iterator[str]) -> Finding | None:
    """What is wrong with the first row that does not fit the header."""
    rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
    wanted = len(layout.names)
    first = 1
    try:
        for row in rows:
            # One empty cell too many is a delimiter at the end of the line, which does no harm.
            if row and len(row) != wanted and not (len(row) == wanted + 1 and not row[-1]):
                counts = {"found": len(row), "wanted": wanted, "line": first}
                return Finding.of("tables.ragged", path=str(layout.path), delimiter=layout.delimiter, **counts)
            first = rows.line_num + 1
    except csv.Error as error:
        return Finding.of("tables.broken_row", path=str(layout.path), line=first, cause=str(error))
    return None
