"""Lists for frames of users."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.data.ratings import Ratings
from engine.errors import DataError
from engine.serving.fold_in import fold_in, predict, uncertainty
from engine.serving.ranking import top_k
from engine.serving.recommendation import recommend
from engine.training.fit import fit

COLUMNS = [
    "reader", "book", "rank", "score", "predicted_rating", "uncertainty",
]  # fmt: skip


@pytest.fixture(scope="module")
def library(ratings):
    """The shared ratings, with users and items that have names."""
    frame = ratings.to_frame().rename(columns={"user_id": "reader", "item_id": "book"})
    frame["reader"] = "reader " + frame["reader"].astype(str)
    frame["book"] = pd.Categorical("book " + frame["book"].astype(str))
    return Ratings.from_frame(frame, user="reader", item="book")


@pytest.fixture(scope="module")
def trained(library, configuration, ranking_configuration):
    return fit(
        library,
        rating=configuration,
        ranking=ranking_configuration,
        rng=np.random.default_rng(4),
    )


def test_lists_are_those_of_each_user_alone_in_the_callers_ids(library, trained):
    users = library.labels.users.index[[5, 2]]

    lists = recommend(trained, library, users=users, k=4)

    assert list(lists) == COLUMNS
    assert lists["book"].dtype == library.item_labels.dtype
    assert lists["reader"].tolist() == [users[0]] * 4 + [users[1]] * 4
    assert lists["rank"].tolist() == [1, 2, 3, 4] * 2
    rated, values = library.by_user.row(2)
    found = top_k(
        trained.ranking.scores(fold_in(trained.ranking, rated, values)),
        4,
        excluded=rated,
    )
    user = fold_in(trained.rating, rated, values)
    mine = lists[4:]
    assert mine["book"].tolist() == library.item_labels[found].tolist()
    stars = predict(trained.rating, user, found).clip(*trained.rating_range)
    np.testing.assert_array_equal(mine["predicted_rating"], stars)
    np.testing.assert_array_equal(
        mine["uncertainty"], uncertainty(trained.rating, user, found)
    )
    assert (np.diff(mine["score"]) <= 0).all()


def test_all_users_are_served_and_none_sees_what_they_rated(library, trained):
    lists = recommend(trained, library, k=3)

    assert lists["reader"].unique().tolist() == library.labels.users.index.tolist()
    both = lists.merge(library.to_frame(), on=["reader", "book"])
    assert both.empty


def test_newcomers_are_folded_in_and_strangers_get_what_suits_most(library, trained):
    books = library.item_labels[[3, 8]]
    frame = pd.DataFrame(
        {"reader": "new", "book": books, "rating": [5, 1], "n": [1, 3]}
    )
    history = Ratings.from_frame(
        frame, user="reader", item="book", weight="n", items=library.item_labels
    )

    lists = recommend(
        trained, history, users=pd.DataFrame({"reader": ["new", "who"]}), k=50
    )

    mine, strangers = (lists[lists["reader"] == name] for name in ("new", "who"))
    assert len(mine) == trained.n_items - 2
    assert not mine["book"].isin(books).any()
    assert len(strangers) == trained.n_items
    weighed = fold_in(
        trained.rating, np.array([3, 8]), np.array([5, 1]), weights=np.array([1, 3])
    )
    row = library.item_labels.get_loc(mine["book"].iloc[0])
    stars = predict(trained.rating, weighed, np.array([row])).clip(
        *trained.rating_range
    )
    assert mine["predicted_rating"].iloc[0] == stars[0]


def test_integer_items_outside_the_model_have_no_effect(ratings, model):
    frame = ratings.to_frame()
    more = pd.DataFrame({"user_id": [1], "item_id": [10_000], "rating": [5]})
    with_more = Ratings.from_frame(pd.concat([frame, more]))

    known = recommend(model, Ratings.from_frame(frame), users=[1], k=5)

    pd.testing.assert_frame_equal(recommend(model, with_more, users=[1], k=5), known)


def test_no_users_and_no_items_give_frames_of_the_same_columns(library, trained):
    nobody = recommend(trained, library, users=[])
    nothing = recommend(trained, library, k=0)

    assert list(nobody) == list(nothing) == COLUMNS
    assert len(nobody) == len(nothing) == 0
    assert nothing.dtypes.equals(recommend(trained, library, k=1).dtypes)


def test_what_cannot_be_answered_is_refused(library, trained):
    few = library.to_frame()[:3].assign(book=["x", "y", "z"])
    other = Ratings.from_frame(few, user="reader", item="book")

    with pytest.raises(DataError, match=r"the history has 3 items, the model 30; give"):
        recommend(trained, other)
    with pytest.raises(DataError, match="k is -1"):
        recommend(trained, library, k=-1)
    with pytest.raises(DataError, match="column 'reader' is nan at index 1"):
        recommend(trained, library, users=["reader 1", None])
    with pytest.raises(DataError, match="no column 'reader'; the columns are 'user'"):
        recommend(trained, library, users=pd.DataFrame({"user": ["reader 1"]}))


def test_training_keeps_no_labels(library, trained):
    bare = replace(library, layout=None)

    assert bare.item_labels.tolist() == trained.item_ids.tolist()
