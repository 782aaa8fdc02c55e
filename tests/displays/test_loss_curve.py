from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import Pipeline

from downslope.descent.stopping import StopReason
from downslope.displays import LossCurve, LossCurveDisplay
from downslope.exceptions import InputError
from tests.displays.runs import blown_up, descend, rows
from tests.displays.sight import is_complete, points_under_legend


@pytest.fixture
def fit():
    X, y, _ = rows(1)
    return descend(X, y, rate=0.3, stop_below=0.002)


def legend_words(ax):
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("quantity", ["mse", "objective"])
def test_the_curve_is_the_history(fit, quantity):
    display = LossCurveDisplay.from_estimator(fit, quantity=quantity)
    assert_array_equal(display.line_.get_xdata(), fit.history_["epoch"])
    assert_array_equal(display.line_.get_ydata(), fit.history_[quantity])
    assert display.lines_ == [display.line_]


def test_the_excess_is_the_objective_less_its_optimum(fit):
    display = LossCurveDisplay.from_estimator(fit, quantity="excess")
    expected = fit.history_["objective"] - fit.optimum_.objective
    assert_array_equal(display.line_.get_ydata(), expected)
    assert not display.optimum_lines_


def test_excess_within_rounding_is_drawn_at_its_limit():
    history = {"epoch": [0, 1, 2, 3], "objective": [3.0, 2.5, 2.0, np.nextafter(2.0, 0.0)]}
    display = LossCurveDisplay.from_history(history, quantity="excess", optimum=2.0)
    limit = 16 * np.finfo(float).eps * 2.0
    assert_array_equal(display.line_.get_ydata(), [1.0, 0.5, limit, limit])
    assert legend_words(display.ax_) == ["limit of rounding"]
    assert_array_equal(display.curves[0].value[2:], [0.0, np.nextafter(2.0, 0.0) - 2.0])


def test_an_excess_is_logarithmic_however_short_the_run():
    history = {"epoch": [0, 1, 2], "mse": [6.0, 5.0, 4.5], "objective": [3.0, 2.5, 2.25]}
    assert LossCurveDisplay.from_history(history, quantity="excess", optimum=2.0).ax_.get_yscale() == "log"
    assert LossCurveDisplay.from_history(history, quantity="objective").ax_.get_yscale() == "linear"
    flat = {"epoch": [0, 1], "objective": [0.0, 0.0]}
    LossCurveDisplay.from_history(flat, quantity="excess", optimum=0.0).figure_.draw_without_rendering()


def test_references_stand_at_their_heights(fit):
    display = LossCurveDisplay.from_estimator(fit)
    (optimum,), (goal,) = display.optimum_lines_, display.stop_below_lines_
    assert set(optimum.get_ydata()) == {2 * fit.optimum_.objective}
    assert optimum.get_linestyle() == ":"
    assert set(goal.get_ydata()) == {0.002}
    objective = LossCurveDisplay.from_estimator(fit, quantity="objective")
    assert set(objective.optimum_lines_[0].get_ydata()) == {fit.optimum_.objective}
    assert not objective.stop_below_lines_


@pytest.mark.parametrize(("setting", "value"), [("loss", "huber"), ("penalty", "l2"), ("optimum_", None)])
def test_no_optimal_mse_is_made_up_where_it_is_not_known(fit, setting, value):
    setattr(fit, setting, value)
    assert not LossCurveDisplay.from_estimator(fit).optimum_lines_


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (StopReason.CONVERGED, "converged at epoch 2"),
        (StopReason.NO_IMPROVEMENT, "no further improvement at epoch 2"),
        (StopReason.MAX_ITER, "out of epochs at epoch 2"),
        (StopReason.DIVERGED, "diverged at epoch 2"),
        (StopReason.INTERRUPTED, "interrupted at epoch 2"),
        (StopReason.CALLBACK, "stopped by a callback at epoch 2"),
        (StopReason.STOP_BELOW, "goal reached at epoch 2"),
        ("something new", "stopped at epoch 2"),
    ],
)
def test_the_stop_is_marked_and_said_in_words(reason, words):
    history = {"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0]}
    display = LossCurveDisplay.from_history(history, stop_reason=reason)
    assert legend_words(display.ax_) == [words]
    (mark,) = [line for line in display.ax_.lines if line.get_label() == words]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (2.0, 1.0)


def test_the_goal_that_was_reached_is_named_with_its_number(fit):
    assert fit.stop_reason_ == "stop_below"
    words = legend_words(LossCurveDisplay.from_estimator(fit).ax_)
    assert words[0] == f"error below 0.002 at epoch {fit.history_['epoch'][-1]:.0f}"


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([99.0, 10.0, 1.0], "linear"),
        ([101.0, 10.0, 1.0], "log"),
        ([1.0, 0.0, 0.0], "linear"),
        ([3.0, 3.0, 3.0], "linear"),
        ([3e300, 2e300, 1e300], "log"),
        ([3e-300, 2e-300, 1e-300], "log"),
    ],
)
def test_the_values_decide_the_scale(values, scale):
    display = LossCurveDisplay.from_history({"epoch": [0, 1, 2], "mse": values})
    assert display.ax_.get_yscale() == scale
    display.figure_.draw_without_rendering()


