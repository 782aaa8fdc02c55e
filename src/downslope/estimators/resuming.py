"""The checkpoints of an estimator's fit: what tells it from others, and what it draws at random."""

import hashlib
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from downslope.checkpoints.codec import encode
from downslope.checkpoints.identity import rows_of
from downslope.checkpoints.journal import Checkpoints
from downslope.data.source import Source
from downslope.fitting.request import Continuation

__all__ = ["checkpoints_of", "generator_of"]

# Parameters that change nothing about the numbers of a fit.
NEUTRAL = frozenset(("callbacks", "checkpoint", "progress", "random_state", "verbose"))
MOST_SEEDS = 2**31 - 1


def checkpoints_of(
    estimator: Any, source: Source, given: Source | None, going_on: Continuation | None
) -> AbstractContextManager[Checkpoints | None]:
    """The journal of a fit in the folder that the estimator names, None where it names none.

    Raises
    ------
    FileError
        For a folder that cannot be used.
    InputError
        For checkpoints of another fit, and parameters that cannot be kept.
    """
    if estimator.checkpoint is None:
        return nullcontext()
    parameters = {name: kept(value) for name, value in estimator.get_params(deep=False).items() if name not in NEUTRAL}
    identity = {
        "rows": rows_of(source),
        "validation": {} if given is None else rows_of(given),
        "parameters": {**parameters, "random_state": told_of_generator(estimator.random_state)},
        # Its history says how long it took.
        "earlier": None if going_on is None else hashlib.sha256(encode(going_on._replace(history=None))).hexdigest(),
    }
    return Checkpoints(estimator.checkpoint, identity, lambda: int(check_random_state(None).randint(MOST_SEEDS)))


def kept(value: Any) -> Any:
    """A parameter as it is kept: of an array only what it holds matters."""
    if isinstance(value, list | tuple):
        return [kept(part) for part in value]
    return np.asarray(value) if hasattr(value, "__array__") else value


def told_of_generator(state: Any) -> Any:
    """A seed, or what tells the state of a generator from others; None where chance decides."""
    if isinstance(state, np.random.RandomState):
        kind, keys, *place = state.get_state(legacy=True)
        return hashlib.sha256(repr((kind, list(keys), place)).encode()).hexdigest()
    return None if state is None else int(state)


def generator_of(estimator: Any, journal: Checkpoints | None) -> np.random.RandomState:
    """What the fit draws from: where chance decides, and the fit is resumed, what it drew the first time."""
    if journal is not None and estimator.random_state is None:
        return np.random.RandomState(journal.drawn)
    generator: np.random.RandomState = check_random_state(estimator.random_state)
    return generator
