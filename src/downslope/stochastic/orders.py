"""The orders in which rows are visited."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.stochastic.compiling import compiled

__all__ = ["shuffled_indices"]


@compiled
def shuffled_indices(n: int, seed: int) -> NDArray[Any]:
    """The indices 0 … n - 1 as scikit-learn shuffles them: Fisher and Yates with Marsaglia's xorshift of 32 bits.

    Every pass makes the same exchanges, so that the order of pass k + 1 is that of pass k taken in this order.
    """
    order = np.arange(n).astype(np.int32)
    state = np.uint32(seed)
    if state == 0:
        state = np.uint32(1)
    for i in range(n - 1):
        state ^= np.uint32(state << np.uint32(13))
        state ^= np.uint32(state >> np.uint32(17))
        state ^= np.uint32(state << np.uint32(5))
        j = i + np.int64((state & np.uint32(0x7FFFFFFF)) % np.uint32(n - i))
        order[i], order[j] = order[j], order[i]
    return order
