"""A user in a head: their ratings, the linear system of them, and its solution."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.arrays import ExactMatrix, ExactVector, IndexVector


class UserRatings(NamedTuple):
    """One user's ratings, prepared for a head's system.

    A weighted rating becomes an ordinary one when its row and its error are both
    multiplied by the root of the weight.

    Attributes
    ----------
    indices : ndarray of int32, shape (n_rated,)
        The items rated.
    weights, roots : ndarray of float64, shape (n_rated,)
        How many ratings each one counts for, and the square root of that.
    rated : ndarray of float64, shape (n_rated, n_factors + 1)
        ``z_t = (q_t, 1)`` of each, times the root.
    residuals : ndarray of float64, shape (n_rated,)
        Stars above the mean.
    biases : ndarray of float64, shape (n_rated,)
        Those of the items.
    total : float
        The effective number of ratings.
    """

    indices: IndexVector
    weights: ExactVector
    roots: ExactVector | float
    rated: ExactMatrix
    residuals: ExactVector
    biases: ExactVector
    total: float


class UserSystem(NamedTuple):
    """``A`` and the parts of ``c`` in the user's system ``A x = c``.

    The parts of ``c`` are those of `FoldedUser`.
    """

    matrix: ExactMatrix
    errors: ExactVector
    set_contributions: ExactMatrix | None
    rest: ExactVector


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
        The part of each rating that is left for the user to explain, times that root.
    set_contributions : ndarray of float64, shape (n_rated, n_factors + 1), or None
        What having rated each item adds to ``c``, whatever the stars; None for a head
        without such effects.
    rest : ndarray of float64, shape (n_factors + 1,)
        The right side of a user without any rating.
    cold_start_weight : float
        ``κ``: how much of the selection offsets counts; near 0 with many ratings.
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
    def total(self) -> float:
        """Effective number of ratings: the sum of their weights."""
        return float(self.rated[:, -1] @ self.rated[:, -1])

    @property
    def n_rated(self) -> int:
        """Number of ratings."""
        return len(self.item_indices)

    @property
    def rating_contributions(self) -> ExactMatrix:
        """The term that each rating adds to ``c``, which is their sum plus `rest`."""
        of_stars = self.rated * self.errors[:, None]
        if self.set_contributions is None:
            return of_stars
        return of_stars + self.set_contributions
