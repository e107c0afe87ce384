"""A rating of weight 2 counts as two, one of weight near 0 as none, in every solver."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ratings import Ratings, SparseRows
from engine.data.splits import split_at
from engine.errors import DataError
from engine.evaluation.methods import ItemMean, Popularity
from engine.kernels.exact import (
    mean_leverages,
    solve_rows_exactly,
    weight_between,
)
from engine.kernels.threads import Workers
from engine.model.configuration import VariationalConfig
from engine.paper.configuration import PAPER_PRESETS
from engine.serving import fold_in as foldin
from engine.serving.explanation import reasons
from engine.serving.fold_in import predict
from engine.training.als import (
    Problem,
    exact_half_step,
    half_step,
    objective,
)
from engine.training.fit import fit_head
from engine.training.posteriors import VariationalState
from engine.training.priors import Features
from tests.engine import reference
from tests.engine.conftest import solved_by
from tests.engine.kernels.test_exact import empty_side, problem
from tests.engine.training.test_als import configurations, small_ratings, start

seeds = st.integers(0, 2**32 - 1)
HEADS = ["rating", "ranking", "learned"]


def weighted(ratings, weights):
    """The same ratings, in the order of `by_user`, with weights."""
    return Ratings.from_arrays(
        ratings.user_ids[ratings.by_user.row_of_each()],
        ratings.item_ids[ratings.by_user.indices],
        ratings.by_user.values,
        users=ratings.user_ids,
        items=ratings.item_ids,
        weights=weights,
    )


def fold_in(head, items, values, weights=None):
    """Fold in what is written as lists."""
    counted = None if weights is None else np.array(weights)
    return foldin.fold_in(head, np.array(items), np.array(values), weights=counted)


def drawn(ratings, seed):
    """Weights of all sizes."""
    rng = np.random.default_rng(seed)
    return weighted(ratings, rng.uniform(0.1, 3, ratings.n_ratings))


def row_of(rows, row):
    part = slice(rows.indptr[row], rows.indptr[row + 1])
    return (
        rows.indices[part],
        rows.values[part].astype(float),
        rows.weights[part].astype(float),
    )


def test_weights_stay_with_their_ratings_both_ways(ratings):
    rng = np.random.default_rng(0)
    order = rng.permutation(ratings.n_ratings)
    users = ratings.user_ids[ratings.by_user.row_of_each()][order]
    items = ratings.item_ids[ratings.by_user.indices][order]
    values = ratings.by_user.values[order]

    found = Ratings.from_arrays(users, items, values, weights=users * 100 + items)

    for rows, own, other, factor in (
        (found.by_user, found.user_ids, found.item_ids, (100, 1)),
        (found.by_item, found.item_ids, found.user_ids, (1, 100)),
    ):
        expected = factor[0] * own[rows.row_of_each()] + factor[1] * other[rows.indices]
        assert rows.weights is not None
        assert rows.weights.tolist() == expected.tolist()
        assert not rows.weights.flags.writeable


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 0, 1], r"weights\[1\] is 0"),
        ([1, 1, -2.0], r"weights\[2\] is -2.0"),
        ([np.nan, 1, 1], r"weights\[0\] is nan"),
        ([1, np.inf, 1], r"weights\[1\] is inf"),
        ([1, 1e300, 1], r"weights\[1\] is 1e\+300"),
        ([1, 1, 1e-300], r"weights\[2\] is 1e-300"),
        ([1, 1], "expected 3, one per rating"),
        (["a", "b", "c"], "expected numbers"),
    ],
)
def test_a_weight_that_counts_for_nothing_sensible_is_named(weights, message, model):
    with pytest.raises(DataError, match=message):
        Ratings.from_arrays([1, 1, 2], [1, 2, 1], [3, 4, 5], weights=weights)
    with pytest.raises(DataError, match=message):
        fold_in(model.rating, [0, 1, 2], [3, 4, 5], weights=weights)


def test_mean_variance_and_totals_count_a_rating_of_weight_2_twice():
    one = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 4, 5], weights=[2, 1, 0.5])

    twice = np.array([1, 1, 4, 5])
    counted = np.array([1, 1, 1, 0.5])
    mean = counted @ twice / 3.5
    assert one.mean == pytest.approx(mean)
    assert one.variance == pytest.approx(counted @ (twice - mean) ** 2 / 3.5)
    assert one.total_weight == 3.5
    assert one.by_user.totals.tolist() == [3, 0.5]
    assert one.by_item.totals.tolist() == [2.5, 1]
    np.testing.assert_array_equal(reference.weights_of(one.by_user, 0), [2, 1])


def test_simple_methods_count_by_weight():
    one = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 4, 5], weights=[2, 1, 0.5])
    unweighted = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 4, 5])

    assert Popularity.of(one).scores.tolist() == [2.5, 1]
    assert Popularity.of(unweighted).scores.tolist() == [2, 1]
    prior = 5 * one.mean
    expected = [(2 * 1 + 0.5 * 5 + prior) / 7.5, (4 + prior) / 6]
    np.testing.assert_allclose(ItemMean.of(one).scores, expected, rtol=1e-6)


def test_a_split_keeps_weights_and_joining_adds_ratings_of_weight_1(ratings):
    data = drawn(ratings, 1)
    held_out = np.arange(data.n_ratings) % 3 == 0

    train = split_at(data, held_out).train
    rest = split_at(ratings, ~held_out).train
    joined = rest.joined(train)

    np.testing.assert_array_equal(
        train.by_user.weights, data.by_user.weights[~held_out]
    )
    expected = np.where(held_out, 1, data.by_user.weights)
    np.testing.assert_array_equal(joined.by_user.weights, expected)
    np.testing.assert_array_equal(joined.by_user.values, ratings.by_user.values)
    with pytest.raises(DataError, match="more than once"):
        rest.joined(ratings)


@pytest.mark.parametrize("solver", ["exact", "conjugate_gradient"])
@given(configuration=configurations, seed=seeds)
def test_weighted_half_steps_equal_the_normal_equations(solver, configuration, seed):
    data = drawn(small_ratings(seed), seed)
    users, items = start(data, configuration, seed)
    steps = 8 * (configuration.n_factors + 1)
    task = Problem(data, configuration)

    with solved_by("conjugate_gradient", steps), Workers.start(1) as workers:
        if solver == "exact":
            found = exact_half_step(task, items, role="user", workers=workers)
        else:
            found = half_step(task, users, items, role="user", workers=workers)

    q, mean = items.factors.astype(float), task.offset
    z = np.column_stack([q, np.ones(len(q))])
    alpha = configuration.unobserved_weight
    for row, weight in enumerate(task.weights("user").factors.tolist()):
        indices, values = data.by_user.row(row)
        counted = data.by_user.weights_of(row).astype(float)
        values = reference.targets(
            values.astype(float), counted, configuration, data.mean
        )
        observed = (1 - alpha) * (z[indices].T * counted) @ z[indices]
        diagonal = [weight] * q.shape[1] + [configuration.user_bias_weight]
        matrix = observed + alpha * z.T @ z + np.diag(diagonal)
        errors = values - mean - (1 - alpha) * items.biases[indices].astype(float)
        right = z[indices].T @ (counted * errors) - alpha * z.T @ items.biases
        solution = [*found.factors[row], found.biases[row]]
        tolerance = 1e-5 if solver == "exact" else 1e-3
        np.testing.assert_allclose(
            solution, np.linalg.solve(matrix, right), rtol=tolerance, atol=tolerance
        )


def test_the_penalty_grows_with_the_effective_number_of_ratings(configuration):
    data = Ratings.from_arrays([1, 1, 2], [1, 2, 1], [1, 4, 5], weights=[2, 1, 0.5])

    found = Problem(data, configuration).weights("user").factors

    expected = 0.5 * np.sqrt(np.array([3, 0.5]) + 2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(seed=seeds, alpha=st.sampled_from([0.0, 0.1, 0.9]))
def test_weight_2_is_the_rating_twice(seed, alpha):
    rows, fixed, weights = problem(seed, alpha=alpha)
    rng = np.random.default_rng(seed)
    counted = rng.integers(1, 4, len(rows.values))
    bounds = np.append(0, np.cumsum(counted))[rows.indptr]
    repeated = SparseRows(
        bounds, np.repeat(rows.indices, counted), np.repeat(rows.values, counted)
    )
    once = rows._replace(weights=counted.astype(np.float32))

    solutions, leverages = [], []
    for given_rows in (once, repeated):
        found, leverage = empty_side(fixed, 6), np.empty(6)
        solve_rows_exactly(given_rows, 0, 6, fixed, weights, 1, found)
        mean_leverages(given_rows, 0, 6, fixed._replace(alpha=0.0), weights, leverage)
        solutions.append(found)
        leverages.append(leverage)

    first, second = solutions
    np.testing.assert_allclose(first.factors, second.factors, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(first.biases, second.biases, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(leverages[0], leverages[1], rtol=1e-4, atol=1e-5)
    expected = reference.solve_row(
        row_of(once, 0), fixed, weights.factors[0], weights.biases[0]
    )
    solution = [*first.factors[0], first.biases[0]]
    np.testing.assert_allclose(solution, expected, rtol=1e-5, atol=1e-5)


def test_the_effective_number_is_the_sum_of_weights():
    weights = np.array([0.5, 2, 3, 4], dtype=np.float32)

    assert weight_between(weights, 1, 3) == 5
    assert weight_between(None, 1, 3) == 2


def with_twins(head):
    """The same head with every item twice; sums over all pairs stay."""
    by_item = (
        "item_biases", "item_factors",
        "set_effects", "item_variances", "selection_offsets", "item_noise_weights",
    )  # fmt: skip
    arrays = {
        name: np.repeat(array, 2, axis=0) if name in by_item else array
        for name, array in head.arrays().items()
    }
    mean, variance = head.global_mean, head.residual_variance
    return type(head).from_arrays(head.configuration, mean, variance, arrays)


@pytest.mark.parametrize("name", HEADS)
@given(values=st.lists(st.floats(0.5, 5), min_size=1, max_size=6), seed=seeds)
def test_folding_in_weight_2_is_folding_in_the_rating_twice(name, values, seed, heads):
    head = heads[name]
    rng = np.random.default_rng(seed)
    items = rng.permutation(head.n_items)[: len(values)]
    weights = rng.integers(1, 3, len(values))
    second = 2 * items[weights == 2] + 1

    once = fold_in(head, items, values, weights=weights)
    twice = fold_in(
        with_twins(head),
        [*2 * items, *second],
        [*values, *np.array(values)[weights == 2]],
    )

    np.testing.assert_allclose(once.factors, twice.factors, rtol=1e-6, atol=1e-9)
    assert once.bias == pytest.approx(twice.bias, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(once.cholesky, twice.cholesky, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", HEADS)
def test_folding_in_weight_near_0_is_leaving_the_rating_out(name, heads):
    head = heads[name]

    with_it = fold_in(head, [3, 5, 7], [4, 1, 5], weights=[1, 1e-12, 1])
    without = fold_in(head, [3, 7], [4, 5])

    np.testing.assert_allclose(with_it.factors, without.factors, atol=1e-7)
    assert with_it.bias == pytest.approx(without.bias, abs=1e-7)


@pytest.mark.parametrize("name", HEADS)
def test_the_score_of_a_weighted_taste_is_still_the_sum_of_its_reasons(name, heads):
    head = heads[name]
    folded_user = fold_in(head, [3, 5, 7], [4, 1, 5], weights=[1, 0.25, 2])

    found = reasons(head, folded_user, 9)

    score = predict(head, folded_user, np.array([9]))[0]
    assert found.baseline + found.shares.sum() == pytest.approx(score, abs=1e-5)


@given(configuration=configurations, seed=seeds, factor=st.floats(0.1, 10))
def test_scaling_all_weights_and_the_penalty_changes_nothing(
    configuration, seed, factor
):
    """True where the penalty does not grow with the count and no pair is unobserved.

    Not of the residual variance: that leaves one rating of the effective number out,
    which is a smaller part of more.
    """
    configuration = replace(configuration, exponent=0.0, unobserved_weight=0.0)
    data = drawn(small_ratings(seed), seed)
    scaled = weighted(data, factor * data.by_user.weights)
    heavier = replace(
        configuration,
        **{
            name: factor * getattr(configuration, name)
            for name in (
                "user_weight", "item_weight", "user_bias_weight", "item_bias_weight",
            )
        },
    )  # fmt: skip
    users, items = start(data, configuration, seed)

    with Workers.start(1) as workers:
        plain, other = Problem(data, configuration), Problem(scaled, heavier)
        sides = [
            exact_half_step(each, items, role="user", workers=workers)
            for each in (plain, other)
        ]
        losses = [
            objective(each, users, items, workers=workers) for each in (plain, other)
        ]

    np.testing.assert_allclose(sides[0].factors, sides[1].factors, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(sides[0].biases, sides[1].biases, rtol=1e-3, atol=1e-4)
    assert factor * losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)
    assert factor * losses[0][1] == pytest.approx(losses[1][1], rel=1e-4)


@pytest.mark.parametrize("role", ["user", "item"])
@given(seed=seeds)
def test_weighted_half_steps_with_doubt_equal_a_general_solver(role, seed):
    rng = np.random.default_rng(seed)
    data = drawn(small_ratings(seed), seed)
    with Workers.start(1) as workers:
        state = VariationalState.start(
            data, VariationalConfig(n_factors=2), item_features=None,
            user_features=None, rng=rng, workers=workers,
        )  # fmt: skip
    own, other = state.users, state.items
    if role == "item":
        own, other = other, own
    other.variances = rng.uniform(0, 1, other.variances.shape).astype(np.float32)
    expected, variances = reference.learned_half_step(own, other, state)

    with Workers.start(1) as workers:
        state.half_step(role, workers, refinements=1)
        squares = state.expected_squares("user", workers)

    np.testing.assert_allclose(own.parameters, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(own.variances, variances, rtol=1e-3)
    expected_squares = reference.expected_squares(state)
    np.testing.assert_allclose(squares, expected_squares, rtol=1e-3, atol=1e-4)


@given(seed=seeds)
def test_members_of_a_set_stand_in_it_by_weight(seed):
    data = drawn(small_ratings(seed), seed)
    rng = np.random.default_rng(seed)
    effects = rng.standard_normal((data.n_items, 3), dtype=np.float32)
    dense = np.zeros((data.n_users, data.n_items))
    for user in range(data.n_users):
        weights = reference.weights_of(data.by_user, user)
        indices, _ = data.by_user.row(user)
        dense[user, indices] = weights / np.sqrt(weights.sum() + 5)
    features = Features.of(data.by_user, data.by_item, None, with_sets=True, name="")

    with Workers.start(1) as workers:
        means = features.means(effects, workers)
        moments = features.moments(dense.astype(np.float32), workers)

    np.testing.assert_allclose(means, dense @ effects, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moments, dense.T @ dense, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(features.squares(), (dense**2).sum(axis=0), rtol=1e-4)


@pytest.mark.parametrize("name", HEADS)
def test_folding_a_training_user_in_returns_the_trained_vector(
    name, ratings, heads, features
):
    data = drawn(ratings, 2)
    configuration = replace(heads[name].configuration, n_sweeps=3)
    known = {"item_features": features["item_features"]} if name == "learned" else {}

    trained = fit_head(data, configuration, rng=np.random.default_rng(0), **known)

    for user in range(data.n_users):
        indices, values = data.by_user.row(user)
        weights = reference.weights_of(data.by_user, user)
        folded_user = fold_in(trained.head, indices, values, weights=weights)
        np.testing.assert_allclose(
            folded_user.factors, trained.users.factors[user], atol=1e-5
        )
        assert folded_user.bias == pytest.approx(trained.users.biases[user], abs=1e-5)


@pytest.mark.parametrize("name", HEADS)
def test_weights_of_1_are_as_good_as_none(name, ratings, heads):
    configuration = replace(heads[name].configuration, n_sweeps=2)
    ones = weighted(ratings, np.ones(ratings.n_ratings))

    first, second = (
        fit_head(data, configuration, rng=np.random.default_rng(0)).head
        for data in (ratings, ones)
    )

    np.testing.assert_allclose(
        first.item_factors, second.item_factors, rtol=1e-3, atol=1e-4
    )
    assert first.residual_variance == pytest.approx(second.residual_variance, rel=1e-4)


def test_the_paper_s_models_refuse_weights(ratings):
    with pytest.raises(DataError, match="takes no weights"):
        fit_head(drawn(ratings, 3), PAPER_PRESETS["bias"], rng=np.random.default_rng(0))
