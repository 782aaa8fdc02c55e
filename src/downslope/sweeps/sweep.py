"""Many rates at once: for the closed form one read of the rows and a few products, for all else a fit each."""

import sys
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from downslope.data.rows import Rows
from downslope.descent.history import Record
from downslope.descent.settings import Settings
from downslope.descent.stopping import StopReason
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.sources import naming_spoilt_columns, opened, read_source, resident_rows
from downslope.exceptions import DownslopeWarning, InputError
from downslope.fitting.problem import Problem, prepare
from downslope.fitting.start import draw_start
from downslope.monitor.terminal import Field, Report, clock, screen_of
from downslope.steps.rules import METHODS, StepRule, make_step_rule
from downslope.sweeps.known import Known
from downslope.sweeps.runs import Run, Sweep
from downslope.texts import Finding, say
from downslope.threads import one_blas_thread

__all__ = ["SweepInterrupted", "setup", "sweep"]

Array = NDArray[np.float64]

WITH_MOMENTUM = ("momentum", "nesterov", "adam")
# Without rates: so many for each method, evenly spaced on a logarithmic scale between these shares of the largest
# stable one.
N_RATES = 61
LOWEST, HIGHEST = 1e-3, 2.0


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C in a sweep: `sweep` holds the runs that were made, of `wanted`."""

    def __init__(self, sweep: Sweep, wanted: int) -> None:
        super().__init__(Finding.of("sweep.interrupted", made=len(sweep.runs), wanted=wanted))
        self.sweep = sweep


def sweep(
    X: Any,
    y: Any = None,
    *,
    learning_rates: ArrayLike | None = None,
    methods: str | Sequence[str] = ("gd",),
    momenta: float | Sequence[float] = (0.9,),
    target: float = 1e-6,
    max_iter: int = 10_000,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: bool = False,
    **options: Any,
) -> Sweep:
    """Try every combination of rate, method and momentum from the same start.

    Plain descent, heavy ball and Nesterov on the squared loss cost one read of the rows in all: every epoch of
    every rate is a power of small matrices. Everything else is run, a fit for each combination.

    Parameters
    ----------
    X : array-like or sparse matrix (n_rows, n_features), a pandas, polars or pyarrow table, or a source of rows
    y : array-like (n_rows,)
    learning_rates : array-like of numbers, or None
        In descended coordinates; None takes 61 of each method, from a thousandth to twice its largest stable rate.
    methods : str or sequence of str
        As `GradientDescentRegressor` calls them.
    momenta : float or sequence of float
        For the methods that have one.
    target : float
        What share of the excess of the start (its intercept at its best) is left when a run counts as converged: as
        `tol`.
    max_iter : int
    sample_weight : array-like (n_rows,) or None
    n_jobs : int or None
        Fits at a time, of those that are run.
    progress : bool
        Whether to tell on standard error how many of these are done.
    **options
        Other parameters of `GradientDescentRegressor`, such as `standardize`, `penalty` or `loss`.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        For rows or options that cannot be used.

    Examples
    --------
    >>> from downslope import make_linear, sweep
    >>> data = make_linear([0.3, 0.5, 0.7], random_state=0)
    >>> found = sweep(data.X, data.y, learning_rates=[0.5, 2.0], methods=("gd", "nesterov"), standardize=False)
    >>> [(run.method, run.learning_rate, run.epochs) for run in found.runs]
    [('gd', 0.5, 269), ('gd', 2.0, None), ('nesterov', 0.5, 81), ('nesterov', 2.0, None)]
    """
    model, rates = setup(learning_rates, methods, momenta, target, max_iter, options)
    source = read_source(model, X, y, sample_weight, least=2)
    pairs = [
        (method, momentum)
        for method in ([methods] if isinstance(methods, str) else methods)
        for momentum in (np.ravel(momenta).tolist() if method in WITH_MOMENTUM else [None])
    ]
    with opened(source), one_blas_thread(), naming_spoilt_columns(source):
        parameters, n_features = model.get_params(deep=False), source.schema.n_features
        settings = Settings.of({**parameters, "learning_rate": "auto"}, n_features)
        linear = all(make_step_rule(method).linear for method, _ in pairs)
        if not linear or settings.visits_rows or settings.penalty.l1:
            # Some runs must be made.
            source = source.resident()
        problem = prepare(source, settings)
        generator = check_random_state(model.random_state)
        begun = draw_start(model.init, generator, n_features, fit_intercept=settings.fit_intercept)
        start = problem.coordinates.from_original(*begun)
        known = Known.of(problem, start, target, max_iter)
        found: list[Run] = []
        waiting: dict[int, GradientDescentRegressor] = {}
        for method, momentum in pairs:
            rule = make_step_rule(method, 0.9 if momentum is None else momentum)
            for_rule = rates if rates is not None else usual_rates(problem, method, rule)
            if known is not None and rule.linear and model.batch_size is None:
                found += known.runs(method, momentum, rule, for_rule)
                continue
            limit = replace(problem, settings=replace(settings, rule=rule)).largest_stable_rate
            for rate in for_rule.tolist():
                waiting[len(found)] = make_estimator(model, method, momentum, rate)
                found.append(Run(method, momentum, rate, None, None, np.nan, "", limit))
    start_gap = None if known is None else known.start_gap
    if not waiting:
        return Sweep(tuple(found), float(target), int(max_iter), start_gap)
    to_make = [(found[place], fit) for place, fit in waiting.items()]
    with closing(make_runs(to_make, resident_rows(source), known, n_jobs, progress)) as runs:
        try:
            for place, run in zip(waiting, runs, strict=True):
                found[place] = run
        except KeyboardInterrupt as interrupt:
            finished = tuple(run for run in found if run.outcome)
            if not finished:
                raise
            kept = Sweep(finished, float(target), int(max_iter), start_gap)
            raise SweepInterrupted(kept, len(found)) from interrupt
    return Sweep(tuple(found), float(target), int(max_iter), start_gap)


def setup(
    learning_rates: ArrayLike | None,
    methods: str | Sequence[str],
    momenta: float | Sequence[float],
    target: float,
    max_iter: int,
    options: dict[str, Any],
) -> tuple[GradientDescentRegressor, Array | None]:
    """The estimator that all runs are made of, and the rates, checked."""
    swept = {"learning_rate": "learning_rates", "method": "methods", "momentum": "momenta", "tol": "target"}
    known = GradientDescentRegressor().get_params(deep=False)
    for name in options:
        if name in swept:
            raise InputError(Finding.of("sweep.varied", got=name, instead=swept[name]))
        if name not in known or name in ("callbacks", "verbose", "warm_start", "early_stopping"):
            raise InputError(Finding.of("sweep.no_option", got=name, known=", ".join(known)))
    if not (isinstance(target, Real) and 0 < target < 1):
        raise InputError(Finding.of("sweep.target", got=target))
    model = GradientDescentRegressor(tol=float(target), max_iter=max_iter, **options)
    for method in [methods] if isinstance(methods, str) else methods:
        if method not in METHODS:
            raise InputError(Finding.of("sweep.method", got=method, known=", ".join(METHODS)))
    for momentum in np.ravel(momenta).tolist():
        model.set_params(momentum=momentum)._validate_params()
    if learning_rates is None:
        return model, None
    rates = np.asarray(learning_rates, dtype=np.float64).reshape(-1)
    if not rates.size or not np.all(np.isfinite(rates) & (rates > 0)):
        raise InputError(Finding("sweep.rates"))
    return model, rates


def usual_rates(problem: Problem, method: str, rule: StepRule) -> Array:
    """Rates around the largest stable one."""
    limit = replace(problem, settings=replace(problem.settings, rule=rule)).largest_stable_rate
    if limit is None:
        raise InputError(Finding.of("sweep.no_limit", method=method))
    return np.geomspace(LOWEST * limit, HIGHEST * limit, N_RATES)


def make_runs(
    waiting: Sequence[tuple[Run, GradientDescentRegressor]],
    rows: Rows,
    known: Known | None,
    n_jobs: int | None,
    progress: bool,
) -> Generator[Run, None, None]:
    """Runs that must be made, in their order."""
    began, screen = time.perf_counter(), screen_of(sys.stderr)
    due, shown = screen.silence, False
    fits = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        delayed(make_run)(run, fit, rows, known) for run, fit in waiting
    )
    try:
        for done, run in enumerate(fits, start=1):
            yield run
            seconds = time.perf_counter() - began
            if progress and seconds >= due:
                left = clock(seconds * (len(waiting) - done) / done)
                told = say("progress.run", run=done, last=len(waiting)), say("progress.about", time=left)
                fields = (Field(0, told[0]), Field(1, told[1]))
                screen.show(Report(done / len(waiting), fields, seconds))
                due, shown = seconds + screen.pause(seconds), True
    finally:
        if shown:
            screen.clear()


def make_estimator(
    model: GradientDescentRegressor, method: str, momentum: float | None, rate: float
) -> GradientDescentRegressor:
    """The estimator of one run."""
    parameters = {**model.get_params(deep=False), "method": method, "learning_rate": rate}
    return GradientDescentRegressor(**parameters if momentum is None else {**parameters, "momentum": momentum})


def make_run(run: Run, model: GradientDescentRegressor, rows: Rows, known: Known | None) -> Run:
    """The run, made. Where J* is known it goes on after the target is met; where not, `tol` decides."""
    met: list[int] = []
    if known is not None:
        model.set_params(tol=0.0, callbacks=first_epoch_below(known, met))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DownslopeWarning)
        model.fit(rows.X, rows.y, rows.weight)
    objective, reason = float(model.history_["objective"][-1]), model.stop_reason_
    if known is None:
        epochs = model.n_iter_ if reason is StopReason.CONVERGED else None
        return run._replace(epochs=epochs, objective=objective, outcome=outcome_of(reason))
    gap = objective - known.minimum
    outcome = "converged" if met else outcome_of(reason)
    return run._replace(epochs=met[0] if met else None, gap=gap, objective=objective, outcome=outcome)


def first_epoch_below(known: Known, met: list[int]) -> Callable[[Record], None]:
    """A callback that notes the first epoch at which the target is met."""

    def note(record: Record) -> None:
        if not met and record.objective - known.minimum <= known.below:
            met.append(record.epoch)

    return note


def outcome_of(reason: StopReason) -> str:
    """A run that does not fall any more has used its epochs up."""
    return reason.value if reason in (StopReason.CONVERGED, StopReason.DIVERGED) else StopReason.MAX_ITER.value
