"""Counts of votes and the tests of them."""

import numpy as np
import pytest

from reproduction.page import write_number
from reproduction.votes import compare
from tests.reproduction.conftest import votes


def test_all_voters_vote_on_their_whole_list(numbers):
    votes = numbers["simulation"]["votes"]

    assert [(vote["version"], vote["n_users"]) for vote in votes] == [
        ("latent", 45), ("features", 45),
    ]  # fmt: skip
    assert all(vote["likes"] + vote["dislikes"] <= 450 for vote in votes)
    assert all(vote["likes"] > 0 for vote in votes)


def test_the_paper_s_counts_give_its_chi_square_with_yates_correction(numbers):
    paper = numbers["paper"]
    plain, yates = paper["votes"]["plain"], paper["votes"]["yates"]

    assert round(yates["statistic"], 2) == paper["printed_statistic"] == 9.82
    assert round(yates["p"], 5) == paper["printed_p"] == 0.00173
    assert plain["statistic"] == pytest.approx(1000 * 24_000**2 / (500**2 * 658 * 342))
    assert round(plain["p"], 5) == 0.00138


@pytest.mark.parametrize("counts", [(5, 0, 7, 0), (0, 5, 0, 7), (0, 0, 3, 4)])
def test_votes_of_one_kind_are_not_tested(counts):
    likes, dislikes, other_likes, other_dislikes = counts

    found = compare(
        votes(("A", 5, likes, dislikes), ("B", 5, other_likes, other_dislikes))
    )

    assert (found.plain, found.yates) == (None, None)


def test_no_votes_have_no_share():
    shares = compare(votes(("A", 5, 0, 0), ("B", 5, 3, 1))).votes["like_share"]

    assert np.isnan(shares[0])
    assert shares[1] == 0.75
    assert write_number(shares[0]) == write_number(None) == "&ndash;"
