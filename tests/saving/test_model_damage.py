"""Model files that are damaged, of another version or none: one sentence each."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from downslope import GradientDescentRegressor, load_model, save_model
from downslope.exceptions import FileError
from downslope.texts import speaking
from tests.problems import course


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


def assert_one_sentence(error: BaseException, path: Path) -> None:
    told = str(error)
    assert "\n" not in told
    assert str(path) in told
    assert ": " in told
    with speaking("ko"):
        assert str(error).endswith("요")
    for word in ("Traceback", "NoneType", "ufunc", "__init__", "object has no", "subscriptable"):
        assert word not in told


def saved(path: Path) -> dict[str, Any]:
    save_model(GradientDescentRegressor().fit(*course(3)), path)
    return json.loads(path.read_text())


def test_no_key_can_be_missing(path: Path) -> None:
    content = saved(path)
    for key in content.keys() - {"format", "version", "written_by"}:
        path.write_text(json.dumps({name: value for name, value in content.items() if name != key}))
        with pytest.raises(FileError, match=rf"is damaged \(it has no '{key}'\): fit the model again") as caught:
            load_model(path)
        assert_one_sentence(caught.value, path)


BROKEN: dict[str, dict[str, Any]] = {
    "estimator": {"unknown": "Oracle", "null": None, "list": []},
    "parameters": {"list": [1], "null": None},
    "coef": {"a word": ["a", "b", "c"], "null": None, "not finite": [1, 2, float("nan")], "table": [[1, 2, 3]]},
    "intercept": {"null": None, "list": [1], "word": "b", "not finite": float("inf")},
    "feature_names": {"too few": ["a"], "number": 3},
    "n_iter": {"null": None, "word": "many"},
    "restored_epoch": {"word": "first", "list": [1]},
    "stop_reason": {"unknown": "tired", "null": None},
    "stop_message": {"null": None, "list": [1], "empty": {}, "unknown": {"code": "a.b", "numbers": {}, "remedies": []}},
    "engine": {"null": None, "list": [1], "empty": {}},
    "learning_rate": {"null": None, "word": "fast"},
    "gap": {"word": "small", "list": []},
    "optimum": {"list": [1], "empty": {}, "word": "best"},
}


@pytest.mark.parametrize("key", BROKEN)
def test_values_that_are_none(key: str, path: Path) -> None:
    content = saved(path)
    for value in BROKEN[key].values():
        path.write_text(json.dumps({**content, key: value}))
        with pytest.raises(FileError, match=r"is damaged \(.+\): fit the model again and save it") as caught:
            load_model(path)
        assert_one_sentence(caught.value, path)


INNER: dict[str, tuple[str, dict[str, Any]]] = {
    "an option of another program": ("parameters", {"boost": 3}),
    "an option value": ("parameters", {"loss": "l3"}),
    "an unknown schedule": ("parameters", {"learning_rate": {"schedule": "system", "rate": 1}}),
    "a schedule without a name": ("parameters", {"learning_rate": {"rate": 1}}),
    "a schedule of other numbers": ("parameters", {"learning_rate": {"schedule": "Constant", "speed": 1}}),
    "half a start": ("parameters", {"init": [[1, 2, 3]]}),
    "a start in words": ("parameters", {"init": [["a"], "b"]}),
    "a reason of no code": ("engine", {"reason": {}}),
    "a reason without its numbers": ("engine", {"reason": {"code": "engine.asked", "numbers": {}, "remedies": []}}),
    "a reason of a value for a number": (
        "engine",
        {"reason": {"code": "sgd.stopped", "numbers": {"told": "", "objective": "x", "slope": 1}, "remedies": []}},
    ),
    "an optimum of other columns": ("optimum", {"coef": [1.0]}),
    "an optimum in words": ("optimum", {"digits": "many"}),
}


@pytest.mark.parametrize("case", INNER)
def test_values_inside_that_are_none(case: str, path: Path) -> None:
    key, change = INNER[case]
    content = saved(path)
    content[key].update(change)
    path.write_text(json.dumps(content))
    with pytest.raises(FileError, match=r"is damaged \(.+\): fit the model again and save it") as caught:
        load_model(path)
    assert_one_sentence(caught.value, path)


FILES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda text: b"", r"damaged or no model file \(line 1, column 1 is no JSON\)"),
    "cut short": (lambda text: text[:300], r"damaged or no model file"),
    "binary": (lambda text: bytes(range(256)), r"cannot be read \(it is not text\): give a file that save_model or"),
    "CSV": (lambda text: b"x,y\n1,2\n", r"damaged or no model file"),
    "a list": (lambda text: b"[1, 2]", r"is JSON but no model of Downslope"),
    "other JSON": (lambda text: b'{"format": "other"}', r"is JSON but no model of Downslope"),
    "nested without end": (lambda text: b"[" * 200_000, r"damaged or no model file"),
    "a later version": (
        lambda text: text.replace(b'"version": 2', b'"version": 3').replace(b'"downslope 0.', b'"downslope 9.'),
        r"has version 3 of the model format and this is downslope .*, which reads versions up to 2: install the "
        r"downslope that wrote it \(downslope 9\.",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_none(case: str, path: Path) -> None:
    change, told = FILES[case]
    saved(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileError, match=told) as caught:
        load_model(path)
    assert_one_sentence(caught.value, path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be read \(No such file or directory\): give a file that") as caught:
        load_model(tmp_path / "none.json")
    assert isinstance(caught.value, OSError)
    with pytest.raises(FileError, match=r"cannot be read \(Is a directory\)"):
        load_model(tmp_path)
