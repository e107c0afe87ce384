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

import numpy as np
from numba import njit

TILE = 128
"""Ratings gathered at a time; a block of 64 factors then fits the first cache."""

_ROW_STRIDE = TILE + 16  # rows of a power of two apart would share cache sets
_LANES = 16  # sums run over whole vectors

# Reordered sums may be vectorised; NaN and infinity keep their meaning.
_compiled = njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)


@_compiled
def _add_gram(block, n_rows, n_columns, gram):
    """Add ``block block'`` to the lower triangle of `gram`, four by four at a time.

    `n_rows` is a multiple of four. The sixteen sums of a tile stay in registers, so a
    value is loaded once for four products.
    """
    for i in range(0, n_rows, 4):
        x0, x1, x2, x3 = block[i], block[i + 1], block[i + 2], block[i + 3]
        for j in range(0, i + 1, 4):
            y0, y1, y2, y3 = block[j], block[j + 1], block[j + 2], block[j + 3]
            a00 = a01 = a02 = a03 = np.float32(0)
            a10 = a11 = a12 = a13 = np.float32(0)
            a20 = a21 = a22 = a23 = np.float32(0)
            a30 = a31 = a32 = a33 = np.float32(0)
            for t in range(n_columns):
                p0, p1, p2, p3 = x0[t], x1[t], x2[t], x3[t]
                q0, q1, q2, q3 = y0[t], y1[t], y2[t], y3[t]
                a00 += p0 * q0
                a01 += p0 * q1
                a02 += p0 * q2
                a03 += p0 * q3
                a10 += p1 * q0
                a11 += p1 * q1
                a12 += p1 * q2
                a13 += p1 * q3
                a20 += p2 * q0
                a21 += p2 * q1
                a22 += p2 * q2
                a23 += p2 * q3
                a30 += p3 * q0
                a31 += p3 * q1
                a32 += p3 * q2
                a33 += p3 * q3
            g0, g1, g2, g3 = gram[i], gram[i + 1], gram[i + 2], gram[i + 3]
            g0[j] += a00
            g0[j + 1] += a01
            g0[j + 2] += a02
            g0[j + 3] += a03
            g1[j] += a10
            g1[j + 1] += a11
            g1[j + 2] += a12
            g1[j + 3] += a13
            g2[j] += a20
            g2[j + 1] += a21
            g2[j + 2] += a22
            g2[j + 3] += a23
            g3[j] += a30
            g3[j + 1] += a31
            g3[j + 2] += a32
            g3[j + 3] += a33


@_compiled
def _factorize(matrix, n):
    """Cholesky factor in the lower triangle, in place; False if not definite."""
    for j in range(n):
        row_j = matrix[j]
        total = row_j[j]
        for t in range(j):
            total -= row_j[t] * row_j[t]
        if not total > 0:
            return False
        pivot = np.sqrt(total)
        row_j[j] = pivot
        inverse = 1 / pivot
        i = j + 1
        while i + 4 <= n:  # four rows at once: row j is read once for all
            r0, r1, r2, r3 = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
            s0 = s1 = s2 = s3 = np.float32(0)
            for t in range(j):
                y = row_j[t]
                s0 += r0[t] * y
                s1 += r1[t] * y
                s2 += r2[t] * y
                s3 += r3[t] * y
            r0[j] = (r0[j] - s0) * inverse
            r1[j] = (r1[j] - s1) * inverse
            r2[j] = (r2[j] - s2) * inverse
            r3[j] = (r3[j] - s3) * inverse
            i += 4
        while i < n:
            row_i = matrix[i]
            s0 = np.float32(0)
            for t in range(j):
                s0 += row_i[t] * row_j[t]
            row_i[j] = (row_i[j] - s0) * inverse
            i += 1
    return True


@_compiled
def _substitute(factor, n, vector):
    """Solve ``L L' x = vector`` in place."""
    for i in range(n):
        row = factor[i]
        total = vector[i]
        for t in range(i):
            total -= row[t] * vector[t]
        vector[i] = total / row[i]
    for i in range(n - 1, -1, -1):
        row = factor[i]
        vector[i] /= row[i]
        x = vector[i]
        for t in range(i):
            vector[t] -= row[t] * x


