"""A real worker and a real server: progress as it happens, cancelling, swapping."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest

from api.clients.cinefold import Cinefold
from api.schemas.training import TrainingRunIn
from api.storage.embedded_postgres import server_url
from engine.model.files import load_model
from engine.serving.fold_in import fold_in
from tests.service import Service, running, wait_for

if TYPE_CHECKING:
    from api.schemas.recommendations import Recommendations

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

SMALL = {"n_factors": 4, "n_sweeps": 4}
LONG = {"n_factors": 64, "n_sweeps": 100}
LOVED = {1: 5.0, 260: 4.5}


@pytest.fixture
def service(copy_of_prepared, tmp_path) -> Iterator[Service]:
    with running(copy_of_prepared(), tmp_path / "log") as service:
        yield service


@pytest.fixture
def admin(service) -> Iterator[Cinefold]:
    with service.program("admin") as client:
        yield client


def request_run(admin: Cinefold, **body: Any) -> int:
    return admin.train(TrainingRunIn.model_validate(body)).id


def events(
    admin: Cinefold, run_id: int, after: str = "0"
) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield (event, id, data) as they come."""
    path, headers = f"/training-runs/{run_id}/events", {"Last-Event-ID": after}
    fields: dict[str, str] = {}
    with admin.http.stream("GET", path, headers=headers) as reply:
        for line in reply.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield fields["event"], fields.get("id"), json.loads(fields["data"])
                fields = {}


def vote(service: Service) -> None:
    """Let MovieLens's user 1 like the first movie of their list."""
    with service.program("serve") as program:
        made = program.recommendations(1, limit=1)
        assert made.recommendation_id is not None
        program.vote(made.recommendation_id, made.items[0].movie.id, "like")


