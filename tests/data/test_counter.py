"""A binary counter: the same bits in whatever order blocks arrive, and few roundings."""

import pickle
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from operator import add
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from downslope.data.counter import BinaryCounter, Together


def added(numbers: list[int], values: Any) -> Any:
    counter = BinaryCounter()
    for number in numbers:
        counter.add(number, values[number])
    return counter.total()


@given(st.integers(1, 70), st.randoms(use_true_random=False))
def test_blocks_are_merged_as_neighbours_whatever_their_order(n: int, random: Any) -> None:
    numbers = list(range(n))
    random.shuffle(numbers)
    # Lists add up by being joined: the order shows.
    assert added(numbers, [[k] for k in range(n)]) == list(range(n))


@given(st.integers(1, 200), st.randoms(use_true_random=False))
def test_bits_do_not_depend_on_the_order(n: int, random: Any) -> None:
    values = np.random.default_rng(n).normal(size=n) * 10.0 ** np.random.default_rng(n).integers(-8, 8, n)
    numbers = list(range(n))
    random.shuffle(numbers)
    assert added(numbers, values) == added(list(range(n)), values)


def test_rounding_grows_with_the_logarithm_of_the_blocks() -> None:
    values = np.random.default_rng(0).uniform(0.5, 1.5, 2**14)
    exact = sum(map(Fraction, values.tolist()))
    wrong = [
        abs(float(Fraction(float(total)) / exact - 1))
        for total in (added(list(range(2**14)), values), reduce(add, values))
    ]
    assert wrong[0] <= 14 * 2**-53
    assert wrong[0] < wrong[1]


@pytest.mark.parametrize("stop", [1, 5, 8, 11])
def test_what_was_counted_is_a_value_to_go_on_from(stop: int) -> None:
    values = np.random.default_rng(1).normal(size=13)
    counter = BinaryCounter()
    for number in range(stop):
        counter.add(number, values[number])
    assert len(counter.parts) == stop.bit_count()
    counter = BinaryCounter(pickle.loads(pickle.dumps(counter.parts)))
    for number in range(stop, 13):
        counter.add(number, values[number])
    assert counter.total() == added(list(range(13)), values)


def test_threads_may_add_to_one_counter() -> None:
    values, counter = np.random.default_rng(2).normal(size=4096), BinaryCounter()

    def count(first: int) -> None:
        for number in range(first, 4096, 4):
            counter.add(number, values[number])

    threads = [Thread(target=count, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.total() == added(list(range(4096)), values)


def test_several_values_add_up_each_on_its_own() -> None:
    total = Together((1, [1])) + Together((2, [2])) + Together((3, [3]))
    assert tuple(total) == (6, [1, 2, 3])
    with pytest.raises(ValueError, match="shorter"):
        Together((1, 2)) + Together((1,))
    assert all(before < after for before, after in pairwise(total[1]))
