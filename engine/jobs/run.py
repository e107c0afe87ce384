"""One training job, from ratings to a model and its card; no database in here.

Held-out ratings serve the model card only: a first fit, on the rest of the data, is
measured on them; the model that is published is then trained on everything.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np

import engine
from engine.arrays import read_only
from engine.data.features import FeatureMatrix
from engine.data.ratings import Ratings
from engine.data.splits import Split, split_by_user
from engine.evaluation.compare import Comparison, Estimate, Measured, estimate
from engine.insights import genres_of
from engine.jobs.job import Job
from engine.jobs.memory import peak_bytes, reset_peak
from engine.model.configuration import BIASES, HeadConfig
from engine.model.files import Json
from engine.model.heads import Model
from engine.serving.fold_in import fold_in
from engine.training.fit import fit
from engine.training.sweeps import HeadName, Sweep, Training

Fit: TypeAlias = Literal["evaluation", "publication"]

PARITY_USERS = 200


class Observer(Protocol):
    """Follows a job; an exception that it raises ends the job."""

    def stage(self, name: str) -> None:
        """Learn what the job does now."""
        ...

    def sweep(self, fit: Fit, sweep: Sweep, progress: float) -> None:
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

    Only ratings are held out and counted; votes are only trained on.
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
        self.item_features = item_features
        if job.features == "genres":
            self.item_features = genres_of(genres).membership.astype(np.float64)
        self.job = job
        self.observer = observer
        self.done = 0.0
        self.heads: Mapping[HeadName, HeadConfig] = {
            "biases": BIASES, "rating": job.rating_head, "ranking": job.ranking_head,
        }  # fmt: skip
        self.total = self._work()

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

    def _work(self) -> float:
        """Add up the work of all sweeps."""
        names: list[HeadName] = ["rating", "ranking"]
        if self.job.is_evaluated(self.ratings.n_ratings):
            names += [*self.heads]
        return sum(self.heads[name].n_sweeps * self._work_of(name) for name in names)

    def _work_of(self, name: HeadName) -> float:
        n_rows = self.ratings.n_users + self.ratings.n_items
        return self.heads[name].work(self.ratings.n_ratings, n_rows)

    def _reporter(self, fit: Fit) -> Callable[[Sweep], None]:
        def report(sweep: Sweep) -> None:
            self.done += self._work_of(sweep.head)
            self.observer.sweep(fit, sweep, min(self.done / self.total, 1.0))

        return report

    def evaluate(self) -> Json:
        """Train on a part, measure on the rest, beside simpler methods."""
        self.observer.stage("holding ratings out")
        job, parity = self.job, 0.0
        split = hold_out(self.ratings, seed=job.seed, test_share=job.test_share)
        train = self._with_votes(split.train)
        comparison = Comparison(
            rating=self.heads["rating"], ranking=self.heads["ranking"],
            item_features=self.item_features, seed=(job.seed, 1),
        )  # fmt: skip
        metrics: list[Json] = []
        for found in comparison.run(
            split,
            train=train,
            on_begin=lambda name: self.observer.stage(f"evaluation: {name}"),
            on_sweep=self._reporter("evaluation"),
        ):
            metrics.append(describe(found.name, found.measured))
            self.observer.measured(metrics)
            if found.training is not None:
                parity = max(parity, fold_in_parity(train, found.training))
        return {
            "test_share": self.job.test_share,
            "n_train": split.train.n_ratings,
            "n_test": len(split.test.values),
            "fold_in_parity": parity,
            "methods": metrics,
        }

    def _with_votes(self, ratings: Ratings) -> Ratings:
        return ratings if self.votes is None else ratings.joined(self.votes)

    def _publication(self) -> Model:
        """Train both heads on all ratings."""
        model = fit(
            self._with_votes(self.ratings),
            rating=self.heads["rating"],
            ranking=self.heads["ranking"],
            item_features=self.item_features,
            on_sweep=self._reporter("publication"),
            rng=np.random.default_rng(self.job.seed),
        )
        counts = read_only(self.ratings.by_item.counts)  # of stars alone
        return replace(model, item_counts=counts, n_ratings=self.ratings.n_ratings)


def hold_out(ratings: Ratings, *, seed: int, test_share: float) -> Split:
    """Set aside what a run is measured on."""
    return split_by_user(
        ratings, test_share=test_share, rng=np.random.default_rng(seed)
    )


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
