"""Offline evaluation over the full catalogue, and a fair comparison of methods.

Users are the sampling unit: rankings are scored user by user, and intervals come from
resampling users, since the ratings of one user are not independent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np

from engine.arrays import ExactVector, FloatVector, IndexVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings, SparseRows
from engine.data.splits import HeldOut, Split, split_by_user
from engine.errors import DataError
from engine.evaluation.metrics import (
    coverage,
    errors,
    ndcg_at_k,
    predict_pairs,
    recall_at_k,
)
from engine.kernels.exact import Side
from engine.kernels.top_k import top_k_of_users
from engine.model.heads import RidgeConfig, VariationalConfig
from engine.serving.ranking import top_k
from engine.training.fit import BIASES, RANKING, RATING, Training, fit_head

_N_RESAMPLES = 1000
_SHRINKAGE = 5.0  # ratings at the mean that an item mean starts from

Name: TypeAlias = Literal[
    "popularity", "item mean", "biases", "rating head", "ranking head"
]


@dataclass(frozen=True)
class Estimate:
    """A mean with its uncertainty.

    Attributes
    ----------
    value : float
        Mean over the splits in which any user counts; NaN when there are none.
    low, high : float
        95 % interval from 1,000 resamples of the users.
    n_users, n_excluded : int
        Users that count in some split, and users left out because nothing could be
        measured on them in any.
    """

    value: float
    low: float
    high: float
    n_users: int
    n_excluded: int


@dataclass(frozen=True)
class Row:
    """One line of the comparison; None where a method does not predict stars.

    Attributes
    ----------
    name : str
    rmse, mae : Estimate or None
        Of held-out ratings, predictions clipped to the scale, in stars.
    ndcg, recall : Estimate
        At `k` over the full catalogue, items rated in training removed.
    coverage : float
        Share of the catalogue that appears in anybody's list.
    """

    name: Name
    rmse: Estimate | None
    mae: Estimate | None
    ndcg: Estimate
    recall: Estimate
    coverage: float


@dataclass(frozen=True)
class Step:
    """Progress of `evaluate`: a method was measured on a split."""

    name: Name
    seed: int
    done: int
    total: int


OnStep: TypeAlias = Callable[[Step], None]


class Recommender(Protocol):
    """What can be compared: something that scores and perhaps predicts."""

    def scores(self, user_index: int) -> FloatVector:
        """Scores of all items for one user, higher is better."""
        ...

    def predict(self, held_out: HeldOut) -> FloatVector | None:
        """Predicted stars of held-out ratings, or None."""
        ...


@dataclass(frozen=True)
class Popularity:
    """The same list for everybody: most ratings first."""

    counts: FloatVector

    @classmethod
    def of(cls, train: Ratings) -> "Popularity":
        """Count the ratings of each item."""
        return cls(train.by_item.totals.astype(np.float32))

    def scores(self, user_index: int) -> FloatVector:  # noqa: ARG002  same for all
        """Return the counts of ratings."""
        return self.counts

    def predict(self, held_out: HeldOut) -> None:
        """Popularity says nothing about stars."""


@dataclass(frozen=True)
class ItemMean:
    """Mean rating of each item, shrunk towards the mean of all."""

    means: FloatVector

    @classmethod
    def of(cls, train: Ratings) -> "ItemMean":
        """``(sum + c mean) / (n + c)``."""
        items = train.by_item.row_of_each()
        weights, stars = train.by_item.weights, train.by_item.values
        weighed = stars if weights is None else weights * stars
        sums = np.bincount(items, weighed, minlength=train.n_items)
        shrunk = sums + _SHRINKAGE * train.mean
        return cls((shrunk / (train.by_item.totals + _SHRINKAGE)).astype(np.float32))

    def scores(self, user_index: int) -> FloatVector:  # noqa: ARG002  same for all
        """Return the shrunk means."""
        return self.means

    def predict(self, held_out: HeldOut) -> FloatVector:
        """Return the item's shrunk mean."""
        return self.means[held_out.item_indices]


