"""English words in a Korean sentence."""

import inspect
import re

import downslope
from downslope import GradientDescentRegressor, SGDRegressor, diagnose, sweep
from downslope.descent.engines import ENGINES
from downslope.objective.losses import LOSSES
from downslope.objective.penalties import PENALTIES

CALLED = (GradientDescentRegressor, SGDRegressor, diagnose, sweep)
NAMES = {
    *(name for called in CALLED for name in inspect.signature(called).parameters),
    *(*dir(downslope), *ENGINES, *LOSSES, *PENALTIES),
    *(
        "fit",
        "partial_fit",
        "coef",
        "coef_init",
        "intercept",
        "intercept_init",
        "auto",
        "model",
        "max",
        "min",
        "L1",
        "L2",
        "GIF",
        "Record",
        "X_val",
        "y_val",
        "sample_weight_val",
        "source",
        "resident",
    ),
    *(
        "StandardScaler",
        "scikit-learn",
        "JSON",
        "ONNX",
        "onnx",
        "skl2onnx",
        "MB",
        "sql",
        "Downslope",
        "downslope",
        "Huber",
        "None",
        "False",
        "True",
        "nan",
        "inf",
    ),
}
# A name in quotes, a value after its parameter, a number.
VALUE = re.compile(r"'[^']*'|=[\w.+-]+|(?<![A-Za-z_])\d[\d.,]*(e[+-]?\d+)?", re.ASCII)
WORD = re.compile(r"[A-Za-z][\w-]+", re.ASCII)


def english_in(sentence: str) -> list[str]:
    """The words of a sentence in Latin letters that are neither names nor values."""
    return [word for word in WORD.findall(VALUE.sub(" ", sentence)) if word not in NAMES]
