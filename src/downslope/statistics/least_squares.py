"""The least-squares problem that the statistics hold, its exact minimum, and how far that can be believed.

Everything stands in centred columns of unit spread, where the condition number is that of the correlations.
Products of columns square it; beyond a condition of 1e10 (of the correlation matrix) they are replaced by an
orthogonal factor from a second pass. Corrections from the residuals of the rows themselves follow
(Björck, "Iterative refinement of linear least squares solutions", 1967) where rounding would show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.exceptions import InputError
from downslope.statistics.coordinates import spread_of
from downslope.statistics.inverse import Inverse, by_substitution, by_svd
from downslope.statistics.moments import Moments, gather
from downslope.statistics.residuals import measure_residuals
from downslope.statistics.triangle import triangulate
from downslope.texts import Finding

__all__ = ["LeastSquares", "Summary", "solve"]

Array = NDArray[np.float64]

EPS = float(np.finfo(float).eps)
# Beyond this the correlation matrix no longer determines its smallest eigenvalue to six digits.
LARGEST_CONDITION = 1e10
# Up to this many values a pass over the rows is free, so the residuals are always looked at.
SMALL = 2_000_000
SMALL_ENOUGH_TO_EXTEND = 20_000
# Rows that are dear to read are read again where fewer digits than this are certain.
ENOUGH_DIGITS = 8
# Fewer digits than this lost are not worth a pass over many rows.
WORTH_A_PASS = 1e-12


class Summary(NamedTuple):
    """All that rows say of the squared loss, in d² numbers.

    Attributes
    ----------
    n_rows : int
    weight : float
        S, the sum of the weights.
    mean : array (d,)
    y_mean : float
    spread, factor, target, residual
        See `LeastSquares`.
    """

    n_rows: int
    weight: float
    mean: Array
    y_mean: float
    spread: Array
    factor: Array
    target: Array
    residual: float


@dataclass(frozen=True)
class LeastSquares:
    """min over w of ‖factor·w - target‖² + residual, w being the coefficients times `spread`.

    Attributes
    ----------
    moments : Moments
    spread : array (d,)
        Standard deviations; 0 for constant columns.
    factor : array (d, d)
        R with RᵀR the correlation matrix.
    target : array (d,)
        R times the optimal coefficients (times spread), in units of y.
    residual : float
        The smallest mean squared residual, in squared units of y.
    coef : array (d,)
        The optimal coefficients in the units of the rows; the shortest ones (in units of `spread`) where
        they are not unique.
    intercept : float
        The optimal intercept.
    condition : float
        The condition number of the correlation matrix, of its nonzero part where it is singular.
    rank : int
    digits : int
        How many digits of the worst coefficient can be believed.
    passes : int
        How often the rows were read.
    """

    moments: Moments
    spread: Array
    factor: Array
    target: Array
    residual: float
    coef: Array
    intercept: float
    condition: float
    rank: int
    digits: int
    passes: int

    @property
    def summary(self) -> Summary:
        """What descents need of it."""
        of = self.moments
        return Summary(of.n_rows, of.weight, of.mean, of.y_mean, self.spread, self.factor, self.target, self.residual)

    @property
    def n_active(self) -> int:
        """The number of columns that change."""
        return int(np.count_nonzero(self.spread))

    def tied_columns(self) -> NDArray[np.int64]:
        """The columns that can be exchanged for others without changing a prediction."""
        rows = np.linalg.svd(self.factor)[2][self.rank :]
        return np.flatnonzero((np.abs(rows) > 1e-6).any(axis=0) & (self.spread > 0))

    @property
    def unique(self) -> bool:
        """Whether the rows determine the coefficients of all columns that change, whatever rounding says of few."""
        return self.rank == self.n_active and self.rank < self.moments.n_rows


def solve(source: Source, moments: Moments | None = None, *, exact: bool = True, shrunk: bool = False) -> LeastSquares:
    """The least-squares problem of the rows of `source` and its minimum.

    Parameters
    ----------
    source : Source
    moments : Moments or None
        Of these rows, where they have been gathered.
    exact : bool
        Whether the minimum is wanted to all its digits, or only the statistics. Rows that are dear to read are read
        again only for the first few digits.
    shrunk : bool
        Whether a penalty will keep the coefficients far from this minimum: where columns can hardly be told apart its
        coefficients are so large that residuals there would spoil what is known near 0.

    Raises
    ------
    InputError
        Where the sum of the weights is not positive, squares of the values overflow, or columns are so nearly collinear
        that rows would have to be read again which cannot be.
    """
    moments = gather(source) if moments is None else moments
    if not moments.weight > 0:
        raise InputError(Finding.of("statistics.no_weight"))
    spread = spread_of(moments)
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    correlation = moments.xx / moments.weight * inverse[:, None] * inverse
    products = moments.xy / moments.weight * inverse
    smallest, largest = extreme_eigenvalues(correlation, spread)
    if largest <= LARGEST_CONDITION * smallest:
        factor, target = by_products(correlation, products, spread)
        inverse_factor = by_substitution(factor, spread > 0, smallest, largest)
        variance = moments.yy / moments.weight
        residual, passes = max(variance - float(target @ target), 0.0), 1
        lost: float | None = EPS * max(inverse_factor.condition, variance / residual if residual > 0 else np.inf)
    else:
        if source.rereads == "never":
            raise InputError(Finding.of("statistics.read_once_collinear"))
        y_spread = np.sqrt(moments.yy / moments.weight) or 1.0
        triangle = triangulate(source, moments.mean, inverse, moments.y_mean, 1.0 / y_spread) / np.sqrt(moments.weight)
        factor, target = triangle[:-1, :-1], triangle[:-1, -1] * y_spread
        inverse_factor = by_svd(factor)
        residual, passes, lost = float((triangle[-1, -1] * y_spread) ** 2), 2, None
    rough = Rough(moments, spread, factor, target, residual, passes)
    if not exact or (shrunk and lost is None):
        return refine(source, rough, inverse_factor, 0)
    if source.rereads == "free":
        return refine(source, rough, inverse_factor, rounds_for(source.schema.stored(moments.n_rows), lost))
    unrefined = refine(source, rough, inverse_factor, 0)
    if unrefined.digits >= ENOUGH_DIGITS or shrunk or source.rereads == "never":
        return unrefined
    return refine(source, rough, inverse_factor, 1)


def rounds_for(n_stored: int, lost: float | None) -> int:
    """How many corrections rows in memory are worth, where products of columns have lost this share of the digits.

    None says that a triangle took their place, whose minimum needs correcting whatever the number of rows.
    """
    if lost is None:
        return 5
    if n_stored <= SMALL_ENOUGH_TO_EXTEND:
        return 4
    return int(n_stored <= SMALL or lost > WORTH_A_PASS)


def extreme_eigenvalues(correlation: Array, spread: Array) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of the correlation matrix of the columns that change."""
    active = spread > 0
    if not active.any():
        return 1.0, 1.0
    eigenvalues = np.linalg.eigvalsh(correlation[np.ix_(active, active)])
    return float(eigenvalues[0]), float(eigenvalues[-1])


