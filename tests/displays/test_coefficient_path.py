from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal

from downslope.displays import CoefficientPathDisplay
from downslope.displays.style import OTHERS
from downslope.exceptions import InputError
from tests.displays.runs import blown_up, descend, rows
from tests.displays.sight import is_complete, names_at_line_ends, points_under_legend, touching_names


@pytest.fixture
def fit():
    X, y, _ = rows(3)
    return descend(X, y)


def heights(lines):
    return [line.get_ydata()[0] for line in lines]


def words(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("subplots", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_the_paths_are_the_history(fit, intercept, subplots):
    display = CoefficientPathDisplay.from_estimator(
        fit, true_coef=[0.3, 0.5, 0.7], true_intercept=0.2, intercept=intercept, subplots=subplots
    )
    paths = np.column_stack([fit.history_.coef, fit.history_.intercept])[:, : 3 + intercept]
    for line, path in zip(display.lines_, paths.T, strict=True):
        assert_array_equal(line.get_xdata(), fit.history_["epoch"])
        assert_array_equal(line.get_ydata(), path)
    assert display.line_ is display.lines_[0]
    assert display.ax_ is display.axes_[0]
    assert len(display.axes_) == (3 + intercept if subplots else 1)
    assert heights(display.true_lines_) == [0.3, 0.5, 0.7, 0.2][: 3 + intercept]
    best = [*fit.optimum_.coef, fit.optimum_.intercept]
    assert heights(display.optimum_lines_) == best[: 3 + intercept]
    assert {line.get_linestyle() for line in display.true_lines_} == {"--"}
    assert {line.get_linestyle() for line in display.optimum_lines_} == {":"}
    for line, true, optimum in zip(display.lines_, display.true_lines_, display.optimum_lines_, strict=True):
        assert line.get_color() == true.get_color() == optimum.get_color()


def test_without_references_there_is_no_legend():
    display = CoefficientPathDisplay(epoch=[0, 1], coef=[[0.0, 1.0], [0.5, 0.7]]).plot(subplots=True)
    assert not display.figure_.legends
    display.plot()
    assert display.true_lines_ == display.optimum_lines_ == []
    assert display.ax_.get_legend() is None
    assert [text.get_text() for text in names_at_line_ends(display.ax_)] == ["w1", "w2"]


@pytest.mark.parametrize(("n_features", "names"), [(1, ["w"]), (2, ["w1", "w2"])])
def test_weights_are_named(n_features, names):
    display = CoefficientPathDisplay(epoch=[0], coef=np.zeros((1, n_features))).plot()
    assert [text.get_text() for text in names_at_line_ends(display.ax_)] == names


def test_columns_keep_their_names(fit):
    fit.feature_names_in_ = np.array(["age", "height", "weight"], dtype=object)
    display = CoefficientPathDisplay.from_estimator(fit, target_name="pulse")
    assert [text.get_text() for text in names_at_line_ends(display.ax_)] == ["age", "height", "weight"]
    assert display.ax_.get_ylabel() == "coefficient (pulse per unit of column)"
    assert display.ax_.get_xlabel() == "epoch"
    grid = CoefficientPathDisplay.from_estimator(fit, subplots=True, intercept=True)
    titles = [ax.get_title(loc="left") for ax in grid.axes_]
    assert titles == ["age", "height", "weight", "intercept"]


def test_given_axes_are_used_and_hold_the_names_in_the_legend(fit):
    figure, ax = plt.subplots()
    before = plt.get_fignums()
    display = CoefficientPathDisplay.from_estimator(fit, true_coef=[0.3, 0.5, 0.7], ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert plt.get_fignums() == before
    assert words(ax) == ["w1", "w2", "w3", "true value", "optimum"]
    assert not names_at_line_ends(ax)
    assert points_under_legend(ax) == 0
    assert display.plot() is display


def test_given_axes_for_each_weight(fit):
    _, axes = plt.subplots(1, 3)
    before = plt.get_fignums()
    display = CoefficientPathDisplay.from_estimator(fit, subplots=True, ax=axes)
    assert display.axes_ == list(axes)
    assert plt.get_fignums() == before
    assert all(ax.get_xlabel() for ax in axes)
    with pytest.raises(InputError, match="Got 3 axes for 4 pictures"):
        CoefficientPathDisplay.from_estimator(fit, subplots=True, intercept=True, ax=axes)


@pytest.mark.parametrize(("error", "drawn"), [(0.04, 2), (0.06, 0)])
def test_weights_that_share_axes_show_their_bands_where_these_lie_apart(error, drawn):
    known = {"epoch": [0, 1], "coef": [[0.0, 0.0], [0.3, 0.4]], "optimum_coef": [0.3, 0.4], "coef_error": [error] * 2}
    display = CoefficientPathDisplay(**known).plot()
    assert len(display.bands_) == drawn
    assert words(display.ax_) == ["optimum ± 1 standard error" if drawn else "optimum"]
    assert [band.get_facecolor()[:3] for band in display.bands_] == [
        to_rgb(line.get_color()) for line in display.lines_[:drawn]
    ]
    assert len(display.plot(subplots=True).bands_) == 2


def test_many_weights_that_share_axes_show_no_bands():
    coef = np.vstack([np.zeros(8), np.arange(8.0)])
    display = CoefficientPathDisplay(epoch=[0, 1], coef=coef, optimum_coef=coef[1], coef_error=[0.1] * 8)
    assert display.plot().bands_ == []
    assert len(display.plot(subplots=True).bands_) == 8


def test_the_legend_can_be_left_out(fit):
    display = CoefficientPathDisplay.from_estimator(fit, legend=False)
    assert display.ax_.get_legend() is None


def test_weights_that_explode_get_a_logarithmic_axis_with_zero():
    X, y, _ = rows(3)
    fit = descend(X, y, rate=1.9, epochs=300)
    display = CoefficientPathDisplay.from_estimator(fit)
    assert display.ax_.get_yscale() == "symlog"
    assert "best state kept: epoch 0" in words(display.ax_)
    low, high = display.ax_.get_ylim()
    assert low < 0 < high
    assert CoefficientPathDisplay.from_estimator(descend(X, y)).ax_.get_yscale() == "linear"


def test_a_run_that_blew_up_is_shown_up_to_there():
    display = CoefficientPathDisplay.from_history(blown_up(), optimum_coef=[0.4], kept_epoch=1)
    assert_array_equal(display.line_.get_ydata(), [0.0, 0.5, -1e40, np.nan])
    assert is_complete(display.figure_)
    assert display.kept_epoch == 1


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_paths_without_size_are_drawn(value):
    display = CoefficientPathDisplay(epoch=[0, 1], coef=[[value], [value]]).plot(yscale="log")
    assert is_complete(display.figure_)


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_extreme_sizes_are_drawn(size):
    path = size * np.linspace(0, 1, 20)[:, None]
    display = CoefficientPathDisplay(epoch=np.arange(20), coef=path, optimum_coef=[size]).plot()
    assert is_complete(display.figure_)
    at = display.ax_.transData.transform(np.column_stack([np.arange(20), path]))
    assert np.ptp(at[:, 1]) > 100


def test_of_very_many_weights_the_largest_are_named():
    coef = np.linspace(-1, 1, 100) * np.linspace(0, 1, 5)[:, None]
    display = CoefficientPathDisplay(epoch=np.arange(5), coef=coef, optimum_coef=coef[-1]).plot()
    named = {text.get_text() for text in names_at_line_ends(display.ax_)}
    assert named == {f"w{i + 1}" for i in [*range(16), *range(84, 100)]}
    grey = [line for line in display.lines_ if line.get_color() == OTHERS]
    assert len(grey) == 68
    assert "68 other weights" in words(display.ax_)


def test_neighbours_at_the_right_edge_differ_in_colour():
    X, y, _ = rows(30)
    display = CoefficientPathDisplay.from_estimator(descend(X, y))
    order = np.argsort([line.get_ydata()[-1] for line in display.lines_])
    shades = [display.lines_[index].get_color() for index in order]
    assert all(a != b for a, b in pairwise(shades))


def test_no_two_lines_of_a_legend_look_alike():
    random = np.random.default_rng(0)
    for n_features in (7, 8, 12, 20):
        coef = random.normal(size=(30, n_features)).cumsum(axis=0)
        display = CoefficientPathDisplay(epoch=np.arange(30), coef=coef).plot(plt.subplots()[1])
        looks = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
        assert len(looks) == n_features


def test_refusals():
    with pytest.raises(InputError, match=r"coef has shape \(3,\)"):
        CoefficientPathDisplay(epoch=[0, 1, 2], coef=[0.0, 1.0, 2.0])
    with pytest.raises(InputError, match="true_coef has 2 values, but there are 1 features"):
        CoefficientPathDisplay(epoch=[0], coef=[[0.0]], true_coef=[1.0, 2.0])
    with pytest.raises(InputError, match="coef_error has 2 values, but there are 1 features"):
        CoefficientPathDisplay(epoch=[0], coef=[[0.0]], coef_error=[1.0, 2.0])
    with pytest.raises(InputError, match="made without one"):
        CoefficientPathDisplay(epoch=[0], coef=[[0.0]]).plot(intercept=True)
    with pytest.raises(InputError, match=r"epoch has shape \(2, 2\)"):
        CoefficientPathDisplay(epoch=[[0, 1], [2, 3]], coef=[[0.0]])
    with pytest.raises(InputError, match="feature_names has 1 names, but there are 2 features"):
        CoefficientPathDisplay(epoch=[0], coef=[[0.0, 1.0]], feature_names=["age"])
    with pytest.raises(InputError, match="intercept has 2 values, but there are 1 epochs"):
        CoefficientPathDisplay(epoch=[0], coef=[[0.0]], intercept=[1.0, 2.0])


@pytest.mark.parametrize(
    ("n_features", "rate", "epochs"),
    [
        *[(n_features, 0.1, 70) for n_features in (1, 3, 7, 8, 30)],
        *[(n_features, 0.02, 100_000) for n_features in (1, 3, 30)],
        *[(n_features, 1.99, 100) for n_features in (1, 3, 30)],
        (3, 0.1, 3),
    ],
)
def test_every_picture_is_whole_and_hides_nothing(n_features, rate, epochs):
    X, y, coef = rows(n_features)
    fit = descend(X, y, rate=rate, epochs=epochs)
    display = CoefficientPathDisplay.from_estimator(fit, true_coef=coef, true_intercept=0.2, intercept=True)
    assert is_complete(display.figure_)
    assert points_under_legend(display.ax_) == 0
    assert touching_names(display.ax_) == []
    assert len(names_at_line_ends(display.ax_)) == n_features + 1


@pytest.mark.parametrize("n_features", [1, 7, 30])
def test_small_multiples_are_whole(n_features):
    X, y, coef = rows(n_features)
    display = CoefficientPathDisplay.from_estimator(descend(X, y), true_coef=coef, subplots=True)
    assert is_complete(display.figure_)
    assert len(display.figure_.axes) == n_features
    assert_allclose(heights(display.true_lines_), coef)
