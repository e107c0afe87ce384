"""Training runs: asked for and watched here, done by the worker."""

import asyncio
import json
from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update

from api.queries import training as queries
from api.services import training
from api.services.auth import Principal
from api.services.training import LOST_AFTER, MAX_QUEUED
from api.settings import Settings
from api.tables import Model, Session, TrainingRun, User
from engine.model.configuration import RankingConfig, RidgeConfig, VariationalConfig

pytestmark = pytest.mark.anyio

UNKNOWN = 2_000_000_000
SWEEP = {"n_sweeps": 8, "rmse": 0.9, "loss": 1.5, "seconds": 0.1}


@pytest.fixture
async def running(session):
    """A run that a worker has claimed."""
    await queries.add_run(session)
    run_id = await queries.claim_run(session)
    await session.commit()
    return run_id


async def status_of(session, run_id: int) -> str:
    """Read a run's status from the database."""
    run = await session.get(TrainingRun, run_id, populate_existing=True)
    return str(run.status)


async def test_a_run_is_queued_and_found_where_the_reply_says(anonymous, alice, admin):
    assert (await anonymous.post("/training-runs")).status_code == 401
    assert (await alice.post("/training-runs")).status_code == 404

    reply = await admin.post("/training-runs")
    run = await admin.get(reply.headers["location"])

    assert reply.status_code == 202
    assert reply.json()["status"] == "queued"
    assert reply.json()["model_id"] is None
    assert run.json() == {**reply.json(), "sweeps": []}


async def test_the_queue_has_an_end(admin, session):
    replies = [await admin.post("/training-runs") for _ in range(MAX_QUEUED + 1)]

    assert [reply.status_code for reply in replies] == [202] * MAX_QUEUED + [429]
    assert replies[-1].headers["retry-after"] == "60"
    assert replies[-1].headers["content-type"] == "application/problem+json"
    assert await session.scalar(select(func.count(TrainingRun.id))) == MAX_QUEUED


async def test_runs_are_listed_newest_first_page_by_page(admin):
    run_ids = [(await admin.post("/training-runs")).json()["id"] for _ in range(3)]

    page = (await admin.get("/training-runs?limit=2")).json()
    cursor = page["next_cursor"]
    rest = (await admin.get(f"/training-runs?limit=2&cursor={cursor}")).json()

    assert [run["id"] for run in page["items"] + rest["items"]] == run_ids[::-1]
    assert rest["next_cursor"] is None


async def test_a_run_shows_its_sweeps_in_the_order_of_work(admin, session, running):
    for head, sweep in (("ranking", 1), ("rating", 2), ("rating", 1)):
        values = {"head": head, "sweep": sweep, **SWEEP}
        await queries.add_sweep(session, running, values)
    await queries.beat(session, running, stage="training")
    await session.commit()

    run = (await admin.get(f"/training-runs/{running}")).json()

    assert run["status"] == "running"
    assert run["stage"] == "training"
    seen = [(sweep["head"], sweep["sweep"]) for sweep in run["sweeps"]]
    assert set(seen) == {("rating", 1), ("rating", 2), ("ranking", 1)}
    assert seen.index(("rating", 1)) < seen.index(("rating", 2))
    assert run["sweeps"][0]["rmse"] == 0.9


async def test_the_best_measured_sweep_of_a_run_is_told_not_the_last(
    admin, session, running
):
    unmeasured = await queries.add_run(session)
    for sweep, test_rmse in ((1, 0.95), (2, 0.91), (3, 0.93)):
        values = {**SWEEP, "fit": "evaluation", "head": "rating", "sweep": sweep}
        await queries.add_sweep(session, running, {**values, "test_rmse": test_rmse})
    await session.commit()

    listed = (await admin.get("/training-runs")).json()["items"]

    assert {run["id"]: run["best_test_rmse"] for run in listed} == {
        running: 0.91,
        unmeasured: None,
    }


