"""Lists for many users at once, as a data frame in the caller's own ids."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from engine.arrays import FloatVector, IndexVector
from engine.data.ratings import Ratings
from engine.errors import DataError
from engine.model.heads import Model
from engine.serving.fold_in import expected_ratings, fold_in, uncertainty
from engine.serving.ranking import top_k

if TYPE_CHECKING:
    import pandas as pd


def recommend(
    model: Model,
    history: Ratings,
    *,
    users: Any = None,  # noqa: ANN401 - ids of any type, in whatever holds them
    k: int = 20,
) -> "pd.DataFrame":
    """Recommend items to users by their ratings, in training or since.

    Each user is folded into both heads: the ranking head chooses and orders the items,
    the rating head predicts their stars. Nobody gets an item from their history.

    Parameters
    ----------
    model : Model
    history : Ratings
        What the users rated. Items that are integers need not be in the model; one
        that is not has no effect. Other items must be numbered as in training: build
        `history` with ``Ratings.from_frame(..., items=ratings.item_labels)``, where
        `ratings` are those of training.
    users : list, array, Series, Index or DataFrame, optional
        Ids, or a frame with the user column of `history`; all of its users by default.
        A user without history gets what suits most people.
    k : int
        Items a user, at least 0.

    Returns
    -------
    pandas.DataFrame
        A row an item, users in the order given, best items first: the columns of users
        and items, called and typed as in `history`, then ``rank`` from 1, ``score``,
        ``predicted_rating`` and its standard deviation ``uncertainty``, both in stars.

    Raises
    ------
    DataError
        `k` is negative, a user is missing (NaN), or `history` numbers other items than
        the model.
    """
    import pandas as pd  # noqa: PLC0415 - loaded on use

    labels = history.labels
    if not (labels.items.are_ids or np.array_equal(history.item_ids, model.item_ids)):
        raise DataError(
            f"the history has {history.n_items} items, the model {model.n_items}; "
            "give from_frame the training ratings' item_labels as items="
        )
    wanted = labels.users.index if users is None else _ids(users, labels.users.name)
    columns = model.item_indices_of(history.item_ids)
    rows = labels.users.index.get_indexer(wanted)
    lists = [_list(model, _rated(history, columns, row), k) for row in rows.tolist()]
    lengths = [len(each.items) for each in lists]
    every = _List(*map(np.concatenate, zip(_List.empty(), *lists, strict=True)))
    items = (
        pd.Index(model.item_ids[every.items], dtype=labels.items.index.dtype)
        if labels.items.are_ids
        else labels.items.index.take(every.items)
    )
    return pd.DataFrame(
        {
            labels.users.name: wanted.repeat(lengths),
            labels.items.name: items,
            "rank": every.ranks,
            "score": every.scores,
            "predicted_rating": every.stars,
            "uncertainty": every.uncertainty,
        }
    )


class _List(NamedTuple):
    """The recommended items of one user, best first, or of several users in turn."""

    items: IndexVector
    ranks: IndexVector
    scores: FloatVector
    stars: FloatVector
    uncertainty: FloatVector

    @classmethod
    def empty(cls) -> Self:
        """Return an empty list, so that columns have a dtype."""
        indices, values = np.zeros(0, np.int32), np.zeros(0, np.float32)
        return cls(indices, indices, values, values, values)


class _Rated(NamedTuple):
    """One user's history, by row of the model."""

    items: IndexVector
    values: FloatVector
    weights: FloatVector | None


def _ids(users: Any, name: Hashable) -> "pd.Index":  # noqa: ANN401 - of any type
    """Read the ids of users from a list, an array or a frame."""
    import pandas as pd  # noqa: PLC0415 - loaded on use

    from engine.data.frames import column_of  # noqa: PLC0415 - loads pandas

    if not isinstance(users, pd.DataFrame):
        users = pd.DataFrame({name: users})
    ids: pd.Index = pd.Index(column_of(users, name, role="users"))
    return ids


def _rated(history: Ratings, columns: IndexVector, row: int) -> _Rated:
    """Find a user's ratings of items in the model; none for an unknown user, row -1."""
    if row < 0:
        return _Rated(np.zeros(0, np.int32), np.zeros(0, np.float32), None)
    indices, values = history.by_user.row(row)
    weights, items = history.by_user.weights_of(row), columns[indices]
    known = items >= 0
    return _Rated(
        items[known], values[known], None if weights is None else weights[known]
    )


def _list(model: Model, rated: _Rated, k: int) -> _List:
    """Order the items for one user and predict their stars."""
    ranked = fold_in(model.ranking, rated.items, rated.values, weights=rated.weights)
    scores = model.ranking.scores(ranked)
    found = top_k(scores, k, excluded=rated.items)
    user = fold_in(model.rating, rated.items, rated.values, weights=rated.weights)
    return _List(
        items=found,
        ranks=np.arange(1, len(found) + 1, dtype=np.int32),
        scores=scores[found],
        stars=expected_ratings(model.rating, user, found).clip(*model.rating_range),
        uncertainty=uncertainty(model.rating, user, found),
    )
