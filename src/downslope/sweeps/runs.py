"""What came of a sweep: a value for each combination, and all of them as a table."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from downslope.data.documents import to_json
from downslope.data.frames import make_frame
from downslope.texts import say
from downslope.texts.width import align

__all__ = ["Run", "Sweep"]

MOST_LINES = 25


class Run(NamedTuple):
    """What came of one combination.

    Attributes
    ----------
    method : str
    momentum : float or None
    learning_rate : float
    epochs : int or None
        The first epoch at which the target is met; None where it is not within max_iter.
    gap : float or None
        J - J* after max_iter epochs, or at the epoch at which the run blew up; None where J* is not known.
    objective : float
        J there.
    outcome : str
        "converged", "max_iter" or "diverged".
    largest_stable_rate : float or None

    Examples
    --------
    >>> from downslope import make_linear, sweep
    >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
    >>> run = sweep(data.X, data.y, learning_rates=[0.5]).best
    >>> run.method, run.epochs, run.outcome, round(run.largest_stable_rate, 2)
    ('gd', 15, 'converged', 2.0)
    """

    method: str
    momentum: float | None
    learning_rate: float
    epochs: int | None
    gap: float | None
    objective: float
    outcome: str
    largest_stable_rate: float | None


@dataclass(frozen=True)
class Sweep:
    """The runs of a sweep; printed as a table.

    Attributes
    ----------
    runs : tuple of Run
        By method, momentum and rate, in the order in which these were given.
    target : float
    max_iter : int
    start_gap : float or None
        J - J* of the start.

    Examples
    --------
    >>> from downslope import make_linear, sweep
    >>> data = make_linear(coef=3.0, intercept=7.0, noise=0.1, random_state=0)
    >>> found = sweep(data.X, data.y, learning_rates=[0.1, 1.0, 2.1])
    >>> [(run.learning_rate, run.epochs, run.outcome) for run in found.runs]
    [(0.1, 98, 'converged'), (1.0, 1, 'converged'), (2.1, None, 'diverged')]
    """

    runs: tuple[Run, ...]
    target: float
    max_iter: int
    start_gap: float | None

    @property
    def best(self) -> Run:
        """The run that met the target first; if none did, the one that came nearest."""
        return min(self.runs, key=standing)

    def to_dict(self) -> dict[str, list[Any]]:
        """A list for each field of `Run`."""
        return {name: [run[k] for run in self.runs] for k, name in enumerate(Run._fields)}

    def to_json(self) -> str:
        """The runs, the target, max_iter and the gap of the start as JSON; infinities as null."""
        about = {"target": self.target, "max_iter": self.max_iter, "start_gap": self.start_gap}
        return to_json({**about, "best": self.best._asdict(), "runs": [run._asdict() for run in self.runs]})

    def to_frame(self) -> Any:
        """`to_dict` as a pandas DataFrame."""
        return make_frame(self.to_dict())

    def __str__(self) -> str:
        count, best = len(self.runs), self.runs.index(self.best)
        shown = sorted({*np.linspace(0, count - 1, min(count, MOST_LINES)).astype(int).tolist(), best})
        header = ("", say("sweep.rate"), say("sweep.epochs"), say("sweep.gap"), say("sweep.outcome"))
        lines = align([header, *(line(self.runs[k], best=k == best) for k in shown)], left=(0, 4))
        code = "sweep.page" if len(shown) == count else "sweep.page_of_some"
        about = {"target": self.target, "max_iter": self.max_iter, "shown": len(shown), "count": count}
        return "\n".join([say(code, **about), *lines])


def standing(run: Run) -> tuple[float, float, float]:
    """What runs are ordered by, the best first."""
    epochs = np.inf if run.epochs is None else run.epochs
    left = run.objective if run.gap is None else run.gap
    return epochs, float(run.outcome == "diverged"), left if np.isfinite(left) else np.inf


def line(run: Run, *, best: bool) -> tuple[str, ...]:
    """A run as a line of the table."""
    name = run.method if run.momentum is None else f"{run.method}, β = {run.momentum:g}"
    rounding = float(np.finfo(np.float64).eps) * abs(run.objective)
    if run.gap is None:
        gap = f"J = {run.objective:.4g}"
    else:
        gap = f"{run.gap:.3g}" if run.gap >= rounding else f"< {rounding:.0e}"
    epochs = "-" if run.epochs is None else f"{run.epochs:,}"
    outcome = say(f"outcome.{run.outcome}")
    return name, f"{run.learning_rate:.6g}", epochs, gap, say("sweep.best", outcome=outcome) if best else outcome
