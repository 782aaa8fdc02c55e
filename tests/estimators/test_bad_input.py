"""What bad input gets: one sentence with what was got, what is accepted and what to do; and nothing is lost."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import DataConversionWarning, NotFittedError

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.exceptions import InputError
from tests.problems import course

Array = np.ndarray
NAN, INF = np.nan, np.inf
X, Y = course(2, n_samples=20)
ONES = np.ones(20)


def holed(value: float = NAN) -> Array:
    rows = X.copy()
    rows[3, 1], rows[5, 1], rows[7, 0] = value, value, INF
    return rows


def assert_one_sentence(error: BaseException) -> None:
    told = str(error)
    assert "\n" not in told
    assert 20 < len(told) < 300
    assert not re.search(r"Traceback|object at 0x|<class|\bself\.|np\.float64\(", told)


# ------------------------------------------------------------------------------------------------ rows and targets
ROWS: dict[str, tuple[tuple[Any, ...], str]] = {
    "NaN": ((holed(), Y), r"NaN or infinity in 'x0' \(1 infinity\), 'x1' \(2 NaN\): drop those rows or fill"),
    "infinity": ((holed(-INF), Y), r"'x0' \(1 infinity\), 'x1' \(2 infinity\): drop"),
    "NaN, sparse": ((scipy.sparse.csc_array(holed()), Y), r"'x0' \(1 infinity\), 'x1' \(2 NaN\): drop"),
    "NaN, named": ((pd.DataFrame(holed(), columns=["km", "kg"]), Y), r"'km' \(1 infinity\), 'kg' \(2 NaN\): drop"),
    "NaN in y": (
        (X, [NAN, INF, *Y[2:]]),
        r"y contains NaN or infinity in 2 of 20 rows \(the first is row 0, counted from 0\): drop",
    ),
    "text": (([["a", "b"]] * 20, Y), r"X holds text .*: encode it as numbers first"),
    "text in a frame": ((pd.DataFrame({"make": ["vw"] * 20}), Y), r"column 'make' \(.*\): encode such columns first"),
    "text in y": ((X, ["a"] * 20), r"y cannot be read as numbers .*: encode it"),
    "complex": ((X * 1j, Y), r"Complex data not supported: X must hold real numbers"),
    "complex y": ((X, Y * 1j), r"Complex data not supported: y must hold real numbers"),
    "one dimension": ((X[:, 0], Y), r"Expected 2D array, got 1D array.*X\.reshape\(-1, 1\)"),
    "no dimension": ((3.0, Y), r"Expected 2D array, got scalar array.*X\.reshape"),
    "three dimensions": ((X[:, :, None], Y), r"Found array with dim 3"),
    "two targets": (
        (X, np.column_stack([Y, Y])),
        r"y should be a 1d array, got an array of shape \(20, 2\).*one number",
    ),
    "no target": ((X, None), r"requires y to be passed, but the target y is None: give one number a row"),
    "no rows": ((X[:0], Y[:0]), r"0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 2 is required.*give more rows"),
    "one row": ((X[:1], Y[:1]), r"1 sample\(s\) \(shape=\(1, 2\)\) while a minimum of 2 is required.*give more rows"),
    "no columns": ((X[:, :0], Y), r"0 feature\(s\).*a minimum of 1 is required"),
    "lengths": ((X, Y[:-1]), r"inconsistent numbers of samples: X has 20 rows and y has 19; give one target a row"),
    "squares overflow": (
        (X * 1e200, Y),
        r"squares of the values in 'x0' and 'x1' overflow, as they reach .*: divide them by a constant",
    ),
    "negative weights": ((X, Y, -ONES), r"sample_weight is negative in 20 of 20 rows: weights must be 0 or more"),
    "weights all zero": ((X, Y, 0 * ONES), r"sample_weight is zero in all rows: at least one row needs a positive"),
    "NaN weights": ((X, Y, NAN * ONES), r"sample_weight contains NaN or infinity in 20 of 20 rows: give finite"),
    "weights in words": ((X, Y, ["heavy"] * 20), r"sample_weight cannot be read as numbers .*: give one number a row"),
    "weights too few": ((X, Y, ONES[:7]), r"sample_weight has shape \(7,\), expected \(20,\): give one weight a row"),
    "a table of weights": ((X, Y, np.ones((20, 2))), r"must be 1D array or scalar, got 2 dimensions: one number a row"),
}


@pytest.mark.parametrize("options", [{}, {"method": "adam"}, {"loss": "huber"}], ids=["spectral", "moments", "data"])
@pytest.mark.parametrize("case", ROWS)
def test_rows_that_cannot_be_used(case: str, options: dict[str, Any]) -> None:
    given, told = ROWS[case]
    with pytest.raises(InputError, match=told) as caught:
        GradientDescentRegressor(**options).fit(*given)
    assert_one_sentence(caught.value)


def test_an_object_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="argument must be a string or a real number, not 'dict'"):
        GradientDescentRegressor().fit({"a": 1}, Y)


def test_columns_of_one_name() -> None:
    with pytest.raises(InputError, match="X has 2 columns called 'km': give each column a name of its own") as caught:
        GradientDescentRegressor().fit(pd.DataFrame(X, columns=["km", "km"]), Y)
    assert_one_sentence(caught.value)


def test_one_column_of_targets_is_taken_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match=r"shape \(20, 1\) is read as \(20,\)") as caught:
        GradientDescentRegressor().fit(X, Y[:, None])
    assert caught[0].filename == __file__


def test_one_weight_for_all_rows_is_no_weight() -> None:
    # To the last digits: each row twice tells more of the coefficients, and the descent goes nearer to the optimum.
    weighted, plain = (GradientDescentRegressor(tol=1e-28, max_iter=10**6).fit(X, Y, weight) for weight in (2.0, None))
    np.testing.assert_allclose(weighted.coef_, plain.coef_, rtol=1e-12)


# --------------------------------------------------------------------------------------------- validation rows
VALIDATION: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"X_val": X}, r"the target y is None"),
    "NaN": ({"X_val": holed(), "y_val": Y}, r"'x1' \(2 NaN\)"),
    "lengths": ({"X_val": X, "y_val": Y[1:]}, r"X has 20 rows and y has 19"),
    "target alone": ({"y_val": Y}, r"without X_val: give the rows that they belong to"),
    "weights alone": ({"sample_weight_val": ONES}, r"without X_val: give the rows that they belong to"),
    "weights": ({"X_val": X, "y_val": Y, "sample_weight_val": 0 * ONES}, r"sample_weight is zero in all rows"),
}


@pytest.mark.parametrize("engine", ["spectral", "data"])
@pytest.mark.parametrize("case", VALIDATION)
def test_validation_rows_that_cannot_be_used(case: str, engine: str) -> None:
    given, told = VALIDATION[case]
    with pytest.raises(InputError, match=told) as caught:
        GradientDescentRegressor(engine=engine).fit(X, Y, **given)
    assert_one_sentence(caught.value)


def test_validation_rows_of_other_columns() -> None:
    with pytest.raises(InputError, match=r"X_val has 1 features .* and X has 2 .*: give both the same columns"):
        GradientDescentRegressor().fit(X, Y, X_val=X[:, :1], y_val=Y)
    with pytest.raises(InputError, match=r"X_val has 2 features \('kg' and 'km'\) and X has 2 .*'km' and 'kg'"):
        GradientDescentRegressor().fit(
            pd.DataFrame(X, columns=["km", "kg"]), Y, X_val=pd.DataFrame(X, columns=["kg", "km"]), y_val=Y
        )


# ------------------------------------------------------------------------------------------------------- options
OPTIONS: dict[str, tuple[Any, str]] = {
    "loss": ("l3", r"must be a str among .*'absolute_error'.*Got 'l3' instead"),
    "penalty": ("l0", r"must be a str among .*'elasticnet'.* or None\. Got 'l0' instead"),
    "method": ("newton", r"must be a str among .*'nesterov'.*Got 'newton' instead"),
    "engine": ("gpu", r"must be a str among .*'moments'.*Got 'gpu' instead"),
    "learning_rate": (0, r"'auto'.*\(0\.0, inf\).*Got 0 instead"),
    "alpha": (-1.0, r"range \[0\.0, inf\)\. Got -1\.0 instead"),
    "l1_ratio": (2.0, r"range \[0\.0, 1\.0\]\. Got 2\.0 instead"),
    "delta": (0.0, r"range \(0\.0, inf\)\. Got 0\.0 instead"),
    "epsilon": (-0.1, r"range \[0\.0, inf\)\. Got -0\.1 instead"),
    "quantile": (1.0, r"range \(0\.0, 1\.0\)\. Got 1\.0 instead"),
    "momentum": (1.0, r"range \[0\.0, 1\.0\)\. Got 1\.0 instead"),
    "batch_size": (0, r"int in the range \[1, inf\) or None\. Got 0 instead"),
    "max_iter": (0, r"int in the range \[1, inf\)\. Got 0 instead"),
    "tol": (-1e-3, r"range \[0\.0, inf\) or None\. Got -0\.001 instead"),
    "stop_below": (0.0, r"range \(0\.0, inf\) or None\. Got 0\.0 instead"),
    "validation_fraction": (1.0, r"range \(0\.0, 1\.0\)\. Got 1\.0 instead"),
    "n_iter_no_change": (0, r"int in the range \[1, inf\)\. Got 0 instead"),
    "init": ("ones", r"among \{'(zeros|uniform)', '(zeros|uniform)'\}.*Got 'ones' instead"),
    "standardize": ("yes", r"bool.*Got 'yes' instead"),
    "random_state": ("dice", r"Got 'dice' instead"),
    "callbacks": (3, r"a callable or None\. Got 3 instead"),
    "verbose": (-1, r"Got -1 instead"),
    "progress": ("bar", r"bool.*Got 'bar' instead"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_option_values_that_are_not_known(name: str) -> None:
    value, told = OPTIONS[name]
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GradientDescentRegressor.*{told}") as caught:
        GradientDescentRegressor(**{name: value}).fit(X, Y)
    assert_one_sentence(caught.value)


@pytest.mark.parametrize("rate", [0.0, -0.1, NAN, INF, "fast"])
def test_rates_that_are_none(rate: Any) -> None:
    with pytest.raises(ValueError, match=f"Got {re.escape(repr(rate))} instead"):
        GradientDescentRegressor(learning_rate=rate).fit(X, Y)


DEEPER: dict[str, tuple[dict[str, Any], str]] = {
    "init too long": ({"init": ([1, 2, 3], 0)}, r"init has 3 coefficients for 2 features: init must be 'zeros'"),
    "init too short": ({"init": ([1, 2],)}, r"cannot be read: init must be 'zeros', 'uniform' or \(coef, intercept\)"),
    "init in words": ({"init": (["a", "b"], 0)}, r"cannot be read: init must be"),
    "init not finite": ({"init": ([1, NAN], 0)}, r"is not finite: init must be"),
    "a callback that is none": ({"callbacks": [len, "log"]}, r"callbacks holds 'log': each must be a callable"),
    "engine": (
        {"engine": "spectral", "method": "adam"},
        r"cannot run this problem because this method's steps are not linear.*: choose auto, or moments or data",
    ),
    "a schedule of zero": ({"learning_rate": lambda k: 0.0}, r"schedule gave 0\.0 at epoch 0: it must give a positive"),
    "a schedule that ends": (
        {"learning_rate": lambda k: 0.1 if k < 5 else -0.1, "tol": 0},
        r"schedule gave -0\.1 at epoch 5: it must give a positive, finite number",
    ),
    "too few rows to split": ({"early_stopping": True, "validation_fraction": 0.95}, r"leaves 1 of 20 rows to train"),
}


@pytest.mark.parametrize("case", DEEPER)
def test_options_that_do_not_fit_the_rows(case: str) -> None:
    options, told = DEEPER[case]
    with pytest.raises(InputError, match=told) as caught:
        GradientDescentRegressor(**options).fit(X, Y)
    assert_one_sentence(caught.value)


def test_a_schedule_that_gives_no_number() -> None:
    with pytest.raises(InputError, match="schedule gave None at epoch 0"):
        GradientDescentRegressor(learning_rate=lambda k: None).fit(X, Y)


@pytest.mark.parametrize("engine", ["spectral", "moments", "data"])
def test_columns_whose_squares_underflow_are_not_said_to_be_constant(engine: str) -> None:
    told = r"underflow.*: multiply"
    for rows, y in ((X * 1e-200, Y), (X * 1e-320, Y), (X, Y * 1e-200)):
        with pytest.raises(InputError, match=told) as caught:
            GradientDescentRegressor(engine=engine).fit(rows, y)
        assert_one_sentence(caught.value)


# ------------------------------------------------------------------------------------------------- nothing is lost
@pytest.mark.parametrize(
    ("given", "options"),
    [((holed(), Y), {}), ((X, Y, -ONES), {}), ((X, Y), {"learning_rate": 0}), ((X, Y), {"loss": "l3"})],
    ids=["NaN", "weights", "rate", "loss"],
)
def test_a_fit_that_is_refused_leaves_the_earlier_one(given: tuple[Any, ...], options: dict[str, Any]) -> None:
    model = GradientDescentRegressor().fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"NaN|negative|instead"):
        model.set_params(**options).fit(*given)
    np.testing.assert_array_equal(model.predict(X), before)
    assert model.stop_reason_ == "converged"


def test_so_does_one_with_other_columns() -> None:
    model = GradientDescentRegressor().fit(X, Y)
    before = model.predict(X)
    with pytest.raises(InputError):
        model.fit(X[:, :1], Y, -ONES)
    np.testing.assert_array_equal(model.predict(X), before)


# -------------------------------------------------------------------------------------------------------- predict
PREDICT: dict[str, tuple[Any, str]] = {
    "NaN": (holed(), r"'x0' \(1 infinity\), 'x1' \(2 NaN\)"),
    "one dimension": (X[:, 0], r"Expected 2D array.*Reshape your data"),
    "columns": (X[:, :1], r"X has 1 features, but GradientDescentRegressor is expecting 2 features as input"),
    "text": ([["a", "b"]], r"X holds text"),
    "no rows": (X[:0], r"0 sample\(s\)"),
}


@pytest.mark.parametrize("case", PREDICT)
def test_rows_that_cannot_be_predicted(case: str) -> None:
    given, told = PREDICT[case]
    model = GradientDescentRegressor().fit(X, Y)
    with pytest.raises(ValueError, match=told) as caught:
        model.predict(given)
    assert_one_sentence(caught.value)


def test_one_row_can_be_predicted() -> None:
    assert GradientDescentRegressor().fit(X, Y).predict(X[:1]).shape == (1,)


def test_before_fit() -> None:
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        GradientDescentRegressor().predict(X)


# ------------------------------------------------------------------------------------- errors of our own, always
ODD: dict[str, Any] = {
    "words": "abc",
    "bytes": b"abc",
    "a dictionary": {"a": 1},
    "a set": {1, 2},
    "a function": len,
    "ragged": [[1], [1, 2]] * 10,
    "objects": np.array([object()] * 20),
    "NA": [pd.NA] * 20,
    "records": np.zeros(20, dtype="i4,f4"),
    "bits": np.zeros(20, dtype="V8"),
    "periods": pd.period_range("2020", periods=20),
    "intervals": pd.interval_range(0, 20),
    "several labels": pd.MultiIndex.from_product([[1, 2], range(10)]),
    "large integers": [10**400] * 20,
    "large numbers": np.full(20, np.longdouble("1e4000")),
    "complex": ONES * 1j,
    "sparse": scipy.sparse.coo_matrix(np.ones((3, 1))),
    "not finite": float("nan"),
}


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("case", ODD)
def test_no_error_but_ours_leaves(case: str) -> None:
    odd = ODD[case]
    ways: list[Any] = [
        lambda: GradientDescentRegressor().fit(odd, Y),
        lambda: GradientDescentRegressor().fit(X, odd),
        lambda: GradientDescentRegressor().fit(X, Y, odd),
        lambda: GradientDescentRegressor().partial_fit(X, odd),
        lambda: GradientDescentRegressor(init=(odd, 0.0)).fit(X, Y),
        lambda: GradientDescentRegressor().fit(X, Y).predict(odd),
        lambda: SGDRegressor().fit(odd, Y),
        lambda: SGDRegressor().fit(X, odd),
        lambda: SGDRegressor().fit(X, Y, sample_weight=odd),
        lambda: SGDRegressor().fit(X, Y, coef_init=odd),
        lambda: SGDRegressor().fit(X, Y, intercept_init=odd),
        lambda: SGDRegressor().fit(X, Y).predict(odd),
    ]
    for way in ways:
        with pytest.raises(InputError):
            way()
