"""The rows of a fit: read as the options say, with their weights, some of them held out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.cli.outcome import UsageError, refuse_as_usage
from downslope.data.arrays import ArraySource
from downslope.data.rows import check_target, check_weights
from downslope.data.tables.columns import asked_for, require_columns
from downslope.data.tables.encoding import Encoding, Missing
from downslope.data.tables.files import Table, read_features, read_table
from downslope.data.tables.layout import read_layout
from downslope.data.tables.notation import PLAIN, Notation
from downslope.data.weights import weighed
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["Choice", "Part", "load_rows", "read_notation", "split_off"]

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


class Part(NamedTuple):
    """Some of the rows: X (n, d), y (n,), and their weights (n,) or None."""

    X: Array
    y: Array
    weight: Array | None = None

    def source(self, names: tuple[str, ...] | None = None) -> ArraySource:
        """The rows as a fit takes them, with the names of their columns.

        Raises
        ------
        InputError
            For a target or weights that cannot be used.
        """
        y, weight = check_target(self.y, len(self.y)), check_weights(self.weight, len(self.y))
        return weighed(self.X, y, weight, names=names)


def read_notation(codes: Sequence[str] | None, decimal: str, thousands: str | None) -> Notation:
    """How the cells are written, as the options name it."""
    with refuse_as_usage():
        return Notation.of(codes or (), decimal, thousands)


def load_rows(choice: Choice) -> tuple[Table, Part]:
    """Read the table.

    Returns
    -------
    Table
        What is known of it; its features do not hold the weights.
    Part
        All its rows.
    """
    features, exclude = choice.features, list(choice.exclude or ())
    if choice.weights is not None:
        features, exclude = with_weights(choice, choice.weights, features, exclude)
    table = read_table(
        choice.path,
        target=choice.target,
        features=features,
        exclude=exclude,
        categorical=choice.categorical or (),
        missing=choice.missing,
        notation=choice.notation,
    )
    if choice.weights is None:
        return table, Part(table.X, table.y)
    return take_weights(table, choice.path, choice.weights)


def with_weights(
    choice: Choice, weights: str, features: list[str] | None, exclude: list[str]
) -> tuple[list[str] | None, list[str]]:
    """The columns to read when one of them holds weights and is no feature."""
    others = {"target": [choice.target], "features": features, "categorical": choice.categorical}
    for parameter, names in others.items():
        if weights in (names or ()):
            raise UsageError(Finding.of("command.named_twice", other=Remedy(parameter), name=weights))
    require_columns(read_layout(choice.path, choice.notation.decimal), (weights,), asked_for("weights"))
    exclude = [name for name in exclude if name != weights]
    return None if features is None else [*features, weights], exclude


def take_weights(table: Table, path: Path, name: str) -> tuple[Table, Part]:
    """Take the weights out of the features."""
    if table.encoding.missing == "mean":
        gaps = read_features(path, Encoding((name,), {}, "drop", (0.0,), table.encoding.notation)).n_rows_dropped
        if gaps:
            said = {"count": gaps, "path": str(path), "name": name}
            raise InputError(Finding.of("command.rows_without_weight", Remedy("missing", "drop"), **said))
    if len(table.feature_names) == 1:
        raise InputError(Finding.of("command.only_weights", name=name))
    place = table.feature_names.index(name)
    encoding = replace(
        table.encoding,
        columns=tuple(column for column in table.encoding.columns if column != name),
        means=table.encoding.means[:place] + table.encoding.means[place + 1 :],
    )
    weight, X = table.X[:, place].copy(), np.delete(table.X, place, axis=1)
    names = table.feature_names[:place] + table.feature_names[place + 1 :]
    return replace(table, X=X, feature_names=names, encoding=encoding), Part(X, table.y, weight)


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
    return Part(*(None if column is None else column[chosen] for column in rows))  # type: ignore[arg-type]
