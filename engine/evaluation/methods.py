"""Methods to compare: two simple ones, and all heads that `engine.fit_head` trains."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np

from engine.arrays import FloatVector, IndexVector
from engine.data.features import FeatureMatrix, feature_row
from engine.data.ratings import Ratings, SparseRows
from engine.data.splits import HeldOut
from engine.kernels.top_k import top_k_of_users
from engine.serving.fold_in import expected_ratings, fold_in
from engine.serving.ranking import top_k
from engine.training.sweeps import Training

Name: TypeAlias = Literal[
    "popularity", "item mean", "biases", "rating head", "ranking head"
]

NAMES: tuple[Name, ...] = (
    "popularity", "item mean", "biases", "rating head", "ranking head",
)  # fmt: skip
_SHRINKAGE = 5.0  # ratings at the mean that an item mean starts from


class Recommender(Protocol):
    """A method to compare: it makes lists, and perhaps predicts stars."""

    def lists(self, seen: SparseRows, k: int) -> list[IndexVector]:
        """List the `k` best items of each user, without those seen."""
        ...

    def predict(self, held_out: HeldOut) -> FloatVector | None:
        """Predict the stars of held-out ratings, or None."""
        ...


class SimpleMethod(ABC):
    """A method that scores items the same for every user."""

    scores: FloatVector

    @classmethod
    @abstractmethod
    def of(cls, train: Ratings) -> Self:
        """Learn from ratings."""

    @abstractmethod
    def predict(self, held_out: HeldOut) -> FloatVector | None:
        """Predict the stars of held-out ratings, or None."""

    def lists(self, seen: SparseRows, k: int) -> list[IndexVector]:
        """List the `k` best items of each user, without those seen."""
        rows = (seen.row(user)[0] for user in range(seen.n_rows))
        return [top_k(self.scores, k, excluded=row) for row in rows]


@dataclass(frozen=True)
class Popularity(SimpleMethod):
    """Recommends the items with most ratings."""

    scores: FloatVector

    @classmethod
    def of(cls, train: Ratings) -> Self:
        """Count the ratings of each item."""
        return cls(train.by_item.totals.astype(np.float32))

    def predict(self, held_out: HeldOut) -> None:
        """Popularity says nothing about stars."""


@dataclass(frozen=True)
class ItemMean(SimpleMethod):
    """Mean rating of each item, shrunk towards the mean of all."""

    scores: FloatVector

    @classmethod
    def of(cls, train: Ratings) -> Self:
        """``(sum + c mean) / (n + c)``."""
        items = train.by_item.row_of_each()
        weights, stars = train.by_item.weights, train.by_item.values
        weighed = stars if weights is None else weights * stars
        sums = np.bincount(items, weighed, minlength=train.n_items)
        shrunk = sums + _SHRINKAGE * train.mean
        return cls((shrunk / (train.by_item.totals + _SHRINKAGE)).astype(np.float32))

    def predict(self, held_out: HeldOut) -> FloatVector:
        """Return the item's shrunk mean."""
        return self.scores[held_out.item_indices]


SIMPLE: Mapping[Name, type[SimpleMethod]] = {
    "popularity": Popularity,
    "item mean": ItemMean,
}


@dataclass(frozen=True)
class TrainedHead:
    """A head, the users that it was trained on, and what they rated.

    Attributes
    ----------
    training : Training
    ratings : Ratings
        What the head was trained on.
    user_features : matrix or None
        As the head was trained with.
    """

    training: Training
    ratings: Ratings
    user_features: FeatureMatrix | None = None

    def lists(self, seen: SparseRows, k: int) -> list[IndexVector]:
        """List the `k` best items by ``b_i + q_i'p_u``, for all users at once."""
        head, users = self.training.head, self.training.users
        return top_k_of_users(head, users.factors, k, seen=seen)

    def predict(self, held_out: HeldOut) -> FloatVector | None:
        """Fold users in and predict as the service does; None without stars."""
        head, rows = self.training.head, self.ratings.by_user
        if not head.predicts_stars:
            return None
        features = self.user_features if head.n_user_features else None
        predicted = np.empty(len(held_out.values), dtype=np.float32)
        order = np.argsort(held_out.user_indices, kind="stable")
        users, starts = np.unique(held_out.user_indices[order], return_index=True)
        for user, mine in zip(users.tolist(), np.split(order, starts[1:]), strict=True):
            folded = fold_in(
                head,
                *rows.row(user),
                weights=rows.weights_of(user),
                user_features=feature_row(features, user),
            )
            predicted[mine] = expected_ratings(
                head, folded, held_out.item_indices[mine]
            )
        return predicted
