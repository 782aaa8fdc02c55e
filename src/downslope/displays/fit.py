"""The fit itself: a line through points, or predicted against actual values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from downslope.displays.fitted_line import fitted_curve, only_column, quality
from downslope.displays.labels import place_legend, release_headroom
from downslope.displays.reading import one_dimensional
from downslope.displays.rows import check_rows, draw_rows
from downslope.displays.style import INK, SERIES, drawing, figure_of, name_axes, new_axes
from downslope.displays.wording import number_text, say, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["FitDisplay"]

Floats = NDArray[np.float64]

_SQUARE_RATIO = 2.0


class FitDisplay:
    """What was fitted, beside the rows.

    One feature: the points, the fitted line and, where it is known, the true line dashed. Several features:
    predicted against actual values, with the diagonal where they would be equal. Outliers that are named are
    ringed.

    Make it with `from_estimator`, `from_predictions` or `from_data`, which draw at once; `plot` draws it
    again.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Actual values.
    predictions : ndarray of shape (n,), optional
    x : ndarray of shape (n,), optional
        The feature, where there is only one.
    true_line : (slope, intercept), optional
        The true line, where there is only one feature.
    outliers : array of int, optional
        Indices of the rows to mark.
    feature_name, target_name : str
        For the labels.
    predictions_are_true : bool, default=False
        Whether the predictions are those of the parameters that generated the rows.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    scatter_ : matplotlib PathCollection
        The rows.
    outliers_ : matplotlib PathCollection or None
        The rings.
    line_ : matplotlib Line2D or None
        The fitted line, or the diagonal.
    true_line_ : matplotlib Line2D or None

    Examples
    --------
    >>> from downslope.displays import FitDisplay
    >>> display = FitDisplay.from_predictions([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    >>> display.ax_.get_title(loc="left")
    'R² = 0.7857    RMSE = 0.5774'
    """

    ax_: Axes
    figure_: Figure
    scatter_: PathCollection
    outliers_: PathCollection | None
    line_: Line2D | None
    true_line_: Line2D | None

    def __init__(
        self,
        *,
        y: ArrayLike,
        predictions: ArrayLike | None = None,
        x: ArrayLike | None = None,
        true_line: tuple[float, float] | None = None,
        outliers: ArrayLike | None = None,
        feature_name: str = "x",
        target_name: str = "y",
        predictions_are_true: bool = False,
    ) -> None:
        self.y = one_dimensional("y", y)
        self.predictions = None if predictions is None else one_dimensional("predictions", predictions)
        self.x = None if x is None else one_dimensional("x", x)
        self.true_line = true_line
        self.outliers = np.array([] if outliers is None else outliers, dtype=np.intp).ravel()
        self.feature_name = feature_name
        self.target_name = target_name
        self.predictions_are_true = predictions_are_true
        check_rows(self.y, self.predictions, self.x, self.outliers)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        true_coef: ArrayLike | None = None,
        true_intercept: float = 0.0,
        outliers: ArrayLike | None = None,
        feature_name: str | None = None,
        target_name: str | None = None,
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw a fitted estimator beside rows, those it was fitted on or others.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that predicts.
        X : array of shape (n, d)
        y : array of shape (n,)
        true_coef : array of shape (d,), optional
        true_intercept : float, default=0.0
            What generated the rows, where that is known; drawn for one feature.
        outliers : array of int, optional
            Indices of the rows to mark.
        feature_name, target_name : str, optional
            For the labels; taken from the estimator and from `y` where they carry names.
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`.

        Returns
        -------
        FitDisplay
        """
        predictions = np.asarray(estimator.predict(X), dtype=np.float64)
        names = getattr(estimator, "feature_names_in_", None)
        one = (X.shape[1] if hasattr(X, "shape") else np.shape(X)[1]) == 1
        true_line = None
        if one and true_coef is not None:
            true_line = (float(np.ravel(true_coef)[0]), float(true_intercept))
        named = getattr(y, "name", None)
        return cls(
            y=y,
            predictions=predictions,
            x=only_column(X) if one else None,
            true_line=true_line,
            outliers=outliers,
            feature_name=feature_name or (str(names[0]) if names is not None else say("x")),
            target_name=target_name or (str(named) if named else say("y")),
        ).plot(ax, **plot_options)

    @classmethod
    def from_predictions(
        cls,
        y: ArrayLike,
        predictions: ArrayLike,
        *,
        x: ArrayLike | None = None,
        outliers: ArrayLike | None = None,
        feature_name: str = "x",
        target_name: str = "y",
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw predictions that are there already.

        Parameters
        ----------
        y, predictions : array of shape (n,)
        x : array of shape (n,), optional
            The feature, where there is only one: then the predictions are drawn as a line over it.
        outliers, feature_name, target_name, ax, **plot_options
            As in `from_estimator`.

        Returns
        -------
        FitDisplay
        """
        return cls(
            y=y,
            predictions=predictions,
            x=x,
            outliers=outliers,
            feature_name=feature_name,
            target_name=target_name,
        ).plot(ax, **plot_options)

    @classmethod
    def from_data(
        cls,
        data: Any,
        estimator: Any | None = None,
        *,
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw generated rows with their true line and, where an estimator is given, its fit.

        Parameters
        ----------
        data : LinearData
            From `make_linear`: ``X``, ``y``, ``coef``, ``intercept`` and ``outliers``.
        estimator : fitted estimator, optional
            Anything that predicts.
        ax, **plot_options
            As in `from_estimator`.

        Returns
        -------
        FitDisplay
        """
        true = {"true_coef": data.coef, "true_intercept": data.intercept, "outliers": data.outliers}
        if estimator is not None:
            return cls.from_estimator(estimator, data.X, data.y, ax=ax, **true, **plot_options)
        coef = np.ravel(data.coef)
        one = coef.size == 1
        return cls(
            y=data.y,
            predictions=None if one else data.X @ coef + data.intercept,
            x=data.X[:, 0] if one else None,
            true_line=(float(coef[0]), float(data.intercept)) if one else None,
            outliers=data.outliers,
            predictions_are_true=not one,
        ).plot(ax, **plot_options)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_points: int = 10_000,
        legend: bool = True,
        lang: str | None = None,
        scatter_kwargs: Mapping[str, Any] | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the rows and the fit.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        max_points : int, default=10_000
            Of more rows than this, a random part is drawn, always the same, and the legend says so. R² and
            RMSE are of all rows.
        legend : bool, default=True
            Whether to draw a legend.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.
        scatter_kwargs, line_kwargs : mapping, optional
            Passed to matplotlib's ``scatter`` for the rows and ``plot`` for the fitted line.

        Returns
        -------
        FitDisplay
            Itself.
        """
        with drawing(own_figure=ax is None, lang=lang) as plt:
            size = (7.0, 4.6) if self.x is not None else (5.4, 5.2)
            self.ax_ = new_axes(plt, size)[0] if ax is None else ax
            self.figure_ = figure_of(self.ax_)
            release_headroom(self.ax_)
            horizontal = self.y if self.x is None else self.x
            vertical = self.y if self.x is not None else cast(Floats, self.predictions)
            self.scatter_, self.outliers_ = draw_rows(
                self.ax_, horizontal, vertical, self.outliers, max_points, scatter_kwargs or {}
            )
            if self.x is None:
                self._draw_diagonal(vertical, dict(line_kwargs or {}))
            else:
                self._draw_lines(self.x, dict(line_kwargs or {}))
            self._write(legend=legend)
        return self

    def _draw_lines(self, x: Floats, options: dict[str, Any]) -> None:
        ends = np.array([x.min(), x.max()])
        self.line_ = self.true_line_ = None
        if self.predictions is not None:
            across, heights, straight = fitted_curve(x, self.predictions)
            words = say("fitted line", equation=self._equation(*straight)) if straight else say("fitted curve")
            look: dict[str, Any] = {"color": SERIES[0], "linewidth": 2.2, "zorder": 2.5, "label": words}
            (self.line_,) = self.ax_.plot(across, heights, **(look | options))
        if self.true_line is not None:
            slope, intercept = self.true_line
            words = say("true line", equation=self._equation(slope, intercept))
            (self.true_line_,) = self.ax_.plot(
                ends,
                slope * ends + intercept,
                linestyle="--",
                color=INK,
                linewidth=1.4,
                label=words,
                zorder=2.8,
            )

    def _draw_diagonal(self, predictions: Floats, options: dict[str, Any]) -> None:
        ends = np.array([predictions.min(), predictions.max()])
        # A few far outliers would shrink a square picture to a dot; the diagonal shows the scale there.
        if np.ptp(self.y) <= _SQUARE_RATIO * np.ptp(ends):
            ends = np.array([min(self.y.min(), ends[0]), max(self.y.max(), ends[1])])
            self.ax_.set_aspect("equal", adjustable="datalim")
        look: dict[str, Any] = {"color": INK, "linestyle": "--", "linewidth": 1.3, "zorder": 2.5}
        (self.line_,) = self.ax_.plot(ends, ends, label=say("diagonal"), **(look | options))
        self.true_line_ = None

    def _write(self, *, legend: bool) -> None:
        if self.x is not None:
            name_axes(self.ax_, xlabel=short_name(self.feature_name, 40), ylabel=short_name(self.target_name, 40))
        else:
            vertical = "true prediction" if self.predictions_are_true else "predicted"
            target = self.target_name
            name_axes(self.ax_, xlabel=say("actual", target=target), ylabel=say(vertical, target=target))
        if self.predictions is not None and not any(self.ax_.get_title(loc=at) for at in ("left", "center", "right")):
            name_axes(self.ax_, title=quality(self.y, self.predictions))
        if legend:
            place_legend(self.ax_)

    def _equation(self, slope: float, intercept: float) -> str:
        return say(
            "equation",
            target=self.target_name,
            slope=number_text(slope),
            feature=self.feature_name,
            sign="−" if intercept < 0 else "+",
            intercept=number_text(abs(intercept)),
        )
