"""The golden replays: documents with the run that each must give, in Python as in the page that reads them.

    python -m tests.saving.golden_replays      writes tests/saving/replays/*.json anew

The documents are those of real fits and the runs are what these fits recorded. The last digits differ from machine to
machine, so the files are only written when the format changes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from downslope import GradientDescentRegressor, load_example
from downslope.saving.replay import Replay
from downslope.schedules import InverseTime
from tests.problems import course

FOLDER = Path(__file__).parent / "replays"


def course_in_raw_columns() -> GradientDescentRegressor:
    """The hand-written loop of the course, until the error is small."""
    X, y = course()
    return GradientDescentRegressor(standardize=False, learning_rate=0.5, tol=0, stop_below=5e-5).fit(X, y)


def cars_by_momentum() -> GradientDescentRegressor:
    """Seven named columns of very different units, weighted, under an L2 penalty, until it has converged."""
    example = load_example("auto_mpg")
    table = pd.DataFrame(example.X, columns=example.feature_names)
    weight = 1.0 + np.arange(len(table)) % 3
    options: dict[str, Any] = {"method": "momentum", "momentum": 0.7, "penalty": "l2", "alpha": 0.01, "tol": 1e-4}
    return GradientDescentRegressor(**options).fit(table, example.y, sample_weight=weight)


def few_rows_stopped_early() -> GradientDescentRegressor:
    """Few rows with much noise under an L1 penalty, until the error on others does not fall any more."""
    random = np.random.default_rng(5)
    X, other = random.normal(size=(12, 5)), random.normal(size=(30, 5))
    y, other_y = (rows @ [2.0, 0.0, 0.0, -1.0, 0.0] + random.normal(size=len(rows)) for rows in (X, other))
    model = GradientDescentRegressor(
        penalty="l1", alpha=0.05, learning_rate=InverseTime(0.2, 20.0), tol=0, early_stopping=True, n_iter_no_change=5
    )
    return model.fit(X, y, X_val=other, y_val=other_y)


GOLDEN = (course_in_raw_columns, cars_by_momentum, few_rows_stopped_early)


def written(model: GradientDescentRegressor) -> dict[str, Any]:
    """The document of a fit, and its run: the columns of the history, and the weights a record a line."""
    history = model.history_
    columns = {name: column.tolist() for name, column in history.items() if name != "seconds"}
    weights = {"coef": history.coef.tolist(), "intercept": history.intercept.tolist()}
    run = {"n_iter": model.n_iter_, "stop_reason": model.stop_reason_.value, "columns": columns, **weights}
    return {"replay": Replay.of(model).to_dict(), "run": run}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for make in GOLDEN:
        text = json.dumps(written(make()), indent=1, ensure_ascii=False, allow_nan=False)
        (FOLDER / f"{make.__name__}.json").write_text(text + "\n", encoding="utf-8")
