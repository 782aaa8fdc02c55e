"""Model files that something has changed: each is refused in one sentence, or gives a model that works."""

import copy
import json
import random
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from downslope import GradientDescentRegressor, SGDRegressor, load_model, save_model, schedules
from downslope.exceptions import DownslopeWarning, FileError

N = 2000
ROWS = np.random.default_rng(7).normal(size=(40, 3))
TARGET = ROWS @ [1.0, -2.0, 0.5] + 4.0 + np.random.default_rng(8).normal(size=40)
TABLE = {
    "target": "y",
    "columns": ["a", "b", "c"],
    "levels": {},
    "missing": None,
    "means": [0.0, 1.0, 2.0],
    "notation": {"na": ["-9"], "decimal": ".", "thousands": None},
}
MODELS: dict[str, Callable[[], Any]] = {
    "plain": lambda: GradientDescentRegressor(),
    "heavy ball": lambda: GradientDescentRegressor(method="momentum"),
    "from a start": lambda: GradientDescentRegressor(loss="huber", init=([1.0, 2.0, 3.0], 0.5), max_iter=9),
    "on a schedule": lambda: GradientDescentRegressor(learning_rate=schedules.Exponential(0.3, 0.9), max_iter=20),
    "quantile": lambda: GradientDescentRegressor(loss="quantile", quantile=0.3, max_iter=20),
    "sparse": lambda: GradientDescentRegressor(penalty="l1", alpha=0.1),
    "diverged": lambda: GradientDescentRegressor(learning_rate=70.0),
    "batches": lambda: GradientDescentRegressor(batch_size=8, random_state=0, max_iter=4),
    "sgd": lambda: SGDRegressor(random_state=0, penalty="elasticnet", average=True),
}
OTHER: list[Any] = [
    *(None, True, False, 0, -1, 1, 3, 0.5, 1e200, -1e-320, 10**400, 2**70, float("nan"), float("inf"), -float("inf")),
    *("", "x", "1", "nan", "inf", "gd", "auto", "\ud800", [], {}, [[]], [1, 2], [1.0, 2.0, 3.0], ["1", "2", "3"]),
    *([None] * 3, [float("nan")] * 3, {"a": 1}, {"code": "fit.stop", "numbers": {}, "remedies": []}, {"number": "inf"}),
]
PIECES = (b"0", b"9", b"-", b"e99", b'"', b",", b"}", b"NaN", b"Infinity", b"1e999", b"\xff")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The files of all kinds of models."""
    path, written = tmp_path_factory.mktemp("models") / "m.json", {}
    for kind, make in MODELS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DownslopeWarning)
            save_model(make().fit(ROWS, TARGET), path, table=TABLE if kind == "plain" else None)
        written[kind] = path.read_text(encoding="utf-8")
    return written


def places(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in a document."""
    for key in content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ():
        yield (*above, key)
        yield from places(content[key], (*above, key))


def changed_bytes(draw: random.Random, text: str) -> bytes:
    data = bytearray(text.encode())
    for _ in range(draw.choice([1, 1, 2, 5])):
        place = draw.randrange(len(data))
        other, cut = bytes([draw.randrange(256)]), draw.choice([1, 3, 20])
        length, new = draw.choice([(1, other), (cut, b""), (0, draw.choice(PIECES))])
        data[place : place + length] = new
    return bytes(data)


def changed_values(draw: random.Random, text: str) -> bytes:
    content = json.loads(text)
    where = draw.choice([place for place in places(content) if place[0] not in ("format", "version", "written_by")])
    holder = content
    for key in where[:-1]:
        holder = holder[key]
    change = draw.random()
    if change < 0.75:
        holder[where[-1]] = copy.deepcopy(draw.choice(OTHER))
    elif change < 0.9:
        del holder[where[-1]]
    elif isinstance(holder, dict):
        holder[draw.choice(["more", "coef", "__class__"])] = copy.deepcopy(draw.choice(OTHER))
    return json.dumps(content).encode("utf-8", "surrogatepass")


def use(model: Any, path: Path) -> None:
    """All that a loaded model is asked for."""
    rows = np.ones((4, model.n_features_in_))
    names = getattr(model, "feature_names_in_", None)
    assert np.all(np.isfinite(model.predict(rows)))
    assert names is None or len(names) == model.n_features_in_
    assert np.isfinite(model.learning_rate_)
    assert model.gap_ is None or np.isfinite(model.gap_)
    assert model.optimum_ is None or np.all(np.isfinite([*model.optimum_.coef, model.optimum_.objective]))
    assert str(model.stop_message_)
    assert str(model.engine_)
    clone(model)
    save_model(model, path, table=model.table_)
    np.testing.assert_array_equal(load_model(path).coef_, model.coef_)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
@pytest.mark.parametrize("part", range(4))
def test_a_file_that_was_changed_is_refused_or_works(texts: dict[str, str], tmp_path: Path, part: int) -> None:
    path, refused = tmp_path / "m.json", 0
    for seed in range(part, N, 4):
        draw = random.Random(seed)
        change = changed_bytes if draw.random() < 0.2 else changed_values
        path.write_bytes(change(draw, texts[draw.choice(list(texts))]))
        try:
            model = load_model(path)
        except FileError:
            refused += 1
        else:
            use(model, tmp_path / "again.json")
    assert 0.5 < refused / (N / 4) < 0.95


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e400", "1" + "0" * 400, '"7"', "true"])
@pytest.mark.parametrize("key", ["intercept", "learning_rate", "gap"])
def test_a_number_is_finite_and_no_word(texts: dict[str, str], tmp_path: Path, key: str, number: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(
        re.sub(rf'"{key}": [^\n,]+(,?)\n', rf'"{key}": {number}\1\n', texts["heavy ball"]), encoding="utf-8"
    )
    with pytest.raises(FileError, match=r"no finite number|of the wrong kind"):
        load_model(path)


@pytest.mark.parametrize("inside", ["", "parameters", "engine"])
def test_a_key_that_is_given_twice(texts: dict[str, str], tmp_path: Path, inside: str) -> None:
    path, text = tmp_path / "m.json", texts["plain"]
    key = {"": "intercept", "parameters": "alpha", "engine": "name"}[inside]
    value = json.dumps(json.loads(text)[inside][key] if inside else json.loads(text)[key])
    begun = f'"{inside}": {{' if inside else "{"
    path.write_text(text.replace(begun, f'{begun}"{key}": {value},', 1), encoding="utf-8")
    with pytest.raises(FileError, match=rf"it has '{key}' twice"):
        load_model(path)
