"""Whether a fit ended at a minimum: another model of the same rows with a lower objective proves that it did not.

An absolute `tol`, small slopes of a loss, small columns or the slow intercept of sparse rows end a run of
scikit-learn's rules far from any minimum. What a fit costs bounds what may be spent on knowing it: least squares of
some rows, a fraction of a pass, and reads of all rows only where these find a better model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope.objective.losses import Loss
from downslope.objective.objective import Evaluation
from downslope.objective.penalties import Penalty

__all__ = ["Missed", "Place", "Sight", "find_missed", "see"]

Array = NDArray[np.float64]
Model = tuple[Array, float]

# Rows that a first look takes, a column and at least: least squares of forty a column miss a fortieth of the noise.
ROWS_A_COLUMN, FEWEST = 40, 1000
# With more columns one step is all that is tried, on fewer rows: products of columns would cost more than the fit.
WIDE, STEPPED = 100, 200
# What is left to gain, of what there is, from which a place is no minimum; and from which all rows are asked.
LEFT, SUSPICIOUS = 0.1, 0.05
# The same of one step, which finds a part of what is left.
LEFT_BY_A_STEP = 0.02
# Sizes of columns and targets for which the defaults are made.
FAIR = 0.2, 5.0
# A penalty that is meant to be felt by them.
STRONG = 0.05
# Weighted least squares that lead from least squares to the minimum of another loss or penalty.
REFINEMENTS = 15
# Gains below this share of an objective are rounding, and so is what a model without columns leaves to gain.
ROUNDING, SMALLEST_ROOM = 1e-9, 1e-3
# Curvatures of scaled columns below this share of the largest are rounding.
SMALLEST_CURVATURE = 1e-13
# Of the targets within a tube from which on it decides.
MOST = 0.5


class Place(NamedTuple):
    """Where a fit ended: coefficients (d,), intercept, and what all rows say of it."""

    coef: Array
    intercept: float
    seen: Evaluation


class Missed(NamedTuple):
    """What a fit has missed.

    Attributes
    ----------
    kind : "minimum", "penalty" or "tube"
        What keeps it from explaining more: it did not reach its minimum, or the minimum of its penalty, or of its
        loss, explains no more.
    objective, mse : float
        J and the mean squared error of a better model, of all rows.
    covered : float
        The share of targets within the tube about the best constant.
    """

    kind: Literal["minimum", "penalty", "tube"]
    objective: float
    mse: float
    covered: float = 0.0


@dataclass(frozen=True)
class Sight:
    """Some of the rows, and the objective on them.

    Attributes
    ----------
    X : array (m, d), or a CSR matrix where there are many columns
    y : array (m,)
    share : array (m,)
        Of all the weight that they have.
    loss : Loss
    penalty : Penalty
    fit_intercept : bool
    whole : bool
        Whether they are all.
    """

    X: Any
    y: Array
    share: Array
    loss: Loss
    penalty: Penalty
    fit_intercept: bool
    whole: bool

    @cached_property
    def constant(self) -> Model:
        """The best model without columns, by squares."""
        return np.zeros(self.X.shape[1]), float(self.share @ self.y) if self.fit_intercept else 0.0

    @cached_property
    def centre(self) -> Array:
        """The mean of each column (d,); 0 where there is no intercept to take it up."""
        return np.asarray(self.share @ self.X) if self.fit_intercept else np.zeros(self.X.shape[1])

    @cached_property
    def about(self) -> Array:
        """The columns about their centres, (m, d)."""
        return np.asarray(self.X - self.centre)

    @cached_property
    def sizes(self) -> Array:
        """The root mean square of each column about its centre, 0 where only rounding moves it, (d,)."""
        if scipy.sparse.issparse(self.X):
            # Not made dense: few rows of 100,000 columns are more than the matrix.
            squares = np.asarray(self.share @ self.X.power(2))
            spread = squares - self.centre**2
            return np.asarray(np.sqrt(np.where(spread > ROUNDING * squares, spread, 0.0)))
        sizes = np.sqrt(np.einsum("i,ij,ij->j", self.share, self.about, self.about))
        return np.where(sizes > 16 * np.finfo(float).eps * np.abs(self.centre), sizes, 0.0)

    @cached_property
    def inverse(self) -> Array:
        """1 over these, 0 for columns that do not change, (d,)."""
        return np.divide(1.0, self.sizes, out=np.zeros_like(self.sizes), where=self.sizes > 0)

    @cached_property
    def flat(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """J of the mean of y and of 0, models without columns; and their mean squared errors."""
        seen = [self.at((np.zeros(self.X.shape[1]), level)) for level in (float(self.share @ self.y), 0.0)]
        return (seen[0][0], seen[1][0]), (seen[0][1], seen[1][1])

    @property
    def spread(self) -> Sequence[float]:
        """The mean squared errors that R² is measured by: of the mean of y, and without an intercept of 0."""
        return self.flat[1][:1] if self.fit_intercept else self.flat[1]

    @cached_property
    def power(self) -> float:
        """2 over the power of the residual that the loss grows with, Σ r ℓ'(r) / Σ ℓ(r): J to it is like a square."""
        residual = self.residual(self.constant)
        values, slopes = self.loss.value_and_derivative(residual)
        total = float(self.share @ values)
        return float(np.clip(2.0 * total / float(self.share @ (residual * slopes)), 1.0, 2.0)) if total > 0 else 1.0

    def left(self, here: float, there: float) -> float:
        """What is left to gain of what there was, all objectives made like squares."""
        top = max(here, *self.flat[0])
        if not top > 0:
            return 0.0
        made = [float(np.power(max(value, 0.0) / top, self.power)) for value in (here, there, *self.flat[0])]
        return left(made[0], made[1], made[2:])

    def little(self, here: tuple[float, float], there: tuple[float, float], enough: float) -> bool:
        """Whether no more than `enough` is left to gain, of the objective and of the squares."""
        gained = self.left(here[0], there[0]), left(here[1], there[1], self.spread)
        return not (gained[0] > enough or gained[1] > enough)

    @property
    def fair_columns(self) -> bool:
        """Whether steps of one rate, and one penalty, suit all columns that change."""
        sizes = self.sizes[self.sizes > 0]
        return bool(np.all((sizes >= FAIR[0]) & (sizes <= FAIR[1])))

    @property
    def fair_targets(self) -> bool:
        """The same of the targets."""
        size = float(np.sqrt(self.flat[1][0]))
        return FAIR[0] <= size <= FAIR[1]

    def residual(self, model: Model) -> Array:
        """ŷ - y, (m,)."""
        return np.asarray(self.X @ model[0] + model[1] - self.y)

    def at(self, model: Model) -> tuple[float, float]:
        """J and the mean squared error."""
        residual = self.residual(model)
        value = float(self.share @ self.loss.value_and_derivative(residual)[0]) + self.penalty.value(model[0])
        return value, float(self.share @ (residual * residual))

    def least_squares(self, weight: Array, ridge: Array) -> Model:
        """The model of least Σ weight r² + Σ ridge v², v being the coefficients of scaled columns."""
        weighted, target = self.about * weight[:, None], self.y - self.constant[1]
        products, sums = weighted.T @ self.about, target @ weighted
        offset, mean = np.zeros(self.sizes.size), 0.0
        if self.fit_intercept:
            total = float(weight.sum())
            columns, mean = weighted.sum(axis=0), float(weight @ target) / total
            offset = columns / total
            products -= np.outer(columns, offset)
            sums = sums - mean * columns
        products = products * np.outer(self.inverse, self.inverse)
        products[np.diag_indices_from(products)] += ridge
        if not np.all(np.isfinite(products)):
            return self.constant
        coef = np.linalg.lstsq(products, self.inverse * sums, rcond=SMALLEST_CURVATURE)[0] * self.inverse
        return coef, self.constant[1] + mean - float(coef @ (offset + self.centre)) if self.fit_intercept else 0.0

    def refine(self, model: Model) -> Model:
        """The lowest of models, each of least squares whose weights meet the slopes of the loss at the one before.

        The penalty is met in the same way: abs(w) by w²/(2·abs(w₀)).
        """
        best, lowest = model, self.at(model)[0]
        for _ in range(REFINEMENTS):
            residual, size = self.residual(model), np.abs(model[0])
            slope = self.loss.value_and_derivative(residual)[1]
            apart = np.abs(residual) + ROUNDING * np.abs(residual).max(initial=0.0)
            weight = self.share * np.divide(np.abs(slope), apart, out=np.zeros_like(apart), where=apart > 0)
            kink = np.divide(self.penalty.l1, size + ROUNDING * size.max(initial=0.0), where=size > 0, out=0.0 * size)
            if not weight.any():
                return best
            model = self.least_squares(weight, (self.penalty.l2 + kink) * self.inverse**2)
            value = self.at(model)[0]
            if not value < lowest:
                return best
            gained, best, lowest = lowest - value, model, value
            if gained <= LEFT * SUSPICIOUS * lowest:
                return best
        return best

    def step(self, place: Place) -> Model:
        """The lowest of models along the gradient of all rows at `place`, in scaled columns, from there."""
        d, gradient = self.sizes.size, place.seen.gradient
        slope = gradient[:d] - gradient[d] * self.centre
        along = slope * self.inverse**2
        level = gradient[d] - float(along @ self.centre) if self.fit_intercept else 0.0
        moved = self.X @ along + level
        bend = float(self.share @ (moved * moved)) + self.penalty.l2 * float(along @ along)
        unit = float(self.share @ (moved * self.residual((place.coef, place.intercept)))) / bend if bend > 0 else 0.0
        models = [(place.coef - unit * t * along, place.intercept - unit * t * level) for t in 2.0 ** np.arange(-4, 2)]
        return min(models, key=lambda model: self.at(model)[0])


