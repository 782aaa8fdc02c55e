"""What bad rows in memory get: one sentence each, with the number; and what good rows keep: themselves."""

import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import DataConversionWarning

from downslope.data.rows import Rows, check_rows, check_target, check_weights, refuse_non_finite, split_rows
from downslope.exceptions import InputError

NAN, INF = np.nan, np.inf


# ----------------------------------------------------------------------------------------------------------- X
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_float_arrays_are_kept_as_they_are(dtype: type, order: Any) -> None:
    X = np.asarray(np.ones((5, 2)), dtype=dtype, order=order)
    assert check_rows(X, "It") is X


@pytest.mark.parametrize(
    "X",
    [[[1, 2], [3, 4]], np.array([[1, 2], [3, 4]], dtype=np.int8), np.array([[True, False], [False, True]])],
    ids=["lists", "integers", "truth values"],
)
def test_other_numbers_become_float64(X: Any) -> None:
    checked = check_rows(X, "It")
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, np.asarray(X, float))


@pytest.mark.parametrize("make", [scipy.sparse.coo_array, scipy.sparse.csc_matrix, scipy.sparse.csr_array])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_becomes_csr(make: Any, index: type) -> None:
    X = make(np.eye(4))
    for part in ("indices", "indptr", "row", "col"):
        if hasattr(X, part) and make is not scipy.sparse.coo_array:
            setattr(X, part, getattr(X, part).astype(index))
    checked = check_rows(X, "It")
    assert checked.format == "csr"
    np.testing.assert_array_equal(checked.toarray(), np.eye(4))


def test_gaps_pass_here_since_the_statistics_show_them() -> None:
    assert np.isnan(check_rows(np.array([[NAN, 1.0]]), "It")[0, 0])


