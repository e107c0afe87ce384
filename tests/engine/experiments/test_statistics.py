"""Differences between variants against tea-tasting, SciPy and brute force."""

import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats
from tea_tasting.aggr import Aggregates

from engine.errors import DataError
from engine.experiments.statistics import (
    Votes,
    apply_cuped,
    difference,
    holm,
    linearize,
    metric_values,
    paired_difference,
    sample_ratio_p_value,
)


def users(seed, n_users=300, share=0.6):
    """Votes of users who differ, and of the same users before."""
    rng = np.random.default_rng(seed)
    chances = rng.beta(9 * share, 9 * (1 - share), n_users)
    drawn = []
    for _ in range(2):
        counts = rng.poisson(8, n_users)
        likes = rng.binomial(counts, chances)
        drawn.append(Votes(likes.astype(float), (counts - likes).astype(float)))
    return drawn


def aggregates(**columns):
    names = list(columns)
    covariances = np.cov(list(columns.values()))
    pairs = {
        (a, b): covariances[i, j]
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if a < b
    }
    return Aggregates(
        count_=len(columns[names[0]]),
        mean_={name: float(np.mean(values)) for name, values in columns.items()},
        var_={name: float(np.var(v, ddof=1)) for name, v in columns.items()},
        cov_=pairs,
    )


def assert_equals_oracle(found, expected):
    assert found.value == pytest.approx(expected.effect_size, rel=1e-9)
    assert found.low == pytest.approx(expected.effect_size_ci_lower, rel=1e-9)
    assert found.high == pytest.approx(expected.effect_size_ci_upper, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_of_shares_equals_tea_tasting(seed):
    control, treatment = users(seed)[0], users(seed + 100, 200, 0.66)[0]

    found = difference(
        metric_values(control, "like_share"), metric_values(treatment, "like_share")
    )

    oracle = tt.RatioOfMeans("likes", "votes")
    sides = [aggregates(likes=v.likes, votes=v.votes) for v in (control, treatment)]
    assert_equals_oracle(found, oracle.analyze_aggregates(*sides))


@pytest.mark.parametrize("metric", ["likes_per_user", "net_likes_per_user"])
def test_differences_a_user_equal_tea_tasting_and_scipy(metric):
    control, treatment = users(1)[0], users(2, 250, 0.66)[0]
    groups = [metric_values(votes, metric) for votes in (control, treatment)]

    found = difference(*groups, alpha=0.1)

    oracle = tt.Mean("x", confidence_level=0.9)
    sides = [aggregates(x=group, y=group) for group in groups]
    assert_equals_oracle(found, oracle.analyze_aggregates(*sides))
    welch = stats.ttest_ind(*groups[::-1], equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue, rel=1e-9)


def test_cuped_equals_a_regression_within_variants():
    """The slope of value on covariate, each variant with an intercept of its own."""
    (control, before_c), (treatment, before_t) = users(3), users(4, 200)
    groups = [metric_values(v, "net_likes_per_user") for v in (control, treatment)]
    earlier = [metric_values(v, "net_likes_per_user") for v in (before_c, before_t)]

    adjusted = apply_cuped(groups, earlier)

    is_treated = np.repeat([0.0, 1.0], [300, 200])
    x = np.column_stack([1 - is_treated, is_treated, np.concatenate(earlier)])
    slope = np.linalg.lstsq(x, np.concatenate(groups), rcond=None)[0][2]
    mean = np.concatenate(earlier).mean()
    for values, group, covariate in zip(adjusted, groups, earlier, strict=True):
        np.testing.assert_allclose(values, group - slope * (covariate - mean))


def test_cuped_agrees_with_tea_tasting():
    """Close, not equal: theirs takes the slope over both variants together."""
    (control, before_c), (treatment, before_t) = users(5, 4000), users(6, 4000, 0.62)
    groups = [metric_values(v, "like_share") for v in (control, treatment)]
    earlier = [metric_values(v, "like_share") for v in (before_c, before_t)]

    found = difference(*apply_cuped(groups, earlier))

    oracle = tt.RatioOfMeans("likes", "votes", "old_likes", "old_votes")
    sides = [
        aggregates(
            likes=now.likes, votes=now.votes, old_likes=old.likes, old_votes=old.votes
        )
        for now, old in ((control, before_c), (treatment, before_t))
    ]
    expected = oracle.analyze_aggregates(*sides)
    half = (expected.effect_size_ci_upper - expected.effect_size_ci_lower) / 2
    assert found.value == pytest.approx(expected.effect_size, abs=half / 100)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=2e-3)


