"""The parts of a replay as JSON, and back: names as texts, arrays as base64 of little-endian float64.

A part that is damaged is an `InputError` here, whose finding says what is wrong with it; whoever reads a document says
of which document.
"""

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.descent.stopping import Stopping
from downslope.exceptions import InputError
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.least_squares import Summary
from downslope.statistics.quadratic import Quadratic
from downslope.steps import rules, schedules
from downslope.steps.accelerated import Accelerated
from downslope.texts import Finding

__all__ = [
    "RULES",
    "SCHEDULES",
    "Part",
    "pack",
    "read_coordinates",
    "read_names",
    "read_quadratic",
    "read_rows",
    "read_stopping",
    "write_coordinates",
    "write_kind",
    "write_quadratic",
    "write_rows",
    "write_stopping",
]

Array = NDArray[np.float64]

LARGEST = float(np.finfo(float).max)
# What a document calls the rules, and the schedules.
RULES: Mapping[str, Any] = {
    "gd": rules.Plain,
    "momentum": rules.HeavyBall,
    "nesterov": rules.Nesterov,
    "adagrad": rules.AdaGrad,
    "rmsprop": rules.RMSProp,
    "adam": rules.Adam,
    "averaged": rules.Averaged,
    "saga": rules.Saga,
    "accelerated": Accelerated,
}
SCHEDULES: Mapping[str, Any] = {
    "constant": schedules.Constant,
    "cosine": schedules.Cosine,
    "exponential": schedules.Exponential,
    "inverse_scaling": schedules.InverseScaling,
    "inverse_time": schedules.InverseTime,
    "step_decay": schedules.StepDecay,
}


def pack(array: Array) -> str:
    """The numbers of an array, row by row."""
    return base64.b64encode(np.asarray(array, dtype="<f8").tobytes()).decode("ascii")


def plain(number: Any) -> Any:
    """A number of numpy as one of Python; anything else as it is."""
    return number.item() if isinstance(number, np.generic) else number


