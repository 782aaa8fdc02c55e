"""The same descent by others, each in a process of its own: `python -m benchmarks.rivals numpy 1000 3`.

A process generates the rows, makes the step ready and prints "ready"; then, for each line it is sent, it makes
that many epochs and prints the seconds they took and the weights they led to. All of them keep the weights and
the mean squared error of every epoch, as Downslope does.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from benchmarks.rows import RATE, Array, make_rows

__all__ = ["RIVALS", "Rival", "RivalProcess"]

ROOT = Path(__file__).parent.parent
Descent = Callable[[int], Any]


class Rival(NamedTuple):
    """Who descends, with which library and in which precision."""

    title: str
    library: str
    dtype: str


RIVALS = {
    "numpy": Rival("numpy loop, float64", "numpy", "float64"),
    "jax64": Rival("JAX (jit), float64", "jax", "float64"),
    "jax32": Rival("JAX (jit), float32", "jax", "float32"),
    "torch64": Rival("PyTorch, float64", "torch", "float64"),
    "torch32": Rival("PyTorch, float32", "torch", "float32"),
}


def numpy_descent(X: Array, y: Array, dtype: str) -> Descent:  # noqa: ARG001 - one signature for all rivals
    """The loop of every course."""

    def descend(epochs: int) -> Array:
        w, b = np.zeros(X.shape[1]), 0.0
        history = []
        for _ in range(epochs):
            error = X @ w + b - y
            history.append((w, b, float(error @ error) / len(y)))
            w = w - RATE * (error @ X) / len(y)
            b = b - RATE * error.mean()
        return np.append(w, b)

    return descend


def jax_descent(X: Array, y: Array, dtype: str) -> Descent:
    """All epochs in one compiled function."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    features, target = jax.numpy.asarray(X, dtype=dtype), jax.numpy.asarray(y, dtype=dtype)

    def step(state: Any, rows: Any, targets: Any) -> Any:
        w, b = state
        error = rows @ w + b - targets
        mse = error @ error / error.size
        return (w - RATE * (error @ rows) / error.size, b - RATE * error.mean()), (w, b, mse)

    def course(epochs: int, rows: Any, targets: Any) -> Any:
        start = jax.numpy.zeros(rows.shape[1], rows.dtype), jax.numpy.zeros((), rows.dtype)
        return jax.lax.scan(lambda state, _: step(state, rows, targets), start, length=epochs)

    compiled = jax.jit(course, static_argnums=0)

    def descend(epochs: int) -> Any:
        (w, b), _ = jax.block_until_ready(compiled(epochs, features, target))
        return np.append(np.asarray(w), np.asarray(b))

    return descend


def torch_descent(X: Array, y: Array, dtype: str) -> Descent:
    """The gradient by hand: faster than to have it derived."""
    torch = importlib.import_module("torch")
    features, target = (torch.from_numpy(part).to(getattr(torch, dtype)) for part in (X, y))

    def descend(epochs: int) -> Any:
        w, b = torch.zeros(X.shape[1], dtype=features.dtype), torch.zeros((), dtype=features.dtype)
        history = []
        with torch.no_grad():
            for _ in range(epochs):
                error = torch.mv(features, w).add_(b).sub_(target)
                history.append((w, b, float(error @ error) / len(y)))
                w = w - RATE * (error @ features) / len(y)
                b = b - RATE * error.mean()
        return np.append(w.numpy(), b.numpy())

    return descend


DESCENTS = {"numpy": numpy_descent, "jax": jax_descent, "torch": torch_descent}


class RivalProcess:
    """A rival that waits for its turn; use it as a context.

    Raises
    ------
    ImportError
        Where its library is absent.
    """

    def __init__(self, name: str, n_rows: int, n_columns: int) -> None:
        rival = RIVALS[name]
        if find_spec(rival.library) is None:
            raise ImportError(f"{rival.library} is not installed")
        command = [sys.executable, "-m", "benchmarks.rivals", name, str(n_rows), str(n_columns)]
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.weights: list[float] = []
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def descend(self, epochs: int) -> float:
        """Make so many epochs and return the seconds they took; `weights` holds where they led."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{epochs}\n")
        self._process.stdin.flush()
        seconds, self.weights = json.loads(self._answer())
        return float(seconds)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return line


def serve(name: str, n_rows: int, n_columns: int) -> None:
    """Descend for each line of standard input."""
    rival = RIVALS[name]
    descend = DESCENTS[rival.library](*make_rows(n_rows, n_columns), rival.dtype)
    print("ready", flush=True)
    for line in sys.stdin:
        epochs = int(line)
        began = time.perf_counter()
        weights = descend(epochs)
        seconds = time.perf_counter() - began
        print(json.dumps([seconds, np.asarray(weights, dtype=float).tolist()]), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