@_compiled
def _gather(indices, values, start, stop, q, b, mean, alpha, block):
    """Fill columns ``(q_t, 1, c_t, 0 ...)`` of the ratings ``start:stop``.

    Returns how many columns to use: a multiple of the vector length, the last ones 0.
    """
    k = q.shape[1]
    for t in range(stop - start):
        item = indices[start + t]
        factors = q[item]
        for f in range(k):
            block[f, t] = factors[f]
        block[k, t] = 1
        block[k + 1, t] = (values[start + t] - mean) - (1 - alpha) * b[item]
    n_columns = (stop - start + _LANES - 1) // _LANES * _LANES
    for row in range(k + 2):
        for t in range(stop - start, n_columns):
            block[row, t] = 0
    return n_columns


@_compiled
def _residual(indices, values, start, stop, q, b, mean, alpha, x, gram, moment, w, out):
    """``c - A x`` in double precision, without forming ``A``."""
    k = q.shape[1]
    for i in range(k + 1):
        total = alpha * moment[i] - w[i] * x[i]
        if alpha > 0:
            for j in range(k + 1):
                total -= alpha * gram[i, j] * x[j]
        out[i] = total
    for t in range(start, stop):
        factors = q[indices[t]]
        product = b[indices[t]] + x[k]
        for f in range(k):
            product += factors[f] * x[f]
        error = (values[t] - mean) - (1 - alpha) * product
        for f in range(k):
            out[f] += factors[f] * error
        out[k] += error


@_compiled
def solve_rows_exactly(  # noqa: PLR0913
    indptr, indices, values, first, last, q, b, mean, alpha, gram, moment,
    factor_weights, bias_weights, refinements, factors_out, biases_out,
):  # fmt: skip
    """Solve rows ``first:last`` by Cholesky factors of their systems.

    The factors are single precision; each refinement adds a correction from the
    residual in double precision, so one leaves an error near single rounding.
    Returns the first row whose system is not positive definite, or -1.
    """
    k = q.shape[1]
    size = k + 1
    padded = (k + 2 + 3) // 4 * 4
    block = np.zeros((padded, _ROW_STRIDE), dtype=np.float32)
    system = np.zeros((padded, padded), dtype=np.float32)
    step = np.zeros(size, dtype=np.float32)
    weights = np.zeros(size, dtype=np.float64)
    solution = np.zeros(size, dtype=np.float64)
    residual = np.zeros(size, dtype=np.float64)
    observed_weight = np.float32(1 - alpha)
    for row in range(first, last):
        start, stop = indptr[row], indptr[row + 1]
        system[:] = 0
        for begin in range(start, stop, TILE):
            end = min(begin + TILE, stop)
            n_columns = _gather(indices, values, begin, end, q, b, mean, alpha, block)
            _add_gram(block, padded, n_columns, system)
        weights[:k] = factor_weights[row]
        weights[k] = bias_weights[row]
        for i in range(size):
            step[i] = system[size, i] + alpha * moment[i]
            for j in range(i + 1):
                system[i, j] = observed_weight * system[i, j] + alpha * gram[i, j]
            system[i, i] += weights[i]
        if not _factorize(system, size):
            return row
        _substitute(system, size, step)
        solution[:] = step
        for _ in range(refinements):
            _residual(
                indices, values, start, stop, q, b, mean, alpha,
                solution, gram, moment, weights, residual,
            )  # fmt: skip
            step[:] = residual
            _substitute(system, size, step)
            solution += step
        factors_out[row] = solution[:k]
        biases_out[row] = solution[k]
    return -1


@_compiled
def _apply_normal(block, n, k, x, out):
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


@_compiled
def _apply_system(block, n, k, x, alpha, gram, weights, out):
    """``A x``, without forming the row's own part of ``A``."""
    out[:] = 0
    _apply_normal(block, n, k, x, out)
    if alpha > 0:
        for i in range(k + 1):
            total = np.float32(0)
            row = gram[i]
            for j in range(k + 1):
                total += row[j] * x[j]
            out[i] = (1 - alpha) * out[i] + alpha * total + weights[i] * x[i]
    else:
        for i in range(k + 1):
            out[i] += weights[i] * x[i]


@_compiled
def _start_row(indices, values, start, stop, q, b, mean, alpha, block, c, d):
    """Gather a row's factors once; its right side and diagonal into `c` and `d`."""
    k = q.shape[1]
    for t in range(stop - start):
        item = indices[start + t]
        factors, gathered = q[item], block[t]
        y = np.float32((values[start + t] - mean) - (1 - alpha) * b[item])
        for f in range(k):
            gathered[f] = factors[f]
            c[f] += factors[f] * y
            d[f] += factors[f] * factors[f]
        c[k] += y
    d[k] += stop - start


