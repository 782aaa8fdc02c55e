"""Findings: what the library has to say, before it is said.

A finding is a code, the numbers that belong to it, and what could be done, as parameters and their values. It becomes a
sentence where it is shown: in the language that is spoken, and with options named as whoever shows it names them
(``standardize=True`` in Python, something else in a command).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Self

from downslope.texts.catalogue import fill
from downslope.texts.language import language

__all__ = ["UNSET", "Finding", "Remedy", "name_in_python", "naming_options", "say"]

# How an option is named: its parameter, the value it should have as text, or None where it is only named.
Naming = Callable[[str, str | None], str]
UNSET = "(unset)"


def name_in_python(parameter: str, value: str | None) -> str:
    """``parameter=value``."""
    return parameter if value is None else f"{parameter}={value}"


_naming: ContextVar[Naming] = ContextVar("how options are named", default=name_in_python)


@contextmanager
def naming_options(naming: Naming) -> Iterator[None]:
    """Inside, sentences name options by `naming(parameter, value)`."""
    token = _naming.set(naming)
    try:
        yield
    finally:
        _naming.reset(token)


@dataclass(frozen=True)
class Remedy:
    """A parameter to change, and the value to give it, where one is known.

    Examples
    --------
    >>> f"{Remedy('learning_rate', 0.28314):.2g}", str(Remedy("max_iter"))
    ('learning_rate=0.28', 'max_iter')
    """

    parameter: str
    value: Any = UNSET

    def __format__(self, spec: str) -> str:
        # A value may be an array, which compares cell by cell.
        if isinstance(self.value, str) and self.value == UNSET:
            return _naming.get()(self.parameter, None)
        value = as_data(self.value)
        text = repr(value) if isinstance(value, str) or not spec else format(value, spec)
        return _naming.get()(self.parameter, text)

    def __str__(self) -> str:
        return format(self)

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        return {"parameter": self.parameter, "value": as_json(self.value)}


class Options:
    """Parameters as a sentence names them: ``{option.method}`` with the value of its remedy."""

    def __init__(self, remedies: tuple[Remedy, ...]) -> None:
        self._remedies = {remedy.parameter: remedy for remedy in remedies}

    def __getattr__(self, parameter: str) -> Remedy:
        return self._remedies.get(parameter, Remedy(parameter))


class Given:
    """Parameters with the value that they were given, one of the numbers: ``{given.method}``."""

    def __init__(self, numbers: Mapping[str, Any]) -> None:
        self._numbers = numbers

    def __getattr__(self, parameter: str) -> Remedy:
        return Remedy(parameter, self._numbers[parameter])


class Names:
    """Parameters by their name alone: ``{named.method}``."""

    def __getattr__(self, parameter: str) -> Remedy:
        return Remedy(parameter)


@dataclass(frozen=True)
class Finding:
    """One thing to say.

    Attributes
    ----------
    code : str
        Which sentence of the catalogue, ``section.name``.
    numbers : mapping
        What fills it: numbers, names, and findings and remedies that are parts of it.
    remedies : tuple of Remedy
        What to change.

    Examples
    --------
    >>> finding = Finding.of("advice.raise_max_iter_or", Remedy("method", "nesterov"))
    >>> print(finding)
    Raise max_iter, or try method='nesterov'.
    >>> with naming_options(lambda parameter, value: f"--{parameter} {value or ''}".strip()):
    ...     print(finding)
    Raise --max_iter, or try --method 'nesterov'.
    """

    code: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    remedies: tuple[Remedy, ...] = ()

    @classmethod
    def of(cls, code: str, *remedies: Remedy, **numbers: Any) -> Self:
        """The finding with these numbers."""
        return cls(code, numbers, remedies)

    def then(self, *others: Self) -> "Finding":
        """The sentence, and others after it, with the remedies of all."""
        said: Finding = self
        for other in others:
            said = Finding("text.sequence", {"first": said, "then": other}, said.remedies + other.remedies)
        return said

    def __str__(self) -> str:
        parameters = {"option": Options(self.remedies), "given": Given(self.numbers), "named": Names()}
        return fill(self.code, {**self.numbers, **parameters}, language())

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def to_dict(self) -> dict[str, Any]:
        """As what JSON can hold."""
        numbers = {name: as_json(value) for name, value in self.numbers.items()}
        return {"code": self.code, "numbers": numbers, "remedies": [remedy.to_dict() for remedy in self.remedies]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The finding that `to_dict` wrote."""
        numbers = {name: from_json(value) for name, value in stored["numbers"].items()}
        return cls(stored["code"], numbers, tuple(from_json(remedy) for remedy in stored["remedies"]))


def as_data(value: Any) -> Any:
    """A number of numpy as one of Python; anything else as it is."""
    return value.item() if getattr(value, "shape", None) == () else value


def as_json(value: Any) -> Any:
    """What JSON can hold of a number; it has none that is not finite."""
    value = as_data(value)
    if isinstance(value, Finding | Remedy):
        return value.to_dict()
    return {"number": str(value)} if isinstance(value, float) and not isfinite(value) else value


def from_json(value: Any) -> Any:
    """The inverse of `as_json`."""
    if not isinstance(value, dict):
        return value
    if "code" in value:
        return Finding.from_dict(value)
    if "parameter" in value:
        return Remedy(value["parameter"], from_json(value["value"]))
    return float(value["number"])


def say(code: str, **numbers: Any) -> str:
    """The words of a code in the language that is spoken.

    Examples
    --------
    >>> say("pictures.mse", target="mpg")
    'mean squared error (units of mpg²)'
    """
    return str(Finding(code, numbers))