async def test_an_unknown_run_is_404(admin):
    assert (await admin.get(f"/training-runs/{UNKNOWN}")).status_code == 404


async def silence(session, run_id: int, time: timedelta) -> None:
    """Make a run's last heartbeat this old."""
    await session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id)
        .values(heartbeat_at=func.now() - time)
    )
    await session.commit()


async def test_a_run_whose_worker_is_silent_is_lost(admin, session, running):
    await silence(session, running, LOST_AFTER)
    assert await training.fail_lost_runs(session) == []

    await silence(session, running, LOST_AFTER + timedelta(seconds=1))
    lost = await training.fail_lost_runs(session)

    run = (await admin.get(f"/training-runs/{running}")).json()
    assert lost == [running]
    assert run["status"] == "failed"
    assert run["error"] == "worker lost"
    assert run["finished_at"] is not None
    assert await training.fail_lost_runs(session) == []


async def test_a_waiting_run_is_never_lost(admin, session):
    run_id = (await admin.post("/training-runs")).json()["id"]

    assert await training.fail_lost_runs(session) == []
    assert await status_of(session, run_id) == "queued"


async def test_one_run_is_worked_on_at_a_time_oldest_first(session):
    first, second = [await queries.add_run(session) for _ in range(2)]

    claimed = [await queries.claim_run(session) for _ in range(2)]
    await queries.fail_run(session, first, error="broken")
    claimed.append(await queries.claim_run(session))

    assert claimed == [first, None, second]
    assert await status_of(session, first) == "failed"


async def test_the_database_itself_allows_one_running_run(session):
    await queries.add_run(session)
    await queries.add_run(session)

    with pytest.raises(Exception, match="training_runs_one_running_idx"):
        await session.execute(text("UPDATE training_runs SET status = 'running'"))


async def test_a_run_given_back_starts_again_from_nothing(session, running):
    await queries.add_sweep(session, running, {"head": "rating", "sweep": 1, **SWEEP})

    await queries.requeue_run(session, running)

    assert await status_of(session, running) == "queued"
    assert await queries.sweeps(session, running) == []
    assert await queries.claim_run(session) == running


async def test_publishing_ends_the_run_and_activates_its_model_alone(
    admin, session, running
):
    published = await queries.publish(session, running, folder="second", manifest={})
    await session.commit()

    run = (await admin.get(f"/training-runs/{running}")).json()
    active = await session.scalars(select(Model).where(Model.is_active))
    assert published
    assert run["status"] == "succeeded"
    assert [model.id for model in active] == [run["model_id"]]
    assert set(await session.scalars(select(Model.folder))) == {"first", "second"}


async def test_a_run_taken_from_its_worker_cannot_publish(session, running):
    await queries.fail_run(session, running, error="worker lost")

    published = await queries.publish(session, running, folder="second", manifest={})

    assert not published
    assert not await queries.beat(session, running, stage="publishing")
    assert set(await session.scalars(select(Model.folder))) == {"first"}
    assert await status_of(session, running) == "failed"


# What a request may ask for.


