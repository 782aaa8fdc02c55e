"""How a long descent is going, told while it runs.

A terminal and a notebook get one line that renews itself, at most five times a second; anything else gets lines, each
twice as late as the one before. A run that is over within a second (three where lines are written) says nothing, nor
does one in closed form, whose epochs are not made one by one unless a callback wants to hear of each.

Where rows are dear to read, a read is told too: the rows so far, and of files about how many of their bytes these are,
were all lines as long as the first ones, with the time that is left at the pace so far.

A line holds the epoch and the last one that `max_iter` allows, J, J - J* where J* is known, the length of the gradient
where it was measured, η·λ_max with the largest at which the rule settles (the rate, where there is no such limit), the
state, and the time left. Where a terminal is too narrow the least telling are left out.

=========  =======================================================================================================
state      when
=========  =======================================================================================================
diverging  J is above that of the start and of zeros, or grew over two updates while η·λ_max is beyond its limit
zig-zag    the last step points against the one before: in descended coordinates their inner product is negative
monotone   otherwise
=========  =======================================================================================================

The time left is "at most" that of the epochs up to `max_iter`, at the pace of the second half of the run so far. It is
"about" that of the epochs in which J - J* reaches what `tol` asks for, if it goes on to shrink by the same factor an
epoch as in that half; where the directions that are left are slower ones, it is more.
"""

import io
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from downslope.descent.loop import Row
from downslope.descent.stopping import EXPLOSION, Stopping
from downslope.fitting.problem import Problem
from downslope.monitor.terminal import Field, Lines, Report, Screen, clock, screen_of
from downslope.texts import say

__all__ = ["Outlook", "Progress"]

Array = NDArray[np.float64]
# A record as the loop hands it out, in descended coordinates; plain, since to make a named one takes 0.2 µs.
Sight = tuple[Row, Array]

# An update may take this share of the pause after it: where a line is slow, updates are rarer.
COST = 0.005
# Where epochs take seconds, an update does not wait for the three records that a state is told from.
PATIENCE = 1.0
# Steps and differences of J below this share of θ and J are rounding.
ROUNDING = 1e-12
# The states as they are called in sentences.
STATES = {"diverging": "progress.diverging", "zig-zag": "progress.zig-zag", "monotone": "progress.monotone"}


class Told(NamedTuple):
    """What the time left is estimated from; `excess` is not a number where J* is not known."""

    epoch: float
    seconds: float
    excess: float


class Reading(NamedTuple):
    """A read that goes on: when it began, after how many seconds it is shown again, and the rows so far."""

    began: float
    due: float
    n_rows: int


