"""The history: which epochs it keeps, in how many bytes, and what it gives away."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from downslope.descent.history import (
    MOST_BYTES,
    MOST_RECORDS,
    History,
    Recorder,
    grid,
    kept_epochs,
    level_for,
    most_records,
    on_grid,
)
from downslope.exceptions import InputError

Array = np.ndarray


# --------------------------------------------------------------------------------------------- which epochs are kept
@pytest.mark.parametrize("most", [3, 4, 5, 7, 8, 9, 16, 20, 33])
def test_recorded_one_by_one_or_chosen_at_once_the_epochs_are_the_same(most: int) -> None:
    """For every length: that is what makes the histories of all engines equal."""
    recorder = Recorder(1)
    recorder.most = most
    for length in range(1, 600):
        recorder.add((float(length - 1),), np.array([length - 1]))
        assert [row[0] for row in recorder.rows] == kept_epochs(length, most).tolist()
        assert [row[0] for row in recorder.rows] == [place[0] for place in recorder.parameters]


@pytest.mark.parametrize("most", [3, 4, 10, 100, 10_000])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 10, 99, 100, 101, 10_000, 10_001, 65_536, 1_000_001, 10**9, 2**40 + 3])
def test_a_run_of_any_length_keeps_its_ends_and_no_more_than_fits(length: int, most: int) -> None:
    kept = kept_epochs(length, most)
    assert kept[0] == 0
    assert kept[-1] == length - 1
    assert kept.size <= most
    assert (np.diff(kept) > 0).all()
    if length <= most:
        assert kept.size == length
    elif most >= 100:
        # At least a quarter of the room is used, and no gap is larger than a share of the epoch.
        assert kept.size >= most / 4
        gaps = np.diff(kept) / kept[1:]
        assert gaps[kept[1:] > most].max(initial=0.0) <= 8 * np.log2(length) / most


def test_ten_thousand_epochs_are_all_kept() -> None:
    assert kept_epochs(MOST_RECORDS, most_records(20)).tolist() == list(range(MOST_RECORDS))
    assert kept_epochs(MOST_RECORDS + 1, most_records(20)).size < MOST_RECORDS


@pytest.mark.parametrize("level", [-6, -2, -1, 0, 1, 3])
def test_the_grid_is_what_on_grid_says(level: int) -> None:
    for length in (1, 2, 5, 64, 1000):
        assert grid(length, level).tolist() == [epoch for epoch in range(length) if on_grid(epoch, level)]


@pytest.mark.parametrize("level", range(-5, 4))
def test_a_coarser_grid_is_part_of_a_finer_one(level: int) -> None:
    assert set(grid(5000, level - 1).tolist()) <= set(grid(5000, level).tolist())


@pytest.mark.parametrize("most", [3, 10, 100])
def test_the_grid_never_becomes_finer_as_the_run_goes_on(most: int) -> None:
    levels = [level_for(length, most) for length in (most + 1, 10 * most, 1000 * most, 10**6 * most)]
    assert levels == sorted(levels, reverse=True)


@pytest.mark.parametrize("n_parameters", [1, 2, 21, 500, 1000, 10_000, 1_000_000, 2_000_000])
def test_a_history_never_takes_more_than_64_megabytes(n_parameters: int) -> None:
    most = most_records(n_parameters)
    assert 3 <= most <= MOST_RECORDS
    # The parameters, the seven columns and the epoch within the run.
    assert most * 8 * (n_parameters + 8) <= MOST_BYTES == 64_000_000
    assert most == MOST_RECORDS or (most + 1) * 8 * (n_parameters + 8) > MOST_BYTES


# ------------------------------------------------------------------------------------------------- what it gives away
def history(names: tuple[str, ...] | None = None, n_features: int = 2, length: int = 3, **columns: Any) -> History:
    numbers = np.arange(float(length))
    table = {"epoch": numbers, "mse": 10 - numbers, **{name: np.array(column) for name, column in columns.items()}}
    return History(table, 100 + np.arange(length * n_features, dtype=float).reshape(length, -1), -numbers, names)


def test_a_history_is_a_mapping_of_columns() -> None:
    given = history()
    assert dict(given).keys() == {"epoch", "mse"}
    assert given.columns == tuple(given) == ("epoch", "mse")
    assert given["mse"].tolist() == [10, 9, 8]
    assert "mse" in given
    assert "validation_mse" not in given
    assert given.get("mse") is given["mse"]
    assert len(given) == 3
    assert repr(given) == "<History: 3 records to epoch 2, 2 features>"


def test_a_column_that_is_absent() -> None:
    with pytest.raises(InputError, match=r"the history has no column 'loss': it has epoch, mse$"):
        history()["loss"]


@pytest.mark.parametrize(
    ("names", "n_features", "columns"),
    [
        (None, 1, ["epoch", "mse", "w", "intercept"]),
        (None, 2, ["epoch", "mse", "w1", "w2", "intercept"]),
        (("age", "height"), 2, ["epoch", "mse", "age", "height", "intercept"]),
        (("mse", "intercept"), 2, ["epoch", "mse", "coef[mse]", "coef[intercept]", "intercept"]),
    ],
    ids=["one", "two", "named", "named like a column"],
)
def test_the_weights_have_names(names: tuple[str, ...] | None, n_features: int, columns: list[str]) -> None:
    given = history(names, n_features)
    table = given.to_dict()
    assert list(table) == columns
    assert table[columns[2]] == given.coef[:, 0].tolist()
    assert table["intercept"] == given.intercept.tolist()
    assert list(given.to_frame().columns) == columns


def test_what_is_no_number_is_nothing() -> None:
    given = history(validation_mse=[np.nan, np.inf, 1.0])
    assert given.to_dict()["validation_mse"] == [None, np.inf, 1.0]
    assert json.loads(given.to_json())["validation_mse"] == [None, None, 1.0]
    frame = given.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame["validation_mse"].isna().tolist() == [True, False, False]
    assert frame["mse"].tolist() == [10, 9, 8]


# ------------------------------------------------------------------------------------------------------- two runs
def run(first: int, last: int, **columns: Any) -> History:
    """Epochs first … last whose mse and weight are the epoch."""
    epochs = np.arange(float(first), last + 1)
    table = {"epoch": epochs, "mse": epochs, **{name: np.full(epochs.size, value) for name, value in columns.items()}}
    return History(table, epochs[:, None], epochs, ("x",))


def test_a_run_that_goes_on_is_one_history() -> None:
    joined = run(0, 5).followed_by(run(5, 9))
    for column in (joined["epoch"], joined["mse"], joined.coef[:, 0], joined.intercept):
        assert column.tolist() == list(range(10))
    assert joined.feature_names == ("x",)


def test_where_two_runs_meet_the_rate_is_the_one_that_led_there() -> None:
    joined = run(0, 2, learning_rate=0.5).followed_by(run(2, 4, learning_rate=0.1))
    assert joined["learning_rate"].tolist() == [0.5, 0.5, 0.5, 0.1, 0.1]


def test_a_column_that_the_earlier_run_had_not_is_empty_there() -> None:
    joined = run(0, 1).followed_by(run(1, 2, validation_mse=7.0))
    np.testing.assert_array_equal(joined["validation_mse"], [np.nan, 7.0, 7.0])


@pytest.mark.parametrize("begin", [8000, 7999, 1])
def test_two_long_runs_keep_no_more_than_one_may(begin: int) -> None:
    """Wherever the second begins, none of its octaves is left without records."""
    first, second = kept_epochs(begin + 1, MOST_RECORDS), begin + kept_epochs(90_001, MOST_RECORDS)
    earlier, later = (History({"epoch": epochs}, 1.0 * epochs[:, None], 1.0 * epochs) for epochs in (first, second))
    joined = earlier.followed_by(later)
    assert len(joined) == joined.coef.shape[0] <= MOST_RECORDS
    assert (joined["epoch"][0], joined["epoch"][-1]) == (0, begin + 90_000)
    gaps = np.diff(joined["epoch"])
    assert (gaps > 0).all()
    assert (gaps / joined["epoch"][1:])[joined["epoch"][1:] > 100].max() < 0.01
    np.testing.assert_array_equal(joined["epoch"], joined.intercept)