def test_a_scale_can_be_asked_for():
    history = {"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0]}
    assert LossCurveDisplay.from_history(history, yscale="log").ax_.get_yscale() == "log"
    steep = {"epoch": [0, 1, 2], "mse": [1e6, 1e3, 1.0]}
    assert LossCurveDisplay.from_history(steep, yscale="linear").ax_.get_yscale() == "linear"
    with pytest.raises(InputError, match="yscale is 'cubic', but it must be one of 'auto', 'linear', 'log'"):
        LossCurveDisplay.from_history(history, yscale="cubic")


def test_a_long_run_that_works_early_gets_a_logarithmic_axis_that_keeps_epoch_0():
    epoch = np.arange(2001.0)
    early = LossCurveDisplay.from_history({"epoch": epoch, "mse": 1 + 0.8**epoch})
    assert early.ax_.get_xscale() == "symlog"
    at = early.ax_.transData.transform([(0.0, 1.0), (1.0, 1.0), (10.0, 1.0)])[:, 0]
    assert at[0] < at[1] < at[2]
    assert early.ax_.get_xlim()[0] <= 0
    steady = LossCurveDisplay.from_history({"epoch": epoch, "mse": 2.0 ** (-epoch / 100)})
    assert steady.ax_.get_xscale() == "linear"
    assert steady.ax_.get_yscale() == "log"


def test_a_run_that_blew_up_is_shown_up_to_there():
    display = LossCurveDisplay.from_history(blown_up(), stop_reason="diverged", kept_epoch=1)
    assert_array_equal(display.line_.get_ydata(), [1.0, 0.5, 1e80, np.nan])
    assert_array_equal(display.curves[0].value, [1.0, 0.5, 1e80, np.inf])
    marks = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in display.ax_.lines[1:]}
    assert marks == {"diverged at epoch 3": (2.0, 1e80), "best state kept: epoch 1": (1.0, 0.5)}
    assert is_complete(display.figure_)


def test_the_restored_epoch_is_marked():
    X, y, _ = rows(3)
    fit = descend(X, y, rate=1.9, epochs=300)
    assert fit.stop_reason_ == "diverged"
    display = LossCurveDisplay.from_estimator(fit)
    assert display.curves[0].kept_epoch == np.argmin(fit.history_["mse"])
    assert "best state kept: epoch 0" in legend_words(display.ax_)


def test_nothing_finite_is_an_empty_curve():
    history = {"epoch": [0.0], "mse": [np.nan]}
    display = LossCurveDisplay.from_history(history, stop_reason="diverged", kept_epoch=0)
    assert np.isnan(display.line_.get_ydata()).all()


