"""A state as bytes, and back: what a checkpoint holds.

The bytes are a header, a tree in JSON, and the raw numbers of its arrays one after another in the order of the tree:

======  =====================================================================
bytes   what
======  =====================================================================
0-7     ``downslop``
8-15    the version of the format, little-endian as all that follows
16-47   the SHA-256 of all that comes after
48-55   the length of the tree
56-     the tree, then the arrays
======  =====================================================================

What JSON holds is written as it is, with finite floats to their last digit. All else is an object of one key: what it
is, "tuple" or "array" or "State". Nothing in such bytes is run, and they can name nothing but the values that are
listed here; they say what the values are, not that these belong together.
"""

import hashlib
import json
import math
import re
import reprlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope._version import __version__
from downslope.descent.stopping import StopReason
from downslope.exceptions import FileError, InputError
from downslope.texts import Finding, Remedy

__all__ = ["decode", "encode"]

MAGIC, VERSION = b"downslop", 1
# The magic, the version, the sum, the length of the tree; the sum covers all that follows it.
HEADER = struct.Struct("<8sQ32sQ")
SUMMED_FROM = 48
NO_SUM = bytes(32)
# Integers that every reader of JSON keeps; longer ones are written as text.
MOST_INTEGER = 2**53
# The kinds of numbers of which arrays are kept: truth values, integers, floats, complex ones.
NUMBERS = "biufc"
CODE = re.compile(r"[<>|][biufc]\d\d?")
# The values that a descent is made of, by the module that holds them: it is imported when one of them is decoded.
HOMES: Mapping[str, tuple[str, ...]] = {
    "downslope.descent.history": ("History", "Records"),
    "downslope.descent.loop": ("Outcome", "Run"),
    "downslope.descent.minibatch": ("Within",),
    "downslope.descent.settings": ("Settings",),
    "downslope.descent.state": ("Best", "State"),
    "downslope.descent.stopping": ("Watch",),
    "downslope.data.tables.stream": ("Learnt", "Place", "Reading"),
    "downslope.fitting.distance": ("Information",),
    "downslope.fitting.request": ("Continuation",),
    "downslope.fitting.start": ("Start",),
    "downslope.fitting.warnings": ("TargetRange",),
    "downslope.kernels.batch_passes": ("PassState",),
    "downslope.kernels.batches": ("Iterate", "Running"),
    "downslope.objective.losses": (
        *("AbsoluteError", "EpsilonInsensitive", "Huber", "Quantile", "SquaredEpsilonInsensitive", "SquaredError"),
    ),
    "downslope.objective.objective": ("Evaluation",),
    "downslope.objective.penalties": ("Penalty",),
    "downslope.statistics.coordinates": ("Coordinates",),
    "downslope.statistics.moments": ("ColumnMoments", "Moments"),
    "downslope.statistics.residuals": ("Residuals",),
    "downslope.statistics.row_checks": ("RowChecks",),
    "downslope.statistics.row_lengths": ("Lengths",),
    "downslope.statistics.sample": ("Sample",),
    "downslope.statistics.triangle": ("Triangle",),
    "downslope.steps.accelerated": ("Accelerated", "Speed"),
    "downslope.steps.adaptive_rules": ("AdaGrad", "Adam", "RMSProp", "Slots"),
    "downslope.steps.measured_rates": ("Measured", "Met"),
    "downslope.steps.rules": ("Average", "Averaged", "HeavyBall", "Nesterov", "Plain", "Saga"),
    "downslope.steps.schedules": (
        *("Constant", "Cosine", "Exponential", "InverseScaling", "InverseTime", "StepDecay"),
    ),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}
# Where the bit generators of numpy count places, and the last one: they do not look whether it lies in their array.
GENERATORS: Mapping[str, int] = {"PCG64": 0, "PCG64DXSM": 0, "SFC64": 0, "MT19937": 624, "Philox": 4}
# What the content of a damaged file may raise where values are made of it.
DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError, struct.error),
)