def count_opinions(service: Service) -> int:
    """Count votes on movies that their users have not rated, also of other tests."""
    with (
        server_url(service.data_dir) as url,
        psycopg.connect(url.replace("+psycopg", "", 1)) as connection,
    ):
        row = connection.execute(
            "SELECT count(*) FROM opinions LEFT JOIN ratings USING (user_id, movie_id)"
            " WHERE value IS NULL"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_run_is_followed_live_and_again_after_a_lost_connection(service, admin):
    vote(service)
    n_votes = count_opinions(service)
    assert n_votes > 0
    run_id = request_run(admin, rating=SMALL, ranking=SMALL, seed=5)

    numbers, seen = [], []
    for event, number, data in events(admin, run_id):
        seen.append(event)
        if event == "sweep" and number is not None:
            numbers.append(number)
            if len(numbers) == 3:
                assert data["head"] == "rating"
                break
    for event, number, _ in events(admin, run_id, after=numbers[-1]):
        seen.append(event)
        if event == "sweep" and number is not None:
            numbers.append(number)
    run = admin.training_run(run_id)
    assert run.model_id is not None
    card = admin.model(run.model_id)

    assert seen[-1] == "end"
    # Each head of both fits has four sweeps; none was lost, none came twice.
    assert len(numbers) == len(set(numbers)) == len(run.sweeps) == 16
    assert (run.status, run.progress) == ("succeeded", 1)
    assert [each.name for each in run.metrics] == [
        "popularity", "item mean", "biases", "rating head", "ranking head"
    ]  # fmt: skip
    assert card.evaluation is not None
    assert run.metrics == card.evaluation.methods
    figures = {each.name: each for each in run.metrics}
    assert figures["popularity"].rmse is None
    for name in ("item mean", "biases", "rating head"):
        rmse = figures[name].rmse
        assert rmse is not None
        assert 0.8 < rmse.low < rmse.value < rmse.high < 1.1
    ndcg, parity = figures["ranking head"].ndcg, card.evaluation.fold_in_parity
    assert ndcg is not None
    assert ndcg.value > 0.1
    assert parity is not None
    assert parity < 1e-5
    assert card.seed == 5
    assert card.parameters["rating"]["n_factors"] == 4
    assert card.n_changes_since == 0
    assert (card.n_votes, card.vote_weight) == (n_votes, 0.25)
    assert (card.wall_seconds or 0) > 0
    assert (card.peak_bytes or 0) > 10_000_000
    assert card.is_active


def test_a_run_cancelled_at_work_stops_within_two_seconds(admin):
    before = admin.active_model().model
    run_id = request_run(admin, rating=LONG, ranking=LONG, evaluate="never")
    following = request_run(admin, rating=SMALL, ranking=SMALL, evaluate="never")
    wait_for(
        lambda: admin.training_run(run_id).sweeps,
        seconds=30,
        what="the first sweep",
    )

    cancelled = admin.cancel_training(run_id)
    # The worker is free when it takes up the next run.
    seconds = wait_for(
        lambda: admin.training_run(following).status != "queued",
        seconds=10,
        what="the next run",
    )
    done = admin.wait_for_training(following, timeout_seconds=30)

    run = admin.training_run(run_id)
    assert cancelled.status == run.status == "cancelled"
    assert done.status == "succeeded"
    assert seconds < 2
    assert run.model_id is None
    assert 0 < len(run.sweeps) < 200
    assert admin.active_model().model != before


def test_ctrl_c_ends_an_open_stream_at_once(service, admin):
    run_id = request_run(admin, rating=LONG, ranking=LONG, evaluate="never")
    news = events(admin, run_id)
    next(news)

    started = time.monotonic()
    status = service.end()
    seconds = time.monotonic() - started
    rest = [event for event, _, _ in news]

    assert status == 0
    assert seconds < 2
    assert "end" not in rest


@pytest.mark.parametrize("preset", ["bias", "latent", "features"])
def test_the_papers_models_are_trained_on_stars_and_serve(service, admin, preset):
    vote(service)
    body = {"preset": preset, "rating": {"n_sweeps": 3}, "ranking": SMALL}
    run_id = request_run(admin, **body)

    run = admin.wait_for_training(run_id)
    assert run.model_id is not None, run
    made = admin.recommend(LOVED)
    card = admin.model(run.model_id)

    assert (card.n_votes, card.vote_weight) == (0, 0)
    assert run.status == "succeeded"
    measured = [s for s in run.sweeps if s.fit == "evaluation"]
    rating = [s.test_rmse for s in measured if s.head == "rating"]
    assert len(rating) == 3
    assert all(0.7 < (rmse or 0) < 1.3 for rmse in rating)
    assert made.model is not None
    assert made.model.id == run.model_id
    assert all(0.5 <= (item.predicted_rating or 0) <= 5 for item in made.items)


def test_swapping_under_load_loses_no_request_and_mixes_no_models(service, admin):
    run_id = request_run(admin, rating=SMALL, ranking=SMALL, evaluate="never")
    second = admin.wait_for_training(run_id).model_id
    assert second is not None
    first = next(model.id for model in admin.models() if model.id != second)
    lists: list[Recommendations] = []
    stop = threading.Event()
    key = service.create_key("serve")

    def ask() -> None:
        with Cinefold(service.url, key, n_attempts=1) as client:
            while not stop.is_set():
                lists.append(client.recommend(LOVED))

    with ThreadPoolExecutor(3) as threads:
        askers = [threads.submit(ask) for _ in range(3)]
        for model_id in [first, second] * 5:
            admin.activate_model(model_id)
            time.sleep(0.2)
        stop.set()
    for asker in askers:
        asker.result()  # raises what a request was refused with

    assert {made.model and made.model.id for made in lists} == {first, second}
    expected = {model_id: scores(service, model_id) for model_id in (first, second)}
    for made in lists:
        assert made.model is not None
        known = expected[made.model.id]
        for item in made.items:
            assert abs((item.score or 0) - known[item.movie.id]) < 1e-4


def scores(service: Service, model_id: int) -> dict[int, Any]:
    """Score the whole catalogue with a model, outside the service."""
    runs = (service.data_dir / "models").iterdir()
    folder = sorted(runs, key=lambda path: int(path.name.split("-")[0]))[model_id - 1]
    model = load_model(folder)
    indices = model.item_indices_of(list(LOVED))
    folded_user = fold_in(model.ranking, indices, np.array(list(LOVED.values())))
    scores = model.ranking.scores(folded_user)
    return dict(zip(model.item_ids.tolist(), scores.tolist(), strict=True))
