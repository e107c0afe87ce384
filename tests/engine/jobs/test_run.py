"""One training job: what it measures, what it tells, what it leaves behind."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine import make_ratings, one_hot
from engine.data.ratings import Ratings
from engine.jobs import job
from engine.jobs.job import Job
from engine.jobs.run import Fit, Result, Trainer, training_source
from engine.model.configuration import PLAIN, RANKING, RATING, RidgeConfig
from engine.model.files import Json
from engine.serving.fold_in import fold_in
from engine.training.sweeps import Sweep

pytestmark = pytest.mark.compiled

SMALL = {"n_factors": 3, "n_sweeps": 2}
HEADS = {"rating": SMALL, "ranking": SMALL}


class Recorder:
    """Follows a job, and ends it after some sweeps if asked to."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.stages: list[str] = []
        self.sweeps: list[tuple[str, str, int]] = []
        self.test_errors: dict[tuple[str, str], list[float | None]] = {}
        self.progress: list[float] = []
        self.metrics: list[Json] = []
        self.stop_after = stop_after

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def sweep(self, fit: Fit, sweep: Sweep, progress: float) -> None:
        if len(self.sweeps) == self.stop_after:
            raise KeyboardInterrupt
        self.sweeps.append((fit, sweep.head, sweep.sweep))
        self.test_errors.setdefault((fit, sweep.head), []).append(sweep.test_rmse)
        self.progress.append(progress)

    def measured(self, metrics: list[Json]) -> None:
        self.metrics = list(metrics)


@pytest.fixture(scope="module")
def ratings():
    return make_ratings(rng=np.random.default_rng(0)).ratings


def trainer_of(
    ratings, recorder: Recorder | None = None, *, votes=None, **parameters: Any
) -> Trainer:
    genres = [["Drama"] if n % 2 else ["Comedy", "War"] for n in range(ratings.n_items)]
    job = Job.of({**HEADS, **parameters})
    features = one_hot(genres)
    observer = recorder or Recorder()
    return Trainer(ratings, genres, features, votes=votes, job=job, observer=observer)


def train(*arguments: Any, **parameters: Any) -> Result:
    return trainer_of(*arguments, **parameters).run()


def test_what_is_left_out_takes_the_engine_s_defaults():
    job = Job.of({"rating": {"n_sweeps": 9}})
    plain = Job.of({"preset": "plain", "rating": {"user_weight": 9.0}})

    assert job.ranking_head == RANKING
    assert job.rating_head == replace(RATING, n_sweeps=9)
    assert plain.rating_head == replace(PLAIN, user_weight=9.0)
    assert plain.takes_votes


def test_parameters_stored_by_earlier_versions_are_ignored():
    job = Job.of({"preset": "plain", "rating": {"solver": "conjugate_gradient"}})

    assert job.rating_head == PLAIN


def test_a_job_measures_on_a_part_and_trains_on_all(ratings):
    recorder = Recorder()

    result = train(ratings, recorder)

    evaluation: Any = result.details["evaluation"]
    fits = [sweep[:2] for sweep in recorder.sweeps]
    heads = [("evaluation", name) for name in ("biases", "rating", "ranking")]
    heads += [("publication", name) for name in ("rating", "ranking")]
    assert list(dict.fromkeys(fits)) == heads
    assert recorder.progress == sorted(recorder.progress)
    assert recorder.progress[-1] == pytest.approx(1)
    assert recorder.metrics == evaluation["methods"]
    assert evaluation["n_train"] + evaluation["n_test"] == ratings.n_ratings
    assert evaluation["fold_in_parity"] < 1e-5
    assert result.model.n_ratings == ratings.n_ratings
    assert recorder.stages[-1] == "training on all ratings"


def test_heads_that_predict_stars_are_measured_after_every_sweep(ratings):
    recorder = Recorder()

    evaluation: Any = train(ratings, recorder).details["evaluation"]

    errors = recorder.test_errors
    final = evaluation["methods"][3]["rmse"]["value"]
    assert errors[("evaluation", "rating")][-1] == pytest.approx(final, rel=0.05)
    assert all(error is not None for error in errors[("evaluation", "biases")])
    assert errors[("evaluation", "ranking")] == [None, None]
    assert errors[("publication", "rating")] == [None, None]


def test_the_figures_are_the_engine_s_own(ratings):
    evaluation: Any = train(ratings, test_share=0.1, seed=4).details["evaluation"]
    again: Any = train(ratings, test_share=0.1, seed=4).details["evaluation"]
    other: Any = train(ratings, test_share=0.3, seed=4).details["evaluation"]

    assert evaluation == again
    assert other["n_test"] > 2 * evaluation["n_test"]
    for method in evaluation["methods"]:
        for name in ("rmse", "mae", "ndcg", "recall"):
            estimate = method[name]
            if estimate is not None:
                assert estimate["low"] <= estimate["value"] <= estimate["high"]


