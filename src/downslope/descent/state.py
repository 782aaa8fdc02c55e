"""The state of a descent: all that it needs to go on, and nothing else.

It is passed in and handed back. What is restored after a run that blew up, what a warm start begins from and what is
written to resume a run later are whole states: the parameters of one epoch with the velocity of another are none.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.descent.stopping import Watch

__all__ = ["Best", "State", "better"]

Array = NDArray[np.float64]


class State(NamedTuple):
    """Where a descent is.

    Attributes
    ----------
    parameters : array (p,)
    rule : Any
        What the step rule remembers.
    rate : Any
        What the rate rule remembers.
    objective : Any
        What is remembered of the objective: the lowest so far, to which a smoothed loss is tuned; of mini-batches what
        the last pass saw.
    best : Best or None
        The best record so far, if it is another.
    epoch : int
    watch : Watch
        What the stop rules remember of the records before this one.
    """

    parameters: Array
    rule: Any = None
    rate: Any = None
    objective: Any = np.inf
    best: "Best | None" = None
    epoch: int = 0
    watch: Watch = Watch()


class Best(NamedTuple):
    """The best record so far, by the validation error where one stops the run, by the objective otherwise.

    Attributes
    ----------
    score : float
    parameters : array (p,)
        What the record shows.
    state : State
        The whole state that it belongs to.
    """

    score: float
    parameters: Array
    state: State

    @property
    def epoch(self) -> int:
        """Updates made until then."""
        return self.state.epoch


def better(state: State, score: float, shown: Array) -> Best:
    """The best of `state.best` and the record of `state` itself, which shows `shown` (p,)."""
    best = state.best
    if best is not None and not score < best.score:
        return best
    # A score that is not a number is the best of none; the best of a state must not hold all earlier ones.
    return Best(score if score == score else np.inf, shown, state._replace(best=None))
