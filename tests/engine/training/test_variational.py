"""The head that learns its weights: its half-steps, its parts, and what comes out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.ratings import Ratings
from engine.data.splits import split_at_random
from engine.data.synthetic import make_ratings
from engine.errors import DataError, SolveError
from engine.evaluation.metrics import rmse
from engine.kernels.posterior import (
    Others,
    Posterior,
    Prior,
    solve_rows_with_variance,
    sum_expected_squares,
)
from engine.kernels.threads import Workers
from engine.model.configuration import BIASES, VariationalConfig
from engine.model.variational_head import VariationalHead
from engine.serving.fold_in import fold_in, predict, uncertainty
from engine.training.fit import fit_head
from engine.training.posteriors import VariationalState
from tests.engine import reference
from tests.engine.conftest import IS_COMPILED

seeds = st.integers(0, 2**32 - 1)
SMALL = VariationalConfig(n_factors=2, n_sweeps=5)


def beliefs_after(seed, n_sweeps=4, *, rated_sets=True):
    """Train a little on a random set, features included."""
    rng = np.random.default_rng(seed)
    ratings = make_ratings(
        n_users=7, n_items=6, n_ratings=20, n_factors=2, rng=rng
    ).ratings
    with Workers.start(1) as workers:
        state = VariationalState.start(
            ratings,
            replace(SMALL, rated_sets=rated_sets),
            item_features=rng.standard_normal((6, 2)),
            user_features=None,
            rng=rng,
            workers=workers,
        )
        for _ in range(n_sweeps):
            for side in (state.items, state.users):
                state.half_step(side.role, workers)
                side.learn_prior(workers)
                side.learn_prior_variances()
            state.learn_noise(workers)
    return state


@pytest.mark.parametrize("role", ["user", "item"])
@given(seed=seeds, rated_sets=st.booleans())
def test_a_half_step_equals_a_general_solver_pair_by_pair(role, seed, rated_sets):
    state = beliefs_after(seed, 2, rated_sets=rated_sets)
    own, other = state.users, state.items
    if role == "item":
        own, other = other, own
    expected, variances = reference.learned_half_step(own, other, state)

    with Workers.start(1) as workers:
        state.half_step(role, workers)

    np.testing.assert_allclose(own.parameters, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(own.variances, variances, rtol=1e-3)


@given(seed=seeds)
def test_expected_errors_equal_a_sum_pair_by_pair(seed):
    state = beliefs_after(seed)

    with Workers.start(1) as workers:
        found = state.expected_squares("user", workers)

    expected = reference.expected_squares(state)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_refinement_leaves_single_rounding():
    state = beliefs_after(3)
    expected, _ = reference.learned_half_step(state.users, state.items, state)

    with Workers.start(1) as workers:
        state.half_step("user", workers, refinements=1)

    np.testing.assert_allclose(state.users.parameters, expected, rtol=1e-5, atol=1e-6)


def test_only_the_rows_asked_for_are_written():
    users, items = beliefs_after(2).users, beliefs_after(2).items
    others = Others(items.parameters, items.variances, items.noise_weights, 3.0, 1.0)
    rows = users.rows
    current = Posterior(users.parameters, users.variances)
    out = Posterior(np.full_like(users.parameters, 9), np.full_like(users.variances, 9))
    errors, doubts = np.full(7, 9.0), np.full(7, 9.0)

    prior = Prior(users.prior, 1 / users.prior_variances)
    solve_rows_with_variance(rows, 2, 4, others, prior, 1.0, 0, out)
    sum_expected_squares(rows, 2, 4, others, current, errors, doubts)

    for array in (*out, errors, doubts):
        untouched = np.all(array == 9, axis=tuple(range(1, array.ndim)))
        assert untouched.tolist() == [row not in (2, 3) for row in range(7)]


def test_a_singular_row_is_named():
    users, items = beliefs_after(2).users, beliefs_after(2).items
    others = Others(items.parameters, items.variances, items.noise_weights, 3.0, 1.0)
    rows = users.rows
    out = Posterior(np.zeros_like(users.parameters), np.zeros_like(users.variances))

    prior = Prior(users.prior, -1000 * np.ones(3))
    failed = solve_rows_with_variance(rows, 3, 7, others, prior, 1.0, 0, out)

    assert failed == 3


def test_a_half_step_names_the_row_whose_system_is_singular():
    state = beliefs_after(2)
    state.users.prior_variances = np.full(3, -1e-3)

    with (
        Workers.start(1) as workers,
        pytest.raises(SolveError, match=r"user row 0 is singular"),
    ):
        state.half_step("user", workers)


def test_turning_changes_no_prediction_and_makes_factors_independent():
    state = beliefs_after(4)
    users, items = state.users, state.items
    users.variances = items.variances = np.zeros((1, 3), np.float32)
    before = users.parameters[:, :-1] @ items.parameters[:, :-1].T
    prior = users.prior[:, :-1] @ items.parameters[:, :-1].T

    state.rotate()

    after = users.parameters[:, :-1] @ items.parameters[:, :-1].T
    np.testing.assert_allclose(after, before, atol=1e-4)
    np.testing.assert_allclose(
        users.prior[:, :-1] @ items.parameters[:, :-1].T, prior, atol=1e-4
    )
    for side in (users, items):
        moments = side.parameters[:, :-1].T @ side.parameters[:, :-1]
        np.testing.assert_allclose(moments[0, 1], 0, atol=1e-4 * np.trace(moments))


def test_prior_variances_are_the_spread_of_the_rated():
    state = beliefs_after(5)
    items = state.items

    items.learn_prior_variances()

    rated = items.rows.counts > 0
    off = (items.parameters - items.prior)[rated].astype(float) ** 2
    spread = (off + items.variances[rated]).mean(axis=0)
    np.testing.assert_allclose(items.prior_variances, spread, rtol=1e-5)
    weights = state.weights_of(items)
    np.testing.assert_allclose(weights, state.variance / spread, rtol=1e-5)


def test_a_noisy_user_is_trusted_less():
    rng = np.random.default_rng(1)
    made = make_ratings(n_users=60, n_items=40, n_ratings=1200, noise=0.2, rng=rng)
    rows = made.ratings.by_user
    values = rows.values.copy()
    noisy = slice(rows.indptr[0], rows.indptr[1])
    values[noisy] = rng.choice([0.5, 5.0], len(values[noisy]))
    ratings = Ratings.from_arrays(rows.row_of_each(), rows.indices, values)
    with Workers.start(1) as workers:
        state = VariationalState.start(
            ratings, SMALL, item_features=None, user_features=None, rng=rng,
            workers=workers,
        )  # fmt: skip
        for _ in range(4):
            state.half_step("item", workers)
            state.half_step("user", workers)
            state.learn_noise(workers)

    noise_weights, counts = state.users.noise_weights, ratings.by_user.counts
    assert np.argmin(noise_weights) == 0
    assert (noise_weights @ counts) / counts.sum() == pytest.approx(1, rel=1e-5)


def test_folding_in_a_training_user_returns_the_training_vector(
    ratings, features, learned
):
    for user in range(ratings.n_users):
        folded_user = fold_in(
            learned.head,
            *ratings.by_user.row(user),
            user_features=features["user_features"][user],
        )
        np.testing.assert_allclose(
            [*folded_user.factors, folded_user.bias],
            [*learned.users.factors[user], learned.users.biases[user]],
            atol=1e-5,
        )


def test_a_newcomers_set_moves_them_before_their_stars_do(learned):
    """Ratings just as predicted say nothing new, but that they exist does."""
    head, rated = learned.head, np.array([0, 3])
    nobody = fold_in(head, rated[:0], np.zeros(0))
    expected = fold_in(head, rated, predict(head, nobody, rated))

    assert nobody.bias == 0
    assert (nobody.factors == 0).all()
    assert np.abs(expected.factors).max() > 1e-4


@pytest.mark.parametrize("weighted", [False, True])
def test_a_selection_is_what_the_raters_make_of_an_item(ratings, features, weighted):
    rows = ratings.by_user
    weights = np.where(rows.indices % 2, 2.0, 0.5) if weighted else None
    ratings = Ratings.from_arrays(
        ratings.user_ids[rows.row_of_each()],
        ratings.item_ids[rows.indices],
        rows.values,
        users=ratings.user_ids,
        items=ratings.item_ids,
        weights=weights,
    )
    rng = np.random.default_rng(6)
    training = fit_head(
        ratings, VariationalConfig(n_factors=3, n_sweeps=6), rng=rng, **features
    )
    assert isinstance(training.head, VariationalHead)
    prior, items, users = training.head.prior, ratings.by_item, training.users
    counted = np.ones(ratings.n_ratings) if items.weights is None else items.weights

    lean = np.column_stack([users.factors, users.biases]).astype(float)
    lean -= features["user_features"] @ prior.feature_effects
    for item in range(ratings.n_items):
        raters, part = items.row(item)[0], slice(*items.indptr[item : item + 2])
        z = np.append(training.head.item_factors[item], 1)
        total = (counted[part] * (lean[raters] @ z)).sum()
        expected = total / (counted[part].sum() + 10)
        assert prior.selection_offsets[item] == pytest.approx(expected, abs=1e-5)


def test_selection_fades_as_a_user_becomes_known(learned):
    head, items = learned.head, np.arange(12)
    prior = replace(head.prior, calibration=np.array([1, 6, 12, 0.8, 10.0, 20, 0]))
    head = replace(head, prior=prior)
    bare = replace(head, prior=replace(prior, selection_offsets=np.zeros(head.n_items)))
    selections = prior.selection_offsets[items]
    assert np.abs(selections).max() > 0.01

    for n, share in (0, 0.8), (10, 0.8 / 4):
        rated = np.arange(n)
        folded_user = fold_in(head, rated, np.full(n, 4.0))
        beyond = predict(head, folded_user, items) - predict(bare, folded_user, items)
        np.testing.assert_allclose(beyond, share * selections, atol=1e-5)
        found = head.scores(folded_user)[items]
        np.testing.assert_allclose(found, predict(head, folded_user, items), atol=1e-5)


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_user_features_of_another_kind_are_refused(learned, values):
    with pytest.raises(DataError, match="expected 2 finite user features"):
        fold_in(
            learned.head, np.array([0]), np.array([4.0]),
            user_features=np.array(values),
        )  # fmt: skip


def test_uncertainty_holds_noise_and_doubt_about_user_and_item(learned):
    head, items = learned.head, np.arange(12)
    calibration = np.array([1.1, 6, 12, 1, 8, 20, 0])
    noises = np.linspace(0.5, 2, head.n_items).astype(np.float32)
    prior = replace(head.prior, item_noise_weights=noises, calibration=calibration)
    head = replace(head, prior=prior)
    rated, stars = np.array([2, 3]), np.array([4.0, 3.0])
    folded_user = fold_in(head, rated, stars)

    found = uncertainty(head, folded_user, items)

    z = np.column_stack([head.item_factors[:12], np.ones(12)]).astype(float)
    inverse = np.linalg.inv(folded_user.cholesky @ folded_user.cholesky.T)
    variances = prior.item_variances[:12].astype(float)
    squares = folded_user.factors**2 + head.residual_variance * np.diag(inverse)[:-1]
    about_user = head.residual_variance * np.einsum("if,fg,ig->i", z, inverse, z)
    about_items = variances[:, -1] + variances[:, :-1] @ squares
    x = np.append(folded_user.factors, folded_user.bias)
    errors = stars - head.global_mean - head.item_biases[rated] - z[rated] @ x
    expected = noises[rated] @ errors**2 + (about_user + about_items)[rated].sum()
    of_user = (2 + 6) / (expected / head.residual_variance + 6)
    noise = 1.1 * head.residual_variance / (of_user * noises[:12])
    np.testing.assert_allclose(
        found, np.sqrt(noise + about_user + about_items), rtol=1e-4
    )


def test_a_trained_head_is_read_only(learned):
    head = learned.head

    arrays = [head.item_biases, head.item_factors, *vars(head.prior).values()]

    assert not any(array.flags.writeable for array in arrays)


@pytest.mark.parametrize("name", ["item_features", "user_features"])
def test_features_of_the_wrong_shape_or_value_are_refused(ratings, name):
    def train(values):
        rng, given = np.random.default_rng(0), {name: values}
        with Workers.start(1) as workers:
            VariationalState.start(
                ratings, SMALL, rng=rng, workers=workers,
                **{"item_features": None, "user_features": None, **given},
            )  # fmt: skip

    n_rows = ratings.n_items if name == "item_features" else ratings.n_users

    with pytest.raises(DataError, match=f"{name} has 3 rows; expected {n_rows}"):
        train(np.zeros((3, 1)))
    with pytest.raises(DataError, match=f"{name} holds a value that is not finite"):
        train(np.full((n_rows, 1), np.inf))


@pytest.mark.parametrize("case", ["one", "equal", "lonely", "busy"])
def test_degenerate_data_give_finite_factors(case):
    busy = 2000 if IS_COMPILED else 200
    ratings = {
        "one": Ratings.from_arrays([1], [1], [4.0]),
        "equal": Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [3.0] * 4),
        "lonely": Ratings.from_arrays([1, 2], [1, 2], [5, 1], users=[9], items=[7]),
        "busy": Ratings.from_arrays(
            np.ones(busy, int), np.arange(busy), np.arange(busy) % 10 / 2 + 0.5
        ),
    }[case]

    training = fit_head(ratings, SMALL, rng=np.random.default_rng(0))

    head = training.head
    for array in (head.item_factors, head.item_biases, *training.users):
        assert np.isfinite(array).all()
    assert np.isfinite(head.residual_variance)
    assert isinstance(head, VariationalHead)
    assert (head.prior.weights > 0).all()


def rescaled(ratings, factor, shift):
    rows = ratings.by_user
    values = (factor * rows.values.astype(float) + shift).astype(np.float32)
    return Ratings.from_arrays(rows.row_of_each(), rows.indices, values)


def test_ratings_beyond_single_precision_are_named(ratings):
    with pytest.raises(DataError, match=r"vary by .*e\+30; divide them"):
        fit_head(rescaled(ratings, 1e30, 0), SMALL, rng=np.random.default_rng(0))


@pytest.mark.compiled
@pytest.mark.parametrize(("factor", "shift"), [(2, 0), (1, 0.5), (20, -3), (0.01, 7)])
def test_predictions_follow_the_scale_of_the_ratings(ratings, factor, shift):
    def predictions(given):
        training = fit_head(given, SMALL, rng=np.random.default_rng(0))
        head, users = training.head, training.users
        products = users.factors.astype(float) @ head.item_factors.T
        stars = products + users.biases[:, None] + head.item_biases + head.offset
        someone = fold_in(head, *given.by_user.row(0))
        return stars, uncertainty(head, someone, np.arange(head.n_items))

    stars, deviations = predictions(rescaled(ratings, 1, 0))
    found, found_deviations = predictions(rescaled(ratings, factor, shift))

    np.testing.assert_allclose((found - shift) / factor, stars, atol=1e-4)
    np.testing.assert_allclose(found_deviations / factor, deviations, rtol=1e-4)


@pytest.mark.compiled
@pytest.mark.parametrize("n_ratings", [100, 1000, 5000])
def test_noise_never_exceeds_the_variance_of_sparse_ratings(n_ratings):
    """With fixed weights, noise and prior variances once drove each other up."""
    made = make_ratings(
        n_users=900, n_items=1500, n_ratings=20_000, rng=np.random.default_rng(4)
    ).ratings
    rows, rng = made.by_user, np.random.default_rng(5)
    chosen = rng.choice(made.n_ratings, n_ratings, replace=False)
    sparse = Ratings.from_arrays(
        rows.row_of_each()[chosen], rows.indices[chosen], rows.values[chosen]
    )

    def fitted(configuration):
        head = fit_head(sparse, configuration, rng=np.random.default_rng(0)).head
        users = [fold_in(head, *sparse.by_user.row(row)) for row in range(20)]
        items = np.arange(sparse.n_items)
        spread = np.mean([uncertainty(head, user, items).mean() for user in users])
        return head.residual_variance, spread

    noise, deviation = fitted(VariationalConfig())
    _, of_biases = fitted(BIASES)

    assert noise <= sparse.variance
    assert deviation <= 1.15 * of_biases


def test_sets_can_be_left_out(ratings):
    training = fit_head(
        ratings, replace(SMALL, rated_sets=False), rng=np.random.default_rng(0)
    )

    assert isinstance(training.head, VariationalHead)
    assert (training.head.prior.set_effects == 0).all()


@pytest.mark.compiled
def test_better_than_biases_and_sure_of_as_much_as_it_should_be():
    rng = np.random.default_rng(0)
    made = make_ratings(n_users=400, n_items=300, n_ratings=24_000, noise=0.5, rng=rng)
    split = split_at_random(made.ratings, rng=rng)

    def errors(configuration):
        training = fit_head(split.train, configuration, rng=np.random.default_rng(0))
        predicted, spread = [], []
        for user, item in zip(
            split.test.user_indices, split.test.item_indices, strict=True
        ):
            folded_user = fold_in(training.head, *split.train.by_user.row(user))
            predicted.append(predict(training.head, folded_user, np.array([item]))[0])
            spread.append(uncertainty(training.head, folded_user, np.array([item]))[0])
        return np.clip(predicted, 0.5, 5), np.array(spread)

    predicted, spread = errors(VariationalConfig(n_factors=8, n_sweeps=15))
    by_biases, _ = errors(BIASES)

    actual = split.test.values
    assert rmse(predicted, actual) < 0.97 * rmse(by_biases, actual)
    inside = np.abs(predicted - actual) < 1.2816 * spread
    assert 0.75 <= inside.mean() <= 0.85