def encode(value: Any) -> bytes:
    """A value as bytes.

    Parameters
    ----------
    value : a tree
        Of None, truth values, numbers, texts, tuples, lists, dictionaries by texts, arrays of numbers, generators of
        numpy, and the values of a descent: `State` and all that it holds, `Continuation` and its settings.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        For anything else in the tree, a function as schedule above all.

    Examples
    --------
    >>> import numpy as np
    >>> from downslope.descent.state import State
    >>> state = State(np.array([0.1, np.inf]), epoch=7)
    >>> again = decode(encode(state))
    >>> again.epoch, again.parameters.tobytes() == state.parameters.tobytes()
    (7, True)
    """
    writer = Writer()
    try:
        tree = json.dumps(writer.write(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError as error:
        raise InputError(Finding("codec.too_deep")) from error
    # A text may hold halves of letters, which UTF-8 by itself refuses.
    text = tree.encode("utf-8", "surrogatepass")
    content: list[Any] = [text, *map(raw_numbers, writer.arrays)]
    sum_of_all = checksum([HEADER.pack(MAGIC, VERSION, NO_SUM, len(text))[SUMMED_FROM:], *content])
    return b"".join([HEADER.pack(MAGIC, VERSION, sum_of_all, len(text)), *content])


def decode(data: bytes) -> Any:
    """The value that `encode` made bytes of: equal to the bit, its arrays new and one's own.

    Raises
    ------
    FileError
        For bytes that `encode` did not make, that are damaged, or that a later version made.
    """
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise FileError(Finding("codec.foreign"))
    _, version, sum_of_all, length = HEADER.unpack_from(data)
    if version != VERSION:
        raise FileError(Finding.of("codec.version", got=version, known=VERSION, ours=__version__))
    body = memoryview(data)
    if checksum([body[SUMMED_FROM:]]) != sum_of_all:
        raise FileError(Finding.of("codec.damaged", cause=Finding("codec.other_sum")))
    try:
        return value_of(bytes(body[HEADER.size :][:length]), body[HEADER.size :][length:])
    except DAMAGE as error:
        raise FileError(Finding.of("codec.damaged", cause=Finding("codec.other_content"))) from error


def value_of(text: bytes, numbers: memoryview) -> Any:
    """The value of a tree, and of the numbers of its arrays."""
    reader = Reader(numbers)
    value = reader.read(json.loads(text.decode("utf-8", "surrogatepass")))
    reader.finish()
    return value


def checksum(parts: list[Any]) -> bytes:
    """The SHA-256 of bytes that follow each other."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.digest()


def raw_numbers(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The bytes of an array one after another, without a copy where they lie so."""
    flat = array.reshape(-1, order="F" if column_by_column(array) else "C")
    return np.ascontiguousarray(flat).view(np.uint8)


def column_by_column(array: NDArray[Any]) -> bool:
    """Whether an array lies by columns: sums over it round as they do there."""
    return bool(array.flags.f_contiguous and not array.flags.c_contiguous)


class Writer:
    """Makes JSON of values, and keeps their arrays, in the order of the tree."""

    def __init__(self) -> None:
        self.arrays: list[NDArray[Any]] = []
        self.writers: Mapping[type, Callable[[Any], Any]] = {
            type(None): lambda nothing: nothing,
            bool: lambda truth: truth,
            int: lambda number: number if abs(number) <= MOST_INTEGER else {"int": hex(number)},
            float: lambda number: number if math.isfinite(number) else {"float": struct.pack("<d", number).hex()},
            str: lambda text: text,
            list: lambda parts: [self.write(part) for part in parts],
            tuple: lambda parts: {"tuple": [self.write(part) for part in parts]},
            dict: self.write_dictionary,
            np.ndarray: self.write_array,
            np.random.Generator: self.write_generator,
            StopReason: lambda reason: {"reason": reason.value},
        }

    def write(self, value: Any) -> Any:
        """The node of a value."""
        if type(value) in self.writers:
            return self.writers[type(value)](value)
        name = type(value).__name__
        if HOME_OF.get(name) == type(value).__module__:
            return {name: {part: self.write(content) for part, content in parts_of(value).items()}}
        if isinstance(value, np.generic) and value.dtype.kind in NUMBERS:
            return {"number": [value.dtype.str, value.tobytes().hex()]}
        if callable(value):
            told = {"got": in_short(value), "module": "downslope.schedules"}
            raise InputError(Finding("codec.function", told, (Remedy("learning_rate", "auto"),)))
        raise unknown(name, value)

    def write_dictionary(self, content: dict[Any, Any]) -> Any:
        """Values by texts."""
        for key in content:
            if type(key) is not str:
                raise unknown(f"dict[{type(key).__name__}]", key)
        return {"dict": {key: self.write(part) for key, part in content.items()}}

    def write_array(self, array: NDArray[Any]) -> Any:
        """What is needed to read the numbers, which come later."""
        if array.dtype.kind not in NUMBERS:
            raise unknown(f"array[{array.dtype}]", array)
        self.arrays.append(array)
        return {"array": [array.dtype.str, list(array.shape), "F" if column_by_column(array) else "C"]}

    def write_generator(self, generator: np.random.Generator) -> Any:
        """The state of its bits."""
        state: Any = generator.bit_generator.state
        if state["bit_generator"] not in GENERATORS:
            raise unknown(state["bit_generator"], generator)
        return {"generator": self.write(state)}


def unknown(kind: str, value: Any) -> InputError:
    """The error of a value that cannot be kept."""
    return InputError(Finding.of("codec.unknown", kind=kind, got=in_short(value)))


def in_short(value: Any) -> str:
    """How a value is written, on a part of a line."""
    return " ".join(reprlib.repr(value).split())


def parts_of(value: Any) -> dict[str, Any]:
    """What a value of a descent is made of, by name."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    return {"columns": dict(value), **{name: getattr(value, name) for name in ("coef", "intercept", "feature_names")}}


@cache
def kind_called(name: str) -> Any:
    """The class of the values of this name, and the names of their parts."""
    kind: Any = getattr(import_module(HOME_OF[name]), name)
    if is_dataclass(kind):
        return kind, {field.name for field in fields(kind)}
    return kind, set(getattr(kind, "_fields", ("columns", "coef", "intercept", "feature_names")))


class Reader:
    """Makes values of JSON, and of the numbers of their arrays, which come in the order of the tree."""

    def __init__(self, numbers: memoryview) -> None:
        self.numbers = numbers
        self.place = 0

    def finish(self) -> None:
        """Check that nothing is left over."""
        if self.place != len(self.numbers):
            raise ValueError(self.place)

    def read(self, node: Any) -> Any:
        """The value of a node."""
        if isinstance(node, list):
            return [self.read(part) for part in node]
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        if kind in HOME_OF:
            return self.read_value(kind, content)
        readers: dict[str, Callable[[Any], Any]] = {
            "int": lambda text: int(text, 16),
            "float": lambda text: struct.unpack("<d", bytes.fromhex(text))[0],
            "tuple": lambda parts: tuple([self.read(part) for part in parts]),
            "dict": lambda parts: {name: self.read(part) for name, part in parts.items()},
            "number": lambda parts: np.frombuffer(bytes.fromhex(parts[1]), dtype_called(parts[0]), 1)[0],
            "array": self.read_array,
            "generator": lambda state: generator_at(self.read(state)),
            "reason": StopReason,
        }
        return readers[kind](content)

    def read_value(self, name: str, content: Any) -> Any:
        """A value of a descent, which has all its parts and no others."""
        kind, wanted = kind_called(name)
        if set(content) != wanted:
            raise ValueError(name)
        return kind(**{part: self.read(node) for part, node in content.items()})

    def read_array(self, content: Any) -> NDArray[Any]:
        """The next array: a copy, for numbers that lie where they are read cannot be written to."""
        code, shape, order = content
        dtype, count = dtype_called(code), math.prod(shape)
        end = self.place + count * dtype.itemsize
        if min(shape, default=0) < 0 or order not in ("C", "F") or end > len(self.numbers):
            raise ValueError(shape)
        flat = np.frombuffer(self.numbers[self.place : end], dtype)
        self.place = end
        return flat.reshape(shape, order=order).copy(order=order)


def dtype_called(code: str) -> np.dtype[Any]:
    """The type of numbers of a code."""
    if not CODE.fullmatch(code):
        raise ValueError(code)
    return np.dtype(code)


def generator_at(state: dict[str, Any]) -> np.random.Generator:
    """The generator that goes on from a state; the seeds that it could spawn others from are not a part of it."""
    name = state["bit_generator"]
    place = state.get("buffer_pos", state["state"].get("pos", 0))
    if not 0 <= place <= GENERATORS[name]:
        raise ValueError(place)
    bits: Any = getattr(np.random, name)(0)
    bits.state = state
    return np.random.Generator(bits)
