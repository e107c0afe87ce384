"""The chances of each level of a scale, and what people make of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from engine.data.ratings import Ratings
from engine.data.splits import Split, split_at_random
from engine.data.synthetic import make_ratings
from engine.model.configuration import VariationalConfig
from engine.model.levels import Levels, normalized
from engine.model.variational_head import Calibration, VariationalHead
from engine.serving.fold_in import (
    expected_ratings,
    fold_in,
    level_chances,
    predict,
    uncertainty,
)
from engine.training.fit import fit_head


def test_the_levels_are_those_that_ratings_use():
    levels = Levels.of(np.array([3, 1, 3, 5], np.float32))

    assert levels.values.tolist() == [1, 3, 5]
    assert levels.shares.tolist() == [0.25, 0.5, 0.25]
    assert levels.index_of(np.array([0.5, 1.9, 2.1, 4, 9])).tolist() == [0, 0, 1, 1, 2]
    assert levels.counts(np.array([1, 5, 5]), np.array([2, 0.5, 1])).tolist() == [
        2,
        0,
        1.5,
    ]


@pytest.mark.parametrize("stars", [np.full(2, 4.0), np.linspace(0, 1, 22)])
def test_a_continuous_scale_has_no_levels_and_neither_has_one_value(stars):
    assert len(Levels.of(stars)) == 0


def test_without_weights_a_level_has_the_mass_of_the_normal_around_it():
    levels = Levels.of(np.array([1, 2, 4]))

    (chances,) = levels.chances(np.array([2.2]), np.array([0.8]))

    below = stats.norm(2.2, 0.8).cdf([1.5, 3])
    np.testing.assert_allclose(chances, np.diff([0, *below, 1]))


def test_no_level_is_impossible_however_sure_a_head_is():
    levels = Levels.of(np.array([1, 2, 4]))

    (chances,) = levels.chances(np.array([2.0]), np.array([1e-9]))

    assert (chances > 0).all()
    assert chances[1] == pytest.approx(1)


# Half of the users give whole stars alone, the others halves too.


@pytest.fixture(scope="module")
def split() -> Split:
    rng = np.random.default_rng(5)
    made = make_ratings(n_users=200, n_items=120, n_ratings=9000, noise=0.7, rng=rng)
    rows = made.ratings.by_user
    users = rows.row_of_each()
    steps = np.where(users % 2 == 0, 1.0, 2.0)
    stars = np.clip(np.round(rows.values * steps) / steps, 1, 5)
    ratings = Ratings.from_arrays(users, rows.indices, stars.astype(np.float32))
    return split_at_random(ratings, rng=rng)


@pytest.fixture(scope="module")
def head(split) -> VariationalHead:
    config = VariationalConfig(n_factors=4, n_sweeps=15)
    found = fit_head(split.train, config, rng=np.random.default_rng(0)).head
    assert isinstance(found, VariationalHead)
    return found


def folded(head, split, user):
    return fold_in(head, *split.train.by_user.row(user))


@pytest.mark.compiled
def test_chances_follow_the_habits_of_the_user(head, split):
    halves = head.levels.values % 1 != 0
    items = np.arange(split.train.n_items)

    for user in range(10):
        chances = level_chances(head, folded(head, split, user), items)
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        share = chances[:, halves].sum(axis=1).mean()
        assert share > 0.35 if user % 2 else share < 0.12


@pytest.mark.compiled
def test_a_newcomer_has_the_habits_of_people_at_large(head):
    nobody = fold_in(head, np.zeros(0, np.int32), np.zeros(0))
    item = np.array([3])

    (chances,) = level_chances(head, nobody, item)

    mean = predict(head, nobody, item).astype(float)
    deviation = uncertainty(head, nobody, item).astype(float)
    np.testing.assert_allclose(
        chances, head.levels.chances(mean, deviation)[0], rtol=1e-5
    )


def log_loss(head, split, chances_of) -> float:
    losses = []
    for user in np.unique(split.test.user_indices).tolist():
        mine = split.test.user_indices == user
        items, stars = split.test.item_indices[mine], split.test.values[mine]
        chances = chances_of(folded(head, split, user), items)
        given = head.levels.index_of(stars)
        losses.append(-np.log(chances[np.arange(len(given)), given]))
    return float(np.concatenate(losses).mean())


@pytest.mark.compiled
def test_chances_tell_more_than_the_normal_does(head, split):
    bare = Levels.of(split.train.by_user.values)

    def normal(user, items):
        means, deviations = predict(head, user, items), uncertainty(head, user, items)
        return bare.chances(means.astype(float), deviations.astype(float))

    def learned(user, items):
        return level_chances(head, user, items)

    assert log_loss(head, split, learned) < log_loss(head, split, normal) - 0.2


@pytest.mark.compiled
def test_what_to_expect_lies_between_the_clipped_score_and_the_mean(head, split):
    user, items = folded(head, split, 0), np.arange(20)
    scores = predict(head, user, items).clip(1, 5)
    noise = np.full(20, np.sqrt(head.own_noise(user)))
    chances = head.levels.chances(predict(head, user, items).astype(float), noise)
    count = Calibration(*head.prior.calibration).level_count
    habits = head.levels.ratio(*head.habits(user), count)
    means = normalized(chances * habits) @ head.levels.values

    for share in (0.0, 0.4, 1.0):
        chosen = Calibration(*head.prior.calibration)._replace(level_share=share)
        prior = replace(head.prior, calibration=np.array(chosen))
        found = expected_ratings(replace(head, prior=prior), user, items)
        assert found.dtype == np.float32
        np.testing.assert_allclose(
            found, (1 - share) * scores + share * means, rtol=1e-5
        )


@pytest.mark.compiled
def test_what_to_expect_keeps_the_order_of_the_scores(head, split):
    chosen = Calibration(*head.prior.calibration)._replace(level_share=1)
    sure = replace(head, prior=replace(head.prior, calibration=np.array(chosen)))
    items = np.arange(split.train.n_items)

    for user in range(10):
        known = folded(sure, split, user)
        order = np.argsort(predict(sure, known, items), kind="stable")
        assert (np.diff(expected_ratings(sure, known, items)[order]) >= -1e-6).all()


@pytest.mark.compiled
def test_a_scale_of_many_values_expects_the_score(split):
    rows = split.train.by_user
    noise = np.random.default_rng(0).normal(0, 0.01, len(rows.values))
    ratings = Ratings.from_arrays(
        rows.row_of_each(), rows.indices, (rows.values + noise).astype(np.float32)
    )
    config = VariationalConfig(n_factors=2, n_sweeps=14)
    head = fit_head(ratings, config, rng=np.random.default_rng(0)).head
    user, items = fold_in(head, np.array([0]), np.array([4.0])), np.arange(5)

    assert level_chances(head, user, items).shape == (5, 0)
    np.testing.assert_array_equal(
        expected_ratings(head, user, items), predict(head, user, items)
    )


@pytest.mark.compiled
def test_levels_follow_the_scale(head, split):
    """Ratings mapped to percent: the same chances of the same levels."""
    rows = split.train.by_user
    stars = 20 * rows.values - 10
    ratings = Ratings.from_arrays(rows.row_of_each(), rows.indices, stars)
    config = VariationalConfig(n_factors=4, n_sweeps=15)
    other = fit_head(ratings, config, rng=np.random.default_rng(0)).head
    items = np.arange(30)
    indices, values = rows.row(1)
    one, two = fold_in(head, indices, values), fold_in(other, indices, 20 * values - 10)

    np.testing.assert_allclose(
        level_chances(other, two, items), level_chances(head, one, items), atol=2e-3
    )
    np.testing.assert_allclose(
        expected_ratings(other, two, items),
        20 * expected_ratings(head, one, items) - 10,
        atol=20 * 2e-3,
    )


@pytest.mark.compiled
def test_a_rating_of_weight_two_counts_twice_among_the_habits(head, split):
    indices, values = split.train.by_user.row(0)
    given, expected = head.habits(
        fold_in(head, indices, values, weights=np.full(len(values), 2.0))
    )

    assert given.sum() == pytest.approx(2 * len(values))
    assert expected.sum() == pytest.approx(2 * len(values))


def test_a_family_that_learns_no_levels_tells_none(model):
    user, items = fold_in(model.rating, np.array([0]), np.array([4.0])), np.arange(3)

    assert level_chances(model.rating, user, items).shape == (3, 0)
    np.testing.assert_array_equal(
        expected_ratings(model.rating, user, items), predict(model.rating, user, items)
    )
