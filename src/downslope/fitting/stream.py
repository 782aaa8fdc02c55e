"""Descent over a stream of blocks: one pass over each as it comes, none of them kept."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.descent.history import History
from downslope.descent.loop import Row
from downslope.descent.settings import Settings
from downslope.descent.stopping import EXPLOSION
from downslope.fitting.preparing import choose_coordinates
from downslope.fitting.start import refuse_far_start
from downslope.objective.losses import slope_bound
from downslope.objective.objective import Evaluation, RowsObjective
from downslope.statistics.coordinates import Coordinates, spread_of
from downslope.statistics.moments import ColumnMoments, gather_columns_with
from downslope.statistics.row_checks import check_rows
from downslope.statistics.row_lengths import measure_rows
from downslope.steps.automatic_rate import averaging_power, distance_to_go, stream_rate
from downslope.steps.schedules import Scheduled
from downslope.texts import Finding, Remedy

__all__ = ["Pass", "Stream", "explain_stream", "follow"]

Array = NDArray[np.float64]

# An objective so many times that of predicting 0, and that of the start, is no noise.
LOST = 50.0


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
    state : PassState or None
    steepest : float
        The largest s/s̄ · ‖z‖² met.
    distance : float
        About how far the parameters have to go, by the first block.
    n_blocks : int
    first : float
        The objective of the start, on the first block.
    rate : float
        That of the last updates.
    history : History or None
    end : float
        The objective after the last block, on its rows.
    flat : float
        The largest of predicting 0 for the rows of a block so far.
    exponent : int or None
        The power of two that all weights are divided by: that of the first block; None before it.
    """

    place: tuple[Array, float]
    model: tuple[Array, float]
    columns: ColumnMoments | None = None
    coordinates: Coordinates | None = None
    state: Any = None
    steepest: float = 0.0
    distance: float = np.nan
    n_blocks: int = 0
    first: float = np.nan
    rate: float = np.nan
    history: History | None = None
    end: float = np.nan
    flat: float = np.nan
    exponent: int | None = None

    @property
    def n_rows(self) -> int:
        """The rows of all blocks."""
        return 0 if self.columns is None else self.columns.n_rows

    @property
    def diverged(self) -> bool:
        """Whether the running objective of the last block has exploded, or the model is lost."""
        return self.exploded or self.lost

    @property
    def exploded(self) -> bool:
        """Whether the running objective has, of which there must be one."""
        assert self.history is not None
        return not float(self.history["objective"][-1]) <= EXPLOSION * self.first

    @property
    def lost(self) -> bool:
        """Whether predicting 0, and the start, are far better than the model: rates or a far row threw it there."""
        return not self.end <= LOST * max(self.flat, self.first)


def follow(stream: Stream, source: Source, passing: Pass) -> Stream:
    """One pass over a block; the stream given stays as it was."""
    # A run that blows up overflows on its way: that is an outcome here, not a surprise.
    with np.errstate(all="ignore"):
        return pass_over(stream, source, passing)


def pass_over(stream: Stream, source: Source, passing: Pass) -> Stream:
    """The stream after one pass over a block."""
    # The columns are measured before the pass.
    settings, source = passing.settings, source.resident()
    block, checks = gather_columns_with(source, check_rows)
    checks.refuse()
    columns = block if stream.columns is None else stream.columns + block
    coordinates = choose_coordinates(settings, columns, spread_of(columns))
    start, at = coordinates.from_original(*stream.place), None
    objective = RowsObjective(source, block.weight, coordinates, settings.loss, settings.penalty)
    if stream.history is None:
        at = objective.value_and_gradient(start)
        refuse_far_start(at, start)
        distance = distance_to_go(start, None, at.objective, at.gradient)
        stream = stream._replace(distance=distance, first=at.objective)
    steepest, rate = next_rate(stream, source, settings, columns, coordinates)
    if at is not None:
        stream = stream._replace(history=make_record(at, 0, rate, stream.model, passing))
    state, running = make_pass(stream, source, passing, columns, coordinates, rate)
    cost = running.loss / running.weight + settings.penalty.value(state.shown)
    seen = Evaluation(cost, running.squares / running.weight, np.full(1, np.nan))
    model = to_original(coordinates, state.shown)
    end = objective.value_and_gradient(state.shown).objective
    flat = objective.value_and_gradient(np.zeros_like(start)).objective
    record = make_record(seen, stream.n_blocks + 1, rate, model, passing)
    assert stream.history is not None
    return stream._replace(
        place=to_original(coordinates, state.iterate.theta),
        model=model,
        columns=columns,
        coordinates=coordinates,
        state=state,
        steepest=steepest,
        n_blocks=stream.n_blocks + 1,
        rate=rate,
        history=stream.history.followed_by(record),
        end=end,
        flat=float(np.fmax(stream.flat, flat)),
        exponent=source.schema.weight_exponent,
    )


