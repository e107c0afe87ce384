"""Vector operations, compiled here and now, against what they mean in NumPy."""

import numpy as np
import pytest
from numba import njit

from engine.kernels import lanes

A, B, C, D = np.random.default_rng(0).standard_normal((4, 16), dtype=np.float32)


def add(out):
    lanes.store(out, 0, lanes.add(lanes.load(A, 0), lanes.load(B, 0)))


def subtract(out):
    lanes.store(out, 0, lanes.subtract(lanes.load(A, 0), lanes.load(B, 0)))


def multiply(out):
    lanes.store(out, 0, lanes.multiply(lanes.load(A, 0), lanes.load(B, 0)))


def multiply_add(out):
    a, b, c = lanes.load(A, 0), lanes.load(B, 0), lanes.load(C, 0)
    lanes.store(out, 0, lanes.multiply_add(a, b, c))


def spread(out):
    lanes.store(out, 0, lanes.spread(A[3]))


def repeat(out):
    lanes.store(out, 0, lanes.repeat(A, 3))


def totals(out):
    a, b, c, d = (
        lanes.load(A, 0), lanes.load(B, 0), lanes.load(C, 0), lanes.load(D, 0),
    )  # fmt: skip
    out[0], out[1], out[2], out[3] = lanes.totals(a, b, c, d)


def above(out):
    out[0] = lanes.above(lanes.load(A, 0), lanes.load(B, 0))


MEANINGS = {
    add: A + B,
    subtract: A - B,
    multiply: A * B,
    multiply_add: A * B + C,
    spread: [A[3]] * 16,
    repeat: [A[3]] * 16,
    above: [np.packbits(A > B, bitorder="little").view(np.uint16)[0]],
    totals: [A.sum(), B.sum(), C.sum(), D.sum()],
}


@pytest.mark.parametrize("operation", MEANINGS)
def test_an_operation_means_what_numpy_does(operation):
    expected, out = MEANINGS[operation], np.zeros(16, dtype=np.float32)

    njit(operation)(out)

    np.testing.assert_allclose(out[: len(expected)], expected, rtol=1e-5, atol=1e-6)


def test_a_vector_starts_anywhere_and_touches_nothing_else():
    def move(array, out):
        lanes.store(out, 5, lanes.load(array, 3))

    array, out = np.arange(30, dtype=np.float32), np.zeros(30, dtype=np.float32)

    njit(move)(array, out)

    assert out.tolist() == [0] * 5 + list(range(3, 19)) + [0] * 9
