"""Made-up rows whose true line is known: y = Xw + b, uniform noise, and outliers put in visibly."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

if TYPE_CHECKING:
    from downslope.displays import FitDisplay

__all__ = ["LinearData", "make_linear"]

Array = NDArray[np.float64]
Randomness = np.random.Generator | np.random.RandomState


@dataclass(frozen=True, eq=False)
class LinearData:
    """Rows with the line they were made from, as `make_linear` hands them out.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        The features, uniform in (0, 1).
    y : ndarray of shape (n_samples,)
        The target, Xw + b with the noise and the outliers.
    coef : ndarray of shape (n_features,)
        The true coefficients w.
    intercept : float
        The true intercept b.
    noise : float
        The noise is uniform in ± this.
    outliers : ndarray of shape (outliers,), int
        The rows that were moved off the line, in increasing order.
    feature_names : tuple of str
        `("x",)` for one feature, `("x1", "x2", ...)` for several.

    Examples
    --------
    >>> from downslope import make_linear
    >>> data = make_linear(coef=0.3, intercept=0.5, noise=0.01, random_state=0)
    >>> data.X.shape, data.coef.tolist(), data.intercept
    ((100, 1), [0.3], 0.5)
    """

    X: Array = field(repr=False)
    y: Array = field(repr=False)
    coef: Array
    intercept: float
    noise: float
    outliers: NDArray[np.int64]
    feature_names: tuple[str, ...]

    def plot(self, ax: Any = None) -> "FitDisplay":
        """Draw the rows, the outliers marked, with the true line.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        FitDisplay
            The picture, with its `figure_` and `ax_`.
        """
        # An upward import: the rows are useful without any picture, and matplotlib is optional.
        from downslope.displays import FitDisplay

        return FitDisplay.from_data(self, ax=ax)


def make_linear(
    coef: float | Sequence[float] | ArrayLike = 0.3,
    intercept: float = 0.5,
    n_samples: int = 100,
    noise: float = 0.01,
    outliers: int = 0,
    random_state: int | Randomness | None = None,
    *,
    outlier_size: float = 1.0,
) -> LinearData:
    """Make rows y = Xw + b + noise, of any number of features.

    x is uniform in (0, 1) and the noise uniform in ±`noise`. An outlier is moved up or down by
    (1 + `outlier_size`) times the span that y can have, Σ abs(wⱼ) + 2 · `noise`, so it lies at least
    `outlier_size` spans off every row on the line. The same `random_state` gives the same rows, with or
    without the outliers.

    Parameters
    ----------
    coef : float or array-like of shape (n_features,), default=0.3
        The true coefficients w; a number makes one feature.
    intercept : float, default=0.5
        The true intercept b.
    n_samples : int, default=100
        The number of rows.
    noise : float, default=0.01
        The largest deviation from the line, in units of y.
    outliers : int, default=0
        How many rows are moved off the line.
    random_state : int, numpy Generator, RandomState or None, default=None
        An int makes the rows repeatable; None takes new ones each time.
    outlier_size : float, default=1.0
        How far beyond all other rows the outliers lie, in spans of y.

    Returns
    -------
    LinearData
        `X`, `y`, the true parameters, the rows that are outliers, and `plot()`.

    Raises
    ------
    InputError
        For an argument that cannot be used.

    Examples
    --------
    >>> data = make_linear([0.3, 0.5, 0.7], intercept=0.2, n_samples=50, outliers=2, random_state=0)
    >>> data.X.shape, data.feature_names, data.outliers.tolist()
    ((50, 3), ('x1', 'x2', 'x3'), [20, 39])
    """
    w = _coefficients(coef)
    b = _number("intercept", intercept)
    noise = _number("noise", noise, least=0.0)
    outlier_size = _number("outlier_size", outlier_size, least=0.0)
    n_samples = _count("n_samples", n_samples, least=1)
    outliers = _count("outliers", outliers, least=0)
    if outliers > n_samples:
        asked = Remedy("outliers", outliers), Remedy("n_samples", n_samples)
        raise InputError(Finding.of("generated.too_many_outliers", *asked))

    random = _random(random_state)
    X = random.uniform(0.0, 1.0, size=(n_samples, len(w)))
    with np.errstate(over="ignore", invalid="ignore"):
        y = X @ w + b + noise * random.uniform(-1.0, 1.0, size=n_samples)
        # Drawn last, so that the other rows are the same with and without outliers.
        rows = np.sort(random.permutation(n_samples)[:outliers]).astype(np.int64)
        side = np.where(random.uniform(size=outliers) < 0.5, -1.0, 1.0)
        span = float(np.abs(w).sum()) + 2.0 * noise
        # A flat line without noise has no span to measure by.
        y[rows] += side * (1.0 + outlier_size) * (span if span > 0 else 1.0)
    if not np.isfinite(y).all():
        raise InputError(Finding.of("generated.overflow"))
    return LinearData(X, y, w, b, noise, rows, _names(len(w)))


def _names(n_features: int) -> tuple[str, ...]:
    return ("x",) if n_features == 1 else tuple(f"x{j + 1}" for j in range(n_features))


def _coefficients(coef: float | Sequence[float] | ArrayLike) -> Array:
    try:
        w = np.atleast_1d(np.array(coef))
    except ValueError:  # lists of different lengths
        w = np.empty(0)
    if w.ndim != 1 or w.size == 0 or w.dtype.kind not in "iuf" or not np.isfinite(w).all():
        raise InputError(Finding.of("generated.not_coefficients", Remedy("coef", coef)))
    return w.astype(np.float64)


def _number(name: str, value: object, least: float = -sys.float_info.max) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # an int of more than 308 digits
        number = math.inf
    if least <= number < math.inf:
        return number
    code = "generated.not_finite" if least < 0 else "generated.too_small"
    raise InputError(Finding.of(code, got=Remedy(name, value), least=least))


def _count(name: str, value: object, least: int) -> int:
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least:
        return int(value)
    raise InputError(Finding.of("generated.not_a_count", got=Remedy(name, value), least=least))


def _random(random_state: object) -> Randomness:
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    if random_state is None:
        return np.random.default_rng()
    if isinstance(random_state, Integral) and not isinstance(random_state, bool) and int(random_state) >= 0:
        return np.random.default_rng(int(random_state))
    raise InputError(Finding.of("generated.not_random", Remedy("random_state", random_state)))
