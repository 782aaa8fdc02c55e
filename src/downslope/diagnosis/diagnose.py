"""What a rate will do and what would do better, told from the statistics before the fit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from downslope.data.source import Schema, Source
from downslope.descent.settings import Settings
from downslope.diagnosis.advice import advise
from downslope.diagnosis.bowl import Bowl, bowl_of
from downslope.diagnosis.cells import RowNumbers, find_cells
from downslope.diagnosis.columns import describe_columns
from downslope.diagnosis.outliers import COUNTED, SAMPLE, find_outliers
from downslope.diagnosis.report import Diagnosis
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.sources import naming_spoilt_columns, opened, read_source
from downslope.exceptions import InputError
from downslope.fitting.preparing import prepare
from downslope.fitting.problem import Problem
from downslope.fitting.start import Start, draw_start
from downslope.statistics.coordinates import raw_coordinates
from downslope.statistics.sample import SampleRows
from downslope.steps.automatic_rate import curvature_rate
from downslope.texts import Finding, Remedy
from downslope.threads import one_blas_thread

__all__ = ["Diagnosis", "diagnose", "diagnose_source"]


def diagnose(
    X: Any,
    y: Any = None,
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
    row_numbers: ArrayLike | None = None,
) -> Diagnosis:
    """Foretell a full-batch descent on the squared loss, and say what would make it better.

    The rows are read once for their statistics, and at most 20,000 of them, drawn evenly, are looked at for outliers.

    Parameters
    ----------
    X : array-like or sparse matrix (n_rows, n_features), a pandas, polars or pyarrow table, or a source of rows
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
    row_numbers : array-like (n_rows,) of int or None
        What to call the rows, such as the numbers that they have in a file, which counts from 1; without it their
        places, counted from 0.

    Returns
    -------
    Diagnosis
        ``print`` it, or look at `raw`, `standardised`, `columns`, `cells`, `outliers` and `advice`.

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
    Standardise, which is the default (standardize=True): epochs to 1 % fall from ... to 45, and ...
    """
    options = {
        "method": method,
        "learning_rate": learning_rate,
        "momentum": momentum,
        "penalty": penalty,
        "alpha": alpha,
        "fit_intercept": fit_intercept,
        "init": init,
        "random_state": random_state,
    }
    model = GradientDescentRegressor(**options)
    model._validate_params()
    refuse_unforeseeable(penalty, learning_rate)
    source = read_source(model, X, y, sample_weight, least=2)
    names = source.schema.names if feature_names is None else tuple(feature_names)
    n_features = source.schema.n_features
    if names is not None and len(names) != n_features:
        raise InputError(Finding.of("diagnosis.feature_names", n_names=len(names), n_features=n_features))
    with opened(source), naming_spoilt_columns(source):
        places = getattr(source, "places", None)
        numbers = RowNumbers(None if row_numbers is None else np.asarray(row_numbers), places)
        n_rows = source.n_rows if places is None else np.size(np.asarray(sample_weight))
        if numbers.numbers is not None and numbers.numbers.shape != (n_rows,):
            told = {"shape": numbers.numbers.shape, "n_rows": n_rows}
            raise InputError(Finding("diagnosis.row_numbers", told))
        return diagnose_source(source, Schema(n_features, names).spoken_names, model.get_params(deep=False), numbers)


def refuse_unforeseeable(penalty: str | None, learning_rate: Any) -> None:
    """Raise `InputError` for descents of which nothing can be foretold."""
    if penalty not in (None, "l2"):
        raise InputError(Finding.of("diagnosis.penalty", Remedy("penalty", "l2"), penalty=penalty))
    if callable(learning_rate):
        raise InputError(Finding("diagnosis.schedule"))


def diagnose_source(
    source: Source, names: list[str], options: Mapping[str, Any], numbers: RowNumbers = COUNTED
) -> Diagnosis:
    """The diagnosis of the descent that the parameters of `GradientDescentRegressor` ask for, in one read."""
    asked = {**options, "standardize": True, "learning_rate": "auto"}
    settings = Settings.of(asked, source.schema.n_features)
    with one_blas_thread():
        first = prepare(source, settings, None, SampleRows(SAMPLE))
        (sample,), problem = first.others, first.least_squares
        if problem is None or first.landscape is None:
            told = {"n_features": source.schema.n_features, "n_rows": first.n_rows}
            raise InputError(Finding("diagnosis.too_many_columns", told))
        generator = check_random_state(options["random_state"])
        start = draw_start(options["init"], generator, source.schema.n_features, fit_intercept=settings.fit_intercept)
        standardised, in_raw = (look_at(problem, options, start, names) for problem in (first, to_raw(first)))
    cells = find_cells(sample, names, numbers)
    outliers = find_outliers(sample, fit_intercept=settings.fit_intercept, numbers=numbers)
    columns = describe_columns(problem, names)
    untold = None if settings.rule.linear else Finding.of("diagnosis.nothing_foretold", method=options["method"])
    advice = advise(
        in_raw, standardised, columns, cells, outliers, problem, names, fit_intercept=settings.fit_intercept
    )
    return Diagnosis(
        n_rows=first.n_rows,
        feature_names=tuple(names),
        n_parameters=first.coordinates.n_parameters,
        alpha=float(settings.penalty.l2),
        momentum=float(options["momentum"]),
        raw=in_raw,
        standardised=standardised,
        columns=columns,
        cells=cells,
        outliers=outliers,
        advice=advice,
        untold=untold,
    )


def to_raw(problem: Problem) -> Problem:
    """The same rows in raw coordinates, without reading them again."""
    assert problem.least_squares is not None
    mean = problem.least_squares.moments.mean
    return replace(
        problem,
        settings=replace(problem.settings, standardize=False),
        coordinates=raw_coordinates(mean.size, problem.settings.fit_intercept),
        means=mean,
    )


def look_at(problem: Problem, options: Mapping[str, Any], start: Start, names: list[str]) -> Bowl:
    """The bowl of a problem, with the descent that was asked for."""
    landscape = problem.landscape
    assert landscape is not None
    asked = []
    if problem.settings.rule.linear:
        # As the usual descents are written down, so that one of them is known again.
        momentum = 0.0 if options["method"] == "gd" else float(options["momentum"])
        given = options["learning_rate"]
        rate = float(given) if isinstance(given, Real) else curvature_rate(landscape.spectrum.largest)
        asked = [(options["method"], momentum, rate)]
    place = problem.coordinates.from_original(*start)
    return bowl_of(landscape, place, names, asked, float(options["momentum"]))
