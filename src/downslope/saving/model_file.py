"""Model files: JSON that a person can read and no program can be attacked through (never pickle)."""

import dataclasses
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from downslope._version import __version__
from downslope.data.documents import damage
from downslope.data.written import write_whole
from downslope.descent.engines import Engine
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
        model.table_ = content["table"]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
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
    t, coef, names = content["t"], np.array(content["coef"], dtype=np.float64), content["feature_names"]
    if coef.ndim != 1 or not np.all(np.isfinite(coef)) or (names is not None and len(names) != coef.size):
        raise InputError(Finding.of("model_file.other_names"))
    if not np.isfinite(content["intercept"]):
        raise InputError(Finding.of("model_file.intercept"))
    model.coef_, model.intercept_ = coef, float(content["intercept"])
    if isinstance(model, SGDRegressor):
        model.intercept_, model.t_ = np.array([model.intercept_]), float(t)
    model.n_features_in_ = int(coef.size)
    if names is not None:
        model.feature_names_in_ = np.array([str(name) for name in names], dtype=object)


def restore_descent(model: Any, content: dict[str, Any]) -> None:
    """Set what a model tells of its descent."""
    restored, gap = content["restored_epoch"], content["gap"]
    model.n_iter_, model.restored_epoch_ = int(content["n_iter"]), None if restored is None else int(restored)
    model.stop_reason_ = StopReason(content["stop_reason"])
    model.stop_finding_ = decoded_finding(content["stop_message"])
    model.engine_ = Engine(content["engine"]["name"], decoded_finding(content["engine"]["reason"]))
    model.learning_rate_, model.gap_ = float(content["learning_rate"]), None if gap is None else float(gap)
    optimum = content["optimum"]
    model.optimum_ = None if optimum is None else decoded_optimum(optimum, model.coef_.shape)


def syntax(error: Exception) -> Finding:
    """Why a text cannot be read as JSON."""
    if isinstance(error, json.JSONDecodeError):
        return Finding.of("model_file.syntax", line=error.lineno, column=error.colno)
    return Finding.of("model_file.too_deep")


def read_content(path: Path) -> dict[str, Any]:
    """The JSON of a model file, its format and version checked."""
    told: dict[str, Any] = {"path": str(path), "wanted": Finding.of("model_file.wanted")}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        cause = system_reason(error) if isinstance(error, OSError) else Finding.of("model_file.not_text")
        raise FileError(Finding.of("model_file.unreadable", cause=cause, **told)) from error
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
        return np.array(value[0], dtype=np.float64), float(value[1])
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
    coef, condition = np.array(content["coef"], dtype=np.float64), content["condition"]
    if coef.shape != shape:
        raise InputError(Finding.of("model_file.optimum"))
    return Optimum(
        coef,
        float(content["intercept"]),
        float(content["objective"]),
        int(content["digits"]),
        bool(content["unique"]),
        np.inf if condition is None else float(condition),
    )
