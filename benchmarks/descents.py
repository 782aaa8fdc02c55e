"""Descents on rows in memory, in reads of X and against the same descent by others."""

import warnings
from contextlib import ExitStack
from functools import partial

import numpy as np

from benchmarks.rivals import RIVALS, RivalProcess
from benchmarks.rows import RATE, Array, Reader, Scale
from benchmarks.table import Line
from benchmarks.timing import Stopwatch, Timing, interleave, timed
from downslope import GradientDescentRegressor, sweep
from downslope.sweeps import Sweep

__all__ = ["descent_lines"]

# So many reads in a row take about as long as a fit.
READS = 8


def descent(X: Array, y: Array, epochs: int) -> GradientDescentRegressor:
    """Plain descent in the units of the rows, all epochs kept: what the rivals do."""
    return GradientDescentRegressor(learning_rate=RATE, standardize=False, tol=0, max_iter=epochs).fit(X, y)


def many_rates(X: Array, y: Array, n_rates: int, epochs: int) -> Sweep:
    """The same descent at many rates on both sides of the largest stable one."""
    return sweep(X, y, learning_rates=np.geomspace(0.01, 4.0, n_rates) * RATE, max_iter=epochs, standardize=False)


def huber(X: Array, y: Array, epochs: int) -> GradientDescentRegressor:
    """The same on a loss that has to read the rows at every epoch."""
    return GradientDescentRegressor(loss="huber", delta=0.2, tol=0, max_iter=epochs).fit(X, y)


def descent_lines(X: Array, y: Array, scale: Scale) -> tuple[list[Line], list[str]]:
    """The lines of the table that are about time, and what to know about them."""
    few, more = scale.huber_epochs
    absent: dict[str, str] = {}
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = stack.enter_context(Reader(X))
        candidates: dict[str, Stopwatch] = {name: timed(read, READS) for name, read in reader.kinds.items()}
        candidates["fit"] = timed(partial(descent, X, y, scale.epochs))
        candidates["many"] = timed(partial(descent, X, y, scale.many_epochs))
        candidates["sweep"] = timed(partial(many_rates, X, y, scale.sweep_rates, scale.sweep_epochs))
        candidates["few"] = timed(partial(huber, X, y, few))
        candidates["more"] = timed(partial(huber, X, y, more))
        rivals: dict[str, RivalProcess] = {}
        for name in RIVALS:
            try:
                rivals[name] = stack.enter_context(RivalProcess(name, scale.rows, scale.columns))
            except ImportError as error:
                absent[name] = str(error)
        candidates |= {name: partial(rival.descend, scale.loop_epochs) for name, rival in rivals.items()}
        seen = interleave(candidates, scale.rounds)
        check_agreement(descent(X, y, scale.epochs), rivals, scale.loop_epochs)
    unit = min(reader.kinds, key=lambda kind: seen[kind].median)
    lines = own_lines(seen, seen[unit], scale) + rival_lines(seen, absent, scale)
    notes = [
        f"A read is {unit} over contiguous halves of X by two threads (the fastest of {', '.join(reader.kinds)}), "
        f"{1e3 * seen[unit].median:.1f} ms; the fit took {1e3 * seen['fit'].median:.1f} ms.",
        f"The others made {scale.loop_epochs} epochs, scaled up to {scale.epochs:,}; their weights agree with ours.",
        f"A Huber epoch is fit with max_iter={more} less fit with max_iter={few}, divided by {more - few}.",
    ]
    return lines, notes


def own_lines(seen: dict[str, Timing], read: Timing, scale: Scale) -> list[Line]:
    """Against a read of X and against itself."""
    few, more = scale.huber_epochs
    epoch = seen["more"].less(seen["few"]).per(more - few)
    return [
        Line(f"plain descent, {scale.epochs:,} epochs, all of fit", seen["fit"] / read, "reads of X", at_most=10),
        Line(
            f"{scale.many_epochs:,} epochs",
            seen["many"] / seen["fit"],
            f"× {scale.epochs:,} epochs",
            at_most=1.5,
        ),
        Line(
            f"sweep of {scale.sweep_rates:,} rates × {scale.sweep_epochs:,} epochs",
            seen["sweep"] / seen["fit"],
            "× one fit",
            at_most=1.2,
        ),
        Line("Huber, one epoch of the data engine", epoch / read, "reads of X", at_most=2.5),
    ]


def rival_lines(seen: dict[str, Timing], absent: dict[str, str], scale: Scale) -> list[Line]:
    """Against the same descent by others."""
    lines = []
    for name, rival in RIVALS.items():
        title = f"{rival.title}, {scale.epochs:,} epochs"
        if name in absent:
            lines.append(Line(title, None, f"skipped: {absent[name]}", at_least=150))
        else:
            all_epochs = seen[name].per(scale.loop_epochs / scale.epochs)
            lines.append(Line(title, all_epochs / seen["fit"], "× our time", at_least=150))
    return lines


def check_agreement(model: GradientDescentRegressor, rivals: dict[str, RivalProcess], epochs: int) -> None:
    """A comparison is one only if all of them have made the same steps."""
    ours = np.append(model.history_.coef[epochs], model.history_.intercept[epochs])
    for name, rival in rivals.items():
        tolerance = 1e-3 if RIVALS[name].dtype == "float32" else 1e-9
        if not np.allclose(rival.weights, ours, rtol=tolerance, atol=tolerance):
            raise RuntimeError(f"{RIVALS[name].title} arrived at {rival.weights} after {epochs} epochs, not at {ours}")
