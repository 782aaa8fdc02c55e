"""The loss against the epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from downslope.displays.curves import LossCurve, read_estimator, read_history, what_differs
from downslope.displays.labels import place_legend, release_headroom
from downslope.displays.scales import finite, happens_early, resolve_scale, scale_epochs, wants_log
from downslope.displays.style import ACCENT, INK, MUTED, colour, drawing, figure_of, name_axes, new_axes
from downslope.displays.wording import epoch_text, number_text, outcome_text, say
from downslope.exceptions import InputError
from downslope.texts import Finding

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["LossCurve", "LossCurveDisplay"]

_CURVE = "downslope-curve"
_FEW_RECORDS = 12


class LossCurveDisplay:
    """The loss of one or several runs against the epochs.

    Make it with `from_estimator`, `from_estimators` or `from_history`, which draw at once; `plot` draws it
    again.

    Parameters
    ----------
    curves : iterable of LossCurve
        The runs.
    quantity : {"mse", "objective", "excess"}, default="mse"
        What the values are; "excess" is the objective less its optimum, of a fit with a `landscape_` to all digits.
    target_name : str, default="y"
        The target, for the label of the axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    line_ : matplotlib Line2D
        The first curve.
    lines_ : list of matplotlib Line2D
        The curves, one for each run.
    validation_lines_ : list of matplotlib Line2D
        The curves of the rows held out, where there are any.
    optimum_lines_, stop_below_lines_ : list of matplotlib Line2D
        Horizontal lines at the optimum (dotted) and at the goal (dash-dotted).

    Examples
    --------
    >>> from downslope.displays import LossCurveDisplay
    >>> history = {"epoch": [0, 1, 2], "mse": [4.0, 1.0, 0.25]}
    >>> display = LossCurveDisplay.from_history(history, stop_reason="max_iter")
    >>> display.ax_.get_xlabel()
    'epoch'
    >>> display.line_.get_ydata().tolist()
    [4.0, 1.0, 0.25]
    """

    ax_: Axes
    figure_: Figure
    line_: Line2D
    lines_: list[Line2D]
    validation_lines_: list[Line2D]
    optimum_lines_: list[Line2D]
    stop_below_lines_: list[Line2D]

    def __init__(self, *, curves: Iterable[LossCurve], quantity: str = "mse", target_name: str = "y") -> None:
        self.curves = tuple(curves)
        self.quantity = quantity
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        quantity: str = "mse",
        name: str | None = None,
        target_name: str = "y",
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the loss of a fitted estimator.

        Parameters
        ----------
        estimator : GradientDescentRegressor or Pipeline
            Fitted; a pipeline's last step counts.
        quantity : {"mse", "objective", "excess"}, default="mse"
            "excess" needs an optimum that is known.
        name : str, optional
            Names the run in the legend; give one to draw several on the same axes.
        target_name : str, default="y"
            The target, for the label of the axis.
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        **plot_options
            Passed to `plot`.

        Returns
        -------
        LossCurveDisplay
        """
        curve = read_estimator(estimator, quantity, name)
        return cls(curves=[curve], quantity=quantity, target_name=target_name).plot(ax, **plot_options)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any] | Iterable[Any],
        *,
        quantity: str = "mse",
        target_name: str = "y",
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw several fitted estimators in one picture.

        A mapping gives their names; without one the legend names the parameters that differ. The other
        parameters are those of `from_estimator`.
        """
        runs = list(estimators.values() if isinstance(estimators, Mapping) else estimators)
        names = list(estimators) if isinstance(estimators, Mapping) else what_differs(runs)
        curves = [read_estimator(run, quantity, name) for run, name in zip(runs, names, strict=True)]
        return cls(curves=curves, quantity=quantity, target_name=target_name).plot(ax, **plot_options)

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        quantity: str = "mse",
        optimum: float | None = None,
        name: str | None = None,
        stop_reason: str | None = None,
        stop_below: float | None = None,
        kept_epoch: float | None = None,
        target_name: str = "y",
        ax: Axes | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the loss of a history alone; what only the estimator knows may be given beside it.

        Parameters
        ----------
        history : History
            Or any mapping with the columns "epoch" and "mse" (or "objective").
        optimum : float, optional
            The best possible value of `quantity`; for "excess" the optimal objective.
        stop_reason : str, optional
            Such as "converged".
        stop_below : float, optional
            The goal of the mean squared error.
        kept_epoch : float, optional
            The epoch whose state was restored.
        quantity, name, target_name, ax, **plot_options
            As in `from_estimator`.

        Returns
        -------
        LossCurveDisplay
        """
        reason = None if stop_reason is None else str(getattr(stop_reason, "value", stop_reason))
        known = {"name": name, "stop_reason": reason, "stop_below": stop_below, "kept_epoch": kept_epoch}
        curve = read_history(history, quantity, optimum=optimum, **known)
        return cls(curves=[curve], quantity=quantity, target_name=target_name).plot(ax, **plot_options)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        xscale: str = "auto",
        yscale: str = "auto",
        legend: bool = True,
        lang: str | None = None,
        line_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure without it.
        xscale, yscale : {"auto", "linear", "log"}, default="auto"
            "auto" is logarithmic for an excess, for other values where they span more than two decades, and for
            the epochs where a long run does most of its work early. Epoch 0 has its place on the logarithmic axis too.
        legend : bool, default=True
            Whether to draw a legend.
        lang : {"en", "ko"}, optional
            The language of the words, English without it. Where no font has Korean letters they are English too,
            and a `MissingFontWarning` says which one to install.
        line_kwargs : mapping, optional
            Passed to matplotlib's ``plot`` for the curves.

        Returns
        -------
        LossCurveDisplay
            Itself.
        """
        if not self.curves:
            raise InputError(Finding("displays.no_runs"))
        log_y = resolve_scale("yscale", yscale, any(self._wants_log(curve) for curve in self.curves))
        log_x = resolve_scale(
            "xscale", xscale, any(happens_early(curve.epoch, curve.drawn(), log=log_y) for curve in self.curves)
        )
        with drawing(own_figure=ax is None, lang=lang) as plt:
            self.ax_ = new_axes(plt, (7.0, 4.2))[0] if ax is None else ax
            self.figure_ = figure_of(self.ax_)
            release_headroom(self.ax_)
            earlier = sum(line.get_gid() == _CURVE for line in self.ax_.lines)
            scale_epochs(self.ax_, max(curve.epoch[-1] for curve in self.curves), log=log_x)
            if log_y or yscale == "linear":
                self.ax_.set_yscale("log" if log_y else "linear")
            self.lines_, self.validation_lines_ = [], []
            for index, curve in enumerate(self.curves):
                name = say("fit number", number=index + 1) if len(self.curves) > 1 and not curve.name else curve.name
                self._draw(curve, name, {"color": colour(earlier + index), **(line_kwargs or {})})
            self.line_ = self.lines_[0]
            self._draw_references()
            name_axes(self.ax_, xlabel=say("epoch"), ylabel=say(self.quantity, target=self.target_name))
            if legend:
                place_legend(self.ax_)
        return self

    def _wants_log(self, curve: LossCurve) -> bool:
        # An excess that falls by a constant factor is a straight line there, however short the run.
        return wants_log(curve.drawn()) or (self.quantity == "excess" and bool(np.any(curve.drawn() > 0)))

    def _draw(self, curve: LossCurve, name: str | None, options: dict[str, Any]) -> None:
        values = curve.drawn()
        outcome = outcome_text(curve.stop_reason, curve.epoch[-1], name=name, stop_below=curve.stop_below)
        if curve.epoch.size <= _FEW_RECORDS:
            options = {"marker": "o", "markersize": 4, **options}
        alone = say("training") if curve.validation is not None else None
        (line,) = self.ax_.plot(curve.epoch, values, label=outcome if name else alone, gid=_CURVE, **options)
        self.lines_.append(line)
        if curve.validation is not None:
            label = say("validation") if name is None else f"{name}: {say('validation')}"
            held_out = {**options, "linestyle": (0, (4, 1.5)), "linewidth": 1.4}
            if name is None:
                held_out["color"] = ACCENT
            self.validation_lines_ += self.ax_.plot(curve.epoch, finite(curve.validation), label=label, **held_out)
        drawn = np.flatnonzero(np.isfinite(values))
        if drawn.size and curve.stop_reason is not None:
            last = drawn[-1]
            diverged = curve.stop_reason == "diverged"
            self._mark(
                curve.epoch[last],
                values[last],
                None if name else outcome,
                "X" if diverged else "o",
                ACCENT if diverged and not name else line.get_color(),
            )
        if curve.kept_epoch is not None and not name:
            at = int(np.argmin(np.abs(curve.epoch - curve.kept_epoch)))
            words = say("kept", epoch=epoch_text(curve.kept_epoch))
            self._mark(curve.epoch[at], values[at], words, "D", "white")

    def _mark(self, epoch: float, value: float, words: str | None, marker: str, face: Any) -> None:
        edge = INK if face == "white" else "white"
        self.ax_.plot(
            [epoch],
            [value],
            linestyle="none",
            marker=marker,
            markersize=9 if marker == "X" else 7,
            markerfacecolor=face,
            markeredgecolor=edge,
            label=words,
            zorder=4,
            clip_on=False,
        )

    def _draw_references(self) -> None:
        self.optimum_lines_ = [
            self._reference(height, say("optimum", value=number_text(height)), ":", INK)
            for height in _distinct(curve.optimum for curve in self.curves)
        ]
        self.stop_below_lines_ = [
            self._reference(height, say("stop_below", value=number_text(height)), "-.", MUTED)
            for height in _distinct(curve.stop_below for curve in self.curves)
        ]
        floors = [curve.floor for curve in self.curves if np.any(curve.value < curve.floor)]
        if floors:
            self._reference(max(floors), say("rounding"), (0, (1, 3)), MUTED)

    def _reference(self, height: float, label: str, linestyle: Any, ink: str) -> Line2D:
        known = label in self.ax_.get_legend_handles_labels()[1]
        return self.ax_.axhline(
            height, label=None if known else label, linestyle=linestyle, color=ink, linewidth=1.3, zorder=1.5
        )


def _distinct(heights: Iterable[float | None]) -> list[float]:
    """The heights that are known, finite and not the same line twice."""
    kept: list[float] = []
    for height in heights:
        if height is None or not np.isfinite(height):
            continue
        if not any(np.isclose(height, known, rtol=1e-9, atol=0.0) for known in kept):
            kept.append(float(height))
    return kept