def by_products(correlation: Array, products: Array, spread: Array) -> tuple[Array, Array]:
    """The factor and the target by Cholesky's decomposition, with zeros for constant columns."""
    active = spread > 0
    factor, target = np.zeros_like(correlation), np.zeros_like(products)
    if active.any():
        lower = np.linalg.cholesky(correlation[np.ix_(active, active)])
        factor[np.ix_(active, active)] = lower.T
        target[active] = scipy.linalg.solve_triangular(lower, products[active], lower=True)
    return factor, target


class Rough(NamedTuple):
    """A least-squares problem before its minimum is known: the fields of `LeastSquares` of the same names."""

    moments: Moments
    spread: Array
    factor: Array
    target: Array
    residual: float
    passes: int


def refine(source: Source, rough: Rough, inverse_factor: Inverse, rounds: int) -> LeastSquares:
    """The minimum, corrected by what the residuals of the rows still show, at most `rounds` times."""
    moments, spread, residual = rough.moments, rough.spread, rough.residual
    w = inverse_factor.solve(rough.target)
    inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
    extended = source.schema.stored(moments.n_rows) <= SMALL_ENOUGH_TO_EXTEND
    error = first_error = rounding_of(w, residual, inverse_factor)
    if not rounds and rough.passes == 1:
        # Products of columns, which nothing corrects, lose the square of what an orthogonal factor does.
        error += 8 * EPS * inverse_factor.condition * float(np.linalg.norm(w))
    passes, target, off = rough.passes, rough.target, 0.0
    # The target of an orthogonal factor is as exact as it gets: a correction would bring the noise of its weakest
    # direction in.
    refining_target = inverse_factor.condition <= LARGEST_CONDITION
    if rounds and inverse_factor.rank < np.count_nonzero(spread):
        # What no coefficients reach is a part of the residual, which is measured anew below.
        target = inverse_factor.reach(target)
    for _ in range(rounds):
        seen = measure_residuals(source, w * inverse, moments.mean, moments.y_mean, extended=extended)
        passes += 1
        # The stored means are rounded: what the residuals have left of a mean is the intercept's.
        columns, off = seen.columns / moments.weight, seen.total / moments.weight
        gradient = (seen.gradient / moments.weight - off * columns) * inverse
        step = inverse_factor.solve_normal(gradient)
        mean_square = seen.squares / moments.weight - off**2
        # Not R·w: beside huge coefficients of nearly collinear columns its rounding would dwarf the correction.
        moved = rough.factor @ step
        if refining_target:
            target = target - moved
        residual = max(mean_square - float(moved @ moved), 0.0)
        w, off = w - step, off - float(columns @ (step * inverse))
        # The last correction says how much was still wrong: no bound is as sharp.
        rounding = EPS * float(np.linalg.norm(w)) if extended else first_error
        previous, error = error, float(np.linalg.norm(step)) + rounding
        if error > 0.5 * previous and previous < first_error:
            break
    # About their means n rows span n - 1 directions: a factor of more has rounding among them.
    if rounds and 0 < inverse_factor.rank < moments.n_rows:
        target, residual = completed(target, residual, moments.yy / moments.weight, inverse_factor.weakest)
    coef = w * inverse
    intercept, doubt = intercept_of(moments, coef, off)
    doubt += error * float(np.linalg.norm(inverse * moments.mean))
    doubts = np.append(np.full(w.size, error), doubt)
    return LeastSquares(
        moments=moments,
        spread=spread,
        factor=rough.factor,
        target=target,
        residual=residual,
        coef=coef,
        intercept=intercept,
        condition=inverse_factor.condition,
        rank=inverse_factor.rank,
        digits=believable_digits(np.append(w, intercept), doubts),
        passes=passes,
    )


