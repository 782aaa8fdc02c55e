import warnings
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from downslope import GradientDescentRegressor, LossSurfaceDisplay, make_linear
from downslope.exceptions import DivergenceWarning, DownslopeWarning, InputError
from tests.displays.sight import is_complete, points_under_legend


def fitted(n_features=1, names=None, weight=None, **options):
    random = np.random.default_rng(0)
    coef = [0.3, 0.5, 0.7][:n_features] if n_features <= 3 else random.normal(size=n_features)
    data = make_linear(coef, 0.5, 10 * n_features + 30, 0.1, random_state=0)
    model = GradientDescentRegressor(**{"max_iter": 30, "tol": 0.0, **options})
    model.fit(data.X, data.y, sample_weight=weight)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    return data, model


class Rows:
    """J and its minimum from the rows themselves, in the coordinates z = (x - mean)/spread or x."""

    def __init__(self, X, y, *, standardize, alpha=0.0, weight=None):
        self.X, self.y, self.alpha = X, y, alpha
        self.weight = np.ones(len(y)) if weight is None else weight
        self.shift = np.average(X, axis=0, weights=self.weight) if standardize else np.zeros(X.shape[1])
        variance = np.average((X - self.shift) ** 2, axis=0, weights=self.weight)
        self.scale = np.sqrt(variance) if standardize else np.ones(X.shape[1])
        design = np.column_stack([(X - self.shift) / self.scale, np.ones(len(y))])
        ridge = np.diag([alpha] * X.shape[1] + [0.0])
        self.curvature = (design.T * self.weight) @ design / self.weight.sum() + ridge
        self.optimum = np.linalg.solve(self.curvature, design.T @ (self.weight * y) / self.weight.sum())
        self.design = design

    def objective(self, theta):
        residual = self.design @ theta - self.y
        penalty = 0.5 * self.alpha * np.sum(theta[:-1] ** 2)
        return 0.5 * np.average(residual**2, weights=self.weight) + penalty

    def original(self, theta):
        """The coefficients and the intercept in the units of the rows, one vector."""
        coef = theta[:-1] / self.scale
        return np.append(coef, theta[-1] - coef @ self.shift)

    def descended(self, weights):
        return np.append(weights[:-1] * self.scale, weights[-1] + weights[:-1] @ self.shift)

    def slope(self, theta, direction):
        """The derivative of J at a place along a direction, by central differences, exact for a quadratic."""
        step = 1e-3 * np.asarray(direction)
        return (self.objective(theta + step) - self.objective(theta - step)) / 2e-3


def excess_on(rows, display, place):
    """J - J* of every point of the drawn contours, one array a contour; `place` turns a point into θ."""
    lowest = rows.objective(rows.optimum)
    segments = [path.vertices for path in display.contours_.get_paths()]
    return [np.array([rows.objective(place(point)) - lowest for point in segment]) for segment in segments]


