"""Many rates at once: for the closed form one read of the rows and a few products, for all else a fit each."""

import sys
import time
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from downslope.data.rows import Rows
from downslope.data.source import Source
from downslope.descent.history import Record
from downslope.descent.settings import Settings
from downslope.descent.stopping import StopReason
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.sources import naming_spoilt_columns, opened, read_source, resident_rows
from downslope.exceptions import DownslopeWarning, InputError
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
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
    [('gd', 0.5, 388), ('gd', 2.0, None), ('nesterov', 0.5, 110), ('nesterov', 2.0, None)]
    """
    model, rates = setup(learning_rates, methods, momenta, target, max_iter, options)
    source = read_source(model, X, y, sample_weight, least=2)
    pairs = [
        (method, momentum)
        for method in ([methods] if isinstance(methods, str) else methods)
        for momentum in (np.ravel(momenta).tolist() if method in WITH_MOMENTUM else [None])
    ]
    with opened(source), one_blas_thread(), naming_spoilt_columns(source):
        plan = make_plan(model, rates, source, pairs, float(target))
    start_gap = None if plan.known is None else plan.known.start_gap
    found = Sweep(tuple(plan.runs), float(target), int(max_iter), start_gap)
    if not plan.waiting:
        return found
    runs = list(plan.runs)
    with closing(make_runs(plan, n_jobs, progress)) as made:
        try:
            for place, run in zip(plan.waiting, made, strict=True):
                runs[place] = run
        except KeyboardInterrupt as interrupt:
            finished = tuple(run for run in runs if run.outcome)
            if not finished:
                raise
            raise SweepInterrupted(replace(found, runs=finished), len(runs)) from interrupt
    return replace(found, runs=tuple(runs))


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


@dataclass(frozen=True)
class Plan:
    """What a sweep knows without running, and what it must run.

    Attributes
    ----------
    runs : list of Run
        Of every combination, in their order; those that must be made have no outcome yet.
    waiting : dict of int to GradientDescentRegressor
        Those that must be made, by their place among the runs.
    known : Known or None
        What the closed form says.
    source : Source
        What the runs that must be made read.
    """

    runs: list[Run]
    waiting: dict[int, GradientDescentRegressor]
    known: Known | None
    source: Source


def make_plan(
    model: GradientDescentRegressor,
    rates: Array | None,
    source: Source,
    pairs: Sequence[tuple[str, float | None]],
    target: float,
) -> Plan:
    """Every combination of a pair of method and momentum with a rate; rows are held only where runs must be made."""
    parameters, n_features = model.get_params(deep=False), source.schema.n_features
    settings = Settings.of({**parameters, "learning_rate": "auto"}, n_features)
    linear = all(make_step_rule(method).linear for method, _ in pairs)
    if not linear or settings.visits_rows or settings.penalty.l1:
        source = source.resident()
    problem = prepare(source, settings)
    generator = check_random_state(model.random_state)
    begun = draw_start(model.init, generator, n_features, fit_intercept=settings.fit_intercept)
    known = Known.of(problem, problem.coordinates.from_original(*begun), target, model.max_iter)
    plan = Plan([], {}, known, source)
    for method, momentum in pairs:
        rule = make_step_rule(method, 0.9 if momentum is None else momentum)
        for_rule = rates if rates is not None else usual_rates(problem, method, rule)
        if known is not None and rule.linear and model.batch_size is None:
            plan.runs.extend(known.runs(method, momentum, rule, for_rule))
            continue
        limit = replace(problem, settings=replace(settings, rule=rule)).largest_stable_rate
        for rate in for_rule.tolist():
            plan.waiting[len(plan.runs)] = make_estimator(model, method, momentum, rate)
            plan.runs.append(Run(method, momentum, rate, None, None, np.nan, "", limit))
    return plan


def usual_rates(problem: Problem, method: str, rule: StepRule) -> Array:
    """Rates around the largest stable one."""
    limit = replace(problem, settings=replace(problem.settings, rule=rule)).largest_stable_rate
    if limit is None:
        raise InputError(Finding.of("sweep.no_limit", method=method))
    return np.geomspace(LOWEST * limit, HIGHEST * limit, N_RATES)


def make_runs(plan: Plan, n_jobs: int | None, progress: bool) -> Generator[Run, None, None]:
    """Runs that must be made, in their order."""
    rows, last = resident_rows(plan.source), len(plan.waiting)
    began, screen = time.perf_counter(), screen_of(sys.stderr)
    due, shown = screen.silence, False
    fits = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        delayed(make_run)(plan.runs[place], fit, rows, plan.known) for place, fit in plan.waiting.items()
    )
    try:
        for done, run in enumerate(fits, start=1):
            yield run
            seconds = time.perf_counter() - began
            if progress and seconds >= due:
                left = clock(seconds * (last - done) / done)
                told = say("progress.run", run=done, last=last), say("progress.about", time=left)
                fields = (Field(0, told[0]), Field(1, told[1]))
                screen.show(Report(done / last, fields, seconds))
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
