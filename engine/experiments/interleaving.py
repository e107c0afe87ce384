"""Team-draft interleaving: one list from two variants, credited by the votes on it.

Each user sees both variants at once and serves as their own control, so far fewer users
are needed than for two groups. The result says which variant users prefer, not by how
much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.arrays import ExactVector, IndexVector, Indices
from engine.checks import check_positive, check_probability
from engine.errors import DataError
from engine.experiments.assignment import Allocation
from engine.experiments.contingency import ChiSquares
from engine.experiments.designs import Design, PlannedVariant
from engine.experiments.planning import Pair, Plan, PlanError, VotingPattern
from engine.experiments.sequential import confidence_sequence
from engine.experiments.statistics import (
    Metric,
    Votes,
    has_spread,
    metric_values,
    paired_difference,
)
from engine.experiments.verdicts import (
    MIN_USERS,
    Analysis,
    Comparison,
    Preference,
    Verdict,
    verdict_on,
)


@dataclass(frozen=True)
class Draft:
    """One list, with the team that contributed each item.

    Attributes
    ----------
    item_indices : ndarray of int32, shape (at most k,)
        Best first, each once.
    teams : ndarray of int32, same shape
        The list that each item came from, as an index.
    """

    item_indices: IndexVector
    teams: IndexVector


def team_draft(lists: Sequence[Indices], k: int, *, rng: np.random.Generator) -> Draft:
    """Draw one list from two, as two captains pick players.

    In each round a coin decides which captain picks first; each then takes the best
    item of their list that is still free. When one list is used up, the other captain
    picks alone [1]_. A single list is its own draft.

    Parameters
    ----------
    lists : sequence of one or two arrays of integers
        Best first, each item once.
    k : int
        Length of the draft, at least 0.
    rng : numpy.random.Generator
        Seed it by user and experiment to show a user the same draft again.

    Returns
    -------
    Draft
        Shorter than `k` if the lists hold fewer items together.

    Raises
    ------
    DataError
        `k` is negative, a list repeats an item, or there are not one or two lists.

    References
    ----------
    .. [1] Radlinski, Kurup and Joachims (2008), How does clickthrough data reflect
       retrieval quality?, algorithm 2. doi:10.1145/1458082.1458092
    """
    ranked = [np.asarray(part).tolist() for part in lists]
    n_teams = len(ranked)
    if n_teams not in {1, 2}:
        raise DataError(f"a draft has one or two teams, not {n_teams}")
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    if any(len(set(part)) < len(part) for part in ranked):
        raise DataError("a list to interleave must hold each item once")
    taken: dict[int, int] = {}  # item to team, in the order of picks
    waiting = [iter(part) for part in ranked]
    coins = rng.integers(n_teams, size=k)
    for coin in coins.tolist():
        for turn in range(n_teams):
            team = (coin + turn) % n_teams
            pick = next((item for item in waiting[team] if item not in taken), None)
            if pick is not None and len(taken) < k:
                taken[pick] = team
    return Draft(
        np.fromiter(taken.keys(), dtype=np.int32, count=len(taken)),
        np.fromiter(taken.values(), dtype=np.int32, count=len(taken)),
    )


class Interleaved(Design):
    """Within subjects: each user's list is drawn from both variants."""

    metrics = frozenset(("likes_per_user", "net_likes_per_user"))

    def check_variants(self, variants: Sequence[PlannedVariant]) -> None:
        """Require two halves of one model that make different lists."""
        super().check_variants(variants)
        if len({variant.model_id for variant in variants}) > 1:
            message = "Interleave variants of one model: a list names its only model"
            raise PlanError("variants", "several_models", message)
        if [variant.weight for variant in variants] != [0.5, 0.5]:
            message = "Interleave two variants, each with a weight of 0.5"
            raise PlanError("variants", "pair", message)
        if len({(v.head, v.diversity, v.exploration) for v in variants}) == 1:
            message = "Let the variants differ in head, diversity or exploration"
            raise PlanError("variants", "alike", message)

    def assign(self, allocation: Allocation, user_id: int) -> Sequence[int]:
        """Return both variants, if the user takes part."""
        takes_part = allocation.variant_of(user_id) is not None
        return range(len(allocation.weights)) if takes_part else ()

    def deviation(self, metric: Metric, voting: VotingPattern) -> float:
        """As `credit_deviation`: an upper bound."""
        return credit_deviation(
            metric,
            like_share=voting.like_share,
            votes_per_user=voting.votes_per_user,
        )

    def required_users(self, deviation: float, error: float, _: Pair, /) -> int:
        """``(deviation / error)^2``: weights do not matter within users."""
        check_positive(deviation, name="deviation")
        check_positive(error, name="error")
        return math.ceil((deviation / error) ** 2)

    def chi_squares(self, _: Sequence[Votes], /) -> ChiSquares:
        """Apply no test: the groups of a table would be the same users."""
        return ChiSquares()

    def judge(
        self, plan: Plan, votes: Sequence[Votes], _: Sequence[Votes] | None = None, /
    ) -> Analysis:
        """Test the mean `credit_difference` by Student's t and a confidence sequence.

        Users who have not voted have a difference of exactly 0, which no normal
        approximation may rest on: it is too early until `verdicts.MIN_USERS` have
        voted. There is no sample ratio, because every user sees both variants.
        """
        if len(plan.names) != 2 or len(votes) != 2:  # noqa: PLR2004 - two teams
            raise DataError("interleaving compares exactly two variants")
        first, second = votes
        credit = credit_difference(plan.metric, first, second)
        preference = _preference(credit)
        n_voters = int((first.votes + second.votes > 0).sum())
        if n_voters < MIN_USERS:
            text = f"too early: {n_voters} of the {MIN_USERS} voters it needs"
            verdict = Verdict("too_early", text)
            return Analysis(None, (), verdict, preference=preference)
        if not has_spread(credit):
            verdict = Verdict("too_early", "too early: all users are of one mind")
            return Analysis(None, (), verdict, preference=preference)
        comparisons = (self._compare(plan, credit),)
        verdict = verdict_on(
            plan, comparisons, better="is preferred", worse="is liked less"
        )
        return Analysis(None, comparisons, verdict, preference=preference)

    def _compare(self, plan: Plan, credit: ExactVector) -> Comparison:
        fixed = paired_difference(credit, alpha=plan.alpha)
        anytime = confidence_sequence(
            fixed, planned_error=plan.planned_error, alpha=plan.alpha
        )
        deviation = float(credit.std(ddof=1))
        needed = self.required_users(deviation, plan.planned_error, (0.5, 0.5))
        return Comparison(
            variant=plan.names[1],
            fixed=fixed,
            anytime=anytime,
            p_value=float(anytime.p_value),
            more_users=max(needed - len(credit), 0),
        )