def said(display):
    legend = display.ax_.get_legend() or display.figure_.legends[0]
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.2])
@pytest.mark.parametrize(("n_features", "features"), [(1, None), (3, (0, 2)), (3, ("w2", "intercept"))])
@pytest.mark.parametrize("coordinates", ["original", "descended"])
def test_the_loss_of_the_rows_is_the_level_all_along_a_contour(standardize, alpha, n_features, features, coordinates):
    penalty = {"penalty": "l2", "alpha": alpha} if alpha else {}
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 10 * n_features + 30)
    data, model = fitted(n_features, standardize=standardize, weight=weight, **penalty)
    display = LossSurfaceDisplay.from_estimator(model, features=features, coordinates=coordinates)
    rows = Rows(data.X, data.y, standardize=standardize, alpha=alpha, weight=weight)
    chosen = {None: [0, 1], (0, 2): [0, 2], ("w2", "intercept"): [1, 3]}[features]

    def place(point):
        centre = rows.optimum if coordinates == "descended" else rows.original(rows.optimum)
        at = centre.copy()
        at[chosen] = point
        return at if coordinates == "descended" else rows.descended(at)

    found = excess_on(rows, display, place)
    assert len(found) == display.levels_.size >= 4
    for level, values in zip(display.levels_, found, strict=True):
        assert_allclose(values, level, rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("n_features", [3, 30])
def test_without_features_the_flattest_and_the_steepest_direction_are_drawn(standardize, n_features):
    data, model = fitted(n_features, standardize=standardize)
    display = LossSurfaceDisplay.from_estimator(model)
    rows = Rows(data.X, data.y, standardize=standardize)
    eigenvalues, directions = np.linalg.eigh(rows.curvature)
    span = directions[:, [0, -1]]
    span = span * np.sign(span[np.abs(span).argmax(axis=0), [0, 1]])
    for level, values in zip(
        display.levels_, excess_on(rows, display, lambda point: rows.optimum + span @ point), strict=True
    ):
        assert_allclose(values, level, rtol=1e-6, atol=1e-13)
    axes = display.plane.axes
    assert_allclose([axis.eigenvalue for axis in axes], eigenvalues[[0, -1]])
    assert_allclose([axis.share for axis in axes], (span**2).max(axis=0))
    names = [*(f"w{j + 1}" for j in range(n_features)), None]
    assert [axis.name for axis in axes] == [names[j] for j in np.abs(span).argmax(axis=0)]
    assert display.ax_.get_xlabel().startswith("flattest direction: ")
    assert display.ax_.get_ylabel().startswith("steepest direction: ")
    started = np.append(np.zeros(n_features), 0.0) - rows.optimum
    assert_allclose(display.path_.get_xydata()[0], started @ span, atol=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"method": "momentum"}, {"method": "adam"}, {"batch_size": 5, "random_state": 0}]
)
def test_the_path_is_the_history(options):
    _, model = fitted(standardize=False, **options)
    display = LossSurfaceDisplay.from_estimator(model)
    history = model.history_
    assert_array_equal(display.path_.get_xydata(), np.column_stack([history.coef[:, 0], history.intercept]))
    assert_array_equal(display.start_.get_xydata()[0], display.path_.get_xydata()[0])
    assert_array_equal(display.end_.get_xydata()[0], [model.coef_[0], model.intercept_])
    assert_allclose(display.optimum_.get_xydata()[0], [model.optimum_.coef[0], model.optimum_.intercept])
    assert display.view_.contains(display.path_.get_xydata()).all()


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("coordinates", ["original", "descended"])
def test_arrows_point_where_plain_steps_lead(standardize, coordinates):
    data, model = fitted(standardize=standardize, learning_rate=0.2)
    display = LossSurfaceDisplay.from_estimator(model, coordinates=coordinates)
    rows = Rows(data.X, data.y, standardize=standardize)
    tails = display.arrows_.get_offsets()
    arrows = np.column_stack([display.arrows_.U, display.arrows_.V])
    assert len(arrows) >= 3
    for tail, arrow in zip(np.asarray(tails), arrows, strict=True):
        theta = tail if coordinates == "descended" else rows.descended(tail)
        gradient = np.array([rows.slope(theta, direction) for direction in np.eye(2)])
        ahead = theta - gradient
        way = -gradient if coordinates == "descended" else rows.original(ahead) - tail
        assert_allclose(arrow / np.linalg.norm(arrow), way / np.linalg.norm(way), atol=1e-7)
    steps = np.diff(display.path, axis=0)
    assert_allclose(steps, 0.2 * display.plane.downhill(display.path[:-1]), rtol=1e-7, atol=1e-12)
    tilted = standardize and coordinates == "original"
    assert ("direction of −∇J (in standardised units)" in said(display)) == tilted
    assert display.plane.keeps_angles != tilted


def test_on_axes_of_equal_scale_arrows_are_at_right_angles_to_the_contours():
    _, model = fitted(standardize=False, learning_rate=0.2)
    display = LossSurfaceDisplay.from_estimator(model)
    display.figure_.draw_without_rendering()
    to_screen = display.ax_.transData.transform
    tail = np.asarray(display.arrows_.get_offsets())[0]
    arrow = np.array([display.arrows_.U[0], display.arrows_.V[0]])
    level = float(display.plane.excess(tail))
    (ring,) = display.plane.contour(level, display.view_.size)
    nearest = np.sort(np.argsort(np.linalg.norm(ring - tail, axis=1))[:2])
    along = np.subtract(*to_screen(ring[nearest]))
    across = to_screen(tail + arrow) - to_screen(tail)
    assert display.ax_.get_aspect() == 1.0
    assert abs(along @ across) < 0.02 * np.linalg.norm(along) * np.linalg.norm(across)