def test_cuped_narrows_the_interval_by_the_correlation():
    (control, before_c), (treatment, before_t) = users(7, 2000), users(8, 2000)
    groups = [metric_values(v, "like_share") for v in (control, treatment)]
    earlier = [metric_values(v, "like_share") for v in (before_c, before_t)]

    plain, adjusted = (
        difference(*groups),
        difference(*apply_cuped(groups, earlier)),
    )

    squared = np.mean([np.corrcoef(g, e)[0, 1] ** 2 for g, e in zip(groups, earlier)])  # noqa: B905
    assert squared > 0.1
    assert adjusted.standard_error == pytest.approx(
        plain.standard_error * np.sqrt(1 - squared), rel=0.01
    )


def test_a_covariate_without_spread_changes_nothing():
    groups = [np.array([1.0, 2, 4]), np.array([3.0, 5])]

    adjusted = apply_cuped(groups, [np.ones(3), np.ones(2)])

    for values, group in zip(adjusted, groups, strict=True):
        np.testing.assert_array_equal(values, group)


@given(
    hnp.arrays(np.float64, 12, elements=st.integers(0, 50)),
    hnp.arrays(np.float64, 12, elements=st.integers(0, 50)),
)
def test_linearize_values_average_to_the_ratio(numerator, denominator):
    denominator = denominator + 1

    values = linearize(numerator, denominator)

    ratio = numerator.sum() / denominator.sum()
    assert values.mean() == pytest.approx(ratio, rel=1e-9, abs=1e-12)


def test_many_experiments_at_once_equal_one_at_a_time():
    rng = np.random.default_rng(9)
    control, treatment = rng.random((6, 40)), rng.random((6, 30))

    together = difference(control, treatment)

    for row in range(6):
        alone = difference(control[row], treatment[row])
        for name in ("value", "standard_error", "low", "high", "p_value"):
            assert getattr(together, name)[row] == pytest.approx(getattr(alone, name))


def test_a_paired_mean_equals_scipy():
    values = np.random.default_rng(10).normal(0.2, 1, 50)

    found = paired_difference(values)

    expected = stats.ttest_1samp(values, 0)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_large_values_keep_their_variance():
    """Values around 1e8 with unit variance, a million of them."""
    rng = np.random.default_rng(11)
    small = rng.standard_normal((2, 1_000_000))
    large = small + 1e8

    found = difference(large[0], large[1])

    error = np.sqrt(sum((large[i] - 1e8).var(ddof=1) for i in (0, 1)) / 1_000_000)
    assert found.standard_error == pytest.approx(error, rel=1e-6)
    assert found.value == pytest.approx(small[1].mean() - small[0].mean(), abs=1e-7)


@pytest.mark.parametrize("z", [10, 30])
def test_small_p_values_keep_their_digits(z):
    """Against the incomplete beta function, which needs no tail of a distribution."""
    values = np.random.default_rng(12).standard_normal(100_000)
    values += z * values.std(ddof=1) / len(values) ** 0.5 - values.mean()

    found = paired_difference(values)

    freedom = len(values) - 1
    expected = special.betainc(freedom / 2, 0.5, freedom / (freedom + z**2))
    assert found.p_value > 0
    assert found.p_value == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(0, 1), max_size=6))
