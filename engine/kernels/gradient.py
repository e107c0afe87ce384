"""The half-step by conjugate gradients, for many factors and many ratings.

A few steps from where the last sweep ended cost ``O(n k)`` a row where an exact solve
costs ``O(n k^2 + k^3)``. Notation as in `kernels`.

A row's vectors have the bias in place ``k`` and are padded with zeros to whole vectors
of `lanes`. Four ratings are handled at a time; a block is filled up to a multiple of
four with zeros.
"""

from typing import NamedTuple

import numpy as np

from engine.arrays import FloatVector, IndexVector
from engine.data.ratings import SparseRows
from engine.kernels.dense import aligned, compiled, whole
from engine.kernels.exact import Fixed, Side, Weights, weight_at, weight_between
from engine.kernels.lanes import (
    LANES,
    add,
    load,
    multiply,
    multiply_add,
    spread,
    store,
    totals,
)


class _System(NamedTuple):
    """One row's system, and the state of conjugate gradients.

    Attributes
    ----------
    items, stars, weights : of each rating; see `_read`. Without weights, None.
    block : gathered factors, flat
    w, d : regularization, and the inverse of ``diag(A)``
    x, r, p, product : solution, residual, direction, and ``A p``
    """

    items: IndexVector
    stars: FloatVector
    weights: FloatVector | None
    block: FloatVector
    w: FloatVector
    d: FloatVector
    x: FloatVector
    r: FloatVector
    p: FloatVector
    product: FloatVector


@compiled
def _room(weights: FloatVector | None, n: int) -> FloatVector | None:
    """Reserve memory for `n` weights if ratings have weights."""
    if weights is None:
        return None
    return aligned(n)


