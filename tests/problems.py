"""Problems with known answers, in one place.

`exact_solution` and `exact_moments` compute in rational numbers from the very floats that are given, so what they
say is correctly rounded. Everything else is rows: certified, made up, or measured.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from functools import reduce as fold
from itertools import pairwise
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

from downslope.data import load_example
from downslope.data.arrays import ArraySource
from downslope.data.block import Block
from downslope.data.counter import BinaryCounter, Together
from downslope.data.source import Order, Rereads, Schema

Array = NDArray[np.float64]

NIST = ("Norris", "Pontius", "NoInt1", "NoInt2", "Longley", "Filip", *(f"Wampler{k}" for k in range(1, 6)))


@dataclass(frozen=True)
class Known:
    """Rows with the coefficients and the intercept that fit them best."""

    name: str
    X: Array
    y: Array
    coef: Array
    intercept: float
    fit_intercept: bool = True


@cache
def nist(name: str) -> Known:
    """One of the eleven certified data sets (tables/README.md)."""
    table = json.loads((Path(__file__).parent / "tables" / "nist_strd.json").read_text())["datasets"][name]
    X, degree = np.array(list(table["features"].values())).T, table["polynomial_degree"]
    if degree is not None:
        X = X ** np.arange(1, degree + 1)
    certified = np.array(table["certified"])
    if not table["fit_intercept"]:
        return Known(name, X, np.array(table["y"]), certified, 0.0, False)
    return Known(name, X, np.array(table["y"]), certified[1:], float(certified[0]))


class Rows(NamedTuple):
    """X (n, d) and y (n,)."""

    X: Array
    y: Array


@dataclass(frozen=True)
class Pieces:
    """A source that is cut before the rows named in `cuts`, with an empty block where two of them are equal."""

    X: Any
    y: Array
    weight: Array | None = None
    cuts: tuple[int, ...] = ()
    rereads: Rereads = "free"

    @property
    def schema(self) -> Schema:
        return Schema(int(self.X.shape[1]), weighted=self.weight is not None)

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        for number, edges in enumerate(pairwise((0, *self.cuts, self.n_rows))):
            part = slice(*edges)
            weight = None if self.weight is None else self.weight[part]
            y = self.y[part]
            yield Block(self.X[part], y, weight, number, None if order is None else order(y.size))

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):
            return tuple(fold(add, map(task, self.blocks())) for task in tasks)

    def peek(self, n_rows: int) -> Block:
        return self.resident().peek(n_rows)

    def resident(self) -> ArraySource:
        return ArraySource(self.X, self.y, self.weight)


class Stream:
    """Rows that come from a generator in blocks: dear to read again, or gone when they have been read once."""

    def __init__(
        self,
        X: Any,
        y: Array,
        weight: Array | None = None,
        *,
        rereads: Rereads = "dear",
        names: tuple[str, ...] | None = None,
        block_rows: int = 64,
    ) -> None:
        self.rows = X, y, weight
        self.schema = Schema(int(X.shape[1]), names, weighted=weight is not None)
        self.rereads: Rereads = rereads
        self.block_rows = block_rows
        self.n_rows: int | None = None
        self.reads = 0

    def blocks(self, order: Order | None = None) -> Iterator[Block]:
        X, y, weight = self.rows
        assert self.rereads == "dear" or not self.reads, "these rows are gone"
        self.reads += 1
        for number, start in enumerate(range(0, len(y), self.block_rows)):
            part = slice(start, start + self.block_rows)
            found = None if weight is None else weight[part]
            yield Block(X[part], y[part], found, number, None if order is None else order(len(y[part])))
        self.n_rows = len(y)

    def scan(self, *tasks: Callable[[Block], Any]) -> tuple[Any, ...]:
        counter = BinaryCounter()
        with np.errstate(all="ignore"):
            for block in self.blocks():
                counter.add(block.number, Together(task(block) for task in tasks))
        return tuple(counter.total())

    def peek(self, n_rows: int) -> Block:
        X, y, weight = self.rows
        first = min(n_rows, self.block_rows)
        dense = np.asarray(X[:first].toarray() if scipy.sparse.issparse(X) else X[:first], dtype=np.float64)
        return Block(dense, y[:first], None if weight is None else weight[:first])

    def resident(self) -> ArraySource:
        blocks = list(self.blocks())
        stack = scipy.sparse.vstack if blocks[0].sparse else np.concatenate
        X = stack([block.X for block in blocks])
        weight = None if self.rows[2] is None else np.concatenate([block.weight for block in blocks])
        y = np.concatenate([block.y for block in blocks])
        return ArraySource(scipy.sparse.csr_array(X) if blocks[0].sparse else X, y, weight, names=self.schema.names)


def course(n_features: int = 1, n_samples: int = 100, seed: int = 0) -> Rows:
    """Rows as the course makes them: x uniform in (0, 1), a little uniform noise."""
    random = np.random.default_rng(seed)
    X = random.random((n_samples, n_features))
    coef = np.array([0.3, 0.5, 0.7]) if n_features == 3 else np.linspace(0.3, 1.0, n_features)
    return Rows(X, X @ coef + 0.5 + random.uniform(-0.01, 0.01, n_samples))


@cache
def real_table() -> Rows:
    """The fuel use of 392 cars from seven measured columns."""
    example = load_example("auto_mpg")
    return Rows(example.X, example.y)


def graded(n_features: int = 4, n_samples: int = 60, decades: float = 8.0, seed: int = 0) -> Rows:
    """Correlated columns whose units differ by `decades` powers of ten, every column worth about as much."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_samples, n_features)) + 0.5 * random.normal(size=(n_samples, 1))
    y = X.sum(axis=1) + 1.0 + 0.1 * random.normal(size=n_samples)
    return Rows(X * 10.0 ** np.linspace(-decades / 2, decades / 2, n_features), y)


