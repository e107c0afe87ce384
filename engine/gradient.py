"""The half-step by conjugate gradients, for many factors and many ratings.

A few steps from where the last sweep ended cost ``O(n k)`` a row where an exact solve
costs ``O(n k^2 + k^3)``. Notation as in `kernels`.
"""

import numpy as np

from engine.arrays import FactorMatrix, FloatVector
from engine.dense import compiled
from engine.kernels import Fixed, Rows, Side, Weights


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
