"""A folder of checkpoints: numbered files, each written whole, of which the last two are kept."""

import os
import re
import warnings
from pathlib import Path
from typing import IO, Any, Self

from downslope.checkpoints.codec import decode, encode
from downslope.data.written import UNFINISHED, write_whole
from downslope.exceptions import DownslopeWarning, FileError, frames_to_user
from downslope.texts import Finding, Remedy
from downslope.texts.parts import system_reason

__all__ = ["Folder"]

NAME = re.compile(r"checkpoint-(\d{8,})\.downslope")
KEPT = 2
LOCK = "in-use"


class Folder:
    """The checkpoints of one run, which no other process writes meanwhile; a context that lets go of it.

    Raises
    ------
    FileError
        For what is no folder, cannot be written to, or is in use.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock: IO[bytes] = (self.path / LOCK).open("ab")
        except OSError as error:
            cause = system_reason(error)
            raise FileError(Finding.of("checkpoint.no_folder", Remedy("checkpoint", str(path)), cause=cause)) from error
        if not locked(self._lock):
            self._lock.close()
            raise FileError(Finding.of("checkpoint.in_use", Remedy("checkpoint"), path=str(path)))
        for unfinished in self.path.glob(f"{UNFINISHED}*"):
            # Of a process that died while it wrote.
            unfinished.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._lock.close()

    def files(self) -> list[Path]:
        """The checkpoints, the last one first."""
        found = [(NAME.fullmatch(one.name), one) for one in self.path.iterdir()]
        return [one for _, one in sorted(((int(name[1]), one) for name, one in found if name), reverse=True)]

    def last(self) -> Any:
        """The content of the last file, None where there is none; of the one before where the last one is damaged.

        Raises
        ------
        FileError
            Where all are damaged.
        """
        damaged: FileError | None = None
        for file in self.files():
            try:
                content = decode(file.read_bytes())
            except FileError as error:
                damaged = error
                continue
            except OSError as error:
                cause = system_reason(error)
                raise FileError(Finding.of("checkpoint.unreadable", path=str(file), cause=cause)) from error
            if damaged is not None:
                told = Finding.of("checkpoint.fell_back", path=str(file))
                warnings.warn(DownslopeWarning(told), stacklevel=frames_to_user())
            return content
        if damaged is not None:
            raise FileError(
                Finding.of("checkpoint.all_damaged", Remedy("checkpoint"), path=str(self.path))
            ) from damaged
        return None

    def write(self, content: Any) -> None:
        """Write the next file, and delete those before the last two.

        Raises
        ------
        FileError
            Where it cannot be written; those that are there stay.
        """
        files = self.files()
        number = int(NAME.fullmatch(files[0].name)[1]) + 1 if files else 1  # type: ignore[index]
        write_whole(self.path / f"checkpoint-{number:08d}.downslope", encode(content))
        for file in files[KEPT - 1 :]:
            file.unlink(missing_ok=True)


def locked(file: IO[bytes]) -> bool:
    """Whether the file is this process's own from now on, to its end; always where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
