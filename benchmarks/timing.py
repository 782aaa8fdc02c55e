"""Timing on a machine that others use too: everything in turn, round after round, compared by ratios."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

__all__ = ["Ratio", "Stopwatch", "Timing", "interleave", "timed"]

Stopwatch = Callable[[], float]


@dataclass(frozen=True)
class Timing:
    """Seconds: the median and the least of some rounds."""

    median: float
    least: float

    def __truediv__(self, unit: "Timing") -> "Ratio":
        return Ratio(self.median / unit.median, self.least / unit.least)

    def per(self, count: float) -> "Timing":
        """A `count`-th of it."""
        return Timing(self.median / count, self.least / count)

    def less(self, other: "Timing") -> "Timing":
        """The difference of the medians, and that of the least."""
        return Timing(self.median - other.median, self.least - other.least)


@dataclass(frozen=True)
class Ratio:
    """The ratio of two medians, and that of the least of both."""

    median: float
    least: float


def timed(function: Callable[[], object], repeat: int = 1) -> Stopwatch:
    """A function that calls `function` and returns the seconds of one call; the mean of `repeat` calls in a row.

    A short call needs the repetition: alone it slips through where a long one has to share the cores.
    """

    def seconds() -> float:
        began = time.perf_counter()
        for _ in range(repeat):
            function()
        return (time.perf_counter() - began) / repeat

    return seconds


def interleave(candidates: Mapping[str, Stopwatch], rounds: int) -> dict[str, Timing]:
    """The timing of each candidate, after one round that does not count.

    Each round begins one candidate later, so that none always follows the same neighbour.
    """
    names = list(candidates)
    seen: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        show_progress(f"round {number} of {rounds}" if number else "warming up")
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            seconds = candidates[name]()
            if number:
                seen[name].append(seconds)
    show_progress("")
    return {name: Timing(median(seconds), min(seconds)) for name, seconds in seen.items()}


def show_progress(text: str) -> None:
    """One line on the terminal that is written over and over; nothing in a pipe."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
