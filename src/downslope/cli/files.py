"""Files that a command writes: checked before the work, written whole or not at all."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from downslope.cli.outcome import UsageError
from downslope.data.written import write_whole
from downslope.exceptions import FileError
from downslope.texts import Finding
from downslope.texts.parts import system_reason

__all__ = [
    "check_folder",
    "check_format",
    "check_outputs",
    "check_picture",
    "csv_text",
    "save_text",
]

# Endings that promise a format; a file with another one, or none, may hold anything.
FORMATS = frozenset(
    (
        *(
            ".csv",
            ".tsv",
            ".json",
            ".jsonl",
            ".ndjson",
            ".xml",
            ".html",
            ".yaml",
            ".parquet",
            ".pq",
            ".feather",
            ".arrow",
        ),
        *(".orc", ".avro", ".xls", ".xlsx", ".ods", ".h5", ".hdf5", ".nc", ".npy", ".npz", ".mat", ".pkl", ".pickle"),
        *(
            ".sqlite",
            ".db",
            ".duckdb",
            ".dta",
            ".sav",
            ".rds",
            ".gz",
            ".bz2",
            ".xz",
            ".zst",
            ".zip",
            ".png",
            ".pdf",
            ".svg",
        ),
    )
)
# What a formula begins with in a spreadsheet (OWASP, "CSV Injection").
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_outputs(outputs: dict[str, Path | None], *inputs: Path) -> None:
    """Refuse files that cannot be written, by the options that name them, while nothing has been computed.

    Parameters
    ----------
    outputs : dict
        The files, None for those not asked for.
    *inputs : Path
        Files that must not be overwritten.

    Raises
    ------
    UsageError
        For two outputs in one file, and for one that would overwrite an input.
    FileError
        For a folder that is not there or cannot be written.
    """
    taken = {path.resolve(): Finding.of("command.input_file") for path in inputs}
    for flag, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place in taken:
            said = {"flag": flag, "path": str(path), "taken": taken[place]}
            raise UsageError(Finding.of("command.would_overwrite", **said))
        taken[place] = Finding.of("command.file_of", flag=flag)
        check_file(flag, path)


def check_file(flag: str, path: Path) -> None:
    """Refuse a file that cannot be written."""
    # Not the link but what it leads to, as /dev/stdout does: the file is replaced by a new one, and so would the link.
    place = path.resolve()
    about = {"flag": flag, "path": str(path)}
    if place.exists() and not place.is_file():
        code = "command.is_a_folder" if place.is_dir() else "command.is_no_regular_file"
        raise FileError(Finding.of(code, **about))
    if not place.parent.is_dir():
        raise FileError(Finding.of("command.no_folder", folder=str(path.parent), **about))
    try:
        # Permissions, read-only disks and full ones: nothing tells better than trying.
        with tempfile.TemporaryFile(dir=place.parent) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise FileError(Finding.of("command.unwritable", reason=system_reason(error), **about)) from error


def check_picture(flag: str, path: Path | None) -> None:
    """Refuse a picture that cannot be drawn: no matplotlib, or a kind of file that it does not write."""
    if path is None:
        return
    from downslope.displays.style import load_pyplot

    known = sorted(load_pyplot().FigureCanvasBase.filetypes)
    if path.suffix.lstrip(".").lower() not in known:
        endings = f".{', .'.join(known)}"
        raise UsageError(Finding.of("command.no_picture", flag=flag, path=str(path), known=endings))


def check_folder(flag: str, folder: Path) -> None:
    """Make a folder to write several files into, or refuse it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        about = {"flag": flag, "path": str(folder), "reason": system_reason(error)}
        raise FileError(Finding.of("command.unmakable", **about)) from error
    check_file(flag, folder / "index.html")


def save_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_whole(path, text)


def check_format(flag: str, path: Path | None, ending: str = ".csv") -> None:
    """Refuse a file whose ending promises another format than what is written into it."""
    if path is not None and path.suffix.lower() in FORMATS - {ending}:
        raise UsageError(Finding.of("command.other_format", flag=flag, path=str(path), known=ending))


def guarded(name: str) -> str:
    """A name that no spreadsheet takes for a formula: what could begin one has an apostrophe before it.

    Examples
    --------
    >>> guarded("=1+2"), guarded("weight")
    ("'=1+2", 'weight')
    """
    return f"'{name}" if name.startswith(FORMULAS) else name


def csv_text(header: Sequence[str] | None, columns: Iterable[Sequence[Any]]) -> str:
    """Columns as CSV, perhaps below a header; floats keep all digits, None is an empty cell, no name is a formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header is not None:
        writer.writerow([guarded(name) for name in header])
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()
