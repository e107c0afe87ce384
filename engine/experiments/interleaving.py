"""Team-draft interleaving: one list drawn from two, credited by what is liked.

Each user sees both variants at once and is their own control, so far fewer users are
needed than for two groups. It says which variant people prefer, not by how much.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.arrays import ExactVector, IndexVector, Indices
from engine.errors import DataError
from engine.experiments.sequential import confidence_sequence
from engine.experiments.statistics import (
    Metric,
    Votes,
    check_positive,
    check_probability,
    has_spread,
    mean_of,
    metric_values,
)
from engine.experiments.verdicts import (
    FEWEST_USERS,
    Analysis,
    Comparison,
    Design,
    Verdict,
    judge,
)


@dataclass(frozen=True)
class Interleaved:
    """One list with the team that contributed each item.

    Attributes
    ----------
    item_indices : ndarray of int32, shape (at most k,)
        Best first, each once.
    teams : ndarray of int32, same shape
        0 where the item came from the first list, 1 from the second.
    """

    item_indices: IndexVector
    teams: IndexVector


def team_draft(
    first: Indices, second: Indices, k: int, *, rng: np.random.Generator
) -> Interleaved:
    """Draw a list as two captains pick players.

    In each round a coin decides who picks first; each then takes the best item of its
    own list that is not yet taken. A captain whose list is used up lets the other pick
    alone [1]_.

    Parameters
    ----------
    first, second : array of integers
        The two lists, best first, each item once.
    k : int
        Length of the list, at least 0.
    rng : numpy.random.Generator
        Seed it by user and experiment to show one user the same draw again.

    Returns
    -------
    Interleaved
        Shorter than `k` when the two lists together are.

    Raises
    ------
    DataError
        `k` is negative or a list repeats an item.

    References
    ----------
    .. [1] Radlinski, Kurup and Joachims (2008), How does clickthrough data reflect
       retrieval quality?, algorithm 2. doi:10.1145/1458082.1458092
    """
    lists = [np.asarray(part).tolist() for part in (first, second)]
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if any(len(set(part)) < len(part) for part in lists):
        raise DataError("a list to interleave must hold each item once")
    taken: dict[int, int] = {}  # item to team, in the order of picks
    waiting = [iter(part) for part in lists]
    coins = rng.integers(2, size=k)
    for coin in coins.tolist():
        for team in (coin, 1 - coin):
            pick = next((item for item in waiting[team] if item not in taken), None)
            if pick is not None and len(taken) < k:
                taken[pick] = team
    return Interleaved(
        np.fromiter(taken.keys(), dtype=np.int32, count=len(taken)),
        np.fromiter(taken.values(), dtype=np.int32, count=len(taken)),
    )


@dataclass(frozen=True)
class Tally:
    """How many users gave one team more credit than the other.

    Attributes
    ----------
    n_wins, n_losses : int
        Users who gave the second team more, or the first one.
    n_ties : int
        All others, those who never voted too.
    """

    n_wins: int
    n_losses: int
    n_ties: int


def tally(metric: Metric, first: Votes, second: Votes) -> Tally:
    """Count the users who prefer either team.

    Parameters
    ----------
    metric : {"likes_per_user", "net_likes_per_user"}
    first, second : Votes
        Credited to each team, by the same users in the same order.

    Returns
    -------
    Tally

    Raises
    ------
    DataError
        The metric is a share, or the users differ in number.
    """
    credit = credit_difference(metric, first, second)
    n_wins, n_losses = int((credit > 0).sum()), int((credit < 0).sum())
    return Tally(n_wins, n_losses, len(credit) - n_wins - n_losses)


def analyse_pairs(design: Design, first: Votes, second: Votes) -> Analysis:
    """Say which team users prefer, if they do.

    Student's test of the mean `credit_difference`, and its confidence sequence by
    `sequential.confidence_sequence`, so that one may look at any time. It waits until
    `verdicts.FEWEST_USERS` have voted: users who have not differ by exactly 0, and a
    normal approximation must not rest on them.

    Parameters
    ----------
    design : Design
        Of two variants, by likes or net likes a user.
    first, second : Votes
        Credited to control and treatment, by the same users in the same order.

    Returns
    -------
    Analysis
        Without a sample ratio: every user sees both.

    Raises
    ------
    DataError
        The design has other variants or a share as its metric, or the users differ in
        number.
    """
    if len(design.names) != 2:  # noqa: PLR2004 - two teams
        raise DataError("two variants are interleaved, no more and no fewer")
    credit = credit_difference(design.metric, first, second)
    n_voters = int((first.votes + second.votes > 0).sum())
    if n_voters < FEWEST_USERS:
        text = f"too early: {n_voters} of the {FEWEST_USERS} voters it needs"
        return Analysis(None, (), Verdict("too_early", text))
    if not has_spread(credit):
        text = "too early: all users are of one mind"
        return Analysis(None, (), Verdict("too_early", text))
    comparison = _compared(design, credit)
    verdict = judge(design, (comparison,), better="is preferred", worse="is liked less")
    return Analysis(None, (comparison,), verdict)


def _compared(design: Design, credit: ExactVector) -> Comparison:
    fixed = mean_of(credit, alpha=design.alpha)
    anytime = confidence_sequence(
        fixed, planned_error=design.planned_error, alpha=design.alpha
    )
    needed = required_pairs(float(credit.std(ddof=1)), error=design.planned_error)
    return Comparison(
        name=design.names[1],
        fixed=fixed,
        anytime=anytime,
        p_value=float(anytime.p_value),
        more_users=max(needed - len(credit), 0),
    )


def credit_difference(metric: Metric, first: Votes, second: Votes) -> ExactVector:
    """Subtract what each user credits to the first team from the second's.

    Parameters
    ----------
    metric : {"likes_per_user", "net_likes_per_user"}
    first, second : Votes, shapes (..., n_users)
        Credited to each team, by the same users in the same order.

    Returns
    -------
    ndarray of float64, shape (..., n_users)
        Above 0 where the second team is preferred.

    Raises
    ------
    DataError
        The metric is a share, or the users differ in number.
    """
    if metric == "like_share":
        raise DataError("interleaving compares likes or net likes, not their share")
    if first.n_users != second.n_users:
        raise DataError("expected the credit of both teams for each user")
    return metric_values(second, metric) - metric_values(first, metric)


def credit_deviation(
    metric: Metric, *, like_share: float, votes_per_user: float
) -> float:
    """Bound the standard deviation of a user's difference of credit.

    A coin decides for which team a vote counts. So while neither team is preferred, the
    variance is the expected sum of squares of the votes: ``m`` where likes and dislikes
    count, ``p m`` where likes alone do. That is an upper bound, reached when all votes
    fall into different rounds of the draft. The two picks of a round differ in team, so
    if both are voted on, how readily the user likes cancels: of users who vote on all
    of a list, likes and dislikes vary by ``4 p (1 - p) (1 - c)`` of the bound, likes
    alone by ``(1 - p) (1 - c)``, with ``c`` the correlation of two votes of a user.

    Parameters
    ----------
    metric : {"likes_per_user", "net_likes_per_user"}
    like_share : float
        ``p``, between 0 and 1.
    votes_per_user : float
        ``m``, above 0.

    Returns
    -------
    float

    Raises
    ------
    DataError
        The metric is a share, or a value lies outside its range.
    """
    if metric == "like_share":
        raise DataError("interleaving compares likes or net likes, not their share")
    check_probability(like_share, name="like_share")
    check_positive(votes_per_user, name="votes_per_user")
    counted = like_share if metric == "likes_per_user" else 1.0
    return math.sqrt(counted * votes_per_user)


def required_pairs(deviation: float, *, error: float) -> int:
    """Compute how many users bring the error of a mean within users down to `error`.

    Parameters
    ----------
    deviation : float
        Of a user's difference of credit, above 0.
    error : float
        From `planning.fixed_error` or `planning.anytime_error`, above 0.

    Returns
    -------
    int

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(deviation, name="deviation")
    check_positive(error, name="error")
    return math.ceil((deviation / error) ** 2)
