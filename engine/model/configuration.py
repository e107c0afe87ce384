"""Hyper-parameters of a head: one interface for all families of models, and presets.

Training picks the family by the type of its configuration (`engine.training.fit`).
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, TypeAlias, cast

import numpy as np

from engine.arrays import CountVector, ExactVector, FloatVector
from engine.errors import DataError

Role: TypeAlias = Literal["user", "item"]
Counts: TypeAlias = CountVector | ExactVector | float
"""Numbers of ratings, of one row or of several; weighted ones need not be whole."""

Bounds: TypeAlias = Mapping[str, Mapping[str, float]]
"""Bounds by parameter and sign: ``ge``, ``gt``, ``le`` or ``lt``, as in Pydantic."""

_SIGNS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "ge": ("at least", operator.ge),
    "gt": ("above", operator.gt),
    "le": ("at most", operator.le),
    "lt": ("below", operator.lt),
}
_KINDS = {int: "a whole number", float: "a finite number", bool: "true or false"}


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """The interface of the hyper-parameters of every family.

    Attributes
    ----------
    n_factors : int
        ``k``, up to 1024.
    n_sweeps : int
        Passes over items and users, at least 1.

    Raises
    ------
    DataError
        A value lies outside its bounds.
    """

    BOUNDS: ClassVar[Bounds] = {
        "n_factors": {"ge": 0, "le": 1024},
        "n_sweeps": {"ge": 1, "le": 10_000},
    }
    RETIRED: ClassVar[frozenset[str]] = frozenset()
    TAKES_WEIGHTS: ClassVar[bool] = True

    n_factors: int
    n_sweeps: int

    def __post_init__(self) -> None:
        """Check the type and the bounds of every value."""
        for field in fields(self):
            kind = cast("type", field.type)
            value, bounds = getattr(self, field.name), self.BOUNDS.get(field.name, {})
            holds = _is_of(kind, value) and all(
                _SIGNS[sign][1](value, bound) for sign, bound in bounds.items()
            )
            limits = [f"{_SIGNS[sign][0]} {bounds[sign]}" for sign in bounds]
            allowed = f"{_KINDS[kind]} {' and '.join(limits)}".rstrip()
            self._require(field.name, holds, allowed)

    def _require(self, name: str, holds: bool, allowed: str) -> None:  # noqa: FBT001
        if not holds:
            raise DataError(f"{name} is {getattr(self, name)!r}; it must be {allowed}")

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Self:
        """Build from stored values; ignore parameters that no longer exist."""
        return cls(**cls._known(values))

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Replace some values; ignore parameters that no longer exist."""
        return replace(self, **self._known(values))

    @classmethod
    def _known(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: values[name] for name in values if name not in cls.RETIRED}

    def work(self, n_ratings: int, n_rows: int) -> float:
        """Estimate the multiply-adds of one sweep, for reports of progress.

        Every row's system is gathered from its ratings and then solved.
        """
        size = self.n_factors + 1
        return size**2 * n_ratings + size**3 * n_rows / 3


def _is_of(kind: type, value: object) -> bool:
    """Tell whether a value has a field's type; a whole number is a float too."""
    if kind is not float:
        return type(value) is kind
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(cast("float", value))


# Three gradient steps reach the loss of exact half-steps within 0.2 %, in a sixth of
# the processor time at 128 factors and a tenth at 192 and 256 (a million ratings). The
# presets have up to 128 factors and stay exact: their published figures rest on it.
_GRADIENT_FROM = 129
N_GRADIENT_STEPS = 3
_OF_RIDGE = "exponent", "prior_count", "centring", "unobserved_weight"
_BEYOND_ZERO: Mapping[str, float] = MappingProxyType({"gt": 0})


@dataclass(frozen=True, kw_only=True)
class RidgeConfig(HeadConfig):
    """Hyper-parameters of a head whose regularization is given: ALS with ridge weights.

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
        ``n0 >= 0``: the number of ratings that regularization adds to everybody's own.
        Without it a user with one rating would hardly be regularized at all.
    unobserved_weight : float
        ``a``, 0 (the rating head) to below 1.
    unobserved_target : float
        ``g``, in stars: the rating assumed for a pair without one. Where ``a > 0`` it
        is ``μ`` too, since nearly all pairs are fitted to it; else ``μ`` is the mean
        rating.
    centring : float
        ``h``, 0 to 1: the share of a user's generosity subtracted from their ratings.
        Where ``a = 0`` nothing is subtracted, since scores are stars.
    """

    BOUNDS: ClassVar[Bounds] = {
        **HeadConfig.BOUNDS,
        "user_weight": _BEYOND_ZERO,
        "item_weight": _BEYOND_ZERO,
        "user_bias_weight": _BEYOND_ZERO,
        "item_bias_weight": _BEYOND_ZERO,
        "exponent": {"ge": 0, "le": 2},
        "prior_count": {"ge": 0},
        "unobserved_weight": {"ge": 0, "lt": 1},
        "centring": {"ge": 0, "le": 1},
    }
    RETIRED: ClassVar[frozenset[str]] = frozenset({"solver", "n_gradient_steps"})

    user_weight: float
    item_weight: float
    user_bias_weight: float
    item_bias_weight: float
    exponent: float = 0.5
    prior_count: float = 0.0
    unobserved_weight: float = 0.0
    unobserved_target: float = 0.0
    centring: float = 0.0

    @property
    def uses_gradient_steps(self) -> bool:
        """Whether half-steps are a few gradient steps, or exact as the last one is."""
        return self.n_factors >= _GRADIENT_FROM

    @property
    def predicts_stars(self) -> bool:
        """Whether scores are stars, or mean something only by their order."""
        return self.unobserved_weight == 0

    def offset(self, mean: float) -> float:
        """``μ``: the mean rating, or the target of the pairs without one."""
        return mean if self.predicts_stars else self.unobserved_target

    def shifts(self, sums: ExactVector | float, counts: Counts) -> ExactVector:
        """``h d_u`` of users with `counts` ratings that are `sums` above the mean."""
        centring = 0.0 if self.predicts_stars else self.centring
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

    def work(self, n_ratings: int, n_rows: int) -> float:
        """Estimate the multiply-adds of one sweep by the solver that it uses."""
        if self.uses_gradient_steps:
            return 4.0 * (self.n_factors + 1) * N_GRADIENT_STEPS * n_ratings
        return super().work(n_ratings, n_rows)