def completed(target: Array, residual: float, variance: float, weakest: Callable[[], Array]) -> tuple[Array, float]:
    """The target and the residual with ‖target‖² + residual = `variance`, the mean squared residual at 0.

    A residual that has been measured anew would else shift the values of all places, those far from the minimum too.
    The target moves along the direction that no slope at 0 sees. Where that cannot make it short enough, coefficients
    are so large that rounding has made the residual. What rounding of the sums leaves is no reason to move: beside it
    the minimum may be small.
    """
    missing = variance - residual - float(target @ target)
    if abs(missing) <= max(WORTH_A_PASS * (variance - residual), 16 * EPS * variance):
        return target, residual
    direction = weakest()
    along = float(direction @ target)
    squared = along**2 + missing
    if squared < 0:
        return target, max(residual + missing, 0.0)
    return target + (np.copysign(np.sqrt(squared), along) - along) * direction, residual


def intercept_of(moments: Moments, coef: Array, off: float) -> tuple[float, float]:
    """The intercept that goes with coefficients whose residuals are `off` on average, and its rounding."""
    terms = np.append(-coef.astype(np.longdouble) * moments.mean, [moments.y_mean, -off])
    return float(terms.sum()), EPS * float(np.abs(terms).sum())


def rounding_of(w: Array, residual: float, inverse_factor: Inverse) -> float:
    """How far rounding may have moved w: ε(κ‖w‖ + κ²·‖residual‖), κ being √condition.

    The bound of Golub and Van Loan, Matrix Computations, 5.3.6, with room for the sums over rows.
    """
    condition = inverse_factor.condition
    length = np.sqrt(condition) * np.linalg.norm(w)
    return 8 * EPS * float(length + condition * np.sqrt(residual) / inverse_factor.largest)


def believable_digits(parameters: Array, doubts: Array) -> int:
    """Digits of the worst parameter, each known to ± its doubt; one that is zero but for rounding has none to lose."""
    sizes = np.abs(parameters)
    counted = sizes > 4 * EPS * sizes.max()
    counted &= (sizes > 2 * doubts) | (doubts > 1e-8 * sizes.max())
    if not counted.any():
        return 15
    worst = float(np.max(doubts[counted] / sizes[counted]))
    return int(np.clip(np.floor(-np.log10(worst)), 0, 15)) if worst > 0 else 15
