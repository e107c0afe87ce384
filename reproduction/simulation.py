"""The A/B test of the paper, with simulated users."""

import numpy as np
from scipy.stats import chi2_contingency, norm

from engine import Head, fold_in, predict, uncertainty
from engine.arrays import BoolVector
from reproduction.catalogue import Catalogue
from reproduction.results import ChiSquare, Comparison, Votes

N_VOTERS = 100
LIKED_FROM = 4.0  # stars, as in the engine's evaluation


def simulate(
    catalogue: Catalogue,
    versions: dict[str, Head],
    judge: Head,
    *,
    rng: np.random.Generator,
) -> Comparison:
    """Let each version of the model recommend to its share of some users.

    The click model: a movie shown is liked when a rating drawn for it is `LIKED_FROM`
    stars or more. The rating is normal, with the mean ``m`` and the deviation ``s``
    that the judge predicts for this user and movie::

        P(like) = Φ((m - LIKED_FROM) / s)

    The judge is none of the versions, for nobody may be their own judge.
    """
    n_voters = min(N_VOTERS, catalogue.ratings.n_users)
    voters = rng.permutation(catalogue.ratings.n_users)[:n_voters]
    votes = []
    for name, share in zip(
        versions, np.array_split(voters, len(versions)), strict=True
    ):
        liked = np.concatenate(
            [_votes(catalogue, versions[name], judge, user, rng=rng) for user in share]
        )
        likes = int(liked.sum())
        votes.append(count(name, len(share), likes, len(liked) - likes))
    return compare(votes)


def count(version: str, n_users: int, likes: int, dislikes: int) -> Votes:
    """Sum one version's votes up."""
    n_votes = likes + dislikes
    share = likes / n_votes if n_votes else None
    return Votes(version, n_users, likes, dislikes, share)


def compare(votes: list[Votes]) -> Comparison:
    """Test two versions by Pearson's chi-square, plain and with Yates' correction."""
    table = np.array([[version.likes, version.dislikes] for version in votes])
    if not (table.sum(axis=0).all() and table.sum(axis=1).all()):
        return Comparison(votes, None, None)
    plain, yates = (
        chi2_contingency(table, correction=correction) for correction in (False, True)
    )
    return Comparison(
        votes,
        ChiSquare(float(plain.statistic), float(plain.pvalue)),
        ChiSquare(float(yates.statistic), float(yates.pvalue)),
    )


def _votes(
    catalogue: Catalogue,
    head: Head,
    judge: Head,
    user: int,
    *,
    rng: np.random.Generator,
) -> BoolVector:
    """Show one user a list; tell what they like of it."""
    history = catalogue.ratings.by_user.row(user)
    shown = catalogue.recommend(head, fold_in(head, *history))
    folded_user = fold_in(judge, *history)
    above = predict(judge, folded_user, shown) - LIKED_FROM
    chance = norm.cdf(above / uncertainty(judge, folded_user, shown))
    liked: BoolVector = rng.random(len(shown)) < chance
    return liked
