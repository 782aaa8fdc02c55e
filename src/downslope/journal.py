"""What a run keeps of itself on its way, so that another process can go on with it.

A run is a sequence of steps that take long: reads of rows that are dear to read, and descents. What lies between them
follows from their results, and is done again by who goes on.
"""

from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["FORGETFUL", "Journal", "Step"]


class Step(Protocol):
    """A part of a run that takes long."""

    @property
    def kept(self) -> Any:
        """What an earlier process kept of it: its result, where it came to be, a way of it elsewhere, or None."""

    def keep(self, make: Callable[[], Any], *, at_once: bool = False) -> None:
        """The step could be gone on with from what `make` gives, which is asked where it is time to keep it."""

    def finish(self, result: Any) -> None:
        """The step is done."""


class Journal(Protocol):
    """The steps of a run, in their order."""

    def step(self) -> Step:
        """The next one."""


class Forgetful:
    """Keeps nothing."""

    kept = None

    def step(self) -> "Forgetful":
        """Itself."""
        return self

    def keep(self, make: Callable[[], Any], *, at_once: bool = False) -> None:
        """Nothing."""

    def finish(self, result: Any) -> None:
        """Nothing."""


FORGETFUL = Forgetful()
