"""Alternating least squares: a head whose regularization is given.

The half-step, the objective that it minimises, and the alternation.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from engine.arrays import ExactMatrix, ExactVector, read_only
from engine.data.ratings import Ratings, SparseRows
from engine.errors import SolveError
from engine.kernels.dense import add_gram_of_rows, padded
from engine.kernels.exact import (
    Fixed,
    Side,
    Weights,
    mean_leverages,
    solve_rows_exactly,
    sum_squares,
)
from engine.kernels.gradient import solve_rows_by_gradient
from engine.kernels.threads import Workers
from engine.model.configuration import N_GRADIENT_STEPS, RidgeConfig, Role
from engine.model.heads import Head, RidgeHead, Unobserved
from engine.training.sweeps import (
    Figures,
    Report,
    TrainingData,
    random_side,
    squared_errors,
)

_INITIAL_SCALE = 0.1  # small: the first half-step is then mostly about biases
_LEAST_REST = 0.01  # of a leverage to 1; below it rounding decides


@dataclass(frozen=True)
class Problem:
    """The problem of a half-step: targets, weights, and the offset of predictions."""

    ratings: Ratings
    configuration: RidgeConfig
    mean: float | None = None  # that of the ratings, unless given

    @property
    def offset(self) -> float:
        """``μ``, in stars."""
        mean = self.ratings.mean if self.mean is None else self.mean
        return self.configuration.offset(mean)

    @cached_property
    def targets(self) -> Ratings:
        """The ratings that are fitted: centered by user."""
        configuration, by_user = self.configuration, self.ratings.by_user
        if configuration.centring == 0:
            return self.ratings
        above = by_user.values - np.float64(self.ratings.mean)
        if by_user.weights is not None:
            above *= by_user.weights
        users, counts = by_user.row_of_each(), by_user.totals
        sums = np.bincount(users, above, minlength=by_user.n_rows).astype(np.float64)
        shifts = configuration.shifts(sums, counts).astype(np.float32)
        by_item = self.ratings.by_item
        return replace(
            self.ratings,
            by_user=by_user._replace(values=by_user.values - shifts[users]),
            by_item=by_item._replace(values=by_item.values - shifts[by_item.indices]),
        )

    def rows(self, role: Role) -> SparseRows:
        """Targets by user or by item."""
        return self.targets.by_user if role == "user" else self.targets.by_item

    def weights(self, role: Role) -> Weights:
        """Regularization of each row's factors and bias."""
        counts = self.rows(role).totals
        bias_weight = self.configuration.bias_weight(role=role)
        return Weights(
            factors=self.configuration.factor_weights(counts, role=role),
            biases=np.full(len(counts), bias_weight, dtype=np.float32),
        )


