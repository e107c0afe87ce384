"""Ratings from data frames and back, whatever the ids are."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.frames import to_frame
from engine.data.ratings import Ratings
from engine.data.splits import split_by_user
from engine.errors import DataError

LETTERS = [f"u{number}" for number in range(9)]
IDS: dict[str, pd.Series] = {
    "str": pd.Series(LETTERS),
    "object": pd.Series(LETTERS, dtype=object),
    "arrow": pd.Series(LETTERS, dtype="string[pyarrow]"),
    "bytes": pd.Series([b"%d" % number for number in range(9)]),
    "uuid": pd.Series([uuid.UUID(int=7 * number) for number in range(9, 0, -1)]),
    "above int64": pd.Series(np.arange(9, dtype=np.uint64) + np.uint64(2**63)),
    "above uint64": pd.Series([10**30 + number for number in range(9)], dtype=object),
    "int8": pd.Series(range(-4, 5), dtype="int8"),
    "uint64": pd.Series(range(9), dtype="uint64"),
    "Int64": pd.Series(range(9), dtype="Int64"),
    "ordered": pd.Series(pd.Categorical(LETTERS, LETTERS[::-1], ordered=True)),
    "rare": pd.Series(pd.Categorical(LETTERS, [*LETTERS, "nobody"])),
    "time": pd.Series(pd.date_range("2020", periods=9, tz="Europe/Berlin")),
    "date": pd.Series([dt.date(2020, 1, day) for day in range(1, 10)]),
    "float": pd.Series(np.arange(9) / 7),
    "bool": pd.Series([True] * 4 + [False] * 5),
}


def rated_by(ids, items=None):
    """Make a frame in which each of nine users rates three of seven items."""
    users, columns = np.repeat(np.arange(9), 3), np.tile([6, 1, 3], 9)
    order = np.random.default_rng(1).permutation(27)
    items = pd.Series(range(7)) if items is None else items
    frame = pd.DataFrame(
        {
            "user_id": ids.take(users).array,
            "item_id": items.take(columns).array,
            "rating": np.arange(27) % 9 / 2,
        }
    )
    return frame.take(order)


@pytest.mark.parametrize("kind", [kind for kind in IDS if kind != "bool"])
def test_a_frame_comes_back_as_it_was_sorted_by_user_and_item(kind):
    frame = rated_by(IDS[kind], IDS[kind])
    before = frame.copy(deep=True)

    ratings = Ratings.from_frame(frame)

    expected = frame.sort_values(["user_id", "item_id"], ignore_index=True)
    pd.testing.assert_frame_equal(ratings.to_frame(), expected)
    pd.testing.assert_frame_equal(frame, before)


def test_even_truth_values_can_be_ids():
    frame = pd.DataFrame({"user_id": [True, False], "item_id": [1, 1], "rating": 4})

    back = Ratings.from_frame(frame).to_frame()

    pd.testing.assert_frame_equal(back, frame[::-1].reset_index(drop=True))


@given(
    known=st.dictionaries(
        st.tuples(st.text(max_size=2), st.integers(0, 2**64 - 1)),
        st.integers(1, 10),
        min_size=1,
        max_size=20,
    )
)
def test_any_words_and_numbers_come_back(known):
    pairs = pd.DataFrame(list(known), columns=["user_id", "item_id"])
    frame = pairs.assign(rating=list(known.values()))

    back = Ratings.from_frame(frame).to_frame()

    found = zip(back["user_id"], back["item_id"], strict=True)
    assert dict(zip(found, back["rating"], strict=True)) == known
    assert back.dtypes.tolist() == frame.dtypes.tolist()


def test_integers_are_the_ids_and_other_labels_are_numbered_in_their_order():
    frame = pd.DataFrame(
        {"who": [7, 5, 7], "what": ["b", "b", "a"], "stars": [4, 3, 1]}
    )

    ratings = Ratings.from_frame(frame, user="who", item="what", rating="stars")

    assert ratings.user_ids.tolist() == [5, 7]
    assert ratings.item_ids.tolist() == [0, 1]
    assert ratings.item_labels.tolist() == ["a", "b"]
    assert ratings.by_user.values.tolist() == [3, 1, 4]
    assert list(ratings.to_frame()) == ["who", "what", "stars"]


def test_timestamps_and_weights_come_back_beside_their_ratings():
    frame = rated_by(IDS["str"]).assign(
        at=pd.date_range("2024", periods=27, freq="h"),
        votes=np.arange(1, 28, dtype=np.int16),
    )

    ratings = Ratings.from_frame(frame, timestamp="at", weight="votes")

    expected = frame.sort_values(["user_id", "item_id"], ignore_index=True)
    pd.testing.assert_frame_equal(ratings.to_frame(), expected)


def test_a_split_keeps_labels_and_timestamps():
    frame = rated_by(IDS["uuid"]).assign(at=range(27))
    ratings = Ratings.from_frame(frame, timestamp="at")

    train = split_by_user(ratings, test_share=0.3, rng=np.random.default_rng(0)).train

    kept = frame.merge(train.to_frame())
    assert len(kept) == train.n_ratings == 18
    assert train.item_labels.equals(ratings.item_labels)
    bare = split_by_user(
        Ratings.from_frame(frame), test_share=0.3, rng=np.random.default_rng(0)
    ).train
    pd.testing.assert_frame_equal(bare.to_frame(), train.to_frame().drop(columns="at"))


def test_ratings_from_arrays_have_a_frame_too():
    bare = Ratings.from_arrays([2, 1], [3, 3], [4, 5])
    weighted = Ratings.from_arrays([2, 1], [3, 3], [4, 5], weights=[0.5, 2])

    assert bare.to_frame().to_dict("list") == {
        "user_id": [1, 2], "item_id": [3, 3], "rating": [5, 4],
    }  # fmt: skip
    assert weighted.to_frame()["weight"].tolist() == [2, 0.5]


@pytest.mark.parametrize("kind", ["str", "int8", "ordered", "above int64"])
def test_items_given_keep_their_number_whoever_rates_them(kind):
    trained = Ratings.from_frame(rated_by(IDS["int8"], IDS[kind]))
    few = pd.DataFrame(
        {"user_id": ["new"], "item_id": IDS[kind].iloc[3:4].array, "rating": 4}
    )

    history = Ratings.from_frame(few, items=trained.item_labels)

    assert history.item_ids.tolist() == trained.item_ids.tolist()
    row = trained.item_labels.get_loc(IDS[kind][3])
    assert history.by_user.indices.tolist() == [row]
    pd.testing.assert_frame_equal(history.to_frame(), few, check_categorical=False)


def test_ratings_from_frames_are_joined_as_frames():
    ratings = Ratings.from_frame(rated_by(IDS["str"]))

    with pytest.raises(DataError, match=r"join the frames with pandas\.concat"):
        ratings.joined(Ratings.from_arrays([1], [2], [3]))


GOOD = {"user_id": ["a", "b"], "item_id": [1, 2], "rating": [4.0, 3.5]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"user_id": None},
            "no column 'user_id'; the columns are 'item_id', 'rating': name one with u",
        ),
        ({"item_id": ["x", None]}, r"column 'item_id' is nan at index 1 \(1 unusable"),
        ({"user_id": [None, "a"]}, r"column 'user_id' is (nan|None) at index 0"),
        ({"item_id": [1.5, np.inf]}, r"column 'item_id' is inf at index 1"),
        ({"user_id": ["a", 1]}, "'user_id' mixes types: 'a' is str, 1 is int; convert"),
        ({"user_id": [1, True]}, "'user_id' mixes types: 1 is int, True is bool"),
        (
            {"user_id": [{}, {}]},
            "'user_id' holds {}, which cannot be an id .unhashable",
        ),
        ({"rating": [4, np.nan]}, r"column 'rating' is nan at index 1 .*drop or fill"),
        ({"rating": [4, -np.inf]}, r"column 'rating' is -inf at index 1 .*finite: dr"),
        ({"rating": [1e300, 4]}, r"column 'rating' is 1e\+300 at index 0"),
        (
            {"rating": [4, "five"]},
            r"'rating' has dtype object, such as 'five' at index",
        ),
        ({"rating": [True, False]}, "'rating' has dtype bool, such as True at index 0"),
        (
            {"user_id": ["a", "a"], "item_id": [2, 2]},
            "columns 'user_id' and 'item_id': user 'a' rated item 2 more than once",
        ),
        ({"weight": [1, 0]}, r"column 'weight' is 0 at index 1 .*must be above 0"),
        ({"weight": [1, None]}, r"column 'weight' is nan at index 1"),
        ({"at": [None, 3]}, r"column 'at' is nan at index 0"),
    ],
)
def test_unusable_frames_are_refused_with_column_value_and_remedy(columns, message):
    cells = {**GOOD, **columns}
    frame = pd.DataFrame({k: v for k, v in cells.items() if v is not None})
    roles = {"weight": "weight", "timestamp": "at"}
    extra: dict[str, Any] = {k: v for k, v in roles.items() if v in cells}
    before = frame.copy(deep=True)

    with pytest.raises(DataError, match=message):
        Ratings.from_frame(frame, **extra)

    pd.testing.assert_frame_equal(frame, before)


def test_what_is_no_frame_or_empty_or_has_a_column_twice_is_refused():
    with pytest.raises(DataError, match="expected a pandas DataFrame, got list"):
        Ratings.from_frame([1, 2])  # type: ignore[arg-type]  # on purpose
    with pytest.raises(DataError, match="the columns are none: name one"):
        Ratings.from_frame(pd.DataFrame())
    with pytest.raises(DataError, match="column 'user_id' is empty; give at least one"):
        Ratings.from_frame(pd.DataFrame(GOOD)[:0])
    twice = pd.DataFrame([["a", 1, 2, 3]], columns=[*GOOD, "rating"])
    with pytest.raises(DataError, match="column 'rating' occurs 2 times; keep one"):
        Ratings.from_frame(twice)


def test_items_outside_those_given_are_refused():
    frame = pd.DataFrame(GOOD)

    with pytest.raises(DataError, match=r"column 'item_id' is 2 at index 1 \(1 unknow"):
        Ratings.from_frame(frame, items=pd.Index([1, 3]))
    with pytest.raises(DataError, match="items holds 1 twice; keep one of each"):
        Ratings.from_frame(frame, items=pd.Index([1, 1]))


@dataclass
class Interval:
    low: float
    high: float


@dataclass
class Line:
    name: str
    error: Interval | None
    note: str | None = None


def test_records_become_rows_and_records_inside_them_columns():
    frame = to_frame([Line("a", Interval(1, 2)), Line("b", None)])

    assert list(frame) == ["name", "error_low", "error_high", "note"]
    assert frame["error_high"].tolist()[0] == 2
    assert frame["error_low"].isna().tolist() == [False, True]
    assert to_frame([]).empty
    with pytest.raises(DataError, match="records must be dataclass instances"):
        to_frame([{"name": "a"}])
