"""Real tables that come with the package."""

import csv
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["Example", "load_example"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Example:
    """A real table as numbers, as `load_example` hands it out.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        The numeric columns; rows with gaps are left out.
    y : ndarray of shape (n_samples,)
        The target.
    feature_names : tuple of str
        The columns of X.
    target_name : str
        The column of y.
    path : Path
        The file itself, with its text columns and its gaps.
    description : str
        What the table is, in one sentence.
    license : str
        The licence it may be used under, with its source.

    Examples
    --------
    >>> from downslope import load_example
    >>> cars = load_example("auto_mpg")
    >>> cars.description
    'Fuel use of cars in miles per gallon, 1970 to 1982, with seven features of each car.'
    >>> cars.path.name
    'auto_mpg.csv'
    """

    X: Array = field(repr=False)
    y: Array = field(repr=False)
    feature_names: tuple[str, ...]
    target_name: str
    path: Path
    description: str
    license: str


class _Entry(NamedTuple):
    """What is known of a table beside its file."""

    file: str
    target: str
    text: tuple[str, ...]
    description: str
    license: str


_ENTRIES = {
    "auto_mpg": _Entry(
        "auto_mpg.csv",
        target="mpg",
        text=("name",),
        description="Fuel use of cars in miles per gallon, 1970 to 1982, with seven features of each car.",
        license="CC BY 4.0; R. Quinlan, Auto MPG, UCI Machine Learning Repository, 1993",
    ),
}


def load_example(name: str) -> Example:
    """Load a real table that comes with the package.

    Parameters
    ----------
    name : {"auto_mpg"}
        The table.

    Returns
    -------
    Example
        The numbers, their names, the file and its licence.

    Raises
    ------
    InputError
        For a name that is none of the tables.

    Examples
    --------
    >>> cars = load_example("auto_mpg")
    >>> cars.X.shape, cars.target_name
    ((392, 7), 'mpg')
    >>> cars.feature_names
    ('cylinders', 'displacement', 'horsepower', 'weight', 'acceleration', 'year', 'origin')
    """
    if not isinstance(name, str) or name not in _ENTRIES:
        raise InputError(Finding.of("examples.unknown", name=name, known=", ".join(map(repr, _ENTRIES))))
    entry = _ENTRIES[name]
    path = Path(str(files("downslope.data") / "tables" / entry.file))
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        columns = next(rows)
        numeric = [j for j, column in enumerate(columns) if column not in entry.text]
        cells = [[row[j] for j in numeric] for row in rows]
    table = np.array([row for row in cells if all(row)], dtype=np.float64)
    names = [columns[j] for j in numeric]
    target = names.index(entry.target)
    return Example(
        X=np.delete(table, target, axis=1),
        y=table[:, target].copy(),
        feature_names=tuple(names[:target] + names[target + 1 :]),
        target_name=entry.target,
        path=path,
        description=entry.description,
        license=entry.license,
    )
