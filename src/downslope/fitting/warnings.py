"""What is to be warned of, whatever came of the descent."""

from collections.abc import Iterator

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
