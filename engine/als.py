"""Training: alternating least squares for the rating head and the ranking head."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from engine import kernels
from engine.arrays import ExactMatrix, FactorMatrix, FloatVector
from engine.errors import DataError, SolveError
from engine.model import Configuration, Head, Model, Role, Unobserved
from engine.ratings import Ratings, SparseRows

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
    "Workers",
    "fit",
    "exact_half_step",
    "fit_head",
    "half_step",
    "objective",
]

_Array = TypeVar("_Array", bound=npt.NDArray[Any])

_INITIAL_SCALE = 0.1
_REFINEMENTS = 1

HeadName: TypeAlias = Literal["rating", "ranking"]

RATING = Configuration(
    n_factors=16,
    n_sweeps=20,
    user_weight=0.8,
    item_weight=0.8,
    user_bias_weight=3.0,
    item_bias_weight=2.0,
    exponent=0.5,
    prior_count=10.0,
)
"""Rating head."""

RANKING = Configuration(
    n_factors=48,
    n_sweeps=10,
    user_weight=0.5,
    item_weight=0.5,
    user_bias_weight=0.5,
    item_bias_weight=0.5,
    exponent=0.5,
    prior_count=10.0,
    unobserved_weight=0.1,
    unobserved_target=2.0,
)
"""Ranking head."""


@dataclass(frozen=True)
class Side:
    """Parameters of all users, or of all items.

    Attributes
    ----------
    biases : ndarray of float32, shape (n_rows,)
        In stars.
    factors : ndarray of float32, shape (n_rows, n_factors)
    """

    biases: FloatVector
    factors: FactorMatrix

    def copy(self) -> "Side":
        """Arrays of their own, to write into."""
        return Side(self.biases.copy(), self.factors.copy())


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
        """The ratings by user or by item."""
        return self.ratings.by_user if role == "user" else self.ratings.by_item

    def weights(self, role: Role) -> tuple[FloatVector, FloatVector]:
        """Regularization of each row's factors and bias."""
        counts = self.rows(role).counts
        bias_weight = self.configuration.bias_weight(role=role)
        return (
            self.configuration.factor_weights(counts, role=role),
            np.full(len(counts), bias_weight, dtype=np.float32),
        )


@dataclass(frozen=True)
class Training:
    """What training one head leaves behind: its item side, its users, its course."""

    head: Head
    users: Side
    sweeps: tuple[Sweep, ...]


OnSweep: TypeAlias = Callable[[Sweep], None]


class Workers:
    """Threads that share the rows of a half-step; results do not depend on them."""

    _SMALLEST_SHARE = 20_000  # multiply-adds below this are not worth a thread switch
    _LARGEST_NUMBER = 64  # of shares: enough to even out, few enough to hand out

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    @classmethod
    @contextmanager
    def start(cls, n_threads: int | None) -> Iterator["Workers"]:
        """Start `n_threads` threads, as many as there are processors by default."""
        count = n_threads or len(os.sched_getaffinity(0))
        with ThreadPoolExecutor(max_workers=count) as executor:
            yield cls(executor)

    def share(
        self, rows: SparseRows, n_factors: int, task: Callable[[int, int], int | None]
    ) -> list[int | None]:
        """Call ``task(first, last)`` for consecutive ranges of similar cost."""
        costs = (rows.indptr + np.arange(rows.n_rows + 1)) * (n_factors + 1)
        count = int(costs[-1]) // self._SMALLEST_SHARE
        count = min(max(count, 1), self._LARGEST_NUMBER)
        goals = np.linspace(0, costs[-1], count + 1)[1:-1]
        bounds = [0, *np.searchsorted(costs, goals).tolist(), rows.n_rows]
        return list(self._executor.map(task, bounds[:-1], bounds[1:]))


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
    if problem.configuration.solver == "cholesky":
        return exact_half_step(problem, current, other, role=role, workers=workers)
    configuration = problem.configuration
    rows, result = problem.rows(role), current.copy()
    system = _fixed_part(problem, other, np.float32)

    def solve(first: int, last: int) -> None:
        kernels.solve_rows_by_gradient(
            rows.indptr, rows.indices, rows.values, first, last, *system,
            *weights, configuration.n_gradient_steps, result.factors, result.biases,
        )  # fmt: skip

    weights = problem.weights(role)
    workers.share(rows, configuration.n_factors, solve)
    return result


