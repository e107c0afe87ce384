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
    start: int,
    stop: int,
    fixed: Fixed,
    weights: ExactVector,
    x: ExactVector,
    out: ExactVector,
) -> None:
    """Compute ``c - A x`` in double precision, without forming ``A``."""
    k, alpha = fixed.q.shape[1], fixed.alpha
    for i in range(k + 1):
        out[i] = -weights[i] * x[i]
    if alpha > 0:
        for i in range(k + 1):
            total = fixed.moment[i]
            for j in range(k + 1):
                total -= fixed.gram[i, j] * x[j]
            out[i] += alpha * total
    for t in range(start, stop):
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
    k, alpha = fixed.q.shape[1], fixed.alpha
    size = k + 1
    padded = (k + 2 + 3) // 4 * 4
    block = np.zeros((padded, ROW_STRIDE), dtype=np.float32)
    system = np.zeros((padded, padded), dtype=np.float32)
    step = np.zeros(size, dtype=np.float32)
    diagonal, solution, residual = np.zeros(size), np.zeros(size), np.zeros(size)
    observed_weight = np.float32(1 - alpha)
    for row in range(first, last):
        start, stop = rows.indptr[row], rows.indptr[row + 1]
        system[:] = 0
        for begin in range(start, stop, TILE):
            end = min(begin + TILE, stop)
            n_columns = _gather(rows, begin, end, fixed, block)
            add_gram(block, padded, n_columns, system)
        diagonal[:k] = weights.factors[row]
        diagonal[k] = weights.biases[row]
        step[:] = system[size, :size]
        if alpha > 0:
            for i in range(size):
                step[i] += alpha * fixed.moment[i]
                for j in range(i + 1):
                    unobserved = alpha * fixed.gram[i, j]
                    system[i, j] = observed_weight * system[i, j] + unobserved
        for i in range(size):
            system[i, i] += diagonal[i]
        if not factorize(system, size):
            return row
        substitute(system, size, step)
        solution[:] = step
        for _ in range(refinements):
            _residual(rows, start, stop, fixed, diagonal, solution, residual)
            step[:] = residual
            substitute(system, size, step)
            solution += step
        out.factors[row] = solution[:k]
        out.biases[row] = solution[k]
    return -1


@compiled
def _apply_normal(
    block: FactorMatrix, n: int, k: int, x: FloatVector, out: FloatVector
) -> None:
    """Add ``sum_t z_t z_t' x`` to `out`, four ratings at a time."""
    t = 0
    while t + 4 <= n:
        q0, q1, q2, q3 = block[t], block[t + 1], block[t + 2], block[t + 3]
        s0 = s1 = s2 = s3 = np.float32(0)
        for f in range(k):
            y = x[f]
            s0 += q0[f] * y
            s1 += q1[f] * y
            s2 += q2[f] * y
            s3 += q3[f] * y
        s0 += x[k]
        s1 += x[k]
        s2 += x[k]
        s3 += x[k]
        for f in range(k):
            out[f] += (q0[f] * s0 + q1[f] * s1) + (q2[f] * s2 + q3[f] * s3)
        out[k] += (s0 + s1) + (s2 + s3)
        t += 4
    while t < n:
        q0 = block[t]
        s0 = np.float32(0)
        for f in range(k):
            s0 += q0[f] * x[f]
        s0 += x[k]
        for f in range(k):
            out[f] += q0[f] * s0
        out[k] += s0
        t += 1


@compiled
def _apply_system(
    block: FactorMatrix,
    n: int,
    fixed: Fixed,
    diagonal: FloatVector,
    x: FloatVector,
    out: FloatVector,
) -> None:
    """Compute ``A x``, without forming the row's own part of ``A``."""
    k, alpha = fixed.q.shape[1], fixed.alpha
    out[:] = 0
    _apply_normal(block, n, k, x, out)
    if alpha > 0:
        for i in range(k + 1):
            total = np.float32(0)
            row = fixed.gram[i]
            for j in range(k + 1):
                total += row[j] * x[j]
            out[i] = (1 - alpha) * out[i] + alpha * total
    for i in range(k + 1):
        out[i] += diagonal[i] * x[i]


