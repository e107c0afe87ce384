"""What a trained model is: the item side of both heads. No training code in here."""

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np

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

if TYPE_CHECKING:
    from engine.serving.fold_in import FoldedUser

Role: TypeAlias = Literal["user", "item"]
Solver: TypeAlias = Literal["cholesky", "conjugate_gradient"]
Counts: TypeAlias = CountVector | ExactVector | float
"""Numbers of ratings, of one row or of several; weighted ones need not be whole."""

_MOST_FACTORS = 1024


@dataclass(frozen=True, kw_only=True)
class RidgeConfig:
    """Hyper-parameters of one head.

    The objective, for users ``u``, items ``i`` and ``n`` the number of ratings of the
    row in question::

        sum_observed (r - h d_u - s)^2  +  a sum_unobserved (g - s)^2
        + sum_u λ_u (n + n0)^v |p_u|^2  +  β_u b_u^2
        + sum_i λ_i (n + n0)^v |q_i|^2  +  β_i b_i^2,      s = μ + b_u + b_i + p_u'q_i

    ``d_u = sum (r - mean) / (n_u + n0)`` is how generous a user is.

    Where ratings have weights ``c``, one of weight 2 counts as two, in ``n`` and in
    ``d_u`` as well, and a rating adds ``c ((r - h d_u - s)^2 - a (g - s)^2)`` to
    ``a (g - s)^2`` over all pairs. Weight 1 is the objective above, and a weight
    towards 0 makes the pair unobserved.

    Attributes
    ----------
    n_factors : int
        ``k``, 0 to 1024; 0 leaves the biases alone.
    n_sweeps : int
        Passes over items and users, at least 1.
    user_weight, item_weight : float
        ``λ_u, λ_i > 0``.
    user_bias_weight, item_bias_weight : float
        ``β_u, β_i > 0``: each acts like that many ratings at the mean.
    exponent : float
        ``v``, 0 to 2: 0 is plain ridge, 1 the weighting of ALS-WR.
    prior_count : float
        ``n0 >= 0``: ratings that regularization assumes of everybody. Without it a
        user with one rating would hardly be regularized at all.
    unobserved_weight : float
        ``a``, 0 (the rating head) to below 1.
    unobserved_target : float
        ``g``, in stars: what a pair without a rating is taken to be worth. Where
        ``a > 0`` it is ``μ`` too, since nearly all pairs are fitted to it; else ``μ``
        is the mean rating.
    centring : float
        ``h``, 0 to 1: how much of a user's generosity is taken off their ratings. Where
        ``a = 0`` nothing is, since scores are stars.
    solver : {"cholesky", "conjugate_gradient"}
        Of all half-steps but the last, which is exact. Gradient steps win with many
        factors and many ratings.
    n_gradient_steps : int
        Conjugate-gradient steps in a half-step, at least 1.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    n_factors: int
    n_sweeps: int
    user_weight: float
    item_weight: float
    user_bias_weight: float
    item_bias_weight: float
    exponent: float = 0.5
    prior_count: float = 0.0
    unobserved_weight: float = 0.0
    unobserved_target: float = 0.0
    centring: float = 0.0
    solver: Solver = "cholesky"
    n_gradient_steps: int = 3

    def __post_init__(self) -> None:
        """Refuse values that no training can work with."""
        for field in fields(self):
            if field.name.startswith("n_"):
                is_number = type(getattr(self, field.name)) is int
                self._require(field.name, is_number, "a whole number")
            elif field.name != "solver":
                self._require_finite(field.name)
        for name, low, high in (
            ("n_factors", 0, _MOST_FACTORS),
            ("n_sweeps", 1, 10_000),
            ("n_gradient_steps", 1, 1_000),
            ("exponent", 0, 2),
            ("prior_count", 0, math.inf),
            ("centring", 0, 1),
        ):
            self._require(name, low <= getattr(self, name) <= high, f"{low} to {high}")
        for name in (
            "user_weight", "item_weight", "user_bias_weight", "item_bias_weight",
        ):  # fmt: skip
            self._require(name, getattr(self, name) > 0, "above 0")
        weight = self.unobserved_weight
        self._require("unobserved_weight", 0 <= weight < 1, "at least 0 and below 1")
        solvers = "cholesky", "conjugate_gradient"
        self._require("solver", self.solver in solvers, " or ".join(solvers))

    def _require_finite(self, name: str) -> None:
        value = getattr(self, name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        self._require(name, is_number and math.isfinite(value), "a finite number")

    def _require(self, name: str, holds: bool, allowed: str) -> None:  # noqa: FBT001
        if not holds:
            raise DataError(f"{name} is {getattr(self, name)!r}; it must be {allowed}")

    def offset(self, mean: float) -> float:
        """``μ``: the mean rating, or the target of the pairs without one."""
        return self.unobserved_target if self.unobserved_weight > 0 else mean

    def shifts(self, sums: ExactVector | float, counts: Counts) -> ExactVector:
        """``h d_u`` of users with `counts` ratings that are `sums` above the mean."""
        centring = self.centring if self.unobserved_weight > 0 else 0.0
        return centring * sums / self._started(counts)

    def _started(self, counts: Counts) -> ExactVector:
        """``n + n0``, or 1 where that is 0."""
        started = counts + self.prior_count
        return cast("ExactVector", started + (started == 0))

    def factor_weights(self, counts: Counts, *, role: Role) -> FloatVector:
        """``λ (n + n0)^v`` of rows with `counts` ratings."""
        weight = self.user_weight if role == "user" else self.item_weight
        # A row nobody rated has nothing to fit; any positive weight keeps it at zero.
        scaled = self._started(counts) ** self.exponent
        return np.asarray(weight * scaled, dtype=np.float32)

    def bias_weight(self, *, role: Role) -> float:
        """``β`` of users or items."""
        return self.user_bias_weight if role == "user" else self.item_bias_weight


@dataclass(frozen=True, kw_only=True)
class VariationalConfig:
    """Hyper-parameters of a rating head that learns its weights from the ratings.

    See `engine.training.variational` for the model.

    Attributes
    ----------
    n_factors : int
        ``k``, 1 to 1024. Factors that the data do not support fade out.
    n_sweeps : int
        Passes over items and users, at least 1. There is no early stopping: beyond the
        default, users in training gain a thousandth of a star and newcomers lose more.
    rated_sets : bool
        Whether which items a user rated, and which users rated an item, are features.

    Raises
    ------
    DataError
        A value lies outside its range.
    """

    n_factors: int = 32
    n_sweeps: int = 30
    rated_sets: bool = True

    def __post_init__(self) -> None:
        """Refuse values that no training can work with."""
        for name, most in (("n_factors", _MOST_FACTORS), ("n_sweeps", 10_000)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise DataError(f"{name} is {value!r}; it must be 1 to {most}")
        if type(self.rated_sets) is not bool:
            raise DataError(f"rated_sets is {self.rated_sets!r}; it must be a bool")


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
class UserPrior:
    """What a head that learned its weights expects of a user, and doubts of items.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_factors + 1,)
        ``w``: noise over the prior variance of factors and bias.
    set_effects : ndarray of float32, shape (n_items, n_factors + 1)
        What having rated an item says of a user's factors and bias, before how.
    feature_effects : ndarray of float32, shape (n_user_features, n_factors + 1)
        What each feature says.
    item_variances : ndarray of float32, shape (n_items, n_factors + 1)
        ``v``: variances of the items' factors and biases.
    selection_offsets : ndarray of float32, shape (n_items,)
        ``s``, in stars: what those who rated an item make of it beyond its bias, and
        what is to be expected of a stranger who is about to rate it.
    """

    weights: ExactVector
    set_effects: FactorMatrix
    feature_effects: FactorMatrix
    item_variances: FactorMatrix
    selection_offsets: FloatVector


@dataclass(frozen=True)
class Head:
    """One trained item side: everything that folding in a user needs.

    Attributes
    ----------
    configuration : RidgeConfig or VariationalConfig
    global_mean : float
        The mean rating, in stars.
    item_biases : ndarray of float32, shape (n_items,)
    item_factors : ndarray of float32, shape (n_items, n_factors)
    residual_variance : float
        ``σ²``: variance of a rating around its prediction, in squared stars.
    unobserved : Unobserved
        Of all items.
    prior : UserPrior or None
        None where the weights of users follow from the configuration.
    """

    configuration: RidgeConfig | VariationalConfig
    global_mean: float
    item_biases: FloatVector
    item_factors: FactorMatrix
    residual_variance: float
    unobserved: Unobserved
    prior: UserPrior | None = None

    @property
    def offset(self) -> float:
        """``μ``, in stars: the mean rating, or the unobserved target."""
        if isinstance(self.configuration, RidgeConfig):
            return self.configuration.offset(self.global_mean)
        return self.global_mean

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.item_biases)

    @property
    def n_factors(self) -> int:
        """Number of factors."""
        return int(self.item_factors.shape[1])

    def biases_for(
        self, user: "FoldedUser", item_indices: IndexVector | None = None
    ) -> FloatVector:
        """``b_i + κ s_i`` of some items, all by default; ``b_i`` with given weights.

        Returns
        -------
        ndarray of float32, shape (n,)
            In stars for a rating head.
        """
        chosen = slice(None) if item_indices is None else item_indices
        biases = self.item_biases[chosen]
        if self.prior is None:
            return biases
        share = np.float32(user.cold_start_weight)
        selected: FloatVector = biases + share * self.prior.selection_offsets[chosen]
        return selected

    def scores(self, user: "FoldedUser") -> FloatVector:
        """Score every item for one user: ``μ + b_u + b_i + κ s_i + q_i'p_u``.

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
