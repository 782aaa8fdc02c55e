"""Libraries that an extra installs: imported when something needs them."""

from importlib import import_module
from typing import Any

from downslope.exceptions import MissingDependencyError
from downslope.texts import Finding

__all__ = ["import_optional"]


def import_optional(name: str, code: str) -> Any:
    """A library.

    Raises
    ------
    MissingDependencyError
        Without it, in the sentence of this code.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingDependencyError(Finding.of(code)) from error