@compiled
def _copy_weights(
    weights: FloatVector | None, start: int, n: int, out: FloatVector | None
) -> None:
    """Copy a row's weights, if there are any, filled up with ones."""
    if weights is None or out is None:
        return
    for t in range(n):
        out[t] = weights[start + t]
    for t in range(n, (n + 3) // 4 * 4):
        out[t] = 1


@compiled
def _new_system(rows: SparseRows, longest: int, width: int, k: int) -> _System:
    """Reserve memory for rows of up to `longest` ratings."""
    n = (longest + 3) // 4 * 4
    small = whole(k + 1)
    system = _System(
        np.empty(n, dtype=np.int32),
        aligned(n),
        _room(rows.weights, n),
        aligned(n * width),
        aligned(small),
        aligned(small),
        aligned(small),
        aligned(small),
        aligned(small),
        aligned(small),
    )
    for i in range(small):
        system.w[i] = 1
        system.x[i] = 0
    return system


@compiled
def _read(
    rows: SparseRows, start: int, n: int, fixed: Fixed, k: int, system: _System
) -> None:
    """Copy a row's items; of its ratings, what the row itself has to explain.

    Filled up with the row of zeros of `fixed`, and ratings that give it no error.
    """
    items, stars = system.items, system.stars
    mean, weight = np.float32(fixed.mean), np.float32(1 - fixed.alpha)
    for t in range(n):
        item = rows.indices[start + t]
        items[t] = item
        stars[t] = (rows.values[start + t] - mean) - weight * fixed.b[item]
    for t in range(n, (n + 3) // 4 * 4):
        items[t] = len(fixed.b)
        stars[t] = weight * system.x[k]
    _copy_weights(rows.weights, start, n, system.weights)


@compiled
def _gather(n: int, fixed: Fixed, k: int, system: _System) -> None:
    """Gather a row's factors; add its ratings to ``r`` at ``x``, and to ``diag(A)``."""
    q, width = fixed.q.reshape(fixed.q.size), fixed.q.shape[1]
    items, stars, block, x = system.items, system.stars, system.block, system.x
    r, d, weights = system.r, system.d, system.weights
    bias, weight, total = x[k], np.float32(1 - fixed.alpha), np.float32(0)
    for t in range(0, n, 4):
        from0, from1 = width * items[t], width * items[t + 1]
        from2, from3 = width * items[t + 2], width * items[t + 3]
        to0 = t * width
        to1, to2, to3 = to0 + width, to0 + 2 * width, to0 + 3 * width
        a0 = a1 = a2 = a3 = spread(np.float32(0))
        for f in range(0, width, LANES):
            y = load(x, f)
            q0, q1 = load(q, from0 + f), load(q, from1 + f)
            q2, q3 = load(q, from2 + f), load(q, from3 + f)
            store(block, to0 + f, q0)
            store(block, to1 + f, q1)
            store(block, to2 + f, q2)
            store(block, to3 + f, q3)
            a0, a1 = multiply_add(q0, y, a0), multiply_add(q1, y, a1)
            a2, a3 = multiply_add(q2, y, a2), multiply_add(q3, y, a3)
        s0, s1, s2, s3 = totals(a0, a1, a2, a3)
        w0, w1 = weight_at(weights, t), weight_at(weights, t + 1)
        w2, w3 = weight_at(weights, t + 2), weight_at(weights, t + 3)
        e0 = w0 * (stars[t] - weight * (s0 + bias))
        e1 = w1 * (stars[t + 1] - weight * (s1 + bias))
        e2 = w2 * (stars[t + 2] - weight * (s2 + bias))
        e3 = w3 * (stars[t + 3] - weight * (s3 + bias))
        total += (e0 + e1) + (e2 + e3)
        y0, y1, y2, y3 = spread(e0), spread(e1), spread(e2), spread(e3)
        v0, v1, v2, v3 = spread(w0), spread(w1), spread(w2), spread(w3)
        for f in range(0, width, LANES):
            q0, q1 = load(block, to0 + f), load(block, to1 + f)
            q2, q3 = load(block, to2 + f), load(block, to3 + f)
            early = multiply_add(q1, y1, multiply_add(q0, y0, load(r, f)))
            store(r, f, add(early, multiply_add(q3, y3, multiply(q2, y2))))
            z0, z1 = multiply(q0, v0), multiply(q1, v1)
            z2, z3 = multiply(q2, v2), multiply(q3, v3)
            early = multiply_add(q1, z1, multiply_add(q0, z0, load(d, f)))
            store(d, f, add(early, multiply_add(q3, z3, multiply(q2, z2))))
    r[k] = total
    d[k] = weight_between(weights, 0, n)


@compiled
def _start(
    rows: SparseRows, start: int, n: int, fixed: Fixed, k: int, system: _System
) -> None:
    """Gather a row; write the residual ``r = c - A x``, and ``d``."""
    r, d = system.r, system.d
    for i in range(len(d)):
        r[i] = 0
        d[i] = 0
    _read(rows, start, n, fixed, k, system)
    _gather(n, fixed, k, system)
    if fixed.alpha > 0:
        _add_unobserved(fixed, k, system)
    for i in range(len(d)):
        r[i] -= system.w[i] * system.x[i]
        d[i] = 1 / (d[i] + system.w[i])


@compiled
def _add_unobserved(fixed: Fixed, k: int, system: _System) -> None:
    """Add the pairs without a rating to ``r`` and ``d``."""
    alpha = np.float32(fixed.alpha)
    for i in range(k + 1):
        row = fixed.gram[i]
        total = fixed.moment[i]
        for j in range(k + 1):
            total -= row[j] * system.x[j]
        system.r[i] += alpha * total
        system.d[i] = (1 - alpha) * system.d[i] + alpha * row[i]


@compiled
def _apply(n: int, width: int, fixed: Fixed, k: int, system: _System) -> None:
    """Compute ``product = A p`` without forming the row's own part of ``A``."""
    block, p, out, weights = system.block, system.p, system.product, system.weights
    for i in range(len(out)):
        out[i] = 0
    bias, sum_of_biases = p[k], np.float32(0)
    for t in range(0, n, 4):
        b0 = t * width
        b1, b2, b3 = b0 + width, b0 + 2 * width, b0 + 3 * width
        a0 = a1 = a2 = a3 = spread(np.float32(0))
        for f in range(0, width, LANES):
            y = load(p, f)
            a0 = multiply_add(load(block, b0 + f), y, a0)
            a1 = multiply_add(load(block, b1 + f), y, a1)
            a2 = multiply_add(load(block, b2 + f), y, a2)
            a3 = multiply_add(load(block, b3 + f), y, a3)
        s0, s1, s2, s3 = totals(a0, a1, a2, a3)
        s0 = weight_at(weights, t) * (s0 + bias)
        s1 = weight_at(weights, t + 1) * (s1 + bias)
        s2 = weight_at(weights, t + 2) * (s2 + bias)
        s3 = weight_at(weights, t + 3) * (s3 + bias)
        y0, y1, y2, y3 = spread(s0), spread(s1), spread(s2), spread(s3)
        for f in range(0, width, LANES):
            first = multiply_add(load(block, b0 + f), y0, load(out, f))
            first = multiply_add(load(block, b1 + f), y1, first)
            second = multiply(load(block, b2 + f), y2)
            second = multiply_add(load(block, b3 + f), y3, second)
            store(out, f, add(first, second))
        sum_of_biases += (s0 + s1) + (s2 + s3)
    out[k] = sum_of_biases - ((n + 3) // 4 * 4 - n) * bias
    if fixed.alpha > 0:
        alpha = np.float32(fixed.alpha)
        for i in range(k + 1):
            row = fixed.gram[i]
            total = np.float32(0)
            for j in range(k + 1):
                total += row[j] * p[j]
            out[i] = (1 - alpha) * out[i] + alpha * total
    for i in range(len(out)):
        out[i] += system.w[i] * p[i]


@compiled
def _conjugate_gradient(
    n: int, width: int, fixed: Fixed, k: int, n_steps: int, system: _System
) -> None:
    """Improve ``x`` by steps of the Jacobi-preconditioned conjugate gradient."""
    d, x, r, p, product = system.d, system.x, system.r, system.p, system.product
    rz = np.float32(0)
    for i in range(len(x)):
        p[i] = r[i] * d[i]
        rz += r[i] * p[i]
    for step in range(n_steps):
        _apply(n, width, fixed, k, system)
        curvature = np.float32(0)
        for i in range(len(x)):
            curvature += p[i] * product[i]
        if not (curvature > 0 and rz > 0):  # the residual has vanished
            return
        length = rz / curvature
        for i in range(len(x)):
            x[i] += length * p[i]
        if step + 1 < n_steps:
            previous, rz = rz, np.float32(0)
            for i in range(len(x)):
                r[i] -= length * product[i]
                rz += r[i] * r[i] * d[i]
            ratio = rz / previous
            for i in range(len(x)):
                p[i] = r[i] * d[i] + ratio * p[i]


@compiled
def solve_rows_by_gradient(
    rows: SparseRows,
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
    k, width = out.factors.shape[1], fixed.q.shape[1]
    longest = 0
    for row in range(first, last):
        longest = max(longest, rows.indptr[row + 1] - rows.indptr[row])
    system = _new_system(rows, longest, width, k)
    for row in range(first, last):
        start = rows.indptr[row]
        n = rows.indptr[row + 1] - start
        for i in range(k):
            system.w[i] = weights.factors[row]
            system.x[i] = out.factors[row, i]
        system.w[k] = weights.biases[row]
        system.x[k] = out.biases[row]
        _start(rows, start, n, fixed, k, system)
        _conjugate_gradient(n, width, fixed, k, n_steps, system)
        for i in range(k):
            out.factors[row, i] = system.x[i]
        out.biases[row] = system.x[k]
