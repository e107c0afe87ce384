"""The lists of many users against a full sort for each."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.lists import top_k_of_users
from engine.ratings import SparseRows
from tests.engine import reference


def head_of(model, factors):
    """A head whose scores are small whole numbers, so that ties are many and exact."""
    factors = np.array(factors, dtype=np.float32)
    biases = np.arange(len(factors), dtype=np.float32) % 3
    return replace(model.ranking, item_factors=factors, item_biases=biases)


def seen_of(lists):
    indptr = np.append(0, np.cumsum([len(items) for items in lists])).astype(np.int64)
    indices = np.array(sum(lists, []), dtype=np.int32)
    return SparseRows(indptr, indices, np.ones(len(indices), np.float32))


@settings(deadline=None)
@given(
    n_users=st.integers(0, 40),
    n_items=st.integers(0, 20),
    n_factors=st.integers(0, 3),
    k=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_list_equals_a_full_sort(model, n_users, n_items, n_factors, k, seed):
    rng = np.random.default_rng(seed)
    head = head_of(model, rng.integers(-2, 3, (n_items, n_factors)))
    users = rng.integers(-2, 3, (n_users, n_factors)).astype(np.float32)
    seen = [np.flatnonzero(rng.random(n_items) < 0.3).tolist() for _ in range(n_users)]

    found = top_k_of_users(head, users, k, seen=seen_of(seen), n_threads=1)

    assert found.shape == (n_users, k)
    for user in range(n_users):
        scores = head.item_factors @ users[user] + head.item_biases
        expected = reference.top_k(scores, k, excluded=seen[user], candidates=None)
        assert found[user].tolist() == expected + [-1] * (k - len(expected))


def test_neither_threads_nor_tiles_change_a_list(model):
    rng = np.random.default_rng(0)
    head = head_of(model, rng.normal(size=(1100, 2)))
    users = rng.standard_normal((160, 2), dtype=np.float32)
    seen = seen_of([[]] * 160)

    one, two = (
        top_k_of_users(head, users, 3, seen=seen, n_threads=n_threads)
        for n_threads in (1, 2)
    )

    np.testing.assert_array_equal(one, two)
    exact = users.astype(float) @ head.item_factors.astype(float).T + head.item_biases
    np.testing.assert_array_equal(one[:, 0], exact.argmax(axis=1))


@pytest.mark.parametrize(
    ("users", "k", "message"),
    [
        (np.zeros((2, 1)), -1, "k is -1"),
        (np.zeros((3, 1)), 1, r"expected \(2, 1\)"),
        (np.zeros((2, 2)), 1, r"expected \(2, 1\)"),
        (np.full((2, 1), np.nan), 1, "finite"),
    ],
)
def test_what_does_not_fit_is_refused(model, users, k, message):
    head = head_of(model, [[1], [2]])

    with pytest.raises(DataError, match=message):
        top_k_of_users(head, users.astype(np.float32), k, seen=seen_of([[], []]))
