"""Training runs: asked for here, done by the worker."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from api.problems import NotFound, TooManyAttempts
from api.queries import training as queries
from api.schemas import (
    TrainingRunDetail,
    TrainingRunOut,
    TrainingRuns,
    TrainingSweepOut,
)

MAX_QUEUED = 10
RETRY_SECONDS = 60
# Beats come every two seconds; a run is lost after this long without one.
LOST_AFTER = timedelta(seconds=15)


async def request_run(session: AsyncSession) -> TrainingRunOut:
    """Queue a training run."""
    await queries.lock_queue(session)
    if await queries.count_queued(session) >= MAX_QUEUED:
        raise TooManyAttempts(RETRY_SECONDS)
    run_id = await queries.add_run(session)
    row = await queries.run(session, run_id)
    await session.commit()
    return TrainingRunOut.model_validate(row)


async def list_runs(session: AsyncSession, *, limit: int) -> TrainingRuns:
    """List the latest runs, newest first."""
    rows = await queries.latest_runs(session, limit=limit)
    return TrainingRuns(items=[TrainingRunOut.model_validate(row) for row in rows])


async def read_run(session: AsyncSession, *, run_id: int) -> TrainingRunDetail:
    """Read a run with its sweeps."""
    row = await queries.run(session, run_id)
    if row is None:
        raise NotFound
    sweeps = [
        TrainingSweepOut.model_validate(sweep)
        for sweep in await queries.sweeps(session, run_id)
    ]
    return TrainingRunDetail(**row._mapping, sweeps=sweeps)  # noqa: SLF001 - SQLAlchemy's public name


async def fail_lost_runs(session: AsyncSession) -> list[int]:
    """Fail the runs whose worker died; return their ids."""
    lost = await queries.fail_lost_runs(session, silence=LOST_AFTER)
    await session.commit()
    return lost
