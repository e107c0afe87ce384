"""The ranking head: numbers of a ridge head that follow from the ratings.

With ``d`` the share of pairs that have a rating, ``r̄`` and ``s`` the mean and standard
deviation of the ratings, a pair without one counts as the rating

    g = r̄ - 4 s sqrt(1 - d)          with the weight   a = m (1 - d) min(0.22, 3 d^0.6),

and weights of factors are ``λ (r̄ - g)``. All of it follows the scale of the ratings.
``m`` is 1 unless a quick hold-out inside the training ratings favours another value by
more than two standard errors.
"""

from dataclasses import replace

import numpy as np

from engine.arrays import ExactVector, Indices
from engine.data.ratings import Ratings
from engine.data.splits import Split, split_by_user
from engine.errors import DataError
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.kernels.top_k import top_k_of_users
from engine.model.configuration import RankingConfig, RidgeConfig
from engine.model.heads import Head
from engine.training import als
from engine.training.sweeps import Figures, Report, TrainingData

_DISTANCE = 4.0  # standard deviations from the mean to the unobserved target
_LEAST_REST = 0.01  # of the pairs is without a rating, or counts as such
_DENSE, _MANY_FACTORS, _FACTORS = 0.03, 256, 128
_BIAS_WEIGHTS = 4.0, 250.0  # of users and items: popularity is a matter of factors
_LARGEST_WEIGHT = 0.6
_LADDERS = (1.6, 2.56), (0.7,)  # multipliers tried beside 1, up and down
_TRIAL_FACTORS, _TRIAL_SWEEPS = 64, 4
_TRIAL_MOST_USERS, _TRIAL_USERS = 20_000, 2000  # trained on, and judged
_LIST = 10


def train(
    data: TrainingData,
    configuration: RankingConfig,
    *,
    report: Report,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Choose the numbers, then train by alternating least squares.

    Parameters and errors as for `engine.training.fit.fit_head`.
    """
    trial_rng, rng = rng.spawn(2)
    chosen = ridge_config(
        data.ratings, configuration,
        multiplier=_multiplier(data.ratings, configuration, trial_rng, workers),
    )  # fmt: skip
    return als.train(data, chosen, report=report, rng=rng, workers=workers)


def ridge_config(
    ratings: Ratings, configuration: RankingConfig, *, multiplier: float = 1.0
) -> RidgeConfig:
    """Turn shares into numbers for these ratings.

    Parameters
    ----------
    ratings : Ratings
    configuration : RankingConfig
    multiplier : float
        ``m``; without effect where the configuration has an `unobserved_weight`.
    """
    density = ratings.total_weight / (ratings.n_users * ratings.n_items)
    rest = max(1 - density, _LEAST_REST)
    distance = _DISTANCE * (float(np.sqrt(ratings.variance)) or 1.0) * np.sqrt(rest)
    usual = multiplier * rest * min(0.22, 3 * density**0.6)
    factors = _MANY_FACTORS if density < _DENSE else _FACTORS
    return RidgeConfig(
        n_factors=configuration.n_factors or min(factors, ratings.n_items),
        n_sweeps=configuration.n_sweeps,
        user_weight=configuration.regularization * float(distance),
        item_weight=configuration.regularization * float(distance),
        user_bias_weight=_BIAS_WEIGHTS[0],
        item_bias_weight=_BIAS_WEIGHTS[1],
        exponent=configuration.exponent,
        prior_count=configuration.prior_count,
        unobserved_weight=configuration.unobserved_weight
        or min(usual, _LARGEST_WEIGHT),
        unobserved_target=ratings.mean - float(distance),
        centring=configuration.centring,
    )


def _multiplier(
    ratings: Ratings,
    configuration: RankingConfig,
    rng: np.random.Generator,
    workers: Workers,
) -> float:
    """Find ``m`` on a tenth of each user's ratings, held out."""
    if configuration.unobserved_weight > 0:
        return 1.0
    try:
        split = split_by_user(_of_some_users(ratings, rng), rng=rng)
    except DataError:  # too few to hold any out
        return 1.0
    small = replace(configuration, n_factors=_TRIAL_FACTORS, n_sweeps=_TRIAL_SWEEPS)
    seed = int(rng.integers(2**32))

    def gains(multiplier: float) -> ExactVector:
        trial = ridge_config(split.train, small, multiplier=multiplier)
        head, users = als.train(
            TrainingData(split.train), trial, report=_ignore,
            rng=np.random.default_rng(seed), workers=workers,
        )  # fmt: skip
        return _ndcg_of_users(split, head, users)

    best, figures = 1.0, gains(1.0)
    for ladder in _LADDERS:
        for multiplier in ladder:
            found = gains(multiplier)
            if not _is_certain(found - figures):
                break
            best, figures = multiplier, found
        if best != 1:
            break
    return best


def _of_some_users(ratings: Ratings, rng: np.random.Generator) -> Ratings:
    """Keep all ratings, or those of 20,000 users."""
    if ratings.n_users <= _TRIAL_MOST_USERS:
        return ratings
    rows, users = ratings.by_user, ratings.by_user.row_of_each()
    chosen = np.zeros(ratings.n_users, dtype=np.bool_)
    chosen[rng.choice(ratings.n_users, _TRIAL_MOST_USERS, replace=False)] = True
    kept = chosen[users]
    return Ratings.from_arrays(
        ratings.user_ids[users[kept]],
        ratings.item_ids[rows.indices[kept]],
        rows.values[kept],
        items=ratings.item_ids,
        weights=None if rows.weights is None else rows.weights[kept],
    )


def _is_certain(differences: ExactVector) -> bool:
    """Whether paired differences are above 0 by two standard errors."""
    n = len(differences)
    error = differences.std(ddof=1) / np.sqrt(n) if n > 1 else np.inf
    return bool(n > 0 and differences.mean() > 2 * error)


def _ndcg_of_users(split: Split, head: Head, users: Side) -> ExactVector:
    """NDCG@10 of at most 2,000 users with a held-out rating above the mean."""
    test, train = split.test, split.train.by_user
    liked = test.values >= split.train.mean
    relevant = test.user_indices[liked], test.item_indices[liked]
    pairs = np.sort(_pairs(*relevant, head.n_items))
    judged, n_relevant = np.unique(test.user_indices[liked], return_counts=True)
    lists = top_k_of_users(head, users.factors, _LIST, seen=train)
    discounts = 1 / np.log2(np.arange(2, _LIST + 2))
    gains = []
    for user in judged[:_TRIAL_USERS]:
        listed = _pairs(np.full_like(lists[user], user), lists[user], head.n_items)
        found = pairs.take(np.searchsorted(pairs, listed), mode="clip") == listed
        gains.append(discounts[: len(found)] @ found)
    best = np.cumsum(discounts)[np.minimum(n_relevant, _LIST) - 1]
    figures: ExactVector = np.array(gains) / best[:_TRIAL_USERS]
    return figures


def _pairs(users: Indices, items: Indices, n_items: int) -> Indices:
    """One number for each pair."""
    return users.astype(np.int64) * n_items + items


def _ignore(figures: Figures) -> None:
    """Report nothing: a trial is no sweep of the training."""
