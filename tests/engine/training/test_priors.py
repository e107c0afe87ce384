"""Prior means from features: the matrices, and the ridge regression on them."""

import numpy as np
import pytest

from engine.data.features import one_hot
from engine.kernels.threads import Workers
from engine.training.priors import Features, improve_effects


def features_of(ratings, given, *, with_sets):
    return Features.of(
        ratings.by_user, ratings.by_item, given, with_sets=with_sets, name="given"
    )


def matrix_of(ratings, given, *, with_sets):
    """The features as one dense matrix."""
    if not with_sets:
        return given
    rated = np.zeros((ratings.n_users, ratings.n_items))
    rated[ratings.by_user.row_of_each(), ratings.by_user.indices] = 1
    lengths = np.sqrt(rated.sum(axis=1, keepdims=True) + 5)
    return np.hstack([rated / lengths, given])


def test_words_become_rows_of_length_one():
    matrix = one_hot([["a", "b", "a"], [], ["b"]])

    half = np.sqrt(0.5)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.toarray(), [[half, half], [0, 0], [0, 1]])
    assert one_hot([[], []]).shape == (2, 0)


@pytest.mark.parametrize("with_sets", [True, False])
def test_features_stand_for_a_matrix(ratings, with_sets):
    rng = np.random.default_rng(0)
    given = rng.standard_normal((ratings.n_users, 2))
    features = features_of(ratings, given, with_sets=with_sets)
    matrix = matrix_of(ratings, given, with_sets=with_sets)
    effects = rng.standard_normal((features.n_features, 3)).astype(np.float32)
    rows = rng.standard_normal((ratings.n_users, 3)).astype(np.float32)

    with Workers.start(1) as workers:
        means = features.means(effects, workers)
        moments = features.moments(rows, workers)

    np.testing.assert_allclose(means, matrix @ effects, atol=1e-4)
    np.testing.assert_allclose(moments, matrix.T @ rows, atol=1e-4)
    np.testing.assert_allclose(features.squares(), (matrix**2).sum(axis=0), rtol=1e-5)


@pytest.mark.parametrize("with_sets", [True, False])
def test_many_steps_reach_the_ridge_regression(ratings, with_sets):
    rng = np.random.default_rng(1)
    given = rng.standard_normal((ratings.n_users, 2))
    features = features_of(ratings, given, with_sets=with_sets)
    matrix = matrix_of(ratings, given, with_sets=with_sets)
    rows = rng.standard_normal((ratings.n_users, 3)).astype(np.float32)
    start = np.zeros((features.n_features, 3), dtype=np.float32)

    with Workers.start(1) as workers:
        found = improve_effects(features, rows, start, n_steps=60, workers=workers)

    ridge = np.full(features.n_features, 3.0)
    ridge[: features.n_members] = 1
    for column, factor in ((0, 1), (1, 1), (2, 3)):
        system = matrix.T @ matrix + factor * np.diag(ridge)
        expected = np.linalg.solve(system, matrix.T @ rows[:, column])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-3)


def test_without_features_there_is_nothing_to_improve(ratings):
    features = features_of(ratings, None, with_sets=False)
    rows = np.ones((ratings.n_users, 2), dtype=np.float32)
    start = np.zeros((0, 2), dtype=np.float32)

    with Workers.start(1) as workers:
        found = improve_effects(features, rows, start, n_steps=2, workers=workers)
        means = features.means(found, workers)

    assert found.shape == (0, 2)
    np.testing.assert_array_equal(means, np.zeros_like(rows))
