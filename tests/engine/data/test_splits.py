"""Holding ratings out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ratings import Ratings
from engine.data.splits import split_at, split_at_random, split_by_user
from engine.data.synthetic import make_ratings
from engine.errors import DataError

seeds = st.integers(0, 2**32 - 1)


def cells(rows, columns, values):
    return set(zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True))


def all_cells(ratings):
    rows = ratings.by_user
    return cells(rows.row_of_each(), rows.indices, rows.values)


@pytest.mark.parametrize("split", [split_by_user, split_at_random])
@given(seed=seeds, share=st.floats(0.2, 0.8))
def test_every_rating_is_on_exactly_one_side(split, seed, share):
    ratings = make_ratings(
        n_users=8, n_items=9, n_ratings=30, rng=np.random.default_rng(seed)
    ).ratings

    found = split(ratings, test_share=share, rng=np.random.default_rng(seed))

    kept = all_cells(found.train)
    test = found.test
    held_out = cells(test.user_indices, test.item_indices, test.values)
    assert not kept & held_out
    assert kept | held_out == all_cells(ratings)
    np.testing.assert_array_equal(found.train.user_ids, ratings.user_ids)
    np.testing.assert_array_equal(found.train.item_ids, ratings.item_ids)


@given(seed=seeds)
def test_each_user_gives_the_same_share_and_keeps_something(seed):
    ratings = make_ratings(
        n_users=8, n_items=9, n_ratings=30, rng=np.random.default_rng(seed)
    ).ratings

    split = split_by_user(ratings, test_share=0.4, rng=np.random.default_rng(seed))

    given_up = np.bincount(split.test.user_indices, minlength=8)
    counts = ratings.by_user.counts
    expected = np.minimum(np.floor(counts * 0.4 + 0.5), np.maximum(counts - 1, 0))
    np.testing.assert_array_equal(given_up, expected)


def test_a_random_split_takes_the_share_of_all():
    ratings = make_ratings(rng=np.random.default_rng(0)).ratings

    split = split_at_random(ratings, test_share=0.1, rng=np.random.default_rng(0))

    assert len(split.test.values) == 500


def test_splits_differ_by_seed_and_repeat_by_seed():
    ratings = make_ratings(rng=np.random.default_rng(0)).ratings

    items = [
        split_by_user(ratings, rng=np.random.default_rng(seed)).test.item_indices
        for seed in (1, 1, 2)
    ]

    np.testing.assert_array_equal(items[0], items[1])
    assert (items[0] != items[2]).any()


@pytest.mark.parametrize("share", [0, 1, -1, float("nan")])
@pytest.mark.parametrize("split", [split_by_user, split_at_random])
def test_a_share_outside_0_to_1_is_refused(split, share):
    ratings = Ratings.from_arrays([1, 1], [1, 2], [3, 4])

    with pytest.raises(DataError, match="test_share"):
        split(ratings, test_share=share, rng=np.random.default_rng(0))


def test_a_split_needs_ratings_on_both_sides():
    ratings = Ratings.from_arrays([1, 1], [1, 2], [3, 4])

    for mask in ([True, True], [False, False]):
        with pytest.raises(DataError, match="both sides"):
            split_at(ratings, np.array(mask))
    with pytest.raises(DataError, match="both sides"):
        split_by_user(ratings, test_share=0.1, rng=np.random.default_rng(0))


def test_a_mask_of_another_length_is_refused():
    ratings = Ratings.from_arrays([1, 1], [1, 2], [3, 4])

    with pytest.raises(DataError, match="mask of 2"):
        split_at(ratings, np.array([True]))
