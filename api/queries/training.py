"""SQL of training runs, their sweeps and the models they publish."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psycopg
from scipy import sparse
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from api.database import AnyRow, AnySelect
from api.tables import Model, Movie, TrainingRun, TrainingSweep
from engine.features import one_hot
from engine.movielens import words_of
from engine.ratings import Ratings


def _runs() -> AnySelect:
    return select(*TrainingRun.__table__.columns, Model.id.label("model_id")).outerjoin(
        Model, Model.run_id == TrainingRun.id
    )


async def add_run(session: AsyncSession) -> int:
    """Queue a run and wake the worker at commit."""
    statement = insert(TrainingRun).returning(TrainingRun.id)
    run_id = (await session.execute(statement)).scalar_one()
    await session.execute(text("NOTIFY training_queued"))
    return run_id


async def count_queued(session: AsyncSession) -> int:
    """Count the runs that wait."""
    query = select(func.count()).where(TrainingRun.status == "queued")
    return (await session.execute(query)).scalar_one()


async def lock_queue(session: AsyncSession) -> None:
    """Let one transaction at a time look at the queue's length and add to it."""
    await session.execute(select(func.pg_advisory_xact_lock(0x517565)))


async def run(session: AsyncSession, run_id: int) -> AnyRow | None:
    """Read one run."""
    query = _runs().where(TrainingRun.id == run_id)
    return (await session.execute(query)).one_or_none()


async def latest_runs(session: AsyncSession, *, limit: int) -> Sequence[AnyRow]:
    """Read the latest runs, newest first."""
    query = _runs().order_by(TrainingRun.id.desc()).limit(limit)
    return (await session.execute(query)).all()


async def sweeps(session: AsyncSession, run_id: int) -> Sequence[TrainingSweep]:
    """Read a run's sweeps: rating head first, as they are trained."""
    query = select(TrainingSweep).where(TrainingSweep.run_id == run_id)
    query = query.order_by(TrainingSweep.head, TrainingSweep.sweep)
    return (await session.scalars(query)).all()


async def claim_run(session: AsyncSession) -> int | None:
    """Mark the oldest waiting run as running, unless one is running already."""
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
    """Say that the worker lives; false if the run is no longer its own."""
    statement = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(heartbeat_at=func.now(), stage=stage)
        .returning(TrainingRun.id)
    )
    return (await session.execute(statement)).first() is not None


async def fail_lost_runs(session: AsyncSession, *, silence: timedelta) -> list[int]:
    """Fail the running runs whose worker has been silent for so long."""
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
    """Put a run back into the queue, without the sweeps it had done."""
    await session.execute(delete(TrainingSweep).where(TrainingSweep.run_id == run_id))
    await session.execute(
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(status="queued", stage=None, started_at=None, heartbeat_at=None)
    )


async def add_sweep(session: AsyncSession, run_id: int, values: dict[str, Any]) -> None:
    """Record one sweep."""
    await session.execute(insert(TrainingSweep).values(run_id=run_id, **values))


async def publish(
    session: AsyncSession, run_id: int, *, folder: str, manifest: dict[str, Any]
) -> bool:
    """End a run with its model and activate it; false if the run is no longer ours."""
    ended = (
        update(TrainingRun)
        .where(TrainingRun.id == run_id, TrainingRun.status == "running")
        .values(status="succeeded", stage=None, finished_at=func.now())
        .returning(TrainingRun.id)
    )
    if (await session.execute(ended)).first() is None:
        return False
    await session.execute(update(Model).where(Model.is_active).values(is_active=False))
    values = {"run_id": run_id, "folder": folder, "manifest": manifest}
    await session.execute(insert(Model).values(is_active=True, **values))
    await session.execute(text("NOTIFY model_activated"))
    return True


async def active_model(session: AsyncSession) -> Model | None:
    """Read the row of the active model."""
    return (await session.scalars(select(Model).where(Model.is_active))).one_or_none()


async def model_folders(session: AsyncSession) -> set[str]:
    """List the folders of all published models."""
    return set(await session.scalars(select(Model.folder)))


async def has_movies(session: AsyncSession) -> bool:
    """Whether any data set has been loaded."""
    return (await session.execute(select(Movie.id).limit(1))).first() is not None


async def last_sweep(session: AsyncSession, run_id: int) -> TrainingSweep | None:
    """Read the sweep a run has come to."""
    query = (
        select(TrainingSweep)
        .where(TrainingSweep.run_id == run_id)
        .order_by(TrainingSweep.head.desc(), TrainingSweep.sweep.desc())
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


# Binary COPY of two integers and a real: the number of fields, then each field's
# length and value, all big-endian; nothing is nullable, so every row has this shape.
COPIED_RATING = np.dtype(
    [
        ("n_fields", ">i2"),
        ("user_length", ">i4"), ("user_id", ">i4"),
        ("movie_length", ">i4"), ("movie_id", ">i4"),
        ("value_length", ">i4"), ("value", ">f4"),
    ]
)  # fmt: skip
COPY_HEADER_BYTES = 19
COPY_TRAILER_BYTES = 2


def read_ratings(url: str) -> Ratings:
    """Read all ratings and the whole catalogue as of one moment.

    Raises `DataError` when there is no rating at all.
    """
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        cursor = connection.cursor()
        cursor.execute("SET LOCAL statement_timeout = 0")
        items = np.array(cursor.execute("SELECT id FROM movies").fetchall(), dtype=int)
        copied = bytearray()
        query = "SELECT user_id, movie_id, value FROM ratings"
        statement = f"COPY ({query}) TO STDOUT (FORMAT binary)"
        with cursor.copy(statement) as copy:
            for block in copy:
                copied += block
    rows = np.frombuffer(
        memoryview(copied)[COPY_HEADER_BYTES:-COPY_TRAILER_BYTES], dtype=COPIED_RATING
    )
    return Ratings.from_arrays(
        rows["user_id"].astype(np.int32),
        rows["movie_id"].astype(np.int32),
        rows["value"].astype(np.float32),
        items=items.ravel(),
    )


def read_item_features(url: str, ratings: Ratings) -> sparse.csr_array:
    """Read genres and half decade of each item, in the order of ``ratings.item_ids``.

    Movies change so seldom that they need not be of the same moment as the ratings.
    """
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        rows = connection.execute("SELECT id, genres, year FROM movies").fetchall()
    words = {movie_id: words_of(genres, year) for movie_id, genres, year in rows}
    return one_hot([words.get(item_id, []) for item_id in ratings.item_ids.tolist()])
