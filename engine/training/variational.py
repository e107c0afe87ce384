"""The rating head that learns its weights: variational Bayes in the form of ALS.

Factors and biases of a row are a vector ``x = (p, b)`` with the normal prior
``N(m, diag(σ²/w))``, a rating is ``N(μ + b_u + b_i + p_u'q_i, σ²)``. The posterior is
approximated by independent normals of variance ``v``. With the other side held fixed,
the mean of a row solves

    (sum_t ω_t (z_t z_t' + diag(v_t)) + diag(w)) x = sum_t ω_t z_t y_t + diag(w) m,

where ``z_t = (q_t, 1)``, and ``v = σ² / diag(A)`` of that matrix ``A``. That is a
half-step of ALS in which the variance ``v_t`` of the other side takes the place of a
hand-tuned regularization that grows with the number of ratings. ``w`` and ``σ²`` follow
in closed form from what they govern, so nothing is left to tune.

Where ratings have weights, a rating of weight 2 counts as two: in the sums above, in
``n_u`` and ``σ²``, and in the sets.

The prior mean ``m = W'f`` comes from features and implicit feedback sets
(`engine.training.priors`).

References
----------
.. [1] Lim and Teh (2007), "Variational Bayesian approach to movie rating prediction".
.. [2] Nakajima and Sugiyama (2011), "Theoretical analysis of Bayesian matrix
   factorization", on why the variance regularizes.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Self

import numpy as np

from engine.arrays import (
    ExactMatrix,
    ExactVector,
    FactorMatrix,
    FloatVector,
    read_only,
)
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings, SparseRows
from engine.data.splits import HeldOut
from engine.errors import SolveError
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
from engine.model.heads import Head, UserPrior, VariationalHead
from engine.training.als import unobserved_of
from engine.training.priors import Features, improve_effects, sums_of
from engine.training.sweeps import Figures, Report, TrainingData, squared_errors

_START_SCALE = 0.3  # of factors; above their own deviation, or they would vanish
_START_WEIGHTS = 4.0, 3.0  # of factors and biases, until the third sweep
_START_NOISE = 0.7  # of the variance of the ratings
_FIRST_FEATURES, _FIRST_WEIGHTS = 1, 3  # sweeps without: what is not there yet is noise
_EFFECT_STEPS = 4
_NOISE_COUNT = 50.0  # ratings of average noise that a user's own estimate starts from
_SELECTION_COUNT = 10.0  # raters without an offset that an item's starts from
_LEAST_VARIANCE = 1e-6  # as a share; keeps flawless data finite


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
    weights : ndarray of float64, shape (k + 1,)
        ``w``: noise over the prior variance.
    noise_weights : ndarray of float32, shape (n,)
        ``ω`` of each row: the relative weight of its ratings for the other side.
    """

    role: Role
    rows: SparseRows
    features: Features
    parameters: FactorMatrix
    weights: ExactVector
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
        parameters[:, :-1] = np.float32(_START_SCALE) * drawn
        weights = np.full(shape[1], _START_WEIGHTS[0])
        weights[-1] = _START_WEIGHTS[1]
        effects = np.zeros((features.n_features, shape[1]), dtype=np.float32)
        return cls(role, rows, features, parameters, weights, effects)

    def learn_prior(self, workers: Workers) -> None:
        """Regress the rows on their features."""
        self.effects = improve_effects(
            self.features, self.parameters, self.effects,
            n_steps=_EFFECT_STEPS, workers=workers,
        )  # fmt: skip
        self.prior = self.features.means(self.effects, workers)

    def learn_weights(self, variance: float) -> None:
        """``w = σ² n / sum((x - m)² + v)`` over the rows that have ratings."""
        rated = self.rows.counts > 0
        off = np.square(self.parameters - self.prior, dtype=np.float64) + self.variances
        least = _LEAST_VARIANCE * variance
        self.weights = variance / np.maximum(off[rated].mean(axis=0), least)

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
    mean : float
        ``μ``, in stars.
    variance, least_variance : float
        ``σ²``, in squared stars, and what it is kept above.
    """

    users: SidePosterior
    items: SidePosterior
    mean: float
    variance: float
    least_variance: float

    @classmethod
    def start(
        cls,
        ratings: Ratings,
        configuration: VariationalConfig,
        *,
        item_features: FeatureMatrix | None,
        user_features: FeatureMatrix | None,
        rng: np.random.Generator,
    ) -> Self:
        """Check the features and draw random factors."""
        by_user, by_item = ratings.by_user, ratings.by_item
        features = partial(Features.of, with_sets=configuration.rated_sets)
        begin = partial(SidePosterior.start, n_factors=configuration.n_factors, rng=rng)
        of_users = features(by_user, by_item, user_features, name="user_features")
        of_items = features(by_item, by_user, item_features, name="item_features")
        variance = ratings.variance
        least = _LEAST_VARIANCE * max(variance, 1.0)
        return cls(
            users=begin("user", of_users, by_user),
            items=begin("item", of_items, by_item),
            mean=ratings.mean,
            variance=max(_START_NOISE * variance, least),
            least_variance=least,
        )

    def half_step(self, role: Role, workers: Workers, *, refinements: int = 0) -> None:
        """Solve for one side while the other is held fixed.

        With a refinement in double precision, to single rounding.
        """
        sides = self.users, self.items
        own, other = sides if role == "user" else sides[::-1]
        rows, others, variance = own.rows, self._others(other), self.variance
        prior = Prior(own.prior, own.weights)
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
        errors, variances = self._expected_squares(workers)
        counts, expected = self.users.rows.totals, errors + variances
        n_ratings = float(counts.sum())
        weights = (counts + _NOISE_COUNT) / (expected / self.variance + _NOISE_COUNT)
        weights /= (weights @ counts) / n_ratings
        self.users.noise_weights = weights.astype(np.float32)
        self.variance = max(float(weights @ expected) / n_ratings, self.least_variance)
        penalty = sum(map(_penalty, (self.users, self.items)))
        rmse = float(np.sqrt(errors.sum() / n_ratings))
        loss = float(weights @ expected) + penalty
        if test is None:
            return Figures(rmse, loss)
        squares = self._squares(test)
        own_weights = self.users.noise_weights[test.user_indices].astype(np.float64)
        test_loss = float(own_weights @ (squares + self._variances(test))) + penalty
        return Figures(rmse, loss, float(np.sqrt(squares.mean())), test_loss)

    def _squares(self, test: HeldOut) -> ExactVector:
        users, items = (_side(s.parameters) for s in (self.users, self.items))
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

    def _others(self, side: SidePosterior) -> Others:
        return Others(side.parameters, side.variances, side.noise_weights, self.mean)

    def _expected_squares(self, workers: Workers) -> tuple[ExactVector, ExactVector]:
        """Sum squared errors, and their variances, over each user's ratings."""
        users, others = self.users, self._others(self.items)
        rows, n_users = users.rows, users.rows.n_rows
        current = Posterior(users.parameters, users.variances)
        errors, variances = np.empty(n_users), np.empty(n_users)

        def add_up(first: int, last: int) -> None:
            sum_expected_squares(rows, first, last, others, current, errors, variances)

        workers.share(users.rows, users.parameters.shape[1], add_up)
        return errors, variances


