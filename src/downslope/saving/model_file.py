"""Model files: JSON that a person can read and no program can be attacked through (never pickle)."""

import dataclasses
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope._version import __version__
from downslope.data.documents import damage
from downslope.data.written import write_whole
from downslope.descent.engines import ENGINES, Engine
from downslope.descent.stopping import StopReason
from downslope.estimators import GradientDescentRegressor, SGDRegressor
from downslope.exceptions import FileError, InputError, ModelFileWarning
from downslope.fitting.optimum import Optimum
from downslope.steps import schedules
from downslope.texts import Finding, Remedy
from downslope.texts.parts import system_reason

__all__ = ["load_model", "save_model"]

FORMAT = "downslope-model"
# Version 1 held texts where version 2 holds findings.
VERSION = 2
ESTIMATORS = {"GradientDescentRegressor": GradientDescentRegressor, "SGDRegressor": SGDRegressor}
# What is shown of a number.
LONGEST = 20
SCHEDULES = ("Constant", "Cosine", "Exponential", "InverseScaling", "InverseTime", "StepDecay")


Regressor = GradientDescentRegressor | SGDRegressor


def save_model(model: Regressor, path: str | os.PathLike[str], *, table: dict[str, Any] | None = None) -> None:
    """Write a fitted model as JSON; a file that is there is replaced only when the new one is complete.

    Parameters
    ----------
    model : GradientDescentRegressor or SGDRegressor
        Fitted.
    path : path
    table : dict or None
        How the columns of a table become features, for programs that read tables.

    Raises
    ------
    InputError
        For a model that is not fitted.
    FileError
        Where the file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from downslope import GradientDescentRegressor, load_model, make_linear, save_model
    >>> data = make_linear(random_state=0)
    >>> model = GradientDescentRegressor().fit(data.X, data.y)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.json"
    >>> save_model(model, path)
    >>> bool((load_model(path).predict(data.X) == model.predict(data.X)).all())
    True
    """
    if not hasattr(model, "coef_"):
        raise InputError(Finding.of("model_file.not_fitted", estimator=type(model).__name__))
    coef: Any = model.coef_
    coef = np.asarray(coef.toarray() if scipy.sparse.issparse(coef) else coef, dtype=np.float64).reshape(-1)
    intercept = float(np.reshape(model.intercept_, -1)[0])
    if not np.all(np.isfinite(coef)) or not np.isfinite(intercept):
        raise InputError(Finding.of("model_file.not_finite"))
    names, parameters = getattr(model, "feature_names_in_", None), {}
    kind = next(name for name, estimator in ESTIMATORS.items() if isinstance(model, estimator))
    for name, value in model.get_params(deep=False).items():
        # A folder of this machine means nothing elsewhere.
        if name != "checkpoint":
            parameters[name] = encode_parameter(name, value, ESTIMATORS[kind])
    content = {
        "format": FORMAT,
        "version": VERSION,
        "written_by": f"downslope {__version__}",
        "estimator": kind,
        "parameters": parameters,
        "feature_names": None if names is None else [str(name) for name in names],
        "coef": coef.tolist(),
        "intercept": intercept,
        "n_iter": int(model.n_iter_),
        "t": getattr(model, "t_", None),
        "restored_epoch": model.restored_epoch_,
        "stop_reason": model.stop_reason_.value,
        "stop_message": model.stop_finding_.to_dict(),
        "engine": {"name": str(model.engine_), "reason": model.engine_.finding.to_dict()},
        "learning_rate": model.learning_rate_,
        "gap": model.gap_,
        "optimum": None if model.optimum_ is None else encoded_optimum(model.optimum_),
        "table": table,
    }
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save_model` wrote: it predicts as the one that was saved, and has no history.

    Parameters
    ----------
    path : path

    Returns
    -------
    GradientDescentRegressor or SGDRegressor
        With `table_`, what `save_model` was given as `table`.

    Raises
    ------
    FileError
        For a file that cannot be read, is no model file, is damaged, or is of a later version.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from downslope import GradientDescentRegressor, load_model, make_linear, save_model
    >>> data = make_linear(coef=3.0, random_state=0)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.json"
    >>> save_model(GradientDescentRegressor().fit(data.X, data.y), path)
    >>> model = load_model(path)
    >>> model.coef_.round(1).tolist(), model.stop_reason_ == "converged"
    ([3.0], True)
    """
    content = read_content(Path(path))
    try:
        model = make_unfitted(content["estimator"], content["parameters"])
        restore_coefficients(model, content)
        restore_descent(model, content)
        model.table_ = None if content["table"] is None else {**content["table"]}
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise FileError(Finding.of("model_file.damaged", path=str(path), cause=damage(error))) from error
    return model


def make_unfitted(kind: str, parameters: dict[str, Any]) -> Any:
    """The estimator of a file before it has coefficients."""
    if kind not in ESTIMATORS:
        raise InputError(Finding.of("model_file.no_estimator", kind=kind))
    model = ESTIMATORS[kind](**{name: decode_parameter(name, value) for name, value in parameters.items()})
    model._validate_params()
    return model


def restore_coefficients(model: Any, content: dict[str, Any]) -> None:
    """Set what a model predicts by."""
    coef, names, t = numbers_of(content["coef"]), content["feature_names"], content["t"]
    if not coef.size or (names is not None and not (names_of(names) and len(names) == coef.size)):
        raise InputError(Finding.of("model_file.other_names"))
    model.coef_, model.intercept_ = coef, number_of(content["intercept"])
    if isinstance(model, SGDRegressor):
        model.intercept_, model.t_ = np.array([model.intercept_]), number_of(t)
    model.n_features_in_ = int(coef.size)
    if names is not None:
        model.feature_names_in_ = np.array(names, dtype=object)


def restore_descent(model: Any, content: dict[str, Any]) -> None:
    """Set what a model tells of its descent."""
    restored, gap = content["restored_epoch"], content["gap"]
    model.n_iter_, model.restored_epoch_ = count_of(content["n_iter"]), None if restored is None else count_of(restored)
    model.stop_reason_ = StopReason(content["stop_reason"])
    model.stop_finding_ = decoded_finding(content["stop_message"])
    model.engine_ = Engine(engine_of(content["engine"]["name"]), decoded_finding(content["engine"]["reason"]))
    if isinstance(model, GradientDescentRegressor):
        # How often rows were read is of a run, not of a model.
        model.passes_ = None
    model.learning_rate_, model.gap_ = number_of(content["learning_rate"]), None if gap is None else number_of(gap)
    optimum = content["optimum"]
    model.optimum_ = None if optimum is None else decoded_optimum(optimum, model.coef_.shape)


def number_of(value: Any) -> float:
    """A number of a file, which is one and no word or truth value for it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def numbers_of(values: Any) -> NDArray[np.float64]:
    """Numbers of a file."""
    if not isinstance(values, list):
        raise TypeError
    return np.array([number_of(value) for value in values], dtype=np.float64)


def count_of(value: Any) -> int:
    """A count of a file."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def engine_of(name: Any) -> str:
    """The name of an engine that there is."""
    if name not in ENGINES:
        raise ValueError
    return str(name)


def names_of(names: Any) -> bool:
    """Whether these are names."""
    return isinstance(names, list) and all(isinstance(name, str) for name in names)


def number_read(text: str) -> float:
    """A number that is written in JSON; NaN and what is beyond the largest float are none."""
    value = float(text)
    if not np.isfinite(value):
        raise InputError(Finding.of("model_file.infinite", got=text[:LONGEST]))
    return value


def whole_read(text: str) -> int:
    """The same of a number without a point, which Python would take at any length."""
    number_read(text)
    return int(text)


def keys_read(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that is written in JSON, each of its keys once."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(Finding.of("model_file.twice", key=twice))
    return content


STRICT: Any = {
    "parse_constant": number_read,
    "parse_float": number_read,
    "parse_int": whole_read,
    "object_pairs_hook": keys_read,
}


def syntax(error: Exception) -> Finding:
    """Why a text cannot be read as JSON."""
    if isinstance(error, json.JSONDecodeError):
        return Finding.of("model_file.syntax", line=error.lineno, column=error.colno)
    return Finding.of("model_file.too_deep")


def read_content(path: Path) -> dict[str, Any]:
    """The JSON of a model file, its format and version checked."""
    told: dict[str, Any] = {"path": str(path), "wanted": Finding.of("model_file.wanted")}
    try:
        content = json.loads(path.read_text(encoding="utf-8"), **STRICT)
    except (OSError, UnicodeDecodeError) as error:
        cause = system_reason(error) if isinstance(error, OSError) else Finding.of("model_file.not_text")
        raise FileError(Finding.of("model_file.unreadable", cause=cause, **told)) from error
    except InputError as error:
        raise FileError(Finding.of("model_file.damaged", path=str(path), cause=damage(error))) from error
    except (ValueError, RecursionError) as error:
        raise FileError(Finding.of("model_file.no_json", cause=syntax(error), **told)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileError(Finding.of("model_file.no_model", **told))
    if content.get("version") not in range(1, VERSION + 1):
        raise FileError(other_version(path, content))
    return content


def other_version(path: Path, content: dict[str, Any]) -> Finding:
    """What to say of a file that a later version wrote."""
    numbers = {"got": content.get("version"), "known": VERSION, "ours": __version__}
    return Finding.of("model_file.version", path=str(path), written_by=content.get("written_by"), **numbers)


def encode_parameter(name: str, value: Any, estimator: Any) -> Any:
    """A parameter as JSON; what JSON cannot hold becomes the default, with a warning."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and type(value).__name__ in SCHEDULES:
        return {"schedule": type(value).__name__, **dataclasses.asdict(value)}  # type: ignore[arg-type]
    if name == "init":
        coef, intercept = value
        return [np.asarray(coef, dtype=np.float64).reshape(-1).tolist(), float(intercept)]
    default = estimator().get_params()[name]
    finding = Finding.of("model_file.cannot_hold", Remedy(name), name=name, value=value, default=default)
    warnings.warn(ModelFileWarning(finding), stacklevel=3)
    return default


def decode_parameter(name: str, value: Any) -> Any:
    """The inverse of `encoded`."""
    if isinstance(value, dict):
        numbers = dict(value)
        kind = numbers.pop("schedule")
        if kind not in SCHEDULES:
            raise InputError(Finding.of("model_file.no_schedule", kind=kind))
        return getattr(schedules, kind)(**numbers)
    if name == "init" and isinstance(value, list):
        coef, intercept = value
        return numbers_of(coef), number_of(intercept)
    if isinstance(value, list):
        raise TypeError
    return value


def decoded_finding(stored: Any) -> Finding:
    """A finding as `Finding.to_dict` wrote it, or a text of version 1; one that cannot be said is an error."""
    finding = Finding.of("text.plain", text=stored) if isinstance(stored, str) else Finding.from_dict(stored)
    str(finding)
    return finding


def encoded_optimum(optimum: Optimum) -> dict[str, Any]:
    """The optimum as JSON; an infinite condition, which JSON has no number for, as null."""
    content = dataclasses.asdict(optimum)
    content["coef"] = optimum.coef.tolist()
    content["condition"] = optimum.condition if np.isfinite(optimum.condition) else None
    return content


def decoded_optimum(content: dict[str, Any], shape: tuple[int, ...]) -> Optimum:
    """The inverse of `encoded_optimum`."""
    coef, condition = numbers_of(content["coef"]), content["condition"]
    if coef.shape != shape:
        raise InputError(Finding.of("model_file.optimum"))
    return Optimum(
        coef,
        number_of(content["intercept"]),
        number_of(content["objective"]),
        count_of(content["digits"]),
        bool(content["unique"]),
        np.inf if condition is None else number_of(condition),
    )