@dataclass(frozen=True, kw_only=True)
class VariationalConfig(HeadConfig):
    """Hyper-parameters of a rating head that learns its regularization.

    See `engine.training.variational` for the model.

    Attributes
    ----------
    n_factors : int
        ``k``, 1 to 1024. Factors that the data do not support fade out.
    n_sweeps : int
        Passes over items and users, at least 1. There is no early stopping: beyond the
        default, users in training gain a thousandth of a star and newcomers lose more.
    rated_sets : bool
        Whether the implicit feedback sets of SVD++ are features: the items a user
        rated, and the users who rated an item.
    """

    BOUNDS: ClassVar[Bounds] = {**HeadConfig.BOUNDS, "n_factors": {"ge": 1, "le": 1024}}

    n_factors: int = 32
    n_sweeps: int = 30
    rated_sets: bool = True

    def work(self, n_ratings: int, n_rows: int) -> float:
        """Estimate the multiply-adds of one sweep: learning the weights doubles it."""
        return 2 * super().work(n_ratings, n_rows)


@dataclass(frozen=True, kw_only=True)
class RankingConfig(HeadConfig):
    """Hyper-parameters of a ranking head whose weights follow from the ratings.

    Training turns it into a `RidgeConfig` (`engine.training.ranking`): weights and the
    target of pairs without a rating are measured in standard deviations of the ratings,
    so lists do not depend on the scale, and pairs without a rating count the less, the
    sparser the ratings are.

    Attributes
    ----------
    n_factors : int
        ``k``, up to 1024; 0: 256 where fewer than 3 % of all pairs are rated, else 128.
    n_sweeps : int
        Passes over items and users, at least 1.
    regularization : float
        ``λ > 0`` of users and items, as a share of the distance from the mean rating to
        the target of pairs without one.
    exponent, prior_count, centring : float
        As for `RidgeConfig`.
    unobserved_weight : float
        ``a``, 0 to below 1; 0: from the density of the ratings and a hold-out.
    """

    BOUNDS: ClassVar[Bounds] = {
        **HeadConfig.BOUNDS,
        "regularization": _BEYOND_ZERO,
        **{name: RidgeConfig.BOUNDS[name] for name in _OF_RIDGE},
    }
    RETIRED: ClassVar[frozenset[str]] = RidgeConfig.RETIRED | {
        "user_weight",
        "item_weight",
        "user_bias_weight",
        "item_bias_weight",
        "unobserved_target",
    }

    n_factors: int = 0
    n_sweeps: int = 6
    regularization: float = 0.65
    exponent: float = 0.5
    prior_count: float = 8.0
    centring: float = 0.5
    unobserved_weight: float = 0.0

    def work(self, n_ratings: int, n_rows: int) -> float:  # noqa: ARG002  gradient
        """Estimate the multiply-adds of one sweep by gradient steps."""
        return 4.0 * (self.n_factors or 256) * N_GRADIENT_STEPS * n_ratings


RATING = VariationalConfig()
"""Rating head. Nothing in it was tuned to a data set: its weights are learned."""

PLAIN = RidgeConfig(
    n_factors=32,
    n_sweeps=20,
    user_weight=0.38,
    item_weight=0.38,
    user_bias_weight=2.2,
    item_bias_weight=2.0,
    exponent=0.75,
    prior_count=11.0,
)
"""Rating head with weights by hand, without features: fast, for very large sets. Chosen
on ratings held out of the sample's training part, and on users held out of it: folded
in from 0, 1, 3, 5, 10 and 20 ratings they come out level with biases alone or better.
"""

BIASES = replace(PLAIN, n_factors=0)
"""Biases alone: what any model with factors must beat."""

RANKING = RankingConfig()
"""Ranking head. Its form was found on ten public sets, and its numbers follow from the
ratings that it is trained on."""
