"""``downslope export``: a model for programs that know neither Downslope nor Python."""

from pathlib import Path
from typing import Annotated

import typer

from downslope.cli.outcome import DONE, UsageError
from downslope.texts import Finding

__all__ = ["export"]

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="help.fitted_model", show_default=False)]
Exported = Annotated[Path, typer.Argument(metavar="OUTPUT", help="help.exported", show_default=False)]
ENDINGS = (".sql", ".onnx")


def export(model: Model, output: Exported) -> int:
    """Write a model as SQL or ONNX."""
    from downslope.cli.console import remark
    from downslope.cli.files import check_outputs
    from downslope.saving.export import export_model
    from downslope.saving.model_file import load_model

    if output.suffix.lower() not in ENDINGS:
        raise UsageError(Finding.of("model_file.no_export", path=str(output)))
    check_outputs({"OUTPUT": output}, model)
    export_model(load_model(model), output)
    remark(Finding.of("page.model_exported", path=str(output)))
    return DONE
