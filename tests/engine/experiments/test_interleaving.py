"""Team-draft interleaving: fair draws, right credit, honest error rates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.errors import DataError
from engine.experiments.interleaving import (
    Interleaved,
    credit_deviation,
    credit_difference,
    team_draft,
)
from engine.experiments.planning import Plan, fixed_error
from engine.experiments.sequential import anytime_error, confidence_sequence
from engine.experiments.statistics import Metric, Votes, paired_difference
from engine.experiments.verdicts import Preference

lists = st.lists(st.integers(0, 30), unique=True, max_size=12)
seeds = st.integers(0, 2**32 - 1)


@given(first=lists, second=lists, k=st.integers(0, 15), seed=seeds)
def test_a_draft_takes_the_best_left_of_each_team_in_turn(first, second, k, seed):
    drawn = team_draft([first, second], k, rng=np.random.default_rng(seed))

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
        int(team_draft([first, second], 5, rng=rng).teams[0]) for _ in range(4000)
    )

    assert stats.binomtest(starts, 4000).pvalue > 0.001


def test_equal_seeds_draw_equal_lists():
    drawn = [
        team_draft([np.arange(9), np.arange(5, 14)], 8, rng=np.random.default_rng(seed))
        for seed in (1, 1)
    ]

    np.testing.assert_array_equal(drawn[0].item_indices, drawn[1].item_indices)
    np.testing.assert_array_equal(drawn[0].teams, drawn[1].teams)


def simulated(n_experiments, n_users, better, rng):
    """Votes on each team when users like items of the second team more readily."""
    chances = rng.beta(4, 4, (n_experiments, n_users))
    likes = [rng.binomial(5, np.minimum(chances + more, 1)) * 1.0
             for more in (0, better)]  # fmt: skip
    return [Votes(liked, 5 - liked) for liked in likes]


def preference(first, second):
    """Test by pairs, as `Interleaved.judge` does for one experiment."""
    return paired_difference(credit_difference("net_likes_per_user", first, second))


def test_users_without_preference_are_seldom_given_one():
    first, second = simulated(10_000, 60, 0, np.random.default_rng(1))

    found = preference(first, second)

    assert 0.0435 <= np.mean(found.p_value < 0.05) <= 0.0565


def test_a_preference_is_found_with_few_users():
    first, second = simulated(500, 60, 0.15, np.random.default_rng(2))

    found = preference(first, second)

    assert np.mean((found.p_value < 0.05) & (found.value > 0)) > 0.9


def test_what_cannot_be_drawn_is_refused():
    rng = np.random.default_rng(0)

    with pytest.raises(DataError, match="k is -1"):
        team_draft([np.arange(3), np.arange(3)], -1, rng=rng)
    with pytest.raises(DataError, match="each item once"):
        team_draft([np.array([1, 1]), np.arange(3)], 2, rng=rng)
    with pytest.raises(DataError, match="not 3"):
        team_draft([np.arange(3)] * 3, 2, rng=rng)


INTERLEAVED = Interleaved()
HALVES = (0.5, 0.5)
N_ROUNDS = 10
PLAN = Plan(("A", "B"), (0.5, 0.5), "net_likes_per_user", 0.5)


def drafted(n_experiments, n_users, rng, *, effect=0.0, votes_per_user=6.0):
    """Votes on the first films of drafted lists: as they fall to the teams.

    A coin a round says who picks first, as in `team_draft`; users differ in how readily
    they like (correlation 0.1 of two votes) and in how far down the list they vote.
    """
    shape = (n_experiments, n_users)
    coins = rng.integers(2, size=(*shape, N_ROUNDS))
    teams = np.stack([coins, 1 - coins], axis=-1).reshape(*shape, 2 * N_ROUNDS)
    n_voted = np.minimum(1 + rng.poisson(votes_per_user - 1, shape), 2 * N_ROUNDS)
    is_voted = np.arange(2 * N_ROUNDS) < n_voted[..., None]
    liking = rng.beta(0.6 * 9, 0.4 * 9, shape)[..., None]
    is_like = rng.random(teams.shape) < np.minimum(liking + effect * teams, 1)
    return [
        Votes(
            *(
                (is_voted & (teams == team) & (is_like == said)).sum(axis=-1) * 1.0
                for said in (True, False)
            )
        )
        for team in (0, 1)
    ]


def test_votes_on_drafted_lists_raise_few_false_alarms():
    """10,000 experiments without a preference, credited as the service credits."""
    rng = np.random.default_rng(3)
    n_rejected = 0

    for _ in range(20):
        first, second = drafted(500, 60, rng)
        found = preference(first, second)
        n_rejected += int((found.p_value < 0.05).sum())

    assert 0.0435 <= n_rejected / 10_000 <= 0.0565


def test_looking_every_day_raises_few_false_alarms():
    """60 looks, from 50 users on: one interval after another, none may miss 0."""
    rng = np.random.default_rng(4)
    n_missed = n_naive = 0

    for _ in range(20):
        first, second = drafted(100, 300, rng)
        credit = credit_difference("net_likes_per_user", first, second)
        missed = naive = np.zeros(100, dtype=bool)
        for n_users in np.linspace(50, 300, 60).astype(int):
            found = paired_difference(credit[:, :n_users])
            interval = confidence_sequence(found, planned_error=PLAN.planned_error)
            missed = missed | (interval.p_value < 0.05)
            naive = naive | (found.p_value < 0.05)
        n_missed += int(missed.sum())
        n_naive += int(naive.sum())

    assert n_missed / 2000 <= 0.0565
    assert n_naive / 2000 > 0.15  # what a plain test does with 60 looks


def test_power_is_no_less_than_planned_and_not_much_more():
    """The calculator ignores that picks of one round differ in team."""
    effect, votes_per_user = 0.1, 6.0
    deviation = credit_deviation(
        "net_likes_per_user", like_share=0.6, votes_per_user=votes_per_user
    )
    planned = fixed_error(effect * votes_per_user, power=0.8)
    n_users = INTERLEAVED.required_users(deviation, planned, HALVES)

    first, second = drafted(4000, n_users, np.random.default_rng(5), effect=effect)
    found = preference(first, second)

    assert 0.78 <= np.mean(found.p_value < 0.05) <= 0.90
    assert n_users < 200


@pytest.mark.parametrize(
    ("metric", "expected"), [("net_likes_per_user", 1.0), ("likes_per_user", 0.6)]
)
def test_the_deviation_is_that_of_votes_that_fall_by_a_coin(metric, expected):
    rng = np.random.default_rng(6)
    likes = rng.random((200_000, 5)) < 0.6
    sides = rng.choice((-1, 1), likes.shape)
    values = np.where(likes, 1, -1 if metric.startswith("net") else 0)

    found = credit_deviation(metric, like_share=0.6, votes_per_user=5)

    assert found == pytest.approx((expected * 5) ** 0.5)
    assert (values * sides).sum(axis=1).std() == pytest.approx(found, rel=0.01)


def test_the_deviation_is_less_where_both_picks_of_a_round_are_voted_on():
    """For likes alone down to (1 - p) (1 - c) of the variance; 0.36 here."""
    first, second = drafted(200, 500, np.random.default_rng(10))

    cases: list[tuple[Metric, float]] = [
        ("likes_per_user", 0.36),
        ("net_likes_per_user", 0.864),
    ]
    for metric, least in cases:
        bound = credit_deviation(metric, like_share=0.6, votes_per_user=6)
        variance = credit_difference(metric, first, second).var()
        assert least < variance / bound**2 < 1


def one_of(first, second):
    """The first of many experiments."""
    return [Votes(of.likes[0], of.dislikes[0]) for of in (first, second)]


def test_a_preferred_team_is_named_with_its_interval():
    teams = one_of(*drafted(1, 400, np.random.default_rng(7), effect=0.3))

    better, worse = INTERLEAVED.judge(PLAN, teams), INTERLEAVED.judge(PLAN, teams[::-1])

    interval = better.comparisons[0].anytime
    low, high = 100 * interval.low, 100 * interval.high
    size = f"by {low:.0f} to {high:.0f} net likes in 100 users"
    assert better.verdict.text == f"B is preferred {size}"
    assert worse.verdict.text == f"B is liked less {size}"
    assert (better.verdict.kind, worse.verdict.kind) == ("better", "worse")
    assert better.sample_ratio_p_value is None


def test_without_a_preference_more_users_are_asked_for_until_there_are_enough():
    plan = Plan(("A", "B"), (0.5, 0.5), "likes_per_user", 0.2)
    first, second = one_of(*drafted(1, 1000, np.random.default_rng(8)))
    few = [Votes(of.likes[:200], of.dislikes[:200]) for of in (first, second)]

    early, late = INTERLEAVED.judge(plan, few), INTERLEAVED.judge(plan, [first, second])

    spread = np.std(few[1].likes - few[0].likes, ddof=1)
    error = anytime_error(0.2)
    assert early.verdict.kind == "undecided"
    assert early.comparisons[0].more_users == np.ceil((spread / error) ** 2) - 200
    assert late.verdict.kind == "no_difference"
    assert late.comparisons[0].more_users == 0


def test_nothing_is_said_before_enough_users_have_voted():
    first, second = one_of(*drafted(1, 49, np.random.default_rng(9)))
    silent = np.zeros(500)
    padded = [
        Votes(*(np.concatenate([n, silent]) for n in (of.likes, of.dislikes)))
        for of in (first, second)
    ]
    alike = Votes(np.ones(60), np.zeros(60))

    early = INTERLEAVED.judge(PLAN, padded)
    agreed = INTERLEAVED.judge(PLAN, [alike, alike])

    assert early.verdict.text == "too early: 49 of the 50 voters it needs"
    assert agreed.verdict.text == "too early: all users are of one mind"
    assert early.comparisons == agreed.comparisons == ()


def test_users_are_counted_by_whom_they_prefer():
    first = Votes(np.array([2.0, 0, 1, 0]), np.array([0.0, 0, 0, 3]))
    second = Votes(np.array([1.0, 1, 1, 0]), np.array([0.0, 0, 2, 0]))

    cases: list[tuple[Metric, Preference]] = [
        ("likes_per_user", Preference(1, 1, 2)),
        ("net_likes_per_user", Preference(2, 2, 0)),
    ]
    for metric, expected in cases:
        plan = Plan(("A", "B"), (0.5, 0.5), metric, 0.2)
        assert INTERLEAVED.judge(plan, [first, second]).preference == expected


def test_what_cannot_be_compared_within_users_is_refused():
    votes = Votes(np.ones(60), np.zeros(60))
    other = Votes(np.ones(61), np.zeros(61))
    three = Plan(("A", "B", "C"), (0.2, 0.3, 0.5), "likes_per_user", 0.1)

    with pytest.raises(DataError, match="exactly two variants"):
        INTERLEAVED.judge(three, [votes, votes])
    with pytest.raises(DataError, match="not the share"):
        credit_difference("like_share", votes, votes)
    with pytest.raises(DataError, match="both teams"):
        credit_difference("likes_per_user", votes, other)
    with pytest.raises(DataError, match="not the share"):
        credit_deviation("like_share", like_share=0.5, votes_per_user=3)
    with pytest.raises(DataError, match="votes_per_user is 0"):
        credit_deviation("likes_per_user", like_share=0.5, votes_per_user=0)
    with pytest.raises(DataError, match="error is 0"):
        INTERLEAVED.required_users(1.0, 0, HALVES)


@given(ranked=lists, k=st.integers(0, 15), seed=seeds)
def test_a_single_list_is_its_own_draft(ranked, k, seed):
    drawn = team_draft([ranked], k, rng=np.random.default_rng(seed))

    assert drawn.item_indices.tolist() == ranked[:k]
    assert not drawn.teams.any()
