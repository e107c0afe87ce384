"""Statistics of experiments with likes and dislikes, valid for one planned look.

The unit of analysis is the user, because the votes of one user are correlated. The last
axis of an array is the axis of users (of variants in a table); any axes before it count
experiments, so simulations call the same code as the service.

Sums are centred before they are squared, and tail probabilities come from survival
functions, so neither large values nor large effects lose digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from engine.arrays import BoolVector, ExactVector, Values
from engine.checks import check_probability, check_weights
from engine.errors import DataError

_ROUNDING = 1e-12  # relative to the largest value: anything closer is equal

Metric: TypeAlias = Literal["like_share", "likes_per_user", "net_likes_per_user"]


@dataclass(frozen=True)
class Votes:
    """Likes and dislikes of the users exposed to one variant.

    Attributes
    ----------
    likes, dislikes : ndarray of float64, shape (..., n_users)
        Counts, at least 0; an exposed user who never voted has two zeros.

    Raises
    ------
    DataError
        Shapes differ, or a count is negative or not finite.
    """

    likes: ExactVector
    dislikes: ExactVector

    def __post_init__(self) -> None:
        """Validate once."""
        if self.likes.shape != self.dislikes.shape:
            raise DataError("likes and dislikes must have one entry per user each")
        for counts in (self.likes, self.dislikes):
            if not np.isfinite(counts).all() or (counts < 0).any():
                raise DataError("likes and dislikes must be finite and at least 0")

    @property
    def votes(self) -> ExactVector:
        """Number of votes of each user."""
        return self.likes + self.dislikes

    @property
    def n_users(self) -> int:
        """Number of exposed users."""
        n_users: int = self.likes.shape[-1]
        return n_users


@dataclass(frozen=True)
class Difference:
    """A difference between variants, with its test at one planned look.

    Attributes
    ----------
    value, standard_error : ndarray of float64, shape (...)
        Treatment minus control, in the unit of the metric.
    low, high : ndarray of float64, shape (...)
        Confidence interval, valid only for one look at a time fixed in advance.
    p_value : ndarray of float64, shape (...)
        Two-sided p-value, valid for the same single look.
    """

    value: ExactVector
    standard_error: ExactVector
    low: ExactVector
    high: ExactVector
    p_value: ExactVector


def metric_values(votes: Votes, metric: Metric) -> ExactVector:
    """Compute one value per user whose mean is the variant's metric.

    Likes and net likes are counts per user. The share of likes is a ratio of two
    means; `linearize` turns it into one mean.

    Parameters
    ----------
    votes : Votes
    metric : {"like_share", "likes_per_user", "net_likes_per_user"}

    Returns
    -------
    ndarray of float64, shape (..., n_users)

    Raises
    ------
    DataError
        The metric is the share of likes, and no user voted.
    """
    if metric == "like_share":
        return linearize(votes.likes, votes.votes)
    if metric == "likes_per_user":
        return votes.likes
    return votes.likes - votes.dislikes


def linearize(numerator: ExactVector, denominator: ExactVector) -> ExactVector:
    """Turn a ratio of sums into a mean over users, by the delta method.

    With ``R = sum y / sum n`` and ``m`` the mean of ``n``, each user counts ::

        R + (y_u - R n_u) / m

    The mean of these values is ``R``; their variance divided by the number of users is
    the delta-method variance of ``R`` [1]_.

    Parameters
    ----------
    numerator, denominator : ndarray of float64, shape (..., n_users)
        ``y_u`` and ``n_u``.

    Returns
    -------
    ndarray of float64, shape (..., n_users)

    Raises
    ------
    DataError
        A denominator sums to 0.

    References
    ----------
    .. [1] Deng, Knoblich and Lu (2018), Applying the delta method in metric analytics,
       section 2.2. doi:10.1145/3219819.3219919
    """
    total = denominator.sum(axis=-1, keepdims=True)
    if not (total > 0).all():
        raise DataError("no user voted, so the share of likes is undefined")
    mean = total / denominator.shape[-1]
    ratio = numerator.sum(axis=-1, keepdims=True) / total
    return np.asarray(ratio + (numerator - ratio * denominator) / mean)


def difference(
    control: ExactVector, treatment: ExactVector, *, alpha: float = 0.05
) -> Difference:
    """Compare the means of two groups of users by Welch's test.

    Parameters
    ----------
    control, treatment : ndarray of float64, shapes (..., n_users)
        One value per user, from `metric_values`.
    alpha : float
        The interval covers the true difference with probability ``1 - alpha``.

    Raises
    ------
    DataError
        `alpha` is not between 0 and 1, a group has fewer than two users, a value is not
        finite, or all values are equal.

    References
    ----------
    .. [1] Welch (1947). doi:10.2307/2332510
    """
    groups = (control, treatment)
    _check_values(*groups)
    if not (has_spread(control) | has_spread(treatment)).all():
        raise DataError(
            "all users have the same value, so no standard error can be estimated"
        )
    parts = [group.var(axis=-1, ddof=1) / group.shape[-1] for group in groups]
    variance = parts[0] + parts[1]
    freedom = np.square(variance) / (
        np.square(parts[0]) / (control.shape[-1] - 1)
        + np.square(parts[1]) / (treatment.shape[-1] - 1)
    )
    value = treatment.mean(axis=-1) - control.mean(axis=-1)
    return _test(value, variance, freedom, alpha=alpha)


def paired_difference(values: ExactVector, *, alpha: float = 0.05) -> Difference:
    """Test by Student's t whether the mean difference within users is 0.

    Parameters
    ----------
    values : ndarray of float64, shape (..., n_users)
        One difference per user, such as of two interleaved variants.
    alpha : float
        The interval covers the true difference with probability ``1 - alpha``.

    Raises
    ------
    DataError
        As for `difference`.
    """
    _check_values(values)
    if not has_spread(values).all():
        raise DataError(
            "all users have the same value, so no standard error can be estimated"
        )
    n_users = values.shape[-1]
    variance = values.var(axis=-1, ddof=1) / n_users
    freedom = np.full_like(variance, n_users - 1)
    return _test(values.mean(axis=-1), variance, freedom, alpha=alpha)


def apply_cuped(
    groups: Sequence[ExactVector], covariates: Sequence[ExactVector]
) -> list[ExactVector]:
    """Adjust users' values for a covariate from before the experiment (CUPED).

    From each value, subtract ``θ`` times the distance of the covariate from its mean
    over all variants. ``θ`` is the regression slope within variants, so differences
    between variants cannot affect it. The expected difference does not change; its
    variance falls by the squared correlation of value and covariate [1]_.

    Parameters
    ----------
    groups : sequence of ndarray of float64, shapes (..., n_users)
        One value per user of each variant, from `metric_values`.
    covariates : sequence of ndarray of float64, same shapes
        A metric of the same users before exposure; the overall mean where unknown.

    Returns
    -------
    list of ndarray of float64, same shapes
        Equal to `groups` if the covariate is constant.

    Raises
    ------
    DataError
        Shapes differ.

    References
    ----------
    .. [1] Deng, Xu, Kohavi and Walker (2013), Improving the sensitivity of online
       controlled experiments by utilizing pre-experiment data, equations 3 and 4.
       doi:10.1145/2433396.2433413
    """
    if [g.shape for g in groups] != [c.shape for c in covariates]:
        raise DataError("expected one covariate per user")
    products, squares = [], []
    for values, covariate in zip(groups, covariates, strict=True):
        off = covariate - covariate.mean(axis=-1, keepdims=True)
        products.append((off * values).sum(axis=-1, keepdims=True))
        squares.append(np.square(off).sum(axis=-1, keepdims=True))
    spread = sum(squares)
    theta = sum(products) / np.where(spread > 0, spread, 1)
    mean = np.concatenate(covariates, axis=-1).mean(axis=-1, keepdims=True)
    return [
        np.asarray(values - theta * (covariate - mean))
        for values, covariate in zip(groups, covariates, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several comparisons by Holm's step-down method.

    Multiply the i-th smallest of ``m`` p-values by ``m - i + 1``, then take running
    maxima. The probability of any false rejection stays at most alpha [1]_.

    Parameters
    ----------
    p_values : sequence of float
        Between 0 and 1; if each is valid at any time, so are the adjusted ones.

    Returns
    -------
    list of float
        In the order of `p_values`.

    Raises
    ------
    DataError
        A value is not a probability.

    References
    ----------
    .. [1] Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must lie between 0 and 1")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    raised = np.maximum.accumulate(np.minimum(values[order] * factors, 1))
    adjusted = np.empty_like(values)
    adjusted[order] = raised
    return [float(value) for value in adjusted]


def sample_ratio_p_value(n_users: Values, weights: Sequence[float]) -> ExactVector:
    """Test for a sample-ratio mismatch between planned and observed users.

    Pearson's chi-square of the counts against the planned `weights`. A p-value below
    0.001 means that assignment or logging is broken; trust no result then [1]_.

    Parameters
    ----------
    n_users : array of numbers, shape (..., n_variants)
        Exposed users of each variant.
    weights : sequence of float
        Planned shares, summing to 1.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    DataError
        No user was exposed, a count is negative, or the weights do not sum to 1.

    References
    ----------
    .. [1] Fabijan et al. (2019), Diagnosing sample ratio mismatch in online controlled
       experiments. doi:10.1145/3292500.3330722
    """
    check_weights(weights)
    counts = np.asarray(n_users, dtype=np.float64)
    if counts.shape[-1:] != (len(weights),) or not (counts >= 0).all():
        raise DataError(f"expected {len(weights)} counts of users, one per variant")
    totals = counts.sum(axis=-1, keepdims=True)
    if not (totals > 0).all():
        raise DataError("nobody has been exposed yet")
    expected = totals * np.asarray(weights)
    statistic = (np.square(counts - expected) / expected).sum(axis=-1)
    return np.asarray(special.chdtrc(len(weights) - 1, statistic))


def has_spread(values: ExactVector) -> BoolVector:
    """Test along the last axis whether values differ by more than rounding."""
    largest = np.abs(values).max(axis=-1)
    return np.asarray(np.ptp(values, axis=-1) > _ROUNDING * largest)


def _check_values(*groups: ExactVector) -> None:
    if min(group.shape[-1] for group in groups) < 2:  # noqa: PLR2004 - for a variance
        raise DataError("each variant needs at least two users")
    if not all(np.isfinite(group).all() for group in groups):
        raise DataError("users' values must be finite")


def _test(
    value: ExactVector, variance: ExactVector, freedom: ExactVector, *, alpha: float
) -> Difference:
    check_probability(alpha, name="alpha")
    error = np.sqrt(variance)
    half = -special.stdtrit(freedom, alpha / 2) * error
    p_value = 2 * special.stdtr(freedom, -np.abs(value) / error)
    return Difference(value, error, value - half, value + half, p_value)
