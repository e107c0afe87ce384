"""A rating head that learned its regularization, and what it knows of newcomers."""

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack

from engine.arrays import (
    ExactMatrix,
    ExactVector,
    FactorMatrix,
    FloatVector,
    IndexVector,
)
from engine.errors import DataError
from engine.model.configuration import Counts, VariationalConfig
from engine.model.heads import Arrays, Head, Shapes, gram
from engine.model.levels import Levels, normalized
from engine.model.users import FoldedUser, UserRatings, UserSystem

_SET_COUNT = 5.0  # members that a feedback set lacks to its full say


def set_scale(counts: Counts) -> ExactVector:
    """Scale the implicit feedback sets of `counts` members: ``1 / sqrt(n + n0)``."""
    return np.asarray(1 / np.sqrt(counts + _SET_COUNT))


def noise_weights(counts: Counts, squares: Counts, start: float) -> ExactVector:
    """``ω = (n + c) / (sum E[e²] / σ² + c)``: the inverse noise of users or items.

    Parameters
    ----------
    counts : ndarray or float
        ``n``: ratings of each.
    squares : ndarray or float
        Sum of expected squared errors of these ratings, over ``σ²``.
    start : float
        ``c``: ratings of average noise that the estimate starts from.
    """
    return np.asarray((counts + start) / (squares + start))


class Calibration(NamedTuple):
    """Numbers that training chooses on held-out ratings.

    See `engine.training.calibration` and `engine.training.levels`.

    Attributes
    ----------
    noise_scale : float
        ``C``: noise of a rating over ``σ²``, at average noise weights.
    user_count, item_count : float
        ``c`` of the noise weights of users and items.
    selection_share, selection_count : float
        ``γ`` and ``n0`` of ``κ = γ (n0 / (n + n0))²``.
    level_count : float
        ``c``: ratings at the levels' usual shares that a user's own habits start from.
    level_share : float
        How much of the expected rating comes from the chances of the levels.
    """

    noise_scale: float
    user_count: float
    item_count: float
    selection_share: float
    selection_count: float
    level_count: float
    level_share: float

    def cold_start_weight(self, counts: Counts) -> ExactVector:
        """``κ`` of users with `counts` ratings."""
        started = self.selection_count / (counts + self.selection_count)
        return np.asarray(self.selection_share * started**2)


@dataclass(frozen=True)
class UserPrior:
    """Prior of a user in a variational head, and the uncertainty about its items.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_factors + 1,)
        ``w``: noise over the prior variance of factors and bias.
    set_effects : ndarray of float32, shape (n_items, n_factors + 1)
        What having rated an item adds to the prior mean of a user's factors and bias.
    feature_effects : ndarray of float32, shape (n_user_features, n_factors + 1)
        What each feature adds.
    item_variances : ndarray of float32, shape (n_items, n_factors + 1)
        ``v``: posterior variances of the items' factors and biases.
    selection_offsets : ndarray of float32, shape (n_items,)
        ``s``, in stars: how much higher than its bias the raters of an item rate it,
        and so what to expect of a newcomer who is about to rate it.
    item_noise_weights : ndarray of float32, shape (n_items,)
        ``ω_i``: the inverse noise of an item's ratings, around 1.
    calibration : ndarray of float64, shape (7,)
        The numbers of `Calibration`.
    levels : ndarray of float64, shape (3, n_levels)
        Values, shares and weights of `Levels`; empty on a continuous scale.
    """

    weights: ExactVector
    set_effects: FactorMatrix
    feature_effects: FactorMatrix
    item_variances: FactorMatrix
    selection_offsets: FloatVector
    item_noise_weights: FloatVector
    calibration: ExactVector
    levels: ExactMatrix


