"""Tables of likes and dislikes: chi-square as the paper has it, and as it should be.

Pearson's test takes votes for independent. The votes of one user are not, so it finds
differences where there are none; `rao_scott_chi_square` corrects it. Arrays may have
any axes before the one named last, for many experiments at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from engine.arrays import ExactMatrix, ExactVector
from engine.errors import DataError
from engine.experiments.statistics import Votes, has_spread, metric_values


@dataclass(frozen=True)
class ChiSquare:
    """A test of whether all variants have the same share of likes.

    Attributes
    ----------
    statistic, p_value : ndarray of float64, shape (...)
    degrees_of_freedom : int
        Number of variants minus 1.
    """

    statistic: ExactVector
    p_value: ExactVector
    degrees_of_freedom: int


def pearson_chi_square(likes: ExactMatrix, votes: ExactMatrix) -> ChiSquare:
    """Test a table of likes and dislikes by Pearson's chi-square.

    The sum of ``(observed - expected)^2 / expected`` over the cells, which for shares
    ``p_v`` of ``n_v`` votes and ``p`` of all is::

        sum_v n_v (p_v - p)^2 / (p (1 - p))

    It takes votes for independent. They are not: see `rao_scott_chi_square`.

    Parameters
    ----------
    likes, votes : ndarray of float64, shape (..., n_variants)
        Totals of each variant.

    Returns
    -------
    ChiSquare

    Raises
    ------
    DataError
        A variant has no vote, or all votes are alike.
    """
    shares, overall = _shares(likes, votes)
    squares = votes * np.square(shares - overall[..., None])
    return _chi_square(
        squares.sum(axis=-1) / (overall * (1 - overall)), n_variants=votes.shape[-1]
    )


def yates_chi_square(likes: ExactMatrix, votes: ExactMatrix) -> ChiSquare:
    """Test a 2 x 2 table with Yates' correction for continuity.

    Pearson's statistic with each ``|observed - expected|`` made smaller by 1/2, or by
    itself where it is less.

    Parameters
    ----------
    likes, votes : ndarray of float64, shape (..., 2)
        Totals of each variant.

    Returns
    -------
    ChiSquare

    Raises
    ------
    DataError
        There are not two variants, one has no vote, or all votes are alike.

    References
    ----------
    .. [1] Yates (1934). doi:10.2307/2983604
    """
    if votes.shape[-1] != 2:  # noqa: PLR2004 - a 2 x 2 table
        raise DataError("Yates' correction is for two variants")
    shares, overall = _shares(likes, votes)
    off = votes[..., 0] * np.abs(shares[..., 0] - overall)
    corrected = off - np.minimum(off, 0.5)
    statistic = (
        np.square(corrected) * (1 / votes).sum(axis=-1) / (overall * (1 - overall))
    )
    return _chi_square(statistic, n_variants=2)


def rao_scott_chi_square(variants: Sequence[Votes]) -> ChiSquare:
    """Test shares of likes by chi-square, corrected for users who vote alike.

    Likes and votes of each variant are divided by its design effect; what is left is a
    table of effectively independent votes, to which Pearson's test applies [1]_.

    Parameters
    ----------
    variants : sequence of Votes
        At least two.

    Returns
    -------
    ChiSquare

    Raises
    ------
    DataError
        There are fewer than two variants, or the votes of one have no spread from
        which a design effect could be estimated.

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
    """Estimate how many votes count as much as one independent vote.

    The variance of the share of likes over users, as a multiple of what it would be if
    all ``n`` votes were independent, ``p (1 - p) / n``.

    Parameters
    ----------
    votes : Votes

    Returns
    -------
    ndarray of float64, shape (...)
        About ``1 + (m - 1) c`` for users with ``m`` votes each, when two votes of a
        user correlate by ``c``.

    Raises
    ------
    DataError
        There are fewer than two users, nobody voted, or no user's votes differ from
        the common share.
    """
    if votes.n_users < 2:  # noqa: PLR2004 - for a variance
        raise DataError("statistics need at least two users in each variant")
    values = metric_values(votes, "like_share")
    if not has_spread(values).all():
        raise DataError("all users voted alike: no design effect can be estimated")
    totals = votes.votes.sum(axis=-1)
    share = votes.likes.sum(axis=-1) / totals
    variance = values.var(axis=-1, ddof=1) / votes.n_users
    return np.asarray(variance * totals / (share * (1 - share)))


def _shares(likes: ExactMatrix, votes: ExactMatrix) -> tuple[ExactMatrix, ExactVector]:
    """Shares of likes of each variant and of all, when there is anything to test."""
    if likes.shape != votes.shape or votes.shape[-1:] < (2,):
        raise DataError("expected likes and votes of at least two variants")
    if not ((votes > 0) & (likes >= 0) & (likes <= votes)).all():
        raise DataError("each variant needs votes, and no more likes than votes")
    overall = np.asarray(likes.sum(axis=-1) / votes.sum(axis=-1))
    if not ((overall > 0) & (overall < 1)).all():
        raise DataError("all votes are alike: there is nothing to test")
    return likes / votes, overall


def _chi_square(statistic: ExactVector, *, n_variants: int) -> ChiSquare:
    freedom = n_variants - 1
    return ChiSquare(statistic, special.chdtrc(freedom, statistic), freedom)
