"""Power and users against tea-tasting and the formulas of the sources."""

import math

import pytest
import tea_tasting as tt
from hypothesis import given
from hypothesis import strategies as st
from tea_tasting.aggr import Aggregates

from engine.errors import DataError
from engine.experiments.planning import (
    expected_design_effect,
    fixed_error,
    power_of,
    required_users,
    share_deviation,
    standard_error,
)
from engine.experiments.sequential import anytime_error

chances = st.floats(0.01, 0.99)


def test_the_number_of_users_equals_tea_tasting():
    deviation, effect = 1.7, 0.2

    found = required_users(
        (deviation, deviation), error=fixed_error(effect, alpha=0.05, power=0.8)
    )

    metric = tt.Mean("x", effect_size=effect, power=0.8, use_t=False)
    expected = metric.solve_power_from_aggregates(
        Aggregates(count_=100, mean_={"x": 1.0}, var_={"x": deviation**2}), "n_obs"
    )
    assert found == expected[0].n_obs


@pytest.mark.parametrize("ratio", [0.25, 1, 4])
def test_power_equals_tea_tasting(ratio):
    deviation, effect, n_users = 1.7, 0.3, 700
    weights = 1 / (1 + ratio), ratio / (1 + ratio)

    error = standard_error((deviation, deviation), n_users=n_users, weights=weights)

    metric = tt.Mean("x", effect_size=effect, use_t=False, ratio=ratio, n_obs=n_users)
    expected = metric.solve_power_from_aggregates(
        Aggregates(count_=100, mean_={"x": 1.0}, var_={"x": deviation**2}), "power"
    )
    assert power_of(effect, error=error) == pytest.approx(expected[0].power, rel=1e-9)


@given(effect=st.floats(0.001, 10), alpha=st.floats(0.001, 0.5), power=chances)
def test_the_planned_error_gives_the_planned_power(effect, alpha, power):
    error = fixed_error(effect, alpha=alpha, power=0.5 + power / 2.1)

    found = power_of(effect, error=error, alpha=alpha)
    # Two-sided: the chance of a wrong sign comes on top.
    assert 0.5 + power / 2.1 - 1e-9 <= found <= 0.5 + power / 2.1 + alpha / 2


def test_looking_at_any_time_costs_users():
    deviations = (1.0, 1.0)

    once = required_users(deviations, error=fixed_error(0.1))
    always = required_users(deviations, error=anytime_error(0.1))

    assert once == 3140
    assert always == pytest.approx(once * ((3.0351 + 0.8416) / 2.8016) ** 2, rel=1e-3)


def test_votes_of_one_user_count_less_the_more_they_agree():
    effect = expected_design_effect(correlation=0.1, votes_per_user=10)

    assert effect == pytest.approx(1.9)
    assert expected_design_effect(correlation=0, votes_per_user=10) == 1
    assert expected_design_effect(
        correlation=0.1, votes_per_user=10, variation=0.5
    ) == pytest.approx(1 + (1.25 * 10 - 1) * 0.1)
    deviation = share_deviation(0.5, votes_per_user=10, design_effect=effect)
    assert deviation == pytest.approx(math.sqrt(0.25 * 1.9 / 10))
    assert share_deviation(0.5, votes_per_user=1, design_effect=1) == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: expected_design_effect(correlation=2, votes_per_user=1),
            "correlation",
        ),
        (lambda: expected_design_effect(correlation=0, votes_per_user=0), "votes_per"),
        (
            lambda: expected_design_effect(
                correlation=0, votes_per_user=1, variation=-1
            ),
            "variation",
        ),
        (lambda: share_deviation(0, votes_per_user=1, design_effect=1), "share is 0"),
        (lambda: share_deviation(0.5, votes_per_user=1, design_effect=0), "design_eff"),
        (lambda: standard_error((1, 1), n_users=0), "n_users is 0"),
        (lambda: standard_error((1, 0), n_users=1), "deviation is 0"),
        (lambda: standard_error((1, 1), n_users=1, weights=(0, 1)), "weights"),
        (lambda: standard_error((1, 1), n_users=1, weights=(0.6, 0.6)), "weights"),
        (lambda: required_users((1, 1), error=0), "error is 0"),
        (lambda: fixed_error(float("nan")), "effect is nan"),
        (lambda: fixed_error(1, alpha=0), "alpha is 0"),
        (lambda: fixed_error(1, power=1), "power is 1"),
        (lambda: anytime_error(-1), "effect is -1"),
        (lambda: anytime_error(1, alpha=1), "alpha is 1"),
        (lambda: power_of(1, error=0), "error is 0"),
    ],
)
def test_values_out_of_range_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
