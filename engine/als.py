"""Training: alternating least squares for the rating head and the ranking head."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from engine.arrays import ExactMatrix
from engine.dense import add_gram_of_rows
from engine.errors import SolveError
from engine.kernels import (
    Fixed,
    Rows,
    Side,
    Weights,
    solve_rows_by_gradient,
    solve_rows_exactly,
    sum_squares,
)
from engine.model import Configuration, Head, Model, Role, Unobserved
from engine.ratings import Ratings, SparseRows
from engine.workers import Workers

__all__ = [
    "RANKING",
    "RATING",
    "Configuration",
    "Head",
    "Model",
    "Problem",
    "Side",
    "Sweep",
    "Training",
    "exact_half_step",
    "fit",
    "fit_head",
    "half_step",
    "objective",
]

_Array = TypeVar("_Array", bound=npt.NDArray[Any])

_INITIAL_SCALE = 0.1
_REFINEMENTS = 1

HeadName: TypeAlias = Literal["rating", "ranking"]

RATING = Configuration(
    n_factors=32,
    n_sweeps=20,
    user_weight=0.38,
    item_weight=0.38,
    user_bias_weight=2.2,
    item_bias_weight=2.0,
    exponent=0.75,
    prior_count=11.0,
)
"""Rating head."""

RANKING = Configuration(
    n_factors=64,
    n_sweeps=8,
    user_weight=1.2,
    item_weight=1.2,
    user_bias_weight=4.0,
    item_bias_weight=1.5,
    exponent=0.5,
    prior_count=8.0,
    unobserved_weight=0.4,
    unobserved_target=1.0,
)
"""Ranking head."""


@dataclass(frozen=True)
class Sweep:
    """Progress after one sweep: both half-steps, items then users.

    Attributes
    ----------
    head : {"rating", "ranking"}
    sweep, n_sweeps : int
        Counted from 1.
    rmse : float
        On the training ratings, in stars.
    loss : float
        The objective, regularization included.
    seconds : float
        Since the training of this head began.
    """

    head: HeadName
    sweep: int
    n_sweeps: int
    rmse: float
    loss: float
    seconds: float


@dataclass(frozen=True)
class Problem:
    """What a half-step solves: ratings, weights, and the offset of all predictions."""

    ratings: Ratings
    configuration: Configuration

    @property
    def offset(self) -> float:
        """``μ``, in stars."""
        return self.configuration.offset(self.ratings.mean)

    def rows(self, role: Role) -> SparseRows:
        """Ratings by user or by item."""
        return self.ratings.by_user if role == "user" else self.ratings.by_item

    def weights(self, role: Role) -> Weights:
        """Regularization of each row's factors and bias."""
        counts = self.rows(role).counts
        bias_weight = self.configuration.bias_weight(role=role)
        return Weights(
            factors=self.configuration.factor_weights(counts, role=role),
            biases=np.full(len(counts), bias_weight, dtype=np.float32),
        )


@dataclass(frozen=True)
class Training:
    """What training one head leaves behind: its item side, its users, its course."""

    head: Head
    users: Side
    sweeps: tuple[Sweep, ...]


OnSweep: TypeAlias = Callable[[Sweep], None]


