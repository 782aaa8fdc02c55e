"""What a step rule is: two verbs, and what those who choose rates, engines and words have to know of it."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from downslope.steps.schedules import Schedule

__all__ = ["Prox", "StepRule"]

Array = NDArray[np.float64]
Prox = Callable[[Array, float | Array], Array]


class StepRule(Protocol):
    """How a gradient becomes a step."""

    @property
    def linear(self) -> bool:
        """Whether a step is a linear map of (θ, state) when the gradient is: then every epoch has a closed form."""

    @property
    def steady(self) -> bool:
        """Whether steps scale with the gradient, so that curvature decides the rate; else it is about their length."""

    @property
    def stable_product(self) -> float:
        """The largest rate × curvature at which the rule settles on a quadratic; NaN for rules without such a limit.

        There the largest root of the step's matrix leaves the unit circle (Lessard, Recht and Packard, 2016).
        """

    @property
    def inertia(self) -> float:
        """The share β of the last step that the next one keeps, of a steady rule; 0 elsewhere.

        On noise it is worth a rate 1/(1 - β) times as large.
        """

    @property
    def carries_velocity(self) -> bool:
        """Whether the state is a velocity (p,), of which a linear step is made as well."""

    @property
    def looks_ahead(self) -> bool:
        """Whether the gradient is taken where the inertia leads."""

    @property
    def averages(self) -> bool:
        """Whether a record shows a mean of the places reached, whose noise is the smaller the more they are."""

    @property
    def remembers_rows(self) -> bool:
        """Whether the last slope of each row is kept, so that the noise of single rows dies away at a constant rate.

        That takes all rows at hand, and a loss whose slope has no jumps.
        """

    @property
    def decays_by_itself(self) -> bool:
        """Whether steps shorten from update to update at a constant rate, so that noise asks for no falling one."""

    @property
    def trusts_curvature(self) -> bool:
        """Whether a rate measured on the way need never be below 1 over a bound of the curvature."""

    def init(self, parameters: Array) -> Any:
        """The state before the first update."""

    def update(self, parameters: Array, gradient: Array, rate: float, state: Any, prox: Prox) -> tuple[Array, Any]:
        """The parameters and the state after one update."""

    def report(self, parameters: Array, state: Any) -> Array:
        """The parameters that a record shows: the place itself, or the mean of places."""

    def schedule(self, first: float) -> Schedule:
        """The full-batch schedule that begins with the rate `first`: as long as that where the gradients settle it."""