@dataclass(frozen=True)
class Outlook:
    """What is known of a descent before its first update.

    Attributes
    ----------
    last_epoch : int
        The last that `max_iter` allows.
    worst : float
        The larger J of the start and of zeros.
    excess : callable or None
        J - J* of parameters, where J* is known.
    excess_below : float or None
        At which `tol` stops the run.
    curvature : float or None
        λ_max, where the rule has a largest stable rate.
    limit : float
        The largest η·λ_max at which the rule settles.
    """

    last_epoch: int
    worst: float
    excess: Callable[[Array], float] | None = None
    excess_below: float | None = None
    curvature: float | None = None
    limit: float = math.nan

    @classmethod
    def of(cls, problem: Problem, rules: Stopping) -> "Outlook":
        """Gather it; nothing is computed that the fit does not need anyway."""
        smooth, limit = problem.smooth, problem.settings.rule.stable_product
        # The curvature of other losses is a bound, and batches are steeper than the whole.
        limited = problem.settings.squared and not problem.stochastic and math.isfinite(limit)
        return cls(
            rules.last_epoch,
            rules.explode_above / EXPLOSION,
            None if smooth is None or problem.optimum is None else lambda at: smooth.excess_and_gradient(at)[0],
            rules.excess_below,
            problem.curvature if limited else None,
            limit,
        )

    def state(self, recent: Sequence[Sight]) -> str:
        """The state after up to three consecutive records; empty where they are too few to tell."""
        now = recent[-1][0]
        if not now.objective <= self.worst * (1.0 + ROUNDING):
            return "diverging"
        if len(recent) < 3:
            return ""
        first, second, third = (parameters for _, parameters in recent)
        too_fast = self.curvature is not None and now.learning_rate * self.curvature > self.limit
        if too_fast and now.objective > recent[0][0].objective * (1.0 + ROUNDING):
            return "diverging"
        turn = float((third - second) @ (second - first))
        return "zig-zag" if turn < -(ROUNDING**2) * float(third @ third) else "monotone"

    def epochs_left(self, then: Told, now: Told) -> tuple[float, bool]:
        """The epochs to come, and whether there can be no more."""
        most = self.last_epoch - now.epoch
        if self.excess_below and then.excess > now.excess > self.excess_below:
            shrinking = math.log(then.excess / now.excess) / (now.epoch - then.epoch)
            needed = math.log(now.excess / self.excess_below) / shrinking
            if needed < most:
                return needed, False
        return most, True

    def measures(self, row: Row, excess: float) -> list[Field]:
        """The numbers of a record, less those that are not known."""
        fields = [Field(0, say("progress.epoch", epoch=row.epoch, last=self.last_epoch))]
        known = not math.isnan(excess)
        # Zeros at the end keep the length of a line that renews itself.
        fields.append(Field(5 if known else 2, say("progress.objective", objective=row.objective).rstrip(".")))
        if known:
            fields.append(Field(2, say("progress.excess", excess=excess)))
        if not math.isnan(row.gradient_norm):
            fields.append(Field(6, say("progress.gradient", length=row.gradient_norm)))
        if self.curvature is None:
            fields.append(Field(4, say("progress.rate", rate=row.learning_rate)))
        else:
            product = row.learning_rate * self.curvature
            fields.append(Field(4, say("progress.product", product=product, limit=self.limit)))
        return fields


