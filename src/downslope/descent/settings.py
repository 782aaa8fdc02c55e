"""The choices of a fit that the mathematics needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

from downslope.exceptions import InputError
from downslope.objective.losses import Loss, make_loss
from downslope.objective.penalties import Penalty, make_penalty
from downslope.steps.accelerated import Accelerated
from downslope.steps.rules import StepRule, make_step_rule
from downslope.steps.schedules import Schedule, is_constant
from downslope.texts import Finding, Remedy

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What is descended and how.

    Attributes
    ----------
    loss : Loss
    penalty : Penalty
    rule : StepRule
    learning_rate : "auto", a number or a schedule
    fit_intercept, standardize : bool
    engine : str
    batch_size : int or None
        Rows an update; None takes all.
    chosen : bool
        Whether the rule was left to us: method "auto".
    """

    loss: Loss
    penalty: Penalty
    rule: StepRule
    learning_rate: str | float | Schedule = "auto"
    fit_intercept: bool = True
    standardize: bool = True
    engine: str = "auto"
    batch_size: int | None = None
    chosen: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], n_features: int) -> Self:
        """The settings that the parameters of `GradientDescentRegressor` say, of which others may be among them.

        Raises
        ------
        InputError
            For a rule that cannot descend the loss.
        """
        rate, batch_size = options["learning_rate"], options["batch_size"]
        loss = make_loss(
            options["loss"], delta=options["delta"], epsilon=options["epsilon"], quantile=options["quantile"]
        )
        penalty = make_penalty(options["penalty"], options["alpha"], options["l1_ratio"], n_features)
        chosen = options["method"] == "auto"
        rule = make_step_rule("gd" if chosen else options["method"], options["momentum"])
        if chosen and is_costly(options, loss, penalty):
            rule = Accelerated()
        if rule.remembers_rows and loss.kinked:
            remedies = Remedy("method", options["method"]), Remedy("loss", options["loss"])
            raise InputError(Finding.of("options.method_needs_smooth", *remedies))
        return cls(
            loss=loss,
            penalty=penalty,
            rule=rule,
            learning_rate=float(rate) if isinstance(rate, Real) else rate,
            fit_intercept=options["fit_intercept"],
            standardize=options["standardize"],
            engine=options["engine"],
            batch_size=None if batch_size is None else int(batch_size),
            chosen=chosen,
        )

    @property
    def squared(self) -> bool:
        """Whether the loss is the squared error."""
        return self.loss.squared

    @property
    def automatic(self) -> bool:
        """Whether the rate is measured from the rows."""
        return isinstance(self.learning_rate, str)

    @property
    def constant(self) -> bool:
        """Whether the rate is the same at every update; "auto" is, wherever the curvature is."""
        rate = self.learning_rate
        return self.rule.linear if isinstance(rate, str) else is_constant(rate)

    @property
    def visits_rows(self) -> bool:
        """Whether the descent itself reads rows, whatever their statistics say."""
        return not self.squared or self.batch_size is not None or self.engine in ("data", "stochastic")


def is_costly(options: Mapping[str, Any], loss: Loss, penalty: Penalty) -> bool:
    """Whether epochs have no closed form, so that accelerated steps pay, and nothing was asked that they do not do."""
    plain = options["batch_size"] is not None or options["engine"] == "stochastic"
    return not plain and isinstance(options["learning_rate"], str) and (not loss.squared or bool(penalty.l1))
