"""``downslope fit``: from a table on disk to a model whose descent is kept, explained and drawn."""

import math
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from downslope.cli import options
from downslope.cli.outcome import DONE, FAILED, UsageError, complain, reason_of, refuse_as_usage, warn
from downslope.texts import Finding, Remedy

if TYPE_CHECKING:
    from downslope.cli.summary import Summary
    from downslope.estimators import GradientDescentRegressor

__all__ = ["fit"]

# Options that say nothing unless another one asks for what they belong to.
BELONG: dict[str, tuple[str, set[Any]]] = {
    "delta": ("loss", {"huber"}),
    "epsilon": ("loss", {"epsilon_insensitive", "squared_epsilon_insensitive"}),
    "quantile": ("loss", {"quantile"}),
    "alpha": ("penalty", {"l2", "l1", "elasticnet"}),
    "l1_ratio": ("penalty", {"elasticnet"}),
    "momentum": ("method", {"momentum", "nesterov", "adam"}),
    "validation_fraction": ("early_stopping", {True}),
}


def fit(
    data: options.Data,
    target: options.Target,
    features: options.Features = None,
    exclude: options.Exclude = None,
    categorical: options.Categorical = None,
    missing: options.MissingPolicy = None,
    na: options.Codes = None,
    decimal: options.Decimal = ".",
    thousands: options.Thousands = None,
    encoding: options.Encoding = "utf-8",
    where: options.Where = None,
    date: options.Dates = None,
    weights: options.Weights = None,
    test_size: options.TestSize = None,
    seed: options.Seed = 0,
    loss: options.Loss = "squared_error",
    delta: options.Delta = 1.35,
    epsilon: options.Epsilon = 0.1,
    quantile: options.Quantile = 0.5,
    penalty: options.Penalty = "none",
    alpha: options.Alpha = 1e-4,
    l1_ratio: options.L1Ratio = 0.15,
    no_intercept: options.NoIntercept = False,
    method: options.Method = "auto",
    momentum: options.Momentum = 0.9,
    learning_rate: options.LearningRate = "auto",
    batch_size: options.BatchSize = None,
    max_iter: options.MaxIter = 10_000,
    tol: options.Tol = 1e-6,
    stop_below: options.StopBelow = None,
    early_stopping: options.EarlyStopping = False,
    validation_fraction: options.ValidationFraction = 0.1,
    init: options.Init = "zeros",
    standardize: options.Standardize = True,
    engine: options.Engine = "auto",
    model: options.ModelOutput = None,
    history: options.HistoryOutput = None,
    plot: options.PlotOutput = None,
    checkpoint: options.Checkpoint = None,
    verbose: options.Verbose = 0,
    as_json: options.AsJson = False,
) -> int:
    """Fit a linear model to a table and say how far to believe it."""
    given = dict(locals())
    from downslope.cli.codes import codes_among
    from downslope.cli.console import json_text, show, write_out
    from downslope.cli.descent import expect_engine, watch_fit
    from downslope.cli.files import check_format, check_outputs, check_picture
    from downslope.cli.picture import need_no_screen
    from downslope.cli.rows import Choice, read_notation
    from downslope.cli.streamed import load
    from downslope.cli.summary import summarise

    need_no_screen()
    regressor = regressor_for(given)
    with refuse_as_usage():
        # An engine that no rows could change.
        expect_engine(regressor)
    warn_of_idle(given)
    if test_size is not None and not 0 < test_size < 1:
        raise UsageError(Finding.of("command.not_a_share_of_rows", got=test_size))
    outputs = {"--model": model, "--history": history, "--plot": plot}
    check_picture("--plot", plot)
    check_outputs(outputs, data)
    check_format("--history", history)
    notation = read_notation(options.names_in(na), decimal, thousands, encoding, options.names_in(date))
    features, exclude, categorical = map(options.names_in, (features, exclude, categorical))
    choice = Choice(data, target, features, exclude, categorical, missing, weights, notation, encoding, where)
    table, rows, train, held_out = load(choice, test_size, seed, regressor)
    codes = codes_among(rows, table.feature_names)
    for finding in codes:
        warn(finding)
    told = [*map(str, codes), *watch_fit(regressor, train.source(table.feature_names), every=verbose)]
    summary = summarise(data, table, regressor, train, held_out, told)
    failures = write_files(summary, outputs)
    if as_json:
        write_out(json_text(summary.document()))
    else:
        show(*summary.page())
    return conclude(summary, failures)


