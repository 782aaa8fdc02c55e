import os
import re
import subprocess
import sys
from base64 import b64decode
from functools import cache
from io import BytesIO
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from downslope import GradientDescentRegressor, SGDRegressor, animate, load_example, make_linear
from downslope.descent.history import kept_epochs
from downslope.displays import Animation
from downslope.displays.frames import frame_records
from downslope.displays.scenes import compose, pair_rows
from downslope.displays.style import drawing
from downslope.exceptions import ConstantColumnWarning, DivergenceWarning, FileError, InputError
from tests.displays.sight import is_complete


def fitted(n_features=1, **options):
    data = make_linear([0.3, 0.5, 0.7][:n_features], 0.2, 60, 0.05, random_state=0)
    model = GradientDescentRegressor(
        **{"standardize": False, "learning_rate": 0.3, "max_iter": 40, "tol": 0.0, **options}
    )
    with np.errstate(all="ignore"):
        return data, model.fit(data.X, data.y)


@cache
def animated(n_features):
    """All of a plain descent, which is not to be changed."""
    data, model = fitted(n_features)
    return animate(model, data.X, data.y)


def frames(animation):
    """The frames of the file as it is read back, and how long each is shown."""
    file = Image.open(BytesIO(animation.data))
    pictures, times = [], []
    for index in range(file.n_frames):
        file.seek(index)
        pictures.append(np.asarray(file.convert("RGB"), dtype=int))
        times.append(file.info["duration"])
    return pictures, times


def composed(model, X, y, record, **known):
    """The figure of a record, and the artists that moved there, by their axes."""
    known = {"features": None, "true_coef": None, "true_intercept": None, **known}
    with drawing(own_figure=True, lang="en"), np.errstate(all="ignore"):
        figure, parts = compose(model, pair_rows(model, X, y, None), 100, **known)
        for part in parts:
            part.show(record)
        figure.draw_without_rendering()
    return figure, [part.artists for part in parts]


@pytest.mark.parametrize("n_features", [1, 3])
def test_the_file_is_small_loops_and_holds_on_its_last_frame(n_features):
    animation = animated(n_features)
    pictures, times = frames(animation)
    assert len(pictures) == animation.n_frames == 41
    assert animation.epochs == tuple(range(41))
    assert len(animation.data) < 1_000_000
    assert Image.open(BytesIO(animation.data)).info["loop"] == 0
    assert times[-1] > 2 * times[0] > 2 * times[1]
    assert all(np.abs(before - after).max() > 50 for before, after in pairwise(pictures))


@pytest.mark.parametrize("table", ["course", "cars"])
def test_long_runs_have_80_frames_and_less_than_a_megabyte(table):
    if table == "cars":
        rows = load_example("auto_mpg")
        model = GradientDescentRegressor().fit(rows.X, rows.y)
    else:
        rows = make_linear([0.3, 0.5, 0.7], 0.2, random_state=0)
        model = GradientDescentRegressor(
            learning_rate=0.1, standardize=False, stop_below=1e-4, init="uniform", random_state=0
        ).fit(rows.X, rows.y)
    animation = animate(model, rows.X, rows.y)
    file = Image.open(BytesIO(animation.data))
    assert 70 <= file.n_frames == animation.n_frames <= 80
    assert (animation.epochs[0], animation.epochs[-1]) == (0, model.n_iter_)
    assert len(animation.data) < 1_000_000
    assert file.size == (1200, 420)


@pytest.mark.parametrize("last", [1, 2, 79, 80, 1000, 9_999, 100_000, 10**7])
@pytest.mark.parametrize("most", [2, 10, 80])
def test_frames_are_evenly_apart_on_a_logarithmic_scale(last, most):
    epoch = kept_epochs(last + 1, 10_001).astype(float)
    records = frame_records(epoch, most)
    assert records[0] == 0
    assert records[-1] == epoch.size - 1
    assert np.all(np.diff(records) > 0)
    assert records.size == last + 1 if last < most else 0.8 * most <= records.size <= most
    late = epoch[records][epoch[records] > 100]
    if late.size > 2:
        apart = np.diff(np.log(late))
        assert apart.max() < 1.2 * apart.min() + 0.02


@pytest.mark.parametrize("record", [0, 7, 40])
def test_a_frame_shows_one_epoch_in_all_panels(record):
    data, model = fitted()
    history = model.history_
    figure, ((line, title), (curve, point, error), (path, arrow, place)) = composed(model, data.X, data.y, record)
    weights = history.coef[record, 0], history.intercept[record]
    assert_allclose(line.get_ydata(), weights[0] * line.get_xdata() + weights[1])
    assert title.get_text() == f"epoch {record}    w = {weights[0]:.4g}    b = {weights[1]:.4g}"
    assert_array_equal(curve.get_ydata(), history["mse"][: record + 1])
    assert_array_equal(point.get_xydata(), [[record, history["mse"][record]]])
    assert error.get_text() == f"MSE = {history['mse'][record]:.4g}"
    assert_array_equal(path.get_xydata(), np.column_stack([history.coef[:, 0], history.intercept])[: record + 1])
    assert_array_equal(place.get_xydata(), [weights])
    if arrow.get_visible():
        residual = data.X[:, 0] * weights[0] + weights[1] - data.y
        gradient = np.array([np.mean(residual * data.X[:, 0]), np.mean(residual)])
        way = np.array([arrow.U[0], arrow.V[0]])
        assert_allclose(way / np.linalg.norm(way), -gradient / np.linalg.norm(gradient), atol=1e-9)
    assert is_complete(figure)


