"""Chi-square tests of tables of likes and dislikes: the paper's, and a corrected one.

Pearson's test assumes independent votes. The votes of one user are correlated, so the
test finds differences that do not exist; `rao_scott_chi_square` corrects it. Axes
before the last one count experiments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import special

from engine.arrays import ExactMatrix, ExactVector
from engine.errors import DataError
from engine.experiments.statistics import Votes, has_spread, metric_values

T = TypeVar("T")


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test of equal shares of likes in all variants.

    Attributes
    ----------
    statistic, p_value : ndarray of float64, shape (...)
    degrees_of_freedom : int
        Number of variants minus 1.
    """

    statistic: ExactVector
    p_value: ExactVector
    degrees_of_freedom: int


@dataclass(frozen=True)
class ChiSquares:
    """The chi-square tests of one experiment; None where a test is undefined."""

    pearson: ChiSquare | None = None
    yates: ChiSquare | None = None
    rao_scott: ChiSquare | None = None


@dataclass(frozen=True)
class VariantTotals:
    """Counts of one variant's exposed users; None where a ratio is undefined."""

    name: str
    n_users: int
    n_likes: int
    n_dislikes: int
    like_share: float | None
    net_likes_per_user: float | None
    design_effect: float | None


def variant_totals(name: str, votes: Votes) -> VariantTotals:
    """Sum the votes of one variant.

    Parameters
    ----------
    name : str
    votes : Votes, shape (n_users,)
    """
    n_likes, n_dislikes = int(votes.likes.sum()), int(votes.dislikes.sum())
    n_votes = n_likes + n_dislikes
    net = (n_likes - n_dislikes) / votes.n_users if votes.n_users else None
    return VariantTotals(
        name=name,
        n_users=votes.n_users,
        n_likes=n_likes,
        n_dislikes=n_dislikes,
        like_share=n_likes / n_votes if n_votes else None,
        net_likes_per_user=net,
        design_effect=_if_defined(lambda: float(design_effect(votes))),
    )


def chi_square_tests(variants: Sequence[Votes]) -> ChiSquares:
    """Test the shares of likes of one experiment by every chi-square that applies.

    Parameters
    ----------
    variants : sequence of Votes, shapes (n_users,)
    """
    likes = np.array([votes.likes.sum() for votes in variants])
    totals = np.array([votes.votes.sum() for votes in variants])
    return ChiSquares(
        pearson=_if_defined(lambda: pearson_chi_square(likes, totals)),
        yates=_if_defined(lambda: yates_chi_square(likes, totals)),
        rao_scott=_if_defined(lambda: rao_scott_chi_square(variants)),
    )


def _if_defined(compute: Callable[[], T]) -> T | None:
    """Return None, never an ordinary-looking result, where the data allow no answer."""
    try:
        return compute()
    except DataError:
        return None


def pearson_chi_square(likes: ExactMatrix, votes: ExactMatrix) -> ChiSquare:
    """Test a table of likes and dislikes by Pearson's chi-square.

    The sum of ``(observed - expected)^2 / expected`` over the cells. With the share of
    likes ``p_v`` of ``n_v`` votes in each variant and ``p`` in all, it equals::

        sum_v n_v (p_v - p)^2 / (p (1 - p))

    It assumes independent votes, which votes of one user are not: see
    `rao_scott_chi_square`.

    Parameters
    ----------
    likes, votes : ndarray of float64, shape (..., n_variants)
        Totals of each variant.

    Raises
    ------
    DataError
        A variant has no votes, or all votes are likes, or all are dislikes.
    """
    shares, overall = _shares(likes, votes)
    squares = votes * np.square(shares - overall[..., None])
    return _chi_square(
        squares.sum(axis=-1) / (overall * (1 - overall)), n_variants=votes.shape[-1]
    )