def fit(
    ratings: Ratings,
    *,
    rating: Configuration = RATING,
    ranking: Configuration = RANKING,
    on_sweep: OnSweep | None = None,
    rng: np.random.Generator,
    n_threads: int | None = None,
) -> Model:
    """Train both heads on all ratings.

    Parameters
    ----------
    ratings : Ratings
    rating, ranking : Configuration
        Hyper-parameters of the heads; the defaults were tuned on the bundled sample.
    on_sweep : callable, optional
        Called with a `Sweep` after each sweep; what it raises stops the training and
        passes through.
    rng : numpy.random.Generator
        For the factors that training starts from.
    n_threads : int, optional
        All processors by default. The result is bit for bit the same for any number.

    Returns
    -------
    Model

    Raises
    ------
    DataError
        `n_threads` is below 1.
    SolveError
        A system is singular: a weight is far too small for these ratings.

    References
    ----------
    .. [1] Zhou et al. (2008), section 3. doi:10.1007/978-3-540-68880-8_32
    .. [2] Steck (2010), "Training and testing of recommender systems on data missing
       not at random". doi:10.1145/1835804.1835895
    """
    heads: dict[HeadName, Configuration] = {"rating": rating, "ranking": ranking}
    trained = {
        name: fit_head(
            ratings,
            configuration,
            name=name,
            on_sweep=on_sweep,
            rng=own_rng,
            n_threads=n_threads,
        ).head
        for (name, configuration), own_rng in zip(
            heads.items(), rng.spawn(2), strict=True
        )
    }
    return Model(
        item_ids=ratings.item_ids,
        item_counts=_read_only(ratings.by_item.counts),
        rating=trained["rating"],
        ranking=trained["ranking"],
        n_users=ratings.n_users,
        n_ratings=ratings.n_ratings,
        rating_range=ratings.value_range,
    )


