import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from downslope import GradientDescentRegressor, LearningRateDisplay, make_linear, sweep
from downslope.exceptions import CollinearColumnsWarning, InputError
from tests.displays.sight import is_complete, points_under_legend


@pytest.fixture(scope="module")
def data():
    return make_linear([0.3, 0.5, 0.7], 0.2, random_state=0)


@pytest.fixture(scope="module")
def bowl(data):
    """The curvatures of the raw columns, the steepest first, and how far zero is from the optimum along each."""
    design = np.column_stack([data.X, np.ones(len(data.y))])
    curvature, directions = np.linalg.eigh(design.T @ design / len(data.y))
    apart = directions.T @ np.linalg.lstsq(design, data.y)[0]
    return curvature[::-1], apart[::-1]


def excess(bowl, rate, epoch):
    """J - J* after an epoch of plain steps from zero: ½Σλ((1 - ηλ)ᵏ c)²."""
    curvature, apart = bowl
    left = (1 - np.multiply.outer(rate, curvature)) ** np.asarray(epoch)[..., None] * apart
    return 0.5 * np.sum(curvature * left**2, axis=-1)


def said(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_curves_are_the_descents_and_the_gaps_their_ends(data, bowl):
    display = LearningRateDisplay.from_data(data.X, data.y, standardize=False, max_iter=50)
    assert [rate.role for rate in display.curves] == ["too small", "good", "best", "too large"]
    for rate, line in zip(display.curves[:3], display.lines_, strict=False):
        assert_array_equal(line.get_xdata(), np.arange(51))
        assert_allclose(line.get_ydata(), excess(bowl, rate.learning_rate, np.arange(51)), rtol=1e-9)
        assert rate.gap == line.get_ydata()[-1]
    (gaps,) = display.gap_lines_
    known = np.isfinite(gaps.get_ydata())
    assert known.sum() > 100
    assert_allclose(gaps.get_ydata()[known], excess(bowl, gaps.get_xdata()[known], 50), rtol=1e-6)
    assert display.start_gap == pytest.approx(excess(bowl, 0.1, 0))


@pytest.mark.parametrize("epochs", [10, 100, 3000])
def test_four_rates_tell_the_most(data, bowl, epochs):
    display = LearningRateDisplay.from_data(data.X, data.y, standardize=False, max_iter=epochs)
    small, good, best, large = (rate.learning_rate for rate in display.curves)
    steepest = bowl[0][0]
    assert good in (pytest.approx(1 / steepest), pytest.approx(best / 2))
    assert (small, large) == (pytest.approx(good / 30), pytest.approx(1.05 * 2 / steepest))
    assert [line.get_xdata()[0] for line in display.limit_lines_] == [pytest.approx(2 / steepest)]
    tried = excess(bowl, np.linspace(0.01, 2 / steepest, 5000), epochs)
    nothing = 1e-20 * excess(bowl, 0.1, 0)
    assert excess(bowl, best, epochs) <= max(1.5 * tried.min(), nothing)


def test_a_run_that_diverges_leaves_the_picture_with_a_mark(data, bowl):
    display = LearningRateDisplay.from_data(data.X, data.y, standardize=False)
    height = display.lines_[3].get_ydata()
    drawn = np.isfinite(height)
    assert height[drawn].max() == pytest.approx(1e3 * excess(bowl, 0.1, 0))
    assert not drawn[-1]
    left, beyond = display.diverged_
    assert (left.get_xdata()[0], left.get_ydata()[0]) == (np.flatnonzero(drawn)[-1], height[drawn].max())
    assert np.all(beyond.get_xdata() > 2 / bowl[0][0])
    assert np.all(beyond.get_ydata() == height[drawn].max())
    assert said(display.ax_)[3].endswith(", diverges")
    assert said(display.axes_[1]) == [f"largest stable rate: {2 / bowl[0][0]:.4g}", "diverged", "at the start"]


def test_where_several_rates_leave_nothing_the_fastest_is_the_best():
    data = make_linear(0.3, 0.5, random_state=0)
    display = LearningRateDisplay.from_data(data.X, data.y)
    _, good, best, _ = (rate.learning_rate for rate in display.curves)
    # Standardised, one column and the intercept curve alike: a step of 1 is at the optimum at once.
    assert best == pytest.approx(1.0, rel=0.15)
    assert good == pytest.approx(best / 2)


def test_given_rates_are_shown_with_their_numbers(data):
    display = LearningRateDisplay.from_data(data.X, data.y, learning_rates=[0.5, 0.1], max_iter=20)
    assert said(display.ax_) == ["η = 0.5", "η = 0.1"]
    assert [rate.learning_rate for rate in display.curves] == [0.5, 0.1]
    assert display.gap_lines_[0].get_xdata().min() <= 0.1
    single = LearningRateDisplay.from_data(data.X, data.y, learning_rates=0.1, max_iter=20, quantity="mse")
    assert len(single.lines_) == 1
    assert single.ax_.get_ylabel() == "mean squared error (units of y²)"


@pytest.mark.parametrize("method", ["momentum", "nesterov"])
def test_momentum_has_its_own_limit(data, bowl, method):
    display = LearningRateDisplay.from_data(data.X, data.y, method=method, momentum=0.5, standardize=False)
    product = {"momentum": 3.0, "nesterov": 1.5}[method]
    assert display.gaps[0].limit == pytest.approx(product / bowl[0][0])
    gaps = {rate.role: rate.gap for rate in display.curves}
    assert gaps["best"] < gaps["good"] < gaps["too small"] < gaps["too large"]


def test_methods_and_losses_without_a_limit_need_rates(data):
    for options in ({"method": "adam"}, {"loss": "huber"}, {"penalty": "l1"}):
        with pytest.raises(InputError, match=r"Got no learning_rates, .*pass the rates to show"):
            LearningRateDisplay.from_data(data.X, data.y, **options)
    display = LearningRateDisplay.from_data(
        data.X, data.y, learning_rates=[0.01, 0.1], loss="huber", method="adam", max_iter=20
    )
    assert display.limit_lines_ == []
    assert not display.known_optimum
    assert display.axes_[1].get_ylabel() == "objective J after 20 epochs"
    with pytest.raises(InputError, match=r"learning_rate is -0\.1"):
        LearningRateDisplay.from_data(data.X, data.y, learning_rates=[-0.1])


def test_a_weight_of_two_is_the_row_twice(data):
    weight = np.where(np.arange(100) < 50, 2.0, 1.0)
    weighed = LearningRateDisplay.from_data(data.X, data.y, sample_weight=weight, standardize=False)
    X, y = np.vstack([data.X, data.X[:50]]), np.append(data.y, data.y[:50])
    twice = LearningRateDisplay.from_data(X, y, standardize=False)
    for one, other in zip(weighed.curves, twice.curves, strict=True):
        assert one.learning_rate == pytest.approx(other.learning_rate)
        assert one.gap == pytest.approx(other.gap, rel=1e-6)


def test_what_a_fit_says_of_the_rows_is_said_once(data):
    X = np.column_stack([data.X, data.X[:, 0]])
    with pytest.warns(CollinearColumnsWarning) as caught:
        LearningRateDisplay.from_data(X, data.y)
    assert [warning.category for warning in caught] == [CollinearColumnsWarning]


def test_a_sweep_gives_a_line_for_each_method_and_momentum(data):
    rates = np.geomspace(0.01, 10.0, 12)
    swept = sweep(data.X, data.y, learning_rates=rates, methods=("gd", "momentum"), momenta=(0.5, 0.9), max_iter=30)
    display = LearningRateDisplay.from_sweep(swept)
    assert [curve.name for curve in display.gaps] == ["gd", "momentum, β = 0.5", "momentum, β = 0.9"]
    model = GradientDescentRegressor(learning_rate=rates[0], max_iter=30, tol=0.0)
    model.fit(data.X, data.y)
    assert display.gap_lines_[0].get_ydata()[0] == pytest.approx(model.gap_)
    assert len({line.get_color() for line in display.gap_lines_}) == 3
    for line, limit in zip(display.gap_lines_, display.limit_lines_, strict=True):
        assert line.get_color() == limit.get_color()
    assert display.lines_ == []
    assert said(display.ax_)[0].startswith("gd: stable up to ")
    with pytest.raises(InputError, match="no data for 'curves'"):
        display.plot(kind="curves")


def test_one_of_the_panels_or_both_on_axes_of_the_user(data):
    figure, axes = plt.subplots(1, 2)
    before = plt.get_fignums()
    display = LearningRateDisplay.from_data(data.X, data.y, ax=axes[0])
    assert (display.ax_, display.figure_, display.gap_lines_) == (axes[0], figure, [])
    assert display.plot(axes) is display
    assert display.axes_ == list(axes)
    assert plt.get_fignums() == before
    assert display.plot(kind="gap").lines_ == []
    assert said(display.ax_)[2].startswith("too small: η = ")
    with pytest.raises(InputError, match="Got 1 axes for 2 pictures"):
        display.plot(axes[0], kind="both")


def test_data_come_first():
    with pytest.raises(InputError, match="Got neither curves nor gaps"):
        LearningRateDisplay(epochs=3)


@pytest.mark.parametrize("n_features", [1, 30])
@pytest.mark.parametrize("epochs", [3, 100, 100_000])
@pytest.mark.parametrize(("standardize", "lang"), [(True, "en"), (False, "ko")])
def test_every_picture_is_whole_and_hides_nothing(n_features, epochs, standardize, lang, korean_font):
    random = np.random.default_rng(0)
    data = make_linear(random.normal(size=n_features), 0.2, 200, 0.1, random_state=0)
    display = LearningRateDisplay.from_data(
        data.X, data.y, max_iter=epochs, standardize=standardize, lang=lang, target_name="연비"
    )
    assert is_complete(display.figure_)
    for ax in display.axes_:
        assert points_under_legend(ax) == 0
    for kind in ("curves", "gap"):
        assert is_complete(display.plot(kind=kind, lang=lang).figure_)
        assert points_under_legend(display.ax_) == 0


def test_nothing_but_runs_that_diverged(data):
    display = LearningRateDisplay.from_sweep(sweep(data.X, data.y, learning_rates=[3.0, 5.0], max_iter=500))
    assert is_complete(display.figure_)
    assert np.isnan(display.gap_lines_[0].get_ydata()).all()
    assert_allclose(display.diverged_[0].get_xdata(), [3.0, 5.0])


@pytest.mark.parametrize(
    "options",
    [
        {"max_iter": 1},
        {"method": "averaged", "max_iter": 20},
        {"batch_size": 10, "max_iter": 20, "random_state": 0},
        {"init": "uniform", "random_state": 0},
        {"penalty": "l2", "alpha": 0.1},
    ],
)
@pytest.mark.parametrize("height", [None, 0.0, 1.0])
def test_every_kind_of_descent_is_drawn_even_where_there_is_nothing_to_learn(data, options, height):
    target = data.y if height is None else np.full(100, height)
    display = LearningRateDisplay.from_data(data.X, target, **options)
    assert is_complete(display.figure_)
    assert len(display.lines_) == 4
