"""A common factor of the weights changes nothing, to the last bit; a row of weight 0 is no row."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from downslope import GradientDescentRegressor, diagnose
from downslope.data.weights import common_exponent, weighed
from downslope.exceptions import InputError
from downslope.sweeps import sweep

RNG = np.random.default_rng(11)
X = RNG.normal([0.0, 2.0, 5.0], size=(50, 3))
Y = X @ [1.0, -2.0, 0.5] + 4.0 + 0.3 * RNG.normal(size=50)
WEIGHT = RNG.uniform(0.2, 3.0, 50)
FITS: dict[str, dict[str, Any]] = {
    "spectral": {},
    "moments": {"method": "adam", "max_iter": 50},
    "l1": {"penalty": "l1", "alpha": 0.01},
    "huber": {"loss": "huber", "max_iter": 40},
    "kinks": {"loss": "absolute_error", "max_iter": 40},
    "data": {"engine": "data", "max_iter": 30},
    "batches": {"batch_size": 8, "max_iter": 6, "random_state": 0},
    "rows": {"batch_size": 1, "max_iter": 3, "random_state": 0, "loss": "huber"},
    "saga": {"batch_size": 4, "method": "saga", "max_iter": 8, "random_state": 0},
    "early": {"early_stopping": True, "random_state": 0, "batch_size": 8, "max_iter": 12},
}


def told(model: Any) -> tuple[Any, ...]:
    """All that a fit says, but for the time it took."""
    columns = {name: model.history_[name] for name in ("objective", "mse", "gradient_norm", "learning_rate")}
    return (
        model.coef_.tolist(),
        model.intercept_,
        model.n_iter_,
        model.stop_reason_.value,
        *(np.nan_to_num(column).tolist() for column in columns.values()),
    )


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("options", FITS.values(), ids=FITS)
@pytest.mark.parametrize("power", [-1000, -700, -200, -30, -7, 55, 300, 950, 1000])
def test_a_power_of_two_changes_no_bit(options: dict[str, Any], power: int) -> None:
    plain = GradientDescentRegressor(**options).fit(X, Y, WEIGHT)
    scaled = GradientDescentRegressor(**options).fit(X, Y, np.ldexp(WEIGHT, power))
    assert told(scaled) == told(plain)


@pytest.mark.parametrize("factor", [1e-300, 3e-155, 7e155, 1e300])
def test_any_factor_changes_rounding_alone(factor: float) -> None:
    plain = GradientDescentRegressor(loss="huber").fit(X, Y, WEIGHT)
    scaled = GradientDescentRegressor(loss="huber").fit(X, Y, WEIGHT * factor)
    np.testing.assert_allclose(scaled.coef_, plain.coef_, rtol=1e-7)
    assert scaled.stop_reason_ == "converged"


@pytest.mark.parametrize("power", [-1010, -40, 400, 1000])
def test_a_stream_keeps_the_factor_of_its_first_block(power: int) -> None:
    models = (
        GradientDescentRegressor(batch_size=2, random_state=0),
        GradientDescentRegressor(batch_size=2, random_state=0),
    )
    for part in np.array_split(np.arange(50), 4):
        # Later blocks weigh less and less.
        weight = WEIGHT[part] / (1 + part[0])
        for model, exponent in zip(models, (0, power), strict=True):
            model.partial_fit(X[part], Y[part], np.ldexp(weight, exponent))
    assert told(models[0]) == told(models[1])


def test_a_stream_weighs_blocks_without_weights_by_its_factor() -> None:
    heavy = GradientDescentRegressor(random_state=0).partial_fit(X[:25], Y[:25], np.full(25, 2.0**70))
    heavy.partial_fit(X[25:], Y[25:])
    light = GradientDescentRegressor(random_state=0).partial_fit(X[:25], Y[:25], np.full(25, 0.5))
    light.partial_fit(X[25:], Y[25:], np.full(25, 2.0**-71))
    np.testing.assert_array_equal(heavy.coef_, light.coef_)


def test_a_stream_refuses_weights_of_another_world() -> None:
    model = GradientDescentRegressor().partial_fit(X, Y, WEIGHT)
    before = model.coef_.copy()
    with pytest.raises(InputError, match=r"the largest weight of this block is .*e\+30., and those of the first block"):
        model.partial_fit(X, Y, WEIGHT * 1e300)
    np.testing.assert_array_equal(model.coef_, before)
    model = GradientDescentRegressor().partial_fit(X, Y, WEIGHT * 1e300)
    with pytest.raises(InputError, match=r"the largest weight of this block is .*e-30"):
        model.partial_fit(X, Y, WEIGHT * 1e-300)


def with_rows_of_no_weight(value: float = 1e6) -> tuple[Any, Any, Any, Any]:
    """Far rows of weight 0 between the others, and where these are."""
    size, kept = 80, np.sort(np.random.default_rng(3).permutation(80)[:50])
    rows, y, weight = np.full((size, 3), value), np.full(size, -value), np.zeros(size)
    rows[kept], y[kept], weight[kept] = X, Y, WEIGHT
    return rows, y, weight, kept


@pytest.mark.filterwarnings("ignore::downslope.exceptions.NotConvergedWarning")
@pytest.mark.parametrize("options", FITS.values(), ids=FITS)
@pytest.mark.parametrize("value", [1e6, 1e200, np.nan], ids=["far", "too far", "missing"])
def test_a_row_of_weight_0_is_no_row(options: dict[str, Any], value: float) -> None:
    rows, y, weight, _ = with_rows_of_no_weight(value)
    plain = GradientDescentRegressor(**options).fit(X, Y, WEIGHT)
    assert told(GradientDescentRegressor(**options).fit(rows, y, weight)) == told(plain)
    sparse = scipy.sparse.csr_matrix(np.nan_to_num(rows))
    found = GradientDescentRegressor(**options).fit(sparse, y, weight)
    np.testing.assert_allclose(
        found.coef_, GradientDescentRegressor(**options).fit(scipy.sparse.csr_matrix(X), Y, WEIGHT).coef_
    )


def test_rows_of_weight_0_hold_no_column_together() -> None:
    rows, y, weight = np.column_stack([X, np.ones(50)]), Y, WEIGHT.copy()
    rows[3, 3], weight[3] = 7.0, 0.0
    with pytest.warns(UserWarning, match="'x3' never changes in the rows"):
        GradientDescentRegressor().fit(rows, y, weight)


def test_rows_of_weight_0_in_a_stream_a_diagnosis_and_a_sweep() -> None:
    rows, y, weight, _ = with_rows_of_no_weight()
    stream, plain = (GradientDescentRegressor(batch_size=4, random_state=0) for _ in range(2))
    assert told(stream.partial_fit(rows, y, weight)) == told(plain.partial_fit(X, Y, WEIGHT))
    assert str(diagnose(rows, y, sample_weight=weight)) == str(diagnose(X, Y, sample_weight=WEIGHT))
    asked: dict[str, Any] = {"learning_rates": [0.1, 0.5], "methods": ("gd", "adam"), "max_iter": 50}
    found, expected = sweep(rows, y, sample_weight=weight, **asked), sweep(X, Y, sample_weight=WEIGHT, **asked)
    assert str(found) == str(expected)


def test_rows_are_known_by_their_places_among_those_given() -> None:
    rows, y, weight, kept = with_rows_of_no_weight()
    source = weighed(rows, y, weight)
    assert source.places is not None
    assert source.places.tolist() == kept.tolist()
    np.testing.assert_array_equal(source.X, X)
    assert weighed(X, Y, WEIGHT).places is None
    bad = y.copy()
    bad[kept[4]] = np.nan
    with pytest.raises(InputError, match=rf"in 1 of 80 rows \(the first is row {kept[4]}, counted from 0\)"):
        GradientDescentRegressor().fit(rows, bad, weight)


def test_one_row_of_weight_is_fitted_as_one_row() -> None:
    for options in ({}, {"batch_size": 1, "max_iter": 5}, {"loss": "huber"}):
        model = GradientDescentRegressor(**options)
        with pytest.warns(UserWarning, match="never change"):
            model.fit(X, Y, np.eye(50)[7])
        assert abs(model.predict(X[7:8])[0] - Y[7]) < 2.0


@pytest.mark.parametrize(
    ("weight", "exponent"),
    [([1.0, 0.0], 0), ([2.0**59], 0), ([2.0**60], 61), ([2.0**-31], 0), ([2.0**-32], -31), ([5e-324], -1073)],
)
def test_ordinary_weights_are_left_alone(weight: list[float], exponent: int) -> None:
    assert common_exponent(np.array(weight)) == exponent
    assert common_exponent(None) == 0
