"""``downslope predict``: the predictions of a model for the rows of a table, in their order."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from downslope.cli import options
from downslope.cli.outcome import DONE
from downslope.texts import Finding, Remedy

if TYPE_CHECKING:
    from downslope.data.tables.encoding import Encoding
    from downslope.data.tables.files import Features
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

    from downslope.cli import streamed
    from downslope.cli.console import json_text, remark, write_out
    from downslope.cli.files import check_format, check_outputs
    from downslope.cli.rows import read_notation
    from downslope.data.tables.files import open_features
    from downslope.data.written import writing
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
    asked = open_features(data, table, missing=missing, notation=notation, characters=encoding, keep=kept)
    parts = asked.stream() if asked.n_bytes > streamed.MANY_BYTES and not as_json else iter([asked.load()])
    if as_json:
        features = next(parts)
        cells = predicted(fitted, features)
        counts = {"rows": len(cells), "rows_without_prediction": features.n_rows_dropped}
        told = {**counts, **({"kept": dict(features.kept)} if features.kept else {}), "predictions": cells}
        texts = iter([json_text({"model": str(model), "data": str(data), **told})])
        counted = Counter(made=len(features.rows), rows=len(cells))
        tell(features.notes)
    else:
        counted = Counter[str]()
        texts = csv_parts(fitted, parts, asked.kept, counted)
    if not to_file:
        for text in texts:
            write_out(text)
        return DONE
    with writing(output) as file:
        for text in texts:
            file.write(text.encode("utf-8", "backslashreplace"))
    remark(Finding.of("page.predictions_written", path=str(output), count=counted["made"], n_rows=counted["rows"]))
    return DONE


def predicted(fitted: "GradientDescentRegressor", features: "Features") -> list[float | None]:
    """The predictions of some rows, None for a row that has none."""
    from downslope.cli.yardstick import predict_array

    cells: list[float | None] = [None] * features.n_rows_read
    for row, value in zip(features.rows.tolist(), predict_array(fitted, features.X).tolist(), strict=True):
        cells[row] = value
    return cells


def csv_parts(
    fitted: "GradientDescentRegressor", parts: Iterator["Features"], kept: Sequence[str], counted: Counter[str]
) -> Iterator[str]:
    """The lines of the file, a header first; predictions and rows are counted."""
    from downslope.cli.files import csv_text

    yield csv_text([*kept, "prediction"], [[] for _ in (*kept, "prediction")])
    for features in parts:
        tell(features.notes)
        cells = predicted(fitted, features)
        counted.update(made=len(features.rows), rows=len(cells))
        if cells:
            yield csv_text(None, [*(features.kept[name] for name in kept), cells])


def tell(notes: Iterable[Finding]) -> None:
    """What was done about missing values."""
    from downslope.cli.console import remark

    for note in notes:
        remark(note)


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
