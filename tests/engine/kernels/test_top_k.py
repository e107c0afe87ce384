"""The lists of many users against those of one at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.ratings import SparseRows
from engine.errors import DataError
from engine.kernels.top_k import top_k_of_users
from engine.serving.ranking import top_k


def head_of(model, factors):
    """A head whose scores are small whole numbers, so that ties are many and exact."""
    factors = np.array(factors, dtype=np.float32)
    biases = np.arange(len(factors), dtype=np.float32) % 3
    return replace(model.ranking, item_factors=factors, item_biases=biases)


def seen_of(lists):
    indptr = np.append(0, np.cumsum([len(items) for items in lists])).astype(np.int64)
    indices = np.concatenate([*lists, []]).astype(np.int32)
    return SparseRows(indptr, indices, np.ones(len(indices), dtype=np.float32))


@settings(deadline=None)
@given(
    n_users=st.integers(0, 70),
    n_items=st.integers(0, 20),
    n_factors=st.integers(0, 3),
    k=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_list_is_the_one_user_list(model, n_users, n_items, n_factors, k, seed):
    rng = np.random.default_rng(seed)
    head = head_of(model, rng.integers(-2, 3, (n_items, n_factors)))
    users = rng.integers(-2, 3, (n_users, n_factors)).astype(np.float32)
    seen = [np.flatnonzero(rng.random(n_items) < 0.3) for _ in range(n_users)]

    found = top_k_of_users(head, users, k, seen=seen_of(seen), n_threads=1)

    assert len(found) == n_users
    for user, listed in enumerate(found):
        scores = head.item_factors @ users[user] + head.item_biases
        assert listed.dtype == np.int32
        assert listed.tolist() == top_k(scores, k, excluded=seen[user]).tolist()


@pytest.mark.compiled
def test_lists_from_a_whole_catalogue_equal_those_of_one_user(model):
    """With factors of eighths all sums are exact, in whatever order."""
    rng = np.random.default_rng(0)
    head = head_of(model, rng.integers(-32, 33, (5003, 24)) / 8)
    users = (rng.integers(-32, 33, (150, 24)) / 8).astype(np.float32)
    scores = users @ head.item_factors.T + head.item_biases
    # What is seen is, for a third of the users, just what is best.
    seen = [
        rng.permutation(5003)[:200] if user % 3 else np.argsort(-scores[user])[:200]
        for user in range(150)
    ]
    seen = [np.sort(items) for items in seen]

    one, two = (
        top_k_of_users(head, users, 20, seen=seen_of(seen), n_threads=n_threads)
        for n_threads in (1, 2)
    )

    for user in range(150):
        expected = top_k(scores[user], 20, excluded=seen[user]).tolist()
        assert one[user].tolist() == two[user].tolist() == expected


@pytest.mark.parametrize("order", [1, -1])
def test_items_from_worst_to_best_and_back_make_the_same_list(model, order):
    head = head_of(model, np.arange(90)[::order, None])
    head = replace(head, item_biases=np.zeros(90, dtype=np.float32))

    (found,) = top_k_of_users(
        head, np.ones((1, 1), dtype=np.float32), 3, seen=seen_of([[]])
    )

    assert head.item_factors[found, 0].tolist() == [89, 88, 87]


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
