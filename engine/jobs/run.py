"""One training job, from ratings to a model and its card; no database in here.

Held-out ratings are for the card only: a first fit, on the other part of the data, is
measured on them, and the model that is published is then trained on everything.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

import engine
from engine.arrays import read_only
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import HeldOut, Split, split_by_user
from engine.evaluation.compare import (
    Estimate,
    ItemMean,
    Measured,
    Ordering,
    Popularity,
    Recommender,
    Trained,
    estimate,
    measure,
)
from engine.insights import genres_of
from engine.jobs.job import Job
from engine.jobs.memory import peak_bytes, reset_peak
from engine.model.files import Json
from engine.model.heads import Head, Model, RidgeConfig, VariationalConfig
from engine.paper.training import PaperSweep, fit_paper
from engine.serving.fold_in import fold_in
from engine.training import fit as als
from engine.training.fit import Training

Fit: TypeAlias = Literal["evaluation", "publication"]

PARITY_USERS = 200


class Observer(Protocol):
    """Whoever follows a job; what it raises ends the job."""

    def stage(self, name: str) -> None:
        """Learn what the job does now."""
        ...

    def sweep(self, values: dict[str, Any], progress: float) -> None:
        """Learn of a sweep, and of the share of all sweeps' work that is done."""
        ...

    def measured(self, metrics: list[Json]) -> None:
        """Learn how all methods measured so far have done."""
        ...


@dataclass(frozen=True)
class Result:
    """A model and what its card says."""

    model: Model
    details: dict[str, Json]


class Trainer:
    """Does one job on one snapshot of the ratings, and of votes beside them.

    Only ratings are held out and counted; votes are no more than trained on, by the
    default heads. The paper's models know ratings alone.
    """

    def __init__(
        self,
        ratings: Ratings,
        genres: Sequence[Sequence[str]],
        item_features: FeatureMatrix,
        *,
        votes: Ratings | None = None,
        job: Job,
        observer: Observer,
    ) -> None:
        self.ratings = ratings
        self.votes = votes
        self.genres = genres
        self.item_features = item_features
        self.job = job
        self.observer = observer
        self.done = 0.0
        self.total = sum(self._work())

    def run(self) -> Result:
        """Measure on held-out ratings if wanted, then train on all."""
        began = time.perf_counter()
        reset_peak()
        evaluation: Json = None
        if self.job.is_evaluated(self.ratings.n_ratings):
            evaluation = self.evaluate()
        self.observer.stage("training on all ratings")
        model = self._publication()
        details: dict[str, Json] = {
            "seed": self.job.seed,
            "preset": self.job.preset,
            "code_version": version("cinefold"),
            "wall_seconds": time.perf_counter() - began,
            "peak_bytes": peak_bytes(),
            "evaluation": evaluation,
        }
        return Result(model, details)

    def _work(self) -> Iterator[float]:
        """Yield the cost of each fit in multiply-adds, more or less."""
        heads: list[RidgeConfig | VariationalConfig]
        heads = [self.job.rating_head, self.job.ranking_head]
        if self.job.is_evaluated(self.ratings.n_ratings):
            heads += [*heads, als.BIASES]
        for configuration in heads:
            yield configuration.n_sweeps * self._cost(configuration)

    def _cost(self, configuration: RidgeConfig | VariationalConfig) -> float:
        """Estimate one sweep: gather the rows' systems, then solve them.

        Learning the weights about doubles that; progress needs no more than "about".
        """
        side = configuration.n_factors + 1
        n_rows = self.ratings.n_users + self.ratings.n_items
        exact = side**2 * self.ratings.n_ratings + side**3 * n_rows / 3
        if isinstance(configuration, VariationalConfig):
            return 2 * exact
        if configuration.solver == "conjugate_gradient":
            return 4.0 * side * configuration.n_gradient_steps * self.ratings.n_ratings
        return exact

    def _reporter(
        self,
        fit: Fit,
        configuration: RidgeConfig | VariationalConfig,
        *,
        name: str | None = None,
    ) -> Callable[[als.Sweep], None]:
        """Report the sweeps of a head; of a model outside the card only progress."""
        cost = self._cost(configuration)

        def report(sweep: als.Sweep) -> None:
            self.done += cost
            values = {**asdict(sweep), "fit": fit, "head": name or sweep.head}
            self.observer.sweep(values, min(self.done / self.total, 1.0))

        return report

    def evaluate(self) -> Json:
        """Train on a part, measure on the rest, beside three simple methods."""
        self.observer.stage("holding ratings out")
        job = self.job
        split = hold_out(self.ratings, seed=job.seed, test_share=job.test_share)
        taught = replace(split, train=self._with_votes(split.train))
        parity = 0.0
        metrics: list[Json] = []
        for name, build in self._methods(split, taught).items():
            self.observer.stage(f"evaluation: {name}")
            recommender = build()
            metrics.append(describe(name, measure(recommender, split)))
            self.observer.measured(metrics)
            if isinstance(recommender, Trained):
                parity = max(parity, fold_in_parity(taught.train, recommender.training))
        return {
            "test_share": self.job.test_share,
            "n_train": split.train.n_ratings,
            "n_test": len(split.test.values),
            "fold_in_parity": parity,
            "methods": metrics,
        }

    def _with_votes(self, ratings: Ratings) -> Ratings:
        return ratings if self.votes is None else ratings.joined(self.votes)

    def _methods(
        self, split: Split, taught: Split
    ) -> dict[str, Callable[[], Recommender]]:
        """Name what is measured; what knows weights learns from votes as well."""
        train, job = split.train, self.job

        def biases() -> Trained:
            return Trained(self._fit_head(taught, als.BIASES, name="biases"))

        def rating_head() -> Recommender:
            if job.paper is not None:
                return Placed(*self._fit_paper(train, "evaluation", test=split.test))
            return Trained(self._fit_head(taught, job.rating_head, name="rating"))

        def ranking_head() -> Trained:
            return Ordering(self._fit_head(taught, job.ranking_head, name="ranking"))

        return {
            "popularity": lambda: Popularity.of(train),
            "item mean": lambda: ItemMean.of(train),
            "biases": biases,
            "rating head": rating_head,
            "ranking head": ranking_head,
        }

    def _fit_head(
        self,
        split: Split,
        configuration: RidgeConfig | VariationalConfig,
        *,
        name: Literal["biases", "rating", "ranking"],
    ) -> Training:
        is_ranking = name == "ranking"
        return als.fit_head(
            split.train,
            configuration,
            name="ranking" if is_ranking else "rating",
            item_features=self.item_features,
            test=None if is_ranking else split.test,
            on_sweep=self._reporter("evaluation", configuration, name=name),
            rng=np.random.default_rng([self.job.seed, 1]),
        )

    def _publication(self) -> Model:
        """Train both heads on all ratings."""
        job, is_paper = self.job, self.job.paper is not None
        # `fit` trains two heads; where the paper's takes the place of the first, that
        # one is a moment's work.
        first = als.BIASES if is_paper else job.rating_head
        reports = {
            "rating": self._reporter("publication", first),
            "ranking": self._reporter("publication", job.ranking_head),
        }

        def on_sweep(sweep: als.Sweep) -> None:
            if not (is_paper and sweep.head == "rating"):
                reports[sweep.head](sweep)

        model = als.fit(
            self._with_votes(self.ratings),
            rating=first,
            ranking=job.ranking_head,
            item_features=self.item_features,
            on_sweep=on_sweep,
            rng=np.random.default_rng(job.seed),
        )
        counts = read_only(self.ratings.by_item.counts)  # of stars alone
        model = replace(model, item_counts=counts, n_ratings=self.ratings.n_ratings)
        if not is_paper:
            return model
        head, _ = self._fit_paper(self.ratings, "publication", test=None)
        return replace(model, rating=head)

    def _fit_paper(
        self, ratings: Ratings, fit: Fit, *, test: HeldOut | None
    ) -> tuple[Head, Ratings]:
        configuration = self.job.paper
        assert configuration is not None  # noqa: S101 - asked for by its preset
        cost = self._cost(configuration.of_head())

        def report(sweep: PaperSweep) -> None:
            self.done += cost
            values = asdict(sweep)
            values["rmse"] = values.pop("train_rmse")
            values |= {"fit": fit, "head": "rating"}
            self.observer.sweep(values, min(self.done / self.total, 1.0))

        training = fit_paper(
            ratings,
            configuration,
            item_features=genres_of(self.genres).membership.astype(np.float64),
            test=test,
            on_sweep=report,
            rng=np.random.default_rng([self.job.seed, 2]),
        )
        return training.head, ratings


