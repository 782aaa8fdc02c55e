"""The bowl from above: contours of the loss, and the way that a descent took on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.displays.labels import place_legend, place_legend_above
from downslope.displays.planes import Plane, PlaneAxis, choose_plane, known_point
from downslope.displays.reading import (
    fitted,
    kept_epoch,
    known_landscape,
    one_dimensional,
    stop_reason_of,
    weight_names,
)
from downslope.displays.style import ACCENT, INK, SERIES, drawing, figure_of, name_axes, new_axes
from downslope.displays.views import (
    View,
    arrow_records,
    contour_levels,
    downhill_arrows,
    label_places,
    shown_path,
    view_of,
)
from downslope.displays.wording import epoch_text, number_text, outcome_text, say, short_name
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.quiver import Quiver
    from matplotlib.text import Text

__all__ = ["CONTOUR", "NUMBER", "LossSurfaceDisplay", "surface_keys"]

Floats = NDArray[np.float64]

CONTOUR, NUMBER = "#A9C4DE", "#4A6F96"
_FEW_RECORDS = 40


class LossSurfaceDisplay:
    """The contours of the loss over two weights or two directions, with the path of the descent.

    The surface is a slice through the optimum: all other parameters are held there, and the path is projected onto
    it. The contours are exact ellipses, not drawn from a grid. Arrows point the way of -∇J as it is descended. In
    descended coordinates they are at right angles to the contours; the units of the rows tilt them where the fit
    standardises.

    Make it with `from_estimator`, which draws at once; `plot` draws it again.

    Parameters
    ----------
    plane : Plane
        The surface.
    path : ndarray of shape (records, 2)
        The descent on the axes of the plane.
    epoch : ndarray of shape (records,)
    stop_reason : str, optional
        Such as ``"converged"``.
    kept_epoch : float, optional
        The epoch whose state was restored, if it is not the last.
    true_point : ndarray of shape (2,), optional
        What generated the rows.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    view_ : View
        The part of the axes that is shown.
    levels_ : ndarray
        J - J* of the contours.
    contours_ : matplotlib LineCollection
        Its segments lie exactly on those levels.
    numbers_ : list of matplotlib Text
        The levels, written on them where there is room.
    path_ : matplotlib Line2D
        Every record of the history; of a run that explodes those up to where it leaves the picture.
    arrows_ : matplotlib Quiver
        From some of the records, all of one length.
    start_, end_, optimum_ : matplotlib Line2D
    kept_, true_point_ : matplotlib Line2D or None

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, LossSurfaceDisplay, make_linear
    >>> data = make_linear(0.3, 0.5, random_state=0)
    >>> model = GradientDescentRegressor(standardize=False).fit(data.X, data.y)
    >>> display = LossSurfaceDisplay.from_estimator(model, true_coef=0.3, true_intercept=0.5)
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('w', 'intercept')
    >>> display.path_.get_xydata()[0].tolist()
    [0.0, 0.0]
    """

    ax_: Axes
    figure_: Figure
    view_: View
    levels_: Floats
    contours_: LineCollection
    numbers_: list[Text]
    path_: Line2D
    arrows_: Quiver
    start_: Line2D
    end_: Line2D
    optimum_: Line2D
    kept_: Line2D | None
    true_point_: Line2D | None

    def __init__(
        self,
        *,
        plane: Plane,
        path: ArrayLike,
        epoch: ArrayLike,
        stop_reason: str | None = None,
        kept_epoch: float | None = None,
        true_point: ArrayLike | None = None,
    ) -> None:
        self.plane = plane
        self.path = np.asarray(path, dtype=np.float64)
        self.epoch = one_dimensional("epoch", epoch)
        if self.path.shape != (self.epoch.size, 2):
            raise InputError(Finding.of("displays.path_shape", shape=self.path.shape, count=self.epoch.size))
        self.stop_reason = stop_reason
        self.kept_epoch = kept_epoch
        self.true_point = None if true_point is None else one_dimensional("true_point", true_point)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        features: Sequence[int | str] | None = None,
        coordinates: str = "original",
        true_coef: ArrayLike | None = None,
        true_intercept: float | None = None,
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the surface that a fitted estimator descended.

        Parameters
        ----------
        estimator : GradientDescentRegressor or Pipeline
            Fitted, with a `landscape_`; a pipeline's last step counts.
        features : pair of int or str, optional
            The weights of two columns, by number or name, or "intercept". Without it a model of two parameters shows
            both, and one of more the flattest and the steepest direction of its bowl, centred on the optimum.
        coordinates : {"original", "descended"}, default="original"
            Of weights: in the units of the rows, or as they are descended, of standardised columns where the fit
            standardises. Directions are always those that are descended.
        true_coef : array of shape (features,), optional
        true_intercept : float, optional
            What generated the rows, where that is known.
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`, such as ``lang="ko"``.

        Returns
        -------
        LossSurfaceDisplay

        Raises
        ------
        InputError
            If the fit has no landscape, or one of a single parameter, or there are no such features.
        """
        final = fitted(estimator)
        landscape = known_landscape(final)
        names = weight_names(landscape.coordinates.n_features, getattr(final, "feature_names_in_", None))
        plane, locate = choose_plane(landscape, features, coordinates, names)
        history = final.history_
        with np.errstate(over="ignore", invalid="ignore"):
            path = locate(history.coef, history.intercept)
        return cls(
            plane=plane,
            path=path,
            epoch=history["epoch"],
            stop_reason=stop_reason_of(final),
            kept_epoch=kept_epoch(final),
            true_point=known_point(landscape, locate, true_coef, true_intercept),
        ).plot(ax, **plot_options)

    def plot(
        self, ax: Axes | None = None, *, numbers: bool = True, legend: bool = True, lang: str | None = None
    ) -> Self:
        """Draw the surface and the path.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        numbers : bool, default=True
            Whether to write their J - J* on the contours.
        legend : bool, default=True
            Whether to draw a legend.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.

        Returns
        -------
        LossSurfaceDisplay
            Itself.
        """
        shown = shown_path(self.plane, self.path, diverged=self.stop_reason == "diverged")
        points = self.path[:shown] if shown else self.plane.optimum[None]
        marked = points if self.true_point is None else np.vstack([points, self.true_point])
        self.view_ = view = view_of(self.plane, marked)
        if 0 < shown < len(self.path) and np.isfinite(self.path[shown]).all():
            points = np.vstack([points, view.way_out(points[-1], self.path[shown])])
        with drawing(own_figure=ax is None, lang=lang) as plt:
            self.ax_ = new_axes(plt, (6.6, 5.6))[0] if ax is None else ax
            self.figure_ = figure_of(self.ax_)
            if ax is None:
                self.ax_.grid(False)
            rings = self._draw_contours(view)
            self.numbers_ = self._write_levels(rings, points) if numbers else []
            self._draw_path(points, gone=shown < len(self.path))
            self._draw_arrows(points[:shown], view)
            self._draw_marks()
            across, upward = self.plane.axes
            name_axes(self.ax_, xlabel=_axis_text(across, "flattest"), ylabel=_axis_text(upward, "steepest"))
            self.ax_.set_xlim(view.low[0], view.high[0])
            # "auto" leaves it to the legend to make room for itself.
            self.ax_.set_ylim(view.low[1], view.high[1], auto=True)
            if view.equal:
                self.ax_.set_aspect("equal", adjustable="box")
            if legend and ax is None:
                place_legend_above(self.figure_, *surface_keys(self))
            elif legend:
                place_legend(self.ax_, *surface_keys(self))
                self._clear(self.ax_.get_legend())
        return self

    def _draw_contours(self, view: View) -> list[Floats]:
        """A ring for each level, of a valley the first of its two lines."""
        from matplotlib.collections import LineCollection

        self.levels_ = contour_levels(self.plane, view)
        rings = [self.plane.contour(level, view.size / 2) for level in self.levels_]
        notes = [say("slice")] if self.plane.is_slice else []
        notes += [say("valley")] if self.plane.is_valley else []
        words, pieces = say("contours") + _in_brackets(notes), [piece for ring in rings for piece in ring]
        self.contours_ = LineCollection(pieces, colors=CONTOUR, linewidths=1.0, label=words, zorder=1.5)
        self.ax_.add_collection(self.contours_, autolim=False)
        return [ring[0] for ring in rings]

    def _write_levels(self, rings: list[Floats], points: Floats) -> list[Text]:
        ground = {"facecolor": self.ax_.get_facecolor(), "edgecolor": "none", "pad": 0.8}
        look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7.5, "bbox": ground, "color": NUMBER}
        known = [self.plane.optimum] if self.true_point is None else [self.plane.optimum, self.true_point]
        places = label_places(rings, points, np.array(known), self.view_)
        return [
            self.ax_.text(float(place[0]), float(place[1]), _level_text(level), zorder=1.6, **look)
            for level, place in zip(self.levels_, places, strict=True)
            if place is not None
        ]

    def _clear(self, legend: Any) -> None:
        """Take away the numbers that a legend would cover."""
        box = legend.get_window_extent()
        for number in [number for number in self.numbers_ if number.get_window_extent().overlaps(box)]:
            number.remove()
            self.numbers_.remove(number)

    def _draw_path(self, points: Floats, *, gone: bool) -> None:
        words = say("projected path" if self.plane.is_slice else "path")
        if self.stop_reason is not None:
            words = outcome_text(self.stop_reason, self.epoch[-1], name=words, stop_below=None)
        few: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(points) <= _FEW_RECORDS else {}
        (self.path_,) = self.ax_.plot(*points.T, color=ACCENT, linewidth=1.6, label=words, zorder=2.5, **few)
        marker: dict[str, Any] = (
            {"marker": "X", "markersize": 9} if gone or self.stop_reason == "diverged" else {"marker": "o"}
        )
        self.end_ = self._mark(points[-1], None, color=ACCENT, **marker)

    def _draw_arrows(self, points: Floats, view: View) -> None:
        at = points[arrow_records(self.plane, points, view)]
        way = downhill_arrows(self.plane, at, view)
        notes = [say("in slice")] if self.plane.is_slice and self.plane.axes[0].eigenvalue is None else []
        notes += [] if self.plane.keeps_angles else [say("in standardised units")]
        words = say("downhill") + _in_brackets(notes)
        look: dict[str, Any] = {"units": "inches", "width": 0.018, "headwidth": 4.5, "headlength": 5.5, "color": INK}
        self.arrows_ = self.ax_.quiver(
            *at.T, *way.T, angles="xy", scale_units="xy", scale=1.0, label=words, zorder=3, **look
        )

    def _draw_marks(self) -> None:
        self.start_ = self._mark(self.path[0], say("start point"), color="white", markeredgecolor=INK)
        words = say("optimal value" if self.plane.unique else "one optimum")
        self.optimum_ = self._mark(self.plane.optimum, words, marker="*", markersize=14, color=SERIES[0])
        self.kept_ = self.true_point_ = None
        if self.kept_epoch is not None:
            at = int(np.argmin(np.abs(self.epoch - self.kept_epoch)))
            words = say("kept", epoch=epoch_text(self.kept_epoch))
            self.kept_ = self._mark(self.path[at], words, marker="D", color="white", markeredgecolor=INK)
        if self.true_point is not None:
            look: dict[str, Any] = {"marker": "P", "markersize": 9, "color": SERIES[2]}
            self.true_point_ = self._mark(self.true_point, say("true value"), **look)

    def _mark(self, point: Floats, words: str | None, **look: Any) -> Line2D:
        known: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 7, "markeredgecolor": "white"}
        # At the edge a mark is whole, beyond it there is none.
        known["clip_on"] = not self.view_.contains(point)
        (mark,) = self.ax_.plot([point[0]], [point[1]], label=words, zorder=4, **(known | look))
        return mark


