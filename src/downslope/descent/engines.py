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

from dataclasses import dataclass
from typing import Self

from downslope.data.source import Schema
from downslope.descent.settings import Settings
from downslope.exceptions import InputError

__all__ = ["ENGINES", "Engine", "Traits", "choose_engine"]

ENGINES = ("spectral", "moments", "data", "stochastic")
# Statistics of up to this many columns (8 MB) are worth having whatever the number of rows.
ALWAYS_AFFORDABLE = 1000


class Engine(str):
    """The name of an engine, with the reason for its choice.

    Examples
    --------
    >>> engine = Engine("spectral", "squared loss at a constant rate")
    >>> engine == "spectral", engine.reason
    (True, 'squared loss at a constant rate')
    """

    reason: str

    def __new__(cls, name: str, reason: str) -> "Engine":
        """Make the name of an engine."""
        engine = super().__new__(cls, name)
        engine.reason = reason
        return engine

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.reason


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

    def obstacles(self) -> dict[str, str]:
        """What keeps each engine from running the problem: an empty string where nothing does."""
        statistics = ""
        if not self.squared:
            statistics = "the loss is not squared_error"
        elif not self.affordable:
            statistics = f"{self.n_parameters}² statistics would be larger than the data"
        spectral = statistics
        if not spectral and self.l1:
            spectral = "the L1 penalty has no closed form"
        if not spectral and not self.linear:
            spectral = "this method's steps are not linear in the gradient"
        if not spectral and not self.constant:
            spectral = "the learning rate is not constant"
        if self.batched:
            whole = "batch_size asks for updates on a part of the rows"
            return {"spectral": whole, "moments": whole, "data": whole, "stochastic": ""}
        passes = "an automatic rate smooths this loss, which compiled passes do not" if self.smoothed else ""
        return {"spectral": spectral, "moments": statistics, "data": "", "stochastic": passes}


def choose_engine(traits: Traits, wanted: str = "auto") -> Engine:
    """The first engine of the table that can run the problem, or the one that is wanted.

    Raises
    ------
    InputError
        Where the engine that is wanted does not exist or cannot run the problem.
    """
    obstacles = traits.obstacles()
    if wanted == "auto":
        name = next(name for name in ENGINES if not obstacles[name])
        return Engine(name, reason_for(name, obstacles))
    if wanted not in ENGINES:
        raise InputError(f"engine={wanted!r} is not known: choose auto, {', '.join(ENGINES)}")
    if obstacles[wanted]:
        able = " or ".join(name for name in ENGINES if not obstacles[name])
        raise InputError(
            f"engine={wanted!r} cannot run this problem because {obstacles[wanted]}: choose auto, or {able}"
        )
    return Engine(wanted, f"asked for; {reason_for(wanted, obstacles)}")


def reason_for(name: str, obstacles: dict[str, str]) -> str:
    """Why an engine runs a problem, in words."""
    if name == "spectral":
        return "squared loss with a linear step rule at a constant rate: every epoch has a closed form"
    if name == "moments":
        why = obstacles["spectral"] or "no closed form is needed"
        return f"squared loss, so an epoch needs only the statistics of one read; {why}"
    if name == "stochastic" and not obstacles["data"]:
        return "one compiled pass an epoch, all rows in one batch"
    if name == "stochastic":
        return "batch_size is smaller than the number of rows: one compiled pass an epoch, an update a batch"
    why = obstacles["moments"] or "statistics would do"
    return f"one pass over the rows an epoch; {why}"
