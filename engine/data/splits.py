"""Split a data set into ratings to train on and ratings to hold out."""

from dataclasses import dataclass, replace

import numpy as np

from engine.arrays import BoolVector, FloatVector, IndexVector
from engine.data.ratings import Ratings
from engine.errors import DataError


@dataclass(frozen=True)
class HeldOut:
    """Held-out ratings, by row indices of the training set."""

    user_indices: IndexVector
    item_indices: IndexVector
    values: FloatVector

    def check_inside(self, ratings: Ratings) -> None:
        """Check that all indices are rows of `ratings`.

        Raises
        ------
        DataError
            An index is out of range.
        """
        for name, indices, n_rows in (
            ("user", self.user_indices, ratings.n_users),
            ("item", self.item_indices, ratings.n_items),
        ):
            if not ((indices >= 0) & (indices < n_rows)).all():
                raise DataError(
                    f"test: {name} index outside 0..{n_rows - 1}; hold out part of the "
                    "ratings to train on"
                )


@dataclass(frozen=True)
class Split:
    """One division of a data set; `train` keeps a row for every user and item."""

    train: Ratings
    test: HeldOut


def split_by_user(
    ratings: Ratings, *, test_share: float = 0.1, rng: np.random.Generator
) -> Split:
    """Hold out the same share of each user's ratings, at random.

    Each user's count is rounded to the nearest integer, so users with few ratings may
    keep them all. Every user keeps at least one.

    Raises
    ------
    DataError
        `test_share` is not between 0 and 1, or nothing would be held out.
    """
    _check_share(test_share)
    rows = ratings.by_user
    users = rows.row_of_each()
    order = np.lexsort((rng.random(ratings.n_ratings), users))
    position = np.arange(ratings.n_ratings) - rows.indptr[users]
    wanted = np.floor(rows.counts * test_share + 0.5).astype(np.int64)
    held_out = np.zeros(ratings.n_ratings, dtype=np.bool_)
    held_out[order] = position < np.minimum(wanted, rows.counts - 1)[users]
    return split_at(ratings, held_out)


def split_at_random(
    ratings: Ratings, *, test_share: float = 0.1, rng: np.random.Generator
) -> Split:
    """Hold out random ratings of all users; errors as for `split_by_user`."""
    _check_share(test_share)
    held_out = np.zeros(ratings.n_ratings, dtype=np.bool_)
    n_test = int(ratings.n_ratings * test_share)
    held_out[rng.permutation(ratings.n_ratings)[:n_test]] = True
    return split_at(ratings, held_out)


def split_at(ratings: Ratings, held_out: BoolVector) -> Split:
    """Split by a mask over ``ratings.by_user``; the other splits call this.

    Raises
    ------
    DataError
        A part would be empty, or the mask has the wrong length.
    """
    if held_out.shape != (ratings.n_ratings,):
        raise DataError(f"expected a mask of {ratings.n_ratings} ratings")
    if not held_out.any() or held_out.all():
        raise DataError("a split needs ratings on both sides; add ratings")
    users, items = ratings.by_user.row_of_each(), ratings.by_user.indices
    values, weights = ratings.by_user.values, ratings.by_user.weights
    train = Ratings.from_arrays(
        ratings.user_ids[users[~held_out]],
        ratings.item_ids[items[~held_out]],
        values[~held_out],
        weights=None if weights is None else weights[~held_out],
        users=ratings.user_ids,
        items=ratings.item_ids,
    )
    if ratings.layout is not None:
        train = replace(train, layout=ratings.layout.of_part(~held_out))
    return Split(train, HeldOut(users[held_out], items[held_out], values[held_out]))


def _check_share(test_share: float) -> None:
    if not 0 < test_share < 1:
        raise DataError(f"test_share is {test_share}; it must be between 0 and 1")
