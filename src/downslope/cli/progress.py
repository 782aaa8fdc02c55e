"""How a long fit is going, on standard error: a bar on a terminal, now and then a line anywhere else."""

from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from downslope.cli.console import remark, remarks
from downslope.history import Record

__all__ = ["Meter"]


class Meter:
    """Receives every record of a fit, and tells of few: nothing in the first second, on a pipe in the first three.

    Parameters
    ----------
    max_iter : int
        The epoch at which the fit ends at the latest.
    """

    def __init__(self, max_iter: int) -> None:
        self.max_iter = max_iter
        console = remarks()
        self.bar = self.make_bar() if console.is_terminal and not console.is_dumb_terminal else None
        self.next = 3.0 if self.bar is None else 1.0

    def make_bar(self) -> Progress:
        """The bar, not shown yet."""
        return Progress(
            TextColumn("epoch {task.completed:,.0f} of {task.total:,.0f}"),
            BarColumn(bar_width=None),
            TextColumn("error {task.fields[error]:.6g}"),
            TimeElapsedColumn(),
            console=remarks(),
            transient=True,
            auto_refresh=False,
            expand=True,
        )

    def __call__(self, record: Record) -> None:
        """Tell of this record, if it is time."""
        if record.seconds < self.next:
            return
        if self.bar is None:
            # Twice as rare every time: ten lines tell of an hour.
            self.next = 2.0 * record.seconds
            remark(
                f"epoch {record.epoch:,} of {self.max_iter:,}: mean squared error {record.mse:.6g}, "
                f"{record.seconds:.0f} s"
            )
            return
        self.next = record.seconds + 0.1
        fields: dict[str, Any] = {"completed": record.epoch, "error": record.mse}
        if not self.bar.tasks:
            self.bar.add_task("", total=self.max_iter, **fields)
            self.bar.start()
        self.bar.update(self.bar.tasks[0].id, **fields)
        self.bar.refresh()

    def close(self) -> None:
        """Clear the bar away."""
        if self.bar is not None:
            self.bar.stop()
