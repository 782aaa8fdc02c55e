"""Mini-batches and single rows in the shell."""

import re
from pathlib import Path

import pytest

from downslope import SGDRegressor, load_model, save_model
from downslope.data.arrays import ArraySource
from tests.cli.conftest import CARS, Call
from tests.cli.test_fit import cars

FIT = ("fit", CARS, "-t", "mpg", "--exclude", "name", "--categorical", "origin", "--missing", "drop", "--seed", "0")


@pytest.mark.parametrize("method", ["gd", "saga"])
def test_single_rows_come_near_least_squares(method: str, call: Call) -> None:
    answer = call(*FIT, "--batch-size", "1", "--method", method, "--json")
    assert answer.code == 0
    assert answer.document["quality"]["r2"] == pytest.approx(answer.document["least_squares"]["r2"], abs=1e-3)


def test_a_batch_larger_than_the_rows_is_told(call: Call) -> None:
    answer = call(*FIT, "--batch-size", "500")
    assert answer.code == 0
    assert re.search(r"--batch-size 500 is larger than the 392 rows.*: give no --batch-size to say so", answer.err)


def test_a_diverged_run_of_single_rows_fails_with_the_cause(call: Call) -> None:
    answer = call(*FIT, "--batch-size", "1", "--raw", "--learning-rate", "0.01")
    assert answer.code == 1
    assert re.search(r"Diverged .*curvature of single rows = .*, dominated by column 'weight'\)", answer.err)


@pytest.mark.filterwarnings("ignore::downslope.exceptions.DownslopeWarning")
def test_a_model_of_sgd_regressor_predicts(call: Call, tmp_path: Path) -> None:
    X, y, names = cars()
    model = SGDRegressor(eta0=1e-8, learning_rate="constant", random_state=0, tol=None, max_iter=5)
    model.fit(ArraySource(X, y, names=tuple(names)))
    path = tmp_path / "sgd.json"
    answer = call(*FIT, "--model", path)
    assert answer.code == 0
    table = load_model(path).table_
    save_model(model, path, table=table)
    answer = call("predict", path, CARS)
    assert answer.code == 0
    assert float(answer.out.splitlines()[1]) == pytest.approx(X[0] @ model.coef_ + model.intercept_[0], rel=1e-9)
