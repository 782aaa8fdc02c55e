"""Integers that float64 cannot hold: it has 53 bits, and a number of an order or an account may have more."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST", "Rounded", "find_rounded"]

# Up to here each integer is a float64.
LARGEST = 2**53


class Rounded(NamedTuple):
    """What making float64 of a column of integers has changed.

    Attributes
    ----------
    n_rounded : int
        Integers that were rounded.
    first : int
        The first of them.
    share : float
        How far apart they were moved, as a share of the standard deviation of the column.
    """

    n_rounded: int
    first: int
    share: float


def find_rounded(column: NDArray[Any]) -> Rounded | None:
    """The integers of a column (n,) of integers or objects that float64 cannot hold; None where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> find_rounded(np.array([2**53, 2**53 + 1, 0]))[:2]
    (1, 9007199254740993)
    """
    if column.dtype != object and (column.dtype.itemsize < 8 or not column.size or within(column)):
        return None
    given = [int(cell) for cell in column.tolist() if isinstance(cell, int | np.integer)]
    moved = [int(float(cell)) - cell for cell in given]
    changed = [place for place, by in enumerate(moved) if by]
    if not changed:
        return None
    spread, apart = float(np.std(np.array(given, dtype=np.float64))), float(max(moved) - min(moved))
    return Rounded(len(changed), given[changed[0]], 0.0 if not apart else apart / spread if spread else np.inf)


def within(column: NDArray[Any]) -> bool:
    """Whether all integers are small enough to be float64."""
    return bool(column.max() <= LARGEST) and bool(column.min() >= -LARGEST)
