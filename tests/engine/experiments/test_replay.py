"""Replayed experiments: each day as somebody would have seen it then."""

from typing import Any

import numpy as np
import pytest

from engine.errors import DataError
from engine.experiments.replay import History, replay
from engine.experiments.statistics import Votes
from engine.experiments.verdicts import Design, analyse

N_USERS, N_DAYS = 120, 9
DESIGN = Design(("A", "B"), (0.5, 0.5), "like_share", 0.1)


def analysed(votes, before):
    return analyse(DESIGN, votes, before=before)


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

    looks = replay(variants, analysed)

    last = max(int(of.voted_on.max()) for of in variants)
    now = analysed(*zip(*(of.until(last) for of in variants), strict=True))
    assert looks[-1].day == last
    assert looks[-1].comparisons == now.comparisons
    assert [look.day for look in looks] == sorted({look.day for look in looks})
    assert looks[0].day > 100  # before, too few had come
    widths = [
        float(look.comparisons[0].anytime.high - look.comparisons[0].anytime.low)
        for look in looks
    ]
    assert widths[-1] < widths[0]


@pytest.mark.parametrize(("most", "n_days"), [(1, 1), (4, 4), (100, 11)])
def test_of_many_days_some_are_looked_at_and_always_the_last(most, n_days):
    seen = []

    def counted(votes, before):
        seen.append(votes[0].n_users)
        return analysed(votes, before)

    replay([history(1), history(2)], counted, most=most)

    assert len(seen) == n_days
    assert seen[-1] == N_USERS


def test_nobody_has_no_history():
    days, none = np.zeros(0, dtype=np.int64), np.zeros(0)
    nobody = History(days, days, days, none, none, Votes(none, none))

    assert replay([nobody, nobody], analysed) == ()


def test_impossible_histories_are_refused():
    with pytest.raises(DataError, match="each entry needs"):
        history(1, likes=np.zeros(3))
    with pytest.raises(DataError, match="earlier votes"):
        history(1, before=Votes(np.zeros(3), np.zeros(3)))
    with pytest.raises(DataError, match=r"outside 0\.\.119"):
        history(1, users=np.full(3 * N_USERS, N_USERS))
    with pytest.raises(DataError, match="most is 0"):
        replay([history(1)], analysed, most=0)
