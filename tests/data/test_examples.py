"""The shipped tables against another reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downslope.data.examples import load_example
from downslope.exceptions import InputError


def test_auto_mpg_is_what_pandas_reads() -> None:
    cars = load_example("auto_mpg")
    table = pd.read_csv(cars.path)
    assert table.shape == (397, 9)
    numbers = table.drop(columns="name").dropna()
    assert cars.target_name == "mpg"
    assert cars.feature_names == tuple(numbers.columns.drop("mpg"))
    assert np.array_equal(cars.X, numbers.drop(columns="mpg").to_numpy(dtype=np.float64))
    assert np.array_equal(cars.y, numbers["mpg"].to_numpy())
    assert (cars.X.shape, cars.X.dtype, cars.y.dtype) == ((392, 7), np.float64, np.float64)
    assert cars.X.flags.c_contiguous
    assert cars.y.flags.c_contiguous


def test_the_licence_stands_beside_the_table() -> None:
    cars = load_example("auto_mpg")
    assert isinstance(cars.path, Path)
    readme = (cars.path.parent / "README.md").read_text(encoding="utf-8")
    assert cars.path.name in readme
    for text in (readme, cars.license):
        assert "CC BY 4.0" in text
        assert "Quinlan" in text
    assert cars.description.endswith(".")
    assert "X=" not in repr(cars)


@pytest.mark.parametrize("name", ["auto-mpg", "", None, 3, ["auto_mpg"]])
def test_an_unknown_name_lists_the_tables(name: Any) -> None:
    with pytest.raises(InputError, match=r"there is no example named .*: the examples are 'auto_mpg'"):
        load_example(name)
