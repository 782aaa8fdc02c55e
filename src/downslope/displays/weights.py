"""Weights on axes: their paths, the values they are held against, and the scale and names that suit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from downslope.displays.labels import label_line_ends
from downslope.displays.scales import finite, resolve_scale, scale_signed
from downslope.displays.style import INK, MUTED, OTHERS, colour
from downslope.displays.wording import epoch_text, say, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.text import Annotation

__all__ = ["DrawnWeights", "Weight", "draw_weights", "legend_keys", "linear_range", "name_line_ends"]

Floats = NDArray[np.float64]

_LOG_DECADES = 2.0
_FEW_RECORDS = 12
_STROKES: tuple[Any, ...] = ("-", "-.", (0, (8, 1.5)))
_DISTINCT_COLOURS = 7
_MOST_NAMES = 32


@dataclass(frozen=True)
class Weight:
    """A weight's name, its value at each record, its true and its optimal value and the standard error of that."""

    name: str
    path: Floats
    true: float | None = None
    optimum: float | None = None
    error: float | None = None

    def band(self) -> tuple[float, float] | None:
        """One standard error on each side of the optimum, where both are known."""
        if self.optimum is None or self.error is None:
            return None
        return self.optimum - self.error, self.optimum + self.error

    def size(self) -> float:
        """The magnitude it settles at: that of its references, or without them the median of its path."""
        known = [abs(value) for value in (self.true, self.optimum) if value is not None and np.isfinite(value)]
        path = np.abs(finite(self.path))
        path = path[np.isfinite(path)]
        return max(known) if known else float(np.median(path)) if path.size else 0.0

    def largest(self) -> float:
        """The largest magnitude on the path."""
        return float(np.nanmax(np.abs(finite(self.path)), initial=0.0))

    def end(self) -> int:
        """The last record that can be drawn."""
        drawn = np.flatnonzero(np.isfinite(self.path))
        return int(drawn[-1]) if drawn.size else 0


class DrawnWeights(NamedTuple):
    """The lines that a set of weights became."""

    paths: list[Line2D]
    true: list[Line2D]
    optimum: list[Line2D]
    bands: list[Rectangle]


def linear_range(weights: Sequence[Weight]) -> float | None:
    """Half the width of the linear part that a symmetric logarithmic axis needs, or None where linear will do.

    It is needed where a path leaves the size of the weights by more than two decades, as it does when a run
    diverges.
    """
    size = max((weight.size() for weight in weights), default=0.0)
    largest = max((weight.largest() for weight in weights), default=0.0)
    if size <= 0.0 or largest <= 0.0:
        return None
    return size if np.log10(largest) - np.log10(size) > _LOG_DECADES else None


def draw_weights(ax: Axes, epoch: Floats, weights: Sequence[Weight], *, yscale: str) -> DrawnWeights:
    """Draw the paths, the true values dashed, the optima dotted and their errors shaded, each weight in one colour."""
    linear = linear_range(weights)
    if resolve_scale("yscale", yscale, linear is not None):
        sizes = [weight.size() for weight in weights if weight.size() > 0]
        scale_signed(ax, linear or min(sizes, default=1.0), max(weight.largest() for weight in weights))
    lines = DrawnWeights([], [], [], [])
    marker: dict[str, Any] = {"marker": "o", "markersize": 3.5} if epoch.size <= _FEW_RECORDS else {}
    few = len(weights) <= _DISTINCT_COLOURS
    banded = few and _apart([band for weight in weights if (band := weight.band()) is not None])
    drawn: list[str] = []
    for weight, shade in zip(weights, _shades(weights), strict=True):
        named = shade != OTHERS
        width, order = (1.8 if few else 1.3, 2.5) if named else (0.8, 2.0)
        # Colours repeat: the legend tells their lines apart by strokes, of which dashes and dots alone are taken.
        stroke = _STROKES[drawn.count(shade) % len(_STROKES)] if named else "-"
        drawn.append(shade)
        look: dict[str, Any] = {"color": shade, "linestyle": stroke, "linewidth": width, "zorder": order, **marker}
        label = ("" if named else "_") + short_name(weight.name)
        lines.paths.extend(ax.plot(epoch, finite(weight.path), label=label, **look))
        # Across the whole picture the lines of many weights would hide their paths: those stand at the right edge.
        reference: dict[str, Any] = {"color": shade, "linewidth": 1.2, "zorder": order - 0.3}
        reference["xmin"] = 0.0 if few else 0.93
        if weight.true is not None:
            lines.true.append(ax.axhline(weight.true, linestyle="--", **reference))
        if weight.optimum is not None:
            lines.optimum.append(ax.axhline(weight.optimum, linestyle=":", **reference))
        band = weight.band()
        if banded and band is not None:
            lines.bands.append(ax.axhspan(*band, color=shade, alpha=0.18, linewidth=0, zorder=1.1))
    return lines


def name_line_ends(ax: Axes, epoch: Floats, weights: Sequence[Weight]) -> list[Annotation]:
    """Write the names of the weights at the ends of their lines, as many as can be read."""
    pairs = [pair for pair in zip(weights, _shades(weights), strict=True) if pair[1] != OTHERS]
    ends = np.array([(epoch[weight.end()], finite(weight.path)[weight.end()]) for weight, _ in pairs])
    size = 10.0 if len(pairs) <= _DISTINCT_COLOURS else 8.0
    return label_line_ends(
        ax, np.nan_to_num(ends), [short_name(weight.name) for weight, _ in pairs], [shade for _, shade in pairs], size
    )


def legend_keys(weights: Sequence[Weight], kept_epoch: float | None, *, banded: bool) -> tuple[list[Any], list[str]]:
    """Handles and words for what the kinds of line mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[tuple[Any, str]] = []
    if any(weight.true is not None for weight in weights):
        keys.append((Line2D([], [], color=INK, linewidth=1.2, linestyle="--"), say("true value")))
    if any(weight.optimum is not None for weight in weights):
        dotted = Line2D([], [], color=INK, linewidth=1.2, linestyle=":")
        shaded = Patch(color=INK, alpha=0.18, linewidth=0)
        keys.append(((shaded, dotted), say("optimum with error")) if banded else (dotted, say("optimal value")))
    if kept_epoch is not None:
        keys.append((Line2D([], [], color=MUTED, linewidth=1.0), say("kept", epoch=epoch_text(kept_epoch))))
    others = _shades(weights).count(OTHERS)
    if others:
        keys.append((Line2D([], [], color=OTHERS, linewidth=0.8), say("other weights", count=others)))
    return [handle for handle, _ in keys], [words for _, words in keys]


def _apart(bands: list[tuple[float, float]]) -> bool:
    """Whether no band reaches into another."""
    ordered = sorted(bands)
    return all(above[0] > below[1] for below, above in pairwise(ordered))


def _shades(weights: Sequence[Weight]) -> list[str]:
    """A colour for each weight.

    Few get one each. Of many, neighbours at the right edge differ, since that is where the names stand, and of
    very many only the largest are coloured.
    """
    count = len(weights)
    if count <= _DISTINCT_COLOURS:
        return [colour(index) for index in range(count)]
    last = np.array([np.nan_to_num(finite(weight.path)[weight.end()]) for weight in weights])
    chosen = np.argsort(-np.abs(last), kind="stable")[:_MOST_NAMES]
    shades = [OTHERS] * count
    for rank, index in enumerate(chosen[np.argsort(last[chosen], kind="stable")]):
        shades[int(index)] = colour(rank)
    return shades
