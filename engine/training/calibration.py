"""What a rating head learns from ratings that it was not trained on.

Training errors are too small to say how noisy ratings are, and they do not tell what to
expect of somebody who has rated little. So part of a training holds a few ratings out,
folds their users in as the service would, and chooses

- ``C, c_u, c_i``: the noise of a rating is ``C σ² / (ω_u ω_i)``, where the noise weight
  of a user or item starts from ``c`` ratings of average noise; by maximum likelihood,
- ``γ, n0``: how much of a selection offset counts for a user with ``n`` ratings,
  ``κ = γ (n0 / (n + n0))²``; by ridge regression towards ``γ = 1``,
- how people use the levels of the scale (`engine.training.levels`).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import optimize
from threadpoolctl import threadpool_limits

from engine.arrays import BoolVector, ExactVector, FloatVector, IndexVector
from engine.data.features import FeatureMatrix, feature_row
from engine.data.ratings import Ratings
from engine.data.splits import Split, split_at
from engine.model.levels import Levels
from engine.model.variational_head import Calibration, VariationalHead, noise_weights
from engine.serving.fold_in import fold_in, predict
from engine.training.levels import (
    USUAL_COUNT,
    USUAL_SHARE,
    HeldOutUser,
    learn_levels,
)

_LEAST_RATINGS = 200  # fewer say nothing beyond the priors
_SHARE, _LARGEST_SHARE, _FEW, _MOST = 0.05, 0.2, 500, 5000
_MOST_USERS, _MOST_OF_LEVELS = 500, 2000  # the second are folded in only once
_FIRST = (0, 1, 3, 10, 30)  # ratings that a user is folded in from, beside all
_ALL_COUNTS = 3.0  # times as much as each of those: most lists are for known users
_GRID = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_SPREAD_OF_SHARE = 0.5
# Medians of the log-normal priors of C, c_u and c_i, and their spread in logarithms.
_MEDIANS, _SPREADS = (1.0, 6.0, 12.0), (0.2, 1.0, 1.0)

USUAL = Calibration(1.0, 6.0, 12.0, 1.0, 8.0, USUAL_COUNT, USUAL_SHARE)
"""For ratings that are too few to hold any out."""


class Learned(NamedTuple):
    """What the ratings held out of a training have told."""

    calibration: Calibration
    levels: Levels


class _Seen(NamedTuple):
    """Held-out ratings beside what the head says of them, all users folded in.

    Attributes
    ----------
    errors : ndarray of float64, shape (n,)
        Rating minus prediction without selection offsets, in stars.
    offsets : ndarray of float64, shape (n,)
        ``s_i``, in stars.
    n_rated : ndarray of float64, shape (n,)
        Ratings that the user was folded in from.
    weights : ndarray of float64, shape (n,)
        Of the rating in the regression: users count alike.
    is_all : ndarray of bool, shape (n,)
        Whether the user was folded in from all their ratings.
    variances : ndarray of float64, shape (n,)
        Of the prediction, without the noise of the rating, in squared stars.
    user_squares, item_squares : ndarray of float64, shape (n,)
        Sum of expected squared errors in training, over ``σ²``.
    item_counts : ndarray of float64, shape (n,)
    """

    errors: ExactVector
    offsets: ExactVector
    n_rated: ExactVector
    weights: ExactVector
    is_all: BoolVector
    variances: ExactVector
    user_squares: ExactVector
    item_squares: ExactVector
    item_counts: ExactVector


def hold_out(ratings: Ratings, rng: np.random.Generator) -> Split | None:
    """Set a few ratings aside, at random; None if there are too few of them."""
    n = ratings.n_ratings
    if n < _LEAST_RATINGS:
        return None
    wanted = min(max(_SHARE * n, min(_LARGEST_SHARE * n, _FEW)), _MOST)
    held_out = np.zeros(n, dtype=np.bool_)
    held_out[rng.choice(n, int(wanted), replace=False)] = True
    return split_at(ratings, held_out)


def calibrate(
    head: VariationalHead,
    split: Split,
    *,
    item_squares: ExactVector,
    user_features: FeatureMatrix | None,
    rng: np.random.Generator,
) -> Learned:
    """Choose the numbers by what a head says of ratings held out of its training.

    Parameters
    ----------
    head : VariationalHead
        Trained on ``split.train``, with the calibration `USUAL`.
    split : Split
    item_squares : ndarray of float64, shape (n_items,)
        Sum of expected squared errors of each item's ratings, over ``σ²``.
    user_features : matrix or None
        As the head was trained with.
    rng : numpy.random.Generator
        Draws the ratings that users are folded in from.

    Returns
    -------
    Learned
    """
    users = np.unique(split.test.user_indices)
    chosen = rng.permutation(users)[:_MOST_OF_LEVELS].tolist()
    rated = [_HeldOut.of(user, split, user_features) for user in chosen]
    with threadpool_limits(1, user_api="blas"):  # systems so small wait for threads
        known = rated[:_MOST_USERS]
        seen = _joined(list(_seen(head, split, item_squares, known, rng)))
        shares = _selection(seen)
        noise = _noise(seen, shares, head.residual_variance)
        calibration = Calibration(*noise, *shares, USUAL_COUNT, USUAL_SHARE)
        if len(head.levels) == 0:
            return Learned(calibration, head.levels)
        prior = replace(head.prior, calibration=np.array(calibration))
        calibrated = replace(head, prior=prior)
        levels, count, share = learn_levels(
            calibrated, [each.folded_into(calibrated) for each in rated]
        )
    return Learned(calibration._replace(level_count=count, level_share=share), levels)


class _HeldOut(NamedTuple):
    """A user's ratings in training, and those held out."""

    rated: IndexVector
    values: FloatVector
    features: ExactVector | None
    items: IndexVector
    stars: FloatVector

    @classmethod
    def of(cls, user: int, split: Split, features: FeatureMatrix | None) -> Self:
        mine = split.test.user_indices == user
        return cls(
            *split.train.by_user.row(user),
            feature_row(features, user),
            split.test.item_indices[mine],
            split.test.values[mine],
        )

    def folded_into(self, head: VariationalHead) -> HeldOutUser:
        folded = fold_in(head, self.rated, self.values, user_features=self.features)
        return HeldOutUser(folded, self.items, self.stars)


