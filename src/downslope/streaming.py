"""Descent over a stream of blocks: one pass over each as it comes, none of them kept."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.coordinates import Coordinates, raw, spread_of, standardised
from downslope.data.arrays import ArraySource
from downslope.descent import Row
from downslope.fitting import LATENESS
from downslope.history import History
from downslope.moments import ColumnMoments, gather_columns
from downslope.objectives import Evaluation, RowsObjective
from downslope.problem import Settings, inertia
from downslope.row_curvature import measure_rows
from downslope.schedules import Scheduled
from downslope.step_rules import Averaged
from downslope.stopping import EXPLOSION

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
    n_blocks: int = 0
    n_rows: int = 0
    first: float = np.nan
    rate: float = np.nan
    history: History | None = None

    @property
    def diverged(self) -> bool:
        """Whether the running objective of the last block has exploded."""
        if self.history is None or self.n_blocks == 0:
            return False
        return not float(self.history["objective"][-1]) <= EXPLOSION * self.first


def follow(stream: Stream, source: ArraySource, passing: Pass) -> Stream:
    """One pass over a block; the stream given stays as it was."""
    from downslope.stochastic.sweep import Sweep

    settings, block = passing.settings, gather_columns(source)
    columns = block if stream.columns is None else stream.columns + block
    n_rows = stream.n_rows + source.n_rows
    coordinates = (
        standardised(columns.mean, spread_of(columns), settings.fit_intercept)
        if settings.standardize
        else raw(source.n_features, settings.fit_intercept)
    )
    steepest, rate, auto = stream.steepest, settings.learning_rate, settings.learning_rate == "auto"
    if not isinstance(rate, str):
        rate = float(rate) if isinstance(rate, int | float) else scheduled(rate, stream)
    else:
        steepest = max(steepest, measure_rows(source, coordinates, None).largest)
        curvature = settings.loss.curvature if np.isfinite(settings.loss.curvature) else 1.0
        rate = (1.0 - inertia(settings.rule)) / (curvature * steepest + settings.penalty.l2)
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
    state = sweep.begin(coordinates.from_original(*stream.place), passing.seed)
    if stream.state is not None and stream.coordinates is not None:
        state = state._replace(
            place=moved(stream, state.place, coordinates),
            updates=stream.state.updates,
            generator=stream.state.generator,
        )
    objective = RowsObjective(source, block.weight, coordinates, settings.loss, settings.penalty)
    at = objective.value_and_gradient(state.shown) if stream.history is None else None
    history = stream.history if at is None else recorded(at, 0, rate, stream.model, passing)
    *_, (state, running) = sweep.passing(state, rate)
    cost = running.loss / running.weight + settings.penalty.value(state.shown)
    seen = Evaluation(cost, running.squares / running.weight, np.full(1, np.nan))
    model = original(coordinates, state.shown)
    record = recorded(seen, stream.n_blocks + 1, rate, model, passing)
    return Stream(
        original(coordinates, state.place.theta),
        model,
        columns,
        coordinates,
        state,
        steepest,
        stream.n_blocks + 1,
        n_rows,
        stream.first if at is None else at.objective,
        rate,
        record if history is None else history.followed_by(record),
    )


def scheduled(schedule: Any, stream: Stream) -> float:
    """The rate that a schedule gives for the next block, checked."""
    return Scheduled(schedule).rate(stream.n_blocks, np.empty(0), np.empty(0), None)[0]


def original(coordinates: Coordinates, parameters: Array) -> tuple[Array, float]:
    """The model in the units of the rows."""
    coef, intercept = coordinates.to_original(parameters)
    return coef, float(intercept)


def moved(stream: Stream, place: Any, coordinates: Coordinates) -> Any:
    """`place` with what the rule remembers, in coordinates that have moved since the last block.

    A slope grows with the scale of its column, a step as well.
    """
    before, slots = stream.coordinates, stream.state.place.slots.copy()
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
