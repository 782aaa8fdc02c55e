"""Documents for programs: JSON, which has no number that is not finite, and what is wrong with one."""

import json
import math
from typing import Any

from downslope.texts import Finding
from downslope.texts.parts import cause_of

__all__ = ["damage", "to_json"]


def to_json(document: Any, **options: Any) -> str:
    """A document as JSON, with null for infinities and not-a-number, and letters of any language as they are.

    Parameters
    ----------
    document : dict, list, str, number or None
    **options
        Of `json.dumps`, such as `indent`.

    Examples
    --------
    >>> to_json({"열": [1.5, float("nan")], "gap": float("inf")})
    '{"열": [1.5, null], "gap": null}'
    """
    return json.dumps(finite(document), ensure_ascii=False, allow_nan=False, **options)


def finite(value: Any) -> Any:
    """The same with None for the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def damage(error: Exception) -> Finding:
    """What is wrong with the content of a document, in other words than the interpreter's.

    Examples
    --------
    >>> print(damage(KeyError("coef")), damage(TypeError("'int' object is not iterable")), sep=", ")
    it has no 'coef', a value in it is of the wrong kind
    """
    if isinstance(error, KeyError):
        return Finding.of("document.no_key", key=error.args[0])
    cause = cause_of(error)
    return cause if isinstance(cause, Finding) else Finding("document.wrong_kind")
