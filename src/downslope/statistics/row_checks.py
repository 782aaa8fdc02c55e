"""Targets and weights that cannot be used, counted in the read that gathers everything else."""

from dataclasses import dataclass

import numpy as np

from downslope.data.block import Block
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["RowChecks", "check_rows"]


@dataclass(frozen=True)
class RowChecks:
    """Counts of rows: all, those whose target or weight is not finite, and those of negative weight.

    Attributes
    ----------
    n_rows, bad_targets, bad_weights, negative : int
    first : int or None
        The first row whose target is bad.
    """

    n_rows: int
    bad_targets: int
    bad_weights: int
    negative: int
    first: int | None

    def __add__(self, other: "RowChecks") -> "RowChecks":
        later = None if other.first is None else self.n_rows + other.first
        return RowChecks(
            self.n_rows + other.n_rows,
            self.bad_targets + other.bad_targets,
            self.bad_weights + other.bad_weights,
            self.negative + other.negative,
            later if self.first is None else self.first,
        )

    def refuse(self) -> None:
        """Raise `InputError` for what cannot be used."""
        if self.bad_targets:
            numbers = {"bad": self.bad_targets, "n_rows": self.n_rows, "first": self.first}
            raise InputError(Finding("rows.target_not_finite", numbers))
        if self.bad_weights:
            raise InputError(Finding.of("rows.weights_not_finite", bad=self.bad_weights, n_rows=self.n_rows))
        if self.negative:
            raise InputError(Finding.of("rows.negative_weights", bad=self.negative, n_rows=self.n_rows))


def check_rows(block: Block) -> RowChecks:
    """The counts of one block."""
    bad = ~np.isfinite(block.y)
    first = int(np.argmax(bad)) if bad.any() else None
    weight = np.zeros(0) if block.weight is None else block.weight
    spoilt, negative = int(np.count_nonzero(~np.isfinite(weight))), int(np.count_nonzero(weight < 0))
    return RowChecks(block.y.size, int(np.count_nonzero(bad)), spoilt, negative, first)
