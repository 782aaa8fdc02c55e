"""Cells of features that are no measurements: found and named, and not found where there are none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from downslope import diagnose
from downslope.diagnosis import Cells
from downslope.texts import speaking
from tests.texts.english import english_in

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator], Array]


def look(column: Array, **options: Any) -> Cells:
    """What is found in a column beside one of normal numbers."""
    rng = np.random.default_rng(2)
    X = np.column_stack([rng.normal(size=column.size), column])
    return diagnose(X, X[:, 0] + rng.normal(size=column.size), feature_names=["other", "own"], **options).cells


def put(draw: Draw, value: float, places: list[int]) -> Array:
    column = draw(np.random.default_rng(11))
    column[places] = value
    return column


CODES: dict[str, tuple[Draw, float, list[int]]] = {
    "-9999 among heights": (lambda rng: rng.normal(172, 9, 300), -9999.0, [7, 8, 200]),
    "9999 among rainfall": (lambda rng: rng.exponential(8.0, 300), 9999.0, [0, 299]),
    "-1 among ages": (lambda rng: rng.integers(18, 95, 300).astype(float), -1.0, [4, 44, 45, 46]),
    "99 among ages": (lambda rng: rng.integers(18, 85, 300).astype(float), 99.0, [12, 13]),
    "0 among pressures": (lambda rng: rng.normal(1013, 8, 300), 0.0, [3, 30, 33, 34, 35]),
    "1e30 among depths": (lambda rng: rng.uniform(0, 5000, 300), 1e30, [1, 2]),
    "a fifth of all": (lambda rng: rng.uniform(0, 1, 300), -99.0, list(range(0, 300, 5))),
}


@pytest.mark.parametrize("case", CODES)
def test_codes_for_missing_values_are_found(case: str) -> None:
    draw, value, places = CODES[case]
    column = put(draw, value, places)
    (found,) = look(column).codes
    others = np.delete(column, places)
    assert found == ("own", value, len(places), tuple(places[:5]), others.min(), others.max())
    assert look(column).slips == ()


def test_several_codes_and_slips_in_one_column() -> None:
    column = put(lambda rng: rng.normal(50, 5, 400), -88.0, [5, 6])
    column[[10, 11]], column[300], column[301] = -99.0, 50_000.0, 7_000.0
    found = look(column)
    assert [(far.value, far.times) for far in found.codes] == [(-99.0, 2), (-88.0, 2)]
    assert [(far.value, far.rows) for far in found.slips] == [(7_000.0, (301,)), (50_000.0, (300,))]


DRAWS: dict[str, Draw] = {
    "normal": lambda rng: rng.normal(size=500),
    "uniform": lambda rng: rng.uniform(size=500),
    "exponential": lambda rng: rng.exponential(size=500),
    "counts": lambda rng: rng.poisson(3, 500).astype(float),
    "counts, mostly zero": lambda rng: rng.poisson(20, 500) * (rng.random(500) < 0.3) * 1.0,
    "shares up to 100": lambda rng: np.minimum(100.0, np.round(rng.exponential(40, 500))),
    "truth values": lambda rng: rng.integers(0, 2, 500).astype(float),
    "signs": lambda rng: rng.integers(-1, 2, 500).astype(float),
    "levels far apart": lambda rng: rng.choice([1.0, 2.0, 1000.0], 500),
}


@pytest.mark.parametrize("draw", DRAWS)
def test_nothing_is_found_where_nothing_is(draw: str) -> None:
    for seed in range(20):
        found = look(DRAWS[draw](np.random.default_rng(seed)))
        assert (found.codes, found.slips) == ((), ())


def test_a_row_without_weight_is_no_row() -> None:
    column = put(lambda rng: rng.normal(size=200), 1e6, [20])
    weight = np.ones(200)
    weight[20] = 0.0
    assert [far.rows for far in look(column).slips] == [(20,)]
    found = look(column, sample_weight=weight)
    assert (found.slips, found.n_looked_at) == ((), 199)


def test_a_row_without_weight_is_no_outlier() -> None:
    rng = np.random.default_rng(1)
    X, weight = rng.normal(size=(200, 2)), np.ones(200)
    y = X @ [1.0, 2.0] + rng.normal(size=200)
    y[[4, 5]] += [900.0, 700.0]
    weight[4] = 0.0
    assert diagnose(X, y, sample_weight=weight).outliers.rows[0] == 5
    assert "of 199 rows looked at" in str(diagnose(X, y, sample_weight=weight))


def test_labels_and_numbers_of_rows() -> None:
    rng = np.random.default_rng(3)
    assert look(rng.integers(1, 5, 200).astype(float)).labels == (("own", 1, 4),)
    assert look(np.arange(200) % 2.0).labels == ()
    assert look(rng.integers(3, 7, 200).astype(float)).labels == ()
    assert look(np.arange(1000.0, 1200.0)).numbered == ("own",)
    assert look(rng.permutation(200).astype(float)).numbered == ("own",)
    assert look(2.0 * np.arange(200)).numbered == ()


def test_rows_are_called_as_asked() -> None:
    column = put(lambda rng: rng.normal(size=120), -777.0, [0, 50, 119])
    numbers = np.arange(120) * 3 + 1
    plain, named = look(column), look(column, row_numbers=numbers)
    assert (plain.origin, plain.codes[0].rows) == (0, (0, 50, 119))
    assert (named.origin, named.codes[0].rows) == (1, (1, 151, 358))


def test_a_single_outlier_is_named() -> None:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(80, 2))
    y = X @ [1.0, -1.0] + rng.normal(size=80)
    y[33] += 400.0
    found = diagnose(X, y)
    assert found.outliers.rows[0] == 33
    assert "outliers, the farthest first: row 33 (counted from 0)" in str(found)


def test_a_page_says_where_codes_are() -> None:
    X = np.column_stack([put(lambda rng: rng.normal(size=90), -999.0, [8, 9]), np.arange(90.0)])
    X[40, 1] = 1e7
    found = diagnose(X, X[:, 1], feature_names=["a", "b"])
    told = " ".join(str(found).split())
    assert "one value in several rows, far from all others: a: -999 × 2, rows 8, 9 (counted from 0)" in told
    assert "single cells far from all others: b: 10000000, row 40 (counted from 0)" in told
    assert "1. Look at 'a': -999 stands in 2 of 90 rows looked at, rows 8, 9 (counted from 0), and all other" in told
    assert found.to_dict()["cells"]["codes"][0]["rows"] == [8, 9]
    with speaking("ko"):
        korean = str(found)
    assert "8, 9번 행, 0부터 셈" in korean
    assert english_in(korean.replace("Huber", "").replace("gd", "").replace("nesterov", "").replace("λ_max", "")) == []


def test_of_many_rows_those_that_were_looked_at_are_meant() -> None:
    column = put(lambda rng: rng.normal(size=60_000), -999.0, list(range(0, 60_000, 100)))
    (found,) = look(column).codes
    assert found.rows == ()
    assert 120 < found.times < 280
    X = np.column_stack([column])
    assert "among the rows drawn" in " ".join(str(diagnose(X, column)).split())
