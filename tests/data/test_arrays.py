"""Rows in memory: every row once, in order, in place, and the same bits on any number of cores."""

import os
import signal
import threading
import time
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from threadpoolctl import threadpool_info

from downslope.data import arrays
from downslope.data.arrays import LEAST_BLOCKS, PARALLEL_BYTES, ArraySource, n_cores
from downslope.data.block import SLICE_BYTES, Block
from downslope.objective.losses import Huber
from downslope.objective.objective import BlockLoss
from downslope.statistics.moments import gather, gather_columns

Array = np.ndarray


def rows(n_rows: int, n_features: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """X, y = 0, 1, 2 …, and weights."""
    random = np.random.default_rng(seed)
    return random.random((n_rows, n_features)), np.arange(float(n_rows)), random.random(n_rows)


def edges(block: Block) -> list[tuple[int, int]]:
    """The first row and the one after the last: lists add up, so a source shows all its blocks in order."""
    assert block.X.shape[0] == block.y.size
    return [(int(block.y[0]), int(block.y[-1]) + 1)]


# -------------------------------------------------------------------------------------------- blocks and segments
@pytest.mark.parametrize(
    ("n_rows", "n_features", "block_bytes", "n_blocks"),
    [
        (100, 3, 2**23, 1),
        (PARALLEL_BYTES // 80, 10, 2**23, 1),
        (PARALLEL_BYTES // 80 + 1, 10, 2**23, 13),
        (100_003, 10, 2**17, 49),
        (5, 150_000, 2**23, 5),
        (20, 150_000, 2**18, 20),
    ],
    ids=["small", "just small", "just large", "many", "few rows", "few and wide rows"],
)
@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_are_consecutive_and_cover_every_row_once(
    n_rows: int, n_features: int, block_bytes: int, n_blocks: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "BLOCK_BYTES", block_bytes)
    X = np.broadcast_to(np.zeros(n_features), (n_rows, n_features))
    with ArraySource(X, np.arange(float(n_rows)), threads=threads) as source:
        found = source.scan(edges)[0]
    assert found[0][0] == 0
    assert found[-1][1] == n_rows
    assert all(before[1] == after[0] for before, after in pairwise(found))
    sizes = {stop - start for start, stop in found[:-1]}
    assert len(found) == n_blocks
    # Of one size, a power of two, but for the last.
    assert len(sizes) == (n_blocks > 1)
    assert all(size.bit_count() == 1 for size in sizes)


def test_blocks_know_their_numbers() -> None:
    X, y, _ = rows(60_000, 12)
    with ArraySource(X, y, threads=3) as source:
        (found,) = source.scan(lambda block: [(block.number, float(block.y[0]))])
    assert [number for number, _ in found] == list(range(len(found)))
    assert [first for _, first in found] == sorted(first for _, first in found)


def test_one_read_serves_several_tasks() -> None:
    X, y, _ = rows(60_000, 12)
    seen: list[int] = []
    with ArraySource(X, y, threads=2) as source:
        counts, numbers = source.scan(
            lambda block: seen.append(block.number) or [block.y.size], lambda block: [block.number]
        )
    assert sum(counts) == 60_000
    assert sorted(seen) == numbers


@pytest.mark.parametrize("order", [None, np.arange, lambda n: np.arange(n)[::-1]], ids=["none", "as is", "backwards"])
def test_the_rows_in_sequence(order: Any) -> None:
    X, y, weight = rows(30, 2)
    (block,) = ArraySource(X, y, weight).blocks(order)
    assert block.X is X
    assert block.number == 0
    assert (block.order is None) == (order is None)
    if order is not None:
        assert block.order.tolist() == order(30).tolist()


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_sums_have_the_same_bits_on_any_number_of_threads(kind: str) -> None:
    X, y, weight = rows(60_000, 12)
    if kind == "sparse":
        X = scipy.sparse.csr_array(X)
    function = BlockLoss(Huber(100.0), np.linspace(-1, 1, 12), 0.3)
    with ArraySource(X, y, weight, threads=1) as source:
        alone = source.scan(function)[0]
    for threads in (2, 3, 16):
        with ArraySource(X, y, weight, threads=threads) as source:
            together = source.scan(function)[0]
        assert (together.loss, together.squares, together.total) == (alone.loss, alone.squares, alone.total)
        np.testing.assert_array_equal(together.gradient, alone.gradient)


def test_the_sum_over_blocks_is_the_sum_over_rows() -> None:
    X, y, weight = rows(60_000, 12)
    with ArraySource(X, y, weight) as source:
        found = source.scan(BlockLoss(Huber(100.0), np.ones(12), 0.0))[0]
    once = BlockLoss(Huber(100.0), np.ones(12), 0.0)(Block(X, y, weight))
    assert found.loss == pytest.approx(once.loss, rel=1e-13)
    np.testing.assert_allclose(found.gradient, once.gradient, rtol=1e-12)


# --------------------------------------------------------------------------------------------------- in place
def test_blocks_are_views() -> None:
    X, y, weight = rows(60_000, 12)

    def in_place(block: Block) -> list[bool]:
        pairs = ((block.X, X), (block.y, y), (block.weight, weight))
        return [np.shares_memory(part, whole) for part, whole in pairs]

    with ArraySource(X, y, weight) as source:
        assert source.scan(in_place)[0] == [True] * 3 * 15


@pytest.fixture(scope="module")
def tall() -> Array:
    """96 MB of rows: what a thread works with must be small beside them."""
    return rows(1_000_000, 12)[0]


@pytest.mark.parametrize(
    "read",
    [gather, gather_columns, lambda source: source.scan(BlockLoss(Huber(), np.ones(source.schema.n_features), 0.0))[0]],
    ids=["moments", "column moments", "one epoch of the data engine"],
)
@pytest.mark.parametrize(
    ("offset", "weighted"), [(0.0, False), (0.0, True), (1e4, False)], ids=["plain", "weighted", "far from zero"]
)
def test_reading_takes_a_tenth_of_the_rows_at_most(
    read: Callable[[Any], Any], offset: float, weighted: bool, tall: Array
) -> None:
    X = tall + offset if offset else tall
    y = np.zeros(len(X))
    with ArraySource(X, y, y + 1 if weighted else None, threads=2) as source:
        tracemalloc.start()
        try:
            read(source)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak <= 0.1 * X.nbytes


# ---------------------------------------------------------------------------------------------------- threads
def test_blas_has_one_thread_inside_and_its_own_outside() -> None:
    def blas_threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = blas_threads()
    X, y, _ = rows(60_000, 12)
    with ArraySource(X, y, threads=2) as source:
        inside = source.scan(lambda block: blas_threads())[0]
    assert set(inside) <= {1}
    assert blas_threads() == before


def test_leaving_the_context_ends_the_threads_and_the_source_can_be_used_again() -> None:
    X, y, _ = rows(60_000, 12)
    source = ArraySource(X, y, threads=2)
    for _ in range(2):
        with source:
            assert source._pool is None
            source.scan(edges)[0]
            pool = source._pool
            source.scan(edges)[0]
            assert source._pool is pool
        assert source._pool is None


@pytest.mark.parametrize("way", ["error", "interrupt"])
def test_nothing_is_read_on_after_an_error_or_an_interrupt(way: str) -> None:
    X, y, _ = rows(60_000, 12)
    seen: list[Block] = []
    failing = threading.Lock()

    def function(block: Block) -> list[int]:
        seen.append(block)
        if failing.acquire(blocking=False):
            if way == "error":
                raise ArithmeticError
            signal.raise_signal(signal.SIGINT)
        time.sleep(0.05)
        return []

    # Where the shell has made the tests ignore it, an interrupt would not be one.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises((ArithmeticError, KeyboardInterrupt)), ArraySource(X, y, threads=2) as source:
            source.scan(function)[0]
    finally:
        signal.signal(signal.SIGINT, handler)
    # Each thread ends what it was at.
    assert len(seen) < LEAST_BLOCKS // 2


def test_the_cores_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2, 5}, raising=False)
    assert n_cores() == 3
    assert ArraySource(np.zeros((1, 1)), np.zeros(1))._threads == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert n_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert n_cores() == 1


def test_overflow_inside_a_block_gives_no_warning() -> None:
    with ArraySource(np.full((3, 1), 1e200), np.zeros(3)) as source:
        assert source.scan(lambda block: [float(block.X[0, 0] ** 2)])[0] == [np.inf]


# ----------------------------------------------------------------------------------------- shape, sample, slices
@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_shape(kind: Callable[[Array], Any]) -> None:
    source = ArraySource(kind(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])), np.zeros(3))
    assert (source.n_rows, source.schema.n_features) == (3, 2)
    assert source.schema.stored(source.n_rows) == (6 if kind is np.asarray else 3)
    assert source.schema.spoken_names == ["x0", "x1"]
    assert source.resident() is source


