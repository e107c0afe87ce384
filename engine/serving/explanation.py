"""Explain a score: the share of every past rating in it."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from engine.arrays import ExactMatrix, FloatVector, IndexVector, Indices
from engine.model.heads import Head
from engine.model.users import FoldedUser
from engine.serving.fold_in import validated_indices


@dataclass(frozen=True)
class Reasons:
    """The parts of a score: ``baseline + shares.sum()`` is the score.

    Attributes
    ----------
    baseline : float
        The score without any past rating, in stars.
    shares : ndarray of float32, shape (n_rated,)
        What each past rating adds, in the order of `FoldedUser.item_indices`.
    """

    baseline: float
    shares: FloatVector


def reasons(head: Head, user: FoldedUser, item_index: int) -> Reasons:
    """Split a score exactly into the item's own part and a share per past rating.

    The solution is linear in the ratings, so the score is a sum over them::

        score = (μ + b_i + κ s_i + z_i'A^-1 rest) + sum_t z_i'A^-1 c_t

    Parameters
    ----------
    head : Head
    user : FoldedUser
        A user of this head.
    item_index : int

    Raises
    ------
    DataError
        The index is out of range.
    """
    index = validated_indices(head, np.array([item_index]))
    direction = _directions(head, user, index)[:, 0]
    baseline = head.offset + float(head.biases_for(user, index)[0])
    shares = user.rating_contributions @ direction
    return Reasons(baseline + float(user.rest @ direction), shares.astype(np.float32))


def reason_shares(head: Head, user: FoldedUser, item_indices: Indices) -> ExactMatrix:
    """Compute the share of each past rating in the scores of several items.

    Column ``i`` holds `Reasons.shares` of item ``i``, before rounding::

        z_i'A^-1 c_t

    Parameters
    ----------
    head : Head
    user : FoldedUser
        A user of this head.
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
    indices = validated_indices(head, item_indices)
    return user.rating_contributions @ _directions(head, user, indices)


def _directions(head: Head, user: FoldedUser, indices: IndexVector) -> ExactMatrix:
    """Solve ``A x = z_i`` for each item, shape (n_factors + 1, n)."""
    items = head.rows_of(indices)
    directions: ExactMatrix = lapack.dpotrs(user.factor, items.T, lower=1)[0]
    return directions
