"""Team-draft interleaving: fair draws, right credit, honest error rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.errors import DataError
from engine.interleaving import preference, team_draft

lists = st.lists(st.integers(0, 30), unique=True, max_size=12)
seeds = st.integers(0, 2**32 - 1)


@given(first=lists, second=lists, k=st.integers(0, 15), seed=seeds)
def test_a_draft_takes_the_best_left_of_each_team_in_turn(first, second, k, seed):
    drawn = team_draft(first, second, k, rng=np.random.default_rng(seed))

    items, teams = drawn.item_indices.tolist(), drawn.teams.tolist()
    assert len(items) == len(set(items)) == min(k, len(set(first) | set(second)))
    for position, (item, team) in enumerate(zip(items, teams, strict=True)):
        left = [i for i in (first, second)[team] if i not in items[:position]]
        assert left[0] == item
    # While both have something to give, the teams are even after each round.
    for n in range(2, len(teams) + 1, 2):
        both_full = min(
            len(set(part) - set(items[: n - 1])) for part in (first, second)
        )
        if both_full:
            assert sum(teams[:n]) == n / 2


def test_each_team_picks_first_half_of_the_time():
    first, second = np.arange(10), np.arange(100, 110)
    rng = np.random.default_rng(0)

    starts = sum(
        int(team_draft(first, second, 5, rng=rng).teams[0]) for _ in range(4000)
    )

    assert stats.binomtest(starts, 4000).pvalue > 0.001


def test_equal_seeds_draw_equal_lists():
    drawn = [
        team_draft(np.arange(9), np.arange(5, 14), 8, rng=np.random.default_rng(seed))
        for seed in (1, 1)
    ]

    np.testing.assert_array_equal(drawn[0].item_indices, drawn[1].item_indices)
    np.testing.assert_array_equal(drawn[0].teams, drawn[1].teams)


def simulated(n_experiments, n_users, better, rng):
    """Credit of each team when users like items of the second team more readily."""
    credited = np.zeros((2, n_experiments, n_users))
    chances = rng.beta(4, 4, (n_experiments, n_users))
    for team, chance in ((0, chances), (1, np.minimum(chances + better, 1))):
        likes = rng.binomial(5, chance)
        credited[team] = 2 * likes - 5
    return credited


def test_users_without_preference_are_seldom_given_one():
    first, second = simulated(10_000, 60, 0, np.random.default_rng(1))

    found = preference(first, second)

    assert 0.0435 <= np.mean(found.p_value < 0.05) <= 0.0565


def test_a_preference_is_found_with_few_users():
    first, second = simulated(500, 60, 0.15, np.random.default_rng(2))

    found = preference(first, second)

    assert np.mean((found.p_value < 0.05) & (found.value > 0)) > 0.9


def test_what_cannot_be_drawn_or_tested_is_refused():
    rng = np.random.default_rng(0)

    with pytest.raises(DataError, match="k is -1"):
        team_draft(np.arange(3), np.arange(3), -1, rng=rng)
    with pytest.raises(DataError, match="each item once"):
        team_draft(np.array([1, 1]), np.arange(3), 2, rng=rng)
    with pytest.raises(DataError, match="both teams"):
        preference(np.zeros(3), np.zeros(4))
    with pytest.raises(DataError, match="no user differs"):
        preference(np.zeros(3), np.ones(3))