def test_arrows_of_a_slice_are_those_of_the_surface_that_is_drawn():
    data, model = fitted(3, standardize=False, learning_rate=0.2)
    display = LossSurfaceDisplay.from_estimator(model, features=(0, 1))
    rows = Rows(data.X, data.y, standardize=False)
    for tail, arrow in zip(
        np.asarray(display.arrows_.get_offsets()), np.column_stack([display.arrows_.U, display.arrows_.V]), strict=True
    ):
        theta = np.append(tail, rows.optimum[2:])
        gradient = np.array([rows.slope(theta, direction) for direction in np.eye(4)[:2]])
        assert_allclose(arrow / np.linalg.norm(arrow), -gradient / np.linalg.norm(gradient), atol=1e-7)
    assert said(display)[:3] == [
        "J − J* (a slice through the optimum)",
        "path, projected: out of epochs at epoch 30",
        "direction of −∇J (in the slice)",
    ]


@pytest.mark.parametrize("condition", [1e6, 1e12])
def test_long_thin_bowls_have_exact_contours_too(condition):
    random = np.random.default_rng(0)
    X = np.linalg.qr(random.normal(size=(200, 2)))[0] * np.sqrt(200) * [1.0, condition**-0.5]
    y = X @ [1.0, 3.0] + 0.1 * random.normal(size=200)
    model = GradientDescentRegressor(standardize=False, fit_intercept=False, max_iter=50, tol=0.0).fit(X, y)
    display = LossSurfaceDisplay.from_estimator(model)
    best = np.linalg.lstsq(X, y)[0]
    for level, path in zip(display.levels_, display.contours_.get_paths(), strict=True):
        excess = 0.5 * np.mean(((path.vertices - best) @ X.T) ** 2, axis=1)
        assert_allclose(excess, level, rtol=1e-6)
    assert is_complete(display.figure_)
    assert display.view_.contains(display.path).all()


@pytest.mark.parametrize("learning_rate", [1.7, 3.0, 50.0, 1e200])
@pytest.mark.parametrize("n_features", [1, 3])
def test_a_run_that_explodes_leaves_the_picture_with_a_mark(n_features, learning_rate):
    with np.errstate(all="ignore"), pytest.warns(DownslopeWarning):
        _, model = fitted(n_features, standardize=False, learning_rate=learning_rate, max_iter=200)
    display = LossSurfaceDisplay.from_estimator(model)
    view, points = display.view_, display.path_.get_xydata()
    assert np.isfinite(points).all()
    assert view.contains(points, -1e-9).all()
    beyond = len(points) - 1
    assert_array_equal(points[:beyond], display.path[:beyond])
    assert not view.contains(points[-1], 1e-9)
    assert display.end_.get_marker() == "X"
    distance = np.linalg.norm((points - display.plane.optimum) / view.size, axis=1)
    assert distance[0] > 0.05
    assert display.kept_ is not None
    assert is_complete(display.figure_)


def test_a_mean_far_from_zero_costs_no_more_digits_than_it_must():
    random = np.random.default_rng(0)
    X = 1e6 + random.normal(size=(50, 1))
    y = 2.0 * (X[:, 0] - 1e6) + random.normal(size=50)
    model = GradientDescentRegressor(learning_rate=0.3, max_iter=20, tol=0.0).fit(X, y)
    display = LossSurfaceDisplay.from_estimator(model)
    steps = np.diff(display.path, axis=0)
    assert_allclose(steps[:5], 0.3 * display.plane.downhill(display.path[:5]), rtol=1e-5)