class Progress:
    """Follows one descent; as a context manager, so that an error or an interrupt leaves no half line behind.

    Parameters
    ----------
    screen : Screen or None, default=None
        Where to tell; by default the notebook that this process serves, or what standard error is.

    Examples
    --------
    >>> import io
    >>> paper = io.StringIO()
    >>> with Progress(Lines(paper)) as progress:
    ...     progress.outlook = Outlook(last_epoch=1_000, worst=2.0)
    ...     for epoch in range(10):
    ...         row = Row(epoch, 2.0 / 2**epoch, 4.0 / 2**epoch, 0.5**epoch, 0.1, 0.8 * epoch, np.nan)
    ...         stop = progress.hear(row, np.array([2.0 - 2.0 / 2**epoch]))
    ...     progress.end(row, np.array([2.0]))
    >>> print(paper.getvalue().strip())
    epoch 4/1,000 after 0:03, objective 0.125000, gradient 6.2e-02, rate 0.1, monotone, at most 13:17 left
    epoch 8/1,000 after 0:06, objective 0.00781250, gradient 3.9e-03, rate 0.1, monotone, at most 13:14 left
    epoch 9/1,000 after 0:07, objective 0.00390625, gradient 2.0e-03, rate 0.1
    """

    outlook: Outlook

    def __init__(self, screen: Screen | None = None) -> None:
        self.screen = screen_of(sys.stderr) if screen is None else screen
        self.start: Told | None = None
        self.recent: deque[Sight] = deque(maxlen=3)
        self.told: deque[Told] = deque()
        self.show_at = self.screen.silence
        self.due = -math.inf
        self.reading: Reading | None = None
        self.shows_rows = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear_rows()
        if self.told:
            self.put(self.screen.clear)

    def hear_rows(self, n_rows: int, about: int, n_bytes: int) -> None:
        """Hear how far a read of rows has come: so many of about so many, in so many bytes; 0 where nobody knows."""
        now = time.perf_counter()
        if self.reading is None or n_rows < self.reading.n_rows:
            self.reading = Reading(now, self.screen.silence, 0)
        began, due, _ = self.reading
        seconds = now - began
        if seconds >= due:
            fields, share = [Field(0, say("progress.rows", rows=n_rows))], 0.0
            if about:
                share = min(n_rows / about, 1.0)
                done, whole = share * n_bytes / 1e6, n_bytes / 1e6
                fields.append(Field(2, say("progress.bytes", done=done, whole=whole)))
                fields.append(Field(1, say("progress.about", time=clock(seconds * (1.0 - share) / max(share, 1e-9)))))
            self.put(lambda: self.screen.show(Report(share, tuple(fields), seconds)))
            self.shows_rows, due = True, seconds + self.screen.pause(seconds)
        self.reading = Reading(began, due, n_rows)

    def clear_rows(self) -> None:
        """Clear away what was shown of a read."""
        if self.shows_rows:
            self.put(self.screen.clear)
        self.shows_rows = False

    def begin(self, problem: Problem, rules: Stopping) -> None:
        """A descent begins."""
        self.clear_rows()
        self.outlook = Outlook.of(problem, rules)

    def hear(self, row: Row, parameters: Array) -> bool:
        """Receive a record; never a reason to stop.

        An epoch may take 6 µs, so nearly all records are let go by, for 0.04 µs; to keep the last one in any case would
        take 0.1.
        """
        if row.seconds >= self.due:
            self.attend(row, parameters)
        return False

    def attend(self, row: Row, parameters: Array) -> None:
        """Tell of a record, if it is time and there are three in a row to tell a state from."""
        recent = self.recent
        if self.start is None:
            self.start = Told(row.epoch, row.seconds, math.nan)
        if recent and row.epoch != recent[-1][0].epoch + 1:
            recent.clear()
        recent.append((row, parameters))
        if row.seconds >= self.show_at + (0.0 if len(recent) == 3 else PATIENCE):
            began = time.perf_counter()
            self.tell(row, parameters, self.start)
            took = time.perf_counter() - began
            self.show_at = row.seconds + max(self.screen.pause(row.seconds), took / COST)
        # From the second record on the pace is known, and with it when the three records before an update begin.
        self.due = self.show_at - 3 * self.pace(row, self.start) if row.epoch > self.start.epoch else -math.inf

    def tell(self, row: Row, parameters: Array, start: Told) -> None:
        """Show a report."""
        told = self.told
        told.append(Told(row.epoch, row.seconds, self.excess(parameters)))
        # What is kept begins in the middle of the run so far.
        while len(told) > 2 and 2 * (told[1].epoch - start.epoch) <= row.epoch - start.epoch:
            told.popleft()
        left, most = self.outlook.epochs_left(told[0], told[-1])
        fields = self.outlook.measures(row, told[-1].excess)
        state, done = self.outlook.state(self.recent), row.epoch - start.epoch
        fields += [Field(3, say(STATES[state]))] if state else []
        time_left = clock(left * self.pace(row, start))
        fields += [Field(1, say("progress.at_most" if most else "progress.about", time=time_left))]
        self.put(lambda: self.screen.show(Report(done / max(done + left, 1), tuple(fields), row.seconds)))

    def excess(self, parameters: Array) -> float:
        """J - J*; not a number where J* is not known."""
        return math.nan if self.outlook.excess is None else self.outlook.excess(parameters)

    def pace(self, row: Row, start: Told) -> float:
        """Seconds an epoch, of late."""
        since = self.told[0] if len(self.told) > 1 else start
        return (row.seconds - since.seconds) / max(row.epoch - since.epoch, 1.0)

    def print(self, text: str) -> None:
        """Print a line above what is shown."""
        if self.told:
            self.put(self.screen.clear)
        print(text)

    def end(self, row: Row, parameters: Array) -> None:
        """Tell the last record, if anything was told."""
        if self.told:
            fields = tuple(self.outlook.measures(row, self.excess(parameters)))
            self.put(lambda: self.screen.end(Report(1.0, fields, row.seconds)))
            # Nothing is left to be cleared away.
            self.told.clear()

    def put(self, show: Callable[[], None]) -> None:
        """Show; a terminal that was closed meanwhile is no reason to lose a fit."""
        try:
            show()
        except (OSError, ValueError):
            self.screen = Lines(io.StringIO())
