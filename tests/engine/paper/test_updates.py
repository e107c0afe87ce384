"""The paper's updates against their plain twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from engine.data.ratings import Ratings
from engine.errors import SolveError
from engine.kernels.dense import TILE
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.paper.updates import (
    regress,
    sum_of_squared_errors,
    update_rows,
    update_side,
)
from tests.engine import reference

seeds = st.integers(0, 2**32 - 1)


def random_problem(seed, k):
    """Ratings, some rows of them empty, and a random state of both sides."""
    rng = np.random.default_rng(seed)
    n_users, n_items = rng.integers(2, 9, 2)
    rated = np.argwhere(rng.random((n_users, n_items)) < 0.4)
    rated = rated if len(rated) else np.array([[0, 0]])
    ratings = Ratings.from_arrays(
        rated[:, 0],
        rated[:, 1],
        rng.integers(1, 11, len(rated)) / 2,
        users=np.arange(n_users),
        items=np.arange(n_items),
    )
    sides = [
        Side(
            rng.standard_normal((n, k), dtype=np.float32),
            rng.standard_normal(n, dtype=np.float32),
        )
        for n in (n_users, n_items)
    ]
    return ratings, *sides, rng.standard_normal((n_users, k))


def rows_of(ratings):
    return ratings.by_user


@given(seed=seeds, k=st.integers(0, 5), ridge=st.floats(0.05, 10))
def test_one_update_of_each_row_is_the_paper_s(seed, k, ridge):
    ratings, users, items, prior_terms = random_problem(seed, k)
    rows = rows_of(ratings)
    found = Side(users.factors.copy(), users.biases.copy())

    failed = update_rows(
        rows, 0, ratings.n_users, items, ridge, ridge, prior_terms, found
    )

    factors, biases = reference.paper_half_sweep(
        ratings.by_user, users, items, ridge, ridge, prior_terms
    )
    assert failed == -1
    np.testing.assert_allclose(found.factors, factors, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.biases, biases, rtol=1e-5, atol=1e-5)


def test_only_the_rows_asked_for_are_updated():
    ratings, users, items, prior_terms = random_problem(3, 2)
    rows = rows_of(ratings)
    found = Side(users.factors.copy(), users.biases.copy())

    update_rows(rows, 1, 2, items, 1.0, 1.0, prior_terms, found)

    changed = (found.factors != users.factors).any(axis=1)
    assert np.flatnonzero(changed).tolist() == [1]


def test_rows_longer_than_a_tile_are_summed_over_all_tiles():
    n_items, rng = 2 * TILE + 20, np.random.default_rng(0)
    ratings = Ratings.from_arrays(
        np.zeros(n_items, dtype=int), np.arange(n_items), rng.integers(1, 6, n_items)
    )
    items = Side(
        rng.standard_normal((n_items, 2), dtype=np.float32),
        rng.standard_normal(n_items, dtype=np.float32),
    )
    start = Side(np.ones((1, 2), np.float32), np.zeros(1, np.float32))

    with Workers.start(1) as workers:
        found = update_side(
            ratings.by_user, start, items, bias_weight=0.1, factor_weight=0.1,
            prior_terms=np.zeros((1, 2)), workers=workers,
        )  # fmt: skip

    factors, biases = reference.paper_half_sweep(
        ratings.by_user, start, items, 0.1, 0.1, np.zeros((1, 2))
    )
    np.testing.assert_allclose(found.factors, factors, rtol=1e-5)
    np.testing.assert_allclose(found.biases, biases, rtol=1e-5)
    assert start.factors.tolist() == [[1, 1]]


@given(seed=seeds, ridge=st.floats(0.05, 10))
def test_w_is_the_ridge_regression_on_the_features(seed, ridge):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((7, 3), dtype=np.float32)
    features = (rng.random((7, 4)) < 0.5).astype(float)

    found = regress(factors, sparse.csr_array(features), ridge)

    expected = reference.paper_regression(factors, features, ridge)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_squared_errors_are_summed_over_all_ratings():
    ratings, users, items, _ = random_problem(5, 3)

    with Workers.start(2) as workers:
        found = sum_of_squared_errors(ratings, users, items, workers=workers)

    scores = users.biases[:, None] + items.biases + users.factors @ items.factors.T
    expected = np.nansum((reference.dense(ratings) - scores) ** 2)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_singular_row_is_an_error_with_a_remedy():
    ratings, users, items, prior_terms = random_problem(1, 2)

    with (
        Workers.start(1) as workers,
        pytest.raises(SolveError, match=r"row \d is singular; raise τ"),
    ):
        update_side(
            ratings.by_user, users, items, bias_weight=1, factor_weight=-1_000,
            prior_terms=prior_terms, workers=workers,
        )  # fmt: skip
