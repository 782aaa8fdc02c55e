import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from downslope.displays.labels import place_legend, place_legend_above, release_headroom, spread
from tests.displays.sight import is_complete, points_under_legend

positions = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).map(np.array)


@given(positions, st.floats(0.001, 0.5))
def test_spread_positions_keep_their_distance_their_order_and_their_room(wanted, gap):
    placed = spread(wanted, gap, 0.0, 1.0)
    room = min(gap, 1.0 / max(len(wanted) - 1, 1))
    order = np.argsort(wanted, kind="stable")
    assert np.all(np.diff(placed[order]) >= room - 1e-9)
    assert placed.min() >= -1e-9
    assert placed.max() <= 1 + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_spread_moves_as_little_as_possible(seed):
    wanted = np.sort(np.random.default_rng(seed).random(5))
    bounds = [{"type": "ineq", "fun": lambda q: np.diff(q) - 0.15}]
    best = minimize(
        lambda q: np.sum((q - wanted) ** 2), np.linspace(0, 1, 5), bounds=[(0, 1)] * 5, constraints=bounds, tol=1e-12
    )
    assert_allclose(spread(wanted, 0.15, 0.0, 1.0), best.x, atol=1e-4)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_where_every_corner_is_full_the_legend_gets_room_of_its_own(scale):
    _, ax = plt.subplots()
    ax.set_yscale(scale)
    x = np.linspace(0, 1, 400)
    ax.plot(x, 10 ** np.sin(200 * x), label="everywhere")
    top = ax.get_ylim()[1]
    place_legend(ax)
    assert points_under_legend(ax) == 0
    assert ax.get_ylim()[1] > top


def test_an_unlabelled_picture_has_no_legend():
    _, ax = plt.subplots()
    ax.plot([0, 1], [0, 1])
    place_legend(ax)
    assert ax.get_legend() is None


def test_a_legend_of_many_entries_is_set_small():
    _, ax = plt.subplots()
    for index in range(30):
        ax.plot([0, 1], [index, 29 - index], label=f"a long name of line {index}")
    place_legend(ax)
    assert points_under_legend(ax) == 0
    assert ax.get_legend().get_window_extent().width < ax.get_window_extent().width


def test_a_wide_legend_on_narrow_axes_keeps_one_column():
    _, axes = plt.subplots(1, 5)
    axes[0].plot([0, 1], [0, 1], label="a name that is longer than the axes are wide")
    axes[0].plot([0, 1], [1, 0], label="another such")
    place_legend(axes[0])
    assert axes[0].get_legend()._ncols == 1


def test_the_room_for_a_legend_is_given_back_before_more_is_drawn():
    _, ax = plt.subplots()
    x = np.linspace(0, 1, 400)
    ax.plot(x, np.sin(200 * x), label="everywhere")
    place_legend(ax)
    with_room = ax.get_ylim()[1]
    release_headroom(ax)
    assert ax.get_ylim()[1] < with_room


def test_limits_that_are_fixed_stay_and_the_emptiest_place_has_to_do():
    _, ax = plt.subplots()
    x = np.linspace(0, 1, 400)
    ax.plot(x, np.sin(200 * x), label="everywhere")
    ax.set_ylim(-1, 1)
    place_legend(ax)
    assert ax.get_ylim() == (-1, 1)
    assert ax.get_legend() is not None


def test_a_legend_hides_no_band():
    _, ax = plt.subplots()
    ax.axhspan(0.5, 1.0)
    ax.plot([0, 1], [0, 0], label="below")
    place_legend(ax)
    legend, band = ax.get_legend().get_window_extent(), ax.patches[0].get_window_extent()
    assert not legend.overlaps(band)


@pytest.mark.parametrize(("inches", "columns"), [(9.0, 3), (5.0, 2), (2.5, 1)])
def test_a_legend_above_has_as_many_columns_as_fit(inches, columns):
    figure, axes = plt.subplots(1, 2, figsize=(inches, 3), layout="constrained")
    lines = [axes[0].plot([0, 1], [index, 1])[0] for index in range(3)]
    place_legend_above(figure, lines, ["a name of some length"] * 3)
    assert figure.legends[0]._ncols == columns
    assert len(figure.legends) == 1
    assert is_complete(figure)