def test_the_seed_decides_the_model(ratings):
    first, second, third = (
        train(ratings, seed=seed, evaluate="never").model.rating.item_factors
        for seed in (1, 1, 2)
    )

    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_large_sets_are_measured_only_on_request(ratings, monkeypatch):
    monkeypatch.setattr(job, "MAX_EVALUATED", ratings.n_ratings - 1)

    skipped, asked = Recorder(), Recorder()
    without = train(ratings, skipped).details["evaluation"]
    evaluation = train(ratings, asked, evaluate="always").details["evaluation"]

    assert without is None
    assert {fit for fit, _, _ in skipped.sweeps} == {"publication"}
    assert skipped.progress[-1] == pytest.approx(1)
    assert evaluation is not None


def test_what_is_measured_later_is_what_is_measured_before(ratings):
    later = trainer_of(ratings, evaluate="later")

    unmeasured = later.run()
    evaluation = later.evaluate()

    assert unmeasured.details["evaluation"] is None
    assert evaluation == train(ratings).details["evaluation"]
    assert later.job.is_evaluated_later(ratings.n_ratings)
    assert not later.job.is_evaluated_later(job.MAX_EVALUATED + 1)


@pytest.mark.parametrize(
    ("preset", "n_factors"), [("bias", 0), ("latent", 3), ("features", 3)]
)
def test_the_papers_models_take_the_place_of_the_rating_head(
    ratings, preset, n_factors
):
    rating = {"n_sweeps": 2} if preset == "bias" else SMALL
    recorder = Recorder()

    result = train(ratings, recorder, preset=preset, rating=rating)

    head = result.model.rating
    evaluation: Any = result.details["evaluation"]
    assert head.n_factors == n_factors
    assert isinstance(head.configuration, RidgeConfig)
    assert head.configuration.exponent == 0
    assert result.model.ranking.n_factors == 3
    assert recorder.progress[-1] == pytest.approx(1)
    assert all(later > earlier for earlier, later in pairwise(recorder.progress))
    assert np.isfinite(
        head.scores(fold_in(head, np.arange(2), np.array([5.0, 1.0])))
    ).all()
    assert evaluation["methods"][3]["rmse"]["value"] < 2
    assert evaluation["fold_in_parity"] < 1e-4
    assert not trainer_of(ratings, preset=preset, rating=rating).job.takes_votes


@pytest.fixture(scope="module")
def votes(ratings):
    """Likes of two users, one of whom rated nothing, and a dislike."""
    rated = ratings.user_ids[0], ratings.by_user.row(0)[0]
    free = np.setdiff1d(np.arange(ratings.n_items), rated[1])[:2]
    users = [rated[0], rated[0], ratings.user_ids[-1] + 1]
    items = ratings.item_ids[[*free, free[0]]]
    return make_votes(users, items, [4.5, 2.0, 4.5])


def make_votes(users, items, stars):
    return Ratings.from_arrays(users, items, stars, weights=[0.25] * len(stars))


def with_room_for(ratings, votes):
    """The same ratings with a row for every user who voted, as they are read."""
    rows = ratings.by_user
    return Ratings.from_arrays(
        ratings.user_ids[rows.row_of_each()],
        ratings.item_ids[rows.indices],
        rows.values,
        users=votes.user_ids,
        items=ratings.item_ids,
    )


def test_votes_are_trained_on_and_neither_held_out_nor_counted(ratings, votes):
    data = with_room_for(ratings, votes)

    without = train(data, seed=1)
    told = train(data, votes=votes, seed=1)

    first, second = told.model, without.model
    evaluations: Any = [each.details["evaluation"] for each in (told, without)]
    for head in ("rating", "ranking"):
        factors = [getattr(each, head).item_factors for each in (first, second)]
        assert not np.array_equal(*factors)
    for name in ("n_train", "n_test"):
        assert evaluations[0][name] == evaluations[1][name]
    methods = [{m["name"]: m for m in each["methods"]} for each in evaluations]
    for name in ("popularity", "item mean"):
        assert methods[0][name] == methods[1][name]
    for name in ("biases", "rating head"):
        assert methods[0][name] != methods[1][name]
    assert evaluations[0]["fold_in_parity"] < 1e-5
    assert first.n_ratings == second.n_ratings
    np.testing.assert_array_equal(first.item_counts, second.item_counts)


def test_an_observer_ends_a_job_between_two_sweeps(ratings):
    recorder = Recorder(stop_after=3)

    with pytest.raises(KeyboardInterrupt):
        train(ratings, recorder)

    assert len(recorder.sweeps) == 3


def test_the_peak_of_memory_is_told(ratings):
    told = train(ratings, evaluate="never").details["peak_bytes"]

    assert isinstance(told, int)
    assert told > ratings.n_ratings * 8


def test_the_source_is_that_of_engine_and_trainer():
    sha256, modules = training_source()

    assert len(sha256) == 64
    makers = {
        "engine/training/fit.py",
        "engine/kernels/exact.py",
        "engine/jobs/job.py",
        "engine/jobs/run.py",
    }
    assert makers <= modules.keys()
    assert training_source() == (sha256, modules)
