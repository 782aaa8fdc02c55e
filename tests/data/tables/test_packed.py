"""Tables as people have them: packed, piped, in another encoding, Parquet; each gives the rows of the plain file."""

import bz2
import gzip
import io
import os
import threading
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zstandard

from downslope.data.tables import packed
from downslope.data.tables.files import Table, read_features, read_table
from downslope.data.tables.notation import Notation
from downslope.data.tables.packed import check_encoding, made_plain
from downslope.exceptions import FileError, InputError
from tests.data.conftest import WriteTable

ROWS = "a,b,y\n" + "".join(f"{k},{k * k % 17}.25,{2 * k + 1}\n" for k in range(300))


def streamed_zstd(text: bytes) -> bytes:
    """A frame that does not say how long it is."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(text) + packer.flush()


def zipped(text: bytes, *more: str) -> bytes:
    """An archive with one table, and what macOS and others put beside it."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/t.csv", text)
        archive.writestr("__MACOSX/folder/._t.csv", "nothing")
        for name in more:
            archive.writestr(name, text)
    return into.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "several zstd frames": lambda text: zstandard.compress(text[:500]) + zstandard.compress(text[500:]),
    "zstd of unknown size": lambda text: streamed_zstd(text),
    "bzip2": bz2.compress,
    "zip": zipped,
    "gzip in zip": lambda text: zipped(gzip.compress(text)),
    "several gzip members": lambda text: gzip.compress(text[:500]) + gzip.compress(text[500:]),
}


def assert_same(found: Table, wanted: Table) -> None:
    np.testing.assert_array_equal(found.X, wanted.X)
    np.testing.assert_array_equal(found.y, wanted.y)
    assert found.feature_names == wanted.feature_names


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t"])
@pytest.mark.parametrize("how", PACKED)
def test_a_packed_table_is_the_table_whatever_its_name(how: str, name: str, write: WriteTable) -> None:
    plain = read_table(write(ROWS, "plain.csv"), target="y")
    assert_same(read_table(write(PACKED[how](ROWS.encode()), name), target="y"), plain)


def test_nothing_is_left_behind(write: WriteTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(room))
    path = write(gzip.compress(ROWS.encode()), "t.gz")
    with made_plain(path) as plain:
        assert plain.read_text() == ROWS
        assert room in plain.parents
    assert list(room.iterdir()) == []
    with pytest.raises(FileError):
        read_table(write(gzip.compress(b"a,y\n1,2,3\n"), "bad.gz"), target="y")
    assert list(room.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(ROWS.encode())[:300], r"t cannot be unpacked \(.*\): it is damaged, cut short or locked"),
        (bz2.compress(ROWS.encode())[:300], r"t cannot be unpacked"),
        (b"PK\x03\x04" + bytes(40), r"t cannot be unpacked"),
        (zipped(ROWS.encode(), "u.csv"), r"t is an archive of 2 files where one table is needed"),
        (zstandard.compress(ROWS.encode())[:300], r"t cannot be unpacked \(.*\): it is damaged, cut short or locked"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), r"t cannot be unpacked \(.*\): it is damaged, cut short or locked"),
        (gzip.compress(bytes(2**20)), r"t is a binary file"),
    ],
    ids=["gzip cut", "bzip2 cut", "no archive", "two tables", "zstd cut", "zstd", "binary"],
)
def test_what_cannot_be_unpacked_is_said(content: bytes, said: str, write: WriteTable) -> None:
    with pytest.raises(FileError, match=said):
        read_table(write(content, "t"), target="y")


def test_what_is_made_to_fill_disks_is_refused(write: WriteTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "FREE_BYTES", 0)
    monkeypatch.setattr(packed, "MOST_TIMES", 100)
    with pytest.raises(FileError, match=r"t\.gz unpacks to more than [\d,]+ bytes"):
        read_table(write(gzip.compress(b"a,y\n" + b"1,2\n" * 10**6), "t.gz"), target="y")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_pipe_is_read_once(pack: Callable[[bytes], bytes], tmp_path: Path, write: WriteTable) -> None:
    plain = read_table(write(ROWS, "plain.csv"), target="y")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(pack(ROWS.encode()),))
    writer.start()
    try:
        assert_same(read_table(pipe, target="y"), plain)
    finally:
        writer.join()


KOREAN = "무게;연비\n1,5;20,25\n-2,5;1.000,5\n"


