"""``downslope generate``: rows whose true line is known, as CSV."""

from pathlib import Path
from typing import Annotated

import typer

from downslope.cli import options
from downslope.cli.options import NUMBER
from downslope.cli.outcome import DONE, refuse_as_usage
from downslope.texts import Finding, Remedy

__all__ = ["generate"]

Coef = Annotated[
    list[float] | None,
    typer.Option("--coef", metavar=NUMBER, help="help.coef"),
]
Intercept = Annotated[float, typer.Option("--intercept", metavar=NUMBER, help="help.intercept")]
RowCount = Annotated[int, typer.Option("--rows", metavar=NUMBER, help="help.row_count")]
Noise = Annotated[float, typer.Option("--noise", metavar=NUMBER, help="help.noise")]
Outliers = Annotated[int, typer.Option("--outliers", metavar=NUMBER, help="help.outliers")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, metavar=NUMBER, help="help.new_seed")]


def generate(
    coef: Coef = None,
    intercept: Intercept = 0.5,
    rows: RowCount = 100,
    noise: Noise = 0.01,
    outliers: Outliers = 0,
    seed: Seed = None,
    output: options.Output = Path("-"),
) -> int:
    """Make a table y = w·x + b + noise to practise on; the true line is printed on standard error."""
    import secrets

    from downslope.cli.console import remark, write_out
    from downslope.cli.files import check_format, check_outputs, csv_text, save_text
    from downslope.cli.line import equation
    from downslope.data import make_linear

    to_file = str(output) != "-"
    check_format("--output", output if to_file else None)
    check_outputs({"--output": output if to_file else None})
    seed = secrets.randbelow(10**6) if seed is None else seed
    with refuse_as_usage():
        data = make_linear(coef or [0.3], intercept, rows, noise, outliers, seed)
    text = csv_text([*data.feature_names, "y"], [*data.X.T.tolist(), data.y.tolist()])
    code = "page.true_line_and_outliers" if outliers else "page.true_line"
    line = equation(data.feature_names, data.coef, data.intercept)
    remark(Finding.of(code, Remedy("random_state", seed), line=line, noise=noise, outliers=outliers))
    if to_file:
        save_text(output, text)
        remark(Finding.of("page.rows_written", count=rows, path=str(output)))
    else:
        write_out(text)
    return DONE
