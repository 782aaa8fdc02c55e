"""Plain files opened by duckdb, and its failures told in sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from downslope.data.optional import import_optional
from downslope.data.tables.cells import quoted
from downslope.data.tables.conditions import Condition
from downslope.data.tables.layout import Layout, explain_failure, read_layout, unreadable
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.tables.packed import is_parquet
from downslope.data.tables.readers import parquet_layout
from downslope.data.tables.relation import BatchError, Relation
from downslope.exceptions import FileError
from downslope.texts import Finding

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["import_duckdb", "layout_of", "open_plain"]

NO_EXTENSIONS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
LOCKED = "SET enable_progress_bar = false; SET enable_external_access = false; SET lock_configuration = true"


def layout_of(path: Path, file: Path, notation: Notation = PLAIN) -> Layout:
    """The layout of a plain file, which is called `path` in sentences.

    Raises
    ------
    FileError
        For a file that cannot be read or is no table.
    MissingDependencyError
        For Parquet without duckdb.
    """
    if not is_parquet(file):
        return read_layout(path, notation.decimal, file)
    duckdb = import_duckdb()
    try:
        with connected(file) as (connection, place):
            return parquet_layout(connection, path, file, place)
    except duckdb.Error as error:
        raise explain(None, path, error) from error


@contextmanager
def open_plain(
    layout: Layout, notation: Notation = PLAIN, conditions: tuple[Condition, ...] = ()
) -> Iterator[Relation]:
    """Open a plain file; a failure to read it inside becomes a finding.

    Raises
    ------
    FileError
        For a file that cannot be read or is no table.
    MissingDependencyError
        Without duckdb.
    """
    duckdb, found = import_duckdb(), written(layout.file)
    with connected(layout.file) as (connection, place):
        try:
            yield Relation(layout, connection, place, notation, conditions)
        except (duckdb.Error, BatchError) as error:
            if written(layout.file) != found:
                raise FileError(Finding.of("tables.changed", path=str(layout.path))) from error
            raise explain(layout, layout.path, error) from error
        except FileError:
            raise
        except OSError as error:
            raise unreadable(layout.path, error) from error
    # What ends at the end of a row seems whole.
    if found is not None and written(layout.file) != found:
        raise FileError(Finding.of("tables.changed", path=str(layout.path)))


def written(file: Path) -> tuple[int, int] | None:
    """The size of a file and when it was written; None where it is none any more, or not yet."""
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_size, known.st_mtime_ns


def explain(layout: Layout | None, path: Path, error: BaseException) -> FileError:
    """Why a file could not be read: a text table of this layout, or a Parquet file."""
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if layout is None or layout.kinds:
        return FileError(Finding.of("tables.broken_parquet", path=str(path), cause=cause))
    return explain_failure(layout, cause)


def import_duckdb() -> Any:
    """The library that reads files."""
    return import_optional("duckdb", "tables.no_duckdb")


@contextmanager
def connected(file: Path) -> Iterator[tuple["DuckDBPyConnection", str]]:
    """A database of nothing that may read this file and nothing else, and the file as it is told it."""
    with import_duckdb().connect(config=NO_EXTENSIONS) as connection, spelt(file.absolute()) as place:
        connection.execute(f"SET allowed_paths = [{quoted(place)}]")
        connection.execute(LOCKED)
        yield connection, place


@contextmanager
def spelt(path: Path) -> Iterator[str]:
    """A path in UTF-8 that is no pattern, as duckdb would take it: for another one a link with such a name."""
    try:
        str(path).encode()
        named = not any(sign in str(path) for sign in "*?[")
    except UnicodeEncodeError:
        named = False
    if named:
        yield str(path)
        return
    with TemporaryDirectory() as folder:
        link = Path(folder) / "table"
        link.symlink_to(path)
        yield str(link)