async def test_a_request_is_stored_as_it_was_made(admin, session):
    body = {
        "preset": "plain",
        "rating": {"n_factors": 8, "user_weight": 0.5},
        "ranking": {"n_sweeps": 3},
        "seed": 7,
        "test_share": 0.2,
        "evaluate": "never",
    }

    run = (await admin.post("/training-runs", json=body)).json()

    expected = {**body, "activate": True}
    assert run["parameters"] == expected
    assert await queries.parameters(session, run["id"]) == expected
    assert (run["progress"], run["eta_seconds"], run["metrics"]) == (0, None, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rating": {"n_factors": 257}}, ["rating", "n_factors"]),
        ({"rating": {"n_factors": -1}}, ["rating", "n_factors"]),
        ({"rating": {"n_factors": 8.5}}, ["rating", "n_factors"]),
        ({"ranking": {"n_sweeps": 101}}, ["ranking", "n_sweeps"]),
        ({"ranking": {"n_sweeps": 0}}, ["ranking", "n_sweeps"]),
        ({"ranking": {"unobserved_weight": 1}}, ["ranking", "unobserved_weight"]),
        ({"rating": {"user_weight": 0}}, ["rating", "user_weight"]),
        ({"rating": {"user_weight": 1e300}}, ["rating", "user_weight"]),
        ({"rating": {"solver": "exec"}}, ["rating", "solver"]),
        ({"rating": {"n_threads": 2}}, ["rating", "n_threads"]),
        ({"test_share": 0}, ["test_share"]),
        ({"test_share": 0.51}, ["test_share"]),
        ({"seed": -1}, ["seed"]),
        ({"seed": 2**31}, ["seed"]),
        ({"evaluate": "perhaps"}, ["evaluate"]),
        ({"preset": "svd"}, ["preset"]),
        ({"preset": "latent", "rating": {"exponent": 1}}, []),
        ({"preset": "default", "rating": {"exponent": 1}}, []),
        ({"preset": "plain", "rating": {"rated_sets": True}}, []),
        ({"rating": {"n_factors": 0}}, []),
        ({"rating": {"rated_sets": 1}}, ["rating", "rated_sets"]),
        ({"preset": "bias", "rating": {"n_factors": 4}}, []),
        ({"preset": "features", "rating": {"n_factors": 0}}, []),
    ],
)
async def test_a_parameter_out_of_its_bounds_is_422(admin, session, body, field):
    reply = await admin.post("/training-runs", json=body)

    assert reply.status_code == 422
    fields = [error["field"][1 : len(field) + 1] for error in reply.json()["errors"]]
    assert field in fields
    assert await session.scalar(select(func.count(TrainingRun.id))) == 0


async def test_every_parameter_of_the_engine_can_be_set_and_has_its_bounds(anonymous):
    schemas = (await anonymous.get("/openapi.json")).json()["components"]["schemas"]

    properties = schemas["RatingParameters"]["properties"]

    ranking = schemas["RankingParameters"]["properties"]
    plain, learned, ranked = (
        {f.name for f in fields(c)}
        for c in (RidgeConfig, VariationalConfig, RankingConfig)
    )
    assert properties.keys() == plain | learned
    assert ranking.keys() == ranked
    for name, described in [*properties.items(), *ranking.items()]:
        first = described["anyOf"][0]
        if first["type"] in {"integer", "number"}:
            assert {"minimum", "exclusiveMinimum"} & first.keys(), name
            assert {"maximum", "exclusiveMaximum"} & first.keys(), name


# Cancelling.


@pytest.mark.parametrize("is_running", [True, False])
async def test_a_cancelled_run_has_ended_and_publishes_nothing(
    admin, session, is_running
):
    run_id = await queries.add_run(session)
    if is_running:
        await queries.claim_run(session)
    await session.commit()

    reply = await admin.post(f"/training-runs/{run_id}/cancel")

    assert reply.status_code == 200
    assert reply.json()["status"] == "cancelled"
    assert reply.json()["finished_at"] is not None
    assert await queries.claim_run(session) is None
    assert not await queries.advance(session, run_id, progress=0.5)
    assert not await queries.publish(session, run_id, folder="second", manifest={})


async def test_what_has_ended_cannot_be_cancelled(admin, session, running):
    await queries.fail_run(session, running, error="broken")
    await session.commit()

    assert (await admin.post(f"/training-runs/{running}/cancel")).status_code == 409
    assert (await admin.post(f"/training-runs/{UNKNOWN}/cancel")).status_code == 404
    assert await status_of(session, running) == "failed"


async def test_a_cancelled_run_keeps_its_sweeps_and_is_not_given_back(
    admin, session, running
):
    await queries.add_sweep(session, running, {"head": "rating", "sweep": 1, **SWEEP})
    await session.commit()
    await admin.post(f"/training-runs/{running}/cancel")

    await queries.requeue_run(session, running)

    assert await status_of(session, running) == "cancelled"
    assert len(await queries.sweeps(session, running)) == 1


