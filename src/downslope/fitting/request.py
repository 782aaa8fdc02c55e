"""What a fit is asked, and what it gives back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from downslope.data.source import Source
from downslope.descent.engines import Engine
from downslope.descent.history import History, Record
from downslope.descent.loop import Row
from downslope.descent.settings import Settings
from downslope.descent.state import State
from downslope.descent.stopping import Stopping, StopReason
from downslope.fitting.optimum import Optimum
from downslope.fitting.problem import Problem
from downslope.fitting.replayable import Replayable
from downslope.fitting.start import Start
from downslope.journal import FORGETFUL, Journal
from downslope.statistics.coordinates import Coordinates
from downslope.texts import Finding

__all__ = ["Continuation", "Limits", "Request", "Solution", "Watcher"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """When to stop, as the user asked.

    Attributes
    ----------
    max_iter : int
    tol : float
    stop_below : float or None
    patience : int or None
        Records without a better validation error.
    window : int
        Records without a lower objective of noisy steps.
    """

    max_iter: int
    tol: float
    stop_below: float | None
    patience: int | None
    window: int = 10

    @classmethod
    def of(cls, options: Any) -> Self:
        """The limits that the parameters of `GradientDescentRegressor` say, of which others may be among them."""
        window = options["n_iter_no_change"]
        patience = window if options["early_stopping"] else None
        return cls(options["max_iter"], options["tol"] or 0.0, options["stop_below"], patience, window)


class Continuation(NamedTuple):
    """What a warm start needs to go on as if nothing had happened.

    Attributes
    ----------
    coordinates : Coordinates
    state : State
    start : array (p,)
    start_objective : float
        J there, by which rows that are others are known.
    history : History or None
    settings : Settings
    batched : bool
        Whether the steps were made on a part of the rows.
    n_rows : int
    """

    coordinates: Coordinates
    state: State
    start: Array
    start_objective: float
    history: History | None
    settings: Settings
    batched: bool
    n_rows: int


class Watcher(Protocol):
    """Follows a descent epoch by epoch; it is not asked to where they are not made one by one."""

    def begin(self, problem: Problem, rules: Stopping) -> None:
        """The first update is about to be made."""

    def hear(self, row: Row, parameters: Array) -> bool:
        """Receive a record, in descended coordinates; a true answer stops the run."""

    def end(self, row: Row, parameters: Array) -> None:
        """Receive the last record again, as the last."""


@dataclass(frozen=True)
class Request:
    """What to fit, and who wants to hear of it.

    Attributes
    ----------
    source : Source
        The training rows.
    settings : Settings
    limits : Limits
    start : Start
    validation_source : Source or None
        Rows to measure the validation error on.
    hear : callable or None
        Receives every record; a true answer stops the run.
    watcher : Watcher or None
        Follows the descent as well.
    going_on : Continuation or None
        The run to continue.
    level : bool
        Whether noisy steps may begin with the intercept at the mean of the target: nobody has said where.
    shuffle : bool
    seed : int
        Of the orders in which mini-batches take the rows.
    began : float
        `time.perf_counter()` when the caller was called.
    journal : Journal
        What is told how far the fit has come.
    """

    source: Source
    settings: Settings
    limits: Limits
    start: Start
    validation_source: Source | None = None
    hear: Callable[[Record], bool] | None = None
    watcher: Watcher | None = None
    going_on: Continuation | None = None
    level: bool = False
    shuffle: bool = True
    seed: int = 0
    began: float = field(default_factory=time.perf_counter)
    journal: Journal = FORGETFUL


@dataclass(frozen=True)
class Solution:
    """All that a fit found out.

    Attributes
    ----------
    coef : array (d,)
    intercept : float
    start : Start
        Where the descent began.
    n_iter : int
        Updates made since then.
    restored_epoch : int or None
        The epoch whose parameters are returned, where that is not the last one.
    history : History
    reason : StopReason
    finding : Finding
        Why the run stopped, with numbers.
    falls_short : bool
        Whether that is farther from the optimum than was asked for.
    engine : Engine
    learning_rate : float
        The rate of the last update.
    optimum : Optimum or None
    gap : float or None
        J - J* of the parameters that are returned.
    problem : Problem
    continuation : Continuation
    replayable : Replayable or Finding
        What the run can be made of again without its rows, or why it cannot.
    """

    coef: Array
    intercept: float
    start: Start
    n_iter: int
    restored_epoch: int | None
    history: History
    reason: StopReason
    finding: Finding
    falls_short: bool
    engine: Engine
    learning_rate: float
    optimum: Optimum | None
    gap: float | None
    problem: Problem
    continuation: Continuation
    replayable: Replayable | Finding
