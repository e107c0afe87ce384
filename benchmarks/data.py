"""Ratings of MovieLens-25M's shape with known truth, kept as plain arrays on disk."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from engine.data.ratings import Ratings

CACHE = Path(__file__).parent / ".cache"

FULL_SIZE = 25_000_095, 162_541, 59_047  # ratings, users, items of MovieLens-25M
SIZES = {
    "1m": 1_000_209,
    "3m": 3_000_000,
    "10m": 10_000_054,
    "25m": FULL_SIZE[0],
}

_FEWEST = 20  # ratings of a user
_MOST_POPULAR_SHARE = 81_491 / 162_541  # of all users rated the most popular item
_MEAN, _LOWEST, _HIGHEST = 3.53, 0.5, 5.0  # stars
_N_GENRES, _N_TASTES = 20, 24
_USER_SPREAD, _ITEM_SPREAD, _NOISE = 0.41, 0.48, 0.71  # standard deviations, in stars
_GENRE_SPREAD, _TASTE_SPREAD = 0.43, 0.41
_SHARE_HELD_OUT = 0.1
_ROWS_AT_ONCE = 100_000  # of a file
_GENRES = (
    "Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "IMAX", "Musical", "Mystery", "Romance",
    "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip

Vector: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class RawRatings:
    """Training and test ratings as they would come from a file, in its order.

    `users` and `items` are ids, int64; `stars` are float32. `truth` is the test
    ratings' expectation before rounding, clipped to the scale.
    """

    users: Vector
    items: Vector
    stars: Vector
    test_users: Vector
    test_items: Vector
    test_stars: Vector
    truth: Vector

    @property
    def oracle_rmse(self) -> float:
        """Test error of the truth itself: nobody can do better."""
        return rmse(self.truth, self.test_stars)

    def ratings(self) -> Ratings:
        """Build the matrix that training takes."""
        return Ratings.from_arrays(self.users, self.items, self.stars)


def rmse(predicted: Vector, stars: Vector) -> float:
    """Root of the mean squared error, predictions clipped to the scale."""
    clipped = np.clip(predicted, _LOWEST, _HIGHEST)
    return float(np.sqrt(np.square(clipped - stars, dtype=np.float64).mean()))


def load(size: str, *, seed: int = 1) -> RawRatings:
    """Read a data set from the cache; make it if it is missing."""
    folder = CACHE / f"{size}-{seed}"
    names = [field.name for field in fields(RawRatings)]
    if not (folder / "truth.npy").exists():
        made = make(SIZES[size], rng=np.random.default_rng(seed))
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            np.save(folder / f"{name}.npy", getattr(made, name))
    return RawRatings(*(np.load(folder / f"{name}.npy") for name in names))


def write_movielens(folder: Path, size: str, *, n_movies: int) -> None:
    """Write a set, its test ratings too, as MovieLens lays out its files.

    Movies that nobody rated fill the catalogue up to `n_movies`.
    """
    raw = load(size)
    users = np.concatenate([raw.users, raw.test_users])
    order = np.argsort(users, kind="stable")
    columns = (
        users[order],
        np.concatenate([raw.items, raw.test_items])[order],
        np.concatenate([raw.stars, raw.test_stars])[order],
        np.random.default_rng(0).integers(789_652_004, 1_574_327_703, len(users)),
    )
    with (folder / "ratings.csv").open("w") as file:
        file.write("userId,movieId,rating,timestamp\n")
        for start in range(0, len(users), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            part = (column[rows].tolist() for column in columns)
            file.writelines(map("{},{},{},{}\n".format, *part))
    rated = np.unique(columns[1])
    others = np.setdiff1d(np.arange(1, 4 * n_movies), rated)[: n_movies - len(rated)]
    with (folder / "movies.csv").open("w") as file:
        file.write("movieId,title,genres\n")
        for movie in np.union1d(rated, others).tolist():
            genres = _GENRES[movie % 7], _GENRES[7 + movie % 11]
            year = 1920 + movie % 100
            file.write(f"{movie},Film number {movie} ({year}),{'|'.join(genres)}\n")


def make(n_ratings: int, *, rng: np.random.Generator) -> RawRatings:
    """Draw ratings ``μ + b_u + b_i + taste + noise``, rounded to half stars.

    A smaller set has fewer users, as active as before, and fewer items, a little less
    often rated. A user's taste is a liking for each of 20 genres and a product with 24
    further traits of an item. Each user rates distinct items, drawn in proportion to
    their popularity.
    """
    scale = n_ratings / FULL_SIZE[0]
    n_users, n_items = round(FULL_SIZE[1] * scale), round(FULL_SIZE[2] * scale**0.8)
    counts = _activity(n_users, n_ratings, most=n_items // 2, rng=rng)
    popularity = _popularity(n_items, n_ratings, counts)
    accept, alias = _alias_table(popularity)
    items = _draw_items(counts, accept, alias, rng)
    users = np.repeat(np.arange(n_users), counts)
    truth = _truth(users, items, popularity, n_users, rng=rng)
    stars = truth + rng.normal(0, _NOISE, len(truth))
    stars = (np.clip(np.round(2 * stars) / 2, _LOWEST, _HIGHEST)).astype(np.float32)
    test = rng.random(len(users)) < _SHARE_HELD_OUT
    user_ids, item_ids = users + 1, _item_ids(n_items, rng=rng)[items]
    return RawRatings(
        user_ids[~test],
        item_ids[~test],
        stars[~test],
        user_ids[test],
        item_ids[test],
        stars[test],
        np.clip(truth[test], _LOWEST, _HIGHEST).astype(np.float32),
    )


def _activity(
    n_users: int, n_ratings: int, *, most: int, rng: np.random.Generator
) -> Vector:
    """Ratings of each user: 20 and a log-normal rest with the spread of MovieLens."""
    rest = np.exp(rng.normal(0, 1.39, n_users))
    for _ in range(20):
        rest *= (n_ratings - _FEWEST * n_users) / rest.sum()
        rest = np.minimum(rest, most - _FEWEST)
    counts = _FEWEST + np.floor(rest).astype(np.int64)
    counts[rng.choice(n_users, n_ratings - counts.sum(), replace=False)] += 1
    return counts


def _popularity(n_items: int, n_ratings: int, counts: Vector) -> Vector:
    """Chances of the items that give a long tail, after each user's draws differ.

    The number of ratings wanted falls from half of all users to about one. Drawn
    without repetition, a popular item is rated less than in proportion to its chance,
    so the chances are raised until ``sum_u 1 - exp(-a_u chance_i)`` is as wanted.
    """
    most = _MOST_POPULAR_SHARE * len(counts)
    ranks = (np.arange(n_items) + 0.5) / n_items
    low, high = 0.05, 2.0  # of the exponent; the total grows with it
    for _ in range(50):
        middle = (low + high) / 2
        wanted = np.exp(np.log(most) * (1 - ranks**middle))
        low, high = (middle, high) if wanted.sum() < n_ratings else (low, middle)
    wanted = np.exp(np.log(most) * (1 - ranks**high))
    groups = np.array_split(np.sort(counts), 64)
    sizes = np.array([len(group) for group in groups])
    activity = np.array([group.mean() for group in groups])
    chance = wanted / wanted.sum()
    draws = activity.copy()
    for _ in range(30):
        missed = np.exp(-draws[:, None] * chance)
        draws *= activity / (1 - missed).sum(axis=1)
        chance *= wanted / (sizes @ (1 - missed))
    return cast("Vector", chance / chance.sum())


def _alias_table(chance: Vector) -> tuple[Vector, Vector]:
    """Tables for drawing an item in constant time (Walker 1977)."""
    accept, alias = len(chance) * chance, np.arange(len(chance))
    small = np.flatnonzero(accept < 1).tolist()
    large = np.flatnonzero(accept >= 1).tolist()
    while small and large:
        less, more = small.pop(), large[-1]
        alias[less] = more
        accept[more] -= 1 - accept[less]
        if accept[more] < 1:
            small.append(large.pop())
    return accept, alias


@njit(cache=True)
def _draw_items(
    counts: Vector, accept: Vector, alias: Vector, rng: np.random.Generator
) -> Vector:
    """Draw as many distinct items for each user as they rate, rising."""
    n_items = len(accept)
    items = np.empty(counts.sum(), dtype=np.int64)
    rated_by = np.full(n_items, -1)
    end = 0
    for user in range(len(counts)):
        start, end = end, end + counts[user]
        t = start
        while t < end:
            item = int(rng.random() * n_items)
            if rng.random() >= accept[item]:
                item = alias[item]
            if rated_by[item] != user:
                rated_by[item] = user
                items[t] = item
                t += 1
        items[start:end].sort()
    return items


def _truth(
    users: Vector,
    items: Vector,
    popularity: Vector,
    n_users: int,
    *,
    rng: np.random.Generator,
) -> Vector:
    """Noiseless rating of each pair. Popular items are liked a little better."""
    n_items = len(popularity)
    standing = np.log(popularity)
    standing = (standing - standing.mean()) / standing.std()
    item_bias = _ITEM_SPREAD * (rng.normal(size=n_items) + 0.3 * standing)
    item_bias -= popularity @ item_bias
    user_bias = rng.normal(0, _USER_SPREAD, n_users)
    genres = np.zeros((n_items, _N_GENRES))
    for _ in range(3):  # the same genre may come up again
        genres[np.arange(n_items), rng.integers(0, _N_GENRES, n_items)] = 1
    genres /= np.sqrt(genres.sum(axis=1, keepdims=True))
    decay = 1 / np.sqrt(1 + np.arange(_N_TASTES))
    decay *= _TASTE_SPREAD / np.linalg.norm(decay)
    traits = np.hstack([genres, rng.normal(size=(n_items, _N_TASTES)) * decay])
    tastes = np.hstack(
        [
            rng.normal(0, _GENRE_SPREAD, (n_users, _N_GENRES)),
            rng.normal(size=(n_users, _N_TASTES)),
        ]
    )
    return _MEAN + _scores(
        users, items, user_bias, item_bias,
        tastes.astype(np.float32), traits.astype(np.float32),
    )  # fmt: skip


@njit(cache=True, fastmath=True)
def _scores(
    users: Vector, items: Vector, a: Vector, b: Vector, p: Vector, q: Vector
) -> Vector:
    """``a_u + b_i + p_u'q_i`` of each pair."""
    scores = np.empty(len(users))
    for t in range(len(users)):
        mine, theirs = p[users[t]], q[items[t]]
        product = np.float32(0)
        for f in range(p.shape[1]):
            product += mine[f] * theirs[f]
        scores[t] = a[users[t]] + b[items[t]] + product
    return scores


def _item_ids(n_items: int, *, rng: np.random.Generator) -> Vector:
    """Ids with gaps, in no order of popularity, as MovieLens has them."""
    return rng.choice(4 * n_items, n_items, replace=False) + 1
