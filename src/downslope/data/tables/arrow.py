"""Anything that hands out a stream of Arrow batches: frames that are computed as they are read, relations, cursors.

The batches cross through Arrow's own C interface, so that no library of frames is needed to read them.
"""

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.optional import import_optional
from downslope.data.tables.stream import Batch
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding, Remedy
from downslope.texts.parts import enumerate_parts, quote_names

__all__ = ["ArrowBatches", "choose_of", "hands_out_batches", "read_batches"]

Array = NDArray[np.float64]

NUMBERS = frozenset(
    (
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("half_float", "float", "double", "bool", "null", "decimal128"),
    )
)
# What can be asked for its rows once only.
ONCE = ("read_next_batch", "__next__", "get_next")
# How rows are asked for batches: a frame that is computed as it is read, a scanner of files, an iterator of batches.
WAYS = ("__arrow_c_stream__", "collect_batches", "to_reader", "scanner", "__next__")


def read_batches(relation: Any, own: Sequence[int] = ()) -> Iterator[list[Array]]:
    """The columns of a relation of doubles, a batch at a time; NULL is NaN at `own` places, and masked elsewhere."""
    nanoarrow = import_nanoarrow()
    for batch in nanoarrow.c_array_stream(relation):
        view = batch.view()
        yield [
            numbers_of(view.child(j), 0, view.offset, view.length)
            if j in own
            else masked_numbers_of(view.child(j), view.offset, view.length)
            for j in range(view.n_children)
        ]


def import_nanoarrow() -> Any:
    """The library that reads Arrow's interface."""
    return import_optional("nanoarrow", "tables.no_nanoarrow")


def masked_numbers_of(column: Any, begin: int, length: int) -> Array:
    """Some doubles, those that are NULL masked."""
    begin += column.offset
    values = np.asarray(column.buffer(1))[begin : begin + length]
    if not column.null_count:
        return values
    return np.ma.array(values, mask=~bits(np.asarray(column.buffer(0)), begin, length))


def hands_out_batches(rows: Any) -> bool:
    """Whether these rows come as Arrow batches, from one object or one after the other."""
    return any(hasattr(rows, way) for way in WAYS) and not isinstance(rows, type)


def parts_of(rows: Any) -> Iterator[Any]:
    """Objects that nanoarrow takes, in which the batches come."""
    if hasattr(rows, "__arrow_c_stream__"):
        yield rows
    elif hasattr(rows, "collect_batches"):
        yield from rows.collect_batches(maintain_order=True)
    elif hasattr(rows, "to_reader"):
        yield rows.to_reader()
    elif hasattr(rows, "scanner"):
        yield rows.scanner().to_reader()
    else:
        yield from rows


def choose_of(
    columns: Sequence[str],
    place: str | Finding,
    target: str,
    features: Sequence[str] | None,
    exclude: Sequence[str],
    weight: str | None,
) -> tuple[str, ...]:
    """The features among some columns: those that are asked for, or all that are nothing else.

    Raises
    ------
    InputError
        For columns that are absent, or repeated, or where no feature is left.
    """
    # A single name is one name, not a sequence of letters.
    features = [features] if isinstance(features, str) else features
    exclude = [exclude] if isinstance(exclude, str) else exclude
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(Finding.of("tables.repeated", path=place, names=quote_names(twice)))
    for parameter, names in (("features", features or ()), ("exclude", exclude)):
        if target in names:
            raise InputError(Finding.of("tables.target_named", target=target, by=Remedy(parameter)))
    if weight is not None and (weight == target or weight in (features or ())):
        by = Remedy("target" if weight == target else "features")
        raise InputError(Finding.of("tables.weights_named", name=weight, by=by))
    apart = [target, *(() if weight is None else (weight,))]
    others = (name for name in columns if name not in (*apart, *exclude))
    chosen = list(dict.fromkeys(others if features is None else features))
    absent = [name for name in (*apart, *chosen, *exclude) if name not in columns]
    if absent:
        said = {"names": quote_names(absent), "columns": quote_names(columns), "count": len(absent)}
        raise InputError(Finding.of("tables.stream_lacks", path=place, **said))
    if not chosen:
        raise InputError(Finding.of("tables.no_feature", names=quote_names(apart)))
    return tuple(chosen)


