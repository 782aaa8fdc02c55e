from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import r2_score, root_mean_squared_error

from downslope.data.generated import make_linear
from downslope.displays import FitDisplay
from downslope.exceptions import InputError
from tests.displays.runs import descend, rows
from tests.displays.sight import is_complete, points_under_legend


@pytest.fixture
def line_data():
    return make_linear(0.3, 0.5, 40, 0.05, outliers=2, random_state=0)


def words(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_one_feature_is_points_and_lines(line_data):
    fit = descend(line_data.X, line_data.y)
    display = FitDisplay.from_data(line_data, fit)
    x = line_data.X[:, 0]
    assert_array_equal(display.scatter_.get_offsets(), np.column_stack([x, line_data.y]))
    assert_array_equal(display.outliers_.get_offsets(), np.column_stack([x, line_data.y])[line_data.outliers])
    ends = np.array([x.min(), x.max()])
    assert_array_equal(display.line_.get_xdata(), ends)
    assert_allclose(display.line_.get_ydata(), fit.coef_[0] * ends + fit.intercept_)
    assert_allclose(display.true_line_.get_ydata(), 0.3 * ends + 0.5)
    assert display.true_line_.get_linestyle() == "--"
    assert words(display.ax_)[:2] == ["rows", "outliers"]
    assert words(display.ax_)[3] == "true line: y = 0.3·x + 0.5"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("x", "y")


def test_generated_rows_alone_show_their_true_line(line_data):
    display = FitDisplay.from_data(line_data)
    assert display.line_ is None
    assert_allclose(display.true_line_.get_ydata(), 0.3 * np.array([line_data.X.min(), line_data.X.max()]) + 0.5)
    assert display.ax_.get_title(loc="left") == ""


def test_generated_rows_of_several_features_show_their_true_values():
    data = make_linear([0.3, 0.5, 0.7], 0.2, 40, 0.05, random_state=0)
    display = FitDisplay.from_data(data)
    assert_allclose(display.scatter_.get_offsets()[:, 1], data.X @ data.coef + 0.2)
    assert display.ax_.get_ylabel() == "y of the true weights"
    assert display.outliers_ is None


def test_several_features_are_predicted_against_actual():
    X, y, _ = rows(3)
    fit = descend(X, y)
    display = FitDisplay.from_estimator(fit, X, y, outliers=[3])
    assert_allclose(display.scatter_.get_offsets(), np.column_stack([y, fit.predict(X)]))
    assert_array_equal(display.line_.get_xdata(), display.line_.get_ydata())
    assert display.true_line_ is None
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("actual y", "predicted y")
    assert words(display.ax_) == ["rows", "outliers", "predicted = actual"]


def test_the_title_has_r2_and_rmse():
    X, y, _ = rows(3)
    fit = descend(X, y)
    title = FitDisplay.from_estimator(fit, X, y).ax_.get_title(loc="left")
    r2, rmse = r2_score(y, fit.predict(X)), root_mean_squared_error(y, fit.predict(X))
    assert title == f"R² = {r2:.4g}    RMSE = {rmse:.4g}"


@pytest.mark.parametrize(
    ("y", "predictions", "title"),
    [
        ([1.0, 1.0], [1.0, 2.0], "RMSE = 0.7071    (R² needs values that differ)"),
        ([1.0, 1.0], [1.0, 1.0], "RMSE = 0    (R² needs values that differ)"),
        ([0.0, 1e150], [0.0, 5e149], "R² = 0.5    RMSE = 3.536e+149"),
        ([0.0, 1e-150], [0.0, 5e-151], "R² = 0.5    RMSE = 3.536e−151"),
    ],
)
def test_the_quality_of_extreme_values(y, predictions, title):
    display = FitDisplay.from_predictions(y, predictions)
    assert display.ax_.get_title(loc="left") == title
    assert is_complete(display.figure_)


def test_a_title_that_is_there_stays():
    _, ax = plt.subplots()
    ax.set_title("mine")
    display = FitDisplay.from_predictions([1.0, 2.0], [1.0, 2.5], ax=ax)
    assert ax.get_title() == "mine"
    assert ax.get_title(loc="left") == ""
    assert display.ax_ is ax


def test_given_axes_are_used(line_data):
    figure, ax = plt.subplots()
    before = plt.get_fignums()
    display = FitDisplay.from_data(line_data, ax=ax)
    assert (display.ax_, display.figure_) == (ax, figure)
    assert plt.get_fignums() == before
    assert points_under_legend(ax) == 0
    assert display.plot(legend=False) is display
    assert display.ax_.get_legend() is None


def test_a_fit_that_is_not_straight_is_a_curve():
    x = np.array([3.0, 1.0, 2.0])
    display = FitDisplay.from_predictions(x**2, x**2, x=x)
    assert_array_equal(display.line_.get_xdata(), [1.0, 2.0, 3.0])
    assert_array_equal(display.line_.get_ydata(), [1.0, 4.0, 9.0])
    assert words(display.ax_) == ["rows", "fit"]


def test_a_feature_that_never_changes_is_drawn():
    display = FitDisplay.from_predictions([1.0, 2.0], [1.5, 1.5], x=[4.0, 4.0])
    assert is_complete(display.figure_)


def test_equations_have_their_signs():
    display = FitDisplay.from_predictions([-1.0, -3.0], [-1.0, -3.0], x=[0.0, 1.0], target_name="cost")
    assert words(display.ax_)[1] == "fitted line: cost = −2·x − 1"


def test_of_many_rows_a_part_is_drawn_and_every_outlier():
    random = np.random.default_rng(0)
    y = random.random(3000)
    predictions = y + 0.01 * random.random(3000)
    display = FitDisplay.from_predictions(y, predictions, outliers=[7, 2999])
    assert len(display.scatter_.get_offsets()) == 3000
    assert display.scatter_.get_rasterized()
    display.plot(max_points=500)
    drawn = np.asarray(display.scatter_.get_offsets())
    assert 500 <= len(drawn) <= 502
    assert {y[7], y[2999]} <= set(drawn[:, 0])
    assert words(display.ax_)[0] == "500 of 3,000 rows"
    again = np.asarray(
        FitDisplay.from_predictions(y, predictions, outliers=[7, 2999]).plot(max_points=500).scatter_.get_offsets()
    )
    assert_array_equal(drawn, again)


def test_far_outliers_do_not_shrink_the_picture():
    X, y, _ = rows(3)
    fit = descend(X, y)
    assert FitDisplay.from_estimator(fit, X, y).ax_.get_aspect() == 1.0
    y[0] = 50.0
    assert FitDisplay.from_estimator(fit, X, y).ax_.get_aspect() == "auto"


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_tables_give_their_names(make):
    table = make({"age": [1.0, 2.0, 3.0]})
    target = make({"pulse": [2.0, 4.0, 6.5]})["pulse"]
    fit = SimpleNamespace(predict=lambda X: 2 * np.asarray(X)[:, 0], feature_names_in_=np.array(["age"]))
    display = FitDisplay.from_estimator(fit, table, target)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("age", "pulse")
    assert_array_equal(display.scatter_.get_offsets(), [[1.0, 2.0], [2.0, 4.0], [3.0, 6.5]])


def test_sparse_rows_and_plain_lists():
    fit = SimpleNamespace(predict=lambda X: np.array([0.0, 2.0]))
    for X in (scipy.sparse.csr_array([[0.0], [1.0]]), [[0.0], [1.0]]):
        assert_array_equal(FitDisplay.from_estimator(fit, X, [0.5, 2.0]).x, [0.0, 1.0])


def test_options_reach_matplotlib():
    display = FitDisplay.from_predictions([1.0, 2.0], [1.0, 2.0], scatter_kwargs={"s": 5}, line_kwargs={"color": "red"})
    assert display.scatter_.get_sizes()[0] == 5
    assert display.line_.get_color() == "red"


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"y": [1.0]}, "neither x nor predictions"),
        ({"y": [1.0], "predictions": [1.0, 2.0]}, "predictions has 2 rows, but y has 1"),
        ({"y": [], "predictions": []}, "y has no rows"),
        ({"y": [1.0, np.nan], "predictions": [1.0, 2.0]}, "y has 1 values that are NaN or infinite"),
        ({"y": [1.0], "x": [1.0], "outliers": [1]}, "pass indices from 0 to 0"),
        ({"y": [[1.0, 2.0], [3.0, 4.0]], "x": [1.0]}, r"y has shape \(2, 2\)"),
    ],
)
def test_refusals(known, sentence):
    with pytest.raises(InputError, match=sentence):
        FitDisplay(**known)


@pytest.mark.parametrize("n_features", [1, 3, 30])
@pytest.mark.parametrize("outliers", [0, 5])
def test_every_picture_is_whole_and_hides_nothing(n_features, outliers):
    random = np.random.default_rng(0)
    data = make_linear(random.normal(size=n_features), 0.2, 200, 0.1, outliers=outliers, random_state=1)
    display = FitDisplay.from_data(data, descend(data.X, data.y, epochs=500))
    assert is_complete(display.figure_)
    assert points_under_legend(display.ax_) == 0
