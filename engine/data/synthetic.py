"""Synthetic ratings with known truth: long tails, half stars, bilinear preferences."""

from dataclasses import dataclass

import numpy as np

from engine.arrays import FloatVector
from engine.data.ratings import Ratings
from engine.errors import DataError

_MEAN, _LOWEST, _HIGHEST = 3.5, 0.5, 5.0  # stars


@dataclass(frozen=True)
class Synthetic:
    """Synthetic ratings with the truth behind them.

    Attributes
    ----------
    ratings : Ratings
        With ids from 1.
    truth : ndarray of float32, shape (n_ratings,)
        The noiseless rating of each pair, in the order of ``ratings.by_user``.
    noise : float
        Standard deviation of the noise, in stars.
    """

    ratings: Ratings
    truth: FloatVector
    noise: float


def make_ratings(
    *,
    n_users: int = 200,
    n_items: int = 120,
    n_ratings: int = 5_000,
    n_factors: int = 4,
    noise: float = 0.5,
    rng: np.random.Generator,
) -> Synthetic:
    """Draw ratings ``μ + b_u + b_i + p_u'q_i + noise``, rounded to half stars.

    Activity and popularity have long tails, as in MovieLens: the chance of a pair falls
    with the rank of its user and of its item. Every user and item keeps its row.

    Parameters
    ----------
    n_users, n_items, n_ratings, n_factors : int
        At least 1; at most half of all pairs can be rated.
    noise : float
        In stars.
    rng : numpy.random.Generator

    Raises
    ------
    DataError
        A number is below 1, or more than half of all pairs would be rated.
    """
    if min(n_users, n_items, n_ratings, n_factors) < 1:
        raise DataError("counts must be at least 1")
    if 2 * n_ratings > n_users * n_items:
        raise DataError("at most half of all pairs can be rated")
    pairs = _distinct_pairs(n_users, n_items, n_ratings, rng=rng)
    users, items = pairs // n_items, pairs % n_items
    spread = (0.8 / np.sqrt(n_factors)) ** 0.5
    p = rng.normal(0, spread, (n_users, n_factors))
    q = rng.normal(0, spread, (n_items, n_factors))
    a, b = rng.normal(0, 0.4, n_users), rng.normal(0, 0.5, n_items)
    truth = _MEAN + a[users] + b[items] + np.einsum("tf,tf->t", p[users], q[items])
    stars = np.round(2 * (truth + rng.normal(0, noise, n_ratings))) / 2
    ratings = Ratings.from_arrays(
        users + 1,
        items + 1,
        np.clip(stars, _LOWEST, _HIGHEST),
        users=np.arange(1, n_users + 1),
        items=np.arange(1, n_items + 1),
    )
    return Synthetic(ratings, truth.astype(np.float32), noise)


def _distinct_pairs(
    n_users: int, n_items: int, n_ratings: int, *, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw distinct numbers ``user * n_items + item``, sorted."""
    found = np.zeros(0, dtype=np.int64)
    while len(found) < n_ratings:
        users = _long_tailed(n_users, 2 * n_ratings, rng=rng)
        items = _long_tailed(n_items, 2 * n_ratings, rng=rng)
        found = np.sort(np.concatenate([found, users * n_items + items]))
        found = found[np.append(True, found[1:] != found[:-1])]
    return np.sort(rng.choice(found, n_ratings, replace=False))


def _long_tailed(
    n: int, size: int, *, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Draw from ``0..n-1`` with chances that fall about as one over the rank."""
    ranks = np.exp(rng.uniform(0, np.log(n + 1), size)).astype(np.int64) - 1
    return np.minimum(ranks, n - 1)