def train(
    data: TrainingData,
    configuration: RidgeConfig,
    *,
    report: Report,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Train a head by alternating half-steps, items first, users last and exactly.

    Features are not used. Parameters and errors as for `engine.training.fit.fit_head`.
    """
    ratings, k = data.ratings, configuration.n_factors
    problem = Problem(ratings, configuration)
    scale = _INITIAL_SCALE
    if not configuration.predicts_stars:  # the unit is the distance to the target
        scale *= abs(ratings.mean - problem.offset) ** 0.5
    items = random_side(ratings.n_items, k, scale=scale, rng=rng)
    users = random_side(ratings.n_users, k, scale=scale, rng=rng)
    users = half_step(problem, users, items, role="user", workers=workers)
    for sweep in range(1, configuration.n_sweeps + 1):
        items = half_step(problem, items, users, role="item", workers=workers)
        if sweep < configuration.n_sweeps:
            users = half_step(problem, users, items, role="user", workers=workers)
        else:
            users = exact_half_step(problem, items, role="user", workers=workers)
        report(_figures(problem, users, items, data, workers=workers))
    variance = residual_variance(problem, users, items, workers=workers)
    return ridge_head(configuration, items, mean=ratings.mean, variance=variance), users


def ridge_head(
    configuration: RidgeConfig, items: Side, *, mean: float, variance: float
) -> RidgeHead:
    """Freeze the item side as a head."""
    totals = unobserved_of(items)
    return RidgeHead(
        configuration=configuration,
        global_mean=mean,
        item_biases=read_only(items.biases),
        item_factors=read_only(items.factors),
        residual_variance=variance,
        unobserved=Unobserved(read_only(totals.gram), read_only(totals.moment)),
    )


def _figures(
    problem: Problem, users: Side, items: Side, data: TrainingData, *, workers: Workers
) -> Figures:
    loss, squares = objective(problem, users, items, workers=workers)
    rmse = float(np.sqrt(squares / problem.ratings.total_weight))
    if data.test is None or not problem.configuration.predicts_stars:
        return Figures(rmse, loss)
    held_out = squared_errors(users, items, data.test, mean=problem.offset)
    test_loss = loss - squares + float(held_out.sum())
    return Figures(rmse, loss, float(np.sqrt(held_out.mean())), test_loss)


def half_step(
    problem: Problem, current: Side, other: Side, *, role: Role, workers: Workers
) -> Side:
    """Solve for one side, biases and factors jointly, while the other is held fixed.

    Parameters
    ----------
    problem : Problem
    current : Side
        Where gradient steps start from.
    other : Side
        The side held fixed.
    role : {"user", "item"}
        Which side to solve for.
    workers : Workers

    Raises
    ------
    SolveError
        A system is singular.
    """
    configuration = problem.configuration
    if not configuration.uses_gradient_steps:
        return _cholesky_half_step(problem, other, role=role, workers=workers)
    ratings, weights = problem.rows(role), problem.weights(role)
    fixed = _fixed_part(problem, other, np.float32)
    result = Side(current.factors.copy(), current.biases.copy())

    def solve(first: int, last: int) -> None:
        solve_rows_by_gradient(
            ratings, first, last, fixed, weights, N_GRADIENT_STEPS, result
        )

    workers.share(ratings, configuration.n_factors, solve)
    return result


def exact_half_step(
    problem: Problem, other: Side, *, role: Role, workers: Workers
) -> Side:
    """Take an exact half-step, whatever the solver, correct to single precision.

    By Cholesky factors with one refinement in double precision. Parameters and errors
    as for `half_step`.
    """
    return _cholesky_half_step(
        problem, other, role=role, workers=workers, refinements=1
    )


def _cholesky_half_step(
    problem: Problem,
    other: Side,
    *,
    role: Role,
    workers: Workers,
    refinements: int = 0,
) -> Side:
    ratings, weights = problem.rows(role), problem.weights(role)
    fixed = _fixed_part(problem, other, np.float64)
    shape = ratings.n_rows, other.factors.shape[1]
    result = Side(np.empty(shape, np.float32), np.empty(shape[0], np.float32))

    def solve(first: int, last: int) -> None:
        failed = solve_rows_exactly(
            ratings, first, last, fixed, weights, refinements, result
        )
        if failed >= 0:
            raise SolveError(
                f"the system of {role} row {failed} is singular; raise the weights"
            )

    workers.share(ratings, problem.configuration.n_factors, solve)
    return result


class Objective(NamedTuple):
    """The loss that training minimizes, and the squared errors that are part of it."""

    loss: float
    squares: float


def objective(
    problem: Problem, users: Side, items: Side, *, workers: Workers
) -> Objective:
    """Compute the loss that training minimizes.

    The sum over all pairs costs no more than two Gram matrices::

        sum_ui (b_u + b_i + p_u'q_i)^2 = <sum_u x_u x_u', sum_i y_i y_i'>,
        x_u = (p_u, b_u, 1),  y_i = (q_i, 1, b_i)

    The loss is defined in `RidgeConfig`.
    """
    configuration = problem.configuration
    every_item = np.ones(problem.ratings.n_items)
    errors, scores = _sums(problem, users, items, every_item, workers=workers)
    loss = squares = float(errors.sum())
    if configuration.unobserved_weight > 0:
        swap = [*range(configuration.n_factors), -1, -2]
        all_pairs = np.vdot(_gram(users)[np.ix_(swap, swap)], _gram(items))
        loss += configuration.unobserved_weight * float(all_pairs - scores.sum())
    loss += _penalty(users, problem.weights("user"))
    loss += _penalty(items, problem.weights("item"))
    return Objective(loss, squares)


def residual_variance(
    problem: Problem, users: Side, items: Side, *, workers: Workers
) -> float:
    """Estimate the variance of a new rating around its prediction, the user known.

    Training errors are too small, because each rating takes part in its own prediction,
    by the leverages ``h_u`` on the user's side and ``h_i`` on the item's. Leaving it
    out of both gives::

        σ² = mean((1 - h_u) (e / ((1 - h_u) (1 - h_i)))²)

    The factor in front removes the uncertainty about the user, which `uncertainty` adds
    again. The uncertainty about the items stays in as part of the noise.

    Returns
    -------
    float
        In squared stars. For a ranking head it is the mean squared training error,
        since its scores are no stars.

    References
    ----------
    .. [1] Allen (1974), on prediction sums of squares. doi:10.2307/1267500
    """
    n_ratings = problem.ratings.total_weight
    if not problem.configuration.predicts_stars:
        every_item = np.ones(problem.ratings.n_items)
        errors, _ = _sums(problem, users, items, every_item, workers=workers)
        return float(errors.sum() / n_ratings)
    user_rest = 1 - _leverages(problem, items, role="user", workers=workers)
    item_rest = 1 - _leverages(problem, users, role="item", workers=workers)
    item_weights = 1 / np.maximum(item_rest, _LEAST_REST) ** 2
    errors, _ = _sums(problem, users, items, item_weights, workers=workers)
    return float((errors / np.maximum(user_rest, _LEAST_REST)).sum() / n_ratings)


def unobserved_of(side: Side) -> Unobserved:
    """Sum over all rows of a side, for the pairs without a rating."""
    gram = _gram(side)
    return Unobserved(np.ascontiguousarray(gram[:-1, :-1]), -gram[-1, :-1])


def _sums(
    problem: Problem,
    users: Side,
    items: Side,
    item_weights: ExactVector,
    *,
    workers: Workers,
) -> tuple[ExactVector, ExactVector]:
    """Sum weighted squared errors, and squared scores, over each user's ratings."""
    ratings = problem.rows("user")
    fixed = _fixed_part(problem, items, np.float64)
    errors, scores = np.empty(ratings.n_rows), np.empty(ratings.n_rows)

    def add_up(first: int, last: int) -> None:
        sum_squares(ratings, first, last, fixed, users, item_weights, errors, scores)

    workers.share(ratings, users.factors.shape[1], add_up)
    return errors, scores


def _leverages(
    problem: Problem, other: Side, *, role: Role, workers: Workers
) -> ExactVector:
    """Average the leverages of each row's ratings."""
    ratings, weights = problem.rows(role), problem.weights(role)
    fixed = _fixed_part(problem, other, np.float64)
    leverages = np.empty(ratings.n_rows)

    def average(first: int, last: int) -> None:
        mean_leverages(ratings, first, last, fixed, weights, leverages)

    workers.share(ratings, other.factors.shape[1], average)
    return leverages


def _penalty(side: Side, weights: Weights) -> float:
    """Regularization of one side."""
    squares = np.square(side.factors, dtype=np.float64).sum(axis=1)
    squared_biases = np.square(side.biases, dtype=np.float64)
    return float(weights.factors @ squares + weights.biases @ squared_biases)


def _gram(side: Side) -> ExactMatrix:
    """``sum (q, 1, b)(q, 1, b)'`` in a fixed order, whatever the number of threads."""
    size = side.factors.shape[1] + 2
    lower = np.zeros((size, size))
    add_gram_of_rows(side.factors, side.biases, lower)
    return lower + np.tril(lower, -1).T


def _fixed_part(
    problem: Problem, other: Side, dtype: type[np.float32 | np.float64]
) -> Fixed:
    """Compute the terms that the systems of all rows share."""
    alpha, size = problem.configuration.unobserved_weight, other.factors.shape[1] + 1
    if alpha > 0:
        totals = unobserved_of(other)
        gram, moment = totals.gram.astype(dtype), totals.moment.astype(dtype)
    else:
        gram, moment = np.zeros((size, size), dtype), np.zeros(size, dtype)
    q = padded(other.factors)
    return Fixed(q, other.biases, problem.offset, alpha, gram, moment)
