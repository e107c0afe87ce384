"""How many users an experiment needs, and what it can find with those it has.

Everything rests on one number of the metric in each variant, the standard deviation of
a user's value (`experiments.metric_values`), and on the standard error they give::

    s = sqrt((d_control^2 / w_control + d_treatment^2 / w_treatment) / n)

for ``n`` users of which each variant gets its weight ``w``.
"""

import math
from typing import TypeAlias

from scipy import special

from engine.errors import DataError
from engine.experiments.sequential import anytime_multiplier, mixture_scale
from engine.experiments.statistics import check_positive, check_probability

_TOLERANCE = 1e-9  # of weights written in decimals

Pair: TypeAlias = tuple[float, float]
"""A value of the control and one of the treatment."""


def expected_design_effect(
    *, correlation: float, votes_per_user: float, variation: float = 0.0
) -> float:
    """Estimate the design effect of users who vote alike, before there are any.

    ``1 + ((1 + v^2) m - 1) c`` for ``m`` votes a user on average, coefficient of
    variation ``v``, and correlation ``c`` of two votes of one user [1]_.

    Parameters
    ----------
    correlation : float
        ``c``, 0 to 1.
    votes_per_user : float
        ``m``, above 0.
    variation : float
        ``v``: standard deviation of the number of votes over its mean; 0 if everybody
        votes equally often.

    Returns
    -------
    float

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
        raise DataError(f"variation is {variation}; it must be at least 0")
    return 1 + ((1 + variation**2) * votes_per_user - 1) * correlation


def share_deviation(
    share: float, *, votes_per_user: float, design_effect: float
) -> float:
    """Compute the standard deviation of a user's value of the share of likes.

    ``sqrt(p (1 - p) D / m)``: with one vote a user that of a coin, less with more
    votes, but only as far as the design effect ``D`` lets them count.

    Parameters
    ----------
    share : float
        ``p``, between 0 and 1.
    votes_per_user : float
        ``m``, above 0.
    design_effect : float
        ``D``, above 0.

    Returns
    -------
    float

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
        Of a user's value in control and treatment, above 0.
    n_users : float
        In all variants together, above 0.
    weights : pair of float
        Shares of `n_users` that control and treatment get.

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
    return math.sqrt(_variance_of_one_user(deviations, weights) / n_users)


def required_users(
    deviations: Pair, *, error: float, weights: Pair = (0.5, 0.5)
) -> int:
    """Compute how many users bring the standard error down to `error`.

    Parameters
    ----------
    deviations : pair of float
        Of a user's value in control and treatment, above 0.
    error : float
        From `fixed_error` for one look at the end, from `anytime_error` for a
        confidence sequence.
    weights : pair of float
        Shares of all users that control and treatment get.

    Returns
    -------
    int
        In all variants together.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(error, name="error")
    return math.ceil(_variance_of_one_user(deviations, weights) / error**2)


def fixed_error(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Compute the standard error at which one look finds an effect with this power.

    ``effect / (z_(1 - alpha/2) + z_power)``.

    Parameters
    ----------
    effect : float
        The smallest difference worth finding, above 0, in the unit of the metric.
    alpha, power : float
        Between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(effect, name="effect")
    return effect / (_critical(alpha) + _quantile(power))


def anytime_error(effect: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Compute the standard error at which a confidence sequence finds an effect.

    As `fixed_error`, with the multiplier of the sequence where it is tightest. The
    power counts the last look only; the looks before it add some.

    Parameters
    ----------
    effect : float
        The smallest difference worth finding, above 0, in the unit of the metric.
    alpha, power : float
        Between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(effect, name="effect")
    check_probability(alpha, name="alpha")
    tightest = float(anytime_multiplier(mixture_scale(alpha), alpha))
    return effect / (tightest + _quantile(power))


def power_of(effect: float, *, error: float, alpha: float = 0.05) -> float:
    """Compute the chance that one look finds an effect.

    Parameters
    ----------
    effect : float
        The true difference; its sign does not matter.
    error : float
        Standard error at the look, above 0.
    alpha : float
        Between 0 and 1.

    Returns
    -------
    float

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(error, name="error")
    critical, shift = _critical(alpha), effect / error
    return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))


def detectable_effect(
    error: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Compute the smallest effect that one look finds with this power.

    Parameters
    ----------
    error : float
        Standard error at the look, above 0.
    alpha, power : float
        Between 0 and 1.

    Returns
    -------
    float
        In the unit of the metric.

    Raises
    ------
    DataError
        A value lies outside its range.
    """
    check_positive(error, name="error")
    return error * (_critical(alpha) + _quantile(power))


def _critical(alpha: float) -> float:
    check_probability(alpha, name="alpha")
    return -float(special.ndtri(alpha / 2))


def _quantile(power: float) -> float:
    check_probability(power, name="power")
    return float(special.ndtri(power))


def _variance_of_one_user(deviations: Pair, weights: Pair) -> float:
    """Variance of the difference if a single user were shared out by weight."""
    if not (min(weights) > 0 and sum(weights) <= 1 + _TOLERANCE):
        raise DataError(f"weights are {weights}; they must be shares of all users")
    for deviation in deviations:
        check_positive(deviation, name="deviation")
    return sum(
        deviation**2 / weight
        for deviation, weight in zip(deviations, weights, strict=True)
    )
