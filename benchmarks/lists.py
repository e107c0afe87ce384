"""Costs and gains of diversity and exploration: one command, one table.

    python -m benchmarks.lists FOLDER --set ml-latest-small

Both heads train on the first canonical split, and lists of ten are made as the service
makes them. NDCG@10 counts held-out movies of four stars or more. Diversity in a list
is the mean of ``1 - cosine`` over its pairs by genres and half decade, by which lists
are not chosen; novelty is the mean of ``-log2`` of the share of users who rated a movie
in training [1]_, one at least.

References
----------
.. [1] Vargas and Castells (2011), Rank and relevance in novelty and diversity metrics
   for recommender systems. doi:10.1145/2043932.2043955
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy import fit
from benchmarks.public_sets import SETS, PublicSet
from engine.arrays import FloatVector, IndexVector
from engine.data.ratings import Ratings
from engine.data.splits import Split
from engine.evaluation.compare import PerUser, estimate
from engine.evaluation.metrics import ndcg_at_k
from engine.model.configuration import RANKING, RATING
from engine.model.heads import Head
from engine.serving.fold_in import fold_in, uncertainty
from engine.serving.ranking import POOL_SIZE, diversified, explored, top_k

K = 10
RELEVANT_FROM = 4.0
SHARES = (0.25, 0.5, 1.0)
SETTINGS = ((0.0, 0.0), *((s, 0.0) for s in SHARES), *((0.0, s) for s in SHARES))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the rating sets are")
    parser.add_argument("--set", choices=SETS, default="ml-latest-small")
    arguments = parser.parse_args()
    data = PublicSet.read(arguments.folder, arguments.set)
    for line in table(data, next(data.splits())):
        print(line, flush=True)


@dataclass(frozen=True)
class Pool:
    """The best items for one user, the source of all their lists."""

    item_indices: IndexVector
    scores: FloatVector
    uncertainties: FloatVector


def table(data: PublicSet, split: Split) -> Iterator[str]:
    """Compare the settings, one line each, with intervals over users."""
    rating, ranking = (
        fit(data, split.train, configuration).head
        for configuration in (RATING, RANKING)
    )
    pools = [
        pool_of(data, split.train, rating, ranking, user)
        for user in range(split.train.n_users)
    ]
    yield "| diversity | exploration | NDCG@10 | within a list | novelty, bits |"
    yield "|---|---|---|---|---|"
    for diversity, exploration in SETTINGS:
        lists = [
            made(ranking, pool, diversity=diversity, exploration=exploration)
            for pool in pools
        ]
        measured = (
            gains(lists, split),
            unlikeness(lists, data),
            novelty(lists, split.train),
        )
        cells = " | ".join(cell(part) for part in measured)
        yield f"| {diversity:g} | {exploration:g} | {cells} |"


def pool_of(
    data: PublicSet, train: Ratings, rating: Head, ranking: Head, user: int
) -> Pool:
    """Fold one user into both heads; keep the best items."""
    items, values = train.by_user.row(user)
    features = data.features_of_user(user, rating)
    scores = ranking.scores(fold_in(ranking, items, values))
    best = top_k(scores, POOL_SIZE, excluded=items)
    folded_user = fold_in(rating, items, values, user_features=features)
    return Pool(best, scores[best], uncertainty(rating, folded_user, best))


def made(
    ranking: Head, pool: Pool, *, diversity: float, exploration: float
) -> IndexVector:
    """Make a list as the service does."""
    if diversity == exploration == 0:
        return pool.item_indices[:K]
    relevance = explored(pool.scores, pool.uncertainties, exploration=exploration)
    return diversified(ranking, pool.item_indices, relevance, K, diversity=diversity)


def gains(lists: Sequence[IndexVector], split: Split) -> PerUser:
    """NDCG of each user who has relevant held-out items."""
    test = split.test
    found, judged = np.zeros(len(lists)), np.zeros(len(lists))
    is_relevant = test.values >= RELEVANT_FROM
    for user, recommended in enumerate(lists):
        relevant = test.item_indices[is_relevant & (test.user_indices == user)]
        if len(relevant) > 0:
            judged[user] = 1
            found[user] = ndcg_at_k(recommended, relevant, k=K)
    return PerUser(found, judged)


def unlikeness(lists: Sequence[IndexVector], data: PublicSet) -> PerUser:
    """Mean of ``1 - cosine`` over the pairs of a list, by the features of its items."""
    if data.item_features is None:
        raise SystemExit(f"{data.name} has no item features to measure diversity by")
    found = np.zeros(len(lists))
    for user, recommended in enumerate(lists):
        rows = data.item_features[recommended].toarray()
        lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
        directions = rows / np.where(lengths > 0, lengths, 1)
        first, second = np.triu_indices(len(rows), 1)
        found[user] = 1 - (directions @ directions.T)[first, second].mean()
    return PerUser(found, np.ones(len(lists)))


def novelty(lists: Sequence[IndexVector], train: Ratings) -> PerUser:
    """Mean surprise of the items of a list, in bits."""
    shares = np.maximum(train.by_item.counts, 1) / train.n_users
    found = [-np.log2(shares[recommended]).mean() for recommended in lists]
    return PerUser(np.array(found), np.ones(len(lists)))


def cell(measured: PerUser) -> str:
    """Write a mean over users and half its interval."""
    found = estimate([measured])
    return f"{found.value:.4f} ± {(found.high - found.low) / 2:.4f}"


if __name__ == "__main__":
    main()