@pytest.mark.parametrize(
    ("X", "least", "sentence"),
    [
        (
            np.ones(3),
            1,
            "Expected 2D array, got 1D array instead: X must have rows and columns. Reshape your data with",
        ),
        (scipy.sparse.coo_array([1.0, 2.0]), 1, "Expected 2D input, got input with shape (2,): X must have rows and"),
        (np.ones((2, 2, 2)), 1, "Found array with dim 3"),
        (
            np.ones((0, 2)),
            1,
            "Found array with 0 sample(s) (shape=(0, 2)) while a minimum of 1 is required by It: give",
        ),
        (
            np.ones((2, 0)),
            1,
            "Found array with 0 feature(s) (shape=(2, 0)) while a minimum of 1 is required by It: give",
        ),
        (
            np.ones((1, 2)),
            2,
            "Found array with 1 sample(s) (shape=(1, 2)) while a minimum of 2 is required by It: give",
        ),
        ([["a"], ["b"]], 1, "X holds text ('a'): encode it as numbers first"),
        (np.ones((2, 2)) * 1j, 1, "Complex data not supported: X must hold real numbers"),
        ([[1, 2], [3]], 1, "X must hold one number for every row and column"),
    ],
    ids=["1-D", "1-D sparse", "3-D", "no rows", "no columns", "one row", "text", "complex", "ragged"],
)
def test_rows_that_cannot_be_used(X: Any, least: int, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        check_rows(X, "It", least=least)


@pytest.mark.parametrize(
    ("X", "told"),
    [
        ([[1, NAN], [2, 3]], "in 'b' (1 NaN): drop"),
        ([[INF, NAN], [-INF, NAN]], "in 'a' (2 infinity), 'b' (2 NaN): drop"),
        ([[NAN, 1], [INF, 1]], "in 'a' (1 NaN and 1 infinity): drop"),
    ],
    ids=["NaN", "two columns", "both kinds"],
)
@pytest.mark.parametrize("make", [np.array, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_gaps_are_counted_by_column(X: list[list[float]], told: str, make: Any) -> None:
    sentence = f"Input X contains NaN or infinity {told} those rows or fill the gaps first"
    with pytest.raises(InputError, match=re.escape(sentence)):
        refuse_non_finite(make(np.array(X, dtype=float)), ["a", "b"])


def test_many_columns_with_gaps_are_not_all_named() -> None:
    with pytest.raises(InputError, match=r"'x4' \(2 NaN\) and 2 more columns: drop"):
        refuse_non_finite(np.full((2, 7), NAN), [f"x{j}" for j in range(7)])


@pytest.mark.parametrize("X", [np.ones((3, 2)), np.full((3, 2), 1.7e308), scipy.sparse.csr_array((3, 2))])
def test_finite_rows_pass_even_where_their_sum_is_not_finite(X: Any) -> None:
    refuse_non_finite(X, ["a", "b"])


# ----------------------------------------------------------------------------------------------------------- y
@pytest.mark.parametrize(
    "y",
    [[1, 2, 3], np.array([1, 2, 3], np.float32), np.array([1, 2, 3], object), scipy.sparse.csr_array([1.0, 2.0, 3.0])],
    ids=["list", "float32", "objects", "sparse"],
)
def test_targets_become_float64(y: Any) -> None:
    target = check_target(y, 3)
    assert target.dtype == np.float64
    assert target.tolist() == [1.0, 2.0, 3.0]


def test_a_float64_target_is_not_copied() -> None:
    y = np.arange(3.0)
    assert np.shares_memory(check_target(y, 3), y)


@pytest.mark.parametrize("y", [[1e308, -1e308], [1e-150, 2e-150], [5.0, 5.0]], ids=["huge", "small", "constant"])
def test_targets_of_any_legal_size_pass(y: list[float]) -> None:
    assert check_target(y, 2).tolist() == y


def test_a_column_is_read_as_a_target_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match=r"shape \(3, 1\) is read as \(3,\)"):
        assert check_target(np.ones((3, 1)), 3).shape == (3,)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (["a", "b", "c"], "y cannot be read as numbers ('a'): encode it"),
        ([object()] * 3, "y holds objects that are no numbers (float() argument must be"),
        (np.ones(3) * 1j, "Complex data not supported: y must hold real numbers"),
        (np.ones((3, 2)), "y should be a 1d array, got an array of shape (3, 2) instead: one number a row"),
        (1.0, "y should be a 1d array, got an array of shape () instead"),
        (np.ones(4), "X has 3 rows and y has 4; give one target a row"),
        (
            [1.0, NAN, INF],
            "Input y contains NaN or infinity in 2 of 3 rows (the first is row 1, counted from 0): drop those rows",
        ),
        ([0.0, 1e-160, 2e-160], "the values of y span only 2.0e-160 and their squares underflow: multiply y by a"),
    ],
    ids=["text", "objects", "complex", "two columns", "a number", "too long", "gaps", "tiny"],
)
def test_targets_that_cannot_be_used(y: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        check_target(y, 3)


# ----------------------------------------------------------------------------------------------------- weights
@pytest.mark.parametrize(
    ("weight", "expected"),
    [(None, None), ([0, 1, 2], [0.0, 1.0, 2.0]), (2, [2.0, 2.0, 2.0]), (np.float32(0.5), [0.5, 0.5, 0.5])],
    ids=["none", "list", "a number", "float32"],
)
def test_weights_become_float64(weight: Any, expected: list[float] | None) -> None:
    weights = check_weights(weight, 3)
    assert (None if weights is None else weights.tolist()) == expected


@pytest.mark.parametrize(
    ("weight", "sentence"),
    [
        (["a", "b", "c"], "sample_weight cannot be read as numbers ("),
        (np.ones((3, 1)), "Sample weights must be 1D array or scalar, got 2 dimensions: one number a row"),
        ([1, 2], "sample_weight has shape (2,), expected (3,): give one weight a row"),
        ([1, NAN, INF], "sample_weight contains NaN or infinity in 2 of 3 rows: give finite weights"),
        ([1, -1, -2], "sample_weight is negative in 2 of 3 rows: weights must be 0 or more"),
        ([0, 0, 0], "sample_weight is zero in all rows: at least one row needs a positive weight"),
    ],
    ids=["text", "2-D", "too short", "gaps", "negative", "all zero"],
)
def test_weights_that_cannot_be_used(weight: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        check_weights(weight, 3)


# ------------------------------------------------------------------------------------------------------- split
def rows(n_rows: int, weight: Any = None) -> Rows:
    return Rows(np.arange(float(n_rows))[:, None], 10.0 * np.arange(n_rows), weight)


@pytest.mark.parametrize(("n_rows", "fraction", "n_held"), [(10, 0.3, 3), (10, 0.01, 1), (3, 0.1, 1), (100, 0.5, 50)])
@pytest.mark.parametrize("seed", [None, 0])
def test_every_row_is_trained_on_or_held_out(n_rows: int, fraction: float, n_held: int, seed: int | None) -> None:
    given = rows(n_rows, np.arange(1.0, n_rows + 1))
    kept, held = split_rows(given, fraction, None if seed is None else np.random.RandomState(seed))
    assert held.y.size == n_held
    assert sorted([*kept.y, *held.y]) == given.y.tolist()
    for part in (kept, held):
        np.testing.assert_array_equal(part.X[:, 0] * 10, part.y)
        np.testing.assert_array_equal(part.weight, part.X[:, 0] + 1)
        assert part.y.tolist() == sorted(part.y)


def test_without_shuffling_the_last_rows_are_held_out() -> None:
    assert split_rows(rows(10), 0.2, None)[1].y.tolist() == [80.0, 90.0]


def test_sparse_rows_are_split_too() -> None:
    kept, held = split_rows(Rows(scipy.sparse.csr_array(np.eye(4)), np.arange(4.0), None), 0.25, None)
    np.testing.assert_array_equal(held.X.toarray(), [[0, 0, 0, 1]])
    assert kept.X.shape == (3, 4)


@pytest.mark.parametrize(
    ("given", "fraction", "sentence"),
    [
        (rows(3), 0.9, "early_stopping with validation_fraction=0.9 leaves 0 of 3 rows to train on, and at least 2"),
        (rows(2), 0.1, "leaves 1 of 2 rows to train on"),
        (rows(4, np.array([1.0, 1, 1, 0])), 0.25, "all weights are zero in the rows that early_stopping splits off"),
        (rows(4, np.array([0.0, 0, 0, 1])), 0.25, "or in the rest: give X_val and y_val"),
    ],
    ids=["nothing left", "one left", "held out weightless", "rest weightless"],
)
def test_splits_that_cannot_be_made(given: Rows, fraction: float, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        split_rows(given, fraction, None)