def _preference(credit: ExactVector) -> Preference:
    """Count the users who prefer either variant."""
    n_wins, n_losses = int((credit > 0).sum()), int((credit < 0).sum())
    return Preference(n_wins, n_losses, len(credit) - n_wins - n_losses)


def credit_difference(metric: Metric, first: Votes, second: Votes) -> ExactVector:
    """Compute each user's credit for the second team minus that for the first.

    Parameters
    ----------
    metric : {"likes_per_user", "net_likes_per_user"}
    first, second : Votes, shapes (..., n_users)
        Votes credited to each team, by the same users in the same order.

    Returns
    -------
    ndarray of float64, shape (..., n_users)
        Above 0 if the user prefers the second team.

    Raises
    ------
    DataError
        The metric is a share, or the users differ in number.
    """
    if metric == "like_share":
        raise DataError(
            "interleaving compares likes or net likes, not the share of likes"
        )
    if first.n_users != second.n_users:
        raise DataError("both teams need the credit of the same users")
    return metric_values(second, metric) - metric_values(first, metric)


def credit_deviation(
    metric: Metric, *, like_share: float, votes_per_user: float
) -> float:
    """Bound the standard deviation of a user's difference of credit from above.

    A coin decides for which team a vote counts. If users prefer neither team, the
    variance is the expected sum of squared votes: ``m`` for net likes, ``p m`` for
    likes. Votes that all fall into different rounds of the draft reach this bound. The
    two picks of a round belong to different teams, so two votes in one round partly
    cancel: if users vote on whole lists, the variance of net likes is ``4 p (1 - p)
    (1 - c)`` of the bound and that of likes ``(1 - p) (1 - c)``, where ``c`` is the
    correlation of two votes of one user.

    Parameters
    ----------
    metric : {"likes_per_user", "net_likes_per_user"}
    like_share : float
        ``p``, between 0 and 1.
    votes_per_user : float
        Mean number of votes ``m``, above 0.

    Raises
    ------
    DataError
        The metric is a share, or a value lies outside its range.
    """
    if metric == "like_share":
        raise DataError(
            "interleaving compares likes or net likes, not the share of likes"
        )
    check_probability(like_share, name="like_share")
    check_positive(votes_per_user, name="votes_per_user")
    counted = like_share if metric == "likes_per_user" else 1.0
    return math.sqrt(counted * votes_per_user)