def next_rate(
    stream: Stream, source: Source, settings: Settings, columns: ColumnMoments, coordinates: Coordinates
) -> tuple[float, float]:
    """The steepest row so far, and the rate of the next block."""
    if not settings.automatic:
        return stream.steepest, scheduled_rate(settings.learning_rate, stream)
    steepest = max(stream.steepest, measure_rows(source, coordinates, None).largest)
    made = 0.0 if stream.state is None else stream.state.updates
    return steepest, automatic_rate(settings, columns, coordinates, steepest, stream.distance, made)


def make_pass(
    stream: Stream, source: Source, passing: Pass, columns: ColumnMoments, coordinates: Coordinates, rate: float
) -> tuple[Any, Any]:
    """The state after a pass over a block, and the running sums of the pass."""
    from downslope.kernels.batch_passes import BatchPasses

    settings, n_rows = passing.settings, columns.n_rows - stream.n_rows
    passes = BatchPasses(
        settings.loss,
        settings.rule,
        settings.penalty,
        coordinates,
        settings.batch_size,
        n_rows,
        columns.weight / columns.n_rows,
        averaging_power(settings.rule) if settings.automatic else None,
        passing.shuffle,
    )
    state = passes.begin(coordinates.from_original(*stream.place), passing.seed)
    if stream.state is not None and stream.coordinates is not None:
        state = state._replace(
            iterate=move_iterate(stream, state.iterate, coordinates),
            updates=stream.state.updates,
            generator=stream.state.generator,
        )
    *_, (state, running) = passes.over(source, state, rate)
    return state, running


def explain_stream(stream: Stream) -> Finding:
    """What has come of the blocks so far."""
    if not stream.diverged:
        return Finding.of("stream.blocks", n_blocks=stream.n_blocks, n_rows=stream.n_rows)
    assert stream.history is not None
    numbers = {"n_blocks": stream.n_blocks, "rate": stream.rate, "suggested": stream.rate / 10}
    if not stream.exploded:
        numbers |= {"objective": stream.end, "flat": stream.flat, "steepest": stream.steepest}
        return Finding("stream.lost", numbers, (Remedy("learning_rate"),))
    numbers |= {"objective": float(stream.history["objective"][-1]), "first": stream.first}
    return Finding("stream.diverged", numbers, (Remedy("learning_rate", "auto"),))


def automatic_rate(
    settings: Settings, columns: ColumnMoments, coordinates: Coordinates, steepest: float, distance: float, made: float
) -> float:
    """The rate of the next block, `made` updates after the start.

    The curvature of a batch of k rows is at most ‖z‖²/k of the steepest row and (1 - 1/k) of the mean of ‖z‖².
    """
    inverse, share = coordinates.inverse_scale, 1.0 / (settings.batch_size or np.inf)
    centres = (columns.mean - coordinates.shift) * inverse
    mean_length = float(centres @ centres + np.sum((spread_of(columns) * inverse) ** 2) + coordinates.fit_intercept)
    batch = share * steepest + (1.0 - share) * mean_length
    return stream_rate(
        settings.rule,
        curvature=settings.loss.curvature * batch + settings.penalty.l2,
        mean_length=mean_length,
        distance=distance,
        n_updates=made,
        slope=slope_bound(settings.loss),
        ridge=settings.penalty.l2,
    )


def scheduled_rate(rate: Any, stream: Stream) -> float:
    """The rate that was given, or that a schedule gives for the next block, checked."""
    if isinstance(rate, int | float):
        return float(rate)
    return Scheduled(rate).rate(stream.n_blocks, np.empty(0), np.empty(0), None)[0]


def to_original(coordinates: Coordinates, parameters: Array) -> tuple[Array, float]:
    """The model in the units of the rows."""
    coef, intercept = coordinates.to_original(parameters)
    return coef, float(intercept)


def move_iterate(stream: Stream, iterate: Any, coordinates: Coordinates) -> Any:
    """`iterate` with what the rule remembers, in coordinates that have moved since the last block.

    A slope grows with the scale of its column, a step as well.
    """
    before, slots = stream.coordinates, stream.state.iterate.slots.copy()
    assert before is not None
    d = coordinates.n_features
    grown = np.divide(
        before.inverse_scale, coordinates.inverse_scale, out=np.ones(d), where=coordinates.inverse_scale > 0
    )
    slots[:, :d] *= np.stack([grown, grown * grown, grown])
    mean = coordinates.from_original(*stream.model) if iterate.mean.size else iterate.mean
    return iterate._replace(slots=slots, mean=mean)


def make_record(seen: Evaluation, epoch: int, rate: float, model: tuple[Array, float], passing: Pass) -> History:
    """One record; its gradient is not measured, and its objective is a running value but for the start."""
    row = Row(epoch, seen.objective, seen.mse, np.nan, rate, passing.seconds, np.nan)
    columns = {name: np.array([value]) for name, value in row._asdict().items() if name != "validation_mse"}
    return History(columns, model[0][None], np.array([model[1]]), passing.names)
