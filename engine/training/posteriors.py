"""The state of a variational training: the posteriors of both sides, and the noise."""

from dataclasses import dataclass, field
from functools import partial
from typing import Self

import numpy as np

from engine.arrays import ExactMatrix, ExactVector, FactorMatrix, FloatVector
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings, SparseRows
from engine.data.splits import HeldOut
from engine.errors import DataError, SolveError
from engine.kernels.exact import Side
from engine.kernels.posterior import (
    Others,
    Posterior,
    Prior,
    solve_rows_with_variance,
    sum_expected_squares,
)
from engine.kernels.threads import Workers
from engine.model.configuration import Role, VariationalConfig
from engine.training.priors import Features, improve_effects, sums_of
from engine.training.sweeps import Figures, squared_errors

_BIAS_SWEEPS = 8  # of biases alone, which set the unit
_START_BIASES = 0.3  # prior variance of biases, as a share of the ratings' variance
_START_SIGNAL = 0.3  # prior variance of a product p'q, as a share of the noise
_EFFECT_STEPS = 4
_NOISE_COUNT = 50.0  # ratings of average noise that a user's own estimate starts from
_SELECTION_COUNT = 10.0  # raters without an offset that an item's starts from
_LARGEST_UNIT = 1e15  # stars; its square still fits single precision
_LEAST_VARIANCE = 1e-6  # in squared units; keeps flawless data finite


@dataclass
class SidePosterior:
    """The mean-field posterior of one side. Its parts are replaced, never written to.

    Attributes
    ----------
    role : {"user", "item"}
    rows : SparseRows
    features : Features
    parameters, variances : ndarray of float32, shape (n, k + 1)
        Means and variances of factors and bias.
    prior : ndarray of float32, shape (n, k + 1)
        Prior means.
    effects : ndarray of float32, shape (n_features, k + 1)
        ``W``.
    prior_variances : ndarray of float64, shape (k + 1,)
        ``τ``.
    noise_weights : ndarray of float32, shape (n,)
        ``ω`` of each row: the relative weight of its ratings for the other side.
    """

    role: Role
    rows: SparseRows
    features: Features
    parameters: FactorMatrix
    prior_variances: ExactVector
    effects: FactorMatrix
    variances: FactorMatrix = field(init=False)
    prior: FactorMatrix = field(init=False)
    noise_weights: FloatVector = field(init=False)

    def __post_init__(self) -> None:
        """Begin without variance or prior means, every row weighted alike."""
        nothing = np.zeros_like(self.parameters)
        self.variances = self.prior = nothing
        self.noise_weights = np.ones(len(nothing), dtype=np.float32)

    @classmethod
    def start(
        cls,
        role: Role,
        features: Features,
        rows: SparseRows,
        *,
        n_factors: int,
        rng: np.random.Generator,
    ) -> Self:
        """Draw random factors."""
        shape = rows.n_rows, n_factors + 1
        parameters = np.zeros(shape, dtype=np.float32)
        drawn = rng.standard_normal((shape[0], n_factors), dtype=np.float32)
        prior_variances = np.full(shape[1], _START_BIASES)
        prior_variances[:-1] = np.sqrt(_START_SIGNAL / max(n_factors, 1))
        parameters[:, :-1] = np.sqrt(prior_variances[:-1], dtype=np.float32) * drawn
        effects = np.zeros((features.n_features, shape[1]), dtype=np.float32)
        return cls(role, rows, features, parameters, prior_variances, effects)

    def learn_prior(self, workers: Workers) -> None:
        """Regress the rows on their features."""
        self.effects = improve_effects(
            self.features, self.parameters, self.effects,
            n_steps=_EFFECT_STEPS, workers=workers,
        )  # fmt: skip
        self.prior = self.features.means(self.effects, workers)

    def learn_prior_variances(self) -> None:
        """``τ = sum((x - m)² + v) / n`` over the rows that have ratings."""
        rated = self.rows.counts > 0
        off = np.square(self.parameters - self.prior, dtype=np.float64) + self.variances
        self.prior_variances = np.maximum(off[rated].mean(axis=0), _LEAST_VARIANCE)

    def rotate(self, rotation: ExactMatrix) -> None:
        """Multiply all factors by an invertible matrix."""
        k = len(rotation)

        def rotated(rows: FactorMatrix, matrix: ExactMatrix) -> FactorMatrix:
            factors = rows[:, :k] @ matrix.astype(np.float32)
            return np.column_stack([factors, rows[:, k]])

        self.parameters = rotated(self.parameters, rotation)
        self.prior = rotated(self.prior, rotation)
        self.effects = rotated(self.effects, rotation)
        self.variances = rotated(self.variances, np.square(rotation))