@dataclass(frozen=True)
class VariationalHead(Head):
    """A rating head that learned its regularization, with a prior of its users."""

    CONFIG = VariationalConfig

    configuration: VariationalConfig
    prior: UserPrior

    @property
    def n_user_features(self) -> int:
        """Number of features that folding in a user takes."""
        return len(self.prior.feature_effects)

    def system_of(self, ratings: UserRatings, features: ExactVector) -> UserSystem:
        """Build one user's system.

        With ``e_t`` the effect of having rated an item, ``f`` the features and ``v_t``
        the variance of an item (`engine.training.variational`)::

            A = sum_t (z_t z_t' + diag(v_t)) + diag(w)
            c = sum_t z_t (r_t - μ - b_t) + diag(w) (sum_t e_t / sqrt(n + n0) + W'f)
        """
        prior, indices = self.prior, ratings.indices
        effects = prior.set_effects[indices].astype(np.float64)
        variances = ratings.weights @ prior.item_variances[indices].astype(np.float64)
        variances[-1] = 0  # the item's own bias is no part of z
        shares = ratings.weights * set_scale(ratings.total)
        return UserSystem(
            matrix=gram(ratings.rated, prior.weights + variances),
            errors=ratings.roots * (ratings.residuals - ratings.biases),
            set_contributions=prior.weights * effects * shares[:, None],
            rest=prior.weights * (features @ prior.feature_effects),
        )

    def cold_start_weight(self, count: float) -> float:
        """``κ`` of a user with `count` ratings."""
        return float(Calibration(*self.prior.calibration).cold_start_weight(count))

    def biases_for(
        self, user: FoldedUser, indices: IndexVector | slice = slice(None)
    ) -> FloatVector:
        """``b_i + κ s_i`` of some items, all by default; shape (n,), in stars."""
        share = np.float32(user.cold_start_weight)
        offsets: FloatVector = share * self.prior.selection_offsets[indices]
        return self.item_biases[indices] + offsets

    def variance(self, user: FoldedUser, indices: IndexVector) -> ExactVector:
        """Variance of new ratings: noise, and uncertainty about user and items.

        With ``v`` the variances of the item::

            C σ²/(ω_u ω_i) + σ² z'A^-1 z + v_b + sum_f (p_f² + σ² (A^-1)_ff) v_f
        """
        return self.noise(user, indices) + self.score_variance(user, indices)

    def score_variance(self, user: FoldedUser, indices: IndexVector) -> ExactVector:
        """Uncertainty about user and items, without the noise of a rating."""
        of_items = self.prior.item_variances[indices].astype(np.float64)
        added = of_items[:, -1] + of_items[:, :-1] @ self._squared_factors(user)
        return super().variance(user, indices) - self.residual_variance + added

    def noise(self, user: FoldedUser, indices: IndexVector) -> ExactVector:
        """Variance of a single rating around the score: ``C σ² / (ω_u ω_i)``."""
        of_items = self.prior.item_noise_weights[indices].astype(np.float64)
        return self.own_noise(user) / of_items

    def own_noise(self, user: FoldedUser) -> float:
        """``C σ² / ω_u``: the variance of a user's ratings of an average item."""
        calibration = Calibration(*self.prior.calibration)
        own = noise_weights(
            user.total, self.expected_squares(user), calibration.user_count
        )
        return float(calibration.noise_scale * self.residual_variance / own)

    @property
    def levels(self) -> Levels:
        """The levels of the scale; none on a continuous one."""
        return Levels(*self.prior.levels)

    def level_chances(
        self, user: FoldedUser, indices: IndexVector, scores: FloatVector
    ) -> ExactMatrix:
        """How likely the user gives each level to some items, shape (n, n_levels)."""
        deviations = np.sqrt(self.variance(user, indices))
        return self._with_habits(user, scores, deviations)

    def _with_habits(
        self, user: FoldedUser, scores: FloatVector, deviations: ExactVector
    ) -> ExactMatrix:
        chances = self.levels.chances(scores.astype(np.float64), deviations)
        count = Calibration(*self.prior.calibration).level_count
        return normalized(chances * self.levels.ratio(*self.habits(user), count))

    def habits(self, user: FoldedUser) -> tuple[ExactVector, ExactVector]:
        """How many ratings of the user have each level, and how many were expected to.

        Expected by the model that they themselves made, so without uncertainty about
        the user.
        """
        items, roots = user.item_indices, user.rated[:, -1]
        biases = self.item_biases[items].astype(np.float64)
        stars = user.errors / roots + biases + self.global_mean
        left = (user.errors - user.rated @ np.append(user.factors, user.bias)) / roots
        chances = self.levels.chances(stars - left, np.sqrt(self.noise(user, items)))
        return self.levels.counts(stars, roots**2), roots**2 @ chances

    def expected_ratings(self, user: FoldedUser, scores: FloatVector) -> FloatVector:
        """Move scores towards the mean of the levels' chances, by their share.

        With the same noise for all items, so that the order stays that of the scores.
        """
        if len(self.levels) == 0:
            return scores
        values = self.levels.values
        share = Calibration(*self.prior.calibration).level_share
        inside = scores.clip(values[0], values[-1])
        deviations = np.full(len(scores), np.sqrt(self.own_noise(user)))
        chances = self._with_habits(user, scores, deviations)
        means = chances @ values
        expected: FloatVector = inside + np.float32(share) * (means - inside)
        return expected.astype(np.float32)

    def expected_squares(self, user: FoldedUser) -> float:
        """Sum the expected squared errors of the user's ratings, over ``σ²``.

        Each counts by the noise weight of its item. ``sum_t z_t'A^-1 z_t`` follows from
        ``A`` without its prior part: it is ``k + 1 - tr(A^-1 (A - sum_t z_t z_t'))``.
        """
        prior, items = self.prior, user.item_indices
        if len(items) == 0:
            return 0.0
        weights = prior.item_noise_weights[items].astype(np.float64)
        solution = np.append(user.factors, user.bias)
        squares = np.square(user.errors - user.rated @ solution)
        roots = user.rated[:, -1] ** 2
        variances = roots @ prior.item_variances[items].astype(np.float64)
        inverse = np.diag(lapack.dpotri(user.factor, lower=1)[0])
        diagonal = prior.weights + np.append(variances[:-1], 0)
        about_user = len(inverse) - inverse @ diagonal
        about_items = variances[-1] + variances[:-1] @ self._squared_factors(user)
        expected = weights @ squares + about_items
        return float(expected / self.residual_variance + about_user)

    def _squared_factors(self, user: FoldedUser) -> ExactVector:
        """``E[p²]`` of a user: squared means and variances."""
        inverse, _ = lapack.dpotri(user.factor, lower=1)
        of_user = self.residual_variance * np.diag(inverse)[:-1]
        squared: ExactVector = user.factors**2 + of_user
        return squared

    def arrays(self) -> Arrays:
        """Name the arrays that make the head, those of the prior last."""
        return super().arrays() | vars(self.prior)

    @classmethod
    def shapes(
        cls, n_items: int, n_factors: int, n_user_features: int, n_levels: int
    ) -> Shapes:
        """Dtype and shape of each of `arrays`."""
        size = n_factors + 1
        return super().shapes(n_items, n_factors, n_user_features, n_levels) | {
            "weights": (np.float64, (size,)),
            "set_effects": (np.float32, (n_items, size)),
            "feature_effects": (np.float32, (n_user_features, size)),
            "item_variances": (np.float32, (n_items, size)),
            "selection_offsets": (np.float32, (n_items,)),
            "item_noise_weights": (np.float32, (n_items,)),
            "calibration": (np.float64, (len(Calibration._fields),)),
            "levels": (np.float64, (3, n_levels)),
        }

    @classmethod
    def _own_parts(cls, arrays: Arrays) -> dict[str, Any]:
        """Build the prior."""
        parts = [field.name for field in fields(UserPrior)]
        prior = UserPrior(**{name: arrays[name] for name in parts})
        scales = prior.calibration[[0, 1, 2, 4, 5]]  # a share may be negative
        positive = prior.weights, prior.item_noise_weights, scales, prior.levels[1:]
        if any((array <= 0).any() for array in positive):
            raise DataError("weights must be positive")
        if (prior.item_variances < 0).any():
            raise DataError("variances must not be negative")
        if (np.diff(prior.levels[0]) <= 0).any():
            raise DataError("levels must rise")
        return {"prior": prior}
