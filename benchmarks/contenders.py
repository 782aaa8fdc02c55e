"""Who descends on the flights: each gives its coefficients pass by pass, with the seconds that it took.

What is measured about them is not timed. Each has all of its passes in one process, after a pass over a few rows that
loads what is needed.
"""

import importlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDRegressor as Theirs

from downslope import GradientDescentRegressor, SGDRegressor

__all__ = ["CONTENDERS", "Contender", "Step"]

Array = NDArray[np.float64]


class Step(NamedTuple):
    """Where a contender is after so many seconds."""

    seconds: float
    coef: Array
    intercept: float


Run = Callable[[Array, Array], Iterator[Step]]


class Contender(NamedTuple):
    """A name, the library, and its settings, of which the best is shown at each accuracy."""

    title: str
    library: str
    settings: dict[str, Run]

    @property
    def ours(self) -> bool:
        return self.library == "downslope"


def our_run(make: Callable[..., Any], **options: Any) -> Run:
    """One fit: its history holds every pass."""

    def run(X: Array, y: Array) -> Iterator[Step]:
        make(**{**options, "max_iter": 2}).fit(X[:500], y[:500])
        history = make(**options).fit(X, y).history_
        for seconds, coef, intercept in zip(history["seconds"], history.coef, history.intercept, strict=True):
            yield Step(float(seconds), coef, float(intercept))

    return run


def scikit_run(passes: int, **options: Any) -> Run:
    """A pass is a call of partial_fit, which is what keeps the path here."""

    def run(X: Array, y: Array) -> Iterator[Step]:
        model, seconds = Theirs(random_state=0, penalty=None, **options), 0.0
        for _ in range(passes):
            began = time.perf_counter()
            model.partial_fit(X, y)
            seconds += time.perf_counter() - began
            yield Step(seconds, model.coef_.copy(), float(model.intercept_[0]))

    return run


def torch_run(passes: int, optimiser: str, rate: float, size: int = 256) -> Run:
    """The usual loop: shuffled mini-batches, an optimiser, a schedule that lets it settle."""

    def run(X: Array, y: Array) -> Iterator[Step]:
        torch = importlib.import_module("torch")
        torch.manual_seed(0)
        features, target = torch.from_numpy(X), torch.from_numpy(y)
        model = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
        torch.nn.init.zeros_(model.weight)
        torch.nn.init.zeros_(model.bias)
        steps = getattr(torch.optim, optimiser)(model.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(steps, lambda epoch: 1.0 / (1.0 + epoch / 4.0))
        seconds = 0.0
        for _ in range(passes):
            began = time.perf_counter()
            order = torch.randperm(len(y))
            for start in range(0, len(y), size):
                rows = order[start : start + size]
                steps.zero_grad()
                error = model(features[rows]).squeeze(1) - target[rows]
                (0.5 * error.square().mean()).backward()
                steps.step()
            schedule.step()
            seconds += time.perf_counter() - began
            with torch.no_grad():
                yield Step(seconds, model.weight[0].numpy().copy(), float(model.bias[0]))

    return run


def river_run(passes: int, rate: float) -> Run:
    """A dict a row, as its interface is; the dicts are made beforehand."""

    def run(X: Array, y: Array) -> Iterator[Step]:
        linear_model, optim = (importlib.import_module(f"river.{name}") for name in ("linear_model", "optim"))
        model = linear_model.LinearRegression(optimizer=optim.SGD(rate), intercept_lr=rate)
        rows = [dict(enumerate(row)) for row in X.tolist()]
        targets, seconds = y.tolist(), 0.0
        for _ in range(passes):
            began = time.perf_counter()
            for row, target in zip(rows, targets, strict=True):
                model.learn_one(row, target)
            seconds += time.perf_counter() - began
            yield Step(seconds, np.array([model.weights[j] for j in range(X.shape[1])]), float(model.intercept))

    return run


def wabbit_run(passes: tuple[int, ...], options: str) -> Run:
    """Its own program reads the rows from its binary cache, which is made beforehand."""

    def run(X: Array, y: Array) -> Iterator[Step]:
        workspace = importlib.import_module("vowpalwabbit").Workspace
        with tempfile.TemporaryDirectory() as folder:
            text, cache = Path(folder) / "rows.vw", Path(folder) / "rows.cache"
            with text.open("w") as file:
                for row, target in zip(X.tolist(), y.tolist(), strict=True):
                    file.write(f"{target!r} | " + " ".join(f"{j}:{value!r}" for j, value in enumerate(row)) + "\n")
            common = f"--quiet --holdout_off --bit_precision 18 {options}"
            workspace(f"-d {text} --cache_file {cache} {common}").finish()
            for count in passes:
                began = time.perf_counter()
                model = workspace(f"--cache_file {cache} --passes {count} {common}")
                seconds = time.perf_counter() - began
                # Names that are numbers are places in its table; the intercept has one of its own.
                coef = np.array([model.get_weight(j) for j in range(X.shape[1])])
                intercept = model.get_weight(11650396 % 2**18)
                model.finish()
                yield Step(seconds, coef, float(intercept))

    return run


def quietly(run: Run) -> Run:
    def silent(X: Array, y: Array) -> Iterator[Step]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from run(X, y)

    return silent


def default(**options: Any) -> dict[str, Run]:
    return {"default": our_run(GradientDescentRegressor, tol=0, random_state=0, **options)}


RATES = (0.01, 0.001, 0.0001)
AVERAGED = [(rate, average) for rate in RATES for average in (False, True)]
VW_PASSES = (1, 2, 5, 10, 20)
CONTENDERS = (
    Contender("GradientDescentRegressor()", "downslope", default(max_iter=3000)),
    Contender("… (batch_size=1)", "downslope", default(batch_size=1, max_iter=40)),
    Contender("… (batch_size=32)", "downslope", default(batch_size=32, max_iter=40)),
    Contender('… (batch_size=32, method="saga")', "downslope", default(batch_size=32, method="saga", max_iter=400)),
    Contender(
        "SGDRegressor, ours",
        "downslope",
        {
            f"eta0={rate:g}, average={average}": our_run(
                SGDRegressor, penalty=None, eta0=rate, average=average, tol=None, max_iter=40, random_state=0
            )
            for rate, average in AVERAGED
        },
    ),
    Contender(
        "SGDRegressor, scikit-learn",
        "sklearn",
        {f"eta0={rate:g}, average={average}": scikit_run(40, eta0=rate, average=average) for rate, average in AVERAGED},
    ),
    Contender(
        "Vowpal Wabbit",
        "vowpalwabbit",
        {
            "default": wabbit_run(VW_PASSES, ""),
            "-l 100": wabbit_run(VW_PASSES, "-l 100 --power_t 0.5"),
            "--sgd": wabbit_run(VW_PASSES, "--sgd -l 0.001 --power_t 0.25"),
        },
    ),
    Contender(
        "PyTorch, batches of 256",
        "torch",
        {
            "SGD, lr=0.1": torch_run(20, "SGD", 0.1),
            "SGD, lr=0.01": torch_run(20, "SGD", 0.01),
            "Adam, lr=0.1": torch_run(20, "Adam", 0.1),
        },
    ),
    Contender("river", "river", {f"SGD, lr={rate:g}": river_run(3, rate) for rate in (1e-5, 1e-6)}),
)
