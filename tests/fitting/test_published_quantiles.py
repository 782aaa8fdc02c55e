"""Quantiles of two tables that every text on them uses: quantreg's coefficients, to the digits that are claimed.

They are those of R's quantreg 5.94, rq(foodexp ~ income) and rq(stack.loss ~ .), method "br", to 17 digits.
"""

from pathlib import Path

import numpy as np
import pytest

from downslope import GradientDescentRegressor
from tests.problems import correct_digits

TABLES = Path(__file__).parents[1] / "tables"
PUBLISHED: dict[tuple[str, float], list[float]] = {
    ("engel", 0.1): [110.1415742049484, 0.40176575930348052],
    ("engel", 0.25): [95.483539634552855, 0.47410320819331025],
    ("engel", 0.5): [81.482247416936218, 0.56018055120941956],
    ("engel", 0.75): [62.396585528964408, 0.64401413936869001],
    ("engel", 0.9): [67.350872080129747, 0.68629948037190536],
    ("stackloss", 0.1): [-29.014018691588817, 0.31542056074766456, 1.2242990654205634, -0.028037383177570943],
    ("stackloss", 0.5): [-39.689855072463793, 0.8318840579710135, 0.57391304347826478, -0.060869565217391272],
    ("stackloss", 0.9): [-58.543318649045531, 0.79295154185022043, 1.3054331864904538, 0.03817914831130742],
}


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("name", "quantile"), PUBLISHED)
def test_they_are_found_to_the_digits_that_are_claimed(name: str, quantile: float, standardize: bool) -> None:
    rows = np.loadtxt(TABLES / f"{name}.csv", delimiter=",", skiprows=1)
    model = GradientDescentRegressor(loss="quantile", quantile=quantile, standardize=standardize)
    model.fit(rows[:, :-1], rows[:, -1])
    found = model.optimum_
    right = correct_digits([found.intercept, *found.coef], PUBLISHED[name, quantile])
    # What was published has lost its last digits too.
    assert right >= min(found.digits, 13) >= 11
    np.testing.assert_allclose(model.coef_, found.coef, rtol=1e-9)
    assert model.stop_reason_ == "converged"
