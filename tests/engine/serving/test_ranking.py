"""Top-k against a full sort, and similar items."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.serving.ranking import diversified, explored, similar_items, top_k
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


def test_similar_items_are_found_among_those_allowed(model):
    head = head_of(model, [[1, 0], [0, 2], [9, 1], [-1, 0], [0, 0]])

    items, _ = similar_items(head, 0, 10, excluded=np.array([2]))
    some, _ = similar_items(head, 0, 1, candidates=np.array([0, 3, 4, 1]))

    assert items.tolist() == [1, 3]
    assert some.tolist() == [1]
    with pytest.raises(DataError, match="candidates"):
        similar_items(head, 0, 1, candidates=np.array([5]))


def test_an_item_without_direction_resembles_nothing(model):
    head = head_of(model, [[1, 0], [0, 0]])

    items, cosines = similar_items(head, 1, 3)

    assert len(items) == len(cosines) == 0


@pytest.mark.parametrize("item", [-1, 5])
def test_similar_items_of_an_unknown_item_are_refused(model, item):
    with pytest.raises(DataError, match="outside 0"):
        similar_items(head_of(model, [[1, 0]] * 5), item, 3)


def test_no_exploration_keeps_the_order_and_full_exploration_takes_that_of_the_doubts():
    scores = np.array([3, 1, 2], dtype=np.float32)
    doubts = np.array([0.1, 0.3, 0.2], dtype=np.float32)

    kept, mixed, turned = (
        explored(scores, doubts, exploration=share) for share in (0.0, 0.5, 1.0)
    )

    np.testing.assert_allclose(kept, [1, 0, 0.5])
    np.testing.assert_allclose(mixed, [0.5, 0.5, 0.5])
    np.testing.assert_allclose(turned, [0, 1, 0.5])


def test_equal_scores_and_no_scores_can_be_explored():
    equal = np.ones(3, dtype=np.float32)

    assert explored(equal, equal, exploration=0.5).tolist() == [0, 0, 0]
    assert explored(equal[:0], equal[:0], exploration=0.5).tolist() == []


@given(
    n=st.integers(1, 12),
    k=st.integers(0, 14),
    diversity=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_diversified_lists_are_those_of_the_definition(model, n, k, diversity, seed):
    rng = np.random.default_rng(seed)
    head = head_of(model, rng.normal(size=(20, 3)))
    items = rng.permutation(20)[:n].astype(np.int32)
    relevance = rng.random(n, dtype=np.float32)

    found = diversified(head, items, relevance, k, diversity=diversity)

    expected = reference.diversified(
        head.item_factors, items, relevance, k, diversity=diversity
    )
    assert found.tolist() == expected


def test_without_diversity_the_list_is_ordered_by_relevance(model):
    head = head_of(model, np.ones((4, 2)))
    items = np.array([3, 0, 2], dtype=np.int32)

    found = diversified(
        head, items, np.array([0.2, 0.9, 0.2], dtype=np.float32), 3, diversity=0
    )

    assert found.tolist() == [0, 3, 2]


def test_what_cannot_be_reranked_is_refused(model):
    head = head_of(model, np.ones((3, 2)))
    items, two = np.arange(3, dtype=np.int32), np.ones(2, dtype=np.float32)
    three = np.ones(3, dtype=np.float32)

    with pytest.raises(DataError, match="3 scores, but 2 uncertainties"):
        explored(three, two, exploration=0.5)
    with pytest.raises(DataError, match="finite"):
        explored(three * np.nan, three, exploration=0.5)
    with pytest.raises(DataError, match=r"exploration is 1\.5"):
        explored(three, three, exploration=1.5)
    with pytest.raises(DataError, match="diversity is -1"):
        diversified(head, items, three, 1, diversity=-1)
    with pytest.raises(DataError, match="3 items, but 2 relevances"):
        diversified(head, items, two, 1, diversity=0.5)
    with pytest.raises(DataError, match="k is -1"):
        diversified(head, items, three, -1, diversity=0.5)