def surface_keys(display: LossSurfaceDisplay) -> tuple[list[Any], list[str]]:
    """Handles and words for a legend, an arrow for the arrows among them."""
    from matplotlib.lines import Line2D

    handles, words = display.ax_.get_legend_handles_labels()
    arrow = Line2D([], [], color=INK, linestyle="none", marker=r"$\rightarrow$", markersize=14)
    return [arrow if handle is display.arrows_ else handle for handle in handles], words


def _in_brackets(notes: Sequence[str]) -> str:
    return f" ({', '.join(notes)})" if notes else ""


def _axis_text(axis: PlaneAxis, extreme: str) -> str:
    name = say("intercept") if axis.name is None else short_name(axis.name)
    if axis.eigenvalue is None:
        return say("standardised", name=name) if axis.standardised else name
    words = extreme if axis.eigenvalue > 0 else "flat direction"
    return say(words, name=name, share=f"{axis.share:.0%}", value=number_text(axis.eigenvalue))


def _level_text(level: float) -> str:
    """A level as a plain number, or where that is long as a power of ten."""
    if 1e-4 <= level < 1e5:
        return f"{level:,.10g}"
    step, _, power = f"{level:.0e}".partition("e")
    factor = "" if step == "1" else rf"{step} \cdot "
    return f"${factor}10^{{{int(power)}}}$"
