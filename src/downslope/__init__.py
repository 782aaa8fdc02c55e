"""Downslope: linear regression by gradient descent that you can see, trust and scale.

The names below are loaded when they are first used, so that importing the package, and asking the command for
its version, costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from downslope._version import __version__

if TYPE_CHECKING:
    from downslope.data import load_example, make_linear
    from downslope.displays import CoefficientPathDisplay, FitDisplay, LossCurveDisplay
    from downslope.estimators import GradientDescentRegressor, SGDRegressor
    from downslope.model_file import load_model, save_model

__all__ = [
    "CoefficientPathDisplay",
    "FitDisplay",
    "GradientDescentRegressor",
    "LossCurveDisplay",
    "SGDRegressor",
    "__version__",
    "load_example",
    "load_model",
    "make_linear",
    "save_model",
]

HOMES = {
    "CoefficientPathDisplay": "displays",
    "FitDisplay": "displays",
    "GradientDescentRegressor": "estimators",
    "LossCurveDisplay": "displays",
    "SGDRegressor": "estimators",
    "load_example": "data",
    "load_model": "model_file",
    "make_linear": "data",
    "save_model": "model_file",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'downslope' has no attribute {name!r}: it has {', '.join(__all__)}")
    value = getattr(import_module(f"downslope.{HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
