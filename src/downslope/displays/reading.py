"""What the pictures read of a fitted estimator."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.closed_form.landscape import Landscape, StandardErrors
from downslope.displays.wording import say
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = [
    "final_step",
    "fitted",
    "kept_epoch",
    "known_landscape",
    "landscape_of",
    "one_dimensional",
    "optimum_mse",
    "optimum_of",
    "positive_rate",
    "standard_errors_of",
    "stop_reason_of",
    "weight_names",
]

Floats = NDArray[np.float64]


def final_step(estimator: Any) -> Any:
    """The estimator itself, or the last step of a pipeline."""
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator


def fitted(estimator: Any) -> Any:
    """The estimator that holds the history: itself, or the last step of a pipeline.

    Raises
    ------
    InputError
        If there is no history, because it was not fitted or was loaded from a file.
    """
    final = final_step(estimator)
    if getattr(final, "history_", None) is None:
        raise InputError(Finding.of("displays.no_history", estimator=type(final).__name__))
    return final


def stop_reason_of(estimator: Any) -> str | None:
    """The value of ``stop_reason_``, such as ``"converged"``."""
    reason = getattr(estimator, "stop_reason_", None)
    return None if reason is None else str(getattr(reason, "value", reason))


def kept_epoch(estimator: Any) -> float | None:
    """The epoch whose state was restored, or None where the last state was kept."""
    epoch = getattr(estimator, "restored_epoch_", None)
    return None if epoch is None else float(epoch)


def optimum_of(estimator: Any) -> Any | None:
    """``optimum_``, where it is known."""
    return getattr(estimator, "optimum_", None)


def landscape_of(estimator: Any) -> Landscape | None:
    """``landscape_``, where the loss is a bowl whose every curvature is known."""
    return getattr(estimator, "landscape_", None)


def known_landscape(estimator: Any) -> Landscape:
    """``landscape_``, of which a picture is to be drawn.

    Raises
    ------
    InputError
        If there is none.
    """
    landscape = landscape_of(estimator)
    if landscape is None:
        raise InputError(Finding.of("displays.no_landscape", estimator=type(estimator).__name__))
    return landscape


def positive_rate(rate: Any) -> float:
    """A learning rate as a float."""
    if not (isinstance(rate, Real) and 0.0 < float(rate) < np.inf):
        raise InputError(Finding.of("displays.no_rate", got=rate))
    return float(rate)


def standard_errors_of(estimator: Any) -> StandardErrors | None:
    """The standard errors of the optimum, where they are known."""
    landscape = landscape_of(estimator)
    return None if landscape is None else landscape.standard_errors


def optimum_mse(estimator: Any) -> float | None:
    """The mean squared error at the optimum: twice the objective, where that is the squared loss alone."""
    optimum = optimum_of(estimator)
    if optimum is None or getattr(estimator, "loss", None) != "squared_error":
        return None
    if getattr(estimator, "penalty", None) is not None:
        return None
    return 2.0 * float(optimum.objective)


def weight_names(count: int, names: Any) -> tuple[str, ...]:
    """The column names, or w1 … wd (w alone for one)."""
    if names is not None:
        known = tuple(str(name) for name in names)
        if len(known) != count:
            raise InputError(Finding.of("displays.feature_names", got=len(known), count=count))
        return known
    return (say("only weight"),) if count == 1 else tuple(say("weight", number=i + 1) for i in range(count))


def one_dimensional(name: str, values: ArrayLike) -> Floats:
    """`values` as a float vector; a single column counts as one."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 2 and 1 in array.shape:
        array = array.ravel()
    if array.ndim != 1:
        raise InputError(Finding.of("displays.not_1d", name=name, shape=array.shape))
    return array