def test_of_several_features_the_predictions_move():
    data, model = fitted(3)
    _, ((points, title), *_) = composed(model, data.X, data.y, 5)
    known = data.X @ model.history_.coef[5] + model.history_.intercept[5]
    assert_allclose(points.get_offsets(), np.column_stack([data.y, known]))
    assert title.get_text() == "epoch 5"


def test_a_part_of_many_rows_is_drawn():
    data = make_linear([0.3, 0.5], n_samples=5000, random_state=0)
    model = GradientDescentRegressor(max_iter=5, tol=0.0).fit(data.X, data.y)
    rows = pair_rows(model, data.X, data.y, None)
    assert rows.y.size == 400
    assert np.isin(rows.y, data.y).all()
    assert_array_equal(rows.y, pair_rows(model, data.X, data.y, None).y)


@pytest.mark.parametrize("rate", [1.9, 50.0, 1e200])
@pytest.mark.parametrize("n_features", [1, 3])
def test_a_run_that_explodes_leaves_the_axes_alive(n_features, rate):
    with pytest.warns(DivergenceWarning):
        data, model = fitted(n_features, learning_rate=rate, max_iter=200)
    animation = animate(model, data.X, data.y, max_frames=10)
    assert frames(animation)[0][0].shape == (420, 1200, 3)
    figure, (_, _, (path, arrow, place)) = composed(model, data.X, data.y, len(model.history_) - 1)
    assert place.get_marker() == "X"
    assert not arrow.get_visible()
    assert np.isfinite(path.get_xydata()).all()
    fit, bowl, loss = figure.axes
    assert fit.get_ylim()[1] - fit.get_ylim()[0] < 4 * np.ptp(data.y)
    assert np.isfinite([bowl.get_xlim(), bowl.get_ylim()]).all()
    # Of the fastest only the start can be drawn.
    assert loss.get_yscale() == ("log" if rate < 1e200 else "linear")


@pytest.mark.parametrize(
    "model",
    [
        GradientDescentRegressor(loss="huber", max_iter=20, tol=0.0),
        GradientDescentRegressor(fit_intercept=False, learning_rate=0.5, max_iter=20, tol=0.0),
        SGDRegressor(max_iter=9, tol=None, eta0=0.5),
    ],
)
def test_without_a_bowl_the_line_and_the_loss_are_shown(model):
    data, _ = fitted()
    model.fit(data.X, data.y)
    figure, parts = composed(model, data.X, data.y, 3)
    assert len(figure.axes) == len(parts) == 2
    assert Image.open(BytesIO(animate(model, data.X, data.y).data)).size == (800, 420)


def test_of_a_column_that_never_changes_the_level_alone_moves():
    with pytest.warns(ConstantColumnWarning):
        model = GradientDescentRegressor(learning_rate=0.5, max_iter=9, tol=0.0).fit(np.ones((5, 1)), np.arange(5.0))
    figure, _ = composed(model, np.ones((5, 1)), np.arange(5.0), 9)
    assert len(figure.axes) == 2


