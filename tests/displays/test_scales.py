from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from downslope.displays import LossCurveDisplay
from downslope.displays.scales import decades, happens_early, scale_epochs, wants_log


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 1000.0], 3.0), ([0.0, 1.0, 100.0, np.inf, np.nan], 2.0), ([0.0, np.nan], 0.0), ([-1.0], 0.0)],
)
def test_decades_are_counted_between_positive_finite_values(values, expected):
    assert decades(np.array(values)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 101.0], True), ([1.0, 99.0], False), ([-1.0, 1.0, 1e6], False), ([0.0], False), ([1e300], True)],
)
def test_more_than_two_decades_are_logarithmic(values, expected):
    assert wants_log(np.array(values)) is expected


@pytest.mark.parametrize(("last", "expected"), [(200, False), (201, True), (100_000, True)])
def test_only_long_runs_happen_early(last, expected):
    epoch = np.arange(last + 1.0)
    assert happens_early(epoch, 0.5**epoch) is expected
    assert happens_early(epoch, -epoch) is False


def test_most_columns_decide():
    epoch = np.arange(1000.0)
    early, late, still = 0.5**epoch, epoch, np.zeros(1000)
    assert happens_early(epoch, np.column_stack([early, early, late]))
    assert not happens_early(epoch, np.column_stack([early, late, late]))
    assert not happens_early(epoch, np.column_stack([early, still]))


def test_the_axis_of_others_is_left_as_it_is():
    _, ax = plt.subplots()
    ax.set_xscale("symlog")
    LossCurveDisplay.from_history({"epoch": [0, 1, 2], "mse": [3.0, 2.0, 1.0]}, ax=ax)
    assert ax.get_xscale() == "symlog"


@pytest.mark.parametrize("inches", [1.4, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("last", [300, 9_999, 100_000, 10_000_000])
def test_epochs_on_a_logarithmic_axis_do_not_touch(inches, last):
    figure, ax = plt.subplots(figsize=(inches, 2))
    ax.plot([0, 1, last], [1, 1, 1])
    scale_epochs(ax, last, log=True)
    figure.draw_without_rendering()
    shown = [label for label in ax.get_xticklabels() if 0 <= label.get_position()[0] <= last]
    boxes = [label.get_window_extent() for label in shown]
    assert len(boxes) >= 2
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
