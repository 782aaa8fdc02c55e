"""English words in a Korean sentence."""

import inspect
import re

import downslope
from downslope import GradientDescentRegressor, SGDRegressor
from downslope.descent.engines import ENGINES
from downslope.objective.losses import LOSSES
from downslope.objective.penalties import PENALTIES

ESTIMATORS = (GradientDescentRegressor, SGDRegressor)
NAMES = {
    *(name for estimator in ESTIMATORS for name in inspect.signature(estimator).parameters),
    *(*dir(downslope), *ENGINES, *LOSSES, *PENALTIES),
    *("fit", "partial_fit", "coef", "coef_init", "intercept", "intercept_init", "auto", "model", "max", "L1", "L2"),
    *("StandardScaler", "scikit-learn", "JSON", "Downslope", "downslope", "None", "False", "True", "nan", "inf"),
}
# A name in quotes, a value after its parameter, a number.
VALUE = re.compile(r"'[^']*'|=[\w.+-]+|(?<![A-Za-z_])\d[\d.,]*(e[+-]?\d+)?", re.ASCII)
WORD = re.compile(r"[A-Za-z][\w-]+", re.ASCII)


def english_in(sentence: str) -> list[str]:
    """The words of a sentence in Latin letters that are neither names nor values."""
    return [word for word in WORD.findall(VALUE.sub(" ", sentence)) if word not in NAMES]