def test_holm_equals_its_definition(p_values):
    """Reject at every alpha exactly what the stepwise procedure rejects."""
    adjusted = holm(p_values)

    for alpha in (0.01, 0.05, 0.2, 0.7):
        rejected = set()
        order = sorted(range(len(p_values)), key=lambda i: p_values[i])
        for step, index in enumerate(order):
            if p_values[index] * (len(p_values) - step) > alpha:
                break
            rejected.add(index)
        assert {i for i, p in enumerate(adjusted) if p <= alpha} == rejected


@given(st.lists(st.integers(0, 5000), min_size=3, max_size=3).filter(any))
def test_the_sample_ratio_equals_scipy(counts):
    weights = [0.2, 0.3, 0.5]

    found = sample_ratio_p_value(np.array(counts), weights)

    expected = stats.chisquare(counts, np.array(weights) * sum(counts)).pvalue
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_sample_ratio_alarm_rings_when_it_should():
    """Uniform p-values when balanced; nearly always alarm at 50.5 % of a million."""
    rng = np.random.default_rng(13)

    def drawn(share):
        first = rng.binomial(1_000_000, share, 10_000)
        return np.column_stack([first, 1_000_000 - first])

    balanced = sample_ratio_p_value(drawn(0.5), [0.5, 0.5])
    skewed = sample_ratio_p_value(drawn(0.505), [0.5, 0.5])

    assert stats.kstest(balanced, "uniform").pvalue > 0.001
    assert np.mean(skewed < 0.001) >= 0.999


@pytest.mark.parametrize(
    ("control", "treatment", "alpha", "message"),
    [
        ([1, 2], [1, 2], 0, "alpha is 0"),
        ([1, 2], [1, 2], 1, "alpha is 1"),
        ([1, 2], [1, 2], float("nan"), "alpha is nan"),
        ([1], [1, 2], 0.05, "two users"),
        ([1, 2], [], 0.05, "two users"),
        ([1, np.inf], [1, 2], 0.05, "finite"),
        ([1, 1], [2, 2], 0.05, "all users have the same"),
        ([0.1 + 0.2, 0.3], [0.3, 0.3], 0.05, "all users have the same"),
    ],
)
def test_a_difference_that_cannot_be_told_is_an_error(
    control, treatment, alpha, message
):
    with pytest.raises(DataError, match=message):
        difference(np.array(control, float), np.array(treatment, float), alpha=alpha)


def test_a_mean_without_spread_is_an_error():
    with pytest.raises(DataError, match="all users have the same"):
        paired_difference(np.full(5, 0.3))


@pytest.mark.parametrize(
    ("likes", "dislikes", "message"),
    [
        ([1, 2], [1], "one entry per user"),
        ([1, -1], [1, 1], "at least 0"),
        ([1, 1], [1, float("nan")], "finite"),
    ],
)
def test_impossible_votes_are_refused(likes, dislikes, message):
    with pytest.raises(DataError, match=message):
        Votes(np.array(likes, float), np.array(dislikes, float))


def test_nobody_voting_is_an_error_for_a_share_only():
    votes = Votes(np.zeros(3), np.zeros(3))

    assert votes.n_users == 3
    assert metric_values(votes, "likes_per_user").tolist() == [0, 0, 0]
    with pytest.raises(DataError, match="no user voted"):
        metric_values(votes, "like_share")


def test_other_bad_inputs_are_errors():
    with pytest.raises(DataError, match="one covariate per user"):
        apply_cuped([np.ones(3)], [np.ones(2)])
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(DataError, match="nobody has been exposed"):
        sample_ratio_p_value(np.array([0, 0]), [0.5, 0.5])
    with pytest.raises(DataError, match="2 counts of users"):
        sample_ratio_p_value(np.array([1, 2, 3]), [0.5, 0.5])
    with pytest.raises(DataError, match="2 counts of users"):
        sample_ratio_p_value(np.array([-1, 2]), [0.5, 0.5])