def yates_chi_square(likes: ExactMatrix, votes: ExactMatrix) -> ChiSquare:
    """Test a 2 x 2 table with Yates' correction for continuity.

    Pearson's statistic with each ``|observed - expected|`` reduced by 1/2, but not
    below 0 [1]_.

    Parameters
    ----------
    likes, votes : ndarray of float64, shape (..., 2)
        Totals of each variant.

    Raises
    ------
    DataError
        There are not exactly two variants, or as for `pearson_chi_square`.

    References
    ----------
    .. [1] Yates (1934), Contingency tables involving small numbers and the chi-square
       test. doi:10.2307/2983604
    """
    if votes.shape[-1] != 2:  # noqa: PLR2004 - a 2 x 2 table
        raise DataError("Yates' correction applies to two variants only")
    shares, overall = _shares(likes, votes)
    off = votes[..., 0] * np.abs(shares[..., 0] - overall)
    corrected = off - np.minimum(off, 0.5)
    statistic = (
        np.square(corrected) * (1 / votes).sum(axis=-1) / (overall * (1 - overall))
    )
    return _chi_square(statistic, n_variants=2)


def rao_scott_chi_square(variants: Sequence[Votes]) -> ChiSquare:
    """Test shares of likes by chi-square, corrected for correlated votes of a user.

    Divide the likes and votes of each variant by its design effect. The result is a
    table of effectively independent votes, to which Pearson's test applies [1]_.

    Parameters
    ----------
    variants : sequence of Votes
        At least two.

    Raises
    ------
    DataError
        There are fewer than two variants, or the design effect of one is undefined.

    References
    ----------
    .. [1] Rao and Scott (1992), A simple method for the analysis of clustered binary
       data. doi:10.2307/2532311
    """
    if len(variants) < 2:  # noqa: PLR2004 - nothing to compare otherwise
        raise DataError("an experiment needs at least two variants")
    effects = np.stack([design_effect(votes) for votes in variants], axis=-1)
    likes = np.stack([votes.likes.sum(axis=-1) for votes in variants], axis=-1)
    votes = np.stack([votes.votes.sum(axis=-1) for votes in variants], axis=-1)
    return pearson_chi_square(likes / effects, votes / effects)


def design_effect(votes: Votes) -> ExactVector:
    """Estimate the design effect: how many votes carry as much as one independent vote.

    The variance of the share of likes ``p`` over users, divided by the variance of
    ``n`` independent votes, ``p (1 - p) / n``.

    Returns
    -------
    ndarray of float64, shape (...)
        About ``1 + (m - 1) c`` for users with ``m`` votes each, where ``c`` is the
        correlation of two votes of one user.

    Raises
    ------
    DataError
        There are fewer than two users, no user voted, or all users have the same
        share of likes.
    """
    if votes.n_users < 2:  # noqa: PLR2004 - for a variance
        raise DataError("each variant needs at least two users")
    values = metric_values(votes, "like_share")
    if not has_spread(values).all():
        raise DataError("all users voted alike, so no design effect can be estimated")
    totals = votes.votes.sum(axis=-1)
    share = votes.likes.sum(axis=-1) / totals
    variance = values.var(axis=-1, ddof=1) / votes.n_users
    return np.asarray(variance * totals / (share * (1 - share)))


def _shares(likes: ExactMatrix, votes: ExactMatrix) -> tuple[ExactMatrix, ExactVector]:
    """Compute the share of likes of each variant and of all votes."""
    if likes.shape != votes.shape or votes.shape[-1:] < (2,):
        raise DataError("expected the likes and votes of at least two variants")
    if not ((votes > 0) & (likes >= 0) & (likes <= votes)).all():
        raise DataError("each variant needs votes, and no more likes than votes")
    overall = np.asarray(likes.sum(axis=-1) / votes.sum(axis=-1))
    if not ((overall > 0) & (overall < 1)).all():
        raise DataError("all votes are alike, so there is no difference to test")
    return likes / votes, overall


def _chi_square(statistic: ExactVector, *, n_variants: int) -> ChiSquare:
    freedom = n_variants - 1
    return ChiSquare(statistic, special.chdtrc(freedom, statistic), freedom)