@dataclass(frozen=True)
class Trained:
    """A trained head with the users it was trained on."""

    training: Training

    def scores(self, user_index: int) -> FloatVector:
        """``b_i + q_i'p_u``; what all items of a user share cannot change the order."""
        head, users = self.training.head, self.training.users
        scores: FloatVector = head.item_factors @ users.factors[user_index]
        scores += head.item_biases
        return scores

    def predict(self, held_out: HeldOut) -> FloatVector:
        """``μ + b_u + b_i + p_u'q_i``."""
        head, users = self.training.head, self.training.users
        items = Side(head.item_factors, head.item_biases)
        return predict_pairs(users, items, held_out, mean=head.offset)


@dataclass(frozen=True)
class Ordering(Trained):
    """A ranking head: it orders lists and predicts no stars."""

    def predict(self, held_out: HeldOut) -> None:  # type: ignore[override]
        """Scores of a ranking head are no stars."""


@dataclass(frozen=True)
class PerUser:
    """Totals and counts of one measure on one split, a user an entry."""

    totals: ExactVector
    counts: ExactVector


@dataclass(frozen=True)
class Measured:
    """One recommender on one split; `squares` and `sizes` are None without stars."""

    squares: PerUser | None
    sizes: PerUser | None
    ndcg: PerUser
    recall: PerUser
    coverage: float


def measure(
    recommender: Recommender, split: Split, *, k: int = 10, relevant_from: float = 4.0
) -> Measured:
    """Measure one recommender on the held-out part of a split.

    Parameters
    ----------
    recommender : Recommender
        Trained on ``split.train`` only.
    split : Split
    k : int
        Length of the lists.
    relevant_from : float
        Held-out ratings of at least so many stars are relevant.

    Returns
    -------
    Measured
        A user without relevant held-out items counts as 0 judged lists, not as a
        list worth 0.
    """
    train, test = split.train, split.test
    order = np.argsort(test.user_indices, kind="stable")
    bounds = np.searchsorted(test.user_indices[order], np.arange(train.n_users + 1))
    gains, shares = np.zeros(train.n_users), np.zeros(train.n_users)
    judged = np.zeros(train.n_users)
    lists = _lists(recommender, train.by_user, k)
    for user, found in enumerate(lists):
        mine = order[bounds[user] : bounds[user + 1]]
        relevant = test.item_indices[mine[test.values[mine] >= relevant_from]]
        if len(relevant) > 0:
            judged[user] = 1
            gains[user] = ndcg_at_k(found, relevant, k=k)
            shares[user] = recall_at_k(found, relevant, k=k)
    predicted = recommender.predict(test)
    squares = sizes = None
    if predicted is not None:
        off = errors(np.clip(predicted, *train.value_range), test.values)
        squares = _per_user(np.square(off), test, train.n_users)
        sizes = _per_user(np.abs(off), test, train.n_users)
    return Measured(
        squares=squares,
        sizes=sizes,
        ndcg=PerUser(gains, judged),
        recall=PerUser(shares, judged),
        coverage=coverage(lists, train.n_items),
    )


def _lists(recommender: Recommender, seen: SparseRows, k: int) -> list[IndexVector]:
    """List what is best for each user; of trained factors, for all users at once."""
    if isinstance(recommender, Trained):
        training = recommender.training
        return top_k_of_users(training.head, training.users.factors, k, seen=seen)
    return [
        top_k(recommender.scores(user), k, excluded=seen.row(user)[0])
        for user in range(seen.n_rows)
    ]


