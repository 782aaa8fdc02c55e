"""A plane through the lowest point of a bowl: its contours, exact, and the way down in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.closed_form.landscape import Landscape
from downslope.displays.wording import one_of
from downslope.exceptions import InputError
from downslope.texts import Finding

__all__ = ["Locate", "Plane", "PlaneAxis", "choose_plane", "extreme_plane", "has_plane", "known_point", "weight_plane"]

Floats = NDArray[np.float64]
Locate = Callable[[Floats, Floats], Floats]

_COORDINATES = ("original", "descended")
_CONTOUR_POINTS = 361
_MOST_NAMES = 10
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


class PlaneAxis(NamedTuple):
    """What an axis of a plane is: a weight, or where there is an eigenvalue a direction of the bowl.

    Attributes
    ----------
    name : str or None
        Of the weight, or of the column that weighs most in the direction; None for the intercept.
    standardised : bool
        Whether the weight is that of a column in standardised units.
    eigenvalue, share : float or None
        λ, and that column's share of the direction's squared length.
    """

    name: str | None
    standardised: bool = False
    eigenvalue: float | None = None
    share: float | None = None


@dataclass(frozen=True, eq=False)
class Plane:
    """J - J* = ½‖factor·(point - optimum)‖² on a plane through the optimum.

    Attributes
    ----------
    axes : tuple of two PlaneAxis
    optimum : ndarray of shape (2,)
        Where the optimum lies on the axes.
    factor : ndarray of shape (2, 2)
        Upper triangular.
    span : ndarray of shape (2, 2)
        Upper triangular. Its columns are as long and at the same angle as steps of 1 along the axes are in the
        coordinates that are descended.
    n_parameters : int
        Of the whole bowl; beyond two the plane is a slice of it.
    unique : bool
        Whether the bowl has only one lowest point.

    Examples
    --------
    >>> axes = (PlaneAxis("slope"), PlaneAxis(None))
    >>> plane = Plane(axes, np.zeros(2), np.diag([2.0, 1.0]), np.eye(2), n_parameters=2)
    >>> plane.excess(np.array([[1.0, 0.0], [0.0, 2.0]])).tolist()
    [2.0, 2.0]
    >>> plane.downhill(np.array([1.0, 0.0])).tolist()
    [-4.0, -0.0]
    """

    axes: tuple[PlaneAxis, PlaneAxis]
    optimum: Floats
    factor: Floats
    span: Floats
    n_parameters: int
    unique: bool = True

    @property
    def is_slice(self) -> bool:
        """Whether other parameters are held at the optimum."""
        return self.n_parameters > 2

    @property
    def keeps_angles(self) -> bool:
        """Whether what is at right angles as it is descended is so on axes of equal scale."""
        (first, tilt), (_, second) = np.abs(self.span)
        return bool(tilt <= 1e-9 * first and abs(first - second) <= 1e-9 * first)

    @property
    def is_valley(self) -> bool:
        """Whether the loss is the same all along some line of the plane."""
        first, last = self.factor[:, 0], self.factor[:, 1]
        return bool(first[0] == 0.0 or abs(last[1]) <= _ROUNDING * np.linalg.norm(last))

    def excess(self, points: Floats) -> Floats:
        """J - J* at points (…, 2), (…)."""
        half_squares: Floats = 0.5 * np.sum(((points - self.optimum) @ self.factor.T) ** 2, axis=-1)
        return half_squares

    def downhill(self, points: Floats) -> Floats:
        """-∇J of the plane as it is descended, on its axes, (…, 2): where a plain step leads."""
        slopes = ((points - self.optimum) @ self.factor.T) @ self.factor
        # Twice through the factor: its product with itself would double the digits that a far mean costs.
        way: Floats = -np.linalg.solve(self.span, np.linalg.solve(self.span.T, slopes[..., None]))[..., 0]
        return way

    def principal(self, unit: Floats) -> tuple[Floats, Floats]:
        """Of a plane whose axes are measured in `unit` (2,): √λ, falling, and its directions, one a row."""
        _, singular, directions = np.linalg.svd(self.factor * unit)
        return np.where([True, not self.is_valley], singular, 0.0), directions

    def contour(self, level: float, unit: Floats) -> list[Floats]:
        """Where J - J* is `level`: one ellipse, or of a valley two lines, as points (n, 2).

        `unit` (2,) is what is seen of the axes: an ellipse is as exact as its points, lines are ten times as long.
        """
        radius = np.sqrt(2.0 * level)
        if self.is_valley:
            root, (across, along) = self.principal(unit)
            line = np.outer(np.linspace(-10.0, 10.0, _CONTOUR_POINTS), along)
            return [self.optimum + unit * (line + side * radius / root[0] * across) for side in (-1.0, 1.0)]
        turn = np.linspace(0.0, 2.0 * np.pi, _CONTOUR_POINTS)
        # Back substitution keeps the level to all digits, however long and thin the ellipse is.
        second = radius * np.sin(turn) / self.factor[1, 1]
        first = (radius * np.cos(turn) - self.factor[0, 1] * second) / self.factor[0, 0]
        return [self.optimum + np.column_stack([first, second])]


def has_plane(landscape: Landscape) -> bool:
    """Whether there is a plane to draw where none is asked for: two parameters that can move, a loss that changes."""
    at = landscape.coordinates
    pinned = at.n_parameters == 2 and bool((at.inverse_scale == 0.0).any())
    return at.n_parameters >= 2 and not pinned and landscape.spectrum.smallest > 0.0


def weight_plane(
    landscape: Landscape, features: Sequence[Any], names: Sequence[str], *, descended: bool
) -> tuple[Plane, Locate]:
    """The plane of two weights, and where models lie in it.

    Parameters
    ----------
    landscape : Landscape
    features : sequence of int or str
        The two weights.
    names : sequence of str
        Of the columns.
    descended : bool
        Whether the weights are those of standardised columns, where the fit standardised; else in the units of rows.
    """
    at, n_features = landscape.coordinates, len(names)
    chosen = _columns(features, names, at.fit_intercept)
    for column in chosen:
        if column < n_features and at.inverse_scale[column] == 0.0:
            raise InputError(Finding.of("displays.constant_feature", name=names[column]))
    standard = descended and (at.shift.any() or bool((at.inverse_scale != 1.0).any()))
    unit = np.eye(n_features + 1)[:, chosen]
    if standard:
        span, optimum = np.eye(at.n_parameters)[:, chosen], landscape.optimum[chosen]
    else:
        span = landscape.parameters(unit[:-1].T, unit[-1]).T
        coef, intercept = at.to_original(landscape.optimum)
        optimum = np.append(coef, intercept)[chosen]

    def locate(coef: Floats, intercept: Floats) -> Floats:
        if standard:
            return landscape.parameters(coef, intercept)[..., chosen]
        weights = [intercept if column == n_features else coef[..., column] for column in chosen]
        return np.stack(weights, axis=-1)

    first, second = (PlaneAxis(None if j == n_features else names[j], bool(standard)) for j in chosen)
    return _plane(landscape, (first, second), span, optimum), locate


def extreme_plane(landscape: Landscape, names: Sequence[str]) -> tuple[Plane, Locate]:
    """The plane of the flattest and the steepest direction, the optimum at 0, and where models lie in it.

    The flattest of those that curve; where only one does, one along which nothing changes.
    """
    curved = landscape.eigenvalues.size - landscape.spectrum.n_null
    chosen = [max(curved - 1, 1), 0]
    eigenvalues = np.where(np.arange(landscape.eigenvalues.size) < curved, landscape.eigenvalues, 0.0)
    span = landscape.directions[:, chosen]
    dominant = np.abs(span).argmax(axis=0)
    # Of the two senses of a direction, the one in which its dominant weight grows.
    span = span * np.sign(span[dominant, [0, 1]])
    columns = [*names, None]
    first, second = (
        PlaneAxis(columns[j], eigenvalue=float(eigenvalues[k]), share=float(span[j, i] ** 2))
        for i, (j, k) in enumerate(zip(dominant, chosen, strict=True))
    )

    def locate(coef: Floats, intercept: Floats) -> Floats:
        return np.asarray((landscape.parameters(coef, intercept) - landscape.optimum) @ span)

    return _plane(landscape, (first, second), span, np.zeros(2)), locate


def _plane(landscape: Landscape, axes: tuple[PlaneAxis, PlaneAxis], span: Floats, optimum: Floats) -> Plane:
    """The plane that the columns of `span` (p, 2) open at the optimum."""
    spectrum = landscape.spectrum
    curved = np.arange(spectrum.singular.size) < spectrum.singular.size - spectrum.n_null
    heights = np.where(curved, spectrum.singular, 0.0)[:, None] * (spectrum.directions.T @ span)
    if not heights.any():
        raise InputError(Finding.of("displays.flat_plane", first=axes[0].name, second=axes[1].name))
    factor, steps = (np.asarray(np.linalg.qr(columns, mode="r")) for columns in (heights, span))
    return Plane(axes, optimum, factor, steps, spectrum.singular.size, spectrum.n_null == 0)


def _columns(features: Sequence[Any], names: Sequence[str], fit_intercept: bool) -> list[int]:
    """The two parameters by number, the intercept as the one after the columns."""
    known: dict[str, int] = {}
    for place, name in enumerate([*names, "intercept"] if fit_intercept else names):
        known.setdefault(name, place)
    chosen = []
    for feature in [features] if isinstance(features, str) else features:
        index = known.get(feature) if isinstance(feature, str) else _number(feature, len(names))
        if index is None:
            listed = ", ".join(map(repr, [*known][:_MOST_NAMES])) + (" …" if len(known) > _MOST_NAMES else "")
            raise InputError(Finding.of("displays.unknown_feature", got=feature, last=len(names) - 1, known=listed))
        chosen.append(index)
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        raise InputError(Finding.of("displays.not_two_features", got=features))
    return chosen


def _number(feature: Any, n_features: int) -> int | None:
    whole = isinstance(feature, Integral) and not isinstance(feature, bool)
    return int(feature) if whole and 0 <= int(feature) < n_features else None


def choose_plane(
    landscape: Landscape, features: Sequence[int | str] | None, coordinates: str, names: Sequence[str]
) -> tuple[Plane, Locate]:
    """Two weights, or without these the flattest and the steepest direction where there are more than two."""
    if coordinates not in _COORDINATES:
        raise InputError(one_of("coordinates", coordinates, _COORDINATES))
    n_parameters = landscape.coordinates.n_parameters
    if n_parameters < 2:
        raise InputError(Finding.of("displays.one_parameter", count=n_parameters))
    if features is None and n_parameters > 2:
        return extreme_plane(landscape, names)
    pair: Sequence[int | str] = (0, 1 if len(names) > 1 else "intercept") if features is None else features
    return weight_plane(landscape, pair, names, descended=coordinates == "descended")


def known_point(landscape: Landscape, locate: Locate, coef: ArrayLike | None, intercept: float | None) -> Floats | None:
    """The true weights on the axes of a plane, where they are known."""
    if coef is None and intercept is None:
        return None
    at = landscape.coordinates
    weights = np.full(at.n_features, np.nan) if coef is None else np.ravel(np.asarray(coef, dtype=np.float64))
    if weights.size != at.n_features:
        raise InputError(Finding.of("displays.per_feature", name="true_coef", got=weights.size, count=at.n_features))
    point = locate(weights, np.asarray((np.nan if at.fit_intercept else 0.0) if intercept is None else intercept))
    if not np.isfinite(point).all():
        missing, alone = ("true_coef", "true_intercept") if coef is None else ("true_intercept", "true_coef")
        raise InputError(Finding.of("displays.half_a_point", alone=alone, missing=missing))
    return point
