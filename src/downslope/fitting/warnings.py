"""What is to be warned of, whatever came of the descent."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from downslope.data.block import Block
from downslope.exceptions import CollinearColumnsWarning, ConstantColumnWarning, DownslopeWarning
from downslope.fitting.problem import Problem
from downslope.texts import Finding, Remedy

__all__ = ["find_warnings"]


def find_warnings(problem: Problem) -> Iterator[DownslopeWarning]:
    """Options and columns that do not do what they seem to."""
    settings, names = problem.settings, problem.source.schema.spoken_names
    if settings.batch_size is not None and settings.batch_size > problem.n_rows:
        remedy, numbers = Remedy("batch_size", None), {"batch_size": settings.batch_size, "n_rows": problem.n_rows}
        yield DownslopeWarning(Finding("warning.batch_of_all", numbers, (remedy,)))
    # Without an intercept a column of ones is the usual way to have one.
    idle = [names[j] for j in problem.constant_columns] if settings.fit_intercept else []
    if idle:
        fate = "zero" if settings.standardize else "in_intercept"
        yield ConstantColumnWarning(Finding.of(f"warning.constant_{fate}", columns=idle, count=len(idle)))
    tube = find_tube(problem)
    if tube is not None:
        yield DownslopeWarning(tube)
    optimum, rows = problem.optimum, problem.least_squares
    if optimum is not None and rows is not None and not optimum.unique:
        yield CollinearColumnsWarning(find_collinear(problem, names))


def find_collinear(problem: Problem, names: list[str]) -> Finding:
    """Why the coefficients are not unique."""
    remedy = Remedy("penalty", "l2")
    if problem.n_rows <= len(names):
        return Finding.of("warning.fewer_rows", remedy, n_features=len(names), n_rows=problem.n_rows)
    tied = [names[j] for j in problem.tied_columns()]
    return Finding.of("warning.collinear", remedy, columns=tied, count=len(tied))


@dataclass(frozen=True)
class TargetRange:
    """The smallest and the largest target."""

    low: float
    high: float

    def __add__(self, other: "TargetRange") -> "TargetRange":
        return TargetRange(min(self.low, other.low), max(self.high, other.high))


def range_of_targets(block: Block) -> TargetRange:
    """That of a block."""
    return TargetRange(float(block.y.min(initial=np.inf)), float(block.y.max(initial=-np.inf)))


def find_tube(problem: Problem) -> Finding | None:
    """What to say of a tube that covers all targets: one constant, or 0 without an intercept, costs nothing there."""
    epsilon = getattr(problem.settings.loss, "epsilon", None)
    if epsilon is None:
        return None
    (targets,) = problem.source.scan(range_of_targets)
    largest = max(abs(targets.low), abs(targets.high))
    apart = 0.5 * (targets.high - targets.low) if problem.settings.fit_intercept else largest
    if not 0 < apart <= epsilon:
        return None
    numbers = {"epsilon": epsilon, "n_rows": problem.n_rows, "largest": largest, "apart": 2.0 * apart}
    code = "warning.tube" if problem.settings.fit_intercept else "warning.tube_about_zero"
    return Finding(code, numbers, (Remedy("epsilon"),))
