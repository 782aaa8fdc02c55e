"""The journal of a run in a folder of checkpoints: what it has come to, written every so often."""

import os
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from downslope.checkpoints.codec import decode, encode
from downslope.checkpoints.folder import Folder
from downslope.checkpoints.identity import differences, differences_of_runs, environment
from downslope.exceptions import DownslopeWarning, FileError, InputError, frames_to_user
from downslope.texts import Finding, Remedy
from downslope.texts.parts import enumerate_parts

__all__ = ["Checkpoints"]

# Seconds between two checkpoints, and since the last one where a step is done.
EVERY, AFTER_A_STEP = 60.0, 1.0
# Seconds beyond those that writing one took: at most a twentieth of the time goes into them.
SHARE = 20.0

Bytes = NDArray[np.uint8]


class Checkpoints:
    """A journal that outlives its process: the same run in another one goes on from it.

    Parameters
    ----------
    path : path of a folder
        Which is made where it is not there.
    identity : mapping
        What tells this run from others: its rows, validation rows, parameters, and what it goes on from.
    drawn : callable
        What the run draws at random before it begins, an integer: a run that goes on takes what the first one drew.

    Attributes
    ----------
    drawn : int
    resumed : bool
        Whether there is anything to go on from.

    Raises
    ------
    FileError
        For a folder that cannot be used, and for checkpoints that are damaged.
    InputError
        Where they belong to another run; each difference is named.
    """

    def __init__(
        self, path: str | os.PathLike[str], identity: Mapping[str, Any], drawn: Callable[[], int] = lambda: 0
    ) -> None:
        self.folder = Folder(path)
        try:
            self._begin(dict(identity), drawn)
        except BaseException:
            self.folder.__exit__()
            raise

    def _begin(self, identity: dict[str, Any], drawn: Callable[[], int]) -> None:
        """Read what an earlier process kept, if any did."""
        here, kept = environment(), self.folder.last()
        self.resumed = kept is not None
        if kept is None:
            kept = {"identity": identity, "drawn": drawn(), "environment": here, "results": [], "way": None}
            # What cannot be kept is refused before the work.
            encode(kept)
        path = str(self.folder.path)
        try:
            self._results: list[Bytes] = list(kept["results"])
            self._way: Bytes | None = kept["way"]
            # What all checkpoints of the run begin with; where it began is where its bits are from.
            self._header = {name: kept[name] for name in ("identity", "drawn", "environment")}
            self.drawn = int(kept["drawn"])
            apart, elsewhere = differences_of_runs(kept["identity"], identity), differences(kept["environment"], here)
        except (AttributeError, TypeError, ValueError, LookupError) as error:
            raise FileError(Finding.of("checkpoint.all_damaged", Remedy("checkpoint"), path=path)) from error
        if apart:
            told = {"path": path, "differences": enumerate_parts(apart), "count": len(apart)}
            raise InputError(Finding.of("checkpoint.other_run", Remedy("checkpoint"), **told))
        if elsewhere:
            told = {"path": path, "differences": enumerate_parts(elsewhere)}
            warnings.warn(DownslopeWarning(Finding.of("checkpoint.elsewhere", **told)), stacklevel=frames_to_user())
        self._begun = 0
        self._written, self._cost = time.monotonic(), 0.0
        self._fails = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.folder.__exit__()

    def step(self) -> "KeptStep":
        """The next step."""
        number, self._begun = self._begun, self._begun + 1
        return KeptStep(self, number)

    def kept(self, number: int) -> Any:
        """What is known of a step."""
        if number < len(self._results):
            return decode(self._results[number].tobytes())
        return None if self._way is None or number > len(self._results) else decode(self._way.tobytes())

    def due(self, seconds: float) -> bool:
        """Whether it is time for a checkpoint."""
        return time.monotonic() - self._written >= max(seconds, SHARE * self._cost)

    def come(self, way: Any) -> None:
        """Write how far the step that is going on has come."""
        self._way = as_bytes(way)
        self.write()

    def done(self, number: int, result: Any) -> None:
        """Know the result of a step."""
        if number == len(self._results):
            self._results.append(as_bytes(result))
            self._way = None
            if self.due(AFTER_A_STEP):
                self.write()

    def write(self) -> None:
        """Write a checkpoint; a run does not end because that cannot be done."""
        began = time.monotonic()
        try:
            self.folder.write({**self._header, "results": self._results, "way": self._way})
            self._fails = False
        except FileError as error:
            if not self._fails:
                told = Finding.of("checkpoint.unwritten", cause=error.finding)
                warnings.warn(DownslopeWarning(told), stacklevel=frames_to_user())
            self._fails = True
        self._written = time.monotonic()
        self._cost = self._written - began


class KeptStep:
    """A step of a run whose journal is in a folder."""

    def __init__(self, journal: Checkpoints, number: int) -> None:
        self.journal, self.number = journal, number
        self.kept = journal.kept(number)

    def keep(self, make: Callable[[], Any], *, at_once: bool = False) -> None:
        """Write what `make` gives where it is time."""
        if at_once or self.journal.due(EVERY):
            self.journal.come(make())

    def finish(self, result: Any) -> None:
        """Know the result."""
        self.journal.done(self.number, result)


def as_bytes(value: Any) -> Bytes:
    """A value as it is when it is kept: what it holds may be written to later."""
    return np.frombuffer(encode(value), dtype=np.uint8)
