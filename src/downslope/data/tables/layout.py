"""The layout of a text table: its delimiter and its header, and what is wrong with a file that cannot be read."""

import codecs
import csv
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from downslope.exceptions import FileError

__all__ = ["Layout", "explain_failure", "read_layout"]

# The header must lie within this; a file of one huge line is no table.
HEAD_BYTES = 2**22
DELIMITERS = (",", ";", "\t", "|")
# Rows after the header that have a say in which delimiter it is.
SAMPLE_ROWS = 20


@dataclass(frozen=True)
class Layout:
    """Where a text table lies and how its cells are told apart."""

    path: Path
    delimiter: str
    names: tuple[str, ...]
    """The columns; one without a name is called by its number, as in "column 3"."""
    unnamed: frozenset[str]
    blank_lines: int
    """Lines above the header that hold nothing."""


def read_layout(path: str | os.PathLike[str]) -> Layout:
    """Find the delimiter and the names of the columns.

    Raises
    ------
    FileError
        For a file that is absent, empty, not text in UTF-8, or without a header.
    """
    path = Path(path)
    text, whole = _head(path)
    blank = sum(1 for _ in itertools.takewhile(lambda line: not line.strip(), io.StringIO(text, newline="")))
    samples = {delimiter: _sample(text, delimiter) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda delimiter: _score(samples[delimiter]))
    rows = samples[delimiter]
    if not text.strip():
        raise FileError(f"{path} is empty: give a table with a header and rows")
    if not rows:
        raise FileError(f"{path} has no header that can be read: give a table whose first line names the columns")
    if len(rows) == 1 and not whole:
        raise FileError(
            f"{path} has no line end in its first {HEAD_BYTES:,} bytes: give a table with a header and rows"
        )
    stripped = [name.strip() for name in rows[0]]
    names = tuple(name or f"column {j + 1}" for j, name in enumerate(stripped))
    unnamed = frozenset(name for name, own in zip(names, stripped, strict=True) if not own)
    return Layout(path, delimiter, names, unnamed, blank)


def _head(path: Path) -> tuple[str, bool]:
    """The beginning of the file as text, and whether it is all of it."""
    if not path.exists():
        raise FileError(f"there is no file {path}: check the path")
    if path.is_dir():
        raise FileError(f"{path} is a directory: give a file")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    whole = len(head) <= HEAD_BYTES
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(f"{path} is encoded in UTF-16: save it as CSV in UTF-8")
    if b"\0" in head:
        raise FileError(f"{path} is a binary file: give a text table (CSV) in UTF-8")
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(head, final=whole), whole
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise _not_utf8(path, line, head[error.start]) from error


def _not_utf8(path: Path, line: int, byte: int) -> FileError:
    return FileError(f"{path} is not text in UTF-8 (line {line} holds the byte 0x{byte:02x}): save it as CSV in UTF-8")


def _sample(text: str, delimiter: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(itertools.islice((row for row in rows if any(cell.strip() for cell in row)), SAMPLE_ROWS + 1))
    except csv.Error:  # a cell longer than a cell may be
        return []


def _score(rows: list[list[str]]) -> tuple[bool, int]:
    """Rows of one length speak for a delimiter, then the number of columns."""
    widths = [len(row) for row in rows]
    return (len(set(widths)) == 1 and widths[0] > 1, widths[0]) if rows else (False, 0)


def explain_failure(layout: Layout, cause: str) -> FileError:
    """Why the rows could not be read, in one sentence; `cause` is what the reader said.

    The reader's own message is pages long, so the file is looked through once more for what is usually wrong.
    """
    path = layout.path
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return _not_utf8(path, number, line[error.start])
        with path.open(encoding="utf-8-sig", newline="") as text:
            broken = _broken_row(layout, text)
        if broken is not None:
            return FileError(f"{path} {broken}")
        with path.open("rb") as stream:
            ends = {line[-2:] == b"\r\n" for line in stream if line.endswith(b"\n")}
    except OSError as error:
        return FileError(f"{path} cannot be read ({error.strerror}): check its permissions")
    if len(ends) > 1:
        return FileError(f"{path} mixes the line ends of Windows and Unix: save it again with one kind")
    return FileError(f"{path} cannot be read as a table ({cause}): save it as CSV in UTF-8")


def _broken_row(layout: Layout, text: Iterator[str]) -> str | None:
    """What is wrong with the first row that does not fit the header."""
    rows = csv.reader(text, delimiter=layout.delimiter, strict=True)
    wanted = len(layout.names)
    first = 1
    try:
        for row in rows:
            # One empty cell too many is a delimiter at the end of the line, which does no harm.
            if row and len(row) != wanted and not (len(row) == wanted + 1 and not row[-1]):
                return (
                    f"has {len(row)} value{'s' if len(row) > 1 else ''} in line {first} where the header names "
                    f"{wanted} column{'s' if wanted > 1 else ''}: correct that line (quote a value that holds "
                    f"{layout.delimiter!r})"
                )
            first = rows.line_num + 1
    except csv.Error as error:
        return f"has a row that cannot be read, beginning in line {first} ({error}): check its quotes"
    return None
