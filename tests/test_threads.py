"""Who limits the threads of BLAS gives them back, in whatever order several leave."""

from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from downslope.threads import one_blas_thread


@pytest.fixture(autouse=True)
def two_blas_threads() -> Iterator[None]:
    """Of one thread, as on a single core, there would be nothing to limit."""
    np.eye(2) @ np.eye(2)  # numpy brings the BLAS, where no other test has
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_has_one_thread_within_and_its_own_number_after() -> None:
    before = blas_threads()
    assert set(before) == {2}
    with one_blas_thread():
        assert set(blas_threads()) == {1}
        with one_blas_thread():
            assert set(blas_threads()) == {1}
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_the_first_to_leave_restores_nothing_while_another_needs_it() -> None:
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before
