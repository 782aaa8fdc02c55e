"""Which engine runs a problem: one table, public, with the reason.

=====================================================================  ==============  ==========================
when                                                                   engine        cost of an epoch
=====================================================================  ==============  ==========================
squared loss, full batch, linear rule, constant rate, no L1            ``spectral``  none: any epoch directly
squared loss, full batch, otherwise (Adam, L1, schedules …)            ``moments``   O(d²)
any other full-batch loss, or d² statistics larger than the data       ``data``      one fused pass over the rows
``batch_size`` smaller than the number of rows                         ``stochastic``  one compiled pass
=====================================================================  ==============  ==========================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from downslope.data.source import Schema
from downslope.descent.settings import Settings
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

__all__ = ["ENGINES", "Engine", "Traits", "choose_engine"]

# What keeps each engine from running a problem: None where nothing does.
Obstacles = Mapping[str, Finding | None]

ENGINES = ("spectral", "moments", "data", "stochastic")
# Statistics of up to this many columns (8 MB) are worth having whatever the number of rows.
ALWAYS_AFFORDABLE = 1000


class Engine(str):
    """The name of an engine, with the reason for its choice, said when it is asked for.

    Attributes
    ----------
    finding : Finding
        The reason as data.

    Examples
    --------
    >>> engine = Engine("spectral", "squared loss at a constant rate")
    >>> engine == "spectral", engine.reason
    (True, 'squared loss at a constant rate')
    """

    finding: Finding

    def __new__(cls, name: str, reason: Finding | str) -> Self:
        """Make the name of an engine."""
        engine = super().__new__(cls, name)
        engine.finding = reason if isinstance(reason, Finding) else Finding.of("text.plain", text=reason)
        return engine

    def __getnewargs__(self) -> tuple[str, Finding]:  # type: ignore[override]
        return str(self), self.finding

    @property
    def reason(self) -> str:
        """Why it was chosen."""
        return str(self.finding)


@dataclass(frozen=True)
class Traits:
    """What the choice depends on.

    Attributes
    ----------
    squared : bool
        Whether the loss is the squared error.
    linear : bool
        Whether the step rule is linear.
    constant : bool
        Whether the learning rate is.
    l1 : bool
        Whether the penalty has a kink.
    n_parameters, n_stored : int
        The size of the statistics is the square of the first, that of the data is the second.
    batched : bool
        Whether an update takes fewer rows than there are.
    smoothed : bool
        Whether full-batch descent would smooth the loss on its way.
    """

    squared: bool
    linear: bool
    constant: bool
    l1: bool
    n_parameters: int
    n_stored: int
    batched: bool = False
    smoothed: bool = False

    @classmethod
    def of(cls, settings: Settings, schema: Schema, n_rows: int) -> Self:
        """What is asked of so many rows."""
        return cls(
            squared=settings.squared,
            linear=settings.rule.linear,
            constant=settings.constant,
            l1=bool(settings.penalty.l1),
            n_parameters=schema.n_features + int(settings.fit_intercept),
            n_stored=schema.stored(n_rows),
            batched=settings.batch_size is not None and settings.batch_size < n_rows,
            smoothed=settings.automatic and not settings.squared,
        )

    @property
    def affordable(self) -> bool:
        """Whether the d² statistics are smaller than the data, or small."""
        return self.n_parameters <= ALWAYS_AFFORDABLE or self.n_parameters**2 <= self.n_stored

    def obstacles(self) -> Obstacles:
        """What keeps each engine from running the problem."""
        if self.batched:
            whole = Finding.of("engine.batched")
            return {"spectral": whole, "moments": whole, "data": whole, "stochastic": None}
        passes = Finding.of("engine.smoothed") if self.smoothed else None
        return {"spectral": self.no_closed_form(), "moments": self.no_statistics(), "data": None, "stochastic": passes}

    def no_statistics(self) -> Finding | None:
        """Why statistics do not stand for the rows."""
        if not self.squared:
            return Finding.of("engine.not_squared", Remedy("loss", "squared_error"))
        return None if self.affordable else Finding.of("engine.large_statistics", n_parameters=self.n_parameters)

    def no_closed_form(self) -> Finding | None:
        """Why epochs must be made one by one."""
        obstacle = self.no_statistics()
        if obstacle is None and self.l1:
            obstacle = Finding.of("engine.l1")
        if obstacle is None and not self.linear:
            obstacle = Finding.of("engine.nonlinear")
        if obstacle is None and not self.constant:
            obstacle = Finding.of("engine.varying_rate")
        return obstacle


def choose_engine(traits: Traits, wanted: str = "auto") -> Engine:
    """The first engine of the table that can run the problem, or the one that is wanted.

    Raises
    ------
    InputError
        Where the engine that is wanted does not exist or cannot run the problem.
    """
    obstacles = traits.obstacles()
    able = [name for name in ENGINES if obstacles[name] is None]
    if wanted == "auto":
        return Engine(able[0], reason_for(able[0], obstacles))
    if wanted not in ENGINES:
        raise InputError(
            Finding.of("engine.unknown", Remedy("engine", "auto"), engine=wanted, known=", ".join(ENGINES))
        )
    if wanted not in able:
        raise InputError(impossible(wanted, obstacles[wanted], able))
    return Engine(wanted, Finding.of("engine.asked", reason=reason_for(wanted, obstacles)))


def impossible(wanted: str, obstacle: Finding | None, able: list[str]) -> Finding:
    """Why the engine that is wanted cannot run a problem, and which can."""
    listed: Any = able[0]
    for name in able[1:]:
        listed = Finding.of("text.or", first=listed, second=name)
    return Finding.of("engine.impossible", Remedy("engine", "auto"), engine=wanted, obstacle=obstacle, able=listed)


def reason_for(name: str, obstacles: Obstacles) -> Finding:
    """Why an engine runs a problem."""
    if name == "spectral":
        return Finding.of("engine.spectral")
    if name == "moments":
        return Finding.of("engine.moments", why=obstacles["spectral"] or Finding.of("engine.no_closed_form_needed"))
    if name == "stochastic":
        return Finding.of("engine.one_batch" if obstacles["data"] is None else "engine.batches")
    return Finding.of("engine.data", why=obstacles["moments"] or Finding.of("engine.statistics_would_do"))
