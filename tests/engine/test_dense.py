"""The compiled linear algebra against NumPy and SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import dense
from tests.engine import reference

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 9)


def definite(size, seed):
    """A well-conditioned symmetric matrix."""
    rng = np.random.default_rng(seed)
    half = rng.standard_normal((size, size + 5))
    return half @ half.T + np.eye(size)


@given(quarter=st.integers(1, 3), n_columns=st.integers(0, 40), seed=seeds)
def test_the_gram_matrix_is_added_to_the_lower_triangle(quarter, n_columns, seed):
    rng = np.random.default_rng(seed)
    block = rng.standard_normal((4 * quarter, 48), dtype=np.float32)
    before = np.ones((4 * quarter, 4 * quarter), dtype=np.float32)
    after = before.copy()

    dense.add_gram(block, 4 * quarter, n_columns, after)

    expected = reference.gram(block[:, :n_columns])
    np.testing.assert_allclose(np.tril(after - before), expected, rtol=1e-4, atol=1e-4)


@given(size=sizes, seed=seeds)
def test_factorizing_and_substituting_solves_the_system(size, seed):
    matrix = definite(size, seed)
    right = np.random.default_rng(seed).standard_normal(size)
    factor, solution = matrix.astype(np.float32), right.astype(np.float32)

    assert dense.factorize(factor, size)
    dense.substitute(factor, size, solution)

    expected = np.linalg.solve(matrix, right)
    np.testing.assert_allclose(np.tril(factor), np.linalg.cholesky(matrix), rtol=1e-3)
    np.testing.assert_allclose(solution, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [1, 4, 6])
def test_a_matrix_that_is_not_definite_is_reported(size):
    matrix = np.eye(size, dtype=np.float32)
    matrix[-1, -1] = -1

    assert not dense.factorize(matrix, size)


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
