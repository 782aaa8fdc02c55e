"""A table too large for memory: read once for its statistics, or kept on the disk where rows are needed again."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.cli.rows import Choice, Part, load_rows, open_table, split_off
from downslope.data.source import Source
from downslope.data.tables.batches import TableBatches
from downslope.data.tables.drawing import Drawing, Task
from downslope.data.tables.encoding import Encoding
from downslope.data.tables.files import Table
from downslope.data.tables.gaps import notes_of
from downslope.data.tables.scratch import Scratch
from downslope.data.tables.stream import StreamSource
from downslope.descent.settings import Settings
from downslope.estimators import GradientDescentRegressor
from downslope.estimators.sources import heard_by
from downslope.exceptions import InputError
from downslope.monitor.progress import Progress
from downslope.statistics.moments import Moments, SumBlocks, gather_columns
from downslope.statistics.quality import Quality, measure_quality, quality_of
from downslope.statistics.sample import Sample, SampleRows
from downslope.texts import Finding, Remedy

__all__ = ["Loaded", "StreamedPart", "StreamedTable", "load"]

Array = NDArray[np.float64]
# Rows of which a picture is drawn, and that are looked at for codes.
SAMPLE = 20_000
# Files of more bytes, unpacked, are streams: their numbers take up to about as many in memory, and their reading twice.
MANY_BYTES = 2**28


class StreamedTable:
    """What is known of a table that is read as a stream: as `Table`, most of it once it has been read.

    Attributes
    ----------
    stream : StreamSource
    train, held_out : StreamedPart, StreamedPart or None
    """

    def __init__(self, choice: Choice, table: TableBatches, share: float | None, seed: int) -> None:
        self.choice, self.batches = choice, table
        self.stream = StreamSource(table, missing=choice.missing, scratch=Scratch())
        self.drawing = Drawing(self.stream, share or 0.0, seed)
        self.feature_names, self.target = table.names, table.target
        self.train: StreamedPart = StreamedPart(self.drawing.train)
        self.held_out = StreamedPart(self.drawing.held_out) if share else None
        self.drawing.train.also = self.ask
        self.about: SumBlocks | None = None
        self.rows = None

    def prepare_for(self, model: GradientDescentRegressor) -> None:
        """Keep the rows on the disk where the fit needs them again; the first read serves all else."""
        settings = Settings.of(model.get_params(deep=False), len(self.feature_names))
        if not (settings.visits_rows or model.early_stopping):
            return
        with Progress() as progress, heard_by(self.stream, progress.hear_rows):
            self.keep(model, settings)

    def keep(self, model: GradientDescentRegressor, settings: Settings) -> None:
        """Keep both parts on the disk, those for mini-batches so that what lay together is far apart."""
        in_any_order = settings.batch_size is not None and not settings.rule.remembers_rows
        train, held_out = self.drawing.keep(scattered=in_any_order and model.shuffle and not model.early_stopping)
        n_rows = [0 if part is None else part.n_rows or 0 for part in (train, held_out)]
        self.refuse_few(*n_rows)
        if train is not None:
            self.train.rows = train
        if self.held_out is not None and held_out is not None:
            self.held_out.rows = held_out

    def refuse_few(self, n_train: int, n_held: int) -> None:
        """Raise `InputError` where too few rows are left for a fit, or none to hold out."""
        if n_train >= 2 and (n_held or self.held_out is None):
            return
        code = "command.few_rows" if self.held_out is None else "command.few_rows_left"
        told = {"path": str(self.choice.path), "count": n_train + n_held, "left": n_train}
        raise InputError(Finding.of(code, Remedy("test_size", self.drawing.draw.share), **told))

    def ask(self, tasks: Sequence[Task]) -> Sequence[Task]:
        """What the first read is to give beside the statistics of the fit: some rows, and moments of those held out."""
        judged = self.drawing.train if self.held_out is None else self.drawing.held_out
        asked: list[Task] = [judged.of(SampleRows(SAMPLE))]
        self.about = next((task for task in tasks if isinstance(task, SumBlocks)), None)
        if self.about is not None and self.held_out is not None:
            asked.append(self.drawing.held_out.of(self.about))
        return asked

    def told(self) -> None:
        """Hand on what the first read gave.

        Raises
        ------
        InputError
            For fewer rows than a fit needs.
        """
        n_train = self.train.rows.n_rows or 0
        self.refuse_few(n_train, (self.stream.n_rows or 0) - n_train)
        found = self.drawing.train.found
        judged = self.train if self.held_out is None else self.held_out
        judged.sample = next((one for one in found if isinstance(one, Sample)), None)
        if self.about is None:
            return
        moved, y_moved = self.about.moved_by(len(self.feature_names)), self.about.y_shift
        moments = [one.recentre(moved, y_moved) for one in found if isinstance(one, Moments)]
        self.train.moments = moments[0]
        if self.held_out is not None:
            self.held_out.moments = moments[-1]

    @property
    def n_rows_read(self) -> int:
        """Rows in the files."""
        return (self.stream.n_rows or 0) + self.n_rows_dropped

    @property
    def n_rows_dropped(self) -> int:
        """Rows that were left out for missing values."""
        return self.stream.n_dropped

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What was done about missing values."""
        counts = {name: count for name, count in self.batches.by_column(self.stream.gaps).items() if count}
        decisive = counts if self.choice.missing == "drop" else [name for name in counts if name == self.target]
        return notes_of(counts, decisive, self.n_rows_dropped, self.n_rows_read)

    @property
    def encoding(self) -> Encoding:
        """How another table is read alike."""
        means = self.stream.means
        if means is None:
            means = gather_columns(self.train.rows).mean if self.train.moments is None else self.train.moments.mean
        return self.batches.encoding(self.choice.missing, means.tolist())


