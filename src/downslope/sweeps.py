"""Many rates at once: for the closed form one read of the rows and a few products, for all else a fit each."""

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from downslope.data.arrays import ArraySource
from downslope.data.frames import make_frame
from downslope.data.rows import Rows
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.reading import read_rows
from downslope.exceptions import DownslopeWarning, InputError
from downslope.fitting import excess_threshold
from downslope.forecast import Forecast, excess, residual_at
from downslope.history import Record
from downslope.problem import Problem, prepare
from downslope.step_rules import METHODS, StepRule, make_step_rule, stable_product
from downslope.stopping import EXPLOSION, StopReason
from downslope.threads import one_blas_thread

__all__ = ["Run", "Sweep", "sweep"]

Array = NDArray[np.float64]

WITH_MOMENTUM = ("momentum", "nesterov", "adam")
# Without rates: so many for each method, evenly spaced on a logarithmic scale between these shares of the largest
# stable one.
N_RATES = 61
LOWEST, HIGHEST = 1e-3, 2.0
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
    ('gd', 14, 'converged', 2.0)
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
    [(0.1, 87, 'converged'), (1.0, 1, 'converged'), (2.1, None, 'diverged')]
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
        runs = [
            {name: None if isinstance(v, float) and not np.isfinite(v) else v for name, v in run._asdict().items()}
            for run in self.runs
        ]
        about = {"target": self.target, "max_iter": self.max_iter, "start_gap": self.start_gap}
        return json.dumps({**about, "best": runs[self.runs.index(self.best)], "runs": runs})

    def to_frame(self) -> Any:
        """`to_dict` as a pandas DataFrame."""
        return make_frame(self.to_dict())

    def __str__(self) -> str:
        count, best = len(self.runs), self.runs.index(self.best)
        shown = sorted({*np.linspace(0, count - 1, min(count, MOST_LINES)).astype(int).tolist(), best})
        header = ("", "learning rate", "epochs", "gap", "outcome")
        rows = [header, *(line(self.runs[k], best=k == best) for k in shown)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        about = f"Epochs until the excess objective is {self.target:g} of that of the start, at most {self.max_iter:,}"
        if len(shown) < count:
            about += f"; {len(shown)} of {count:,} combinations shown"
        return "\n".join([about, *(aligned(row, widths) for row in rows)])


def standing(run: Run) -> tuple[float, float, float]:
    """What runs are ordered by, the best first."""
    epochs = np.inf if run.epochs is None else run.epochs
    left = run.objective if run.gap is None else run.gap
    return epochs, float(run.outcome == "diverged"), left if np.isfinite(left) else np.inf


def line(run: Run, *, best: bool) -> tuple[str, ...]:
    """A run as a line of the table."""
    name = run.method if run.momentum is None else f"{run.method}, β = {run.momentum:g}"
    gap = f"J = {run.objective:.4g}" if run.gap is None else f"{run.gap:.3g}"
    epochs = "-" if run.epochs is None else f"{run.epochs:,}"
    return name, f"{run.learning_rate:.6g}", epochs, gap, run.outcome + (", the best" if best else "")


def aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    cells = (cell.rjust(w) if 0 < j < 4 else cell.ljust(w) for j, (cell, w) in enumerate(zip(row, widths, strict=True)))
    return "  ".join(cells).rstrip()


def sweep(
    X: Any,
    y: Any,
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
    X : array-like or sparse matrix (n_rows, n_features), or a pandas, polars or pyarrow table
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
    rows, _ = read_rows(model, X, y, sample_weight, least=2)
    pairs = [
        (method, momentum)
        for method in ([methods] if isinstance(methods, str) else methods)
        for momentum in (np.ravel(momenta).tolist() if method in WITH_MOMENTUM else [None])
    ]
    with ArraySource(rows.X, rows.y, rows.weight) as source, one_blas_thread():
        settings = replace(model._settings(source.n_features), learning_rate="auto")
        problem = prepare(source, settings)
        start = model._drawn(check_random_state(model.random_state), source.n_features)(problem)
        known = Known.of(problem, start, target, max_iter)
        found: list[Run] = []
        waiting: list[tuple[int, GradientDescentRegressor]] = []
        for method, momentum in pairs:
            rule = make_step_rule(method, 0.9 if momentum is None else momentum)
            for_rule = rates if rates is not None else usual_rates(problem, rule)
            if known is not None and rule.linear and model.batch_size is None:
                found += known.runs(method, momentum, rule, for_rule)
                continue
            limit = replace(problem, settings=replace(settings, rule=rule)).largest_stable_rate
            for rate in for_rule.tolist():
                waiting.append((len(found), one_of(model, method, momentum, rate)))
                found.append(Run(method, momentum, rate, None, None, np.nan, "", limit))
    fits = Parallel(n_jobs=n_jobs, prefer="threads", verbose=10 if progress and waiting else 0)(
        delayed(tried)(found[place], fit, rows, known) for place, fit in waiting
    )
    for (place, _), run in zip(waiting, fits, strict=True):
        found[place] = run
    return Sweep(tuple(found), float(target), int(max_iter), None if known is None else known.start_gap)


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
            raise InputError(f"sweep got {name}=, which it varies or sets itself: give {swept[name]}=")
        if name not in known or name in ("callbacks", "verbose", "warm_start", "early_stopping"):
            raise InputError(
                f"sweep got {name}=, which is no option of the runs it makes: give one of {', '.join(known)}"
            )
    if not (isinstance(target, Real) and 0 < target < 1):
        raise InputError(f"target={target!r} must be a share of the start's excess between 0 and 1, such as 1e-6")
    model = GradientDescentRegressor(tol=float(target), max_iter=max_iter, **options)
    for method in [methods] if isinstance(methods, str) else methods:
        if method not in METHODS:
            raise InputError(f"methods has {method!r}: choose among {', '.join(METHODS)}")
    for momentum in np.ravel(momenta).tolist():
        model.set_params(momentum=momentum)._validate_params()
    if learning_rates is None:
        return model, None
    rates = np.asarray(learning_rates, dtype=np.float64).reshape(-1)
    if not rates.size or not np.all(np.isfinite(rates) & (rates > 0)):
        raise InputError("learning_rates must be numbers above 0, at least one of them")
    return model, rates


def usual_rates(problem: Problem, rule: StepRule) -> Array:
    """Rates around the largest stable one."""
    limit = replace(problem, settings=replace(problem.settings, rule=rule)).largest_stable_rate
    if limit is None:
        name = type(rule).__name__
        raise InputError(
            f"learning_rates=None takes rates around the largest stable one, and {name} on this loss has none that is "
            "known: give learning_rates"
        )
    return np.geomspace(LOWEST * limit, HIGHEST * limit, N_RATES)


@dataclass(frozen=True)
class Known:
    """What is known of every run on a squared loss without kinks before it is made.

    Attributes
    ----------
    eigenvalues, residual : array (p,)
    start_gap, minimum : float
        J - J* of the start, and J*.
    below, above : float
        J - J* at which a run has met the target, and beyond which it has blown up.
    max_iter : int
    """

    eigenvalues: Array
    residual: Array
    start_gap: float
    minimum: float
    below: float
    above: float
    max_iter: int

    @classmethod
    def of(cls, problem: Problem, start: Array, target: float, max_iter: int) -> "Known | None":
        """From the statistics; None where there is no closed form of the minimum."""
        landscape = problem.landscape
        if landscape is None:
            return None
        gap, zero = (float(landscape.excess(place)) for place in (start, np.zeros_like(start)))
        return cls(
            landscape.eigenvalues,
            residual_at(landscape, start),
            gap,
            landscape.minimum,
            excess_threshold(problem, target, start, gap),
            EXPLOSION * (landscape.minimum + max(gap, zero)) - landscape.minimum,
            max_iter,
        )

    def runs(self, method: str, momentum: float | None, rule: StepRule, rates: Array) -> Iterator[Run]:
        """All rates of one method at once."""
        forecast = Forecast(rule, rates, self.eigenvalues, self.residual)
        first = forecast.first_below(self.below, self.max_iter)
        end = forecast.blow_up(self.above, self.max_iter)
        limit = stable_product(rule) / float(self.eigenvalues.max())
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = excess(end.states)
        for rate, epoch, gap, last in zip(rates.tolist(), first, gaps.tolist(), end.epochs.tolist(), strict=True):
            blown = not gap <= self.above
            met = not np.isnan(epoch) and not (blown and epoch > last)
            outcome = "converged" if met else "diverged" if blown or self.bounced(gap, rate, limit) else "max_iter"
            yield Run(method, momentum, rate, int(epoch) if met else None, gap, self.minimum + gap, outcome, limit)

    def bounced(self, gap: float, rate: float, limit: float | None) -> bool:
        """Whether a run that ended above its start did so because its rate is too large."""
        return gap > self.start_gap and limit is not None and rate > limit


def one_of(
    model: GradientDescentRegressor, method: str, momentum: float | None, rate: float
) -> GradientDescentRegressor:
    """The estimator of one run."""
    parameters = {**model.get_params(deep=False), "method": method, "learning_rate": rate}
    return GradientDescentRegressor(**parameters if momentum is None else {**parameters, "momentum": momentum})


def tried(run: Run, model: GradientDescentRegressor, rows: Rows, known: Known | None) -> Run:
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
    told: Iterable[StopReason] = (StopReason.CONVERGED, StopReason.DIVERGED)
    return reason.value if reason in told else StopReason.MAX_ITER.value