# Following a run.


def parsed(stream: str) -> list[tuple[str, str | None, dict[str, Any]]]:
    """Read (event, id, data) of a stream of server-sent events."""
    events = []
    for block in stream.strip().split("\n\n"):
        parts = dict(line.split(": ", 1) for line in block.splitlines())
        events.append((parts["event"], parts.get("id"), json.loads(parts["data"])))
    return events


@pytest.fixture
async def ended(session, running):
    """A run that failed after three sweeps."""
    for sweep in (1, 2, 3):
        values = {"head": "rating", "sweep": sweep, **SWEEP}
        await queries.add_sweep(session, running, values)
    await queries.fail_run(session, running, error="broken")
    await session.commit()
    return running


@pytest.fixture
async def reader(session, admin) -> Principal:
    """An administrator who follows a run in a browser."""
    query = select(Session.token_hash).where(Session.user_id == admin.user_id)
    token_hash = await session.scalar(query)
    return Principal(
        admin.user_id, frozenset({"admin"}), session_hash=token_hash, is_admin=True
    )


async def test_events_tell_every_sweep_and_the_end(admin, ended):
    reply = await admin.get(f"/training-runs/{ended}/events")

    assert reply.headers["content-type"].startswith("text/event-stream")
    events = parsed(reply.text)
    assert [event for event, _, _ in events] == ["sweep"] * 3 + ["end"]
    assert [data["sweep"] for _, _, data in events[:3]] == [1, 2, 3]
    assert events[-1][2]["status"] == "failed"


async def test_a_listener_who_comes_back_gets_what_was_missed(admin, ended):
    path = f"/training-runs/{ended}/events"
    events = parsed((await admin.get(path)).text)
    second = events[1][1]

    again = await admin.get(path, headers={"Last-Event-ID": str(second)})

    assert parsed(again.text) == events[2:]


async def test_events_of_no_run_or_after_no_number_are_refused(admin, ended):
    path = f"/training-runs/{ended}/events"

    odd = await admin.get(path, headers={"Last-Event-ID": "first"})

    assert odd.status_code == 422
    assert (await admin.get(f"/training-runs/{UNKNOWN}/events")).status_code == 404


async def test_a_run_at_work_is_told_when_it_changes_and_kept_alive(
    session, running, reader, monkeypatch
):
    monkeypatch.setattr(training, "FOLLOW_SECONDS", 0.01)
    monkeypatch.setattr(training, "KEEP_ALIVE_SECONDS", 0.02)
    stream = await training.follow(
        session, run_id=running, after=0, reader=reader, stopping=asyncio.Event()
    )

    first = await anext(stream)
    quiet = await anext(stream)
    await queries.advance(session, running, progress=0.25)
    await session.commit()
    moved = await anext(stream)
    await session.execute(delete(TrainingRun))
    rest = [event async for event in stream]

    assert parsed(first)[0][2]["progress"] == 0
    assert quiet.startswith(":")
    assert parsed(moved)[0][2]["progress"] == 0.25
    assert parsed(moved)[0][2]["eta_seconds"] is not None
    assert rest == []


async def test_a_stream_ends_with_its_process(session, running, reader):
    stopping = asyncio.Event()
    stream = await training.follow(
        session, run_id=running, after=0, reader=reader, stopping=stopping
    )

    await anext(stream)
    stopping.set()
    rest = [event async for event in stream]

    assert rest == []


async def test_a_stream_ends_with_the_rights_of_its_reader(session, running, reader):
    stream = await training.follow(
        session, run_id=running, after=0, reader=reader, stopping=asyncio.Event()
    )

    await anext(stream)
    await session.execute(update(User).values(is_admin=False))
    await session.commit()
    rest = [event async for event in stream]

    assert rest == []


# Training again without being asked.


