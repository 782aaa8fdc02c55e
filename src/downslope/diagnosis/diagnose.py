"""What a rate will do and what would do better, told from the statistics before the fit."""

from collections.abc import Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from downslope.data.arrays import ArraySource
from downslope.data.source import Source
from downslope.diagnosis.advice import advise
from downslope.diagnosis.bowl import Bowl, bowl_of
from downslope.diagnosis.columns import describe_columns
from downslope.diagnosis.outliers import find_outliers
from downslope.diagnosis.report import Diagnosis
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.reading import called, read_rows
from downslope.exceptions import InputError
from downslope.fitting.problem import Problem, prepare
from downslope.objective.penalties import make_penalty
from downslope.statistics.coordinates import raw_coordinates
from downslope.steps.automatic_rate import curvature_rate
from downslope.threads import one_blas_thread

__all__ = ["Diagnosis", "diagnose", "diagnose_source"]


def diagnose(
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    method: str = "gd",
    learning_rate: str | float = "auto",
    momentum: float = 0.9,
    penalty: str | None = None,
    alpha: float = 1e-4,
    fit_intercept: bool = True,
    init: Any = "zeros",
    random_state: Any = None,
) -> Diagnosis:
    """Foretell a full-batch descent on the squared loss, and say what would make it better.

    The rows are read once for their statistics, and a sample of at most 20,000 of them is looked at for outliers.

    Parameters
    ----------
    X : array-like or sparse matrix (n_rows, n_features), or a pandas, polars or pyarrow table
    y : array-like (n_rows,)
    sample_weight : array-like (n_rows,) or None
    feature_names : sequence of str or None
        What to call the columns of an array.
    method, learning_rate, momentum : as `GradientDescentRegressor` takes them
        The descent to foretell beside the usual ones. "auto" is 1/λ_max. Of adaptive methods nothing is foretold.
    penalty : "l2" or None
    alpha : float
        Its strength.
    fit_intercept : bool
    init, random_state : as `GradientDescentRegressor` takes them
        The start; predicted epochs are exact for it, not bounds.

    Returns
    -------
    Diagnosis
        ``print`` it, or look at `raw`, `standardised`, `columns`, `outliers` and `advice`.

    Raises
    ------
    InputError
        For rows or options that cannot be used.

    Examples
    --------
    >>> from downslope import diagnose, load_example
    >>> cars = load_example("auto_mpg")
    >>> found = diagnose(cars.X, cars.y, feature_names=cars.feature_names)
    >>> round(found.standardised.condition), found.standardised.steepest[0].column
    (137, 'displacement')
    >>> print(found.advice[0])  # doctest: +ELLIPSIS
    Standardise, which is the default: epochs to 1 % fall from ... to 45, and the condition number ...
    """
    model = GradientDescentRegressor(
        method=method,
        learning_rate=learning_rate,
        momentum=momentum,
        penalty=penalty,
        alpha=alpha,
        fit_intercept=fit_intercept,
        init=init,
        random_state=random_state,
    )
    model._validate_params()
    rows, names = read_rows(model, X, y, sample_weight, least=2)
    names = names if feature_names is None else tuple(feature_names)
    if names is not None and len(names) != rows.X.shape[1]:
        raise InputError(f"feature_names has {len(names)} names for {rows.X.shape[1]} columns: give one for each")
    with ArraySource(rows.X, rows.y, rows.weight) as source:
        return diagnose_source(source, called(names, rows.X.shape[1]), model)


def diagnose_source(source: Source, names: list[str], model: GradientDescentRegressor) -> Diagnosis:
    """The diagnosis of the descent that an estimator is set up for, from any source of rows."""
    if model.penalty not in (None, "l2"):
        raise InputError(
            f"penalty={model.penalty!r} has no closed form to foretell epochs from: give penalty='l2' or None"
        )
    if callable(model.learning_rate):
        raise InputError(
            "learning_rate is a schedule, and only a constant rate can be foretold: give a number or 'auto'"
        )
    with one_blas_thread():
        first = prepare(source, replace(model._settings(source.n_features), standardize=True, learning_rate="auto"))
        if first.least_squares is None or first.landscape is None:
            raise InputError(
                f"X has {source.n_features} columns for {source.n_rows} rows: their statistics would be larger than "
                "the data, so that nothing can be foretold cheaply; leave columns out"
            )
        standardised, in_raw = (look_at(problem, model, names) for problem in (first, to_raw(first)))
    outliers = find_outliers(source, fit_intercept=model.fit_intercept)
    columns = describe_columns(first.least_squares, names)
    note = ""
    if not first.settings.rule.linear:
        note = (
            f"Nothing is foretold of method='{model.method}': its steps are not linear in the gradient, so that the "
            "spectrum sets it no limit and no pace."
        )
    advice = advise(
        in_raw, standardised, columns, outliers, first.least_squares, names, fit_intercept=model.fit_intercept
    )
    l2 = make_penalty(model.penalty, model.alpha, 0.0, source.n_features).l2
    return Diagnosis(
        n_rows=source.n_rows,
        feature_names=tuple(names),
        n_parameters=first.coordinates.n_parameters,
        alpha=float(l2),
        momentum=float(model.momentum),
        raw=in_raw,
        standardised=standardised,
        columns=columns,
        outliers=outliers,
        advice=advice,
        note=note,
    )


def to_raw(problem: Problem) -> Problem:
    """The same rows in raw coordinates, without reading them again."""
    assert problem.least_squares is not None
    coordinates = raw_coordinates(problem.source.n_features, problem.settings.fit_intercept)
    return replace(
        problem,
        settings=replace(problem.settings, standardize=False),
        coordinates=coordinates,
        means=problem.least_squares.moments.mean,
    )


def look_at(problem: Problem, model: GradientDescentRegressor, names: list[str]) -> Bowl:
    """The bowl of a problem, with the descent that was asked for."""
    landscape = problem.landscape
    assert landscape is not None
    start = model._drawn(check_random_state(model.random_state), problem.source.n_features)(problem)
    asked = []
    if problem.settings.rule.linear:
        # As the usual descents are written down, so that one of them is known again.
        momentum = 0.0 if model.method == "gd" else float(model.momentum)
        given = model.learning_rate
        rate = float(given) if isinstance(given, Real) else curvature_rate(landscape.spectrum.largest)
        asked = [(model.method, momentum, rate)]
    return bowl_of(landscape, start, names, asked, float(model.momentum))