def hold_out(ratings: Ratings, *, seed: int, test_share: float) -> Split:
    """Set aside what a run is measured on."""
    return split_by_user(
        ratings, test_share=test_share, rng=np.random.default_rng(seed)
    )


@dataclass(frozen=True)
class Placed:
    """A head whose users are folded in, as the service does."""

    head: Head
    ratings: Ratings

    def scores(self, user_index: int) -> Any:  # noqa: ANN401 - a vector of the engine
        """Scores of all items for one user."""
        return self.head.scores(
            fold_in(self.head, *self.ratings.by_user.row(user_index))
        )

    def predict(self, held_out: HeldOut) -> Any:  # noqa: ANN401 - a vector of the engine
        """Predicted stars, user by user."""
        predicted = np.empty(len(held_out.values), dtype=np.float32)
        order = np.argsort(held_out.user_indices, kind="stable")
        users, starts = np.unique(held_out.user_indices[order], return_index=True)
        for user, mine in zip(users, np.split(order, starts[1:]), strict=True):
            predicted[mine] = self.scores(int(user))[held_out.item_indices[mine]]
        return predicted


def fold_in_parity(train: Ratings, training: Training) -> float:
    """Find the largest difference of folded-in users to those that training left."""
    largest = 0.0
    for user in range(0, train.n_users, max(1, train.n_users // PARITY_USERS)):
        rows = train.by_user
        folded_user = fold_in(
            training.head, *rows.row(user), weights=rows.weights_of(user)
        )
        trained = training.users
        factors = np.abs(folded_user.factors - trained.factors[user]).max(initial=0.0)
        bias = abs(folded_user.bias - float(trained.biases[user]))
        largest = max(largest, float(factors), bias)
    return largest


def describe(name: str, measured: Measured) -> Json:
    """Write one method's figures with their 95 % intervals as plain JSON."""
    stars: dict[str, Json] = {"rmse": None, "mae": None}
    if measured.squares is not None and measured.sizes is not None:
        stars["rmse"] = plain(estimate([measured.squares], transform=np.sqrt))
        stars["mae"] = plain(estimate([measured.sizes]))
    return {
        "name": name,
        **stars,
        "ndcg": plain(estimate([measured.ndcg])),
        "recall": plain(estimate([measured.recall])),
        "coverage": measured.coverage,
    }


def plain(value: Estimate) -> Json:
    """Write an estimate as JSON, which has no NaN; None where nobody counts."""
    return asdict(value) if math.isfinite(value.value) else None


def training_source() -> tuple[str, dict[str, str]]:
    """Read the code that trains; return its SHA-256 and the module texts by path."""
    folder = Path(engine.__file__).parent
    modules = {
        path.relative_to(folder.parent).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*.py"))
    }
    text = json.dumps(modules, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest(), modules