def settings_with(settings: Settings, **values: float) -> Settings:
    return settings.model_copy(update=values)


async def know_changes(session, n_changes: int) -> None:
    """Let the active model remember how many changes its data had seen."""
    details = {"data": {"n_changes": n_changes}}
    await session.execute(
        update(Model).where(Model.is_active).values(manifest={"details": details})
    )


async def reasons_of_runs(session) -> list[str]:
    oldest_first = select(TrainingRun.reason).order_by(TrainingRun.id)
    return list(await session.scalars(oldest_first))


async def test_without_a_setting_nothing_is_trained_again(session, settings):
    await training.request_due_run(session, settings)

    assert await reasons_of_runs(session) == []


async def test_after_enough_changes_a_run_is_due_once(session, settings, alice):
    await know_changes(session, await queries.n_changes(session))
    due = settings_with(settings, retrain_after_ratings=2)
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 4})
    await training.request_due_run(session, due)
    assert await reasons_of_runs(session) == []

    await alice.delete(f"/ratings/{alice.user_id}/1")
    for _ in range(2):
        await training.request_due_run(session, due)

    assert await reasons_of_runs(session) == ["ratings"]


async def test_a_model_refused_is_not_trained_over_and_over(session, settings, alice):
    await know_changes(session, await queries.n_changes(session))
    due = settings_with(settings, retrain_after_ratings=1)
    await alice.put(f"/ratings/{alice.user_id}/1", json={"value": 4})
    data = {"n_changes": await queries.n_changes(session)}
    run_id = await queries.add_run(session)
    await queries.claim_run(session)
    await queries.publish(
        session,
        run_id,
        folder="refused",
        manifest={"details": {"data": data}},
        refusal="fails expectations",
    )

    await training.request_due_run(session, due)

    assert await reasons_of_runs(session) == ["request"]


async def test_a_model_that_does_not_know_its_changes_is_not_replaced_for_them(
    session, settings
):
    due = settings_with(settings, retrain_after_ratings=1)

    await training.request_due_run(session, due)

    assert await reasons_of_runs(session) == []


async def test_an_old_model_is_replaced_on_schedule(session, settings):
    due = settings_with(settings, retrain_every_hours=24)
    await training.request_due_run(session, due)
    assert await reasons_of_runs(session) == []

    a_day_ago = func.now() - timedelta(hours=25)
    await session.execute(update(Model).values(created_at=a_day_ago))
    await training.request_due_run(session, due)

    assert await reasons_of_runs(session) == ["schedule"]


async def test_after_a_failure_the_schedule_pauses(session, settings):
    a_day_ago = func.now() - timedelta(hours=25)
    await session.execute(update(Model).values(created_at=a_day_ago))
    due = settings_with(settings, retrain_every_hours=24)
    run_id = await queries.add_run(session)
    await queries.claim_run(session)
    await queries.fail_run(session, run_id, error="broken")

    await training.request_due_run(session, due)
    assert await reasons_of_runs(session) == ["request"]
    long_ago = func.now() - training.PAUSE_AFTER_FAILURE
    await session.execute(update(TrainingRun).values(requested_at=long_ago))
    await training.request_due_run(session, due)

    assert await reasons_of_runs(session) == ["request", "schedule"]


async def test_without_a_model_the_schedule_has_nothing_to_replace(session, settings):
    await session.execute(delete(Model))

    await training.request_due_run(
        session, settings_with(settings, retrain_every_hours=1)
    )

    assert await reasons_of_runs(session) == []


async def test_every_change_of_a_rating_counts_once(session, alice):
    before = await queries.n_changes(session)
    path = f"/ratings/{alice.user_id}/1"

    await alice.put(path, json={"value": 4})
    await alice.put(path, json={"value": 2})
    await alice.delete(path)

    assert await queries.n_changes(session) == before + 3


async def test_every_rating_loaded_is_a_change(session):
    assert await queries.n_changes(session) == 100_004
