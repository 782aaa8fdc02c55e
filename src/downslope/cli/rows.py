"""The rows of a fit: read as the options say, with their weights, some of them held out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.cli.outcome import UsageError, refuse_as_usage
from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.rows import check_target, check_weights
from downslope.data.tables.batches import TableBatches, open_files
from downslope.data.tables.encoding import Missing
from downslope.data.tables.files import Table, load_table
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.tables.packed import UTF8, check_encoding
from downslope.data.weights import weighed
from downslope.exceptions import InputError
from downslope.statistics.quality import Quality, measure_quality
from downslope.statistics.sample import Sample, SampleRows
from downslope.texts import Finding, Remedy

__all__ = ["Choice", "Part", "load_rows", "open_table", "read_notation", "split_off"]

Array = NDArray[np.float64]


class Choice(NamedTuple):
    """Which rows and columns of a file are used, as the options name them."""

    path: Path
    target: str
    features: list[str] | None = None
    exclude: list[str] | None = None
    categorical: list[str] | None = None
    missing: Missing | None = None
    weights: str | None = None
    notation: Notation = PLAIN
    encoding: str = UTF8
    where: list[str] | None = None


class Part(NamedTuple):
    """Some of the rows: X (n, d), y (n,), their weights (n,) or None, and how far integers were rounded."""

    X: Array
    y: Array
    weight: Array | None = None
    rounding: float = 0.0

    def source(self, names: tuple[str, ...] | None = None) -> ArraySource:
        """The rows as a fit takes them, with the names of their columns.

        Raises
        ------
        InputError
            For a target or weights that cannot be used.
        """
        y, weight = check_target(self.y, len(self.y)), check_weights(self.weight, len(self.y))
        return weighed(self.X, y, weight, names=names, rounding=self.rounding)

    @property
    def n_rows(self) -> int:
        """How many they are."""
        return len(self.y)

    @property
    def given(self) -> tuple[Any, Any, Any]:
        """X, y and weights as functions of the library take them."""
        return self.X, self.y, self.weight

    def quality(self, coef: Array, intercept: float) -> Quality:
        """R² and RMSE of a model."""
        return measure_quality(self.source(), coef, intercept)

    def shown(self) -> tuple[Array, Array]:
        """X and y of the rows that a picture is drawn of."""
        return self.X, self.y

    def sampled(self, n_rows: int) -> Sample:
        """Some of the rows, drawn at random."""
        sample: Sample = SampleRows(n_rows)(Block(self.X, np.asarray(self.y), self.weight, 0))
        return sample


def read_notation(
    codes: Sequence[str] | None,
    decimal: str,
    thousands: str | None,
    encoding: str = UTF8,
    date: Sequence[str] | None = None,
) -> Notation:
    """How the cells are written, as the options name it."""
    with refuse_as_usage():
        check_encoding(encoding)
        return Notation.of(codes or (), decimal, thousands, date or ())


def open_table(choice: Choice) -> TableBatches:
    """The files, and the columns that are chosen among theirs."""
    others = {"target": [choice.target], "features": choice.features, "categorical": choice.categorical}
    for parameter, names in others.items():
        if choice.weights is not None and choice.weights in (names or ()):
            raise UsageError(Finding.of("command.named_twice", other=Remedy(parameter), name=choice.weights))
    return TableBatches(
        open_files([choice.path], choice.notation, choice.encoding, choice.where or ()),
        str(choice.path),
        choice.target,
        features=choice.features,
        exclude=[name for name in choice.exclude or () if name != choice.weights],
        categorical=choice.categorical or (),
        weights=choice.weights,
    )


def load_rows(choice: Choice, batches: TableBatches | None = None) -> tuple[Table, Part]:
    """Read the table; what is known of it, and all its rows."""
    table = load_table(batches or open_table(choice), choice.missing)
    return table, Part(table.X, table.y, table.weight, table.rounding)


def split_off(rows: Part, share: float | None, seed: int, path: Path) -> tuple[Part, Part | None]:
    """The rows to fit on, and those held out: `share` of them, drawn at random."""
    n_rows = len(rows.y)
    n_held = 0 if share is None else max(1, round(share * n_rows))
    if n_rows - n_held < 2:
        code = "command.few_rows_left" if n_held else "command.few_rows"
        asked = Remedy("test_size", share)
        raise InputError(Finding.of(code, asked, path=str(path), count=n_rows, left=n_rows - n_held))
    if not n_held:
        return rows, None
    order = np.random.default_rng(seed).permutation(n_rows)
    return take(rows, np.sort(order[n_held:])), take(rows, np.sort(order[:n_held]))


def take(rows: Part, chosen: Sequence[int] | NDArray[np.int64]) -> Part:
    """These rows."""
    weight = None if rows.weight is None else rows.weight[chosen]
    return Part(rows.X[chosen], rows.y[chosen], weight, rows.rounding)
