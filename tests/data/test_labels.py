"""Labels of pandas that contradict the places of rows are refused or said; those that do not, pass."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import cross_val_score, train_test_split

from downslope import GradientDescentRegressor, SGDRegressor, diagnose
from downslope.exceptions import DownslopeWarning, InputError

RNG = np.random.default_rng(5)
X = pd.DataFrame({"km": RNG.normal(size=30), "kg": RNG.normal(size=30)}, index=[f"car {k}" for k in range(30)])
Y = 3 * X.km - 2 * X.kg + 1
FALLING = Y.sort_values(ascending=False)
WEIGHT = pd.Series(np.linspace(1, 2, 30), index=X.index)


@pytest.mark.parametrize(
    "run",
    [
        lambda: GradientDescentRegressor().fit(X, FALLING),
        lambda: GradientDescentRegressor().partial_fit(X, FALLING),
        lambda: GradientDescentRegressor(early_stopping=True).fit(X, Y, X_val=X, y_val=FALLING),
        lambda: SGDRegressor().fit(X, FALLING),
        lambda: diagnose(X, FALLING),
        lambda: GradientDescentRegressor().fit(X, FALLING.to_frame("y")),
    ],
    ids=["fit", "partial_fit", "validation", "SGDRegressor", "diagnose", "a frame"],
)
def test_the_same_labels_in_another_order_are_refused(run: Any) -> None:
    with pytest.raises(InputError, match=r"y has the labels of X in another order .*give y\.loc\[X\.index\]"):
        run()


def test_what_the_refusal_asks_for_works() -> None:
    for y in (FALLING.loc[X.index], Y.to_numpy()):
        assert GradientDescentRegressor().fit(X, y).coef_.round(2).tolist() == [3.0, -2.0]


def test_weights_are_held_to_the_labels_too() -> None:
    with pytest.raises(InputError, match=r"row 0 is 'car 29' in sample_weight and 'car 0' in X.*sample_weight\.loc\[X"):
        GradientDescentRegressor().fit(X, Y, WEIGHT[::-1])
    with pytest.raises(InputError, match=r"sample_weight has the labels of y in another order"):
        GradientDescentRegressor().fit(X.to_numpy(), Y, WEIGHT[::-1])
    GradientDescentRegressor().fit(X, Y, WEIGHT)


def test_labels_that_repeat_are_refused_without_loc() -> None:
    twice = X.iloc[[0, 0, 1, 2, 3]]
    with pytest.raises(InputError, match="some of them more than once") as caught:
        GradientDescentRegressor().fit(twice, Y.iloc[[1, 0, 0, 2, 3]])
    assert ".loc" not in str(caught.value)
    GradientDescentRegressor().fit(twice, Y.iloc[[0, 0, 1, 2, 3]])
    GradientDescentRegressor().fit(twice, Y.iloc[[0, 1, 1, 2, 3]])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (X, Y),
        (X[X.km > 0], Y[X.km > 0].reset_index(drop=True)),
        (X.reset_index(drop=True).iloc[5:], Y.iloc[5:].reset_index(drop=True)),
        (X, Y.set_axis([f"truck {k}" for k in range(30)])),
        (X.iloc[:5], Y.iloc[[0, 1, 2, 3, 7]]),
    ],
    ids=["equal", "counted", "a part, counted", "nothing in common", "one differs"],
)
def test_rows_that_belong_together_by_place_pass(left: Any, right: Any) -> None:
    plain = GradientDescentRegressor().fit(left.to_numpy(), right.to_numpy())
    np.testing.assert_array_equal(GradientDescentRegressor().fit(left, right).coef_, plain.coef_)


def test_what_scikit_learn_splits_passes() -> None:
    left, right, y_left, y_right = train_test_split(X, Y, random_state=0)
    assert GradientDescentRegressor().fit(left, y_left).score(right, y_right) > 0.999
    assert cross_val_score(GradientDescentRegressor(), X, Y).min() > 0.999


def test_labels_moved_by_one_row_are_said() -> None:
    later, now = X.iloc[1:], Y.iloc[:-1]
    with pytest.warns(DownslopeWarning, match=r"28 of 29 labels in the index of y are labels of X too, 28 of them"):
        model = GradientDescentRegressor().fit(later, now)
    np.testing.assert_array_equal(model.coef_, GradientDescentRegressor().fit(later, now.to_numpy()).coef_)
