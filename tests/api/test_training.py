"""Training runs: asked for and watched here, done by the worker."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from api.queries import training as queries
from api.services import training
from api.services.training import LOST_AFTER, MAX_QUEUED
from api.tables import Model, TrainingRun

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


async def test_runs_are_listed_newest_first(admin):
    run_ids = [(await admin.post("/training-runs")).json()["id"] for _ in range(3)]

    latest = (await admin.get("/training-runs?limit=2")).json()["items"]

    assert [run["id"] for run in latest] == run_ids[:0:-1]


async def test_a_run_shows_its_sweeps_in_the_order_of_work(admin, session, running):
    for head, sweep in (("ranking", 1), ("rating", 2), ("rating", 1)):
        values = {"head": head, "sweep": sweep, **SWEEP}
        await queries.add_sweep(session, running, values)
    await queries.beat(session, running, stage="training")
    await session.commit()

    run = (await admin.get(f"/training-runs/{running}")).json()
    last = await queries.last_sweep(session, running)

    assert run["status"] == "running"
    assert run["stage"] == "training"
    seen = [(sweep["head"], sweep["sweep"]) for sweep in run["sweeps"]]
    assert set(seen) == {("rating", 1), ("rating", 2), ("ranking", 1)}
    assert seen.index(("rating", 1)) < seen.index(("rating", 2))
    assert run["sweeps"][0]["rmse"] == 0.9
    assert last is not None


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
    assert await queries.last_sweep(session, running) is None
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
    assert await queries.model_folders(session) == {"first", "second"}


async def test_a_run_taken_from_its_worker_cannot_publish(session, running):
    await queries.fail_run(session, running, error="worker lost")

    published = await queries.publish(session, running, folder="second", manifest={})

    assert not published
    assert not await queries.beat(session, running, stage="publishing")
    assert await queries.model_folders(session) == {"first"}
    assert await status_of(session, running) == "failed"
