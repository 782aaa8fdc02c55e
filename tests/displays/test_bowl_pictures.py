"""The bowl and the moving picture of a fit against the rows, the history and the file that is written."""

from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from downslope import GradientDescentRegressor, LossSurfaceDisplay, animate, load_example, make_linear
from downslope.exceptions import InputError

mpl.use("Agg")
DATA = make_linear(coef=3.0, intercept=-1.0, noise=0.3, random_state=0)


def course() -> GradientDescentRegressor:
    return GradientDescentRegressor(standardize=False, learning_rate=1.3).fit(DATA.X, DATA.y)


def test_the_path_is_that_of_the_history() -> None:
    model = course()
    display = LossSurfaceDisplay.from_estimator(model)
    path = np.column_stack([model.history_.coef[:, 0], model.history_.intercept])
    np.testing.assert_allclose(display.path_.get_xydata(), path, rtol=1e-12, atol=1e-12)


def test_a_contour_has_the_excess_of_its_level() -> None:
    model = course()
    assert model.optimum_ is not None
    display = LossSurfaceDisplay.from_estimator(model)
    found = set()
    for piece in display.contours_.get_segments():
        w, b = np.asarray(piece).T
        residual = DATA.X @ w[None] + b - np.asarray(DATA.y)[:, None]
        excess = 0.5 * np.mean(residual**2, axis=0) - model.optimum_.objective
        np.testing.assert_allclose(excess, excess[0], rtol=1e-6)
        found.add(round(float(excess[0]), 9))
    assert len(found) > 3


def test_a_moving_picture_is_a_small_gif_that_loops(tmp_path: Path) -> None:
    path = tmp_path / "descent.gif"
    found = animate(course(), DATA.X, DATA.y, path=path)
    assert path.stat().st_size < 1e6
    with Image.open(BytesIO(path.read_bytes())) as picture:
        assert 10 < picture.n_frames <= 80
        assert picture.info["loop"] == 0
        first = np.asarray(picture.convert("RGB"))
        picture.seek(picture.n_frames - 1)
        assert (first != np.asarray(picture.convert("RGB"))).any()
    assert "image/gif" in str(found._repr_html_())


def test_several_features_and_a_loss_without_a_bowl() -> None:
    cars = load_example("auto_mpg")
    for options in ({}, {"loss": "huber"}):
        model = GradientDescentRegressor(**options).fit(cars.X, cars.y)
        assert animate(model, cars.X, cars.y, max_frames=8) is not None
    with pytest.raises(InputError):
        LossSurfaceDisplay.from_estimator(model)
