"""The ranking head: numbers that follow from the ratings, whatever their scale."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from engine.data.ratings import Ratings
from engine.data.synthetic import make_ratings
from engine.errors import DataError
from engine.model.configuration import RANKING, RankingConfig, RidgeConfig
from engine.serving.fold_in import fold_in
from engine.serving.ranking import top_k
from engine.training import ranking
from engine.training.fit import fit_head
from engine.training.ranking import ridge_config

SMALL = RankingConfig(n_factors=4, n_sweeps=3)


def rescaled(ratings, factor, shift):
    rows = ratings.by_user
    values = (factor * rows.values.astype(float) + shift).astype(np.float32)
    return Ratings.from_arrays(rows.row_of_each(), rows.indices, values)


def lists(ratings, configuration):
    head = fit_head(
        ratings, configuration, name="ranking", rng=np.random.default_rng(0)
    ).head
    rows = (ratings.by_user.row(user) for user in range(ratings.n_users))
    users = [(fold_in(head, *row), row[0]) for row in rows]
    return [
        top_k(head.scores(user), 10, excluded=seen).tolist() for user, seen in users
    ]


@pytest.mark.compiled
@pytest.mark.parametrize(("factor", "shift"), [(2, 0), (1, 0.5), (20, -3), (0.01, 7)])
def test_lists_do_not_depend_on_the_scale_of_the_ratings(factor, shift):
    made = make_ratings(n_users=300, n_items=200, rng=np.random.default_rng(1))
    ratings = rescaled(made.ratings, 1, 0)

    found = lists(rescaled(ratings, factor, shift), SMALL)

    expected = lists(ratings, SMALL)
    n_equal = sum(a == b for a, b in zip(found, expected, strict=True))
    assert n_equal >= 0.99 * ratings.n_users


def test_weight_and_target_follow_density_mean_and_deviation():
    """Half of four pairs are rated, 2 and 4 stars: d = 0.5, mean 3, deviation 1."""
    ratings = Ratings.from_arrays([1, 2], [1, 2], [2.0, 4.0])

    chosen = ridge_config(ratings, RANKING, multiplier=1.6)

    distance = 4 * np.sqrt(0.5)
    assert chosen.unobserved_target == pytest.approx(3 - distance)
    assert chosen.user_weight == chosen.item_weight == pytest.approx(0.65 * distance)
    assert chosen.unobserved_weight == pytest.approx(1.6 * 0.5 * 0.22)
    assert chosen.n_factors == 2
    assert not chosen.predicts_stars


def test_sparse_ratings_take_more_factors_and_a_smaller_weight():
    n = np.arange(1000)
    sparse = Ratings.from_arrays(n, n, n % 5)

    chosen = ridge_config(sparse, RANKING)

    assert chosen.n_factors == 256
    assert chosen.unobserved_weight == pytest.approx(0.999 * 3 * 0.001**0.6)


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0]])
def test_equal_ratings_of_all_pairs_still_make_a_ranking_head(values):
    full = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], values)

    head = fit_head(full, SMALL, name="ranking", rng=np.random.default_rng(0)).head

    assert isinstance(head.configuration, RidgeConfig)
    assert not head.predicts_stars
    assert np.isfinite(head.item_factors).all()


def test_a_given_weight_is_taken_without_a_trial(ratings, monkeypatch):
    monkeypatch.delattr(ranking, "split_by_user")
    given = replace(SMALL, unobserved_weight=0.3)

    head = fit_head(ratings, given, name="ranking", rng=np.random.default_rng(0)).head

    assert asdict(head.configuration)["unobserved_weight"] == 0.3


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("size", "multiplier"),
    [
        ({"n_items": 60, "n_ratings": 40_000, "n_factors": 2, "noise": 0.1}, 1.6),
        ({"n_items": 600, "n_ratings": 30_000, "n_factors": 8, "noise": 0.3}, 0.7),
    ],
)
def test_the_weight_is_the_one_that_a_trial_clearly_favours(size, multiplier):
    rng = np.random.default_rng(2)
    made = make_ratings(n_users=1500, **size, rng=rng).ratings

    head = fit_head(made, RANKING, name="ranking", rng=np.random.default_rng(0)).head

    usual = ridge_config(made, RANKING).unobserved_weight
    chosen = asdict(head.configuration)["unobserved_weight"]
    assert chosen == pytest.approx(multiplier * usual)


def test_many_users_are_sampled_for_the_trial(ratings, monkeypatch):
    monkeypatch.setattr(ranking, "_TRIAL_MOST_USERS", 5)

    sampled = ranking._of_some_users(ratings, np.random.default_rng(0))  # noqa: SLF001

    assert sampled.n_users == 5
    assert sampled.item_ids.tolist() == ratings.item_ids.tolist()
    for row, user in enumerate(sampled.user_ids.tolist()):
        whole = ratings.by_user.row(ratings.user_ids.tolist().index(user))
        np.testing.assert_array_equal(sampled.by_user.row(row), whole)


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_regularization_that_is_none_is_refused(value):
    with pytest.raises(DataError, match=r"regularization is .* above 0"):
        RankingConfig(regularization=value)
