"""Files that are no tables: one sentence each."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downslope.data.tables import layout
from downslope.data.tables.files import read_table
from downslope.data.tables.layout import Layout, explain_failure, read_layout
from downslope.exceptions import FileError, MissingDependencyError
from downslope.texts import LANGUAGES
from downslope.texts.catalogue import templates

Write = Callable[..., Path]
KOREAN = "연비,무게,y\n1,2,3\n"


def sentence_of(path: Path, **options: Any) -> str:
    """What `read_table` says of a file, after checking its form."""
    with pytest.raises(FileError) as caught:
        read_table(path, target="y", **options)
    sentence = str(caught.value)
    assert sentence.count(str(path)) == 1
    assert "\n" not in sentence
    assert "duckdb" not in sentence.lower()
    return sentence.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "FILE is empty: give a table with a header and rows"),
        ("\n \r\n\n", "FILE is empty"),
        ("\ufeff", "FILE is empty"),
        ("x,y", "FILE has a header and no rows"),
        ("x,y\n\n\n", "FILE has a header and no rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "FILE is a binary file"),
        (b"x,y\n1,2\n\x00", "FILE is a binary file"),
        (
            KOREAN.encode("utf-16"),
            "FILE is encoded in UTF-16: say so with encoding='utf-16', or save it as CSV in UTF-8",
        ),
        (KOREAN.encode("utf-16-be"), "FILE is a binary file"),
        (
            KOREAN.encode("cp949"),
            "FILE is not text in UTF-8 (line 1 holds the byte 0xbf): name its encoding with encoding",
        ),
        (b"x,y\n1,2\n" + "무,3\n".encode("cp949"), "FILE is not text in UTF-8 (line 3 holds the byte 0xb9)"),
        (KOREAN.encode()[:4], "FILE is not text in UTF-8 (line 1"),
        ("x,y\n1,2\n1,2,3\n", "FILE has 3 values in line 3 where the header names 2 columns: correct that line"),
        ("a,x,y\n1,2,3\n\n1\n", "FILE has 1 value in line 4 where the header names 3 columns"),
        ("x,y\n1,2\n  \n3,4\n", "FILE has 1 value in line 3 where the header names 2 columns"),
        ('n,x,y\n"a\nb",1,2\n"c",2\n', "FILE has 2 values in line 4 where the header names 3 columns"),
        ("x\ty\n1\t2\n1\t2\t3\n", r"(quote a value that holds '\t')"),
        ('n,x,y\n1,2,3\n"a,2,3\n4,5,6\n', "FILE has a row that cannot be read, beginning in line 3 (unexpected end"),
        ('n,x,y\n"a"b,2,3\n', "FILE has a row that cannot be read, beginning in line 2"),
        ("x,y\r\n1,2\r\n3,4\n5,6\r\n", "FILE mixes the line ends of Windows and Unix: save it again with one kind"),
    ],
)
def test_files_that_are_no_tables(write: Write, content: str | bytes, sentence: str) -> None:
    assert sentence in sentence_of(write(content))


@pytest.mark.parametrize("n_before", [0, 5, 700_000])
def test_a_line_that_no_row_is_as_long_as_is_told_wherever_it_stands(write: Write, n_before: int) -> None:
    path = write("x,y\n" + "1,2\n" * n_before + "1" * 5_000_000 + ",2\n1,2\n")
    said = f"has a line of more than 2,000,000 bytes, line {n_before + 2}: rows must end in line ends, so check"
    assert said in sentence_of(path)


def test_a_byte_that_is_not_utf8_far_down_the_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "HEAD_BYTES", 100)
    path = write(b"x,n,y\n" + b"1,a,2\n" * 1000 + "3,가,4\n".encode("cp949"))
    assert "(line 1002 holds the byte 0xb0)" in sentence_of(path, categorical=["n"])


def test_the_head_may_end_inside_a_letter_or_a_row(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("무게;y\n" + "1;2\n" * 9)
    for n_bytes in range(12, 30):
        monkeypatch.setattr(layout, "HEAD_BYTES", n_bytes)
        assert read_layout(path) == Layout(path, ";", ("무게", "y"), frozenset(), 0, path)
    monkeypatch.setattr(layout, "HEAD_BYTES", 5)
    assert sentence_of(path).startswith("FILE has no line end in its first 5 bytes")


def test_a_header_of_one_endless_cell(write: Write) -> None:
    assert sentence_of(write("x" * 200_000 + ",y\n1,2\n")).startswith("FILE has no header that can be read")


def test_places_that_are_no_files(tmp_path: Path) -> None:
    assert sentence_of(tmp_path) == "FILE names no file: give a file, a folder with tables or a pattern that fits some"
    assert sentence_of(tmp_path / "none.csv") == "there is no file FILE: check the path"
    assert sentence_of(tmp_path / "none" / "t.csv") == "there is no file FILE: check the path"


def test_a_file_that_may_not_be_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("x,y\n1,2\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    found = read_layout(path)
    # The catalogue is read with the same function, once.
    for language in LANGUAGES:
        templates(language)
    monkeypatch.setattr(Path, "open", refuse)
    expected = f"{path} cannot be read (Permission denied): check its permissions"
    with pytest.raises(FileError) as caught:
        read_layout(path)
    assert str(caught.value) == expected
    assert str(explain_failure(found, "some cause")) == expected


def test_a_failure_that_nothing_explains_gives_the_reader_s_first_line(write: Write) -> None:
    found = read_layout(write("x,y\n1,2\n"))
    assert str(explain_failure(found, "Out of Memory Error")).endswith(
        "cannot be read as a table (Out of Memory Error): save it as CSV in UTF-8"
    )


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        ("x\n1\n", ",", ("x",)),
        ("a b\n1 2\n", ",", ("a b",)),
        ("a;b\n1,5;2,5\n", ";", ("a", "b")),
        ("a,b;c\n1;2\n", ";", ("a,b", "c")),
        ("a,b;c,d\n1,2,3\n", ",", ("a", "b;c", "d")),
        ("a|b\tc|d\n1|2|3\n", "|", ("a", "b\tc", "d")),
        (" a ,,b\n1,2,3\n", ",", ("a", "column 2", "b")),
    ],
)
def test_the_delimiter_is_the_one_that_makes_rows_alike(
    write: Write, text: str, delimiter: str, names: tuple[str, ...]
) -> None:
    found = read_layout(write(text))
    assert (found.delimiter, found.names) == (delimiter, names)
    assert found.unnamed == {name for name in names if name.startswith("column")}


def test_without_duckdb_the_extra_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingDependencyError, match=r"Downslope with its extra \[data\]"):
        read_table(write("x,y\n1,2\n"), target="y")
