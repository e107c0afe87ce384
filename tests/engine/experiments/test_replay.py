"""Replayed experiments: each day as somebody would have seen it then."""

from typing import Any

import numpy as np
import pytest

from engine.errors import DataError
from engine.experiments.designs import Split
from engine.experiments.planning import Plan
from engine.experiments.replay import History, days_to_replay
from engine.experiments.statistics import Votes

N_USERS, N_DAYS = 120, 9
PLAN = Plan(("A", "B"), (0.5, 0.5), "like_share", 0.1)


SPLIT = Split()


def history(seed, **changed):
    """Users who come over nine days and vote on up to three of them."""
    rng = np.random.default_rng(seed)
    exposed_on = np.sort(rng.integers(100, 100 + N_DAYS, N_USERS))
    users = np.repeat(np.arange(N_USERS), 3)
    values: dict[str, Any] = {
        "exposed_on": exposed_on,
        "users": users,
        "voted_on": exposed_on[users] + rng.integers(0, 3, len(users)),
        "likes": rng.integers(0, 4, len(users)).astype(float),
        "dislikes": rng.integers(0, 3, len(users)).astype(float),
        "before": Votes(rng.integers(0, 9, N_USERS).astype(float), np.ones(N_USERS)),
    }
    return History(**values | changed)


def test_each_day_counts_what_had_happened_by_then():
    """Against a plain count, user by user."""
    of = history(1)

    for day in range(99, 99 + N_DAYS + 4):
        votes, before = of.until(day)

        there = [u for u in range(N_USERS) if of.exposed_on[u] <= day]
        cast = [
            sum(
                n
                for who, when, n in zip(of.users, of.voted_on, of.likes, strict=True)
                if who == user and when <= day
            )
            for user in there
        ]
        np.testing.assert_array_equal(votes.likes, cast)
        np.testing.assert_array_equal(before.likes, of.before.likes[there])


def test_the_last_look_is_what_the_experiment_says_now():
    variants = [history(1), history(2)]

    looks = SPLIT.timeline(PLAN, variants)

    last = max(int(of.voted_on.max()) for of in variants)
    now = SPLIT.evaluate(PLAN, variants)
    assert looks[-1].day == last
    assert looks[-1].comparisons == now.analysis.comparisons
    assert now.looks == looks
    assert [look.day for look in looks] == sorted({look.day for look in looks})
    assert looks[0].day > 100  # before, too few had come
    widths = [
        float(look.comparisons[0].anytime.high - look.comparisons[0].anytime.low)
        for look in looks
    ]
    assert widths[-1] < widths[0]


@pytest.mark.parametrize(("most", "n_days"), [(1, 1), (4, 4), (100, 11)])
def test_of_many_days_some_are_looked_at_and_always_the_last(most, n_days):
    variants = [history(1), history(2)]

    days = days_to_replay(variants, max_looks=most)

    assert len(days) == n_days
    assert days[-1] == max(int(of.voted_on.max()) for of in variants)


def test_nobody_has_no_history():
    days, none = np.zeros(0, dtype=np.int64), np.zeros(0)
    nobody = History(days, days, days, none, none, Votes(none, none))

    assert SPLIT.timeline(PLAN, [nobody, nobody]) == ()


def test_impossible_histories_are_refused():
    with pytest.raises(DataError, match="each entry needs"):
        history(1, likes=np.zeros(3))
    with pytest.raises(DataError, match="earlier votes"):
        history(1, before=Votes(np.zeros(3), np.zeros(3)))
    with pytest.raises(DataError, match=r"outside 0\.\.119"):
        history(1, users=np.full(3 * N_USERS, N_USERS))
    with pytest.raises(DataError, match="max_looks is 0"):
        days_to_replay([history(1)], max_looks=0)
