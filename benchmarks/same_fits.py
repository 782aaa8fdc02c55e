"""Whether two versions of the package give the same fits: 300 of them, drawn by a seed.

    python -m benchmarks.same_fits write before.npz      (in the one version)
    python -m benchmarks.same_fits write after.npz       (in the other)
    python -m benchmarks.same_fits compare before.npz after.npz

Coefficients, numbers of updates and whole histories, less the seconds, are compared: to the last bit, then to 1e-12
of the largest number of a column.
"""

import sys
import warnings
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from downslope import GradientDescentRegressor, SGDRegressor
from downslope.exceptions import InputError
from downslope.schedules import InverseTime

Array = NDArray[np.float64]

N_FITS = 300
NEAR = 1e-12
DESCENT: dict[str, tuple[Any, ...]] = {
    "loss": (
        *("squared_error",) * 4,
        *("huber", "absolute_error", "quantile", "epsilon_insensitive", "squared_epsilon_insensitive"),
    ),
    "method": ("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "averaged", "saga"),
    "penalty": (None, None, "l2", "l1", "elasticnet"),
    "alpha": (1e-4, 1e-2, 0.3),
    "batch_size": (None, None, None, 1, 16),
    "learning_rate": ("auto", "auto", 0.01, 0.2, 3.0, InverseTime(0.05, 20.0)),
    "standardize": (True, True, False),
    "fit_intercept": (True, True, False),
    "init": ("zeros", "uniform"),
    "tol": (1e-6, 1e-3, 0.0),
    "max_iter": (3, 40, 150),
    "early_stopping": (False, False, True),
}
ROWWISE: dict[str, tuple[Any, ...]] = {
    "loss": ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"),
    "penalty": ("l2", "l1", "elasticnet", None),
    "alpha": (1e-4, 1e-2, 0.3),
    "learning_rate": ("constant", "optimal", "invscaling", "adaptive"),
    "eta0": (0.01, 0.1),
    "average": (False, True, 10),
    "early_stopping": (False, False, True),
    "max_iter": (1, 12, 40),
}


def drawn(seed: int) -> tuple[Any, Any, Array, Array | None]:
    """An estimator, and rows X (n, d), y (n,), weights (n,) or None."""
    random = np.random.default_rng([11, seed])
    rowwise = seed % 3 == 2
    choices = ROWWISE if rowwise else DESCENT
    options = {name: choice[random.integers(len(choice))] for name, choice in choices.items()}
    n, d = int(random.integers(20, 150)), int(random.integers(1, 9))
    X: Any = random.normal(size=(n, d)) * (1.0, 1.0, 30.0)[random.integers(3)] + random.integers(3)
    y = X @ random.normal(size=d) + 3.0 + random.standard_t(2.0, n)
    if random.random() < 0.25:
        X = scipy.sparse.csr_array(np.where(random.random(X.shape) < 0.4, X, 0.0))
    weight = random.uniform(0.0, 3.0, n) if random.random() < 0.3 else None
    kind: Any = SGDRegressor if rowwise else GradientDescentRegressor
    return kind(random_state=seed, **options), X, y, weight


def numbers_of(model: Any) -> dict[str, Array]:
    """All that two versions must agree on."""
    history = model.history_
    columns = {name: np.asarray(column) for name, column in history.items() if name != "seconds"}
    restored = -1 if model.restored_epoch_ is None else model.restored_epoch_
    return {
        **columns,
        "path": history.coef,
        "intercepts": history.intercept,
        "coef": np.append(model.coef_, model.intercept_),
        "counts": np.array([model.n_iter_, restored]),
        "reason": np.array([model.stop_reason_.value]),
    }


def write(path: str) -> None:
    """Make the fits and keep their numbers."""
    kept: dict[str, Array] = {}
    for seed in range(N_FITS):
        model, X, y, weight = drawn(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model.fit(X, y, sample_weight=weight)
            except InputError:
                kept[f"{seed}/refused"] = np.zeros(1)
                continue
        kept |= {f"{seed}/{name}": column for name, column in numbers_of(model).items()}
    np.savez_compressed(path, **kept)


def apart(before: Array, after: Array) -> float:
    """How far two columns are apart, in units of the largest number of the first; 0 if they are equal to the bit."""
    if before.shape != after.shape:
        return np.inf
    if before.dtype.kind not in "fi" or np.array_equal(before, after, equal_nan=True):
        return 0.0 if before.dtype.kind in "fi" or np.array_equal(before, after) else np.inf
    known = np.isfinite(before)
    if not np.array_equal(known, np.isfinite(after)):
        return np.inf
    scale = float(np.abs(before[known]).max(initial=0.0)) or 1.0
    return float(np.abs(before[known] - after[known]).max(initial=0.0)) / scale


def compare(first: str, second: str) -> None:
    """Print how many fits are the same, and those that are not."""
    before, after = np.load(first), np.load(second)
    same, near, told = 0, 0, []
    for seed in range(N_FITS):
        names = [name for name in (*before, *after) if name.startswith(f"{seed}/")]
        missing = {name for name in names if (name in before) != (name in after)}
        gaps = {name: np.inf if name in missing else apart(before[name], after[name]) for name in dict.fromkeys(names)}
        worst = max(gaps, key=lambda name: gaps[name])
        same, near = same + (gaps[worst] == 0), near + (0 < gaps[worst] <= NEAR)
        if gaps[worst] > NEAR:
            model = drawn(seed)[0]
            told.append(f"{worst}: {gaps[worst]:.1e} apart; {model}".replace("\n", " "))
    print(f"{same} of {N_FITS} to the bit, {near} more to {NEAR:g}, {len(told)} farther apart")
    print("\n".join(told))


if __name__ == "__main__":
    write(sys.argv[2]) if sys.argv[1] == "write" else compare(*sys.argv[2:4])