def test_columns_that_can_be_exchanged_make_a_valley():
    data, _ = fitted(3)
    X = np.column_stack([data.X, data.X[:, 0]])
    with pytest.warns(DownslopeWarning):
        model = GradientDescentRegressor(standardize=False, max_iter=30, tol=0.0).fit(X, data.y)
    valley = LossSurfaceDisplay.from_estimator(model, features=(0, 3))
    design = np.column_stack([X, np.ones(len(X))])
    best = np.linalg.lstsq(design, data.y)[0]
    levels = np.repeat(valley.levels_, 2)
    for level, path in zip(levels, valley.contours_.get_paths(), strict=True):
        moved = (path.vertices - best[[0, 3]]) @ design[:, [0, 3]].T
        assert_allclose(0.5 * np.mean(moved**2, axis=1), level)
    assert "J − J* (a slice through the optimum, no change along the lines)" in said(valley)
    assert "one of many optima" in said(valley)
    bowl = LossSurfaceDisplay.from_estimator(model)
    assert not bowl.plane.is_valley


def test_of_a_single_direction_that_curves_the_other_is_said_to_be_flat():
    with pytest.warns(DownslopeWarning):
        model = GradientDescentRegressor(standardize=False, max_iter=20).fit(np.full((5, 2), 2.0), np.arange(5.0))
    display = LossSurfaceDisplay.from_estimator(model)
    assert display.ax_.get_xlabel().startswith("direction not determined: ")
    assert display.ax_.get_xlabel().replace("\u00a0", " ").endswith("λ = 0")
    assert display.plane.is_valley
    assert is_complete(display.figure_)


def test_the_true_point():
    data, model = fitted(2, standardize=False)
    known = {"true_coef": data.coef, "true_intercept": data.intercept}
    display = LossSurfaceDisplay.from_estimator(model, features=(1, "intercept"), **known)
    assert_array_equal(display.true_point_.get_xydata()[0], [0.5, 0.5])
    extreme = LossSurfaceDisplay.from_estimator(model, **known)
    rows = Rows(data.X, data.y, standardize=False)
    apart = np.array([0.3, 0.5, 0.5]) - rows.optimum
    flattest = np.linalg.eigh(rows.curvature)[1][:, 0]
    assert abs(extreme.true_point_.get_xdata()[0]) == pytest.approx(abs(apart @ flattest))
    assert LossSurfaceDisplay.from_estimator(model, features=(0, 1), true_coef=data.coef).true_point_ is not None
    assert LossSurfaceDisplay.from_estimator(model).true_point_ is None
    with pytest.raises(InputError, match=r"Got true_coef alone, but .*; pass true_intercept too"):
        LossSurfaceDisplay.from_estimator(model, true_coef=data.coef)
    with pytest.raises(InputError, match="true_coef has 1 values, but there are 2 features"):
        LossSurfaceDisplay.from_estimator(model, true_coef=[0.3])


def test_weights_are_named_and_standardised_ones_are_said_to_be():
    _, model = fitted(3, names=["weight", "intercept", "아주 길고 길고 또 긴 열의 이름"])
    display = LossSurfaceDisplay.from_estimator(model, features=("intercept", 2))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("intercept", "아주 길고 길고 또 긴 열…")
    assert_array_equal(display.path, model.history_.coef[:, 1:])
    display = LossSurfaceDisplay.from_estimator(model, features=("weight", 1), coordinates="descended")
    assert display.ax_.get_xlabel() == "weight, standardised"
    _, raw = fitted(3, standardize=False)
    assert LossSurfaceDisplay.from_estimator(raw, features=(0, 1), coordinates="descended").ax_.get_xlabel() == "w1"


def test_a_pipeline_shows_its_last_step():
    data, _ = fitted(2)
    pipeline = make_pipeline(StandardScaler(), GradientDescentRegressor(standardize=False, fit_intercept=False))
    pipeline.fit(data.X, data.y - data.y.mean())
    display = LossSurfaceDisplay.from_estimator(pipeline)
    assert_array_equal(display.path, pipeline[-1].history_.coef)


