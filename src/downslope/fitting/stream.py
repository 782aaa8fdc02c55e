"""Descent over a stream of blocks: one pass over each as it comes, none of them kept."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.arrays import ArraySource
from downslope.descent.history import History
from downslope.descent.loop import Row
from downslope.descent.stopping import EXPLOSION
from downslope.fitting.fit import LATENESS
from downslope.fitting.problem import Settings, inertia, rule_is_steady
from downslope.objective.objective import Evaluation, RowsObjective
from downslope.statistics.coordinates import Coordinates, raw, spread_of, standardised
from downslope.statistics.moments import ColumnMoments, gather_columns
from downslope.statistics.row_lengths import measure_rows
from downslope.steps.rules import AdaGrad, Averaged
from downslope.steps.schedules import Scheduled

__all__ = ["Pass", "Stream", "follow"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pass:
    """How to pass over the next block.

    Attributes
    ----------
    settings : Settings
    shuffle : bool
    seed : int
        Of the orders, from the first block on.
    names : tuple of str or None
        Those of the columns.
    seconds : float
        For the record.
    """

    settings: Settings
    shuffle: bool
    seed: int
    names: tuple[str, ...] | None
    seconds: float


class Stream(NamedTuple):
    """What is kept of all blocks so far.

    Attributes
    ----------
    place : (coef, intercept)
        Where the next update starts from, in the units of the rows.
    model : (coef, intercept)
        The same, or the mean of places under an automatic rate.
    columns : ColumnMoments or None
        Of all rows so far.
    coordinates : Coordinates or None
        Those of the last block.
    state : SweepState or None
    steepest : float
        The largest s/s̄ · ‖z‖² met.
    reach : float
        About how far the parameters have to go, by the first block.
    n_blocks, n_rows : int
    first : float
        The objective of the start, on the first block.
    rate : float
        That of the last updates.
    history : History or None
    """

    place: tuple[Array, float]
    model: tuple[Array, float]
    columns: ColumnMoments | None = None
    coordinates: Coordinates | None = None
    state: Any = None
    steepest: float = 0.0
    reach: float = np.nan
    n_blocks: int = 0
    n_rows: int = 0
    first: float = np.nan
    rate: float = np.nan
    history: History | None = None

    @property
    def diverged(self) -> bool:
        """Whether the running objective of the last block, of which there is one, has exploded."""
        assert self.history is not None
        return not float(self.history["objective"][-1]) <= EXPLOSION * self.first


def follow(stream: Stream, source: ArraySource, passing: Pass) -> Stream:
    """One pass over a block; the stream given stays as it was."""
    from downslope.kernels.sweep import Sweep

    settings, block = passing.settings, gather_columns(source)
    columns = block if stream.columns is None else stream.columns + block
    n_rows = stream.n_rows + source.n_rows
    coordinates = (
        standardised(columns.mean, spread_of(columns), settings.fit_intercept)
        if settings.standardize
        else raw(source.n_features, settings.fit_intercept)
    )
    start = coordinates.from_original(*stream.place)
    objective = RowsObjective(source, block.weight, coordinates, settings.loss, settings.penalty)
    shown = start if stream.history is None else coordinates.from_original(*stream.model)
    at = objective.value_and_gradient(shown) if stream.history is None else None
    steepest, reach, auto = stream.steepest, stream.reach, settings.learning_rate == "auto"
    if at is not None:
        reach = reach_of(at)
    if auto:
        steepest = max(steepest, measure_rows(source, coordinates, None).largest)
        made = 0.0 if stream.state is None else stream.state.updates
        rate = automatic_rate(settings, columns, coordinates, steepest, reach, made)
    else:
        rate = scheduled(settings.learning_rate, stream)
    sweep = Sweep(
        source.X,
        source.y,
        source.weight,
        settings.loss,
        settings.rule,
        settings.penalty,
        coordinates,
        settings.batch_size or source.n_rows,
        columns.weight / n_rows,
        LATENESS if auto and not isinstance(settings.rule, Averaged) else None,
        passing.shuffle,
    )
    state = sweep.begin(start, passing.seed)
    if stream.state is not None and stream.coordinates is not None:
        state = state._replace(
            vectors=moved(stream, state.vectors, coordinates),
            updates=stream.state.updates,
            generator=stream.state.generator,
        )
    history = stream.history if at is None else recorded(at, 0, rate, stream.model, passing)
    *_, (state, running) = sweep.passing(state, rate)
    cost = running.loss / running.weight + settings.penalty.value(state.shown)
    seen = Evaluation(cost, running.squares / running.weight, np.full(1, np.nan))
    model = original(coordinates, state.shown)
    record = recorded(seen, stream.n_blocks + 1, rate, model, passing)
    return Stream(
        original(coordinates, state.vectors.theta),
        model,
        columns,
        coordinates,
        state,
        steepest,
        reach,
        stream.n_blocks + 1,
        n_rows,
        stream.first if at is None else at.objective,
        rate,
        record if history is None else history.followed_by(record),
    )


def reach_of(at: Evaluation) -> float:
    """J/‖∇J‖, the distance at which a straight line meets zero."""
    slope = float(np.abs(at.gradient).max(initial=0.0))
    return at.objective / slope if slope > 0 and at.objective > 0 else 1.0


def automatic_rate(
    settings: Settings, columns: ColumnMoments, coordinates: Coordinates, steepest: float, reach: float, made: float
) -> float:
    """The rate of the next block, `made` updates after the start.

    Steps that scale with the gradient are bounded by the curvature of a batch of k rows, at most ‖z‖²/k of the
    steepest row and (1 - 1/k) of the mean of ‖z‖². Others, and those on a loss with kinks, are as long as the rate
    says: shares of the way to go that fall with the root of the updates.
    """
    rule, inverse = settings.rule, coordinates.inverse_scale
    centres = (columns.mean - coordinates.shift) * inverse
    mean_length = float(centres @ centres + np.sum((spread_of(columns) * inverse) ** 2) + coordinates.fit_intercept)
    calmer = 1.0 - inertia(rule)
    if rule_is_steady(rule) and np.isfinite(settings.loss.curvature):
        share = 1.0 / (settings.batch_size or np.inf)
        curvature = share * steepest + (1.0 - share) * mean_length
        return calmer / (settings.loss.curvature * curvature + settings.penalty.l2)
    if isinstance(rule, AdaGrad):
        return 0.3 * reach
    length = np.sqrt(mean_length) if rule_is_steady(rule) else 1.0 / 0.3
    return float(calmer * reach / (length * np.sqrt(1.0 + made)))


def scheduled(rate: Any, stream: Stream) -> float:
    """The rate that was given, or that a schedule gives for the next block, checked."""
    if isinstance(rate, int | float):
        return float(rate)
    return Scheduled(rate).rate(stream.n_blocks, np.empty(0), np.empty(0), None)[0]


def original(coordinates: Coordinates, parameters: Array) -> tuple[Array, float]:
    """The model in the units of the rows."""
    coef, intercept = coordinates.to_original(parameters)
    return coef, float(intercept)


def moved(stream: Stream, place: Any, coordinates: Coordinates) -> Any:
    """`place` with what the rule remembers, in coordinates that have moved since the last block.

    A slope grows with the scale of its column, a step as well.
    """
    before, slots = stream.coordinates, stream.state.vectors.slots.copy()
    assert before is not None
    d = coordinates.n_features
    grown = np.divide(
        before.inverse_scale, coordinates.inverse_scale, out=np.ones(d), where=coordinates.inverse_scale > 0
    )
    slots[:, :d] *= np.stack([grown, grown * grown, grown])
    mean = coordinates.from_original(*stream.model) if place.mean.size else place.mean
    return place._replace(slots=slots, mean=mean)


def recorded(seen: Evaluation, epoch: int, rate: float, model: tuple[Array, float], passing: Pass) -> History:
    """One record; its gradient is not measured, and its objective is a running value but for the start."""
    row = Row(epoch, seen.objective, seen.mse, np.nan, rate, passing.seconds, np.nan)
    columns = {name: np.array([value]) for name, value in row._asdict().items() if name != "validation_mse"}
    return History(columns, model[0][None], np.array([model[1]]), passing.names)
