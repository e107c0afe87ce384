"""Fold a user into a model from their ratings; predict, with uncertainty."""

import numpy as np
from scipy.linalg import lapack

from engine.arrays import (
    ExactMatrix,
    ExactVector,
    FloatVector,
    IndexVector,
    Indices,
    Values,
)
from engine.data.ratings import as_weights
from engine.errors import DataError, SolveError
from engine.model.heads import Head
from engine.model.users import FoldedUser, UserRatings


def fold_in(
    head: Head,
    item_indices: Indices,
    values: Values,
    *,
    weights: Values | None = None,
    user_features: Values | None = None,
) -> FoldedUser:
    """Estimate one user from their ratings, the items held fixed.

    One user half-step of the head's objective, in double precision; the head builds the
    system (`RidgeHead.system_of`, `VariationalHead.system_of`).

    Where ratings have weights, sums over ``t`` are weighted and ``n`` is their sum.

    Parameters
    ----------
    head : Head
    item_indices : array of integers, shape (n_rated,)
        Rows of the head, each once; may be empty.
    values : array of numbers, shape (n_rated,)
        The ratings, in stars.
    weights : array of numbers, shape (n_rated,), optional
        How many ratings each one counts for, above 0; one by default.
    user_features : array of numbers, shape (n_user_features,), optional
        As the head was trained with; unknown, that is 0, by default.

    Returns
    -------
    FoldedUser

    Raises
    ------
    DataError
        Lengths differ, an index is out of range or repeated, a number not finite, or
        a weight not above 0.
    SolveError
        The system is not positive definite.

    References
    ----------
    .. [1] Steck (2010). doi:10.1145/1835804.1835895
    """
    indices, stars = _validated(head, item_indices, values)
    features = _validated_features(head, user_features)
    ratings = _prepared(head, indices, stars, weights)
    system = head.system_of(ratings, features)
    right = system.rest + system.errors @ ratings.rated
    if system.set_contributions is not None:
        right += system.set_contributions.sum(axis=0)
    factor, solution, failed = lapack.dposv(
        system.matrix, right, lower=1, overwrite_a=1, overwrite_b=1
    )
    if failed:
        raise SolveError("the user's system is singular; raise the weights")
    return FoldedUser(
        bias=float(solution[-1]),
        factors=solution[:-1],
        item_indices=indices,
        rated=ratings.rated,
        errors=system.errors,
        set_contributions=system.set_contributions,
        rest=system.rest,
        cold_start_weight=head.cold_start_weight(ratings.total),
        factor=factor,
    )


def _prepared(
    head: Head, indices: IndexVector, stars: ExactVector, weights: Values | None
) -> UserRatings:
    rated, residuals = head.rows_of(indices), stars - head.global_mean
    biases = head.item_biases.take(indices).astype(np.float64)
    if weights is None:
        ones, total = np.ones(len(indices)), float(len(indices))
        return UserRatings(indices, ones, 1.0, rated, residuals, biases, total)
    counted = as_weights(weights, n_ratings=len(indices)).astype(np.float64)
    roots = np.sqrt(counted)
    return UserRatings(
        indices,
        counted,
        roots,
        rated * roots[:, None],
        residuals,
        biases,
        float(counted.sum()),
    )


def predict(head: Head, user: FoldedUser, item_indices: Indices) -> FloatVector:
    """Scores of some items: ``μ + b_u + b_i + q_i'p_u``.

    People rate the movies that they expect to like, so the ratings of an item come from
    users whose factors suit it, and to rate an item says something about its rater. A
    variational head adds ``κ s_i``, the selection offset of the item, for as long as it
    knows little of the user [1]_.

    Parameters
    ----------
    head : Head
    user : FoldedUser
        Of the same head.
    item_indices : array of integers, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n,)
        In stars, not clipped to the scale.

    Raises
    ------
    DataError
        An index is out of range.

    References
    ----------
    .. [1] Marlin, Zemel, Roweis, Slaney (2007), "Collaborative filtering and the
       missing at random assumption", on why ratings are no random sample.
    """
    indices = validated_indices(head, item_indices)
    products = head.item_factors[indices] @ user.factors
    scores = head.offset + user.bias + head.biases_for(user, indices) + products
    return scores.astype(np.float32)