def near_collinear(apart: float, n_samples: int = 40, seed: int = 0) -> Rows:
    """Three columns, the third being the sum of the others but for a share `apart`."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n_samples, 3))
    X[:, 2] = X[:, 0] + X[:, 1] + apart * X[:, 2]
    return Rows(X, X @ np.array([1.0, -2.0, 0.5]) + 0.3 + 0.01 * random.normal(size=n_samples))


def collinear(n_samples: int = 30, seed: int = 0) -> Rows:
    """Five columns of rank three: the second is the first doubled, the fifth the third minus the fourth."""
    random = np.random.default_rng(seed)
    X = random.integers(-8, 8, size=(n_samples, 5)).astype(float)
    X[:, 1], X[:, 4] = 2 * X[:, 0], X[:, 2] - X[:, 3]
    return Rows(X, X @ np.array([1.0, 0.0, -1.0, 2.0, 0.0]) + 4.0 + random.normal(size=n_samples))


# ------------------------------------------------------------------------------------------- exact arithmetic
exactly: Callable[[ArrayLike], Any] = np.vectorize(Fraction, otypes=[object])


class ExactMoments(NamedTuple):
    """As `downslope.statistics.moments.Moments`, in rational numbers."""

    weight: Fraction
    mean: Any
    y_mean: Fraction
    xx: Any
    xy: Any
    yy: Fraction


def exact_moments(X: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> ExactMoments:
    """The weighted means and centred sums of products."""
    rows, target = exactly(X), exactly(y)
    s = exactly(np.ones(len(target)) if weight is None else weight)
    total = s.sum()
    mean, y_mean = s @ rows / total, s @ target / total
    centred, y_centred = rows - mean, target - y_mean
    weighted = s[:, None] * centred
    return ExactMoments(total, mean, y_mean, weighted.T @ centred, weighted.T @ y_centred, (s * y_centred) @ y_centred)


class ExactSolution(NamedTuple):
    """The coefficients (d,), the intercept, and the mean squared residual, correctly rounded."""

    coef: Array
    intercept: float
    mse: float


def exact_solution(
    X: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None, *, fit_intercept: bool = True, l2: float = 0.0
) -> ExactSolution:
    """Least squares (with ½·l2·‖w‖² beside the mean of ½ r²) by elimination in rational numbers."""
    rows, target = exactly(X), exactly(y)
    s = exactly(np.ones(len(target)) if weight is None else weight)
    d = rows.shape[1]
    design = np.column_stack([rows, exactly(np.ones(len(target)))]) if fit_intercept else rows
    normal = (s[:, None] * design).T @ design
    for j in range(d):
        normal[j, j] += Fraction(l2) * s.sum()
    solution = eliminate(normal, (s * target) @ design)
    residual = design @ solution - target
    mse = (s * residual) @ residual / s.sum()
    return ExactSolution(solution[:d].astype(float), float(solution[d]) if fit_intercept else 0.0, float(mse))


def eliminate(matrix: Any, right: Any) -> Any:
    """The solution of matrix·x = right by Gauss and Jordan, over rational numbers."""
    table = np.column_stack([matrix, right])
    for j in range(len(right)):
        pivot = next(i for i in range(j, len(right)) if table[i, j] != 0)
        table[[j, pivot]] = table[[pivot, j]]
        table[j] = table[j] / table[j, j]
        for i in range(len(right)):
            if i != j and table[i, j] != 0:
                table[i] = table[i] - table[i, j] * table[j]
    return table[:, -1]


def correct_digits(found: ArrayLike | Sequence[float], known: ArrayLike) -> float:
    """The digits that the worst of several numbers has in common with its known value (16 where equal)."""
    a, b = np.atleast_1d(np.asarray(found, float)), np.atleast_1d(np.asarray(known, float))
    wrong = np.abs(a - b) / np.where(b == 0, 1.0, np.abs(b))
    return float(np.min(np.where(wrong > 0, -np.log10(np.where(wrong > 0, wrong, 1.0)), 16.0)))