def test_the_true_line_and_the_true_point():
    data, model = fitted()
    figure, _ = composed(model, data.X, data.y, 3, true_coef=data.coef, true_intercept=data.intercept)
    (true,) = (line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    assert_allclose(true.get_ydata(), 0.3 * true.get_xdata() + 0.2)
    assert "true value" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_pipeline_of_one_column_shows_its_curve():
    data, _ = fitted()
    pipeline = make_pipeline(PolynomialFeatures(2, include_bias=False), GradientDescentRegressor(max_iter=9, tol=0.0))
    pipeline.fit(data.X, data.y)
    _, ((line, _), *_) = composed(pipeline, data.X, data.y, 9)
    assert_allclose(line.get_ydata(), pipeline.predict(line.get_xdata()[:, None]))
    assert np.all(np.diff(line.get_xdata()) > 0)


@pytest.mark.parametrize("shape", [scipy.sparse.csr_matrix, pd.DataFrame, np.ndarray.tolist])
def test_rows_of_other_libraries(shape, korean_font):
    data, _ = fitted(2)
    X = shape(data.X)
    model = GradientDescentRegressor(max_iter=3, tol=0.0, learning_rate=0.1, standardize=False)
    if isinstance(X, pd.DataFrame):
        X.columns = ["a", "b"]
    model.fit(X, data.y)
    figure, _ = composed(model, X, pd.Series(data.y, name="연비"), 3)
    assert figure.axes[0].get_xlabel() == "actual 연비"
    assert figure.axes[-1].get_ylabel() == "mean squared error (units of 연비²)"


def test_too_large_a_file_is_made_smaller(monkeypatch):
    data, model = fitted()
    whole = animated(1)
    monkeypatch.setattr("downslope.displays.animation._MOST_BYTES", len(whole.data) // 3)
    less = animate(model, data.X, data.y)
    assert len(less.data) < len(whole.data) // 3
    assert less.n_frames == len(frames(less)[0]) <= whole.n_frames
    assert less.epochs[-1] == 40


@pytest.mark.parametrize("n_features", [1, 3])
def test_in_korean_every_panel_is_whole(n_features, korean_font):
    data, model = fitted(n_features)
    with drawing(own_figure=True, lang="ko"):
        rows = pair_rows(model, data.X, data.y, "아주 길고 길고 또 긴 목표 이름 하나")
        known = {"features": None, "true_coef": data.coef, "true_intercept": data.intercept}
        figure, (_, *_) = compose(model, rows, 100, **known)
        assert is_complete(figure)
        assert figure.axes[0].get_title(loc="left").startswith("에포크 40")
        assert figure.axes[-1].get_xlabel() == "에포크"
    english, korean = (animate(model, data.X, data.y, lang=lang, max_frames=2) for lang in ("en", "ko"))
    assert english.data != korean.data


def test_a_notebook_shows_it_and_nothing_else(tmp_path):
    data, model = fitted()
    before = plt.get_fignums()
    animation = animate(model, data.X, data.y, max_frames=5, path=tmp_path / "descent.GIF")
    assert plt.get_fignums() == before
    shown = re.fullmatch(r'<img alt="([^"<>]+)" src="data:image/gif;base64,([^"]+)">', animation._repr_html_())
    assert shown[1] == f"Animation: 5 frames to epoch 40, {len(animation.data) / 1000:.0f} kB"
    assert repr(animation) == f"<{shown[1]}>"
    assert b64decode(shown[2]) == animation.data == (tmp_path / "descent.GIF").read_bytes()
    animation.save(str(tmp_path / "again.gif"))
    assert (tmp_path / "again.gif").read_bytes() == animation.data


def test_paths_that_cannot_be_written_are_refused_before_anything_is_drawn(tmp_path, monkeypatch):
    data, model = fitted()
    monkeypatch.setattr("downslope.displays.animation.render", None)
    with pytest.raises(
        InputError, match=r"path is '.*descent\.mp4', but only GIF files are written; give it the ending"
    ):
        animate(model, data.X, data.y, path=tmp_path / "descent.mp4")
    with pytest.raises(FileError, match=r"cannot be written: there is no folder .*missing, so make it first"):
        animate(model, data.X, data.y, path=tmp_path / "missing" / "descent.gif")
    (tmp_path / "folder.gif").mkdir()
    with pytest.raises(FileError, match=r"folder\.gif cannot be written \(it is no regular file\): choose"):
        Animation(b"", (0,)).save(tmp_path / "folder.gif")


def test_refusals():
    data, model = fitted(2)
    with pytest.raises(InputError, match=r"GradientDescentRegressor has no history_, .*; call fit first"):
        animate(GradientDescentRegressor(), data.X, data.y)
    with pytest.raises(InputError, match="predictions has 60 rows, but y has 59"):
        animate(model, data.X, data.y[:-1])
    with pytest.raises(ValueError, match="3 features"):
        animate(model, np.zeros((60, 3)), data.y)
    with pytest.raises(InputError, match="y has 1 values that are NaN"):
        animate(model, data.X, np.append(data.y[:-1], np.nan))
    with pytest.raises(InputError, match="features names 'age'"):
        animate(model, data.X, data.y, features=("age", 0))
    with pytest.raises(InputError, match="lang is 'de'"):
        animate(model, data.X, data.y, lang="de")
    for wrong in (1, 81, 2.5, True, "all"):
        with pytest.raises(InputError, match=r"max_frames is .*, but it must be a whole number from 2 to 80"):
            animate(model, data.X, data.y, max_frames=wrong)


def test_without_matplotlib_one_sentence_says_how_to_get_it(monkeypatch):
    data, model = fitted()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(InputError, match=r"Downslope with its extra \[plot\]"):
        animate(model, data.X, data.y)


def test_a_backend_that_draws_no_pixels_does_not_matter(tmp_path):
    program = (
        "import matplotlib; matplotlib.use('svg')\n"
        "from downslope import GradientDescentRegressor, animate, make_linear\n"
        "data = make_linear(random_state=0)\n"
        "print(animate(GradientDescentRegressor().fit(data.X, data.y), data.X, data.y, max_frames=2).n_frames)"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"
