"""The training process: claim a run, read the ratings, train, check, publish.

Training runs in a thread; the kernels release the interpreter lock, so the event loop
keeps sending the heartbeat that tells a busy worker from a dead one.
"""

import asyncio
import logging
import os
import shutil
import signal
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import sklearn.preprocessing  # noqa: F401 - loads for a second: now, not in a job
from psycopg import AsyncConnection, Error
from sqlalchemy.exc import SQLAlchemyError

from api.fault_points import fault_point
from api.queries import diagnostics as expectation_queries
from api.queries import models as model_queries
from api.queries import training as queries
from api.queries.snapshot import read_snapshot
from api.services.diagnostics import failures
from api.services.insights import refresh_summary
from api.services.training import fail_lost_runs, request_due_run
from api.settings import Settings, libpq_url
from api.storage.database import create_engine, create_session_factory
from api.telemetry.tracing import tracing
from engine.errors import EngineError
from engine.jobs.job import Job
from engine.jobs.run import Fit, Result, Trainer, training_source
from engine.model.files import Json, Manifest, save_model
from engine.training.sweeps import Sweep

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
POLL_SECONDS = 5.0


class Stopped(Exception):  # noqa: N818 - not an error
    """The worker was asked to stop, or the run is no longer its own."""


class Worker:
    """Trains one run at a time until asked to stop."""

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.settings = settings
        self.models_dir = settings.models_dir
        self.url = database_url
        self.source = training_source()  # now: the files may change while it runs
        self.engine = create_engine(settings, database_url)
        self.sessions = create_session_factory(self.engine)
        self.wake = asyncio.Event()
        self.stopping = threading.Event()
        self.abandoned = threading.Event()
        self.stage = ""

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self.stop)
        self.models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        tracing.start(os.environ)
        listening = asyncio.create_task(self._listen())
        while not self.stopping.is_set():
            self.wake.clear()
            try:
                worked = await self._work()
            except SQLAlchemyError as error:
                logger.warning("database unavailable: %s", type(error).__name__)
                worked = False
            if not worked and not self.stopping.is_set():
                await self._rest()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await self.engine.dispose()
        tracing.stop()

    def stop(self) -> None:
        """End after the sweep at hand; its run goes back to the queue."""
        self.stopping.set()
        self.wake.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self.wake.wait()
        except TimeoutError:
            pass

    async def _listen(self) -> None:
        """Wake at notifications; the poll covers the time without a connection."""
        conninfo = libpq_url(self.url)
        while True:
            try:
                connection = await AsyncConnection.connect(conninfo, autocommit=True)
                async with connection:
                    await connection.execute("LISTEN training_queued")
                    async for _ in connection.notifies():
                        self.wake.set()
            except (Error, OSError) as error:
                logger.warning("no notifications: %s", type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)

    async def _work(self) -> bool:
        """Do one run, if one waits."""
        async with self.sessions() as session:
            await fail_lost_runs(session)
            await request_due_run(session, self.settings)
            claimed = await queries.claim_run(session)
            await session.commit()
            if claimed is None:
                await refresh_summary(session)
                return False
        fault_point("claimed")
        logger.info("training run %d claimed", claimed)
        self.abandoned.clear()
        beating = asyncio.create_task(self._beat(claimed))
        try:
            with tracing.span("training run"):
                await self._train(claimed)
        except Exception as error:  # noqa: BLE001 - the loop outlives any run
            await self._end(claimed, error)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return True

    async def _train(self, run_id: int) -> None:
        self.stage = "reading ratings"
        await self._remove_orphans()
        async with self.sessions() as session:
            job = Job.of(await queries.parameters(session, run_id))
        vote_weight = self.settings.vote_weight if job.takes_votes else 0
        read = partial(read_snapshot, self.url, vote_weight=vote_weight)
        with tracing.span("read ratings"):
            data = await asyncio.to_thread(read)
        fault_point("data read")
        observer = RunObserver(self, run_id, asyncio.get_running_loop())
        trainer = Trainer(
            data.ratings,
            data.genres,
            data.item_features,
            votes=data.votes,
            job=job,
            observer=observer,
        )
        with tracing.span("train"):
            result = await asyncio.to_thread(trainer.run)
        self.stage = "publishing"
        details: dict[str, Json] = {
            "run_id": run_id,
            "source": self.source[0],
            "data": {
                "cutoff": data.cutoff.isoformat(),
                "n_changes": data.n_changes,
                "n_votes": data.votes.n_ratings if data.votes else 0,
                "vote_weight": vote_weight,
            },
            **result.details,
        }
        folder = self.models_dir / f"{run_id}-{uuid4().hex[:8]}"
        async with self.sessions() as session:
            await model_queries.announce_folder(session, folder.name)
            await session.commit()
        save = partial(save_model, result.model, folder, details=details)
        with tracing.span("publish"):
            manifest = await asyncio.to_thread(save)
            fault_point("before publish")
            refusal = await self._refusal(job, result)
            await self._publish(run_id, folder, manifest, refusal)
        fault_point("after publish")
        if job.is_evaluated_later(data.ratings.n_ratings):
            trainer.observer = Quiet(self)
            with tracing.span("measure"):
                evaluation = await asyncio.to_thread(trainer.evaluate)
            async with self.sessions() as session:
                await model_queries.add_evaluation(session, run_id, evaluation)
                await session.commit()

    async def _refusal(self, job: Job, result: Result) -> str | None:
        """Say why the model must not be activated, if so."""
        if not job.activate:
            return "the request was to publish it without activating it"
        async with self.sessions() as session:
            expectations = await expectation_queries.expectations(session)
        failed = await asyncio.to_thread(failures, result.model, expectations)
        return f"fails expectations: {', '.join(failed)}" if failed else None

    async def _publish(
        self, run_id: int, folder: Path, manifest: Manifest, refusal: str | None
    ) -> None:
        async with self.sessions() as session:
            await model_queries.keep_source(session, *self.source)
            is_published = await queries.publish(
                session,
                run_id,
                folder=folder.name,
                manifest=asdict(manifest),
                source=self.source[0],
                refusal=refusal,
            )
            await session.commit()
        if not is_published:
            await asyncio.to_thread(shutil.rmtree, folder)
            raise Stopped
        logger.info("training run %d published %s", run_id, folder.name)

    async def _beat(self, run_id: int) -> None:
        """Say that this worker lives; learn when the run was taken from it."""
        while True:
            try:
                async with self.sessions() as session:
                    is_ours = await queries.beat(session, run_id, stage=self.stage)
                    await session.commit()
                if not is_ours:
                    self.abandoned.set()
            except SQLAlchemyError as error:
                logger.warning("heartbeat not sent: %s", type(error).__name__)
            await asyncio.sleep(BEAT_SECONDS)

    async def record_sweep(
        self, run_id: int, fit: Fit, sweep: Sweep, progress: float
    ) -> None:
        """Store a sweep, except of biases; learn when the run was cancelled."""
        async with self.sessions() as session:
            is_ours = await queries.advance(session, run_id, progress=progress)
            if sweep.head != "biases":
                await queries.add_sweep(session, run_id, columns_of(fit, sweep))
            await session.commit()
        if not is_ours:
            self.abandoned.set()

    async def record_metrics(self, run_id: int, metrics: list[Json]) -> None:
        """Store what has been measured so far."""
        async with self.sessions() as session:
            await queries.set_metrics(session, run_id, metrics)
            await session.commit()

    def check(self) -> None:
        """Raise `Stopped` where the run must not go on."""
        if self.stopping.is_set() or self.abandoned.is_set():
            raise Stopped

    async def _end(self, run_id: int, error: Exception) -> None:
        """End a run that has no model: back to the queue if we stop, else failed.

        One that was cancelled, or given up as lost, has ended already.
        """
        async with self.sessions() as session:
            if not isinstance(error, Stopped):
                logger.error("training run %d failed", run_id, exc_info=error)
                await queries.fail_run(session, run_id, error=describe(error))
            elif self.stopping.is_set():
                await queries.requeue_run(session, run_id)
            await session.commit()

    async def _remove_orphans(self) -> None:
        """Delete what a killed worker of this database left, and nothing else.

        Another database's models may lie here too, and files of anybody.
        """
        async with self.sessions() as session:
            await model_queries.lock_folders(session)
            for name in await model_queries.abandoned_folders(session):
                for path in (
                    self.models_dir / name,
                    *self.models_dir.glob(f".{name}.*"),
                ):
                    if path.is_dir() and not path.is_symlink():
                        await asyncio.to_thread(shutil.rmtree, path)
                await model_queries.forget_folder(session, name)
            await session.commit()


