"""Numba kernels of the half-steps of `engine.variational`: arrays in, arrays out.

They work on the rows ``first:last`` of one side, like those of `engine.kernels`.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import ExactVector, FactorMatrix, FloatVector
from engine.dense import (
    LANES,
    ROW_STRIDE,
    TILE,
    add_gram,
    compiled,
    factorize,
    substitute,
)
from engine.kernels import Rows


class Others(NamedTuple):
    """The side held fixed, as the systems of a half-step read it.

    Attributes
    ----------
    parameters : ndarray of float32, shape (n, k + 1)
        Means of factors and bias.
    spreads : ndarray of float32, shape (n, k + 1)
        Variances of factors and bias.
    trust : ndarray of float32, shape (n,)
        ``ω``: weight of a rating, 1 on average.
    mean : float
        ``μ``, in stars.
    """

    parameters: FactorMatrix
    spreads: FactorMatrix
    trust: FloatVector
    mean: float


class Prior(NamedTuple):
    """Where each row of the side solved for is drawn to, and how strongly.

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
    """What is believed of each row of a side.

    Attributes
    ----------
    parameters, spreads : ndarray of float32, shape (n, k + 1)
        Means and variances of factors and bias.
    """

    parameters: FactorMatrix
    spreads: FactorMatrix


@compiled
def _build(
    rows: Rows,
    row: int,
    others: Others,
    prior: Prior,
    block: FactorMatrix,
    system: FactorMatrix,
    diagonal: ExactVector,
) -> None:
    """Sum one row's ``A`` and, below it, its right side; `diagonal` is in both."""
    k, padded = len(diagonal) - 1, len(block)
    system[:] = 0
    diagonal[:] = prior.weights
    start, stop = rows.indptr[row], rows.indptr[row + 1]
    for begin in range(start, stop, TILE):
        end = min(begin + TILE, stop)
        for t in range(end - begin):
            other = rows.indices[begin + t]
            parameters, spreads = others.parameters[other], others.spreads[other]
            trust = others.trust[other]
            root = np.sqrt(trust)
            for f in range(k):
                block[f, t] = root * parameters[f]
                diagonal[f] += trust * spreads[f]
            block[k, t] = root
            rest = rows.values[begin + t] - others.mean - parameters[k]
            block[k + 1, t] = root * rest
        n_columns = (end - begin + LANES - 1) // LANES * LANES
        block[: k + 2, end - begin : n_columns] = 0
        add_gram(block, padded, n_columns, system)
    for f in range(k + 1):
        system[f, f] += diagonal[f]


@compiled
def _residual(
    rows: Rows,
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
        error = (rows.values[t] - others.mean) - (parameters[k] + x[k])
        for f in range(k):
            error -= parameters[f] * x[f]
        error *= others.trust[other]
        for f in range(k):
            out[f] += parameters[f] * error
        out[k] += error


@compiled
def solve_rows_with_doubt(
    rows: Rows,
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
    padded = (size + 1 + 3) // 4 * 4
    block = np.zeros((padded, ROW_STRIDE), dtype=np.float32)
    system = np.zeros((padded, padded), dtype=np.float32)
    step = np.zeros(size, dtype=np.float32)
    diagonal, solution, residual = np.zeros(size), np.zeros(size), np.zeros(size)
    for row in range(first, last):
        _build(rows, row, others, prior, block, system, diagonal)
        for f in range(size):
            step[f] = system[size, f] + prior.weights[f] * prior.means[row, f]
            out.spreads[row, f] = variance / system[f, f]
        if not factorize(system, size):
            return row
        substitute(system, size, step)
        solution[:] = step
        for _ in range(refinements):
            _residual(rows, row, others, prior, diagonal, solution, residual)
            step[:] = residual
            substitute(system, size, step)
            solution += step
        out.parameters[row] = solution
    return -1


@compiled
def sum_expected_squares(
    rows: Rows,
    first: int,
    last: int,
    others: Others,
    current: Posterior,
    errors: ExactVector,
    doubts: ExactVector,
) -> None:
    """Sum over each row's ratings the squared error, and its variance by doubt."""
    k = current.parameters.shape[1] - 1
    for row in range(first, last):
        squared_error = 0.0
        doubt = 0.0
        x, v = current.parameters[row], current.spreads[row]
        for t in range(rows.indptr[row], rows.indptr[row + 1]):
            other = rows.indices[t]
            y, u = others.parameters[other], others.spreads[other]
            product = np.float32(0)
            variance = v[k] + u[k]
            for f in range(k):
                product += x[f] * y[f]
                variance += y[f] * y[f] * v[f] + (x[f] * x[f] + v[f]) * u[f]
            error = rows.values[t] - others.mean - (x[k] + y[k] + product)
            squared_error += np.float64(error) * error
            doubt += variance
        errors[row] = squared_error
        doubts[row] = doubt
