"""Numba kernels of the half-step: arrays in, arrays out.

Each kernel works on the rows ``first:last`` of one side and writes only those, so any
number of threads may share the work and the result does not depend on how it was
divided. All release the interpreter lock. Nothing here checks an index: the callers
in `als` pass arrays that `Ratings` has validated.

Notation: a row (a user, say) has ``n`` ratings ``r_t`` of items with factors ``q_t``
and biases ``b_t``. With ``z = (q, 1)`` its own factors and bias are the solution ``x``
of ``A x = c``,

    A = (1 - a) sum_t z_t z_t' + a sum z z' + diag(w),
    c = sum_t z_t (r_t - m - (1 - a) b_t)   - a sum z b,

where ``m`` is the offset of all predictions and at once the target of pairs without a
rating, ``a`` the weight of those, ``w`` the regularization of the row, and the sums
without an index run over *all* items. ``a = 0`` is ordinary ALS.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.arrays import (
    ExactVector,
    FactorMatrix,
    FloatVector,
    IndexVector,
    OffsetVector,
)
from engine.dense import (
    LANES,
    ROW_STRIDE,
    TILE,
    add_gram,
    compiled,
    factorize,
    inverse_diagonal,
    substitute,
)


class Rows(NamedTuple):
    """Ratings of each row, compressed; the fields of `ratings.SparseRows`."""

    indptr: OffsetVector
    indices: IndexVector
    values: FloatVector


class Fixed(NamedTuple):
    """What all systems of a half-step share: the other side, and sums over it.

    `gram` is ``sum z z'`` and `moment` ``-sum z b``; both are read only where `alpha`
    is above 0. They are float64 for exact solves, float32 for gradient steps.
    """

    q: FactorMatrix
    b: FloatVector
    mean: float
    alpha: float
    gram: npt.NDArray[Any]
    moment: npt.NDArray[Any]


class Weights(NamedTuple):
    """Regularization of each row."""

    factors: FloatVector
    biases: FloatVector


class Side(NamedTuple):
    """Parameters of all users, or of all items.

    Attributes
    ----------
    factors : ndarray of float32, shape (n_rows, n_factors)
    biases : ndarray of float32, shape (n_rows,)
        In stars.
    """

    factors: FactorMatrix
    biases: FloatVector


@compiled
def _padded(k: int) -> int:
    """Round up ``k`` factors, the constant and the right side to whole tiles."""
    return (k + 2 + 3) // 4 * 4


@compiled
def _gather(
    rows: Rows, start: int, stop: int, fixed: Fixed, block: FactorMatrix
) -> int:
    """Fill columns ``(q_t, 1, c_t, 0 ...)`` of the ratings ``start:stop``.

    Returns how many columns to use: a multiple of the vector length, the last ones 0.
    """
    k = fixed.q.shape[1]
    for t in range(stop - start):
        item = rows.indices[start + t]
        factors = fixed.q[item]
        for f in range(k):
            block[f, t] = factors[f]
        rest = (1 - fixed.alpha) * fixed.b[item]
        block[k, t] = 1
        block[k + 1, t] = (rows.values[start + t] - fixed.mean) - rest
    n_columns = (stop - start + LANES - 1) // LANES * LANES
    for row in range(k + 2):
        for t in range(stop - start, n_columns):
            block[row, t] = 0
    return n_columns


@compiled
def _residual(
    rows: Rows,
    row: int,
    fixed: Fixed,
    diagonal: ExactVector,
    x: ExactVector,
    out: ExactVector,
) -> None:
    """Compute ``c - A x`` in double precision, without forming ``A``."""
    k, alpha = fixed.q.shape[1], fixed.alpha
    for i in range(k + 1):
        out[i] = -diagonal[i] * x[i]
    if alpha > 0:
        for i in range(k + 1):
            total = fixed.moment[i]
            for j in range(k + 1):
                total -= fixed.gram[i, j] * x[j]
            out[i] += alpha * total
    for t in range(rows.indptr[row], rows.indptr[row + 1]):
        item = rows.indices[t]
        factors = fixed.q[item]
        score = fixed.b[item] + x[k]
        for f in range(k):
            score += factors[f] * x[f]
        error = (rows.values[t] - fixed.mean) - (1 - alpha) * score
        for f in range(k):
            out[f] += factors[f] * error
        out[k] += error


@compiled
def _factorized(
    rows: Rows,
    row: int,
    fixed: Fixed,
    diagonal: ExactVector,
    block: FactorMatrix,
    system: FactorMatrix,
    right: FloatVector,
) -> bool:
    """Build one row's ``A`` and ``c``, and factorize ``A`` in place."""
    alpha, size = fixed.alpha, fixed.q.shape[1] + 1
    system[:] = 0
    start, stop = rows.indptr[row], rows.indptr[row + 1]
    for begin in range(start, stop, TILE):
        end = min(begin + TILE, stop)
        n_columns = _gather(rows, begin, end, fixed, block)
        add_gram(block, len(block), n_columns, system)
    right[:] = system[size, :size]
    if alpha > 0:
        observed_weight = np.float32(1 - alpha)
        for i in range(size):
            right[i] += alpha * fixed.moment[i]
            for j in range(i + 1):
                unobserved = alpha * fixed.gram[i, j]
                system[i, j] = observed_weight * system[i, j] + unobserved
    for i in range(size):
        system[i, i] += diagonal[i]
    return factorize(system, size)


