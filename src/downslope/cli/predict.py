"""``downslope predict``: the predictions of a model for the rows of a table, in their order."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from downslope.cli import options
from downslope.cli.outcome import DONE
from downslope.texts import Finding, Remedy

if TYPE_CHECKING:
    from downslope.data.tables.encoding import Encoding
    from downslope.estimators import GradientDescentRegressor

__all__ = ["predict"]

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="help.fitted_model", show_default=False)]
Missing = Annotated[
    options.Policy | None,
    typer.Option("--missing", help="help.missing_again"),
]
Codes = Annotated[list[str] | None, typer.Option("--na", metavar="help.metavar_codes", help="help.notation_again")]
Decimal = Annotated[str | None, typer.Option("--decimal", metavar=options.SIGN, help="help.notation_again")]
Thousands = Annotated[str | None, typer.Option("--thousands", metavar=options.SIGN, help="help.notation_again")]


Keep = Annotated[list[str] | None, typer.Option("--keep", metavar=options.NAMES, help="help.keep")]
Append = Annotated[bool, typer.Option("--append", metavar=options.FLAG, help="help.append")]


def predict(
    model: Model,
    data: options.Data,
    missing: Missing = None,
    na: Codes = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
    encoding: options.Encoding = "utf-8",
    keep: Keep = None,
    append: Append = False,
    output: options.Output = Path("-"),
    as_json: options.AsJson = False,
) -> int:
    """Predict the target for every row of a table."""
    from dataclasses import replace

    from downslope.cli.console import json_text, remark, write_out
    from downslope.cli.files import check_format, check_outputs, csv_text, save_text
    from downslope.cli.rows import read_notation
    from downslope.cli.yardstick import predict_array
    from downslope.data.tables.files import read_features
    from downslope.saving.model_file import load_model

    to_file = str(output) != "-"
    check_outputs({"--output": output if to_file else None}, model, data)
    check_format("--output", output if to_file else None, ".json" if as_json else ".csv")
    fitted = load_model(model)
    table = encoding_of(fitted, model, missing)
    known = table.notation
    notation = read_notation(
        known.na if na is None else options.names_in(na),
        known.decimal if decimal is None else decimal,
        known.thousands if thousands is None else thousands,
        encoding,
    )
    kept = None if append else options.names_in(keep) or ()
    notation = replace(notation, dates=known.dates)
    features = read_features(data, table, missing=missing, notation=notation, characters=encoding, keep=kept)
    cells: list[float | None] = [None] * features.n_rows_read
    for row, value in zip(features.rows.tolist(), predict_array(fitted, features.X).tolist(), strict=True):
        cells[row] = value
    for note in features.notes:
        remark(note)
    if as_json:
        counts = {"rows": len(cells), "rows_without_prediction": features.n_rows_dropped}
        told = {**counts, **({"kept": dict(features.kept)} if features.kept else {}), "predictions": cells}
        text = json_text({"model": str(model), "data": str(data), **told})
    else:
        text = csv_text([*features.kept, "prediction"], [*features.kept.values(), cells])
    if to_file:
        save_text(output, text)
        counts = {"count": len(features.rows), "n_rows": len(cells)}
        remark(Finding.of("page.predictions_written", path=str(output), **counts))
    else:
        write_out(text)
    return DONE


def encoding_of(fitted: "GradientDescentRegressor", path: Path, missing: str | None) -> "Encoding":
    """How a table becomes the features of a model.

    Raises
    ------
    InputError
        For a model that does not know its columns by name, or no means to fill gaps with.
    """
    from downslope.data.tables.encoding import Encoding
    from downslope.exceptions import FileError, InputError

    names = tuple(getattr(fitted, "feature_names_in_", ()))
    if fitted.table_ is not None:
        encoding = Encoding.from_dict(fitted.table_)
        if encoding.feature_names != names:
            raise FileError(Finding.of("command.torn_model", path=str(path)))
        return encoding
    if not names:
        raise InputError(Finding.of("command.no_names", path=str(path)))
    if missing == "mean":
        raise InputError(Finding.of("command.no_means", Remedy("missing", "drop"), path=str(path)))
    return Encoding(names, {}, None, (0.0,) * len(names))
