"""Choose items to ask a user about, and measure how much is known already.

The uncertainty about a user is their share in the variance of predictions, summed over
all items and weighted by the number of ratings of each::

    D(A) = Σ_j n_j z_j' A^-1 z_j = tr(A^-1 M),   M = Σ_j n_j z_j z_j',   z_j = (q_j, 1)

where ``A`` is the matrix of the user's system, as in `FoldedUser`.
"""

import numpy as np
from scipy.linalg import lapack

from engine.arrays import ExactMatrix, ExactVector, IndexVector
from engine.errors import DataError
from engine.model.heads import Model
from engine.model.users import FoldedUser
from engine.serving.fold_in import fold_in


def questions(model: Model, user: FoldedUser, k: int) -> IndexVector:
    """Choose the items whose ratings would say most about a user.

    A rating of item ``i`` reduces the variance of every other item ``j``, whatever its
    value, so several questions can be planned ahead, each given those before it. An
    answer is as likely as the item is popular::

        gain_i = n_i / n_users · Σ_j n_j (z_j' A^-1 z_i)² / (1 + z_i' A^-1 z_i)

    Parameters
    ----------
    model : Model
    user : FoldedUser
        The user in the model's rating head.
    k : int
        Number of questions.

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
    items, weights = _items(model), _weights(model)
    covariance = _covariance(user)
    variance = _squares(items, covariance)
    reduction = _squares(items, covariance @ weights @ covariance)
    asked = np.zeros(model.n_items, dtype=np.bool_)
    asked[user.item_indices] = True
    chosen: list[int] = []
    for _ in range(min(k, int((~asked).sum()))):
        gain = model.item_counts * reduction / (1 + variance)
        best = int(np.argmax(np.where(asked, -1, gain)))
        chosen.append(best)
        asked[best] = True
        # An answer changes A^-1 by a matrix of rank one, and all of these with it.
        share = 1 / (1 + variance[best])
        towards = covariance @ items[best]
        weighted = weights @ towards
        along = items @ towards
        reduction += share * along * (share * (towards @ weighted) * along)
        reduction -= 2 * share * along * (items @ (covariance @ weighted))
        variance -= share * along**2
        covariance -= share * np.outer(towards, towards)
    return np.array(chosen, dtype=np.int32)


def knowledge(model: Model, user: FoldedUser) -> float:
    """Measure the share of uncertainty about a user that their ratings removed.

    ``1 - D(A) / D(A_0)``, with ``A_0`` the matrix before any rating.

    Parameters
    ----------
    model : Model
    user : FoldedUser
        The user in the model's rating head.

    Returns
    -------
    float
        From 0, nothing is known, towards 1.
    """
    nothing = np.zeros(0, dtype=np.int32)
    newcomer = fold_in(model.rating, nothing, nothing)
    weights = _weights(model)
    now, before = (np.vdot(_covariance(of), weights) for of in (user, newcomer))
    return float(1 - now / before)


def _squares(items: ExactMatrix, matrix: ExactMatrix) -> ExactVector:
    """``z_i' matrix z_i`` of each item."""
    squares: ExactVector = np.einsum("if,if->i", items @ matrix, items)
    return squares


def _items(model: Model) -> ExactMatrix:
    return model.rating.rows_of(np.arange(model.n_items, dtype=np.int32))


def _weights(model: Model) -> ExactMatrix:
    """``M``."""
    items = _items(model)
    weighted: ExactMatrix = (items * model.item_counts[:, None]).T @ items
    return weighted


def _covariance(user: FoldedUser) -> ExactMatrix:
    """``A^-1``."""
    covariance: ExactMatrix
    covariance, _ = lapack.dpotri(user.cholesky, lower=1)
    covariance += np.tril(covariance, -1).T
    return covariance
