"""Plan an experiment: what is fixed before its start, and how many users it needs.

The calculations rest on the standard deviation ``d`` of a user's value in each variant
(`statistics.metric_values`) and on the standard error of the difference::

    s = sqrt((d_control^2 / w_control + d_treatment^2 / w_treatment) / n)

for ``n`` users, of whom each variant receives the share ``w``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

from scipy import special

from engine.checks import (
    WEIGHT_TOLERANCE,
    check_positive,
    check_probability,
    check_weights,
)
from engine.errors import DataError
from engine.experiments.contingency import design_effect
from engine.experiments.sequential import anytime_error
from engine.experiments.statistics import Metric, Votes

Pair: TypeAlias = tuple[float, float]
"""A value of the control and one of the treatment."""


class PlanError(DataError):
    """A design cannot carry out a plan.

    Attributes
    ----------
    part : str
        The part of the plan to change: ``variants``, ``metric`` or ``assumed``.
    code : str
        The reason, as a stable word for programs.
    """

    def __init__(self, part: str, code: str, message: str) -> None:
        super().__init__(message)
        self.part = part
        self.code = code


@dataclass(frozen=True)
class Plan:
    """The plan of an experiment, fixed before it starts.

    Attributes
    ----------
    names : sequence of str
        Names of the variants, the control first.
    weights : sequence of float
        Planned share of users of each variant, summing to 1.
    metric : {"like_share", "likes_per_user", "net_likes_per_user"}
        The metric that decides.
    minimum_effect : float
        The minimum detectable effect, above 0, in the unit of the metric.
    alpha : float
        Probability of any false alarm.
    power : float
        Probability of detecting an effect of that size.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    names: Sequence[str]
    weights: Sequence[float]
    metric: Metric
    minimum_effect: float
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        """Validate once."""
        check_weights(self.weights)
        if len(set(self.names)) != len(self.weights):
            raise DataError("each variant needs a weight and a name of its own")
        check_probability(self.alpha, name="alpha")
        check_probability(self.power, name="power")
        check_positive(self.minimum_effect, name="minimum_effect")

    @property
    def planned_error(self) -> float:
        """Standard error at which each comparison is planned to end.

        Several treatments share alpha equally, which is where Holm's correction starts.
        """
        alpha = self.alpha / (len(self.weights) - 1)
        return anytime_error(self.minimum_effect, alpha=alpha, power=self.power)


@dataclass(frozen=True)
class VotingPattern:
    """Expected votes of users.

    Attributes
    ----------
    like_share : float
        Share of likes among all votes, between 0 and 1.
    votes_per_user : float
        Mean number of votes, above 0.
    design_effect : float
        Design effect of the share of likes, above 0.
    votes : Votes or None
        The votes that the pattern was estimated from; None if it is an assumption.
    """

    like_share: float
    votes_per_user: float
    design_effect: float = 1.0
    votes: Votes | None = None

    @classmethod
    def observed(cls, votes: Votes) -> Self:
        """Estimate the pattern from votes.

        Parameters
        ----------
        votes : Votes, shape (n_users,)

        Raises
        ------
        DataError
            The design effect is undefined, as for `contingency.design_effect`.
        """
        effect = float(design_effect(votes))
        return cls(
            like_share=float(votes.likes.sum() / votes.votes.sum()),
            votes_per_user=float(votes.votes.mean()),
            design_effect=effect,
            votes=votes,
        )