def exact_half_step(
    problem: Problem, current: Side, other: Side, *, role: Role, workers: Workers
) -> Side:
    """`half_step`, by Cholesky factors whatever the configuration says."""
    rows, result = problem.rows(role), current.copy()
    system, weights = _fixed_part(problem, other, np.float64), problem.weights(role)

    def solve(first: int, last: int) -> None:
        failed = kernels.solve_rows_exactly(
            rows.indptr, rows.indices, rows.values, first, last, *system,
            *weights, _REFINEMENTS, result.factors, result.biases,
        )  # fmt: skip
        if failed >= 0:
            raise SolveError(
                f"the system of {role} row {failed} is singular; raise the weights"
            )

    workers.share(rows, problem.configuration.n_factors, solve)
    return result


def objective(
    problem: Problem, users: Side, items: Side, *, workers: Workers
) -> tuple[float, float]:
    """The loss that training minimises, and the RMSE on the training ratings.

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
    rows, configuration = problem.rows("user"), problem.configuration
    errors = np.empty(rows.n_rows)
    scores = np.empty(rows.n_rows)

    def add_up(first: int, last: int) -> None:
        kernels.sum_squares(
            rows.indptr, rows.indices, rows.values, first, last, items.factors,
            items.biases, problem.offset, users.factors, users.biases, errors, scores,
        )  # fmt: skip

    workers.share(rows, configuration.n_factors, add_up)
    loss = float(errors.sum())
    if configuration.unobserved_weight > 0:
        swap = [*range(configuration.n_factors), -1, -2]
        all_pairs = np.vdot(_gram(users)[np.ix_(swap, swap)], _gram(items))
        loss += configuration.unobserved_weight * float(all_pairs - scores.sum())
    for role, side in (("user", users), ("item", items)):
        factor_weights, bias_weights = problem.weights(role)
        loss += float(factor_weights @ np.square(side.factors, dtype=np.float64).sum(1))
        loss += float(bias_weights @ np.square(side.biases, dtype=np.float64))
    return loss, float(np.sqrt(errors.sum() / problem.ratings.n_ratings))


def _random_side(n_rows: int, n_factors: int, *, rng: np.random.Generator) -> Side:
    """Factors small enough that the first half-step is mostly about biases."""
    factors = rng.standard_normal((n_rows, n_factors), dtype=np.float32)
    factors *= np.float32(_INITIAL_SCALE)
    return Side(np.zeros(n_rows, dtype=np.float32), factors)


def _gram(side: Side) -> ExactMatrix:
    """``sum (q, 1, b)(q, 1, b)'`` in a fixed order, whatever the number of threads."""
    size = side.factors.shape[1] + 2
    lower = np.zeros((size, size))
    kernels.add_gram_of_rows(side.factors, side.biases, 0, len(side.biases), lower)
    return lower + np.tril(lower, -1).T


def _unobserved(side: Side) -> Unobserved:
    gram = _gram(side)
    return Unobserved(
        gram=_read_only(np.ascontiguousarray(gram[:-1, :-1])),
        moment=_read_only(-gram[-1, :-1]),
    )


def _fixed_part(
    problem: Problem, other: Side, dtype: type[np.float32 | np.float64]
) -> tuple[FactorMatrix, FloatVector, float, float, npt.NDArray[Any], npt.NDArray[Any]]:
    """What the systems of all rows share, in the order the kernels take it."""
    alpha = problem.configuration.unobserved_weight
    size = problem.configuration.n_factors + 1
    totals = (
        _unobserved(other)
        if alpha > 0
        else Unobserved(np.zeros((size, size)), np.zeros(size))
    )
    gram, moment = totals.gram.astype(dtype), totals.moment.astype(dtype)
    return other.factors, other.biases, problem.offset, alpha, gram, moment


def _read_only(array: _Array) -> _Array:
    array.setflags(write=False)
    return array
