"""The objective falls with every half-step, and every quantity equals its twin."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data.ratings import Ratings
from engine.data.synthetic import make_ratings
from engine.errors import SolveError
from engine.kernels.dense import padded
from engine.kernels.exact import Fixed, Side
from engine.kernels.threads import Workers
from engine.model.configuration import RidgeConfig
from engine.training.als import (
    Problem,
    exact_half_step,
    half_step,
    objective,
    residual_variance,
    unobserved_of,
)
from tests.engine import reference
from tests.engine.conftest import IS_COMPILED, SOLVERS, solved_by

seeds = st.integers(0, 2**32 - 1)
weights = st.floats(0.05, 20)
configurations = st.builds(
    RidgeConfig,
    n_factors=st.integers(0, 4),
    n_sweeps=st.just(1),
    user_weight=weights,
    item_weight=weights,
    user_bias_weight=weights,
    item_bias_weight=weights,
    exponent=st.sampled_from([0.0, 0.5, 1.0]),
    prior_count=st.sampled_from([0.0, 3.0]),
    unobserved_weight=st.sampled_from([0.0, 0.05, 0.5]),
    unobserved_target=st.floats(-1, 3),
    centring=st.sampled_from([0.0, 0.6, 1.0]),
)


def small_ratings(seed):
    rng = np.random.default_rng(seed)
    n_users, n_items = rng.integers(2, 9, 2)
    n_ratings = rng.integers(1, n_users * n_items // 2 + 1)
    return make_ratings(
        n_users=n_users, n_items=n_items, n_ratings=n_ratings, n_factors=2, rng=rng
    ).ratings


def random_side(n_rows, k, rng):
    return Side(
        rng.standard_normal((n_rows, k), dtype=np.float32),
        rng.standard_normal(n_rows, dtype=np.float32),
    )


def start(ratings, configuration, seed):
    rng = np.random.default_rng(seed)
    k = configuration.n_factors
    return random_side(ratings.n_users, k, rng), random_side(ratings.n_items, k, rng)


@given(configuration=configurations, seed=seeds)
def test_the_objective_equals_a_sum_over_all_pairs(configuration, seed):
    ratings = small_ratings(seed)
    users, items = start(ratings, configuration, seed)

    with Workers.start(1) as workers:
        problem = Problem(ratings, configuration)
        loss, squares = objective(problem, users, items, workers=workers)

    expected = reference.objective(ratings, configuration, users, items)
    found = [loss, np.sqrt(squares / ratings.n_ratings)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=200 if IS_COMPILED else 20)
@given(configuration=configurations, seed=seeds)
def test_no_half_step_raises_the_objective(solver, configuration, seed):
    ratings = small_ratings(seed)
    problem = Problem(ratings, configuration)
    users, items = start(ratings, configuration, seed)

    with solved_by(solver), Workers.start(1) as workers:
        losses = [objective(problem, users, items, workers=workers)[0]]
        for _ in range(3):
            items = half_step(problem, items, users, role="item", workers=workers)
            losses.append(objective(problem, users, items, workers=workers)[0])
            users = half_step(problem, users, items, role="user", workers=workers)
            losses.append(objective(problem, users, items, workers=workers)[0])

    assert (np.diff(losses) <= 1e-6 * np.array(losses[:-1])).all()


@given(configuration=configurations, seed=seeds)
def test_an_exact_half_step_cannot_be_improved_upon(configuration, seed):
    ratings = small_ratings(seed)
    problem = Problem(ratings, configuration)
    _, items = start(ratings, configuration, seed)
    rng = np.random.default_rng(seed)

    with Workers.start(1) as workers:
        best = exact_half_step(problem, items, role="user", workers=workers)

    least, _ = reference.objective(ratings, configuration, best, items)
    nudge = random_side(ratings.n_users, configuration.n_factors, rng)
    near = Side(best.factors + nudge.factors / 10, best.biases + nudge.biases / 10)
    assert reference.objective(ratings, configuration, near, items)[0] > least


@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_sweeps_in_single_precision_rank_as_in_double(ratings, configuration, alpha):
    configuration = replace(
        configuration, unobserved_weight=alpha, unobserved_target=1.5
    )
    problem = Problem(ratings, configuration)
    users, items = start(ratings, configuration, 5)
    exact_users, exact_items = users, items

    def exactly(role, other):
        fixed = Fixed(
            padded(other.factors), other.biases, problem.offset, alpha,
            np.zeros(0), np.zeros(configuration.n_factors + 1),
        )  # fmt: skip
        rows, weights = problem.rows(role), problem.weights(role)
        return Side(*reference.half_step(rows, fixed, weights))

    with Workers.start(2) as workers:
        for _ in range(5):
            items = half_step(problem, items, users, role="item", workers=workers)
            users = half_step(problem, users, items, role="user", workers=workers)
            exact_items = exactly("item", exact_users)
            exact_users = exactly("user", exact_items)

    scores = users.factors @ items.factors.T + items.biases
    exact = exact_users.factors @ exact_items.factors.T + exact_items.biases
    np.testing.assert_allclose(scores, exact, rtol=1e-4, atol=1e-3)
    for mine, theirs in zip(scores, exact, strict=True):
        best, expected = reference.top_k(mine, 20), reference.top_k(theirs, 20)
        level = theirs[expected[-1]]
        assert all(abs(theirs[i] - level) < 1e-3 for i in set(best) ^ set(expected))


@given(configuration=configurations, seed=seeds)
def test_relabelled_users_and_items_only_change_places(configuration, seed):
    ratings = small_ratings(seed)
    users, items = start(ratings, configuration, seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(ratings.n_users), rng.permutation(ratings.n_items)
    relabelled = Ratings.from_arrays(
        np.argsort(rows)[ratings.by_user.row_of_each()],
        np.argsort(columns)[ratings.by_user.indices],
        ratings.by_user.values,
        users=np.arange(ratings.n_users),
        items=np.arange(ratings.n_items),
    )
    moved = Side(items.factors[columns], items.biases[columns])
    other = Side(users.factors[rows], users.biases[rows])

    with Workers.start(1) as workers:
        before = half_step(
            Problem(ratings, configuration), users, items, role="user", workers=workers
        )
        after = half_step(
            Problem(relabelled, configuration), other, moved, role="user",
            workers=workers,
        )  # fmt: skip

    np.testing.assert_allclose(
        after.factors, before.factors[rows], rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(after.biases, before.biases[rows], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_threads_do_not_change_a_single_bit(solver, alpha):
    size = (300, 200, 9_000) if IS_COMPILED else (12, 10, 40)
    n_users, n_items, n_ratings = size
    ratings = make_ratings(
        n_users=n_users, n_items=n_items, n_ratings=n_ratings,
        rng=np.random.default_rng(0),
    ).ratings  # fmt: skip
    configuration = RidgeConfig(
        n_factors=8, n_sweeps=1, user_weight=1, item_weight=1, user_bias_weight=1,
        item_bias_weight=1, unobserved_weight=alpha,
    )  # fmt: skip
    problem = Problem(ratings, configuration)
    users, items = start(ratings, configuration, 1)

    results = []
    for n_threads in (1, 2, 4):
        with solved_by(solver), Workers.start(n_threads) as workers:
            results.append(
                half_step(problem, users, items, role="user", workers=workers)
            )

    for result in results[1:]:
        assert result.factors.tobytes() == results[0].factors.tobytes()
        assert result.biases.tobytes() == results[0].biases.tobytes()


def test_a_singular_system_names_its_row(ratings, configuration):
    hopeless = replace(configuration, user_weight=1e-30, user_bias_weight=1e-30)
    users, items = start(ratings, hopeless, 0)
    items.factors[:, 1] = items.factors[:, 0]

    with (
        Workers.start(1) as workers,
        pytest.raises(SolveError, match=r"user row \d+ is singular; raise the weights"),
    ):
        half_step(
            Problem(ratings, hopeless), users, items, role="user", workers=workers
        )


def test_the_noise_is_the_error_with_each_rating_left_out(ratings, configuration):
    problem = Problem(ratings, configuration)
    users, items = start(ratings, configuration, 2)
    with Workers.start(1) as workers:
        items = exact_half_step(problem, users, role="item", workers=workers)
        users = exact_half_step(problem, items, role="user", workers=workers)
        variance = residual_variance(problem, users, items, workers=workers)

    stars = reference.dense(ratings)
    observed = ~np.isnan(stars)

    def mean_leverages(mask, other, role):
        every = np.column_stack([other.factors, np.ones(len(other.biases))])
        factor_weights, bias_weights = problem.weights(role)
        means = np.zeros(len(mask))
        for row, rated in enumerate(mask):
            z = every[rated].astype(float)
            diagonal = [*[factor_weights[row]] * 3, bias_weights[row]]
            hat = z @ np.linalg.solve(z.T @ z + np.diag(diagonal), z.T)
            means[row] = np.trace(hat) / max(rated.sum(), 1)
        return means

    scores = ratings.mean + users.biases[:, None] + items.biases
    scores = scores + users.factors @ items.factors.T
    user_rest = 1 - mean_leverages(observed, items, "user")
    item_rest = 1 - mean_leverages(observed.T, users, "item")
    squares = (stars - scores) ** 2 / user_rest[:, None] / item_rest**2
    np.testing.assert_allclose(variance, squares[observed].mean(), rtol=1e-3)


def test_the_noise_of_a_ranking_head_is_its_training_error(
    ratings, ranking_configuration
):
    problem = Problem(ratings, ranking_configuration)
    users, items = start(ratings, ranking_configuration, 2)

    with Workers.start(1) as workers:
        variance = residual_variance(problem, users, items, workers=workers)
        _, squares = objective(problem, users, items, workers=workers)

    assert variance == pytest.approx(squares / ratings.n_ratings)


def test_sums_over_all_rows_are_symmetric_and_complete():
    side = random_side(11, 3, np.random.default_rng(0))

    totals = unobserved_of(side)

    z = np.column_stack([side.factors, np.ones(11)]).astype(float)
    np.testing.assert_allclose(totals.gram, z.T @ z, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(totals.moment, -z.T @ side.biases, rtol=1e-5, atol=1e-5)
