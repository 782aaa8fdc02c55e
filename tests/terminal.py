"""A terminal that tests can read: what was written, and what stands on it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

__all__ = ["TerminalStream", "on_a_terminal"]


class TerminalStream(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    @property
    def frames(self) -> list[str]:
        """What was written between carriage returns and ends of lines, blanks left out."""
        parts = self.getvalue().replace("\n", "\r").split("\r")
        return [part.rstrip() for part in parts if part.strip()]

    @property
    def lines(self) -> list[str]:
        """The lines that can be read in the end."""
        lines = []
        for line in self.getvalue().split("\n"):
            cells: list[str] = []
            for part in line.split("\r"):
                cells[: len(part)] = part
            lines.append("".join(cells).rstrip())
        return lines


@contextmanager
def on_a_terminal() -> Iterator[TerminalStream]:
    """Standard output and standard error on one terminal."""
    stream = TerminalStream()
    with redirect_stdout(stream), redirect_stderr(stream):
        yield stream