@pytest.mark.parametrize("kind", [np.asarray, np.float32, scipy.sparse.csr_array])
@pytest.mark.parametrize(("n_rows", "wanted", "taken"), [(3, 10, [0, 1, 2]), (101, 5, [0, 25, 50, 75, 100])])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_peek_is_spread_over_all_rows(
    kind: Callable[[Array], Any], n_rows: int, wanted: int, taken: list[int], weighted: bool
) -> None:
    X, numbers = np.column_stack([np.arange(float(n_rows)), np.ones(n_rows)]), np.arange(float(n_rows))
    seen = ArraySource(kind(X), 2 * numbers, 3 * numbers if weighted else None).peek(wanted)
    assert isinstance(seen.X, np.ndarray)
    assert seen.X.dtype == np.float64
    np.testing.assert_array_equal(seen.X, X[taken])
    assert seen.y.tolist() == [2 * row for row in taken]
    assert (seen.weight is None) != weighted
    if weighted:
        assert seen.weight.tolist() == [3 * row for row in taken]


@pytest.mark.parametrize("kind", [np.asarray, np.float32, scipy.sparse.csr_array], ids=["f64", "f32", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shift", [None, np.array([0.5, -2.0, 0.0])], ids=["as they are", "shifted"])
def test_dense_slices_are_the_rows_less_the_shift(
    kind: Callable[[Array], Any], weighted: bool, shift: Array | None
) -> None:
    n_rows = SLICE_BYTES // 24 + 1000
    X, y, weight = rows(n_rows, 3)
    X = X.astype(np.float32).astype(float)
    parts = list(Block(kind(X), y, weight if weighted else None).dense_slices(shift))
    assert len(parts) == 2
    assert all(part.X.dtype == np.float64 and part.X.nbytes <= SLICE_BYTES for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.X for part in parts]), X - (0 if shift is None else shift))
    np.testing.assert_array_equal(np.concatenate([part.y for part in parts]), y)
    if weighted:
        np.testing.assert_array_equal(np.concatenate([part.weight for part in parts]), weight)
    else:
        assert [part.weight for part in parts] == [None, None]


def test_a_block_without_rows_has_one_slice() -> None:
    (part,) = Block(np.zeros((0, 3)), np.zeros(0)).dense_slices(np.ones(3))
    assert part.X.shape == (0, 3)


def test_wide_rows_are_sliced_a_few_hundred_at_a_time() -> None:
    X = np.broadcast_to(0.0, (600, 40_000))
    assert [part.y.size for part in Block(X, np.zeros(600)).dense_slices(None)] == [256, 256, 88]
