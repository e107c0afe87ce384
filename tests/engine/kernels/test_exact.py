"""The half-step kernels against their NumPy twins, and one another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ratings import SparseRows
from engine.kernels.dense import TILE, padded
from engine.kernels.exact import (
    Fixed,
    Side,
    Weights,
    solve_rows_exactly,
    sum_squares,
)
from engine.kernels.gradient import solve_rows_by_gradient
from tests.engine import reference

seeds = st.integers(0, 2**32 - 1)
alphas = st.sampled_from([0.0, 0.01, 0.3, 0.9])


def problem(seed, *, k=3, alpha=0.0, n_rows=6, n_items=9, longest=8):
    """Random rows (some empty), the side held fixed, and weights."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, longest + 1, n_rows)
    indices = [rng.permutation(n_items)[:n] for n in counts]
    indptr = np.append(0, np.cumsum([len(part) for part in indices]))
    rows = SparseRows(
        indptr.astype(np.int64),
        np.concatenate(indices).astype(np.int32),
        rng.uniform(0.5, 5, indptr[-1]).astype(np.float32),
    )
    q = rng.standard_normal((n_items, k), dtype=np.float32)
    b = rng.normal(0, 0.5, n_items).astype(np.float32)
    every = np.column_stack([q, np.ones(n_items)]).astype(float)
    fixed = Fixed(padded(q), b, 3.0, alpha, every.T @ every, -every.T @ b.astype(float))
    weights = Weights(
        rng.uniform(0.5, 3, n_rows).astype(np.float32),
        rng.uniform(0.5, 3, n_rows).astype(np.float32),
    )
    return rows, fixed, weights


def empty_side(fixed, n_rows):
    k = len(fixed.moment) - 1
    return Side(np.zeros((n_rows, k), np.float32), np.zeros(n_rows, np.float32))


def row_of(rows, row):
    part = slice(rows.indptr[row], rows.indptr[row + 1])
    return rows.indices[part], rows.values[part].astype(float)


def single(fixed):
    """Sums over the other side in single precision, for gradient steps."""
    return fixed._replace(
        gram=fixed.gram.astype(np.float32), moment=fixed.moment.astype(np.float32)
    )


@given(seed=seeds, k=st.integers(0, 5), alpha=alphas, refinements=st.integers(0, 1))
def test_exact_rows_equal_a_general_solver(seed, k, alpha, refinements):
    rows, fixed, weights = problem(seed, k=k, alpha=alpha)
    found = empty_side(fixed, 6)

    failed = solve_rows_exactly(rows, 0, 6, fixed, weights, refinements, found)

    assert failed == -1
    for row in range(6):
        expected = reference.solve_row(
            row_of(rows, row), fixed, weights.factors[row], weights.biases[row]
        )
        solution = [*found.factors[row], found.biases[row]]
        np.testing.assert_allclose(solution, expected, rtol=1e-4, atol=1e-4)


@given(seed=seeds, alpha=alphas)
def test_one_refinement_leaves_single_rounding(seed, alpha):
    rows, fixed, weights = problem(seed, alpha=alpha)
    found = empty_side(fixed, 6)

    solve_rows_exactly(rows, 0, 6, fixed, weights, 1, found)

    for row in range(6):
        expected = reference.solve_row(
            row_of(rows, row), fixed, weights.factors[row], weights.biases[row]
        )
        solution = [*found.factors[row], found.biases[row]]
        np.testing.assert_allclose(solution, expected, rtol=1e-6, atol=1e-6)


def test_rows_longer_than_a_tile_are_summed_over_all_tiles():
    n_items = 2 * TILE + 20
    rows, fixed, weights = problem(1, k=2, n_rows=2, n_items=n_items, longest=n_items)
    assert np.diff(rows.indptr).max() > TILE
    found = empty_side(fixed, 2)

    solve_rows_exactly(rows, 0, 2, fixed, weights, 1, found)

    for row in range(2):
        expected = reference.solve_row(
            row_of(rows, row), fixed, weights.factors[row], weights.biases[row]
        )
        solution = [*found.factors[row], found.biases[row]]
        np.testing.assert_allclose(solution, expected, rtol=1e-5, atol=1e-6)


@given(
    seed=seeds, k=st.integers(0, 5), alpha=alphas, n_steps=st.integers(1, 3),
)  # fmt: skip
def test_gradient_steps_equal_the_textbook(seed, k, alpha, n_steps):
    rows, fixed, weights = problem(seed, k=k, alpha=alpha)
    rng = np.random.default_rng(seed)
    found = Side(
        rng.standard_normal((6, k), dtype=np.float32),
        rng.standard_normal(6, dtype=np.float32),
    )
    before = Side(found.factors.copy(), found.biases.copy())

    solve_rows_by_gradient(rows, 0, 6, single(fixed), weights, n_steps, found)

    for row in range(6):
        matrix, right = reference.system(
            row_of(rows, row), fixed, weights.factors[row], weights.biases[row]
        )
        start = np.array([*before.factors[row], before.biases[row]])
        # More steps than unknowns would only divide rounding errors by one another.
        steps = min(n_steps, k + 1)
        expected = reference.conjugate_gradient(matrix, right, start, n_steps=steps)
        solution = [*found.factors[row], found.biases[row]]
        np.testing.assert_allclose(solution, expected, rtol=1e-3, atol=1e-3)


@given(seed=seeds, alpha=alphas)
def test_many_gradient_steps_reach_the_exact_solution(seed, alpha):
    rows, fixed, weights = problem(seed, alpha=alpha)
    exact, found = empty_side(fixed, 6), empty_side(fixed, 6)

    solve_rows_exactly(rows, 0, 6, fixed, weights, 1, exact)
    solve_rows_by_gradient(rows, 0, 6, single(fixed), weights, 12, found)

    np.testing.assert_allclose(found.factors, exact.factors, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(found.biases, exact.biases, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("solve", [solve_rows_exactly, solve_rows_by_gradient])
def test_only_the_rows_asked_for_are_written(solve):
    rows, fixed, weights = problem(2)
    fixed = single(fixed) if solve is solve_rows_by_gradient else fixed
    found = empty_side(fixed, 6)
    found.biases[:] = 9

    solve(rows, 2, 4, fixed, weights, 1, found)

    assert (found.biases[[0, 1, 4, 5]] == 9).all()
    assert (found.biases[2:4] != 9).all()


def test_a_singular_row_is_named():
    rows, fixed, weights = problem(3)
    weights.factors[4] = -1000
    found = empty_side(fixed, 6)

    assert solve_rows_exactly(rows, 0, 6, fixed, weights, 1, found) == 4


@given(seed=seeds, k=st.integers(0, 5))
def test_sums_of_squares_run_over_each_row(seed, k):
    rows, fixed, _ = problem(seed, k=k)
    rng = np.random.default_rng(seed)
    current = Side(
        rng.standard_normal((6, k), dtype=np.float32),
        rng.standard_normal(6, dtype=np.float32),
    )
    errors, scores = np.empty(6), np.empty(6)

    sum_squares(rows, 0, 6, fixed, current, np.ones(9), errors, scores)

    for row in range(6):
        indices, values = row_of(rows, row)
        score = current.biases[row] + fixed.b[indices]
        score = score + fixed.q[indices, :k] @ current.factors[row]
        squares = ((values - 3 - score) ** 2).sum()
        np.testing.assert_allclose(errors[row], squares, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores[row], (score**2).sum(), rtol=1e-4, atol=1e-5)
