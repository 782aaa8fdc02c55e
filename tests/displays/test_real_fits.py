"""The pictures of real fits: what is drawn is what the estimator kept."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from downslope import (
    CoefficientPathDisplay,
    FitDisplay,
    GradientDescentRegressor,
    LossCurveDisplay,
    load_example,
    make_linear,
)
from downslope.exceptions import DivergenceWarning
from tests.displays.sight import is_complete, points_under_legend, touching_names


def legend_words(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.fixture(scope="module")
def course():
    """The course's descent: fixed rate, raw columns, stopped at an error."""
    data = make_linear([0.3, 0.5, 0.7], 0.2, n_samples=100, noise=0.01, random_state=0)
    model = GradientDescentRegressor(
        learning_rate=0.5, standardize=False, stop_below=1e-4, init="uniform", random_state=0
    )
    return data, model.fit(data.X, data.y)


@pytest.fixture(scope="module")
def cars():
    table = load_example("auto_mpg")
    X = pd.DataFrame(table.X, columns=list(table.feature_names))
    return table, X, GradientDescentRegressor().fit(X, table.y)


def test_the_course(course):
    data, model = course
    loss = LossCurveDisplay.from_estimator(model)
    assert_array_equal(loss.line_.get_ydata(), model.history_["mse"])
    assert legend_words(loss.ax_)[0] == f"error below 0.0001 at epoch {model.n_iter_}"
    paths = CoefficientPathDisplay.from_estimator(model, true_coef=data.coef, true_intercept=data.intercept)
    for line, path, true in zip(paths.lines_, model.history_.coef.T, data.coef, strict=True):
        assert_array_equal(line.get_ydata(), path)
        assert line.get_ydata()[-1] == pytest.approx(true, abs=0.05)
    fit = FitDisplay.from_data(data, model)
    assert_array_equal(fit.scatter_.get_offsets()[:, 1], model.predict(data.X))


def test_a_real_table(cars):
    table, X, model = cars
    residual = table.y - X.to_numpy() @ model.optimum_.coef - model.optimum_.intercept
    loss = LossCurveDisplay.from_estimator(model, target_name=table.target_name)
    assert loss.optimum_lines_[0].get_ydata()[0] == pytest.approx(np.mean(residual**2))
    assert loss.ax_.get_ylabel() == "mean squared error (units of mpg²)"
    paths = CoefficientPathDisplay.from_estimator(model, target_name=table.target_name)
    assert [text.get_text() for text in paths.ax_.texts] == list(table.feature_names)
    fit = FitDisplay.from_estimator(model, X, table.y, target_name=table.target_name)
    assert fit.ax_.get_title(loc="left").startswith(f"R² = {model.score(X, table.y):.4g} ")
    for display in (loss, paths, fit):
        assert is_complete(display.figure_)
        assert points_under_legend(display.ax_) == 0
        assert touching_names(display.ax_) == []


def test_the_excess_falls_to_the_gap(cars):
    _, _, model = cars
    display = LossCurveDisplay.from_estimator(model, quantity="excess")
    assert display.line_.get_ydata()[-1] == pytest.approx(model.gap_, rel=1e-6)
    assert display.ax_.get_yscale() == "log"


def test_the_excess_keeps_its_digits_far_below_those_of_the_objective(course):
    data, _ = course
    model = GradientDescentRegressor(learning_rate=0.5, standardize=False, tol=0.0, max_iter=100_000)
    model.fit(data.X, data.y)
    display = LossCurveDisplay.from_estimator(model, quantity="excess")
    values = display.line_.get_ydata()
    design = np.column_stack([data.X, np.ones(100)])
    curvature, directions = np.linalg.eigh(design.T @ design / 100)
    apart = directions.T @ np.linalg.lstsq(design, data.y)[0]
    powers = (1 - 0.5 * curvature) ** np.minimum(model.history_["epoch"], 1e4)[:, None]
    expected = 0.5 * np.sum(curvature * (powers * apart) ** 2, axis=1)
    above = values > 1e-26
    assert_allclose(values[above], expected[above], rtol=1e-2)
    assert above.sum() < len(above)
    assert legend_words(display.ax_)[-1] == "limit of rounding"
    assert 0 < values.min() < 1e-28
    assert display.ax_.get_ylim()[0] < values.min()


def test_bands_reach_one_standard_error_to_each_side_of_the_optimum(course):
    data, model = course
    display = CoefficientPathDisplay.from_estimator(model, intercept=True, subplots=True)
    design = np.column_stack([data.X, np.ones(100)])
    best, squares, _, _ = np.linalg.lstsq(design, data.y)
    error = np.sqrt(squares[0] / 96 * np.diag(np.linalg.inv(design.T @ design)))
    bands = np.array([[band.get_y(), band.get_y() + band.get_height()] for band in display.bands_])
    assert_allclose(bands, np.column_stack([best - error, best + error]), rtol=1e-9)
    assert all(list(ax.patches) == [band] for ax, band in zip(display.axes_, display.bands_, strict=True))
    assert display.figure_.legends[0].get_texts()[0].get_text() == "optimum ± 1 standard error"
    assert is_complete(display.figure_)


def test_a_penalty_leaves_no_band(course):
    data, _ = course
    model = GradientDescentRegressor(penalty="l2", alpha=0.1).fit(data.X, data.y)
    display = CoefficientPathDisplay.from_estimator(model, subplots=True)
    assert display.bands_ == []
    assert display.figure_.legends[0].get_texts()[0].get_text() == "optimum"


def test_a_run_that_diverges():
    data = make_linear([0.3, 0.5, 0.7], 0.2, random_state=0)
    with pytest.warns(DivergenceWarning):
        model = GradientDescentRegressor(learning_rate=1.9, standardize=False).fit(data.X, data.y)
    loss = LossCurveDisplay.from_estimator(model)
    words = [f"diverged at epoch {model.n_iter_}", f"best state kept: epoch {model.restored_epoch_}"]
    assert legend_words(loss.ax_)[:2] == words
    paths = CoefficientPathDisplay.from_estimator(model)
    assert paths.ax_.get_yscale() == "symlog"
    assert is_complete(loss.figure_)
    assert is_complete(paths.figure_)


def test_validation_rows_have_their_curve():
    table = load_example("auto_mpg")
    model = GradientDescentRegressor(early_stopping=True, random_state=0).fit(table.X, table.y)
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.validation_lines_[0].get_ydata(), model.history_["validation_mse"])


def test_the_optimum_of_a_robust_loss_is_drawn_too():
    data = make_linear(0.3, 0.5, outliers=3, random_state=0)
    model = GradientDescentRegressor(loss="huber", delta=0.05).fit(data.X, data.y)
    display = LossCurveDisplay.from_estimator(model, quantity="objective")
    assert_array_equal(display.line_.get_ydata(), model.history_["objective"])
    (line,) = display.optimum_lines_
    assert line.get_ydata()[0] == model.optimum_.objective