class ArrowBatches:
    """The columns of a stream of Arrow batches that a fit uses.

    Parameters
    ----------
    rows : object with `__arrow_c_stream__`
    target, weight : str or None
    features : sequence of str or None
        None for all other columns.
    exclude : sequence of str
    place : str or Finding, optional
        What they are called in sentences; by default as their class is.

    Raises
    ------
    InputError
        For columns that are absent, repeated, or hold no numbers.
    MissingDependencyError
        Without nanoarrow.
    """

    selected, n_bytes = False, 0

    def __init__(
        self,
        rows: Any,
        target: str,
        *,
        features: Sequence[str] | None = None,
        exclude: Sequence[str] = (),
        weight: str | None = None,
        place: str | Finding | None = None,
    ) -> None:
        self.rows, self.target, self.weight = rows, target, weight
        self.rereads: Literal["dear", "never"] = "never" if any(hasattr(rows, name) for name in ONCE) else "dear"
        self.place = type(rows).__name__ if place is None else place
        self._begun: tuple[Any, Iterator[Any]] | None = self._open()
        self._fields = list(self._begun[0].children)
        kinds = self._kinds
        self.names = choose_of([field.name for field in self._fields], self.place, target, features, exclude, weight)
        used = (*self.names, target, *(() if weight is None else (weight,)))
        refused = {name: kinds[name].name for name in used if kinds[name].name not in NUMBERS}
        if refused:
            named = [Finding.of("frames.column", name=name, kind=kind) for name, kind in refused.items()]
            leave_out = Remedy("exclude", list(refused))
            said = {"columns": enumerate_parts(named, 5), "count": len(named)}
            raise InputError(Finding.of("tables.stream_of_text", leave_out, path=self.place, **said))

    @property
    def weighted(self) -> bool:
        """Whether rows have weights."""
        return self.weight is not None

    @cached_property
    def _kinds(self) -> dict[str, "Kind"]:
        """The types of all columns, by name."""
        return {field.name: kind_of(field) for field in self._fields}

    def _open(self) -> tuple[Any, Iterator[Any]]:
        """The schema, and the batches from the first one on."""
        nanoarrow = import_nanoarrow()
        streams = (nanoarrow.c_array_stream(part) for part in parts_of(self.rows))
        first = next(streams, None)
        if first is None:
            raise FileError(Finding.of("tables.no_rows", path=self.place))
        return first.get_schema(), (batch for stream in chain([first], streams) for batch in stream)

    def rows_about(self) -> int:
        """Nothing tells."""
        return 0

    def read(self, start: int = 0) -> Generator[Batch, None, None]:
        """The rows from the first one on: there is one file."""
        (_, batches), self._begun = self._begun or self._open(), None
        kinds = self._kinds
        places = {name: place for place, name in enumerate(kinds)}
        for batch in self._told(batches):
            view = batch.view()

            def column(name: str, view: Any = view) -> Array:
                return numbers_of(view.child(places[name]), kinds[name].scale, view.offset, view.length)

            features = [column(name) for name in self.names]
            yield Batch(features, column(self.target), None if self.weight is None else column(self.weight))

    def _told(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The batches; a failure of what hands them out is told as one of its own."""
        nanoarrow = import_nanoarrow()
        try:
            yield from batches
        except nanoarrow._utils.NanoarrowException as error:
            cause = (str(error).partition(": ")[2].strip().splitlines() or [str(error)])[0].rstrip(".")
            raise InputError(Finding.of("tables.stream_broke", path=self.place, cause=cause)) from error


class Kind(NamedTuple):
    """The type of a column as Arrow calls it, and the digits behind the point where that is a part of it."""

    name: str
    scale: int = 0


def kind_of(field: Any) -> Kind:
    """The type of a column."""
    import nanoarrow

    if field.dictionary is not None:
        return Kind("dictionary")
    described = nanoarrow.Schema(field)
    name = described.type.name.lower()
    return Kind(name, described.scale if name == "decimal128" else 0)


def numbers_of(column: Any, scale: int, begin: int, length: int) -> Array:
    """The cells from `begin` on as float64, NaN for what is missing."""
    begin += column.offset
    kind = column.storage_type
    if kind == "na":
        return np.full(length, np.nan)
    stored = np.asarray(column.buffer(1)) if kind != "decimal128" else np.frombuffer(column.buffer(1), dtype=np.int64)
    if kind == "bool":
        values = bits(stored, begin, length).astype(np.float64)
    elif kind == "decimal128":
        values = whole_numbers(stored[2 * begin : 2 * (begin + length)]) / 10.0**scale
    else:
        values = stored[begin : begin + length].astype(np.float64, copy=bool(column.null_count))
    if column.null_count:
        values[~bits(np.asarray(column.buffer(0)), begin, length)] = np.nan
    return values


def bits(stored: NDArray[Any], begin: int, length: int) -> NDArray[np.bool_]:
    """Some bits of a buffer."""
    octets = stored.view(np.uint8)[begin // 8 : -(-(begin + length) // 8)]
    return np.unpackbits(octets, bitorder="little")[begin % 8 : begin % 8 + length].astype(bool)


def whole_numbers(halves: NDArray[np.int64]) -> Array:
    """Integers of 128 bits, the lower half of each first, as float64."""
    low, high = halves[0::2], halves[1::2]
    # Most fit into 64 bits, of which a float64 is made by one rounding.
    wide = high != low >> 63
    values = low.astype(np.float64)
    if wide.any():
        values[wide] = high[wide] * 2.0**64 + low[wide].view(np.uint64)
    return values
