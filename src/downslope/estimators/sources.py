"""Rows as estimators are given them, as a `Source`: those in memory are checked, and others taken as they are."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.rows import Rows, refuse_non_finite, split_rows
from downslope.data.source import Schema, Source, is_source
from downslope.data.weights import weighed
from downslope.estimators.reading import read_rows, refuse_other_columns, rows_to_predict
from downslope.exceptions import InputError
from downslope.statistics.moments import OverflowingSquaresError, UnderflowingSquaresError
from downslope.statistics.row_checks import check_rows
from downslope.texts import Finding

__all__ = [
    "heard_by",
    "naming_spoilt_columns",
    "opened",
    "predict_rows",
    "read_rows_in_memory",
    "read_source",
    "refuse_other_validation",
    "refuse_spoilt_columns",
    "resident_rows",
    "split_source",
]

Array = NDArray[np.float64]

# Squares of larger values, summed over rows, are no numbers.
LARGEST = 1e150


def read_source(
    estimator: Any,
    X: Any,
    y: Any,
    weight: Any,
    *,
    least: int = 1,
    whole: bool = True,
    exponent: int | None = None,
) -> Source:
    """The rows that `fit` was given, those of weight 0 left out.

    `whole` says that there will be no other rows; `exponent` is the power of two that the weights of earlier blocks
    were divided by, see `weighed`.

    Raises
    ------
    InputError
        For rows that cannot be used, and for a target or weights beside a source, which has its own.
    """
    if is_source(X):
        if y is not None or weight is not None:
            raise InputError(Finding("estimator.source_and_target"))
        return X
    given = read_rows(estimator, X, y, weight, least=least, weightless=False, whole=whole)
    return weighed(*given.rows, names=given.names, rounding=given.rounding, exponent=exponent)


def read_rows_in_memory(estimator: Any, X: Any, y: Any, weight: Any) -> tuple[Rows, tuple[str, ...] | None]:
    """The rows of an estimator that visits each of them at random, and the names of their columns.

    Raises
    ------
    InputError
        As `read_source`, and for a source that is not in memory.
    """
    if not is_source(X):
        given = read_rows(estimator, X, y, weight, single=True, whole=False)
        return given.rows, given.names
    source = read_source(estimator, X, y, weight)
    if source.rereads != "free":
        raise InputError(Finding.of("estimator.needs_memory", estimator=type(estimator).__name__))
    return resident_rows(source), source.schema.names


def resident_rows(source: Source) -> Rows:
    """All rows in memory."""
    resident = cast(ArraySource, source.resident())
    return Rows(resident.X, resident.y, resident.weight)


def opened(source: Source | None) -> AbstractContextManager[Any]:
    """A context at whose end the source lets go of what it holds, where it holds anything."""
    return source if isinstance(source, AbstractContextManager) else nullcontext()


@contextmanager
def heard_by(source: Any, hear: Callable[[int, int, int], None]) -> Iterator[None]:
    """Inside, a source whose reads take long tells `hear` how far they have come."""
    if not hasattr(source, "hear"):
        yield
        return
    source.hear = hear
    try:
        yield
    finally:
        source.hear = None


def split_source(source: Source, fraction: float, generator: Any) -> tuple[Source, Source]:
    """The rows to train on and those to validate on: `fraction` of them, at random, or the last ones."""
    kept, held = split_rows(resident_rows(source), fraction, generator)
    return part_of(source, kept), part_of(source, held)


def part_of(source: Source, rows: Rows) -> ArraySource:
    """Some rows of a source, as one."""
    schema = source.schema
    return ArraySource(*rows, names=schema.names, checked=schema.checked, rounding=schema.rounding)


def refuse_other_validation(schema: Schema, given: Source | None) -> None:
    """Raise `InputError` for validation rows whose columns are not those of the training rows."""
    if given is None:
        return
    theirs, ours = given.schema.names, schema.names
    if given.schema.n_features != schema.n_features or (theirs and ours and theirs != ours):
        n_features, got = schema.n_features, given.schema.n_features
        names = {"names": list_names(ours), "got_names": list_names(theirs)}
        raise InputError(Finding("estimator.other_validation", {"n_features": n_features, "got": got, **names}))


def list_names(names: tuple[str, ...] | None) -> Finding:
    """Names of columns in a sentence, or that they have none."""
    return Finding.of("estimator.names", names=names) if names else Finding("estimator.unnamed")


@contextmanager
def naming_spoilt_columns(*sources: Source | None) -> Iterator[None]:
    """Where squares overflow or underflow inside, say first which columns are not finite, or too large, if any."""
    try:
        yield
    except (OverflowingSquaresError, UnderflowingSquaresError) as error:
        for source in sources:
            if source is not None:
                refuse_spoilt_columns(source)
        for source in sources:
            if source is not None and isinstance(error, OverflowingSquaresError):
                name_large_columns(source, error)
        raise


def refuse_spoilt_columns(source: Source) -> None:
    """Raise `InputError` where a target, a weight or a column, which it names, holds NaN or infinity."""
    if source.rereads == "never":
        return
    source.scan(check_rows)[0].refuse()
    for block in source.blocks():
        refuse_non_finite(block.X, source.schema.spoken_names)


def name_large_columns(source: Source, error: OverflowingSquaresError) -> None:
    """Raise `OverflowingSquaresError` with the names of the columns whose squares overflow, where there are any."""
    if source.rereads == "never":
        return
    (largest,) = source.scan(find_largest)
    names = [*source.schema.spoken_names, source.schema.target or "y"]
    large = [names[j] for j in np.flatnonzero(largest.values > LARGEST)]
    if large:
        numbers = {"columns": large, "count": len(large), "largest": float(largest.values.max())}
        raise OverflowingSquaresError(Finding("statistics.overflow_in", numbers)) from error


@dataclass(frozen=True)
class Largest:
    """The largest absolute value of each column and of the target, (d + 1,)."""

    values: Array

    def __add__(self, other: "Largest") -> "Largest":
        return Largest(np.maximum(self.values, other.values))


def find_largest(block: Block) -> Largest:
    """Those of a block."""
    columns = abs(block.X).max(axis=0)
    values = columns.toarray() if block.sparse else columns
    return Largest(np.append(np.asarray(values, dtype=np.float64).reshape(-1), np.abs(block.y).max(initial=0.0)))


def predict_rows(estimator: Any, X: Any) -> Array:
    """ŷ = X·coef_ + intercept_ of all rows, (n_rows,)."""
    if not is_source(X):
        return np.asarray(rows_to_predict(estimator, X) @ estimator.coef_ + estimator.intercept_)
    check_is_fitted(estimator)
    refuse_other_columns(estimator, X.schema.n_features, X.schema.names)
    return np.concatenate([np.asarray(block.X @ estimator.coef_ + estimator.intercept_) for block in X.blocks()])