@_compiled
def _conjugate_gradient(block, n, k, alpha, gram, weights, c, d, n_steps, x, work):
    """Improve `x` by steps of the Jacobi-preconditioned conjugate gradient."""
    r, p, product = work[0], work[1], work[2]
    _apply_system(block, n, k, x, alpha, gram, weights, product)
    rz = np.float32(0)
    for i in range(k + 1):
        r[i] = c[i] - product[i]
        p[i] = r[i] / d[i]
        rz += r[i] * p[i]
    for _ in range(n_steps):
        _apply_system(block, n, k, p, alpha, gram, weights, product)
        curvature = np.float32(0)
        for i in range(k + 1):
            curvature += p[i] * product[i]
        if not curvature > 0:  # the residual has vanished
            return
        length = rz / curvature
        previous = rz
        rz = np.float32(0)
        for i in range(k + 1):
            x[i] += length * p[i]
            r[i] -= length * product[i]
            rz += r[i] * r[i] / d[i]
        ratio = rz / previous
        for i in range(k + 1):
            p[i] = r[i] / d[i] + ratio * p[i]


@_compiled
def solve_rows_by_gradient(  # noqa: PLR0913
    indptr, indices, values, first, last, q, b, mean, alpha, gram, moment,
    factor_weights, bias_weights, n_steps, factors_out, biases_out,
):  # fmt: skip
    """Improve rows ``first:last`` in place by a few conjugate-gradient steps.

    A row's factors are gathered once and stay in cache for all steps. `factors_out`
    and `biases_out` hold the start on entry.
    """
    k = q.shape[1]
    longest = 0
    for row in range(first, last):
        longest = max(longest, indptr[row + 1] - indptr[row])
    block = np.empty((longest, k), dtype=np.float32)
    work = np.zeros((6, k + 1), dtype=np.float32)
    c, d, x, weights = work[3], work[4], work[5], np.zeros(k + 1, dtype=np.float32)
    for row in range(first, last):
        start, stop = indptr[row], indptr[row + 1]
        weights[:k] = factor_weights[row]
        weights[k] = bias_weights[row]
        c[:] = 0
        d[:] = 0
        _start_row(indices, values, start, stop, q, b, mean, alpha, block, c, d)
        for i in range(k + 1):
            c[i] += alpha * moment[i]
            d[i] = (1 - alpha) * d[i] + alpha * gram[i, i] + weights[i]
        x[:k] = factors_out[row]
        x[k] = biases_out[row]
        _conjugate_gradient(
            block, stop - start, k, alpha, gram, weights, c, d, n_steps, x, work
        )
        factors_out[row] = x[:k]
        biases_out[row] = x[k]


@_compiled
def add_gram_of_rows(q, b, first, last, gram):
    """Add the lower triangle of ``sum (q, 1, b)(q, 1, b)'`` over rows to `gram`."""
    k = q.shape[1]
    padded = (k + 2 + 3) // 4 * 4
    block = np.zeros((padded, _ROW_STRIDE), dtype=np.float32)
    part = np.zeros((padded, padded), dtype=np.float32)
    for begin in range(first, last, TILE):
        end = min(begin + TILE, last)
        for t in range(end - begin):
            for f in range(k):
                block[f, t] = q[begin + t, f]
            block[k, t] = 1
            block[k + 1, t] = b[begin + t]
        part[:] = 0
        _add_gram(block, padded, end - begin, part)
        for i in range(k + 2):
            for j in range(i + 1):
                gram[i, j] += part[i, j]


@_compiled
def sum_squares(indptr, indices, values, first, last, q, b, mean, p, a, errors, scores):
    """Sums over each row's ratings of ``(r - mean - s)**2`` and of ``s**2``.

    ``s = a + b + p'q``, with `p` and `a` the factors and biases of the rows.
    """
    k = q.shape[1]
    for row in range(first, last):
        factors = p[row]
        squared_error = 0.0
        squared_score = 0.0
        for t in range(indptr[row], indptr[row + 1]):
            item = indices[t]
            others = q[item]
            product = np.float32(0)
            for f in range(k):
                product += factors[f] * others[f]
            score = np.float64(a[row]) + b[item] + product
            error = values[t] - mean - score
            squared_error += error * error
            squared_score += score * score
        errors[row] = squared_error
        scores[row] = squared_score
