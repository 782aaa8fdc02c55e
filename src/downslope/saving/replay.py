"""The document that replays a run on all rows from itself alone, in a few numbers for each pair of columns.

A page turns the learning rate of the very fit by it, and whoever receives it can check every epoch. Of the rows it
holds what the squared loss knows of them: with the correlations RᵀR of the columns, means μ and spreads σ,

    ½ mse(θ) = ½‖R·diag(σ/scale)·v - target‖² + ½ (means·v + c - ȳ)² + ½ residual,   means = (μ - shift)/scale,

for θ = (v, c) in the descended coordinates z = (x - shift)/scale. A triangle and not products of columns: these lose
the smallest curvatures where means are large (eigenvalues of products, a column with a mean of 10⁶: 4e-5 off, of the
triangle 1.5e-11).
"""

import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from downslope._version import __version__
from downslope.descent.history import History
from downslope.descent.loop import Outcome, Row, Task, descend
from downslope.descent.stopping import Stopping, StopReason
from downslope.estimators import GradientDescentRegressor
from downslope.exceptions import FileError, InputError
from downslope.fitting.conclusion import judge
from downslope.fitting.replayable import Replayable
from downslope.objective.objective import Evaluation, QuadraticObjective
from downslope.objective.penalties import Penalty
from downslope.saving.replay_document import (
    RULES,
    SCHEDULES,
    Part,
    pack,
    read_coordinates,
    read_names,
    read_quadratic,
    read_rows,
    read_stopping,
    write_coordinates,
    write_kind,
    write_quadratic,
    write_rows,
    write_stopping,
)
from downslope.statistics.coordinates import Coordinates
from downslope.statistics.least_squares import Summary
from downslope.statistics.quadratic import Quadratic, Spectrum, add_ridge, half_mse_of, half_square
from downslope.steps.automatic_rate import cautious_rate
from downslope.steps.rules import StepRule
from downslope.steps.schedules import Schedule, Scheduled
from downslope.texts import Finding, Remedy
from downslope.threads import one_blas_thread

__all__ = ["Replay", "Replayed"]

Array = NDArray[np.float64]

FORMAT, VERSION = "downslope-replay", 1
OUTSIDE = (StopReason.CALLBACK, StopReason.INTERRUPTED)


class Replayed(NamedTuple):
    """A run that was made again.

    Attributes
    ----------
    history : History
        In the units of the rows, without `seconds`.
    n_iter : int
    stop_reason : StopReason
    """

    history: History
    n_iter: int
    stop_reason: StopReason


