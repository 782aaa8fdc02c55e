"""What of a plane is shown: how much of a path, which part of the axes, which contours, where arrows and numbers go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.displays.planes import Plane

__all__ = ["View", "arrow_records", "contour_levels", "downhill_arrows", "label_places", "shown_path", "view_of"]

Floats = NDArray[np.float64]

# In times the excess of the start: a run that explodes is followed to five times its distance.
_CEILING = 25.0
# Grown by so much it explodes, even if its epochs ran out first; by more it had begun at the optimum, up to rounding.
_EXPLODED = (1e3, 1e12)
_BESIDE = 0.45
_MARGIN = 0.1
_SQUAREST, _LONGEST = 0.85, 3.0
_INNERMOST = 0.12
_MOST_LEVELS = 9
_MOST_ARROWS = 12
_ARROW = 0.08
_ARROWS_APART = 0.1
_LABEL_ROOM = 0.05
_LABEL_EDGE = (0.08, 0.04)
_POINTS_A_PIECE = 9


@dataclass(frozen=True, eq=False)
class View:
    """The part of the axes that is shown, from `low` (2,) to `high` (2,), and whether both have the same scale."""

    low: Floats
    high: Floats
    equal: bool

    @property
    def size(self) -> Floats:
        """How long the axes are, (2,)."""
        return self.high - self.low

    def contains(self, points: Floats, margin: ArrayLike = 0.0) -> NDArray[np.bool_]:
        """Whether points (…, 2) lie in the view and off its edge by that share of it."""
        edge = np.asarray(margin) * self.size
        return np.asarray(((points >= self.low + edge) & (points <= self.high - edge)).all(axis=-1))

    def way_out(self, inside: Floats, beyond: Floats) -> Floats:
        """Where the way from a point in the view to one beyond crosses its edge, (2,)."""
        step = beyond - inside
        edge = np.where(step > 0, self.high, self.low)
        share = np.divide(edge - inside, step, out=np.full(2, np.inf), where=step != 0)
        return np.clip(inside + min(float(share.min()), 1.0) * step, self.low, self.high)


def shown_path(plane: Plane, points: Floats, *, diverged: bool) -> int:
    """How many records (records, 2) are shown: all of them, or of a run that explodes those before it is far away."""
    with np.errstate(over="ignore", invalid="ignore"):
        excess = plane.excess(points)
    start, end = excess[0], excess[-1]
    grown = _EXPLODED[0] * start < end < _EXPLODED[1] * start
    if not (diverged or grown or not np.isfinite(excess).all()):
        return len(points)
    beyond = np.flatnonzero(~(excess <= _CEILING * start))
    return int(beyond[0]) if beyond.size else len(points)


def view_of(plane: Plane, points: Floats) -> View:
    """A view with all `points` (n, 2), the optimum, and enough on each side of it to see the bowl."""
    offset = points - plane.optimum
    reach = np.abs(offset).max(axis=0)
    size = np.maximum(np.abs(points).max(axis=0), reach.max() if plane.keeps_angles else 0.0)
    still = reach <= 1e-9 * size
    if still.any():
        reach = np.where(still, _width(plane, float(plane.excess(points).max())), reach)
    reach = np.where(reach > 0, reach, reach.max() or 1.0)
    low, high = np.minimum(offset.min(axis=0), -_BESIDE * reach), np.maximum(offset.max(axis=0), _BESIDE * reach)
    low, high = low - _MARGIN * (high - low), high + _MARGIN * (high - low)
    length = high - low
    equal = plane.keeps_angles and bool(length.max() <= _LONGEST * length.min())
    if equal:
        missing = np.maximum(_SQUAREST * length.max() - length, 0.0)
        low, high = low - missing / 2, high + missing / 2
    return View(plane.optimum + low, plane.optimum + high, equal)


def _width(plane: Plane, level: float) -> Floats:
    """How far the ellipse of a level reaches along each axis, (2,); 0 where it never ends."""
    if plane.is_valley:
        return np.zeros(2)
    return np.asarray(np.sqrt(2.0 * level) * np.linalg.norm(np.linalg.inv(plane.factor), axis=1))


def contour_levels(plane: Plane, view: View) -> Floats:
    """Round levels, evenly apart on a logarithmic scale, from a small ellipse to the edge of the view."""
    unit = view.size / 2
    roots, _ = plane.principal(unit)
    lowest = 0.5 * (_INNERMOST * float(roots[roots > 0].min())) ** 2
    corners = np.array([[across, up] for across in (view.low[0], view.high[0]) for up in (view.low[1], view.high[1])])
    highest = float(plane.excess(corners).max())
    first, last = int(np.floor(np.log10(lowest))), int(np.floor(np.log10(highest)))
    for steps, stride in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3), ((1,), 5)):
        powers = range(last, first - 1, -stride)
        levels = np.sort([step * 10.0**power for power in powers for step in steps])
        levels = levels[(levels >= lowest) & (levels <= highest)]
        if levels.size <= _MOST_LEVELS:
            break
    return levels[-_MOST_LEVELS:]


def arrow_records(plane: Plane, points: Floats, view: View) -> NDArray[np.intp]:
    """The records to draw arrows at: the start, then each that is far enough from those before and the optimum."""
    places = (points - plane.optimum) / view.size
    free = np.linalg.norm(places, axis=1) > _ARROWS_APART / 2
    chosen: list[int] = []
    while free.any() and len(chosen) < _MOST_ARROWS:
        chosen.append(int(np.argmax(free)))
        free &= np.linalg.norm(places - places[chosen[-1]], axis=1) > _ARROWS_APART
    return np.array(chosen, dtype=np.intp)


def downhill_arrows(plane: Plane, points: Floats, view: View) -> Floats:
    """The way of -∇J at points (…, 2), (…, 2), as long as can be seen well."""
    way = plane.downhill(points)
    length = np.linalg.norm(way / view.size, axis=-1, keepdims=True)
    return np.asarray(np.divide(_ARROW * way, length, out=np.zeros_like(way), where=length > 0))


def label_places(contours: list[Floats], path: Floats, marks: Floats, view: View) -> list[Floats | None]:
    """On each contour the place in view that is farthest from the path, the marks and the numbers before, if any is."""
    # Numbers are wider than high.
    unit = view.size * [2.0, 1.0]
    taken = np.vstack([_evenly(path / unit), marks / unit])
    places: list[Floats | None] = []
    for contour in contours:
        free = _in_view(contour, view) / unit
        away = np.linalg.norm(free[:, None] - taken, axis=2).min(axis=1)
        best = int(np.argmax(away)) if away.size else 0
        if away.size and away[best] > _LABEL_ROOM:
            places.append(free[best] * unit)
            taken = np.vstack([taken, free[best]])
        else:
            places.append(None)
    return places


def _in_view(contour: Floats, view: View) -> Floats:
    """Points along those pieces of a contour that are in view and off its edge."""
    begin, end = contour[:-1], contour[1:]
    near = (np.minimum(begin, end) <= view.high) & (np.maximum(begin, end) >= view.low)
    begin, end = begin[near.all(axis=1)], end[near.all(axis=1)]
    share = np.linspace(0.0, 1.0, _POINTS_A_PIECE)[:, None, None]
    points = (begin + share * (end - begin)).reshape(-1, 2)
    return points[view.contains(points, _LABEL_EDGE)]


def _evenly(path: Floats, count: int = 200) -> Floats:
    """Points along a path (n, 2), evenly apart."""
    length = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1)))
    at = np.linspace(0.0, length[-1], count)
    return np.column_stack([np.interp(at, length, column) for column in path.T])
