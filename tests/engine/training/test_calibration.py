"""What a rating head learns from ratings held out of its own training."""

from dataclasses import replace

import numpy as np
import pytest

from engine.data.splits import split_at_random
from engine.data.synthetic import make_ratings
from engine.model.configuration import VariationalConfig
from engine.model.variational_head import Calibration, VariationalHead, noise_weights
from engine.serving.fold_in import fold_in, predict, uncertainty
from engine.training import calibration
from engine.training.calibration import USUAL, hold_out
from engine.training.fit import fit_head
from engine.training.posteriors import VariationalState


def head_of(ratings, **features):
    head = fit_head(
        ratings,
        VariationalConfig(n_factors=4, n_sweeps=15),
        rng=np.random.default_rng(0),
        **features,
    ).head
    assert isinstance(head, VariationalHead)
    return head


@pytest.fixture(scope="module")
def noisy():
    """Half of the users rate with six times the noise of the others."""
    rng = np.random.default_rng(3)
    made = make_ratings(n_users=300, n_items=150, n_ratings=12_000, noise=0.2, rng=rng)
    ratings = made.ratings
    rows = ratings.by_user
    values = rows.values + (rows.row_of_each() % 2) * rng.normal(
        0, 1.2, len(rows.values)
    )
    return type(ratings).from_arrays(
        rows.row_of_each(), rows.indices, values.astype(np.float32)
    )


@pytest.mark.compiled
def test_noisy_users_get_wider_intervals_which_hold_four_ratings_in_five(noisy):
    split = split_at_random(noisy, rng=np.random.default_rng(1))
    head = head_of(split.train)
    inside: list[list[bool]] = [[], []]
    widths: list[list[float]] = [[], []]

    for user, item, stars in zip(*vars(split.test).values(), strict=True):
        folded = fold_in(head, *split.train.by_user.row(user))
        at = np.array([item])
        width = uncertainty(head, folded, at)[0]
        is_noisy = user % 2
        widths[is_noisy].append(width)
        error = abs(predict(head, folded, at)[0] - stars)
        inside[is_noisy].append(bool(error < 1.2816 * width))

    assert np.mean(widths[1]) > 2 * np.mean(widths[0])
    assert 0.75 <= np.mean([*inside[0], *inside[1]]) <= 0.87
    for shares in inside:
        assert 0.7 <= np.mean(shares) <= 0.95


@pytest.mark.compiled
def test_a_stranger_is_as_noisy_as_people_are_on_average(noisy):
    head = head_of(noisy)
    stranger = fold_in(head, np.zeros(0, np.int32), np.zeros(0))
    chosen = Calibration(*head.prior.calibration)
    items = np.arange(5)

    assert head.expected_squares(stranger) == 0
    expected = chosen.noise_scale * head.residual_variance
    expected /= head.prior.item_noise_weights[items]
    np.testing.assert_allclose(head.noise(stranger, items), expected)


def test_noise_weights_move_from_1_to_the_inverse_of_the_errors():
    counts, squares = np.array([0.0, 10.0, 1e6]), np.array([0.0, 20.0, 2e6])

    found = noise_weights(counts, squares, 10.0)

    np.testing.assert_allclose(found, [1, 2 / 3, 0.5], rtol=1e-4)


def test_few_ratings_are_all_trained_on_and_take_the_usual_numbers():
    few = make_ratings(
        n_users=40, n_items=30, n_ratings=199, rng=np.random.default_rng(0)
    ).ratings

    assert hold_out(few, np.random.default_rng(0)) is None
    assert Calibration(*head_of(few).prior.calibration) == USUAL


@pytest.mark.parametrize(
    ("n", "expected"), [(1000, 200), (10_000, 500), (90_000, 4500)]
)
def test_the_share_held_out_falls_with_the_number_of_ratings(n, expected):
    made = make_ratings(
        n_users=600, n_items=500, n_ratings=n, rng=np.random.default_rng(0)
    ).ratings

    split = hold_out(made, np.random.default_rng(0))

    assert split is not None
    assert len(split.test.values) == expected


@pytest.mark.compiled
def test_the_ratings_held_out_are_trained_on_in_the_last_sweeps(noisy, monkeypatch):
    seen: list[tuple[int, int]] = []
    resume = VariationalState.resume

    def noted(state, ratings, configuration):
        seen.append((int(state.users.rows.counts.sum()), ratings.n_ratings))
        resume(state, ratings, configuration)

    monkeypatch.setattr(VariationalState, "resume", noted)

    head_of(noisy, user_features=np.ones((noisy.n_users, 1)))

    assert seen == [(noisy.n_ratings - 600, noisy.n_ratings)]


@pytest.mark.compiled
def test_offsets_that_mislead_are_turned_off(noisy):
    """Errors that oppose the offsets of newcomers: the share falls well below 1."""
    split = hold_out(noisy, np.random.default_rng(0))
    assert split is not None
    head = head_of(split.train)
    wrong = replace(
        head.prior,
        selection_offsets=-3 * head.prior.selection_offsets - np.float32(0.5),
    )
    squares = np.ones(head.n_items)

    shares = [
        calibration.calibrate(
            each, split, item_squares=squares, user_features=None,
            rng=np.random.default_rng(0),
        ).calibration.selection_share
        for each in (head, replace(head, prior=wrong))
    ]  # fmt: skip

    assert shares[1] < 0.2 < shares[0]
