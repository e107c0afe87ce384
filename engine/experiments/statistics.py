"""Statistics of experiments with likes and dislikes.

The user is the unit of everything: the votes of one user resemble each other, so votes
must not be counted as if they were independent. Every function works on one experiment
or on many at once: arrays end in the axis of users (or of variants, where a table is
asked for) and may have any axes before it, which is how simulations check the code that
serves.

Sums are centred before they are squared, and tail probabilities come from survival
functions, so neither large values nor large effects lose digits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import special

from engine.arrays import BoolVector, ExactVector, Values
from engine.errors import DataError
from engine.experiments.assignment import check_weights

_ROUNDING = 1e-12  # of the largest value: closer together is equal

Metric: TypeAlias = Literal["like_share", "likes_per_user", "net_likes_per_user"]


@dataclass(frozen=True)
class Votes:
    """The votes of the users exposed to one variant.

    Attributes
    ----------
    likes, dislikes : ndarray of float64, shape (..., n_users)
        Counts, at least 0; a user who was exposed and never voted has two zeros.

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
            raise DataError("likes and dislikes need one entry per user each")
        for counts in (self.likes, self.dislikes):
            if not np.isfinite(counts).all() or (counts < 0).any():
                raise DataError("likes and dislikes must be finite and at least 0")

    @property
    def votes(self) -> ExactVector:
        """Likes and dislikes together, one entry a user."""
        return self.likes + self.dislikes

    @property
    def n_users(self) -> int:
        """Number of users exposed."""
        n_users: int = self.likes.shape[-1]
        return n_users


@dataclass(frozen=True)
class Difference:
    """Treatment minus control, by Welch's test over users.

    Attributes
    ----------
    value, standard_error : ndarray of float64, shape (...)
        In the unit of the metric, a user or a vote.
    low, high : ndarray of float64, shape (...)
        Confidence interval; valid for one look at a moment fixed beforehand.
    p_value : ndarray of float64, shape (...)
        Of no difference, two-sided; likewise.
    """

    value: ExactVector
    standard_error: ExactVector
    low: ExactVector
    high: ExactVector
    p_value: ExactVector


def metric_values(votes: Votes, metric: Metric) -> ExactVector:
    """Compute the metric of each user, such that their mean is the variant's metric.

    ``likes`` and ``likes - dislikes`` are averages over users; the share of likes is a
    ratio of two averages, which `linearized` turns into one.

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
        The metric is the share of likes and nobody voted.
    """
    if metric == "like_share":
        return linearized(votes.likes, votes.votes)
    if metric == "likes_per_user":
        return votes.likes
    return votes.likes - votes.dislikes


def linearized(numerator: ExactVector, denominator: ExactVector) -> ExactVector:
    """Turn a ratio of sums into a mean over users, by the delta method.

    With ``R = sum y / sum n`` and ``m`` the mean of ``n``, each user counts ::

        R + (y_u - R n_u) / m

    The mean of these values is ``R``, and their variance over the number of users is
    the delta-method variance of ``R`` [1]_.

    Parameters
    ----------
    numerator, denominator : ndarray of float64, shape (..., n_users)
        ``y`` and ``n`` of each user.

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
        raise DataError("nobody voted: the share of likes is not defined")
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
        A value a user, as `metric_values` gives them.
    alpha : float
        The interval covers with ``1 - alpha``.

    Returns
    -------
    Difference

    Raises
    ------
    DataError
        `alpha` is not between 0 and 1, a group has fewer than two users, a value is not
        finite, or no user differs from another.

    References
    ----------
    .. [1] Welch (1947). doi:10.2307/2332510
    """
    groups = (control, treatment)
    _check_values(*groups)
    if not (has_spread(control) | has_spread(treatment)).all():
        raise DataError("no user differs from another: there is no error to estimate")
    parts = [group.var(axis=-1, ddof=1) / group.shape[-1] for group in groups]
    variance = parts[0] + parts[1]
    freedom = np.square(variance) / (
        np.square(parts[0]) / (control.shape[-1] - 1)
        + np.square(parts[1]) / (treatment.shape[-1] - 1)
    )
    value = treatment.mean(axis=-1) - control.mean(axis=-1)
    return _tested(value, variance, freedom, alpha=alpha)


