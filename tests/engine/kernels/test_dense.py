"""The compiled linear algebra against NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kernels import dense
from tests.engine import reference

seeds = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([1, 2, 5, 15, 16, 17, 21, 40])


def definite(size, seed):
    """A well-conditioned symmetric matrix."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((size, size + 5))
    return half @ half.T + np.eye(size)


def flat(matrix, size):
    """A matrix in aligned memory, its rows padded with zeros."""
    stride = dense.whole(size)
    memory = dense.aligned(stride * stride)
    memory[:] = 0
    memory.reshape(stride, stride)[:size, :size] = matrix
    return memory, stride


@given(n=st.integers(0, 40), vectors=st.integers(1, 3), seed=seeds)
def test_the_gram_matrix_is_added_to_the_upper_triangle(n, vectors, seed):
    width = 16 * vectors
    rng = np.random.default_rng(seed)
    block = rng.standard_normal((n, width), dtype=np.float32)
    gram, stride = flat(np.ones((width, width)), width)

    dense.add_gram(block.reshape(-1), n, width, gram, stride)

    expected = np.triu(block.astype(float).T @ block)
    found = np.triu(gram.reshape(stride, stride) - 1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(size=sizes, seed=seeds)
def test_factorizing_and_substituting_solves_the_system(size, seed):
    matrix = definite(size, seed)
    right = np.random.default_rng(seed).standard_normal(size)
    factor, stride = flat(matrix, size)
    solution = np.zeros(stride, dtype=np.float32)
    solution[:size] = right

    assert dense.factorize(factor, size, stride)
    dense.substitute(factor, size, stride, solution)

    expected = np.linalg.solve(matrix, right)
    upper = np.triu(factor.reshape(stride, stride)[:size, :size])
    np.testing.assert_allclose(
        upper, np.linalg.cholesky(matrix).T, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(solution[:size], expected, rtol=1e-3, atol=1e-4)


@given(size=sizes, seed=seeds)
def test_the_diagonal_of_an_inverse_needs_only_the_factor(size, seed):
    matrix = definite(size, seed)
    factor, stride = flat(matrix, size)
    found = np.empty(size)

    dense.factorize(factor, size, stride)
    dense.inverse_diagonal(factor, size, stride, np.empty_like(factor), found)

    np.testing.assert_allclose(found, np.diag(np.linalg.inv(matrix)), rtol=1e-3)


@pytest.mark.parametrize("size", [1, 4, 6, 20])
def test_a_matrix_that_is_not_definite_is_reported(size):
    matrix = np.eye(size)
    matrix[-1, -1] = -1
    factor, stride = flat(matrix, size)

    assert not dense.factorize(factor, size, stride)


def test_padding_adds_zeros_and_a_row_of_them():
    found = dense.padded(np.ones((2, 3), dtype=np.float32))

    assert found.shape == (3, 16)
    assert (found[:2, :3] == 1).all()
    assert found.sum() == 6
    assert found.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("features", "wide"),
    [("+avx2", False), ("+avx512f", False), ("+avx512f,+avx512vbmi2", True)],
)
def test_wide_registers_are_used_where_they_cost_no_clock_rate(features, wide):
    assert dense.widest(features).endswith(",-prefer-256-bit") == wide


@given(n_rows=st.integers(0, 2 * dense.TILE), k=st.integers(0, 4), seed=seeds)
def test_the_gram_matrix_of_rows_runs_over_all_rows(n_rows, k, seed):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n_rows, k), dtype=np.float32)
    biases = rng.standard_normal(n_rows, dtype=np.float32)
    found = np.zeros((k + 2, k + 2))

    dense.add_gram_of_rows(factors, biases, found)

    expected = reference.gram_of_rows(factors, biases)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_machine_code_is_cached_only_where_it_can_be_written(tmp_path):
    source = tmp_path / "code" / "kernels.py"

    assert not dense.can_write_beside(source)
    source.parent.mkdir()
    assert dense.can_write_beside(source)
    (source.parent / "__pycache__").mkdir()
    assert dense.can_write_beside(source)
