"""The curvatures of the bowl, and how fast each direction is descended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.closed_form.landscape import Landscape
from downslope.displays.labels import place_legend, place_legend_above
from downslope.displays.panels import axes_for, choose_panels
from downslope.displays.reading import final_step, known_landscape, one_dimensional, positive_rate, weight_names
from downslope.displays.style import ACCENT, INK, MUTED, SERIES, drawing, extend_fonts, figure_of, name_axes
from downslope.displays.wording import number_text, say, short_name
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["SpectrumDisplay"]

Floats = NDArray[np.float64]

_PANELS = ("eigenvalues", "contraction")
_MOST_NAMES = 40
_LINEAR_SHARE = 10.0
_POINTS: Mapping[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 5, "color": SERIES[0], "zorder": 2.5}
_LIMIT: Mapping[str, Any] = {"color": INK, "linestyle": "--", "linewidth": 1.3, "zorder": 1.5}


class SpectrumDisplay:
    """The curvature λ of every direction of the bowl, and the share of the way that each epoch leaves in it.

    A direction settles where its share is below 1: for plain steps abs(1 - ηλ), so for λ < 2/η. The share nearest
    to 1 decides how many epochs a run takes. Directions are named by the column that weighs most in them, and its
    share of their squared length.

    Make it with `from_estimator` or `from_landscape`, which draw at once; `plot` draws it again.

    Parameters
    ----------
    eigenvalues : ndarray of shape (p,)
        λ of each direction, in the coordinates that are descended; 0 where nothing curves.
    learning_rate : float
        η.
    contraction : ndarray of shape (p,), optional
        The share left by each epoch in the long run.
    directions : ndarray of shape (p, p), optional
        A direction a column, for the names.
    feature_names : sequence of str, optional
        Of the columns; without it they are w1 … wd. A parameter more than names is the intercept.
    stable_eigenvalue : float, optional
        The curvature up to which η is stable: 2/η for plain steps.
    plain : bool, default=True
        Whether the share is abs(1 - ηλ).

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of `axes_`.
    axes_ : list of matplotlib Axes
    figure_ : matplotlib Figure
    eigenvalue_line_, contraction_line_ : matplotlib Line2D or None
        The points, from the steepest direction down; None where the panel is not drawn.
    limit_lines_ : list of matplotlib Line2D
        Where a direction ceases to settle, one a panel.

    Examples
    --------
    >>> from downslope import GradientDescentRegressor, SpectrumDisplay, make_linear
    >>> data = make_linear([0.3, 0.5], random_state=0)
    >>> model = GradientDescentRegressor(learning_rate=0.5, standardize=False).fit(data.X, data.y)
    >>> display = SpectrumDisplay.from_estimator(model)
    >>> display.eigenvalue_line_.get_xdata().round(3).tolist()
    [1.612, 0.104, 0.048]
    """

    ax_: Axes
    axes_: list[Axes]
    figure_: Figure
    eigenvalue_line_: Line2D | None
    contraction_line_: Line2D | None
    limit_lines_: list[Line2D]

    def __init__(
        self,
        *,
        eigenvalues: ArrayLike,
        learning_rate: float,
        contraction: ArrayLike | None = None,
        directions: ArrayLike | None = None,
        feature_names: Iterable[str] | None = None,
        stable_eigenvalue: float | None = None,
        plain: bool = True,
    ) -> None:
        self.eigenvalues = one_dimensional("eigenvalues", eigenvalues)
        self.contraction = None if contraction is None else one_dimensional("contraction", contraction)
        if self.contraction is not None and self.contraction.size != self.eigenvalues.size:
            sizes = {"got": self.contraction.size, "count": self.eigenvalues.size}
            raise InputError(Finding("displays.contraction", sizes))
        self.learning_rate = learning_rate
        self.directions = None if directions is None else np.asarray(directions, dtype=np.float64)
        if self.directions is not None and self.directions.shape != (self.eigenvalues.size,) * 2:
            shapes = {"shape": self.directions.shape, "count": self.eigenvalues.size}
            raise InputError(Finding("displays.directions", shapes))
        self.feature_names = None if feature_names is None else tuple(str(name) for name in feature_names)
        self.stable_eigenvalue = stable_eigenvalue
        self.plain = plain

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        learning_rate: float | None = None,
        *,
        ax: Axes | Sequence[Axes] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the spectrum that a fitted estimator descended.

        Parameters
        ----------
        estimator : GradientDescentRegressor or Pipeline
            Fitted, with a `landscape_`; a pipeline's last step counts.
        learning_rate : float, optional
            η; without it that of the fit's last update.
        ax : matplotlib Axes, or a sequence of two, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`, such as ``lang="ko"``.

        Returns
        -------
        SpectrumDisplay

        Raises
        ------
        InputError
            If the fit has no landscape, or the rate is not a positive number.
        """
        final = final_step(estimator)
        landscape = known_landscape(final)
        rate = final.learning_rate_ if learning_rate is None else learning_rate
        names = getattr(final, "feature_names_in_", None)
        return cls.from_landscape(landscape, rate, feature_names=names, ax=ax, **plot_options)

    @classmethod
    def from_landscape(
        cls,
        landscape: Landscape,
        learning_rate: float,
        *,
        feature_names: Iterable[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the spectrum of a landscape at a rate.

        Parameters
        ----------
        landscape : Landscape
            Such as ``model.landscape_``.
        learning_rate : float
            η. The rules that have no share of their own to leave, the adaptive ones, show their curvatures alone.
        feature_names : sequence of str, optional
        ax, **plot_options
            As in `from_estimator`.

        Returns
        -------
        SpectrumDisplay
        """
        rate = positive_rate(learning_rate)
        n_null = landscape.spectrum.n_null
        eigenvalues = np.where(np.arange(landscape.eigenvalues.size)[::-1] < n_null, 0.0, landscape.eigenvalues)
        contraction = landscape.contraction(rate)
        limit = landscape.largest_stable_rate
        names = weight_names(landscape.coordinates.n_features, feature_names)
        return cls(
            eigenvalues=eigenvalues,
            contraction=contraction if np.isfinite(contraction).all() else None,
            learning_rate=rate,
            directions=landscape.directions,
            feature_names=names,
            stable_eigenvalue=None if limit is None else limit * landscape.spectrum.largest / rate,
            plain=bool(np.allclose(contraction, np.abs(1.0 - rate * landscape.eigenvalues))),
        ).plot(ax, **plot_options)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        kind: str | None = None,
        legend: bool = True,
        lang: str | None = None,
    ) -> Self:
        """Draw the directions, the steepest on top.

        Parameters
        ----------
        ax : matplotlib Axes, or a sequence of two, optional
            Where to draw; a new figure without it.
        kind : {"both", "eigenvalues", "contraction"}, optional
            What to draw; without it as much as there are data and axes for, the eigenvalues first.
        legend : bool, default=True
            Whether to draw legends.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.

        Returns
        -------
        SpectrumDisplay
            Itself.
        """
        panels = choose_panels(kind, _PANELS[: 1 if self.contraction is None else 2], _PANELS, ax)
        with drawing(own_figure=ax is None, lang=lang) as plt:
            size = (1.2 + 3.9 * len(panels), float(np.clip(1.5 + 0.24 * self.eigenvalues.size, 2.8, 8.0)))
            self.axes_ = axes_for(plt, ax, size, len(panels))
            self.ax_, self.figure_ = self.axes_[0], figure_of(self.axes_[0])
            self.eigenvalue_line_ = self.contraction_line_ = None
            self.limit_lines_ = []
            for axes, panel in zip(self.axes_, panels, strict=True):
                if panel == "eigenvalues":
                    self._draw_eigenvalues(axes)
                else:
                    self._draw_contraction(axes, own_figure=ax is None)
                self._name_directions(axes, named=ax is not None or axes is self.ax_)
            if legend and ax is None:
                self._add_legend()
            elif legend:
                for axes in self.axes_:
                    place_legend(axes)
        return self

    def _draw_eigenvalues(self, ax: Axes) -> None:
        ax.set_xscale("log")
        curved = np.where(self.eigenvalues > 0, self.eigenvalues, np.nan)
        (self.eigenvalue_line_,) = ax.plot(curved, self._rows(), **_POINTS)
        flat = self._rows()[self.eigenvalues <= 0]
        if flat.size:
            look = {**_POINTS, "markerfacecolor": "white", "clip_on": False}
            ax.plot(np.zeros(flat.size), flat, transform=ax.get_yaxis_transform(), label=say("flat"), **look)
        if self.stable_eigenvalue is not None:
            key = "plain stable curvature" if self.plain else "stable curvature"
            words = say(key, value=number_text(self.stable_eigenvalue))
            self.limit_lines_.append(ax.axvline(self.stable_eigenvalue, label=words, **_LIMIT))
        name_axes(ax, xlabel=say("curvature"))

    def _draw_contraction(self, ax: Axes, *, own_figure: bool) -> None:
        share = cast(Floats, self.contraction)
        (self.contraction_line_,) = ax.plot(share, self._rows(), **_POINTS)
        growing = share > 1.0 + 1e-12
        if growing.any():
            look = {**_POINTS, "color": ACCENT, "marker": "X", "markersize": 8, "zorder": 2.6}
            ax.plot(share[growing], self._rows()[growing], label=say("growing"), **look)
        self.limit_lines_.append(ax.axvline(1.0, label=say("stays"), **_LIMIT))
        largest = max(float(share.max()), 1.0)
        if largest > _LINEAR_SHARE:
            ax.set_xscale("symlog", linthresh=1.0)
        ax.set_xlim(-0.04, 2.0 * largest if largest > _LINEAR_SHARE else 1.12 * largest)
        words = "plain share" if self.plain else "share"
        name_axes(ax, xlabel=say(words, rate=number_text(self.learning_rate)))
        if own_figure and share.size <= _MOST_NAMES:
            for row, value in zip(self._rows(), share, strict=True):
                place = ax.get_yaxis_transform()
                ax.text(1.03, row, _share_text(value), transform=place, va="center", fontsize=8, color=MUTED)

    def _rows(self) -> Floats:
        return np.arange(1.0, self.eigenvalues.size + 1.0)

    def _name_directions(self, ax: Axes, *, named: bool) -> None:
        count = self.eigenvalues.size
        names = count <= _MOST_NAMES and self.directions is not None
        if named:
            name_axes(ax, ylabel=say("direction by column") if names else say("direction"))
        if count <= _MOST_NAMES:
            ax.set_yticks(self._rows(), self._names() if named else [""] * count, fontsize=8)
            for label in ax.get_yticklabels():
                extend_fonts(label)
        # "auto" leaves it to the legend to make room for itself.
        margin = max(0.6, 0.02 * count)
        ax.set_ylim(count + margin, 1.0 - margin, auto=True)

    def _add_legend(self) -> None:
        # Beside the panels, whose rows would not stand at one height if a legend made room in one of them.
        handles, words = [], []
        for ax in self.axes_:
            for handle, word in zip(*ax.get_legend_handles_labels(), strict=True):
                handles.append(handle)
                words.append(word)
        if handles:
            place_legend_above(self.figure_, handles, words)

    def _names(self) -> list[str]:
        """Each direction's dominant column and that column's share of its squared length."""
        if self.directions is None:
            return [f"{row:.0f}" for row in self._rows()]
        columns = [*(self.feature_names or ()), say("intercept")]
        squares = self.directions**2
        chosen = squares.argmax(axis=0)
        shares = squares.max(axis=0) / squares.sum(axis=0)
        return [f"{short_name(columns[j])}  {share:.0%}" for j, share in zip(chosen, shares, strict=True)]


def _share_text(share: float) -> str:
    """Near 1 by what is missing, where four digits would all be nines."""
    missing = 1.0 - share
    if 1e-12 < abs(missing) < 1e-3:
        return f"1 {'−' if missing > 0 else '+'} {number_text(float(f'{abs(missing):.2g}'))}"
    return number_text(share)
