"""Numbers in a table that look like codes for missing values, and the options that read them as such."""

from downslope.cli.rows import Part
from downslope.cli.streamed import StreamedPart
from downslope.diagnosis import Far
from downslope.diagnosis.cells import RowNumbers, find_cells
from downslope.diagnosis.outliers import SAMPLE
from downslope.texts import Finding, Remedy

__all__ = ["codes_among", "hint_at"]

# Each column of 20,000 rows takes 1.5 ms.
MOST_COLUMNS = 1000


def codes_among(rows: Part | StreamedPart, names: tuple[str, ...]) -> list[Finding]:
    """What there is to say of codes in the features."""
    if len(names) > MOST_COLUMNS:
        return []
    found = find_cells(rows.sampled(SAMPLE), names, RowNumbers())
    told = {"n_rows": found.n_looked_at}
    return [
        Finding.of("command.code", **told, column=far.column, value=value_of(far), count=far.times).then(hint_at(far))
        for far in found.codes
    ]


def value_of(far: Far) -> str:
    """A code as it is typed."""
    return f"{far.value:.10g}"


def hint_at(far: Far) -> Finding:
    """How a code is read as a missing value."""
    remedies = Remedy("na", [f"{far.column}:{value_of(far)}"]), Remedy("missing", "drop")
    return Finding.of("command.code_hint", *remedies, column=far.column, value=value_of(far))
