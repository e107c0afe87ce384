"""The training process: claim a run, read the ratings, fit, publish.

Training runs in a thread; the kernels release the interpreter lock, so the event loop
keeps sending the heartbeat that tells a busy worker from a dead one.
"""

import asyncio
import logging
import shutil
import signal
import threading
from dataclasses import asdict
from functools import partial
from pathlib import Path
from uuid import uuid4

import numpy as np
from psycopg import AsyncConnection, Error
from sqlalchemy.exc import SQLAlchemyError

from api.database import create_engine, create_session_factory
from api.fault_points import fault_point
from api.queries import training as queries
from api.services.training import fail_lost_runs
from api.settings import Settings
from engine import als
from engine.artifacts import Json, Manifest, save_model
from engine.errors import EngineError

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
POLL_SECONDS = 5.0
SEED = 0


class Stopped(Exception):  # noqa: N818 - not an error
    """The worker was asked to stop, or the run is no longer its own."""


class Worker:
    """Trains one run at a time until asked to stop."""

    def __init__(self, settings: Settings, database_url: str) -> None:
        self.models_dir = settings.models_dir
        self.url = database_url
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
        conninfo = self.url.replace("+psycopg", "", 1)
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
            run_id = await queries.claim_run(session)
            await session.commit()
        if run_id is None:
            return False
        fault_point("claimed")
        logger.info("training run %d claimed", run_id)
        self.abandoned.clear()
        beating = asyncio.create_task(self._beat(run_id))
        try:
            await self._train(run_id)
        except Exception as error:  # noqa: BLE001 - the loop outlives any run
            await self._end(run_id, error)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return True

    async def _train(self, run_id: int) -> None:
        self.stage = "reading ratings"
        await self._remove_orphans()
        ratings = await asyncio.to_thread(queries.read_ratings, self.url)
        read_features = partial(queries.read_item_features, self.url, ratings)
        features = await asyncio.to_thread(read_features)
        fault_point("data read")
        self.stage = "training"
        loop = asyncio.get_running_loop()

        def on_sweep(sweep: als.Sweep) -> None:
            if self.stopping.is_set() or self.abandoned.is_set():
                raise Stopped
            recorded = self._record(run_id, sweep)
            asyncio.run_coroutine_threadsafe(recorded, loop).result()
            fault_point(f"{sweep.head} sweep {sweep.sweep}")

        rng = np.random.default_rng(SEED)
        fit = partial(
            als.fit, ratings, item_features=features, on_sweep=on_sweep, rng=rng
        )
        model = await asyncio.to_thread(fit)
        self.stage = "publishing"
        folder = self.models_dir / f"{run_id}-{uuid4().hex[:8]}"
        details: dict[str, Json] = {"run_id": run_id, "seed": SEED}
        save = partial(save_model, model, folder, details=details)
        manifest = await asyncio.to_thread(save)
        fault_point("before publish")
        await self._publish(run_id, folder, manifest)
        fault_point("after publish")

    async def _publish(self, run_id: int, folder: Path, manifest: Manifest) -> None:
        async with self.sessions() as session:
            is_published = await queries.publish(
                session, run_id, folder=folder.name, manifest=asdict(manifest)
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

    async def _record(self, run_id: int, sweep: als.Sweep) -> None:
        async with self.sessions() as session:
            await queries.add_sweep(session, run_id, asdict(sweep))
            await session.commit()

    async def _end(self, run_id: int, error: Exception) -> None:
        """End a run that has no model: back to the queue if we stop, else failed."""
        async with self.sessions() as session:
            if isinstance(error, Stopped):
                await queries.requeue_run(session, run_id)
            else:
                logger.error("training run %d failed", run_id, exc_info=error)
                await queries.fail_run(session, run_id, error=describe(error))
            await session.commit()

    async def _remove_orphans(self) -> None:
        """Delete what a killed worker left; only the claimant of a run writes here."""
        async with self.sessions() as session:
            published = await queries.model_folders(session)
        for path in self.models_dir.iterdir():
            if path.name not in published:
                await asyncio.to_thread(shutil.rmtree, path)


def describe(error: Exception) -> str:
    """Say why a run failed in words for its record."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError):
        return f"storage: {error.strerror}"
    return "internal error; the worker's log has the details"