@compiled
def solve_rows_exactly(
    rows: Rows,
    first: int,
    last: int,
    fixed: Fixed,
    weights: Weights,
    refinements: int,
    out: Side,
) -> int:
    """Solve rows ``first:last`` by Cholesky factors of their systems.

    The factors are single precision; each refinement adds a correction from the
    residual in double precision, so one leaves an error near single rounding.
    Returns the first row whose system is not positive definite, or -1.
    """
    k = fixed.q.shape[1]
    size, padded = k + 1, _padded(k)
    block = np.zeros((padded, ROW_STRIDE), dtype=np.float32)
    system = np.zeros((padded, padded), dtype=np.float32)
    step = np.zeros(size, dtype=np.float32)
    diagonal, solution, residual = np.zeros(size), np.zeros(size), np.zeros(size)
    for row in range(first, last):
        diagonal[:k] = weights.factors[row]
        diagonal[k] = weights.biases[row]
        if not _factorized(rows, row, fixed, diagonal, block, system, step):
            return row
        substitute(system, size, step)
        solution[:] = step
        for _ in range(refinements):
            _residual(rows, row, fixed, diagonal, solution, residual)
            step[:] = residual
            substitute(system, size, step)
            solution += step
        out.factors[row] = solution[:k]
        out.biases[row] = solution[k]
    return -1


@compiled
def mean_leverages(
    rows: Rows,
    first: int,
    last: int,
    fixed: Fixed,
    weights: Weights,
    out: ExactVector,
) -> None:
    """Average ``z_t' A^-1 z_t`` over the ratings of each row, for ``a = 0``.

    The leverage of a rating is its say in its own prediction. Their sum is a trace,
    ``tr(A^-1 (A - diag(w)))``, so ``diag(A^-1)`` is enough. 0 for a row without
    ratings; the systems have been solved before, so they are definite.
    """
    k = fixed.q.shape[1]
    size, padded = k + 1, _padded(k)
    block = np.zeros((padded, ROW_STRIDE), dtype=np.float32)
    system = np.zeros((padded, padded), dtype=np.float32)
    column = np.zeros(size, dtype=np.float32)
    diagonal, inverse = np.zeros(size), np.zeros(size)
    for row in range(first, last):
        n_ratings = rows.indptr[row + 1] - rows.indptr[row]
        out[row] = 0
        if n_ratings > 0:
            diagonal[:k] = weights.factors[row]
            diagonal[k] = weights.biases[row]
            _factorized(rows, row, fixed, diagonal, block, system, column)
            inverse_diagonal(system, size, inverse)
            trace = np.float64(size)
            for i in range(size):
                trace -= diagonal[i] * inverse[i]
            out[row] = trace / n_ratings


@compiled
def sum_squares(
    rows: Rows,
    first: int,
    last: int,
    fixed: Fixed,
    current: Side,
    item_weights: ExactVector,
    errors: ExactVector,
    scores: ExactVector,
) -> None:
    """Sum over each row's ratings ``weight (r - mean - s)**2`` and ``s**2``.

    ``s`` is the score above the mean, ``b_row + b + p'q``.
    """
    for row in range(first, last):
        factors = current.factors[row]
        squared_error = 0.0
        squared_score = 0.0
        for t in range(rows.indptr[row], rows.indptr[row + 1]):
            item = rows.indices[t]
            others = fixed.q[item]
            product = np.float32(0)
            for f in range(len(factors)):
                product += factors[f] * others[f]
            score = np.float64(current.biases[row]) + fixed.b[item] + product
            error = rows.values[t] - fixed.mean - score
            squared_error += item_weights[item] * error * error
            squared_score += score * score
        errors[row] = squared_error
        scores[row] = squared_score
