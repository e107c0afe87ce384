"""The paper's A/B test: counts of votes, and Pearson's test of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from engine import Head, fold_in, predict, uncertainty
from engine.arrays import BoolVector
from engine.experiments.contingency import pearson_chi_square, yates_chi_square
from reproduction.catalogue import Catalogue

N_VOTERS = 100
LIKED_FROM = 4.0  # stars, as in the engine's evaluation


@dataclass(frozen=True)
class ChiSquare:
    """Pearson's test of one table of counts."""

    statistic: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """Two versions compared.

    Attributes
    ----------
    votes : DataFrame
        ``version``, ``n_users``, ``likes``, ``dislikes`` and ``like_share``; NaN for a
        version without votes.
    plain, yates : ChiSquare or None
        Without and with Yates' correction; None unless there are likes and dislikes,
        and votes on both versions.
    """

    votes: pd.DataFrame
    plain: ChiSquare | None
    yates: ChiSquare | None


def compare(counts: pd.DataFrame) -> Comparison:
    """Test two versions by their ``likes`` and ``dislikes``."""
    table = counts[["likes", "dislikes"]].to_numpy(dtype=np.float64)
    totals = table.sum(axis=1)
    votes = counts.assign(like_share=counts["likes"] / totals)
    if not (totals.all() and table.sum(axis=0).all()):
        return Comparison(votes, None, None)
    plain, yates = (
        ChiSquare(float(found.statistic), float(found.p_value))
        for found in (
            pearson_chi_square(table[:, 0], totals),
            yates_chi_square(table[:, 0], totals),
        )
    )
    return Comparison(votes, plain, yates)


def simulate(
    catalogue: Catalogue,
    versions: dict[str, Head],
    judge: Head,
    *,
    rng: np.random.Generator,
) -> Comparison:
    """Let each version recommend to its share of simulated voters.

    The click model: a user likes a movie if a rating drawn for it is at least
    `LIKED_FROM` stars. The rating is normal with the judge's predicted mean ``m`` and
    standard deviation ``s`` for this user and movie::

        P(like) = Φ((m - LIKED_FROM) / s)

    The judge must be none of the versions, since no model may judge itself.
    """
    n_voters = min(N_VOTERS, catalogue.ratings.n_users)
    voters = rng.permutation(catalogue.ratings.n_users)[:n_voters]
    groups = np.array_split(voters, len(versions))
    rows = []
    for (version, head), users in zip(versions.items(), groups, strict=True):
        liked = np.concatenate(
            [_votes(catalogue, head, judge, user, rng=rng) for user in users]
        )
        likes = int(liked.sum())
        rows.append(
            {
                "version": version,
                "n_users": len(users),
                "likes": likes,
                "dislikes": len(liked) - likes,
            }
        )
    return compare(pd.DataFrame(rows))


def _votes(
    catalogue: Catalogue,
    head: Head,
    judge: Head,
    user: int,
    *,
    rng: np.random.Generator,
) -> BoolVector:
    """Show one user a list and draw the votes."""
    history = catalogue.ratings.by_user.row(user)
    shown = catalogue.recommend(head, fold_in(head, *history)).index.to_numpy()
    judged = fold_in(judge, *history)
    above = predict(judge, judged, shown) - LIKED_FROM
    chance = ndtr(above / uncertainty(judge, judged, shown))
    liked: BoolVector = rng.random(len(shown)) < chance
    return liked
