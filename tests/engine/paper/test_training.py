"""The paper's models against their plain twins, and against the engine's own solve."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, split_at_random
from engine.data.synthetic import make_ratings
from engine.errors import DataError, SolveError
from engine.paper.configuration import PAPER_PRESETS, PaperConfig
from engine.paper.updates import regress
from engine.serving.fold_in import fold_in, predict
from engine.training.fit import fit_head
from tests.engine import reference
from tests.engine.conftest import IS_COMPILED

seeds = st.integers(0, 2**32 - 1)
presets = pytest.mark.parametrize("preset", PAPER_PRESETS)


def few(preset, **changes):
    """A preset small enough for kernels that run as plain Python."""
    small = {"n_sweeps": 3, "n_factors": min(PAPER_PRESETS[preset].n_factors, 3)}
    return replace(PAPER_PRESETS[preset], **{**small, **changes})


def genres_of(ratings, n_features=4, seed=9):
    rng = np.random.default_rng(seed)
    return (rng.random((ratings.n_items, n_features)) < 0.4).astype(float)


def start_of(ratings, configuration, seed):
    """The item side that `train` begins with."""
    shape = ratings.n_items, configuration.n_factors
    rng = np.random.default_rng(seed)
    factors = 0.1 * rng.standard_normal(shape, dtype=np.float32)
    return factors, np.zeros(ratings.n_items)


def feature_weights(training, configuration, features):
    """``W`` after the last sweep."""
    matrix, ridge = sparse.csr_array(features), configuration.factor_weight
    return regress(training.head.item_factors, matrix, ridge)


def small_ratings(seed):
    rng = np.random.default_rng(seed)
    n_users, n_items = rng.integers(2, 9, 2)
    n_ratings = rng.integers(1, n_users * n_items // 2 + 1)
    return make_ratings(
        n_users=n_users, n_items=n_items, n_ratings=n_ratings, n_factors=2, rng=rng
    ).ratings


@presets
def test_training_is_the_paper_s_sweep_by_sweep(ratings, preset):
    configuration, features = few(preset), genres_of(ratings)
    split = split_at_random(ratings, rng=np.random.default_rng(5))

    training = fit_head(
        split.train,
        configuration,
        item_features=features,
        test=split.test,
        rng=np.random.default_rng(2),
    )

    twin = reference.paper_sweeps(
        split.train, configuration, start_of(ratings, configuration, 2), features
    )
    stars = reference.dense(split.train)
    for sweep, state in zip(training.sweeps, twin, strict=False):
        (u, b_u), (v, b_i), weights = state
        scores = b_u[:, None] + b_i + u @ v.T
        train = np.sqrt(np.nanmean((stars - scores) ** 2))
        held_out = scores[split.test.user_indices, split.test.item_indices]
        test = np.sqrt(np.mean((held_out - split.test.values) ** 2))
        users, items = (u, b_u), (v, b_i)
        loss = reference.paper_loss(
            split.train, configuration, users, items, features, weights
        )
        assert sweep.train_rmse == pytest.approx(train, rel=1e-5)
        assert sweep.test_rmse == pytest.approx(test, rel=1e-5)
        assert sweep.train_loss == pytest.approx(loss, rel=1e-5)
    head = training.head
    for found, expected in (
        (head.item_factors, v), (head.item_biases, b_i),
        (feature_weights(training, configuration, features), weights),
    ):  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@presets
@given(seed=seeds, ridge=st.floats(0.05, 5), share=st.floats(0, 1))
def test_no_update_can_be_improved_upon(preset, seed, ridge, share):
    """So the loss cannot rise: each block is at its minimum, the rest held fixed."""
    beta = share * ridge if preset == "features" else 0.0
    configuration = few(
        preset, factor_weight=ridge, bias_weight=ridge, feature_weight=beta
    )
    ratings = small_ratings(seed)
    features = genres_of(ratings, seed=seed)

    training = fit_head(
        ratings, configuration, item_features=features, rng=np.random.default_rng(seed)
    )

    losses = [sweep.train_loss for sweep in training.sweeps]
    assert all(np.diff(losses) <= 1e-6 * np.array(losses[:-1]))
    users, head = training.users, training.head
    items = head.item_factors, head.item_biases
    weights = feature_weights(training, configuration, features)
    least = reference.paper_loss(
        ratings, configuration, users, items, features, weights
    )
    nudge = np.random.default_rng(seed).standard_normal(weights.shape) / 10
    near = reference.paper_loss(
        ratings, configuration, users, items, features, weights + nudge
    )
    assert near >= least


@presets
def test_updates_in_turn_end_where_the_engine_s_one_solve_begins(ratings, preset):
    """For a user, items held fixed: the fixed point is what folding in computes."""
    configuration = few(preset)
    training = fit_head(
        ratings, configuration, item_features=genres_of(ratings),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    head, ridge = training.head, configuration.ridge_of_biases
    items = head.item_factors, head.item_biases
    prior_terms = np.zeros(training.users.factors.shape)
    state = training.users

    for _ in range(500):
        state = reference.paper_half_sweep(
            ratings.by_user,
            state,
            items,
            ridge,
            configuration.factor_weight,
            prior_terms,
        )

    for user in range(ratings.n_users):
        folded_user = fold_in(head, *ratings.by_user.row(user))
        np.testing.assert_allclose(folded_user.factors, state[0][user], atol=1e-5)
        np.testing.assert_allclose(folded_user.bias, state[1][user], atol=1e-5)
    np.testing.assert_allclose(training.users.factors, state[0], atol=1e-5)
    np.testing.assert_allclose(training.users.biases, state[1], atol=1e-5)


def test_somebody_without_ratings_starts_at_no_stars_and_no_taste(ratings):
    head = fit_head(ratings, few("latent"), rng=np.random.default_rng(0)).head

    nobody = fold_in(head, np.zeros(0, dtype=np.int32), np.zeros(0))

    assert head.global_mean == 0
    assert nobody.bias == 0
    expected = head.item_biases[:2]
    np.testing.assert_array_equal(predict(head, nobody, np.arange(2)), expected)


def test_an_item_nobody_rated_is_what_its_features_say():
    made = make_ratings(
        n_users=20, n_items=15, n_ratings=80, rng=np.random.default_rng(0)
    ).ratings
    users, columns = made.by_user.row_of_each(), made.by_user.indices
    ratings = Ratings.from_arrays(users, columns, made.by_user.values, items=[99])
    features = genres_of(ratings)
    features[-1] = [1, 0, 1, 0]
    configuration = few("features", n_sweeps=1)
    before = fit_head(
        ratings, configuration, item_features=features, rng=np.random.default_rng(0)
    )

    after = fit_head(
        ratings, replace(configuration, n_sweeps=2), item_features=features,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    prior = feature_weights(before, configuration, features) @ features[-1]
    np.testing.assert_allclose(after.head.item_factors[-1], prior, rtol=1e-5)
    assert np.abs(prior).max() > 0.001
    assert after.head.item_biases[-1] == 0


def test_the_weight_of_the_error_scales_the_loss_and_nothing_else(ratings):
    def train(error_weight):
        configuration = few("latent", error_weight=error_weight)
        return fit_head(ratings, configuration, rng=np.random.default_rng(1))

    one, four = train(1.0), train(4.0)

    assert four.users.factors.tobytes() == one.users.factors.tobytes()
    for mine, theirs in zip(four.sweeps, one.sweeps, strict=True):
        assert mine.train_loss == pytest.approx(4 * theirs.train_loss)


def test_without_pull_features_change_nothing(ratings):
    features = genres_of(ratings)

    plain = fit_head(ratings, few("latent"), rng=np.random.default_rng(1))
    told = fit_head(
        ratings, few("latent"), item_features=sparse.csr_array(features),
        rng=np.random.default_rng(1),
    )  # fmt: skip

    assert told.head.item_factors.tobytes() == plain.head.item_factors.tobytes()
    assert told.sweeps[-1].train_loss == plain.sweeps[-1].train_loss


@presets
def test_threads_do_not_change_a_single_bit(preset):
    n_users, n_items, n_ratings = (300, 200, 9_000) if IS_COMPILED else (12, 10, 40)
    ratings = make_ratings(
        n_users=n_users, n_items=n_items, n_ratings=n_ratings,
        rng=np.random.default_rng(0),
    ).ratings  # fmt: skip

    first, second = (
        fit_head(
            ratings, few(preset, n_sweeps=2), item_features=genres_of(ratings),
            rng=np.random.default_rng(1), n_threads=n_threads,
        )
        for n_threads in (1, 2)
    )  # fmt: skip

    for mine, theirs in (
        (first.users.factors, second.users.factors),
        (first.users.biases, second.users.biases),
        (first.head.item_factors, second.head.item_factors),
        (first.head.item_biases, second.head.item_biases),
    ):
        assert mine.tobytes() == theirs.tobytes()
    losses = [[sweep.train_loss for sweep in run.sweeps] for run in (first, second)]
    assert losses[0] == losses[1]


def test_every_sweep_is_reported_and_a_report_can_stop_the_training(ratings):
    seen: list[object] = []

    training = fit_head(
        ratings, few("latent"), rng=np.random.default_rng(0), on_sweep=seen.append
    )

    def cancel(sweep):
        raise KeyError(sweep.sweep)

    with pytest.raises(KeyError, match="1"):
        fit_head(ratings, few("bias"), rng=np.random.default_rng(0), on_sweep=cancel)
    assert tuple(seen) == training.sweeps
    assert [(sweep.sweep, sweep.n_sweeps) for sweep in training.sweeps] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    assert {sweep.test_rmse for sweep in training.sweeps} == {None}
    assert all(np.diff([sweep.seconds for sweep in training.sweeps]) > 0)


def test_the_presets_hold_the_paper_s_values():
    bias, latent, features = (
        PAPER_PRESETS[name] for name in ("bias", "latent", "features")
    )

    assert (bias.n_factors, latent.n_factors, features.n_factors) == (0, 10, 10)
    assert {preset.n_sweeps for preset in PAPER_PRESETS.values()} == {20}
    assert (latent.error_weight, latent.bias_weight) == (0.01, 0.01)
    assert (bias.ridge_of_biases, latent.ridge_of_biases) == (0.01, 0.1)
    assert (latent.feature_weight, features.feature_weight) == (0, 0.1)


def test_weights_read_as_precisions_are_ridges_in_the_unit_of_lambda(ratings):
    """Updates with λ in front of every sum over ratings, worked out for biases."""
    configuration = PaperConfig(
        n_factors=0, n_sweeps=1, error_weight=0.2, bias_weight=0.5
    )

    head = fit_head(
        ratings, configuration.as_precisions(), rng=np.random.default_rng(0)
    ).head

    assert configuration.as_precisions().ridge_of_biases == 2.5
    rows = map(ratings.by_user.row, range(ratings.n_users))
    biases = np.array([0.2 * r.sum() / (0.2 * len(r) + 0.5) for _, r in rows])
    for item in range(ratings.n_items):
        raters, stars = ratings.by_item.row(item)
        rest = stars - biases[raters]
        expected = 0.2 * rest.sum() / (0.2 * len(rest) + 0.5)
        assert head.item_biases[item] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    features = PAPER_PRESETS["features"].as_precisions()
    assert (features.factor_weight, features.feature_weight) == (10, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_factors": -1}, "n_factors is -1; it must be a whole number at least 0"),
        ({"n_factors": 2.0}, "n_factors is 2.0; it must be a whole number"),
        ({"n_sweeps": 0}, "n_sweeps is 0; it must be a whole number at least 1"),
        ({"error_weight": 0}, "error_weight is 0; it must be a finite number above 0"),
        (
            {"bias_weight": -1.0},
            "bias_weight is -1.0; it must be a finite number above",
        ),
        ({"factor_weight": float("nan")}, "factor_weight is nan; it must be a finite"),
        ({"factor_weight": True}, "factor_weight is True; it must be a finite"),
        ({"feature_weight": "much"}, "feature_weight is 'much'; it must be a finite"),
        ({"feature_weight": 0.2}, "0.2; it must be 0 to factor_weight, which is 0.1"),
        (
            {"feature_weight": -0.1},
            "feature_weight is -0.1; it must be a finite number at",
        ),
        ({"n_factors": 0, "feature_weight": 0.1}, "it must be 0 where n_factors is 0"),
    ],
)
def test_a_value_outside_its_range_is_named_with_its_remedy(changes, message):
    with pytest.raises(DataError, match=message):
        PaperConfig(**changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "no item_features; pass them, or set feature_weight to 0"),
        ({"item_features": np.ones((3, 2))}, "expected 30 rows, one an item"),
        ({"item_features": np.ones(30)}, "expected 30 rows, one an item"),
        ({"item_features": np.full((30, 2), np.inf)}, "not finite"),
    ],
)
def test_features_that_cannot_be_used_are_refused(ratings, arguments, message):
    with pytest.raises(DataError, match=message):
        fit_head(ratings, few("features"), rng=np.random.default_rng(0), **arguments)


@pytest.mark.parametrize(("user", "item"), [(40, 0), (0, 30), (-1, 0)])
def test_held_out_ratings_of_another_matrix_are_refused(ratings, user, item):
    test = HeldOut(
        np.array([user], np.int32), np.array([item], np.int32), np.ones(1, np.float32)
    )

    with pytest.raises(DataError, match=r"index outside 0\.\.\d+; hold out part"):
        fit_head(ratings, few("bias"), test=test, rng=np.random.default_rng(0))


def test_a_singular_system_is_an_error_with_a_remedy():
    twice_the_same = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [1, 2, 3, 4])
    hopeless = PaperConfig(n_factors=3, n_sweeps=1, factor_weight=1e-300)

    with pytest.raises(SolveError, match=r"the system of row \d is singular; raise τ"):
        fit_head(twice_the_same, hopeless, rng=np.random.default_rng(0))