@dataclass
class VariationalState:
    """The posteriors of both sides, and what they share.

    Attributes
    ----------
    users, items : SidePosterior
    mean, unit : float
        ``μ``, and the unit of all parameters: the standard deviation of a rating around
        its biases. Both in stars.
    variance : float
        ``σ²``, in squared units.
    """

    users: SidePosterior
    items: SidePosterior
    mean: float
    unit: float
    variance: float = 1.0

    @classmethod
    def start(
        cls,
        ratings: Ratings,
        configuration: VariationalConfig,
        *,
        item_features: FeatureMatrix | None,
        user_features: FeatureMatrix | None,
        rng: np.random.Generator,
        workers: Workers,
    ) -> Self:
        """Check the features, fit biases alone, and draw random factors beside them."""
        by_user, by_item = ratings.by_user, ratings.by_item
        features = partial(Features.of, with_sets=configuration.rated_sets)
        begin = partial(SidePosterior.start, n_factors=configuration.n_factors, rng=rng)
        of_users = features(by_user, by_item, user_features, name="user_features")
        of_items = features(by_item, by_user, item_features, name="item_features")
        if ratings.variance > _LARGEST_UNIT**2:
            raise DataError(
                f"the ratings vary by {np.sqrt(ratings.variance):.3g}; divide them so "
                f"that they vary by at most {_LARGEST_UNIT:.0e}"
            )
        biases = cls._of_biases(ratings, workers)
        noise = biases.variance
        state = cls(
            users=begin("user", of_users, by_user),
            items=begin("item", of_items, by_item),
            mean=ratings.mean,
            unit=biases.unit * np.sqrt(noise),
        )
        for own, start in ((state.users, biases.users), (state.items, biases.items)):
            own.prior_variances[-1] = start.prior_variances[-1] / noise
            own.parameters[:, -1] = start.parameters[:, -1] / np.sqrt(noise)
            own.variances[:, -1] = start.variances[:, -1] / noise
        return state

    @classmethod
    def _of_biases(cls, ratings: Ratings, workers: Workers) -> Self:
        """Fit biases alone, measured in standard deviations of the ratings."""
        by_user, by_item = ratings.by_user, ratings.by_item
        begin = partial(SidePosterior.start, n_factors=0, rng=np.random.default_rng())
        state = cls(
            users=begin("user", Features.none(by_user, by_item), by_user),
            items=begin("item", Features.none(by_item, by_user), by_item),
            mean=ratings.mean,
            unit=float(np.sqrt(ratings.variance)) or 1.0,
        )
        for _ in range(_BIAS_SWEEPS):
            for side in (state.items, state.users):
                state.half_step(side.role, workers)
                side.learn_prior_variances()
            state.learn_noise(workers)
        return state

    def half_step(self, role: Role, workers: Workers, *, refinements: int = 0) -> None:
        """Solve for one side while the other is held fixed.

        With a refinement in double precision, to single rounding.
        """
        sides = self.users, self.items
        own, other = sides if role == "user" else sides[::-1]
        rows, others, variance = own.rows, self._others(other), self.variance
        prior = Prior(own.prior, self.weights_of(own))
        out = Posterior(np.empty_like(own.parameters), np.empty_like(own.parameters))

        def solve(first: int, last: int) -> None:
            failed = solve_rows_with_variance(
                rows, first, last, others, prior, variance, refinements, out
            )
            if failed >= 0:
                raise SolveError(
                    f"the system of {role} row {failed} is singular: its ratings or "
                    "features are too large for single precision"
                )

        workers.share(own.rows, out.parameters.shape[1], solve)
        own.parameters, own.variances = out

    def weights_of(self, side: SidePosterior) -> ExactVector:
        """``w = σ² / τ`` of one side, shape (k + 1,)."""
        return self.variance / side.prior_variances

    def user_side(self) -> Side:
        """Factors and biases of the users, in stars."""
        parameters = np.float32(self.unit) * self.users.parameters
        return Side(np.ascontiguousarray(parameters[:, :-1]), parameters[:, -1].copy())

    def item_side(self) -> Side:
        """Factors of the items, which have no unit, and their biases, in stars."""
        parameters = self.items.parameters
        biases = np.float32(self.unit) * parameters[:, -1]
        return Side(np.ascontiguousarray(parameters[:, :-1]), biases)

    def rotate(self) -> None:
        """Rotate and scale the factors to a basis where they are independent.

        That the posterior is a product of independent normals costs least there.
        Predictions stay as they are.
        """
        lower = np.linalg.cholesky(_moments(self.users))
        sizes, axes = np.linalg.eigh(lower.T @ _moments(self.items) @ lower)
        stretch = np.maximum(sizes, sizes.max() * _LEAST_VARIANCE) ** 0.25
        rotation = np.linalg.solve(lower.T, axes) * stretch
        self.users.rotate(rotation)
        self.items.rotate(np.linalg.inv(rotation).T)

    def learn_noise(self, workers: Workers, test: HeldOut | None = None) -> Figures:
        """Estimate ``σ²`` and each user's noise weight; measure the fit.

        The loss is the expected squared error plus penalties, all at the weights of
        the moment, so it may rise as these change.

        The noise of a user is that of all others until their own ratings speak::

            ω_u = (n_u + n0) / (sum_t E[e²] / σ² + n0),  1 on average
        """
        errors, variances = self.expected_squares("user", workers)
        counts, expected = self.users.rows.totals, errors + variances
        n_ratings = float(counts.sum())
        weights = (counts + _NOISE_COUNT) / (expected / self.variance + _NOISE_COUNT)
        weights /= (weights @ counts) / n_ratings
        self.users.noise_weights = weights.astype(np.float32)
        mean = float(weights @ expected) / n_ratings
        self.variance = min(max(mean, _LEAST_VARIANCE), 1.0)
        penalty = sum(map(self._penalty, (self.users, self.items)))
        rmse = self.unit * float(np.sqrt(errors.sum() / n_ratings))
        loss = self.unit**2 * (float(weights @ expected) + penalty)
        if test is None:
            return Figures(rmse, loss)
        squares = self._squares(test)
        own_weights = self.users.noise_weights[test.user_indices].astype(np.float64)
        variances = self.unit**2 * self._variances(test)
        test_loss = float(own_weights @ (squares + variances)) + self.unit**2 * penalty
        return Figures(rmse, loss, float(np.sqrt(squares.mean())), test_loss)

    def _squares(self, test: HeldOut) -> ExactVector:
        users, items = self.user_side(), self.item_side()
        return squared_errors(users, items, test, mean=self.mean)

    def _variances(self, test: HeldOut) -> ExactVector:
        """Posterior variance of the score of each held-out rating."""
        rows, columns = test.user_indices, test.item_indices
        x, v = self.users.parameters[rows, :-1], self.users.variances[rows]
        y, u = self.items.parameters[columns, :-1], self.items.variances[columns]
        factors = y**2 * v[:, :-1] + (x**2 + v[:, :-1]) * u[:, :-1]
        variances: ExactVector = factors.sum(axis=1, dtype=np.float64)
        return variances + v[:, -1] + u[:, -1]

    def selection_offsets(self, workers: Workers) -> FloatVector:
        """``s_i = sum_u z_i'(x_u - W'g_u) / (n_i + n0)`` over those who rated it.

        The given features ``g`` are known of newcomers too, so they do not count.
        """
        users, items = self.users, self.items
        features = users.features
        known = features.given @ users.effects[features.n_members :]
        offsets = sums_of(items.rows, users.parameters - known, workers)
        sums = np.einsum("if,if->i", items.parameters[:, :-1], offsets[:, :-1])
        sums += offsets[:, -1]
        started = items.rows.totals + _SELECTION_COUNT
        return np.asarray(sums / started, dtype=np.float32)

    def _penalty(self, side: SidePosterior) -> float:
        """``sum w ((x - m)² + v)``."""
        off = np.square(side.parameters - side.prior, dtype=np.float64) + side.variances
        return float((off @ self.weights_of(side)).sum())

    def _others(self, side: SidePosterior) -> Others:
        return Others(
            side.parameters, side.variances, side.noise_weights, self.mean, self.unit
        )

    def expected_squares(
        self, role: Role, workers: Workers
    ) -> tuple[ExactVector, ExactVector]:
        """Sum squared errors, and their variances, over the ratings of each row.

        Each rating counts by the noise weight of the other side.
        """
        sides = self.users, self.items
        own, other = sides if role == "user" else sides[::-1]
        rows, others = own.rows, self._others(other)
        current = Posterior(own.parameters, own.variances)
        errors, variances = np.empty(rows.n_rows), np.empty(rows.n_rows)

        def add_up(first: int, last: int) -> None:
            sum_expected_squares(rows, first, last, others, current, errors, variances)

        workers.share(rows, own.parameters.shape[1], add_up)
        return errors, variances

    def item_squares(self, workers: Workers) -> ExactVector:
        """Sum the expected squared errors of each item's ratings, over ``σ²``."""
        errors, variances = self.expected_squares("item", workers)
        return (errors + variances) / self.variance

    def resume(self, ratings: Ratings, configuration: VariationalConfig) -> None:
        """Go on with other ratings of the same users and items."""
        by_user, by_item = ratings.by_user, ratings.by_item
        of = partial(Features.of, with_sets=configuration.rated_sets, name="features")
        users, items = self.users, self.items
        users.rows, items.rows = by_user, by_item
        users.features = of(by_user, by_item, users.features.given)
        items.features = of(by_item, by_user, items.features.given)


def _moments(side: SidePosterior) -> ExactMatrix:
    """Average ``x x'`` of the factors, their variances included."""
    factors = side.parameters[:, :-1].astype(np.float64)
    moments: ExactMatrix = factors.T @ factors
    variances = side.variances[:, :-1].sum(axis=0, dtype=np.float64)
    least = _LEAST_VARIANCE * (np.trace(moments) + 1)
    return (moments + np.diag(variances + least)) / len(factors)