def expected_ratings(
    head: Head, user: FoldedUser, item_indices: Indices
) -> FloatVector:
    """Ratings to expect of some items: scores, adapted to how people use the scale.

    On a scale of few levels, a variational head also knows how likely each level is
    (`level_chances`). How much their mean counts beside the clipped score, from 0 to
    1, is measured in training; elsewhere the score is all there is.

    Parameters
    ----------
    head : Head
    user : FoldedUser
        Of the same head.
    item_indices : array of integers, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n,)
        In stars; inside the scale where the head knows its levels.

    Raises
    ------
    DataError
        An index is out of range.
    """
    return head.expected_ratings(user, predict(head, user, item_indices))


def level_chances(head: Head, user: FoldedUser, item_indices: Indices) -> ExactMatrix:
    """How likely the user gives each level of the scale to some items.

    Parameters
    ----------
    head : Head
    user : FoldedUser
        Of the same head.
    item_indices : array of integers, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n, n_levels)
        Rows that sum to 1, columns as ``head.levels.values``; no columns on a scale
        of more than 21 levels, or with a family that does not learn them.

    Raises
    ------
    DataError
        An index is out of range.
    """
    scores = predict(head, user, item_indices)
    return head.level_chances(user, np.asarray(item_indices), scores)


def uncertainty(head: Head, user: FoldedUser, item_indices: Indices) -> FloatVector:
    """Estimate the standard deviation of a rating around its prediction.

    It combines the noise of a single rating with the uncertainty about the user and, in
    a variational head, about the item (`Head.variance`). The uncertainty about the user
    falls with every rating; the noise stays.

    Parameters
    ----------
    head : Head
        A rating head; the variance of a ranking head means nothing.
    user : FoldedUser
        Of the same head.
    item_indices : array of integers, shape (n,)

    Returns
    -------
    ndarray of float32, shape (n,)
        In stars.

    Raises
    ------
    DataError
        An index is out of range.
    """
    indices = validated_indices(head, item_indices)
    return np.sqrt(head.variance(user, indices)).astype(np.float32)


def _validated(
    head: Head, item_indices: Indices, values: Values
) -> tuple[IndexVector, ExactVector]:
    indices = _integers(item_indices)
    ordered = np.sort(indices)
    if ordered.size and (ordered[0] < 0 or ordered[-1] >= head.n_items):
        raise DataError(f"item index outside 0..{head.n_items - 1}")
    stars = np.asarray(values, dtype=np.float64)
    if stars.shape != indices.shape or np.count_nonzero(np.isfinite(stars)) < len(
        stars
    ):
        raise DataError(f"expected {len(indices)} finite ratings, one per item")
    if np.count_nonzero(ordered[1:] == ordered[:-1]):
        raise DataError("an item is rated twice; keep one rating of each")
    return indices.astype(np.int32), stars


def _validated_features(head: Head, features: Values | None) -> ExactVector:
    expected = head.n_user_features
    if features is None:
        return np.zeros(expected)
    array = np.asarray(features, dtype=np.float64)
    if array.shape != (expected,) or not np.isfinite(array).all():
        raise DataError(f"expected {expected} finite user features")
    return array


def validated_indices(head: Head, item_indices: Indices) -> IndexVector:
    """Refuse what are no rows of the head."""
    array = _integers(item_indices)
    if array.size and (array.min() < 0 or array.max() >= head.n_items):
        raise DataError(f"item index outside 0..{head.n_items - 1}")
    return array.astype(np.int32)


def _integers(item_indices: Indices) -> Indices:
    array = np.asarray(item_indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError("item indices must be a vector of integers")
    return array
