"""Place a user in a trained space: taste, uncertainty and reasons."""

from dataclasses import dataclass

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
from engine.errors import DataError, SolveError
from engine.model import Configuration, Head, UserPrior
from engine.ratings import as_weights


@dataclass(frozen=True)
class Taste:
    """One user in the space of a head: the solution of ``A x = c``.

    Attributes
    ----------
    bias : float
        ``b_u``, in stars.
    factors : ndarray of float64, shape (n_factors,)
        ``p_u``.
    item_indices : ndarray of int32, shape (n_rated,)
        The items rated.
    pulls : ndarray of float64, shape (n_rated, n_factors + 1)
        What each of them adds to the right side: ``c = rest + pulls.sum(0)``.
    rest : ndarray of float64, shape (n_factors + 1,)
        What is there without any rating.
    cholesky : ndarray of float64, shape (n_factors + 1, n_factors + 1)
        Lower triangle ``L`` of ``A = LL'``; zero above it.
    """

    bias: float
    factors: ExactVector
    item_indices: IndexVector
    pulls: ExactMatrix
    rest: ExactVector
    cholesky: ExactMatrix

    @property
    def n_rated(self) -> int:
        """Number of ratings the taste rests on."""
        return len(self.item_indices)


@dataclass(frozen=True)
class Reasons:
    """One score taken apart: ``baseline + shares.sum()`` is the score.

    Attributes
    ----------
    baseline : float
        What the score would be on the strength of the item alone, in stars.
    shares : ndarray of float32, shape (n_rated,)
        What each past rating adds, in the order of `Taste.item_indices`.
    """

    baseline: float
    shares: FloatVector


