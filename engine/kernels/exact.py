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
Where ratings have weights, each sum over ``t`` is weighted: one of weight 2 counts as
two.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.arrays import (
    ExactVector,
    FactorMatrix,
    FloatVector,
)
from engine.data.ratings import SparseRows
from engine.kernels.dense import (
    TILE,
    add_gram,
    aligned,
    compiled,
    factorize,
    inverse_diagonal,
    substitute,
    whole,
)
from engine.kernels.lanes import LANES, load, multiply, multiply_add, spread, store


class Fixed(NamedTuple):
    """Inputs that all systems of a half-step share: the other side, and its sums.

    `q` is `dense.padded`, so ``k`` is the length of `moment` less one. `gram` is
    ``sum z z'`` and `moment` ``-sum z b``; both are read only where `alpha` is above 0.
    They are float64 for exact solves, float32 for gradient steps.
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
def weight_at(weights: FloatVector | None, t: int) -> np.float32:
    """Weight of one rating; without weights 1, which the compiler knows."""
    if weights is None:
        return np.float32(1)
    return np.float32(weights[t])


@compiled
def weight_between(weights: FloatVector | None, start: int, stop: int) -> float:
    """Sum the weights of the ratings ``start:stop``: their effective number."""
    if weights is None:
        return np.float64(stop - start)
    total = 0.0
    for t in range(start, stop):
        total += weights[t]
    return total


@compiled
def _gather(
    rows: SparseRows,
    start: int,
    n: int,
    fixed: Fixed,
    block: FloatVector,
    sums: FloatVector,
) -> np.float32:
    """Copy the factors ``q_t`` of `n` ratings; add up their part of ``c`` and ``A``.

    With ``c_t`` what a rating adds to the right side, the first row of `sums` gets
    ``sum_t q_t c_t``, the second ``sum_t q_t``; returned is ``sum_t c_t``. A weight
    enters by its root, since ``A`` sums products of copies.
    """
    q, width = fixed.q.reshape(fixed.q.size), fixed.q.shape[1]
    total = np.float32(0)
    for t in range(n):
        item = rows.indices[start + t]
        rest = (1 - fixed.alpha) * fixed.b[item]
        root = np.sqrt(weight_at(rows.weights, start + t))
        c = root * np.float32((rows.values[start + t] - fixed.mean) - rest)
        total += root * c
        y, share = spread(c), spread(root)
        for f in range(0, width, LANES):
            factors = multiply(load(q, item * width + f), share)
            store(block, t * width + f, factors)
            store(sums, f, multiply_add(factors, y, load(sums, f)))
            store(sums, width + f, multiply_add(factors, share, load(sums, width + f)))
    return total


@compiled
def _residual(
    rows: SparseRows,
    row: int,
    fixed: Fixed,
    diagonal: ExactVector,
    x: ExactVector,
    out: ExactVector,
) -> None:
    """Compute ``c - A x`` in double precision, without forming ``A``."""
    k, alpha = len(fixed.moment) - 1, fixed.alpha
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
        error *= weight_at(rows.weights, t)
        for f in range(k):
            out[f] += factors[f] * error
        out[k] += error


class _System(NamedTuple):
    """Memory for one row's system, all single precision and flat.

    `right` is the right side and becomes the solution; see `_gather` for the others.
    """

    block: FloatVector
    sums: FloatVector
    matrix: FloatVector
    right: FloatVector


@compiled
def _new_system(width: int, size: int) -> _System:
    stride = whole(size)
    return _System(
        aligned(TILE * width),
        aligned(2 * width),
        aligned(stride * stride),
        np.zeros(stride, dtype=np.float32),
    )


@compiled
def _factorized(
    rows: SparseRows, row: int, fixed: Fixed, diagonal: ExactVector, system: _System
) -> bool:
    """Build one row's ``A`` and ``c``, and factorize ``A`` in place."""
    block, sums, matrix, right = system
    alpha, width = fixed.alpha, fixed.q.shape[1]
    size, stride = len(diagonal), len(right)
    k = size - 1
    for i in range(len(sums)):
        sums[i] = 0
    for i in range(len(matrix)):
        matrix[i] = 0
    start, stop, total = rows.indptr[row], rows.indptr[row + 1], np.float32(0)
    for begin in range(start, stop, TILE):
        n = min(TILE, stop - begin)
        total += _gather(rows, begin, n, fixed, block, sums)
        add_gram(block, n, width, matrix, stride)
    for i in range(k):
        right[i] = sums[i]
        matrix[i * stride + k] = sums[width + i]
    right[k] = total
    matrix[k * stride + k] = weight_between(rows.weights, start, stop)
    if alpha > 0:
        observed_weight = np.float32(1 - alpha)
        for i in range(size):
            right[i] += alpha * fixed.moment[i]
            for j in range(i, size):
                unobserved = alpha * fixed.gram[i, j]
                at = i * stride + j
                matrix[at] = observed_weight * matrix[at] + unobserved
    for i in range(size):
        matrix[i * stride + i] += diagonal[i]
    return factorize(matrix, size, stride)


