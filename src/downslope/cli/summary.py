"""What a fit found out, as a page for people and as a document for programs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType

from downslope._version import __version__
from downslope.cli.rows import Part
from downslope.cli.streamed import StreamedPart, StreamedTable
from downslope.cli.tables import facts, number, number_table, percent
from downslope.cli.yardstick import least_squares
from downslope.closed_form.landscape import StandardErrors
from downslope.data.tables.files import Table
from downslope.descent.stopping import StopReason
from downslope.estimators import GradientDescentRegressor
from downslope.fitting.optimum import Optimum
from downslope.statistics.quality import Quality
from downslope.texts import say

__all__ = ["Summary", "summarise"]

AnyPart = Part | StreamedPart


@dataclass(frozen=True)
class Summary:
    """A fit, what it was made from, and what it is held against.

    Attributes
    ----------
    path : Path
    table : Table or StreamedTable
        What is known of the file.
    model : GradientDescentRegressor
        Fitted.
    train : Part or StreamedPart
    held_out : Part, StreamedPart or None
    baseline : Optimum or None
        Ordinary least squares on the training rows.
    warnings : list of str
    files : dict
        The files written, by what they hold.
    """

    path: Path
    table: Table | StreamedTable
    model: GradientDescentRegressor
    train: AnyPart
    held_out: AnyPart | None
    baseline: Optimum | None
    warnings: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def judged(self) -> AnyPart:
        """The rows that R² and RMSE are measured on."""
        return self.train if self.held_out is None else self.held_out

    @property
    def judged_name(self) -> str:
        """What a program calls these rows."""
        return "training rows" if self.held_out is None else "held-out rows"

    def quality(self) -> Quality:
        """Of the model."""
        return self.judged.quality(self.model.coef_, self.model.intercept_)

    @property
    def optimum(self) -> Optimum | None:
        """The minimum of the objective that was descended; after an early stop, which means not to go there, none."""
        return None if self.model.early_stopping else self.model.optimum_

    @property
    def compared_with(self) -> Optimum | None:
        """What stands beside the coefficients: the optimum, and where none is told ordinary least squares."""
        told = self.optimum is not None and (self.optimum.unique or self.model.landscape_ is not None)
        return self.optimum if told else self.baseline

    @property
    def standard_errors(self) -> StandardErrors | None:
        """Those of ordinary least squares, where they are known and stand beside it."""
        known = self.model.landscape_
        return None if known is None or self.optimum is None else known.standard_errors

    def quality_of(self, other: Optimum | None) -> Quality | None:
        """That of another model on the same rows."""
        return None if other is None else self.judged.quality(other.coef, other.intercept)

    def stop_sentence(self) -> str:
        """Why the run ended; where that is an error or a warning, its details stand on standard error."""
        model = self.model
        if model.stop_reason_ in (StopReason.DIVERGED, StopReason.INTERRUPTED, StopReason.MAX_ITER):
            return str(model.stop_reason_)
        return model.stop_message_

    def document(self) -> dict[str, Any]:
        """All of it, as what JSON can hold."""
        model, table = self.model, self.table
        return {
            "downslope": __version__,
            "data": str(self.path),
            "target": table.target,
            "features": list(table.feature_names),
            "rows": {
                "read": table.n_rows_read,
                "dropped": table.n_rows_dropped,
                "training": self.train.n_rows,
                "held_out": 0 if self.held_out is None else self.held_out.n_rows,
            },
            "notes": [str(note) for note in table.notes],
            "parameters": {name: as_json(value) for name, value in model.get_params(deep=False).items()},
            "engine": {"name": str(model.engine_), "reason": model.engine_.reason},
            "learning_rate": model.learning_rate_,
            "n_iter": model.n_iter_,
            "restored_epoch": model.restored_epoch_,
            "stop": {"reason": model.stop_reason_.value, "message": model.stop_message_},
            "objective_gap": model.gap_,
            "coef": by_name(table.feature_names, model.coef_),
            "intercept": model.intercept_,
            "standard_errors": errors_document(self.standard_errors, table.feature_names),
            "optimum": optimum_document(self.optimum, table.feature_names, self.quality_of(self.optimum)),
            "least_squares": optimum_document(self.baseline, table.feature_names, self.quality_of(self.baseline)),
            "quality": {"on": self.judged_name, **self.quality()._asdict()},
            "warnings": self.warnings,
            "files": self.files,
        }

    def page(self) -> list[RenderableType]:
        """All of it, to be read."""
        parts: list[RenderableType] = [facts(self.facts()), "", self.coefficients()]
        beside = self.compared_with
        if beside is not None and beside.note:
            parts += ["", say("page.least_squares_note", note=beside.note)]
        if self.files:
            parts += ["", say("page.written", files=", ".join(self.files.values()))]
        return parts

    def facts(self) -> list[tuple[str, str]]:
        """The lines above the coefficients."""
        model = self.model
        lines = [
            (say("page.rows"), self.rows_sentence()),
            *(("", str(note)) for note in self.table.notes),
            (say("page.features"), self.features_sentence()),
            (say("page.engine"), self.engine_sentence()),
            (say("page.descent"), self.descent_sentence()),
            (say("page.stopped"), self.stop_sentence()),
        ]
        if model.restored_epoch_ is not None:
            lines.append((say("page.kept"), say("page.best_epoch", epoch=model.restored_epoch_)))
        return [*lines, (say("page.gap"), self.gap_sentence())]

    def rows_sentence(self) -> str:
        """Which rows were fitted on."""
        n_held = 0 if self.held_out is None else self.held_out.n_rows
        code = "page.some_rows" if n_held else "page.all_rows"
        return say(code, count=self.train.n_rows, path=str(self.path), held=n_held)

    def features_sentence(self) -> str:
        """How many columns predict what."""
        return say("page.to_predict", count=len(self.table.feature_names), target=self.table.target)

    def engine_sentence(self) -> str:
        """Which engine ran, and why."""
        engine = self.model.engine_
        return say("page.engine_and_reason", engine=str(engine), reason=engine.reason)

    def descent_sentence(self) -> str:
        """How many steps of which kind were made."""
        model = self.model
        code = "page.automatic_descent" if model.learning_rate == "auto" else "page.given_descent"
        return say(code, epochs=model.n_iter_, method=model.method, rate=number(model.learning_rate_))

    def gap_sentence(self) -> str:
        """How far from the optimum it ended."""
        model = self.model
        if model.gap_ is None or model.optimum_ is None:
            return say("page.gap_unknown")
        return say("page.gap_above", gap=model.gap_, optimum=number(model.optimum_.objective))

    def coefficients(self) -> RenderableType:
        """The coefficients and the quality beside those of the optimum, with standard errors where they are known."""
        model, own, beside = self.model, self.quality(), self.compared_with
        names = [*self.table.feature_names, say("page.intercept")]
        columns = [[number(value) for value in (*model.coef_, model.intercept_)]]
        header = ["", say("page.coefficient")]
        r2, rmse = say("page.r2_held_out" if self.held_out is not None else "page.r2_training"), say("page.rmse")
        qualities = [[r2, number(own.r2)], [rmse, number(own.rmse)]]
        if beside is not None:
            ordinary = beside is self.baseline or (model.loss == "squared_error" and model.penalty is None)
            header += [say("page.least_squares" if ordinary else "page.optimum"), say("page.apart")]
            best = [*beside.coef, beside.intercept]
            pairs = zip((*model.coef_, model.intercept_), best, strict=True)
            columns += [[number(value) for value in best], [percent(value, other) for value, other in pairs]]
            theirs = self.quality_of(beside) or Quality(np.nan, np.nan)
            qualities = [[*qualities[0], number(theirs.r2), ""], [*qualities[1], number(theirs.rmse), ""]]
        if self.standard_errors is not None:
            header.append(say("page.standard_error"))
            columns.append([number(value) for value in (*self.standard_errors.coef, self.standard_errors.intercept)])
            qualities = [[*line, ""] for line in qualities]
        return number_table(header, [list(zip(names, *columns, strict=True)), qualities])


def summarise(
    path: Path,
    table: Table | StreamedTable,
    model: GradientDescentRegressor,
    train: AnyPart,
    held_out: AnyPart | None,
    warnings: list[str],
) -> Summary:
    """Sum a fit up."""
    if isinstance(table, StreamedTable):
        table.told()
    own = model.landscape_ is not None and model.penalty is None and not model.early_stopping
    # The very optimum that the descent was measured by, where that is ordinary least squares on these rows.
    baseline = model.optimum_ if own else least_squares(train, fit_intercept=model.fit_intercept)
    return Summary(path, table, model, train, held_out, baseline, warnings)


def optimum_document(
    optimum: Optimum | None, names: tuple[str, ...], measured: Quality | None
) -> dict[str, Any] | None:
    """An optimum, as what JSON can hold."""
    if optimum is None or measured is None:
        return None
    return {
        "coef": by_name(names, optimum.coef),
        "intercept": optimum.intercept,
        "unique": optimum.unique,
        "digits": optimum.digits,
        "note": optimum.note or None,
        **measured._asdict(),
    }


def errors_document(errors: StandardErrors | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Standard errors, as what JSON can hold."""
    return None if errors is None else {"coef": by_name(names, errors.coef), "intercept": errors.intercept}


def by_name(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, float]:
    """A number for each name."""
    return dict(zip(names, values.tolist(), strict=True))


def as_json(value: Any) -> Any:
    """A parameter as what JSON can hold."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
