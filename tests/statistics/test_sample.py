"""Rows drawn from blocks: the same ones however the blocks are merged, each as likely as any other."""

from collections.abc import Callable, Sequence
from functools import reduce as fold
from operator import add
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope.statistics.sample import Sample, SampleRows
from tests.problems import Pieces

Array = np.ndarray

N_ROWS, CUTS = 30, (2, 2, 17)
X = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
Y, WEIGHT = -np.arange(float(N_ROWS)), 1.0 + np.arange(float(N_ROWS))
FIELDS = ("keys", "numbers", "places", "X", "y", "weight")


def samples(size: int, seed: int = 0, store: Callable[[Array], Any] = np.asarray) -> list[Sample]:
    """One of each block."""
    return list(map(SampleRows(size, seed), Pieces(store(X), Y, WEIGHT, CUTS).blocks()))


def drawn(parts: Sequence[Sample]) -> Sample:
    return fold(add, parts)


@pytest.mark.parametrize("store", [np.asarray, np.float32, scipy.sparse.csr_array], ids=["dense", "float32", "sparse"])
# As many as one of the blocks has, too: 2, 13, 15.
@pytest.mark.parametrize("size", [1, 2, 7, 13, 15, 29, 30, 31])
def test_rows_stay_together_and_in_their_order(size: int, store: Callable[[Array], Any]) -> None:
    found = drawn(samples(size, store=store))
    assert found.n_rows == N_ROWS
    assert found.whole == (size >= N_ROWS)
    rows = -found.y.astype(int)
    assert rows.size == min(size, N_ROWS)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(found.X, X[rows])
    np.testing.assert_array_equal(found.weight, WEIGHT[rows])
    starts = np.array([0, *CUTS])
    np.testing.assert_array_equal(starts[found.numbers] + found.places, rows)
    assert found.X.dtype == np.float64


def test_rows_without_weights_weigh_one() -> None:
    blocks = Pieces(X, Y, None, CUTS).blocks()
    assert drawn(list(map(SampleRows(7), blocks))).weight.tolist() == [1.0] * 7


@pytest.mark.parametrize("size", [1, 7, 20])
def test_it_does_not_matter_how_blocks_are_merged(size: int) -> None:
    a, b, c, d = samples(size)
    expected = drawn([a, b, c, d])
    for merged in ((a + b) + (c + d), a + (b + (c + d)), (d + b) + (c + a)):
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(merged, name), getattr(expected, name))


@pytest.mark.parametrize("size", [1, 7, 20])
def test_the_rows_of_the_smallest_keys_are_kept(size: int) -> None:
    everything = drawn(samples(N_ROWS))
    smallest = np.sort(np.argsort(everything.keys)[:size])
    np.testing.assert_array_equal(drawn(samples(size)).y, everything.y[smallest])


@pytest.mark.parametrize("size", [1, 10, 20])
def test_each_row_is_as_likely_as_any_other(size: int) -> None:
    """Of 600 seeds: within four and a half standard deviations of a binomial."""
    n_seeds, share = 600, size / N_ROWS
    counts = np.zeros(N_ROWS)
    for seed in range(n_seeds):
        counts[-drawn(samples(size, seed)).y.astype(int)] += 1
    assert np.abs(counts - n_seeds * share).max() < 4.5 * np.sqrt(n_seeds * share * (1 - share))
