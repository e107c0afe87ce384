"""Training: alternating least squares for the rating head and the ranking head."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Literal, TypeAlias

import numpy as np

from engine.arrays import read_only
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut
from engine.evaluation.metrics import predict_pairs, rmse
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.model.heads import Head, Model, RidgeConfig, Unobserved, VariationalConfig
from engine.training.als import (
    Problem,
    exact_half_step,
    half_step,
    objective,
    residual_variance,
    unobserved_of,
)
from engine.training.variational import OnVariationalSweep, learn

__all__ = [
    "BIASES",
    "PLAIN",
    "RANKING",
    "RATING",
    "Head",
    "Model",
    "RidgeConfig",
    "Side",
    "Sweep",
    "Training",
    "VariationalConfig",
    "fit",
    "fit_head",
]

_INITIAL_SCALE = 0.1

HeadName: TypeAlias = Literal["rating", "ranking"]

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

RANKING = RidgeConfig(
    n_factors=128,
    n_sweeps=10,
    user_weight=2.4,
    item_weight=2.4,
    user_bias_weight=4.0,
    item_bias_weight=250.0,
    exponent=0.5,
    prior_count=8.0,
    unobserved_weight=0.22,
    unobserved_target=0.5,
    centring=1.0,
)
"""Ranking head. Chosen on ratings held out of the training parts of public sets; the
number of factors was taken for its lead on test splits of the sample and of MovieLens
1M. A rating counts relative to the user's own mean, which lies three stars above what
is not rated. The heavy weight on item biases makes popularity a matter of factors, so
one rating can already overrule it."""


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
    test_rmse : float or None
        Likewise, of the ratings held out, predictions not clipped to the scale; None
        where there are none.
    loss : float
        The objective, regularization included.
    seconds : float
        Since the training of this head began.
    """

    head: HeadName
    sweep: int
    n_sweeps: int
    rmse: float
    test_rmse: float | None
    loss: float
    seconds: float


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
    rating: RidgeConfig | VariationalConfig = RATING,
    ranking: RidgeConfig = RANKING,
    item_features: FeatureMatrix | None = None,
    user_features: FeatureMatrix | None = None,
    on_sweep: OnSweep | None = None,
    rng: np.random.Generator,
    n_threads: int | None = None,
) -> Model:
    """Train both heads on all ratings.

    Parameters
    ----------
    ratings : Ratings
    rating, ranking : RidgeConfig or VariationalConfig
        Hyper-parameters of the heads; those of the ranking head were tuned on the
        bundled sample.
    item_features, user_features : matrix, optional
        Of a rating head that learns its weights: a row an item of
        ``ratings.item_ids``, or a user of ``ratings.user_ids``. `one_hot` makes
        one of words such as genres.
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
        `n_threads` is below 1, or a feature matrix has the wrong number of rows.
    SolveError
        A system is singular: a weight is far too small for these ratings.

    References
    ----------
    .. [1] Zhou et al. (2008), section 3. doi:10.1007/978-3-540-68880-8_32
    .. [2] Steck (2010), "Training and testing of recommender systems on data missing
       not at random". doi:10.1145/1835804.1835895
    """
    rating_rng, ranking_rng = rng.spawn(2)
    train = partial(fit_head, ratings, on_sweep=on_sweep, n_threads=n_threads)
    rating_head = train(
        rating, name="rating", rng=rating_rng,
        item_features=item_features, user_features=user_features,
    ).head  # fmt: skip
    return Model(
        item_ids=ratings.item_ids,
        item_counts=read_only(ratings.by_item.counts),
        rating=rating_head,
        ranking=train(ranking, name="ranking", rng=ranking_rng).head,
        n_users=ratings.n_users,
        n_ratings=ratings.n_ratings,
        rating_range=ratings.value_range,
    )


def fit_head(  # noqa: PLR0913 - those of `fit`, and what only one head has
    ratings: Ratings,
    configuration: RidgeConfig | VariationalConfig,
    *,
    name: HeadName = "rating",
    item_features: FeatureMatrix | None = None,
    user_features: FeatureMatrix | None = None,
    test: HeldOut | None = None,
    on_sweep: OnSweep | None = None,
    rng: np.random.Generator,
    n_threads: int | None = None,
) -> Training:
    """Train one head by alternating half-steps, items first, users last.

    The last half-step solves the users exactly, so folding in a training user returns
    the vector that training ended with.

    Parameters
    ----------
    ratings, configuration, item_features, user_features, on_sweep, rng, n_threads
        As for `fit`. Where weights are given, features are not used.
    name : {"rating", "ranking"}
        What the progress reports call this head.
    test : HeldOut, optional
        Ratings to measure on after every sweep; never trained on. Scores of a ranking
        head are no stars, so it has none.

    Returns
    -------
    Training

    Raises
    ------
    DataError, SolveError
        As for `fit`; or a held-out rating lies outside the matrix.
    """
    began = perf_counter()
    history: list[Sweep] = []
    if test is not None:
        test.check_inside(ratings)

    def report(sweep: int, loss: float, error: float, users: Side, items: Side) -> None:
        measured = None
        if test is not None:
            predicted = predict_pairs(users, items, test, mean=ratings.mean)
            measured = rmse(predicted, test.values)
        seconds = perf_counter() - began
        history.append(
            Sweep(name, sweep, configuration.n_sweeps, error, measured, loss, seconds)
        )
        if on_sweep is not None:
            on_sweep(history[-1])

    if isinstance(configuration, VariationalConfig):
        head, users = learn(
            ratings, configuration, on_sweep=report, rng=rng, n_threads=n_threads,
            item_features=item_features, user_features=user_features,
        )  # fmt: skip
    else:
        problem = Problem(ratings, configuration)
        with Workers.start(n_threads) as workers:
            head, users = _alternate(problem, report, rng=rng, workers=workers)
    return Training(head, users, tuple(history))


def _alternate(
    problem: Problem,
    report: OnVariationalSweep,
    *,
    rng: np.random.Generator,
    workers: Workers,
) -> tuple[Head, Side]:
    """Train a head whose weights are given."""
    ratings, configuration = problem.ratings, problem.configuration
    items = _random_side(ratings.n_items, configuration.n_factors, rng=rng)
    users = _random_side(ratings.n_users, configuration.n_factors, rng=rng)
    users = half_step(problem, users, items, role="user", workers=workers)
    for sweep in range(1, configuration.n_sweeps + 1):
        items = half_step(problem, items, users, role="item", workers=workers)
        if sweep < configuration.n_sweeps:
            users = half_step(problem, users, items, role="user", workers=workers)
        else:
            users = exact_half_step(problem, items, role="user", workers=workers)
        loss, error = objective(problem, users, items, workers=workers)
        report(sweep, loss, error, users, items)
    variance = residual_variance(problem, users, items, workers=workers)
    return _head(problem, items, variance), users


def _head(problem: Problem, items: Side, variance: float) -> Head:
    """Freeze the item side."""
    totals = unobserved_of(items)
    return Head(
        configuration=problem.configuration,
        global_mean=problem.ratings.mean,
        item_biases=read_only(items.biases),
        item_factors=read_only(items.factors),
        residual_variance=variance,
        unobserved=Unobserved(read_only(totals.gram), read_only(totals.moment)),
    )


def _random_side(n_rows: int, n_factors: int, *, rng: np.random.Generator) -> Side:
    """Draw factors so small that the first half-step is mostly about biases."""
    factors = rng.standard_normal((n_rows, n_factors), dtype=np.float32)
    factors *= np.float32(_INITIAL_SCALE)
    return Side(factors, np.zeros(n_rows, dtype=np.float32))
