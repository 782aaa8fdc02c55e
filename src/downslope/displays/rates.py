"""The runs behind a picture of learning rates: which rates tell the most, and what came of each."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.displays.curves import LossCurve, read_estimator
from downslope.exceptions import InputError
from downslope.texts import Finding, Remedy

if TYPE_CHECKING:
    from downslope.sweeps import Sweep

__all__ = [
    "GapCurve",
    "RateCurve",
    "gap_rounding",
    "quiet",
    "read_rates",
    "read_sweep",
    "swept_rates",
    "telling_rates",
]

Floats = NDArray[np.float64]

_CLOSED_FORM_RATES = 240
_FITTED_RATES = 24
_SLOW = 30.0
_TOO_LARGE = 1.05
# Of the gap at the start: rates that leave less have all found ten digits of the parameters.
_NOTHING = 1e-20
_NEIGHBOURS = 0.05


@dataclass(frozen=True, kw_only=True)
class RateCurve:
    """The loss of one run at one rate, and what that rate is: "too small", "good", "best", "too large" or None.

    `gap` is what is left at its end, as in a `GapCurve`.
    """

    curve: LossCurve
    learning_rate: float
    gap: float
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class GapCurve:
    """What is left after all epochs, for many rates of one method.

    Parameters
    ----------
    learning_rate, gap : ndarray of shape (rates,)
        Rising rates, and J - J* at the end (J itself where J* is not known).
    diverged : ndarray of bool of shape (rates,)
    name : str, optional
        The method, where there are several.
    limit : float, optional
        The largest stable rate.
    """

    learning_rate: Floats
    gap: Floats
    diverged: NDArray[np.bool_]
    name: str | None = None
    limit: float | None = None


def swept_rates(shown: Sequence[float] | None, first: Any) -> Floats:
    """Rates to find the final gaps at, as dense as they are cheap.

    Parameters
    ----------
    shown : sequence of float or None
        The rates whose loss is shown, where they are known.
    first : GradientDescentRegressor
        Fitted to the same rows, for a single epoch.

    Raises
    ------
    InputError
        If neither rates nor a largest stable one are known.
    """
    landscape = first.landscape_
    limit = None if landscape is None else landscape.largest_stable_rate
    if shown:
        low, high = min(shown) / 3.0, 1.5 * max(*shown, limit or 0.0)
    elif limit is not None:
        low, high = 1e-3 / landscape.spectrum.largest, 3.0 * limit
    else:
        raise InputError(Finding.of("displays.no_limit", Remedy("learning_rates", [0.01, 0.1, 1.0])))
    if str(first.engine_) != "spectral":
        return np.geomspace(low, high, _FITTED_RATES)
    # Just below the limit the gap is often at its least, and just above it rises as steeply as it can.
    edge = (limit or 0.0) * (1.0 + np.outer([-1.0, 1.0], np.geomspace(1e-3, 0.1, 20)).ravel())
    rates = np.concatenate([np.geomspace(low, high, _CLOSED_FORM_RATES), edge])
    return np.unique(rates[rates > 0])


def telling_rates(swept: Sweep, landscape: Landscape) -> dict[float, str | None]:
    """Four rates that tell the most, and their names.

    Good is 1/λ_max; the best is that of the sweep which leaves the least, its neighbours of 5 % included, and of those
    that leave nothing the one that got there first. Where the best is hardly larger than 1/λ_max, half of it is good.
    """
    rates = np.array([run.learning_rate for run in swept.runs])
    gaps = np.nan_to_num([np.inf if run.gap is None else run.gap for run in swept.runs], nan=np.inf)
    # With momentum a single rate may end at a lucky moment of its swing, and beside the limit a hair decides.
    left = [gaps[np.abs(rates / rate - 1.0) <= _NEIGHBOURS].max() for rate in rates]
    epochs = np.array([np.inf if run.epochs is None else run.epochs for run in swept.runs])
    best = float(rates[np.lexsort((epochs, np.maximum(left, _NOTHING * (swept.start_gap or 0.0))))[0]])
    good = min(1.0 / landscape.spectrum.largest, best)
    good = good if good < 0.9 * best else best / 2.0
    too_large = _TOO_LARGE * (landscape.largest_stable_rate or best)
    return {good / _SLOW: "too small", good: "good", best: "best", too_large: "too large"}


def gap_rounding(start: float) -> float:
    """The gap below which it is rounding: a unit in the last place of each parameter, squared, of that at the start."""
    return float(np.finfo(np.float64).eps) ** 2 * start


@contextmanager
def quiet(*kinds: type[Warning]) -> Iterator[None]:
    """Inside, warnings of these kinds are not given."""
    with warnings.catch_warnings():
        for kind in kinds:
            warnings.simplefilter("ignore", kind)
        yield


def read_rates(
    models: Iterable[Any], roles: Iterable[str | None], quantity: str | None, *, known_optimum: bool
) -> tuple[list[RateCurve], str, float]:
    """The curves of fits; what they show, without a `quantity` the excess where it is known; and what is rounding."""
    left = "excess" if known_optimum else "objective"
    curves, floor = [], 0.0
    for model, role in zip(models, roles, strict=True):
        gap = read_estimator(model, left, None)
        curve = read_estimator(model, quantity or left, None)
        rate = float(model.learning_rate)
        curves.append(RateCurve(curve=curve, learning_rate=rate, gap=float(gap.value[-1]), role=role))
        floor = max(floor, gap.floor)
    return curves, quantity or left, floor


def read_sweep(sweep: Sweep) -> list[GapCurve]:
    """A curve for each method and momentum of a sweep."""
    groups: dict[tuple[str, float | None], list[Any]] = {}
    for run in sweep.runs:
        groups.setdefault((run.method, run.momentum), []).append(run)
    known = all(run.gap is not None for run in sweep.runs)
    # Where J* is not known the limit that a sweep states is one that is safe, and larger rates may be too.
    curves = []
    for (method, momentum), runs in groups.items():
        runs = sorted(runs, key=lambda run: run.learning_rate)
        name = method if momentum is None else f"{method}, β = {momentum:g}"
        curves.append(
            GapCurve(
                learning_rate=np.array([run.learning_rate for run in runs]),
                gap=np.array([run.gap if known else run.objective for run in runs], dtype=np.float64),
                diverged=np.array([run.outcome == "diverged" for run in runs]),
                name=name if len(groups) > 1 else None,
                limit=runs[0].largest_stable_rate if known else None,
            )
        )
    return curves