def fit_head(
    ratings: Ratings,
    configuration: Configuration,
    *,
    name: HeadName = "rating",
    on_sweep: OnSweep | None = None,
    rng: np.random.Generator,
    n_threads: int | None = None,
) -> Training:
    """Train one head by alternating half-steps, items first, users last.

    The last half-step solves the users exactly, so folding in a training user returns
    the vector that training ended with.

    Parameters
    ----------
    ratings, configuration, on_sweep, rng, n_threads
        As for `fit`.
    name : {"rating", "ranking"}
        What the progress reports call this head.

    Returns
    -------
    Training

    Raises
    ------
    DataError, SolveError
        As for `fit`.
    """
    began = perf_counter()
    problem = Problem(ratings, configuration)
    items = _random_side(ratings.n_items, configuration.n_factors, rng=rng)
    users = _random_side(ratings.n_users, configuration.n_factors, rng=rng)
    history: list[Sweep] = []
    with Workers.start(n_threads) as workers:
        users = half_step(problem, users, items, role="user", workers=workers)
        for sweep in range(1, configuration.n_sweeps + 1):
            last = sweep == configuration.n_sweeps
            items = half_step(problem, items, users, role="item", workers=workers)
            solve = exact_half_step if last else half_step
            users = solve(problem, users, items, role="user", workers=workers)
            loss, rmse = objective(problem, users, items, workers=workers)
            seconds = perf_counter() - began
            history.append(
                Sweep(name, sweep, configuration.n_sweeps, rmse, loss, seconds)
            )
            if on_sweep is not None:
                on_sweep(history[-1])
    head = Head(
        configuration=configuration,
        global_mean=problem.offset,
        item_biases=_read_only(items.biases),
        item_factors=_read_only(items.factors),
        residual_variance=history[-1].rmse ** 2,
        unobserved=_unobserved(items),
    )
    return Training(head, users, tuple(history))


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

    Returns
    -------
    Side

    Raises
    ------
    SolveError
        A system is singular.
    """
    configuration = problem.configuration
    if configuration.solver == "cholesky":
        return exact_half_step(problem, current, other, role=role, workers=workers)
    ratings, weights = problem.rows(role), problem.weights(role)
    rows = Rows(ratings.indptr, ratings.indices, ratings.values)
    fixed = _fixed_part(problem, other, np.float32)
    result = Side(current.factors.copy(), current.biases.copy())

    def solve(first: int, last: int) -> None:
        n_steps = configuration.n_gradient_steps
        solve_rows_by_gradient(rows, first, last, fixed, weights, n_steps, result)

    workers.share(ratings, configuration.n_factors, solve)
    return result


def exact_half_step(
    problem: Problem, current: Side, other: Side, *, role: Role, workers: Workers
) -> Side:
    """`half_step`, by Cholesky factors whatever the configuration says."""
    ratings, weights = problem.rows(role), problem.weights(role)
    rows = Rows(ratings.indptr, ratings.indices, ratings.values)
    fixed = _fixed_part(problem, other, np.float64)
    result = Side(np.empty_like(current.factors), np.empty_like(current.biases))

    def solve(first: int, last: int) -> None:
        failed = solve_rows_exactly(
            rows, first, last, fixed, weights, _REFINEMENTS, result
        )
        if failed >= 0:
            raise SolveError(
                f"the system of {role} row {failed} is singular; raise the weights"
            )

    workers.share(ratings, problem.configuration.n_factors, solve)
    return result


def objective(
    problem: Problem, users: Side, items: Side, *, workers: Workers
) -> tuple[float, float]:
    """Compute the loss that training minimises, and the RMSE on its ratings.

    The sum over all pairs costs no more than two Gram matrices::

        sum_ui (b_u + b_i + p_u'q_i)^2 = <sum_u x_u x_u', sum_i y_i y_i'>,
        x_u = (p_u, b_u, 1),  y_i = (q_i, 1, b_i)

    Returns
    -------
    loss : float
        As in `Configuration`.
    rmse : float
        In stars.
    """
    ratings, configuration = problem.rows("user"), problem.configuration
    rows = Rows(ratings.indptr, ratings.indices, ratings.values)
    fixed = _fixed_part(problem, items, np.float64)
    errors, scores = np.empty(ratings.n_rows), np.empty(ratings.n_rows)

    def add_up(first: int, last: int) -> None:
        sum_squares(rows, first, last, fixed, users, errors, scores)

    workers.share(ratings, configuration.n_factors, add_up)
    loss = float(errors.sum())
    if configuration.unobserved_weight > 0:
        swap = [*range(configuration.n_factors), -1, -2]
        all_pairs = np.vdot(_gram(users)[np.ix_(swap, swap)], _gram(items))
        loss += configuration.unobserved_weight * float(all_pairs - scores.sum())
    loss += _penalty(users, problem.weights("user"))
    loss += _penalty(items, problem.weights("item"))
    return loss, float(np.sqrt(errors.sum() / problem.ratings.n_ratings))


def _penalty(side: Side, weights: Weights) -> float:
    """Regularization of one side."""
    squares = np.square(side.factors, dtype=np.float64).sum(axis=1)
    squared_biases = np.square(side.biases, dtype=np.float64)
    return float(weights.factors @ squares + weights.biases @ squared_biases)


def _random_side(n_rows: int, n_factors: int, *, rng: np.random.Generator) -> Side:
    """Factors small enough that the first half-step is mostly about biases."""
    factors = rng.standard_normal((n_rows, n_factors), dtype=np.float32)
    factors *= np.float32(_INITIAL_SCALE)
    return Side(factors, np.zeros(n_rows, dtype=np.float32))


def _gram(side: Side) -> ExactMatrix:
    """``sum (q, 1, b)(q, 1, b)'`` in a fixed order, whatever the number of threads."""
    size = side.factors.shape[1] + 2
    lower = np.zeros((size, size))
    add_gram_of_rows(side.factors, side.biases, lower)
    return lower + np.tril(lower, -1).T


def _unobserved(side: Side) -> Unobserved:
    gram = _gram(side)
    return Unobserved(
        gram=_read_only(np.ascontiguousarray(gram[:-1, :-1])),
        moment=_read_only(-gram[-1, :-1]),
    )


def _fixed_part(
    problem: Problem, other: Side, dtype: type[np.float32 | np.float64]
) -> Fixed:
    """Gather what the systems of all rows share."""
    alpha, size = problem.configuration.unobserved_weight, other.factors.shape[1] + 1
    if alpha > 0:
        totals = _unobserved(other)
        gram, moment = totals.gram.astype(dtype), totals.moment.astype(dtype)
    else:
        gram, moment = np.zeros((size, size), dtype), np.zeros(size, dtype)
    return Fixed(other.factors, other.biases, problem.offset, alpha, gram, moment)


def _read_only(array: _Array) -> _Array:
    array.setflags(write=False)
    return array
