"""Compiled dense linear algebra for many small systems, and how to compile.

NumPy and LAPACK are at their best with large matrices; the systems of a half-step have
a few dozen rows each, so these loops are written out for them. Single precision, rows
contiguous. Matrices that `lanes` work on are flat, with rows of a whole number of
vectors; of symmetric ones the upper triangle counts.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core import codegen, config

from engine.arrays import ExactMatrix, ExactVector, FactorMatrix, FloatVector
from engine.kernels.lanes import (
    LANES,
    add,
    load,
    multiply,
    multiply_add,
    repeat,
    spread,
    store,
    subtract,
    totals,
)

TILE = 128
"""Ratings gathered at a time; a block of 64 factors then fits the first cache."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def can_write_beside(source: Path) -> bool:
    """Tell whether the cache folder of a source file is, or can be, ours to fill."""
    cache = source.parent / "__pycache__"
    return os.access(cache if cache.exists() else source.parent, os.W_OK)


def widest(features: str) -> str:
    """Let the compiler use registers of 512 bits where they cost no clock rate.

    It keeps to 256 bits on all processors of Intel, for the sake of the first ones with
    wide registers. Those that came after know the instructions called VBMI2.
    """
    return features + ",-prefer-256-bit" if "+avx512vbmi2" in features else features


# Before anything is compiled. What the environment says counts more.
_SETTINGS: dict[str, Any] = vars(config)
_SETTINGS["CPU_FEATURES"] = _SETTINGS["CPU_FEATURES"] or widest(
    codegen.get_host_cpu_features()  # type: ignore[no-untyped-call]
)


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
def whole(n: int) -> int:
    """Round up to whole vectors."""
    return (n + LANES - 1) // LANES * LANES