def _seen(
    head: VariationalHead,
    split: Split,
    item_squares: ExactVector,
    users: list[_HeldOut],
    rng: np.random.Generator,
) -> Iterator[_Seen]:
    """Fold each held-out user in from some and from all of their ratings."""
    counts = split.train.by_item.totals.astype(np.float64)
    for indices, values, features, items, stars in users:
        order = rng.permutation(len(indices))
        for n in (*(n for n in _FIRST if n < len(indices)), len(indices)):
            some = np.sort(order[:n])
            folded = fold_in(head, indices[some], values[some], user_features=features)
            offsets = head.prior.selection_offsets[items].astype(np.float64)
            plain = predict(head, folded, items) - folded.cold_start_weight * offsets
            is_all = n == len(indices)
            weight = (_ALL_COUNTS if is_all else 1.0) / len(items)
            yield _Seen(
                errors=stars - plain,
                offsets=offsets,
                n_rated=np.full(len(items), float(n)),
                weights=np.full(len(items), weight),
                is_all=np.full(len(items), is_all),
                variances=head.score_variance(folded, items),
                user_squares=np.full(len(items), head.expected_squares(folded)),
                item_squares=item_squares[items],
                item_counts=counts[items],
            )


def _joined(parts: list[_Seen]) -> _Seen:
    columns: Any = map(np.concatenate, zip(*parts, strict=True))
    return _Seen(*columns)


def _selection(seen: _Seen) -> tuple[float, float]:
    """``γ`` and ``n0``: regress the errors on the selection offsets."""
    variance = np.average(seen.errors**2, weights=seen.weights)
    best = np.inf, USUAL.selection_share, USUAL.selection_count
    for count in _GRID:
        expected = seen.offsets * (count / (seen.n_rated + count)) ** 2
        precision = variance / _SPREAD_OF_SHARE**2
        share = (seen.weights @ (expected * seen.errors) + precision) / (
            seen.weights @ expected**2 + precision
        )
        loss = seen.weights @ (seen.errors - share * expected) ** 2
        loss += precision * (share - 1) ** 2
        best = min(best, (float(loss), float(share), count))
    return best[1:]


def _noise(
    seen: _Seen, selection: tuple[float, float], variance: float
) -> tuple[float, float, float]:
    """``C``, ``c_u`` and ``c_i``: maximise the likelihood of the errors."""
    share, count = selection
    expected = share * seen.offsets * (count / (seen.n_rated + count)) ** 2
    squares = (seen.errors - expected)[seen.is_all] ** 2
    columns: Any = (column[seen.is_all] for column in seen)
    known = _Seen(*columns)

    def loss(logarithms: ExactVector) -> float:
        scale, of_user, of_item = np.exp(logarithms)
        user = noise_weights(known.n_rated, known.user_squares, of_user)
        item = noise_weights(known.item_counts, known.item_squares, of_item)
        total = scale * variance / (user * item) + known.variances
        prior = np.square((logarithms - np.log(_MEDIANS)) / _SPREADS).sum()
        return float((np.log(total) + squares / total).sum() + prior)

    found = optimize.minimize(loss, np.log(_MEDIANS), method="Nelder-Mead")
    scale, of_user, of_item = np.exp(found.x).tolist()
    return scale, of_user, of_item
