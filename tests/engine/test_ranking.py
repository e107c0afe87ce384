"""Top-k against a full sort, and similar items."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.ranking import similar_items, top_k
from tests.engine import reference

few_values = st.sampled_from([-1.0, 0.0, 0.5, 0.5, 2.0])
scores = st.lists(few_values, max_size=12).map(lambda x: np.array(x, dtype=np.float32))


@given(scores=scores, k=st.integers(0, 14), data=st.data())
def test_top_k_equals_a_full_sort(scores, k, data):
    n = len(scores)
    some = st.none() | st.lists(st.integers(0, max(n - 1, 0)), max_size=n)
    excluded, candidates = data.draw(some), data.draw(some)
    given_scores = scores.copy()

    found = top_k(
        scores,
        k,
        excluded=None if excluded is None else np.array(excluded, dtype=np.int32),
        candidates=None if candidates is None else np.array(candidates, np.int32),
    )

    expected = reference.top_k(
        scores, k, excluded=excluded or (), candidates=candidates
    )
    assert found.dtype == np.int32
    assert found.tolist() == expected
    np.testing.assert_array_equal(scores, given_scores)


@given(n=st.integers(1, 500), k=st.integers(1, 40), seed=st.integers(0, 2**32 - 1))
def test_long_lists_equal_a_full_sort_too(n, k, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 50, n).astype(np.float32)
    excluded = rng.permutation(n)[: n // 3]

    found = top_k(scores, k, excluded=excluded)

    assert found.tolist() == reference.top_k(scores, k, excluded=excluded.tolist())


def test_the_list_is_short_rather_than_filled():
    scores = np.array([3.0, 2.0, 1.0], dtype=np.float32)

    assert top_k(scores, 5).tolist() == [0, 1, 2]
    assert top_k(scores, 5, excluded=np.array([0, 1, 2])).tolist() == []
    assert top_k(scores, 5, candidates=np.array([2, 2])).tolist() == [2]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_must_be_finite(bad):
    with pytest.raises(DataError, match="finite"):
        top_k(np.array([1.0, bad], dtype=np.float32), 1)


@pytest.mark.parametrize("name", ["excluded", "candidates"])
@pytest.mark.parametrize("indices", [[2], [-1], [0.5]])
def test_indices_must_be_items(name, indices):
    with pytest.raises(DataError, match=name):
        top_k(np.zeros(2, np.float32), 1, **{name: np.array(indices)})


def test_a_negative_k_is_refused():
    with pytest.raises(DataError, match="k is -1"):
        top_k(np.zeros(2, np.float32), -1)


def head_of(model, factors):
    factors = np.array(factors, dtype=np.float32)
    biases = np.zeros(len(factors), dtype=np.float32)
    return replace(model.ranking, item_factors=factors, item_biases=biases)


def test_similar_items_point_the_same_way_whatever_their_length(model):
    head = head_of(model, [[1, 0], [0, 2], [9, 1], [-1, 0], [0, 0]])

    items, cosines = similar_items(head, 0, 10)

    assert items.tolist() == [2, 1, 3]
    np.testing.assert_allclose(cosines, [9 / 82**0.5, 0, -1], rtol=1e-6)


def test_an_item_without_direction_resembles_nothing(model):
    head = head_of(model, [[1, 0], [0, 0]])

    items, cosines = similar_items(head, 1, 3)

    assert len(items) == len(cosines) == 0


@pytest.mark.parametrize("item", [-1, 5])
def test_similar_items_of_an_unknown_item_are_refused(model, item):
    with pytest.raises(DataError, match="outside 0"):
        similar_items(head_of(model, [[1, 0]] * 5), item, 3)
