"""How the columns of a raw table became the columns of X, kept so that other tables can be read alike."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from downslope.data.documents import damage
from downslope.data.tables.notation import PLAIN, Notation
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["Encoding", "Missing", "check_missing"]

Missing = Literal["drop", "mean"]


def check_missing(missing: object) -> None:
    """Raise `InputError` for a policy that does not exist."""
    if missing is not None and missing not in get_args(Missing):
        raise InputError(Finding.of("tables.missing", Remedy("missing", missing)))


@dataclass(frozen=True)
class Encoding:
    """The raw columns in their order, the levels of the categorical ones, and what fills a gap.

    A categorical column of L levels becomes L − 1 columns of 0 and 1, named as `origin=2`; the first level is the
    one with zeros everywhere, so that the columns are not collinear with the intercept.

    Attributes
    ----------
    columns : tuple of str
        The raw columns used, in the order of X.
    levels : mapping of str to tuple of str
        The levels of each categorical column, the dropped one first.
    missing : {"drop", "mean"} or None
        What is done with missing values; None refuses them.
    means : tuple of float
        The mean of each column of X over the rows used, which fills its gaps under `"mean"`.
    notation : Notation
        How numbers and missing values are written.

    Examples
    --------
    >>> encoding = Encoding(("weight", "origin"), {"origin": ("1", "2", "3")}, "mean", (2977.6, 0.17, 0.2))
    >>> encoding.feature_names
    ('weight', 'origin=2', 'origin=3')
    >>> Encoding.from_dict(encoding.to_dict()) == encoding
    True
    """

    columns: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    missing: Missing | None
    means: tuple[float, ...]
    notation: Notation = PLAIN

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of X, in order."""
        names: list[str] = []
        for column in self.columns:
            names += [f"{column}={level}" for level in self.levels[column][1:]] if column in self.levels else [column]
        return tuple(names)

    def to_dict(self) -> dict[str, Any]:
        """The encoding as what JSON can hold."""
        return {
            "columns": list(self.columns),
            "levels": {column: list(levels) for column, levels in self.levels.items()},
            "missing": self.missing,
            "means": list(self.means),
            "notation": self.notation.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The encoding that `to_dict` wrote.

        Raises
        ------
        InputError
            For a mapping that `to_dict` could not have written.
        """
        try:
            encoding = cls(
                columns=tuple(stored["columns"]),
                levels={column: tuple(levels) for column, levels in stored["levels"].items()},
                missing=stored["missing"],
                means=tuple(float(mean) for mean in stored["means"]),
                # Files of models that were made before there was a choice have none.
                notation=Notation.from_dict(stored["notation"]) if "notation" in stored else PLAIN,
            )
            check_missing(encoding.missing)
            encoding._check()
        except (AttributeError, InputError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise InputError(Finding.of("tables.damaged_encoding", cause=damage(error))) from error
        return encoding

    def _check(self) -> None:
        words = [*self.columns, *(level for levels in self.levels.values() for level in levels)]
        if not all(isinstance(word, str) for word in words):
            raise TypeError(Finding.of("tables.name_not_text"))
        if not set(self.levels) <= set(self.columns):
            raise ValueError(Finding.of("tables.foreign_levels"))
        if any(len(set(levels)) < max(len(levels), 2) for levels in self.levels.values()):
            raise ValueError(Finding.of("tables.wrong_levels"))
        names = self.feature_names
        if not names or len(set(names)) < len(names) or len(self.means) != len(names):
            raise ValueError(Finding.of("tables.wrong_means"))
        if not all(math.isfinite(mean) for mean in self.means):
            raise ValueError(Finding.of("tables.infinite_mean"))
