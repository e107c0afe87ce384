"""Made-up ratings keep what they promise."""

import numpy as np
import pytest

from engine.data.synthetic import make_ratings
from engine.errors import DataError


def test_the_size_is_as_asked_and_values_are_half_stars():
    made = make_ratings(
        n_users=50, n_items=40, n_ratings=600, rng=np.random.default_rng(0)
    )

    ratings = made.ratings
    assert (ratings.n_users, ratings.n_items, ratings.n_ratings) == (50, 40, 600)
    values = ratings.by_user.values
    assert set(np.unique(2 * values)) <= set(range(1, 11))


def test_activity_and_popularity_have_long_tails():
    made = make_ratings(
        n_users=2_000, n_items=1_000, n_ratings=30_000, rng=np.random.default_rng(0)
    )

    for rows in (made.ratings.by_user, made.ratings.by_item):
        falling = np.sort(rows.counts)[::-1]
        tenth = len(falling) // 10
        assert falling[:tenth].sum() > 0.4 * falling.sum()


def test_the_ratings_are_the_truth_plus_noise():
    made = make_ratings(noise=0.4, rng=np.random.default_rng(1))

    inside = np.abs(made.truth - 2.75) < 1  # far from the ends of the scale
    errors = (made.ratings.by_user.values - made.truth)[inside]

    assert errors.std() == pytest.approx((0.4**2 + 0.5**2 / 12) ** 0.5, rel=0.05)
    assert made.noise == 0.4


def test_equal_seeds_give_equal_ratings():
    first, second = (make_ratings(rng=np.random.default_rng(2)) for _ in range(2))

    np.testing.assert_array_equal(first.truth, second.truth)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_users": 0}, "at least 1"),
        ({"n_factors": 0}, "at least 1"),
        ({"n_users": 3, "n_items": 3, "n_ratings": 5}, "at most half"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(DataError, match=message):
        make_ratings(**sizes, rng=np.random.default_rng(0))
