"""scikit-learn's estimators on the same rows, for context: default settings, no target."""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, SGDRegressor

from benchmarks.rows import Array, Scale
from benchmarks.table import shown
from benchmarks.timing import interleave, timed
from downslope import GradientDescentRegressor

__all__ = ["comparison"]


def comparison(X: Array, y: Array, scale: Scale) -> list[tuple[str, ...]]:
    """A header and a row for each estimator."""
    models = {
        "GradientDescentRegressor()": GradientDescentRegressor(),
        "sklearn LinearRegression()": LinearRegression(),
        "sklearn SGDRegressor()": SGDRegressor(random_state=0),
    }
    x = np.linspace(0.0, 100.0, 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = interleave(
            {name: timed(lambda m=model: clone(m).fit(X, y)) for name, model in models.items()}, min(scale.rounds, 3)
        )
        ours = seen["GradientDescentRegressor()"]
        rows = [("default settings", "time of fit", "R²", "R² on y = 3x + 7, x in 0…100", "epochs kept")]
        for name, model in models.items():
            score = float(clone(model).fit(X, y).score(X, y))
            line = float(clone(model).fit(x[:, None], 3 * x + 7).score(x[:, None], 3 * x + 7))
            kept = "all" if isinstance(model, GradientDescentRegressor) else "none"
            rows.append((name, f"{shown((seen[name] / ours).median)} ×", f"{score:.6f}", f"{line:.6g}", kept))
    return rows
