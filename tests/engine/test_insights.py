"""Descriptions of ratings and factors, on sets small enough to check by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from engine.data.ratings import Ratings
from engine.errors import DataError
from engine.insights import (
    ItemStatistics,
    ends,
    genre_statistics,
    genres_of,
    item_statistics,
    polarization,
    principal_axes,
    rating_frequencies,
    size_frequencies,
)

GENRES = genres_of([["Drama"], ["Comedy", "Drama"], [], ["War"]])
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def few():
    """Items 1 to 4; item 1 is rated 1, 5, 3, item 2 is rated 4, 4, item 4 never."""
    return Ratings.from_arrays(
        [1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 3], [1, 5, 3, 4, 4, 0.5], items=[4]
    )


def test_ratings_are_counted_star_by_star(few):
    found = rating_frequencies(few)

    assert found.values.tolist() == [0.5, 1, 3, 4, 5]
    assert found.counts.tolist() == [1, 1, 1, 2, 1]


def test_items_are_counted_by_their_number_of_ratings(few):
    found = size_frequencies(few.by_item.counts)

    assert found.values.tolist() == [1, 2, 3]
    assert found.counts.tolist() == [1, 1, 1]


def test_genres_become_columns_in_alphabetic_order():
    assert GENRES.names == ("Comedy", "Drama", "War")
    assert GENRES.membership.astype(int).tolist() == [
        [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1],
    ]  # fmt: skip


def test_an_item_counts_in_each_of_its_genres(few):
    found = genre_statistics(few, GENRES)

    assert found.n_items.tolist() == [1, 2, 1]
    assert found.n_ratings.tolist() == [2, 5, 0]
    np.testing.assert_allclose(found.means, [4, 17 / 5, np.nan])


def test_genres_of_another_catalogue_are_refused(few):
    with pytest.raises(DataError, match=r"genres of 3 items for 4; give them in"):
        genre_statistics(few, genres_of([[], [], []]))


def test_item_statistics_are_those_of_the_definition(few):
    found = item_statistics(few)

    assert found.counts.tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(found.means, [3, 4, 0.5, np.nan])
    np.testing.assert_allclose(found.variances, [8 / 3, 0, 0, np.nan])


def test_variances_survive_a_mean_far_from_zero():
    """Large values of unit variance: a difference of large sums would lose it all."""
    rng = np.random.default_rng(0)
    values = 5_000.0 + rng.integers(0, 2, 10_000)
    ratings = Ratings.from_arrays(
        np.arange(10_000), np.zeros(10_000, dtype=int), values
    )

    found = item_statistics(ratings)

    assert found.variances[0] == pytest.approx(values.var(), rel=1e-12)


def test_what_is_usual_is_a_fixed_share_of_what_is_possible(few):
    found = polarization(item_statistics(few), (0.5, 5))

    possible = np.array([2.5 * 2, 3.5 * 1, 0, np.nan])
    dispersion = (3 * 8 / 3) / (3 * 5 + 2 * 3.5)
    assert found.dispersion == pytest.approx(dispersion)
    np.testing.assert_allclose(found.expected, dispersion * possible)
    np.testing.assert_allclose(found.excess, [8 / 3, 0, 0, np.nan] - found.expected)


def test_equal_variance_says_more_far_from_the_middle():
    counts = np.array([20, 20], dtype=np.int32)
    statistics = ItemStatistics(counts, np.array([3.0, 4.5]), np.array([0.4, 0.4]))

    found = polarization(statistics, (1, 5))

    assert found.excess[1] > 0 > found.excess[0]


@given(
    values=arrays(np.int8, st.integers(1, 40), elements=st.integers(1, 10)), seed=seeds
)
def test_no_variance_exceeds_what_the_mean_allows(values, seed):
    items = np.random.default_rng(seed).integers(0, 3, len(values))
    ratings = Ratings.from_arrays(np.arange(len(values)), items, values / 2)
    statistics = item_statistics(ratings)

    found = polarization(statistics, (0.5, 5))

    possible = (statistics.means - 0.5) * (5 - statistics.means)
    assert (statistics.variances <= possible + 1e-9).all()
    assert 0 <= found.dispersion <= 1 + 1e-9
    assert abs(statistics.counts @ found.excess) < 1e-6


def test_ratings_all_at_the_ends_have_the_whole_of_what_is_possible():
    ratings = Ratings.from_arrays([1, 2, 3], [7, 7, 7], [1, 5, 5])

    found = polarization(item_statistics(ratings), (1, 5))

    assert found.dispersion == pytest.approx(1)
    assert found.excess[0] == pytest.approx(0)


def test_where_no_rating_can_vary_nothing_is_usual():
    ratings = Ratings.from_arrays([1, 2], [7, 7], [5, 5])

    found = polarization(item_statistics(ratings), (1, 5))

    assert found.dispersion == 0
    assert found.excess.tolist() == [0]


def test_a_scale_that_does_not_hold_the_means_is_refused(few):
    with pytest.raises(DataError, match=r"a mean lies outside 1 to 5; give the whole"):
        polarization(item_statistics(few), (1, 5))


def test_principal_axes_of_points_on_a_tilted_plane():
    u, v = np.array([3.0, 4, 0]) / 5, np.array([0.0, 0, -1])
    steps = np.outer([2, -2, 0, 0], u) + np.outer([0, 0, 1, -1], v)
    points = np.array([10, 20, 30]) + steps

    found = principal_axes(points, 3)

    np.testing.assert_allclose(found.center, [10, 20, 30])
    np.testing.assert_allclose(found.axes[:2], [u, -v], atol=1e-12)
    np.testing.assert_allclose(found.explained, [0.8, 0.2, 0], atol=1e-12)
    coordinates = [[2, 0], [-2, 0], [0, -1], [0, 1]]
    np.testing.assert_allclose(found.coordinates[:, :2], coordinates, atol=1e-12)


@given(seed=seeds, n_axes=st.integers(1, 3))
def test_principal_axes_do_not_depend_on_where_or_in_what_order(seed, n_axes):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((8, 3)) * [3, 2, 1]
    order = rng.permutation(8)

    found = principal_axes(points, n_axes)
    moved = principal_axes(points[order] + [5, -1, 2], n_axes)

    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(n_axes), atol=1e-12)
    assert (found.axes.max(axis=1) == np.abs(found.axes).max(axis=1)).all()
    np.testing.assert_allclose(moved.axes, found.axes, atol=1e-9)
    np.testing.assert_allclose(moved.coordinates, found.coordinates[order], atol=1e-9)
    spread = found.coordinates.var(axis=0) / points.var(axis=0).sum()
    np.testing.assert_allclose(found.explained, spread, atol=1e-12)


@given(seed=seeds, n_axes=st.integers(1, 4))
def test_principal_axes_are_those_of_scikit_learn_with_their_signs_fixed(seed, n_axes):
    points = np.random.default_rng(seed).standard_normal((12, 4)) * [5, 3, 2, 1]

    found = principal_axes(points, n_axes)

    oracle = PCA(n_axes, svd_solver="full").fit(points)
    largest = np.abs(oracle.components_).argmax(axis=1)
    signs = np.sign(oracle.components_[np.arange(n_axes), largest])
    np.testing.assert_allclose(found.axes, signs[:, None] * oracle.components_)
    np.testing.assert_allclose(
        found.coordinates, signs * oracle.transform(points), atol=1e-12
    )
    np.testing.assert_allclose(found.explained, oracle.explained_variance_ratio_)


def test_points_that_are_all_the_same_have_nothing_to_explain():
    found = principal_axes(np.ones((4, 2)), 1)

    assert found.explained.tolist() == [0]
    assert not found.coordinates.any()


@pytest.mark.parametrize("n_axes", [0, 3])
def test_axes_that_do_not_exist_are_refused(n_axes):
    with pytest.raises(DataError, match=rf"n_axes is {n_axes}; these points have 1 to"):
        principal_axes(np.zeros((5, 2)), n_axes)


def test_points_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="finite"):
        principal_axes(np.array([[0, np.nan], [1, 1]]), 1)


def test_the_ends_of_a_direction_are_the_points_furthest_along_it():
    points = np.array([[0, 5], [3, 0], [-2, 9], [3, 1], [1, 1], [-4, 0]])

    found = ends(points, np.array([1, 0]), 2)

    assert found.high.tolist() == [1, 3]
    assert found.low.tolist() == [5, 2]


def test_no_point_is_at_both_ends_and_none_outside_the_choice():
    points = np.arange(6, dtype=float)[:, None]
    among = np.array([False, True, True, True, False, False])

    found = ends(points, np.ones(1), 5, among=among)

    assert (found.low.tolist(), found.high.tolist()) == ([1], [3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(2), 0), "n is 0; it must be at least 1"),
        ((np.ones(3), 1), "a direction of"),
    ],
)
def test_directions_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        ends(np.zeros((4, 2)), *arguments)


def test_a_choice_among_other_points_is_refused():
    with pytest.raises(DataError, match="expected a mask of 4 points"):
        ends(np.zeros((4, 2)), np.ones(2), 1, among=np.ones(3, dtype=bool))
