"""The two clients: every operation, sent by one transport or the other."""

import asyncio
import math
import time

from api.clients.cinefold.administration import AdministratorOperations
from api.clients.cinefold.operations import Operations
from api.clients.cinefold.transports import AsyncTransport, SyncTransport
from api.schemas.training import TrainingRunDetail

POLL_SECONDS = 1.0


class Cinefold(SyncTransport, Operations, AdministratorOperations):
    """A client that waits for each reply.

    ::

        with Cinefold("http://localhost:8000", api_key) as client:
            client.rate(7, 1, 4.5)
            for rating in client.ratings(7):
                print(rating.movie.title, rating.value)
    """

    def wait_for_training(
        self, run_id: int, *, timeout_seconds: float = math.inf
    ) -> TrainingRunDetail:
        """Wait until a training run has ended, however it ended."""
        deadline = time.monotonic() + timeout_seconds
        while not has_ended(run := self.training_run(run_id)):
            require_time(run, deadline)
            time.sleep(POLL_SECONDS)
        return run


class AsyncCinefold(AsyncTransport, Operations, AdministratorOperations):
    """A client whose replies are awaited; lists are iterated by ``async for``."""

    async def wait_for_training(
        self, run_id: int, *, timeout_seconds: float = math.inf
    ) -> TrainingRunDetail:
        """Wait until a training run has ended, however it ended."""
        deadline = time.monotonic() + timeout_seconds
        while not has_ended(run := await self.training_run(run_id)):
            require_time(run, deadline)
            await asyncio.sleep(POLL_SECONDS)
        return run


def has_ended(run: TrainingRunDetail) -> bool:
    """Tell whether a run will not change any more."""
    return run.status not in {"queued", "running"}


def require_time(run: TrainingRunDetail, deadline: float) -> None:
    """Raise `TimeoutError` if the next look would come too late."""
    if time.monotonic() + POLL_SECONDS > deadline:
        raise TimeoutError(f"training run {run.id} is still {run.status}")
