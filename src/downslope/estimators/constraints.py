"""What the options of the estimators may be."""

from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from downslope.descent.engines import ENGINES
from downslope.objective.losses import LOSSES
from downslope.objective.penalties import PENALTIES
from downslope.steps.rules import METHODS

__all__ = ["CONSTRAINTS"]

Array = NDArray[np.float64]

CONSTRAINTS: dict[str, list[Any]] = {
    "loss": [StrOptions(set(LOSSES))],
    "delta": [Interval(Real, 0, None, closed="neither")],
    "epsilon": [Interval(Real, 0, None, closed="left")],
    "quantile": [Interval(Real, 0, 1, closed="neither")],
    "penalty": [StrOptions(set(PENALTIES)), None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    "fit_intercept": ["boolean"],
    "standardize": ["boolean"],
    "method": [StrOptions({"auto", *METHODS})],
    "momentum": [Interval(Real, 0, 1, closed="left")],
    "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither"), callable],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left"), None],
    "stop_below": [Interval(Real, 0, None, closed="neither"), None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "init": [StrOptions({"zeros", "uniform"}), tuple, list],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "callbacks": [list, tuple, callable, None],
    "verbose": ["verbose"],
    "progress": ["boolean"],
    "engine": [StrOptions({"auto", *ENGINES})],
    "checkpoint": [str, PathLike, None],
}
