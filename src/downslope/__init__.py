"""Downslope: linear regression by gradient descent that you can see, trust and scale.

The names below are loaded when they are first used, so that importing the package, and asking the command for
its version, costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from downslope._version import __version__

if TYPE_CHECKING:
    from downslope.data import load_example, make_linear
    from downslope.data.tables.database import scan_sql
    from downslope.data.tables.scan import scan
    from downslope.diagnosis import diagnose
    from downslope.displays import (
        CoefficientPathDisplay,
        FitDisplay,
        LearningRateDisplay,
        LossCurveDisplay,
        LossSurfaceDisplay,
        SpectrumDisplay,
        animate,
    )
    from downslope.estimators import GradientDescentRegressor, SGDRegressor
    from downslope.saving import load_model, save_model
    from downslope.saving.export import export_model
    from downslope.saving.in_pipelines import register_onnx
    from downslope.sweeps import sweep
    from downslope.texts import set_language

__all__ = [
    "CoefficientPathDisplay",
    "FitDisplay",
    "GradientDescentRegressor",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "LossSurfaceDisplay",
    "SGDRegressor",
    "SpectrumDisplay",
    "__version__",
    "animate",
    "diagnose",
    "export_model",
    "load_example",
    "load_model",
    "make_linear",
    "register_onnx",
    "save_model",
    "scan",
    "scan_sql",
    "set_language",
    "sweep",
]

HOMES = {
    "CoefficientPathDisplay": "displays",
    "FitDisplay": "displays",
    "GradientDescentRegressor": "estimators",
    "LearningRateDisplay": "displays",
    "LossCurveDisplay": "displays",
    "LossSurfaceDisplay": "displays",
    "SGDRegressor": "estimators",
    "SpectrumDisplay": "displays",
    "animate": "displays",
    "diagnose": "diagnosis",
    "export_model": "saving.export",
    "load_example": "data",
    "load_model": "saving",
    "make_linear": "data",
    "register_onnx": "saving.in_pipelines",
    "save_model": "saving",
    "scan": "data.tables.scan",
    "scan_sql": "data.tables.database",
    "set_language": "texts",
    "sweep": "sweeps",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'downslope' has no attribute {name!r}: it has {', '.join(__all__)}")
    value = getattr(import_module(f"downslope.{HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
