from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from downslope import GradientDescentRegressor, SpectrumDisplay, make_linear
from downslope.exceptions import DownslopeWarning, InputError
from tests.displays.sight import is_complete, points_under_legend


def fitted(n_features=3, names=None, **options):
    random = np.random.default_rng(0)
    data = make_linear(random.normal(size=n_features), 0.2, 10 * n_features, 0.1, random_state=0)
    model = GradientDescentRegressor(**{"max_iter": 5, "standardize": False, "learning_rate": 0.1, **options})
    with np.errstate(all="ignore"), pytest.warns(DownslopeWarning):
        model.fit(data.X, data.y)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)
    return data, model


def curvatures(X):
    """Of the raw columns and the intercept, the steepest first."""
    design = np.column_stack([X, np.ones(len(X))])
    return np.linalg.eigvalsh(design.T @ design / len(X))[::-1]


def named(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def said(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize("rate", [None, 0.05, 2.0])
def test_the_directions_have_the_curvatures_of_the_rows_and_the_shares_of_plain_steps(rate):
    data, model = fitted()
    display = SpectrumDisplay.from_estimator(model, rate)
    known, used = curvatures(data.X), model.learning_rate_ if rate is None else rate
    assert_allclose(display.eigenvalue_line_.get_xdata(), known)
    assert_allclose(display.contraction_line_.get_xdata(), np.abs(1 - used * known), atol=1e-14)
    limits = [line.get_xdata()[0] for line in display.limit_lines_]
    assert_allclose(limits, [2 / used, 1.0])
    growing = [word for word in said(display.figure_) if word == "grows: diverges"]
    assert bool(growing) == (used * known[0] > 2)


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_with_momentum_the_share_is_the_largest_root_of_a_step(beta):
    data, model = fitted(method="momentum", momentum=beta)
    display = SpectrumDisplay.from_estimator(model, 0.3)
    roots = [np.abs(np.roots([1, -(1 + beta - 0.3 * value), beta])).max() for value in curvatures(data.X)]
    assert_allclose(display.contraction_line_.get_xdata(), roots)
    assert display.stable_eigenvalue == pytest.approx(2 * (1 + beta) / 0.3)
    assert "|1 − ηλ|" not in display.axes_[1].get_xlabel()


def test_a_direction_is_named_by_the_column_that_weighs_most_in_it():
    directions = np.array([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])
    known = {"eigenvalues": [3.0, 2.0, 1.0], "learning_rate": 0.1, "directions": directions}
    display = SpectrumDisplay(**known, feature_names=["age", "h" * 30]).plot()
    assert named(display.ax_) == ["h" * 23 + "…  64%", "age  64%", "intercept  100%"]
    assert named(SpectrumDisplay(eigenvalues=[3.0, 2.0], learning_rate=0.1).plot().ax_) == ["1", "2"]


def test_a_pipeline_shows_its_last_step():
    data, _ = fitted()
    pipeline = make_pipeline(StandardScaler(), GradientDescentRegressor(standardize=False, fit_intercept=False))
    display = SpectrumDisplay.from_estimator(pipeline.fit(data.X, data.y - data.y.mean()))
    assert_allclose(display.eigenvalues, np.linalg.eigvalsh(np.corrcoef(data.X.T))[::-1])


def test_a_direction_without_curvature_is_marked_as_such():
    data, _ = fitted()
    X = np.column_stack([data.X, data.X[:, 0]])
    with pytest.warns(DownslopeWarning):
        model = GradientDescentRegressor().fit(X, data.y)
    display = SpectrumDisplay.from_estimator(model)
    assert np.count_nonzero(display.eigenvalues == 0) == 1
    assert "λ = 0: not determined" in said(display.figure_)
    assert display.ax_.get_xlim()[0] > 1e-3


def test_rules_without_a_share_show_their_curvatures_alone():
    _, model = fitted(method="adam")
    display = SpectrumDisplay.from_estimator(model)
    assert len(display.axes_) == 1
    assert display.contraction_line_ is None
    assert display.limit_lines_ == []
    with pytest.raises(InputError, match="kind is 'contraction', but this display has no data for 'contraction'"):
        display.plot(kind="contraction")


def test_one_of_the_panels_or_both_on_axes_of_the_user():
    _, model = fitted()
    figure, axes = plt.subplots(1, 2)
    before = plt.get_fignums()
    display = SpectrumDisplay.from_estimator(model, ax=axes[0])
    assert (display.ax_, display.figure_, display.contraction_line_) == (axes[0], figure, None)
    assert display.plot(axes) is display
    assert display.axes_ == list(axes)
    display.plot(axes[1], kind="contraction")
    assert display.eigenvalue_line_ is None
    assert plt.get_fignums() == before
    with pytest.raises(InputError, match="Got 1 axes for 2 pictures"):
        display.plot(axes[0], kind="both")
    with pytest.raises(
        InputError, match="kind is 'shares', but it must be one of 'eigenvalues', 'contraction', 'both'"
    ):
        display.plot(kind="shares")


@pytest.mark.parametrize(
    "options", [{"loss": "huber", "learning_rate": "auto"}, {"penalty": "l1"}, {"penalty": "elasticnet"}]
)
def test_fits_that_descend_no_bowl_are_refused_in_one_sentence(options):
    _, model = fitted(**options)
    with pytest.raises(InputError, match="GradientDescentRegressor has no landscape_, which only a fit of the squared"):
        SpectrumDisplay.from_estimator(model)


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan, "auto"])
def test_a_rate_that_is_none_is_refused(rate):
    _, model = fitted()
    with pytest.raises(InputError, match=r"learning_rate is .*; pass a positive number"):
        SpectrumDisplay.from_estimator(model, rate)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"contraction": [1.0]}, "contraction has 1 values, but there are 2 eigenvalues"),
        ({"directions": np.eye(3)}, r"directions has shape \(3, 3\), but there are 2 eigenvalues"),
    ],
)
def test_refusals(known, sentence):
    with pytest.raises(InputError, match=sentence):
        SpectrumDisplay(eigenvalues=[2.0, 1.0], learning_rate=0.1, **known)


@pytest.mark.parametrize("n_features", [1, 3, 30, 60])
@pytest.mark.parametrize("rate", [1e-9, 0.1, 1e6])
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_picture_is_whole_and_hides_nothing(n_features, rate, lang, korean_font):
    _, model = fitted(n_features, names=[f"아주 길고 길고 또 긴 열의 이름 {i}" for i in range(n_features)])
    display = SpectrumDisplay.from_estimator(model, rate, lang=lang)
    assert is_complete(display.figure_)
    first, second = ([ax.transData.transform((1.0, row))[1] for row in (1, n_features)] for ax in display.axes_)
    assert_allclose(first, second)
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    assert n_features > 40 or all(above.y0 > below.y1 - 1 for above, below in pairwise(boxes))
    _, ax = plt.subplots()
    for kind in ("eigenvalues", "contraction"):
        ax.clear()
        display.plot(ax, kind=kind, lang=lang)
        assert points_under_legend(ax) == 0