def evaluate(
    ratings: Ratings,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    rating: RidgeConfig | VariationalConfig = RATING,
    ranking: RidgeConfig = RANKING,
    item_features: FeatureMatrix | None = None,
    k: int = 10,
    relevant_from: float = 4.0,
    on_step: OnStep | None = None,
) -> tuple[Row, ...]:
    """Compare both heads with popularity, item mean and biases alone.

    Each seed holds out 10 % of every user's ratings, trains each method on the rest and
    measures it on the part held out.

    Parameters
    ----------
    ratings : Ratings
        The catalogue is every item in here, rated in training or not.
    seeds : sequence of int
        One split each.
    rating, ranking : RidgeConfig or VariationalConfig
        Of the heads.
    item_features : matrix, optional
        As for `als.fit`.
    k, relevant_from
        As for `measure`.
    on_step : callable, optional
        Called with a `Step` after each method and split.

    Returns
    -------
    tuple of Row

    Raises
    ------
    DataError
        There is no seed, or too few ratings to hold any out.
    SolveError
        A configuration makes a system singular.
    """
    if len(seeds) == 0:
        raise DataError("give at least one seed")
    results: dict[Name, list[Measured]] = {}
    for seed in seeds:
        split = split_by_user(ratings, rng=np.random.default_rng(seed))
        methods = _methods(
            split.train, rating, ranking, item_features=item_features, seed=seed
        )
        for name, build in methods.items():
            measured = measure(build(), split, k=k, relevant_from=relevant_from)
            results.setdefault(name, []).append(measured)
            if on_step is not None:
                done = sum(map(len, results.values()))
                on_step(Step(name, seed, done, len(seeds) * len(methods)))
    return tuple(_row(name, measured) for name, measured in results.items())


def _methods(
    train: Ratings,
    rating: RidgeConfig | VariationalConfig,
    ranking: RidgeConfig,
    *,
    item_features: FeatureMatrix | None,
    seed: int,
) -> dict[Name, Callable[[], Recommender]]:
    """Name what to compare; built when called, so one at a time is in memory."""

    def train_head(configuration: RidgeConfig | VariationalConfig) -> Training:
        rng = np.random.default_rng([seed, 1])
        return fit_head(train, configuration, item_features=item_features, rng=rng)

    return {
        "popularity": lambda: Popularity.of(train),
        "item mean": lambda: ItemMean.of(train),
        "biases": lambda: Trained(train_head(BIASES)),
        "rating head": lambda: Trained(train_head(rating)),
        "ranking head": lambda: Ordering(train_head(ranking)),
    }


def _row(name: Name, measured: list[Measured]) -> Row:
    squares = [part.squares for part in measured if part.squares is not None]
    sizes = [part.sizes for part in measured if part.sizes is not None]
    return Row(
        name=name,
        rmse=estimate(squares, transform=np.sqrt) if squares else None,
        mae=estimate(sizes) if sizes else None,
        ndcg=estimate([part.ndcg for part in measured]),
        recall=estimate([part.recall for part in measured]),
        coverage=float(np.mean([part.coverage for part in measured])),
    )


def estimate(
    parts: Sequence[PerUser],
    *,
    transform: Callable[[ExactVector], ExactVector] = np.asarray,
) -> Estimate:
    """Average ``transform(total / count)`` over splits, with a bootstrap interval.

    Users are resampled with replacement, the same ones in every split; the seed is
    fixed, so equal input gives an equal interval.
    """
    n_users = len(parts[0].counts)
    used = [part for part in parts if part.counts.any()]
    if not used:
        nothing = float("nan")
        return Estimate(nothing, nothing, nothing, 0, n_users)
    totals = np.stack([part.totals for part in used])
    counts = np.stack([part.counts for part in used])
    counted = int((counts > 0).any(axis=0).sum())
    rng = np.random.default_rng(0)
    chances = np.full(n_users, 1 / n_users)

    def value(weights: ExactVector) -> float:
        with np.errstate(invalid="ignore"):  # 0 / 0: a resample without such users
            return float(transform((totals @ weights) / (counts @ weights)).mean())

    resampled = [
        value(rng.multinomial(n_users, chances).astype(np.float64))
        for _ in range(_N_RESAMPLES)
    ]
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return Estimate(
        value=value(np.ones(n_users)),
        low=float(low),
        high=float(high),
        n_users=counted,
        n_excluded=n_users - counted,
    )


def _per_user(losses: ExactVector, test: HeldOut, n_users: int) -> PerUser:
    users = test.user_indices
    totals: ExactVector = np.zeros(n_users)
    np.add.at(totals, users, losses)
    counts: ExactVector = np.zeros(n_users)
    np.add.at(counts, users, 1)
    return PerUser(totals, counts)
