"""Training from ratings to a model."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.data.ratings import Ratings
from engine.data.splits import HeldOut
from engine.data.synthetic import make_ratings
from engine.errors import DataError, EngineError
from engine.model.configuration import (
    PLAIN,
    RANKING,
    RATING,
    RidgeConfig,
    VariationalConfig,
)
from engine.paper.configuration import PAPER_PRESETS
from engine.serving.fold_in import fold_in
from engine.training.fit import fit, fit_head
from engine.training.ranking import ridge_config
from tests.engine.conftest import IS_COMPILED, SOLVERS, solved_by

FINGERPRINT = """
import hashlib, sys
import numpy as np
from engine.training.fit import fit
from engine.data.synthetic import make_ratings

ratings = make_ratings(rng=np.random.default_rng(0)).ratings
model = fit(ratings, rng=np.random.default_rng(1), n_threads=int(sys.argv[1]))
digest = hashlib.sha256()
for head in (model.rating, model.ranking):
    digest.update(head.item_factors.tobytes())
    digest.update(head.item_biases.tobytes())
    digest.update(head.unobserved.gram.tobytes())
print(digest.hexdigest(), model.rating.residual_variance)
"""


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("head", ["configuration", "ranking_configuration"])
def test_folding_in_a_training_user_returns_the_training_vector(
    ratings, head, solver, request
):
    configuration = request.getfixturevalue(head)

    with solved_by(solver):
        training = fit_head(ratings, configuration, rng=np.random.default_rng(0))

    for user in range(ratings.n_users):
        folded_user = fold_in(training.head, *ratings.by_user.row(user))
        np.testing.assert_allclose(
            folded_user.factors, training.users.factors[user], atol=1e-6, rtol=1e-5
        )
        np.testing.assert_allclose(
            folded_user.bias, training.users.biases[user], atol=1e-6, rtol=1e-5
        )


def test_a_model_knows_its_catalogue_and_its_data(ratings, model):
    np.testing.assert_array_equal(model.item_ids, ratings.item_ids)
    np.testing.assert_array_equal(model.item_counts, ratings.by_item.counts)
    assert model.n_items == model.rating.n_items == ratings.n_items
    assert (model.n_users, model.n_ratings) == (ratings.n_users, ratings.n_ratings)
    assert model.rating_range == ratings.value_range
    assert model.item_indices_of([3, 999, 1]).tolist() == [2, -1, 0]


def test_a_trained_model_is_read_only(model):
    arrays = [model.item_ids, model.item_counts]
    for head in (model.rating, model.ranking):
        arrays += [head.item_biases, head.item_factors]
        arrays += [head.unobserved.gram, head.unobserved.moment]

    assert not any(array.flags.writeable for array in arrays)


def test_the_heads_are_offset_by_the_mean_and_by_the_target(ratings, model):
    for head in (model.rating, model.ranking):
        assert head.global_mean == pytest.approx(ratings.mean)
    assert model.rating.offset == model.rating.global_mean
    assert model.ranking.offset == 1.5


def test_every_sweep_is_reported_and_the_loss_falls(ratings, configuration):
    seen: list[object] = []

    training = fit_head(
        ratings, configuration, rng=np.random.default_rng(0), on_sweep=seen.append
    )

    assert tuple(seen) == training.sweeps
    assert [sweep.sweep for sweep in training.sweeps] == [1, 2, 3]
    assert {sweep.n_sweeps for sweep in training.sweeps} == {3}
    assert (np.diff([sweep.train_loss for sweep in training.sweeps]) < 0).all()
    assert (np.diff([sweep.seconds for sweep in training.sweeps]) > 0).all()


def test_what_a_report_raises_stops_the_training(ratings, configuration):
    reported = []

    def cancel(sweep):
        reported.append(sweep.sweep)
        raise KeyError("cancelled")

    with pytest.raises(KeyError, match="cancelled"):
        fit(
            ratings, rating=configuration, rng=np.random.default_rng(0), on_sweep=cancel
        )

    assert reported == [1]


@pytest.mark.compiled
def test_factors_are_the_same_bits_in_other_processes_with_other_threads():
    def fingerprint(n_threads):
        return subprocess.run(
            [sys.executable, "-c", FINGERPRINT, str(n_threads)],
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[3],
            env=os.environ | {"PYTHONHASHSEED": str(n_threads)},
        ).stdout

    assert fingerprint(1) == fingerprint(2)


def test_shifting_the_scale_shifts_the_predictions(ratings, configuration):
    rows = ratings.by_user
    shifted = Ratings.from_arrays(
        ratings.user_ids[rows.row_of_each()],
        ratings.item_ids[rows.indices],
        rows.values + 10,
        users=ratings.user_ids,
        items=ratings.item_ids,
    )

    before = fit_head(ratings, configuration, rng=np.random.default_rng(0))
    after = fit_head(shifted, configuration, rng=np.random.default_rng(0))

    def predictions(training):
        products = training.users.factors @ training.head.item_factors.T
        biases = training.users.biases[:, None] + training.head.item_biases
        return training.head.global_mean + biases + products

    np.testing.assert_allclose(
        predictions(after), predictions(before) + 10, rtol=1e-4, atol=1e-3
    )


def test_the_order_of_the_ratings_does_not_matter(ratings, configuration):
    rows = ratings.by_user
    order = np.random.default_rng(0).permutation(ratings.n_ratings)
    shuffled = Ratings.from_arrays(
        ratings.user_ids[rows.row_of_each()][order],
        ratings.item_ids[rows.indices][order],
        rows.values[order],
        users=ratings.user_ids,
        items=ratings.item_ids,
    )

    before = fit_head(ratings, configuration, rng=np.random.default_rng(0))
    after = fit_head(shuffled, configuration, rng=np.random.default_rng(0))

    np.testing.assert_array_equal(after.head.item_factors, before.head.item_factors)


def test_held_out_ratings_are_measured_after_every_sweep_and_change_nothing(
    ratings, configuration, features
):
    test = HeldOut(np.array([3, 0, 9]), np.array([1, 7, 2]), np.array([4.0, 1.0, 2.5]))
    learned = VariationalConfig(n_factors=3, n_sweeps=4)
    for chosen in (configuration, learned):
        alone, measured = (
            fit_head(
                ratings, chosen, test=held_out, rng=np.random.default_rng(0), **features
            )
            for held_out in (None, test)
        )

        assert {sweep.test_rmse for sweep in alone.sweeps} == {None}
        assert len({sweep.test_rmse for sweep in measured.sweeps}) == chosen.n_sweeps
        np.testing.assert_array_equal(
            measured.head.item_factors, alone.head.item_factors
        )

    training = fit_head(ratings, configuration, test=test, rng=np.random.default_rng(0))
    users, head = training.users, training.head
    squares = [
        (value - head.global_mean - users.biases[user] - head.item_biases[item]
         - users.factors[user] @ head.item_factors[item]) ** 2
        for user, item, value in zip(*vars(test).values(), strict=True)
    ]  # fmt: skip
    assert training.sweeps[-1].test_rmse == pytest.approx(np.mean(squares) ** 0.5)


def test_the_loss_on_held_out_ratings_has_their_errors_in_place_of_the_others(
    ratings, configuration, features
):
    """Held out is all that is trained on, so both losses and errors must agree."""
    rows = ratings.by_user
    same = HeldOut(rows.row_of_each(), rows.indices, rows.values)
    learned = VariationalConfig(n_factors=3, n_sweeps=6)
    paper = replace(PAPER_PRESETS["latent"], n_factors=3)

    for chosen in (configuration, learned, paper):
        sweeps = fit_head(
            ratings, chosen, test=same, rng=np.random.default_rng(0), **features
        ).sweeps

        for sweep in sweeps:
            assert sweep.test_rmse == pytest.approx(sweep.train_rmse, rel=1e-5)
            assert sweep.test_loss == pytest.approx(sweep.train_loss, rel=1e-5)


def test_a_ranking_head_has_no_figures_in_stars(ratings, ranking_configuration):
    test = HeldOut(np.array([3]), np.array([1]), np.array([4.0]))

    training = fit_head(
        ratings, ranking_configuration, test=test, rng=np.random.default_rng(0)
    )

    assert {(s.test_rmse, s.test_loss) for s in training.sweeps} == {(None, None)}


@pytest.mark.parametrize("preset", PAPER_PRESETS)
def test_one_call_trains_a_paper_model_beside_a_ranking_head(
    ratings, ranking_configuration, features, preset
):
    model = fit(
        ratings,
        rating=PAPER_PRESETS[preset],
        ranking=ranking_configuration,
        item_features=features["item_features"],
        rng=np.random.default_rng(0),
    )

    assert model.rating.n_factors == PAPER_PRESETS[preset].n_factors
    assert model.rating.configuration == PAPER_PRESETS[preset].as_ridge()


def test_a_held_out_rating_outside_the_matrix_is_refused(ratings, configuration):
    test = HeldOut(np.array([0]), np.array([ratings.n_items]), np.array([3.0]))

    with pytest.raises(DataError, match=r"test: item index outside 0\.\.29"):
        fit_head(ratings, configuration, test=test, rng=np.random.default_rng(0))


def degenerate_cases():
    one = Ratings.from_arrays([1], [1], [4.0])
    equal = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 1, 2], [3.0] * 4)
    lonely = Ratings.from_arrays([1, 2], [1, 2], [5, 1], users=[9], items=[7, 8])
    n_items = 100_000 if IS_COMPILED else 300
    busy = Ratings.from_arrays(
        np.ones(n_items, np.int64),
        np.arange(n_items),
        np.arange(n_items) % 10 / 2 + 0.5,
    )
    return {"one": one, "equal": equal, "lonely": lonely, "busy": busy}


@pytest.mark.parametrize("case", ["one", "equal", "lonely", "busy"])
@pytest.mark.parametrize("weight", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("solver", SOLVERS)
def test_degenerate_data_give_finite_factors_or_a_typed_error(
    case, weight, alpha, solver
):
    ratings = degenerate_cases()[case]
    configuration = RidgeConfig(
        n_factors=2, n_sweeps=2, user_weight=weight, item_weight=weight,
        user_bias_weight=weight, item_bias_weight=weight, unobserved_weight=alpha,
        unobserved_target=1.0,
    )  # fmt: skip

    try:
        with solved_by(solver):
            training = fit_head(ratings, configuration, rng=np.random.default_rng(0))
    except EngineError:
        assert weight == 1e-6
        return

    assert np.isfinite(training.head.item_factors).all()
    assert np.isfinite(training.head.item_biases).all()
    assert np.isfinite(training.users.factors).all()
    assert np.isfinite(training.head.residual_variance)


def test_an_unrated_item_keeps_factors_and_bias_at_zero(configuration):
    ratings = Ratings.from_arrays([1, 2, 2], [1, 1, 2], [5, 4, 1], items=[3])

    training = fit_head(ratings, configuration, rng=np.random.default_rng(0))

    assert (training.head.item_factors[2] == 0).all()
    assert training.head.item_biases[2] == 0


@pytest.mark.compiled
def test_training_gets_close_to_the_truth_behind_synthetic_ratings():
    made = make_ratings(
        n_users=600, n_items=300, n_ratings=40_000, noise=0.3,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    ratings = made.ratings
    configuration = replace(PLAIN, n_factors=4, user_weight=0.1, item_weight=0.1)

    training = fit_head(ratings, configuration, rng=np.random.default_rng(0))

    rows, columns = ratings.by_user.row_of_each(), ratings.by_user.indices
    users, head = training.users, training.head
    predicted = head.global_mean + users.biases[rows] + head.item_biases[columns]
    predicted = predicted + (users.factors[rows] * head.item_factors[columns]).sum(1)
    bounded = np.clip(made.truth, 0.5, 5)
    off = np.sqrt(np.square(np.clip(predicted, 0.5, 5) - bounded).mean())
    assert off < 0.2  # the ratings themselves are 0.33 off: noise and half stars
    assert head.residual_variance**0.5 == pytest.approx(0.33, abs=0.05)


@pytest.mark.compiled
def test_the_default_configurations_separate_rating_from_ranking(ratings):
    assert isinstance(RATING, VariationalConfig)
    assert PLAIN.unobserved_weight == 0
    assert not ridge_config(ratings, RANKING).predicts_stars
