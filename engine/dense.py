"""Compiled dense linear algebra for many small systems, and how to compile.

NumPy and LAPACK are at their best with large matrices; the systems of a half-step have
a few dozen rows each, so these loops are written out for them. Rows contiguous; single
precision, but for what says that it serves either.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.arrays import ExactMatrix, ExactVector, FactorMatrix, FloatVector

TILE = 128
"""Ratings gathered at a time; a block of 64 factors then fits the first cache."""

ROW_STRIDE = TILE + 16
"""Length of a block's rows; a power of two would make them share cache sets."""

LANES = 16
"""Columns are padded with zeros to a multiple of this, so sums run in whole vectors."""

Floats: TypeAlias = npt.NDArray[np.float32 | np.float64]
"""Where a routine serves either precision: it computes in that of its arguments."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def can_write_beside(source: Path) -> bool:
    """Tell whether the cache folder of a source file is, or can be, ours to fill."""
    cache = source.parent / "__pycache__"
    return os.access(cache if cache.exists() else source.parent, os.W_OK)


def compiled(function: _Function) -> _Function:
    """Compile a function on its first use.

    Sums may be reordered, so that they run in vectors; NaN and infinity keep their
    sense. Machine code is cached beside the source where that can be written, and
    compiled anew by each process where it cannot, as in a read-only image.
    """
    decorate = njit(
        nogil=True,
        cache=can_write_beside(Path(__file__)),
        error_model="numpy",
        fastmath={"reassoc", "contract", "nsz", "arcp"},
    )
    return cast("_Function", decorate(function))


@compiled
def add_gram(block: Floats, n_rows: int, n_columns: int, gram: Floats) -> None:
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


@compiled
def factorize(matrix: Floats, n: int) -> bool:
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


@compiled
def substitute(factor: Floats, n: int, vector: Floats) -> None:
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


@compiled
def inverse_diagonal(factor: FactorMatrix, n: int, out: ExactVector) -> None:
    """Compute the diagonal of ``(L L')^-1``, one column of ``L^-1`` at a time."""
    column = np.zeros(n, dtype=np.float32)
    for j in range(n):
        column[j] = 1 / factor[j, j]
        out[j] = column[j] * column[j]
        for i in range(j + 1, n):
            row = factor[i]
            total = np.float32(0)
            for t in range(j, i):
                total -= row[t] * column[t]
            column[i] = total / row[i]
            out[j] += column[i] * column[i]


@compiled
def add_gram_of_rows(q: FactorMatrix, b: FloatVector, gram: ExactMatrix) -> None:
    """Add the lower triangle of ``sum (q, 1, b)(q, 1, b)'`` over rows to `gram`."""
    k = q.shape[1]
    padded = (k + 2 + 3) // 4 * 4
    block = np.zeros((padded, ROW_STRIDE), dtype=np.float32)
    part = np.zeros((padded, padded), dtype=np.float32)
    for begin in range(0, len(b), TILE):
        end = min(begin + TILE, len(b))
        for t in range(end - begin):
            for f in range(k):
                block[f, t] = q[begin + t, f]
            block[k, t] = 1
            block[k + 1, t] = b[begin + t]
        part[:] = 0
        add_gram(block, padded, end - begin, part)
        for i in range(k + 2):
            for j in range(i + 1):
                gram[i, j] += part[i, j]
