"""Files written whole or not at all: beside their place, and put there when they are complete."""

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from downslope.exceptions import FileError
from downslope.texts import Finding
from downslope.texts.parts import system_reason

__all__ = ["UNFINISHED", "write_figure", "write_whole", "writing"]

# What the names of files begin with that are not yet whole.
UNFINISHED = ".downslope-"


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file whole or not at all: what was there is replaced when the new content is on the disk.

    A link is followed; the file keeps the permissions of the one that it replaces. A text is written in UTF-8, and what
    UTF-8 does not have, as a name of a file may, as JSON escapes it.

    Raises
    ------
    FileError
        Where it cannot be written, and for what is no regular file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> write_whole(path, "η")
    >>> path.read_text(encoding="utf-8")
    'η'
    """
    with writing(path) as file:
        file.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to write into, which stands in its place when the context ends well, and nowhere when it does not.

    Raises
    ------
    FileError
        As `write_whole`.
    """
    place = Path(path).resolve()
    if place.exists() and not place.is_file():
        raise FileError(Finding.of("model_file.no_file", path=str(place)))
    try:
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                # Some disks say that they are full only here.
                os.fsync(file.fileno())
            os.chmod(temporary, mode_of(place))
            os.replace(temporary, place)
            sync_folder(place.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except FileError:
        # Of what was to be written.
        raise
    except OSError as error:
        raise FileError(Finding.of("model_file.unwritable", path=str(place), cause=system_reason(error))) from error


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk, where the system lets folders be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mode_of(place: Path) -> int:
    """The permissions of a file, or of a new one: mkstemp makes files that only the owner may read."""
    if place.exists():
        return place.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def write_figure(path: str | os.PathLike[str], figure: Any) -> None:
    """Draw a figure of matplotlib into a file, whole or not at all; its ending says of which kind."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format=Path(path).suffix.lstrip(".").lower())
    write_whole(path, drawn.getvalue())
