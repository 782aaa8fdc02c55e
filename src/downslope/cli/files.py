"""Files that a command writes: checked before the work, written whole or not at all."""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from downslope.cli.outcome import UsageError
from downslope.exceptions import FileError
from downslope.saving.model_file import write_text

__all__ = ["check_folder", "check_outputs", "check_picture", "csv_text", "save_text"]


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
    taken = {path.resolve(): "what is read" for path in inputs}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place in taken:
            raise UsageError(f"{option} {path} would overwrite {taken[place]}: give it a file of its own")
        taken[place] = f"the file of {option}"
        check_file(option, path)


def check_file(option: str, path: Path) -> None:
    """Refuse a file that cannot be written."""
    # Not the link but what it leads to, as /dev/stdout does: the file is replaced by a new one, and so would the link.
    place = path.resolve()
    if place.exists() and not place.is_file():
        kind = "a folder" if place.is_dir() else "no regular file"
        raise FileError(f"{option} {path} is {kind}: give the name of a file")
    if not place.parent.is_dir():
        raise FileError(f"{option} {path} cannot be written: there is no folder {path.parent}, so make it first")
    try:
        # Permissions, read-only disks and full ones: nothing tells better than trying.
        with tempfile.TemporaryFile(dir=place.parent) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise FileError(f"{option} {path} cannot be written ({error.strerror}): choose another folder") from error


def check_picture(option: str, path: Path | None) -> None:
    """Refuse a picture that cannot be drawn: no matplotlib, or a kind of file that it does not write."""
    if path is None:
        return
    from downslope.displays.style import load_pyplot

    known = sorted(load_pyplot().FigureCanvasBase.filetypes)
    if path.suffix.lstrip(".").lower() not in known:
        raise UsageError(f"{option} {path} must end in one of .{', .'.join(known)}")


def check_folder(option: str, folder: Path) -> None:
    """Make a folder to write several files into, or refuse it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{option} {folder} cannot be made ({error.strerror}): choose another folder") from error
    check_file(option, folder / "index.html")


def save_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    write_text(path.resolve(), text)


def csv_text(header: Sequence[str], columns: Iterable[Sequence[Any]]) -> str:
    """Columns as CSV; floats keep all their digits, and None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue()
