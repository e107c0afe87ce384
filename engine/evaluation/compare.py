"""Offline evaluation over the full catalog, and a fair comparison of methods.

Users are the sampling unit: rankings are scored user by user, and intervals come from
resampling users, since the ratings of one user are not independent.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from engine.arrays import ExactVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, Split, split_by_user
from engine.errors import DataError
from engine.evaluation.methods import NAMES, SIMPLE, Name, Recommender, TrainedHead
from engine.evaluation.metrics import coverage, errors, ndcg_at_k, recall_at_k
from engine.model.configuration import BIASES, RANKING, RATING, HeadConfig
from engine.training.fit import OnSweep, fit_head
from engine.training.sweeps import HeadName, Training

_N_RESAMPLES = 1000


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
        At `k` over the full catalog, items rated in training removed.
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


@dataclass(frozen=True)
class PerUser:
    """Totals and counts of one measure on one split, one entry per user."""

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
    lists = recommender.lists(train.by_user, k)
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


@dataclass(frozen=True)
class Compared:
    """One method on one split; `training` is None where nothing was trained."""

    name: Name
    measured: Measured
    training: Training | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The methods to compare, and how to train and judge them.

    Attributes
    ----------
    rating, ranking : HeadConfig
        Hyper-parameters of the heads.
    item_features, user_features : matrix or None
        As for `engine.fit`.
    names : sequence of str
        The methods, in the order in which they run.
    seed : int or sequence of int
        Seed of every training.
    k, relevant_from
        As for `measure`.
    """

    rating: HeadConfig = RATING
    ranking: HeadConfig = RANKING
    item_features: FeatureMatrix | None = None
    user_features: FeatureMatrix | None = None
    names: Sequence[Name] = NAMES
    seed: int | Sequence[int] = 0
    k: int = 10
    relevant_from: float = 4.0

    def run(
        self,
        split: Split,
        *,
        train: Ratings | None = None,
        on_begin: Callable[[Name], object] | None = None,
        on_sweep: OnSweep | None = None,
    ) -> Iterator[Compared]:
        """Train and measure one method after another; one is in memory at a time.

        Parameters
        ----------
        split : Split
        train : Ratings, optional
            What the heads are trained on, if more than ``split.train``.
        on_begin : callable, optional
            Called with the name of each method before it is trained.
        on_sweep : callable, optional
            As for `engine.fit`.
        """
        for name in self.names:
            if on_begin is not None:
                on_begin(name)
            recommender: Recommender
            if name in SIMPLE:
                recommender, training = SIMPLE[name].of(split.train), None
            else:
                ratings = split.train if train is None else train
                training = self._train(name, ratings, split.test, on_sweep)
                recommender = TrainedHead(training, ratings, self.user_features)
            measured = measure(
                recommender, split, k=self.k, relevant_from=self.relevant_from
            )
            yield Compared(name, measured, training)

    def _train(
        self, name: Name, ratings: Ratings, test: HeldOut, on_sweep: OnSweep | None
    ) -> Training:
        heads: dict[Name, tuple[HeadName, HeadConfig]] = {
            "biases": ("biases", BIASES),
            "rating head": ("rating", self.rating),
            "ranking head": ("ranking", self.ranking),
        }
        head, configuration = heads[name]
        return fit_head(
            ratings,
            configuration,
            name=head,
            item_features=self.item_features,
            user_features=self.user_features,
            test=test,
            on_sweep=on_sweep,
            rng=np.random.default_rng(self.seed),
        )


def evaluate(
    ratings: Ratings,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    rating: HeadConfig = RATING,
    ranking: HeadConfig = RANKING,
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
    rating, ranking : HeadConfig
        Hyper-parameters of the heads.
    item_features : matrix, optional
        As for `engine.fit`.
    k, relevant_from
        As for `measure`.
    on_step : callable, optional
        Called with a `Step` after each method and split.

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
        comparison = Comparison(
            rating=rating,
            ranking=ranking,
            item_features=item_features,
            seed=(seed, 1),
            k=k,
            relevant_from=relevant_from,
        )
        split = split_by_user(ratings, rng=np.random.default_rng(seed))
        for found in comparison.run(split):
            results.setdefault(found.name, []).append(found.measured)
            if on_step is not None:
                done = sum(map(len, results.values()))
                on_step(Step(found.name, seed, done, len(seeds) * len(NAMES)))
    return tuple(_row(name, measured) for name, measured in results.items())


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