@compiled
def solve_rows_exactly(
    rows: SparseRows,
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
    size = len(fixed.moment)
    k = size - 1
    system = _new_system(fixed.q.shape[1], size)
    step, stride = system.right, len(system.right)
    diagonal, solution, residual = np.zeros(size), np.zeros(size), np.zeros(size)
    for row in range(first, last):
        for i in range(k):
            diagonal[i] = weights.factors[row]
        diagonal[k] = weights.biases[row]
        if not _factorized(rows, row, fixed, diagonal, system):
            return row
        substitute(system.matrix, size, stride, step)
        for i in range(size):
            solution[i] = step[i]
        for _ in range(refinements):
            _residual(rows, row, fixed, diagonal, solution, residual)
            for i in range(size):
                step[i] = residual[i]
            substitute(system.matrix, size, stride, step)
            for i in range(size):
                solution[i] += step[i]
        for i in range(k):
            out.factors[row, i] = solution[i]
        out.biases[row] = solution[k]
    return -1


@compiled
def mean_leverages(
    rows: SparseRows,
    first: int,
    last: int,
    fixed: Fixed,
    weights: Weights,
    out: ExactVector,
) -> None:
    """Average ``z_t' A^-1 z_t`` over the ratings of each row, for ``a = 0``.

    The leverage of a rating is its say in its own prediction. Their sum is a trace,
    ``tr(A^-1 (A - diag(w)))``, so ``diag(A^-1)`` is enough. A rating of weight 2 is
    averaged as two ratings, each with its own leverage. 0 for a row without
    ratings; the systems have been solved before, so they are definite.
    """
    size = len(fixed.moment)
    k = size - 1
    system = _new_system(fixed.q.shape[1], size)
    scratch = aligned(len(system.matrix))
    diagonal, inverse = np.zeros(size), np.zeros(size)
    for row in range(first, last):
        start, stop = rows.indptr[row], rows.indptr[row + 1]
        n_ratings = weight_between(rows.weights, start, stop)
        out[row] = 0
        if n_ratings > 0:
            for i in range(k):
                diagonal[i] = weights.factors[row]
            diagonal[k] = weights.biases[row]
            _factorized(rows, row, fixed, diagonal, system)
            stride = len(system.right)
            inverse_diagonal(system.matrix, size, stride, scratch, inverse)
            trace = np.float64(size)
            for i in range(size):
                trace -= diagonal[i] * inverse[i]
            out[row] = trace / n_ratings


@compiled
def sum_squares(
    rows: SparseRows,
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
            weight = weight_at(rows.weights, t)
            squared_error += weight * item_weights[item] * error * error
            squared_score += weight * score * score
        errors[row] = squared_error
        scores[row] = squared_score