@pytest.mark.parametrize("encoding", ["cp949", "utf-16", "utf-16-le", "euc_kr", "UTF8", "utf-8-sig"])
def test_other_encodings_are_read_where_they_are_named(encoding: str, write: WriteTable) -> None:
    notation = Notation((), ",", ".")
    table = read_table(write(KOREAN.encode(encoding)), target="연비", notation=notation, encoding=encoding)
    np.testing.assert_array_equal(table.X, [[1.5], [-2.5]])
    np.testing.assert_array_equal(table.y, [20.25, 1000.5])
    again = read_features(write(KOREAN.encode(encoding)), table.encoding, characters=encoding)
    np.testing.assert_array_equal(again.X, table.X)


def test_letters_may_be_cut_between_parts(write: WriteTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "PARTS", 3)
    with made_plain(write("가나다\n라마\n".encode("cp949")), "cp949") as plain:
        assert plain.read_text(encoding="utf-8") == "가나다\n라마\n"


def test_text_that_is_in_another_encoding_still_is_said(write: WriteTable) -> None:
    with pytest.raises(FileError, match=r"t\.csv is not text in cp949 \(line 3 holds the byte 0xff\)"):
        read_table(write(b"a,y\n1,2\n\xff\xff,3\n"), target="y", encoding="cp949")


@pytest.mark.parametrize("encoding", ["no such", "hex", "a\0b", ""])
def test_what_is_no_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(InputError, match=r"encoding=.* cannot be used: it must be an encoding of text"):
        check_encoding(encoding)


# ------------------------------------------------------------------------------------------------------------- Parquet
def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def test_parquet_is_read_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=100) * 1e-7, random.normal(size=100)
    path = parquet(
        tmp_path / "t.parquet",
        **{"x": x, "X y": np.arange(100, dtype=np.int16), "yes": [True, False] * 50, "y": y},
        price=[Decimal("1.25")] * 99 + [Decimal("-0.50")],
    )
    table = read_table(path, target="y")
    assert table.feature_names == ("x", "X y", "yes", "price")
    np.testing.assert_array_equal(table.X[:, 0], x)
    np.testing.assert_array_equal(table.X[:, 1], np.arange(100))
    np.testing.assert_array_equal(table.X[:, 2], [1, 0] * 50)
    np.testing.assert_array_equal(table.X[-2:, 3], [1.25, -0.5])
    np.testing.assert_array_equal(table.y, y)


def test_parquet_has_gaps_categories_and_codes(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "t.parquet",
        a=pyarrow.array([1, None, -999, 4, 5]),
        kind=["u", "v", "u", "w", "v"],
        place=pyarrow.array([2, 1, 2, 1, 10]),
        y=[1.0, 2.0, 3.0, 4.0, 5.0],
    )
    table = read_table(path, target="y", categorical=["kind", "place"], missing="mean", notation=Notation(("a:-999",)))
    assert table.feature_names == ("a", "kind=v", "kind=w", "place=2", "place=10")
    np.testing.assert_allclose(table.X[:, 0], [1, 10 / 3, 10 / 3, 4, 5])
    np.testing.assert_array_equal(table.X[:, 1:3], [[0, 0], [1, 0], [0, 0], [0, 1], [1, 0]])
    np.testing.assert_array_equal(table.X[:, 3:], [[1, 0], [0, 0], [1, 0], [0, 0], [0, 1]])
    again = read_features(path, table.encoding)
    np.testing.assert_array_equal(again.X, table.X)


def test_parquet_that_holds_other_things_says_so(tmp_path: Path, write: WriteTable) -> None:
    path = parquet(tmp_path / "t.parquet", day=[date(2020, 1, k) for k in (1, 2, 3)], y=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"text in the column 'day' \('2020-01-01' in row 1.*they are dates or times"):
        read_table(path, target="y")
    cut = write(path.read_bytes()[:200], "cut.parquet")
    with pytest.raises(FileError, match=r"cut\.parquet cannot be read as Parquet"):
        read_table(cut, target="y")


def test_weights_are_a_column_of_their_own(write: WriteTable) -> None:
    path = write("w,a,y\n1,5,2\n0.5,,3\n2,6,4\n")
    table = read_table(path, target="y", weights="w", missing="drop")
    assert table.feature_names == table.encoding.columns == ("a",)
    np.testing.assert_array_equal(table.weight, [1.0, 2.0])
    filled = read_table(path, target="y", weights="w", missing="mean")
    np.testing.assert_array_equal(filled.weight, [1.0, 0.5, 2.0])
    assert filled.encoding.means == (5.5,)
    with pytest.raises(InputError, match=r"1 row of .* has no weight in 'w', and a mean is no weight"):
        read_table(write("w,a,y\n1,5,2\n,4,3\n"), target="y", weights="w", missing="mean")
    with pytest.raises(InputError, match=r"the column of weights 'a' is named by features too"):
        read_table(path, target="y", weights="a", features=["a"])
