"""Verdicts: each kind from data that deserves it, in words that name the figures."""

import re
from typing import Any

import numpy as np
import pytest

from engine.errors import DataError
from engine.experiments.designs import Split
from engine.experiments.planning import Plan
from engine.experiments.sequential import confidence_sequence
from engine.experiments.statistics import Votes, difference, holm, metric_values

SPLIT = Split()


def plan_of(**changed):
    values: dict[str, Any] = {
        "names": ("A", "B"),
        "weights": (0.5, 0.5),
        "metric": "likes_per_user",
        "minimum_effect": 0.1,
    }
    return Plan(**values | changed)


def votes(seed, n_users=2000, share=0.6, per_user=1):
    rng = np.random.default_rng(seed)
    chances = rng.beta(9 * share, 9 * (1 - share), n_users)
    counts = np.full(n_users, per_user)
    likes = rng.binomial(counts, chances)
    return Votes(likes.astype(float), (counts - likes).astype(float))


def nobody():
    return Votes(np.zeros(0), np.zeros(0))


def test_a_better_variant_is_named_with_its_interval():
    found = SPLIT.judge(plan_of(), [votes(1), votes(2, share=0.75)])

    interval = found.comparisons[0].anytime
    low, high = 100 * interval.low, 100 * interval.high
    assert found.verdict.kind == "better"
    assert found.verdict.text == (
        f"B is better by {low:.0f} to {high:.0f} likes in 100 users"
    )
    assert interval.low > 0


def test_a_worse_variant_is_named_with_its_interval():
    found = SPLIT.judge(plan_of(metric="like_share"), [votes(1, share=0.75), votes(2)])

    assert found.verdict.kind == "worse"
    text = re.fullmatch(
        r"B is worse by (\d+) to (\d+) likes in 100 votes", found.verdict.text
    )
    assert text is not None
    assert int(text[1]) < int(text[2])


def test_without_a_difference_more_users_are_asked_for():
    """As many more as bring the standard error to the planned one."""
    plan = plan_of()

    found = SPLIT.judge(plan, [votes(1, 300), votes(2, 300)])

    comparison = found.comparisons[0]
    assert found.verdict.kind == "undecided"
    asked = re.fullmatch(
        r"no detectable difference yet, about ([\d,]+) more users needed",
        found.verdict.text,
    )
    assert asked is not None
    about = int(asked[1].replace(",", ""))
    assert comparison.more_users <= about < comparison.more_users * 1.1
    total = 600 + comparison.more_users
    error = comparison.fixed.standard_error * (600 / total) ** 0.5
    assert error == pytest.approx(plan.planned_error, rel=0.01)


def test_enough_users_without_a_difference_end_the_search():
    found = SPLIT.judge(plan_of(), [votes(1, 4000), votes(2, 4000)])

    assert found.verdict.kind == "no_difference"
    assert found.verdict.text.startswith("no detectable difference; 10 likes in 100")
    assert found.comparisons[0].more_users == 0


def test_a_broken_split_hides_every_other_verdict():
    found = SPLIT.judge(plan_of(), [votes(1, 2000), votes(2, 2400, share=0.8)])

    assert found.sample_ratio_p_value is not None
    assert found.sample_ratio_p_value < 0.001
    assert found.verdict.kind == "unhealthy"
    assert "2,000 / 2,400 users where 2,200 / 2,200 were expected" in found.verdict.text
    nothing_arrived = SPLIT.judge(plan_of(), [votes(1, 2000), nobody()])
    assert nothing_arrived.verdict.kind == "unhealthy"
    assert nothing_arrived.comparisons == ()


@pytest.mark.parametrize(
    ("variants", "text"),
    [
        ([nobody(), nobody()], "nobody has been exposed yet"),
        ([votes(1, 60), votes(2, 49)], "too early: B has 49 users, each"),
        (
            [Votes(np.zeros(60), np.zeros(60)), votes(2, 60)],
            "too early: A needs likes as well as dislikes",
        ),
        (
            [votes(1, 60), Votes(np.arange(60.0), np.zeros(60))],
            "too early: B needs likes as well as dislikes",
        ),
        (
            [Votes(np.ones(60), np.arange(60.0)), votes(2, 60)],
            "too early: all users of A voted alike",
        ),
    ],
)
def test_nothing_is_estimated_too_early(variants, text):
    found = SPLIT.judge(plan_of(), variants)

    assert found.verdict.kind == "too_early"
    assert found.verdict.text.startswith(text)
    assert found.comparisons == ()


