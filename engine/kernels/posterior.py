"""Numba kernels of the variational half-steps: arrays in, arrays out.

They work on the rows ``first:last`` of one side, like those of `engine.kernels.exact`.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import ExactVector, FactorMatrix, FloatVector
from engine.data.ratings import SparseRows
from engine.kernels.dense import (
    TILE,
    add_gram,
    aligned,
    compiled,
    factorize,
    substitute,
    whole,
)
from engine.kernels.exact import weight_at


class Others(NamedTuple):
    """The side held fixed, as the systems of a half-step read it.

    Attributes
    ----------
    parameters : ndarray of float32, shape (n, k + 1)
        Means of factors and bias.
    variances : ndarray of float32, shape (n, k + 1)
        Variances of factors and bias.
    noise_weights : ndarray of float32, shape (n,)
        ``ω``: the weight of a rating by the noise of its user, 1 on average.
    mean, unit : float
        ``μ``, and the unit in which all parameters are measured; both in stars.
    """

    parameters: FactorMatrix
    variances: FactorMatrix
    noise_weights: FloatVector
    mean: float
    unit: float


class Prior(NamedTuple):
    """The prior of each row: its mean and its precision.

    Attributes
    ----------
    means : ndarray of float32, shape (n, k + 1)
        ``m``.
    weights : ndarray of float64, shape (k + 1,)
        ``w``.
    """

    means: FactorMatrix
    weights: ExactVector


class Posterior(NamedTuple):
    """The posterior of each row of a side: independent normals.

    Attributes
    ----------
    parameters, variances : ndarray of float32, shape (n, k + 1)
        Means and variances of factors and bias.
    """

    parameters: FactorMatrix
    variances: FactorMatrix


class _System(NamedTuple):
    """Memory for one row's system, single precision and flat, but for the diagonal.

    `block` holds ratings ``(q, 1, y)`` a row; `matrix` sums their products, so that the
    right side stands in the last column; `diagonal` is what is added to ``A``.
    """

    block: FloatVector
    matrix: FloatVector
    diagonal: ExactVector


@compiled
def _new_system(size: int) -> _System:
    width = whole(size + 1)
    block = aligned(TILE * width)
    for i in range(len(block)):
        block[i] = 0
    return _System(block, aligned(width * width), np.zeros(size))


@compiled
def _build(
    rows: SparseRows, row: int, others: Others, prior: Prior, system: _System
) -> None:
    """Sum one row's ``A`` and, beside it, its right side without the prior."""
    block, matrix, diagonal = system
    k = len(diagonal) - 1
    width = whole(k + 2)
    for i in range(len(matrix)):
        matrix[i] = 0
    for f in range(k + 1):
        diagonal[f] = prior.weights[f]
    start, stop = rows.indptr[row], rows.indptr[row + 1]
    for begin in range(start, stop, TILE):
        n = min(TILE, stop - begin)
        for t in range(n):
            other, at = rows.indices[begin + t], t * width
            parameters, variances = others.parameters[other], others.variances[other]
            weight = others.noise_weights[other] * weight_at(rows.weights, begin + t)
            root = np.sqrt(weight)
            for f in range(k):
                block[at + f] = root * parameters[f]
                diagonal[f] += weight * variances[f]
            block[at + k] = root
            above = (rows.values[begin + t] - others.mean) / others.unit
            rest = above - parameters[k]
            block[at + k + 1] = root * rest
        add_gram(block, n, width, matrix, width)
    for f in range(k + 1):
        matrix[f * width + f] += diagonal[f]


@compiled
def _residual(
    rows: SparseRows,
    row: int,
    others: Others,
    prior: Prior,
    diagonal: ExactVector,
    x: ExactVector,
    out: ExactVector,
) -> None:
    """Compute ``c - A x`` in double precision, without forming ``A``."""
    k = len(x) - 1
    for f in range(k + 1):
        out[f] = prior.weights[f] * prior.means[row, f] - diagonal[f] * x[f]
    for t in range(rows.indptr[row], rows.indptr[row + 1]):
        other = rows.indices[t]
        parameters = others.parameters[other]
        above = (rows.values[t] - others.mean) / others.unit
        error = above - (parameters[k] + x[k])
        for f in range(k):
            error -= parameters[f] * x[f]
        error *= others.noise_weights[other] * weight_at(rows.weights, t)
        for f in range(k):
            out[f] += parameters[f] * error
        out[k] += error


@compiled
def solve_rows_with_variance(
    rows: SparseRows,
    first: int,
    last: int,
    others: Others,
    prior: Prior,
    variance: float,
    refinements: int,
    out: Posterior,
) -> int:
    """Solve rows ``first:last``; write their means and variances.

    Refinements are those of `kernels.solve_rows_exactly`. Returns the first row whose
    system is not positive definite, or -1.
    """
    size = out.parameters.shape[1]
    width, system = whole(size + 1), _new_system(size)
    matrix, step = system.matrix, np.zeros(width, dtype=np.float32)
    solution, residual = np.zeros(size), np.zeros(size)
    for row in range(first, last):
        _build(rows, row, others, prior, system)
        for f in range(size):
            drawn = prior.weights[f] * prior.means[row, f]
            step[f] = matrix[f * width + size] + drawn
            matrix[f * width + size] = 0  # no part of what is factorized
            out.variances[row, f] = variance / matrix[f * width + f]
        if not factorize(matrix, size, width):
            return row
        substitute(matrix, size, width, step)
        for f in range(size):
            solution[f] = step[f]
        for _ in range(refinements):
            _residual(rows, row, others, prior, system.diagonal, solution, residual)
            for f in range(size):
                step[f] = residual[f]
            substitute(matrix, size, width, step)
            for f in range(size):
                solution[f] += step[f]
        for f in range(size):
            out.parameters[row, f] = solution[f]
    return -1


@compiled
def sum_expected_squares(
    rows: SparseRows,
    first: int,
    last: int,
    others: Others,
    current: Posterior,
    errors: ExactVector,
    variances: ExactVector,
) -> None:
    """Sum over each row's ratings the squared error and the posterior variance.

    Each rating counts by the noise weight of the other side.
    """
    k = current.parameters.shape[1] - 1
    for row in range(first, last):
        squared_error = 0.0
        total_variance = 0.0
        x, v = current.parameters[row], current.variances[row]
        for t in range(rows.indptr[row], rows.indptr[row + 1]):
            other = rows.indices[t]
            y, u = others.parameters[other], others.variances[other]
            product = np.float32(0)
            variance = v[k] + u[k]
            for f in range(k):
                product += x[f] * y[f]
                variance += y[f] * y[f] * v[f] + (x[f] * x[f] + v[f]) * u[f]
            above = (rows.values[t] - others.mean) / others.unit
            error = above - (x[k] + y[k] + product)
            weight = others.noise_weights[other] * weight_at(rows.weights, t)
            squared_error += weight * np.float64(error) * error
            total_variance += weight * variance
        errors[row] = squared_error
        variances[row] = total_variance