@compiled
def _start_row(
    rows: Rows,
    start: int,
    stop: int,
    fixed: Fixed,
    block: FactorMatrix,
    c: FloatVector,
    d: FloatVector,
) -> None:
    """Gather a row's factors once; write its right side and ``diag(A) - w``."""
    k, alpha = fixed.q.shape[1], fixed.alpha
    c[:] = 0
    d[:] = 0
    for t in range(stop - start):
        item = rows.indices[start + t]
        factors, gathered = fixed.q[item], block[t]
        rest = (1 - alpha) * fixed.b[item]
        y = np.float32((rows.values[start + t] - fixed.mean) - rest)
        for f in range(k):
            gathered[f] = factors[f]
            c[f] += factors[f] * y
            d[f] += factors[f] * factors[f]
        c[k] += y
    d[k] += stop - start
    if alpha > 0:
        for i in range(k + 1):
            c[i] += alpha * fixed.moment[i]
            d[i] = (1 - alpha) * d[i] + alpha * fixed.gram[i, i]


@compiled
def _conjugate_gradient(
    block: FactorMatrix,
    n: int,
    fixed: Fixed,
    diagonal: FloatVector,
    n_steps: int,
    work: FactorMatrix,
) -> None:
    """Improve ``x`` by steps of the Jacobi-preconditioned conjugate gradient.

    The rows of `work` are ``c``, ``diag(A)``, ``x`` and three of scratch.
    """
    c, d, x, r, p, product = work[0], work[1], work[2], work[3], work[4], work[5]
    _apply_system(block, n, fixed, diagonal, x, product)
    rz = np.float32(0)
    for i in range(len(x)):
        r[i] = c[i] - product[i]
        p[i] = r[i] / d[i]
        rz += r[i] * p[i]
    for _ in range(n_steps):
        _apply_system(block, n, fixed, diagonal, p, product)
        curvature = np.float32(0)
        for i in range(len(x)):
            curvature += p[i] * product[i]
        if not curvature > 0:  # the residual has vanished
            return
        length = rz / curvature
        previous = rz
        rz = np.float32(0)
        for i in range(len(x)):
            x[i] += length * p[i]
            r[i] -= length * product[i]
            rz += r[i] * r[i] / d[i]
        ratio = rz / previous
        for i in range(len(x)):
            p[i] = r[i] / d[i] + ratio * p[i]


@compiled
def solve_rows_by_gradient(
    rows: Rows,
    first: int,
    last: int,
    fixed: Fixed,
    weights: Weights,
    n_steps: int,
    out: Side,
) -> None:
    """Improve rows ``first:last`` in place by a few conjugate-gradient steps.

    A row's factors are gathered once and stay in cache for all steps. `out` holds the
    start on entry.
    """
    k = fixed.q.shape[1]
    longest = 0
    for row in range(first, last):
        longest = max(longest, rows.indptr[row + 1] - rows.indptr[row])
    block = np.empty((longest, k), dtype=np.float32)
    work = np.zeros((6, k + 1), dtype=np.float32)
    diagonal = np.zeros(k + 1, dtype=np.float32)
    for row in range(first, last):
        start, stop = rows.indptr[row], rows.indptr[row + 1]
        diagonal[:k] = weights.factors[row]
        diagonal[k] = weights.biases[row]
        _start_row(rows, start, stop, fixed, block, work[0], work[1])
        work[1] += diagonal
        work[2, :k] = out.factors[row]
        work[2, k] = out.biases[row]
        _conjugate_gradient(block, stop - start, fixed, diagonal, n_steps, work)
        out.factors[row] = work[2, :k]
        out.biases[row] = work[2, k]


@compiled
def sum_squares(
    rows: Rows,
    first: int,
    last: int,
    fixed: Fixed,
    current: Side,
    errors: ExactVector,
    scores: ExactVector,
) -> None:
    """Sum over each row's ratings ``(r - mean - s)**2`` and ``s**2``.

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
            squared_error += error * error
            squared_score += score * score
        errors[row] = squared_error
        scores[row] = squared_score
