"""Descents whose every epoch is known, in the shape of fitted estimators: what the pictures have to show."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from downslope.descent.history import History, kept_epochs

Floats = NDArray[np.float64]


def rows(n_features: int, n_samples: int = 60, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """X in (0, 1), y with noise, and the true weights."""
    random = np.random.default_rng(seed)
    coef = np.array([0.3, 0.5, 0.7])[:n_features] if n_features <= 3 else random.normal(size=n_features)
    X = random.random((n_samples, n_features))
    return X, X @ coef + 0.2 + 0.05 * random.uniform(-1, 1, n_samples), coef


def descend(X: Floats, y: Floats, *, rate: float = 0.1, epochs: int = 70, stop_below: float | None = None) -> Any:
    """Plain descent from zero; state k is w* + (I - ηA)ᵏ (w₀ - w*), so long runs cost nothing."""
    n_samples = len(y)
    design = np.column_stack([X, np.ones(n_samples)])
    best = np.linalg.lstsq(design, y)[0]
    curvature, directions = np.linalg.eigh(design.T @ design / n_samples)
    kept = kept_epochs(epochs + 1, 10_000)
    factors = (1.0 - rate * curvature)[None, :] ** kept[:, None]
    path = best + (factors * (directions.T @ -best)) @ directions.T
    mse = np.mean((path @ design.T - y) ** 2, axis=1)

    stops = {"diverged": mse > 1e12 * mse[0], "stop_below": mse < (0.0 if stop_below is None else stop_below)}
    first = {reason: int(np.argmax(fires)) for reason, fires in stops.items() if fires.any()}
    reason = min(first, key=lambda name: first[name], default="max_iter")
    records = slice(first.get(reason, len(kept)) + 1)
    kept, path, mse = kept[records], path[records], mse[records]

    columns = {"epoch": kept.astype(float), "objective": mse / 2, "mse": mse}
    best_record = int(np.argmin(mse)) if reason == "diverged" else -1
    final = path[best_record]
    objective = float(np.mean((design @ best - y) ** 2)) / 2
    return SimpleNamespace(
        history_=History(columns, path[:, :-1], path[:, -1]),
        coef_=final[:-1],
        intercept_=final[-1],
        restored_epoch_=int(kept[best_record]) if reason == "diverged" else None,
        stop_reason_=reason,
        stop_below=stop_below,
        loss="squared_error",
        penalty=None,
        optimum_=SimpleNamespace(coef=best[:-1], intercept=best[-1], objective=objective),
        predict=lambda rows: rows @ final[:-1] + final[-1],
        get_params=lambda deep=True: {"learning_rate": rate, "max_iter": epochs},
    )


def blown_up() -> History:
    """A history that ends in an infinity."""
    mse = np.array([1.0, 0.5, 1e80, np.inf])
    columns = {"epoch": np.arange(4.0), "objective": mse / 2, "mse": mse}
    return History(columns, np.array([[0.0], [0.5], [-1e40], [np.inf]]), np.zeros(4))
