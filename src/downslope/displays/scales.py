"""Which axes are logarithmic: decided by the data, the same way in every picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from downslope.displays.style import figure_of
from downslope.displays.wording import one_of
from downslope.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["decades", "finite", "happens_early", "resolve_scale", "scale_epochs", "scale_signed", "wants_log"]

Floats = NDArray[np.float64]

_SCALES = ("auto", "linear", "log")
_LOG_DECADES = 2.0
_MANY_EPOCHS = 200.0
# matplotlib takes a linear axis of magnitudes below 1e-287 for one point, and its margins overflow near 1e308.
_EXTREME_EXPONENT = 200.0
_LINEAR_DECADES = 0.5
_MOST_DECADES = 16
_LETTER_INCHES = 0.09


def finite(values: Floats) -> Floats:
    """`values` as floats, with NaN for everything that cannot be drawn.

    Examples
    --------
    >>> finite(np.array([1.0, np.inf]))
    array([ 1., nan])
    """
    array = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def decades(values: Floats) -> float:
    """Powers of ten between the smallest and the largest positive finite value.

    Examples
    --------
    >>> decades(np.array([0.0, 0.01, 10.0, np.inf]))
    3.0
    """
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0:
        return 0.0
    return float(np.log10(positive.max()) - np.log10(positive.min()))


def wants_log(values: Floats) -> bool:
    """Whether an axis of `values` should be logarithmic: more than two decades, or beyond a linear axis."""
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size == 0 or np.any(values < 0):
        return False
    extreme = float(np.abs(np.log10(positive)).max()) > _EXTREME_EXPONENT
    return extreme or decades(values) > _LOG_DECADES


def happens_early(epoch: Floats, values: Floats, *, log: bool = False) -> bool:
    """Whether a linear epoch axis would hide the descent.

    That is so when most columns of `values` do more than half of all their movement (total variation) in the
    first twentieth of a long run, on a logarithmic axis if `log`.
    """
    if log:
        values = np.log10(np.where(values > 0, values, np.nan))
    if epoch.size < 3 or epoch[-1] <= _MANY_EPOCHS:
        return False
    columns = np.asarray(values, dtype=np.float64).reshape(epoch.size, -1)
    scale = np.nanmax(np.abs(np.where(np.isfinite(columns), columns, 0.0)), axis=0)
    movement = np.abs(np.diff(columns / np.where(scale > 0, scale, 1.0), axis=0))
    movement = np.where(np.isfinite(movement), movement, 0.0)
    early = movement[epoch[1:] <= 0.05 * epoch[-1]].sum(axis=0)
    return bool(np.mean(early > 0.5 * movement.sum(axis=0)) > 0.5)


def resolve_scale(name: str, requested: str, automatic: bool) -> bool:
    """Whether the axis is logarithmic, as requested or, for ``"auto"``, as the data say."""
    if requested not in _SCALES:
        raise InputError(one_of(name, requested, _SCALES))
    return automatic if requested == "auto" else requested == "log"


def scale_epochs(ax: Axes, last: float, *, log: bool) -> None:
    """Set the axis of epochs up to `last` up. The logarithmic one keeps epoch 0: it is linear from 0 to 1."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

    inches = ax.get_window_extent().width / figure_of(ax).dpi
    if log:
        ax.set_xscale("symlog", linthresh=1.0, linscale=_LINEAR_DECADES)
        ax.xaxis.set_major_locator(FixedLocator(_epoch_ticks(inches, max(last, ax.dataLim.x1, 1.0))))
        ax.xaxis.set_minor_locator(NullLocator())
    elif ax.get_xscale() == "linear":
        bins = int(np.clip(inches / 0.4, 3, 8))
        ax.xaxis.set_major_locator(MaxNLocator(nbins=bins, integer=True, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _epoch_ticks(inches: float, last: float) -> list[float]:
    """0 and powers of ten, so far apart that the widest number has its room."""
    decade = inches / (np.log10(last) + _LINEAR_DECADES)
    stride = int(np.ceil(_LETTER_INCHES * len(f"{last:,.0f}") / decade))
    powers = [10.0**power for power in range(0, _MOST_DECADES, stride)]
    return [0.0, *(powers if _LINEAR_DECADES * decade > 2.0 * _LETTER_INCHES else powers[1:])]


def scale_signed(ax: Axes, linear: float, largest: float) -> None:
    """Make the vertical axis logarithmic on both sides of zero, beyond ``±linear`` rounded up to a power of ten."""
    from matplotlib.ticker import NullLocator, SymmetricalLogLocator

    power = float(np.ceil(np.log10(linear)))
    outside = max(float(np.log10(max(largest, linear))) - power, 1.0)
    # The linear part takes an eighth of each side, so that 0 and the powers of ten beside it have room for words.
    ax.set_yscale("symlog", linthresh=10.0**power, linscale=max(1.0, outside / 7.0))
    locator = SymmetricalLogLocator(linthresh=10.0**power, base=10.0)
    inches = ax.get_window_extent().height / figure_of(ax).dpi
    locator.set_params(numticks=int(np.clip(inches / 0.3, 4, 10)))
    ax.yaxis.set_major_locator(locator)
    ax.yaxis.set_minor_locator(NullLocator())
