"""``downslope sweep``: many learning rates, methods and momenta on one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from downslope.cli import options
from downslope.cli.outcome import DONE, FAILED, UsageError, complain, reason_of, refuse_as_usage
from downslope.texts import Finding, say
from downslope.texts.parts import cause_of

if TYPE_CHECKING:
    from downslope.sweeps import Sweep

__all__ = ["sweep"]


def sweep(
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
    seed: options.Seed = 0,
    loss: options.Loss = "squared_error",
    delta: options.Delta = 1.35,
    epsilon: options.Epsilon = 0.1,
    quantile: options.Quantile = 0.5,
    penalty: options.Penalty = "none",
    alpha: options.Alpha = 1e-4,
    l1_ratio: options.L1Ratio = 0.15,
    no_intercept: options.NoIntercept = False,
    learning_rates: options.LearningRates = None,
    methods: options.Methods = None,
    momenta: options.Momenta = None,
    batch_size: options.BatchSize = None,
    max_iter: options.MaxIter = 10_000,
    tol: options.Tol = 1e-6,
    init: options.Init = "zeros",
    standardize: options.Standardize = True,
    jobs: options.Jobs = 1,
    plot: options.PlotOutput = None,
    as_json: options.AsJson = False,
) -> int:
    """Try every combination of rate, method and momentum; where there is a closed form, from one read of the table."""
    given: dict[str, Any] = dict(locals())
    from downslope import sweeps
    from downslope._version import __version__
    from downslope.cli.console import write_out
    from downslope.cli.files import check_outputs, check_picture
    from downslope.cli.picture import need_no_screen
    from downslope.cli.rows import Choice, read_notation
    from downslope.cli.streamed import load
    from downslope.sweeps.sweep import setup

    need_no_screen()
    check_picture("--plot", plot)
    check_outputs({"--plot": plot}, data)
    notation = read_notation(options.names_in(na), decimal, thousands, encoding, options.names_in(date))
    features, exclude, categorical = map(options.names_in, (features, exclude, categorical))
    rates, betas = parse_numbers("--learning-rates", learning_rates), parse_numbers("--momenta", momenta)
    tried = options.names_in(methods) or ("gd",)
    if not 0 < tol < 1:
        raise UsageError(Finding.of("command.not_a_share_of_excess", got=tol))
    with refuse_as_usage():
        setup(rates, tried, betas or (0.9,), tol, max_iter, {})
    choice = Choice(data, target, features, exclude, categorical, missing, weights, notation, encoding, where)
    X, y, weight = load(choice).train.given
    passed_on = ("loss", "delta", "epsilon", "quantile", "alpha", "l1_ratio", "batch_size", "init")
    code = DONE
    try:
        found = sweeps.sweep(
            X,
            y,
            sample_weight=weight,
            learning_rates=rates,
            methods=tried,
            momenta=betas or (0.9,),
            target=tol,
            max_iter=max_iter,
            n_jobs=jobs,
            progress=True,
            penalty=None if penalty == "none" else penalty,
            fit_intercept=not no_intercept,
            standardize=standardize,
            random_state=seed,
            **{name: given[name] for name in passed_on},
        )
    except sweeps.SweepInterrupted as interrupt:
        found, code = interrupt.sweep, FAILED
        complain(Finding.of("command.sweep_interrupted", said=cause_of(interrupt)))
    if plot is not None and not draw(found, plot):
        plot, code = None, FAILED
    about = {"downslope": __version__, "data": str(data), "target": target} if as_json else None
    write_out(sweep_report(found, plot, about))
    return code


def sweep_report(found: "Sweep", plot: Path | None, about: dict[str, str] | None) -> str:
    """The table of runs and what was drawn, or with `about`, what they are runs of, the same as JSON."""
    from downslope.cli.console import json_text, printable

    if about is None:
        written = "" if plot is None else f"\n{printable(say('page.written', files=str(plot)))}\n"
        return f"{found}\n{written}"
    known = {"share": found.target, "max_iter": found.max_iter, "start_gap": found.start_gap}
    runs = [run._asdict() for run in found.runs]
    files = {} if plot is None else {"plot": str(plot)}
    return json_text({**about, **known, "best": found.best._asdict(), "runs": runs, "files": files})


def draw(found: "Sweep", path: Path) -> bool:
    """Draw the final gap against the rate; whether that went well."""
    from downslope.cli.picture import save_sweep

    try:
        save_sweep(found, path)
    except OSError as error:
        complain(reason_of(error))
        return False
    return True


def parse_numbers(flag: str, given: list[str] | None) -> list[float] | None:
    """Numbers given one or several at a time with commas between them."""
    try:
        return None if given is None else [float(word) for word in options.names_in(given) or ()]
    except ValueError as error:
        got = ",".join(given or ())
        raise UsageError(Finding.of("command.not_numbers", flag=flag, got=got)) from error