def mean_of(values: ExactVector, *, alpha: float = 0.05) -> Difference:
    """Test whether the mean of one group of users is 0, by Student's test.

    Parameters
    ----------
    values : ndarray of float64, shape (..., n_users)
        A difference within each user, such as of two interleaved lists.
    alpha : float
        The interval covers with ``1 - alpha``.

    Returns
    -------
    Difference

    Raises
    ------
    DataError
        As for `difference`.
    """
    _check_values(values)
    if not has_spread(values).all():
        raise DataError("no user differs from another: there is no error to estimate")
    n_users = values.shape[-1]
    variance = values.var(axis=-1, ddof=1) / n_users
    freedom = np.full_like(variance, n_users - 1)
    return _tested(values.mean(axis=-1), variance, freedom, alpha=alpha)


def without_covariate(
    groups: Sequence[ExactVector], covariates: Sequence[ExactVector]
) -> list[ExactVector]:
    """Remove what was known of the users before the experiment (CUPED).

    Each user's value minus ``θ`` times the distance of their covariate from its mean
    over all variants. ``θ`` is the slope within variants, so neither the effect nor
    chance differences between variants enter it. The expected difference stays, its
    variance falls by the squared correlation of value and covariate [1]_.

    Parameters
    ----------
    groups : sequence of ndarray of float64, shapes (..., n_users)
        Values of the users of each variant, as `metric_values` gives them.
    covariates : sequence of ndarray of float64, same shapes
        The same metric, or another, before exposure; the mean of all where unknown.

    Returns
    -------
    list of ndarray of float64, same shapes
        The values unchanged where the covariate has no spread.

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
    """Adjust p-values of several comparisons, so that all errors together keep alpha.

    The i-th smallest of ``m`` is multiplied by ``m - i + 1``, and never made smaller
    than the one before it [1]_.

    Parameters
    ----------
    p_values : sequence of float
        Between 0 and 1; valid at any time if each of them is.

    Returns
    -------
    list of float
        In the order given.

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
    """Test whether users arrived in the variants as planned.

    Pearson's chi-square of the counts against ``weights``. Below 0.001 something is
    broken, in the assignment or in what is logged, and no result can be trusted [1]_.

    Parameters
    ----------
    n_users : array of numbers, shape (..., n_variants)
        Users exposed to each variant.
    weights : sequence of float
        Planned shares, summing to 1.

    Returns
    -------
    ndarray of float64, shape (...)

    Raises
    ------
    DataError
        Nobody was exposed, a count is negative, or the weights are unusable.

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
    """Tell values that differ from values that differ by rounding only."""
    largest = np.abs(values).max(axis=-1)
    return np.asarray(np.ptp(values, axis=-1) > _ROUNDING * largest)


def check_positive(value: float, *, name: str) -> None:
    """Raise `DataError` unless a value is finite and above 0."""
    if not 0 < value < math.inf:
        raise DataError(f"{name} is {value}; it must be above 0")


def check_probability(value: float, *, name: str) -> None:
    """Refuse what is not strictly between 0 and 1."""
    if not 0 < value < 1:
        raise DataError(f"{name} is {value}; it must be between 0 and 1")


def _check_values(*groups: ExactVector) -> None:
    if min(group.shape[-1] for group in groups) < 2:  # noqa: PLR2004 - for a variance
        raise DataError("statistics need at least two users in each variant")
    if not all(np.isfinite(group).all() for group in groups):
        raise DataError("values of users must be finite")


def _tested(
    value: ExactVector, variance: ExactVector, freedom: ExactVector, *, alpha: float
) -> Difference:
    check_probability(alpha, name="alpha")
    error = np.sqrt(variance)
    half = -special.stdtrit(freedom, alpha / 2) * error
    p_value = 2 * special.stdtr(freedom, -np.abs(value) / error)
    return Difference(value, error, value - half, value + half, p_value)
