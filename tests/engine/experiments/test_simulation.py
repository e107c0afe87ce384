"""Error rates of the estimators that serve, 10,000 experiments each, seeds fixed.

The bands are three standard deviations of a binomial share: 5 ± 0.65 %.
"""

import numpy as np
import pytest

from engine.errors import DataError
from engine.experiments.simulation import (
    CUPED,
    NET_LIKES,
    PEARSON,
    RAO_SCOTT,
    SEQUENCE,
    SHARES,
    YATES,
    Trial,
    daily_looks,
    fixed_horizon,
)

pytestmark = pytest.mark.compiled  # nothing here is compiled: once is enough

N_EXPERIMENTS = 10_000
INTERVALS = (SHARES, CUPED, NET_LIKES)


def by_name(rates):
    return {rate.name: rate for rate in rates}


@pytest.fixture(scope="module")
def nothing_differs():
    """A/A with intra-user correlation 0.1."""
    trial = Trial(n_users=100)
    rng = np.random.default_rng(4)
    return by_name(fixed_horizon(trial, n_experiments=N_EXPERIMENTS, rng=rng))


@pytest.fixture(scope="module")
def something_differs():
    trial = Trial(n_users=200, effect=0.06)
    rng = np.random.default_rng(5)
    rates = fixed_horizon(trial, n_experiments=N_EXPERIMENTS, rng=rng)
    return trial, by_name(rates)


@pytest.mark.parametrize("name", [RAO_SCOTT, *INTERVALS])
def test_one_look_raises_as_many_false_alarms_as_it_says(nothing_differs, name):
    assert 0.0435 <= nothing_differs[name].rejected <= 0.0565


@pytest.mark.parametrize("name", [PEARSON, YATES])
def test_plain_chi_square_raises_three_times_as_many(nothing_differs, name):
    assert nothing_differs[name].rejected > 0.15
    assert nothing_differs[name].covered is None


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_cover_as_often_as_they_say(nothing_differs, something_differs, name):
    for rates in (nothing_differs, something_differs[1]):
        assert 0.9435 <= rates[name].covered <= 0.9565


@pytest.mark.parametrize("name", [SHARES, RAO_SCOTT])
def test_power_is_what_the_calculator_says(something_differs, name):
    trial, rates = something_differs

    assert trial.power == pytest.approx(0.8, abs=0.01)
    assert rates[name].rejected == pytest.approx(trial.power, abs=0.02)


def test_cuped_finds_more_at_the_same_error_rate(something_differs):
    rates = something_differs[1]

    assert rates[CUPED].rejected > rates[SHARES].rejected + 0.05


def test_looking_daily_for_60_days_is_safe_with_the_sequence_only():
    trial = Trial(n_users=240)
    rng = np.random.default_rng(6)

    rates = by_name(daily_looks(trial, n_experiments=N_EXPERIMENTS, rng=rng))

    assert rates[SEQUENCE].rejected <= 0.0565
    assert rates[SEQUENCE].covered >= 0.9435
    assert rates[SHARES].rejected > 0.15
    assert rates[PEARSON].rejected > 0.4
    assert rates[PEARSON].covered is None


def test_equal_seeds_give_equal_rates_and_every_experiment_counts():
    done: list[int] = []

    first, second = (
        fixed_horizon(
            Trial(n_users=60_000),
            n_experiments=3,
            rng=np.random.default_rng(7),
            on_step=done.append,
        )
        for _ in range(2)
    )

    assert first == second
    assert all(rate.n_experiments == 3 for rate in first)
    assert done == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_users": 1}, "n_users is 1"),
        ({"like_share": 1}, "like_share is 1"),
        ({"correlation": 0}, "correlation is 0"),
        ({"alpha": 0}, "alpha is 0"),
        ({"effect": -0.1}, "effect must be"),
        ({"effect": 0.4}, "effect must be"),
        ({"votes_per_user": 0.5}, "votes_per_user"),
        ({"votes_per_user": float("inf")}, "votes_per_user"),
    ],
)
def test_an_impossible_trial_is_refused(changed, message):
    with pytest.raises(DataError, match=message):
        Trial(**changed)


def test_impossible_counts_are_refused():
    rng = np.random.default_rng(0)

    with pytest.raises(DataError, match="n_experiments is 0"):
        fixed_horizon(Trial(), n_experiments=0, rng=rng)
    with pytest.raises(DataError, match="n_days is 0"):
        daily_looks(Trial(), n_days=0, n_experiments=1, rng=rng)
    with pytest.raises(DataError, match="looks begin at 50 users"):
        daily_looks(Trial(n_users=49), n_experiments=1, rng=rng)
