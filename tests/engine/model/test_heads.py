"""Configurations are checked when they are made."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from engine.errors import DataError
from engine.model.configuration import PLAIN, RATING, RankingConfig, RidgeConfig
from engine.serving.fold_in import fold_in, predict
from tests.engine.conftest import solved_by


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_factors", -1),
        ("n_factors", 1025),
        ("n_factors", 2.0),
        ("n_factors", True),
        ("user_weight", "1"),
        ("user_weight", True),
        ("n_sweeps", 0),
        ("user_weight", 0),
        ("item_weight", -1.0),
        ("user_bias_weight", 0.0),
        ("item_bias_weight", float("nan")),
        ("exponent", 2.5),
        ("prior_count", -1),
        ("prior_count", float("inf")),
        ("unobserved_weight", 1.0),
        ("unobserved_weight", -0.1),
        ("unobserved_target", float("inf")),
        ("centring", 1.5),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(DataError, match=name):
        replace(PLAIN, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_factors", 0), ("n_factors", 2.0), ("n_sweeps", 0), ("rated_sets", 1)],
)
def test_a_learned_heads_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(DataError, match=name):
        replace(RATING, **{name: value})


def test_a_refusal_names_value_and_bounds():
    with pytest.raises(DataError, match=r"n_factors is 1025; .* at most 1024"):
        replace(PLAIN, n_factors=1025)
    with pytest.raises(DataError, match=r"user_weight is 0; .* number above 0"):
        replace(PLAIN, user_weight=0)


def test_parameters_that_earlier_versions_stored_are_ignored():
    stored = {**asdict(PLAIN), "solver": "cholesky", "n_gradient_steps": 3}

    assert RidgeConfig.from_stored(stored) == PLAIN
    assert PLAIN.changed({"solver": "cholesky", "n_sweeps": 4}).n_sweeps == 4
    with pytest.raises(TypeError, match="unknown"):
        RidgeConfig.from_stored({**stored, "unknown": 1})


def test_gradient_steps_take_less_work_where_they_are_used():
    many = replace(PLAIN, n_factors=1024)

    with solved_by("cholesky"):
        exact = many.work(10_000, 100)
    with solved_by("conjugate_gradient"):
        assert many.work(10_000, 100) < exact


def test_a_ranking_head_works_in_proportion_to_ratings_and_factors():
    few, many = RankingConfig(n_factors=64), RankingConfig(n_factors=128)

    assert many.work(10_000, 100) == 2 * few.work(10_000, 100)
    assert RankingConfig().work(10_000, 100) == 2 * many.work(10_000, 100)


def test_regularization_grows_with_the_ratings_from_a_floor():
    configuration = replace(
        PLAIN, user_weight=2.0, item_weight=3.0, exponent=0.5, prior_count=4.0
    )
    counts = np.array([0, 5, 12], dtype=np.int32)

    users = configuration.factor_weights(counts, role="user")
    items = configuration.factor_weights(counts, role="item")

    np.testing.assert_allclose(users, [4, 6, 8])
    np.testing.assert_allclose(items, [6, 9, 12])


def test_a_user_is_as_generous_as_their_ratings_say_and_as_many_they_are():
    configuration = replace(PLAIN, centring=0.5, prior_count=4.0, unobserved_weight=0.2)
    sums, counts = np.array([0.0, 5.0, 24.0]), np.array([0, 1, 12])

    np.testing.assert_allclose(configuration.shifts(sums, counts), [0, 0.5, 0.75])
    stars = replace(configuration, unobserved_weight=0.0)
    np.testing.assert_array_equal(stars.shifts(sums, counts), 0)


def test_a_row_without_ratings_is_regularized_even_without_a_floor():
    configuration = replace(PLAIN, user_weight=2.0, exponent=1.0, prior_count=0.0)

    weights = configuration.factor_weights(np.array([0, 3], np.int32), role="user")

    np.testing.assert_allclose(weights, [2, 6])


@pytest.mark.parametrize("name", ["rating", "ranking"])
def test_scores_of_all_items_equal_predictions_one_by_one(model, name):
    head = getattr(model, name)
    folded_user = fold_in(head, np.array([1, 4]), np.array([5.0, 2.0]))

    scores = head.scores(folded_user)

    expected = predict(head, folded_user, np.arange(head.n_items))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)
