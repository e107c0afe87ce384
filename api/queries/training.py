"""SQL of training runs, their sweeps and the models they publish."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Interval,
    delete,
    func,
    insert,
    select,
    text,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from api.queries.models import make_active
from api.storage.database import AnyRow, AnySelect
from api.tables import Model, Movie, MovieStatistics, TrainingRun, TrainingSweep


def _runs() -> AnySelect:
    best = select(func.min(TrainingSweep.test_rmse))
    return select(
        *TrainingRun.__table__.columns,
        Model.id.label("model_id"),
        best.where(TrainingSweep.run_id == TrainingRun.id)
        .scalar_subquery()
        .label("best_test_rmse"),
    ).outerjoin(Model, Model.run_id == TrainingRun.id)


async def add_run(
    session: AsyncSession,
    parameters: Mapping[str, Any] | None = None,
    *,
    reason: str = "request",
) -> int:
    """Queue a run and wake the worker at commit."""
    statement = insert(TrainingRun).values(parameters=parameters or {}, reason=reason)
    run_id = (await session.execute(statement.returning(TrainingRun.id))).scalar_one()
    await session.execute(text("NOTIFY training_queued"))
    return run_id


async def count_queued(session: AsyncSession) -> int:
    """Count the runs that wait."""
    query = select(func.count()).where(TrainingRun.status == "queued")
    return (await session.execute(query)).scalar_one()


async def count_by_status(session: AsyncSession) -> dict[str, int]:
    """Count all runs by status."""
    query = select(TrainingRun.status, func.count()).group_by(TrainingRun.status)
    return {row[0]: row[1] for row in await session.execute(query)}


async def lock_queue(session: AsyncSession) -> None:
    """Let one transaction at a time look at the queue and act on what it saw."""
    await session.execute(select(func.pg_advisory_xact_lock(0x517565)))


async def run(session: AsyncSession, run_id: int) -> AnyRow | None:
    """Read one run."""
    query = _runs().where(TrainingRun.id == run_id)
    return (await session.execute(query)).one_or_none()


async def page(
    session: AsyncSession, *, limit: int, before: int | None
) -> Sequence[AnyRow]:
    """Read runs, newest first."""
    query = _runs()
    if before is not None:
        query = query.where(TrainingRun.id < before)
    return (
        await session.execute(query.order_by(TrainingRun.id.desc()).limit(limit))
    ).all()


async def sweeps(session: AsyncSession, run_id: int) -> Sequence[TrainingSweep]:
    """Read a run's sweeps, those of a head in their order."""
    query = select(TrainingSweep).where(TrainingSweep.run_id == run_id)
    query = query.order_by(TrainingSweep.fit, TrainingSweep.head, TrainingSweep.sweep)
    return (await session.scalars(query)).all()


async def sweeps_after(
    session: AsyncSession, run_id: int, sweep_id: int
) -> Sequence[TrainingSweep]:
    """Read the sweeps recorded after another one, in the order of time."""
    query = select(TrainingSweep).where(
        TrainingSweep.run_id == run_id, TrainingSweep.id > sweep_id
    )
    return (await session.scalars(query.order_by(TrainingSweep.id))).all()


async def parameters(session: AsyncSession, run_id: int) -> dict[str, Any]:
    """Read the parameters of a run."""
    run = await session.get_one(TrainingRun, run_id)
    return run.parameters


async def cancel_run(session: AsyncSession, run_id: int) -> bool:
    """End a run that has not ended; its worker learns of it at the next sweep."""
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status.in_(("queued", "running")))
        .values(status="cancelled", stage=None, finished_at=func.now())
        .returning(TrainingRun.id)
    )
    return (await session.execute(statement)).first() is not None


async def advance(session: AsyncSession, run_id: int, *, progress: float) -> bool:
    """Record the share of work done; false if the run belongs to another worker."""
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(heartbeat_at=func.now(), progress=progress)
        .returning(TrainingRun.id)
    )
    return (await session.execute(statement)).first() is not None


async def set_metrics(
    session: AsyncSession, run_id: int, metrics: Sequence[Any]
) -> None:
    """Record what a run has measured so far."""
    await session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(metrics=metrics)
    )