def regressor_for(given: dict[str, Any]) -> "GradientDescentRegressor":
    """The estimator that the options describe, its parameters checked."""
    from downslope.estimators import GradientDescentRegressor

    taken = set(GradientDescentRegressor().get_params(deep=False)) & set(given) - {"verbose"}
    parameters = {name: given[name] for name in taken}
    parameters["penalty"] = None if given["penalty"] == "none" else given["penalty"]
    parameters["learning_rate"] = parse_rate(given["learning_rate"])
    regressor = GradientDescentRegressor(
        **parameters,
        fit_intercept=not given["no_intercept"],
        random_state=given["seed"],
    )
    regressor._validate_params()
    return regressor


def parse_rate(text: str) -> str | float:
    """The learning rate that was typed."""
    if text == "auto":
        return text
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise UsageError(Finding.of("command.not_a_rate", got=text))
    return rate


def warn_of_idle(given: dict[str, Any]) -> None:
    """Warn of options that change nothing, because another one is not given."""
    from inspect import signature

    usual = {name: parameter.default for name, parameter in signature(fit).parameters.items()}
    for name, (other, values) in BELONG.items():
        if given[name] != usual[name] and given[other] not in values:
            needed = reduce(
                either, [Remedy(other, value) if j == 0 else value for j, value in enumerate(sorted(values))]
            )
            warn(Finding.of("command.idle", parameter=Remedy(name), needed=needed))


def either(before: object, last: object) -> Finding:
    """One thing or another."""
    return Finding.of("command.one_of", before=before, last=last)


def write_files(summary: "Summary", outputs: dict[str, Path | None]) -> list[str]:
    """Write what was asked for, one after the other; what failed, in sentences."""
    from downslope.cli.files import csv_text, save_text
    from downslope.cli.picture import save_fit
    from downslope.exceptions import FileError
    from downslope.saving.model_file import save_model

    def write_model(path: Path) -> None:
        encoding = {"target": summary.table.target, **summary.table.encoding.to_dict()}
        save_model(summary.model, path.resolve(), table=encoding)

    def write_history(path: Path) -> None:
        columns = summary.model.history_.to_dict()
        save_text(path, csv_text(list(columns), list(columns.values())))

    def write_plot(path: Path) -> None:
        save_fit(summary.model, summary.judged, summary.table.target, path)

    failures = []
    for (option, path), write in zip(outputs.items(), (write_model, write_history, write_plot), strict=True):
        if path is None:
            continue
        try:
            write(path)
        except (OSError, FileError) as error:
            failures.append(reason_of(error))
        else:
            summary.files[option.removeprefix("--")] = str(path)
    return failures


def conclude(summary: "Summary", failures: list[str]) -> int:
    """Say what went wrong, and give the exit code."""
    from downslope.descent.stopping import StopReason

    model, told = summary.model, summary.model.stop_finding_
    reason, written = model.stop_reason_, summary.files.get("model")
    for failure in failures:
        complain(failure)
    if reason is StopReason.MAX_ITER and (model.tol or model.stop_below):
        warn(told)
    if reason not in (StopReason.DIVERGED, StopReason.INTERRUPTED):
        return FAILED if failures else DONE
    kept = "command.kept_best" if reason is StopReason.DIVERGED else "command.kept"
    complain(told.then(Finding.of(kept, path=written)) if written else told)
    return FAILED