def test_the_validation_curve():
    history = {"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0], "validation_mse": [3.5, 2.5, 2.7]}
    display = LossCurveDisplay.from_history(history, stop_reason="no_improvement", kept_epoch=1)
    assert_array_equal(display.validation_lines_[0].get_ydata(), [3.5, 2.5, 2.7])
    words = ["training rows", "validation rows", "no further improvement at epoch 2", "best state kept: epoch 1"]
    assert legend_words(display.ax_) == words
    named = LossCurveDisplay.from_history(history, stop_reason="no_improvement", name="mine")
    assert legend_words(named.ax_) == ["mine: no further improvement at epoch 2", "mine: validation rows"]


def test_several_fits_are_named_by_what_differs():
    X, y, _ = rows(1)
    fits = [descend(X, y, rate=rate) for rate in (0.1, 0.5)]
    display = LossCurveDisplay.from_estimators(fits)
    for line, fit in zip(display.lines_, fits, strict=True):
        assert_array_equal(line.get_ydata(), fit.history_["mse"])
    assert display.lines_[0].get_color() != display.lines_[1].get_color()
    assert len(display.optimum_lines_) == 1
    assert legend_words(display.ax_)[:2] == [
        "learning_rate = 0.1: out of epochs at epoch 70",
        "learning_rate = 0.5: out of epochs at epoch 70",
    ]


def test_several_fits_are_named_by_a_mapping_or_counted(fit):
    named = LossCurveDisplay.from_estimators({"mine": fit, "yours": fit})
    assert [curve.name for curve in named.curves] == ["mine", "yours"]
    numbered = legend_words(LossCurveDisplay.from_estimators([fit, fit]).ax_)
    assert [words.partition(":")[0] for words in numbered[:2]] == ["fit 1", "fit 2"]
    with pytest.raises(InputError, match="no runs"):
        LossCurveDisplay.from_estimators([])


def test_a_second_run_on_the_same_axes_gets_its_own_colour():
    X, y, _ = rows(1)
    first = LossCurveDisplay.from_estimator(descend(X, y, rate=0.01), name="slow")
    second = LossCurveDisplay.from_estimator(descend(X, y, rate=0.5), name="fast", ax=first.ax_)
    assert second.figure_ is first.figure_
    assert second.line_.get_color() != first.line_.get_color()
    words = legend_words(first.ax_)
    assert len(words) == len(set(words)) == 3
    assert points_under_legend(first.ax_) == 0


def test_given_axes_are_used_and_their_scale_is_kept(fit):
    figure, ax = plt.subplots()
    ax.set_yscale("log")
    before = plt.get_fignums()
    display = LossCurveDisplay.from_estimator(fit, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == before
    assert ax.get_yscale() == "log"
    again = display.plot()
    assert again is display
    assert display.ax_ is not ax


def test_subfigures_are_axes_too(fit):
    left, _ = plt.figure().subfigures(1, 2)
    display = LossCurveDisplay.from_estimator(fit, ax=left.subplots())
    assert display.figure_ is plt.gcf()


def test_fixed_limits_stay(fit):
    _, ax = plt.subplots()
    ax.set_ylim(0.0, 0.01)
    LossCurveDisplay.from_estimator(fit, ax=ax)
    assert ax.get_ylim() == (0.0, 0.01)


def test_words_and_options(fit):
    display = LossCurveDisplay.from_estimator(
        fit, target_name="mpg", legend=False, line_kwargs={"color": "black", "linewidth": 3}
    )
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "mean squared error (units of mpg²)"
    assert display.ax_.get_legend() is None
    assert (display.line_.get_color(), display.line_.get_linewidth()) == ("black", 3)


def test_a_pipeline_shows_its_last_step(fit):
    display = LossCurveDisplay.from_estimator(Pipeline([("fit", fit)]))
    assert_array_equal(display.line_.get_ydata(), fit.history_["mse"])


def test_data_come_first():
    curve = LossCurve(epoch=np.arange(3.0), value=np.array([3.0, 2.0, 1.0]))
    display = LossCurveDisplay(curves=[curve])
    assert not hasattr(display, "ax_")
    assert display.plot() is display


def test_refusals(fit):
    with pytest.raises(InputError, match="no history_"):
        LossCurveDisplay.from_estimator(SimpleNamespace())
    with pytest.raises(InputError, match="quantity is 'loss', but it must be one of"):
        LossCurveDisplay.from_estimator(fit, quantity="loss")
    fit.optimum_ = None
    with pytest.raises(InputError, match="optimal objective of this run is not known"):
        LossCurveDisplay.from_estimator(fit, quantity="excess")


@pytest.mark.parametrize("n_features", [1, 30])
@pytest.mark.parametrize(("rate", "epochs"), [(0.1, 3), (0.1, 70), (0.02, 100_000), (1.99, 100)])
def test_every_picture_is_whole_and_hides_nothing(n_features, rate, epochs):
    X, y, _ = rows(n_features)
    fit = descend(X, y, rate=rate, epochs=epochs)
    display = LossCurveDisplay.from_estimator(fit)
    assert is_complete(display.figure_)
    assert points_under_legend(display.ax_) == 0
    _, ax = plt.subplots()
    LossCurveDisplay.from_estimator(fit, ax=ax)
    assert points_under_legend(ax) == 0
