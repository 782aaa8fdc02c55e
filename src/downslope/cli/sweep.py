"""``downslope sweep``: many learning rates, methods and momenta on one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from downslope.cli import options
from downslope.cli.outcome import DONE, FAILED, UsageError, complain, refused_as_usage

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
    raw: options.Raw = False,
    jobs: options.Jobs = 1,
    plot: options.PlotOutput = None,
    as_json: options.AsJson = False,
) -> int:
    """Try every combination of rate, method and momentum; where there is a closed form, from one read of the table.

    Example: downslope sweep cars.csv --target mpg --exclude name --missing drop --methods gd,nesterov
    """
    given: dict[str, Any] = dict(locals())
    from downslope import sweeps
    from downslope._version import __version__
    from downslope.cli.console import json_text, write_out
    from downslope.cli.files import check_outputs, check_picture
    from downslope.cli.picture import need_no_screen
    from downslope.cli.rows import Choice, read_rows, split_off
    from downslope.sweeps.sweep import setup

    need_no_screen()
    check_picture("--plot", plot)
    check_outputs({"--plot": plot}, data)
    features, exclude, categorical = map(options.names_in, (features, exclude, categorical))
    rates, betas = numbers_in("--learning-rates", learning_rates), numbers_in("--momenta", momenta)
    tried = options.names_in(methods) or ("gd",)
    if not 0 < tol < 1:
        raise UsageError(f"--tol got {tol:g}, and must be a share of the start's excess between 0 and 1")
    with refused_as_usage():
        setup(rates, tried, betas or (0.9,), tol, max_iter, {})
    _, rows = read_rows(Choice(data, target, features, exclude, categorical, missing, weights))
    rows, _ = split_off(rows, None, seed, data)
    passed_on = ("loss", "delta", "epsilon", "quantile", "alpha", "l1_ratio", "batch_size", "init")
    code = DONE
    try:
        found = sweeps.sweep(
            rows.X,
            rows.y,
            sample_weight=rows.weight,
            learning_rates=rates,
            methods=tried,
            momenta=betas or (0.9,),
            target=tol,
            max_iter=max_iter,
            n_jobs=jobs,
            progress=True,
            penalty=None if penalty == "none" else penalty,
            fit_intercept=not no_intercept,
            standardize=not raw,
            random_state=seed,
            **{name: given[name] for name in passed_on},
        )
    except sweeps.SweepInterrupted as interrupt:
        found, code = interrupt.sweep, FAILED
        complain(f"interrupted: {interrupt}")
    if plot is not None and not drawn(found, plot):
        plot, code = None, FAILED
    if as_json:
        about = {"downslope": __version__, "data": str(data), "target": target}
        known = {"share": found.target, "max_iter": found.max_iter, "start_gap": found.start_gap}
        runs = [run._asdict() for run in found.runs]
        files = {} if plot is None else {"plot": str(plot)}
        write_out(json_text({**about, **known, "best": found.best._asdict(), "runs": runs, "files": files}))
    else:
        write_out(f"{found}\n" + ("" if plot is None else f"\nWritten: {plot}\n"))
    return code


def drawn(found: "Sweep", path: Path) -> bool:
    """Draw the final gap against the rate; whether that went well."""
    from downslope.cli.picture import save_sweep

    try:
        save_sweep(found, path)
    except OSError as error:
        complain(str(error))
        return False
    return True


def numbers_in(option: str, given: list[str] | None) -> list[float] | None:
    """Numbers given one or several at a time with commas between them."""
    try:
        return None if given is None else [float(word) for word in options.names_in(given) or ()]
    except ValueError as error:
        raise UsageError(f"{option} got {','.join(given or ())!r}, and must be numbers with commas between") from error
