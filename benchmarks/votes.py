"""Gain from a user's likes and dislikes beside their stars, by weight.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.votes [--seeds 5]

On the bundled sample. A fifth of the users is left out of training; of each of them who
has rated enough, ten ratings are held out, ten become votes as if these movies had been
recommended (a like from four stars, a dislike below three, the others between are not
drawn), and some of the rest stay stars. They are folded in by both heads, from the
stars alone and with the votes at each weight. A fifth of the votes turned around, since
people also vote on what they have not seen, makes the second table. A line is the
difference to stars alone, mean over all these users, and its standard error.
"""

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np

from api.queries.feedback import DISLIKED, LIKED
from engine.arrays import BoolVector, ExactVector, FloatVector, IndexVector
from engine.data.features import one_hot
from engine.data.movielens import MovieLens, words_of
from engine.data.ratings import Ratings
from engine.evaluation.metrics import ndcg_at_k
from engine.model.configuration import RANKING, RATING
from engine.model.heads import Head
from engine.serving.fold_in import fold_in, predict
from engine.serving.ranking import top_k
from engine.training.fit import fit_head

SAMPLE = Path(__file__).parents[1] / "data"
N_STARS = (0, 5, 20)
WRONG = (0.0, 0.2)
WEIGHTS = (0.1, 0.25, 0.5, 1.0)
N_VOTES = N_TEST = 10
LEFT_OUT = 0.2
LIKED_FROM, DISLIKED_BELOW = 4.0, 3.0

Rated: TypeAlias = tuple[IndexVector, FloatVector]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found = np.array([row for seed in range(arguments.seeds) for row in users_of(seed)])
    print(f"{len(found)} users, mean squared error and NDCG@10 of stars alone, then")
    print("what votes change")
    for at, n_stars in enumerate(N_STARS):
        alone = found[:, at, 0]
        print(f"\n{n_stars} stars: {np.nanmean(alone, axis=0).round(4)}")
        for case, (wrong, weight) in enumerate(product(WRONG, WEIGHTS), start=1):
            changes = found[:, at, case] - alone
            n = (~np.isnan(changes)).sum(axis=0)
            spread = np.nanstd(changes, axis=0, ddof=1) / np.sqrt(n)
            cells = zip(np.nanmean(changes, axis=0), spread, strict=True)
            text = "   ".join(f"{mean:+.4f} ± {error:.4f}" for mean, error in cells)
            print(f"  {wrong:.0%} wrong, weight {weight:<5} {text}")


def users_of(seed: int) -> Iterator[list[list[tuple[float, float]]]]:
    """Measure each user left out: one row per number of stars, stars alone first."""
    rng = np.random.default_rng(seed)
    dataset = MovieLens.open(SAMPLE)
    movies = sorted(dataset.movies(), key=lambda movie: movie.id)
    ratings = dataset.ratings().to_ratings(items=np.array([m.id for m in movies]))
    left_out = rng.random(ratings.n_users) < LEFT_OUT
    train = without(ratings, left_out)
    features = one_hot([words_of(movie.genres, movie.year) for movie in movies])
    seeded = np.random.default_rng(1)
    rating = fit_head(train, RATING, item_features=features, rng=seeded).head
    ranking = fit_head(train, RANKING, name="ranking", rng=seeded).head
    for user in np.flatnonzero(left_out).tolist():
        indices, values = ratings.by_user.row(user)
        order = rng.permutation(len(values))
        rated = indices[order], values[order]
        if len(values) >= N_TEST + N_VOTES + max(N_STARS):
            yield measured(rating, ranking, rated, rng)


def without(ratings: Ratings, left_out: BoolVector) -> Ratings:
    """Drop users; their rows and all items stay."""
    kept = ~left_out[ratings.by_user.row_of_each()]
    return Ratings.from_arrays(
        ratings.user_ids[ratings.by_user.row_of_each()[kept]],
        ratings.item_ids[ratings.by_user.indices[kept]],
        ratings.by_user.values[kept],
        users=ratings.user_ids,
        items=ratings.item_ids,
    )


def measured(
    rating: Head, ranking: Head, rated: Rated, rng: np.random.Generator
) -> list[list[tuple[float, float]]]:
    """Fold one user in from each number of stars, alone and with each case of votes."""
    test, (indices, values) = first(rated, N_TEST), rest(rated, N_TEST)
    is_vote = (values >= LIKED_FROM) | (values < DISLIKED_BELOW)
    voted = first((indices[is_vote], values[is_vote]), N_VOTES)
    stays = ~np.isin(indices, voted[0])
    free = indices[stays], values[stays]
    luck = rng.random(len(voted[0]))
    rows = []
    for n_stars in N_STARS:
        stars = first(free, n_stars)
        seen = np.append(stars[0], voted[0])  # listed in no case
        row = [figures(rating, ranking, stars, np.ones(n_stars), seen, test)]
        for wrong, weight in product(WRONG, WEIGHTS):
            is_like = (voted[1] >= LIKED_FROM) ^ (luck < wrong)
            told = seen, np.append(stars[1], np.where(is_like, LIKED, DISLIKED))
            weights = np.append(np.ones(n_stars), np.full(len(voted[0]), weight))
            row.append(figures(rating, ranking, told, weights, seen, test))
        rows.append(row)
    return rows


def first(rated: Rated, n: int) -> Rated:
    """Take the first `n`."""
    return rated[0][:n], rated[1][:n]


def rest(rated: Rated, n: int) -> Rated:
    """Take all but the first `n`."""
    return rated[0][n:], rated[1][n:]


def figures(
    rating: Head,
    ranking: Head,
    told: Rated,
    weights: ExactVector,
    seen: IndexVector,
    test: Rated,
) -> tuple[float, float]:
    """Squared error of the stars, and NDCG@10; NaN where no held-out movie is liked."""
    folded_user = fold_in(rating, *told, weights=weights)
    predicted = np.clip(predict(rating, folded_user, test[0]), 0.5, 5)
    relevant = test[0][test[1] >= LIKED_FROM]
    scores = ranking.scores(fold_in(ranking, *told, weights=weights))
    found = top_k(scores, 10, excluded=seen)
    gain = ndcg_at_k(found, relevant, k=10) if len(relevant) else np.nan
    return float(np.square(predicted - test[1]).mean()), gain


if __name__ == "__main__":
    main()