def see(X: Any, y: Array, weight: Array | None, *, loss: Loss, penalty: Penalty, fit_intercept: bool) -> Sight:
    """Rows of weight, evenly spread, as many as a first look takes."""
    rows = np.arange(y.size) if weight is None else np.flatnonzero(weight)
    d = X.shape[1]
    asked = max(FEWEST, ROWS_A_COLUMN * d) if d <= WIDE else STEPPED
    whole = rows.size <= asked
    if not whole:
        rows = rows[np.linspace(0, rows.size - 1, asked).astype(np.int64)]
    part = X[rows]
    few = part.toarray() if scipy.sparse.issparse(part) and d <= WIDE else part
    share = np.ones(rows.size) if weight is None else weight[rows].astype(np.float64)
    share /= share.max(initial=1e-300)
    columns, targets = few.astype(np.float64, copy=False), y[rows].astype(np.float64)
    return Sight(columns, targets, share / share.sum(), loss, penalty, fit_intercept, whole)


def find_missed(sight: Sight, place: Place, measure: Callable[[Array, float], Evaluation]) -> Missed | None:
    """What the fit that ended at `place` has missed; None where no better model is found.

    `measure` asks all rows; it is called at most twice, and only where some rows say that there is something.
    """
    with np.errstate(all="ignore"):
        d, end = sight.X.shape[1], (place.coef, place.intercept)
        wide = d > WIDE
        enough, here = LEFT_BY_A_STEP if wide else SUSPICIOUS, sight.at(end)
        # Not even a model without errors would gain more: most fits are told by that.
        if sight.little(here, (0.0, 0.0), LEFT if sight.whole and not wide else enough):
            return None
        plain = sight.step(place) if wide else sight.least_squares(sight.share, np.zeros(d))
        if sight.little(here, sight.at(plain), enough):
            return None
        exact = wide or (sight.loss.squared and not sight.penalty.l1 and not sight.penalty.l2)
        models = [plain] if exact else [plain, sight.refine(plain)]
        seen = [measure(*model) for model in models]
        best, squares = min(seen, key=lambda one: one.objective), seen[0]
        if sight.left(place.seen.objective, best.objective) > (LEFT_BY_A_STEP if wide else LEFT):
            return Missed("minimum", best.objective, best.mse)
        if not left(place.seen.mse, squares.mse, sight.spread) > LEFT:
            return None
        return of_its_minimum(sight, end, plain, squares)


