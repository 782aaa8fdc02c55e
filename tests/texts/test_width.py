"""How wide words are, and lines and tables of them."""

import pytest

from downslope.texts.width import align, display_width, shorten, wrap


@pytest.mark.parametrize(
    ("text", "width", "in_east_asia"),
    [("", 0, 0), ("rate 0.1", 8, 8), ("학습률", 6, 6), ("２", 2, 2), ("η·λ_max", 7, 10), ("한 e", 4, 4)],
)
def test_the_width_of_letters(text: str, width: int, in_east_asia: int) -> None:
    assert (display_width(text), display_width(text, ambiguous=2)) == (width, in_east_asia)


@pytest.mark.parametrize(("room", "left"), [(9, "가중치 η"), (8, "가중치 η"), (7, "가중치 "), (5, "가중"), (0, "")])
def test_what_there_is_room_for(room: int, left: str) -> None:
    assert shorten("가중치 η", room) == left


def test_a_word_that_has_no_room_stands_alone() -> None:
    assert wrap("a standardised learning-rate b", 8) == ["a", "standardised", "learning-rate", "b"]


def test_columns_of_a_table_end_in_one_place() -> None:
    lines = align(
        [("", "학습률", "결과"), ("gd", "0.1", "수렴"), ("momentum", "12.5", "최대 에포크 도달")], left=(0, 2)
    )
    assert lines == [
        "          학습률  결과",
        "gd           0.1  수렴",
        "momentum    12.5  최대 에포크 도달",
    ]
