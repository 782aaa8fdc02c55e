"""Where the course is played: what it says, and the pictures that it keeps."""

from pathlib import Path
from typing import Any, NamedTuple

from rich.console import RenderableType
from rich.text import Text

from downslope.cli.console import show, show_line
from downslope.data.written import write_figure
from downslope.displays.style import load_pyplot

__all__ = ["SEED", "Kept", "Stage"]

# Every run shows the same numbers, so that two people can talk about them.
SEED = 130


class Kept(NamedTuple):
    """A picture in the folder, with its caption in two languages."""

    file: str
    english: str
    korean: str


class Stage:
    """Says the words of the course on standard output and keeps its pictures in a folder.

    Attributes
    ----------
    folder : Path
    kept : list of Kept
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[Kept] = []

    def title(self, text: str) -> None:
        """Begin a step."""
        show("", Text(f"— {text} —", style="bold"))

    def say(self, english: str, korean: str | None = None) -> None:
        """Say something, in English and for the learner in Korean."""
        show(Text(english))
        if korean is not None:
            show(Text(korean, style="cyan"))

    def command(self, text: str) -> None:
        """Show what to type, in one piece so that it can be copied."""
        show_line(f"$ {text}")

    def show(self, *parts: RenderableType) -> None:
        """Show a table."""
        show("", *parts, "")

    def keep(self, figure: Any, name: str, english: str, korean: str) -> None:
        """Write a matplotlib figure into the folder."""
        file = f"{len(self.kept) + 1:02d}-{name}.png"
        write_figure(self.folder / file, figure)
        load_pyplot().close(figure)
        self.kept.append(Kept(file, english, korean))
        show(Text(f"picture: {self.folder / file}", style="dim"))

    def close(self, page: Path, model: Path) -> None:
        """End the course with one line."""
        show(
            "",
            Text(f"Open {page}: all {len(self.kept)} pictures with their captions; the model of the cars is {model}."),
        )
