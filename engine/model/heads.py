"""A trained model: the item side of both heads. No training code in here."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, lapack

from engine.arrays import (
    CountVector,
    ExactMatrix,
    ExactVector,
    FactorMatrix,
    FloatVector,
    IdVector,
    IndexVector,
)
from engine.data.ids import Ids, indices_of
from engine.errors import DataError
from engine.model.configuration import (
    HeadConfig,
    RidgeConfig,
)
from engine.model.levels import Levels
from engine.model.users import FoldedUser, UserRatings, UserSystem

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Shapes: TypeAlias = dict[str, tuple[type[np.generic], tuple[int, ...]]]


@dataclass(frozen=True)
class Unobserved:
    """Sums over all rows ``z = (q, 1)`` of one side, for pairs without a rating.

    Attributes
    ----------
    gram : ndarray of float64, shape (n_factors + 1, n_factors + 1)
        ``sum z z'``.
    moment : ndarray of float64, shape (n_factors + 1,)
        ``-sum z b``: what those pairs lack to their target.
    """

    gram: ExactMatrix
    moment: ExactVector


@dataclass(frozen=True)
class Head(ABC):
    """One trained item side: everything that folding in a user needs.

    Each family of models has its own kind of head, which builds a user's system.

    Attributes
    ----------
    configuration : HeadConfig
    global_mean : float
        The mean rating, in stars.
    item_biases : ndarray of float32, shape (n_items,)
    item_factors : ndarray of float32, shape (n_items, n_factors)
    residual_variance : float
        ``σ²``: variance of a rating around its prediction, in squared stars.
    unobserved : Unobserved
        Sums over all items.
    """

    CONFIG: ClassVar[type[HeadConfig]]

    configuration: HeadConfig
    global_mean: float
    item_biases: FloatVector
    item_factors: FactorMatrix
    residual_variance: float
    unobserved: Unobserved

    @property
    def offset(self) -> float:
        """``μ``, in stars."""
        return self.global_mean

    @property
    def predicts_stars(self) -> bool:
        """Whether scores are stars, or mean something only by their order."""
        return True

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_biases)

    @property
    def n_factors(self) -> int:
        """Number of factors."""
        return int(self.item_factors.shape[1])

    @property
    def n_user_features(self) -> int:
        """Number of features that folding in a user takes."""
        return 0

    @property
    def levels(self) -> Levels:
        """The levels of the scale, where the family knows how people use them."""
        return Levels(*np.zeros((3, 0)))

    def cold_start_weight(self, count: float) -> float:  # noqa: ARG002  of one family
        """Weight of selection offsets for a user with `count` ratings."""
        return 0.0

    @abstractmethod
    def system_of(self, ratings: UserRatings, features: ExactVector) -> UserSystem:
        """Build one user's system; `features` has `n_user_features` numbers."""

    def rows_of(self, indices: IndexVector) -> ExactMatrix:
        """Write ``z_i = (q_i, 1)`` of some items, shape (n, n_factors + 1)."""
        rows = np.empty((len(indices), self.n_factors + 1))
        rows[:, :-1] = self.item_factors.take(indices, axis=0)
        rows[:, -1] = 1
        return rows

    def biases_for(
        self,
        user: FoldedUser,  # noqa: ARG002  the same for all, unless a family differs
        indices: IndexVector | slice = slice(None),
    ) -> FloatVector:
        """Bias of some items in this user's scores, all items by default.

        Returns
        -------
        ndarray of float32, shape (n,)
            In stars for a rating head.
        """
        return self.item_biases[indices]

    def variance(self, user: FoldedUser, indices: IndexVector) -> ExactVector:
        """Variance of new ratings around their predictions, noise included.

        ``σ² (1 + z_i' A^-1 z_i)``: the noise of a rating, and the uncertainty about
        the user.
        """
        halves, _ = lapack.dtrtrs(user.factor, self.rows_of(indices).T, lower=1)
        variance: ExactVector = np.square(halves).sum(axis=0)
        return self.residual_variance * (1 + variance)

    def level_chances(
        self,
        user: FoldedUser,  # noqa: ARG002  of one family
        indices: IndexVector,
        scores: FloatVector,  # noqa: ARG002
    ) -> ExactMatrix:
        """How likely the user gives each level to some items, shape (n, n_levels)."""
        return np.zeros((len(indices), 0))

    def expected_ratings(
        self,
        user: FoldedUser,  # noqa: ARG002  of one family
        scores: FloatVector,
    ) -> FloatVector:
        """Turn scores of some items into ratings to expect, in stars."""
        return scores

    def scores(self, user: FoldedUser) -> FloatVector:
        """Score every item for one user: ``μ + b_u + b_i + q_i'p_u``.

        Returns
        -------
        ndarray of float32, shape (n_items,)
            In stars for a rating head, not clipped to the scale; for a ranking head
            only the order means something.
        """
        scores = self.item_factors @ user.factors.astype(np.float32)
        scores += self.biases_for(user)
        scores += np.float32(self.offset + user.bias)
        return scores

    def arrays(self) -> Arrays:
        """Name the arrays that make the head, as files on disk name them."""
        return {
            "item_biases": self.item_biases,
            "item_factors": self.item_factors,
            "gram": self.unobserved.gram,
            "moment": self.unobserved.moment,
        }

    @classmethod
    def shapes(
        cls,
        n_items: int,
        n_factors: int,
        n_user_features: int,  # noqa: ARG003  of one family
        n_levels: int,  # noqa: ARG003
    ) -> Shapes:
        """Dtype and shape of each of `arrays`."""
        size = n_factors + 1
        return {
            "item_biases": (np.float32, (n_items,)),
            "item_factors": (np.float32, (n_items, n_factors)),
            "gram": (np.float64, (size, size)),
            "moment": (np.float64, (size,)),
        }

    @classmethod
    def from_arrays(
        cls, configuration: HeadConfig, mean: float, variance: float, arrays: Arrays
    ) -> Self:
        """Put a head together again.

        Raises
        ------
        DataError
            A number is negative that must not be.
        """
        if variance < 0:
            raise DataError("a variance is negative")
        return cls(
            configuration=configuration,
            global_mean=mean,
            item_biases=arrays["item_biases"],
            item_factors=arrays["item_factors"],
            residual_variance=variance,
            unobserved=Unobserved(arrays["gram"], arrays["moment"]),
            **cls._own_parts(arrays),
        )

    @classmethod
    def _own_parts(cls, arrays: Arrays) -> dict[str, Any]:  # noqa: ARG003  of one family
        """Build the fields that only this family has."""
        return {}


