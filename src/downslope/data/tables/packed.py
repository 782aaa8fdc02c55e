"""Files as people have them, packed, piped or in another encoding: made plain before they are read."""

import bz2
import codecs
import gzip
import io
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from downslope.data.optional import import_optional
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import system_reason

__all__ = ["STANDARD_INPUT", "UTF8", "check_encoding", "is_parquet", "made_plain"]

UTF8 = "utf-8"
STANDARD_INPUT = Path("-")
# The first bytes of a packed file, whatever its name.
GZIP, BZIP2, ZIP, ZSTANDARD = b"\x1f\x8b", b"BZh", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"
# To duckdb a quote behind a byte order mark is none: a delimiter or a line end in the first name may cost it all rows.
MISREAD = codecs.BOM_UTF8 + b'"'
PARTS = 2**20
# A table packs to a tenth or a hundredth; a file made to fill disks to a millionth.
MOST_TIMES, FREE_BYTES = 2000, 2**26
# Packed inside packed, as a piped archive is, but not without end.
MOST_LAYERS = 4


def check_encoding(encoding: str) -> str:
    """The encoding as Python calls it.

    Raises
    ------
    InputError
        For one that Python does not know, and for what encodes no text.
    """
    try:
        # What encodes no text, as "hex", is refused here too.
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except (LookupError, ValueError) as error:
        raise InputError(Finding.of("tables.no_encoding", Remedy("encoding", encoding))) from error


@contextmanager
def made_plain(path: Path, encoding: str = UTF8) -> Iterator[Path]:
    """A file that holds the same table, not packed, its text in UTF-8: the very file where it is one.

    Raises
    ------
    FileError
        For a file that cannot be unpacked or decoded, and for an archive of several tables.
    InputError
        For an unknown encoding.
    """
    recodes = check_encoding(encoding) != UTF8
    with ExitStack() as stack:
        file = path
        if is_stream(path):
            file = stack.enter_context(copied(path, lambda: opened_stream(path), 0))
        for _ in range(MOST_LAYERS):
            packed = opener_of(file, path)
            if packed is None:
                break
            file = stack.enter_context(copied(path, packed, file.stat().st_size))
        if head_of(file).startswith(MISREAD):
            file = stack.enter_context(copied(path, lambda: opened_behind_mark(file), 0))
        if recodes and file.is_file() and not is_parquet(file):
            file = stack.enter_context(copied(path, lambda: Recoded(file, path, encoding), 0))
        yield file


def is_stream(path: Path) -> bool:
    """Whether it can be read once only: standard input, a pipe, process substitution."""
    return path == STANDARD_INPUT or (path.exists() and not path.is_file() and not path.is_dir())


def is_parquet(file: Path) -> bool:
    """Whether a file says that it is Parquet."""
    return head_of(file).startswith(b"PAR1")


def head_of(file: Path) -> bytes:
    """The first bytes; none where they cannot be read, which whoever reads the file will say."""
    try:
        with file.open("rb") as stream:
            return stream.read(8)
    except OSError:
        return b""


def opened_stream(path: Path) -> IO[bytes]:
    """What is piped in."""
    return sys.stdin.buffer if path == STANDARD_INPUT else path.open("rb")


def opener_of(file: Path, called: Path) -> Any:
    """What opens a packed file as if it were not; None where it is not packed."""
    head = head_of(file)
    if head.startswith(GZIP):
        return lambda: gzip.open(file)
    if head.startswith(BZIP2):
        return lambda: bz2.open(file)
    if head.startswith(ZIP):
        return lambda: only_member(file, called)
    if head.startswith(ZSTANDARD):
        zstandard = import_optional("zstandard", "tables.no_zstandard")
        return lambda: Unpacked(zstandard, file)
    return None


def opened_behind_mark(file: Path) -> IO[bytes]:
    """A text without its byte order mark."""
    stream = file.open("rb")
    stream.seek(len(codecs.BOM_UTF8))
    return stream


def only_member(file: Path, called: Path) -> IO[bytes]:
    """The one table in a zip archive."""
    archive = zipfile.ZipFile(file)
    members = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(members) != 1:
        raise FileError(Finding.of("tables.several_members", path=str(called), count=len(members)))
    return archive.open(members[0])


@contextmanager
def copied(path: Path, opener: Any, n_bytes: int) -> Iterator[Path]:
    """A copy of what `opener` opens, which is packed in so many bytes if any, for as long as it is needed."""
    with TemporaryDirectory(prefix="downslope-") as folder:
        place = Path(folder) / "table"
        try:
            with opener() as source, place.open("wb") as target:
                copy(source, target, MOST_TIMES * n_bytes + FREE_BYTES if n_bytes else None, path)
        except FileError:
            raise
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise FileError(Finding.of("tables.damaged_archive", path=str(path), cause=str(error))) from error
        except OSError as error:
            said = {"path": str(path), "folder": folder, "reason": system_reason(error)}
            raise FileError(Finding.of("tables.cannot_unpack", **said)) from error
        yield place


def copy(source: IO[bytes], target: IO[bytes], most: int | None, path: Path) -> None:
    """Copy all bytes, `most` at most."""
    if most is None:
        shutil.copyfileobj(source, target, PARTS)
        return
    written = 0
    while part := source.read(PARTS):
        written += target.write(part)
        if written > most:
            raise FileError(Finding.of("tables.too_large_unpacked", path=str(path), n_bytes=most))


class Unpacked(io.RawIOBase):
    """What is packed with zstd, frame after frame."""

    def __init__(self, zstandard: Any, file: Path) -> None:
        self.zstandard, self.packed = zstandard, file.open("rb")
        self.frame: Any = None

    def read(self, size: int = -1) -> bytes:
        """Some more bytes, none at the end."""
        try:
            while part := self.packed.read(PARTS):
                if unpacked := b"".join(self.frames(part)):
                    return unpacked
        except self.zstandard.ZstdError as error:
            raise EOFError(str(error)) from error
        if self.frame is not None:
            raise EOFError("the last frame is not whole")
        return b""

    def frames(self, part: bytes) -> Iterator[bytes]:
        """What a part of the file unpacks to, of the frame that it goes on with and of others that begin in it."""
        while part:
            frame = self.frame or self.zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(part)
            part, self.frame = frame.unused_data, None if frame.eof else frame

    def close(self) -> None:
        self.packed.close()
        super().close()


class Recoded(io.RawIOBase):
    """The text of a file in another encoding, as bytes of UTF-8."""

    def __init__(self, file: Path, called: Path, encoding: str) -> None:
        self.stream, self.called, self.encoding = file.open("rb"), called, encoding
        self.decoder = codecs.getincrementaldecoder(encoding)()
        self.line = 1

    def read(self, size: int = -1) -> bytes:
        """Some more bytes of UTF-8, none at the end."""
        while True:
            part = self.stream.read(PARTS if size < 0 else size)
            try:
                text = self.decoder.decode(part, final=not part)
            except UnicodeDecodeError as error:
                line = self.line + error.object[: error.start].count(b"\n")
                said = {"path": str(self.called), "line": line, "byte": error.object[error.start]}
                raise FileError(
                    Finding.of("tables.not_in_encoding", Remedy("encoding"), encoding=self.encoding, **said)
                ) from error
            self.line += text.count("\n")
            if text or not part:
                return text.encode(UTF8)

    def close(self) -> None:
        self.stream.close()
        super().close()
