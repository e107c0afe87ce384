"""Train the heads of a model, whatever their families."""

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from engine.arrays import read_only
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut
from engine.errors import DataError
from engine.kernels.exact import Side
from engine.kernels.threads import Workers
from engine.model.configuration import (
    RANKING,
    RATING,
    HeadConfig,
    RankingConfig,
    RidgeConfig,
    VariationalConfig,
)
from engine.model.heads import Head, Model
from engine.paper import training as paper
from engine.paper.configuration import PaperConfig
from engine.training import als, variational
from engine.training import ranking as ranking_heads
from engine.training.sweeps import Figures, HeadName, Sweep, Training, TrainingData

_Train: TypeAlias = Callable[..., tuple[Head, Side]]
_TRAINERS: Mapping[type[HeadConfig], _Train] = {
    RidgeConfig: als.train,
    RankingConfig: ranking_heads.train,
    VariationalConfig: variational.train,
    PaperConfig: paper.train,
}

OnSweep: TypeAlias = Callable[[Sweep], Any]


def fit(
    ratings: Ratings,
    *,
    rating: HeadConfig = RATING,
    ranking: HeadConfig = RANKING,
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
    rating : HeadConfig
        Hyper-parameters of the rating head: a `VariationalConfig`, a `RidgeConfig`, or
        a `PaperConfig` such as one of `PAPER_PRESETS`.
    ranking : HeadConfig
        Hyper-parameters of the ranking head; the default was tuned on the bundled
        sample.
    item_features, user_features : matrix, optional
        Features for the rating head: one row for each item of ``ratings.item_ids``, or
        user of ``ratings.user_ids``. `one_hot` makes them from words such as genres. A
        `RidgeConfig` ignores them.
    on_sweep : callable, optional
        Called with a `Sweep` after each sweep; an exception that it raises stops the
        training and passes through.
    rng : numpy.random.Generator
        Draws the factors that training starts from.
    n_threads : int, optional
        All processors by default. The result is bit for bit the same for any number.

    Raises
    ------
    DataError
        `n_threads` is below 1, a feature matrix is missing, not finite or of a wrong
        shape, or ratings have weights that the family does not take.
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
    configuration: HeadConfig,
    *,
    name: HeadName = "rating",
    item_features: FeatureMatrix | None = None,
    user_features: FeatureMatrix | None = None,
    test: HeldOut | None = None,
    on_sweep: OnSweep | None = None,
    rng: np.random.Generator,
    n_threads: int | None = None,
) -> Training:
    """Train one head of any family.

    Users are solved for last and exactly, so folding in a training user returns the
    vector that training ended with.

    Parameters
    ----------
    ratings, configuration, item_features, user_features, on_sweep, rng, n_threads
        As for `fit`.
    name : {"biases", "rating", "ranking"}
        What the progress reports call this head.
    test : HeldOut, optional
        Ratings to measure on after every sweep; never trained on.

    Raises
    ------
    DataError, SolveError
        As for `fit`; or a held-out rating lies outside the matrix.
    """
    began = perf_counter()
    history: list[Sweep] = []
    if test is not None:
        test.check_inside(ratings)
    if ratings.by_user.weights is not None and not configuration.TAKES_WEIGHTS:
        raise DataError("this family of models takes no weights; leave them out")

    def report(figures: Figures) -> None:
        sweep = Sweep(
            head=name,
            sweep=len(history) + 1,
            n_sweeps=configuration.n_sweeps,
            seconds=perf_counter() - began,
            **figures._asdict(),
        )
        history.append(sweep)
        if on_sweep is not None:
            on_sweep(sweep)

    data = TrainingData(ratings, item_features, user_features, test)
    train = _TRAINERS[type(configuration)]
    with Workers.start(n_threads) as workers:
        head, users = train(
            data, configuration, report=report, rng=rng, workers=workers
        )
    return Training(head, users, tuple(history))
