"""Where a descent starts."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.data.meaning import read_numbers
from downslope.exceptions import InputError
from downslope.objective.objective import Evaluation
from downslope.texts import Finding, Remedy

__all__ = ["Start", "draw_start", "refuse_far_start"]

Array = NDArray[np.float64]


class Start(NamedTuple):
    """A model in the units of the rows: coefficients (d,) and intercept."""

    coef: Array
    intercept: float


def draw_start(init: Any, generator: Any, n_features: int, *, fit_intercept: bool) -> Start:
    """The start that `init` says: "zeros", "uniform" or (coef, intercept).

    "uniform" draws each coefficient, then the intercept, from U(-1, 1).

    Raises
    ------
    InputError
        For a start that cannot be read, or has another number of coefficients.
    """
    if not isinstance(init, str):
        return read_start(init, n_features)
    if init == "zeros":
        return Start(np.zeros(n_features), 0.0)
    coef = generator.uniform(-1.0, 1.0, n_features)
    return Start(coef, float(generator.uniform(-1.0, 1.0)) if fit_intercept else 0.0)


def read_start(init: Any, n_features: int) -> Start:
    """The start given as (coef, intercept)."""
    accepted = Finding.of("options.init_accepted", n_features=n_features)
    try:
        with np.errstate(all="ignore"):
            coef, level = (np.asarray(read_numbers(part, "init"), dtype=np.float64) for part in init)
        coef, intercept = coef.reshape(-1), float(level.reshape(()))
    except (OverflowError, TypeError, ValueError) as error:
        raise InputError(Finding.of("options.init_unreadable", init=init, accepted=accepted)) from error
    if coef.size == 1:
        coef = np.full(n_features, coef[0])
    if coef.size != n_features:
        numbers = {"n_given": coef.size, "n_features": n_features, "accepted": accepted}
        raise InputError(Finding("options.init_length", numbers))
    if not (np.all(np.isfinite(coef)) and np.isfinite(intercept)):
        raise InputError(Finding.of("options.init_not_finite", init=init, accepted=accepted))
    return Start(coef, intercept)


def refuse_far_start(at: Evaluation, start: Array) -> None:
    """Raise `InputError` for a start (p,), in descended coordinates, whose measures `at` overflow."""
    if start.any() and not (np.isfinite(at.objective) and np.isfinite(at.mse)):
        largest = float(np.abs(start).max(initial=0.0))
        raise InputError(Finding.of("options.init_too_far", Remedy("init", "zeros"), largest=largest))