def write_kind(value: Any, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """A rule or a schedule by its name, with its parameters; the rule that one wraps in the same way."""
    name = next(name for name, kind in kinds.items() if kind is type(value))
    parameters = {field.name: getattr(value, field.name) for field in fields(value)}
    return {"name": name} | {
        key: write_kind(part, kinds) if is_dataclass(part) else plain(part) for key, part in parameters.items()
    }


class Part:
    """An object of a document, whose values are looked at before they are handed on.

    Parameters
    ----------
    content : Any
        What stands where the object should.
    name : str
        How it is called.
    """

    def __init__(self, content: Any, name: str) -> None:
        if not isinstance(content, dict):
            raise InputError(Finding.of("replay.no_object", key=name))
        self.content = content

    def value(self, key: str) -> Any:
        """What stands under a key."""
        if key not in self.content:
            raise InputError(Finding.of("replay.no_key", key=key))
        return self.content[key]

    def part(self, key: str) -> "Part":
        """The object under a key."""
        return Part(self.value(key), key)

    def number(self, key: str, least: float = -LARGEST) -> float:
        """A finite number, no smaller than `least`."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
            raise InputError(Finding.of("replay.no_number", key=key, got=value))
        if value < least:
            raise InputError(Finding.of("replay.below", key=key, least=least))
        return float(value)

    def number_or_none(self, key: str) -> float | None:
        """The same, where there need be none."""
        return None if self.value(key) is None else self.number(key)

    def count(self, key: str, least: int = 0) -> int:
        """A whole number, no smaller than `least`."""
        if type(self.value(key)) is not int:
            raise InputError(Finding.of("replay.no_count", key=key, got=self.value(key)))
        self.number(key, least)
        return int(self.value(key))

    def truth(self, key: str) -> bool:
        """True or false."""
        if not isinstance(self.value(key), bool):
            raise InputError(Finding.of("replay.no_truth", key=key, got=self.value(key)))
        return bool(self.value(key))

    def array(self, key: str, size: int | None = None, least: float = -LARGEST) -> Array:
        """Finite numbers, so many of them where that is known, none smaller than `least`."""
        text = self.value(key)
        try:
            data = base64.b64decode(text, validate=True)
        except (TypeError, ValueError) as error:
            raise InputError(Finding.of("replay.no_array", key=key)) from error
        if len(data) % 8 or (size is not None and len(data) != 8 * size):
            raise InputError(Finding.of("replay.size", key=key, got=len(data), wanted=8 * (size or len(data) // 8)))
        numbers = np.frombuffer(data, "<f8").astype(np.float64)
        if not np.all(np.isfinite(numbers)):
            raise InputError(Finding.of("replay.not_finite", key=key))
        if np.any(numbers < least):
            raise InputError(Finding.of("replay.below", key=key, least=least))
        return numbers

    def kind(self, key: str, kinds: Mapping[str, Any]) -> Any:
        """The rule or the schedule under a key."""
        part = self.part(key)
        name = part.value("name")
        if not isinstance(name, str) or name not in kinds:
            raise InputError(Finding.of("replay.no_kind", key=key, got=name, known=", ".join(kinds)))
        return kinds[name](**{field.name: part.parameter(field.name, kinds) for field in fields(kinds[name])})

    def parameter(self, key: str, kinds: Mapping[str, Any]) -> Any:
        """A parameter of a rule or a schedule: a number, whole where it was written so, or what is wrapped."""
        value = self.value(key)
        if isinstance(value, dict):
            return self.kind(key, kinds)
        return self.count(key) if type(value) is int else self.number(key)


def write_rows(rows: Summary) -> dict[str, Any]:
    """What the rows say; of R the numbers on and above the diagonal, row by row."""
    return {
        "n_rows": int(rows.n_rows),
        "weight": float(rows.weight),
        "mean": pack(rows.mean),
        "spread": pack(rows.spread),
        "y_mean": float(rows.y_mean),
        "factor": pack(rows.factor[np.triu_indices(rows.mean.size)]),
        "target": pack(rows.target),
        "residual": float(rows.residual),
    }


def read_rows(part: Part, d: int) -> Summary:
    """The same of a document, on d columns."""
    factor = np.zeros((d, d))
    factor[np.triu_indices(d)] = part.array("factor", d * (d + 1) // 2)
    return Summary(
        n_rows=part.count("n_rows", 1),
        weight=part.number("weight", 0.0),
        mean=part.array("mean", d),
        y_mean=part.number("y_mean"),
        spread=part.array("spread", d, 0.0),
        factor=factor,
        target=part.array("target", d),
        residual=part.number("residual", 0.0),
    )


def write_coordinates(coordinates: Coordinates) -> dict[str, Any]:
    """The coordinates that are descended."""
    return {
        "shift": pack(coordinates.shift),
        "inverse_scale": pack(coordinates.inverse_scale),
        "fit_intercept": bool(coordinates.fit_intercept),
    }


def read_coordinates(part: Part) -> Coordinates:
    """The same of a document: how many columns there are is known by them."""
    shift = part.array("shift")
    if not shift.size:
        raise InputError(Finding("replay.no_columns"))
    return Coordinates(shift, part.array("inverse_scale", shift.size, 0.0), part.truth("fit_intercept"))


def write_stopping(stopping: Stopping) -> dict[str, Any]:
    """The thresholds; runs on the squared loss never end in a solve."""
    kept = [field.name for field in fields(stopping) if field.name != "stalls_from"]
    return {name: plain(getattr(stopping, name)) for name in kept}


def read_stopping(part: Part) -> Stopping:
    """The same of a document."""
    return Stopping(
        last_epoch=part.count("last_epoch"),
        explode_above=part.number("explode_above"),
        stop_below=part.number_or_none("stop_below"),
        excess_below=part.number_or_none("excess_below"),
        tol=part.number("tol", 0.0),
        patience=None if part.value("patience") is None else part.count("patience", 1),
        objective_below=part.number_or_none("objective_below") if "objective_below" in part.content else None,
    )


def write_quadratic(quadratic: Quadratic) -> dict[str, Any]:
    """½‖factor·θ - target‖² + offset."""
    return {"factor": pack(quadratic.factor), "target": pack(quadratic.target), "offset": float(quadratic.offset)}


def read_quadratic(part: Part, p: int) -> Quadratic:
    """The same of a document, of p parameters: how many rows the factor has is known by its target."""
    target = part.array("target")
    return Quadratic(part.array("factor", target.size * p).reshape(-1, p), target, part.number("offset"))


def read_names(names: Any, d: int) -> tuple[str, ...] | None:
    """The names of the columns of a document, if they have any."""
    if names is None:
        return None
    if not isinstance(names, list) or len(names) != d or not all(isinstance(name, str) for name in names):
        raise InputError(Finding.of("replay.no_names", wanted=d))
    return tuple(names)
