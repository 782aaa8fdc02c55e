"""Made-up rows against their definition."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot

from downslope.data.generated import LinearData, make_linear
from downslope.exceptions import InputError

finite = st.floats(-1e6, 1e6)


def line(data: LinearData) -> np.ndarray:
    return data.X @ data.coef + data.intercept


@given(
    coef=st.one_of(finite, st.lists(finite, min_size=1, max_size=5)),
    intercept=finite,
    n_samples=st.integers(1, 60),
    noise=st.floats(0, 1e3),
    share=st.floats(0, 1),
    outlier_size=st.floats(0.1, 10),
    seed=st.integers(0, 2**32),
)
def test_rows_lie_within_the_noise_and_outliers_far_off(
    coef: Any, intercept: float, n_samples: int, noise: float, share: float, outlier_size: float, seed: int
) -> None:
    n_outliers = int(share * n_samples)
    data = make_linear(coef, intercept, n_samples, noise, n_outliers, seed, outlier_size=outlier_size)
    n_features = np.atleast_1d(coef).size
    assert data.X.shape == (n_samples, n_features)
    assert data.y.shape == (n_samples,)
    assert data.coef.tolist() == np.atleast_1d(coef).tolist()
    assert (data.intercept, data.noise) == (intercept, noise)
    assert ((data.X >= 0) & (data.X < 1)).all()
    assert data.outliers.tolist() == sorted(set(data.outliers.tolist()))
    assert len(data.outliers) == n_outliers

    # What rounding may do to y, at the size of the numbers it is made of.
    slack = 1e-12 * (np.abs(data.coef).sum() + abs(intercept) + noise)
    span = np.abs(data.coef).sum() + 2 * noise or 1.0
    clean = np.delete(np.arange(n_samples), data.outliers)
    off = np.abs(data.y - line(data))
    assert (off[clean] <= noise + slack).all()
    assert (off[data.outliers] >= span - noise - slack).all()
    # Every outlier is outside all that the line and the noise can reach, by outlier_size spans.
    lowest = intercept + np.minimum(data.coef, 0).sum() - noise
    highest = intercept + np.maximum(data.coef, 0).sum() + noise
    beyond = np.maximum(lowest - data.y[data.outliers], data.y[data.outliers] - highest)
    assert (beyond >= outlier_size * span * (1 - 1e-9) - 10 * slack).all()


def test_x_and_noise_are_uniform() -> None:
    data = make_linear([1.0, -2.0], n_samples=20_000, noise=0.5, random_state=0)
    noise = data.y - line(data)
    quarters = np.array([0.25, 0.5, 0.75])
    assert np.allclose(np.quantile(data.X, quarters, axis=0).T, quarters, atol=0.02)
    assert np.allclose(np.quantile(noise, quarters), quarters - 0.5, atol=0.02)


def legacy_random() -> np.random.RandomState:
    return np.random.RandomState(7)


@pytest.mark.parametrize("make", [lambda: 7, lambda: np.int64(7), lambda: np.random.default_rng(7), legacy_random])
def test_the_same_random_state_gives_the_same_rows(make: Any) -> None:
    first, second = (make_linear([1, 2], outliers=3, random_state=make()) for _ in range(2))
    for name in ("X", "y", "coef", "outliers"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_a_generator_is_used_up_and_none_is_new_each_time() -> None:
    random = np.random.default_rng(0)
    assert not np.array_equal(make_linear(random_state=random).X, make_linear(random_state=random).X)
    assert not np.array_equal(make_linear().X, make_linear().X)


def test_outliers_change_their_own_rows_only() -> None:
    without, with_them = (make_linear(n_samples=30, outliers=k, random_state=3) for k in (0, 5))
    assert np.array_equal(without.X, with_them.X)
    assert np.flatnonzero(without.y != with_them.y).tolist() == with_them.outliers.tolist()
    sides = np.sign(make_linear(n_samples=50, outliers=50, random_state=3).y - 0.65)
    assert set(sides) == {-1.0, 1.0}


@pytest.mark.parametrize(("n_features", "names"), [(1, ("x",)), (3, ("x1", "x2", "x3"))])
def test_features_are_named_as_in_the_course(n_features: int, names: tuple[str, ...]) -> None:
    assert make_linear([0.5] * n_features).feature_names == names


def test_a_flat_line_without_noise_still_shows_its_outliers() -> None:
    data = make_linear(0.0, 2.0, n_samples=10, noise=0.0, outliers=1, random_state=0)
    assert np.abs(data.y - 2.0).tolist().count(0.0) == 9
    assert np.abs(data.y - 2.0).max() == 2.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"coef": "0.3"}, "coef='0.3' cannot be used"),
        ({"coef": ["a"]}, "coef="),
        ({"coef": []}, "coef="),
        ({"coef": [[1.0, 2.0]]}, "coef="),
        ({"coef": [[1.0], [2.0, 3.0]]}, "coef="),
        ({"coef": np.nan}, "coef=nan"),
        ({"coef": [1.0, np.inf]}, "coef="),
        ({"coef": 10**400}, "coef="),
        ({"coef": 1j}, "coef="),
        ({"coef": None}, "coef=None"),
        ({"coef": True}, "coef=True"),
        ({"intercept": "1"}, "intercept='1' cannot be used: it must be a finite number"),
        ({"intercept": np.nan}, "intercept=nan"),
        ({"intercept": -np.inf}, "intercept=-inf"),
        ({"intercept": 10**400}, "intercept=1000"),
        ({"intercept": Decimal(1)}, "intercept=Decimal"),
        ({"noise": -0.1}, "noise=-0.1 cannot be used: it must be a finite number of at least 0"),
        ({"noise": np.inf}, "noise=inf"),
        ({"noise": False}, "noise=False"),
        ({"outlier_size": -1}, "outlier_size=-1"),
        ({"n_samples": 0}, "n_samples=0 cannot be used: it must be a whole number of at least 1"),
        ({"n_samples": 2.5}, "n_samples=2.5"),
        ({"n_samples": True}, "n_samples=True"),
        ({"outliers": -1}, "outliers=-1"),
        ({"outliers": [5, 10]}, "outliers="),
        ({"outliers": 101}, "outliers=101 is more than n_samples=100"),
        ({"random_state": -1}, "random_state=-1"),
        ({"random_state": "0"}, "random_state='0'"),
        ({"random_state": True}, "random_state=True"),
        ({"coef": 1.7e308, "intercept": 1.7e308, "random_state": 0}, "overflow"),
        ({"outlier_size": 1e308, "coef": 10.0, "outliers": 1}, "overflow"),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        make_linear(**arguments)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_value_prints_short_and_cannot_be_reassigned() -> None:
    data = make_linear(n_samples=5000, random_state=0)
    assert "X=" not in repr(data)
    assert len(repr(data)) < 300
    with pytest.raises(AttributeError):
        data.intercept = 1.0  # type: ignore[misc]
    data.y[5] = 0.75  # an outlier put in by hand, as the course does


@pytest.mark.parametrize("coef", [0.3, [0.3, 0.5, 0.7]])
def test_plot_draws_once_and_where_it_is_told(coef: Any) -> None:
    data = make_linear(coef, outliers=2, random_state=0)
    display = data.plot()
    assert pyplot.get_fignums() == [display.figure_.number]
    _, axes = pyplot.subplots()
    assert data.plot(ax=axes).ax_ is axes
    assert len(pyplot.get_fignums()) == 2
    assert axes.has_data()