def train(
    data: TrainingData,
    configuration: VariationalConfig,
    *,
    report: Report,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Train a rating head together with its weights, items first, users last.

    Parameters and errors as for `engine.training.fit.fit_head`.
    """
    state = VariationalState.start(
        data.ratings, configuration,
        item_features=data.item_features, user_features=data.user_features, rng=rng,
    )  # fmt: skip
    for sweep in range(configuration.n_sweeps):
        for side in (state.items, state.users):
            state.half_step(side.role, workers)
            if sweep >= _FIRST_FEATURES:
                side.learn_prior(workers)
            if sweep >= _FIRST_WEIGHTS:
                side.learn_weights(state.variance)
        state.rotate()
        figures = state.learn_noise(workers, data.test)
        if sweep >= _FIRST_WEIGHTS:
            for side in (state.items, state.users):
                side.learn_weights(state.variance)
        report(figures)
    state.half_step("user", workers, refinements=1)
    head = _head(state, configuration, workers)
    return head, _side(state.users.parameters)


def _head(
    state: VariationalState, configuration: VariationalConfig, workers: Workers
) -> Head:
    """Freeze the item side and the prior of newcomers."""
    items = _side(state.items.parameters)
    users = state.users
    prior = UserPrior(
        weights=read_only(users.weights),
        set_effects=read_only(users.features.set_effects(users.effects)),
        feature_effects=read_only(users.effects[users.features.n_members :].copy()),
        item_variances=read_only(state.items.variances),
        selection_offsets=read_only(state.selection_offsets(workers)),
    )
    return VariationalHead(
        configuration=configuration,
        global_mean=state.mean,
        item_biases=read_only(items.biases),
        item_factors=read_only(items.factors),
        residual_variance=state.variance,
        unobserved=unobserved_of(items),
        prior=prior,
    )


def _side(parameters: FactorMatrix) -> Side:
    """Part factors from biases."""
    return Side(
        np.ascontiguousarray(parameters[:, :-1]),
        np.ascontiguousarray(parameters[:, -1]),
    )


def _moments(side: SidePosterior) -> ExactMatrix:
    """Average ``x x'`` of the factors, their variances included."""
    factors = side.parameters[:, :-1].astype(np.float64)
    moments: ExactMatrix = factors.T @ factors
    variances = side.variances[:, :-1].sum(axis=0, dtype=np.float64)
    least = _LEAST_VARIANCE * (np.trace(moments) + 1)
    return (moments + np.diag(variances + least)) / len(factors)


def _penalty(side: SidePosterior) -> float:
    """``sum w ((x - m)² + v)``."""
    off = np.square(side.parameters - side.prior, dtype=np.float64) + side.variances
    return float((off @ side.weights).sum())