async def n_changes(session: AsyncSession) -> int:
    """Count all ratings added, changed and removed so far."""
    query = select(func.coalesce(func.sum(MovieStatistics.n_changes), 0))
    return int((await session.execute(query)).scalar_one())


async def last_run(session: AsyncSession) -> tuple[str, timedelta] | None:
    """Read the status of the latest run and the time since it was requested."""
    age = type_coerce(func.now() - TrainingRun.requested_at, Interval)
    query = select(TrainingRun.status, age)
    row = (
        await session.execute(query.order_by(TrainingRun.id.desc()).limit(1))
    ).first()
    return (row[0], row[1]) if row is not None else None


async def claim_run(session: AsyncSession) -> int | None:
    """Mark the oldest waiting run as running, unless one is running already.

    Workers woken together look one after the other: two that claimed different runs
    at once would meet in the index that allows one, as an error.
    """
    await lock_queue(session)
    running = select(TrainingRun.id).where(TrainingRun.status == "running").exists()
    waiting = (
        select(TrainingRun.id)
        .where(TrainingRun.status == "queued", ~running)
        .order_by(TrainingRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == waiting)
        .values(status="running", started_at=func.now(), heartbeat_at=func.now())
        .returning(TrainingRun.id)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def beat(session: AsyncSession, run_id: int, *, stage: str) -> bool:
    """Record a heartbeat; false if the run no longer belongs to this worker."""
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(heartbeat_at=func.now(), stage=stage)
        .returning(TrainingRun.id)
    )
    return (await session.execute(statement)).first() is not None


async def fail_lost_runs(session: AsyncSession, *, silence: timedelta) -> list[int]:
    """Fail the running runs whose worker has been silent for that long."""
    statement = (
        update(TrainingRun)
        .where(
            TrainingRun.status == "running",
            TrainingRun.heartbeat_at < func.now() - silence,
        )
        .values(status="failed", error="worker lost", finished_at=func.now())
        .returning(TrainingRun.id)
    )
    return list(await session.scalars(statement))


async def fail_run(session: AsyncSession, run_id: int, *, error: str) -> None:
    """Record why a run ended without a model."""
    await session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(status="failed", error=error, finished_at=func.now())
    )


async def requeue_run(session: AsyncSession, run_id: int) -> None:
    """Put a running run back into the queue, without the sweeps it had done."""
    anew: dict[str, Any] = {
        "status": "queued",
        "stage": None,
        "progress": 0,
        "metrics": [],
    }
    returned = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(started_at=None, heartbeat_at=None, **anew)
        .returning(TrainingRun.id)
    )
    if (await session.execute(returned)).first() is not None:
        done = TrainingSweep.run_id == run_id
        await session.execute(delete(TrainingSweep).where(done))


async def add_sweep(session: AsyncSession, run_id: int, values: dict[str, Any]) -> None:
    """Record one sweep."""
    await session.execute(insert(TrainingSweep).values(run_id=run_id, **values))


async def publish(
    session: AsyncSession,
    run_id: int,
    *,
    folder: str,
    manifest: dict[str, Any],
    source: str | None = None,
    refusal: str | None = None,
) -> bool:
    """End a run with its model; false if it belongs to another worker.

    The model is activated too, unless there is a reason to refuse that.
    """
    ended = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(status="succeeded", stage=None, progress=1, finished_at=func.now())
        .returning(TrainingRun.id)
    )
    if (await session.execute(ended)).first() is None:
        return False
    values = {"run_id": run_id, "folder": folder, "manifest": manifest}
    added = insert(Model).values(source=source, refusal=refusal, **values)
    model_id = (await session.execute(added.returning(Model.id))).scalar_one()
    if refusal is None:
        await make_active(session, model_id)
    return True


async def active_model(session: AsyncSession) -> Model | None:
    """Read the row of the active model."""
    return (await session.scalars(select(Model).where(Model.is_active))).one_or_none()


async def newest_trained(session: AsyncSession) -> Model | None:
    """Read the newest model that was trained here, live or not."""
    query = select(Model).where(Model.kind == "trained")
    query = query.order_by(Model.id.desc()).limit(1)
    return (await session.scalars(query)).one_or_none()


async def has_movies(session: AsyncSession) -> bool:
    """Whether any data set has been loaded."""
    return (await session.execute(select(Movie.id).limit(1))).first() is not None
