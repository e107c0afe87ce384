"""Place a user in a trained space: taste, predictions and uncertainty."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, lapack

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
from engine.model.heads import Head, RidgeConfig, UserPrior

_STRANGER_COUNT = 10.0  # ratings until half of what selection says is left to taste


@dataclass(frozen=True)
class FoldedUser:
    """One user in the space of a head: the solution of ``A x = c``.

    Attributes
    ----------
    bias : float
        ``b_u``, in stars.
    factors : ndarray of float64, shape (n_factors,)
        ``p_u``.
    item_indices : ndarray of int32, shape (n_rated,)
        The items rated.
    rated : ndarray of float64, shape (n_rated, n_factors + 1)
        ``z_t`` of each, times the root of its weight.
    errors : ndarray of float64, shape (n_rated,)
        What is left of its stars for the user to explain, times that root.
    set_contributions : ndarray of float64, shape (n_rated, n_factors + 1), or None
        What having rated it says, whatever the stars; None where weights are given.
    rest : ndarray of float64, shape (n_factors + 1,)
        What the right side would be without any rating.
    cold_start_weight : float
        ``κ = n0 / (n + n0)``: 1 without ratings, 0 with ever so many.
    factor : ndarray of float64, shape (n_factors + 1, n_factors + 1)
        As LAPACK leaves it: ``L`` of ``A = LL'`` on and below the diagonal.
    """

    bias: float
    factors: ExactVector
    item_indices: IndexVector
    rated: ExactMatrix
    errors: ExactVector
    set_contributions: ExactMatrix | None
    rest: ExactVector
    cold_start_weight: float
    factor: ExactMatrix

    @property
    def cholesky(self) -> ExactMatrix:
        """Lower triangle ``L`` of ``A = LL'``; zero above it."""
        return np.tril(self.factor)

    @property
    def n_rated(self) -> int:
        """Number of ratings the taste rests on."""
        return len(self.item_indices)

    @property
    def rating_contributions(self) -> ExactMatrix:
        """What each rating adds to ``c``, which is their sum plus `rest`."""
        of_stars = self.rated * self.errors[:, None]
        if self.set_contributions is None:
            return of_stars
        return of_stars + self.set_contributions


