"""How far a model is from the optimum in standard errors: beside what the rows themselves leave open."""

from dataclasses import dataclass
from functools import reduce as fold
from operator import add

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from downslope.data.block import Block
from downslope.fitting.problem import Problem
from downslope.objective.losses import Piece
from downslope.objective.splitting import Part, Reader

__all__ = ["CLOSE", "distance", "free_rows", "standard_errors"]

Array = NDArray[np.float64]

# Standard errors from the optimum that nobody can tell from none.
CLOSE = 0.05
# The square of so many parameters is summed for nothing but this.
MOST_PARAMETERS = 200
SAMPLE_ROWS = 5_000
# Of the largest parameter: as near as sums over rows can tell.
ROUNDED = 64 * float(np.finfo(float).eps)


@dataclass(frozen=True)
class Information:
    """Σ s ℓ''(r) zzᵀ and Σ s ℓ'(r)² zzᵀ, (p, p) each."""

    bread: Array
    meat: Array

    def __add__(self, other: "Information") -> "Information":
        return Information(self.bread + other.bread, self.meat + other.meat)


@dataclass(frozen=True)
class SumInformation:
    """The task that sums it at a place (p,), where a kink counts as a straight line over the reader's width."""

    reader: Reader
    parameters: Array

    def __call__(self, block: Block) -> Information:
        """That of one block."""
        return fold(add, map(self.of_part, self.reader.parts(block)))

    def of_part(self, part: Part) -> Information:
        """That of some rows."""
        residual = self.reader.residual(part, self.parameters)
        slope, bend = np.zeros(residual.size), np.zeros(residual.size)
        for piece in self.reader.pieces:
            slope += piece.slope(residual)
            bend += self.bend_of(piece, residual)
        p = self.parameters.size
        bread, meat = np.zeros((p, p)), np.zeros((p, p))
        for few, z in self.reader.copied(part, np.arange(residual.size)):
            bread += (z * (part.s * bend)[few, None]).T @ z
            meat += (z * (part.s * slope**2)[few, None]).T @ z
        return Information(bread, meat)

    def bend_of(self, piece: Piece, residual: Array) -> Array:
        """The second derivative of one piece, the slope's jump being spread."""
        if piece.c:
            return np.where(piece.side(residual) == 0, 1.0 / piece.c, 0.0)
        width = self.reader.width
        return np.where(np.abs(residual - piece.sigma) <= width, (piece.hi - piece.lo) / (2.0 * width), 0.0)


def free_rows(problem: Problem) -> float:
    """Rows less parameters."""
    return problem.n_counted - problem.coordinates.n_parameters


def standard_errors(problem: Problem, optimum: Array) -> Array | None:
    """The standard error of each parameter, (p,), at the optimum (p,); None where the rows do not tell any.

    Of least squares with errors that are independent and alike for the squared loss; for other losses those of
    M-estimators (Huber, 1967), the density at a kink being that of the rows near it.
    """
    free = free_rows(problem)
    if free <= 0 or optimum.size > MOST_PARAMETERS:
        return None
    if problem.settings.squared and problem.half_mse is not None:
        return of_least_squares(problem, optimum, free)
    loss = problem.settings.loss
    reader = Reader(loss.pieces, problem.coordinates, problem.shifted, width_of(problem, optimum))
    (sums,) = problem.source.scan(SumInformation(reader, optimum))
    kept = np.diagonal(sums.bread) > 0
    if not kept.any():
        return None
    try:
        factor = scipy.linalg.cho_factor(sums.bread[np.ix_(kept, kept)])
    except np.linalg.LinAlgError:
        return None
    half = scipy.linalg.cho_solve(factor, sums.meat[np.ix_(kept, kept)])
    variances = np.diagonal(scipy.linalg.cho_solve(factor, half.T)) * problem.weight / free
    errors = np.zeros(optimum.size)
    errors[kept] = np.sqrt(np.maximum(variances, 0.0))
    return errors


def of_least_squares(problem: Problem, optimum: Array, free: float) -> Array | None:
    """√ of the diagonal of σ²(XᵀX)⁻¹; None where the rows do not determine all parameters that change anything."""
    assert problem.half_mse is not None
    kept = np.einsum("rj,rj->j", problem.half_mse.factor, problem.half_mse.factor) > 0
    triangle = scipy.linalg.qr(problem.half_mse.factor[:, kept], mode="r")[0][: int(kept.sum())]
    sizes = np.abs(np.diagonal(triangle))
    if not sizes.size or not sizes.min() > 1e-13 * sizes.max():
        return None
    inverse = scipy.linalg.solve_triangular(triangle, np.eye(sizes.size))
    errors = np.zeros(optimum.size)
    errors[kept] = np.linalg.norm(inverse, axis=1) * np.sqrt(2.0 * problem.half_mse.value(optimum) / free)
    return errors


def width_of(problem: Problem, optimum: Array) -> float:
    """How near to a kink rows count as at it: about the share n^(-1/3) of all."""
    coef, intercept = problem.coordinates.to_original(optimum)
    block = problem.source.peek(SAMPLE_ROWS)
    residual = block.X @ coef + intercept - block.y
    kinks = [kink for piece in problem.settings.loss.pieces for kink in piece.kinks if not piece.c]
    if not kinks:
        return 0.0
    distances = np.min([np.abs(residual - kink) for kink in kinks], axis=0)
    share = min(1.0, max(problem.n_rows ** (-1 / 3), 5.0 * optimum.size / problem.n_rows))
    return float(np.quantile(distances, share)) or float(distances.max(initial=0.0)) or 1.0


def distance(parameters: Array, optimum: Array, errors: Array | None) -> float | None:
    """The largest difference of a parameter from its optimum, in its standard errors; None where there are none.

    Rows without noise have none but rounding, which is not counted.
    """
    rounding = ROUNDED * float(np.abs(optimum).max())
    if errors is None or not np.any(errors > rounding):
        return None
    told = errors > rounding
    return float(np.max(np.abs(parameters - optimum)[told] / errors[told]))
