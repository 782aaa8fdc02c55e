"""What the learning rate does: the loss at rates from too small to too large, and what is left at each rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope import texts
from downslope.displays.labels import place_legend, release_headroom
from downslope.displays.panels import axes_for, choose_panels
from downslope.displays.rates import (
    GapCurve,
    RateCurve,
    gap_rounding,
    quiet,
    read_rates,
    read_sweep,
    swept_rates,
    telling_rates,
)
from downslope.displays.reading import positive_rate
from downslope.displays.scales import finite, happens_early, scale_epochs, wants_log
from downslope.displays.style import ACCENT, INK, MUTED, SERIES, colour, drawing, figure_of, name_axes
from downslope.displays.wording import epoch_text, number_text, say
from downslope.estimators import GradientDescentRegressor
from downslope.exceptions import DivergenceWarning, DownslopeWarning, InputError, NotConvergedWarning
from downslope.sweeps import Sweep, sweep
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["LearningRateDisplay"]

Floats = NDArray[np.float64]

_PANELS = ("curves", "gap")
_SHADES: Mapping[str, str] = {"too small": "#56B4E9", "good": SERIES[0], "best": SERIES[2], "too large": ACCENT}
_LINE = "#555555"
_FEW_RECORDS = 12
_FEW_RATES = 60
_MOST_MARKS = 4
# A run that has grown this many times its start leaves the picture, which would else show it alone.
_CEILING = 1e3
_LINEAR_CEILING = 1.2


class LearningRateDisplay:
    """The loss against the epochs at several learning rates, and what is left at the end against the rate.

    Make it with `from_data` or `from_sweep`, which draw at once; `plot` draws it again.

    Parameters
    ----------
    epochs : int
        How many epochs each run makes.
    curves : iterable of RateCurve
        The runs whose loss is shown.
    gaps : iterable of GapCurve
        The final gaps, a curve for each method.
    quantity : {"excess", "objective", "mse"}, default="excess"
        What the values of `curves` are.
    known_optimum : bool, default=True
        Whether `gaps` hold J - J*; else they hold J.
    start_gap : float, optional
        J - J* at the start.
    gap_floor : float, default=0.0
        Below this gaps are rounding, so they are drawn at it.
    target_name : str, default="y"

    Attributes
    ----------
    ax_ : matplotlib Axes
        The first of `axes_`.
    axes_ : list of matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        The losses, one for each rate.
    gap_lines_ : list of matplotlib Line2D
        The final gaps, one for each method.
    limit_lines_ : list of matplotlib Line2D
        The largest stable rates.
    diverged_ : list of matplotlib Line2D
        The marks of runs that diverged, at most one set in each panel and for each method.

    Examples
    --------
    >>> from downslope import LearningRateDisplay, make_linear
    >>> data = make_linear([0.3, 0.5, 0.7], 0.2, random_state=0)
    >>> display = LearningRateDisplay.from_data(data.X, data.y, standardize=False)
    >>> [(curve.role, round(curve.learning_rate, 1)) for curve in display.curves]
    [('too small', 0.0), ('good', 0.5), ('best', 1.0), ('too large', 1.1)]
    """

    ax_: Axes
    axes_: list[Axes]
    figure_: Figure
    lines_: list[Line2D]
    gap_lines_: list[Line2D]
    limit_lines_: list[Line2D]
    diverged_: list[Line2D]

    def __init__(
        self,
        *,
        epochs: int,
        curves: Iterable[RateCurve] = (),
        gaps: Iterable[GapCurve] = (),
        quantity: str = "excess",
        known_optimum: bool = True,
        start_gap: float | None = None,
        gap_floor: float = 0.0,
        target_name: str = "y",
    ) -> None:
        self.epochs = epochs
        self.curves = tuple(curves)
        self.gaps = tuple(gaps)
        self.quantity = quantity
        self.known_optimum = known_optimum
        self.start_gap = start_gap
        self.gap_floor = gap_floor
        self.target_name = target_name
        if not self.curves and not self.gaps:
            raise InputError(Finding("displays.no_curves"))

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        *,
        learning_rates: ArrayLike | None = None,
        max_iter: int = 100,
        method: str = "gd",
        momentum: float = 0.9,
        sample_weight: ArrayLike | None = None,
        quantity: str | None = None,
        target_name: str = "y",
        ax: Axes | Sequence[Axes] | None = None,
        kind: str | None = None,
        legend: bool = True,
        lang: str | None = None,
        **options: Any,
    ) -> Self:
        """Fit rows at several learning rates, each for `max_iter` epochs, and draw what came of it.

        Parameters
        ----------
        X : array of shape (n, d)
        y : array of shape (n,)
        learning_rates : array of float, optional
            The rates whose loss is shown. Without them four that tell the most: far too small, good (1/λ_max), the
            one that leaves the least after `max_iter` epochs, and 1.05 × the largest stable one.
        max_iter : int, default=100
        method : str, default="gd"
        momentum : float, default=0.9
        sample_weight : array of shape (n,), optional
        quantity : {"excess", "objective", "mse"}, optional
            The loss that is shown; without it the excess J - J*, or J where J* is not known.
        target_name : str, default="y"
            The target, for the label of the axis.
        ax, kind, legend, lang
            As in `plot`.
        **options
            Of `GradientDescentRegressor`, such as ``standardize=False``.

        Returns
        -------
        LearningRateDisplay

        Raises
        ------
        InputError
            If there are no `learning_rates` and no largest stable rate to choose them by: only the squared loss has
            one that is exact, under methods that do not adapt.
        """
        fixed = {"method": method, "momentum": momentum, "tol": 0.0, **options}
        shown = None if learning_rates is None else [positive_rate(rate) for rate in np.ravel(learning_rates).tolist()]
        # One rate is meant to diverge and the others to run out of epochs; what is said of the rows is said once.
        with quiet(DivergenceWarning, NotConvergedWarning):
            first = GradientDescentRegressor(**fixed, max_iter=1).fit(X, y, sample_weight=sample_weight)
        with quiet(DownslopeWarning):
            swept = sweep(
                X,
                y,
                learning_rates=swept_rates(shown, first),
                methods=(method,),
                momenta=(momentum,),
                max_iter=max_iter,
                sample_weight=sample_weight,
                **options,
            )
            roles = dict.fromkeys(shown) if shown else telling_rates(swept, first.landscape_)
            models = [
                GradientDescentRegressor(**fixed, max_iter=max_iter, learning_rate=rate).fit(
                    X, y, sample_weight=sample_weight
                )
                for rate in roles
            ]
        gaps = _from_sweep(swept)
        curves, quantity, floor = read_rates(models, roles.values(), quantity, known_optimum=gaps["known_optimum"])
        display = cls(
            epochs=max_iter, curves=curves, quantity=quantity, gap_floor=floor, target_name=target_name, **gaps
        )
        return display.plot(ax, kind=kind, legend=legend, lang=lang)

    @classmethod
    def from_sweep(cls, sweep: Sweep, *, ax: Axes | Sequence[Axes] | None = None, **plot_options: Any) -> Self:
        """Draw the final gaps of a sweep, a line for each method and momentum.

        Parameters
        ----------
        sweep : Sweep
            From `downslope.sweeps`.
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`, such as ``lang="ko"``.

        Returns
        -------
        LearningRateDisplay
        """
        return cls(epochs=sweep.max_iter, **_from_sweep(sweep)).plot(ax, **plot_options)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        kind: str | None = None,
        legend: bool = True,
        lang: str | None = None,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, or a sequence of two, optional
            Where to draw; a new figure without it.
        kind : {"both", "curves", "gap"}, optional
            What to draw; without it as much as there are data and axes for, the curves first.
        legend : bool, default=True
            Whether to draw legends.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.

        Returns
        -------
        LearningRateDisplay
            Itself.
        """
        available = [panel for panel, data in zip(_PANELS, (self.curves, self.gaps), strict=True) if data]
        panels = choose_panels(kind, available, _PANELS, ax)
        with drawing(own_figure=ax is None, lang=lang) as plt:
            size = (11.0, 4.4) if len(panels) > 1 else (7.0, 4.4)
            self.axes_ = axes_for(plt, ax, size, len(panels))
            self.ax_, self.figure_ = self.axes_[0], figure_of(self.axes_[0])
            self.lines_, self.gap_lines_, self.limit_lines_, self.diverged_ = [], [], [], []
            for axes, panel in zip(self.axes_, panels, strict=True):
                release_headroom(axes)
                if panel == "curves":
                    self._draw_curves(axes)
                else:
                    self._draw_gaps(axes, named=len(panels) == 1)
                if legend:
                    place_legend(axes)
        return self

    def _draw_curves(self, ax: Axes) -> None:
        drawn = [rate.curve.drawn() for rate in self.curves]
        starts = [values[0] for values in drawn if np.isfinite(values[0]) and values[0] > 0]
        ceiling = _CEILING * max(starts) if starts else np.inf
        kept = [_up_to(values, ceiling) for values in drawn]
        log = any(wants_log(values) or (self.quantity == "excess" and bool(np.any(values > 0))) for values in kept)
        if log:
            ax.set_yscale("log")
        epochs = [rate.curve.epoch for rate in self.curves]
        scale_epochs(ax, self.epochs, log=any(happens_early(*run, log=log) for run in zip(epochs, kept, strict=True)))
        for rate, epoch, values, shade in zip(self.curves, epochs, kept, self._shades(), strict=True):
            last = int(np.flatnonzero(np.isfinite(values))[-1]) if np.isfinite(values).any() else 0
            gone = last + 1 < values.size or values[last] == ceiling or rate.curve.stop_reason == "diverged"
            words = say("diverging", words=_rate_text(rate)) if gone else _rate_text(rate)
            few: dict[str, Any] = {"marker": "o", "markersize": 4} if epoch.size <= _FEW_RECORDS else {}
            self.lines_ += ax.plot(epoch, values, color=shade, label=words, **few)
            if gone:
                self._mark(ax, epoch[last : last + 1], values[last : last + 1], shade)
        name_axes(ax, xlabel=say("epoch"), ylabel=say(self.quantity, target=self.target_name))

    def _draw_gaps(self, ax: Axes, *, named: bool) -> None:
        start = self.start_gap if self.known_optimum and self.start_gap else None
        settled = np.concatenate([curve.gap[~curve.diverged & np.isfinite(curve.gap)] for curve in self.gaps])
        largest = start or float(settled.max(initial=0.0)) or 1.0
        log = self.known_optimum or wants_log(np.minimum(settled, _CEILING * largest))
        ceiling = (_CEILING if log else _LINEAR_CEILING) * largest
        floor = max(self.gap_floor, gap_rounding(largest)) if self.known_optimum else -np.inf
        ax.set_xscale("log")
        if log:
            ax.set_yscale("log")
        for index, curve in enumerate(self.gaps):
            self._draw_gap(ax, curve, colour(index) if len(self.gaps) > 1 else _LINE, floor, ceiling)
        for rate, shade in zip(self.curves, self._shades(), strict=True):
            if rate.gap <= ceiling:
                words = _rate_text(rate) if named else None
                look: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 8, "zorder": 3}
                ax.plot([rate.learning_rate], [max(rate.gap, floor)], color=shade, label=words, **look)
        if self.curves:
            ax.set_xlim(left=min(rate.learning_rate for rate in self.curves) / 3.0)
        if start is not None:
            ax.axhline(start, label=say("start"), color=MUTED, linestyle=":", linewidth=1.3, zorder=1.5)
        words = say("final excess" if self.known_optimum else "final objective", epochs=epoch_text(self.epochs))
        name_axes(ax, xlabel=say("learning rate"), ylabel=words)

    def _draw_gap(self, ax: Axes, curve: GapCurve, shade: str, floor: float, ceiling: float) -> None:
        beyond = curve.diverged | ~(curve.gap <= ceiling)
        height = np.where(beyond, np.nan, np.maximum(curve.gap, floor))
        few: dict[str, Any] = {"marker": "o", "markersize": 3.5} if height.size <= _FEW_RATES else {}
        limit = "" if curve.limit is None else number_text(curve.limit)
        words = say("stable method", name=curve.name, value=limit) if curve.name and limit else curve.name
        self.gap_lines_ += ax.plot(curve.learning_rate, height, color=shade, label=words, **few)
        if curve.limit is not None:
            words = None if curve.name else say("largest stable rate", value=limit)
            line = shade if curve.name else INK
            self.limit_lines_.append(ax.axvline(curve.limit, label=words, color=line, linestyle="--", linewidth=1.3))
        if beyond.any():
            # Of many neighbours a few, so that each can be seen.
            rates = curve.learning_rate[beyond][:: -(-int(beyond.sum()) // _MOST_MARKS)]
            words = texts.say("outcome.diverged")
            known = words in ax.get_legend_handles_labels()[1]
            marked = ACCENT if curve.name is None else shade
            self._mark(ax, rates, np.full(rates.size, ceiling), marked, None if known else words)

    def _mark(self, ax: Axes, across: Floats, height: Floats, shade: str, words: str | None = None) -> None:
        look: dict[str, Any] = {"linestyle": "none", "marker": "X", "markersize": 8, "markeredgecolor": "white"}
        self.diverged_ += ax.plot(across, height, color=shade, label=words, zorder=4, **look)

    def _shades(self) -> list[str]:
        return [_SHADES.get(rate.role or "", colour(index)) for index, rate in enumerate(self.curves)]


def _rate_text(rate: RateCurve) -> str:
    """The rate, and what it is where that is known."""
    return say(rate.role or "rate", rate=number_text(rate.learning_rate))


def _from_sweep(swept: Sweep) -> dict[str, Any]:
    known = all(run.gap is not None for run in swept.runs)
    return {"gaps": read_sweep(swept), "known_optimum": known, "start_gap": swept.start_gap}


def _up_to(values: Floats, ceiling: float) -> Floats:
    """The values up to the first one above the ceiling, which is drawn at it."""
    beyond = np.flatnonzero(~(finite(values) <= ceiling))
    if not beyond.size:
        return values
    kept = np.full(values.size, np.nan)
    kept[: beyond[0]], kept[beyond[0]] = values[: beyond[0]], ceiling
    return kept