class StreamedPart:
    """Some of the rows of a stream: as `Part`.

    Attributes
    ----------
    rows : Source
    moments : Moments or None
        Where the first read gave them.
    sample : Sample or None
    """

    rounding = 0.0

    def __init__(self, rows: Source) -> None:
        self.rows = rows
        self.moments: Moments | None = None
        self.sample: Sample | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows, once they have been read."""
        return self.moments.n_rows if self.moments is not None else self.rows.n_rows or 0

    def source(self, names: tuple[str, ...] | None = None) -> Source:
        """The rows as a fit takes them."""
        return self.rows

    def quality(self, coef: Array, intercept: float) -> Quality:
        """R² and RMSE of a model, from the moments where these are enough."""
        known = None if self.moments is None else quality_of(self.moments, coef, intercept)
        return measure_quality(self.rows, coef, intercept) if known is None else known

    @property
    def given(self) -> tuple[Any, Any, Any]:
        """X, y and weights as functions of the library take them."""
        return self.rows, None, None

    def shown(self) -> tuple[Array, Array]:
        """X and y of some rows, drawn at random where the read has drawn some."""
        sample = self.sampled(SAMPLE)
        return sample.X, sample.y

    def sampled(self, n_rows: int) -> Sample:
        """Some of the rows: of those that have not been read the first ones."""
        if self.sample is not None:
            return self.sample
        sample: Sample = SampleRows(n_rows)(self.rows.peek(n_rows))
        return sample


class Loaded(NamedTuple):
    """A table, all rows that were there to be looked at before the fit, and the parts for it."""

    table: Table | StreamedTable
    rows: Part | StreamedPart
    train: Part | StreamedPart
    held_out: Part | StreamedPart | None


def load(
    choice: Choice, share: float | None = None, seed: int = 0, model: GradientDescentRegressor | None = None
) -> Loaded:
    """The table in memory where it goes there, and as a stream where not, made ready for the fit of a model."""
    batches = open_table(choice)
    if batches.n_bytes > MANY_BYTES:
        streamed = StreamedTable(choice, batches, share, seed)
        if model is not None:
            streamed.prepare_for(model)
        return Loaded(streamed, streamed.train, streamed.train, streamed.held_out)
    table, rows = load_rows(choice, batches)
    return Loaded(table, rows, *split_off(rows, share, seed, choice.path))
