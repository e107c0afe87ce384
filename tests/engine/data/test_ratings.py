"""Ratings from raw arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ids import indices_of
from engine.data.ratings import Ratings
from engine.errors import DataError

ids = st.integers(-(2**63), 2**63 - 1)
pairs = st.dictionaries(
    st.tuples(ids, ids), st.floats(-10, 10, width=32), min_size=1, max_size=20
)


def triples(ratings, side):
    rows = getattr(ratings, side)
    columns = rows.row_of_each(), rows.indices, rows.values
    return list(zip(*(column.tolist() for column in columns), strict=True))


@given(known=pairs)
def test_both_orientations_hold_exactly_the_ratings_given(known):
    users, items = zip(*known, strict=True)

    ratings = Ratings.from_arrays(np.array(users), np.array(items), [*known.values()])

    by_user = {
        (ratings.user_ids[user], ratings.item_ids[item]): value
        for user, item, value in triples(ratings, "by_user")
    }
    by_item = {
        (ratings.user_ids[user], ratings.item_ids[item]): value
        for item, user, value in triples(ratings, "by_item")
    }
    assert by_user == by_item == known
    assert ratings.n_ratings == len(known)
    assert triples(ratings, "by_user") == sorted(triples(ratings, "by_user"))
    assert triples(ratings, "by_item") == sorted(triples(ratings, "by_item"))


@given(known=st.sets(ids, max_size=20), wanted=st.lists(ids, max_size=20))
def test_indices_point_at_the_id_or_are_minus_one(known, wanted):
    ordered = np.array(sorted(known), dtype=np.int64)

    found = indices_of(ordered, np.array(wanted, dtype=np.int64))

    assert found.dtype == np.int32
    assert [ordered[i] if i >= 0 else None for i in found] == [
        x if x in known else None for x in wanted
    ]


def test_dense_ids_are_found_by_table_and_strangers_are_not():
    known = np.array([10, 11, 13], dtype=np.int64)

    assert indices_of(known, [9, 10, 12, 13, 14]).tolist() == [-1, 0, -1, 2, -1]


def test_users_and_items_without_ratings_keep_their_rows():
    ratings = Ratings.from_arrays([5, 5], [1, 2], [4, 3], users=[7], items=[9, 1])

    assert ratings.user_ids.tolist() == [5, 7]
    assert ratings.item_ids.tolist() == [1, 2, 9]
    assert ratings.by_user.counts.tolist() == [2, 0]
    assert ratings.by_item.counts.tolist() == [1, 1, 0]
    assert ratings.by_user.n_rows == ratings.n_users == 2
    assert ratings.by_user.row(1)[0].tolist() == []
    assert ratings.user_indices_of([7, 6]).tolist() == [1, -1]
    assert ratings.item_indices_of([9, 1]).tolist() == [2, 0]


def test_mean_and_range_are_in_stars():
    ratings = Ratings.from_arrays([1, 2], [1, 1], [0.5, 5])

    assert ratings.mean == 2.75
    assert ratings.value_range == (0.5, 5.0)


def test_the_arrays_are_read_only():
    ratings = Ratings.from_arrays([1, 2], [1, 1], [0.5, 5])

    for array in (ratings.user_ids, ratings.by_user.values, ratings.by_item.indices):
        assert not array.flags.writeable


@pytest.mark.parametrize(
    ("users", "items", "values", "message"),
    [
        ([], [], [], "no ratings; load some first"),
        ([1, 1], [2, 2], [3, 4], "user 1 rated item 2 more than once"),
        ([1], [1, 2], [3], "one length"),
        ([1.5], [1], [3], "user_ids: expected integers"),
        ([1], [True], [3], "item_ids: expected integers"),
        ([1], [1], ["x"], "values: expected numbers"),
        ([[1]], [1], [3], "user_ids: expected a vector"),
        ([1], [1], [[3]], "values: expected a vector"),
        ([1], [1], [np.nan], r"values\[0\] is not finite"),
        ([1, 2], [1, 1], [3, np.inf], r"values\[1\] is not finite"),
        ([1], [1], [1e300], r"values\[0\] is not finite"),
        (np.array([2**63], np.uint64), [1], [3], "below 2"),
    ],
)
def test_unusable_arrays_are_refused_with_the_remedy(users, items, values, message):
    with pytest.raises(DataError, match=message):
        Ratings.from_arrays(users, items, values)