@dataclass(frozen=True)
class Replay:
    """All that a run on the squared loss and all rows was made of.

    Attributes
    ----------
    rows : Summary
        What the rows say, see `downslope.statistics.least_squares.LeastSquares`.
    coordinates : Coordinates
        Those that are descended.
    penalty : Penalty
    start : array (p,)
        In descended coordinates, as the penalty and the rates are.
    rule : StepRule
    schedule : Schedule
        One of `downslope.schedules`.
    stopping : Stopping
        The stop rules as thresholds.
    validation : Quadratic or None
        ½ mse on the validation rows.
    names : tuple of str or None
        Those of the columns.

    Notes
    -----
    The run is made an epoch at a time, whatever engine the fit had. It ends at the same epoch for the same reason, and
    each column of its history is that of the fit to 1e-12 of its largest number; to 1e-9 where the run blows up, for it
    multiplies what it rounds. Adaptive rules do so too where they settle: a fit of theirs is repeated to the bit if its
    engine was ``moments``, but on rows they had rounded elsewhere (measured, Adam over 20,000 epochs of nearly
    collinear columns: 4e-3 of the coefficients).

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, make_linear
    >>> from downslope.saving.replay import Replay
    >>> data = make_linear([3.0, -2.0], noise=0.1, random_state=0)
    >>> model = GradientDescentRegressor(learning_rate=0.3, standardize=False).fit(data.X, data.y)
    >>> text = Replay.of(model).to_json()
    >>> again = Replay.from_json(text).run()
    >>> again.n_iter == model.n_iter_, again.stop_reason == model.stop_reason_
    (True, True)
    >>> bool(abs(again.history["mse"] - model.history_["mse"]).max() < 1e-12 * model.history_["mse"].max())
    True
    """

    rows: Summary
    coordinates: Coordinates
    penalty: Penalty
    start: Array
    rule: StepRule
    schedule: Schedule
    stopping: Stopping
    validation: Quadratic | None = None
    names: tuple[str, ...] | None = None

    # ------------------------------------------------------------------------------------------------- from a model
    @classmethod
    def of(cls, model: GradientDescentRegressor) -> Self:
        """The document of the fit that a model has made.

        Raises
        ------
        InputError
            For a fit that its statistics alone cannot repeat: of another loss, on mini-batches, at rates that a
            function of the user's gives, on more columns than statistics are kept of, of several calls, or one that
            was stopped from outside.
        """
        refused = refusal(model)
        if refused is not None:
            raise InputError(refused)
        made: Any = model._replayable
        parts = {field.name: getattr(made, field.name) for field in fields(made)}
        replay = cls(**parts, names=model.history_.feature_names)
        if not replay.within_numbers:
            raise InputError(Finding.of("replay.start_too_far", Remedy("init", "zeros")))
        return replay

    # ------------------------------------------------------------------------------------------------------ the run
    @cached_property
    def half_mse(self) -> Quadratic:
        """½ mse in descended coordinates."""
        return half_mse_of(self.rows, self.coordinates)

    @cached_property
    def spectrum(self) -> Spectrum:
        """Of ½ mse and the L2 penalty."""
        return add_ridge(self.half_mse, self.penalty.l2, self.penalty.n_features).decompose()

    @property
    def within_numbers(self) -> bool:
        """Whether the numbers of the document are small enough to be multiplied."""
        with np.errstate(over="ignore", invalid="ignore"):
            squares = half_square(self.half_mse.factor.reshape(-1)) + self.half_mse.value(self.start)
        return bool(np.isfinite(squares + self.stopping.explode_above))

    @property
    def largest_stable_rate(self) -> float | None:
        """The rate at and beyond which the descent does not settle; None for rules without such a limit."""
        product, curvature = self.rule.stable_product, self.spectrum.largest
        return product / curvature if curvature and np.isfinite(product) else None

    def run(self) -> Replayed:
        """Make the run again, an epoch at a time."""
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            objective = self.objective()
            at = objective.value_and_gradient(self.start)
            task = self.task(objective, at)
            outcome = descend(task, task.start(self.start, at.objective))
            if outcome.reason is StopReason.INTERRUPTED:
                raise KeyboardInterrupt
            return Replayed(self.history(outcome), int(outcome.rows[-1, 0]), judge(self, outcome, at.objective))

    def objective(self) -> QuadraticObjective:
        """What is descended."""
        smooth = self.spectrum.to_quadratic()
        return QuadraticObjective(smooth, self.half_mse if self.penalty.l2 else smooth, self.penalty)

    def task(self, objective: QuadraticObjective, at: Evaluation) -> Task:
        """The way to descend, from a start where the objective is `at`."""
        curvature, validation = self.spectrum.largest, self.validation
        return Task(
            objective=objective,
            rule=self.rule,
            rates=Scheduled(self.schedule),
            stopping=self.stopping,
            mapping_step=cautious_rate(curvature, at.objective, at.gradient),
            means=(self.rows.mean - self.coordinates.shift) * self.coordinates.inverse_scale,
            validation=None if validation is None else lambda parameters: 2.0 * validation.value(parameters),
        )

    def history(self, outcome: Outcome) -> History:
        """The records of a run in the units of the rows."""
        coef, intercept = self.coordinates.to_original(outcome.parameters)
        columns = dict(zip(Row._fields, outcome.rows.T, strict=True))
        del columns["seconds"]
        if self.validation is None:
            del columns["validation_mse"]
        return History(columns, coef, intercept, self.names)

    # ----------------------------------------------------------------------------------------------------- as JSON
    def to_dict(self) -> dict[str, Any]:
        """The document as what JSON holds; R by its numbers on and above the diagonal, row by row."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "written_by": f"downslope {__version__}",
            "names": None if self.names is None else list(self.names),
            "rows": write_rows(self.rows),
            "coordinates": write_coordinates(self.coordinates),
            "penalty": {"l1": float(self.penalty.l1), "l2": float(self.penalty.l2)},
            "start": pack(self.start),
            "rule": write_kind(self.rule, RULES),
            "schedule": write_kind(self.schedule, SCHEDULES),
            "stopping": write_stopping(self.stopping),
            "validation": None if self.validation is None else write_quadratic(self.validation),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The replay that `to_json` wrote.

        Raises
        ------
        FileError
            For a text that is no replay, is damaged, or is of a later version.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise FileError(Finding.of("replay.no_json", cause=str(error))) from error
        return cls.from_dict(content)

    @classmethod
    def from_dict(cls, content: Any) -> Self:
        """The replay that `to_dict` gave; raises as `from_json` does."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise FileError(Finding("replay.foreign"))
        if content.get("version") != VERSION:
            numbers = {"got": content.get("version"), "known": VERSION, "ours": __version__}
            raise FileError(Finding("replay.version", numbers))
        try:
            return cls.read(Part(content, FORMAT))
        except RecursionError as error:
            raise FileError(Finding.of("replay.damaged", cause=Finding("replay.too_deep"))) from error
        except InputError as error:
            cause = error.finding or Finding.of("text.plain", text=str(error))
            raise FileError(Finding.of("replay.damaged", cause=cause)) from error

    @classmethod
    def read(cls, document: Part) -> Self:
        """The replay of a document whose format and version are right."""
        coordinates = read_coordinates(document.part("coordinates"))
        d, p, penalty = coordinates.n_features, coordinates.n_parameters, document.part("penalty")
        validation = document.value("validation")
        replay = cls(
            rows=read_rows(document.part("rows"), d),
            coordinates=coordinates,
            penalty=Penalty(penalty.number("l1", 0.0), penalty.number("l2", 0.0), d),
            start=document.array("start", p),
            rule=document.kind("rule", RULES),
            schedule=document.kind("schedule", SCHEDULES),
            stopping=read_stopping(document.part("stopping")),
            validation=None if validation is None else read_quadratic(document.part("validation"), p),
            names=read_names(document.value("names"), d),
        )
        if not replay.within_numbers:
            raise InputError(Finding("replay.too_large"))
        return replay


def refusal(model: Any) -> Finding | None:
    """Why the fit of a model cannot be replayed."""
    if not isinstance(model, GradientDescentRegressor):
        return Finding.of("replay.other_model", got=type(model).__name__, wanted=GradientDescentRegressor.__name__)
    if not hasattr(model, "coef_"):
        return Finding.of("model_file.not_fitted", estimator=type(model).__name__)
    made: Replayable | Finding = getattr(model, "_replayable", Finding("replay.from_file"))
    if isinstance(made, Finding):
        return made
    if type(made.schedule) not in SCHEDULES.values():
        told = {"got": made.schedule, "module": "downslope.schedules"}
        return Finding("replay.own_schedule", told, (Remedy("learning_rate", "auto"),))
    if model.stop_reason_ in OUTSIDE:
        how = Finding(f"outcome.{model.stop_reason_.value}")
        return Finding.of("replay.outside", Remedy("max_iter", model.n_iter_), how=how)
    return None
