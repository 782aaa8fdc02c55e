"""The runs behind a loss picture, read from estimators and histories into plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.closed_form.landscape import Landscape
from downslope.displays.reading import fitted, kept_epoch, landscape_of, optimum_mse, optimum_of, stop_reason_of
from downslope.displays.scales import finite
from downslope.displays.wording import one_of
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["LossCurve", "read_estimator", "read_history", "what_differs"]

Floats = NDArray[np.float64]

_QUANTITIES = ("mse", "objective", "excess")


@dataclass(frozen=True, kw_only=True)
class LossCurve:
    """One run, as plain arrays: what a curve in a `LossCurveDisplay` is drawn from.

    Parameters
    ----------
    epoch, value : ndarray of shape (records,)
        Where a record was taken and the loss there; infinite or NaN where the run had blown up.
    validation : ndarray of shape (records,), optional
        The same loss on rows that were held out.
    name : str, optional
        Names the run in the legend; of several runs those without one are numbered.
    stop_reason : str, optional
        Such as ``"converged"`` or ``"diverged"``.
    kept_epoch : float, optional
        The epoch whose state was restored, if it is not the last.
    optimum, stop_below : float, optional
        Heights of the best possible loss and of the goal.
    floor : float
        Below this the values are rounding, so they are drawn at it.
    """

    epoch: Floats
    value: Floats
    validation: Floats | None = None
    name: str | None = None
    stop_reason: str | None = None
    kept_epoch: float | None = None
    optimum: float | None = None
    stop_below: float | None = None
    floor: float = 0.0

    def drawn(self) -> Floats:
        """The values as they appear: NaN where not finite, never below the floor."""
        values = finite(self.value)
        return np.maximum(values, self.floor) if self.floor > 0 else values


def read_estimator(estimator: Any, quantity: str, name: str | None) -> LossCurve:
    """The curve of a fitted estimator."""
    final = fitted(estimator)
    best, landscape = optimum_of(final), landscape_of(final)
    known: dict[str, Any] = {"name": name, "stop_reason": stop_reason_of(final), "kept_epoch": kept_epoch(final)}
    if quantity == "excess" and landscape is not None:
        value, floor = _excess(landscape, final.history_)
        return LossCurve(epoch=final.history_["epoch"], value=value, floor=floor, **known)
    objective = None if best is None else float(best.objective)
    optimum = optimum_mse(final) if quantity == "mse" else objective
    goal = getattr(final, "stop_below", None)
    return read_history(final.history_, quantity, optimum=optimum, stop_below=goal, **known)


def _excess(landscape: Landscape, history: Any) -> tuple[Floats, float]:
    """J - J* of every record, and what of it is rounding.

    As a sum of squares it has all its digits, where the difference of two objectives has none below 1e-16 of them.
    What is left is how exactly the parameters themselves can be stored: 4 units in their last place.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        value = landscape.excess(landscape.parameters(history.coef, history.intercept))
    coordinates, spectrum = landscape.coordinates, landscape.spectrum
    digits = np.abs(landscape.optimum)
    if coordinates.fit_intercept:
        # The intercept of the rows is the level at their shift less the slopes times it, which may be far larger.
        slopes = digits[:-1] * coordinates.inverse_scale
        digits[-1] += 2.0 * slopes @ np.abs(coordinates.shift)
    digits *= 4.0 * float(np.finfo(np.float64).eps)
    moved = spectrum.singular * (digits @ np.abs(landscape.directions))
    return value, 0.5 * float(moved @ moved)


def read_history(history: Any, quantity: str, *, optimum: float | None, **known: Any) -> LossCurve:
    """The curve of a history, with what else is known of the run.

    Raises
    ------
    InputError
        If the quantity is not one of the three, or an excess is asked for where the optimum is not known.
    """
    if quantity not in _QUANTITIES:
        raise InputError(one_of("quantity", quantity, _QUANTITIES))
    epoch = np.asarray(history["epoch"], dtype=np.float64)
    if quantity != "mse":
        known["stop_below"] = None
    if quantity != "excess":
        validation = history["validation_mse"] if quantity == "mse" and "validation_mse" in history else None
        value = np.asarray(history[quantity], dtype=np.float64)
        return LossCurve(epoch=epoch, value=value, validation=validation, optimum=optimum, **known)
    if optimum is None:
        raise InputError(Finding("displays.no_optimum"))
    objective = np.asarray(history["objective"], dtype=np.float64)
    # J is a mean, so its last few bits are rounding, and a difference of two J that small says nothing.
    floor = 16.0 * float(np.finfo(np.float64).eps) * max(abs(optimum), float(np.finfo(np.float64).tiny))
    return LossCurve(epoch=epoch, value=objective - optimum, floor=floor, **known)


def what_differs(estimators: Sequence[Any]) -> list[str | None]:
    """A name for each estimator: the parameters in which they differ, or None where those do not tell them apart."""
    settings = [fitted(estimator).get_params(deep=False) for estimator in estimators]
    keys = [key for key in (settings[0] if settings else ()) if len({repr(s.get(key)) for s in settings}) > 1]
    names = [", ".join(f"{key} = {_short(s.get(key))}" for key in keys) for s in settings]
    if len(set(names)) < len(names) or not all(names):
        return [None] * len(names)
    return list(names)


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 30 else text[:29] + "…"