def test_several_treatments_share_the_alpha():
    """Each is compared with the control; Holm adjusts, the best one is named."""
    plan = plan_of(names=("A", "B", "C"), weights=(0.4, 0.3, 0.3), metric="like_share")
    variants = [
        votes(1, 4000, per_user=4),
        votes(2, 3000, 0.68, per_user=4),
        votes(3, 3000, 0.75, per_user=4),
    ]

    found = SPLIT.judge(plan, variants)

    shares = [metric_values(v, "like_share") for v in variants]
    raw = [
        confidence_sequence(
            difference(shares[0], shares[i]), planned_error=plan.planned_error
        ).p_value
        for i in (1, 2)
    ]
    assert [c.variant for c in found.comparisons] == ["B", "C"]
    assert [c.p_value for c in found.comparisons] == holm([float(p) for p in raw])
    assert found.verdict.text.startswith("C is better by")
    alone = plan_of(names=("A", "B"), metric="like_share")
    assert plan.planned_error < alone.planned_error


def test_three_equal_treatments_seldom_raise_any_alarm():
    """One look at each of 1,000 experiments; the sequence holds at any other too."""
    plan = plan_of(names=tuple("ABCD"), weights=(0.25,) * 4, metric="like_share")
    rng = np.random.default_rng(6)
    alarms = 0
    for _ in range(1000):
        likes = rng.binomial(5, rng.beta(5, 4, (4, 100))).astype(float)
        kind = SPLIT.judge(plan, [Votes(part, 5 - part) for part in likes]).verdict.kind
        alarms += kind in {"better", "worse"}

    assert alarms / 1000 <= 0.05


def test_what_was_known_before_narrows_the_interval():
    rng = np.random.default_rng(5)

    def twice(share):
        chances = rng.beta(2 * share, 2 * (1 - share), 1000)
        drawn = [rng.binomial(10, chances).astype(float) for _ in range(2)]
        return [Votes(likes, 10 - likes) for likes in drawn]

    (before_a, a), (before_b, b) = twice(0.5), twice(0.5)
    plan = plan_of(metric="net_likes_per_user")

    plain = SPLIT.judge(plan, [a, b]).comparisons[0]
    found = SPLIT.judge(plan, [a, b], [before_a, before_b])

    adjusted = found.comparisons[0]
    assert found.is_adjusted
    assert adjusted.fixed.standard_error < 0.8 * plain.fixed.standard_error
    assert adjusted.more_users < plain.more_users


def test_a_past_that_says_nothing_or_everything_is_left_out():
    plan, now = plan_of(metric="net_likes_per_user"), [votes(1), votes(2)]
    silent = Votes(np.zeros(2000), np.zeros(2000))

    plain = SPLIT.judge(plan, now)
    for before in ([votes(3), silent], now):
        found = SPLIT.judge(plan, now, before)
        assert not found.is_adjusted
        assert found.comparisons[0].fixed == plain.comparisons[0].fixed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": (0.5, 0.4)}, "sum to 0.9"),
        ({"names": ("A", "A")}, "name of its own"),
        ({"names": ("A", "B", "C")}, "name of its own"),
        ({"alpha": 0}, "alpha is 0"),
        ({"power": 1}, "power is 1"),
        ({"minimum_effect": 0}, "minimum_effect"),
        ({"minimum_effect": float("nan")}, "minimum_effect"),
    ],
)
def test_an_unusable_plan_is_refused(changed, message):
    with pytest.raises(DataError, match=message):
        plan_of(**changed)


def test_the_votes_must_fit_the_plan():
    with pytest.raises(DataError, match="votes of 2 variants"):
        SPLIT.judge(plan_of(), [votes(1)])
    with pytest.raises(DataError, match="one covariate per user"):
        SPLIT.judge(plan_of(), [votes(1), votes(2)], [votes(1, 5), votes(2, 5)])
