"""A problem made ready to be descended: one read of the rows, the engine, coordinates."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source, Task, in_any_order
from downslope.descent.engines import Engine, Traits, choose_engine
from downslope.descent.settings import Settings
from downslope.exceptions import InputError
from downslope.fitting.problem import Problem
from downslope.statistics.coordinates import (
    Coordinates,
    raw_coordinates,
    refuse_extremes,
    spread_of,
    standard_coordinates,
)
from downslope.statistics.least_squares import solve
from downslope.statistics.moments import ColumnMoments, Moments, gather, gather_columns_with, gather_with
from downslope.statistics.row_checks import check_rows
from downslope.steps.accelerated import Accelerated
from downslope.texts import Finding, Remedy

__all__ = ["choose_coordinates", "prepare"]

Array = NDArray[np.float64]

# Columns whose mean is this many times their spread lose that many times ε when rows are multiplied unshifted.
LARGEST_LEVER = 1e3


def prepare(
    source: Source,
    settings: Settings,
    coordinates: Coordinates | None = None,
    *others: Task,
    any_order: bool = False,
) -> Problem:
    """Read the rows once and make the problem ready.

    Parameters
    ----------
    source : Source
    settings : Settings
    coordinates : Coordinates or None
        Those of the descent that goes on, if one does.
    *others : tasks
        What else is wanted of the same read; the values are `Problem.others`.
    any_order : bool
        Whether mini-batches take the rows as chance has it, wherever they lay.

    Raises
    ------
    InputError
        For an engine that cannot run the problem, and for columns that have changed so that a descent cannot go on.
    """
    if settings.visits_rows:
        # What a rule remembers of each row, it remembers by its place among all.
        chance = any_order and settings.batch_size is not None and not settings.rule.remembers_rows
        source = in_any_order(source) if chance else source.resident()
    elif cannot_be_counted(source, settings):
        source = source.resident()
    if source.n_rows is not None:
        # Before anything is read.
        choose_engine(Traits.of(settings, source.schema, source.n_rows), settings.engine)
    checks = () if source.schema.checked else (check_rows,)
    moments, found = read_statistics(source, settings, (*others, *checks))
    for counts in found[len(others) :]:
        counts.refuse()
    traits = Traits.of(settings, source.schema, moments.n_rows)
    engine = choose_engine(traits, settings.engine)
    if engine in ("data", "stochastic"):
        source = source.resident()
    if engine == "data" and settings.chosen and settings.automatic and settings.engine == "auto":
        settings = replace(settings, rule=Accelerated())
    least_squares = None
    if isinstance(moments, Moments):
        least_squares = solve(source, moments, exact=settings.squared, shrunk=bool(settings.penalty.l2))
    spread = spread_of(moments) if least_squares is None else least_squares.spread
    if coordinates is None:
        coordinates = choose_coordinates(settings, moments, spread)
    elif np.any((coordinates.inverse_scale == 0) & (spread > 0)):
        raise InputError(Finding.of("warm_start.constant_column", Remedy("warm_start", False)))
    lever = np.abs(coordinates.shift * coordinates.inverse_scale)
    return Problem(
        source=source,
        settings=settings,
        engine=told_of_rule(engine, settings),
        coordinates=coordinates,
        n_rows=moments.n_rows,
        weight=moments.weight,
        means=(moments.mean - coordinates.shift) * coordinates.inverse_scale,
        constant_columns=np.flatnonzero(spread == 0),
        least_squares=least_squares,
        shifted=bool(lever.max(initial=0.0) > LARGEST_LEVER),
        others=found[: len(others)],
    )


def told_of_rule(engine: Engine, settings: Settings) -> Engine:
    """The engine, whose reason says as well which steps "auto" takes."""
    if not settings.chosen:
        return engine
    which = "accelerated" if isinstance(settings.rule, Accelerated) else "plain"
    return Engine(str(engine), Finding.of(f"engine.auto_{which}", reason=engine.finding))


def choose_coordinates(settings: Settings, moments: Moments | ColumnMoments, spread: Array) -> Coordinates:
    """The coordinates that are descended."""
    if settings.standardize:
        return standard_coordinates(moments.mean, spread, settings.fit_intercept, moments.rest)
    size = np.hypot(moments.mean, spread)
    # Beside an intercept small columns are only constants.
    refuse_extremes(np.maximum(size, 1.0) if settings.fit_intercept else size)
    return raw_coordinates(size.size, settings.fit_intercept)


def cannot_be_counted(source: Source, settings: Settings) -> bool:
    """Whether the one read that there is would not tell what to gather in it."""
    few = Traits.of(settings, source.schema, 0).affordable
    return source.rereads == "never" and source.n_rows is None and not few


def read_statistics(
    source: Source, settings: Settings, others: Sequence[Task]
) -> tuple[Moments | ColumnMoments, tuple[Any, ...]]:
    """What is gathered in one read: all moments where they are affordable, those of each column elsewhere."""
    # So few columns that their products are affordable whatever the number of rows; without a count no more are.
    n_rows = source.n_rows
    if Traits.of(settings, source.schema, n_rows or 0).affordable:
        moments, *found = gather_with(source, *others)
        return moments, tuple(found)
    columns, *found = gather_columns_with(source, *others)
    if n_rows is None and Traits.of(settings, source.schema, columns.n_rows).affordable:
        return gather(source), tuple(found)
    return columns, tuple(found)
