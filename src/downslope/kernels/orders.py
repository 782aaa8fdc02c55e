"""The orders in which rows are visited."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.kernels import uncompiled
from downslope.kernels.compiling import compiled
from downslope.kernels.rows import unsigned

__all__ = ["orders_of_passes", "shuffled_indices", "take"]

# Python shuffles fewer itself, in milliseconds; an exchange takes it as long as so many columns of a row.
FEW_ROWS = 2**15
AN_EXCHANGE = 4
# Below this, handing work to a thread takes longer than the work.
MANY_ROWS = 2**16


def orders_of_passes(n: int, seed: int | None) -> Generator[NDArray[Any], None, None]:
    """The order of the rows in each pass, as scikit-learn shuffles them with a seed; as they lie with None.

    An order is overwritten when the next is asked for.
    """
    if seed is None:
        order = np.arange(n, dtype=np.int32)
        while True:
            yield order
    exchange = shuffled_indices(n, seed)
    order, spare = exchange.copy(), np.empty_like(exchange)
    if n < MANY_ROWS:
        while True:
            yield order
            order.take(exchange, out=spare, mode="clip")
            order, spare = spare, order
    # The next order is made beside the pass: for few columns a tenth of its time.
    beside = ThreadPoolExecutor(1)
    try:
        while True:
            made = beside.submit(take, order, exchange, spare)
            yield order
            made.result()
            order, spare = spare, order
    finally:
        # After the last pass nobody needs the order that is being made.
        beside.shutdown(wait=False)


def shuffled_indices(n: int, seed: int) -> NDArray[Any]:
    """The indices 0 … n - 1 as scikit-learn shuffles them.

    Every pass makes the same exchanges, so that the order of pass k + 1 is that of pass k taken in this order.
    """
    order = np.arange(n, dtype=np.int32)
    if n < FEW_ROWS and uncompiled.pythons_work.takes(AN_EXCHANGE * n):
        exchanged = order.tolist()
        shuffle(exchanged, seed)
        return np.array(exchanged, dtype=np.int32)
    shuffle_many(order, seed)
    return order


def shuffle(order: Any, seed: int) -> None:
    """Shuffle an array or a list: Fisher and Yates with Marsaglia's xorshift of 32 bits."""
    state = seed if seed > 0 else 1
    for i in range(len(order) - 1):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        j = unsigned(i) + unsigned(state & 0x7FFFFFFF) % unsigned(len(order) - i)
        order[i], order[j] = order[j], order[i]


shuffle_many = compiled(shuffle)


@compiled
def take(values: NDArray[Any], places: NDArray[Any], out: NDArray[Any]) -> None:
    """Write ``values[places]``: numpy's own way makes a copy more, or takes half as long again."""
    for k in range(places.size):
        out[k] = values[np.uint64(places[k])]
