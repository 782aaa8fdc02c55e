"""Lists of parts, and what errors of others say."""

import errno
import os

import pytest

from downslope.texts import Finding, Remedy, speaking
from downslope.texts.parts import cause_of, enumerate_parts, quote_names, system_reason


@pytest.mark.parametrize(
    ("names", "english", "korean"),
    [
        (["a", 1], "'a', 1", "'a', 1"),
        ("abcdefghijkl", ", ".join(map(repr, "abcdefghijkl")), ", ".join(map(repr, "abcdefghijkl"))),
        ("abcdefghijklmn", f"{', '.join(map(repr, 'abcdefghijkl'))} and 2 more", "'l' 외 2개"),
    ],
)
def test_a_dozen_names_are_listed(names: list[object], english: str, korean: str) -> None:
    said = quote_names(names)
    assert str(said) == english
    with speaking("ko"):
        assert str(said).endswith(korean)


def test_the_parts_of_a_long_list_need_not_be_made() -> None:
    assert str(enumerate_parts(["a", "b"], 2, "list.more_columns", of=9)) == "a, b and 7 more columns"


def test_remedies_and_findings_are_parts() -> None:
    finding = Finding.of("generated.too_small", got=Remedy("noise", -1.0), least=0.0)
    assert str(finding) == "noise=-1.0 cannot be used: it must be a finite number of at least 0"
    assert Finding.from_dict(finding.to_dict()) == finding


def test_an_error_says_its_finding_or_its_own_words() -> None:
    finding = Finding.of("rows.no_weight")
    assert cause_of(ValueError(finding)) is finding
    assert [cause_of(ValueError("odd")), cause_of(ValueError())] == ["odd", ""]


@pytest.mark.parametrize("code", ["EACCES", "ENOENT", "ENOSPC", "EISDIR"])
def test_common_reasons_of_the_system_are_known(code: str) -> None:
    number = getattr(errno, code)
    error = OSError(number, os.strerror(number))
    assert str(system_reason(error)) == os.strerror(number)
    with speaking("ko"):
        assert str(system_reason(error)).endswith("요")


def test_other_reasons_stand_as_they_are() -> None:
    assert [system_reason(OSError(9999, "no such thing")), system_reason(OSError("odd"))] == ["no such thing", "odd"]
