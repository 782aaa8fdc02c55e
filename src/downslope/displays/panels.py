"""Pictures of several panels: which ones are drawn, and on which axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from downslope.displays.style import new_axes
from downslope.displays.wording import one_of
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["axes_for", "choose_panels", "given_axes"]


def choose_panels(kind: str | None, available: Sequence[str], known: Sequence[str], ax: Any | None) -> list[str]:
    """The panels to draw, in the order of `known`.

    Parameters
    ----------
    kind : str or None
        One of `known`, "both", or None for as many as there are data and axes for.
    available, known : sequence of str
        The panels that there are data for, and all.
    ax : Axes, sequence of Axes or None

    Raises
    ------
    InputError
        If the kind is not known, or there are no data for it.
    """
    if kind is None:
        return list(available if ax is None else available[: max(np.size(np.asarray(ax, dtype=object)), 1)])
    if kind not in (*known, "both"):
        raise InputError(one_of("kind", kind, (*known, "both")))
    wanted = list(known) if kind == "both" else [kind]
    missing = [panel for panel in wanted if panel not in available]
    if missing:
        told = {"got": kind, "missing": missing[0], "able": ", ".join(map(repr, available))}
        raise InputError(Finding("displays.no_data", told))
    return wanted


def axes_for(plt: Any, ax: Any | None, size: tuple[float, float], count: int) -> list[Axes]:
    """The user's axes, or so many side by side on a new figure."""
    return new_axes(plt, size, 1, count) if ax is None else given_axes(ax, count)


def given_axes(ax: Any, count: int) -> list[Axes]:
    """The user's axes, one for each picture."""
    axes: list[Axes] = list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != count:
        raise InputError(Finding.of("displays.axes", got=len(axes), count=count))
    return axes
