"""What undoes a triangular factor: substitution, or the pseudo-inverse where it may be singular."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

__all__ = ["Inverse", "by_substitution", "by_svd"]

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)


class Inverse(NamedTuple):
    """The (pseudo-)inverse of a factor R.

    Attributes
    ----------
    solve : callable
        R⁻¹ of a vector.
    solve_normal : callable
        (RᵀR)⁻¹ of a vector.
    condition : float
        Of RᵀR, of its nonzero part where it is singular.
    rank : int
    largest : float
        The largest singular value of R.
    reach : callable
        The part of a vector that R can give.
    weakest : callable
        Gives the left singular vector of the smallest nonzero singular value.
    """

    solve: Callable[[Array], Array]
    solve_normal: Callable[[Array], Array]
    condition: float
    rank: int
    largest: float
    reach: Callable[[Array], Array]
    weakest: Callable[[], Array]


def by_substitution(factor: Array, active: NDArray[np.bool_], smallest: float, largest: float) -> Inverse:
    """The inverse of a well-conditioned triangle; columns that never change get zeros."""
    triangle = factor[np.ix_(active, active)]

    def spread_out(part: Array) -> Array:
        whole = np.zeros(active.size)
        whole[active] = part
        return whole

    def back(vector: Array, trans: str = "N") -> Array:
        return np.asarray(scipy.linalg.solve_triangular(triangle, vector, trans=trans, check_finite=False))

    return Inverse(
        lambda vector: spread_out(back(vector[active])),
        lambda vector: spread_out(back(back(vector[active], trans="T"))),
        largest / smallest,
        int(np.count_nonzero(active)),
        float(np.sqrt(largest)),
        lambda vector: vector,
        lambda: spread_out(scipy.linalg.svd(triangle, check_finite=False)[0][:, -1]),
    )


def by_svd(factor: Array) -> Inverse:
    """The pseudo-inverse of a factor that may be singular."""
    u, singular, vt = scipy.linalg.svd(factor, check_finite=False)
    largest = float(singular[0])
    kept = singular > 4 * max(factor.shape) * EPS * largest
    inverse = np.divide(1.0, singular, out=np.zeros_like(singular), where=kept)
    within = u[:, kept]
    return Inverse(
        lambda vector: vt.T @ (inverse * (u.T @ vector)),
        lambda vector: vt.T @ (inverse**2 * (vt @ vector)),
        (largest / float(singular[kept][-1])) ** 2,
        int(np.count_nonzero(kept)),
        largest,
        lambda vector: within @ (vector @ within),
        lambda: within[:, -1],
    )
