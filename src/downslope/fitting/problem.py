"""A problem that is ready to be descended: its curvature, optimum, landscape and safe rates."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.data.source import Source
from downslope.descent.engines import Engine
from downslope.descent.settings import Settings
from downslope.fitting.optimum import Optimum
from downslope.objective.dual import Proof, prove_quadratic
from downslope.objective.losses import Loss, SquaredError, slope_bound
from downslope.objective.objective import Evaluation, QuadraticObjective, RowsObjective
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.correction import correct
from downslope.statistics.least_squares import EPS, LARGEST_CONDITION, LeastSquares, believable_digits
from downslope.statistics.quadratic import Minimum, Quadratic, Spectrum, add_ridge, half_mean_squared_error, minimise
from downslope.statistics.row_lengths import RowCurvature, measure_rows
from downslope.steps.automatic_rate import cautious_rate, distance_to_go, full_batch_rate, mini_batch_schedule
from downslope.steps.schedules import Constant, RateRule, Schedule, Scheduled

__all__ = ["MOST_PARAMETERS", "Problem"]

Array = NDArray[np.float64]

# So many parameters are solved for exactly.
MOST_PARAMETERS = 2_000


@dataclass(frozen=True)
class Problem:
    """All that is known of a problem before the first update.

    Attributes
    ----------
    source : Source
    settings : Settings
    engine : Engine
    coordinates : Coordinates
    n_rows : int
    weight : float
        S, the sum of the weights.
    means : array (d,)
        Of the descended columns.
    constant_columns : array
        The indices of columns that never change.
    least_squares : LeastSquares or None
        The statistics, where they are affordable.
    shifted : bool
        Whether rows must be shifted before they are multiplied.
    others : tuple
        What other tasks gave in the same read.
    """

    source: Source
    settings: Settings
    engine: Engine
    coordinates: Coordinates
    n_rows: int
    weight: float
    means: Array
    constant_columns: NDArray[np.int64]
    least_squares: LeastSquares | None
    shifted: bool
    others: tuple[Any, ...] = ()

    @cached_property
    def half_mse(self) -> Quadratic | None:
        """½ mse in descended coordinates."""
        if self.least_squares is None:
            return None
        return half_mean_squared_error(self.least_squares, self.coordinates)

    @cached_property
    def with_ridge(self) -> Quadratic | None:
        """½ mse and the L2 penalty."""
        penalty = self.settings.penalty
        return None if self.half_mse is None else add_ridge(self.half_mse, penalty.l2, penalty.n_features)

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """Of ½ mse and the L2 penalty."""
        return None if self.with_ridge is None else self.with_ridge.decompose()

    @cached_property
    def smooth(self) -> Quadratic | None:
        """The smooth objective of the squared loss, its minimum split off."""
        return self.spectrum.to_quadratic() if self.spectrum is not None and self.settings.squared else None

    @cached_property
    def minimum(self) -> Minimum | None:
        """The minimum of the smooth objective of the squared loss."""
        problem = self.least_squares
        if problem is None or self.with_ridge is None or not self.settings.squared:
            return None
        found = minimise(self.with_ridge, of_products=problem.condition <= LARGEST_CONDITION)
        if self.settings.fit_intercept and not self.settings.penalty.l2:
            # Corrected by the residuals of the rows already.
            return found._replace(parameters=self.coordinates.from_original(problem.coef, problem.intercept))
        return found

    @cached_property
    def curvature(self) -> float | None:
        """The largest second derivative of the smooth objective; None where it is not known or infinite."""
        steepest = self.settings.loss.curvature
        if self.half_mse is None or self.settings.loss.kinked:
            return None
        if steepest == 1.0 and self.spectrum is not None:
            return self.spectrum.largest
        return steepest * float(np.linalg.norm(self.half_mse.factor, 2)) ** 2 + self.settings.penalty.l2

    @property
    def n_counted(self) -> float:
        """How many rows there are for standard errors: those that whole weights stand for, or those that there are."""
        schema = self.source.schema
        return self.weight if schema.counts or not schema.weighted else float(self.n_rows)

    @property
    def batch(self) -> int:
        """Rows an update."""
        return min(self.settings.batch_size or self.n_rows, self.n_rows)

    @property
    def stochastic(self) -> bool:
        """Whether an update sees a part of the rows only."""
        return self.batch < self.n_rows

    @cached_property
    def row_curvature(self) -> RowCurvature:
        """How steep single rows are, in one more read."""
        return measure_rows(self.source, self.coordinates, self.spectrum)

    @cached_property
    def batch_curvature(self) -> float:
        """The curvature that bounds the steps of the stochastic engine; infinite for a loss with kinks."""
        rows = self.row_curvature
        single = rows.of_worst_batch if self.settings.rule.remembers_rows else rows.of_batch
        return self.settings.loss.curvature * single(self.batch, self.n_rows) + self.settings.penalty.l2

    @cached_property
    def largest_stable_rate(self) -> float | None:
        """The rate at and beyond which the descent does not settle; None for rules without such a limit."""
        product = self.settings.rule.stable_product
        if not np.isfinite(product):
            return None
        if self.stochastic:
            # On noise, momentum β is worth a rate of 1/(1 - β) times as much.
            limit = 2.0 * (1.0 - self.settings.rule.inertia) / self.batch_curvature
            return limit if limit > 0 else None
        return product / self.curvature if self.curvature else None

    @cached_property
    def optimum(self) -> Optimum | None:
        """The exact minimum; None under L1 and for losses without a closed form."""
        problem, minimum, penalty = self.least_squares, self.minimum, self.settings.penalty
        if problem is None or minimum is None or self.smooth is None or self.with_ridge is None or penalty.l1:
            return None
        objective = self.smooth.offset
        if self.settings.fit_intercept and not penalty.l2:
            digits = problem.digits if problem.unique else 0
            return Optimum(problem.coef, problem.intercept, objective, digits, problem.unique, problem.condition)
        minimum = correct(self.source, problem.moments, self.coordinates, self.with_ridge, penalty.l2, minimum)
        coef, intercept = self.coordinates.to_original(minimum.parameters)
        unique = minimum.tied.size == 0
        digits = self.digits_of(minimum.parameters, minimum.doubt) if unique else 0
        return Optimum(coef, float(intercept), objective, digits, unique, minimum.condition)

    def digits_of(self, parameters: Array, doubt: Array) -> int:
        """How many digits of the worst parameter can be believed in the units of the rows, where each may be off."""
        coef, intercept = self.coordinates.to_original(parameters)
        doubt, parameters = doubt.copy(), parameters.copy()
        if self.settings.fit_intercept:
            # The intercept in the units of the rows is a sum of terms that may cancel.
            far = float(np.abs(self.coordinates.shift * coef).sum())
            lever = np.abs(self.coordinates.shift * self.coordinates.inverse_scale)
            doubt[-1] += EPS * far + float(lever @ doubt[:-1])
            parameters[-1] = float(intercept)
        # What they add to a prediction can be compared, whatever the units of their columns.
        lengths = 1.0 if self.half_mse is None else np.linalg.norm(self.half_mse.factor, axis=0)
        return believable_digits(parameters * lengths, doubt * lengths)

    @cached_property
    def proof(self) -> Proof | None:
        """The minimum of the squared loss under L1, with a bound of it: from the statistics, before any epoch."""
        smooth, n_parameters = self.smooth, self.coordinates.n_parameters
        if smooth is None or not self.settings.penalty.l1 or n_parameters > MOST_PARAMETERS:
            return None
        return prove_quadratic(smooth, self.settings.penalty, np.zeros(n_parameters))

    @property
    def lowest(self) -> float | None:
        """J*, or a bound that it is not below, where the statistics tell one."""
        if self.proof is not None:
            return self.proof.bound
        return self.smooth.offset if self.smooth is not None and not self.settings.penalty.l1 else None

    @cached_property
    def landscape(self) -> Landscape | None:
        """The bowl of the squared loss; None for other losses, under L1, and where d² statistics are not affordable."""
        if self.smooth is None or self.spectrum is None or self.settings.penalty.l1:
            return None
        settings = self.settings
        return Landscape(self.spectrum, self.coordinates, settings.rule, self.n_counted, settings.penalty.l2)

    def tied_columns(self) -> NDArray[np.int64]:
        """The columns whose coefficients are not unique."""
        if self.settings.fit_intercept and self.least_squares is not None:
            return self.least_squares.tied_columns()
        return np.empty(0, dtype=np.int64) if self.minimum is None else self.minimum.tied

    def steepest(self) -> tuple[float, Array]:
        """The largest second derivative and its direction (p,), by as many passes over the rows as it takes.

        Power iteration, for problems too wide for statistics; a lower bound, sharp to about 1 %.
        """
        if self.curvature and self.spectrum is not None:
            return self.curvature, self.spectrum.directions[:, 0]
        rows = replace(self.rows_objective(SquaredError()), smoothing=False, smooth=None)
        origin = rows.value_and_gradient(np.zeros(self.coordinates.n_parameters)).gradient
        direction = np.where(origin != 0, origin, 1.0)
        before, curvature = -1.0, 0.0
        # The estimate never falls, and is bounded by what it estimates.
        while curvature > before * (1.0 + 1e-3):
            direction = direction / np.linalg.norm(direction)
            turned = rows.value_and_gradient(direction).gradient - origin
            before, curvature = curvature, float(np.linalg.norm(turned))
            direction = turned
        return self.settings.loss.curvature * curvature, direction

    def quadratic_objective(self) -> QuadraticObjective:
        """The objective of the engines that need no rows."""
        assert self.smooth is not None
        assert self.half_mse is not None
        half_mse = self.half_mse if self.settings.penalty.l2 else self.smooth
        return QuadraticObjective(self.smooth, half_mse, self.settings.penalty)

    def rows_objective(self, loss: Loss | None = None) -> RowsObjective:
        """The objective of the engine that reads the rows."""
        known = self.smooth if not self.settings.penalty.l1 else None
        return RowsObjective(
            self.source,
            self.weight,
            self.coordinates,
            loss or self.settings.loss,
            self.settings.penalty,
            self.shifted,
            smoothing=self.settings.learning_rate == "auto",
            smooth=known,
        )

    def rates(self, start: Array, at: Evaluation) -> RateRule:
        """The rule that decides the rate of each update.

        Parameters
        ----------
        start : array (p,)
        at : Evaluation
            The objective there.
        """
        rate = self.settings.learning_rate
        if not isinstance(rate, str):
            return Scheduled(Constant(float(rate)) if isinstance(rate, int | float) else rate)
        if self.stochastic:
            return Scheduled(self.batch_schedule(start, at))
        minimum = None if self.minimum is None else self.minimum.parameters
        return full_batch_rate(
            self.settings.rule,
            curvature=self.curvature,
            squared=self.settings.squared,
            cautious=self.first_rate(at),
            distance=distance_to_go(start, minimum, at.objective, at.gradient, self.settings.penalty.l2),
            slope=slope_bound(self.settings.loss),
            ridge=self.settings.penalty.l2,
        )

    def batch_schedule(self, start: Array, at: Evaluation) -> Schedule:
        """The schedule of "auto" on batches; only rules that ask for curvature cost another read of the rows."""
        rule, minimum = self.settings.rule, None if self.minimum is None else self.minimum.parameters
        return mini_batch_schedule(
            rule,
            curvature=self.batch_curvature if rule.steady else np.nan,
            mean_length=self.row_curvature.mean if rule.steady else np.nan,
            distance=distance_to_go(start, minimum, at.objective, at.gradient),
            n_updates=-(-self.n_rows // self.batch),
            slope=slope_bound(self.settings.loss),
            ridge=self.settings.penalty.l2,
        )

    def first_rate(self, at: Evaluation) -> float:
        """A cautious rate for a first step whose curvature will be measured."""
        return cautious_rate(self.curvature, at.objective, at.gradient)
