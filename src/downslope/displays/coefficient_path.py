"""The weights against the epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.displays.labels import place_legend, place_legend_above, release_headroom
from downslope.displays.panels import given_axes
from downslope.displays.reading import fitted, kept_epoch, one_dimensional, optimum_of, standard_errors_of, weight_names
from downslope.displays.scales import happens_early, resolve_scale, scale_epochs
from downslope.displays.style import MUTED, OTHERS, drawing, extend_fonts, figure_of, letters_in, name_axes, new_axes
from downslope.displays.weights import DrawnWeights, Weight, draw_weights, legend_keys, name_line_ends
from downslope.displays.wording import say, short_name, wrapped
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

__all__ = ["CoefficientPathDisplay"]

Floats = NDArray[np.float64]


class CoefficientPathDisplay:
    """Every weight against the epochs: the true value dashed, the optimum dotted, its standard error shaded.

    Make it with `from_estimator` or `from_history`, which draw at once; `plot` draws it again.

    Parameters
    ----------
    epoch : ndarray of shape (records,)
    coef : ndarray of shape (records, features)
        In the original units.
    intercept : ndarray of shape (records,), optional
    feature_names : sequence of str, optional
        Without it the weights are w1 … wd.
    true_coef, optimum_coef : ndarray of shape (features,), optional
    true_intercept, optimum_intercept : float, optional
    coef_error : ndarray of shape (features,), optional
    intercept_error : float, optional
        Standard errors of the optimum, for a band of one on each side of it.
    kept_epoch : float, optional
        The epoch whose state was restored, if it is not the last.
    target_name : str, default="y"
        The target, for the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes, with ``subplots=True`` the first of them.
    axes_ : list of matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        The path of the first weight.
    lines_ : list of matplotlib Line2D
        The paths, in the order of the features, the intercept last.
    true_lines_, optimum_lines_ : list of matplotlib Line2D
        The horizontal lines, in the same order; empty where they are not known.
    bands_ : list of matplotlib Rectangle
        One standard error on each side of the optimum; empty where it is not known, and on axes that several
        weights share also where bands would overlap.

    Examples
    --------
    >>> from downslope.displays import CoefficientPathDisplay
    >>> display = CoefficientPathDisplay(epoch=[0, 1, 2], coef=[[0.0], [0.2], [0.3]], true_coef=[0.3]).plot()
    >>> display.line_.get_ydata().tolist()
    [0.0, 0.2, 0.3]
    >>> display.true_lines_[0].get_linestyle()
    '--'
    """

    ax_: Axes
    axes_: list[Axes]
    figure_: Figure
    line_: Line2D
    lines_: list[Line2D]
    true_lines_: list[Line2D]
    optimum_lines_: list[Line2D]
    bands_: list[Rectangle]

    def __init__(
        self,
        *,
        epoch: ArrayLike,
        coef: ArrayLike,
        intercept: ArrayLike | None = None,
        feature_names: Iterable[str] | None = None,
        true_coef: ArrayLike | None = None,
        true_intercept: float | None = None,
        optimum_coef: ArrayLike | None = None,
        optimum_intercept: float | None = None,
        coef_error: ArrayLike | None = None,
        intercept_error: float | None = None,
        kept_epoch: float | None = None,
        target_name: str = "y",
    ) -> None:
        self.epoch = one_dimensional("epoch", epoch)
        self.coef = np.asarray(coef, dtype=np.float64)
        if self.coef.ndim != 2 or len(self.coef) != len(self.epoch):
            raise InputError(Finding.of("displays.coef_shape", shape=self.coef.shape, count=len(self.epoch)))
        self.intercept = None if intercept is None else one_dimensional("intercept", intercept)
        if self.intercept is not None and len(self.intercept) != len(self.epoch):
            raise InputError(Finding.of("displays.intercepts", got=len(self.intercept), count=len(self.epoch)))
        self.feature_names = weight_names(self.coef.shape[1], feature_names)
        self.true_coef = _per_feature("true_coef", true_coef, self.coef.shape[1])
        self.true_intercept = true_intercept
        self.optimum_coef = _per_feature("optimum_coef", optimum_coef, self.coef.shape[1])
        self.optimum_intercept = optimum_intercept
        self.coef_error = _per_feature("coef_error", coef_error, self.coef.shape[1])
        self.intercept_error = intercept_error
        self.kept_epoch = kept_epoch
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        true_coef: ArrayLike | None = None,
        true_intercept: float | None = None,
        target_name: str = "y",
        ax: Axes | Sequence[Axes] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : GradientDescentRegressor or Pipeline
            Fitted; a pipeline's last step counts.
        true_coef : array of shape (features,), optional
        true_intercept : float, optional
            What generated the data, where that is known.
        target_name : str, default="y"
            The target, for the label of the axis.
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`.

        Returns
        -------
        CoefficientPathDisplay
        """
        final = fitted(estimator)
        best, errors = optimum_of(final), standard_errors_of(final)
        return cls.from_history(
            final.history_,
            feature_names=getattr(final, "feature_names_in_", None),
            true_coef=true_coef,
            true_intercept=true_intercept,
            optimum_coef=None if best is None else best.coef,
            optimum_intercept=None if best is None else float(best.intercept),
            coef_error=None if errors is None else errors.coef,
            intercept_error=None if errors is None else errors.intercept,
            kept_epoch=kept_epoch(final),
            target_name=target_name,
            ax=ax,
            **plot_options,
        )

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        feature_names: Iterable[str] | None = None,
        true_coef: ArrayLike | None = None,
        true_intercept: float | None = None,
        optimum_coef: ArrayLike | None = None,
        optimum_intercept: float | None = None,
        coef_error: ArrayLike | None = None,
        intercept_error: float | None = None,
        kept_epoch: float | None = None,
        target_name: str = "y",
        ax: Axes | Sequence[Axes] | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the weights of a history alone; what only the estimator knows may be given beside it.

        Parameters
        ----------
        history : History
            With ``history["epoch"]``, ``history.coef`` and ``history.intercept``.
        feature_names, true_coef, true_intercept, optimum_coef, optimum_intercept : optional
        coef_error, intercept_error, kept_epoch, target_name : optional
            As for the class.
        ax, **plot_options
            As in `from_estimator`.

        Returns
        -------
        CoefficientPathDisplay
        """
        names = getattr(history, "feature_names", None) if feature_names is None else feature_names
        display = cls(
            epoch=history["epoch"],
            coef=history.coef,
            intercept=history.intercept,
            feature_names=names,
            true_coef=true_coef,
            true_intercept=true_intercept,
            optimum_coef=optimum_coef,
            optimum_intercept=optimum_intercept,
            coef_error=coef_error,
            intercept_error=intercept_error,
            kept_epoch=kept_epoch,
            target_name=target_name,
        )
        return display.plot(ax, **plot_options)

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        intercept: bool = False,
        subplots: bool = False,
        xscale: str = "auto",
        yscale: str = "auto",
        legend: bool = True,
        lang: str | None = None,
    ) -> Self:
        """Draw the paths.

        Parameters
        ----------
        ax : matplotlib Axes, or with ``subplots=True`` a sequence of them, optional
            Where to draw; a new figure without it. On a new figure the weights are named at the ends of their
            lines, on given axes in the legend.
        intercept : bool, default=False
            Whether to draw the intercept too.
        subplots : bool, default=False
            Whether each weight has axes of its own.
        xscale, yscale : {"auto", "linear", "log"}, default="auto"
            "auto" is logarithmic for the epochs where a long run does most of its work early, and for the
            weights where they explode; both logarithmic axes keep zero.
        legend : bool, default=True
            Whether to draw a legend.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.

        Returns
        -------
        CoefficientPathDisplay
            Itself.
        """
        with drawing(own_figure=ax is None, lang=lang) as plt:
            weights = self._weights(intercept=intercept)
            early = happens_early(self.epoch, np.column_stack([weight.path for weight in weights]))
            log_x = resolve_scale("xscale", xscale, early)
            groups = [[weight] for weight in weights] if subplots else [weights]
            if ax is None:
                self.axes_ = _new_grid(plt, len(weights)) if subplots else new_axes(plt, _figure_size(weights))
            else:
                self.axes_ = given_axes(ax, len(groups))
            self.ax_ = self.axes_[0]
            self.figure_ = figure_of(self.ax_)
            parts: list[DrawnWeights] = []
            for axes, group in zip(self.axes_, groups, strict=True):
                release_headroom(axes)
                scale_epochs(axes, self.epoch[-1], log=log_x)
                parts.append(draw_weights(axes, self.epoch, group, yscale=yscale))
                if self.kept_epoch is not None:
                    axes.axvline(self.kept_epoch, color=MUTED, linewidth=1.0, zorder=1.2)
            self.lines_ = [line for part in parts for line in part.paths]
            self.true_lines_ = [line for part in parts for line in part.true]
            self.optimum_lines_ = [line for part in parts for line in part.optimum]
            self.bands_ = [band for part in parts for band in part.bands]
            self.line_ = self.lines_[0]
            self._name_axes(weights, subplots=subplots, own_figure=ax is None)
            if legend:
                self._add_legend(weights, subplots=subplots, own_figure=ax is None)
        return self

    def _weights(self, *, intercept: bool) -> list[Weight]:
        weights = [
            Weight(name, self.coef[:, i], _at(self.true_coef, i), _at(self.optimum_coef, i), _at(self.coef_error, i))
            for i, name in enumerate(self.feature_names)
        ]
        if intercept:
            if self.intercept is None:
                raise InputError(Finding("displays.no_intercept"))
            known = (self.true_intercept, self.optimum_intercept, self.intercept_error)
            weights.append(Weight(say("intercept"), self.intercept, *known))
        return weights

    def _name_axes(self, weights: Sequence[Weight], *, subplots: bool, own_figure: bool) -> None:
        across, upward = say("epoch"), say("coefficient", target=self.target_name)
        if subplots:
            for ax, weight in zip(self.axes_, weights, strict=True):
                room = int(0.75 * letters_in(ax.get_window_extent().width / self.figure_.dpi))
                extend_fonts(ax.set_title(short_name(weight.name, room)))
        if subplots and own_figure:
            self.figure_.supxlabel(across, fontsize="medium")
            room = letters_in(0.8 * float(self.figure_.get_figheight()))
            self.figure_.supylabel(wrapped(upward, room), fontsize="medium")
        else:
            for ax in self.axes_:
                name_axes(ax, xlabel=across, ylabel=upward)

    def _add_legend(self, weights: Sequence[Weight], *, subplots: bool, own_figure: bool) -> None:
        handles, words = legend_keys(weights, self.kept_epoch, banded=bool(self.bands_))
        if own_figure and subplots:
            if handles:
                place_legend_above(self.figure_, handles, words)
        elif own_figure:
            # The names narrow the axes, which moves the legend, which may change the limits, which moves the names.
            provisional = name_line_ends(self.ax_, self.epoch, weights)
            place_legend(self.ax_, handles, words)
            for name in provisional:
                name.remove()
            name_line_ends(self.ax_, self.epoch, weights)
        else:
            lines = [] if subplots else [line for line in self.lines_ if line.get_color() != OTHERS]
            names = [str(line.get_label()) for line in lines]
            place_legend(self.ax_, [*lines, *handles], [*names, *words])


def _per_feature(name: str, values: ArrayLike | None, count: int) -> Floats | None:
    if values is None:
        return None
    array = np.atleast_1d(one_dimensional(name, np.atleast_1d(np.asarray(values, dtype=np.float64))))
    if array.size != count:
        raise InputError(Finding.of("displays.per_feature", name=name, got=array.size, count=count))
    return array


def _at(values: Floats | None, index: int) -> float | None:
    return None if values is None else float(values[index])


def _figure_size(weights: Sequence[Weight]) -> tuple[float, float]:
    """Room for one name to a line of text."""
    return (7.0, float(np.clip(0.19 * len(weights), 4.2, 6.5)))


def _new_grid(plt: Any, count: int) -> list[Axes]:
    choices = range(1, min(count, 3) + 1) if count <= 3 else range(3, 5) if count <= 12 else range(5, 7)
    columns = min(choices, key=lambda number: (-(-count // number) * number, -number))
    rows = -(-count // columns)
    size = (max(5.0, 2.5 * columns), 1.2 + 1.8 * rows)
    axes = new_axes(plt, size, rows, columns)
    for unused in axes[count:]:
        unused.remove()
    return axes[:count]