def test_on_axes_of_the_user_they_are_drawn_again_and_again():
    _, model = fitted(2)
    figure, (first, second) = plt.subplots(1, 2)
    before = plt.get_fignums()
    display = LossSurfaceDisplay.from_estimator(model, ax=first)
    assert (display.ax_, display.figure_) == (first, figure)
    assert said(display)[0] == "J − J* (a slice through the optimum)"
    assert display.plot(second, legend=False, numbers=False) is display
    assert display.ax_ is second
    assert second.get_legend() is None
    assert display.numbers_ == []
    assert plt.get_fignums() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"features": (0, 0)}, r"features is \(0, 0\), but a surface is drawn over two weights; pass two different"),
        ({"features": (0,)}, r"features is \(0,\), but a surface is drawn over two weights"),
        ({"features": "w1"}, "features is 'w1', but a surface is drawn over two weights"),
        ({"features": (0, 3)}, "features names 3, but it must be the number of a column, from 0 to 2, or one of the"),
        ({"features": (0, -1)}, "features names -1"),
        ({"features": (0, True)}, "features names True"),
        ({"features": ("w1", "age")}, "features names 'age', .* 'w1', 'w2', 'w3', 'intercept'"),
        ({"coordinates": "raw"}, "coordinates is 'raw', but it must be one of 'original', 'descended'"),
        ({"lang": "de"}, "lang is 'de'"),
    ],
)
def test_refusals(options, sentence):
    _, model = fitted(3)
    with pytest.raises(InputError, match=sentence):
        LossSurfaceDisplay.from_estimator(model, **options)


def test_models_without_a_surface_are_refused_in_one_sentence():
    data, model = fitted(1, fit_intercept=False)
    with pytest.raises(InputError, match="a model with 1 parameter, but a surface needs two; draw LossCurveDisplay"):
        LossSurfaceDisplay.from_estimator(model)
    with pytest.raises(InputError, match="GradientDescentRegressor has no history_"):
        LossSurfaceDisplay.from_estimator(GradientDescentRegressor())
    for options in ({"loss": "huber"}, {"penalty": "l1"}):
        _, other = fitted(2, **options)
        with pytest.raises(InputError, match=r"has no landscape_, .*draw its loss curve instead"):
            LossSurfaceDisplay.from_estimator(other)
    X = np.column_stack([np.ones(len(data.y)), data.X])
    with pytest.warns(DownslopeWarning):
        constant = GradientDescentRegressor().fit(X, data.y)
    with pytest.raises(InputError, match="features names 'w1', which never changes in the rows"):
        LossSurfaceDisplay.from_estimator(constant, features=(0, 1))
    with np.errstate(all="ignore"):
        nothing = GradientDescentRegressor(fit_intercept=False).fit(np.zeros((5, 2)), np.arange(5.0))
    with pytest.raises(InputError, match="draw LossCurveDisplay"):
        LossSurfaceDisplay.from_estimator(nothing)
    with pytest.raises(InputError, match=r"path has shape \(3,\), but there are 3 epochs; pass two values for each"):
        LossSurfaceDisplay(plane=None, path=[1.0, 2.0, 3.0], epoch=[0, 1, 2])


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("epochs", [3, 100_000])
@pytest.mark.parametrize("n_features", [1, 3, 30])
@pytest.mark.parametrize("rate", [0.02, 1.9])
def test_every_picture_is_whole_and_hides_nothing(n_features, epochs, rate, lang, korean_font):
    names = [f"아주 길고 길고 또 긴 열의 이름 {i}" for i in range(n_features)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # At 1.9 runs diverge, of three epochs some do not yet.
        warnings.simplefilter("ignore", DivergenceWarning)
        _, model = fitted(n_features, names, standardize=False, learning_rate=rate, max_iter=epochs)
    display = LossSurfaceDisplay.from_estimator(model, lang=lang)
    assert is_complete(display.figure_)
    boxes = [number.get_window_extent() for number in display.numbers_]
    assert len(boxes) >= 2
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    _, ax = plt.subplots()
    display.plot(ax, lang=lang)
    assert points_under_legend(ax) == 0
    frame = ax.get_legend().get_window_extent()
    assert not any(number.get_window_extent().overlaps(frame) for number in display.numbers_)


def test_a_run_that_starts_at_the_optimum_is_a_point_in_its_bowl():
    data, first = fitted(2, standardize=False)
    best = (first.optimum_.coef, first.optimum_.intercept)
    model = GradientDescentRegressor(standardize=False, init=best, max_iter=5, tol=0.0).fit(data.X, data.y)
    display = LossSurfaceDisplay.from_estimator(model)
    assert display.levels_.size >= 4
    assert is_complete(display.figure_)
    assert "one of many optima" not in said(display)