def expected_design_effect(
    *, correlation: float, votes_per_user: float, variation: float = 0.0
) -> float:
    """Predict the design effect before there are votes.

    ``1 + ((1 + v^2) m - 1) c`` for a mean of ``m`` votes per user, their coefficient of
    variation ``v``, and the correlation ``c`` of two votes of one user [1]_.

    Parameters
    ----------
    correlation : float
        ``c``, 0 to 1.
    votes_per_user : float
        ``m``, above 0.
    variation : float
        ``v``, at least 0: standard deviation of the number of votes per user divided
        by its mean.

    Raises
    ------
    DataError
        A value lies outside its range.

    References
    ----------
    .. [1] Eldridge, Ashby and Kerry (2006), Sample size for cluster randomized trials:
       effect of coefficient of variation of cluster size. doi:10.1093/ije/dyl129
    """
    if not 0 <= correlation <= 1:
        raise DataError(f"correlation is {correlation}; it must be between 0 and 1")
    check_positive(votes_per_user, name="votes_per_user")
    if not 0 <= variation < math.inf:
        raise DataError(f"variation is {variation}; it must be finite, at least 0")
    return 1 + ((1 + variation**2) * votes_per_user - 1) * correlation


def share_deviation(
    share: float, *, votes_per_user: float, design_effect: float
) -> float:
    """Compute the standard deviation of a user's value of the share of likes.

    ``sqrt(p (1 - p) D / m)`` for a share ``p``, ``m`` votes per user and the design
    effect ``D``.

    Parameters
    ----------
    share : float
        ``p``, between 0 and 1.
    votes_per_user : float
        ``m``, above 0.
    design_effect : float
        ``D``, above 0.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_probability(share, name="share")
    check_positive(votes_per_user, name="votes_per_user")
    check_positive(design_effect, name="design_effect")
    return math.sqrt(share * (1 - share) * design_effect / votes_per_user)


def standard_error(
    deviations: Pair, *, n_users: float, weights: Pair = (0.5, 0.5)
) -> float:
    """Compute the standard error of a difference between two variants.

    Parameters
    ----------
    deviations : pair of float
        Standard deviation of a user's value in control and treatment, above 0.
    n_users : float
        Users in all variants together, above 0.
    weights : pair of float
        Shares of `n_users` in control and treatment.

    Returns
    -------
    float
        In the unit of the metric.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(n_users, name="n_users")
    return math.sqrt(_variance_times_users(deviations, weights) / n_users)


def required_users(
    deviations: Pair, *, error: float, weights: Pair = (0.5, 0.5)
) -> int:
    """Compute the number of users at which the standard error equals `error`.

    Parameters
    ----------
    deviations : pair of float
        Standard deviation of a user's value in control and treatment, above 0.
    error : float
        From `fixed_error` for one look at the end, or from `sequential.anytime_error`.
    weights : pair of float
        Shares of all users in control and treatment.

    Returns
    -------
    int
        Users in all variants together.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(error, name="error")
    return math.ceil(_variance_times_users(deviations, weights) / error**2)


def fixed_error(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Compute the standard error at which one look detects an effect with this power.

    ``effect / (z_(1 - alpha/2) + z_power)`` with quantiles ``z`` of the normal
    distribution.

    Parameters
    ----------
    effect : float
        The minimum detectable effect, above 0, in the unit of the metric.
    alpha, power : float
        Between 0 and 1.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(effect, name="effect")
    return effect / (_critical(alpha) + _quantile(power))


def power_of(effect: float, *, error: float, alpha: float = 0.05) -> float:
    """Compute the power of one look: the probability that it detects an effect.

    Parameters
    ----------
    effect : float
        The true difference; its sign does not matter.
    error : float
        Standard error at the look, above 0.
    alpha : float
        Between 0 and 1.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(error, name="error")
    critical, shift = _critical(alpha), effect / error
    return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))


def _critical(alpha: float) -> float:
    check_probability(alpha, name="alpha")
    return -float(special.ndtri(alpha / 2))


def _quantile(power: float) -> float:
    check_probability(power, name="power")
    return float(special.ndtri(power))


def _variance_times_users(deviations: Pair, weights: Pair) -> float:
    """Compute the variance of the difference times the number of users."""
    if not (min(weights) > 0 and sum(weights) <= 1 + WEIGHT_TOLERANCE):
        raise DataError(f"weights are {weights}; each above 0, at most 1 in all")
    for deviation in deviations:
        check_positive(deviation, name="deviation")
    return sum(
        deviation**2 / weight
        for deviation, weight in zip(deviations, weights, strict=True)
    )