class RunObserver:
    """Carries news of a job from its thread to the worker's event loop."""

    def __init__(
        self, worker: Worker, run_id: int, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.worker = worker
        self.run_id = run_id
        self.loop = loop

    def stage(self, name: str) -> None:
        """Show the stage with the next heartbeat."""
        self.worker.check()
        self.worker.stage = name

    def sweep(self, fit: Fit, sweep: Sweep, progress: float) -> None:
        """Store a sweep before the next one begins."""
        self.worker.check()
        recorded = self.worker.record_sweep(self.run_id, fit, sweep, progress)
        asyncio.run_coroutine_threadsafe(recorded, self.loop).result()
        self.worker.check()
        fault_point(f"{sweep.head} sweep {sweep.sweep}")

    def measured(self, metrics: list[Json]) -> None:
        """Store the figures so far."""
        self.worker.check()
        recorded = self.worker.record_metrics(self.run_id, metrics)
        asyncio.run_coroutine_threadsafe(recorded, self.loop).result()


class Quiet:
    """Tells nobody of a job whose run has ended; it stops with the worker alone."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def stage(self, _name: str) -> None:
        """Stop between two methods."""
        if self.worker.stopping.is_set():
            raise Stopped

    def sweep(self, _fit: Fit, _sweep: Sweep, _progress: float) -> None:
        """Stop between two sweeps."""
        self.stage("")

    def measured(self, _metrics: list[Json]) -> None:
        """Wait for all of it."""


def columns_of(fit: Fit, sweep: Sweep) -> dict[str, Any]:
    """Name a sweep's values as the table and the API do."""
    values = asdict(sweep)
    values["rmse"], values["loss"] = values.pop("train_rmse"), values.pop("train_loss")
    return {"fit": fit, **values}


def describe(error: Exception) -> str:
    """Say why a run failed in words for its record."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError):
        return f"storage: {error.strerror}"
    return "internal error; the worker's log has the details"