def fold_in(
    head: Head,
    item_indices: Indices,
    values: Values,
    *,
    weights: Values | None = None,
    user_features: Values | None = None,
) -> FoldedUser:
    """Estimate one user from their ratings, the items held fixed.

    One user half-step of the head's objective, in double precision. With
    ``z = (q, 1)`` and ``n`` ratings, where weights are given and ``a`` is the
    unobserved weight::

        A = (1 - a) sum_t z_t z_t' + a G + diag(λ (n + n0)^v, β)
        c = sum_t z_t (r_t - h d_u - μ - (1 - a) b_t) + a m
        A (p_u, b_u) = c

    and where they are learned, with ``e_t`` the effect of having rated an item, ``f``
    the features and ``v_t`` the doubt about an item (`engine.training.variational`)::

        A = sum_t (z_t z_t' + diag(v_t)) + diag(w)
        c = sum_t z_t (r_t - μ - b_t) + diag(w) (sum_t e_t / sqrt(n) + W'f)

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
    observed = _observed(head, indices, stars, weights)
    if head.prior is not None:
        system = _learned_system(head.prior, observed, features)
    else:
        system = _given_system(head, observed)
    right = system.rest + system.errors @ observed.rated
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
        rated=observed.rated,
        errors=system.errors,
        set_contributions=system.set_contributions,
        rest=system.rest,
        cold_start_weight=_STRANGER_COUNT / (observed.total + _STRANGER_COUNT),
        factor=factor,
    )


class _Observed(NamedTuple):
    """Ratings as the systems read them.

    `residuals` are stars above the mean, `biases` those of the items, `total` is the
    effective number. `rated` are the rows ``z``, each stretched by the root of its
    weight; with errors stretched alike a weighted rating is an ordinary one.
    """

    indices: IndexVector
    weights: ExactVector
    roots: ExactVector | float
    rated: ExactMatrix
    residuals: ExactVector
    biases: ExactVector
    total: float


def _observed(
    head: Head, indices: IndexVector, stars: ExactVector, weights: Values | None
) -> _Observed:
    rated, residuals = with_one(head, indices), stars - head.global_mean
    biases = head.item_biases.take(indices).astype(np.float64)
    if weights is None:
        ones, total = np.ones(len(indices)), float(len(indices))
        return _Observed(indices, ones, 1.0, rated, residuals, biases, total)
    counted = as_weights(weights, n_ratings=len(indices)).astype(np.float64)
    roots = np.sqrt(counted)
    return _Observed(
        indices,
        counted,
        roots,
        rated * roots[:, None],
        residuals,
        biases,
        float(counted.sum()),
    )


class _System(NamedTuple):
    """``A``, and of what ``c`` consists; see `FoldedUser`."""

    matrix: ExactMatrix
    errors: ExactVector
    set_contributions: ExactMatrix | None
    rest: ExactVector


def _given_system(head: Head, observed: _Observed) -> _System:
    """Build the system where weights are given."""
    configuration = head.configuration
    assert isinstance(configuration, RidgeConfig)  # noqa: S101 - as the manifest demands
    alpha, count = configuration.unobserved_weight, observed.total
    weights = np.empty(head.n_factors + 1)
    weights[:-1] = configuration.factor_weights(count, role="user")
    weights[-1] = configuration.bias_weight(role="user")
    matrix = _gram(observed.rated, weights, 1 - alpha)
    rest = np.zeros(len(weights))
    if alpha > 0:
        matrix += alpha * head.unobserved.gram
        rest += alpha * head.unobserved.moment
    shift = configuration.shifts(observed.weights @ observed.residuals, count)
    from_offset = observed.residuals + (head.global_mean - shift - head.offset)
    errors = observed.roots * (from_offset - (1 - alpha) * observed.biases)
    return _System(matrix, errors, None, rest)


def _learned_system(
    prior: UserPrior, observed: _Observed, features: ExactVector
) -> _System:
    """Build the system where weights are learned."""
    indices = observed.indices
    effects = prior.set_effects[indices].astype(np.float64)
    variances = observed.weights @ prior.item_variances[indices].astype(np.float64)
    variances[-1] = 0  # the item's own bias is no part of z
    errors = observed.roots * (observed.residuals - observed.biases)
    shares = observed.weights / np.sqrt(observed.total or 1)
    return _System(
        matrix=_gram(observed.rated, prior.weights + variances),
        errors=errors,
        set_contributions=prior.weights * effects * shares[:, None],
        rest=prior.weights * (features @ prior.feature_effects),
    )


def _gram(rated: ExactMatrix, diagonal: ExactVector, scale: float = 1.0) -> ExactMatrix:
    """Compute ``scale rated'rated + diag(diagonal)``, columns contiguous as for LAPACK.

    For so few rows, BLAS multiplies a whole matrix faster than half a symmetric one.
    """
    gram: ExactMatrix = blas.dgemm(scale, rated.T, rated.T, trans_b=1)
    gram.ravel(order="K")[:: len(gram) + 1] += diagonal
    return gram


def predict(head: Head, user: FoldedUser, item_indices: Indices) -> FloatVector:
    """Scores of some items: ``μ + b_u + b_i + q_i'p_u``.

    People rate what they expect to like, so ratings of an item come from users whose
    factors suit it, and who says nothing else by rating it says that. Where weights are
    learned, ``κ s_i`` on top is what the raters of an item make of it beyond its bias
    (`UserPrior.item_selections`), for as long as little is known of a user [1]_.

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


def uncertainty(head: Head, user: FoldedUser, item_indices: Indices) -> FloatVector:
    """Estimate the standard deviation of a rating around its prediction.

    Noise of a single rating and doubt about the user together::

        sqrt(σ² (1 + z_i' A^-1 z_i)),   z_i = (q_i, 1)

    Where weights are learned, doubt about the item comes on top, inside the root::

        v_bi + sum_f (p_uf² + σ² (A^-1)_ff) v_if

    The doubt about the user falls with every rating; the noise stays.

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
    items = with_one(head, indices)
    halves, _ = lapack.dtrtrs(user.factor, items.T, lower=1)
    doubt = np.square(halves).sum(axis=0)
    variance: ExactVector = head.residual_variance * (1 + doubt)
    if head.prior is not None:
        variances = head.prior.item_variances[indices].astype(np.float64)
        covariance, _ = lapack.dpotri(user.factor, lower=1)
        doubts = head.residual_variance * np.diag(covariance)[:-1]
        variance += variances[:, -1] + variances[:, :-1] @ (user.factors**2 + doubts)
    return np.sqrt(variance).astype(np.float32)


def with_one(head: Head, indices: IndexVector) -> ExactMatrix:
    """Write ``(q_i, 1)`` of each item, shape (n_items, n_factors + 1)."""
    items = np.empty((len(indices), head.n_factors + 1))
    items[:, :-1] = head.item_factors.take(indices, axis=0)
    items[:, -1] = 1
    return items


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
    expected = 0 if head.prior is None else len(head.prior.feature_effects)
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
