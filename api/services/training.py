"""Training runs: requested and followed here, carried out by the worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from api.queries import training as queries
from api.schemas.training import (
    TrainingRunDetail,
    TrainingRunIn,
    TrainingRunOut,
    TrainingRunPage,
    TrainingSweepOut,
)
from api.services.auth import Principal, is_still_administrator
from api.settings import Settings
from api.storage.database import AnyRow
from api.tables import Model, TrainingSweep
from api.web import cursors
from api.web.problems import NotFound, TooManyAttempts, WrongState

MAX_QUEUED = 10
RETRY_SECONDS = 60
# Beats come every two seconds; a run is lost after this long without one.
LOST_AFTER = timedelta(seconds=15)
# After a run that brought no model, the schedule waits before it asks for another.
PAUSE_AFTER_FAILURE = timedelta(minutes=10)
# The remaining time cannot be estimated before this share of the work is done.
LEAST_PROGRESS = 0.02
FOLLOW_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15.0
UNFINISHED = frozenset({"queued", "running"})


async def request_run(
    session: AsyncSession, body: TrainingRunIn | None = None, *, reason: str = "request"
) -> TrainingRunOut:
    """Queue a training run."""
    await queries.lock_queue(session)
    if await queries.count_queued(session) >= MAX_QUEUED:
        raise TooManyAttempts(RETRY_SECONDS)
    parameters = (body or TrainingRunIn()).model_dump(exclude_none=True)
    run_id = await queries.add_run(session, parameters, reason=reason)
    row = await queries.run(session, run_id)
    assert row is not None  # noqa: S101 - just added
    await session.commit()
    return TrainingRunOut.model_validate(_fields(row))


async def request_due_run(session: AsyncSession, settings: Settings) -> None:
    """Queue a run if the settings say that it is time for one."""
    reason = await _due(session, settings)
    if reason is not None:
        await request_unless_waiting(session, TrainingRunIn(), reason=reason)


async def request_unless_waiting(
    session: AsyncSession,
    body: TrainingRunIn,
    *,
    reason: str = "request",
    pause: timedelta = PAUSE_AFTER_FAILURE,
) -> None:
    """Queue a run unless one is queued or running, or failed within the pause."""
    await queries.lock_queue(session)
    last = await queries.last_run(session)
    is_waiting = last is not None and (
        last[0] in UNFINISHED or (last[0] != "succeeded" and last[1] < pause)
    )
    if not is_waiting:
        parameters = body.model_dump(exclude_none=True)
        await queries.add_run(session, parameters, reason=reason)
    await session.commit()


async def _due(session: AsyncSession, settings: Settings) -> str | None:
    """Say why a run is due, if one is.

    The newest model counts, live or not: a model that fails its expectations must not
    be trained over and over.
    """
    newest = await queries.newest_trained(session)
    if newest is None:
        return None
    hours, limit = settings.retrain_every_hours, settings.retrain_after_ratings
    age = datetime.now(UTC) - newest.created_at
    if hours is not None and age >= timedelta(hours=hours):
        return "schedule"
    if limit is not None:
        n_changes = await changes_since(session, newest)
        if n_changes is not None and n_changes >= limit:
            return "ratings"
    return None


async def changes_since(session: AsyncSession, model: Model) -> int | None:
    """Count the ratings changed since a model's data were read, if that is known."""
    data: Mapping[str, Any] = model.manifest.get("details", {}).get("data", {})
    if "n_changes" not in data:
        return None
    return max(await queries.n_changes(session) - int(data["n_changes"]), 0)


async def list_runs(
    session: AsyncSession, *, limit: int, cursor: str | None
) -> TrainingRunPage:
    """Read one page of runs, newest first."""
    read = partial(queries.page, session)
    rows, next_cursor = await cursors.page_by_id(read, limit=limit, cursor=cursor)
    items = [TrainingRunOut.model_validate(_fields(row)) for row in rows]
    return TrainingRunPage(items=items, next_cursor=next_cursor)


async def read_run(session: AsyncSession, *, run_id: int) -> TrainingRunDetail:
    """Read a run with its sweeps."""
    row = await queries.run(session, run_id)
    if row is None:
        raise NotFound
    sweeps = [
        TrainingSweepOut.model_validate(sweep)
        for sweep in await queries.sweeps(session, run_id)
    ]
    return TrainingRunDetail.model_validate({**_fields(row), "sweeps": sweeps})


def _fields(row: AnyRow) -> dict[str, Any]:
    fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    eta_seconds = None
    if row.status == "running" and row.progress >= LEAST_PROGRESS:
        elapsed = (datetime.now(UTC) - row.started_at).total_seconds()
        eta_seconds = round(elapsed * (1 - row.progress) / row.progress, 1)
    return {**fields, "eta_seconds": eta_seconds}


async def cancel(session: AsyncSession, *, run_id: int) -> TrainingRunOut:
    """End a run; one at work stops before its next sweep."""
    is_cancelled = await queries.cancel_run(session, run_id)
    row = await queries.run(session, run_id)
    if row is None:
        raise NotFound
    if not is_cancelled:
        raise WrongState(f"the run has ended: {row.status}")
    await session.commit()
    return TrainingRunOut.model_validate(_fields(row))


async def follow(
    session: AsyncSession,
    *,
    run_id: int,
    after: int,
    reader: Principal,
    stopping: asyncio.Event,
) -> AsyncIterator[str]:
    """Check that a run exists and return its news from the sweep `after` on.

    The stream ends with the run, with the rights of its reader, or when the process is
    `stopping`; clients reconnect.
    """
    if await queries.run(session, run_id) is None:
        raise NotFound
    await session.commit()
    return _events(session, run_id, after, reader, stopping)


async def _events(
    session: AsyncSession,
    run_id: int,
    after: int,
    reader: Principal,
    stopping: asyncio.Event,
) -> AsyncIterator[str]:
    """Write server-sent events: each sweep once, the run whenever it has changed.

    Between looks the connection goes back to the pool, because a client may listen for
    hours.
    """
    last, quiet = None, 0.0
    while not stopping.is_set():
        sweeps = await queries.sweeps_after(session, run_id, after)
        row = await queries.run(session, run_id)
        is_allowed = await is_still_administrator(session, reader)
        await session.commit()
        if row is None or not is_allowed:
            return
        for sweep in sweeps:
            after = sweep.id
            yield _event("sweep", _sweep_json(sweep), number=after)
        run = TrainingRunOut.model_validate(_fields(row))
        state = run.model_dump(exclude={"eta_seconds"})
        if row.status not in UNFINISHED:
            yield _event("end", run.model_dump_json())
            return
        quiet = 0.0 if sweeps or state != last else quiet + FOLLOW_SECONDS
        if state != last:
            yield _event("run", run.model_dump_json())
        elif quiet >= KEEP_ALIVE_SECONDS:
            yield ": still here\n\n"
            quiet = 0.0
        last = state
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), FOLLOW_SECONDS)


def _sweep_json(sweep: TrainingSweep) -> str:
    return TrainingSweepOut.model_validate(sweep).model_dump_json()


def _event(name: str, data: str, *, number: int | None = None) -> str:
    identity = "" if number is None else f"id: {number}\n"
    return f"{identity}event: {name}\ndata: {data}\n\n"


async def fail_lost_runs(session: AsyncSession) -> list[int]:
    """Fail the runs whose worker died; return their ids."""
    lost = await queries.fail_lost_runs(session, silence=LOST_AFTER)
    await session.commit()
    return lost