def left(here: float, there: float, flat: Sequence[float]) -> float:
    """What is left to gain of what there was; 0 where that is rounding.

    There was what the best of the models without columns had to gain, `flat` being what these have, of those that had.
    """
    gain, room = here - there, min((one - there for one in flat if one > there), default=0.0)
    return gain / max(room, SMALLEST_ROOM * here) if gain > ROUNDING * here else 0.0


def of_its_minimum(sight: Sight, end: Model, plain: Model, squares: Evaluation) -> Missed | None:
    """What keeps the minimum of the objective from explaining what least squares does, whose model is `plain`.

    A strong penalty of rows of fair sizes is as strong as it looks: it is meant.
    """
    covered = 0.0
    if hasattr(sight.loss, "epsilon"):
        covered = float(sight.share @ (np.abs(sight.residual(sight.constant)) <= sight.loss.epsilon))
    if covered >= MOST:
        return Missed("tube", squares.objective, squares.mse, covered)
    bare, free = (sight.at(model)[0] - sight.penalty.value(model[0]) for model in (end, plain))
    meant = sight.fair_columns and sight.fair_targets and max(sight.penalty.l1, sight.penalty.l2) >= STRONG
    told = sight.left(bare, free) > LEFT and not meant
    return Missed("penalty", squares.objective, squares.mse) if told else None
