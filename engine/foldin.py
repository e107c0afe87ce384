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
from engine.model import Head, Model


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
    rated : ndarray of float64, shape (n_rated, n_factors + 1)
        ``z = (q, 1)`` of each of them.
    residuals : ndarray of float64, shape (n_rated,)
        What each rating adds to the right side: ``c = sum_t z_t residual_t + prior``.
    cholesky : ndarray of float64, shape (n_factors + 1, n_factors + 1)
        Lower triangle ``L`` of ``A = LL'``; zero above it.
    """

    bias: float
    factors: ExactVector
    item_indices: IndexVector
    rated: ExactMatrix
    residuals: ExactVector
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


def fold_in(head: Head, item_indices: Indices, values: Values) -> Taste:
    """Estimate one user from their ratings, the items held fixed.

    One user half-step of the head's objective, in double precision. With
    ``z = (q, 1)``, ``n`` ratings and ``a`` the unobserved weight::

        A = (1 - a) sum_t z_t z_t' + a G + diag(λ (n + n0)^v, β)
        c = sum_t z_t (r_t - μ - (1 - a) b_t) + a h
        A (p_u, b_u) = c

    Parameters
    ----------
    head : Head
    item_indices : array of integers, shape (n_rated,)
        Rows of the head, each once; may be empty.
    values : array of numbers, shape (n_rated,)
        The ratings, in stars.

    Returns
    -------
    Taste

    Raises
    ------
    DataError
        Lengths differ, an index is out of range or repeated, or a rating not finite.
    SolveError
        The system is not positive definite.

    References
    ----------
    .. [1] Steck (2010). doi:10.1145/1835804.1835895
    """
    indices, stars = _validated(head, item_indices, values)
    alpha, k = head.configuration.unobserved_weight, head.n_factors
    rated = np.ones((len(indices), k + 1))
    rated[:, :k] = head.item_factors[indices]
    residuals = stars - head.global_mean - (1 - alpha) * head.item_biases[indices]
    system = (1 - alpha) * (rated.T @ rated)
    right = residuals @ rated
    if alpha > 0:
        system += alpha * head.unobserved.gram
        right += alpha * head.unobserved.moment
    system.flat[:: k + 2] += _weights(head, len(indices))
    factor, failed = lapack.dpotrf(system, lower=1, clean=1)
    if failed:
        raise SolveError("the user's system is singular; raise the weights")
    solution, _ = lapack.dpotrs(factor, right, lower=1)
    return Taste(
        bias=float(solution[k]),
        factors=solution[:k],
        item_indices=indices,
        rated=rated,
        residuals=residuals,
        cholesky=factor,
    )


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
    scores = head.global_mean + taste.bias + head.item_biases[indices] + products
    return scores.astype(np.float32)


def uncertainty(head: Head, taste: Taste, item_indices: Indices) -> FloatVector:
    """Estimate the standard deviation of a rating around its prediction.

    Noise of a single rating and doubt about the user together::

        sqrt(σ² (1 + z_i' A^-1 z_i)),   z_i = (q_i, 1)

    The second part falls with every rating; the first stays. Doubt about the items is
    not included.

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
    items = _with_one(head, indices)
    halves, _ = lapack.dtrtrs(taste.cholesky, items.T, lower=1)
    doubt = np.square(halves).sum(axis=0)
    variance: ExactVector = head.residual_variance * (1 + doubt)
    return np.sqrt(variance).astype(np.float32)


def reasons(head: Head, taste: Taste, item_index: int) -> Reasons:
    """Split a score exactly into the item's own part and one share a past rating.

    The solution is linear in the ratings, so the score is a sum over them::

        score = (μ + b_i + a z_i'A^-1 h) + sum_t z_i'A^-1 z_t · residual_t

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
    item = _with_one(head, index)[0]
    direction, _ = lapack.dpotrs(taste.cholesky, item, lower=1)
    prior = head.configuration.unobserved_weight * head.unobserved.moment
    baseline = head.global_mean + float(head.item_biases[index[0]])
    shares = (taste.rated @ direction) * taste.residuals
    return Reasons(baseline + float(prior @ direction), shares.astype(np.float32))


def questions(model: Model, taste: Taste, k: int) -> IndexVector:
    """Choose the items whose ratings would tell most about a user's taste.

    A rating of item ``i`` takes a share out of the doubt about every other item ``j``,
    whatever its value, so several questions can be planned ahead, each one after those
    before it. Doubt is weighed by how often items are rated (``n_j``), and an answer is
    as likely as the item is known::

        gain_i = n_i / n_users · Σ_j n_j (z_j' A^-1 z_i)² / (1 + z_i' A^-1 z_i)

    Parameters
    ----------
    model : Model
    taste : Taste
        Of its rating head.
    k : int
        How many questions.

    Returns
    -------
    ndarray of int32, shape (at most k,)
        Rows of the model in the order to ask; items already rated are left out.

    Raises
    ------
    DataError
        `k` is negative.

    References
    ----------
    .. [1] Rubens, Elahi, Sugiyama, Kaplan (2015), "Active learning in recommender
       systems". doi:10.1007/978-1-4899-7637-6_24
    """
    if k < 0:
        raise DataError(f"k is {k}; it must be at least 0")
    items = _with_one(model.rating, np.arange(model.n_items, dtype=np.int32))
    counts = model.item_counts.astype(np.float64)
    wanted = (items * counts[:, None]).T @ items
    covariance, _ = lapack.dpotri(taste.cholesky, lower=1)
    covariance += np.tril(covariance, -1).T
    asked = np.zeros(model.n_items, dtype=np.bool_)
    asked[taste.item_indices] = True
    chosen: list[int] = []
    for _ in range(min(k, int((~asked).sum()))):
        towards = items @ covariance
        doubt = np.einsum("if,if->i", towards, items)
        fall = np.einsum("if,if->i", towards @ wanted, towards) / (1 + doubt)
        best = int(np.argmax(np.where(asked, -1, counts * fall)))
        chosen.append(best)
        asked[best] = True
        covariance -= np.outer(towards[best], towards[best]) / (1 + doubt[best])
    return np.array(chosen, dtype=np.int32)


def _weights(head: Head, n_rated: int) -> ExactVector:
    """Diagonal of the regularization of a user with `n_rated` ratings."""
    configuration = head.configuration
    count = np.array([n_rated], dtype=np.int32)
    weights = np.empty(head.n_factors + 1)
    weights[:-1] = configuration.factor_weights(count, role="user")[0]
    weights[-1] = np.float32(configuration.bias_weight(role="user"))
    return weights


def _with_one(head: Head, indices: IndexVector) -> ExactMatrix:
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


def _validated_indices(head: Head, item_indices: Indices) -> IndexVector:
    array = np.asarray(item_indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError("item indices must be a vector of integers")
    if array.size and (array.min() < 0 or array.max() >= head.n_items):
        raise DataError(f"item index outside 0..{head.n_items - 1}")
    return array.astype(np.int32)
