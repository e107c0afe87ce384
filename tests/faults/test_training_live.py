"""A real worker and a real server: progress as it happens, cancelling, swapping."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from api.storage.embedded_postgres import server_url
from engine.model.files import load_model
from engine.serving.fold_in import fold_in
from tests.service import Service, running, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

SMALL = {"n_factors": 4, "n_sweeps": 4}
LONG = {"n_factors": 64, "n_sweeps": 100}
LOVED: list[dict[str, Any]] = [
    {"movie_id": 1, "value": 5.0},
    {"movie_id": 260, "value": 4.5},
]


@pytest.fixture
def service(copy_of_prepared, tmp_path) -> Iterator[Service]:
    with running(copy_of_prepared(), tmp_path / "log") as service:
        yield service


@pytest.fixture
def admin(service) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {service.create_key('admin')}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as client:
        yield client


def request_run(admin: httpx.Client, **body: Any) -> int:
    reply = admin.post("/training-runs", json=body)
    assert reply.status_code == 202, reply.text
    return int(reply.json()["id"])


def events(
    admin: httpx.Client, run_id: int, after: str = "0"
) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield (event, id, data) as they come."""
    path, headers = f"/training-runs/{run_id}/events", {"Last-Event-ID": after}
    fields: dict[str, str] = {}
    with admin.stream("GET", path, headers=headers) as reply:
        for line in reply.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield fields["event"], fields.get("id"), json.loads(fields["data"])
                fields = {}


def vote(service: Service) -> None:
    """Let MovieLens's user 1 like the first movie of their list."""
    headers = {"authorization": f"Bearer {service.create_key('serve')}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=30) as program:
        made = program.get("/recommendations/1?limit=1").json()
        movie = made["items"][0]["movie"]["id"]
        body = {"recommendation_id": made["recommendation_id"], "movie_id": movie}
        assert program.put("/feedback", json={**body, "vote": "like"}).is_success


def status_of(admin: httpx.Client, run_id: int) -> str:
    return str(admin.get(f"/training-runs/{run_id}").json()["status"])


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
    run = admin.get(f"/training-runs/{run_id}").json()
    card = admin.get(f"/models/{run['model_id']}").json()

    assert seen[-1] == "end"
    # Each head of both fits has four sweeps; none was lost, none came twice.
    assert len(numbers) == len(set(numbers)) == len(run["sweeps"]) == 16
    assert (run["status"], run["progress"]) == ("succeeded", 1)
    assert [each["name"] for each in run["metrics"]] == [
        "popularity", "item mean", "biases", "rating head", "ranking head"
    ]  # fmt: skip
    assert run["metrics"] == card["evaluation"]["methods"]
    figures = {each["name"]: each for each in run["metrics"]}
    assert figures["popularity"]["rmse"] is None
    for name in ("item mean", "biases", "rating head"):
        rmse = figures[name]["rmse"]
        assert 0.8 < rmse["low"] < rmse["value"] < rmse["high"] < 1.1
    assert figures["ranking head"]["ndcg"]["value"] > 0.1
    assert card["evaluation"]["fold_in_parity"] < 1e-5
    assert card["seed"] == 5
    assert card["parameters"]["rating"]["n_factors"] == 4
    assert card["n_changes_since"] == 0
    assert (card["n_votes"], card["vote_weight"]) == (n_votes, 0.25)
    assert card["wall_seconds"] > 0
    assert card["peak_bytes"] > 10_000_000
    assert card["is_active"]


def test_a_run_cancelled_at_work_stops_within_two_seconds(admin):
    before = admin.get("/models/active").json()["model"]
    run_id = request_run(admin, rating=LONG, ranking=LONG, evaluate="never")
    following = request_run(admin, rating=SMALL, ranking=SMALL, evaluate="never")
    wait_for(
        lambda: admin.get(f"/training-runs/{run_id}").json()["sweeps"],
        seconds=30,
        what="the first sweep",
    )

    reply = admin.post(f"/training-runs/{run_id}/cancel")
    # The worker is free when it takes up the next run.
    seconds = wait_for(
        lambda: status_of(admin, following) != "queued", seconds=10, what="the next run"
    )
    wait_for(
        lambda: status_of(admin, following) == "succeeded", seconds=30, what="its end"
    )

    run = admin.get(f"/training-runs/{run_id}").json()
    assert reply.json()["status"] == "cancelled"
    assert seconds < 2
    assert run["status"] == "cancelled"
    assert run["model_id"] is None
    assert 0 < len(run["sweeps"]) < 200
    assert admin.get("/models/active").json()["model"] != before


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

    last = list(events(admin, run_id))[-1][2]
    run = admin.get(f"/training-runs/{run_id}").json()
    reply = admin.post("/recommendations", json={"ratings": LOVED}).json()
    card = admin.get(f"/models/{run['model_id']}").json()

    assert (card["n_votes"], card["vote_weight"]) == (0, 0)
    assert last["status"] == "succeeded", last
    measured = [s for s in run["sweeps"] if s["fit"] == "evaluation"]
    rating = [s["test_rmse"] for s in measured if s["head"] == "rating"]
    assert len(rating) == 3
    assert all(0.7 < rmse < 1.3 for rmse in rating)
    assert reply["model"]["id"] == run["model_id"]
    assert all(0.5 <= item["predicted_rating"] <= 5 for item in reply["items"])


def test_swapping_under_load_loses_no_request_and_mixes_no_models(service, admin):
    run_id = request_run(admin, rating=SMALL, ranking=SMALL, evaluate="never")
    assert list(events(admin, run_id))[-1][2]["status"] == "succeeded"
    second = admin.get(f"/training-runs/{run_id}").json()["model_id"]
    first = next(
        model["id"] for model in admin.get("/models").json()["items"]
        if model["id"] != second
    )  # fmt: skip
    replies: list[httpx.Response] = []
    stop = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.url, timeout=30) as client:
            while not stop.is_set():
                body = {"ratings": LOVED}
                replies.append(client.post("/recommendations", json=body))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for model_id in [first, second] * 5:
        assert admin.post(f"/models/{model_id}/activate").status_code == 200
        time.sleep(0.2)
    stop.set()
    for asker in askers:
        asker.join()

    assert {reply.status_code for reply in replies} == {200}
    served = {reply.json()["model"]["id"] for reply in replies}
    assert served == {first, second}
    expected = {model_id: scores(service, model_id) for model_id in served}
    for reply in replies:
        known = expected[reply.json()["model"]["id"]]
        for item in reply.json()["items"]:
            assert abs(item["score"] - known[item["movie"]["id"]]) < 1e-4


def scores(service: Service, model_id: int) -> dict[int, Any]:
    """Score the whole catalogue with a model, outside the service."""
    runs = (service.data_dir / "models").iterdir()
    folder = sorted(runs, key=lambda path: int(path.name.split("-")[0]))[model_id - 1]
    model = load_model(folder)
    indices = model.item_indices_of([each["movie_id"] for each in LOVED])
    folded_user = fold_in(
        model.ranking, indices, np.array([each["value"] for each in LOVED])
    )
    return dict(
        zip(
            model.item_ids.tolist(),
            model.ranking.scores(folded_user).tolist(),
            strict=True,
        )
    )