@compiled
def aligned(n: int) -> FloatVector:
    """Reserve memory, not cleared, that begins where a vector may."""
    memory = np.empty(n + LANES, dtype=np.float32)
    begin = -(memory.ctypes.data // 4) % LANES
    return memory[begin : begin + n]


def padded(matrix: FactorMatrix) -> FactorMatrix:
    """Copy a matrix to rows of whole vectors, filled up with zeros; add a row of zeros.

    Where a kernel takes four rows at a time, the last row stands in for missing ones.
    NumPy asks the system for large pages, which compiled code does not: rows picked
    here and there are then found faster.
    """
    n, k = matrix.shape
    width = whole(k)
    memory = np.empty((n + 1) * width + LANES, dtype=np.float32)
    begin = -(memory.ctypes.data // 4) % LANES
    copy = memory[begin : begin + (n + 1) * width].reshape(n + 1, width)
    copy[:n, :k] = matrix
    copy[:n, k:] = 0
    copy[n] = 0
    return copy


@compiled
def add_gram(
    block: FloatVector, n: int, width: int, gram: FloatVector, stride: int
) -> None:
    """Add ``block' block`` to the upper triangle of `gram`, and a little below it.

    The block has `n` rows of `width` numbers, `gram` rows of `stride`. The sums of
    eight rows by sixteen columns stay in registers.
    """
    for i in range(0, width, 8):
        for j in range(i // LANES * LANES, width, LANES):
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = spread(np.float32(0))
            for t in range(n):
                at = t * width + i
                y = load(block, t * width + j)
                a0 = multiply_add(repeat(block, at), y, a0)
                a1 = multiply_add(repeat(block, at + 1), y, a1)
                a2 = multiply_add(repeat(block, at + 2), y, a2)
                a3 = multiply_add(repeat(block, at + 3), y, a3)
                a4 = multiply_add(repeat(block, at + 4), y, a4)
                a5 = multiply_add(repeat(block, at + 5), y, a5)
                a6 = multiply_add(repeat(block, at + 6), y, a6)
                a7 = multiply_add(repeat(block, at + 7), y, a7)
            to = i * stride + j
            store(gram, to, add(load(gram, to), a0))
            store(gram, to + stride, add(load(gram, to + stride), a1))
            to += 2 * stride
            store(gram, to, add(load(gram, to), a2))
            store(gram, to + stride, add(load(gram, to + stride), a3))
            to += 2 * stride
            store(gram, to, add(load(gram, to), a4))
            store(gram, to + stride, add(load(gram, to + stride), a5))
            to += 2 * stride
            store(gram, to, add(load(gram, to), a6))
            store(gram, to + stride, add(load(gram, to + stride), a7))


@compiled
def factorize(matrix: FloatVector, n: int, stride: int) -> bool:
    """Cholesky factor ``U'U`` in the upper triangle, in place; False if not definite.

    Row by row: what the rows above explain is taken off sixteen columns at a time, by
    four sums that do not wait for one another.
    """
    for i in range(n):
        row = i * stride
        for c in range(i // LANES * LANES, n, LANES):
            a0 = a1 = a2 = a3 = spread(np.float32(0))
            j = 0
            while j + 4 <= i:
                at = j * stride
                a0 = multiply_add(repeat(matrix, at + i), load(matrix, at + c), a0)
                at += stride
                a1 = multiply_add(repeat(matrix, at + i), load(matrix, at + c), a1)
                at += stride
                a2 = multiply_add(repeat(matrix, at + i), load(matrix, at + c), a2)
                at += stride
                a3 = multiply_add(repeat(matrix, at + i), load(matrix, at + c), a3)
                j += 4
            while j < i:
                at = j * stride
                a0 = multiply_add(repeat(matrix, at + i), load(matrix, at + c), a0)
                j += 1
            explained = add(add(a0, a1), add(a2, a3))
            store(matrix, row + c, subtract(load(matrix, row + c), explained))
        if not matrix[row + i] > 0:
            return False
        inverse = spread(1 / np.sqrt(matrix[row + i]))
        for c in range(i // LANES * LANES, n, LANES):
            store(matrix, row + c, multiply(load(matrix, row + c), inverse))
        for c in range(i // LANES * LANES, i):
            matrix[row + c] = 0
    return True


@compiled
def substitute(factor: FloatVector, n: int, stride: int, vector: FloatVector) -> None:
    """Solve ``U'U x = vector`` in place; `vector` has room for whole vectors."""
    for i in range(n):
        row = i * stride
        x = vector[i] / factor[row + i]
        for c in range(i // LANES * LANES, n, LANES):
            y = multiply_add(load(factor, row + c), spread(-x), load(vector, c))
            store(vector, c, y)
        vector[i] = x
    for i in range(n - 1, -1, -1):
        row, right = i * stride, vector[i]
        vector[i] = 0
        a = spread(np.float32(0))
        for c in range(i // LANES * LANES, n, LANES):
            a = multiply_add(load(factor, row + c), load(vector, c), a)
        vector[i] = (right - totals(a, a, a, a)[0]) / factor[row + i]


@compiled
def inverse_diagonal(
    factor: FloatVector, n: int, stride: int, inverse: FloatVector, out: ExactVector
) -> None:
    """Compute the diagonal of ``(U'U)^-1``.

    `inverse` is scratch for ``U'^-1``, as large as `factor`; the sums of squares of its
    columns are the answer.
    """
    out[:] = 0
    inverse[:] = 0
    for i in range(n):
        row = i * stride
        inverse[row + i] = 1
        scale = spread(1 / factor[row + i])
        for c in range(0, i + 1, LANES):
            a = spread(np.float32(0))
            for j in range(c, i):
                y = load(inverse, j * stride + c)
                a = multiply_add(repeat(factor, j * stride + i), y, a)
            rest = subtract(load(inverse, row + c), a)
            store(inverse, row + c, multiply(rest, scale))
        for j in range(i + 1):
            out[j] += inverse[row + j] * inverse[row + j]


@compiled
def add_gram_of_rows(q: FactorMatrix, b: FloatVector, gram: ExactMatrix) -> None:
    """Add the lower triangle of ``sum (q, 1, b)(q, 1, b)'`` over rows to `gram`."""
    k = q.shape[1]
    width = whole(k + 2)
    block, part = aligned(TILE * width), aligned(width * width)
    block[:] = 0
    for begin in range(0, len(b), TILE):
        n = min(TILE, len(b) - begin)
        for t in range(n):
            for f in range(k):
                block[t * width + f] = q[begin + t, f]
            block[t * width + k] = 1
            block[t * width + k + 1] = b[begin + t]
        part[:] = 0
        add_gram(block, n, width, part, width)
        for i in range(k + 2):
            for j in range(i + 1):
                gram[i, j] += part[j * width + i]