def fold_in(
    head: Head,
    item_indices: Indices,
    values: Values,
    *,
    weights: Values | None = None,
    user_features: Values | None = None,
) -> Taste:
    """Estimate one user from their ratings, the items held fixed.

    One user half-step of the head's objective, in double precision. With
    ``z = (q, 1)`` and ``n`` ratings, where weights are given and ``a`` is the
    unobserved weight::

        A = (1 - a) c_u sum_t z_t z_t' + a G + diag(λ (n + n0)^v, β)
        c = c_u sum_t z_t (r_t - h d_u - μ - (1 - a) b_t) + a m
        A (p_u, b_u) = c

    and where they are learned, with ``e_t`` the effect of having rated an item, ``f``
    the features and ``v_t`` the doubt about an item (`engine.variational`)::

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
    Taste

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
        system, pulls, rest = _learned_system(head.prior, observed, features)
    else:
        system, pulls, rest = _given_system(head, observed)
    factor, failed = lapack.dpotrf(system, lower=1, clean=1)
    if failed:
        raise SolveError("the user's system is singular; raise the weights")
    solution, _ = lapack.dpotrs(factor, rest + pulls.sum(axis=0), lower=1)
    return Taste(
        bias=float(solution[-1]),
        factors=solution[:-1],
        item_indices=indices,
        pulls=pulls,
        rest=rest,
        cholesky=factor,
    )


@dataclass(frozen=True)
class _Observed:
    """Ratings as the systems read them, each row stretched by the root of its weight.

    A weighted rating is then an ordinary one: ``rated`` are the rows ``z``, `residuals`
    are stars above the mean, `biases` those of the items. `total` is the effective
    number.
    """

    indices: IndexVector
    weights: ExactVector
    rated: ExactMatrix
    residuals: ExactVector
    biases: ExactVector
    total: float


def _observed(
    head: Head, indices: IndexVector, stars: ExactVector, weights: Values | None
) -> _Observed:
    rated, residuals = with_one(head, indices), stars - head.global_mean
    biases = head.item_biases[indices].astype(np.float64)
    if weights is None:
        n_rated = len(indices)
        return _Observed(
            indices, np.ones(n_rated), rated, residuals, biases, float(n_rated)
        )
    counted = as_weights(weights, n_ratings=len(indices)).astype(np.float64)
    roots = np.sqrt(counted)
    return _Observed(
        indices,
        counted,
        rated * roots[:, None],
        residuals * roots,
        biases * roots,
        float(counted.sum()),
    )


def _given_system(
    head: Head, observed: _Observed
) -> tuple[ExactMatrix, ExactMatrix, ExactVector]:
    """Build ``A`` and both parts of ``c`` where weights are given."""
    configuration = head.configuration
    assert isinstance(configuration, Configuration)  # noqa: S101 - as the manifest demands
    alpha, rated = configuration.unobserved_weight, observed.rated
    roots, count = np.sqrt(observed.weights), np.array([observed.total])
    share = float(configuration.activity_weights(count)[0])
    system = (1 - alpha) * share * (rated.T @ rated)
    system.flat[:: len(system) + 1] += [
        *np.repeat(configuration.factor_weights(count, role="user"), head.n_factors),
        np.float32(configuration.bias_weight(role="user")),
    ]
    rest = np.zeros(len(system))
    if alpha > 0:
        system += alpha * head.unobserved.gram
        rest += alpha * head.unobserved.moment
    shift = float(configuration.shifts(roots @ observed.residuals, count)[0])
    from_offset = head.global_mean - shift - head.offset
    errors = observed.residuals + roots * from_offset - (1 - alpha) * observed.biases
    return system, share * rated * errors[:, None], rest


def _learned_system(
    prior: UserPrior, observed: _Observed, features: ExactVector
) -> tuple[ExactMatrix, ExactMatrix, ExactVector]:
    """Build ``A`` and both parts of ``c`` where weights are learned."""
    indices, rated = observed.indices, observed.rated
    effects = prior.set_effects[indices].astype(np.float64)
    spreads = observed.weights @ prior.item_spreads[indices].astype(np.float64)
    spreads[-1] = 0  # the item's own bias is no part of z
    errors = observed.residuals - observed.biases
    system = rated.T @ rated + np.diag(prior.weights + spreads)
    pulls = rated * errors[:, None]
    shares = observed.weights / np.sqrt(observed.total or 1)
    pulls += prior.weights * effects * shares[:, None]
    return system, pulls, prior.weights * (features @ prior.feature_effects)


def predict(head: Head, taste: Taste, item_indices: Indices) -> FloatVector:
    """Scores of some items: ``μ + b_u + b_i + q_i'p_u``.

    Parameters
    ----------
    head : Head
    taste : Taste
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
    """
    indices = _validated_indices(head, item_indices)
    products = head.item_factors[indices] @ taste.factors
    scores = head.offset + taste.bias + head.item_biases[indices] + products
    return scores.astype(np.float32)


def uncertainty(head: Head, taste: Taste, item_indices: Indices) -> FloatVector:
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
    taste : Taste
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
    indices = _validated_indices(head, item_indices)
    items = with_one(head, indices)
    halves, _ = lapack.dtrtrs(taste.cholesky, items.T, lower=1)
    doubt = np.square(halves).sum(axis=0)
    variance: ExactVector = head.residual_variance * (1 + doubt)
    if head.prior is not None:
        spreads = head.prior.item_spreads[indices].astype(np.float64)
        covariance, _ = lapack.dpotri(taste.cholesky, lower=1)
        doubts = head.residual_variance * np.diag(covariance)[:-1]
        variance += spreads[:, -1] + spreads[:, :-1] @ (taste.factors**2 + doubts)
    return np.sqrt(variance).astype(np.float32)


def reasons(head: Head, taste: Taste, item_index: int) -> Reasons:
    """Split a score exactly into the item's own part and one share a past rating.

    The solution is linear in the ratings, so the score is a sum over them::

        score = (μ + b_i + z_i'A^-1 rest) + sum_t z_i'A^-1 pull_t

    Parameters
    ----------
    head : Head
    taste : Taste
        Of the same head.
    item_index : int

    Returns
    -------
    Reasons

    Raises
    ------
    DataError
        The index is out of range.
    """
    index = _validated_indices(head, np.array([item_index]))
    direction = _directions(head, taste, index)[:, 0]
    baseline = head.offset + float(head.item_biases[index[0]])
    shares = taste.pulls @ direction
    return Reasons(baseline + float(taste.rest @ direction), shares.astype(np.float32))


def reason_shares(head: Head, taste: Taste, item_indices: Indices) -> ExactMatrix:
    """Find what each past rating adds to each of some scores, all at once.

    Column ``i`` holds `Reasons.shares` of item ``i``, before they are rounded::

        z_i'A^-1 pull_t

    Parameters
    ----------
    head : Head
    taste : Taste
        Of the same head.
    item_indices : array of integers, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n_rated, n)
        In stars for a rating head.

    Raises
    ------
    DataError
        An index is out of range.
    """
    indices = _validated_indices(head, item_indices)
    return taste.pulls @ _directions(head, taste, indices)


def _directions(head: Head, taste: Taste, indices: IndexVector) -> ExactMatrix:
    """Solve ``A x = z_i`` for each item, shape (n_factors + 1, n)."""
    items = with_one(head, indices)
    directions: ExactMatrix = lapack.dpotrs(taste.cholesky, items.T, lower=1)[0]
    return directions


def with_one(head: Head, indices: IndexVector) -> ExactMatrix:
    """Write ``(q_i, 1)`` of each item, shape (n_items, n_factors + 1)."""
    items = np.ones((len(indices), head.n_factors + 1))
    items[:, :-1] = head.item_factors[indices]
    return items


def _validated(
    head: Head, item_indices: Indices, values: Values
) -> tuple[IndexVector, ExactVector]:
    indices = _validated_indices(head, item_indices)
    stars = np.asarray(values, dtype=np.float64)
    if stars.shape != indices.shape or not np.isfinite(stars).all():
        raise DataError(f"expected {len(indices)} finite ratings, one per item")
    ordered = np.sort(indices)
    if (ordered[1:] == ordered[:-1]).any():
        raise DataError("an item is rated twice; keep one rating of each")
    return indices, stars


def _validated_features(head: Head, features: Values | None) -> ExactVector:
    expected = 0 if head.prior is None else len(head.prior.feature_effects)
    if features is None:
        return np.zeros(expected)
    array = np.asarray(features, dtype=np.float64)
    if array.shape != (expected,) or not np.isfinite(array).all():
        raise DataError(f"expected {expected} finite user features")
    return array


def _validated_indices(head: Head, item_indices: Indices) -> IndexVector:
    array = np.asarray(item_indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError("item indices must be a vector of integers")
    if array.size and (array.min() < 0 or array.max() >= head.n_items):
        raise DataError(f"item index outside 0..{head.n_items - 1}")
    return array.astype(np.int32)