@dataclass(frozen=True)
class RidgeHead(Head):
    """A head whose regularization is given; also the form that ranking heads have."""

    CONFIG = RidgeConfig

    configuration: RidgeConfig

    @property
    def offset(self) -> float:
        """``μ``, in stars: the mean rating, or the unobserved target."""
        return self.configuration.offset(self.global_mean)

    @property
    def predicts_stars(self) -> bool:
        """Whether scores are stars, or mean something only by their order."""
        return self.configuration.predicts_stars

    def system_of(self, ratings: UserRatings, features: ExactVector) -> UserSystem:  # noqa: ARG002  it has none
        """Build one user's system, with ``a`` the unobserved weight.

        ::

            A = (1 - a) sum_t z_t z_t' + a G + diag(λ (n + n0)^v, β)
            c = sum_t z_t (r_t - h d_u - μ - (1 - a) b_t) + a m
        """
        configuration = self.configuration
        alpha, count = configuration.unobserved_weight, ratings.total
        weights = np.empty(self.n_factors + 1)
        weights[:-1] = configuration.factor_weights(count, role="user")
        weights[-1] = configuration.bias_weight(role="user")
        matrix = gram(ratings.rated, weights, 1 - alpha)
        rest = np.zeros(len(weights))
        if alpha > 0:
            matrix += alpha * self.unobserved.gram
            rest += alpha * self.unobserved.moment
        shift = configuration.shifts(ratings.weights @ ratings.residuals, count)
        from_offset = ratings.residuals + (self.global_mean - shift - self.offset)
        errors = ratings.roots * (from_offset - (1 - alpha) * ratings.biases)
        return UserSystem(matrix, errors, None, rest)


def gram(rated: ExactMatrix, diagonal: ExactVector, scale: float = 1.0) -> ExactMatrix:
    """Compute ``scale rated'rated + diag(diagonal)``, columns contiguous as for LAPACK.

    For so few rows, BLAS multiplies a whole matrix faster than half a symmetric one.
    """
    gram: ExactMatrix = blas.dgemm(scale, rated.T, rated.T, trans_b=1)
    gram.ravel(order="K")[:: len(gram) + 1] += diagonal
    return gram


@dataclass(frozen=True)
class Model:
    """A trained model: the item sides of two heads over one catalogue.

    Attributes
    ----------
    item_ids : ndarray of int64, shape (n_items,)
        Sorted.
    item_counts : ndarray of int32, shape (n_items,)
        Training ratings of each item.
    rating, ranking : Head
        One predicts stars, the other orders lists.
    n_users, n_ratings : int
        Size of the training data.
    rating_range : tuple of float
        Lowest and highest training rating, in stars.
    """

    item_ids: IdVector
    item_counts: CountVector
    rating: Head
    ranking: Head
    n_users: int
    n_ratings: int
    rating_range: tuple[float, float]

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_ids)

    def item_indices_of(self, ids: Ids) -> IndexVector:
        """Row index of each item id, -1 for an unknown one."""
        return indices_of(self.item_ids, ids)
