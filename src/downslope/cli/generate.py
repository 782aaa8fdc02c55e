"""``downslope generate``: rows whose true line is known, as CSV."""

from pathlib import Path
from typing import Annotated

import typer

from downslope.cli import options
from downslope.cli.options import NUMBER
from downslope.cli.outcome import DONE, refused_as_usage

__all__ = ["generate"]

Coef = Annotated[
    list[float] | None,
    typer.Option("--coef", metavar=NUMBER, help="A true coefficient, once for each feature; 0.3 if not given."),
]
Intercept = Annotated[float, typer.Option("--intercept", metavar=NUMBER, help="The true intercept.")]
RowCount = Annotated[int, typer.Option("--rows", metavar=NUMBER, help="How many rows.")]
Noise = Annotated[float, typer.Option("--noise", metavar=NUMBER, help="The largest deviation from the line.")]
Outliers = Annotated[int, typer.Option("--outliers", metavar=NUMBER, help="How many rows lie far off the line.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar=NUMBER, help="Makes the same rows again; new ones if not given.")
]


def generate(
    coef: Coef = None,
    intercept: Intercept = 0.5,
    rows: RowCount = 100,
    noise: Noise = 0.01,
    outliers: Outliers = 0,
    seed: Seed = None,
    output: options.Output = Path("-"),
) -> int:
    """Make a table y = w·x + b + noise to practise on; the true line is printed on standard error.

    Example: downslope generate --coef 0.3 --coef 0.5 --noise 0.1 --seed 1 --output line.csv
    """
    import secrets

    from downslope.cli.console import remark, write_out
    from downslope.cli.files import check_outputs, csv_text, save_text
    from downslope.cli.line import equation
    from downslope.data import make_linear

    to_file = str(output) != "-"
    check_outputs({"--output": output if to_file else None})
    seed = secrets.randbelow(10**6) if seed is None else seed
    with refused_as_usage():
        data = make_linear(coef or [0.3], intercept, rows, noise, outliers, seed)
    text = csv_text([*data.feature_names, "y"], [*data.X.T.tolist(), data.y.tolist()])
    extras = f", {outliers} outliers" if outliers else ""
    remark(f"{equation(data.feature_names, data.coef, data.intercept)} ± {noise:g}{extras}  (--seed {seed})")
    if to_file:
        save_text(output, text)
        remark(f"{rows:,} rows written to {output}")
    else:
        write_out(text)
    return DONE
