"""Chi-square tests against SciPy, the paper's own counts, and known design effects."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.errors import DataError
from engine.experiments.contingency import (
    design_effect,
    pearson_chi_square,
    rao_scott_chi_square,
    yates_chi_square,
)
from engine.experiments.statistics import Votes
from reproduction.printed import VOTES

PAPER_LIKES = np.array([likes for likes, _ in VOTES.values()])
PAPER_TOTALS = np.array([sum(said) for said in VOTES.values()])


def table(likes, dislikes):
    likes, dislikes = np.array(likes, float), np.array(dislikes, float)
    return likes, likes + dislikes


counts = st.lists(st.integers(1, 10_000), min_size=2, max_size=5)


def test_the_paper_used_the_correction_of_yates():
    """The paper prints 9.82 and 0.00173; without the correction it is 10.24."""
    corrected = yates_chi_square(PAPER_LIKES, PAPER_TOTALS)
    plain = pearson_chi_square(PAPER_LIKES, PAPER_TOTALS)

    assert round(float(corrected.statistic), 2) == 9.82
    assert round(float(corrected.p_value), 5) == 0.00173
    assert round(float(plain.statistic), 2) == 10.24
    assert round(float(plain.p_value), 5) == 0.00138


@given(counts, st.data())
def test_pearson_equals_scipy(likes, data):
    same = st.lists(
        st.integers(1, 10_000), min_size=len(likes), max_size=len(likes)
    )  # fmt: skip
    dislikes = data.draw(same)

    found = pearson_chi_square(*table(likes, dislikes))

    expected = stats.chi2_contingency([likes, dislikes], correction=False)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert found.degrees_of_freedom == expected.dof


@given(st.lists(st.integers(1, 300), min_size=4, max_size=4))
def test_yates_equals_scipy(cells):
    likes, dislikes = cells[:2], cells[2:]

    found = yates_chi_square(*table(likes, dislikes))

    expected = stats.chi2_contingency([likes, dislikes], correction=True)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-8)


def test_one_vote_a_user_has_a_design_effect_of_one():
    rng = np.random.default_rng(0)
    likes = rng.integers(2, size=(2, 500)).astype(float)
    variants = [Votes(row, 1 - row) for row in likes]

    for votes in variants:
        # Besides the n / (n - 1) of an unbiased variance.
        assert design_effect(votes) == pytest.approx(500 / 499, rel=1e-12)
    plain = pearson_chi_square(likes.sum(axis=1), np.array([500.0, 500.0]))
    corrected = rao_scott_chi_square(variants)
    assert corrected.statistic == pytest.approx(plain.statistic * 499 / 500, rel=1e-12)


def test_users_who_always_repeat_themselves_count_once():
    """Ten equal votes a user are worth one: the statistic falls tenfold."""
    rng = np.random.default_rng(1)
    likes = 10 * rng.integers(2, size=(2, 400)).astype(float)
    variants = [Votes(row, 10 - row) for row in likes]

    plain = pearson_chi_square(likes.sum(axis=1), np.array([4000.0, 4000.0]))
    corrected = rao_scott_chi_square(variants)

    assert design_effect(variants[0]) == pytest.approx(10 * 400 / 399, rel=1e-12)
    assert corrected.statistic == pytest.approx(
        plain.statistic / 10 * 399 / 400, rel=1e-12
    )
    assert corrected.p_value > plain.p_value


def test_the_design_effect_is_what_the_correlation_makes_it():
    rng = np.random.default_rng(2)
    correlation, n_votes = 0.2, 12
    total = 1 / correlation - 1
    chances = rng.beta(0.7 * total, 0.3 * total, 200_000)
    likes = rng.binomial(n_votes, chances).astype(float)

    found = design_effect(Votes(likes, n_votes - likes))

    assert found == pytest.approx(1 + (n_votes - 1) * correlation, rel=0.02)


def test_rao_scott_works_on_many_variants_and_many_experiments():
    rng = np.random.default_rng(3)
    likes = rng.integers(0, 6, (3, 7, 80)).astype(float)
    variants = [Votes(part, 5 - part) for part in likes]

    together = rao_scott_chi_square(variants)

    assert together.statistic.shape == (7,)
    assert together.degrees_of_freedom == 2
    for row in range(7):
        alone = rao_scott_chi_square([Votes(p[row], 5 - p[row]) for p in likes])
        assert together.statistic[row] == pytest.approx(alone.statistic, rel=1e-12)


@pytest.mark.parametrize("z", [10, 30])
def test_small_p_values_keep_their_digits(z):
    """A table whose statistic is z squared, against the normal tail."""
    n = 2.0 * z**2 / 0.36  # shares 0.3 apart around one half
    likes, votes = np.array([0.35 * n, 0.65 * n]), np.array([n, n])
    pearson = pearson_chi_square(likes, votes)

    expected = 2 * stats.norm.sf(np.sqrt(pearson.statistic))
    assert pearson.p_value > 0
    assert pearson.p_value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("likes", "votes", "message"),
    [
        ([1], [2], "at least two variants"),
        ([1, 2], [2, 3, 4], "at least two variants"),
        ([1, 0], [2, 0], "needs votes"),
        ([3, 1], [2, 2], "no more likes than votes"),
        ([-1, 1], [2, 2], "no more likes than votes"),
        ([float("nan"), 1], [2, 2], "no more likes than votes"),
        ([0, 0], [2, 2], "all votes are alike"),
        ([2, 2], [2, 2], "all votes are alike"),
    ],
)
def test_a_table_that_cannot_be_tested_is_an_error(likes, votes, message):
    with pytest.raises(DataError, match=message):
        pearson_chi_square(np.array(likes, float), np.array(votes, float))


def test_yates_is_for_two_variants():
    with pytest.raises(DataError, match="two variants"):
        yates_chi_square(np.array([1.0, 2, 3]), np.array([4.0, 5, 6]))


def test_a_design_effect_needs_spread():
    sevens, threes = np.full(40, 7.0), np.full(40, 3.0)
    mixed = Votes(np.arange(40.0), np.ones(40))

    with pytest.raises(DataError, match="voted alike"):
        rao_scott_chi_square([mixed, Votes(sevens, threes)])
    with pytest.raises(DataError, match="no user voted"):
        rao_scott_chi_square([mixed, Votes(np.zeros(40), np.zeros(40))])
    with pytest.raises(DataError, match="two users"):
        design_effect(Votes(np.ones(1), np.ones(1)))
    with pytest.raises(DataError, match="two variants"):
        rao_scott_chi_square([mixed])
